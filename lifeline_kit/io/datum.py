"""Old Chinese datums: refused without parameters, transformed with them; nothing is guessed.

Beijing 1954 and Xian 1980 lie tens of metres from CGCS2000, and the public operations between them
are ballpark only, with an unknown error. Surveyors hold the parameters: three or seven of a datum
shift, four of a planar one, or control points to fit the four from.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from lifeline_kit.errors import CrsError
from lifeline_kit.io.mapping import AssetMapping
from lifeline_kit.text import Text

_OLD = {4214: "Beijing 1954", 4610: "Xian 1980", 4555: "New Beijing"}
_ELLIPSOIDS = {4214: "krass", 4610: "+a=6378140 +rf=298.257", 4555: "krass"}
_RMSE_MOST = 1.0  # metres; a fit worse than that is a wrong pair of points


def old_datum(crs: pyproj.CRS) -> int | None:
    """Return the EPSG code of the old geodetic datum a CRS rests on, or None."""
    geodetic = crs.geodetic_crs
    if geodetic is None:
        return None
    code = geodetic.to_epsg()
    if code in _OLD:
        return code
    name = f"{geodetic.name} {geodetic.datum.name if geodetic.datum else ''}".casefold()
    marks = {4214: ("beijing_1954", "beijing 1954", "北京54"), 4610: ("xian", "西安80")}
    marks[4555] = ("new beijing", "new_beijing")
    ordered = (4555, 4214, 4610)
    return next((c for c in ordered if any(mark in name for mark in marks[c])), None)


def renewed(
    table: gpd.GeoDataFrame, said: AssetMapping, path: Path
) -> tuple[gpd.GeoDataFrame, Text]:
    """Bring a table from an old datum to CGCS2000 by the parameters of the mapping file.

    Parameters
    ----------
    table : GeoDataFrame
        In a CRS on Beijing 1954 or Xian 1980.
    said : AssetMapping
        `towgs84` (3 or 7), or `planar` (dx, dy [m], rotation ["], scale [ppm]) or `control` (pairs
        of points), these two with `crs_to`.
    path : Path

    Raises
    ------
    CrsError
        No parameters, or some that cannot be right.
    """
    crs = table.crs
    code = old_datum(crs)
    name = _OLD.get(code or 0, "an old datum")
    if said.towgs84:
        return _shifted(table, said.towgs84, code or 4214, name, path)
    if said.planar or said.control:
        return _moved(table, said, name, path)
    raise CrsError(
        f"{path}: in {crs.to_string()}, which rests on {name}; without local parameters it lies "
        "tens of metres off in CGCS2000, so it is not converted. Ask the surveyors and give in the "
        "mapping file: [assets] towgs84 = [dx, dy, dz] or seven of them, or planar = [dx, dy, "
        "rotation, ppm] with crs_to = 'EPSG:…', or control = [[x, y, X, Y], …] with crs_to."
    )


def _shifted(
    table: gpd.GeoDataFrame, values: Sequence[float], code: int, name: str, path: Path
) -> tuple[gpd.GeoDataFrame, Text]:
    if len(values) not in (3, 7) or not np.isfinite(values).all():
        raise CrsError(f"{path}: [assets] towgs84 = {list(values)}; expected 3 or 7 numbers.")
    crs = table.crs
    ellipsoid = _ELLIPSOIDS[code]
    body = ellipsoid if ellipsoid.startswith("+") else f"+ellps={ellipsoid}"
    shift = f"+towgs84={','.join(f'{v:g}' for v in values)} +no_defs"
    if crs.is_geographic:
        text = f"+proj=longlat {body} {shift}"
    else:
        operation = crs.coordinate_operation
        by_name = {each.name: each.value for each in (operation.params if operation else ())}
        text = (
            f"+proj=tmerc +lat_0={by_name['Latitude of natural origin']} "
            f"+lon_0={by_name['Longitude of natural origin']} "
            f"+k={by_name['Scale factor at natural origin']} +x_0={by_name['False easting']} "
            f"+y_0={by_name['False northing']} {body} +units=m {shift}"
        )
    way = pyproj.Transformer.from_crs(pyproj.CRS.from_proj4(text), "EPSG:4326", always_xy=True)
    out = _through(table, lambda x, y: way.transform(x, y), "EPSG:4490")
    n = len(values)
    return out, Text(
        f"{name} 按映射文件的 {n} 参数转换为 CGCS2000",
        f"{name}, shifted to CGCS2000 by the {n} parameters of the mapping file",
    )


def _moved(
    table: gpd.GeoDataFrame, said: AssetMapping, name: str, path: Path
) -> tuple[gpd.GeoDataFrame, Text]:
    if said.crs_to is None:
        raise CrsError(f"{path}: planar parameters lead somewhere; say [assets] crs_to = 'EPSG:…'")
    if said.control:
        a, b, dx, dy, rmse = planar_fit(np.asarray(said.control, dtype=float), path)
        told = Text(
            f"{name} 按 {len(said.control)} 个控制点拟合四参数转换至 {said.crs_to}"
            f"（中误差 {rmse:.3f} m）",
            f"{name}, moved to {said.crs_to} by four parameters fitted to {len(said.control)} "
            f"control points (RMSE {rmse:.3f} m)",
        )
    else:
        if len(said.planar) != 4 or not np.isfinite(said.planar).all():
            raise CrsError(f"{path}: [assets] planar = {list(said.planar)}; expected 4 numbers.")
        dx, dy, turn, ppm = said.planar
        angle, scale = np.radians(turn / 3600.0), 1.0 + ppm * 1e-6
        a, b = scale * np.cos(angle), scale * np.sin(angle)
        told = Text(
            f"{name} 按映射文件的平面四参数转换至 {said.crs_to}",
            f"{name}, moved to {said.crs_to} by the four planar parameters of the mapping file",
        )
    return _through(table, lambda x, y: (dx + a * x - b * y, dy + b * x + a * y), said.crs_to), told


def planar_fit(pairs: np.ndarray, path: Path) -> tuple[float, float, float, float, float]:
    """Fit the four parameters of a planar shift to control points.

    Parameters
    ----------
    pairs : array, (point, 4) [m]
        Easting and northing in the old system, then in the new one.
    path : Path
        Names the file in errors.

    Returns
    -------
    a, b, dx, dy, rmse : float
        ``X = dx + a x - b y``, ``Y = dy + b x + a y``; residual [m].

    Raises
    ------
    CrsError
        Fewer than two points, or points that do not fit one another.
    """
    if pairs.ndim != 2 or pairs.shape[1] != 4 or len(pairs) < 2:
        raise CrsError(f"{path}: [assets] control: expected two or more [x, y, X, Y].")
    middle = pairs.mean(axis=0)
    x, y, to_x, to_y = (pairs - middle).T
    weight = (x * x + y * y).sum()
    if weight <= 0:
        raise CrsError(f"{path}: [assets] control: the points are one and the same.")
    a = float((x * to_x + y * to_y).sum() / weight)
    b = float((x * to_y - y * to_x).sum() / weight)
    dx = float(middle[2] - a * middle[0] + b * middle[1])
    dy = float(middle[3] - b * middle[0] - a * middle[1])
    left = np.hypot(a * x - b * y - to_x, b * x + a * y - to_y)
    rmse = float(np.sqrt((left**2).mean()))
    if rmse > _RMSE_MOST:
        raise CrsError(
            f"{path}: [assets] control: the points fit with {rmse:.2f} m left; expected at most "
            f"{_RMSE_MOST} m. Check point {int(np.argmax(left)) + 1}."
        )
    return a, b, dx, dy, rmse


def _through(table: gpd.GeoDataFrame, change, crs: str) -> gpd.GeoDataFrame:
    def moved(xy: np.ndarray) -> np.ndarray:
        return np.column_stack(change(xy[:, 0], xy[:, 1]))

    shapes = shapely.transform(table.geometry.to_numpy(), moved)
    series = gpd.GeoSeries(shapes, index=table.index, crs=crs)
    return cast("gpd.GeoDataFrame", table.set_geometry(series, crs=crs))
