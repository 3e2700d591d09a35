"""How an incident shows: shapes over time, and the sensors it reaches."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from lifeline_kit.demo.networks import Net
from lifeline_kit.demo.sensors import ROLES
from lifeline_kit.demo.series_pipes import Series
from lifeline_kit.demo.truth import Event
from lifeline_kit.demo.weather import DAYS
from lifeline_kit.demo.world import World

END_H = 24.0 * DAYS
SHOWN_SIGMA = 4.0  # a sensor "should show" what exceeds so many sigma of its noise
MOST_SENSORS = 16


class Effect(NamedTuple):
    """What an incident adds: `delta` (sensor, time) to `rows` of a role from index `since`."""

    role: str
    rows: np.ndarray
    since: int
    delta: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Happening:
    """An event whose sensors are still to be found, with its effects."""

    event: Event
    effects: tuple[Effect, ...]


def near_sensor(world: World, net: Net, role: str, rng: np.random.Generator) -> int:
    """Choose a node within 700 m of a sensor, off the sources and not at the sensor itself."""
    xy = world.xy(role)
    row = int(rng.integers(len(xy)))
    away = np.hypot(*(net.streets.xy - xy[row]).T)
    near = np.flatnonzero((away > 60.0) & (away < 700.0))
    near = np.setdiff1d(near, net.sources)
    return int(rng.choice(near)) if near.size else int(world.of_role(role)["node"].iloc[row])


def window(world: World, role: str, start_h: float, end_h: float) -> tuple[int, np.ndarray]:
    """Return the first index and the hours of a role's clock within a span of time."""
    hours = world.hours(role)
    since, until = np.searchsorted(hours, [start_h, end_h])
    return int(since), hours[since : max(until, since + 1)]


def rise(hours: np.ndarray, start_h: float, over_h: float) -> np.ndarray:
    """Return a smooth rise from 0 to 1."""
    x = np.clip((hours - start_h) / max(over_h, 1e-6), 0.0, 1.0)
    return x * x * (3 - 2 * x)


def fall(hours: np.ndarray, end_h: float, over_h: float) -> np.ndarray:
    """Return a decay from 1 after `end_h` with a time constant."""
    return np.exp(-np.maximum(hours - end_h, 0.0) / over_h)


def relaxed(target: np.ndarray, tau_h: float, step_h: float) -> np.ndarray:
    """Return a first-order answer to a target, as rooms answer to radiators."""
    keep = np.exp(-step_h / tau_h)
    return lfilter([1 - keep], [1.0, -keep], target, axis=-1)


def outer(strength: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Return strength per sensor times shape over time."""
    return np.asarray(strength)[:, None] * shape[None, :]


def draw_span(
    rng: np.random.Generator, shortest_h: float, longest_h: float, *, open_: bool = False
) -> tuple[float, float]:
    """Draw start and end: after five quiet days; `open_` incidents last beyond the month."""
    length = rng.uniform(shortest_h, longest_h)
    if open_:
        return END_H - rng.uniform(0.5, 0.9) * length, END_H
    return (start := round(float(rng.uniform(120.0, END_H - length - 6.0)), 2)), start + length


def apply_all(world: World, happenings: Sequence[Happening]) -> tuple[Series, list[Event]]:
    """Add every effect to the series, and note which sensors should show each event.

    Returns
    -------
    values : dict of role to array
        A copy where something changed.
    events : list of Event
    """
    values = dict(world.values)
    touched: set[str] = set()
    events = []
    for happening in happenings:
        strength: dict[str, float] = {}
        for effect in happening.effects:
            if effect.role not in touched:
                values[effect.role] = values[effect.role].copy()
                touched.add(effect.role)
            stop = effect.since + effect.delta.shape[1]
            values[effect.role][effect.rows, effect.since : stop] += effect.delta
            ids = world.of_role(effect.role).index[effect.rows]
            floor = max(ROLES[effect.role].noise, ROLES[effect.role].resolution / 2)
            peak = np.abs(effect.delta).max(axis=1) / floor
            strength |= dict(zip(ids, peak.tolist(), strict=True))
        best = pd.Series(strength, dtype=float).sort_values(ascending=False, kind="stable")
        shown = best[best >= SHOWN_SIGMA].index[:MOST_SENSORS].tolist() or best.index[:1].tolist()
        sensors = happening.event.sensors or tuple(shown)
        events.append(replace(happening.event, sensors=sensors))
    return values, events
