"""Risk of places: assets summed by grid cell or district, in the colours of the risk map.

An asset that lies in two places counts in each with its share of length, so that kilometres add
up to those of the city.
"""

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifeline_kit.checkup.profile import Profile
from lifeline_kit.errors import AreasError, AssetsError

COLOURS = {1: "red", 2: "orange", 3: "yellow", 4: "blue", 0: "unknown"}
POINT_M = 50.0
"""Length that an asset without one counts for beside kilometres; as in the scores."""
_MOST_CELLS = 1_000_000


def grid_cells(places: gpd.GeoSeries | gpd.GeoDataFrame, size_m: float) -> gpd.GeoDataFrame:
    """Square cells over everything there is, on round coordinates, so that ids stay the same.

    Parameters
    ----------
    places : GeoSeries or GeoDataFrame
        Metric CRS.
    size_m : float [m]
        1000 or 500 as a rule.

    Returns
    -------
    GeoDataFrame, index `area`
        `level` (cell) and geometry; the id is size, column and row: `1000-236-3381`.

    Raises
    ------
    AreasError
        Where the size is not above zero, no place is drawn, or a million cells would not do.
    """
    if not size_m > 0:
        raise AreasError(f"cells of {size_m} m; expected a size above zero, such as 1000 or 500.")
    bounds = np.asarray(places.total_bounds, dtype=float)
    if not len(places) or not np.isfinite(bounds).all():
        raise AreasError("no asset has a place; a grid needs geometry, give coordinates first.")
    first = np.floor(bounds[:2] / size_m).astype(int)
    last = np.floor(bounds[2:] / size_m).astype(int)
    if np.prod(last - first + 1.0) > _MOST_CELLS:
        raise AreasError(
            f"a grid of {size_m:g} m over {bounds[2] - bounds[0]:.0f} by "
            f"{bounds[3] - bounds[1]:.0f} m has more than a million cells; expected one city in "
            "metres: mend the coordinates or take a larger size."
        )
    column, row = (
        each.ravel()
        for each in np.meshgrid(*(np.arange(a, b + 1) for a, b in zip(first, last, strict=True)))
    )
    names = [f"{size_m:g}-{x}-{y}" for x, y in zip(column, row, strict=True)]
    x, y = column * size_m, row * size_m
    return gpd.GeoDataFrame(
        {"level": "cell"},
        geometry=shapely.box(x, y, x + size_m, y + size_m),
        index=pd.Index(names, name="area", dtype="object"),
        crs=places.crs,
    )


def asset_shares(assets: gpd.GeoDataFrame, areas: gpd.GeoDataFrame) -> pd.DataFrame:
    """Share of each asset that lies in each area.

    Lines are cut, all else goes where its representative point is, on a border to the first area.
    A line along a border is halved; what lies outside all areas, or nowhere, is left out.

    Parameters
    ----------
    assets : GeoDataFrame, index `asset`
    areas : GeoDataFrame, index `area`
        Polygons, same CRS.

    Returns
    -------
    DataFrame
        `asset`, `area`, `share` (0-1; those of an asset add up to 1 at most).

    Raises
    ------
    AreasError
        Where an area has no polygon, two have one id, or the CRS differs.
    AssetsError
        Where no asset has a place.
    """
    check_polygons(areas)
    if assets.crs != areas.crs:
        raise AreasError(
            f"areas are in {areas.crs}, assets in {assets.crs}; expected one CRS: "
            "areas.to_crs(assets.crs)."
        )
    drawn = assets.geometry[~(assets.geometry.isna() | assets.geometry.is_empty)]
    if not len(drawn):
        raise AssetsError("no asset has a place; give coordinates before asking for areas.")
    shapes = drawn.to_numpy()
    line = shapely.get_dimensions(shapes) == 1
    shapes[~line] = shapely.point_on_surface(shapes[~line])
    polygons = areas.geometry.to_numpy()
    index, area = shapely.STRtree(polygons).query(shapes, predicate="intersects")
    order = np.lexsort((area, index))
    index, area = index[order], area[order]
    again = np.append(False, index[1:] == index[:-1])
    index, area = (each[line[index] | ~again] for each in (index, area))  # one place for a point
    length = shapely.length(shapes[index])
    inside = np.ones(len(index))
    crossing = line[index] & (length > 0)
    whole = shapely.covers(polygons[area[crossing]], shapes[index[crossing]])
    cut = np.flatnonzero(crossing)[~whole]
    pieces = shapely.intersection(shapes[index[cut]], polygons[area[cut]])
    inside[cut] = shapely.length(pieces) / length[cut]
    table = pd.DataFrame({"asset": drawn.index[index], "area": areas.index[area], "share": inside})
    total = table.groupby("asset")["share"].transform("sum")
    table["share"] /= total.clip(lower=1.0)
    return table[table["share"] > 1e-9].reset_index(drop=True)


def check_polygons(areas: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Check that every area is drawn as a polygon and has an id of its own.

    Raises
    ------
    AreasError
    """
    if areas.index.has_duplicates:
        raise AreasError(f"area {areas.index[areas.index.duplicated()][0]!r} stands twice.")
    if not len(areas):
        raise AreasError("no areas; expected districts or cells: grid_cells(assets, 1000).")
    shapes = areas.geometry.to_numpy()
    empty = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    if empty.any() or (shapely.get_dimensions(shapes) != 2).any():
        wrong = empty | (shapely.get_dimensions(shapes) != 2)
        name = areas.index[wrong][0]
        what = "has no geometry" if empty[wrong][0] else f"is a {areas.geometry[name].geom_type}"
        raise AreasError(
            f"area {name!r} {what}; expected a polygon for each area, leave the others out."
        )
    return areas


def area_risk(
    assets: gpd.GeoDataFrame,
    risk: pd.DataFrame,
    areas: gpd.GeoDataFrame,
    profile: Profile,
    *,
    lifelines: Sequence[str] | None = None,
    shares: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Risk of each area, all lifelines together or some.

    An area takes the worst colour that `area_share` of its network, by length, has or exceeds: one
    red joint does not paint a district, and one red main street does. It is grey where more of the
    network is unknown than the profile lets pass, unless it is red or orange already: what is
    known to be bad shows. `worst` is the colour of its worst asset, however small.

    Parameters
    ----------
    assets : GeoDataFrame, index `asset`
        `length_m` [m] where it has one; other assets count as 50 m.
    risk : DataFrame, index `asset`
        `model.tables.RISK_COLUMNS`.
    areas : GeoDataFrame, index `area`
    profile : Profile
    lifelines : sequence of str, optional
    shares : DataFrame, optional
        Of `asset_shares` for the same tables, where they are at hand.

    Returns
    -------
    DataFrame, index `area`
        In the order of `areas`: `level` and `worst` (1 red to 4 blue, 0 unknown), `n` (assets that
        lie at least in part there), `known` (share of the network, 0-1; NaN without one),
        `risk` (mean of likelihood times consequence over the known network), and for each colour
        `red_km` … `unknown_km` [km] and `red_n` … `unknown_n` (assets without length).

    Raises
    ------
    AreasError, AssetsError
    """
    if lifelines is not None:
        assets = assets[assets["lifeline"].isin(lifelines)]
    if shares is None:
        shares = asset_shares(assets, areas)
    elif lifelines is not None:
        shares = shares[shares["asset"].isin(assets.index)]
    length = pd.Series(np.nan, index=assets.index)
    if "length_m" in assets:
        length = assets["length_m"].astype(float)
    own = risk.reindex(shares["asset"])
    long = length.reindex(shares["asset"]).to_numpy()
    parts = shares.assign(
        level=own["level"].fillna(0).astype("int64").to_numpy(),
        risk=(own["likelihood"] * own["consequence"]).to_numpy(),
        km=shares["share"] * np.nan_to_num(long) / 1000.0,
        point=np.isnan(long),
    )
    parts["weight"] = np.where(parts["point"], POINT_M / 1000.0, parts["km"].clip(lower=1e-6))
    result = pd.DataFrame(index=areas.index)
    by_level = parts.groupby(["area", "level"])["weight"].sum().unstack(fill_value=0.0)
    by_level = by_level.reindex(index=areas.index, columns=list(COLOURS), fill_value=0.0).fillna(0)
    heavy = by_level.sum(axis=1)
    result["level"] = _colour(by_level, profile)
    worst = parts["level"].where(parts["level"] > 0).groupby(parts["area"]).min()
    result["worst"] = worst.reindex(areas.index).fillna(0).astype("int64")
    result["n"] = parts.groupby("area").size().reindex(areas.index, fill_value=0)
    result["known"] = (1.0 - by_level[0] / heavy).where(heavy > 0)
    known = parts[parts["risk"].notna()]
    mean = (known["risk"] * known["weight"]).groupby(known["area"]).sum()
    result["risk"] = (mean / known.groupby("area")["weight"].sum()).reindex(areas.index)
    for kind, column in (("km", parts["km"]), ("n", parts["point"].astype("int64"))):
        by_kind = column.groupby([parts["area"], parts["level"]]).sum().unstack(fill_value=0)
        by_kind = by_kind.reindex(index=areas.index, columns=list(COLOURS)).fillna(0)
        for level, name in COLOURS.items():
            result[f"{name}_{kind}"] = by_kind[level].astype(column.dtype)
    return result.rename_axis("area")


def _colour(by_level: pd.DataFrame, profile: Profile) -> pd.Series:
    """Colour of each area out of the weight that each colour has in it."""
    known = by_level[[1, 2, 3, 4]]
    total = known.sum(axis=1)
    reached = known.cumsum(axis=1).ge(profile.area_share * total, axis=0).to_numpy()
    level = pd.Series(reached.argmax(axis=1) + 1, index=by_level.index)
    share = total / by_level.sum(axis=1)
    grey = ~(total > 0) | ((share < profile.minimum_completeness) & (level > 2))
    return level.where(~grey, 0).astype("int64")
