"""Who is told and when, read from `duty.toml` or a centre's own copy of it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lifeline_kit.errors import RulesError
from lifeline_kit.text import Text

LEVELS = ("I", "II", "III", "IV")
_LIMITS = ("response_min", "control_min", "close_h")
_SCHEMES = ("file", "mailto:", "https://", "http://", "mqtt:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Somebody who is told; `next` is whom to tell when he does not answer, or empty."""

    key: str
    title: Text
    to: str
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What counts as too many alarms at one desk; see `duty.toml` for units and sources."""

    window_min: float
    acceptable: int
    manageable: int
    flood_on: int
    flood_off: int
    chatter: int
    chatter_min: float
    stale_h: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """A centre's rules of duty.

    Attributes
    ----------
    version : str
    contacts : mapping of key to Contact
    units : mapping of lifeline to (Text, key of a contact)
    unreceived_min : tuple of float [min]
    response_min, control_min, close_h, quiet_h : mapping of level (1-4) to float
    desk : Desk
    sources : mapping of section to (Text, bool)
        Where its limits come from, and whether somebody has read it there.
    """

    version: str
    contacts: Mapping[str, Contact]
    units: Mapping[str, tuple[Text, str]]
    unreceived_min: tuple[float, ...]
    response_min: Mapping[int, float]
    control_min: Mapping[int, float]
    close_h: Mapping[int, float]
    quiet_h: Mapping[int, float]
    desk: Desk
    sources: Mapping[str, tuple[Text, bool]]

    def chain(self, contact: str) -> list[Contact]:
        """A contact and those who are told after him, in order."""
        found = []
        while contact:
            found.append(self.contacts[contact])
            contact = found[-1].next
        return found

    def first(self, lifeline: str) -> str:
        """Whom to tell first of a lifeline's warnings."""
        unit = self.units.get(lifeline)
        return unit[1] if unit is not None else next(iter(self.contacts))


def load_duty(path: Path | None = None) -> Duty:
    """Read rules of duty, by default those shipped.

    Raises
    ------
    RulesError
        Where the file is unreadable, something is missing, a contact or an address is unknown, or
        contacts tell one another in a circle.
    """
    file = path or Path(__file__).with_name("duty.toml")
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
        duty = _duty(data)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RulesError(f"{file.name}: {error}; compare with the shipped duty.toml.") from None
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise RulesError(
            f"{file.name}: {error} is missing or of the wrong type; compare with the shipped "
            "duty.toml."
        ) from None
    _check(duty, file.name)
    return duty


def _duty(data: Mapping[str, Any]) -> Duty:
    contacts = {
        key: Contact(
            key=key, title=Text(row["zh"], row["en"]), to=row["to"], next=row.get("next", "")
        )
        for key, row in data["contacts"].items()
    }
    units = {
        key: (Text(row["zh"], row["en"]), row["contact"]) for key, row in data["units"].items()
    }
    limits = {name: _by_level(data["limits"][name]) for name in _LIMITS}
    own = data["desk"]
    return Duty(
        version=str(data["version"]),
        contacts=contacts,
        units=units,
        unreceived_min=tuple(float(each) for each in data["unreceived"]["minutes"]),
        quiet_h=_by_level(data["recheck"]["quiet_h"]),
        desk=Desk(**{name: own[name] for name in Desk.__dataclass_fields__}),
        sources={
            name: (
                Text(str(row.get("source_zh", row["source"])), str(row["source"])),
                bool(row["verified"]),
            )
            for name, row in data.items()
            if isinstance(row, dict) and "source" in row
        },
        **limits,
    )


def _by_level(row: Mapping[str, float]) -> dict[int, float]:
    return {k + 1: float(row[name]) for k, name in enumerate(LEVELS)}


def _check(duty: Duty, file: str) -> None:
    for key, contact in duty.contacts.items():
        if contact.next and contact.next not in duty.contacts:
            raise RulesError(
                f"{file}: contact {key!r} passes on to {contact.next!r}, who is none; expected one "
                f"of {', '.join(duty.contacts)}."
            )
        if not contact.to.startswith(_SCHEMES):
            raise RulesError(
                f"{file}: contact {key!r} has the address {contact.to!r}; expected file, mailto:…, "
                "https://… or mqtt:topic."
            )
    for key in duty.contacts:
        told = [key]
        while duty.contacts[told[-1]].next:
            told.append(duty.contacts[told[-1]].next)
            if told[-1] in told[:-1]:
                raise RulesError(
                    f"{file}: contacts tell one another in a circle: {' > '.join(told)}; "
                    "let one of them have no next."
                )
    for lifeline, (_, contact) in duty.units.items():
        if contact not in duty.contacts:
            raise RulesError(
                f"{file}: unit of {lifeline!r} names contact {contact!r}; expected one of "
                f"{', '.join(duty.contacts)}."
            )
    steps = duty.unreceived_min
    if not steps or any(b <= a for a, b in zip((0.0, *steps), steps, strict=False)):
        raise RulesError(
            f"{file}: unreceived minutes are {list(steps)}; expected rising times above 0."
        )
