"""Temperatures in networks: by hand, balanced, and as the water travels."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifeline_kit.errors import NetworkError
from lifeline_kit.methods.hydraulics.fluids import WATER_HEAT
from lifeline_kit.methods.hydraulics.heat import (
    DENSITY,
    filled,
    insulation_loss,
    pipework,
    steady_temperatures,
    travel,
    wall_share,
)


def test_a_pipe_cools_exponentially_and_nodes_mix():
    head, tail = np.array([0, 1, 2]), np.array([2, 2, 3])
    node, link = steady_temperatures(
        head,
        tail,
        np.array([1.0, 3.0, 4.0]),
        loss_w_k=np.array([100.0, 0.0, 500.0]),
        fed_kg_s=np.array([1.0, 3.0, 0.0, 0.0]),
        fed_c=np.array([80.0, 40.0, np.nan, np.nan]),
        ground_c=10.0,
    )
    first = 10.0 + 70.0 * math.exp(-100.0 / WATER_HEAT)
    mixed = (first + 3 * 40.0) / 4
    assert link[0] == pytest.approx(first)
    assert node[2] == pytest.approx(mixed)
    assert node[3] == pytest.approx(10.0 + (mixed - 10.0) * math.exp(-500.0 / (4 * WATER_HEAT)))


def test_reversed_flow_runs_the_other_way_and_standing_water_is_as_cold_as_the_ground():
    node, link = steady_temperatures(
        np.array([0, 1]),
        np.array([1, 2]),
        np.array([-2.0, 0.0]),
        loss_w_k=np.array([50.0, 50.0]),
        fed_kg_s=np.array([0.0, 2.0, 0.0]),
        fed_c=np.array([0.0, 60.0, 0.0]),
        ground_c=8.0,
    )
    assert node[1] == 60.0
    assert node[0] == pytest.approx(8.0 + 52.0 * math.exp(-50.0 / (2 * WATER_HEAT)))
    assert link[1] == 8.0


def test_water_running_in_a_circle_is_refused():
    with pytest.raises(NetworkError, match="run in a circle"):
        steady_temperatures(
            np.array([0, 1, 2]),
            np.array([1, 2, 0]),
            np.ones(3),
            loss_w_k=np.ones(3),
            fed_kg_s=np.zeros(3),
            fed_c=np.zeros(3),
            ground_c=8.0,
        )


def test_a_front_arrives_when_the_pipe_has_been_emptied_once():
    pipe = one_pipe()
    flow = np.full((40, 1), 1.0)
    fed = np.tile([1.0, 0.0], (40, 1))
    hot = np.tile([80.0, 0.0], (40, 1))
    clock = {"ground_c": 10.0, "start_s": 0.0, "step_s": 60.0}
    _, node = travel(filled(pipe, 40.0), pipe, flow, fed, hot, **clock)
    arrival = DENSITY * pipe.volume_m3[0] / 1.0  # seconds at 1 kg/s
    steps = int(arrival // 60)
    assert (node[: steps - 1, 1] < 41.0).all()
    assert node[steps + 2 :, 1] == pytest.approx(10 + 70 * math.exp(-20.0 / WATER_HEAT), abs=1e-6)


def one_pipe(loss: float = 20.0, wall: float = 0.0):
    return pipework(
        np.array([0]),
        np.array([1]),
        length_m=np.array([100.0]),
        diameter_m=np.array([0.1]),
        loss_w_k=np.array([loss]),
        wall=wall,
    )


def test_standing_water_cools_by_its_time_constant_and_a_wall_slows_it():
    for wall in (0.0, 0.5):
        pipe = one_pipe(wall=wall)
        still, none = np.zeros((10, 1)), np.zeros((10, 2))
        _, node = travel(
            filled(pipe, 70.0), pipe, still, none, none, ground_c=10.0, start_s=0.0, step_s=600.0
        )
        tau = DENSITY * math.pi * 0.1**2 / 4 * 100 * WATER_HEAT / 20.0 * (1 + wall)
        assert node[9, 1] == pytest.approx(10 + 60 * math.exp(-9.5 * 600 / tau))


def test_a_wall_does_not_change_the_steady_state():
    ends = []
    for wall in (0.0, 0.7):
        pipe = one_pipe(wall=wall)
        fed, hot = np.tile([0.5, 0.0], (300, 1)), np.tile([80.0, 0.0], (300, 1))
        _, node = travel(
            filled(pipe, 40.0),
            pipe,
            np.full((300, 1), 0.5),
            fed,
            hot,
            ground_c=10.0,
            start_s=0.0,
            step_s=60.0,
        )
        ends.append(node[-1, 1])
    assert ends[0] == pytest.approx(ends[1], abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    flows=st.lists(st.floats(-3.0, 3.0), min_size=1, max_size=60),
    temperature=st.floats(20.0, 95.0),
)
def test_no_heat_is_lost_or_made_whichever_way_the_water_runs(flows, temperature):
    pipe = one_pipe(loss=0.0)
    flow = np.array(flows)[:, None]
    fed = np.c_[np.maximum(flow[:, 0], 0.0), np.maximum(-flow[:, 0], 0.0)]
    hot = np.full(fed.shape, temperature)
    queues, node = travel(
        filled(pipe, 40.0), pipe, flow, fed, hot, ground_c=10.0, start_s=0.0, step_s=30.0
    )
    moved = np.where(flow[:, 0] > 0, node[:, 1], node[:, 0])
    inside = sum(queues.volume[0, k] * queues.entered_c[0, k] for k in range(int(queues.count[0])))
    fed_in = (np.abs(flow[:, 0]) * 30.0 / DENSITY * temperature).sum()
    gone = (np.abs(flow[:, 0]) * 30.0 / DENSITY * moved).sum()
    assert inside == pytest.approx(pipe.volume_m3[0] * 40.0 + fed_in - gone, rel=1e-9)
    assert queues.volume[0, : queues.count[0]].sum() == pytest.approx(pipe.volume_m3[0], rel=1e-9)


def test_cutting_a_run_in_two_changes_nothing():
    pipe = one_pipe()
    rng = np.random.default_rng(3)
    flow = rng.uniform(0.0, 2.0, (50, 1))
    fed, hot = np.c_[flow, np.zeros(50)], np.c_[rng.uniform(50, 90, 50), np.zeros(50)]
    clock = {"ground_c": 10.0, "step_s": 60.0}
    _, whole = travel(filled(pipe, 40.0), pipe, flow, fed, hot, start_s=0.0, **clock)
    half, first = travel(
        filled(pipe, 40.0), pipe, flow[:20], fed[:20], hot[:20], start_s=0.0, **clock
    )
    _, second = travel(half, pipe, flow[20:], fed[20:], hot[20:], start_s=1200.0, **clock)
    assert np.array_equal(np.r_[first, second], whole)


def test_insulation_and_walls_by_hand():
    assert insulation_loss(0.05, 0.045, 0.035) == pytest.approx(
        2 * math.pi * 0.035 / math.log(0.07 / 0.025)
    )
    ring = math.pi * (0.0151**2 - 0.0125**2) * 7850 * 470
    assert wall_share(0.025, 0.0026) == pytest.approx(
        ring / (math.pi * 0.0125**2 * DENSITY * WATER_HEAT), rel=1e-3
    )
