"""Assets from a plain table with coordinates: lon/lat, 经度/纬度, X/Y, or WKT."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifeline_kit.errors import AssetsError
from lifeline_kit.io.archives import decode, is_excel, read_contents
from lifeline_kit.io.csvtext import read_csv
from lifeline_kit.io.excel import grid_table
from lifeline_kit.io.mapping import AssetMapping, FileMapping
from lifeline_kit.text import Text

_LON = ("lon", "lng", "long", "longitude", "经度", "x_lon")
_LAT = ("lat", "latitude", "纬度", "y_lat")
_EAST = ("x", "easting", "east", "东坐标", "横坐标", "x坐标", "坐标x", "x_coord")
_NORTH = ("y", "northing", "north", "北坐标", "纵坐标", "y坐标", "坐标y", "y_coord")
_WKT = ("wkt", "geometry", "geom", "几何")


def read_points(path: Path, mapping: FileMapping) -> tuple[gpd.GeoDataFrame, Text]:
    """Read a CSV or Excel table of places.

    Parameters
    ----------
    path : Path
    mapping : FileMapping
        `[assets]` x, y name the columns where they have other names.

    Returns
    -------
    GeoDataFrame
        EPSG:4326 only where columns say longitude and latitude; otherwise without CRS: X and Y
        alone do not tell it.
    Text
        Encoding.

    Raises
    ------
    InputError, AssetsError
        No columns of coordinates, or cells that hold none.
    """
    (member, content), *_ = read_contents(path)
    where = str(path)
    if is_excel(content):
        frame, encoding = grid_table(content, where), Text("Excel 工作簿", "Excel workbook")
    else:
        text, encoding = decode(content, where)
        sheet = read_csv(text, mapping, member=member, where=where, as_text=True)
        frame = sheet.frame.astype(object).where(sheet.frame.notna(), None)
        if sheet.malformed:
            line, raw = sheet.malformed[0]
            raise AssetsError(
                f"{path}: line {line} has not the cells of the header ({raw[:60]!r}); mend it."
            )
    return _placed(frame, mapping.assets, path), encoding


def _placed(frame: pd.DataFrame, said: AssetMapping, path: Path) -> gpd.GeoDataFrame:
    names = {str(name).strip().casefold(): str(name) for name in reversed(list(frame.columns))}
    wkt = next((names[word] for word in _WKT if word in names), None)
    if said.x is None and wkt is not None:
        try:
            shapes = shapely.from_wkt(frame[wkt].to_numpy(dtype=object))
        except shapely.errors.ShapelyError as error:
            raise AssetsError(f"{path}: column {wkt!r} holds no WKT ({error}); mend it.") from None
        return gpd.GeoDataFrame(frame.drop(columns=wkt), geometry=shapes)
    lon, lat = _pair(names, _LON, _LAT)
    east, north = (said.x, said.y) if said.x else _pair(names, _EAST, _NORTH)
    x, y = (lon, lat) if lon and not said.x else (east, north)
    if x is None or y is None or x not in frame or y not in frame:
        raise AssetsError(
            f"{path}: no columns of coordinates; expected lon and lat, 经度 and 纬度, X and Y, or "
            f"WKT, found {', '.join(map(str, frame.columns))}. Name them in the mapping file: "
            "[assets] x = …, y = …"
        )
    xy = np.column_stack([_coordinates(frame[name], path) for name in (x, y)])
    rest = frame.drop(columns=[x, y])
    geographic = x == lon and not said.x
    return gpd.GeoDataFrame(
        rest, geometry=shapely.points(xy), crs="EPSG:4326" if geographic else None
    )


def _pair(
    names: dict[str, str], first: tuple[str, ...], second: tuple[str, ...]
) -> tuple[str | None, str | None]:
    return (
        next((names[word] for word in first if word in names), None),
        next((names[word] for word in second if word in names), None),
    )


def _coordinates(column: pd.Series, path: Path) -> np.ndarray:
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isnan(numbers).any():
        row = int(np.argmax(np.isnan(numbers)))
        raise AssetsError(
            f"{path}: {column.name!r} holds {column.iloc[row]!r} in row {row + 1}, no coordinate; "
            "mend it or remove the row."
        )
    return numbers
