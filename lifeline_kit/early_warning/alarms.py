"""Alarms: a device crossed a limit. Raised, announced again, shelved and cleared, in the ledger.

An examination's findings of limit rules, each of one sensor, are its alarms; findings about the
state of a sensor are alarms of the device, never of the medium. What other methods saw stays a
finding.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lifeline_kit.io.ledger import Draft
from lifeline_kit.model.ledger import item_id
from lifeline_kit.model.lifeline import LIMIT_TESTS

SYSTEM = "lifeline"
HISTORY = pd.Timedelta(days=1)
_DEVICE_LEVEL = 4  # what is wrong with a device is never graver than this
_SAID = ("lifeline", "asset", "sensor", "rule", "method", "title_zh", "title_en")
_GROUNDS = ("evidence_zh", "evidence_en")


def is_alarm(findings: pd.DataFrame) -> pd.Series:
    """Which findings are alarms of one device: bool, (finding,)."""
    by_limit = findings["method"].isin(LIMIT_TESTS) & (findings["level"] > 0)
    return (by_limit | findings["health"]) & (findings["sensor"] != "")


def known_alarms(findings: pd.DataFrame) -> list[str]:
    """Ids by which the ledger knows the alarms among findings."""
    return [item_id(str(finding)) for finding in findings.index[is_alarm(findings)]]


def alarm_drafts(
    findings: pd.DataFrame,
    held: pd.DataFrame,
    *,
    at: pd.Timestamp,
    since: pd.Timestamp,
    now: np.datetime64,
    realarm_min: Mapping[str, float],
) -> list[Draft]:
    """What the ledger must hear of an examination's alarms.

    Parameters
    ----------
    findings : DataFrame
        Of an Examination.
    held : DataFrame, index `item`
        Alarms in the ledger: all that are open, and those of these findings; see `known_alarms`.
    at, since : Timestamp
        Last and first moment of the examination. What came and went more than a day before `at`
        is history: it is not raised now.
    now : datetime64
        UTC, by which shelves end.
    realarm_min : mapping of rule to float [min]
        An alarm that stands so long is announced again; rules that are absent, once.

    Returns
    -------
    list of Draft
        Raise, announce again (a graver level at once), shelve with what is shelved at that sensor
        already, clear. Keys make that nothing is told twice.
    """
    own = findings[is_alarm(findings)]
    shelves = {
        (body.get("rule"), body.get("sensor")): body
        for body in held.loc[held["state"] == "shelved", "body"]
        if _moment(body["until"]) > now
    }
    drafts: list[Draft] = []
    for finding, row in own.iterrows():
        item = item_id(str(finding))
        over = pd.notna(row["until"])
        if item in held.index:
            known = held.loc[item]
            if known["state"] == "cleared":
                continue
            news = _news(item, row, known, now, realarm_min.get(row["rule"], 0.0))
            drafts += news
            off = any(draft.act == "unshelve" for draft in news)
            if over and (off or known["state"] != "shelved"):  # else the shelf ends by its date
                drafts.append(cleared(item, row["until"]))
            continue
        if over and row["until"] < at - HISTORY:
            continue
        drafts.append(_draft(item, "raise", _body(str(finding), row), f"alarm:{item}"))
        shelf = shelves.get((row["rule"], row["sensor"]))
        if shelf is not None:
            said = {name: shelf[name] for name in ("until", "reason") if name in shelf}
            drafts.append(_draft(item, "shelve", said, f"shelve:{item}"))
        elif over:
            drafts.append(cleared(item, row["until"]))
    return drafts + _withdrawn(held, own, since, at)


def ended_shelves(held: pd.DataFrame, *, now: np.datetime64) -> list[Draft]:
    """Take alarms off the shelf whose time is over; what has come back is cleared with new data.

    Parameters
    ----------
    held : DataFrame, index `item`
        Open alarms in the ledger.
    now : datetime64
        UTC.
    """
    return [
        _draft(str(item), "unshelve", {"until": ""}, f"unshelve:{item}:{row['body']['until']}")
        for item, row in held[held["state"] == "shelved"].iterrows()
        if _moment(row["body"]["until"]) <= now
    ]


def shelved_sensors(held: pd.DataFrame) -> frozenset[tuple[str, str]]:
    """Rules and sensors whose alarms are on the shelf."""
    bodies = held.loc[held["state"] == "shelved", "body"]
    return frozenset((str(each.get("rule")), str(each.get("sensor"))) for each in bodies)


def _news(
    item: str, row: pd.Series, known: pd.Series, now: np.datetime64, realarm_min: float
) -> list[Draft]:
    """Say that a standing alarm has grown worse, or has stood for so long since it was raised."""
    level = int(row["level"]) or _DEVICE_LEVEL
    stood = (now - known["opened"].to_datetime64()) / np.timedelta64(1, "m")
    times = int(stood / realarm_min) if realarm_min > 0 else 0
    if level < known["level"]:
        body = {"level": level, "again": times} | _measured(row)
        worse = _draft(item, "again", body, f"again:{item}:{level}")
        if known["state"] != "shelved":
            return [worse]
        off = _draft(item, "unshelve", {"until": ""}, f"unshelve:{item}:{level}")
        return [off, worse]  # it was put away for what it was, not for what it became
    told = times <= known["body"].get("again", 0)
    if told or pd.notna(row["until"]) or known["state"] == "shelved":
        return []
    return [_draft(item, "again", {"again": times}, f"again:{item}:stands:{times}")]


def _withdrawn(
    held: pd.DataFrame, own: pd.DataFrame, since: pd.Timestamp, at: pd.Timestamp
) -> list[Draft]:
    """Clear what rests on a finding that the examination no longer has, though it looked there."""
    present = {item_id(str(finding)) for finding in own.index}
    return [
        _draft(
            str(item), "clear", {"ended": at.isoformat(), "withdrawn": True}, f"clear:{item}"
        )
        for item, row in held.iterrows()
        if item not in present
        and row["state"] not in ("shelved", "cleared")
        and row["body"].get("finding")
        and pd.Timestamp(row["body"]["since"]) >= since
    ]  # fmt: skip


def _body(finding: str, row: pd.Series) -> dict:
    said = {name: row[name] for name in (*_SAID, *_GROUNDS)} | _measured(row)
    return said | {
        "finding": finding,
        "level": int(row["level"]) or _DEVICE_LEVEL,
        "health": bool(row["health"]),
        "since": row["since"].isoformat(),
        "origin": row["real_or_simulated"],
    }


def _measured(row: pd.Series) -> dict:
    found = {name: float(row[name]) for name in ("value", "limit") if np.isfinite(row[name])}
    return found | {"measured_in": row["unit"]}


def _moment(text: object) -> np.datetime64:
    return np.datetime64(str(text).removesuffix("Z"), "ms")


def cleared(item: str, until: pd.Timestamp) -> Draft:
    """Say that an alarm's data came back."""
    return _draft(item, "clear", {"ended": until.isoformat()}, f"clear:{item}")


def _draft(item: str, act: str, body: dict, key: str) -> Draft:
    return Draft(
        entity="alarm", item=item, act=act, actor=SYSTEM, body=body, key=f"alarm-{key}"[-300:]
    )
