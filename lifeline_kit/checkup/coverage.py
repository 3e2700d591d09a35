"""How much of the risk is watched: kilometres of each colour near a sensor (风险覆盖率)."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifeline_kit.errors import RulesError

_COLUMNS = ["km", "covered_km", "n", "covered_n"]


@cache
def reaches() -> Mapping[str, float]:
    """Return the reach of sensors by lifeline [m], as shipped in `coverage.toml`."""
    file = Path(__file__).with_name("coverage.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))["reach_m"]


def covered_shares(
    assets: gpd.GeoDataFrame,
    sensors: gpd.GeoDataFrame,
    *,
    reach_m: Mapping[str, float] | None = None,
    health: pd.DataFrame | None = None,
) -> pd.Series:
    """Share of each asset that a sensor of its own lifeline watches.

    An asset that carries a sensor and is no line is watched; of a line, what lies within reach.
    With a reach of zero an asset is watched where it carries a sensor, and only there.

    Parameters
    ----------
    assets : GeoDataFrame, index `asset`
    sensors : GeoDataFrame, index `sensor`
    reach_m : mapping of lifeline to float [m], optional
        By default that of `coverage.toml`.
    health : DataFrame, index `sensor`, optional
        Of an examination: only sensors that are online count.

    Returns
    -------
    Series, index `asset`
        0-1.

    Raises
    ------
    RulesError
        Where a lifeline with sensors has no reach, or one below zero.
    """
    reach_m = reaches() if reach_m is None else reach_m
    if health is not None:
        sensors = sensors[health["online"].reindex(sensors.index, fill_value=False).astype(bool)]
    share = pd.Series(0.0, index=assets.index)
    for lifeline in sensors["lifeline"].astype("object").unique():
        own = sensors[sensors["lifeline"] == lifeline]
        reach = reach_m.get(str(lifeline), np.nan)
        if not reach >= 0:
            raise RulesError(
                f"reach of sensors of {lifeline!r} is {reach}; expected metres, zero or more, "
                "under [reach_m]."
            )
        rows = assets[assets["lifeline"] == lifeline]
        share[rows.index] = _watched(rows, own, reach)
    return share


def _watched(assets: gpd.GeoDataFrame, sensors: gpd.GeoDataFrame, reach: float) -> np.ndarray:
    shapes = assets.geometry.to_numpy()
    line = shapely.get_dimensions(shapes) == 1
    carries = assets.index.isin(sensors["asset"])
    share = np.where(carries & (~line | (reach == 0.0)), 1.0, 0.0)
    places = sensors.geometry.dropna()
    if reach == 0.0 or not len(places):
        return share
    zone = shapely.union_all(shapely.buffer(places.to_numpy(), reach, quad_segs=16))
    pieces = np.atleast_1d(shapely.get_parts(zone))
    index, piece = shapely.STRtree(pieces).query(shapes, predicate="intersects")
    inside = np.zeros(len(shapes))
    shapely.prepare(pieces)
    cut = ~shapely.covers(pieces[piece], shapes[index])  # cutting is dear, most lie wholly within
    length = shapely.length(shapes[index])
    length[cut] = shapely.length(shapely.intersection(shapes[index[cut]], pieces[piece[cut]]))
    np.add.at(inside, index, np.where(line[index], length, 1.0))
    whole = np.where(line, np.maximum(shapely.length(shapes), 1e-9), 1.0)
    return np.maximum(share, np.clip(inside / whole, 0.0, 1.0))


def risk_coverage(
    assets: gpd.GeoDataFrame,
    risk: pd.DataFrame,
    sensors: gpd.GeoDataFrame,
    *,
    reach_m: Mapping[str, float] | None = None,
    health: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Kilometres and assets of each colour, and how many of them sensors watch.

    Parameters
    ----------
    assets : GeoDataFrame, index `asset`
        `length_m` [m] where it has one.
    risk : DataFrame, index `asset`
        `model.tables.RISK_COLUMNS`.
    sensors : GeoDataFrame, index `sensor`
    reach_m, health
        As for `covered_shares`.

    Returns
    -------
    DataFrame, index (`lifeline`, `level`)
        Levels 1 red, 2 orange, 3 yellow, 4 blue, 0 unknown, and 12 for red and orange together;
        lifeline "" for all. `km`, `covered_km`, `share` (of kilometres, NaN without any), `n`,
        `covered_n` (assets without length; watched by half or more), `n_share`.

    Raises
    ------
    RulesError
    """
    share = covered_shares(assets, sensors, reach_m=reach_m, health=health)
    length = pd.Series(np.nan, index=assets.index)
    if "length_m" in assets:
        length = assets["length_m"].astype(float)
    point = length.isna()
    km = length.fillna(0.0) / 1000.0
    each = pd.DataFrame(
        {
            "lifeline": assets["lifeline"].astype("object"),
            "level": risk["level"].reindex(assets.index).fillna(0).astype("int64"),
            "km": km,
            "covered_km": km * share,
            "n": point.astype("int64"),
            "covered_n": (point & (share >= 0.5)).astype("int64"),
        }
    )
    high = each[each["level"].isin([1, 2])].assign(level=12)
    every = pd.concat([each, high])
    table = pd.concat([every, every.assign(lifeline="")])
    found = table.groupby(["lifeline", "level"])[_COLUMNS].sum()
    with np.errstate(invalid="ignore"):
        found.insert(2, "share", found["covered_km"] / found["km"].where(found["km"] > 0))
        found["n_share"] = found["covered_n"] / found["n"].where(found["n"] > 0)
    return found
