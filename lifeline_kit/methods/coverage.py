"""Greedy choice of places that cover the most weight: at least 63 % of what the best would."""

import heapq

import numpy as np
from scipy.sparse import csc_array

from lifeline_kit.errors import InputError


def greedy_coverage(
    reach: csc_array, weight: np.ndarray, n: int, *, chosen: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Choose places one after another, each by what it adds.

    An object seen with probabilities p and q by two places is seen with ``1 - (1-p)(1-q)``, so
    that gains only shrink (submodular) and a lazy queue finds the greedy choice exactly.

    Parameters
    ----------
    reach : csc_array, (object, place)
        Probability, 0-1, that the place sees the object.
    weight : array, (object,)
        Zero or more.
    n : int
        Places to add.
    chosen : int array, optional
        Places that are there already.

    Returns
    -------
    places : int array, (n or fewer,)
        In the order of choice; fewer where no place adds anything.
    gain : array, (places,)
        Weight that each added.

    Raises
    ------
    InputError
        Where shapes differ, a probability leaves 0-1 or a weight is negative.

    References
    ----------
    Nemhauser, Wolsey, Fisher 1978, Mathematical Programming 14; lazy queue: Minoux 1978.
    """
    if reach.shape[0] != weight.size or (weight < 0).any():
        raise InputError(
            f"{reach.shape[0]} objects in reach, {weight.size} weights; expected as many, none "
            "negative."
        )
    if reach.nnz and (reach.data.min() < 0 or reach.data.max() > 1):
        raise InputError("probabilities of being seen must lie within 0 and 1.")
    unseen = weight.astype(float).copy()
    for place in [] if chosen is None else chosen:
        _see(reach, unseen, int(place))
    queue = [(-_gain(reach, unseen, k), k) for k in range(reach.shape[1])]
    heapq.heapify(queue)
    places, gains = [], []
    while queue and len(places) < n:
        _, place = heapq.heappop(queue)
        now = _gain(reach, unseen, place)
        if queue and now < -queue[0][0] - 1e-12:
            heapq.heappush(queue, (-now, place))
            continue
        if now <= 1e-12:
            break
        places.append(place)
        gains.append(now)
        _see(reach, unseen, place)
    return np.array(places, dtype=int), np.array(gains)


def _gain(reach: csc_array, unseen: np.ndarray, place: int) -> float:
    rows = slice(reach.indptr[place], reach.indptr[place + 1])
    return float(reach.data[rows] @ unseen[reach.indices[rows]])


def _see(reach: csc_array, unseen: np.ndarray, place: int) -> None:
    rows = slice(reach.indptr[place], reach.indptr[place + 1])
    unseen[reach.indices[rows]] *= 1.0 - reach.data[rows]
