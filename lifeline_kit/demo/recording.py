"""From simulated series to readings: resolution, span, clocks, nodes."""

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import xarray as xr

from lifeline_kit.demo.sensors import ROLES
from lifeline_kit.demo.series_pipes import Series
from lifeline_kit.demo.series_structures import RAW_HZ, RAW_S
from lifeline_kit.demo.weather import DAYS, hours_of, times_of
from lifeline_kit.model.readings import dense_node, ragged_node

ALARM_VOL = 0.5  # methane above it makes a terminal report every 5 min


def recorded(values: Series) -> Series:
    """Clip to the instrument's span and round to its resolution, (sensor, time) float32."""
    out = {}
    for role, clean in values.items():
        spec = ROLES[role]
        steps = np.round(np.clip(clean, *spec.span) / spec.resolution)
        out[role] = np.round(steps * spec.resolution, 6).astype(np.float32)
    return out


def readings_of(
    sensors: gpd.GeoDataFrame, values: Series, offsets_min: Mapping[str, float]
) -> xr.DataTree:
    """Put the recorded series into nodes, one per quantity and clock.

    Parameters
    ----------
    sensors : GeoDataFrame, index `sensor`
        With `role` and `clock`.
    values : dict of role to array, (sensor, time)
        NaN where nothing came.
    offsets_min : mapping of sensor to minutes
        Sensors whose clock is wrong; their `clock` names a ragged node (`…/irregular`).
    """
    nodes: dict[str, xr.Dataset] = {}
    rows: dict[str, list[tuple[str, np.ndarray]]] = {}
    for role, cube in values.items():
        table = sensors[sensors["role"] == role]
        for (sensor, clock), line in zip(table["clock"].items(), cube, strict=True):
            rows.setdefault(clock, []).append((str(sensor), line))
    for clock, lines in sorted(rows.items()):
        quantity, name = clock.split("/")
        ids = np.array([sensor for sensor, _ in lines], dtype=object)
        if name == "event":
            runs = [_event_run(line) for _, line in lines]
        elif name == "irregular":
            runs = [_off_grid(line, offsets_min[sensor]) for sensor, line in lines]
        else:
            cube = np.stack([line for _, line in lines])
            nodes[clock] = dense_node(quantity, ids, _time(name), cube)
            continue
        size = np.array([time.size for time, _ in runs])
        time = np.concatenate([time for time, _ in runs])
        value = np.concatenate([value for _, value in runs])
        nodes[clock] = ragged_node(quantity, ids, size, time, value)
    return xr.DataTree.from_dict(nodes)


def _time(name: str) -> np.ndarray:
    if name.startswith("50Hz"):
        end = 24.0 * DAYS
        return times_of(end - RAW_S / 3600.0 + np.arange(RAW_HZ * RAW_S) / RAW_HZ / 3600.0)
    return times_of(hours_of(name))


def _off_grid(line: np.ndarray, minutes: float) -> tuple[np.ndarray, np.ndarray]:
    here = ~np.isnan(line)
    return times_of(hours_of("15min") + minutes / 60.0)[here], line[here]


def _event_run(line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Add the 5-min readings that a terminal sends between two values in alarm."""
    hours = hours_of("event")
    alarm = np.flatnonzero((line[:-1] > ALARM_VOL) & (line[1:] > ALARM_VOL))
    between = []
    for share in (1 / 3, 2 / 3):
        value = line[alarm] + share * (line[alarm + 1] - line[alarm])
        wobble = 1.0 + 0.03 * np.sin(7.0 * hours[alarm] + 9.0 * share)  # gusts, reproducible
        between.append((hours[alarm] + share * 0.25, np.round(value * wobble, 2)))
    time = np.concatenate([hours, *(part[0] for part in between)])
    value = np.concatenate([line, *(part[1] for part in between)]).astype(np.float32)
    order = np.argsort(time, kind="stable")
    time, value = time[order], value[order]
    here = ~np.isnan(value)
    return times_of(time[here]), value[here]
