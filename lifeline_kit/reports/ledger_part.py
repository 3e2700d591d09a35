"""The chapters out of the ledger: handling of warnings, hazards, duties, audit trail.

Everything is as of the head of the snapshot, and "now" is the moment of the report: the same city,
ledger and head give the same chapters for ever.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lifeline_kit.early_warning.duty import Duty, load_duty
from lifeline_kit.early_warning.indicators import INDICATORS, indicators
from lifeline_kit.io.ledger import Snapshot
from lifeline_kit.model.ledger import ENTITIES, MACHINES
from lifeline_kit.model.lifeline import Lifeline
from lifeline_kit.reports.chapters import Chapter, Extract
from lifeline_kit.reports.ledger_rows import (
    MOST_GROUPS,
    Kept,
    duty_rows,
    hazard_level,
    kept_of,
    late_items,
    rule_precision_rows,
    traffic_rows,
    unit_rows,
)
from lifeline_kit.reports.rows import ROWS_PER_TABLE
from lifeline_kit.text import Lang

_ACTIONS = 3
_PIPES = ("gas", "water", "drainage", "heating")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazards:
    """Hazards of the period, by when and how grave.

    Attributes
    ----------
    total, carried, fresh, mended, open, late : int
        All that were open at any moment of the period; of them from before, registered in it,
        mended in it, open at its end, and past their deadline.
    levels : list of dict
        The same by level: `key`, `title` and the numbers.
    high_km, high_share : float
        Pipes at high risk [km], and their share of all pipes; NaN without lengths.
    """

    total: int
    carried: int
    fresh: int
    mended: int
    open: int
    late: int
    levels: list[dict]
    high_km: float
    high_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPart:
    """What a report says out of the ledger, in one language.

    Attributes
    ----------
    seq : int
        Number of the last event that counts; `hash` is its hash.
    problems : list of str
        Why the book cannot be trusted; empty where its chain is whole.
    acts : list of dict
        Of each sort of thing: `key`, `title`, `n`, and `acts` (`key`, `title`, `n`).
    n_alarms, n_warnings : int
        Alarms raised and warnings issued within the period, at these places.
    traffic, rates, units, rules, duties, actions : list of dict
    more_units, more_rules, more_duties : int
        Rows that the tables leave out.
    hazards : Hazards
    """

    seq: int
    hash: str
    problems: list[str]
    acts: list[dict]
    n_alarms: int
    n_warnings: int
    traffic: list[dict]
    rates: list[dict]
    units: list[dict]
    more_units: int
    rules: list[dict]
    more_rules: int
    hazards: Hazards
    duties: list[dict]
    more_duties: int
    actions: list[dict]


def ledger_part(
    part: Extract,
    chapters: Sequence[Chapter],
    lifelines: Sequence[Lifeline],
    duty: Duty | None = None,
) -> LedgerPart | None:
    """Gather the chapters out of the ledger; None where the report has none.

    Parameters
    ----------
    part : Extract
    chapters : sequence of Chapter
        Tell the length of pipes at high risk.
    lifelines : sequence of Lifeline
        With the centre's own rules: titles of rules.
    duty : Duty, optional
        Limits of time; by default those shipped, which the version stamp covers.
    """
    kept, book = kept_of(part), part.book
    if kept is None or book is None:
        return None
    duty, lang = duty or load_duty(), part.lang
    titles = {rule.key: rule.title(lang) for each in lifelines for rule in each.rules}
    traffic = traffic_rows(kept, lang)
    units = unit_rows(kept, duty, lang)
    rules = rule_precision_rows(kept, titles, lang)
    duties = duty_rows(kept, duty, part.city, part.names, lang)
    return LedgerPart(
        seq=book.head.seq,
        hash=book.head.hash,
        problems=list(book.problems),
        acts=_acts(book, lang),
        n_alarms=sum(row["alarms"] for row in traffic),
        n_warnings=len(kept.fresh()),
        traffic=traffic,
        rates=_rates(kept, duty, lang),
        units=units[:MOST_GROUPS],
        more_units=max(0, len(units) - MOST_GROUPS),
        rules=rules[:MOST_GROUPS],
        more_rules=max(0, len(rules) - MOST_GROUPS),
        hazards=_hazards(kept, chapters, lang),
        duties=duties[:ROWS_PER_TABLE],
        more_duties=max(0, len(duties) - ROWS_PER_TABLE),
        actions=_actions(duties),
    )


def _acts(book: Snapshot, lang: Lang) -> list[dict]:
    rows: dict[str, dict] = {}
    for entity, act, n in book.acts.itertuples(index=False):
        title = ENTITIES[entity](lang) if entity in ENTITIES else entity
        row = rows.setdefault(entity, {"key": entity, "title": title, "n": 0, "acts": []})
        known = MACHINES.get(entity, {}).get(act)
        said = known.title(lang) if known is not None else act
        row["acts"].append({"key": act, "title": said, "n": int(n)})
        row["n"] += int(n)
    return list(rows.values())


def _rates(kept: Kept, duty: Duty, lang: Lang) -> list[dict]:
    now = kept.at.to_datetime64()
    running = kept.running()
    rows = []
    for key, row in indicators(kept.fresh(), kept.verdicts, duty, at=now).iterrows():
        value, n = row["value"], int(row["n"])
        if key == "overdue":  # what was issued before the period is waited for no less
            value, n = float(len(late_items(running, duty, now))), len(running)
        rows.append(
            {
                "key": str(key),
                "title": INDICATORS[str(key)](lang),
                "value": float(value),
                "unit": str(row["unit"]),
                "n": n,
            }
        )
    return rows


def _hazards(kept: Kept, chapters: Sequence[Chapter], lang: Lang) -> Hazards:
    closed = kept.hazards["closed"]
    own = kept.hazards[closed.isna() | (closed >= kept.since)]
    levels = sorted({int(each) for each in own["level"]})
    pipes = [each for each in chapters if each.lifeline.key in _PIPES]
    high = float(np.nansum([each.high_km for each in pipes]))
    whole = float(sum(each.inventory["km"] for each in pipes))
    known = bool(pipes) and whole > 0
    return Hazards(
        **_counted(own, kept),
        levels=[
            {"key": str(level), "title": hazard_level(level, lang)}
            | _counted(own[own["level"] == level], kept)
            for level in levels
        ],
        high_km=high if known else np.nan,
        high_share=high / whole if known else np.nan,
    )


def _counted(own: pd.DataFrame, kept: Kept) -> dict[str, int]:
    still = own[own["closed"].isna()]
    asked = pd.Series([str(body.get("due", "")) for body in still["body"]], dtype="object")
    due = pd.to_datetime(asked, errors="coerce", utc=True, format="ISO8601").dt.tz_localize(None)
    return {
        "total": len(own),
        "carried": int((own["opened"] < kept.since).sum()),
        "fresh": int((own["opened"] >= kept.since).sum()),
        "mended": int(own["closed"].notna().sum()),
        "open": len(still),
        "late": int((due < kept.at).sum()),
    }


def _actions(duties: Sequence[dict]) -> list[dict]:
    """Three gravest things; a task counts with the warning that it answers."""
    listed = {row["id"] for row in duties if row["entity"] == "warning"}
    return [row for row in duties if row["of"] not in listed][:_ACTIONS]
