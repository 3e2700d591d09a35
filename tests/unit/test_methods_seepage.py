"""Tracing gas underground: forward against a dense solve, backward on made-up streets."""

import numpy as np
import pytest
import shapely

from lifeline_kit.errors import InputError
from lifeline_kit.methods.seepage import (
    Soil,
    Trace,
    Underground,
    cut_pieces,
    expected_entropy_drop,
    trace_source,
)

LINE = shapely.LineString([(0, 0), (200, 0)])


def street(ducts: tuple = ()) -> tuple[Underground, np.ndarray]:
    """Ten spaces 3 m beside a straight main of 200 m, one every 20 m."""
    xy = np.c_[np.arange(10, 200, 20.0), np.full(10, 3.0)]
    ends = np.array(ducts, dtype=int).reshape(-1, 2)
    ground = Underground(
        xy=xy, air_change=np.full(10, 0.3), ducts=ends, exchange=np.full(len(ends), 0.1)
    )
    return ground, cut_pieces(np.array([LINE]))[0]


def traced(ground: Underground, pieces: np.ndarray, **told) -> Trace:
    trace = trace_source(ground, pieces, **told)
    assert trace is not None
    return trace


def test_pieces_cover_every_line_evenly():
    lines = np.array([LINE, shapely.LineString([(0, 50), (3, 50), (3, 53)])])
    xy, line, along, length = cut_pieces(lines)
    assert np.bincount(line).tolist() == [40, 1]
    assert length.tolist() == [5.0] * 40 + [6.0]
    assert xy[0].tolist() == [2.5, 0.0]
    assert (along[-1], *xy[-1]) == (3.0, 3.0, 50.0)


def test_residence_equals_a_dense_solve_and_conserves_gas():
    rng = np.random.default_rng(1)
    ducts = np.array([[0, 1], [1, 2], [4, 2], [3, 0]])
    air, passes = rng.uniform(0.2, 0.5, 6), rng.uniform(0.05, 0.3, 4)
    ground = Underground(xy=rng.random((6, 2)), air_change=air, ducts=ducts, exchange=passes)
    dense = np.diag(air)
    for (i, j), k in zip(ducts, passes, strict=True):
        dense[[i, j], [i, j]] += k
        dense[[i, j], [j, i]] -= k
    level = ground.residence(np.arange(6))
    np.testing.assert_allclose(level, np.linalg.inv(dense), rtol=1e-12)
    np.testing.assert_allclose(air @ level, np.ones(6))  # what flows in leaves through covers
    np.testing.assert_allclose(ground.residence(np.array([4, 1])), level[[4, 1]])


@pytest.mark.parametrize("place", [47.5, 102.5, 180.0])
def test_a_leak_without_noise_is_traced_to_within_two_pieces(place):
    ground, pieces = street()
    away = np.hypot(ground.xy[:, 0] - place, 3.0)
    reading = 3.0 * np.exp(-away / 6.0) / 0.3
    trace = traced(ground, pieces, sensed=np.arange(10), reading=reading)
    assert abs(pieces[trace.best, 0] - place) <= 10.0
    assert np.argmin(abs(pieces[:, 0] - place)) in trace.search
    assert trace.probability.sum() == pytest.approx(1.0)
    assert 1.0 < trace.rate < 9.0


def test_a_neighbour_without_gas_is_evidence():
    ground, pieces = street()
    alone = traced(ground, pieces, sensed=np.array([5]), reading=np.array([2.0]))
    both = traced(ground, pieces, sensed=np.array([5, 4]), reading=np.array([2.0, 0.0]))
    west = pieces[:, 0] < ground.xy[5, 0]
    share = [each.probability[west[each.pieces]].sum() for each in (alone, both)]
    assert share[0] == pytest.approx(0.5, abs=0.05)
    assert share[1] < 0.4
    assert both.search.size <= alone.search.size


def test_gas_that_came_by_a_duct_is_not_laid_at_its_own_door():
    with_duct, pieces = street(ducts=((2, 7),))
    without, _ = street()
    reading = np.zeros(10)
    reading[[2, 7]] = 5.0, 1.2  # a quarter: exchange 0.1 against air change 0.3
    sensed = np.arange(10)
    near = abs(pieces[:, 0] - with_duct.xy[2, 0]) <= 20
    shares = [
        (each := traced(ground, pieces, sensed=sensed, reading=reading))
        .probability[near[each.pieces]]
        .sum()
        for ground in (with_duct, without)
    ]
    assert shares[0] > 0.95
    assert shares[0] > shares[1]


def test_prior_knowledge_of_pipes_moves_the_posterior():
    ground, pieces = street()
    reading = np.array([1.0, 1.0])
    prior = np.where(pieces[:, 0] < 100, 10.0, 1.0)
    sensed = np.array([4, 5])  # 90 and 110 m: symmetric about 100
    even = traced(ground, pieces, sensed=sensed, reading=reading)
    bent = traced(ground, pieces, sensed=sensed, reading=reading, prior=prior)
    west = pieces[:, 0] < 100
    assert even.probability[west[even.pieces]].sum() == pytest.approx(0.5, abs=1e-6)
    assert bent.probability[west[bent.pieces]].sum() == pytest.approx(10 / 11, abs=1e-3)


def test_the_next_manhole_to_open_is_one_that_can_tell():
    ground, pieces = street()
    sensed = np.array([5])
    trace = traced(ground, pieces, sensed=sensed, reading=np.array([2.0]))
    others = np.array([4, 6, 0])
    drop = expected_entropy_drop(ground, pieces, trace, spaces=others)
    assert drop[0] == pytest.approx(drop[1], rel=0.02)  # left and right tell the same
    assert drop[0] > 5 * drop[2] >= 0.0  # 100 m off tells little


def test_the_expected_drop_is_what_readings_bring_on_average():
    ground, pieces = street()
    rng = np.random.default_rng(4)
    trace = traced(ground, pieces, sensed=np.array([5]), reading=np.array([2.0]))
    expected = expected_entropy_drop(ground, pieces, trace, spaces=np.array([4]), bins=12)[0]

    def entropy(each) -> float:
        return float(-(each.probability * np.log(each.probability + 1e-300)).sum())

    soil, drops = Soil(), []
    flat = trace.joint.reshape(-1)
    for pick in rng.choice(flat.size, 150, p=flat / flat.sum()):
        k, piece, rate = np.unravel_index(pick, trace.joint.shape)
        away = np.linalg.norm(ground.xy[4] - pieces[trace.pieces[piece]])
        level = np.exp(-away / soil.decay_m[k] + soil.log_rates[rate] + rng.normal(0, 0.82)) / 0.3
        reading = np.array([2.0, level])
        after = traced(ground, pieces, sensed=np.array([5, 4]), reading=reading)
        drops.append(entropy(trace) - entropy(after))
    assert expected == pytest.approx(np.mean(drops), abs=0.15)


def test_no_gas_and_no_pipe_give_no_trace():
    ground, pieces = street()
    sensed = np.arange(3)
    assert trace_source(ground, pieces, sensed=sensed, reading=np.zeros(3)) is None
    assert trace_source(ground, pieces, sensed=sensed, reading=np.full(3, np.nan)) is None
    far = pieces + np.array([0.0, 900.0])
    assert trace_source(ground, far, sensed=sensed, reading=np.ones(3)) is None


def test_what_cannot_be_is_refused():
    ground, pieces = street()
    with pytest.raises(InputError, match="2 spaces but 1 readings"):
        trace_source(ground, pieces, sensed=np.arange(2), reading=np.ones(1))
    with pytest.raises(InputError, match="above 0"):
        Soil(detection=0.0)
    closed = Underground(
        xy=ground.xy, air_change=np.zeros(10), ducts=np.empty((0, 2)), exchange=np.empty(0)
    )
    with pytest.raises(InputError, match="fills for ever"):
        closed.residence(np.arange(2))
    loose = Underground(
        xy=ground.xy, air_change=np.ones(10), ducts=np.array([[0, 12]]), exchange=np.ones(1)
    )
    with pytest.raises(InputError, match="spaces 0 to 9; got 12"):
        loose.residence(np.arange(2))
