"""Undisturbed series of the sewers: dry-weather flow, the answer to rain, gas in manholes."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.signal import fftconvolve

from lifeline_kit.demo.networks import Net
from lifeline_kit.demo.sensors import thickest_pipe
from lifeline_kit.demo.series_pipes import Series, noisy
from lifeline_kit.demo.weather import Storm, home_rhythm, red_noise

DESIGN_RAIN_MM_H = 24.0  # hourly rain that fills a sewer


def drainage_series(
    net: Net,
    sensors: pd.DataFrame,
    hours: np.ndarray,
    storms: Sequence[Storm],
    *,
    rng: np.random.Generator,
) -> Series:
    """Simulate rain, sewer level and flow, and hydrogen sulphide.

    Level follows the filling of the thickest pipe at the manhole; above a full pipe the water
    climbs the shaft, at most to its rim (`limit_high`).
    """
    level, flow, gas, gauges = (
        sensors.loc[sensors["role"] == role]
        for role in ("drain_level", "drain_flow", "drain_gas", "rain")
    )
    xy = net.streets.xy
    rhythm = home_rhythm(hours)
    late = {k: np.roll(rhythm, int(k * 4)) for k in range(5)}
    filling = _filling(net, level, xy, hours, storms, late, rng)
    diameter = _diameter(net, level)
    rim = level["limit_high"].to_numpy()[:, None]
    depth = diameter[:, None] * np.minimum(filling, 1.0) ** 0.55
    climb = 2.2 * np.maximum(filling - 1.0, 0.0)
    height = np.minimum(depth + climb, np.maximum(rim, depth.max(axis=1, keepdims=True)))
    seen = level.index.get_indexer(
        flow["asset"].map(dict(zip(level["asset"], level.index, strict=True)))
    )
    capacity = 3600.0 * 0.9 * np.pi / 4 * diameter[seen] ** 2
    carried = np.minimum(filling[seen], 1.15) * capacity[:, None]
    sour = rng.gamma(1.5, 0.25, len(gas))[:, None] * np.exp(
        0.5 * red_noise((len(gas), hours.size), tau_h=8.0, step_h=0.25, rng=rng)
    )
    return {
        "drain_level": noisy("drain_level", height, rng),
        "drain_flow": noisy("drain_flow", carried, rng),
        "drain_gas": noisy("drain_gas", sour * (1.4 - 0.5 * rhythm), rng),
        "rain": _rain(xy[gauges["node"].to_numpy()], hours, storms),
    }


def _diameter(net: Net, table: pd.DataFrame) -> np.ndarray:
    pipe = thickest_pipe(net)[table["node"].to_numpy()]
    return net.pipes["diameter_mm"].to_numpy()[pipe] / 1000.0


def _filling(
    net: Net,
    level: pd.DataFrame,
    xy: np.ndarray,
    hours: np.ndarray,
    storms: Sequence[Storm],
    late: dict[int, np.ndarray],
    rng: np.random.Generator,
) -> np.ndarray:
    """Return the share of capacity in use, (sensor, time); above 1 the sewer is surcharged."""
    nodes = level["node"].to_numpy()
    pipe = thickest_pipe(net)[nodes]
    people = net.pipes["people"].to_numpy()[pipe]
    dry = np.clip(net.pipes["load"].to_numpy()[pipe], 0.04, 0.45) * 0.5
    lag = np.clip(np.round(np.log10(people + 10.0) - 1.5), 0, 4).astype(int)
    waves = np.stack([late[k] for k in lag])
    own = 1.0 + 0.05 * red_noise(waves.shape, tau_h=3.0, step_h=0.25, rng=rng)
    weak = rng.lognormal(-0.25, 0.3, nodes.size)
    wet = _rain(xy[nodes], hours, storms) / DESIGN_RAIN_MM_H
    response = np.empty_like(wet)
    for k in np.unique(lag):
        tau = 0.5 + 0.5 * k  # h
        t = np.arange(0.0, 10.0 * tau, 0.25)
        kernel = t * np.exp(-t / tau)
        rows = lag == k
        response[rows] = fftconvolve(wet[rows], (kernel / kernel.sum())[None, :], axes=1)[
            :, : hours.size
        ]
    return np.maximum(dry[:, None] * waves * own + weak[:, None] * np.maximum(response, 0.0), 0.01)


def _rain(xy: np.ndarray, hours: np.ndarray, storms: Sequence[Storm]) -> np.ndarray:
    total = np.zeros((len(xy), hours.size))
    for storm in storms:
        total += storm.rain(xy, hours)
    return total
