"""The city as SensorThings entities: columns to filter on, rows to show, links between them.

Things, Locations and FeaturesOfInterest are assets; Datastreams and Sensors are sensors;
ObservedProperties are quantities. Ids are the city's own.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifeline_kit.model.city import City
from lifeline_kit.services.share.problems import absent
from lifeline_kit.vocabulary import QUANTITIES
from lifeline_kit.vocabulary import quantity as quantity_of

MEASUREMENT = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement"
GEOJSON = "application/geo+json"

# entity set -> navigation -> (target set, whether many)
LINKS: dict[str, dict[str, tuple[str, bool]]] = {
    "Things": {"Locations": ("Locations", True), "Datastreams": ("Datastreams", True)},
    "Locations": {"Things": ("Things", True)},
    "Sensors": {"Datastreams": ("Datastreams", True)},
    "ObservedProperties": {"Datastreams": ("Datastreams", True)},
    "Datastreams": {
        "Thing": ("Things", False),
        "Sensor": ("Sensors", False),
        "ObservedProperty": ("ObservedProperties", False),
        "Observations": ("Observations", True),
    },
    "Observations": {
        "Datastream": ("Datastreams", False),
        "FeatureOfInterest": ("FeaturesOfInterest", False),
    },
    "FeaturesOfInterest": {},
}
SETS = tuple(LINKS)


@dataclass(frozen=True)
class Table:
    """One entity set held in memory.

    Attributes
    ----------
    name : str
    ids : array of str, (row,)
    columns : mapping of property path to array, (row,)
    show : callable
        Row number to the entity's own properties.
    """

    name: str
    ids: np.ndarray
    columns: dict[str, np.ndarray]
    show: Callable[[int], dict]

    @cached_property
    def positions(self) -> dict[str, int]:
        """Row number by id."""
        return {key: row for row, key in enumerate(self.ids)}

    def row(self, key: str) -> int:
        """Row number of an id.

        Raises
        ------
        Problem
            404.
        """
        found = self.positions.get(key)
        if found is None:
            raise absent(f"{self.name} holds no such id.")
        return found


class Catalogue:
    """All entity sets but Observations, of one city."""

    def __init__(self, city: City, assets: gpd.GeoDataFrame, sensors: gpd.GeoDataFrame) -> None:
        self.city = city
        self.assets = assets
        self.sensors = sensors
        self.tables = {
            "Things": self._things(),
            "Locations": self._places("Locations", "location"),
            "FeaturesOfInterest": self._places("FeaturesOfInterest", "feature"),
            "Sensors": self._sensors(),
            "ObservedProperties": self._quantities(),
            "Datastreams": self._datastreams(),
        }

    def related(self, name: str, row: int, navigation: str) -> np.ndarray:
        """Rows of the target set that an entity leads to (Observations excepted)."""
        target = self.tables[LINKS[name][navigation][0]]
        key = self.tables[name].ids[row]
        if name == "Datastreams":
            column = {
                "Thing": "Thing/id",
                "Sensor": "Sensor/id",
                "ObservedProperty": "ObservedProperty/id",
            }[navigation]
            key = self.tables[name].columns[column][row]
        elif navigation == "Datastreams" and name != "Sensors":
            groups = self._by_asset if name == "Things" else self._by_quantity
            return groups.get(key, np.zeros(0, dtype=np.int64))
        found = target.positions.get(key)
        return np.array([] if found is None else [found], dtype=np.int64)

    @cached_property
    def _by_asset(self) -> dict[str, np.ndarray]:
        return self._grouped("asset")

    @cached_property
    def _by_quantity(self) -> dict[str, np.ndarray]:
        return self._grouped("quantity")

    def _grouped(self, column: str) -> dict[str, np.ndarray]:
        groups = self.sensors.reset_index(drop=True).groupby(column).indices
        return {str(key): rows for key, rows in groups.items()}

    def _things(self) -> Table:
        assets = self.assets.drop(columns=self.assets.geometry.name)
        ids = texts(assets.index)
        names = _names(assets, assets.index)
        about = texts(assets["lifeline"].astype(str) + " " + assets["kind"].astype(str))

        def show(row: int) -> dict:
            own = {column: plain(value) for column, value in assets.iloc[row].items()}
            kept = {column: value for column, value in own.items() if value is not None}
            return {"name": names[row], "description": about[row], "properties": kept}

        columns = {"id": ids, "name": names, "description": about}
        columns |= {f"properties/{name}": column(assets[name]) for name in assets.columns}
        return Table("Things", ids, columns, show)

    def _places(self, set_name: str, shape: str) -> Table:
        placed = self.assets[~(self.assets.geometry.isna() | self.assets.geometry.is_empty)]
        geometry = (placed.geometry.to_crs(4326) if len(placed) else placed.geometry).to_numpy()
        ids = texts(placed.index)
        names = _names(placed, placed.index)

        def show(row: int) -> dict:
            return {
                "name": names[row],
                "description": f"Place of {ids[row]} (WGS 84)",
                "encodingType": GEOJSON,
                shape: outline(geometry[row]),
            }

        return Table(set_name, ids, {"id": ids, "name": names}, show)

    def _sensors(self) -> Table:
        sensors = self.sensors
        ids, names = texts(sensors.index), _names(sensors, sensors.index)
        own = [name for name in sensors.columns if name != sensors.geometry.name]

        def show(row: int) -> dict:
            values = {name: plain(sensors[name].iloc[row]) for name in own}
            return {
                "name": names[row],
                "description": f"{sensors['quantity'].iloc[row]} at {sensors['asset'].iloc[row]}",
                "encodingType": "text/plain",
                "metadata": f"every {sensors['interval_s'].iloc[row]:g} s",
                "properties": {name: value for name, value in values.items() if value is not None},
            }

        columns = {"id": ids, "name": names}
        columns |= {f"properties/{name}": column(sensors[name]) for name in own}
        return Table("Sensors", ids, columns, show)

    def _quantities(self) -> Table:
        used = [key for key in QUANTITIES if key in set(self.sensors["quantity"])]
        entries = [quantity_of(key) for key in used]
        ids = texts(pd.Series(used, dtype=object))
        names = texts(pd.Series([entry.title.en for entry in entries], dtype=object))

        def show(row: int) -> dict:
            entry = entries[row]
            cf = entry.standard_name
            definition = (
                f"https://cfconventions.org/Data/cf-standard-names/current/build/"
                f"cf-standard-name-table.html#{cf}"
                if cf
                else f"urn:lifeline-kit:quantity:{entry.key}"
            )
            return {
                "name": entry.title.en,
                "definition": definition,
                "description": entry.title.zh,
                "properties": {"unit": entry.unit},
            }

        about = texts(pd.Series([entry.title.zh for entry in entries], dtype=object))
        columns = {"id": ids, "name": names, "description": about}
        return Table("ObservedProperties", ids, columns, show)

    def _datastreams(self) -> Table:
        sensors = self.sensors
        ids, names = texts(sensors.index), _names(sensors, sensors.index)
        quantity, asset = texts(sensors["quantity"]), texts(sensors["asset"])
        named = [name for name in ("name_zh", "name_en") if name in sensors.columns]
        own = ["lifeline", "interval_s", "real_or_simulated", *named]

        def show(row: int) -> dict:
            unit = sensors["unit"].iloc[row]
            return {
                "name": names[row],
                "description": f"{quantity[row]} at {asset[row]}",
                "observationType": MEASUREMENT,
                "unitOfMeasurement": {"name": unit, "symbol": unit, "definition": unit},
                "properties": {name: plain(sensors[name].iloc[row]) for name in own},
            }

        columns = {
            "id": ids,
            "name": names,
            **{f"properties/{name}": column(sensors[name]) for name in own},
            "unitOfMeasurement/symbol": column(sensors["unit"]),
            "Thing/id": asset,
            "Sensor/id": ids,
            "ObservedProperty/id": quantity,
        }
        return Table("Datastreams", ids, columns, show)


def texts(values: pd.Series | pd.Index) -> np.ndarray:
    """Values as an object array of str."""
    found = np.empty(len(values), dtype=object)
    found[:] = [str(value) for value in values]
    return found


def column(values: pd.Series) -> np.ndarray:
    """A column as float, bool, datetime or object array with None where nothing is."""
    if pd.api.types.is_bool_dtype(values) and not values.hasnans:
        return values.to_numpy(dtype=bool)
    if pd.api.types.is_numeric_dtype(values):
        return values.to_numpy(dtype=float, na_value=np.nan)
    if pd.api.types.is_datetime64_any_dtype(values):
        naive = values.dt.tz_convert(None) if values.dt.tz is not None else values
        return naive.to_numpy().astype("datetime64[ms]")
    found = np.empty(len(values), dtype=object)
    found[:] = [None if pd.isna(value) else str(value) for value in values]
    return found


def _names(frame: pd.DataFrame, index: pd.Index) -> np.ndarray:
    """The English name of each row, or the Chinese, or the id."""
    found = texts(index)
    for name in ("name_zh", "name_en"):
        if name in frame.columns:
            given = frame[name].astype(object).where(frame[name].notna(), "").to_numpy()
            found = np.where(given == "", found, given)
    return texts(pd.Series(found, dtype=object))


def plain(value: object) -> object:
    """A cell as JSON can hold it; None where nothing is."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, pd.Timestamp):
        return f"{value.tz_convert(None).isoformat() if value.tz else value.isoformat()}Z"
    if isinstance(value, str | int | float | bool):
        return value
    return None if value is pd.NaT or value is pd.NA else str(value)


def outline(geometry: shapely.Geometry) -> dict:
    """A geometry as GeoJSON with coordinates to a centimetre, an invalid one as it is."""
    return shapely.geometry.mapping(shapely.transform(geometry, lambda xy: np.round(xy, 7)))
