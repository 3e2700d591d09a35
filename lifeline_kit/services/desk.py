"""What people do at the warning desk: acts, re-check by data, split, verdicts; a function each.

The page and the command line call these; both therefore refuse the same things in the same words.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lifeline_kit.early_warning.duty import Duty
from lifeline_kit.early_warning.issue import back_to_normal
from lifeline_kit.errors import LedgerError
from lifeline_kit.io.examinations import derived_folder
from lifeline_kit.io.ledger import COPY, FILE, Draft, Ledger, restore
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.model.ledger import Event, Item, item_id

_BY_DATA = {  # nobody may say these by hand
    "warning": ("recheck", "issue", "data", "remind"),
    "alarm": ("raise", "again", "clear"),
}


def ledger_place(city: City) -> Path:
    """Return where the ledger of a city lies.

    Its own `ledger.sqlite`; or, where it has none and comes with a copy (the demo city does), one
    made from the copy in the city's derived folder, so that playing changes nothing that was
    shipped.

    Raises
    ------
    CityError
        Where the city was never saved.
    LedgerError
        Where the copy is damaged.
    """
    derived = derived_folder(city)
    assert city.path is not None
    own, copy = city.path / FILE, city.path / COPY
    if own.exists() or not copy.exists():
        return own
    place = derived / FILE
    if not place.exists():
        partial = derived / f"{FILE}.{os.getpid()}.partial"
        restore(copy, partial)
        partial.replace(place)
    return place


def done(
    ledger: Ledger,
    item: str,
    act: str,
    *,
    actor: str,
    now: np.datetime64,
    body: Mapping[str, Any] | None = None,
    version: int | None = None,
    entity: str = "warning",
) -> Event:
    """Do an act to a warning, a hazard, a task …; closing a warning also gives its verdict.

    Parameters
    ----------
    ledger : Ledger
    item, act, actor : str
    now : datetime64
        UTC.
    body : mapping, optional
        What the act needs, see `model.ledger.MACHINES`.
    version : int, optional
        Version of the item that the actor looked at.
    entity : str
        One of `model.ledger.MACHINES`; a new hazard, incident or task begins with its first act.

    Raises
    ------
    LedgerError, ConflictError
    """
    if act in _BY_DATA.get(entity, ()):
        raise LedgerError(
            f"{act!r} is decided by data, not by hand; use lifeline ledger recheck."
            if act == "recheck"
            else f"{act!r} is done by the watch, not by hand."
        )
    said = dict(body or {})
    drafts = [Draft(entity=entity, item=item, act=act, actor=actor, body=said, version=version)]
    if entity == "warning" and act == "close" and said.get("verdict"):
        held = ledger.item("warning", item)
        drafts.append(verdict_draft(held, item, str(said["verdict"]), actor=actor))
    return ledger.append(drafts, now=now)[0]


def verdict_draft(held: Item | None, of: str, verdict: str, *, actor: str) -> Draft:
    """Make the verdict on a warning, with the rules and methods it speaks about."""
    body = {} if held is None else held.body
    said = {name: body.get(name, []) for name in ("rules", "methods")}
    return Draft(
        entity="verdict",
        item=item_id(f"verdict:{of}"),
        act="give",
        actor=actor,
        body={"of": of, "verdict": verdict, "lifeline": body.get("lifeline", "")} | said,
    )


def rechecked(
    ledger: Ledger,
    item: str,
    examination: Examination | None,
    duty: Duty,
    *,
    actor: str,
    now: np.datetime64,
) -> Event:
    """Let the data decide whether a warning may be released.

    Raises
    ------
    LedgerError
        Where there is no examination, or the data are not back within limits for long enough:
        says which and since when. Nothing is written then.
    """
    held = ledger.item("warning", item)
    if held is None:
        raise LedgerError(f"there is no warning {item}; expected the id of one in the ledger.")
    if examination is None:
        raise LedgerError("the city has no stored examination; make one, then re-check.")
    good, why = back_to_normal(
        dict(held.body),
        held.level,
        examination.findings,
        examination.health,
        duty,
        at=examination.at.to_datetime64(),
    )
    if not good:
        raise LedgerError(f"warning {item} may not be released: {why.en} / {why.zh}.")
    body = {"basis": why.en, "basis_zh": why.zh, "examination": examination.version}
    draft = Draft(entity="warning", item=item, act="recheck", actor=actor, body=body)
    return ledger.append([draft], now=now)[0]


def split(
    ledger: Ledger, item: str, parts: Sequence[Mapping[str, Any]], *, actor: str, now: np.datetime64
) -> list[Event]:
    """Split a warning: each part becomes one of its own, the whole stays with what is left.

    Parameters
    ----------
    ledger : Ledger
    item : str
    parts : sequence of mapping
        What differs in each, such as `unit`, `level`, `title_zh`, `findings`.
    actor : str
    now : datetime64
        UTC.

    Raises
    ------
    LedgerError
        Where there is no such open warning, or no part.
    """
    held = ledger.item("warning", item)
    if held is None or not parts:
        raise LedgerError(f"splitting needs an open warning and its parts; got {item!r}.")
    names = [item_id(f"{item}/{held.version}-{k}") for k in range(1, len(parts) + 1)]
    keep = {name: held.body[name] for name in held.body if name not in ("parts", "due", "by")}
    drafts = [
        Draft(
            entity="warning", item=item, act="split", actor=actor, body={"parts": names},
            version=held.version,
        )
    ]  # fmt: skip
    drafts += [
        Draft(
            entity="warning", item=name, act="issue", actor=actor,
            body=keep | {"level": held.level} | dict(part) | {"split_from": item},
        )
        for name, part in zip(names, parts, strict=True)
    ]  # fmt: skip
    return ledger.append(drafts, now=now)
