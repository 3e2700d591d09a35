"""Small cities and series made by hand, so that every expected number is obvious."""

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr
from shapely import Point

from lifeline_kit.model.city import City
from lifeline_kit.model.readings import dense_node
from lifeline_kit.model.tables import FINDING_COLUMNS, table
from lifeline_kit.text import Text

CRS = "EPSG:32650"
BEGIN = np.datetime64("2026-10-05T00:00", "ms")  # a Monday


def minutes(n: int, step: float = 15.0, begin: np.datetime64 = BEGIN) -> np.ndarray:
    """Regular clock of `n` readings, `step` minutes apart."""
    return begin + (np.arange(n) * round(step * 60_000)).astype("timedelta64[ms]")


def at(days: float = 0.0, *, hours: float = 0.0) -> pd.Timestamp:
    """A moment after the beginning of all hand-made series."""
    return pd.Timestamp(BEGIN) + pd.Timedelta(days=days, hours=hours)


def asset_table(*rows: dict) -> gpd.GeoDataFrame:
    """Points 1 km apart unless a row gives its geometry; water pipes unless it says otherwise."""
    filled = [
        {
            "asset": f"A{i}",
            "lifeline": "water",
            "kind": "pipe",
            "year": 2020.0,
            "people": 100.0,
            "district": "Z1",
            "real_or_simulated": "simulated",
            "geometry": Point(1000.0 * i, 0.0),
        }
        | row
        for i, row in enumerate(rows)
    ]
    return gpd.GeoDataFrame(filled, crs=CRS).set_index("asset")


def sensor_table(assets: gpd.GeoDataFrame, *rows: dict) -> gpd.GeoDataFrame:
    """Sensors s0, s1, … on the assets in their order; kPa at 15 min unless a row says otherwise."""
    filled = [
        {
            "sensor": f"s{i}",
            "asset": assets.index[i % len(assets)],
            "lifeline": "water",
            "quantity": "pressure",
            "unit": "kPa",
            "clock": "pressure/15min",
            "interval_s": 900.0,
            "range_min": 0.0,
            "range_max": 1000.0,
            "limit_low": np.nan,
            "limit_high": np.nan,
            "real_or_simulated": "simulated",
        }
        | row
        for i, row in enumerate(rows)
    ]
    frame = pd.DataFrame(filled).set_index("sensor")
    places = assets.geometry.reindex(frame["asset"]).to_numpy()
    return gpd.GeoDataFrame(frame, geometry=places, crs=CRS)


def no_areas() -> gpd.GeoDataFrame:
    """An empty table of areas."""
    columns = ["area", "level", "population", "vulnerable", "real_or_simulated", "geometry"]
    return gpd.GeoDataFrame(columns=columns, geometry="geometry", crs=CRS).set_index("area")


def city_of(
    nodes: dict[str, xr.Dataset],
    assets: gpd.GeoDataFrame,
    sensors: gpd.GeoDataFrame,
    *,
    time_zone: str = "UTC",
) -> City:
    """A city without areas, in UTC unless told otherwise."""
    return City(
        name=Text("手", "Hand"),
        crs=CRS,
        time_zone=time_zone,
        origin="simulated",
        assets=assets,
        sensors=sensors,
        areas=no_areas(),
        readings=xr.DataTree.from_dict(nodes),
    )


def one_sensor(time: np.ndarray, value: np.ndarray, quantity: str = "pressure", **sensor) -> City:
    """A city of one asset and one sensor."""
    assets = asset_table({"lifeline": sensor.get("lifeline", "water")})
    sensors = sensor_table(assets, {"quantity": quantity, **sensor})
    node = dense_node(quantity, np.array(["s0"]), time, np.asarray(value)[None, :])
    return city_of({f"{quantity}/15min": node}, assets, sensors)


def findings(*rows: dict) -> pd.DataFrame:
    """Findings of level II on A0, detected at the beginning and still open, unless told otherwise.

    Ids are F0, F1, …
    """
    filled = [
        {
            "finding": f"F{i}",
            "lifeline": "water",
            "asset": "A0",
            "sensor": f"s{i}",
            "method": "above",
            "rule": "water.turbidity",
            "title_zh": "浊度超标",
            "title_en": "Turbid",
            "severity": 0.75,
            "level": 2,
            "since": pd.Timestamp(BEGIN),
            "until": pd.NaT,
            "real_or_simulated": "simulated",
        }
        | row
        for i, row in enumerate(rows)
    ]
    return table(filled, FINDING_COLUMNS, "finding")
