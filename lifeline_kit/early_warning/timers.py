"""What is overdue now, and who is to be told: pure, from items and a moment.

Each step has a key that never changes, so that two watchers, or one that died and came back, tell
it once.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lifeline_kit.early_warning.duty import Contact, Duty
from lifeline_kit.model.ledger import CLOSED, MERGED, PENDING
from lifeline_kit.text import Text

STEPS = {
    "unreceived": Text("{minutes:.0f} 分钟未接收", "not received for {minutes:.0f} min"),
    "response": Text("超过响应时限 {minutes:.0f} 分钟", "no response within {minutes:.0f} min"),
    "control": Text(
        "超过控险时限 {minutes:.0f} 分钟", "not under control within {minutes:.0f} min"
    ),
    "closing": Text("超过解除时限 {hours:.0f} 小时", "not closed within {hours:.0f} h"),
    "supervised": Text("超过督办期限", "past the date of supervision"),
}
_MIN = np.timedelta64(60_000, "ms")
_MEETS = {"response": "dispose", "control": "control"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One step that is due.

    Attributes
    ----------
    key : str
        The same for the same step of the same item, whoever finds it.
    item, step : str
    at : datetime64[ms]
        When it fell due, UTC.
    contact : Contact
    why : Text
    """

    key: str
    item: str
    step: str
    at: np.datetime64
    contact: Contact
    why: Text


def due(items: pd.DataFrame, duty: Duty, *, now: np.datetime64) -> list[Due]:
    """Find every step that fell due until now, the earliest first.

    Parameters
    ----------
    items : DataFrame, index `item`
        Open warnings, as `Ledger.items` gives them.
    duty : Duty
    now : datetime64
        UTC.
    """
    found = [
        step
        for item, row in items.iterrows()
        if row["state"] not in (CLOSED, MERGED)
        for step in _of_one(str(item), row, duty)
        if step.at <= now
    ]
    return sorted(found, key=lambda step: (step.at, step.key))


def clocks(row: pd.Series, duty: Duty) -> list[tuple[str, np.datetime64, np.datetime64 | None]]:
    """Return the limits of a warning: `response`, `control`, `closing`; until when; when met.

    Parameters
    ----------
    row : Series
        One of `Ledger.items`.
    duty : Duty
    """
    level, times = int(row["level"]), row["times"]
    opened = row["opened"].to_datetime64().astype("datetime64[ms]")
    met = {name: times.get(act, times.get("submit")) for name, act in _MEETS.items()}
    closed = None if pd.isna(row["closed"]) else row["closed"].to_datetime64()
    minutes = {
        "response": duty.response_min[level],
        "control": duty.control_min[level],
        "closing": 60.0 * duty.close_h[level],
    }
    done = {
        **{name: None if at is None else np.datetime64(at, "ms") for name, at in met.items()},
        "closing": closed,
    }
    return [
        (name, opened + np.timedelta64(round(limit * 60_000), "ms"), done[name])
        for name, limit in minutes.items()
    ]


def overdue(row: pd.Series, duty: Duty, *, now: np.datetime64) -> bool:
    """Whether a warning waits for something past its limit."""
    return any(met is None and until < now for _, until, met in clocks(row, duty))


def _of_one(item: str, row: pd.Series, duty: Duty) -> list[Due]:
    first = duty.first(row["lifeline"])
    chain = duty.chain(first)
    level, times = int(row["level"]), row["times"]
    opened, since = (row[name].to_datetime64() for name in ("opened", "since"))
    steps: list[tuple[str, np.datetime64, Contact, Text]] = []
    if row["state"] == PENDING:
        for k, minutes in enumerate(duty.unreceived_min, start=1):
            why = STEPS["unreceived"].format(minutes=minutes)
            told = chain[min(k, len(chain) - 1)]
            steps.append((f"unreceived-{k}", since + minutes * _MIN, told, why))
    after = chain[min(2, len(chain) - 1)]  # the lead hears of what runs late
    for step, act, limits in (
        ("response", "dispose", duty.response_min),
        ("control", "control", duty.control_min),
    ):
        if act not in times and "submit" not in times:
            minutes = limits[level]
            steps.append(
                (step, opened + minutes * _MIN, after, STEPS[step].format(minutes=minutes))
            )
    hours = duty.close_h[level]
    steps.append(
        ("closing", opened + hours * 60 * _MIN, after, STEPS["closing"].format(hours=hours))
    )
    if row["supervised"] and (until := _moment(row["body"].get("due"))) is not None:
        steps.append(("supervised", until, chain[-1], STEPS["supervised"]))
    began = int(since.astype("datetime64[ms]").astype(np.int64))
    return [
        Due(
            key=f"remind:{item}:{began if step.startswith('unreceived') else level}:{step}"[-300:],
            item=item,
            step=step,
            at=at.astype("datetime64[ms]"),
            contact=contact,
            why=why,
        )
        for step, at, contact, why in steps
    ]


def _moment(text: object) -> np.datetime64 | None:
    moment = pd.to_datetime(str(text), errors="coerce", utc=True)
    return None if pd.isna(moment) else moment.tz_localize(None).to_datetime64()
