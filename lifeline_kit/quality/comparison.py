"""Sensors in doubt: what only shows beside other sensors, or beside the sensor's own weeks.

Everything works on hourly means of the readings that passed the kernel, less what is usual at
that hour of the day: weather and use, which neighbours share, drop out. A sensor that then goes
its own way is in doubt (suspect), never failed: it may be the first to see an event. Doubts make
findings about sensors and never keep a reading from a rule.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

import geopandas as gpd
import numpy as np
import pandas as pd

from lifeline_kit.methods.baselines import quantile
from lifeline_kit.model.city import City
from lifeline_kit.model.lifeline import Lifeline
from lifeline_kit.model.readings import (
    CLOCK,
    DRIFT,
    MULTIVARIATE,
    NEIGHBOUR,
    UNUSABLE,
    VARIANCE,
    Flat,
    flatten,
    nodes,
)
from lifeline_kit.quality.neighbours import neighbours

_HOUR = np.timedelta64(3_600_000, "ms")
_SIGMA = 1.4826
_LEAST_DAYS = 7  # fewer tell no usual day
COLUMNS = ("sensor", "test", "since", "until", "value")

ALONE_SIGMA, ALONE_H = 8.0, 12  # off its neighbours: so far, for so many hours in a row
JOINT_SIGMA, JOINT_H = 8.0, 12  # off what the other channels of the asset tell
DRIFT_SIGMA, DRIFT_STEADY = 6.0, 0.5  # gain over day-to-day scatter; share of the way it gained
NOISE_RATIO, NOISE_DAYS = 4.0, 2  # day's noise over the usual day's, so many days in a row
CLOCK_MIN = 1.0  # stamps so far off the grid that the sensor's peers keep [min]


class Hours(NamedTuple):
    """Hourly means of the sensors of one group: `value` (sensor, hour), NaN where none came."""

    sensors: pd.Index
    begin: np.datetime64
    value: np.ndarray
    noise: np.ndarray  # (sensor, day) mean distance of a reading from its neighbours' line
    offset_min: np.ndarray  # (sensor,) of the stamps from the full interval


def doubts(city: City, lifelines: Sequence[Lifeline]) -> pd.DataFrame:
    """List the sensors in doubt.

    Parameters
    ----------
    city : City
        With flags.
    lifelines : sequence of Lifeline
        A quantity that a lifeline judges by its `shift` (settlement, convergence) drifts because
        the structure does: no drift of the sensor is looked for there.

    Returns
    -------
    DataFrame
        `sensor`, `test` (a bit of `tests`), `since`, `until` (UTC), `value`: sigmas for
        neighbour, multivariate and drift; ratio for variance; minutes for clock.
    """
    moving = {
        (lifeline.key, rule.quantity)
        for lifeline in lifelines
        for rule in lifeline.rules
        if rule.test == "shift"
    }
    rows: list[tuple] = []
    kept: list[Hours] = []
    for group, hours in _groups(city):
        rows += _clock(hours)
        if hours.value.shape[1] < 24 * _LEAST_DAYS:
            continue
        rows += _variance(hours)
        own = hours._replace(value=_deviation(hours.value))
        kept.append(own)
        assets = city.assets[city.assets["lifeline"] == group["lifeline"].iloc[0]]
        alone = _beside(own.value, neighbours(assets, group))
        rows += _lasting(own, alone, NEIGHBOUR, ALONE_SIGMA, ALONE_H)
        if (group["lifeline"].iloc[0], group["quantity"].iloc[0]) not in moving:
            rows += _drift(own, alone)
    rows += _joint(city, kept)
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(
        {"since": "datetime64[ms]", "until": "datetime64[ms]", "value": float}
    )


def _groups(city: City) -> Iterator[tuple[gpd.GeoDataFrame, Hours]]:
    """Sensors of one lifeline and quantity with their hours, from all nodes of the quantity."""
    table = city.sensors
    fast = table["interval_s"] < 60.0  # windows of fast sampling have no usual day
    by_quantity: dict[str, list[tuple[Flat, np.ndarray]]] = {}
    for _, node in nodes(city.readings):
        flat = flatten(node)
        tests = node["tests"].to_numpy().reshape(-1)[flat.position]
        by_quantity.setdefault(node.attrs["quantity"], []).append((flat, tests))
    for (_, quantity), group in table[~fast].groupby(["lifeline", "quantity"], sort=False):
        parts = by_quantity.get(str(quantity), [])
        if parts and len(group):
            yield cast("gpd.GeoDataFrame", group), _hours(group, parts)


def _hours(group: pd.DataFrame, parts: list[tuple[Flat, np.ndarray]]) -> Hours:
    owner, time, value = [], [], []
    for flat, tests in parts:
        row = group.index.get_indexer(flat.sensors)
        each = np.repeat(row, np.diff(flat.starts))
        keep = (each >= 0) & ((tests & UNUSABLE) == 0)
        owner.append(each[keep])
        time.append(flat.time[keep])
        value.append(flat.value[keep].astype(np.float64))
    row, when, what = np.concatenate(owner), np.concatenate(time), np.concatenate(value)
    if not row.size:
        none = np.full((len(group), 0), np.nan)
        return Hours(group.index, np.datetime64(0, "ms"), none, none, np.full(len(group), np.nan))
    begin = when.min().astype("datetime64[D]").astype("datetime64[ms]")
    hour = ((when - begin) // _HOUR).astype(np.int64)
    days = int(hour.max()) // 24 + 1
    shape = (len(group), days * 24)
    cell = row * shape[1] + hour
    count = np.bincount(cell, minlength=shape[0] * shape[1])
    total = np.bincount(cell, weights=what, minlength=shape[0] * shape[1])
    mean = np.divide(total, count, out=np.full(total.size, np.nan), where=count > 0)
    interval = group["interval_s"].to_numpy(dtype=float)
    return Hours(
        group.index,
        begin,
        mean.reshape(shape),
        _daily_noise(row, when, what, hour // 24, (len(group), days)),
        _offsets(row, when, interval),
    )


def _daily_noise(
    row: np.ndarray, when: np.ndarray, what: np.ndarray, day: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """Mean distance of readings from the middle of their neighbours, where the course turned."""
    noise = np.full(shape[0] * shape[1], np.nan)
    if row.size < 3:
        return noise.reshape(shape)
    same = (row[2:] == row[:-2]) & (when[2:] > when[:-2])
    up, down = what[1:-1] - what[:-2], what[2:] - what[1:-1]
    turned = np.where(up * down < 0, np.abs(up - down) / 2, 0.0)
    cell = (row[1:-1] * shape[1] + day[1:-1])[same]
    count = np.bincount(cell, minlength=noise.size)
    total = np.bincount(cell, weights=turned[same], minlength=noise.size)
    np.divide(total, count, out=noise, where=count > 20)
    return noise.reshape(shape)


def _offsets(row: np.ndarray, when: np.ndarray, interval_s: np.ndarray) -> np.ndarray:
    """Typical distance of a sensor's stamps from its full intervals [min], within half of one."""
    step = np.round(interval_s * 1000).astype(np.int64)
    sizes = np.bincount(row, minlength=step.size)
    order = np.argsort(row, kind="stable")
    stamps = when[order].astype("datetime64[ms]").astype(np.int64)
    offset = np.full(step.size, np.nan)
    for i, part in enumerate(np.split(stamps, np.cumsum(sizes)[:-1])):
        if part.size > 10:
            past = part[-2000:] % step[i]
            past = np.where(past > step[i] / 2, past - step[i], past)
            if np.quantile(past, 0.9) - np.quantile(past, 0.1) <= 0.02 * step[i]:
                offset[i] = np.median(past) / 60_000.0
    return offset


def _deviation(value: np.ndarray) -> np.ndarray:
    """Hourly means less the median of the same hour over all days, (sensor, hour)."""
    cube = value.reshape(value.shape[0], -1, 24)
    usual = quantile(np.moveaxis(cube, 1, 2), 0.5)
    return (cube - usual[:, None, :]).reshape(value.shape)


def _scale(values: np.ndarray) -> np.ndarray:
    """Robust sigma along the last axis, kept as a column; NaN where it is nothing."""
    middle = quantile(values, 0.5)[..., None]
    sigma = _SIGMA * quantile(np.abs(values - middle), 0.5)[..., None]
    return np.where(sigma > 0, sigma, np.nan)


def _beside(own: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Deviation less the neighbours' median, NaN where fewer than two neighbours report."""
    padded = np.concatenate([own, np.full((1, own.shape[1]), np.nan)])
    beside = padded[near]  # -1 takes the row of NaN
    middle = quantile(np.moveaxis(beside, 1, 2), 0.5)
    enough = (~np.isnan(beside)).sum(axis=1) >= 2
    return np.where(enough, own - middle, np.nan)


def _lasting(
    hours: Hours, local: np.ndarray, test: int, sigmas: float, least_h: int
) -> Iterator[tuple]:
    """Stretches of hours far off, longer than `least_h`."""
    far = local / _scale(local)
    for row in np.flatnonzero((np.abs(far) > sigmas).sum(axis=1) >= least_h):
        here = np.abs(far[row]) > sigmas
        for first, last in _runs(here, least_h):
            yield (
                hours.sensors[row],
                test,
                hours.begin + first * _HOUR,
                hours.begin + (last + 1) * _HOUR,
                float(np.nanmedian(far[row, first : last + 1])),
            )


def _runs(here: np.ndarray, least: int) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], here.astype(np.int8), [0]])))
    pairs = zip(edges[::2].tolist(), (edges[1::2] - 1).tolist(), strict=True)
    return [(a, b) for a, b in pairs if b - a + 1 >= least]


def _daily(values: np.ndarray) -> np.ndarray:
    return quantile(values.reshape(values.shape[0], -1, 24), 0.5)


def _drift(hours: Hours, local: np.ndarray) -> Iterator[tuple]:
    """Daily medians that creep away from the neighbours until the end."""
    daily = _daily(local)
    known = np.isfinite(daily).sum(axis=1) >= _LEAST_DAYS
    scatter = _scale(np.diff(daily, axis=1))[:, 0] / np.sqrt(2.0)
    line = pd.DataFrame(daily.T).ffill().bfill().to_numpy().T
    way = np.abs(np.diff(line, axis=1))
    days = daily.shape[1]
    end = np.median(line[:, -3:], axis=1)
    gain, start = np.zeros(len(line)), np.zeros(len(line), dtype=np.int64)
    for first in range(days - _LEAST_DAYS + 1):
        here = np.abs(end - np.median(line[:, first : first + 3], axis=1))
        better = (here > DRIFT_STEADY * way[:, first:].sum(axis=1)) & (here > gain)
        gain, start = np.where(better, here, gain), np.where(better, first, start)
    with np.errstate(divide="ignore", invalid="ignore"):
        sigmas = gain / scatter
    # a walk of independent days strays with the root of their number
    for row in np.flatnonzero(known & (sigmas > DRIFT_SIGMA * np.sqrt(days / _LEAST_DAYS))):
        since = hours.begin + start[row] * 24 * _HOUR
        yield hours.sensors[row], DRIFT, since, hours.begin + days * 24 * _HOUR, sigmas[row]


def _variance(hours: Hours) -> Iterator[tuple]:
    usual = quantile(hours.noise, 0.5)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = hours.noise / np.where(usual > 0, usual, np.nan)
    for row in np.flatnonzero((ratio > NOISE_RATIO).sum(axis=1) >= NOISE_DAYS):
        for first, last in _runs(ratio[row] > NOISE_RATIO, NOISE_DAYS):
            since = hours.begin + first * 24 * _HOUR
            until = hours.begin + (last + 1) * 24 * _HOUR
            yield hours.sensors[row], VARIANCE, since, until, float(ratio[row, first])


def _clock(hours: Hours) -> Iterator[tuple]:
    """Sensors whose stamps sit off the grid that most of their group keep."""
    offset = hours.offset_min
    if np.isfinite(offset).sum() < 3:
        return
    common = np.nanmedian(offset)
    if (np.abs(offset - common) <= CLOCK_MIN).sum() < 0.8 * np.isfinite(offset).sum():
        return  # no common grid
    days = max(hours.value.shape[1] // 24, 1)
    for row in np.flatnonzero(np.abs(offset - common) > CLOCK_MIN):
        until = hours.begin + days * 24 * _HOUR
        yield hours.sensors[row], CLOCK, hours.begin, until, float(offset[row] - common)


def _joint(city: City, kept: list[Hours]) -> Iterator[tuple]:
    """Channels of one asset against what the other channels of the asset tell (ridge)."""
    place = {sensor: (k, i) for k, h in enumerate(kept) for i, sensor in enumerate(h.sensors)}
    for _, group in city.sensors.groupby("asset", sort=False):
        names = [name for name in group.index if name in place]
        if len(names) < 3:
            continue
        begin = max(kept[place[name][0]].begin for name in names)
        rows = []
        for name in names:
            hours = kept[place[name][0]]
            late = int((begin - hours.begin) // _HOUR)
            rows.append(hours.value[place[name][1], late:])
        size = min(row.size for row in rows)
        if size < 24 * _LEAST_DAYS:
            continue
        cube = np.stack([row[:size] for row in rows])
        local = _unexplained(cube / _scale(cube))
        together = Hours(pd.Index(names), begin, cube, np.empty((0, 0)), np.empty(0))
        yield from _lasting(together, local, MULTIVARIATE, JOINT_SIGMA, JOINT_H)


def _unexplained(cube: np.ndarray) -> np.ndarray:
    """Each row less its ridge regression on the others, fitted twice: outliers leave the fit."""
    left = np.full(cube.shape, np.nan)
    whole = np.isfinite(cube).all(axis=0)
    if whole.sum() < 24 * _LEAST_DAYS:
        return left
    for i in range(len(cube)):
        x, y = np.delete(cube, i, axis=0)[:, whole].T, cube[i, whole]
        keep = np.ones(y.size, dtype=bool)
        for _ in range(2):
            a = x[keep].T @ x[keep] + np.eye(x.shape[1]) * 0.1 * keep.sum()
            weight = np.linalg.solve(a, x[keep].T @ y[keep])
            off = y - x @ weight
            keep = np.abs(off) <= 4 * _SIGMA * np.median(np.abs(off))
            if keep.sum() < 24:
                keep[:] = True
        left[i, whole] = off
    return left
