"""Departure of several channels from how a machine ran in a reference stretch.

The unit of each channel is what its short means did within the reference: a channel that wanders
by itself (a temperature) must go further before it counts than one that stood still (a flow).
"""

import numpy as np
import pandas as pd


def departures(values: np.ndarray, *, reference: int, window: int) -> np.ndarray:
    """Distance of short means from the reference's median, in the reference's own wander.

    Parameters
    ----------
    values : array, (channel, time) [any units]
        Without NaN, evenly sampled.
    reference : int
        Leading samples that show the machine as it should run.
    window : int
        Samples of a trailing mean.

    Returns
    -------
    float array, (channel, time)
        In root mean squares of the means within the reference, never finer than noise and
        resolution of the channel allow for a mean of so many samples.
    """
    values = np.asarray(values, dtype=np.float64)
    means = pd.DataFrame(values.T).rolling(window, min_periods=1).mean().to_numpy().T
    first = values[:, :reference]
    usual = np.median(first, axis=1, keepdims=True)
    wander = np.sqrt(((means[:, window:reference] - usual) ** 2).mean(axis=1))
    noise = np.maximum(first.std(axis=1), 0.5 * _resolution(first)) / np.sqrt(window)
    unit = np.maximum(wander, noise)[:, None]
    return np.abs(means - usual) / np.where(unit > 0, unit, np.inf)


def _resolution(values: np.ndarray) -> np.ndarray:
    """Smallest step of each channel, 0 where it never moved."""
    steps = np.abs(np.diff(values, axis=1))
    steps = np.where(steps > 0, steps, np.inf).min(axis=1)
    return np.where(np.isfinite(steps), steps, 0.0)


def delayed(raised: np.ndarray, *, on: int, off: int) -> np.ndarray:
    """Apply on-delay and off-delay of an alarm, in samples.

    Parameters
    ----------
    raised : bool array, (time,)
    on : int
        Samples in a row before the state is on.
    off : int
        Samples that it stays on after the last such run.
    """
    series = pd.Series(raised.astype(float))
    lasting = series.rolling(on, min_periods=on).min().fillna(0.0)
    return lasting.rolling(off, min_periods=1).max().to_numpy() > 0
