"""Persistent shifts: the unloaded level of a channel moves and does not come back.

A lowered support changes the level for good; a passage returns within a minute, a parked truck
within some minutes, warming is slow enough to be followed. So a shift is what has left the band
around the unloaded level and has not returned within `persist_s`.
"""

import numpy as np
import pandas as pd

from lifeline_kit.methods.events import load_events

COLUMNS = ("time", "settled", "step", "before", "after", "delay_s")


def persistent_shifts(
    time: np.ndarray,
    value: np.ndarray,
    *,
    floor: float,
    noise_factor: float = 8.0,
    persist_s: float = 480.0,
    level_s: float = 300.0,
    step_s: float = 0.5,
) -> pd.DataFrame:
    """Find lasting changes of the unloaded level of a fast channel.

    Parameters
    ----------
    time : datetime64 array, (sample,)
        Increasing, UTC.
    value : array, (sample,) [any unit]
        Strain, bearing force, inclination …
    floor : float [unit of the value]
        Smallest shift worth naming; 2 um/m for foil strain gauges, 2 kN for bearing forces.
    noise_factor : float, default 8
        A shift is at least so many robust sigmas of the short medians.
    persist_s : float, default 480 [s]
        Longer than loads stand. A truck that stays longer is reported as a shift, and again,
        with the other sign, when it leaves.
    level_s : float, default 300 [s]
        Creep that stays below `floor` within half of this is followed, not reported.
    step_s : float, default 0.5 [s]

    Returns
    -------
    DataFrame
        A row per shift: `time` of the first step out of the band, `settled` (when the level
        stood again, or the end of the data), `step`, `before`, `after` [unit of the value] and
        `delay_s`, from `time` to the moment at which it could be told from a parked load.
        Stages that follow within `persist_s` are one shift.

    Notes
    -----
    Load tests on the UniBw Munich bridge leave at most 1.9 kN and 1.4 um/m behind, the first
    support lowering 29 um/m within its file; the times were chosen on those recordings.
    """
    events = load_events(
        time,
        value,
        floor=floor,
        noise_factor=noise_factor,
        persist_s=persist_s,
        level_s=level_s,
        step_s=step_s,
    )
    found = events[events["outcome"] == "shift"].reset_index(drop=True)
    return pd.DataFrame(
        {
            "time": found["start"],
            "settled": found["end"],
            "step": found["after"] - found["before"],
            "before": found["before"],
            "after": found["after"],
            "delay_s": np.minimum(found["duration_s"], persist_s),
        },
        columns=list(COLUMNS),
    )
