"""Generator: buildings of two zones under hourly weather, with people, sun and thermostats.

Synthetic, and built unlike the grey box that is to follow it: day and night zone each have air, an
inner mass and an outer wall of two layers (eight stores), an opening door between them, radiators
with lag and a thermostat, night set-back, draughts with the wind, windows that people open, sun by
orientation and irregular gains. Steps of a quarter of an hour, implicit Euler.

Parameters by age class. U-values [W/m2K] follow what Chinese design standards for the north asked
for in their time (before 1986, JGJ 26-95, JGJ 26-2010, the 75 % stage), orders of magnitude whose
clauses nobody here has read; heat capacities are the classes of ISO 13790 table 12 (medium to very
heavy, 165-370 kJ/m2K of floor: masonry and concrete).
"""

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

STEPS = 4  # an hour: the clock of city sensors
_RADIATOR_STEP = 0.35  # of the gap closed in a step: 35 min, panel radiators
_AIR_KJ_M2 = 12.0  # air and light furniture per floor area, 2.7 m high rooms


@dataclass(frozen=True, slots=True, kw_only=True)
class Age:
    """Building of an age class: U-values [W/m2K] and air changes [1/h], low and high."""

    wall: tuple[float, float]
    window: tuple[float, float]
    leak: tuple[float, float]


AGES = {
    "before_1986": Age(wall=(1.2, 1.8), window=(4.0, 6.0), leak=(0.6, 1.0)),
    "1986_2000": Age(wall=(0.8, 1.3), window=(3.2, 4.5), leak=(0.5, 0.8)),
    "2000_2012": Age(wall=(0.45, 0.8), window=(2.3, 3.2), leak=(0.35, 0.6)),
    "after_2012": Age(wall=(0.3, 0.5), window=(1.6, 2.4), leak=(0.3, 0.5)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """Outdoor temperature [degC], global horizontal sun [kW/m2] and wind [m/s], (step,)."""

    outdoor: np.ndarray
    sun: np.ndarray
    wind: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Homes:
    """Drawn buildings, arrays (building, zone) unless said otherwise."""

    age: list[str]
    floor_m2: np.ndarray
    air: np.ndarray  # kJ/K
    mass: np.ndarray
    wall: np.ndarray  # (building, zone), each of two layers
    air_mass: np.ndarray  # W/K
    air_wall: np.ndarray
    within: np.ndarray
    outward: np.ndarray
    window: np.ndarray
    leak: np.ndarray  # W/K at rest
    glass_m2: np.ndarray
    facing: np.ndarray  # (building,) hour of the most sun
    design_w: np.ndarray
    set_day: np.ndarray  # (building,)
    set_night: np.ndarray
    people_w: np.ndarray


def winter(days: int, rng: np.random.Generator) -> Weather:
    """Draw winter weather of a northern city: fronts of some days, clear and dull skies."""
    n = days * 24 * STEPS
    hour = np.arange(n) / STEPS

    def red(hours: float) -> np.ndarray:
        keep = np.exp(-1.0 / (hours * STEPS))
        white = rng.standard_normal(n)
        white[0] /= np.sqrt(1 - keep**2)
        return lfilter([np.sqrt(1 - keep**2)], [1.0, -keep], white)

    clear = np.clip(0.55 + 0.35 * red(40.0), 0.08, 1.0)
    day = np.clip(np.sin(np.pi * ((hour % 24) - 7.3) / 9.6), 0.0, None)
    day[(hour % 24 < 7.3) | (hour % 24 > 16.9)] = 0.0
    swing = (1.5 + 3.5 * clear) * np.sin(2 * np.pi * ((hour % 24) - 9.0) / 24)
    outdoor = rng.uniform(-8.0, 2.0) + 3.0 * red(70.0) + swing + 0.3 * red(2.0)
    return Weather(outdoor=outdoor, sun=0.48 * day * clear, wind=np.abs(2.5 + 1.6 * red(12.0)))


def draw_homes(n: int, rng: np.random.Generator, *, scoring: bool) -> Homes:
    """Draw buildings (flats to small blocks) of all ages; for scoring, masses vary further."""
    masses = (140.0, 410.0) if scoring else (165.0, 370.0)
    inside = (6.0, 12.5) if scoring else (7.0, 11.0)
    age = [str(name) for name in rng.choice(list(AGES), n)]

    def of(name: str) -> np.ndarray:
        return np.array([rng.uniform(*getattr(AGES[each], name)) for each in age])[:, None]

    floor = np.exp(rng.uniform(np.log(70.0), np.log(2500.0), n))[:, None]
    share = rng.uniform(0.5, 0.65, (n, 1))
    zones = floor * np.concatenate([share, 1.0 - share], axis=1)
    shell = rng.uniform(0.3, 0.7, (n, 1)) * zones  # outer wall and roof per floor
    glass = rng.uniform(0.10, 0.16, (n, 1)) * zones
    heavy = rng.uniform(*masses, (n, 1)) * zones
    u_wall, u_window = of("wall"), of("window")
    outward = u_wall * shell
    leak = of("leak") * zones * 2.7 * 0.335
    loss = (outward + u_window * glass + leak).sum(axis=1)
    night = np.where(rng.random(n) < 0.6, rng.uniform(1.5, 4.0, n), 0.0)
    day_set = rng.normal(21.0, 0.8, n).clip(19.3, 23.0)
    return Homes(
        age=age,
        floor_m2=floor[:, 0],
        air=_AIR_KJ_M2 * zones,
        mass=0.55 * heavy,
        wall=0.225 * heavy,
        air_mass=rng.uniform(*inside, (n, 1)) * 1.6 * zones,
        air_wall=7.7 * shell,
        within=3.0 * outward + 1.2 * shell,
        outward=1.0 / (1.0 / outward - 1.0 / (7.7 * shell) - 1.0 / (3.0 * outward + 1.2 * shell)),
        window=u_window * glass,
        leak=leak,
        glass_m2=glass,
        facing=rng.uniform(9.5, 15.0, n),
        design_w=loss * 30.0 * rng.uniform(1.1, 1.5, n),
        set_day=day_set,
        set_night=day_set - night,
        people_w=rng.uniform(2.5, 5.5, n)[:, None] * zones,
    )


def simulate(
    homes: Homes, weather: Weather, *, outage_step: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Run all buildings; from `outage_step` on no heat comes.

    Returns
    -------
    zones : array, (building, 2, step) [degC]
        Air of day and night zone at the start of each step.
    heat : array, (building, step) [W]
    """
    n, steps = len(homes.age), weather.outdoor.size
    state = np.empty((n, 8))
    state[:, :] = homes.set_day[:, None]
    state[:, 4:] -= 3.0
    heat, zones = np.zeros((n, steps)), np.empty((n, 2, steps))
    radiator = np.zeros((n, 2))
    opened, gains, door = _people(homes, weather, rng)
    for k in range(steps):
        zones[:, :, k] = state[:, :2]
        hour = (k / STEPS) % 24.0
        target = np.where((hour >= 6.0) & (hour < 22.0), homes.set_day, homes.set_night)
        wanted = np.zeros((n, 2))
        if k < outage_step:
            cool = target[:, None] + np.array([0.0, -1.2]) - state[:, :2]
            wanted = homes.design_w[:, None] * 0.5 * np.clip(0.25 + 0.6 * cool, 0.0, 1.0)
        radiator = radiator + (wanted - radiator) * _RADIATOR_STEP
        heat[:, k] = wanted.sum(axis=1)  # what a meter at the door sees; the room gets it later
        turn = np.clip(1.0 - ((hour - homes.facing) / 5.5) ** 2, 0.05, 1.0)[:, None]
        sun = 0.42 * 1000.0 * weather.sun[k] * homes.glass_m2 * (0.35 + turn)
        exchange = homes.leak * (0.7 + 0.1 * weather.wind[k]) + opened[:, :, k]
        state = _stepped(
            homes, state, weather.outdoor[k], exchange, door[:, k], (radiator, sun, gains[:, :, k])
        )
    return zones, heat


def _people(
    homes: Homes, weather: Weather, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Windows [W/K] and gains [W] (building, zone, step); doors [W/K] (building, step)."""
    n, steps = len(homes.age), weather.outdoor.size
    hour = (np.arange(steps) / STEPS) % 24.0
    opened = np.zeros((n, 2, steps))
    volume = homes.leak / homes.leak.sum(axis=1, keepdims=True)
    base = homes.floor_m2[:, None] * 2.7 * 0.335
    for day in range(steps // (24 * STEPS)):
        airs = rng.random(n) < 0.7
        at = (day * 24 + rng.uniform(6.5, 9.0, n)) * STEPS
        long = rng.integers(1, 3, n)
        for row in np.flatnonzero(airs):
            start = int(at[row])
            opened[row, 1, start : start + long[row]] += 3.0 * base[row, 0] * volume[row, 1]
        for row in np.flatnonzero(rng.random(n) < 0.3):
            start = int((day * 24 + rng.uniform(11.0, 21.0)) * STEPS)
            opened[row, 0, start : start + 1] += 2.0 * base[row, 0] * volume[row, 0]
    day_shape = 0.5 + 0.9 * np.exp(-(((hour - 19.5) / 2.5) ** 2))
    day_shape = day_shape + 0.5 * np.exp(-(((hour - 7.5) / 1.2) ** 2))
    night_shape = np.where((hour < 7) | (hour > 22), 0.8, 0.3)
    shape = np.stack([day_shape, night_shape])[None, :, :]
    gains = homes.people_w[:, :, None] * shape * rng.gamma(5.0, 0.2, (n, 1, steps))
    door = np.where((hour > 6.5) & (hour < 22.5), 4.0, 1.2) * homes.floor_m2[:, None] ** 0.5 * 6.0
    return opened, gains, door


def _stepped(
    homes: Homes,
    state: np.ndarray,
    outdoor: float,
    exchange: np.ndarray,
    door: np.ndarray,
    powers: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> np.ndarray:
    """One implicit step of all buildings: air 2, mass 2, inner wall 2, outer wall 2."""
    n, step_s = len(state), 3600.0 / STEPS
    radiator, sun, people = powers
    capacity = np.concatenate([homes.air, homes.mass, homes.wall, homes.wall], axis=1) * 1000.0
    matrix = np.zeros((n, 8, 8))
    right = capacity / step_s * state

    def link(a: int, b: int, conductance: np.ndarray) -> None:
        matrix[:, a, a] += conductance
        matrix[:, b, b] += conductance
        matrix[:, a, b] -= conductance
        matrix[:, b, a] -= conductance

    for zone in (0, 1):
        link(zone, 2 + zone, homes.air_mass[:, zone])
        link(zone, 4 + zone, homes.air_wall[:, zone])
        link(4 + zone, 6 + zone, homes.within[:, zone])
        for node, conductance in (
            (zone, homes.window[:, zone] + exchange[:, zone]),
            (6 + zone, homes.outward[:, zone]),
        ):
            matrix[:, node, node] += conductance
            right[:, node] += conductance * outdoor
        right[:, zone] += 0.65 * radiator[:, zone] + 0.2 * sun[:, zone] + 0.6 * people[:, zone]
        right[:, 2 + zone] += 0.2 * radiator[:, zone] + 0.8 * sun[:, zone] + 0.4 * people[:, zone]
        right[:, 4 + zone] += 0.15 * radiator[:, zone]
    link(0, 1, door)
    matrix[:, range(8), range(8)] += capacity / step_s
    return np.linalg.solve(matrix, right[:, :, None])[:, :, 0]
