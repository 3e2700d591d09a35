"""Bursts: pressure steps that run through the network with the speed of sound.

A burst drops the pressure at once where it is, a little later farther off. At least three
substations must see a step, their order must fit the way along the pipes, and the first to see it
is the nearest. Sampling of a second or slower tells the order alone.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lifeline_kit.errors import InputError
from lifeline_kit.lifelines.heating.makeup import settings
from lifeline_kit.methods.robust import mad_sigma

_SIGMAS = 8.0  # a step stands out of the noise by so much


def pressure_step(
    time_s: np.ndarray, pressure_kpa: np.ndarray, *, step_kpa: float, window: int = 5
) -> tuple[float, float] | None:
    """Find the first lasting drop of one pressure series.

    Parameters
    ----------
    time_s : array, (time,) [s]
        Increasing.
    pressure_kpa : array, (time,) [kPa]
    step_kpa : float [kPa]
        Smallest drop that counts.
    window : int
        Readings before and after whose medians are compared: a spike is no step.

    Returns
    -------
    (float, float) or None
        Time of the first reading after the drop [s], and the drop [kPa].
    """
    if pressure_kpa.size < 2 * window:
        return None
    medians = np.median(np.lib.stride_tricks.sliding_window_view(pressure_kpa, window), axis=1)
    drop = medians[:-window] - medians[window:]
    noise = float(mad_sigma(np.diff(pressure_kpa))) / np.sqrt(2.0)
    limit = max(step_kpa, _SIGMAS * noise)
    over = np.flatnonzero(drop >= limit)
    if not over.size:
        return None
    near = over[0] + np.arange(2 * window)
    near = near[near < drop.size]
    best = int(near[np.argmax(drop[near])])
    # within the windows the reading after the steepest fall is the arrival
    part = slice(best, best + 2 * window)
    arrival = best + 1 + int(np.argmin(np.diff(pressure_kpa[part])))
    return float(time_s[arrival]), float(drop[best])


def locate_burst(steps: Mapping[str, tuple[float, float]], way_m: pd.DataFrame) -> pd.DataFrame:
    """Rank places by how well arrivals fit a wave that started there.

    Parameters
    ----------
    steps : mapping of sensor to (arrival [s], drop [kPa])
        Of `pressure_step`, on one clock.
    way_m : DataFrame, index place, columns sensors [m]
        Way along the pipes from every candidate place to every sensor.

    Returns
    -------
    DataFrame, index place
        `misfit_s` (root mean square of arrivals against the wave), `start_s`, `in_order` (Kendall's
        tau of arrivals against ways), `fits` (misfit within the stray of the clocks), best first.
        Empty where fewer than three sensors stepped within a minute of the first.

    Raises
    ------
    InputError
        Where a sensor has no column.
    """
    limits = settings()["burst"]
    absent = [name for name in steps if name not in way_m.columns]
    if absent:
        raise InputError(
            f"sensor {absent[0]!r} has no column of ways; give its way to every place."
        )
    columns = ["misfit_s", "start_s", "in_order", "fits"]
    empty = pd.DataFrame(columns=columns, index=way_m.index[:0])
    if len(steps) < limits["at_least"]:
        return empty
    first = min(arrival for arrival, _ in steps.values())
    within = {k: v for k, v in steps.items() if v[0] - first <= limits["within_s"]}
    if len(within) < limits["at_least"]:
        return empty
    arrival = np.array([within[name][0] for name in within])
    ways = way_m[list(within)].to_numpy(dtype=float)
    start = arrival - ways / limits["sound_m_s"]
    mean = start.mean(axis=1, keepdims=True)
    table = pd.DataFrame(
        {
            "misfit_s": np.sqrt(((start - mean) ** 2).mean(axis=1)),
            "start_s": mean[:, 0],
            "in_order": [_order(arrival, row) for row in ways],
        },
        index=way_m.index,
    )
    table["fits"] = (table["misfit_s"] <= limits["stray_s"]) & (table["in_order"] >= 0.0)
    return table.sort_values(["misfit_s", "in_order"], ascending=[True, False])


def nearest_first(steps: Mapping[str, tuple[float, float]]) -> list[str]:
    """Sensors by arrival: the first is the nearest to the burst."""
    return sorted(steps, key=lambda name: (steps[name][0], -steps[name][1]))


def _order(arrival: np.ndarray, way: np.ndarray) -> float:
    """Kendall's tau of two short series, 0 where nothing can be ordered."""
    later = np.sign(np.subtract.outer(arrival, arrival))
    farther = np.sign(np.subtract.outer(way, way))
    pairs = np.triu_indices(arrival.size, 1)
    told = (later * farther)[pairs]
    known = np.count_nonzero(told)
    return float(told.sum() / known) if known else 0.0
