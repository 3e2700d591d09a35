"""Undisturbed series of bridges, roads, metro and the supplies chain."""

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from lifeline_kit.demo.series_pipes import Series, noisy
from lifeline_kit.demo.weather import DAYS, hours_of, red_noise, traffic_rhythm

RAW_HZ, RAW_S = 50, 120
_TYPICAL_VEHICLES = 32_000.0


def bridge_series(
    sensors: pd.DataFrame, air: np.ndarray, load: pd.Series, *, rng: np.random.Generator
) -> Series:
    """Simulate 10-min statistics of bridge decks.

    Parameters
    ----------
    air : array, (time,) [degC]
        At 15 min.
    load : Series by asset [vehicles per day]
    """
    hours = hours_of("10min")
    role = sensors.groupby("role")["asset"]
    decks = role.get_group("bridge_temperature").to_numpy()
    here = np.interp(hours, hours_of("15min"), air)
    sun = np.maximum(0.0, np.sin(2 * np.pi * (hours % 24 - 7.5) / 24))
    keep = np.exp(-1 / (6 * rng.uniform(3.0, 7.0)))
    steel = lfilter([1 - keep], [1.0, -keep], here + 5.0 * sun - here[0]) + here[0]
    own = 0.4 * red_noise((decks.size, hours.size), tau_h=12.0, step_h=1 / 6, rng=rng)
    temperature = steel + own
    busy = load.loc[decks].to_numpy()[:, None] / _TYPICAL_VEHICLES
    traffic = busy * traffic_rhythm(hours)
    flutter = np.exp(0.12 * red_noise((decks.size, hours.size), tau_h=0.4, step_h=1 / 6, rng=rng))
    deck = np.repeat(np.arange(decks.size), 4)
    expand = rng.normal(-4.2, 1.2, deck.size)[:, None]
    bend = rng.uniform(4.0, 9.0, deck.size)[:, None]
    zero = rng.normal(0.0, 40.0, deck.size)[:, None]
    strain = zero + expand * (temperature[deck] - 12.0) + bend * (traffic * flutter)[deck]
    sag = rng.uniform(5.0, 12.0, decks.size)[:, None]
    deflection = 20.0 + 0.9 * (temperature - 12.0) + sag * 0.4 * traffic * flutter
    shaking = 0.012 + 0.05 * np.sqrt(traffic) * flutter
    heavy = 16.0 + rng.gamma(3.0, 4.0, temperature.shape) * np.clip(traffic, 0.1, 1.2) ** 0.3
    return {
        "bridge_strain": noisy("bridge_strain", strain, rng),
        "bridge_temperature": noisy("bridge_temperature", temperature, rng),
        "bridge_deflection": noisy("bridge_deflection", deflection, rng),
        "bridge_acceleration": noisy("bridge_acceleration", shaking, rng),
        "bridge_weight": np.minimum(heavy, 48.0 + 3.0 * rng.random(heavy.shape)),
    }


def raw_windows(sensors: pd.DataFrame, *, rng: np.random.Generator) -> Series:
    """Simulate the last two minutes of the month at 50 Hz: modes, and trucks passing."""
    t = np.arange(RAW_HZ * RAW_S) / RAW_HZ
    vibration, strain = [], []
    for _ in range(int((sensors["role"] == "bridge_raw_acceleration").sum())):
        modes = [(0.62, 0.006), (1.05, 0.004), (1.83, 0.003)]
        factor = rng.uniform(0.9, 1.2)
        vibration.append(sum(_mode(t, f * factor, 0.012, a, rng) for f, a in modes))
    for _ in range(int((sensors["role"] == "bridge_raw_strain").sum())):
        passages = rng.uniform(5.0, RAW_S - 5.0, 9)
        heights = rng.gamma(2.0, 7.0, 9)
        pulses = heights[:, None] * np.exp(-(((t - passages[:, None]) / 1.1) ** 2))
        strain.append(pulses.sum(axis=0) + rng.normal(0, 30))
    return {
        "bridge_raw_acceleration": noisy("bridge_raw_acceleration", np.array(vibration), rng),
        "bridge_raw_strain": noisy("bridge_raw_strain", np.array(strain), rng),
    }


def _mode(
    t: np.ndarray, hz: float, damping: float, rms: float, rng: np.random.Generator
) -> np.ndarray:
    """White noise through one mode (a two-pole resonator), scaled to its rms [m/s2]."""
    omega = 2 * np.pi * hz / RAW_HZ
    radius = np.exp(-damping * omega)
    signal = lfilter(
        [1.0], [1.0, -2 * radius * np.cos(omega), radius**2], rng.standard_normal(t.size)
    )
    return signal / signal.std() * rms


def road_series(sensors: pd.DataFrame, *, rng: np.random.Generator) -> Series:
    """Simulate settlement of road sections and water in underpasses (dry until it storms)."""
    count = sensors["role"].value_counts()
    hours = hours_of("1h")
    n = int(count["road_settlement"])
    creep = (
        -rng.gamma(1.2, 0.25, n)[:, None] * hours / (24 * DAYS) - rng.gamma(2.0, 1.5, n)[:, None]
    )
    warmth = 0.25 * np.sin(2 * np.pi * (hours - 14.0) / 24)
    wander = 0.25 * red_noise((n, hours.size), tau_h=48.0, step_h=1.0, rng=rng)
    dry = np.zeros((int(count["underpass_water"]), hours_of("15min").size))
    return {
        "road_settlement": noisy("road_settlement", creep + warmth + wander, rng),
        "underpass_water": noisy("underpass_water", dry, rng),
    }


def rail_series(sensors: pd.DataFrame, *, rng: np.random.Generator) -> Series:
    """Simulate tunnels (convergence, settlement, vibration) and station entrances."""
    count = sensors["role"].value_counts()
    hours, quarter = hours_of("1h"), hours_of("15min")
    parts = {}
    for role, rate in (("tunnel_convergence", 0.3), ("tunnel_settlement", -0.4)):
        n = int(count[role])
        creep = rate * rng.gamma(1.5, 0.6, n)[:, None] * hours / (24 * DAYS)
        zero = np.sign(rate) * rng.gamma(3.0, 1.2, n)[:, None]
        wander = 0.12 * red_noise((n, hours.size), tau_h=36.0, step_h=1.0, rng=rng)
        parts[role] = noisy(role, zero + creep + wander, rng)
    running = ((quarter % 24) > 5.75) | ((quarter % 24) < 0.25)
    n = int(count["tunnel_vibration"])
    trains = rng.gamma(8.0, 0.09, (n, quarter.size)) * (0.6 + 0.5 * traffic_rhythm(quarter))
    parts["tunnel_vibration"] = noisy("tunnel_vibration", np.where(running, trains, 0.03), rng)
    dry = np.zeros((int(count["entrance_water"]), quarter.size))
    parts["entrance_water"] = noisy("entrance_water", dry, rng)
    return parts


def supplies_series(sensors: pd.DataFrame, *, rng: np.random.Generator) -> Series:
    """Simulate days of supply (markets, warehouses) and a food price, daily."""
    count = sensors["role"].value_counts()
    days = np.arange(DAYS)
    rows = sensors[sensors["role"] == "supplies_days"]
    store = rows["asset"].str.startswith("S-W").to_numpy()[:, None]
    base = np.where(store, rng.uniform(38, 70, store.shape), rng.uniform(10.0, 14.0, store.shape))
    refill = np.where(store, 0.0, 0.8) * np.sin(
        2 * np.pi * (days + rng.integers(0, 7, store.shape)) / rng.integers(3, 8, store.shape)
    )
    walk = 0.35 * red_noise((len(rows), DAYS), tau_h=120.0, step_h=24.0, rng=rng)
    n = int(count["supplies_price"])
    market = 0.10 * red_noise((1, DAYS), tau_h=240.0, step_h=24.0, rng=rng)
    price = (
        rng.normal(6.4, 0.5, n)[:, None]
        + market
        + 0.08 * red_noise((n, DAYS), tau_h=96.0, step_h=24.0, rng=rng)
    )
    return {
        "supplies_days": noisy("supplies_days", base + refill + walk, rng),
        "supplies_price": noisy("supplies_price", price, rng),
    }
