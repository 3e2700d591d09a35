"""Bridges: where the streets cross a river, found as a minimum cut between its banks.

The street file names no bridges. Whatever must be cut to part two banks is a crossing (a road
tunnel under the river counts as well). Among cuts of equal number the one over the longest
chains is taken, because a span is longer than its approaches.
"""

from collections.abc import Sequence

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from lifeline_kit.demo.streets import Streets

BANK_RADIUS_M = 1500.0
DECKS_APART_M = 400.0
_ENDLESS = 10_000_000
_UNIT, _LENGTH_CREDIT_M = 10_000, 4000.0


def bank_cut(
    streets: Streets, one: Sequence[tuple[float, float]], other: Sequence[tuple[float, float]]
) -> np.ndarray:
    """Find the street edges that part two banks.

    Parameters
    ----------
    streets : Streets
    one, other : sequences of (x, y) [m]
        Points on the two banks; every node within 1.5 km of one counts as that bank.

    Returns
    -------
    int array
        Edges whose removal separates the banks, fewest first, long ones preferred.
    """
    n = len(streets.xy)
    credit = np.minimum(streets.length, _LENGTH_CREDIT_M).astype(np.int64)
    capacity = _summed(streets, np.maximum(_UNIT - credit, 1), n + 2)
    bank_one, bank_other = _near(streets, one), _near(streets, other)
    bank_other = np.setdiff1d(bank_other, bank_one)
    gates = sparse.csr_array(
        (
            np.full(bank_one.size + bank_other.size, _ENDLESS, dtype=np.int32),
            (
                np.r_[np.full(bank_one.size, n), bank_other],
                np.r_[bank_one, np.full(bank_other.size, n + 1)],
            ),
        ),
        shape=(n + 2, n + 2),
    )
    network = sparse.csr_array(capacity + gates).astype(np.int32)
    flow = csgraph.maximum_flow(sparse.csr_matrix(network), n, n + 1).flow
    rest = sparse.csr_matrix(network - flow)
    rest.data = np.where(rest.data > 0, 1, 0)
    rest.eliminate_zeros()
    side = np.zeros(n + 2, dtype=bool)
    side[csgraph.breadth_first_order(rest, n, return_predecessors=False)] = True
    return np.flatnonzero(side[streets.head] != side[streets.tail])


def _summed(streets: Streets, capacity: np.ndarray, size: int) -> sparse.csr_array:
    ends = np.r_[streets.head, streets.tail], np.r_[streets.tail, streets.head]
    return sparse.coo_array((np.r_[capacity, capacity], ends), shape=(size, size)).tocsr()


def _near(streets: Streets, points: Sequence[tuple[float, float]]) -> np.ndarray:
    found = []
    for point in points:
        distance = np.hypot(*(streets.xy - point).T)
        close = np.flatnonzero(distance < BANK_RADIUS_M)
        found.append(close if close.size else [int(np.argmin(distance))])
    return np.unique(np.concatenate(found))


def decks_of_bridges(streets: Streets, edges: np.ndarray) -> np.ndarray:
    """Give each crossing the number of its bridge; middles within 400 m mean decks of one.

    Returns
    -------
    int array, like `edges`
        0 for the westernmost bridge, and so on.
    """
    middle = np.array(
        [line.interpolate(0.5, normalized=True).coords[0] for line in streets.line[edges]]
    )
    apart = np.hypot(*(middle[:, None] - middle[None]).transpose(2, 0, 1))
    _, label = csgraph.connected_components(apart < DECKS_APART_M, directed=False)
    west = np.array([middle[label == each, 0].min() for each in range(label.max() + 1)])
    return np.argsort(np.argsort(west))[label]
