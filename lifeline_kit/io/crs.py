"""Which coordinate reference system a file of assets is in, and the way to metres."""

from pathlib import Path
from typing import cast

import geopandas as gpd
import pyproj

from lifeline_kit.errors import CrsError
from lifeline_kit.text import Text

_CHINA = (73.5, 3.0, 135.5, 54.0)  # lon, lat, lon, lat: where CGCS2000 zones are defined


def metric(
    table: gpd.GeoDataFrame, said: str | None, path: Path, notes: list[Text]
) -> gpd.GeoDataFrame:
    """Bring a table into a metric CRS; append to `notes` what was changed.

    Parameters
    ----------
    table : GeoDataFrame
    said : str, optional
        CRS of the mapping file; it overrules the file.
    path : Path
        Names the file in errors.
    notes : list of Text

    Raises
    ------
    CrsError
        No CRS, an unknown one, one that is not in metres, or coordinates that contradict it.
    """
    if said is not None:
        table = _overruled(table, said, path, notes)
    if table.crs is None:
        raise CrsError(
            f"{path}: no coordinate reference system; expected a metric one such as EPSG:4547 "
            "(or lon/lat EPSG:4490, EPSG:4326). Say it in the mapping file: [assets] crs = …"
        )
    west, south, east, north = table.total_bounds
    degrees = max(abs(west), abs(east)) <= 180 and max(abs(south), abs(north)) <= 90
    if table.crs.is_geographic and not degrees:
        raise CrsError(
            f"{path}: in {table.crs.to_string()} (degrees) but coordinates reach {east:.0f}, "
            f"{north:.0f}; they look projected. Say the true one: [assets] crs = 'EPSG:…'"
        )
    if table.crs.is_geographic:
        target = _zone(table)
        notes.append(
            Text(
                f"{path.name}：经纬度（{table.crs.to_string()}）已转换为 {target}（米）。",
                f"{path.name}: converted from lon/lat ({table.crs.to_string()}) to {target} "
                "(metres).",
            )
        )
        return table.to_crs(target)
    if table.crs.axis_info[0].unit_name not in {"metre", "meter"}:
        raise CrsError(
            f"{path}: in {table.crs.to_string()}, whose unit is "
            f"{table.crs.axis_info[0].unit_name}; expected metres. Export it in EPSG:4547 or "
            "another metric CRS."
        )
    if degrees:
        raise CrsError(
            f"{path}: in {table.crs.to_string()} (metres) but all coordinates lie within "
            f"{east:.3f}, {north:.3f}: they look like degrees. Say the true one: "
            "[assets] crs = 'EPSG:4326'"
        )
    return table


def _overruled(
    table: gpd.GeoDataFrame, said: str, path: Path, notes: list[Text]
) -> gpd.GeoDataFrame:
    try:
        named = pyproj.CRS.from_user_input(said)
    except pyproj.exceptions.CRSError:
        raise CrsError(
            f"{path}: crs {said!r} of the mapping file is not known; expected for instance "
            "'EPSG:4547'."
        ) from None
    if table.crs is not None and table.crs != named:
        notes.append(
            Text(
                f"{path.name}：坐标系 {table.crs.to_string()} 按映射文件改读为 {said}。",
                f"{path.name}: said to be in {table.crs.to_string()}, read as {said} because the "
                "mapping file says so.",
            )
        )
    return cast("gpd.GeoDataFrame", table.set_crs(named, allow_override=True))


def _zone(table: gpd.GeoDataFrame) -> str:
    west, south, east, north = table.to_crs("EPSG:4326").total_bounds
    lon, lat = (west + east) / 2, (south + north) / 2
    if _CHINA[0] <= lon < _CHINA[2] and _CHINA[1] <= lat <= _CHINA[3]:
        return f"EPSG:{4534 + round((lon - 75) / 3)}"  # CGCS2000, 3-degree zones, 75E to 135E
    return f"EPSG:{(32600 if lat >= 0 else 32700) + int((lon + 180) // 6) % 60 + 1}"
