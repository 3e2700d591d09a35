"""Isolation of a break, against every possible choice of valves."""

import numpy as np
import pytest

from lifeline_kit.errors import NetworkError
from lifeline_kit.methods.hydraulics import pipes
from lifeline_kit.methods.isolation import isolate, segments
from tests.oracles.isolating import best_of_all_choices, walked


def small(rng):
    """A random network of a dozen nodes with up to eight valves."""
    n = int(rng.integers(6, 13))
    head = np.array([int(rng.integers(0, k)) for k in range(1, n)] + list(rng.integers(0, n, 3)))
    tail = np.r_[np.arange(1, n), rng.integers(0, n, 3)]
    kept = head != tail
    head, tail = head[kept], tail[kept]
    kind = np.zeros(head.size, dtype=np.int8)
    kind[rng.choice(head.size, min(8, head.size - 2), replace=False)] = 1
    sources = np.unique(rng.integers(0, n, int(rng.integers(1, 3))))
    return pipes(
        head,
        tail,
        length_m=rng.uniform(10.0, 99.0, head.size),
        diameter_m=0.1,
        roughness_m=1e-4,
        sources=sources,
        source_pa=2e5,
    ).with_(kind=kind)


@pytest.mark.parametrize("seed", range(60))
def test_no_other_choice_of_valves_is_better(seed):
    rng = np.random.default_rng(seed)
    network = small(rng)
    broken = int(rng.choice(np.flatnonzero(network.kind == 0)))
    valves = np.flatnonzero(network.kind == 1)
    stuck = set(rng.choice(valves, int(rng.integers(0, 2)), replace=False).tolist())
    found = isolate(network, broken, stuck=np.array(sorted(stuck), dtype=int))
    close, lost = best_of_all_choices(network, broken, stuck)
    assert set(np.flatnonzero(found.lost).tolist()) == lost
    assert set(found.close.tolist()) == close
    assert walked(network, broken, stuck) == (close, lost)


def chain(kinds, sources=(0,)):
    n = len(kinds) + 1
    return pipes(
        np.arange(n - 1),
        np.arange(1, n),
        length_m=10.0,
        diameter_m=0.1,
        roughness_m=1e-4,
        sources=np.array(sources),
        source_pa=2e5,
    ).with_(kind=np.array(kinds, dtype=np.int8))


def test_a_stuck_valve_moves_the_border_to_the_next_one():
    network = chain([0, 1, 0, 1, 0, 1, 0])
    first = isolate(network, 4)
    assert first.close.tolist() == [3]
    assert first.also.tolist() == [5]
    assert np.flatnonzero(first.lost).tolist() == [4, 5, 6, 7]
    next_ring = isolate(network, 4, stuck=np.array([3]))
    assert next_ring.close.tolist() == [1]
    assert np.flatnonzero(next_ring.lost).tolist() == [2, 3, 4, 5, 6, 7]


def test_a_source_in_the_isolated_part_is_named():
    found = isolate(chain([0, 1, 0], sources=(0, 3)), 0)
    assert found.sources.tolist() == [0]
    assert found.close.tolist() == [1]
    assert np.flatnonzero(found.lost).tolist() == [0, 1]


def test_what_hangs_behind_the_break_is_lost_and_counted():
    found = isolate(chain([1, 0, 1, 0]), 1)
    assert found.close.tolist() == [0]
    assert found.also.tolist() == [2]
    assert found.lost.tolist() == [False, True, True, True, True]
    assert found.isolated.tolist() == [False, True, True, True, True]


def test_segments_are_counted_between_valves():
    assert np.unique(segments(chain([0, 1, 0, 1, 0]))).size == 3
    assert np.unique(segments(chain([0, 1, 0, 1, 0]), stuck=np.array([1]))).size == 2


def test_a_valve_or_a_closed_pipe_cannot_break():
    network = chain([0, 1, 0])
    with pytest.raises(NetworkError, match="'p1' is a valve; expected an open pipe"):
        isolate(network, 1)
    with pytest.raises(NetworkError, match="'p2' is a closed link"):
        isolate(network.with_(open=np.array([True, True, False])), 2)


def test_links_that_are_none_and_stuck_pipes_are_refused():
    network = chain([0, 1, 0])
    with pytest.raises(NetworkError, match="-1 is no link; expected positions from 0 to 2"):
        isolate(network, -1)
    with pytest.raises(NetworkError, match="'p2' is said to be stuck and is no valve"):
        isolate(network, 0, stuck=np.array([2]))
