"""Clock and weather of the demo month, and daily rhythms.

October 2026 in local time (UTC+8). The heating season is brought forward and the air cooled
accordingly, so that all eight lifelines run in the same month.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

START = np.datetime64("2026-09-30T16:00:00", "ms")  # 1 October, 00:00 in Wuhan
DAYS = 31
HISTORY_DAYS = 365  # of roll-ups before the month
STEP_H = {"15min": 0.25, "event": 0.25, "10min": 1 / 6, "1h": 1.0, "1d": 24.0}
_WEEKEND = (2, 3)  # counted from 0 on 1 October 2026, a Thursday
_HOLIDAYS = 7  # National Day week


@dataclass(frozen=True)
class Storm:
    """One rain event.

    Attributes
    ----------
    start_h, hours : float [h]
    peak : float [mm/h]
    middle : (x, y) [m]
    reach : float [m]
        Where the rain has fallen to 60 %.
    """

    start_h: float
    hours: float
    peak: float
    middle: tuple[float, float]
    reach: float

    def rain(self, xy: np.ndarray, hours: np.ndarray) -> np.ndarray:
        """Return the rain at points [mm/h], (point, time); it drifts east at 25 km/h."""
        delay = (xy[:, 0] - self.middle[0]) / 25_000.0
        phase = (hours[None, :] - self.start_h - delay[:, None]) / self.hours
        inside = (phase > 0) & (phase < 1)
        shape = np.where(inside, np.sin(np.pi * np.clip(phase, 0, 1) ** 0.7) ** 1.5, 0.0)
        away = ((xy - self.middle) ** 2).sum(axis=1) / (2 * self.reach**2)
        return self.peak * np.exp(-away)[:, None] * shape


def hours_of(clock: str) -> np.ndarray:
    """Return the hours since local midnight of 1 October on a clock such as `15min`."""
    step = STEP_H[clock]
    return np.arange(round(DAYS * 24 / step)) * step


def times_of(hours: np.ndarray) -> np.ndarray:
    """Return UTC times (datetime64[ms]) of hours since the start."""
    return START + np.round(hours * 3_600_000).astype("timedelta64[ms]")


def red_noise(
    shape: tuple[int, int], *, tau_h: float, step_h: float, rng: np.random.Generator
) -> np.ndarray:
    """Draw AR(1) noise of unit variance with a correlation time."""
    keep = np.exp(-step_h / tau_h)
    shocks = rng.standard_normal(shape)
    shocks[:, 1:] *= np.sqrt(1 - keep**2)
    return lfilter([1.0], [1.0, -keep], shocks, axis=1)


def air_temperature(hours: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Simulate air temperature [degC], (time,): falling over the month, with a cold spell."""
    step = hours[1] - hours[0]
    mean = 14.0 - 5.0 * hours / (24 * DAYS)
    spell = -4.0 * np.exp(-(((hours - rng.uniform(380, 560)) / 50.0) ** 2))
    daily = 4.0 * np.cos(2 * np.pi * (hours % 24 - 15.0) / 24)
    return (
        mean + spell + daily + 1.2 * red_noise((1, hours.size), tau_h=30.0, step_h=step, rng=rng)[0]
    )


def light_rains(bounds: Sequence[float], rng: np.random.Generator) -> list[Storm]:
    """Draw the month's ordinary rain: nothing that a sewer cannot carry."""
    low, high = np.array(bounds[:2]), np.array(bounds[2:])
    return [
        Storm(
            float(rng.uniform(0, 24 * DAYS - 12)),
            float(rng.uniform(2, 8)),
            float(rng.uniform(1.5, 6.0)),
            tuple(rng.uniform(low, high).tolist()),
            float((high - low).max()),
        )
        for _ in range(6)
    ]


def free_day(hours: np.ndarray) -> np.ndarray:
    """Return whether each hour lies on a weekend or holiday."""
    day = (hours // 24).astype(int)
    return np.isin(day % 7, _WEEKEND) | (day < _HOLIDAYS)


def _hump(hour: np.ndarray, at: float, width: float) -> np.ndarray:
    away = np.minimum(np.abs(hour - at), 24 - np.abs(hour - at))
    return np.exp(-((away / width) ** 2))


def home_rhythm(hours: np.ndarray) -> np.ndarray:
    """Return household demand over the day, mean near 1: morning and evening peaks."""
    free = free_day(hours)
    hour = hours % 24 - np.where(free, 1.2, 0.0)
    return (
        0.45
        + 1.0 * _hump(hour, 7.5, 1.8)
        + 0.5 * _hump(hour, 12.2, 2.0)
        + 1.25 * _hump(hour, 19.3, 2.6)
    )


def work_rhythm(hours: np.ndarray) -> np.ndarray:
    """Return demand of shops and works over the day, lower on free days."""
    hour = hours % 24
    return (0.4 + 1.15 * _hump(hour, 13.0, 5.0)) * np.where(free_day(hours), 0.72, 1.05)


def traffic_rhythm(hours: np.ndarray) -> np.ndarray:
    """Return traffic over the day, 0.15 at night to about 1.3 in the rush hours."""
    hour = hours % 24
    work = (
        0.15
        + 0.95 * _hump(hour, 8.2, 1.5)
        + 0.75 * _hump(hour, 13.5, 4.0)
        + 1.0 * _hump(hour, 18.0, 1.8)
    )
    free = 0.2 + 0.9 * _hump(hour, 15.0, 5.0)
    return np.where(free_day(hours), free, work)
