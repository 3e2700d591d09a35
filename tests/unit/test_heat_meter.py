"""Heat meters and substations: signature, counter, excess flow, named faults."""

import dataclasses

import numpy as np
import pytest

from lifeline_kit.errors import InputError
from lifeline_kit.lifelines.heating.substations import (
    FAULTS,
    energy_signatures,
    excess_cost,
    finder,
    judge_substations,
    rank_peers,
    substation_faults,
)
from lifeline_kit.methods.criticality import (
    criticality,
    earliness,
    event_f_beta,
    first_reached,
)
from lifeline_kit.methods.heat_meter import (
    WATER_KWH_PER_M3_K,
    Meters,
    excess_flow,
    meter_residuals,
    peer_deviation,
)
from lifeline_kit.methods.robust import fit_signature, huber_fit

HOUR = np.timedelta64(1, "h")
HOURS = 80 * 24
REFERENCE = np.arange(HOURS) < 50 * 24
ONSET = 60 * 24


def network(n: int = 8, seed: int = 5) -> Meters:
    """Build sound meters: weather-led supply, return with load, 1 % noise."""
    rng = np.random.default_rng(seed)
    hour = np.arange(HOURS)
    outdoor = 2.0 + 4.0 * np.sin(hour / 90.0) + 3.0 * np.sin(2 * np.pi * (hour - 9) / 24)
    size = rng.uniform(40.0, 200.0, (n, 1))
    load = (18.0 - outdoor) / 25.0 * (1.0 + 0.15 * np.sin(2 * np.pi * hour / 24))
    load = load * (1.0 + 0.04 * rng.standard_normal((n, HOURS)))
    supply = 80.0 - 0.8 * outdoor + rng.uniform(-2, 0, (n, 1)) + rng.normal(0, 0.2, (n, HOURS))
    back = 28.0 + 14.0 * load + rng.uniform(-2, 2, (n, 1)) + rng.normal(0, 0.3, (n, HOURS))
    heat = size * load
    flow = heat / (WATER_KWH_PER_M3_K * (supply - back))
    start = np.datetime64("2025-11-03T00", "ms")
    return Meters(
        time=start + hour * HOUR, outdoor=outdoor, supply=supply, back=back, flow=flow, heat=heat
    )


def named(meters: Meters) -> dict[str, str]:
    names = [f"s{row}" for row in range(len(meters.supply))]
    found = substation_faults(judge_substations(meters, REFERENCE), meters, names)
    return dict(zip(found["substation"], found["fault"], strict=True))


def changed(meters: Meters, **channels: np.ndarray) -> Meters:
    """Replace channels of meter 2 from the onset on."""
    new = {}
    for name, values in channels.items():
        table = getattr(meters, name).copy()
        table[2, ONSET:] = values
        new[name] = table
    return dataclasses.replace(meters, **new)


def test_a_signature_finds_its_change_point_through_outliers():
    outdoor = np.linspace(-10.0, 25.0, 120)
    heat = 20.0 + 5.0 * np.maximum(15.0 - outdoor, 0.0)
    heat[::12] += 400.0
    line = fit_signature(outdoor, heat)
    assert line.change_c == pytest.approx(15.0, abs=0.5)
    assert line.slope == pytest.approx(5.0, rel=0.03)
    assert line.base == pytest.approx(20.0, abs=2.0)
    assert line.expected(np.array([20.0, 5.0])) == pytest.approx([20.0, 70.0], abs=3.0)


def test_a_signature_never_rises_with_warmth_and_says_when_data_are_few():
    outdoor = np.linspace(-5, 20, 40)
    assert fit_signature(outdoor, 10.0 + outdoor).slope == 0.0
    with pytest.raises(InputError, match="at least 10 readings"):
        fit_signature(outdoor[:5], outdoor[:5])
    with pytest.raises(InputError, match="give a longer reference"):
        huber_fit(np.ones((2, 3)), np.ones(2))


def test_huber_equals_least_squares_without_outliers_and_ignores_them_otherwise():
    rng = np.random.default_rng(0)
    design = np.stack([np.ones(200), rng.standard_normal(200)], axis=1)
    target = design @ [3.0, -2.0] + 0.01 * rng.standard_normal(200)
    target[:10] += 50.0
    assert huber_fit(design, target) == pytest.approx([3.0, -2.0], abs=0.02)


def test_the_counter_rises_falls_stands_still_and_never_goes_below_zero():
    raised = np.array([0, 1, 1, 0, 0, 0, 0, 1, 1, 1], dtype=bool)
    assert criticality(raised).tolist() == [0, 1, 2, 1, 0, 0, 0, 1, 2, 3]
    judged = np.array([1, 1, 1, 0, 0, 0, 1, 1, 1, 1], dtype=bool)
    assert criticality(raised, judged).tolist() == [0, 1, 2, 2, 2, 2, 1, 2, 3, 4]
    assert first_reached(criticality(raised), 3) == 9
    assert first_reached(criticality(raised), 4) is None


def test_event_score_and_earliness_by_hand():
    assert event_f_beta(8, 2, 1) == pytest.approx(1.25 * 8 / (1.25 * 8 + 0.25 * 2 + 1))
    assert event_f_beta(0, 0, 0) == 0.0
    assert [earliness(h) for h in (None, -5.0, 12.0, 90.0)] == [0.0, 0.0, 0.5, 1.0]


def test_excess_flow_by_hand():
    # 100 kW at 45 K need 1.956 m3/h
    flow, heat = np.array([3.0]), np.array([100.0])
    over = excess_flow(flow, heat, reference_cooling_k=45.0)
    assert over == pytest.approx([3.0 - 1.956], abs=1e-3)
    with pytest.raises(InputError, match="above 0 K"):
        excess_flow(flow, heat, reference_cooling_k=0.0)
    meters = network()
    cost = excess_cost(meters, 0, np.arange(24))
    assert cost["excess_kwh"] == pytest.approx(max(cost["excess_m3"], 0.0) * 0.35)


def test_sound_substations_are_left_alone():
    meters = network()
    judged = judge_substations(meters, REFERENCE)
    assert judged.raised[:, 50 * 24 :].mean() < 0.02
    assert named(meters) == {}


@pytest.mark.parametrize(
    ("fault", "build"),
    [
        ("poor_cooling", lambda m: {"back": m.back[2, ONSET:] + 5.0}),
        ("return_sensor_offset", lambda m: {"back": m.back[2, ONSET:] - 5.0}),
        ("supply_sensor_offset", lambda m: {"supply": m.supply[2, ONSET:] + 5.0}),
        (
            "sensor_swap",
            lambda m: {
                "supply": m.back[2, ONSET:],
                "back": m.supply[2, ONSET:],
                "heat": -m.heat[2, ONSET:],
            },
        ),
        (
            "valve_stuck_shut",
            lambda m: {"heat": 0.65 * m.heat[2, ONSET:], "flow": 0.65 * m.flow[2, ONSET:]},
        ),
        (
            "hunting",
            lambda m: {
                "flow": m.flow[2, ONSET:] * (1 + 0.4 * (-1.0) ** np.arange(HOURS - ONSET)),
            },
        ),
    ],
)
def test_a_fault_is_found_at_its_own_substation_and_named(fault: str, build):
    meters = network()
    found = named(changed(meters, **build(meters)))
    assert found == {"s2": fault}
    assert found["s2"] in FAULTS


def test_what_all_substations_do_at_once_is_nobodys_fault():
    meters = network()
    colder = meters.heat.copy()
    colder[:, ONSET:] *= 0.75  # a holiday
    flow = colder / (WATER_KWH_PER_M3_K * (meters.supply - meters.back))
    found = named(dataclasses.replace(meters, heat=colder, flow=flow))
    assert len(found) <= 1


def test_a_lone_substation_is_judged_by_its_own_signature():
    meters = network(1)
    less = meters.heat.copy()
    less[0, ONSET:] *= 0.3
    judged = judge_substations(dataclasses.replace(meters, heat=less), REFERENCE)
    assert judged.raised[0, ONSET + 24 :].mean() > 0.9
    assert judge_substations(meters, REFERENCE).raised[0, ONSET:].mean() < 0.1


def test_the_future_never_moves_a_judgement():
    meters = network()
    cut = ONSET + 100
    whole = judge_substations(meters, REFERENCE)
    early = judge_substations(
        Meters(
            time=meters.time[:cut],
            outdoor=meters.outdoor[:cut],
            supply=meters.supply[:, :cut],
            back=meters.back[:, :cut],
            flow=meters.flow[:, :cut],
            heat=meters.heat[:, :cut],
        ),
        REFERENCE[:cut],
    )
    np.testing.assert_allclose(early.score, whole.score[:, :cut], rtol=1e-6, atol=1e-6)


def test_signatures_and_ranks_of_a_network():
    meters = network()
    names = [f"s{row}" for row in range(8)]
    lines = energy_signatures(meters, names)
    assert (lines["slope_kw_per_k"] > 0).all()
    worse = changed(meters, flow=meters.flow[2, ONSET:] * 3.0)
    ranked = rank_peers(worse, names)
    assert ranked.index[0] == "s2"
    assert ranked["excess_m3"].iloc[0] > 0
    assert peer_deviation(np.array([[1.0], [2.0], [3.0]]))[:, 0] == pytest.approx(
        [-1 / 1.4826, 0.0, 1 / 1.4826]
    )


def test_clock_shape_and_reference_are_checked():
    meters = network(2)
    with pytest.raises(InputError, match="even hourly clock"):
        judge_substations(
            dataclasses.replace(meters, time=meters.time + HOUR * (np.arange(HOURS) > 5)),
            REFERENCE,
        )
    with pytest.raises(InputError, match="flow of the meters has shape"):
        judge_substations(dataclasses.replace(meters, flow=meters.flow[:1]), REFERENCE)
    with pytest.raises(InputError, match="one value per time"):
        judge_substations(dataclasses.replace(meters, outdoor=meters.outdoor[1:]), REFERENCE)
    with pytest.raises(InputError, match="longer reference period"):
        meter_residuals(network(4), np.arange(HOURS) < 30, floors=dict(finder().floors))
