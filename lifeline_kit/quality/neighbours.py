"""Which sensors can vouch for one another: nearest along the pipes, or in the plane."""

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import KDTree

_CHUNK = 200  # sensors whose distances to all nodes are held at once


def neighbours(
    assets: pd.DataFrame, sensors: gpd.GeoDataFrame, *, count: int = 5, within_m: float = 4000.0
) -> np.ndarray:
    """Find the nearest other sensors of one group.

    Parameters
    ----------
    assets : DataFrame, index `asset`
        With `from_node`, `to_node` and `length_m`, where the lifeline is a network.
    sensors : GeoDataFrame, index `sensor`
        Of one lifeline and quantity; `asset` and geometry.
    count : int, default 5
    within_m : float, default 4000 [m]
        Along the pipes where both sensors sit on the network, otherwise as the crow flies.

    Returns
    -------
    int array, (sensor, count)
        Positions in `sensors`, nearest first; -1 where there are fewer.
    """
    size = len(sensors)
    found = np.full((size, count), -1, dtype=np.int64)
    if size < 2:
        return found
    nodes, graph = _graph(assets)
    home = nodes.get_indexer(_nodes_of(sensors["asset"], assets))
    on_network = np.flatnonzero(home >= 0)
    for begin in range(0, on_network.size, _CHUNK):
        rows = on_network[begin : begin + _CHUNK]
        far = dijkstra(graph, directed=False, indices=home[rows], limit=within_m)
        far = far[:, home[on_network]]
        far[rows[:, None] == on_network[None, :]] = np.inf
        found[rows] = _nearest(far, on_network, count)
    rest = np.flatnonzero(home < 0)
    points = sensors.geometry
    if rest.size and points.notna().all():
        place = np.column_stack([points.x, points.y])
        far, near = KDTree(place).query(place[rest], k=min(count + 1, size))
        for row, distance, index in zip(rest, far, near, strict=True):
            others = index[(index != row) & (distance <= within_m)][:count]
            found[row, : others.size] = others
    return found


def _graph(assets: pd.DataFrame) -> tuple[pd.Index, coo_matrix]:
    """Nodes and symmetric lengths [m] of the links."""
    start, end = (_ends(assets, name) for name in ("from_node", "to_node"))
    links = (start != "") & (end != "") & (start != end)
    nodes = pd.Index(pd.unique(pd.concat([start[links], end[links]])))
    a, b = nodes.get_indexer(start[links]), nodes.get_indexer(end[links])
    if not links.any():
        return nodes, coo_matrix((nodes.size, nodes.size)).tocsr()
    length = assets.loc[links, "length_m"].fillna(1.0).clip(lower=0.1).to_numpy(dtype=float)
    graph = coo_matrix((length, (a, b)), shape=(nodes.size, nodes.size))
    return nodes, graph.tocsr()


def _nodes_of(asset_ids: pd.Series, assets: pd.DataFrame) -> np.ndarray:
    start = _ends(assets, "from_node")
    return start.reindex(asset_ids).fillna("").to_numpy()


def _ends(assets: pd.DataFrame, name: str) -> pd.Series:
    if name not in assets or "length_m" not in assets:  # no network: places must do
        return pd.Series("", index=assets.index, dtype=str)
    return assets[name].fillna("").astype(str)


def _nearest(far: np.ndarray, position: np.ndarray, count: int) -> np.ndarray:
    take = min(count, far.shape[1])
    order = np.argsort(far, axis=1, kind="stable")[:, :take]
    near = np.take_along_axis(far, order, axis=1)
    found = np.full((far.shape[0], count), -1, dtype=np.int64)
    found[:, :take] = np.where(np.isfinite(near), position[order], -1)
    return found
