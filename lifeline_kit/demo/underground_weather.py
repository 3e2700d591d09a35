"""What surrounds a simulated manhole: air, ground, rain, damp, demand, traffic, sewage."""

import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.signal import lfilter

from lifeline_kit.demo.weather import red_noise

Split = Literal["train", "test"]
STEP_H = 0.25


@cache
def declared() -> dict:
    """Return `underground.toml`, its parameters by name."""
    text = Path(__file__).with_name("underground.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    return data | {"parameters": {entry["name"]: entry for entry in data["parameters"]}}


@dataclass(frozen=True, slots=True)
class Draw:
    """Draws by name from the ranges of one split. `noise` multiplies errors of measurement."""

    split: Split
    rng: np.random.Generator
    noise: float = 1.0

    def __call__(self, name: str) -> float:
        """Draw one parameter of `underground.toml`."""
        entry = declared()["parameters"][name]
        low, high = entry[self.split]
        if entry.get("scale") == "log":
            return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))
        return float(self.rng.uniform(low, high))

    def red(self, n: int, tau_h: float) -> np.ndarray:
        """Draw red noise of unit variance, (time,)."""
        return red_noise((1, n), tau_h=tau_h, step_h=STEP_H, rng=self.rng)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Series around one manhole, each (time,) at 15 min.

    Attributes
    ----------
    hours : [h] since the first midnight
    air, ground : [degC]
        Outside, and in the manhole.
    rain : [mm/h]
    wet : 0-1
        How wet the ground is.
    humidity : 0-1
        In the manhole.
    demand, local_demand : share of the mean
        Gas use as metered, and as it is in this street.
    traffic, sewage : share of the mean
    """

    hours: np.ndarray
    air: np.ndarray
    ground: np.ndarray
    rain: np.ndarray
    wet: np.ndarray
    humidity: np.ndarray
    demand: np.ndarray
    local_demand: np.ndarray
    traffic: np.ndarray = field(repr=False)
    sewage: np.ndarray = field(repr=False)


def relaxed(series: np.ndarray, tau_h: float) -> np.ndarray:
    """Follow a series with a time constant, starting at its first value."""
    keep = np.exp(-STEP_H / tau_h)
    return lfilter([1 - keep], [1.0, -keep], series - series[0]) + series[0]


def standard(series: np.ndarray) -> np.ndarray:
    """Shift and scale to mean zero and unit variance."""
    return (series - series.mean()) / max(float(series.std()), 1e-9)


def surroundings(draw: Draw, days: int) -> Surroundings:
    """Draw the surroundings of one episode."""
    rng = draw.rng
    hours = np.arange(round(days * 24 / STEP_H)) * STEP_H
    n = hours.size
    cloud = 1.0 + 0.5 * draw.red(n, 24.0)
    swing = draw("day_swing") * np.clip(cloud, 0.1, 2.0) * np.cos(2 * np.pi * (hours - 15.0) / 24)
    air = draw("season_mean") + swing + draw("weather_swing") * draw.red(n, rng.uniform(30, 50))
    mean = float(air.mean())
    ground = mean + 0.6 * (relaxed(air, draw("ground_lag")) - mean)
    rain = _rain(draw, hours)
    wet = np.clip(lfilter([0.02], [1.0, -0.98], rain), 0.0, 1.0)
    damp = 0.82 + 0.03 * draw.red(n, 12.0) - 0.012 * (ground - ground.mean()) + 0.2 * wet
    weekday = int(rng.integers(7))
    demand = _demand(draw, hours, weekday)
    aside = draw.noise * draw("demand_noise")
    return Surroundings(
        hours=hours,
        air=air,
        ground=ground,
        rain=rain,
        wet=wet,
        humidity=np.clip(damp, 0.3, 1.0),
        demand=demand,
        local_demand=demand * np.exp(aside * draw.red(n, 3.0)),
        traffic=_humps(hours, ((8.2, 1.5, 1.0), (13.5, 4.0, 0.8), (18.0, 1.8, 1.0)), 0.15),
        sewage=_humps(hours, ((8.5, 2.0, 1.0), (20.5, 2.8, 1.0)), 0.4)
        * np.exp(0.12 * draw.red(n, 3.0)),
    )


def _humps(
    hours: np.ndarray, humps: tuple[tuple[float, float, float], ...], floor: float
) -> np.ndarray:
    day = np.full(hours.size, floor)
    for hour, width, height in humps:
        away = (hours - hour + 12.0) % 24 - 12.0
        day += height * np.exp(-0.5 * (away / width) ** 2)
    return day / day.mean()


def _demand(draw: Draw, hours: np.ndarray, weekday: int) -> np.ndarray:
    """Gas use of a district; on test some are shops and works instead of homes."""
    late = draw("demand_shift")
    home = _humps(hours - late, ((7.5, 1.8, 1.0), (12.2, 2.0, 0.5), (19.3, 2.6, 1.25)), 0.45)
    if draw.split == "test" and draw.rng.random() < 0.3:
        home = _humps(hours - late, ((10.5, 3.0, 0.9), (17.5, 3.5, 1.2)), 0.5)
    day = (np.floor(hours / 24).astype(int) + weekday) % 7
    free = np.where(day >= 5, draw.rng.uniform(0.8, 1.15), 1.0)
    each = np.exp(0.08 * draw.rng.standard_normal(int(hours[-1] // 24) + 1))
    own = np.exp(0.12 * draw.red(hours.size, 5.0))
    return home * free * each[np.floor(hours / 24).astype(int)] * own


def _rain(draw: Draw, hours: np.ndarray) -> np.ndarray:
    rain = np.zeros(hours.size)
    for _ in range(draw.rng.poisson(draw("rain_events") * hours[-1] / 24)):
        start = draw.rng.uniform(0, hours[-1])
        long = draw.rng.gamma(2.0, 2.0) + 0.5
        phase = (hours - start) / long
        inside = (phase > 0) & (phase < 1)
        rain += np.where(inside, draw.rng.exponential(5.0) * np.sin(np.pi * phase) ** 2, 0.0)
    return rain
