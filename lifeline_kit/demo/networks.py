"""Pipe networks along the streets: which streets, which sources, how thick, of what, how old."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from scipy import sparse
from scipy.sparse import csgraph

from lifeline_kit.demo.ground import Ground
from lifeline_kit.demo.hydraulics import LinearNetwork
from lifeline_kit.demo.streets import Streets, merge_in_cells

MIN_PART = 60  # smaller islands of streets get no network of their own


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How one network is laid.

    Attributes
    ----------
    classes : mapping of street class to cost per metre
        Cheap streets attract pipes; classes left out get none.
    loops : float
        Share of the remaining streets that close loops.
    per_person, speed : float [m3/h], [m/s]
        Peak demand and design velocity; they size the pipes.
    sizes_mm : tuple of int
        Nominal diameters on the market.
    materials : tuple of (from year, material, largest diameter in mm)
        The newest row that fits a pipe counts.
    depth_m : (low, high)
    """

    lifeline: str
    letter: str
    classes: dict[str, float]
    loops: float
    per_person: float
    speed: float
    sizes_mm: tuple[int, ...]
    materials: tuple[tuple[int, str, int], ...]
    depth_m: tuple[float, float]


_ANY = {
    "residential": 0.8,
    "living_street": 0.9,
    "tertiary": 0.8,
    "secondary": 1.0,
    "primary": 1.2,
    "unclassified": 1.0,
    "pedestrian": 1.2,
    "tertiary_link": 2.0,
    "secondary_link": 2.0,
    "primary_link": 2.5,
    "trunk": 2.0,
}
_MAINS = {key: cost for key, cost in _ANY.items() if key not in {"trunk", "living_street"}}
PLANS = {
    "gas": Plan(
        lifeline="gas",
        letter="G",
        classes=_MAINS,
        loops=0.10,
        per_person=0.02,
        speed=8.0,
        sizes_mm=(63, 90, 110, 160, 200, 250, 315, 400, 500, 600),
        materials=(
            (1900, "grey cast iron", 400),
            (1988, "steel", 900),
            (2002, "PE80", 315),
            (2002, "steel", 900),
            (2012, "PE100", 500),
        ),
        depth_m=(0.8, 1.6),
    ),
    "water": Plan(
        lifeline="water",
        letter="W",
        classes=_ANY,
        loops=0.16,
        per_person=0.018,
        speed=0.9,
        sizes_mm=(100, 150, 200, 300, 400, 500, 600, 800, 1000, 1200, 1400, 1600),
        materials=(
            (1900, "grey cast iron", 600),
            (1900, "prestressed concrete", 2000),
            (1990, "ductile iron", 1200),
            (1990, "steel", 2000),
            (2005, "PE100", 200),
        ),
        depth_m=(0.9, 2.0),
    ),
    "drainage": Plan(
        lifeline="drainage",
        letter="D",
        classes=_ANY,
        loops=0.0,
        per_person=0.022,
        speed=0.8,
        sizes_mm=(300, 400, 500, 600, 800, 1000, 1200, 1500, 1800, 2200),
        materials=(
            (1900, "brick", 1200),
            (1975, "concrete", 3000),
            (2000, "reinforced concrete", 3000),
            (2006, "HDPE", 800),
        ),
        depth_m=(1.5, 6.0),
    ),
    "heating": Plan(
        lifeline="heating",
        letter="H",
        classes=_MAINS,
        loops=0.0,
        per_person=0.006,
        speed=1.5,
        sizes_mm=(80, 100, 150, 200, 250, 300, 400, 500, 600, 800, 1000),
        materials=((1900, "steel, mineral wool", 1200), (1996, "pre-insulated steel", 1200)),
        depth_m=(1.0, 2.2),
    ),
}


@dataclass(frozen=True)
class Net:
    """A laid network: pipes, nodes and its linear hydraulics.

    Attributes
    ----------
    streets : Streets
        The streets it lies under, node numbering of the network.
    pipes : DataFrame, index `asset`
        Asset rows, in the order of the streets' edges.
    people : array, (node,)
        Who is served at each node.
    sources : int array
        Nodes of plants, gate stations, outfalls.
    feed : int array, (node,)
        Position in `sources` of the source that serves a node (nearest along the pipes).
    distance : array, (node,) [m]
        Along the pipes to that source.
    """

    plan: Plan
    streets: Streets
    pipes: pd.DataFrame
    people: np.ndarray
    sources: np.ndarray
    feed: np.ndarray
    distance: np.ndarray

    def node_id(self, node: int) -> str:
        """Return the name of a node in `from_node` and `to_node`."""
        return f"{self.plan.letter}-n-{node:06d}"

    def linear(self, conductance: np.ndarray) -> LinearNetwork:
        """Return the linearised hydraulics for given conductances."""
        return LinearNetwork(
            self.streets.head,
            self.streets.tail,
            conductance,
            sources=self.sources,
            n_nodes=len(self.streets.xy),
        )


def lay_network(
    plan: Plan,
    streets: Streets,
    ground: Ground,
    *,
    near: np.ndarray,
    merge_m: float,
    rng: np.random.Generator,
) -> Net:
    """Lay a network along the streets.

    Parameters
    ----------
    plan : Plan
    streets : Streets
        Without the bridges: each bank has its own network.
    ground : Ground
    near : array, (source, 2) [m]
        Where sources are wished; each part of the network gets at least one.
    merge_m : float
        Pipes that follow one another within cells of this size are one pipe, and shorter
        dead ends get none; 0 leaves every street its own pipe.
    rng : Generator
    """
    under = _chosen(plan, streets, rng)
    if merge_m:
        under = merge_in_cells(_without_stubs(under, merge_m / 3), merge_m)
    sources = _sources(under, near)
    weight = under.matrix(under.length)
    distance, _, origin = csgraph.dijkstra(
        weight, indices=sources, min_only=True, return_predecessors=True
    )
    feed = np.searchsorted(sources, origin)
    people = _people(under, ground)
    flow = _person_flow(under, sources, people)
    return Net(plan, under, _pipes(plan, under, ground, flow, rng), people, sources, feed, distance)


def _chosen(plan: Plan, streets: Streets, rng: np.random.Generator) -> Streets:
    cost = pd.Series(streets.highway).map(plan.classes).to_numpy()
    open_ = streets.subset(np.flatnonzero(~np.isnan(cost)))
    cost = pd.Series(open_.highway).map(plan.classes).to_numpy() * open_.length
    _, part = csgraph.connected_components(open_.matrix(cost), directed=False)
    large = np.bincount(part) >= MIN_PART
    open_ = open_.subset(np.flatnonzero(large[part[open_.head]]))
    cost = pd.Series(open_.highway).map(plan.classes).to_numpy() * open_.length
    tree = csgraph.minimum_spanning_tree(sparse.csr_matrix(open_.matrix(cost))).tocoo()
    n = len(open_.xy)
    in_tree = np.unique(np.minimum(tree.row, tree.col) * n + np.maximum(tree.row, tree.col))
    pair = np.minimum(open_.head, open_.tail) * n + np.maximum(open_.head, open_.tail)
    order = np.lexsort((cost, pair))
    lightest = np.zeros(pair.size, dtype=bool)
    lightest[order[np.r_[True, np.diff(pair[order]) != 0]]] = True
    keep = np.isin(pair, in_tree) & lightest
    extra = lightest & ~keep & (rng.random(pair.size) < plan.loops)
    return open_.subset(np.flatnonzero(keep | extra))


def _without_stubs(under: Streets, shortest_m: float) -> Streets:
    degree = np.bincount(np.r_[under.head, under.tail])
    dead_end = np.minimum(degree[under.head], degree[under.tail]) == 1
    return under.subset(np.flatnonzero(~(dead_end & (under.length < shortest_m))))


def _sources(under: Streets, near: np.ndarray) -> np.ndarray:
    _, part = csgraph.connected_components(under.matrix(under.length), directed=False)
    wished = [int(np.argmin(((under.xy - point) ** 2).sum(axis=1))) for point in near]
    for lone in np.setdiff1d(part, part[wished]):
        nodes = np.flatnonzero(part == lone)
        middle = under.xy[nodes].mean(axis=0)
        wished.append(int(nodes[np.argmin(((under.xy[nodes] - middle) ** 2).sum(axis=1))]))
    return np.unique(wished)


def _people(under: Streets, ground: Ground) -> np.ndarray:
    """Share each cell's people among the nodes in it."""
    cell = ((under.xy - ground.origin) // 500.0).astype(int)
    code = cell[:, 0] * 100_000 + cell[:, 1]
    _, inverse, count = np.unique(code, return_inverse=True, return_counts=True)
    return ground.people_near(under.xy) / count[inverse]


def _person_flow(under: Streets, sources: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Route people to the sources; thick pipes attract flow, so two rounds are needed."""
    conductance = 1.0 / under.length
    for _ in range(2):
        network = LinearNetwork(
            under.head, under.tail, conductance, sources=sources, n_nodes=len(under.xy)
        )
        flow = np.abs(network.flow(network.drop(people)))
        conductance = (flow + 20.0) ** 1.3 / under.length
    return flow


def _pipes(
    plan: Plan, under: Streets, ground: Ground, flow: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    n = under.head.size
    middle = shapely.get_coordinates(
        shapely.line_interpolate_point(under.line, 0.5, normalized=True)
    )
    demand = flow * plan.per_person / 3600.0  # m3/s
    wished = np.sqrt(4.0 * demand / (np.pi * plan.speed)) * 1000.0 * 1.15
    sizes = np.array(plan.sizes_mm)
    diameter = sizes[np.minimum(np.searchsorted(sizes, wished), sizes.size - 1)]
    capacity = plan.speed * np.pi / 4.0 * (diameter / 1000.0) ** 2
    year = ground.built[ground.zone(middle)] + rng.normal(0.0, 7.0, n)
    year = np.clip(np.round(year), 1962, 2025).astype(np.int64)
    low, high = plan.depth_m
    ids = [f"{plan.letter}-P-{k:06d}" for k in range(1, n + 1)]
    return pd.DataFrame(
        {
            "lifeline": plan.lifeline,
            "kind": "pipe",
            "name_zh": "",
            "name_en": "",
            "from_node": [f"{plan.letter}-n-{k:06d}" for k in under.head],
            "to_node": [f"{plan.letter}-n-{k:06d}" for k in under.tail],
            "district": ground.district(middle),
            "year": year,
            "material": _materials(plan, year, diameter),
            "diameter_mm": diameter.astype(float),
            "length_m": np.round(under.length, 1),
            "depth_m": np.round(rng.uniform(low, low + (high - low) * 0.6, n), 2),
            "load": np.round(np.clip(demand / capacity, 0.02, 1.2), 3),
            "people": np.round(flow),
            "geometry": under.line,
        },
        index=pd.Index(ids, name="asset"),
    )


def _materials(plan: Plan, year: np.ndarray, diameter: np.ndarray) -> np.ndarray:
    material = np.full(year.size, plan.materials[0][1], dtype=object)
    for since, name, largest in plan.materials:
        material[(year >= since) & (diameter <= largest)] = name
    return material
