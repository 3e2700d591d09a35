"""Which valves to close around a break, with valves that may be stuck.

Valves cut a network into segments. What a break empties for certain is its own segment, grown
across every valve that will not close; the valves to close are those of its border behind which
some source still feeds. No other choice shuts fewer sources or empties less, so the answer is
exact (`lifeline bench isolation` compares it with every possible choice on small networks).

References
----------
Walski 1993, Journal AWWA 85(7), 79-84 (segments); Giustolisi and Savic 2010, J. Water Resour.
Plann. Manage. 136, 689-698 (unintended isolation).
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from lifeline_kit.errors import NetworkError
from lifeline_kit.methods.hydraulics.network import VALVE, Network


@dataclass(frozen=True)
class Isolation:
    """How a break is isolated.

    Attributes
    ----------
    close : int array
        Links (valves) to close, so that no source feeds the break.
    also : int array
        Further border valves; closing them keeps what is behind, which loses its supply anyway.
    isolated : bool array, (node,)
        Joined with the break once `close` is done.
    lost : bool array, (node,)
        Without supply: the isolated part, and what it alone had fed.
    sources : int array
        Sources inside the isolated part; they must be shut down themselves.
    """

    close: np.ndarray
    also: np.ndarray
    isolated: np.ndarray
    lost: np.ndarray
    sources: np.ndarray


def segments(network: Network, *, stuck: np.ndarray | None = None) -> np.ndarray:
    """Segment of each node, int (node,): parts that no working valve divides.

    Parameters
    ----------
    network : Network
    stuck : int array, optional
        Links whose valve will not close.
    """
    joins = network.open & ((network.kind != VALVE) | _among(network, stuck))
    return _parts(network, joins)


def isolate(network: Network, broken: int, *, stuck: np.ndarray | None = None) -> Isolation:
    """Find the valves that isolate a broken link.

    Parameters
    ----------
    network : Network
    broken : int
        Link; not a valve.
    stuck : int array, optional
        Links whose valve will not close.

    Raises
    ------
    NetworkError
        Where the broken link is closed, a valve or none, or what is stuck is no valve.
    """
    if not isinstance(broken, (int, np.integer)):
        raise NetworkError(
            f"{broken!r} is no position of a link; AssetNetwork.link(asset) gives it, or "
            "np.flatnonzero(network.links == name)."
        )
    _check_links(network, broken, stuck)
    if network.kind[broken] == VALVE or not network.open[broken]:
        raise NetworkError(
            f"link {str(network.links[broken])!r} is a "
            f"{'valve' if network.open[broken] else 'closed link'}; expected an open pipe that may "
            "break."
        )
    segment = segments(network, stuck=stuck)
    own = segment[network.head[broken]]
    isolated = segment == own
    works = network.open & (network.kind == VALVE) & ~_among(network, stuck)
    border = works & (isolated[network.head] != isolated[network.tail])
    around = network.open & ~border
    part = _parts(network, around)
    feeding = network.sources[~isolated[network.sources]]
    fed = np.isin(part, part[feeding]) & ~isolated
    beyond = np.where(isolated[network.head], network.tail, network.head)
    needed = border & fed[beyond]
    once_open = _parts(network, network.open & ~needed)
    joined = once_open == once_open[network.head[broken]]
    return Isolation(
        close=np.flatnonzero(needed),
        also=np.flatnonzero(border & ~fed[beyond]),
        isolated=joined,
        lost=~fed,
        sources=network.sources[isolated[network.sources]],
    )


def _check_links(network: Network, broken: int, stuck: np.ndarray | None) -> None:
    named = np.r_[broken, np.zeros(0, dtype=np.int64) if stuck is None else stuck].astype(np.int64)
    stray = named[(named < 0) | (named >= network.links.size)]
    if stray.size:
        raise NetworkError(
            f"{stray[0]} is no link; expected positions from 0 to {network.links.size - 1}."
        )
    other = named[1:][network.kind[named[1:]] != VALVE]
    if other.size:
        raise NetworkError(
            f"link {str(network.links[other[0]])!r} is said to be stuck and is no valve; "
            "name valves."
        )


def _among(network: Network, stuck: np.ndarray | None) -> np.ndarray:
    there = np.zeros(network.links.size, dtype=bool)
    if stuck is not None:
        there[np.asarray(stuck, dtype=np.int64)] = True
    return there


def _parts(network: Network, joins: np.ndarray) -> np.ndarray:
    n = network.nodes.size
    ends = (network.head[joins], network.tail[joins])
    graph = sparse.coo_array((np.ones(ends[0].size, dtype=np.int8), ends), shape=(n, n))
    _, part = csgraph.connected_components(graph.tocsr(), directed=False)
    return part
