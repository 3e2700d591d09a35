"""The city that this process shows: opened once, its examination kept until the stamp changes."""

import json
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.checkup.dossier import Dossier
from lifeline_kit.checkup.dossier_files import dossier_stamp, open_dossier
from lifeline_kit.errors import CityError, ServiceError
from lifeline_kit.io.examinations import derived_folder, examination_stamp, open_examination
from lifeline_kit.io.live import recorded_and_live
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.model.readings import PASS, Series
from lifeline_kit.text import Lang
from lifeline_kit.views.tiles import tiles_file

CITY_VARIABLE = "LIFELINE_CITY"
PROGRESS_FILE = "worker.json"
_DEMO = Path(__file__).parents[2] / "data" / "demo" / "wuhan"


class Store:
    """One city with what is derived from it. Pages share it and never change it.

    Parameters
    ----------
    city : City
        Saved; opened without its readings, which are read sensor by sensor.
    """

    def __init__(self, city: City) -> None:
        self.city = city
        self.has_map = bool(len(city.assets)) and not city.assets.geometry.isna().any()
        self._examined: tuple[str, Examination | None] = ("", None)
        self._told: tuple[str, Dossier | None] = ("", None)

    def stamp(self) -> str:
        """Return what pages poll: it changes with a new examination or with the tiles."""
        ready = not self.has_map or tiles_file(self.city).exists()
        return f"{examination_stamp(self.city)}|{'tiles' if ready else ''}"

    def examination(self) -> Examination | None:
        """Return the stored examination, None while there is none."""
        version = examination_stamp(self.city)
        if version != self._examined[0]:
            self._examined = (version, open_examination(self.city))
        return self._examined[1]

    def examined(self) -> Examination:
        """Return the stored examination.

        Raises
        ------
        ServiceError
            Where there is none yet.
        """
        examination = self.examination()
        if examination is None:
            raise ServiceError(
                "no examination is stored yet; wait until the city has been examined."
            )
        return examination

    def dossier(self) -> Dossier | None:
        """Return the stored dossier of the stored examination, None while there is none."""
        stamp = f"{examination_stamp(self.city)} {dossier_stamp(self.city)}"
        if stamp != self._told[0]:
            self._told = (stamp, open_dossier(self.city, self.examined().version))
        return self._told[1]

    def progress(self) -> dict:
        """Return what the worker last said: `state`, `stage`, `done`, `of`, `message`."""
        file = derived_folder(self.city) / PROGRESS_FILE
        try:
            return json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}

    def series(self, sensors: Sequence[str]) -> dict[str, Series]:
        """Read some sensors' readings, with the quality flags of the examination."""
        assert self.city.path is not None  # a store is made of a saved city
        rows = self.city.sensors.loc[list(sensors)]
        examination = self.examination()
        found = recorded_and_live(self.city.path, rows)
        if examination is None:
            return found
        flags = examination.flags
        flags = flags[flags["sensor"].isin(sensors)]
        return {
            sensor: flagged(series, flags[flags["sensor"] == sensor], examination.at)
            for sensor, series in found.items()
        }

    def bounds(self) -> list[float]:
        """West, south, east, north of the assets [degree]."""
        return _bounds(self)

    def places(self, assets: Sequence[str]) -> list[list[float]]:
        """Longitude and latitude of a point on each asset [degree]."""
        points = self.city.assets.geometry.loc[list(assets)].representative_point().to_crs(4326)
        return [[round(x, 6), round(y, 6)] for x, y in zip(points.x, points.y, strict=True)]

    def districts(self, lang: Lang) -> tuple[dict, list[dict]]:
        """Borders of the districts as GeoJSON, and their names with places."""
        return _districts(self, lang)

    def row_of(self, asset: str) -> int:
        """Row number of an asset, the id that the map uses; -1 for none."""
        index = self.city.assets.index
        return int(index.get_indexer([asset])[0])


def flagged(series: Series, flags: pd.DataFrame, at: pd.Timestamp) -> Series:
    """Give readings their quality flags.

    Parameters
    ----------
    series : Series
    flags : DataFrame
        Readings of this sensor that did not pass: `time`, `flag`.
    at : Timestamp
        Readings up to here were examined and passed unless listed.
    """
    flag = np.where(series.time <= at.to_datetime64(), PASS, series.flag).astype(np.uint8)
    listed = flags["time"].to_numpy().astype(series.time.dtype)
    places = np.searchsorted(series.time, listed)
    inside = places < series.time.size
    places, codes = places[inside], flags["flag"].to_numpy()[inside]
    same = series.time[places] == listed[inside]
    flag[places[same]] = codes[same]
    return Series(series.time, series.value, flag)


@lru_cache(maxsize=8)
def _bounds(store: Store) -> list[float]:
    from geopandas import GeoSeries
    from shapely import box

    corners = GeoSeries([box(*store.city.assets.total_bounds)], crs=store.city.assets.crs)
    return [round(float(value), 6) for value in corners.to_crs(4326).total_bounds]


@lru_cache(maxsize=8)
def _districts(store: Store, lang: Lang) -> tuple[dict, list[dict]]:
    areas = store.city.areas
    areas = areas[areas["level"] == "district"] if len(areas) else areas
    if not len(areas):
        return {"type": "FeatureCollection", "features": []}, []
    outline = areas.geometry.simplify(10).to_crs(4326)
    points = areas.geometry.representative_point().to_crs(4326)
    titles = areas.get(f"name_{lang}", areas.index)
    names = [
        {"text": str(text), "at": [round(point.x, 6), round(point.y, 6)]}
        for text, point in zip(titles, points, strict=True)
    ]
    return json.loads(outline.to_json()), names


@lru_cache(maxsize=2)
def open_store(path: Path) -> Store:
    """Open a city for showing, once per process.

    Raises
    ------
    CityError
    """
    return Store(City.open(path, readings=False))


def current_store() -> Store:
    """Return the store of the city that this process serves.

    Raises
    ------
    ServiceError
        Where there is no city.
    """
    path = Path(os.environ.get(CITY_VARIABLE) or _DEMO)
    try:
        return open_store(path.resolve())
    except CityError as error:
        raise ServiceError(f"no city to show: {error}") from error
