"""Networks of pipes: against hand sums and the slow way, and what they say when asked too much."""

import numpy as np
import pytest

from lifeline_kit.errors import NetworkError
from lifeline_kit.methods.hydraulics import METHANE, Liquid, pipes, prepare, sensitivity, solve
from lifeline_kit.methods.hydraulics.controlled import solve_controlled
from lifeline_kit.methods.hydraulics.fluids import water_density, water_expansion, water_viscosity
from lifeline_kit.methods.hydraulics.friction import CORRELATIONS, friction
from lifeline_kit.methods.hydraulics.network import (
    CHECK_VALVE,
    COMPRESSOR,
    PUMP,
    REGULATOR,
    VALVE,
)
from tests.oracles.networks import friction_factor, gas_pressures

WATER = Liquid(density=1000.0, viscosity=1e-3)
LINKS = [
    (0, 1, 300.0, 0.1, 1e-4),
    (1, 2, 200.0, 0.08, 1e-4),
    (0, 3, 400.0, 0.08, 2e-4),
    (3, 2, 150.0, 0.06, 1e-4),
    (2, 4, 500.0, 0.08, 1e-4),
]
LOADS = [0.0, 0.02, 0.03, 0.01, 0.04]
HEIGHTS = [100.0, 120.0, 90.0, 60.0, 110.0]


def ring(**changes):
    head, tail, length, diameter, roughness = (
        np.array(column) for column in zip(*LINKS, strict=True)
    )
    network = pipes(
        head,
        tail,
        length_m=length,
        diameter_m=diameter,
        roughness_m=roughness,
        sources=np.array([0]),
        source_pa=np.array([3e5]),
        height_m=np.array(HEIGHTS),
    )
    return network.with_(**changes)


def one_pipe(kind=0, **changes):
    network = pipes(
        np.array([0, 1]),
        np.array([1, 2]),
        length_m=100.0,
        diameter_m=0.1,
        roughness_m=1e-4,
        sources=np.array([0]),
        source_pa=5e5,
    )
    return network.with_(kind=np.array([kind, 0], dtype=np.int8), **changes)


def test_a_ring_of_gas_equals_the_slow_way():
    flow = solve(prepare(ring(), METHANE), LOADS)
    pressure, through = gas_pressures(LINKS, LOADS, 3e5, METHANE, HEIGHTS)
    assert flow.pressure_pa[0] == pytest.approx(pressure, abs=1e-2)
    assert flow.flow_kg_s[0] == pytest.approx(through, abs=1e-8)


@pytest.mark.parametrize("name", ["colebrook", "prandtl_colebrook"])
def test_a_turbulent_pipe_of_water_equals_darcy_weisbach(name):
    flow = solve(prepare(one_pipe(), WATER, friction=name), [0.0, 0.0, 10.0])
    speed = 10.0 / 1000.0 / (np.pi * 0.1**2 / 4)
    factor = friction_factor(speed * 0.1 / 1e-6, 1e-4, 0.1)
    lost = factor * 100.0 / 0.1 * 0.5 * 1000.0 * speed**2
    assert 5e5 - flow.pressure_pa[0, 1] == pytest.approx(lost, rel=1e-9)


@pytest.mark.parametrize("model", range(1, len(CORRELATIONS)))  # nikuradse has a closed form
def test_slopes_of_friction_factors_are_those_of_differences(model):
    for re in (5.0, 900.0, 2400.0, 3500.0, 5e3, 2e5, 1e7):
        factor, bend = friction(model, re, 1e-3 / 3.71)
        higher, _ = friction(model, re * (1 + 1e-6), 1e-3 / 3.71)
        lower, _ = friction(model, re * (1 - 1e-6), 1e-3 / 3.71)
        assert bend == pytest.approx((higher - lower) / 2e-6, rel=1e-3, abs=1e-7)
        assert factor > 0


def test_friction_is_continuous_where_laminar_ends():
    for model, name in enumerate(CORRELATIONS):
        if name in {"nikuradse", "prandtl_colebrook"}:
            continue
        for edge in (2000.0, 4000.0):
            below, _ = friction(model, edge * (1 - 1e-9), 1e-4)
            above, _ = friction(model, edge * (1 + 1e-9), 1e-4)
            assert above == pytest.approx(below, rel=1e-6)


def test_many_cases_in_one_call_equal_each_alone():
    rng = np.random.default_rng(4)
    ready = prepare(ring(), METHANE)
    loads = np.array(LOADS) * rng.uniform(0.0, 2.0, (20, 5))
    together = solve(ready, loads)
    for case in range(20):
        alone = solve(ready, loads[case])
        assert together.pressure_pa[case] == pytest.approx(alone.pressure_pa[0], abs=1e-2)
    warm = solve(ready, loads[7], start=together)
    assert warm.pressure_pa[0] == pytest.approx(together.pressure_pa[7], abs=1e-2)


def test_given_pressures_may_change_from_case_to_case():
    ready = prepare(ring(), METHANE)
    both = solve(ready, [LOADS, LOADS], source_pa=[[3e5], [2.5e5]])
    alone = solve(prepare(ring(source_pa=np.array([2.5e5])), METHANE), LOADS)
    assert both.pressure_pa[1] == pytest.approx(alone.pressure_pa[0], abs=1e-2)


def test_no_load_and_almost_none_are_solved():
    level = ring(height_m=np.zeros(5))
    flow = solve(prepare(level, METHANE), [np.zeros(5), np.full(5, 1e-9)])
    assert flow.feasible().all()
    assert flow.pressure_pa == pytest.approx(3e5, abs=1e-2)


def test_asking_too_much_names_who_starves():
    ready = prepare(ring(), METHANE)
    flow = solve(ready, np.array(LOADS) * 40)
    assert flow.settled.all()
    assert not flow.feasible().any()
    starved = flow.starved()[0]
    assert starved[4]
    assert not starved[0]
    assert solve(ready, LOADS).feasible(least_pa=2e5).all()
    assert not solve(ready, LOADS).feasible(least_pa=2.999e5).any()


def test_a_closed_valve_cuts_off_and_says_so():
    kind = np.zeros(5, dtype=np.int8)
    kind[4] = VALVE
    is_open = np.array([True, True, True, True, False])
    flow = solve(prepare(ring(kind=kind, open=is_open), METHANE), LOADS)
    assert np.isnan(flow.pressure_pa[0, 4])
    assert flow.starved()[0].tolist() == [False, False, False, False, True]
    assert flow.flow_kg_s[0, 4] == 0.0
    idle = [0.0, 0.02, 0.03, 0.01, 0.0]
    assert solve(prepare(ring(kind=kind, open=is_open), METHANE), idle).feasible().all()


def test_sensitivity_is_that_of_differences():
    ready = prepare(ring(), METHANE)
    base = solve(ready, LOADS)
    slopes = sensitivity(ready, base, np.array([2, 4, 0]))
    for node in range(1, 5):
        more = np.array(LOADS)
        more[node] += 1e-6
        change = (solve(ready, more, start=base).pressure_pa[0] - base.pressure_pa[0]) / 1e-6
        assert slopes[:2, node] == pytest.approx(change[[2, 4]], rel=2e-3)
    assert not slopes[2].any()


def test_a_pump_lifts_by_its_curve():
    curve = np.array([[2e5, 0.0, -1e9], [0.0, 0.0, 0.0]])
    flow = solve(prepare(one_pipe(PUMP, curve=curve), WATER), [0.0, 0.0, 8.0])
    assert flow.pressure_pa[0, 1] == pytest.approx(7e5 - 1e9 * 0.008**2, abs=1.0)


def test_a_regulator_holds_its_outlet_and_opens_when_it_cannot():
    setting = np.array([2e5, np.nan])
    held = solve_controlled(one_pipe(REGULATOR, setting=setting), METHANE, [0.0, 0.0, 0.05])
    assert held.pressure_pa[0, 1] == pytest.approx(2e5)
    assert held.flow_kg_s[0, 0] == pytest.approx(0.05)
    weak = one_pipe(REGULATOR, setting=np.array([6e5, np.nan]))
    wide = solve_controlled(weak, METHANE, [0.0, 0.0, 0.05])
    assert wide.settled.all()
    assert wide.pressure_pa[0, 1] == pytest.approx(5e5, rel=1e-6)


def test_a_compressor_multiplies_and_a_check_valve_lets_nothing_back():
    setting = np.array([1.2, np.nan])
    lifted = solve_controlled(one_pipe(COMPRESSOR, setting=setting), METHANE, [0.0, 0.0, 0.05])
    assert lifted.pressure_pa[0, 1] == pytest.approx(6e5)
    two = one_pipe(CHECK_VALVE, sources=np.array([0, 2]), source_pa=np.array([3e5, 5e5]))
    flow = solve_controlled(two, METHANE, [0.0, 0.01, 0.0])
    assert flow.flow_kg_s[0, 0] == 0.0
    assert flow.flow_kg_s[0, 1] == pytest.approx(-0.01)


def test_water_weighs_and_flows_as_in_the_tables():
    assert water_density(20.0) == pytest.approx(998.2, abs=0.1)
    assert water_density(90.0) == pytest.approx(965.3, abs=0.3)
    assert water_viscosity(20.0) == pytest.approx(1.002e-3, rel=0.02)
    assert water_expansion(60.0) == pytest.approx(5.2e-4, rel=0.03)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"diameter_m": np.array([0.1, 0.0])}, "'p1' has a diameter of 0.0 m"),
        ({"length_m": np.array([-1.0, 10.0])}, "'p0' has a length of -1.0 m"),
        ({"sources": np.array([], dtype=int)}, "no source"),
        ({"source_pa": np.array([-2e5])}, "expected an absolute pressure"),
    ],
)
def test_a_network_that_cannot_be_solved_says_why(changes, said):
    from lifeline_kit.methods.hydraulics import check_network

    with pytest.raises(NetworkError, match=said):
        check_network(one_pipe(**changes))


def test_a_loop_without_a_source_is_named():
    with pytest.raises(NetworkError, match="'n3' and 2 more lie in a part without a source"):
        pipes(
            np.array([0, 1, 3, 4, 5]),
            np.array([1, 2, 4, 5, 3]),
            length_m=10.0,
            diameter_m=0.1,
            roughness_m=1e-4,
            sources=np.array([0]),
            source_pa=2e5,
        )


def test_wrong_loads_and_words_are_refused():
    ready = prepare(one_pipe(), METHANE)
    with pytest.raises(NetworkError, match="expected a number for each of the 3 nodes"):
        solve(ready, [0.0, np.nan, 1.0])
    with pytest.raises(NetworkError, match="friction 'moody' is not known"):
        prepare(one_pipe(), METHANE, friction="moody")
    with pytest.raises(NetworkError, match="call solve_controlled"):
        prepare(one_pipe(REGULATOR), METHANE)
    twice = one_pipe(
        REGULATOR,
        setting=np.array([2e5, np.nan]),
        sources=np.array([0, 1]),
        source_pa=np.array([3e5, 2e5]),
    )
    with pytest.raises(NetworkError, match="'n1' is given twice"):
        solve_controlled(twice, METHANE, [0.0, 0.0, 0.0])
