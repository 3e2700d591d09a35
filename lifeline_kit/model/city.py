"""A city: plain tables, immutable."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr

from lifeline_kit.model.readings import stamp
from lifeline_kit.text import Text

_DATA = {"assets", "sensors", "areas", "readings", "daily"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where data came from, and under which licence it may be used."""

    title: Text
    url: str
    licence: str


@dataclass(frozen=True, kw_only=True)
class City:
    """A city as plain tables.

    Attributes
    ----------
    name : Text
    crs : str
        Metric working CRS, `EPSG:…`; empty for readings without places.
    time_zone : str
        IANA name, for display; all stored times are UTC.
    origin : {'real', 'simulated'}
    assets, sensors, areas : GeoDataFrame
    readings : DataTree
        A node per quantity and sampling clock, `lifeline_kit.model.readings`.
    daily : DataFrame
        Daily roll-ups, longer than the readings: `sensor`, `date`, `mean`, `min`, `max`, `n`.
    path : Path or None
        The folder it was opened from.
    digest : str
        Fingerprint of the folder's manifest; empty for a city that was never saved.
    """

    name: Text
    crs: str
    time_zone: str
    origin: str
    assets: gpd.GeoDataFrame
    sensors: gpd.GeoDataFrame
    areas: gpd.GeoDataFrame
    readings: xr.DataTree
    sources: tuple[Source, ...] = ()
    daily: pd.DataFrame = field(default_factory=pd.DataFrame)
    path: Path | None = None
    digest: str = ""

    def with_(self, **changes: object) -> "City":
        """Return a copy with other tables; neither copy shares a change with the other.

        With other data it is no longer the city of the folder: `path` and `digest` are cleared,
        so that nothing of the one is ever stored or read as the other's.
        """
        if _DATA & set(changes):
            changes = {"path": None, "digest": ""} | changes
        return replace(self, **changes)

    def local(self, moment: pd.Timestamp | np.datetime64) -> pd.Timestamp:
        """Show a stored moment (UTC without zone) in the city's time zone."""
        return stamp(moment).tz_localize("UTC").tz_convert(self.time_zone)

    @staticmethod
    def open(path: str | Path, *, readings: bool = True) -> "City":
        """Open a city folder.

        Parameters
        ----------
        path : str or Path
        readings : bool, default True
            False leaves the readings on disk (`io.store.read_series` takes single sensors out).

        Raises
        ------
        CityError
            No folder, half written (no manifest), damaged, or of a newer format.
        """
        from lifeline_kit.io.store import open_city

        return open_city(Path(path), readings=readings)

    def save(self, path: str | Path) -> Path:
        """Write the city as a new folder; the manifest comes last, by atomic rename.

        Raises
        ------
        CityError
            Where the folder already holds something.
        """
        from lifeline_kit.io.store import save_city

        return save_city(self, Path(path))
