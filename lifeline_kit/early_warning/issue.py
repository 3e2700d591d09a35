"""From examinations into the ledger: what to issue, raise in level, and whether data are back.

An examination knows its warnings by their findings; the ledger keeps what people did. The id of a
warning in the ledger is that of its first finding, so that the next examination, which may number
its warnings anew, finds it again.
"""

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from lifeline_kit.early_warning.alarms import HISTORY, SYSTEM, is_alarm
from lifeline_kit.early_warning.duty import Duty
from lifeline_kit.io.ledger import Draft
from lifeline_kit.model.ledger import CLOSED, MERGED, item_id
from lifeline_kit.text import Text

_NOT_BACK = Text(
    "仍在超限：{finding}，未恢复", "still beyond its limit: {finding} has not come back"
)
_TOO_SOON = Text(
    "恢复仅 {h:.1f} 小时，须满 {n:.0f} 小时", "back for {h:.1f} h only, {n:.0f} h are asked"
)
_NO_DATA = Text(
    "测点 {sensor} 自 {last} 起无读数，无法复核",
    "no reading of {sensor} since {last}: nothing to check by",
)
_UNKNOWN = Text("当前体检结果中没有此预警的依据", "the examination knows none of its findings")
_BACK = Text(
    "各测点恢复已满 {n:.0f} 小时（自 {since} 起，UTC）",
    "all back within limits for {n:.0f} h (since {since} UTC)",
)


def known_as(warnings: pd.DataFrame, findings: pd.DataFrame) -> pd.Series:
    """Ids by which the ledger knows an examination's warnings: that of the first finding."""
    first = [
        findings.loc[list(own), "since"].sort_values(kind="stable").index[0]
        for own in warnings["findings"]
    ]
    return pd.Series([item_id(str(each)) for each in first], index=warnings.index, dtype="object")


def drafts_of(
    warnings: pd.DataFrame,
    findings: pd.DataFrame,
    items: pd.DataFrame,
    duty: Duty,
    *,
    at: pd.Timestamp,
    shelved: Collection[tuple[str, str]] = (),
) -> list[Draft]:
    """What the ledger must hear of an examination's warnings.

    Parameters
    ----------
    warnings, findings : DataFrame
        Of an Examination.
    items : DataFrame, index `item`
        Those of these warnings that are in the ledger, closed ones too; see `known_as`.
    duty : Duty
    at : Timestamp
        Moment of the examination. What came and went more than a day before it is history: it is
        not issued now.
    shelved : collection of (rule, sensor)
        A warning that rests on nothing else is not issued while they are on the shelf.

    Returns
    -------
    list of Draft
        New findings and warnings to issue, open ones that grew worse, and since when their data
        have been quiet. Keys make that nothing is told twice.
    """
    drafts: list[Draft] = []
    alarms = is_alarm(findings)  # those the ledger keeps as alarms
    ids = known_as(warnings, findings)
    for name, row in warnings.sort_values("issued").iterrows():
        own = findings.loc[list(row["findings"])]
        if pd.notna(row["cleared"]) and row["cleared"] < at - HISTORY:
            continue
        item = ids[name]
        for finding, seen in own[~alarms[own.index]].iterrows():
            drafts.append(_finding(str(finding), seen))
        if item not in items.index:
            resting = set(zip(own["rule"], own["sensor"], strict=True))
            if shelved and resting <= set(shelved):
                continue
            drafts.append(_issue(item, str(name), row, own, duty))
            continue
        held = items.loc[item]
        if held["state"] in (CLOSED, MERGED):
            continue
        if row["level"] < held["level"]:
            body = {"level": int(row["level"]), "findings": list(row["findings"])}
            drafts.append(_draft(item, "escalate", body, f"escalate:{item}:{row['level']}"))
        quiet = "" if pd.isna(row["cleared"]) else row["cleared"].isoformat()
        if quiet and quiet != held["body"].get("quiet_since"):
            drafts.append(_draft(item, "data", {"quiet_since": quiet}, f"data:{item}:{quiet}"))
    return drafts


def _draft(item: str, act: str, body: dict, key: str, entity: str = "warning") -> Draft:
    return Draft(entity=entity, item=item, act=act, actor=SYSTEM, body=body, key=key)


def _finding(finding: str, row: pd.Series) -> Draft:
    body = {name: row[name] for name in ("lifeline", "asset", "sensor", "rule", "method")}
    body |= {"level": int(row["level"])} if row["level"] else {}
    body |= {name: row[name] for name in ("title_zh", "title_en", "evidence_zh", "evidence_en")}
    body |= {"since": row["since"].isoformat(), "simulated": row["real_or_simulated"]}
    known = item_id(finding)
    return _draft(known, "see", body, f"finding:{known}", "finding")


def _issue(item: str, name: str, row: pd.Series, own: pd.DataFrame, duty: Duty) -> Draft:
    unit = duty.units.get(row["lifeline"])
    title = unit[0] if unit is not None else Text("值班台", "duty desk")
    worst = own.sort_values(["level", "severity"], ascending=[True, False]).iloc[0]
    body = {
        "level": int(row["level"]),
        "unit": title.zh,
        "unit_en": title.en,
        "lifeline": row["lifeline"],
        "asset": row["asset"],
        "title_zh": row["title_zh"],
        "title_en": row["title_en"],
        "findings": list(row["findings"]),
        "rules": sorted(set(own["rule"])),
        "methods": sorted(set(own["method"])),
        "evidence_zh": worst["evidence_zh"],
        "evidence_en": worst["evidence_en"],
        "number": name,
        "seen": row["issued"].isoformat(),
        "origin": row["real_or_simulated"],
    }
    return _draft(item, "issue", body, f"issue:{item}")


def back_to_normal(
    body: dict, level: int, findings: pd.DataFrame, health: pd.DataFrame, duty: Duty,
    *, at: np.datetime64,
) -> tuple[bool, Text]:  # fmt: skip
    """Whether the data of a warning have been back within limits for long enough.

    Parameters
    ----------
    body : dict
        Of the warning's item; `findings` names what it rests on.
    level : int
        1 to 4; graver ones must be quiet for longer.
    findings, health : DataFrame
        Of the latest Examination.
    duty : Duty
    at : datetime64
        UTC, the moment of that examination.

    Returns
    -------
    bool, Text
        And why, or since when.
    """
    own = findings.loc[findings.index.intersection(list(body.get("findings", ())))]
    if own.empty:
        return False, _UNKNOWN
    still = own.index[own["until"].isna()]
    if len(still):
        return False, _NOT_BACK.format(finding=still[0])
    since, needed = own["until"].max(), duty.quiet_h[level]
    hours = (pd.Timestamp(at) - since) / pd.Timedelta(hours=1)
    if hours < needed:
        return False, _TOO_SOON.format(h=hours, n=needed)
    blind = _blind(own["sensor"], health, since + pd.Timedelta(hours=needed))
    if blind is not None:
        return False, _NO_DATA.format(sensor=blind[0], last=f"{blind[1]:%Y-%m-%d %H:%M}")
    return True, _BACK.format(n=needed, since=f"{since:%Y-%m-%d %H:%M}")


def _blind(
    sensors: Sequence[str] | pd.Series, health: pd.DataFrame, until: pd.Timestamp
) -> tuple[str, pd.Timestamp] | None:
    """Name a sensor whose readings do not reach so far: silence is no proof."""
    for sensor in dict.fromkeys(sensors):
        if sensor in health.index and not health["last"][sensor] >= until:
            return str(sensor), health["last"][sensor]
    return None
