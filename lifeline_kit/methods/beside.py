"""How far a sensor departs from its like neighbours at the same moment, in robust sigma.

The spatial check of observation networks with a median and a median absolute deviation in place
of mean and standard deviation, so that one wild neighbour moves nothing.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.spatial import KDTree

_MAD_TO_SIGMA = 1.4826
LEAST_NEIGHBOURS = 3  # fewer say nothing of who is wrong
_FRESH = 1.5  # a neighbour's reading counts while not older than so many of its own intervals

Series = tuple[np.ndarray, np.ndarray]  # times and values of one sensor, without NaN


def within_reach(places: np.ndarray, alike: Sequence[object], reach_m: float) -> list[list[int]]:
    """Positions of the like neighbours of each sensor, itself left out.

    Parameters
    ----------
    places : array, (sensor, 2) [m]
        NaN for an unknown place: it has no neighbours and is none.
    alike : sequence, (sensor,)
        Only sensors of equal value are compared, such as those on one kind of asset.
    reach_m : float
    """
    known = np.flatnonzero(np.isfinite(places).all(axis=1))
    found: list[list[int]] = [[] for _ in alike]
    if known.size > 1:
        near = KDTree(places[known]).query_ball_point(places[known], reach_m)
        for row, others in zip(known, near, strict=True):
            own = (int(known[other]) for other in sorted(others))
            found[row] = [other for other in own if other != row and alike[other] == alike[row]]
    return found


def departure(
    own: Series, others: Sequence[Series], intervals_s: Sequence[float], *, floor: float
) -> np.ndarray:
    """Grade each reading of a sensor against the latest readings of its neighbours.

    Parameters
    ----------
    own : times (obs,), values (obs,)
    others : sequence of the same
    intervals_s : sequence of float
        Expected interval of each neighbour; older readings than one and a half of them are left
        out.
    floor : float [unit of the values]
        Smallest sigma.

    Returns
    -------
    array, (obs,)
        (own - median) / max(1.4826 MAD, floor); NaN where fewer than three neighbours speak.
    """
    time, value = own
    beside = np.full((len(others), time.size), np.nan)
    for row, ((when, what), interval) in enumerate(zip(others, intervals_s, strict=True)):
        last = np.searchsorted(when, time, side="right") - 1
        known = np.flatnonzero(last >= 0)
        fresh = np.timedelta64(round(_FRESH * interval * 1000), "ms")
        known = known[time[known] - when[last[known]] <= fresh]
        beside[row, known] = what[last[known]]
    graded = np.full(time.size, np.nan)
    enough = np.flatnonzero(np.isfinite(beside).sum(axis=0) >= LEAST_NEIGHBOURS)
    if enough.size:
        spoken = beside[:, enough]
        centre = np.nanmedian(spoken, axis=0)
        sigma = _MAD_TO_SIGMA * np.nanmedian(np.abs(spoken - centre), axis=0)
        graded[enough] = (value[enough] - centre) / np.maximum(sigma, floor)
    return graded


def departures(
    series: Mapping[int, Series],
    wanted: Sequence[int],
    neighbours: Sequence[Sequence[int]],
    intervals_s: np.ndarray,
    *,
    floor: float,
) -> dict[int, np.ndarray]:
    """Grade the sensors at the positions `wanted` against their neighbours (`within_reach`)."""
    found = {}
    for row in wanted:
        others = [other for other in neighbours[row] if other in series]
        if row in series and len(others) >= LEAST_NEIGHBOURS:
            found[row] = departure(
                series[row],
                [series[other] for other in others],
                [float(intervals_s[other]) for other in others],
                floor=floor,
            )
    return found
