"""A pipe network as arrays, and the check that it can be solved at all."""

from dataclasses import dataclass, field, replace

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from lifeline_kit.errors import NetworkError

PIPE, VALVE, PUMP, REGULATOR, COMPRESSOR, CHECK_VALVE = range(6)
KINDS = ("pipe", "valve", "pump", "regulator", "compressor", "check_valve")
AIR_PA = 101_325.0


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network of pipes and fittings; all pressures are absolute.

    Attributes
    ----------
    nodes : array of str, (node,)
    height_m : array, (node,) [m]
    links : array of str, (link,)
    head, tail : int arrays, (link,)
        Nodes at both ends; flow from head to tail counts as positive.
    kind : int array, (link,)
        Position in `KINDS`. A regulator holds the pressure of its tail, a compressor multiplies
        that of its head, a check valve lets nothing back.
    length_m, diameter_m, roughness_m, loss : arrays, (link,) [m], [m], [m], [-]
        `loss` is the sum of the minor-loss coefficients.
    open : bool array, (link,)
    setting : array, (link,)
        Regulator: outlet pressure [Pa]; compressor: pressure ratio; else NaN.
    curve : array, (link, 3)
        Pump: lift [Pa] = a + b v + c v², v the volume taken in [m3/s]; never below zero.
    sources : int array, (source,)
        Nodes of given pressure.
    source_pa : array, (source,) [Pa]
    """

    nodes: np.ndarray
    height_m: np.ndarray
    links: np.ndarray
    head: np.ndarray
    tail: np.ndarray
    kind: np.ndarray
    length_m: np.ndarray
    diameter_m: np.ndarray
    roughness_m: np.ndarray
    loss: np.ndarray
    open: np.ndarray
    setting: np.ndarray
    curve: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))
    sources: np.ndarray
    source_pa: np.ndarray

    def with_(self, **changes: np.ndarray) -> "Network":
        """Return a variant; the network itself never changes."""
        return replace(self, **changes)

    def supplied(self) -> np.ndarray:
        """Whether an open way leads from a source to each node, bool (node,)."""
        return connected_to(self, self.sources)


def pipes(
    head: np.ndarray,
    tail: np.ndarray,
    *,
    length_m: np.ndarray | float,
    diameter_m: np.ndarray | float,
    roughness_m: np.ndarray | float,
    sources: np.ndarray,
    source_pa: np.ndarray | float,
    height_m: np.ndarray | None = None,
) -> Network:
    """Make a network of open pipes alone; other kinds follow by `with_`.

    Parameters
    ----------
    head, tail : int arrays, (link,)
    length_m, diameter_m, roughness_m : arrays, (link,) [m]
    sources : int array, (source,)
    source_pa : array, (source,) [Pa]
        Absolute.
    height_m : array, (node,) [m], optional
        Also says how many nodes there are.

    Raises
    ------
    NetworkError
        As of `check_network`.
    """
    head, tail = np.asarray(head, dtype=np.int64), np.asarray(tail, dtype=np.int64)
    n = max(head.max(initial=-1), tail.max(initial=-1)) + 1 if height_m is None else len(height_m)
    links = head.size
    sources = np.atleast_1d(np.asarray(sources, dtype=np.int64))

    def each(value: np.ndarray | float, size: int = links) -> np.ndarray:
        return np.broadcast_to(np.asarray(value, dtype=float), (size,)).copy()

    return check_network(
        Network(
            nodes=np.array([f"n{k}" for k in range(n)], dtype=object),
            height_m=np.zeros(n) if height_m is None else np.asarray(height_m, dtype=float),
            links=np.array([f"p{k}" for k in range(links)], dtype=object),
            head=head,
            tail=tail,
            kind=np.full(links, PIPE, dtype=np.int8),
            length_m=each(length_m),
            diameter_m=each(diameter_m),
            roughness_m=each(roughness_m),
            loss=np.zeros(links),
            open=np.ones(links, dtype=bool),
            setting=each(np.nan),
            curve=np.zeros((links, 3)),
            sources=sources,
            source_pa=each(source_pa, sources.size),
        )
    )


def check_network(network: Network) -> Network:
    """Check a network once, at the border.

    Raises
    ------
    NetworkError
        A zero diameter or length, a link that ends nowhere, a source that is no node or has no
        pressure above zero, a part with pipes and no source.
    """
    n = network.nodes.size
    for name, end in (("head", network.head), ("tail", network.tail)):
        stray = np.flatnonzero((end < 0) | (end >= n))
        if stray.size:
            raise NetworkError(
                f"link {network.links[stray[0]]!r} has its {name} at node {end[stray[0]]}; "
                f"expected one of the {n} nodes; mend from_node and to_node."
            )
    solid = np.isin(network.kind, (PIPE, VALVE, CHECK_VALVE))
    _positive(network, "diameter", network.diameter_m, solid, "m")
    _positive(network, "length", network.length_m, network.kind == PIPE, "m")
    if not network.sources.size:
        raise NetworkError(
            "the network has no source; expected at least one node of given pressure "
            "(a station, a plant, a reservoir); name it among the sources."
        )
    low = np.flatnonzero(~(network.source_pa > 0))
    if low.size:
        raise NetworkError(
            f"source {network.nodes[network.sources[low[0]]]!r} has "
            f"{network.source_pa[low[0]]} Pa; expected an absolute pressure above zero; add the "
            "pressure of the air to a gauge."
        )
    apart = ~connected_to(network.with_(open=np.ones_like(network.open)), network.sources)
    piped = np.zeros(n, dtype=bool)
    piped[network.head], piped[network.tail] = True, True
    lone = np.flatnonzero(apart & piped)
    if lone.size:
        raise NetworkError(
            f"node {network.nodes[lone[0]]!r} and {lone.size - 1} more lie in a part without a "
            "source; expected one of given pressure in each part; name it, or leave the part out."
        )
    return network


def connected_to(network: Network, starts: np.ndarray) -> np.ndarray:
    """Whether an open way leads from `starts` to each node, bool (node,)."""
    n = network.nodes.size
    head, tail = network.head[network.open], network.tail[network.open]
    graph = sparse.coo_array((np.ones(head.size, dtype=np.int8), (head, tail)), shape=(n, n))
    _, part = csgraph.connected_components(graph.tocsr(), directed=False)
    return np.isin(part, part[starts])


def _positive(
    network: Network, what: str, values: np.ndarray, wanted: np.ndarray, unit: str
) -> None:
    wrong = np.flatnonzero(wanted & ~(values > 0))
    if wrong.size:
        raise NetworkError(
            f"link {network.links[wrong[0]]!r} has a {what} of {values[wrong[0]]} {unit}"
            f"{f' (and {wrong.size - 1} more)' if wrong.size > 1 else ''}; expected more than "
            "zero; mend the table, or leave the link out."
        )
