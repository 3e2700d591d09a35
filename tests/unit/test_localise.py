"""Leaks by re-simulation, on a grid of streets: found where they are, as sure as they should be."""

import numpy as np
import pytest

from lifeline_kit.methods.hydraulics import METHANE, pipes, prepare, solve
from lifeline_kit.methods.localise import (
    Gauges,
    detectable_kg_s,
    locate_leak,
    place_gauges,
    sigmas_out,
    usual,
)

SIDE = 7
XY = np.array([(100.0 * x, 100.0 * y) for x in range(SIDE) for y in range(SIDE)])


@pytest.fixture(scope="module")
def ready():
    links = [(k, k + 1) for k in range(SIDE**2) if (k + 1) % SIDE]
    links += [(k, k + SIDE) for k in range(SIDE * (SIDE - 1))]
    head, tail = np.array(links).T
    network = pipes(
        head,
        tail,
        length_m=100.0,
        diameter_m=0.1,
        roughness_m=1e-4,
        sources=np.array([0]),
        source_pa=2e5,
    )
    return prepare(network, METHANE)


LOAD = np.full(SIDE**2, 4e-3)
NODES = np.arange(1, SIDE**2)


def gauges(**changes):
    settings = {
        "sensors": np.array([6, 24, 42, 48, 16]),
        "pressure_pa": 20.0,
        "inflow_share": 0.005,
        "load_share": 0.2,
        "samples": 12,
    }
    return Gauges(**settings | changes)


def readings(ready, known, leak, node, rng):
    loads = LOAD * rng.lognormal(-0.02, 0.2, (12, LOAD.size))
    loads[:, node] += leak
    flow = solve(ready, loads)
    pressure = flow.pressure_pa[:, known.gauges.sensors]
    pressure = pressure + rng.normal(0, 20.0, pressure.shape)
    inflow = loads.sum(axis=1) * (1 + rng.normal(0, 0.005, 12))
    return np.r_[pressure.mean(axis=0), inflow.mean()]


def test_without_noise_the_leak_is_where_it_is(ready):
    known = usual(ready, LOAD, gauges(pressure_pa=1.0, load_share=0.01))
    for node in (5, 17, 30, 47):
        load = LOAD.copy()
        load[node] += 0.01
        flow = solve(ready, load)
        seen = np.r_[flow.pressure_pa[0, known.gauges.sensors], load.sum()]
        found = locate_leak(known, seen, NODES)
        assert found.best == node
        assert found.leak_kg_s == pytest.approx(0.01, rel=0.02)


def test_the_set_of_suspects_holds_the_leak_as_often_as_it_says(ready):
    known = usual(ready, LOAD, gauges())
    rng = np.random.default_rng(8)
    held, far = [], []
    for _ in range(120):
        node = int(rng.choice(NODES))
        found = locate_leak(known, readings(ready, known, 0.024, node, rng), NODES)
        held.append(node in found.within(0.9))
        far.append(np.hypot(*(XY[found.best] - XY[node])))
    assert 0.82 <= np.mean(held) <= 0.99
    assert np.median(far) <= 150.0


def test_a_prior_moves_the_answer_between_equals(ready):
    known = usual(ready, LOAD, gauges(load_share=1.0, pressure_pa=500.0))
    rng = np.random.default_rng(1)
    seen = readings(ready, known, 0.016, 30, rng)
    plain = locate_leak(known, seen, NODES)
    prior = np.where(NODES == 30, 50.0, 1.0)
    assert locate_leak(known, seen, NODES, prior=prior).probability[29] > plain.probability[29]


def test_leaks_stand_out_and_quiet_days_do_not(ready):
    known = usual(ready, LOAD, gauges())
    rng = np.random.default_rng(2)
    quiet = np.array([readings(ready, known, 0.0, 5, rng) for _ in range(100)])
    assert (sigmas_out(known, quiet, NODES) > 4.5).sum() == 0
    leaks = np.array([readings(ready, known, 0.03, int(rng.choice(NODES)), rng) for _ in range(40)])
    assert (sigmas_out(known, leaks, NODES) > 4.5).all()


def test_what_is_detectable_shrinks_with_better_gauges(ready):
    rough = detectable_kg_s(usual(ready, LOAD, gauges(inflow_share=0.05)), NODES)
    fine = detectable_kg_s(usual(ready, LOAD, gauges(pressure_pa=5.0)), NODES)
    assert (fine <= rough).all()
    assert (fine > 0).all()


def test_chosen_places_beat_places_in_a_corner(ready):
    chosen = place_gauges(
        ready, LOAD, count=5, leak_kg_s=0.024, gauges=gauges(), candidates=NODES, xy=XY
    )
    assert np.unique(chosen).size == 5
    rng = np.random.default_rng(5)
    errors = {}
    for name, sensors in (("chosen", chosen), ("corner", np.array([1, 2, 3, 7, 8]))):
        known = usual(ready, LOAD, gauges(sensors=sensors))
        far = []
        for _ in range(60):
            node = int(rng.choice(NODES))
            found = locate_leak(known, readings(ready, known, 0.024, node, rng), NODES)
            far.append(np.hypot(*(XY[found.best] - XY[node])))
        errors[name] = np.mean(far)
    assert errors["chosen"] < 0.7 * errors["corner"]


def test_of_too_many_candidates_those_that_fit_best_are_simulated(ready, monkeypatch):
    known = usual(ready, LOAD, gauges())
    seen = readings(ready, known, 0.03, 30, np.random.default_rng(6))
    whole = locate_leak(known, seen, NODES)
    monkeypatch.setattr("lifeline_kit.methods.localise.MOST", 12)
    few = locate_leak(known, seen, NODES, prior=np.ones(NODES.size))
    assert few.nodes.size == 12
    assert few.best == whole.best
