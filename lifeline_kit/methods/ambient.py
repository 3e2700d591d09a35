"""Alarm on methane in the open air: hysteresis above a background that moves slowly.

The defaults (on 1.0 ppm, off a third, 60 min of hold, 24 h of background) were chosen on the
METEC controlled releases of 2022 (wsdaniels/DLQ, MIT; Daniels et al. 2024, Elementa 12, 00110);
neither the true releases nor the events published with them are read here.
"""

from datetime import timedelta

import numpy as np
import pandas as pd

COLUMNS = ("start", "end", "peak_time", "peak", "peak_value")
_KINDS = dict.fromkeys(COLUMNS[:3], "datetime64[ms]") | dict.fromkeys(COLUMNS[3:], "float64")


def background(
    time: np.ndarray, value: np.ndarray, *, window_h: float = 24.0, quantile: float = 0.1
) -> np.ndarray:
    """Slow background of a gas reading, from the past alone.

    Parameters
    ----------
    time : datetime64 array, (reading,)
        Increasing.
    value : array, (reading,) [ppm]
        NaN is passed over.
    window_h : float, default 24 [h]
    quantile : float, default 0.1
        Low, because a release only adds.

    Returns
    -------
    array, (reading,) [ppm]
    """
    index = pd.DatetimeIndex(np.asarray(time).astype("datetime64[ms]"))
    past = pd.Series(np.asarray(value, dtype=np.float64), index=index)
    return past.rolling(timedelta(hours=window_h), min_periods=1).quantile(quantile).to_numpy()


def methane_episodes(
    time: np.ndarray,
    value: np.ndarray,
    *,
    on_ppm: float = 1.0,
    off_share: float = 1.0 / 3.0,
    hold_min: float = 60.0,
    window_h: float = 24.0,
    quantile: float = 0.1,
) -> pd.DataFrame:
    """Find episodes of raised methane, causally.

    An episode starts at the first reading `on_ppm` above the background and ends once all of
    `hold_min` stayed below `off_share * on_ppm`: wind turns a plume away for a while.

    Parameters
    ----------
    time : datetime64 array, (reading,)
        Increasing, UTC.
    value : array, (reading,) [ppm]
        Concentration, or enhancement over any constant.
    on_ppm : float, default 1.0 [ppm]
    off_share : float, default 1/3
    hold_min : float, default 60 [min]
    window_h, quantile :
        Of the `background`.

    Returns
    -------
    DataFrame
        `start`, `end` (last reading above off; NaT where the hold had not passed when the data
        ended), `peak_time`, `peak` [ppm above background], `peak_value` [ppm].
    """
    value = np.asarray(value, dtype=np.float64)
    here = np.isfinite(value)
    time, value = np.asarray(time).astype("datetime64[ms]")[here], value[here]
    above = value - background(time, value, window_h=window_h, quantile=quantile)
    raised = np.flatnonzero(above >= off_share * on_ppm)
    if not raised.size:
        return pd.DataFrame(columns=list(COLUMNS)).astype(_KINDS)
    hold = np.timedelta64(round(hold_min * 60_000), "ms")
    apart = np.flatnonzero(np.diff(time[raised]) > hold) + 1
    rows = []
    for group in np.split(raised, apart):
        strong = group[above[group] >= on_ppm]
        if not strong.size:
            continue
        first, last = strong[0], group[-1]
        top = first + int(np.argmax(above[first : last + 1]))
        ended = time[-1] - time[last] > hold
        rows.append(
            {
                "start": time[first],
                "end": time[last] if ended else np.datetime64("NaT", "ms"),
                "peak_time": time[top],
                "peak": above[top],
                "peak_value": value[top],
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(_KINDS)
