"""Corrections: proposed values beside the raw ones, each with the method that made it.

Raw values are never changed. A correction bridges single bad readings, or takes a drift out that
`quality.comparison.doubts` told of; anything longer stays a hole.
"""

import numpy as np
import pandas as pd

from lifeline_kit.model.city import City
from lifeline_kit.model.readings import (
    DRIFT,
    FLAT_LINE,
    FUTURE,
    RANGE_FAIL,
    SPIKE,
    flatten,
    nodes,
)

BRIDGED = "linear_interpolation"
UNDRIFTED = "linear_drift_removed"
_BAD = RANGE_FAIL | SPIKE
_MOST_READINGS = 3  # longer runs are not bridged: what lay between is not known
_EDGE = 96  # readings whose median is the level at either end of a drift


def bridged(
    time: np.ndarray, value: np.ndarray, bad: np.ndarray, *, most: int = _MOST_READINGS
) -> np.ndarray:
    """Straight line across short runs of bad readings.

    Parameters
    ----------
    time : datetime64 array, (time,)
    value : array, (time,) [any unit]
    bad : bool array, (time,)
    most : int, default 3
        Longest run of readings that is bridged.

    Returns
    -------
    float array, (time,) [unit of the value]
        The proposed value where one was bad and could be bridged; NaN everywhere else.
    """
    proposed = np.full(len(value), np.nan)
    good = np.flatnonzero(~bad)
    if good.size < 2:
        return proposed
    hours = np.asarray(time).astype("datetime64[ms]").astype(np.int64) / 3_600_000.0
    rows = np.flatnonzero(bad)
    before = np.searchsorted(good, rows) - 1
    inside = (before >= 0) & (before + 1 < good.size)
    rows, before = rows[inside], before[inside]
    first, last = good[before], good[before + 1]
    rows, first, last = (each[last - first - 1 <= most] for each in (rows, first, last))
    share = (hours[rows] - hours[first]) / (hours[last] - hours[first])
    line = np.asarray(value, dtype=np.float64)
    proposed[rows] = line[first] * (1 - share) + line[last] * share
    return proposed


def undrifted(value: np.ndarray, drifting: np.ndarray) -> np.ndarray:
    """Take a ramp out of the readings that drift.

    Parameters
    ----------
    value : array, (time,) [any unit]
    drifting : bool array, (time,)
        One stretch; the level before it is held to be right.

    Returns
    -------
    float array, (time,) [unit of the value]
        Proposed values where it drifts, NaN elsewhere.
    """
    proposed = np.full(len(value), np.nan)
    rows = np.flatnonzero(drifting)
    if rows.size < 2 * _EDGE:
        return proposed
    value = np.asarray(value, dtype=np.float64)
    gained = np.median(value[rows[-_EDGE:]]) - np.median(value[rows[:_EDGE]])
    # the medians stand half an edge inside the stretch
    share = (np.arange(rows.size) - _EDGE / 2) / (rows.size - _EDGE)
    proposed[rows] = value[rows] - gained * np.clip(share, 0.0, None)
    return proposed


def corrections(city: City) -> pd.DataFrame:
    """Propose values for all readings of a city that can be corrected.

    Parameters
    ----------
    city : City
        With flags and marked doubts.

    Returns
    -------
    DataFrame
        `sensor`, `time`, `value` (raw), `corrected`, `method`; what `LiveStore.write_corrections`
        keeps beside the readings.
    """
    parts = []
    for _, node in nodes(city.readings):
        flat = flatten(node)
        tests = node["tests"].to_numpy().reshape(-1)[flat.position]
        for i, sensor in enumerate(flat.sensors):
            run = slice(flat.starts[i], flat.starts[i + 1])
            own = tests[run]
            if not (own & (_BAD | DRIFT)).any():
                continue
            time, value = flat.time[run], flat.value[run]
            usable = (own & (FLAT_LINE | FUTURE)) == 0
            for method, proposed in (
                (BRIDGED, bridged(time, value, (own & _BAD) > 0)),
                (UNDRIFTED, undrifted(value, ((own & DRIFT) > 0) & usable)),
            ):
                here = ~np.isnan(proposed)
                parts.append(
                    pd.DataFrame(
                        {
                            "sensor": sensor,
                            "time": time[here],
                            "value": value[here],
                            "corrected": proposed[here],
                            "method": method,
                        }
                    )
                )
    columns = ["sensor", "time", "value", "corrected", "method"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
