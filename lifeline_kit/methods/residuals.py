"""Several water-quality channels against their own past: one score, and its episodes.

Each channel is compared with its running median. `causal_residual` counts the distance in robust
sigmas of the same day and takes the worst channel, which names who left his path.
`joint_residual` counts it in what the channel itself does once in twenty readings and averages
over the channels, so that one restless channel cannot outshine several that move together.
Defaults of both were chosen on the first half of GECCO 2018 (Zenodo 3884398), scored against its
labels, which are never read here.
"""

from datetime import timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd

COLUMNS = ("start", "known", "end", "peak_time", "peak", "channel")
_KINDS = dict.fromkeys(COLUMNS[:4], "datetime64[ms]") | {"peak": "float64", "channel": "int64"}
_STEP_DAYS = 7  # the typical step of the instrument is learnt over so long


class Residual(NamedTuple):
    """Score per time, and which channel gave it (-1: no channel could be scored)."""

    score: np.ndarray
    channel: np.ndarray


def causal_residual(
    time: np.ndarray, values: np.ndarray, *, window_h: float = 24.0, floor_steps: float = 3.0
) -> Residual:
    """Distance of several channels from their past, in robust sigmas, worst channel first.

    Parameters
    ----------
    time : datetime64 array, (time,)
        Increasing.
    values : array, (channel, time) [any units]
        NaN where nothing came; never filled.
    window_h : float, default 24 [h]
        Past over which median and spread are taken; the reading itself is not part of it.
    floor_steps : float, default 3
        The spread is at least so many typical (median non-zero) steps of the channel: a channel
        that stands still for a day must not make its next digit an event.

    Returns
    -------
    Residual
        `score` (time,) in sigmas, NaN where no channel has a past of an hour; `channel` (time,).
    """
    index = pd.DatetimeIndex(np.asarray(time).astype("datetime64[ms]"))
    window = timedelta(hours=window_h)
    enough = _an_hour(index)
    scores = np.full(np.shape(values), np.nan)
    for row, channel in enumerate(np.asarray(values, dtype=np.float64)):
        scores[row] = _one_channel(pd.Series(channel, index=index), window, enough, floor_steps)
    worst = np.nan_to_num(scores, nan=-1.0).argmax(axis=0) if len(scores) else np.zeros(0, int)
    score = scores[worst, np.arange(len(index))]
    return Residual(score, np.where(np.isnan(score), -1, worst))


def _one_channel(
    channel: pd.Series, window: timedelta, enough: int, floor_steps: float
) -> np.ndarray:
    usual = channel.rolling(window, min_periods=enough, closed="left").median()
    away = (channel - usual).abs()
    spread = 1.4826 * away.rolling(window, min_periods=enough, closed="left").median()
    sigma = spread.clip(lower=floor_steps * _typical_step(channel))
    return (away / sigma.where(sigma > 0)).to_numpy()


def joint_residual(
    time: np.ndarray,
    values: np.ndarray,
    *,
    smooth_min: float = 7.0,
    window_h: float = 12.0,
    memory_days: float = 3.0,
    cap: float = 10.0,
) -> np.ndarray:
    """Mean distance of several channels from their past, each in its own restlessness.

    Parameters
    ----------
    time : datetime64 array, (time,)
        Increasing.
    values : array, (channel, time) [any units]
        NaN where nothing came; never filled.
    smooth_min : float, default 7 [min]
        A channel is first reduced to its median over so long: single readings are no event.
    window_h : float, default 12 [h]
        Past over which the usual level (median) is taken.
    memory_days : float, default 3 [d]
        Past over which half the 95th percentile of the distance is the unit, never finer than
        three typical steps of the instrument.
    cap : float, default 10
        One channel counts at most so much.

    Returns
    -------
    float array, (time,)
        0 where no channel has a past of an hour.
    """
    index = pd.DatetimeIndex(np.asarray(time).astype("datetime64[ms]"))
    enough = _an_hour(index)
    total, heard = np.zeros(len(index)), np.zeros(len(index))
    for row in np.asarray(values, dtype=np.float64):
        channel = pd.Series(row, index=index)
        calm = channel.rolling(timedelta(minutes=smooth_min), min_periods=1).median()
        usual = calm.rolling(timedelta(hours=window_h), min_periods=enough, closed="left").median()
        away = (calm - usual).abs()
        past = away.rolling(timedelta(days=memory_days), min_periods=enough, closed="left")
        unit = (past.quantile(0.95) / 2).clip(lower=3.0 * _typical_step(channel))
        distance = (away / unit.where(unit > 0)).clip(upper=cap)
        total += distance.fillna(0.0).to_numpy()
        heard += distance.notna().to_numpy()
    return total / np.maximum(heard, 1.0)


def _an_hour(index: pd.DatetimeIndex) -> int:
    """Readings in an hour: the least past that tells a usual level."""
    if len(index) < 2:
        return 1
    return max(int(pd.Timedelta(hours=1) / pd.Series(index).diff().median()), 1)


def _typical_step(channel: pd.Series) -> pd.Series:
    """Median non-zero step over the past days; 0 where there was none."""
    # float32 readings repeat a digit with noise of 1e-7 of the value: that is no step
    present = channel.dropna()
    step = present.diff().abs()
    step = step.where(step > 1e-6 * present.abs().clip(lower=1e-6)).reindex(channel.index)
    days = timedelta(days=_STEP_DAYS)
    return step.rolling(days, min_periods=1, closed="left").median().fillna(0.0)


def residual_episodes(
    time: np.ndarray,
    residual: Residual,
    *,
    on: float = 6.0,
    off: float = 3.0,
    confirm: int = 5,
    hold_min: float = 30.0,
) -> pd.DataFrame:
    """Join scores into episodes, causally.

    Parameters
    ----------
    time : datetime64 array, (time,)
        Increasing, UTC.
    residual : Residual
    on, off : float, default 6 and 3 [sigma]
        An episode begins at the first score of `on` and goes on while scores of `off` follow
        one another within `hold_min`.
    confirm : int, default 5
        Readings of at least `on` before the episode counts.
    hold_min : float, default 30 [min]

    Returns
    -------
    DataFrame
        `start`, `known` (the confirming reading), `end` (NaT: still going on), `peak_time`,
        `peak` [sigma], `channel` (row of the worst one at the peak).
    """
    time = np.asarray(time).astype("datetime64[ms]")
    score = np.nan_to_num(residual.score, nan=0.0)
    raised = np.flatnonzero(score >= off)
    hold = np.timedelta64(round(hold_min * 60_000), "ms")
    apart = np.flatnonzero(np.diff(time[raised]) > hold) + 1
    rows = []
    for group in np.split(raised, apart):
        strong = group[score[group] >= on]
        if strong.size < confirm:
            continue
        first, last = strong[0], group[-1]
        top = first + int(np.argmax(score[first : last + 1]))
        rows.append(
            {
                "start": time[first],
                "known": time[strong[confirm - 1]],
                "end": time[last] if time[-1] - time[last] > hold else np.datetime64("NaT", "ms"),
                "peak_time": time[top],
                "peak": score[top],
                "channel": residual.channel[top],
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(_KINDS)
