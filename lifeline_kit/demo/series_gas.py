"""Undisturbed series of gas: pressures and flows of the solved network, methane of the spaces."""

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from lifeline_kit.demo.layout import Layout
from lifeline_kit.demo.series_pipes import Series, demand_patterns, noisy
from lifeline_kit.demo.twins import NetworkTwin, network_twin
from lifeline_kit.demo.weather import red_noise

OUTLET_KPA = 330.0
_M3_H_PER_PERSON = 0.008  # at working pressure
_REGULATOR_KPA = 0.35  # how far an outlet wanders: stations share a network and would trade gas


def gas_twin(layout: Layout, hours: np.ndarray, *, rng: np.random.Generator) -> NetworkTwin:
    """Draw the month's demand and outlet pressures of the gas network."""
    mean = layout.nets["gas"].people * _M3_H_PER_PERSON
    twin = network_twin(layout, "gas", mean, OUTLET_KPA)
    patterns = demand_patterns(twin.groups, hours, homes=0.55, rng=rng)
    wander = red_noise((twin.net.sources.size, hours.size), tau_h=8.0, step_h=0.25, rng=rng)
    loads = twin.kg_s(mean)[None, :] * patterns[twin.groups].T
    return replace(twin, loads=loads, source_kpa=(OUTLET_KPA + _REGULATOR_KPA * wander).T)


def gas_series(
    twin: NetworkTwin, sensors: pd.DataFrame, air: np.ndarray, *, rng: np.random.Generator
) -> Series:
    """Simulate gas pressure, station flow and background methane."""
    role = sensors.groupby("role")["node"]
    at = role.get_group("gas_pressure").to_numpy()
    stations = np.searchsorted(twin.net.sources, role.get_group("gas_outlet").to_numpy())
    pressure, fed = twin.readings(twin.loads, twin.source_kpa, at)
    methane_rows = (sensors["role"] == "gas_space").sum()
    return {
        "gas_pressure": noisy("gas_pressure", pressure, rng),
        "gas_outlet": noisy("gas_outlet", twin.source_kpa.T[stations], rng),
        "gas_flow": noisy("gas_flow", fed[stations], rng),
        "gas_space": _background_methane(methane_rows, air, rng),
    }


def _background_methane(n: int, air: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Most spaces are clean; in some a little sewer gas follows the warmth, a few hours late."""
    warm = lfilter([0.02], [1.0, -0.98], air - air[0]) + air[0]
    sewer = np.where(rng.random(n) < 0.3, rng.gamma(1.5, 0.03, n), 0.0)
    slow = red_noise((n, air.size), tau_h=24.0, step_h=0.25, rng=rng)
    level = sewer[:, None] * np.exp(0.08 * (warm - 12.0) + 0.3 * slow)
    return noisy("gas_space", level, rng)
