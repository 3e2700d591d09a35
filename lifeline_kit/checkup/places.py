"""Risk of all the places a check-up speaks of: cells of two sizes, districts, sub-districts."""

from collections.abc import Sequence

import geopandas as gpd
import pandas as pd

from lifeline_kit.checkup.grid import COLOURS, area_risk, asset_shares, grid_cells
from lifeline_kit.checkup.profile import Profile
from lifeline_kit.model.city import City
from lifeline_kit.text import Text

SCALES = {
    "districts": Text("片区", "Districts"),
    "subdistricts": Text("街道", "Sub-districts"),
    "cells_1000": Text("1 公里网格", "1 km cells"),
    "cells_500": Text("500 米网格", "500 m cells"),
}
_COLUMNS = ["level", "worst", "n", "known", "risk"] + [
    f"{colour}_{kind}" for kind in ("km", "n") for colour in COLOURS.values()
]
_MEMBERS = ["scale", "area", "asset", "share"]


def risk_places(
    city: City, risk: pd.DataFrame, profile: Profile, cells_m: Sequence[float]
) -> tuple[dict[str, gpd.GeoDataFrame], pd.DataFrame]:
    """Risk of each place that holds assets, at every scale, and which assets lie in it.

    Parameters
    ----------
    city : City
    risk : DataFrame, index `asset`
        `model.tables.RISK_COLUMNS`.
    profile : Profile
    cells_m : sequence of float [m]

    Returns
    -------
    places : dict of GeoDataFrame, index `area`
        `districts`, `subdistricts` and `cells_` with each size: columns of `grid.area_risk` and
        polygons. Districts stand there without assets too; cells do not.
    members : DataFrame
        `scale`, `area`, `asset`, `share`: the rows behind each place.

    Raises
    ------
    AreasError
        Where an area has no polygon, or a grid would have too many cells.
    """
    assets = city.assets
    drawn = assets.geometry[~(assets.geometry.isna() | assets.is_empty)]
    levels = city.areas["level"] if len(city.areas) else pd.Series(dtype="object")
    named = {f"{each}s": city.areas[levels == each] for each in ("district", "subdistrict")}
    scales = named | {
        f"cells_{size:g}": grid_cells(drawn, size) if len(drawn) else city.areas.iloc[:0]
        for size in cells_m
    }
    places, members = {}, [pd.DataFrame(columns=_MEMBERS)]
    for scale, areas in scales.items():
        if not len(areas) or not len(drawn):
            places[scale] = _none(city)
            continue
        shares = asset_shares(assets, areas)
        found = area_risk(assets, risk, areas, profile, shares=shares)
        own = gpd.GeoDataFrame(found, geometry=areas.geometry, crs=areas.crs)
        places[scale] = own[own["n"] > 0] if scale.startswith("cells_") else own
        members.append(shares.assign(scale=scale)[_MEMBERS])
    return places, pd.concat(members[1:] or members, ignore_index=True)


def _none(city: City) -> gpd.GeoDataFrame:
    empty = pd.DataFrame(columns=_COLUMNS, index=pd.Index([], name="area"), dtype=float)
    places = gpd.GeoSeries([], index=empty.index, crs=city.assets.crs)
    return gpd.GeoDataFrame(empty, geometry=places)
