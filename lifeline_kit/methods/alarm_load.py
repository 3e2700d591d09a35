"""How many alarms a desk gets: rates in exact sliding windows, floods, chatter, stale ones.

A window is (t - w, t] for every moment t, not only for whole minutes, so no burst hides on the
border of two counts.

References
----------
Measures as of ISA-18.2, IEC 62682 and EEMUA 191, as quoted in trade papers (the standards
themselves were not read); Bransby & Jenkinson 1998 for one alarm in ten minutes.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lifeline_kit.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmLoad:
    """What the alarms of one desk come to.

    Attributes
    ----------
    n : int
    per_hour : float [1/h]
        Over the whole span.
    most : int
        In the fullest window.
    most_at : datetime64[ms]
        End of that window; NaT without alarms.
    time_above : dict of int to float
        Share of time in which a window holds more than so many.
    floods : DataFrame
        `since`, `until`, `n` (alarms raised meanwhile).
    flood_share : float
        Of the time.
    """

    n: int
    per_hour: float
    most: int
    most_at: np.datetime64
    time_above: dict[int, float]
    floods: pd.DataFrame
    flood_share: float


def windowed(time: np.ndarray, *, window: np.timedelta64) -> tuple[np.ndarray, np.ndarray]:
    """Count in a sliding window, as a step function.

    Parameters
    ----------
    time : datetime64 array, (alarm,)
        Sorted here.
    window : timedelta64

    Returns
    -------
    moment : datetime64[ms] array, (step,)
        Where the count changes, increasing.
    count : int array, (step,)
        From that moment on.

    Raises
    ------
    InputError
        Where the window is not above zero, or a time is missing.
    """
    time = np.sort(np.asarray(time).astype("datetime64[ms]"))
    if not window > np.timedelta64(0, "ms") or np.isnat(time).any():
        raise InputError("expected moments of alarms and a window above zero.")
    moment, place = np.unique(np.r_[time, time + window], return_inverse=True)
    change = np.zeros(moment.size, dtype=np.int64)
    np.add.at(change, place[: time.size], 1)
    np.add.at(change, place[time.size :], -1)
    return moment, np.cumsum(change)


def alarm_load(
    time: np.ndarray,
    *,
    begin: np.datetime64,
    end: np.datetime64,
    window: np.timedelta64,
    levels: tuple[int, ...] = (1, 2),
    flood_on: int = 10,
    flood_off: int = 5,
) -> AlarmLoad:
    """Measure the load of one desk.

    Parameters
    ----------
    time : datetime64 array, (alarm,)
        When each was raised, within [begin, end].
    begin, end : datetime64
    window : timedelta64
    levels : tuple of int
        Counts to which `time_above` refers.
    flood_on, flood_off : int
        A flood begins where a window holds more than `flood_on`, and ends where it holds fewer
        than `flood_off`.

    Raises
    ------
    InputError
        Where the span is empty, or an alarm lies outside.
    """
    begin, end = begin.astype("datetime64[ms]"), end.astype("datetime64[ms]")
    time = np.sort(np.asarray(time).astype("datetime64[ms]"))
    if not end > begin or (time.size and (time[0] < begin or time[-1] > end)):
        raise InputError(
            f"expected a span with all alarms in it; got {begin} to {end} and alarms "
            f"{time[0] if time.size else '–'} to {time[-1] if time.size else '–'}."
        )
    span = float((end - begin) / np.timedelta64(1, "ms"))
    moment, count = windowed(time, window=window)
    lasts = (np.minimum(np.r_[moment[1:], end], end) - np.minimum(moment, end)).astype(float)
    floods = _floods(time, moment, count, flood_on, flood_off, end)
    share = (floods["until"] - floods["since"]).dt.total_seconds().sum() * 1e3 / span
    fullest = int(np.argmax(count)) if count.size else -1
    return AlarmLoad(
        n=int(time.size),
        per_hour=time.size / (span / 3.6e6),
        most=int(count[fullest]) if count.size else 0,
        most_at=moment[fullest] if count.size else np.datetime64("NaT", "ms"),
        time_above={each: float(lasts[count > each].sum() / span) for each in levels},
        floods=floods,
        flood_share=float(share),
    )


def _floods(
    time: np.ndarray,
    moment: np.ndarray,
    count: np.ndarray,
    on: int,
    off: int,
    end: np.datetime64,
) -> pd.DataFrame:
    rows, since = [], None
    for k in range(moment.size):
        if since is None and count[k] > on:
            since = moment[k]
        elif since is not None and count[k] < off:
            rows.append((since, min(moment[k], end)))
            since = None
    if since is not None:
        rows.append((since, end))
    table = pd.DataFrame(rows, columns=["since", "until"]).astype("datetime64[ms]")
    inside = [((time >= a) & (time < b)).sum() for a, b in rows]
    return table.assign(n=np.array(inside, dtype=np.int64))


def chattering(alarms: pd.DataFrame, *, window: np.timedelta64, times: int = 3) -> pd.DataFrame:
    """Find sources that come again and again within one window.

    Parameters
    ----------
    alarms : DataFrame
        `source`, `since`.
    window : timedelta64
    times : int

    Returns
    -------
    DataFrame, index `source`
        `most` (in one window, at least `times`), `n`; the worst first.
    """
    rows = {}
    for source, own in alarms.groupby("source", observed=True)["since"]:
        most = int(windowed(own.to_numpy(), window=window)[1].max())
        if most >= times:
            rows[source] = {"most": most, "n": len(own)}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["most", "n"])
    table.index.name = "source"
    return table.sort_values(["most", "n"], ascending=False)


def stale(alarms: pd.DataFrame, *, at: np.datetime64, hours: float = 24.0) -> pd.DataFrame:
    """Alarms that are on for so long that nobody looks at them any more.

    Parameters
    ----------
    alarms : DataFrame
        `source`, `since`, `until` (NaT: still on).
    at : datetime64
    hours : float [h]

    Returns
    -------
    DataFrame
        Rows of `alarms` that were on for `hours` or more until they ended, or until `at`.
    """
    until = alarms["until"].fillna(pd.Timestamp(at))
    return alarms[until - alarms["since"] >= pd.Timedelta(hours=hours)]


def top_sources(alarms: pd.DataFrame, *, most: int = 10) -> pd.DataFrame:
    """Return the sources with most alarms: index `source`; `n`, `share` of all."""
    count = alarms["source"].value_counts().head(most)
    table = pd.DataFrame({"n": count, "share": count / max(len(alarms), 1)})
    table.index.name = "source"
    return table
