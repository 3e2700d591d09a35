"""A centre's own rules beside the shipped ones: other limits for some assets, new rules, shelving.

They stand in `rules.toml` of the city folder::

    version = "2026-10"

    [[override]]                 # other limits or delays of a shipped rule, for some assets
    rule = "gas.methane"
    assets = ["G-U-000313"]
    levels = { IV = 1.0, III = 1.25, II = 2.5, I = 5.0 }
    source = "council decision 12/2026"
    verified = true

    [[rules]]                    # a rule of one's own, written as in lifelines/*.toml; its test is
    lifeline = "water"           # one of those of `model.lifeline.Rule`, with what that test asks
    key = "own.depot_pressure"   # for: `sum` a window_h, `persistence` also for_min, `neighbour`
    test = "persistence"         # reach_m and floor, `offline` levels = { IV = intervals }
    for_min = 30
    window_h = 2
    …

    [[shelve]]                   # no alarms of a rule at an asset for a while, at most 14 days
    rule = "gas.methane"
    asset = "G-U-000313"
    since = "2026-10-20T00:00"   # UTC
    until = "2026-10-25T00:00"
    reason = "probe is being swapped"
    by = "Li"
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from lifeline_kit.errors import LifelineError, RulesError
from lifeline_kit.methods.rules import SEVERITY
from lifeline_kit.model.ledger import LONGEST_SHELF
from lifeline_kit.model.lifeline import LEVELS, Lifeline, Rule, check_levels, rule_of
from lifeline_kit.text import Text

FILE = "rules.toml"
_KEYS = {
    "override": {
        "rule", "assets", "levels", "on_delay_min", "off_delay_min", "deadband", "source",
        "source_zh", "verified",
    },
    "shelve": {"rule", "asset", "since", "until", "reason", "by"},
}  # fmt: skip
_SHELVED = Text("；已搁置至 {until}（{by}：{reason}）", "; shelved until {until} ({by}: {reason})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """A rule that makes no alarms at an asset for a while."""

    rule: str
    asset: str
    since: pd.Timestamp
    until: pd.Timestamp
    reason: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRules:
    """What a centre's file says.

    Attributes
    ----------
    rules : mapping of lifeline to tuple of Rule
        All rules of the lifeline, the shipped ones where nothing else is said.
    version : str
        Stands behind that of each lifeline, wherever rules are listed.
    shelves : tuple of Shelf
    """

    rules: Mapping[str, tuple[Rule, ...]]
    version: str = ""
    shelves: tuple[Shelf, ...] = ()


def load_own_rules(path: Path, lifelines: Sequence[Lifeline], assets: pd.Index) -> OwnRules:
    """Read a centre's rules.

    Parameters
    ----------
    path : Path
    lifelines : sequence of Lifeline
    assets : Index
        Ids of the city.

    Raises
    ------
    RulesError
        Names the entry: an unknown rule, asset, quantity, unit or key, levels out of order, a
        shelf without reason or longer than 14 days.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RulesError(f"{path.name}: {error}; mend it or take it out of the city.") from None
    rules = {each.key: each.rules for each in lifelines}
    stray = [name for name in data if name not in ("version", "override", "rules", "shelve")]
    if stray:
        raise RulesError(
            f"{path.name}: {stray[0]!r} is not known; expected version, [[override]], [[rules]] "
            "and [[shelve]]."
        )
    shelves = []
    for section, build in (("rules", _added), ("override", _overridden), ("shelve", _shelf)):
        for number, entry in enumerate(data.get(section, ()), start=1):
            try:
                if section in _KEYS and (odd := set(entry) - _KEYS[section]):
                    raise ValueError(f"{sorted(odd)[0]!r} is no key of it")
                built = build(entry, rules, assets)
            except (KeyError, TypeError, ValueError, AttributeError, LifelineError) as error:
                raise RulesError(f"{path.name}: [[{section}]] {number}: {_said(error)}.") from None
            if isinstance(built, Shelf):
                shelves.append(built)
    return OwnRules(
        version=str(data.get("version", "")),
        rules=rules,
        shelves=tuple(shelves),
    )


def _said(error: Exception) -> str:
    text = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
    return text.rstrip(".")


def _known(key: str, rules: Mapping[str, tuple[Rule, ...]]) -> tuple[str, Rule]:
    for lifeline, own in rules.items():
        for rule in own:
            if rule.key == key and not rule.only:
                return lifeline, rule
    known = ", ".join(rule.key for own in rules.values() for rule in own if not rule.only)
    raise ValueError(f"rule {key!r} is not known; expected one of {known}")


def _check_assets(wanted: Sequence[str], assets: pd.Index) -> frozenset[str]:
    if not wanted or isinstance(wanted, str):
        raise ValueError("assets must be a list of ids")
    stray = [asset for asset in wanted if asset not in assets]
    if stray:
        raise ValueError(f"asset {stray[0]!r} is not in the city")
    return frozenset(wanted)


def _added(entry: dict, rules: dict[str, tuple[Rule, ...]], assets: pd.Index) -> None:
    entry = dict(entry)
    lifeline = entry.pop("lifeline")
    if lifeline not in rules:
        raise ValueError(f"lifeline {lifeline!r} is not known; expected {', '.join(rules)}")
    only = entry.pop("assets", None)
    rule = rule_of(entry)
    if any(rule.key == each.key for own in rules.values() for each in own):
        raise ValueError(f"rule {rule.key!r} is there already; change it under [[override]]")
    if only is not None:
        rule = replace(rule, only=_check_assets(only, assets))
    rules[lifeline] = (*rules[lifeline], rule)


def _overridden(entry: dict, rules: dict[str, tuple[Rule, ...]], assets: pd.Index) -> None:
    lifeline, shipped = _known(entry["rule"], rules)
    only = _check_assets(entry["assets"], assets)
    twice = [
        sorted(only & each.only)[0]
        for each in rules[lifeline]
        if each.key == shipped.key and only & each.only
    ]
    if twice:
        raise ValueError(f"asset {twice[0]!r} has its own limits of {shipped.key!r} already")
    changes: dict[str, Any] = {
        name: float(entry[name])
        for name in ("on_delay_min", "off_delay_min", "deadband")
        if name in entry
    }
    if "levels" in entry:
        changes["levels"] = _levels(entry["levels"], shipped)
    if not changes:
        raise ValueError("it changes nothing; expected levels, a delay or a deadband")
    changes |= {
        "source": entry["source"],
        "source_zh": entry.get("source_zh", entry["source"]),
        "verified": bool(entry.get("verified", False)),
    }
    changed = replace(shipped, only=only, **changes)
    rules[lifeline] = (
        *(replace(r, but=r.but | only) if r is shipped else r for r in rules[lifeline]),
        changed,
    )


def _levels(said: Mapping[str, float], shipped: Rule) -> dict[int, float]:
    odd = [name for name in said if name not in LEVELS]
    if odd or not said:
        raise ValueError(f"levels are {', '.join(LEVELS)}; got {', '.join(map(str, said))}")
    levels = {LEVELS[name]: float(limit) for name, limit in said.items()}
    check_levels(shipped, levels)
    return levels


def _shelf(entry: dict, rules: dict[str, tuple[Rule, ...]], assets: pd.Index) -> Shelf:
    _known(entry["rule"], rules)
    _check_assets([entry["asset"]], assets)
    since, until = (_moment(entry[name], name) for name in ("since", "until"))
    if not since < until <= since + LONGEST_SHELF:
        raise ValueError(
            f"it lasts from {entry['since']} to {entry['until']}; expected at most "
            f"{LONGEST_SHELF.astype(int)} days: shelve it anew, or change its limits"
        )
    if not str(entry["reason"]).strip() or not str(entry["by"]).strip():
        raise ValueError("reason and by must be said")
    return Shelf(
        rule=entry["rule"],
        asset=entry["asset"],
        since=since,
        until=until,
        reason=str(entry["reason"]),
        by=str(entry["by"]),
    )


def _moment(text: object, name: str) -> pd.Timestamp:
    moment = pd.to_datetime(str(text), errors="coerce", utc=True)
    if pd.isna(moment):
        raise ValueError(f"{name} is {text!r}; expected a moment in UTC")
    return moment.tz_localize(None)


def shelved(findings: pd.DataFrame, own: OwnRules, *, at: pd.Timestamp) -> pd.DataFrame:
    """Take the level off findings of shelved rules, and say so; they stay to be seen.

    Parameters
    ----------
    findings : DataFrame
    own : OwnRules
    at : Timestamp
        Moment of the examination.

    Returns
    -------
    DataFrame
        One that goes on when the shelf ends keeps its level: a shelf hides nothing for longer.
    """
    found = findings.copy()
    for shelf in own.shelves:
        here = (found["rule"] == shelf.rule) & (found["asset"] == shelf.asset)
        here &= (found["since"] >= shelf.since) & (found["since"] < shelf.until)
        here &= found["until"].fillna(at) <= shelf.until
        said = _SHELVED.format(
            until=f"{shelf.until:%Y-%m-%d %H:%M} UTC", by=shelf.by, reason=shelf.reason
        )
        found.loc[here, "level"] = 0
        found.loc[here, "severity"] = SEVERITY[0]
        found.loc[here, "evidence_zh"] += said.zh
        found.loc[here, "evidence_en"] += said.en
    return found


def with_rules(lifelines: Sequence[Lifeline], own: OwnRules) -> tuple[Lifeline, ...]:
    """Give each lifeline the rules of the centre."""
    more = f" + {own.version}" if own.version else ""
    return tuple(
        replace(each, rules=own.rules[each.key], version=f"{each.version}{more}")
        for each in lifelines
    )
