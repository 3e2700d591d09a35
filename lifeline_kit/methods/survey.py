"""Leak indications from methane measured on a moving vehicle.

A baseline that follows the city's air, peaks a tenth above it at a speed at which plumes are still
told apart, and groups of peaks; a group seen on two passes or more counts as verified. Parameters
follow the published surveys of von Fischer and Weller (PLoS ONE 14(2) e0212287: 1,020 records,
+10 %, 5 s, 45 mph, 160 m), the procedure here is our own.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from lifeline_kit.errors import InputError
from lifeline_kit.methods.box import compiled

_EVALUATIONS = 20  # medians per window; between them the baseline is a straight line


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveySettings:
    """Parameters of a mobile survey.

    Attributes
    ----------
    window : int
        Records of the baseline's centred median.
    raised_share : float
        A record is raised from this share above the baseline on.
    pause_s : float [s]
        Raised records so near in time are one peak.
    fastest_m_s : float [m/s]
        Records of a faster vehicle are left out; 45 mph.
    group_m : float [m]
        Peaks so near to the strongest of a group belong to it.
    pass_s : float [s]
        Peaks of one drive farther apart in time are passes of their own.
    passes : int
        A group is verified from so many passes on.
    """

    window: int = 1020
    raised_share: float = 0.10
    pause_s: float = 5.0
    fastest_m_s: float = 45.0 * 0.44704
    group_m: float = 160.0
    pass_s: float = 300.0
    passes: int = 2

    def __post_init__(self) -> None:
        """Refuse what finds nothing or everything.

        Raises
        ------
        InputError
        """
        numbers = (self.raised_share, self.fastest_m_s, self.group_m, self.passes)
        if self.window < _EVALUATIONS or min(numbers) <= 0 or min(self.pause_s, self.pass_s) < 0:
            raise InputError(
                f"expected a window of {_EVALUATIONS} records or more and settings above 0; "
                f"got {self!r}."
            )


@compiled
def _medians(value, centres, half):
    out = np.empty(centres.size)
    for k in range(centres.size):
        low, high = max(centres[k] - half, 0), min(centres[k] + half, value.size)
        out[k] = np.median(value[low:high])
    return out


def baseline(methane: np.ndarray, *, window: int = 1020) -> np.ndarray:
    """Median of the records around each, evaluated twenty times per window.

    Parameters
    ----------
    methane : array, (record,) [ppm]
        Finite.
    window : int

    Returns
    -------
    array, (record,) [ppm]
    """
    n = methane.size
    if not n:
        return np.empty(0)
    centres = np.unique(np.r_[np.arange(0, n, max(window // _EVALUATIONS, 1)), n - 1])
    middle = _medians(np.ascontiguousarray(methane, dtype=np.float64), centres, window // 2)
    return np.interp(np.arange(n), centres, middle)


@dataclass(frozen=True, slots=True)
class Peaks:
    """Peaks of a survey, arrays (peak,).

    Attributes
    ----------
    xy : array, (peak, 2) [m]
        Mean place, weighted by the log of the enhancement.
    start, end : float array [s]
    excess : float array [ppm above baseline]
        Largest.
    records : int array
    drive : int array
    """

    xy: np.ndarray
    start: np.ndarray
    end: np.ndarray
    excess: np.ndarray
    records: np.ndarray
    drive: np.ndarray


def find_peaks(
    seconds: np.ndarray,
    xy: np.ndarray,
    methane: np.ndarray,
    *,
    drive: np.ndarray | None = None,
    settings: SurveySettings = SurveySettings(),
) -> Peaks:
    """Find peaks along the track.

    Parameters
    ----------
    seconds : array, (record,) [s]
        Increasing within each drive.
    xy : array, (record, 2) [m]
    methane : array, (record,) [ppm]
        NaN is passed over.
    drive : int array, (record,), optional
        Which drive a record is of, drives one after the other; one drive where not given.
    settings : SurveySettings

    Raises
    ------
    InputError
        Where lengths differ or a drive's clock runs backwards.
    """
    seconds, methane = np.asarray(seconds, dtype=float), np.asarray(methane, dtype=float)
    xy = np.asarray(xy, dtype=float)
    drive = np.zeros(seconds.size, dtype=int) if drive is None else np.asarray(drive)
    if not (seconds.size == methane.size == drive.size and xy.shape == (seconds.size, 2)):
        raise InputError(
            f"a track needs one time, place and methane per record; got {seconds.size}, "
            f"{xy.shape}, {methane.size}."
        )
    known = np.isfinite(methane) & np.isfinite(xy).all(axis=1) & np.isfinite(seconds)
    seconds, xy, methane, drive = seconds[known], xy[known], methane[known], drive[known]
    fresh = np.r_[True, drive[1:] != drive[:-1]][: drive.size]
    step = np.diff(seconds, prepend=seconds[:1])
    back = np.flatnonzero((step < 0) & ~fresh)
    if back.size:
        raise InputError(
            f"clock out of order: record {back[0]} is {-step[back[0]]:g} s before the one ahead; "
            "sort the track, or give each drive a number."
        )
    excess = methane - _baselines(methane, fresh, settings.window)
    level = methane - excess
    moved = np.hypot(*np.diff(xy, axis=0, prepend=xy[:1]).T)
    slow = fresh | (moved <= settings.fastest_m_s * np.maximum(step, 1e-9))
    raised = np.flatnonzero((excess >= settings.raised_share * level) & slow)
    return _joined(raised, seconds, xy, excess, drive, settings.pause_s)


def _baselines(methane: np.ndarray, fresh: np.ndarray, window: int) -> np.ndarray:
    parts = np.split(methane, np.flatnonzero(fresh)[1:])
    return np.concatenate([baseline(part, window=window) for part in parts])


def _joined(
    raised: np.ndarray,
    seconds: np.ndarray,
    xy: np.ndarray,
    excess: np.ndarray,
    drive: np.ndarray,
    pause_s: float,
) -> Peaks:
    """Join raised records that are near in time into peaks."""
    if not raised.size:
        none = np.empty(0)
        return Peaks(np.empty((0, 2)), none, none, none, none.astype(int), none.astype(int))
    apart = (np.diff(seconds[raised]) > pause_s) | (np.diff(drive[raised]) != 0)
    first = np.r_[0, np.flatnonzero(apart) + 1]
    weight = np.log1p(excess[raised])
    total = np.add.reduceat(weight, first)
    place = np.add.reduceat(xy[raised] * weight[:, None], first, axis=0) / total[:, None]
    last = np.r_[first[1:], raised.size] - 1
    return Peaks(
        xy=place,
        start=seconds[raised[first]],
        end=seconds[raised[last]],
        excess=np.maximum.reduceat(excess[raised], first),
        records=last - first + 1,
        drive=drive[raised[first]],
    )


@dataclass(frozen=True, slots=True)
class Indications:
    """Groups of peaks, the strongest first; arrays (group,).

    Attributes
    ----------
    xy : array, (group, 2) [m]
    excess : float array [ppm]
        Largest.
    peaks, passes : int array
    verified : bool array
    group_of_peak : int array, (peak,)
    """

    xy: np.ndarray
    excess: np.ndarray
    peaks: np.ndarray
    passes: np.ndarray
    verified: np.ndarray
    group_of_peak: np.ndarray


def group_peaks(peaks: Peaks, *, settings: SurveySettings = SurveySettings()) -> Indications:
    """Group peaks around the strongest and count the passes that saw each group.

    Parameters
    ----------
    peaks : Peaks
    settings : SurveySettings
    """
    n = peaks.excess.size
    group = np.full(n, -1)
    if n:
        tree = KDTree(peaks.xy)
        groups = 0
        for lead in np.argsort(-peaks.excess, kind="stable"):
            if group[lead] < 0:
                around = np.asarray(tree.query_ball_point(peaks.xy[lead], settings.group_m))
                group[around[group[around] < 0]] = groups
                groups += 1
    count = np.bincount(group[group >= 0]) if n else np.empty(0, dtype=int)
    weight = np.log1p(peaks.excess)
    total = np.bincount(group, weight) if n else np.empty(0)
    xy = np.empty((count.size, 2))
    for axis in (0, 1):
        xy[:, axis] = np.bincount(group, weight * peaks.xy[:, axis]) / total if n else np.empty(0)
    largest = np.zeros(count.size)
    np.maximum.at(largest, group, peaks.excess)
    passes = _passes(group, peaks, settings.pass_s, count.size)
    return Indications(xy, largest, count, passes, passes >= settings.passes, group)


def _passes(group: np.ndarray, peaks: Peaks, pass_s: float, n_groups: int) -> np.ndarray:
    """Count passes: peaks of another drive, or of the same one much later."""
    order = np.lexsort((peaks.start, peaks.drive, group))
    group, drive = group[order], peaks.drive[order]
    begun, ended = peaks.start[order], peaks.end[order]
    fresh = np.r_[
        True,
        (np.diff(group) != 0) | (np.diff(drive) != 0) | (begun[1:] - ended[:-1] > pass_s),
    ][: group.size]
    return np.bincount(group[fresh], minlength=n_groups)
