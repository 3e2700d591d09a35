"""What of the ledger a report covers, and the rows that its tables take from there."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lifeline_kit.early_warning.duty import Duty
from lifeline_kit.early_warning.indicators import precision
from lifeline_kit.early_warning.timers import clocks, overdue
from lifeline_kit.lifelines import ALL
from lifeline_kit.methods.rules import LEVEL_NAMES
from lifeline_kit.model.city import City
from lifeline_kit.model.ledger import CLOSED, ENTITIES, HAZARD_LEVELS, MERGED, STATES
from lifeline_kit.model.readings import stamp
from lifeline_kit.reports.chapters import Extract
from lifeline_kit.reports.ledger_words import NEXT
from lifeline_kit.reports.places import among, local, place
from lifeline_kit.text import Lang

MOST_GROUPS = 12  # units or rules; the whole tables are attached
_GRAVITY = {"warning": {1: 0, 2: 2, 3: 4, 4: 6}, "hazard": {1: 1, 2: 3, 3: 5}}
_LEAST = 7  # of what has no level


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Items of the ledger at the places that a report covers.

    Attributes
    ----------
    warnings, alarms, hazards, tasks, verdicts : DataFrame, index `item`
        As of `Snapshot.items`, whenever they were opened, with `asset` (str, may be empty).
    since, at : Timestamp
        The period of the report, UTC.
    """

    warnings: pd.DataFrame
    alarms: pd.DataFrame
    hazards: pd.DataFrame
    tasks: pd.DataFrame
    verdicts: pd.DataFrame
    since: pd.Timestamp
    at: pd.Timestamp

    def fresh(self) -> pd.DataFrame:
        """Warnings issued within the period."""
        return self.warnings[self.warnings["opened"] >= self.since]

    def running(self) -> pd.DataFrame:
        """Warnings that are open, whenever issued."""
        return self.warnings[~self.warnings["state"].isin([CLOSED, MERGED])]


def kept_of(part: Extract) -> Kept | None:
    """Take from the ledger what a report covers; None without a ledger.

    What names no asset belongs to the whole city alone; tasks and verdicts lie where their warning
    lies.
    """
    if part.book is None:
        return None
    items = {entity: _placed(frame) for entity, frame in part.book.items.items()}
    where = items["warning"]["asset"]
    for entity in ("task", "verdict"):
        frame = items[entity]
        of = pd.Series([str(body.get("of", "")) for body in frame["body"]], index=frame.index)
        asset = frame["asset"].where(frame["asset"] != "", of.map(where).fillna(""))
        items[entity] = frame.assign(of=of, asset=asset)
    if part.area is not None:
        items = {
            entity: frame[among(frame["asset"], part.assets.index)]
            for entity, frame in items.items()
        }
    return Kept(
        warnings=items["warning"],
        alarms=items["alarm"],
        hazards=items["hazard"],
        tasks=items["task"],
        verdicts=items["verdict"],
        since=part.since,
        at=part.examination.at,
    )


def _placed(frame: pd.DataFrame) -> pd.DataFrame:
    asset = [str(body.get("asset") or "") for body in frame["body"]]
    return frame.assign(asset=pd.Series(asset, index=frame.index, dtype="object"))


def traffic_rows(kept: Kept, lang: Lang) -> list[dict]:
    """Rows of lifelines: alarms of the period, which became warnings, warnings by level."""
    fresh, running = kept.fresh(), kept.running()
    alarms = kept.alarms[kept.alarms["opened"] >= kept.since]
    resting = {str(each) for body in kept.warnings["body"] for each in body.get("findings", ())}
    device = np.array([bool(body.get("health")) for body in alarms["body"]], dtype=bool)
    became = np.array(
        [str(body.get("finding", item)) in resting for item, body in alarms["body"].items()],
        dtype=bool,
    )
    rows = []
    for key, title in _lifelines(lang, alarms, fresh, running).items():
        own, mine = fresh[fresh["lifeline"] == key], (alarms["lifeline"] == key).to_numpy()
        medium, used = int((mine & ~device).sum()), int((mine & ~device & became).sum())
        rows.append(
            {
                "lifeline": key or "none",
                "title": title,
                "alarms": int(mine.sum()),
                "devices": int((mine & device).sum()),
                "converted": used,
                "conversion": used / medium if medium else np.nan,
                "levels": {level: int((own["level"] == level).sum()) for level in LEVEL_NAMES},
                "closed": int((own["state"] == CLOSED).sum()),
                "open": int((running["lifeline"] == key).sum()),
            }
        )
    return rows


def _lifelines(lang: Lang, *frames: pd.DataFrame) -> dict[str, str]:
    """Titles of the lifelines that occur, ours first."""
    found = {str(each) for frame in frames for each in frame["lifeline"]}
    titles = {each.key: each.title(lang) for each in ALL if each.key in found}
    return titles | {key: key or "–" for key in sorted(found - set(titles))}


def unit_rows(kept: Kept, duty: Duty, lang: Lang) -> list[dict]:
    """Rows of units that warnings of the period went to, or that still hold one: overdue first."""
    now = kept.at.to_datetime64()
    fresh, running = kept.fresh(), kept.running()
    names, late = unit_names(kept, lang), late_items(running, duty, now)
    rows = []
    for unit in dict.fromkeys([*running["unit"], *fresh["unit"]]):
        own, held = fresh[fresh["unit"] == unit], running[running["unit"] == unit]
        ended = own[own["state"] == CLOSED]
        slow = [_was_slow(row, duty) for _, row in ended.iterrows()]
        rows.append(
            {
                "key": str(unit)[:40] or "none",
                "unit": names.get(unit, unit) or "–",
                "issued": len(own),
                "closed": len(ended),
                "on_time": 1.0 - float(np.mean(slow)) if slow else np.nan,
                "open": len(held),
                "overdue": int(held.index.isin(late).sum()),
            }
        )
    rows.sort(key=lambda row: (-row["overdue"], -row["open"], -row["issued"], row["key"]))
    return rows


def _was_slow(row: pd.Series, duty: Duty) -> bool:
    """Whether a closed warning passed any of its limits."""
    ended = row["closed"].to_datetime64()
    return any((ended if met is None else met) > until for _, until, met in clocks(row, duty))


def late_items(running: pd.DataFrame, duty: Duty, now: np.datetime64) -> set[str]:
    """Open warnings that wait past a limit."""
    return {str(item) for item, row in running.iterrows() if overdue(row, duty, now=now)}


def unit_names(kept: Kept, lang: Lang) -> dict[str, str]:
    """What to call each unit: the ledger counts by their Chinese names."""
    if lang == "zh":
        return {}
    bodies = [body for frame in (kept.warnings, kept.hazards, kept.tasks) for body in frame["body"]]
    return {str(b.get("unit")): str(b["unit_en"]) for b in bodies if b.get("unit_en")}


def rule_precision_rows(kept: Kept, titles: Mapping[str, str], lang: Lang) -> list[dict]:
    """Rows of rules whose warnings were judged, the most wasteful first."""
    names = unit_names(kept, lang)
    found = precision(kept.fresh(), kept.verdicts)
    return [
        {
            "key": str(rule),
            "title": titles.get(str(rule), str(rule)),
            "judged": int(row["judged"]),
            "real": int(row["real"]),
            "precision": float(row["precision"]),
            "wasted_h": float(row["wasted_h"]),
            "units": ", ".join(names.get(each, each) for each in row["units"]),
        }
        for rule, row in found.iterrows()
    ]


def duty_rows(kept: Kept, duty: Duty, city: City, names: dict[str, str], lang: Lang) -> list[dict]:
    """Rows of everything open - warnings, hazards, tasks -, the gravest first, then by deadline."""
    units = unit_names(kept, lang)
    parts = (
        ("warning", kept.running()),
        ("hazard", kept.hazards[kept.hazards["closed"].isna()]),
        ("task", kept.tasks[kept.tasks["closed"].isna()]),
    )
    rows = []
    for entity, frame in parts:
        for item, row in frame.iterrows():
            until = _deadline(entity, row, duty)
            level = _level(entity, row, kept.warnings)
            said = NEXT.get((entity, row["state"]))
            title = _said(row["body"], "title", lang)
            rows.append(
                {
                    "id": str(item),
                    "entity": entity,
                    "sort": ENTITIES[entity](lang),
                    "level": _level_name(entity, level, lang),
                    "number": level,
                    "title": title,
                    "todo": said(lang) if said is not None else title,
                    "place": place(row["asset"], names),
                    "unit": units.get(row["unit"], row["unit"]) or "–",
                    "due": "–" if until is None else local(until, city),
                    "late": until is not None and bool(until < kept.at),
                    "state": STATES[row["state"]](lang),
                    "of": row.get("of", ""),
                    "order": (_gravity(entity, level), until),
                }
            )
    rows.sort(key=_order)
    for row in rows:
        del row["order"]
    return rows


def _order(row: dict) -> tuple:
    gravity, until = row["order"]
    return gravity, not row["late"], until is None, until or 0, row["id"]


def _said(body: Mapping, name: str, lang: Lang) -> str:
    return str(body.get(f"{name}_{lang}") or body.get(f"{name}_zh") or body.get(name) or "–")


def _deadline(entity: str, row: pd.Series, duty: Duty) -> pd.Timestamp | None:
    """When it must be done, None for never; of a warning its date of supervision or next limit."""
    asked = pd.to_datetime(str(row["body"].get("due", "")), errors="coerce", utc=True)
    if pd.notna(asked) and (entity != "warning" or row["supervised"]):
        return asked.tz_localize(None)
    if entity != "warning":
        return None
    return stamp(min(until for _, until, met in clocks(row, duty) if met is None))


def _level(entity: str, row: pd.Series, warnings: pd.DataFrame) -> int:
    """Level of a thing; a task has that of its warning."""
    if entity == "task" and row["of"] in warnings.index:
        return int(warnings.loc[row["of"], "level"])
    return int(row["level"])


def _level_name(entity: str, level: int, lang: Lang) -> str:
    if entity == "hazard":
        return hazard_level(level, lang)
    return LEVEL_NAMES.get(level, "")


def hazard_level(level: int, lang: Lang) -> str:
    """Name a level of hazards."""
    return HAZARD_LEVELS[level](lang) if level in HAZARD_LEVELS else str(level or "–")


def _gravity(entity: str, level: int) -> float:
    """Rank the levels of different things: warning I, major hazard, warning II and so on."""
    if entity == "task":  # right after the warning it answers
        return _GRAVITY["warning"].get(level, _LEAST) + 0.5
    return float(_GRAVITY[entity].get(level, _LEAST))


_SAID = {
    "warnings": ("title_zh", "title_en", "findings", "rules", "methods", "verdict"),
    "alarms": ("title_zh", "title_en", "sensor", "rule", "method", "value", "limit", "measured_in"),
    "hazards": ("title_zh", "title_en", "due"),
    "tasks": ("title_zh", "title_en", "of", "due"),
    "verdicts": ("of", "verdict", "rules", "methods"),
}
_KNOWN = ("state", "level", "lifeline", "asset", "unit", "opened", "since", "closed")


def ledger_tables(part: Extract) -> dict[str, pd.DataFrame]:
    """Whole tables of what of the ledger a report covers, by name; none without a ledger.

    A column for each thing that is usually said, `times` of the first of each act in UTC.
    """
    kept = kept_of(part)
    if kept is None:
        return {}
    found = {}
    for name, columns in _SAID.items():
        frame = getattr(kept, name)
        said = {
            column: [_flat(body.get(column, "")) for body in frame["body"]] for column in columns
        }
        times = [
            " ".join(f"{act}={np.datetime64(at, 'ms')}" for act, at in sorted(row.items()))
            for row in frame["times"]
        ]
        known = frame[list(_KNOWN)].reset_index()
        found[name] = known.assign(**said, times=times)
    return found


def _flat(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
