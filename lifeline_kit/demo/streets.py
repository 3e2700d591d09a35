"""The streets under the demo city, read as a graph."""

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from scipy import sparse
from scipy.sparse import csgraph

from lifeline_kit.errors import InputError

CRS = "EPSG:32650"
_IN_WHEEL = Path(__file__).with_name("wuhan.parquet")
_IN_CHECKOUT = Path(__file__).resolve().parents[2] / "data" / "streets" / "wuhan.parquet"
DEFAULT = _IN_WHEEL if _IN_WHEEL.exists() else _IN_CHECKOUT


@dataclass(frozen=True)
class Streets:
    """A street graph.

    Attributes
    ----------
    xy : array, (node, 2) [m]
    head, tail : int arrays, (edge,)
        Node indices of both ends; streets have no direction.
    length : array, (edge,) [m]
    highway : array of str, (edge,)
        OpenStreetMap class.
    line : array of LineString, (edge,)
    """

    xy: np.ndarray
    head: np.ndarray
    tail: np.ndarray
    length: np.ndarray
    highway: np.ndarray
    line: np.ndarray

    def subset(self, keep: np.ndarray) -> "Streets":
        """Return the graph of some edges, nodes renumbered."""
        used, ends = np.unique(np.r_[self.head[keep], self.tail[keep]], return_inverse=True)
        head, tail = np.split(ends, 2)
        return Streets(
            self.xy[used], head, tail, self.length[keep], self.highway[keep], self.line[keep]
        )

    def largest_part(self) -> "Streets":
        """Return the largest connected part."""
        _, label = csgraph.connected_components(self.matrix(np.ones(self.head.size)))
        biggest = np.argmax(np.bincount(label))
        return self.subset(np.flatnonzero(label[self.head] == biggest))

    def matrix(self, weight: np.ndarray) -> sparse.csr_array:
        """Return the symmetric adjacency matrix; of parallel edges the lightest counts."""
        n = len(self.xy)
        low, high = np.minimum(self.head, self.tail), np.maximum(self.head, self.tail)
        order = np.lexsort((weight, high, low))
        first = np.r_[True, np.diff(low[order] * n + high[order]) != 0]
        kept = order[first & (low[order] != high[order])]
        both = np.r_[weight[kept], weight[kept]]
        ends = np.r_[low[kept], high[kept]], np.r_[high[kept], low[kept]]
        return sparse.csr_array((both, ends), shape=(n, n))


def chains(ends: np.ndarray, kind: np.ndarray, n_nodes: int) -> list[list[int]]:
    """Find runs of edges of one kind through nodes where nothing else meets them.

    Parameters
    ----------
    ends : int array, (edge, 2)
        Nodes of both ends.
    kind : int array, (edge,)
    n_nodes : int

    Returns
    -------
    list of lists of edges
        In the order of edges, not of travel; `joined` puts the lines in order.
    """
    at_node = sparse.csr_array(
        (
            np.ones(ends.size, dtype=np.int8),
            (ends.reshape(-1), np.repeat(np.arange(len(ends)), 2)),
        ),
        shape=(n_nodes, len(ends)),
    )
    degree = np.bincount(ends.reshape(-1), minlength=n_nodes)
    pairs = [
        (at_node.indices[at_node.indptr[node]], at_node.indices[at_node.indptr[node] + 1])
        for node in np.flatnonzero((degree == 2) & (np.diff(at_node.indptr) == 2))
    ]
    pairs = np.array([pair for pair in pairs if kind[pair[0]] == kind[pair[1]]]).reshape(-1, 2)
    links = sparse.csr_array(
        (np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(ends), len(ends))
    )
    _, label = csgraph.connected_components(links, directed=False)
    order = np.argsort(label, kind="stable")
    return [chunk.tolist() for chunk in np.split(order, np.flatnonzero(np.diff(label[order])) + 1)]


def load_streets(
    path: Path = DEFAULT, *, bounds: tuple[float, float, float, float] | None = None
) -> Streets:
    """Read the street file as a graph, optionally cut to a box.

    Parameters
    ----------
    path : Path
    bounds : (x_min, y_min, x_max, y_max) [m], optional
        Streets that lie wholly inside are kept, then the largest connected part.

    Raises
    ------
    InputError
    """
    if not path.exists():
        raise InputError(
            f"{path} is missing; it is part of the repository (data/streets). "
            "Restore it, or make it again as data/streets/README.md says."
        )
    table = gpd.read_parquet(path)
    if bounds is not None:
        inside = table.bounds
        keep = (inside.minx >= bounds[0]) & (inside.miny >= bounds[1])
        keep &= (inside.maxx <= bounds[2]) & (inside.maxy <= bounds[3])
        table = table[keep]
    graph = graph_of(table.geometry.to_numpy(), table["highway"].astype(str).to_numpy())
    return graph.largest_part()


def graph_of(line: np.ndarray, highway: np.ndarray) -> Streets:
    """Build the graph of lines that meet at equal end points; closed lines are left out."""
    first = shapely.get_coordinates(shapely.get_point(line, 0))
    last = shapely.get_coordinates(shapely.get_point(line, -1))
    xy, ends = np.unique(np.r_[first, last], axis=0, return_inverse=True)
    head, tail = np.split(ends.reshape(-1), 2)
    graph = Streets(xy, head, tail, shapely.length(line), highway, line)
    return graph.subset(np.flatnonzero(head != tail))


def merge_in_cells(streets: Streets, cell_m: float) -> Streets:
    """Merge chains of edges whose middles lie in one cell of `cell_m`."""
    middle = shapely.get_coordinates(
        shapely.line_interpolate_point(streets.line, 0.5, normalized=True)
    )
    _, cell = np.unique((middle // cell_m).astype(int), axis=0, return_inverse=True)
    ends = np.c_[streets.head, streets.tail]
    found = chains(ends, cell.reshape(-1), len(streets.xy))
    lines = np.array([joined(streets.line[chain]) for chain in found], dtype=object)
    kept = shapely.get_type_id(lines) == shapely.GeometryType.LINESTRING
    highway = streets.highway[[chain[0] for chain in found]]
    return graph_of(lines[kept], highway[kept])


def joined(lines: np.ndarray) -> shapely.Geometry:
    """Merge the lines of a chain into one."""
    return (
        lines[0] if len(lines) == 1 else shapely.line_merge(shapely.multilinestrings(list(lines)))
    )
