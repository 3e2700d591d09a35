"""Hourly readings of a city's heating: what its judges work on."""

import numpy as np
import pandas as pd

from lifeline_kit.lifelines.heating.substations import finder
from lifeline_kit.methods.heat_meter import WATER_KWH_PER_M3_K, Meters
from lifeline_kit.methods.rules import usable, utc_offset
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import nodes

HOUR = np.timedelta64(3_600_000, "ms")
_METERED = ("supply_temperature", "return_temperature", "flow")


def hourly(
    city: City, lifeline: str | None, quantity: str, at: np.datetime64, *, kind: str = ""
) -> pd.DataFrame:
    """Hourly means of the usable readings of a quantity, (time, asset).

    Parameters
    ----------
    city : City
    lifeline : str or None
        None for all.
    quantity : str
    at : datetime64
        An hour counts when it is over.
    kind : str
        Of the assets, any by default. An asset with several sensors counts the first.
    """
    sensors = city.sensors[city.sensors["quantity"] == quantity]
    if lifeline is not None:
        sensors = sensors[sensors["lifeline"] == lifeline]
    if kind:
        kinds = city.assets["kind"].reindex(sensors["asset"]).to_numpy()
        sensors = sensors[kinds == kind]
    columns: dict[str, pd.Series] = {}
    for _, node in nodes(city.readings, quantity):
        flat, keep = usable(node, sensors.index, at)
        for index in np.flatnonzero(keep):
            asset = str(sensors["asset"][flat.sensors[index]])
            rows = slice(flat.starts[index], flat.starts[index + 1])
            if asset in columns:
                continue
            hours = flat.time[rows].astype("datetime64[h]").astype("datetime64[ms]")
            columns[asset] = pd.Series(flat.value[rows].astype(float)).groupby(hours).mean()
    if not columns:
        return pd.DataFrame(index=pd.DatetimeIndex([]))
    frame = pd.DataFrame(columns).sort_index()
    return frame[frame.index + HOUR <= at]


def city_meters(city: City, lifeline: str, at: np.datetime64) -> tuple[Meters, list[str]] | None:
    """Put the heat meters of a city's substations on one hourly local clock.

    Returns
    -------
    (Meters, list of str) or None
        None where no substation measures supply, return and flow, or no air temperature is known.
    """
    parts = [hourly(city, lifeline, each, at, kind="substation") for each in _METERED]
    air = hourly(city, None, "air_temperature", at)
    names = sorted(set.intersection(*(set(part.columns) for part in parts)))
    if not names or air.empty:
        return None
    first, last = min(part.index[0] for part in parts), max(part.index[-1] for part in parts)
    clock = pd.date_range(first, last, freq="1h")
    supply, back, flow = (part[names].reindex(clock).to_numpy().T for part in parts)
    outdoor = air.median(axis=1).reindex(clock).interpolate(limit=6).to_numpy()
    local = clock.to_numpy().astype("datetime64[ms]") + utc_offset(city.time_zone, at)
    heat = WATER_KWH_PER_M3_K * flow * (supply - back)
    meters = Meters(time=local, outdoor=outdoor, supply=supply, back=back, flow=flow, heat=heat)
    return meters, names


def reference_hours(time: np.ndarray) -> np.ndarray | None:
    """First half of the readings, within the days that a reference may have; None if too short."""
    least, most = finder().reference_days
    hours = min(time.size // 2, round(most * 24))
    return None if hours < least * 24 else np.arange(time.size) < hours
