"""Which coordinate reference system a file of assets is in, and the way to metres.

What a file says is tried against its coordinates: swapped axes, a zone number before the easting,
degrees for metres, displaced map coordinates. What contradicts itself is refused; what was mended
is said.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from lifeline_kit.errors import CrsError
from lifeline_kit.io.datum import old_datum, renewed
from lifeline_kit.io.gcj import DATUMS, datum_in, told, undisplaced
from lifeline_kit.io.mapping import AssetMapping
from lifeline_kit.text import Text

_CHINA = (73.5, 3.0, 135.5, 54.0)  # lon, lat, lon, lat: where CGCS2000 zones are defined
_NORTHING = (1.2e6, 6.1e6)  # of a transverse Mercator over China, from 11 N up [m]
_EASTING = (1e5, 9e5)  # within a zone, without its number [m]
_PREFIXED = (13e6, 46e6)  # with it: 13 to 23 (6 degrees), 25 to 45 (3 degrees) [m]
_ASTRAY = 3.0  # degrees beyond the area of use of a CRS that are still no mistake
_NEAR = 5.0  # metres; a fitting lies on its pipe, a manhole on its road
_TAGS = ("datum", "坐标系", "坐标系统", "coord_sys", "coordsys")


def metric(
    table: gpd.GeoDataFrame,
    said: AssetMapping,
    path: Path,
    notes: list[Text],
    *,
    near: Sequence[gpd.GeoDataFrame] = (),
    decided: dict[str, Text] | None = None,
) -> gpd.GeoDataFrame:
    """Bring a table into a metric CRS; append to `notes` what was changed.

    Parameters
    ----------
    table : GeoDataFrame
    said : AssetMapping
        `crs` of the mapping file overrules the file; `datum`, `towgs84`, `planar`, `control`.
    path : Path
        Names the file in errors.
    notes : list of Text
    near : sequence of GeoDataFrame
        Layers that the points should lie on, for telling displaced coordinates.
    decided : dict of str to Text, optional
        Told here: `crs`, `datum`.

    Raises
    ------
    CrsError
        No CRS, an unknown one, one that is not in metres, one on an old datum without parameters,
        or coordinates that contradict it.
    """
    decided = {} if decided is None else decided
    if said.crs is not None:
        table = _overruled(table, said.crs, path, notes)
    if table.crs is None:
        raise CrsError(
            f"{path}: no coordinate reference system; expected a metric one such as EPSG:4547 "
            "(or lon/lat EPSG:4490, EPSG:4326). Say it in the mapping file: [assets] crs = …"
            f"{_hint(table)}"
        )
    source = (
        Text("映射文件", "the mapping file") if said.crs else Text("文件自述", "the file itself")
    )
    name = table.crs.to_string()
    decided["crs"] = Text(f"{name}（{source.zh}）", f"{name} (says {source.en})")
    table = _straightened(table, path, notes)
    if old_datum(table.crs) is not None:
        table, how = renewed(table, said, path)
        decided["datum"] = how
        notes.append(Text(f"{path.name}：{how.zh}。", f"{path.name}: {how.en}."))
    west, south, east, north = table.total_bounds
    degrees = max(abs(west), abs(east)) <= 180 and max(abs(south), abs(north)) <= 90
    if table.crs.is_geographic:
        return _from_degrees(table, said, path, notes, near=near, decided=decided, degrees=degrees)
    if _displaced_tag(table, said) is not None:
        raise CrsError(
            f"{path}: said to be displaced (GCJ-02 or BD-09) but in {name}, in metres; displaced "
            "coordinates are longitudes and latitudes. Say the true CRS: [assets] crs = 'EPSG:4490'"
        )
    if table.crs.axis_info[0].unit_name not in {"metre", "meter"}:
        raise CrsError(
            f"{path}: in {table.crs.to_string()}, whose unit is "
            f"{table.crs.axis_info[0].unit_name}; expected metres. Export it in EPSG:4547 or "
            "another metric CRS."
        )
    _tell_outside(table, path, notes)
    if degrees:
        raise CrsError(
            f"{path}: in {table.crs.to_string()} (metres) but all coordinates lie within "
            f"{east:.3f}, {north:.3f}: they look like degrees. Say the true one: "
            "[assets] crs = 'EPSG:4326'"
        )
    return table


def _tell_outside(table: gpd.GeoDataFrame, path: Path, notes: list[Text]) -> None:
    """Tell of coordinates that lie where their CRS is not meant for: it may be another one."""
    area = table.crs.area_of_use
    if area is None:
        return
    middle = gpd.GeoSeries([shapely.box(*table.total_bounds).centroid], crs=table.crs)
    lon, lat = middle.to_crs("EPSG:4326").iloc[0].coords[0]
    west = area.west - (360.0 if area.west > area.east else 0.0)
    inside = area.south - _ASTRAY <= lat <= area.north + _ASTRAY
    if inside and west - _ASTRAY <= lon <= area.east + _ASTRAY:
        return
    name = table.crs.to_string()
    notes.append(
        Text(
            f"{path.name}：按 {name} 位于东经 {lon:.2f}、北纬 {lat:.2f}，"
            f"超出该坐标系的适用范围（{area.name}）；请核对坐标系。",
            f"{path.name}: in {name} it lies at {lon:.2f} E, {lat:.2f} N, outside the area of use "
            f"of that CRS ({area.name}); check the CRS.",
        )
    )


def _from_degrees(
    table: gpd.GeoDataFrame,
    said: AssetMapping,
    path: Path,
    notes: list[Text],
    *,
    near: Sequence[gpd.GeoDataFrame],
    decided: dict[str, Text],
    degrees: bool,
) -> gpd.GeoDataFrame:
    """Longitudes and latitudes: undisplaced where they are displaced, then into a zone."""
    if not degrees:
        _, _, east, north = table.total_bounds
        raise CrsError(
            f"{path}: in {table.crs.to_string()} (degrees) but coordinates reach {east:.0f}, "
            f"{north:.0f}; they look projected. Say the true one: [assets] crs = 'EPSG:…'"
        )
    found = _displaced(table, said, near)
    source = table.crs.to_string()
    if found is not None:
        datum, why = found
        decided["datum"] = told(datum, why)
        said_so = decided["datum"]
        notes.append(Text(f"{path.name}：{said_so.zh}。", f"{path.name}: {said_so.en}."))
        table, source = _undisplaced(table, datum), datum.upper()
    target = _zone(table)
    notes.append(
        Text(
            f"{path.name}：经纬度（{source}）已转换为 {target}（米）。",
            f"{path.name}: converted from lon/lat ({source}) to {target} (metres).",
        )
    )
    return table.to_crs(target)


def _displaced_tag(table: gpd.GeoDataFrame, said: AssetMapping) -> tuple[str, Text] | None:
    if said.datum is not None:
        return said.datum, Text("映射文件指定", "the mapping file says so")
    for column in _TAGS:
        if column in table.columns:
            found = {datum_in(value) for value in table[column].dropna().unique()}
            if len(found) == 1 and (datum := found.pop()) in DATUMS:
                return cast("str", datum), Text(f"列 {column} 注明", f"column {column} says so")
    return None


def _displaced(
    table: gpd.GeoDataFrame, said: AssetMapping, near: Sequence[gpd.GeoDataFrame]
) -> tuple[str, Text] | None:
    """Whether coordinates are displaced: told, or because only then they lie on other layers."""
    tagged = _displaced_tag(table, said)
    lines = [layer for layer in near if (layer.geom_type == "LineString").any()]
    if tagged is not None or not lines or len(table) < 10:
        return tagged
    grid = shapely.STRtree(np.concatenate([layer.geometry.to_numpy() for layer in lines]))
    crs = lines[0].crs
    before = _share_near(table, grid, crs)
    shares = {datum: _share_near(_undisplaced(table, datum), grid, crs) for datum in DATUMS}
    datum = max(shares, key=lambda each: shares[each])
    after = shares[datum]
    if after < 0.5 or after < 3 * before:
        return None
    return datum, Text(
        f"距已有管线 5 m 以内的点由 {before:.0%} 增至 {after:.0%}",
        f"points within 5 m of the lines read before rise from {before:.0%} to {after:.0%}",
    )


def _share_near(table: gpd.GeoDataFrame, grid: shapely.STRtree, crs: object) -> float:
    places = table.geometry.representative_point().set_crs(table.crs).to_crs(crs).to_numpy()
    hits = grid.query(places, predicate="dwithin", distance=_NEAR)
    return np.unique(hits[0]).size / len(table)


def _undisplaced(table: gpd.GeoDataFrame, datum: str) -> gpd.GeoDataFrame:
    def back(xy: np.ndarray) -> np.ndarray:
        return np.column_stack(undisplaced(xy[:, 0], xy[:, 1], datum))

    shapes = shapely.transform(table.geometry.to_numpy(), back)
    # true coordinates, and CGCS2000 differs from WGS 84 by centimetres
    series = gpd.GeoSeries(shapes, index=table.index, crs="EPSG:4490")
    return cast("gpd.GeoDataFrame", table.set_geometry(series))


def _straightened(table: gpd.GeoDataFrame, path: Path, notes: list[Text]) -> gpd.GeoDataFrame:
    """Swap axes and mend zone numbers where the coordinates leave no doubt."""
    west, south, east, north = table.total_bounds
    if table.crs.is_geographic:
        china = west >= 3 and east <= 54 and south >= 73 and north <= 136
        if china or (max(abs(south), abs(north)) > 90 and max(abs(west), abs(east)) <= 90):
            notes.append(
                Text(
                    f"{path.name}：经纬度写反，已对调。",
                    f"{path.name}: longitude and latitude were swapped and are put right.",
                )
            )
            return _mapped(table, lambda x, y: (y, x))
        return table
    northings = _within(west, east, _NORTHING)
    eastings = _within(south, north, _EASTING) or _within(south, north, _PREFIXED)
    if _is_chinese(table.crs) and northings and eastings:
        notes.append(
            Text(
                f"{path.name}：X 为北坐标、Y 为东坐标（测量习惯），已对调。",
                f"{path.name}: X is the northing and Y the easting, as surveyors write them; put "
                "right.",
            )
        )
        table = _mapped(table, lambda x, y: (y, x))
    return _zoned(table, path, notes)


def _zoned(table: gpd.GeoDataFrame, path: Path, notes: list[Text]) -> gpd.GeoDataFrame:
    if not _is_chinese(table.crs):
        return table
    west, _, east, _ = table.total_bounds
    false_easting, meridian = _projection(table.crs)
    numbered = false_easting > 1e6
    if _within(west, east, _PREFIXED) and not numbered:
        zone = int(west // 1e6)
        if int(east // 1e6) != zone or _meridian(zone) != meridian:
            raise CrsError(
                f"{path}: eastings begin with zone {zone} (central meridian {_meridian(zone)}), "
                f"{table.crs.to_string()} has {meridian:g}; they contradict each other. Say the "
                "true CRS: [assets] crs = 'EPSG:…'"
            )
        notes.append(
            Text(
                f"{path.name}：东坐标带有带号 {zone}，已去除。",
                f"{path.name}: eastings carry the zone number {zone}; it was taken off.",
            )
        )
        return _mapped(table, lambda x, y: (x - zone * 1e6, y))
    if _within(west, east, _EASTING) and numbered:
        zone = int(false_easting // 1e6)
        notes.append(
            Text(
                f"{path.name}：东坐标缺带号 {zone}，已补上。",
                f"{path.name}: eastings lack the zone number {zone} of the CRS; it was put before.",
            )
        )
        return _mapped(table, lambda x, y: (x + zone * 1e6, y))
    return table


def _meridian(zone: int) -> int:
    return zone * 3 if zone >= 25 else zone * 6 - 3


def _within(low: float, high: float, span: tuple[float, float]) -> bool:
    return span[0] <= low and high <= span[1]


def _is_chinese(crs: pyproj.CRS) -> bool:
    """A Gauss-Kruger zone of CGCS2000, or of the datums before it."""
    geodetic = crs.geodetic_crs
    name = "" if geodetic is None else geodetic.name.casefold()
    new = "china geodetic" in name or "cgcs" in name or "china_2000" in name or "china 2000" in name
    return crs.is_projected and (new or old_datum(crs) is not None)


def _projection(crs: pyproj.CRS) -> tuple[float, float]:
    """False easting [m] and central meridian [degrees]."""
    operation = crs.coordinate_operation
    values = {p.name.casefold(): p.value for p in (operation.params if operation else ())}
    meridian = next((v for n, v in values.items() if n.startswith("longitude")), 0.0)
    return float(values.get("false easting", 0.0)), float(meridian)


def _mapped(table: gpd.GeoDataFrame, change) -> gpd.GeoDataFrame:
    def moved(xy: np.ndarray) -> np.ndarray:
        return np.column_stack(change(xy[:, 0], xy[:, 1]))

    shapes = shapely.transform(table.geometry.to_numpy(), moved)
    series = gpd.GeoSeries(shapes, index=table.index, crs=table.crs)
    return cast("gpd.GeoDataFrame", table.set_geometry(series))


def _hint(table: gpd.GeoDataFrame) -> str:
    """What the coordinates look like; a hint, never a decision."""
    west, south, east, north = table.total_bounds
    for a, b, c, d in ((west, east, south, north), (south, north, west, east)):
        if _within(a, b, _PREFIXED) and _within(c, d, _NORTHING):
            zone = int(a // 1e6)
            code = 4478 + zone if zone < 25 else 4488 + zone
            return (
                f" The coordinates look like zone {zone}: EPSG:{code} if they are CGCS2000; those "
                "of Beijing 1954 and Xian 1980 look the same and lie up to 100 m beside."
            )
        if _within(a, b, (73, 136)) and _within(c, d, (3, 54)):
            return " The coordinates look like longitude and latitude in China."
    return ""


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
