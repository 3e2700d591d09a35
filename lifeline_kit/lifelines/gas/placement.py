"""Where to hang the next methane terminals: greedy coverage of the risk of the pipes around."""

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy.sparse import csc_array

from lifeline_kit.errors import InputError
from lifeline_kit.methods.coverage import greedy_coverage

REACH_M = 22.0  # e-fold of gas along a street, as in triage.toml; expert
_FARTHEST = 4.0  # e-folds beyond which a terminal sees nothing


def seen_by(
    pieces: gpd.GeoDataFrame, spaces: gpd.GeoDataFrame, *, reach_m: float = REACH_M
) -> csc_array:
    """Probability that a terminal in each space sees a leak of each piece of pipe.

    Parameters
    ----------
    pieces, spaces : GeoDataFrame
        Pieces of pipe and candidate spaces; one metric CRS.
    reach_m : float [m]

    Returns
    -------
    csc_array, (piece, space)

    Raises
    ------
    InputError
        Where the two are not in one CRS.
    """
    if pieces.crs != spaces.crs:
        raise InputError(
            f"pieces are in {pieces.crs}, spaces in {spaces.crs}; expected one metric CRS; "
            "use .to_crs()."
        )
    space, piece = pieces.sindex.query(
        spaces.geometry, predicate="dwithin", distance=_FARTHEST * reach_m
    )
    away = spaces.geometry.iloc[space].distance(pieces.geometry.iloc[piece], align=False)
    chance = np.exp(-away.to_numpy() / reach_m)
    return csc_array((chance, (piece, space)), shape=(len(pieces), len(spaces)))


def place_terminals(
    pieces: gpd.GeoDataFrame,
    risk: pd.Series,
    spaces: gpd.GeoDataFrame,
    n: int,
    *,
    sensed: pd.Index | None = None,
    reach_m: float = REACH_M,
) -> pd.DataFrame:
    """Choose spaces for new terminals.

    Parameters
    ----------
    pieces : GeoDataFrame
        Pieces of pipe, some metres long.
    risk : Series, index of `pieces`
        Rate times consequence of each piece.
    spaces : GeoDataFrame, index `asset`
        Candidates and those already sensed.
    n : int
    sensed : Index, optional
        Spaces that hold a terminal.
    reach_m : float [m]

    Returns
    -------
    DataFrame, index `asset`
        In the order of choice: `gain` (risk newly covered), `covered_share` (of all risk, with
        the terminals that are there).
    """
    reach = seen_by(pieces, spaces, reach_m=reach_m)
    weight = risk.reindex(pieces.index).fillna(0.0).to_numpy(dtype=float)
    there = spaces.index.get_indexer(sensed if sensed is not None else pd.Index([]))
    there = there[there >= 0]
    places, gain = greedy_coverage(reach, weight, n, chosen=there)
    unseen = weight.copy()
    for place in there:
        rows = slice(reach.indptr[place], reach.indptr[place + 1])
        unseen[reach.indices[rows]] *= 1.0 - reach.data[rows]
    total = max(float(weight.sum()), 1e-300)
    before = float(weight.sum() - unseen.sum())
    return pd.DataFrame(
        {"gain": gain, "covered_share": (before + np.cumsum(gain)) / total},
        index=pd.Index(spaces.index.to_numpy()[places], name="asset"),
    )
