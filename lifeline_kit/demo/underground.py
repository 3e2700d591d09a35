"""Synthetic methane series of underground spaces: leaks, biogas and faulty sensors.

No public series of a manhole exists, so triage is proved on these, and every report says so. An
episode is one manhole over four to six days at 15 min: its terminal, two neighbours and what is
known around it. What is drawn, from which range and on whose word stands in `underground.toml`.
The split `test` draws from shifted and wider ranges and in other functional forms: intermittent
or two-scale gusts instead of one red noise, exponential or wandering instead of straight drift,
districts of shops and works, leaks that pause, biogas that saturates.

`noise` multiplies the errors of measurement: the terminal's white noise, the wander of its zero,
its answer to damp, and how far the metered demand is from that of the street.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lifeline_kit.demo.underground_faults import Shown, faulty
from lifeline_kit.demo.underground_weather import (
    STEP_H,
    Draw,
    Split,
    Surroundings,
    declared,
    standard,
    surroundings,
)
from lifeline_kit.errors import InputError
from lifeline_kit.methods.box import box_level

KINDS = ("leak", "biogas", "sensor")
ALARM_VOL = 0.25  # 5 % LEL: triage is asked of what stands above it
_START = np.datetime64("2026-03-01T16:00:00", "ms")
_SEWERS = ("sewer_manhole", "septic_tank")
_SPAN = (0.0, 20.0)  # %VOL of the terminal
_RESOLUTION = 0.01  # %VOL


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One manhole over some days.

    Attributes
    ----------
    kind, onset_h : str, float [h after the first reading]
        The truth; no detector is given them.
    series : DataFrame, index `time` (UTC)
        `methane`, `neighbour_1`, `neighbour_2` [%VOL], `air_temperature`, `temperature` [degC],
        `rain` [mm/h], `humidity` [%], `demand` [share of the mean], `flooded` [0/1],
        `battery` [%].
    space_type, pipe_material : str
    pipe_distance_m, pipe_age_years : float
    neighbour_m : (float, float) [m]
    ethane_ratio : float
        C2/C1 of a field sample; NaN in most, where none was taken.
    """

    kind: str
    onset_h: float
    series: pd.DataFrame
    space_type: str
    pipe_distance_m: float
    pipe_material: str
    pipe_age_years: float
    neighbour_m: tuple[float, float]
    ethane_ratio: float


def draw_episodes(
    n: int,
    *,
    split: Split,
    seed: int,
    noise: float = 1.0,
    mix: Sequence[float] | None = None,
) -> Iterator[Episode]:
    """Draw episodes, one after another.

    Parameters
    ----------
    n : int
    split : {'train', 'test'}
    seed : int
        Episodes of the two splits differ with the same seed.
    noise : float, default 1
        Multiplies what a model cannot know.
    mix : three shares, optional
        Leak, biogas, sensor; by default those of the split in `underground.toml`.

    Raises
    ------
    InputError
        Where `mix` is not three shares that add up to 1.
    """
    shares = np.asarray(declared()["mix"][split] if mix is None else mix, dtype=float)
    if shares.shape != (3,) or shares.min() < 0 or abs(shares.sum() - 1.0) > 1e-6:
        raise InputError(
            f"mix is {mix}; expected three shares that add up to 1: leak, biogas, sensor."
        )
    rng = np.random.default_rng([seed, len(split)])
    for kind in rng.choice(KINDS, n, p=shares):
        yield draw_episode(str(kind), Draw(split, rng, noise))


def draw_episode(kind: str, draw: Draw) -> Episode:
    """Draw one episode whose cause, without noise, is above `ALARM_VOL` for two hours in all.

    Judged without noise, so that more noise does not bring weaker events.
    """
    while True:
        around = surroundings(draw, int(draw.rng.integers(4, 7)))
        hours = around.hours
        onset = float(draw.rng.uniform(24.0, hours[-1] - 40.0))
        space = _choice(draw, "space_share", kind, declared()["lists"]["spaces"])
        away = sorted(draw("neighbour_distance") for _ in range(2))
        shown = _shown(kind, draw, around, onset, space, away)
        if (shown.level[hours >= onset] > ALARM_VOL).sum() * STEP_H >= 2.0:
            break
    methane = _seen(draw, around, shown.level)
    methane = np.where(shown.frozen, np.round(shown.level, 2), methane)
    table = pd.DataFrame(
        {
            "methane": methane,
            "neighbour_1": _seen(draw, around, shown.beside[0]),
            "neighbour_2": _seen(draw, around, shown.beside[1]),
            "air_temperature": around.air + 0.2 * draw.rng.standard_normal(hours.size),
            "temperature": around.ground + 0.2 * draw.rng.standard_normal(hours.size),
            "rain": around.rain,
            "humidity": 100.0 * around.humidity,
            "demand": around.demand,
            "flooded": shown.flooded,
            "battery": _battery(draw, kind, hours),
        },
        index=pd.Index(_START + np.round(hours * 3.6e6).astype("timedelta64[ms]"), name="time"),
    )
    near = draw("pipe_distance_leak" if kind == "leak" else "pipe_distance_other")
    return Episode(
        kind=kind,
        onset_h=onset,
        series=table,
        space_type=space,
        pipe_distance_m=round(0.5 + draw.rng.gamma(2.0, near), 2),
        pipe_material=_choice(draw, "material_share", kind, ["PE", "steel", "cast_iron"]),
        pipe_age_years=round(float(draw.rng.gamma(3.0, 7.0 if kind == "leak" else 5.5)), 1),
        neighbour_m=(round(away[0], 1), round(away[1], 1)),
        ethane_ratio=_ethane(draw, kind),
    )


def _choice(draw: Draw, table: str, kind: str, names: list[str]) -> str:
    return str(draw.rng.choice(names, p=declared()["lists"][table][kind]))


def _shown(
    kind: str, draw: Draw, around: Surroundings, onset: float, space: str, away: Sequence[float]
) -> Shown:
    """Return what would be read here and at the neighbours without the terminals' own noise."""
    n = around.hours.size
    never = np.zeros(n)
    if kind == "leak":
        level, beside = _leak(draw, around, onset, away)
        if space in _SEWERS and draw.rng.random() < 0.5:
            share = draw("under_leak") * level.max()
            level = level + share * _biogas(draw, around, draw.rng.uniform(0.0, onset))
        shown = Shown(level, beside, never, never > 0)
    elif kind == "biogas":
        size = draw("biogas_level")
        shared = size * draw.rng.uniform(0.1, 0.7, 2) * (draw.rng.random() < 0.3)  # one sewer
        late = onset + draw.rng.uniform(0, 9, 2)
        beside = [s * _biogas(draw, around, o) for s, o in zip(shared, late, strict=True)]
        shown = Shown(size * _biogas(draw, around, onset), beside, never, never > 0)
    else:
        shown = faulty(draw, around, onset)
    beside = [each + _trace(draw, around, space) for each in shown.beside]
    if draw.rng.random() < 0.12:  # biogas of its own at a neighbour
        since = draw.rng.uniform(0.0, around.hours[-1] - 24.0)
        beside[0] = beside[0] + draw("biogas_level") * _biogas(draw, around, since)
    level = shown.level + np.where(shown.frozen, 0.0, _trace(draw, around, space))
    return replace(shown, level=level, beside=beside)


def _rising(draw: Draw, hours: np.ndarray, onset: float, ramp: float) -> np.ndarray:
    """Rise from 0 to 1: straight, and on test in half of the cases as a smooth step."""
    along = np.clip((hours - onset) / max(ramp, STEP_H), 0.0, 1.0)
    if draw.split == "test" and draw.rng.random() < 0.5:
        return along**2 * (3.0 - 2.0 * along)
    return along


def _gusts(draw: Draw, n: int) -> np.ndarray:
    """Return the factor of the leak's own fluctuation, (time,), mean near 1."""
    size, tau = draw("gust"), draw("gust_time")
    if draw.split == "train":
        return np.exp(size * draw.red(n, tau))
    if draw.rng.random() < 0.5:  # two scales
        return np.exp(size * (0.8 * draw.red(n, tau) + 0.6 * draw.red(n, 6.0 * tau)))
    burst = draw.red(n, tau) > draw.rng.uniform(0.3, 1.0)  # intermittent
    return np.exp(0.6 * size * draw.red(n, tau)) * (1.0 + 2.0 * size * burst) / (1.0 + 0.5 * size)


def _leak(
    draw: Draw, around: Surroundings, onset: float, away: Sequence[float]
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Step or ramp of gas from a pipe, led by demand some hours late, gusty; it reaches out."""
    hours, n = around.hours, around.hours.size
    rate = _rising(draw, hours, onset, draw("leak_ramp"))
    late = np.interp(hours - draw("leak_lag"), hours, standard(around.local_demand))
    rate = rate * np.clip(1.0 + draw("leak_demand") * late, 0.05, None)
    rate = rate * (1.0 + draw("wet_gain") * around.wet) * _gusts(draw, n)
    if draw.split == "test" and draw.rng.random() < 0.15:  # frost, water, a passing repair
        pause = draw.rng.uniform(onset + 6.0, hours[-1])
        rate = (
            np.where((hours > pause) & (hours < pause + draw.rng.uniform(3, 14)), 0.2, 1.0) * rate
        )
    size, reach = draw("leak_level"), draw("reach")
    here = _boxed(draw, hours, size * rate, draw("ventilation"))
    mixing = draw("mixing")
    here = here * np.exp(mixing * draw.red(n, draw.rng.uniform(0.2, 0.8)))
    beside = []
    for metres in away:
        delayed = np.interp(hours - metres / 12.0, hours, rate)
        own = np.exp(0.7 * mixing * draw.red(n, 0.6))
        level = _boxed(draw, hours, size * np.exp(-metres / reach) * delayed, draw("ventilation"))
        beside.append(level * own)
    return here, beside


def _boxed(draw: Draw, hours: np.ndarray, reached: np.ndarray, air_change: float) -> np.ndarray:
    """Send what a steady source would reach through a box whose ventilation swings."""
    swing = np.exp(draw("ventilation_swing") * draw.red(hours.size, 5.0))
    return box_level(hours, reached * air_change, air_change * swing)


def _biogas(draw: Draw, around: Surroundings, onset: float) -> np.ndarray:
    """Biogas of level near 1: led by the warmth of the manhole, slow, reset by rain and lids."""
    hours, n = around.hours, around.hours.size
    warmth = draw("q10") ** ((around.ground - around.ground.mean()) / 10.0)
    source = _rising(draw, hours, onset, draw("biogas_ramp")) * warmth
    source = source * np.exp(draw("biogas_swing") * draw.red(n, draw("biogas_swing_time")))
    stripped = draw("sewage_stripping") * standard(around.sewage)
    source = source * np.clip(1.0 + stripped, 0.05, None)
    air_change = draw("biogas_ventilation")
    exchange = np.full(n, air_change) + draw("flush") * around.rain
    for _ in range(draw.rng.poisson(draw("resets") * hours[-1] / 24)):
        start = draw.rng.uniform(0, hours[-1])
        exchange[(hours >= start) & (hours < start + draw.rng.uniform(0.3, 2.0))] += 2.0
    level = box_level(hours, source * air_change, exchange)
    if draw.split == "test" and draw.rng.random() < 0.3:  # gives off less into rich air
        level = np.tanh(level)
    level = level * np.exp(draw("biogas_mixing") * draw.red(n, draw.rng.uniform(0.2, 0.8)))
    # filling a still space takes longer than the episode: scale to what was reached
    return level / max(float(np.quantile(level, 0.97)), 0.2)


def _trace(draw: Draw, around: Surroundings, space: str) -> np.ndarray:
    """The little methane that a sewer always holds."""
    size = draw.rng.gamma(1.5, 0.03) if space in _SEWERS else draw.rng.gamma(1.0, 0.006)
    warmth = 2.3 ** ((around.ground - around.ground.mean()) / 10.0)
    return size * warmth * np.exp(0.3 * draw.red(around.hours.size, 12.0))


def _seen(draw: Draw, around: Surroundings, level: np.ndarray) -> np.ndarray:
    """What a terminal reports of a level: damp, wander of the zero, noise, span, resolution."""
    n = around.hours.size
    damp = draw.noise * draw("humidity_gain") * standard(around.humidity)
    zero = draw.noise * draw("zero_walk") * draw.red(n, 24.0)
    shown = level + damp + zero + draw.noise * draw("white") * draw.rng.standard_normal(n)
    return np.round(np.round(np.clip(shown, *_SPAN) / _RESOLUTION) * _RESOLUTION, 4)


def _battery(draw: Draw, kind: str, hours: np.ndarray) -> np.ndarray:
    weak = draw.rng.random() < (0.25 if kind == "sensor" else 0.08)
    start = draw.rng.uniform(5, 35) if weak else draw.rng.uniform(35, 100)
    return np.round(np.clip(start - 0.02 * hours, 0, 100), 0)


def _ethane(draw: Draw, kind: str) -> float:
    """C2/C1 of a sample, taken in one episode of twenty: pipeline gas holds ethane, sewers none."""
    if draw.rng.random() >= 0.05:
        return float("nan")
    true = {"leak": draw.rng.uniform(0.01, 0.06)}.get(kind, draw.rng.uniform(0.0, 0.002))
    return round(float(max(true + 0.002 * draw.rng.standard_normal(), 0.0)), 4)
