"""Faulty methane terminals: drift, stuck, spikes, damp, other gases, flood."""

from dataclasses import dataclass

import numpy as np

from lifeline_kit.demo.underground_weather import Draw, Surroundings, declared, standard

FAULTS = ("drift", "stuck", "spikes", "humidity", "cross", "flood")


@dataclass(frozen=True, slots=True)
class Shown:
    """What terminals show, each array (time,).

    Attributes
    ----------
    level : [%VOL]
    beside : list of two arrays [%VOL]
        At the neighbours; damp and solvents come to several.
    flooded : [0/1]
    frozen : bool
        Where the output stands still, noise included.
    """

    level: np.ndarray
    beside: list[np.ndarray]
    flooded: np.ndarray
    frozen: np.ndarray


def faulty(draw: Draw, around: Surroundings, onset: float) -> Shown:
    """Draw what a faulty terminal shows above the truth."""
    kind = str(draw.rng.choice(FAULTS, p=declared()["lists"]["sensor_fault"][draw.split]))
    n = around.hours.size
    flooded = np.zeros(n)
    if kind == "flood":
        level, flooded = _flood(draw, around.hours, onset)
    else:
        level = _SHAPES[kind](draw, around, onset)
    shared = kind in {"humidity", "cross"} and draw.rng.random() < 0.35
    share = draw.rng.uniform(0.1, 0.6, 2) if shared else np.zeros(2)
    beside = [level * each for each in share]
    frozen = (level > 0) & (kind == "stuck")
    return Shown(np.maximum(level, 0.0), beside, flooded, frozen)


def _drift(draw: Draw, around: Surroundings, onset: float) -> np.ndarray:
    """Straight drift with a little of temperature; on test also exponential or wandering."""
    since = np.clip(around.hours - onset, 0.0, None)
    size, ramp = draw("fault_size"), draw("fault_ramp")
    form = draw.rng.integers(3) if draw.split == "test" else 0
    if form == 1:
        shape = 1.0 - np.exp(-2.0 * since / ramp)
    elif form == 2:
        wander = np.cumsum(draw.rng.standard_normal(since.size) * (since > 0))
        shape = np.clip(np.minimum(since / ramp, 1.0) * (1.0 + 0.04 * wander), 0.0, 3.0)
    else:
        shape = np.minimum(since / ramp, 1.5)
    heat = draw.rng.uniform(-0.05, 0.05) * (around.ground - around.ground.mean())
    return size * shape * (1.0 + heat)


def _stuck(draw: Draw, around: Surroundings, onset: float) -> np.ndarray:
    """Freeze at a value, now and then another one."""
    level = np.zeros(around.hours.size)
    start = onset
    while start < around.hours[-1]:
        end = start + draw.rng.exponential(30.0) + 4.0
        level[(around.hours >= start) & (around.hours < end)] = round(draw("fault_size"), 2)
        start = end
    return level


def _spikes(draw: Draw, around: Surroundings, onset: float) -> np.ndarray:
    rate = draw.rng.uniform(0.04, 0.25)
    hit = (draw.rng.random(around.hours.size) < rate) & (around.hours >= onset)
    height = draw("fault_size") * draw.rng.exponential(1.0, around.hours.size)
    level = np.where(hit, height, 0.0)
    if draw.rng.random() < 0.5:  # the element takes a reading or two to recover
        level[1:] = np.maximum(level[1:], 0.4 * level[:-1])
    return level


def _humidity(draw: Draw, around: Surroundings, onset: float) -> np.ndarray:
    """An ageing element that answers to damp; condensation makes it jump."""
    size = draw("fault_size")
    aged = np.clip((around.hours - onset) / draw("fault_ramp"), 0.0, 1.0)
    damp = 0.6 + 0.35 * standard(around.humidity)
    condensed = around.humidity > np.quantile(around.humidity, draw.rng.uniform(0.75, 0.95))
    damp = damp + draw.rng.uniform(0.0, 0.5) * condensed
    return size * aged * damp * np.exp(0.1 * draw.red(aged.size, 2.0))


def _cross(draw: Draw, around: Surroundings, onset: float) -> np.ndarray:
    """Exhaust, solvents, hydrogen sulphide: bursts that come with traffic or by themselves."""
    n = around.hours.size
    rising = np.clip((around.hours - onset) / (0.3 * draw("fault_ramp")), 0.0, 1.0)
    gusts = draw.red(n, draw("fault_time"))
    if draw.rng.random() < 0.5:
        wave = np.exp(0.4 * gusts) * around.traffic * draw.rng.uniform(0.5, 1.0)
    else:
        wave = np.clip(gusts + draw.rng.uniform(-0.8, 0.6), 0.0, None)
    return draw("fault_size") * rising * wave


def _flood(draw: Draw, hours: np.ndarray, onset: float) -> tuple[np.ndarray, np.ndarray]:
    """Water reaches the terminal for hours; its own flood contact tells so in most cases."""
    level = np.zeros(hours.size)
    flooded = np.zeros(hours.size)
    told = draw.rng.random() < 0.7
    start = onset
    for _ in range(int(draw.rng.integers(1, 4))):
        end = start + draw.rng.gamma(2.0, 6.0) + 1.0
        under = (hours >= start) & (hours < end)
        wave = draw("fault_size") * np.exp(0.25 * draw.red(hours.size, draw("fault_time")))
        level[under] = wave[under]
        flooded[under & told] = 1.0
        start = end + draw.rng.exponential(16.0)
    return level, flooded


_SHAPES = {
    "drift": _drift,
    "stuck": _stuck,
    "spikes": _spikes,
    "humidity": _humidity,
    "cross": _cross,
}
