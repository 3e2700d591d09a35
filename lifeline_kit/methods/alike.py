"""A flow that stays above what it was on days like this one: mass balance without a meter at home.

The usual flow of an hour is the median of the same hour of the days most alike, told by the last
24 hours of a guide (the flow of other networks, which share weather and holidays, or the flow
itself). What is left over goes through a CUSUM scaled by its long-run spread, as errors of demand
last for hours. An excess that was raised never enters what is usual.
"""

from dataclasses import dataclass

import numpy as np

from lifeline_kit.methods.cusum import Cusum, State, threshold_for, update

_DAY = 24
_FEWEST = 3  # days alike


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Settings.

    Attributes
    ----------
    learn_days : int [d]
        No excess is told before; the first days only feed the usual.
    most_days : int [d]
        How far back days alike are looked for.
    alike : int
        Days whose median is the usual.
    block_h : int [h]
        Errors further apart count as independent: the long-run spread is that of block means.
    shift : float [long-run sigma of an hour]
        Smallest excess worth finding.
    least_sigma : float [share of the usual]
        Long-run spread of an hour that is never undercut: a month is short to learn it from; 0.1
        is 2 % of a daily mean.
    between_false_days : float [d]
        Between two false alarms of one flow, were its errors as assumed.
    """

    learn_days: int = 10
    most_days: int = 28
    alike: int = 5
    block_h: int = 24
    shift: float = 0.5
    least_sigma: float = 0.1
    between_false_days: float = 365.0

    @property
    def threshold(self) -> float:
        """Of the sum [sigma]."""
        hours = self.between_false_days * _DAY
        return threshold_for(hours, shift=self.shift, two_sided=False)


@dataclass(frozen=True, slots=True)
class Excess:
    """What each hour led to, arrays (hour,).

    Attributes
    ----------
    usual : [unit of the flow]
        NaN while unknown.
    sigma : share of the usual
        Long-run spread of an hour: that of a mean over n hours is sigma / sqrt(n).
    raised : bool
    start : int
        Hour at which the sum last stood at zero.
    days : int array, (hour, alike)
        Hours that gave the usual, -1 for none: for other series of the same clock.
    """

    usual: np.ndarray
    sigma: np.ndarray
    raised: np.ndarray
    start: np.ndarray
    days: np.ndarray


def watch_excess(flow: np.ndarray, guide: np.ndarray | None = None, *, watch: Watch) -> Excess:
    """Watch an hourly flow for an excess that lasts, day by day and from the past alone.

    Parameters
    ----------
    flow : array, (hour,)
        Above zero; NaN where nothing came.
    guide : array, (hour,), optional
        Flow of like networks, to which this one is proportional; by default days alike are told
        by the flow's own shape and their level is not corrected.
    watch : Watch
    """
    n = flow.size
    own = guide is None
    scale = np.ones(n) if guide is None else np.where(guide > 0, guide, np.nan)
    shape = _trailing(flow if guide is None else guide, level=not own)
    share = np.where(flow > 0, flow, np.nan) / scale
    found = Excess(
        usual=np.full(n, np.nan),
        sigma=np.full(n, np.nan),
        raised=np.zeros(n, dtype=bool),
        start=np.arange(n),
        days=np.full((n, watch.alike), -1),
    )
    left, state = np.full(n, np.nan), State()
    settings = Cusum(sigma=1.0, shift=watch.shift, threshold=watch.threshold)
    for first in range(_DAY * _FEWEST, n, _DAY):
        today = np.arange(first, min(first + _DAY, n))
        found.days[today] = _days_alike(shape, share, today, watch)
        found.usual[today] = usual_of(share, found.days[today]) * scale[today]
        left[today] = flow[today] / found.usual[today] - 1.0
        sigma = max(_long_run(left[:first], watch.block_h), watch.least_sigma)
        if first < _DAY * watch.learn_days or not sigma > 0:
            continue
        state, step = update(state, left[today] / sigma, settings=settings)
        found.sigma[today] = sigma
        found.raised[today] = (step.up > settings.threshold) & (step.up >= step.down)
        found.start[today] = today - np.where(step.up > step.down, step.since, 0) + 1
        if found.raised[today].any():  # neither flow nor error of these hours is usual
            at = int(found.start[today][found.raised[today]].min())
            kept = slice(max(at, 0), int(today[found.raised[today]][-1]) + 1)
            share[kept] = left[kept] = np.nan
    return found


def usual_of(values: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Median of a series over the hours of days alike, (row,); NaN where fewer than three.

    Parameters
    ----------
    values : array, (hour,)
    days : int array, (row, alike)
        Of `Excess`.
    """
    seen = np.where(days >= 0, values[days], np.nan)
    enough = np.isfinite(seen).sum(axis=1) >= _FEWEST
    middle = np.full(len(days), np.nan)
    middle[enough] = np.nanmedian(seen[enough], axis=1)
    return middle


def least_excess(watch: Watch, sigma: float, *, hours: float) -> float:
    """Smallest excess that is raised within so many hours, as a share of the usual flow.

    Parameters
    ----------
    watch : Watch
    sigma : float
        Of `Excess`.
    hours : float [h]
    """
    return sigma * (watch.threshold / hours + 0.5 * watch.shift)


def excess_size(flow: np.ndarray, usual: np.ndarray, sigma: float) -> tuple[float, float]:
    """Size of a constant excess and half its 90 % interval, hours of little flow weighing most.

    Parameters
    ----------
    flow, usual : arrays, (hour,)
    sigma : float
        Of `Excess`.
    """
    own = np.isfinite(flow) & np.isfinite(usual)
    weight = 1.0 / usual[own] ** 2
    total = max(float(weight.sum()), 1e-300)
    size = float((weight * (flow[own] - usual[own])).sum()) / total
    return size, 1.645 * sigma / total**0.5


def _trailing(values: np.ndarray, *, level: bool) -> np.ndarray:
    """Logarithms of the last 24 hours at each hour, (hour, 24)."""
    logs = np.log(np.where(values > 0, values, np.nan))
    padded = np.r_[np.full(_DAY - 1, np.nan), logs]
    seen = np.lib.stride_tricks.sliding_window_view(padded, _DAY)
    if level:
        return seen
    known = np.isfinite(seen)
    return seen - (np.nansum(seen, axis=1) / np.maximum(known.sum(axis=1), 1))[:, None]


def _days_alike(
    shape: np.ndarray, share: np.ndarray, today: np.ndarray, watch: Watch
) -> np.ndarray:
    """Hours of the days most alike, (hour of today, alike), -1 where there are not so many."""
    back = today[:, None] - _DAY * np.arange(1, watch.most_days + 1)
    there = np.maximum(back, 0)
    away = np.abs(shape[there] - shape[today][:, None])
    known = np.isfinite(away)
    few = known.sum(axis=2) < _DAY // 2
    apart = np.where(known, away, 0.0).sum(axis=2) / np.maximum(known.sum(axis=2), 1)
    apart[few | (back < 0) | ~np.isfinite(share[there])] = np.inf
    order = np.argsort(apart, axis=1, kind="stable")[:, : watch.alike]
    chosen = np.take_along_axis(back, order, axis=1)
    return np.where(np.isfinite(np.take_along_axis(apart, order, axis=1)), chosen, -1)


def _long_run(left: np.ndarray, block: int) -> float:
    """Spread of block means times the root of a block, about zero; NaN from fewer than six."""
    whole = left[left.size % block :].reshape(-1, block)
    enough = np.isfinite(whole).sum(axis=1) >= block // 2
    if enough.sum() < 6:
        return float("nan")
    means = np.nanmean(whole[enough], axis=1)
    return float(np.sqrt((means**2).mean() * block))
