"""Generator: what a heat meter would read at substations with given heat demands; synthetic.

Space heat is what `uesgraphs` 2.2.2 ships as `demands-heat.csv` (hourly, a year, 43 series). Its
documentation does not say that anybody measured them, so nothing here is called real. The year is
turned so that October to March lie in one piece. All other channels are computed:

* supply of the network: weather-compensated, 75-105 degC (Frederiksen & Werner 2013, District
  Heating and Cooling, ch. 5), less a loss towards each substation, plus what the plant varies;
* radiators: mean excess temperature ~ (q / q_design) ** (1 / 1.3) (EN 442, exponent 1.3), supplied
  by a heating curve that night set-back and owners shift;
* heat exchanger: counterflow, Q = UA LMTD, UA with the flows to the power 0.7 (VDI heat atlas);
* hot water: morning and evening draws (EN 12831-3 shape), 10-25 % of the year's heat, and a
  circulation loss that returns at about 50 degC;
* meter: offsets within 0.3 K, noise and resolution of the classes of EN 1434; lost hours.

Networks drawn for fitting and for scoring take other substations and other ranges.
"""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.errors import MissingPartError

CP = 4.186  # kJ/(kg K)
RHO = 977.0  # kg/m3 at 70 degC
_HOURS = 8760
_TURN = 182 * 24  # the year is cut on 2 July
_SEASON = slice(91 * 24, 91 * 24 + 182 * 24)  # October to March of the turned year
BEGIN = np.datetime64("2018-10-01T00", "h")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranges:
    """From where a network is drawn; low and high of uniform laws."""

    hottest_supply_c: tuple[float, float] = (92.0, 105.0)
    exchanger_approach_k: tuple[float, float] = (3.0, 8.0)  # return over secondary return, design
    radiator_supply_c: tuple[float, float] = (60.0, 75.0)
    radiator_spread_k: tuple[float, float] = (15.0, 25.0)
    hot_water_share: tuple[float, float] = (0.10, 0.22)
    meter_noise: tuple[float, float] = (0.004, 0.012)  # of flow, hourly mean
    habits: tuple[float, float] = (0.02, 0.06)  # slow relative wander of the demand
    lost_hours: tuple[float, float] = (0.002, 0.01)
    plant_wander_k: tuple[float, float] = (0.6, 1.2)
    retuned_k: tuple[float, float] = (1.0, 3.0)  # an owner turns the heating curve; no fault


FITTING = Ranges()
SCORING = Ranges(
    hottest_supply_c=(88.0, 110.0),
    exchanger_approach_k=(2.0, 10.0),
    radiator_supply_c=(55.0, 80.0),
    radiator_spread_k=(12.0, 28.0),
    hot_water_share=(0.08, 0.26),
    meter_noise=(0.003, 0.016),
    habits=(0.015, 0.08),
    lost_hours=(0.0, 0.02),
    plant_wander_k=(0.4, 1.6),
    retuned_k=(1.0, 4.0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """True state of the substations of a network over one season.

    Attributes
    ----------
    outdoor, supply : array, (time,) and (substation, time) [degC]
    need, hot_water : arrays, (substation, time) [kW]
    feed, back : arrays, (substation, time) [degC]
        Supply and return of the radiators.
    design_kw, ua : arrays, (substation, 1) [kW], [kW/K]
    """

    outdoor: np.ndarray
    supply: np.ndarray
    need: np.ndarray
    hot_water: np.ndarray
    feed: np.ndarray
    back: np.ndarray
    design_kw: np.ndarray
    ua: np.ndarray
    noise: np.ndarray
    lost: float

    @property
    def design_flow(self) -> np.ndarray:
        """Primary flow at design load, (substation, 1) [kg/s]."""
        return self.design_kw / (CP * 45.0)


def shipped() -> tuple[np.ndarray, np.ndarray]:
    """Heat demands (series, hour) [kW] and outdoor temperature (hour,) [degC] of a season.

    Raises
    ------
    MissingPartError
        Where `uesgraphs` is not installed.
    """
    found = importlib.util.find_spec("uesgraphs")
    if found is None or not found.submodule_search_locations:
        raise MissingPartError(
            "the heat demands come with the package uesgraphs 2.2.2, which is not installed; "
            "build the bench environment with 'make bench-environment'."
        )
    folder = Path(found.submodule_search_locations[0]) / "data" / "examples"
    demand = pd.read_csv(folder / "demands-heat.csv", index_col=0).to_numpy().T / 1000.0
    weather = pd.read_csv(
        folder / "weather-seestadt-ref-2015.mos", sep="\t", skiprows=39, header=None
    )
    outdoor = weather[1].to_numpy(dtype=float)[:_HOURS]
    turned = np.roll(np.arange(_HOURS), -_TURN)
    return demand[:, turned][:, _SEASON], outdoor[turned][_SEASON]


def drawn_season(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw what `shipped` reads, for where that package is absent: no bench is scored on it.

    Buildings follow an energy signature with a change at 15 degC and a day of their own.

    Parameters
    ----------
    n : int
        Demand series.
    rng : Generator

    Returns
    -------
    array (n, hour) [kW], array (hour,) [degC]
    """
    hour = np.arange(_SEASON.stop - _SEASON.start)
    year = 5.0 - 7.0 * np.sin(np.pi * hour / hour.size)  # coldest in the middle of the season
    day = 3.0 * np.sin(2 * np.pi * (hour - 9.0) / 24.0)
    outdoor = year + day + 3.0 * red_noise((1, hour.size), 72.0, rng)[0]
    size, phase = rng.uniform(50.0, 400.0, (n, 1)), rng.uniform(4.0, 8.0, (n, 1))
    habit = 1.0 + 0.12 * np.sin(2 * np.pi * (hour - phase) / 24.0)
    wander = 1.0 + 0.03 * red_noise((n, hour.size), 6.0, rng)
    return size * np.maximum(15.0 - outdoor, 0.0) / 25.0 * habit * wander, outdoor


def red_noise(shape: tuple[int, int], hours: float, rng: np.random.Generator) -> np.ndarray:
    """Autoregressive noise of unit variance and the given correlation time [h]."""
    from scipy.signal import lfilter

    keep = np.exp(-1.0 / hours)
    white = rng.standard_normal(shape)
    white[:, 0] /= np.sqrt(1.0 - keep**2)
    return lfilter([np.sqrt(1.0 - keep**2)], [1.0, -keep], white, axis=1)


def draw_network(
    demand: np.ndarray, outdoor: np.ndarray, *, ranges: Ranges, rng: np.random.Generator
) -> Network:
    """Give each demand series a substation and the network a plant.

    Parameters
    ----------
    demand : array, (substation, time) [kW]
    outdoor : array, (time,) [degC]
    """
    n, hours = demand.shape

    def draw(low_high: tuple[float, float]) -> np.ndarray:
        return rng.uniform(*low_high, size=(n, 1))

    wander = np.exp(draw(ranges.habits) * red_noise((n, hours), 96.0, rng))
    need = demand * wander * (1.0 + 0.05 * rng.standard_normal((n, hours))).clip(0.7, 1.3)
    for row in np.flatnonzero(rng.random(n) < 0.4):  # a house stands half empty for some days
        start, length = int(rng.integers(0, hours - 300)), int(rng.integers(72, 260))
        need[row, start : start + length] *= rng.uniform(0.7, 0.9)
    design = np.quantile(need, 0.998, axis=1, keepdims=True)
    hot_water = _hot_water(need, draw(ranges.hot_water_share), rng)
    slow = pd.Series(outdoor).ewm(halflife=4).mean().to_numpy()
    cold = np.clip((18.0 - slow) / 28.0, 0.0, 1.0)
    hottest = rng.uniform(*ranges.hottest_supply_c)
    plant = 75.0 + (hottest - 75.0) * cold
    plant = plant + rng.uniform(*ranges.plant_wander_k) * red_noise((1, hours), 30.0, rng)[0]
    for _ in range(int(rng.integers(1, 4))):  # the plant runs hotter or colder for some days
        start, length = int(rng.integers(0, hours - 240)), int(rng.integers(36, 200))
        plant[start : start + length] += rng.choice([-1.0, 1.0]) * rng.uniform(2.0, 5.0)
    supply = plant - rng.uniform(0.5, 4.0, (n, 1)) + 0.3 * red_noise((n, hours), 8.0, rng)
    hot, spread = draw(ranges.radiator_supply_c), draw(ranges.radiator_spread_k)
    shift = 1.0 * red_noise((n, hours), 200.0, rng)
    for row in np.flatnonzero(rng.random(n) < 0.3):
        shift[row, int(rng.integers(hours)) :] += rng.choice([-1.0, 1.0]) * rng.uniform(
            *ranges.retuned_k
        )
    feed, back = _radiators(need / design, cold, hot, spread, shift, rng)
    approach = draw(ranges.exchanger_approach_k)
    ends = np.stack([hottest - hot, approach])
    lmtd = (ends[0] - ends[1]) / np.log(ends[0] / ends[1])
    return Network(
        outdoor=outdoor,
        supply=supply,
        need=need,
        hot_water=hot_water,
        feed=feed,
        back=back,
        design_kw=design,
        ua=design / lmtd,
        noise=draw(ranges.meter_noise),
        lost=float(rng.uniform(*ranges.lost_hours)),
    )


def _hot_water(need: np.ndarray, share: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draws with a morning and an evening peak, smoothed by a small storage, (n, time) [kW]."""
    n, hours = need.shape
    hour = np.arange(hours) % 24
    shape = 0.3 + 1.6 * np.exp(-(((hour - 7.0) / 1.8) ** 2))
    shape = shape + 1.2 * np.exp(-(((hour - 19.5) / 2.5) ** 2))
    shape[hour < 5] = 0.08
    drawn = shape * rng.gamma(4.0, 0.25, (n, hours))
    drawn = 0.6 * drawn + 0.4 * np.roll(drawn, 1, axis=1)
    mean = need.mean(axis=1, keepdims=True) * share / (1.0 - share)
    return mean * drawn / drawn.mean(axis=1, keepdims=True)


def _radiators(
    load: np.ndarray,
    cold: np.ndarray,
    hot: np.ndarray,
    spread: np.ndarray,
    shift: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Supply and return of the radiators [degC]; valves throttle what the curve gives too much."""
    room = 20.5 + rng.normal(0.0, 0.5, (len(load), 1))
    excess = hot - 0.5 * spread - room
    feed = np.maximum(room + 6.0 + (hot - room - 6.0) * cold**0.8 + shift, room + 8.0)
    mean = room + excess * np.clip(load, 0.0, 1.1) ** (1.0 / 1.3)
    back = np.clip(2.0 * mean - feed, room + 1.5, feed - 4.0)
    return feed, back


def primary_return(
    heat: np.ndarray,
    supply: np.ndarray,
    feed: np.ndarray,
    back: np.ndarray,
    ua: np.ndarray,
    design_kw: np.ndarray,
) -> np.ndarray:
    """Solve Q = UA LMTD of the heating exchanger for the primary return, by bisection [degC].

    All arrays (substation, time); `ua` [kW/K] at design flows, `heat` [kW].
    """
    low = back + 0.05
    high = np.maximum(supply - 2.0, low + 0.1)
    secondary = np.maximum(heat / np.maximum(feed - back, 1.0), 1e-6)
    hot_end = np.maximum(supply - feed, 0.3)
    for _ in range(24):
        middle = 0.5 * (low + high)
        primary = np.maximum(heat / np.maximum(supply - middle, 1.0), 1e-6)
        # film coefficients grow with the flow to the power 0.7, on both sides alike
        film = 2.0 / ((primary * 45.0 / design_kw) ** -0.7 + (secondary * 20.0 / design_kw) ** -0.7)
        cold_end = np.maximum(middle - back, 0.01)
        ratio = np.where(np.abs(hot_end - cold_end) < 1e-3, 1.001, hot_end / cold_end)
        lmtd = np.where(
            np.abs(hot_end - cold_end) < 1e-3, hot_end, (hot_end - cold_end) / np.log(ratio)
        )
        enough = ua * film * lmtd >= heat
        high = np.where(enough, middle, high)
        low = np.where(enough, low, middle)
    return 0.5 * (low + high)
