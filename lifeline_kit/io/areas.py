"""Areas with their people: districts or grid cells out of a GIS file."""

from pathlib import Path
from typing import cast

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifeline_kit.errors import AreasError
from lifeline_kit.io.crs import metric
from lifeline_kit.io.gis import open_layer
from lifeline_kit.io.mapping import AssetMapping, FileMapping
from lifeline_kit.model.assets import AREA_LEVELS, check_areas
from lifeline_kit.text import Text

# column of the model -> what files call it
_WORDS = {
    "area": ("area", "area_id", "id", "code", "编号", "编码", "代码"),
    "level": ("level", "级别", "层级"),
    "population": ("population", "pop", "人口", "常住人口", "人口数"),
    "vulnerable": ("vulnerable", "脆弱人口", "重点人群"),
    "name_zh": ("name_zh", "名称", "name", "街道", "区"),
    "name_en": ("name_en",),
    "parent": ("parent", "上级"),
}
_NEEDED = ("area", "population")
_POLYGONS = ("Polygon", "MultiPolygon")


def read_areas(path: Path, *, crs: object, notes: list[Text]) -> gpd.GeoDataFrame:
    """Read polygons with the people who live in them.

    Parameters
    ----------
    path : Path
        GIS file with columns `area` (id) and `population`, and optional `level` (`city`,
        `district`, `subdistrict` (街道), `cell`; default `district`), `vulnerable`, `name_zh`,
        `name_en`, `parent`; 人口, 名称 and the like are understood.
    crs : CRS
        Of the assets; the areas are brought into it.
    notes : list of Text
        What was assumed or changed is appended.

    Returns
    -------
    GeoDataFrame, index `area`

    Raises
    ------
    InputError, CrsError, AreasError
        No such file; no or a contradicting CRS; column missing, people that are no number, shapes
        that are no polygons, ids twice.
    """
    decided: dict[str, Text] = {}
    raw = open_layer(path, FileMapping(), decided)
    if not isinstance(raw, gpd.GeoDataFrame) or raw.empty:
        raise AreasError(f"{path}: no polygons; expected a GIS layer of districts or cells.")
    table = _named(raw, path)
    shapes = table.geometry
    wrong = shapes.isna() | ~shapes.geom_type.isin(_POLYGONS)
    if wrong.any():
        raise AreasError(
            f"{path}: area {table.index[wrong][0]!r} is a {shapes.geom_type[wrong].iloc[0]}; "
            "expected polygons."
        )
    table = metric(table, AssetMapping(), path, notes, decided=decided)
    if crs:
        table = table.to_crs(crs)
    try:
        return check_areas(table)
    except AreasError as error:
        raise AreasError(f"{path}: {error}") from None


def _named(raw: gpd.GeoDataFrame, path: Path) -> gpd.GeoDataFrame:
    """Columns of the model, under its names."""
    table = cast("gpd.GeoDataFrame", raw.reset_index() if raw.index.name == "area" else raw)
    here = {str(column).casefold(): column for column in table.columns}
    found = {
        here[word]: name
        for name, words in _WORDS.items()
        for word in [next((w for w in words if w in here), None)]
        if word is not None
    }
    missing = [name for name in _NEEDED if name not in found.values()]
    if missing:
        raise AreasError(
            f"{path}: column {missing[0]!r} is missing; expected one called "
            f"{', '.join(_WORDS[missing[0]])}; found {', '.join(map(str, table.columns))}."
        )
    table = table[[*found, table.geometry.name]].rename(columns=found)
    if table.geometry.name != "geometry":
        table = cast("gpd.GeoDataFrame", table.rename_geometry("geometry"))
    table = cast("gpd.GeoDataFrame", table.astype({"area": "str"}).set_index("area"))
    level = table["level"].fillna("") if "level" in table else pd.Series("", index=table.index)
    table["level"] = level.astype("str").replace("", AREA_LEVELS[1])
    for name in ("name_zh", "name_en"):
        own = table[name] if name in table else pd.Series("", index=table.index)
        table[name] = own.fillna("").astype("str").where(lambda v: v.ne(""), table.index)
    table["parent"] = table["parent"].fillna("").astype("str") if "parent" in table else ""
    if "vulnerable" not in table:
        table["vulnerable"] = np.nan
    table["real_or_simulated"] = "real"
    return table


def districts_of(assets: gpd.GeoDataFrame, areas: gpd.GeoDataFrame) -> pd.Series:
    """Name the district of each asset: as its row says, or else where it lies.

    Parameters
    ----------
    assets : GeoDataFrame, index `asset`
        With `district`, empty where not known.
    areas : GeoDataFrame, index `area`

    Returns
    -------
    Series, index `asset`
        Empty for assets outside all districts.
    """
    said = assets["district"].astype("object").fillna("")
    own = areas[areas["level"] == "district"]
    placed = assets.index[said.eq("") & assets.geometry.notna()]
    if not len(own) or not len(placed):
        return said
    points = shapely.point_on_surface(assets.geometry[placed].to_numpy())
    point, area = shapely.STRtree(own.geometry.to_numpy()).query(points, predicate="intersects")
    first = np.unique(point, return_index=True)[1]  # on a border the first counts
    said[placed[point[first]]] = own.index.to_numpy()[area[first]]
    return said
