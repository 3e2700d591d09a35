"""Make the committed street file from an OpenStreetMap-derived edge table, once.

::

    python -m lifeline_kit.demo.prepare_streets SOURCE OUT
"""

import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifeline_kit.demo.streets import chains, joined
from lifeline_kit.errors import InputError

TOLERANCE_M = 1.5
GRID_M = 1.0


def merge_streets(edges: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Merge chains of edges between junctions, simplify and round them.

    Parameters
    ----------
    edges : GeoDataFrame
        Columns `u`, `v` (node ids), `highway`, LineString geometry in a metric CRS.

    Returns
    -------
    GeoDataFrame
        `highway` and geometry, one row per chain of one class between nodes where something
        else meets it; simplified by 1.5 m, coordinates rounded to 1 m.
    """
    ends = edges[["u", "v"]].to_numpy()
    nodes, flat = np.unique(ends, return_inverse=True)
    ends = flat.reshape(ends.shape)
    highway = edges["highway"].astype(str).to_numpy()
    found = chains(ends, pd.factorize(highway)[0], len(nodes))
    geometry = edges.geometry.to_numpy()
    lines = np.array([joined(geometry[chain]) for chain in found], dtype=object)
    lines = shapely.simplify(lines, TOLERANCE_M)
    lines = shapely.transform(lines, lambda xy: np.round(xy / GRID_M) * GRID_M)
    merged = gpd.GeoDataFrame(
        {"highway": pd.Categorical(highway[[chain[0] for chain in found]])},
        geometry=lines,
        crs=edges.crs,
    ).explode(ignore_index=True)
    merged = merged[merged.length > 0]
    order = np.argsort(merged.geometry.hilbert_distance().to_numpy(), kind="stable")
    return merged.iloc[order].reset_index(drop=True)


def write_streets(source: Path, out: Path) -> Path:
    """Write the committed street file from an OpenStreetMap-derived edge table.

    Raises
    ------
    InputError
        Where the source is missing or lacks a column.
    """
    if not source.exists():
        raise InputError(
            f"{source} is missing; see data/streets/README.md for where it comes from."
        )
    edges = gpd.read_parquet(source)
    missing = {"u", "v", "highway"} - set(edges.columns)
    if missing:
        raise InputError(f"{source} has no column {sorted(missing)[0]!r}; expected u, v, highway.")
    out.parent.mkdir(parents=True, exist_ok=True)
    merge_streets(edges).to_parquet(
        out, compression="zstd", compression_level=19, write_covering_bbox=False
    )
    return out


if __name__ == "__main__":
    write_streets(Path(sys.argv[1]), Path(sys.argv[2]))
