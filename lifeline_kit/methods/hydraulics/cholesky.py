"""Factorise the same sparse symmetric pattern again and again.

The pattern is analysed once: an order that keeps the factor thin (multiple minimum degree, from
SuperLU), the filled pattern, and for every elimination step the places that it changes. What is
left for each set of values is one loop over a list of places.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy import sparse
from scipy.sparse.linalg import splu


@dataclass(frozen=True)
class Pattern:
    """The analysed pattern of an n x n matrix; row k of the factor is unknown `order[k]`.

    Attributes
    ----------
    position : int array, (unknown,)
        Row of the factor that an unknown has.
    start : int array, (n + 1,)
        Begin of each column among the entries below the diagonal.
    row : int array, (entry,)
    target : int array, (update,)
        Entry that an elimination step changes, in order; n + entry below the diagonal, or the
        row where it is the diagonal.
    """

    position: np.ndarray
    start: np.ndarray
    row: np.ndarray
    target: np.ndarray

    def entry(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return the entry that holds the coupling of two unknowns, for arrays of pairs."""
        a, b = self.position[first], self.position[second]
        low, high = np.minimum(a, b), np.maximum(a, b)
        return _find(self.start, self.row, low, high)


def analyse(n: int, first: np.ndarray, second: np.ndarray) -> Pattern:
    """Analyse the pattern of a matrix.

    Parameters
    ----------
    n : int
    first, second : int arrays, (pair,)
        Unknowns that are coupled; each pair once or more, either way round.
    """
    pairs = np.ones(first.size)
    matrix = sparse.coo_array((pairs, (first, second)), shape=(n, n))
    dominant = sparse.csc_matrix(-(matrix + matrix.T) + sparse.diags_array(np.full(n, 4.0 * n)))
    factor = splu(
        dominant,
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    position = factor.perm_c.astype(np.int64)
    a, b = position[first], position[second]
    near: list[set[int]] = [set() for _ in range(n)]
    for low, high in zip(np.minimum(a, b).tolist(), np.maximum(a, b).tolist(), strict=True):
        near[low].add(high)
    columns = []
    for k in range(n):
        own = near[k]
        own.discard(k)
        columns.append(sorted(own))
        if columns[k]:  # what is left of this column is passed to the next one it touches
            near[columns[k][0]].update(columns[k][1:])
        near[k] = set()
    start = np.concatenate([[0], np.cumsum([len(column) for column in columns])]).astype(np.int64)
    row = np.array([each for column in columns for each in column], dtype=np.int64)
    return Pattern(position, start, row, _targets(start, row))


@njit(cache=True)
def _place(start: np.ndarray, row: np.ndarray, column: int, wanted: int) -> int:
    low, high = start[column], start[column + 1]
    while low < high:
        middle = (low + high) // 2
        if row[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True)
def _find(start: np.ndarray, row: np.ndarray, column: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    found = np.empty(column.size, dtype=np.int64)
    for k in range(column.size):
        found[k] = _place(start, row, column[k], wanted[k])
    return found


@njit(cache=True)
def _targets(start: np.ndarray, row: np.ndarray) -> np.ndarray:
    n = start.size - 1
    total = 0
    for k in range(n):
        size = start[k + 1] - start[k]
        total += size * (size + 1) // 2
    target = np.empty(total, dtype=np.int64)
    u = 0
    for k in range(n):
        for t in range(start[k], start[k + 1]):
            target[u] = row[t]
            u += 1
            for s in range(t + 1, start[k + 1]):
                target[u] = n + _place(start, row, row[t], row[s])
                u += 1
    return target


@njit(cache=True)
def factorise(
    start: np.ndarray, target: np.ndarray, diagonal: np.ndarray, below: np.ndarray
) -> None:
    """Factorise L D Lᵀ in place.

    Parameters
    ----------
    start, target :
        Of the `Pattern`.
    diagonal : array, (n,)
        Diagonal in the order of the factor; becomes D.
    below : array, (entry,)
        Entries below the diagonal; become L.
    """
    n = diagonal.size
    u = 0
    for k in range(n):
        pivot = 1.0 / diagonal[k]
        for t in range(start[k], start[k + 1]):
            share = below[t] * pivot
            diagonal[target[u]] -= share * below[t]
            u += 1
            for s in range(t + 1, start[k + 1]):
                below[target[u] - n] -= share * below[s]
                u += 1
            below[t] = share


@njit(cache=True)
def substitute(
    start: np.ndarray, row: np.ndarray, diagonal: np.ndarray, below: np.ndarray, x: np.ndarray
) -> None:
    """Solve with the factor, in place; `x` is in the order of the factor."""
    n = diagonal.size
    for k in range(n):
        for t in range(start[k], start[k + 1]):
            x[row[t]] -= below[t] * x[k]
    for k in range(n - 1, -1, -1):
        x[k] /= diagonal[k]
        for t in range(start[k], start[k + 1]):
            x[k] -= below[t] * x[row[t]]
