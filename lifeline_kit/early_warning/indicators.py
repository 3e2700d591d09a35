"""What a centre is judged by: times, rates, and which rule wastes whose time. Each has its rows."""

import numpy as np
import pandas as pd

from lifeline_kit.early_warning.duty import Duty
from lifeline_kit.early_warning.timers import overdue
from lifeline_kit.model.ledger import CLOSED, MERGED, REAL
from lifeline_kit.text import Text

INDICATORS = {
    "response": Text("响应时效", "Time to response"),
    "control": Text("控险时效", "Time to control"),
    "on_time": Text("处置及时率", "Handled on time"),
    "completion": Text("完成率", "Completed"),
    "true_share": Text("真警率", "True-alarm rate"),
    "overdue": Text("超时未办", "Overdue"),
    "online": Text("设备在线率", "Devices online"),
}
_UNITS = {"response": "min", "control": "min", "overdue": "1"}
_COLUMNS = ("value", "unit", "n", "items")


def indicators(
    warnings: pd.DataFrame,
    verdicts: pd.DataFrame,
    duty: Duty,
    *,
    at: np.datetime64,
    health: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Measure a period.

    Parameters
    ----------
    warnings : DataFrame, index `item`
        Issued within the period, closed ones too, as `Ledger.items` gives them.
    verdicts : DataFrame, index `item`
        The verdicts on them.
    duty : Duty
        Limits of time by level.
    at : datetime64
        UTC, for what is still open.
    health : DataFrame, optional
        Of an Examination: for the share of devices online.

    Returns
    -------
    DataFrame, index `indicator` (keys of `INDICATORS`)
        `value` (NaN where nothing is to be measured), `unit`, `n` (rows it rests on), `items`
        (their ids).

    References
    ----------
    Formulas of the project's practice note: response = mean(first disposal - issue), control =
    mean(controlled - issue), on time = closed within all limits / closed, true = real / judged.
    """
    own = warnings[warnings["state"] != MERGED]
    closed = own[own["state"] == CLOSED]
    late = own.index[[bool(_late(row, duty, at)) for _, row in own.iterrows()]]
    # what was done late is late, but no longer waited for
    waiting = own.index[[overdue(row, duty, now=at) for _, row in own.iterrows()]]
    judged = _judged(verdicts, own.index)
    real = judged[judged["verdict"].isin(REAL)]
    known = judged[~judged["verdict"].isin(["exercise"])]
    rows = {
        "response": _mean_minutes(own, "dispose"),
        "control": _mean_minutes(own, "control"),
        "on_time": _share(closed.index.difference(late), closed.index),
        "completion": _share(closed.index, own.index),
        "true_share": _share(pd.Index(real["of"]), pd.Index(known["of"])),
        "overdue": (float(len(waiting)), waiting),
    }
    if health is not None:
        online = health.index[health["online"].astype(bool)]
        rows["online"] = _share(online, health.index)
    return pd.DataFrame(
        {
            name: {
                "value": value,
                "unit": _UNITS.get(name, "share"),
                "n": len(items),
                "items": tuple(map(str, items)),
            }
            for name, (value, items) in rows.items()
        }
    ).T.rename_axis("indicator")[list(_COLUMNS)]


def _moments(rows: pd.DataFrame, act: str) -> pd.Series:
    found = [row.get(act) for row in rows["times"]]
    return pd.Series(pd.to_datetime(found, unit="ms"), index=rows.index, dtype="datetime64[ms]")


def _mean_minutes(rows: pd.DataFrame, act: str) -> tuple[float, pd.Index]:
    minutes = ((_moments(rows, act) - rows["opened"]) / pd.Timedelta(minutes=1)).dropna()
    return float(minutes.mean()) if len(minutes) else np.nan, minutes.index


def _share(part: pd.Index, whole: pd.Index) -> tuple[float, pd.Index]:
    return (len(part) / len(whole) if len(whole) else np.nan), whole


def _late(row: pd.Series, duty: Duty, at: np.datetime64) -> list[str]:
    """Names of the limits that a warning passed, or passes now."""
    level, opened, times = int(row["level"]), row["opened"].to_datetime64(), row["times"]
    limits = (
        ("response", duty.response_min[level], _first(times, "dispose", row, at)),
        ("control", duty.control_min[level], _first(times, "control", row, at)),
        ("closing", duty.close_h[level] * 60.0, _end(row, at)),
    )
    return [
        name
        for name, minutes, when in limits
        if when > opened + np.timedelta64(round(minutes * 60_000), "ms")
    ]


def _end(row: pd.Series, at: np.datetime64) -> np.datetime64:
    return at if pd.isna(row["closed"]) else row["closed"].to_datetime64()


def _first(times: dict, act: str, row: pd.Series, at: np.datetime64) -> np.datetime64:
    """When an act was done; what was handed in for re-check without it counts from then."""
    found = [times[name] for name in (act, "submit") if name in times]
    return np.datetime64(min(found), "ms") if found else _end(row, at)


def _judged(verdicts: pd.DataFrame, items: pd.Index) -> pd.DataFrame:
    rows = [
        {"of": body["of"], "verdict": body["verdict"]}
        for body in verdicts["body"]
        if body.get("of") in items
    ]
    return pd.DataFrame(rows, columns=["of", "verdict"])


def precision(warnings: pd.DataFrame, verdicts: pd.DataFrame, *, by: str = "rules") -> pd.DataFrame:
    """How often each rule or method was right, and what its false ones cost.

    Parameters
    ----------
    warnings, verdicts : DataFrame
        As of `indicators`.
    by : {'rules', 'methods'}

    Returns
    -------
    DataFrame, index rule or method
        `judged`, `real`, `precision`, `wasted_h` (hours from issue to closing of those that were
        not real), `units` (who spent them), `items` (the ones that were not real); the most
        wasteful first.
    """
    rows = []
    for body in verdicts["body"]:
        item = body.get("of")
        if item not in warnings.index or body["verdict"] == "exercise":
            continue
        held = warnings.loc[item]
        hours = (held["closed"] - held["opened"]) / pd.Timedelta(hours=1)
        real = body["verdict"] in REAL
        rows += [
            {"key": key, "item": item, "real": real, "unit": held["unit"],
             "hours": 0.0 if real or pd.isna(hours) else hours}
            for key in body.get(by) or held["body"].get(by, ())
        ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["key", "item", "real", "unit", "hours"])
    grouped = table.groupby("key")
    wrong = table[~table["real"].astype(bool)].groupby("key")
    found = pd.DataFrame(
        {
            "judged": grouped.size(),
            "real": grouped["real"].sum().astype(int),
            "precision": grouped["real"].mean().astype(float),
            "wasted_h": grouped["hours"].sum().astype(float),
            "units": wrong["unit"].agg(lambda own: tuple(sorted(set(own)))),
            "items": wrong["item"].agg(tuple),
        }
    )
    for name in ("units", "items"):  # nothing was wrong: nobody's time, none to name
        found[name] = [each if isinstance(each, tuple) else () for each in found[name]]
    return found.sort_values("wasted_h", ascending=False).rename_axis(by)
