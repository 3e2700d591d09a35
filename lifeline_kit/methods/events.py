"""Load events on a fast channel of a structure: passages, parked loads and what never returns.

One causal walk over short medians keeps an unloaded level, opens an excursion where the channel
leaves it and closes the excursion where the channel comes back. How it ended says what it was: a
passage (back within a minute), a parked load (back later, or still there at the end of the data)
or a shift of the level itself (not back within `persist_s`, see `methods.shifts`).

The defaults of times were chosen on the reference state, the two load tests and the first
support lowering of the UniBw Munich test bridge (imcs-compsim/munich-bridge-data, MIT), where a
truck passes in 13-16 s and parks for up to 435 s; no level of those recordings is used.
"""

from bisect import bisect_left
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd

ON_DELAY_S = 1.0  # so long outside the band before an excursion opens
OFF_DELAY_S = 3.0  # so long back inside before it closes; the lobes of one passage are closer
ANCHOR_S = 60.0  # first level: median of the first minute
SETTLE_S = 60.0  # a shift has settled when the halves of so long agree
RELEVEL_STEPS = 10  # the level is taken anew every so many steps
GAP_S = 60.0  # across a longer gap in the data nothing is joined
COLUMNS = ("start", "end", "peak_time", "peak", "sign", "duration_s")
_KINDS = dict.fromkeys(COLUMNS[:3], "datetime64[ms]")
_KINDS |= {"peak": "float64", "sign": "int64", "duration_s": "float64"}
_KINDS |= {"before": "float64", "after": "float64", "outcome": "object"}


class Run(NamedTuple):
    """One excursion: half-open steps, levels before and after, and how it ended."""

    start: int
    stop: int
    before: float
    after: float
    outcome: str  # 'returned', 'open' or 'shift'


def short_medians(
    time: np.ndarray, value: np.ndarray, *, step_s: float = 0.5
) -> tuple[np.ndarray, np.ndarray]:
    """Reduce a fast channel to medians over short steps; the ringing of a shock falls out.

    Parameters
    ----------
    time : datetime64 array, (sample,)
        Increasing.
    value : array, (sample,) [any unit]
        NaN is passed over.
    step_s : float, default 0.5 [s]

    Returns
    -------
    time : datetime64[ms] array, (step,)
        First sample of each step that holds any.
    value : float64 array, (step,) [unit of the value]
    """
    value = np.asarray(value, dtype=np.float64)
    here = np.isfinite(value)
    time, value = np.asarray(time)[here].astype("datetime64[ms]"), value[here]
    if not value.size:
        return time, value
    step = ((time - time[0]).astype(np.int64) // max(round(step_s * 1000), 1)).astype(np.int64)
    starts = np.flatnonzero(np.diff(step, prepend=-1))
    order = np.lexsort((value, step))
    size = np.diff(np.append(starts, value.size))
    low, high = starts + (size - 1) // 2, starts + size // 2
    ranked = value[order]
    return time[starts], 0.5 * (ranked[low] + ranked[high])


def noise_sigma(value: np.ndarray) -> float:
    """Robust standard deviation of the noise, from the differences of neighbours.

    Parameters
    ----------
    value : array, (sample,) [any unit]

    Returns
    -------
    float [unit of the value]
        1.4826 MAD of the differences over the root of two; 0 for fewer than three samples.
    """
    steps = np.diff(np.asarray(value, dtype=np.float64))
    if steps.size < 2:
        return 0.0
    return float(1.4826 * np.median(np.abs(steps - np.median(steps))) / np.sqrt(2.0))


class _Walker:
    """The causal state: an unloaded level, and since when the channel is outside of its band."""

    def __init__(self, level: float, band: float, share: float, persist_s: float, keep: int):
        self.level, self.band, self.share = level, band, share
        self.persist_s, self.keep = persist_s, keep
        self.calm: list[float] = []
        self.opened = self.left = self.back = -1
        self.peak = 0.0
        self.runs: list[Run] = []

    def calm_step(self, i: int, away: float, rows: list[float], times: list[float]) -> None:
        """Inside the band the level follows; outside for long enough opens an excursion."""
        if away <= self.band:
            self.left = -1
            self.calm.append(rows[i])
            if len(self.calm) % RELEVEL_STEPS == 0:
                self.level = float(np.median(self.calm[-self.keep :]))
            return
        self.left = i if self.left < 0 else self.left
        if times[i] - times[self.left] >= ON_DELAY_S:
            self.opened, self.left, self.back, self.peak = self.left, -1, -1, away

    def outside_step(self, i: int, away: float, rows: list[float], times: list[float]) -> None:
        """Back for long enough closes the excursion; away for too long is a shift, once settled."""
        self.peak = max(self.peak, away)
        if away <= max(self.band, self.share * self.peak):
            self.back = i if self.back < 0 else self.back
            if times[i] - times[self.back] >= OFF_DELAY_S:
                self._close(self.back, float(np.median(rows[self.back : i + 1])), "returned")
            return
        self.back = -1
        lasted = times[i] - times[self.opened]
        if lasted < self.persist_s or (i - self.opened) % RELEVEL_STEPS:
            return
        recent = rows[bisect_left(times, times[i] - SETTLE_S) : i + 1]
        half = len(recent) // 2
        after = float(np.median(recent[half:]))
        if abs(after - float(np.median(recent[:half]))) <= self.band / 4:
            self._close(i, after, "shift")

    def finish(self, rows: list[float], times: list[float]) -> None:
        """Close what is still outside when the data end."""
        if self.opened < 0:
            return
        last = len(rows) - 1
        after = float(np.median(rows[bisect_left(times, times[-1] - SETTLE_S / 2) :]))
        if self.back >= 0:
            self._close(self.back, after, "returned")
        else:
            lasting = times[last] - times[self.opened] >= self.persist_s
            self._close(last, after, "shift" if lasting else "open")

    def _close(self, stop: int, after: float, outcome: str) -> None:
        self.runs.append(Run(self.opened, stop, self.level, after, outcome))
        if abs(after - self.level) > self.band:  # friction in the bearings, or a shift
            self.level, self.calm = after, []
        self.opened = self.left = self.back = -1


def walk(
    time: np.ndarray,
    value: np.ndarray,
    *,
    band: float,
    persist_s: float,
    return_share: float,
    level_s: float,
) -> list[Run]:
    """Follow the unloaded level causally and note every run outside of it.

    Parameters
    ----------
    time : datetime64[ms] array, (step,)
    value : array, (step,) [any unit]
        Short medians.
    band : float [unit of the value]
        Half width around the level that still counts as unloaded.
    persist_s : float [s]
        A run outside that lasts so long is a shift; it ends when the channel has settled.
    return_share : float
        Share of an excursion's peak within which it counts as back (supports do not return
        exactly: friction).
    level_s : float [s]
        The level is the median of the unloaded steps of so long; slower creep is followed.

    Returns
    -------
    list of Run
    """
    seconds = (time - time[0]).astype(np.int64) / 1000.0
    dt = float(np.median(np.diff(seconds))) if value.size > 1 else 1.0
    level = float(np.median(value[seconds <= ANCHOR_S]))
    walker = _Walker(level, band, return_share, persist_s, max(round(level_s / dt), 1))
    rows, times = value.tolist(), seconds.tolist()
    for i, x in enumerate(rows):
        away = abs(x - walker.level)
        if walker.opened < 0:
            walker.calm_step(i, away, rows, times)
        else:
            walker.outside_step(i, away, rows, times)
    walker.finish(rows, times)
    return walker.runs


def load_events(
    time: np.ndarray,
    value: np.ndarray,
    *,
    floor: float,
    noise_factor: float = 8.0,
    persist_s: float = 480.0,
    return_share: float = 0.25,
    level_s: float = 300.0,
    step_s: float = 0.5,
) -> pd.DataFrame:
    """Find every excursion of a fast channel from its unloaded level, of either sign.

    Parameters
    ----------
    time : datetime64 array, (sample,)
        Increasing, UTC.
    value : array, (sample,) [any unit]
    floor : float [unit of the value]
        Smallest effect of a load worth naming, whatever the noise; for foil strain gauges and
        bearing forces 2 um/m and 2 kN.
    noise_factor : float, default 8
        The band is at least so many robust sigmas of the short medians.
    persist_s, return_share, level_s :
        See `walk`.
    step_s : float, default 0.5 [s]
        Length of the medians; shorter events than twice this are not seen.

    Returns
    -------
    DataFrame
        `start`, `end` (NaT where the load still stands at the end of the data), `peak_time`,
        `peak` (signed, against the level before), `sign` (1 or -1), `duration_s`, `before` and
        `after` (unloaded levels), `outcome` ('returned', 'open', 'shift').
    """
    moments, medians = short_medians(time, value, step_s=step_s)
    rows: list[dict] = []
    if medians.size > 1:
        band = max(floor, noise_factor * noise_sigma(medians))
        for first, last in pairwise(_pieces(moments)):
            clock, part = moments[first:last], medians[first:last]
            runs = walk(
                clock,
                part,
                band=band,
                persist_s=persist_s,
                return_share=return_share,
                level_s=level_s,
            )
            rows += [_event(run, clock, part) for run in runs]
    return pd.DataFrame(rows, columns=list(_KINDS)).astype(_KINDS)


def _event(run: Run, clock: np.ndarray, part: np.ndarray) -> dict:
    deviation = part[run.start : run.stop + 1] - run.before
    top = int(np.argmax(np.abs(deviation)))
    seconds = (clock[run.stop] - clock[run.start]).astype(np.int64) / 1000.0
    return {
        "start": clock[run.start],
        "end": np.datetime64("NaT", "ms") if run.outcome == "open" else clock[run.stop],
        "peak_time": clock[run.start + top],
        "peak": deviation[top],
        "sign": 1 if deviation[top] > 0 else -1,
        "duration_s": seconds,
        "before": run.before,
        "after": run.after,
        "outcome": run.outcome,
    }


def load_passages(
    time: np.ndarray,
    value: np.ndarray,
    *,
    floor: float,
    min_duration_s: float = 2.0,
    max_passage_s: float = 60.0,
    noise_factor: float = 8.0,
    persist_s: float = 480.0,
    step_s: float = 0.5,
) -> pd.DataFrame:
    """Name the vehicles that passed over a bridge, and those that parked on it.

    Parameters
    ----------
    time : datetime64 array, (sample,)
        Increasing, UTC.
    value : array, (sample,) [any unit]
        Strain, bearing force or another load effect.
    floor, noise_factor, persist_s, step_s :
        See `load_events`.
    min_duration_s : float, default 2 [s]
        Shorter events are shocks, not loads.
    max_passage_s : float, default 60 [s]
        A load that stays longer is parked.

    Returns
    -------
    DataFrame
        A row per load in the order of time: `kind` ('passage' or 'parked'), `start`, `end` (NaT:
        still standing at the end of the data), `peak_time`, `peak` [unit of the value], `sign`,
        `duration_s`. Shifts of the level itself are left to `methods.shifts`.
    """
    events = load_events(
        time,
        value,
        floor=floor,
        noise_factor=noise_factor,
        persist_s=persist_s,
        step_s=step_s,
    )
    loads = events[(events["outcome"] != "shift") & (events["duration_s"] >= min_duration_s)]
    kind = np.where(loads["duration_s"] <= max_passage_s, "passage", "parked")
    loads = loads.assign(kind=np.asarray(kind, dtype=object))
    return loads[["kind", *COLUMNS]].reset_index(drop=True)


def _pieces(moments: np.ndarray) -> np.ndarray:
    gaps = np.flatnonzero(np.diff(moments) > np.timedelta64(round(GAP_S * 1000), "ms")) + 1
    return np.concatenate([[0], gaps, [moments.size]])
