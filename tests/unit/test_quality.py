"""Quality tests on series by hand, flags of a whole city, health of sensors."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from oracles.hand import at, city_of, minutes, one_sensor, sensor_table

from lifeline_kit.lifelines import ALL
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import (
    ATTENUATED,
    FAIL,
    FLAT_LINE,
    FUTURE,
    GAP,
    MISSING,
    PASS,
    RANGE_FAIL,
    RANGE_SUSPECT,
    RATE,
    SPIKE,
    SUSPECT,
    Flat,
    dense_node,
    flatten,
    nodes,
    ragged_node,
)
from lifeline_kit.quality import flag_city, kernel, sensor_health, sensor_health_findings
from lifeline_kit.quality.clock import ahead_of
from lifeline_kit.quality.flags import flag_of, sensor_limits, sparse_flags

NAN = np.nan
LATER = at(1000).to_datetime64()


def flat_of(*values: list[float], step_min: float = 60.0) -> Flat:
    """Sensors one after another, each starting at the same hour."""
    sizes = [len(each) for each in values]
    time = np.concatenate([minutes(size, step_min) for size in sizes])
    ids = np.array([f"s{i}" for i in range(len(values))])
    return flatten(ragged_node("pressure", ids, np.array(sizes), time, np.concatenate(values)))


def limits_of(sensors: int, **limits: float | list[float]) -> np.ndarray:
    table = np.full((sensors, len(kernel.COLUMNS)), NAN)
    table[:, kernel.FLAT_RANGE] = 0.0
    for name, limit in limits.items():
        table[:, kernel.COLUMNS.index(name)] = limit
    return table


def bits(flat: Flat, bit: int, **limits: float | list[float]) -> list[int]:
    """Positions whose mask carries a bit."""
    tests = kernel.screen(flat, limits_of(flat.sensors.size, **limits)).tests
    return hit(tests & bit)


def hit(result: np.ndarray) -> list[int]:
    return np.flatnonzero(result).tolist()


def test_outside_takes_each_sensors_own_limits() -> None:
    flat = flat_of([0, 5, 10], [0, 5, 10])
    limits = {"fail_low": [1.0, NAN], "fail_high": [10.0, 4.0]}
    assert bits(flat, RANGE_FAIL, **limits) == [0, 4, 5]


def test_a_spike_stands_out_over_both_neighbours() -> None:
    one, edge, both = [1, 1, 9, 1, 1], [1, 1, 9, 9, 9], [1, 9, 1, -9, 1]
    flat = flat_of(one, edge, both)
    assert bits(flat, SPIKE, spike=5.0) == [2, 11, 13]
    assert bits(flat, SPIKE, spike=NAN) == []


def test_no_spike_across_the_border_of_two_sensors() -> None:
    flat = flat_of([1, 1, 9], [1, 1, 1])
    assert bits(flat, SPIKE, spike=5.0) == []


def test_rate_is_per_hour() -> None:
    quarter = flat_of([0, 1, 1, 3], step_min=15)
    assert bits(quarter, RATE, rate_s=7.0 / 3600) == [3]
    assert bits(flat_of([0, 1, 1, 3]), RATE, rate_s=1.5 / 3600) == [3]


def test_two_readings_of_one_stamp_are_no_crash() -> None:
    flat = flat_of([0, 5, 5], step_min=0.0)
    assert bits(flat, RATE, rate_s=1.0) == [1]


def test_flat_line_is_known_only_once_it_has_lasted() -> None:
    flat = flat_of([1, 5, 5, 5, 5, 2], [5, 5, 5, 5, 5, 5])
    assert bits(flat, FLAT_LINE, flat_s=[10_800.0, 18_000.0]) == [4, 11]
    assert bits(flat, FLAT_LINE, flat_s=NAN) == []


def test_an_attenuated_signal_still_moves_but_hardly() -> None:
    value = 5 + 0.1 * np.sin(np.arange(30))
    value[:8] += np.arange(8)
    flat = flat_of(value.tolist(), [5.0] * 30)
    limits = {"attenuated_s": 6 * 3600.0, "attenuated_range": 0.5}
    assert bits(flat, ATTENUATED, **limits) == [*range(14, 30), *range(36, 60)]
    assert bits(flat, FLAT_LINE, flat_s=6 * 3600.0) == list(range(36, 60))


def test_gap_marks_the_first_reading_after_it() -> None:
    time = minutes(8, 15)[[0, 1, 4, 7]]
    flat = flatten(ragged_node("pressure", np.array(["a"]), np.array([4]), time, np.ones(4)))
    assert bits(flat, GAP, gap_s=2700.0) == []
    assert bits(flat, GAP, gap_s=2400.0) == [2, 3]


def test_a_clock_that_runs_ahead_is_not_trusted_at_all() -> None:
    flat = flat_of([1] * 6, [1] * 8)
    assert hit(ahead_of(flat, minutes(6, 60)[4])) == [5, 11, 12, 13]
    assert hit(ahead_of(flat, minutes(6, 60)[3])) == [4, 5, *range(6, 14)]


def test_empty_runs_pass_every_test() -> None:
    flat = flat_of([], [])
    assert kernel.screen(flat, limits_of(2, spike=1.0, flat_s=1.0, gap_s=1.0)).tests.size == 0
    assert ahead_of(flat, LATER).size == 0


def test_flags_follow_the_gravest_test() -> None:
    masks = np.array([0, GAP, RANGE_SUSPECT, SPIKE, FLAT_LINE, RANGE_FAIL | SPIKE, FUTURE])
    assert flag_of(masks).tolist() == [PASS, PASS, SUSPECT, SUSPECT, SUSPECT, FAIL, FAIL]


def test_both_forms_of_a_node_get_the_same_flags() -> None:
    value = np.array([300, 300, 2000, 300, NAN, NAN, NAN, NAN, 300, 1300, 500, 300.0])
    time = minutes(12)
    thick = one_sensor(time, value)
    present = ~np.isnan(value)
    node = ragged_node("pressure", np.array(["s0"]), [present.sum()], time[present], value[present])
    thin = city_of({"pressure/15min": node}, thick.assets, thick.sensors)
    one, other = (
        dict(nodes(flag_city(city, ALL, LATER).readings))["pressure/15min"]
        for city in (thick, thin)
    )
    for name in ("flag", "tests"):
        assert one[name].to_numpy()[0, present].tolist() == other[name].to_numpy().tolist()
    assert one["flag"].to_numpy()[0].tolist() == [1, 1, 4, 1, 9, 9, 9, 9, 1, 4, 1, 1]
    assert one["tests"].to_numpy()[0, 8] == GAP
    assert one["value"].to_numpy()[0, 2] == 2000  # raw values stay
    assert one["flag"].dtype == np.uint8
    assert one["tests"].dtype == np.uint16


def test_missing_is_missing() -> None:
    city = flag_city(one_sensor(minutes(3), [1, NAN, 3]), ALL, LATER)
    node = dict(nodes(city.readings))["pressure/15min"]
    assert (node["flag"].to_numpy() == MISSING).tolist() == [[False, True, False]]
    assert node["tests"].to_numpy()[0, 1] == 0


def test_a_sensors_span_narrows_the_limits_of_its_measure(tiny_city: City) -> None:
    sensors = tiny_city.sensors.copy()
    sensors.loc["p2", ["range_min", "range_max"]] = [-50.0, 5000.0]
    sensors.loc["m1", ["range_min", "range_max"]] = np.nan
    limits = sensor_limits(sensors, ALL)
    assert limits.loc["p1", ["fail_low", "fail_high"]].tolist() == [0.0, 1000.0]
    assert limits.loc["p2", ["fail_low", "fail_high"]].tolist() == [0.0, 1600.0]
    assert limits.loc["m1", ["fail_low", "fail_high"]].tolist() == [-0.5, 100.0]
    fast = sensor_limits(sensors.assign(interval_s=0.01), ALL)
    assert fast[["spike", "rate", "flat_h"]].isna().all(axis=None)


def test_sparse_flags_list_what_did_not_pass() -> None:
    city = flag_city(one_sensor(minutes(4), [1.5, 300, NAN, 2000]), ALL, LATER)
    bad = sparse_flags(city)
    assert bad["value"].tolist() == [1.5, 2000]
    assert bad["flag"].tolist() == [SUSPECT, FAIL]
    assert bad["time"].tolist() == pd.DatetimeIndex(minutes(4)[[0, 3]]).tolist()
    assert (bad["sensor"] == "s0").all()


def _states(values: np.ndarray, now: np.datetime64) -> pd.DataFrame:
    assets = one_sensor(minutes(2), [1, 1]).assets
    sensors = sensor_table(assets, *({} for _ in range(len(values) + 1)))
    ids = np.array([f"s{i}" for i in range(len(values))])
    node = dense_node("pressure", ids, minutes(values.shape[1]), values)
    city = flag_city(city_of({"pressure/15min": node}, assets, sensors), ALL, now)
    return sensor_health(city, now)


def test_health_counts_what_came_of_what_should_have() -> None:
    values = 300 + np.arange(32.0).reshape(4, 8)
    values[1, ::2] = NAN
    values[2, 4:] = NAN
    values[3] = NAN
    state = _states(values, minutes(8)[7])
    assert state["expected"].tolist() == [8, 8, 8, 8, 1]
    assert state["n"].tolist() == [8, 4, 4, 0, 0]
    assert state["completeness"].tolist() == [1.0, 0.5, 0.5, 0.0, 0.0]
    assert state["online"].tolist() == [True, True, False, False, False]
    assert state["last"].isna().tolist() == [False, False, False, True, True]


def test_good_is_the_share_that_passed() -> None:
    assert _states(np.array([[300, 1300, 301, 302.0]]), minutes(4)[3])["good"].iloc[0] == 0.75


def test_an_event_sensor_is_not_more_than_complete() -> None:
    time = minutes(100, 1)
    city = one_sensor(time, np.arange(100) + 300.0)
    state = sensor_health(flag_city(city, ALL, time[-1]), time[-1])
    assert state.loc["s0", ["n", "expected", "completeness"]].tolist() == [7, 7, 1.0]


def test_findings_on_sensors_say_what_and_since_when() -> None:
    rng = np.random.default_rng(0)
    value = 300 + rng.normal(0, 1, 200)
    value[100:160] = 300.0  # stuck for 15 h
    value[180:] = NAN
    city = one_sensor(minutes(200), value)
    now = minutes(200)[-1]
    flagged = flag_city(city, ALL, now)
    found = sensor_health_findings(flagged, sensor_health(flagged, now), sparse_flags(flagged))
    assert set(found["rule"]) == {"offline", "flat_line"}
    assert found["health"].all()
    assert (found["level"] == 0).all()
    stuck, off = (found[found["rule"] == rule].iloc[0] for rule in ("flat_line", "offline"))
    assert stuck["since"] == pd.Timestamp(minutes(200)[148])
    assert off["since"] == pd.Timestamp(minutes(200)[179]) + pd.Timedelta("45min")
    assert "2026-10-06 20:45" in off["evidence_en"]
    assert "2026-10-06 20:45" in off["evidence_zh"]


@pytest.mark.parametrize(("outliers", "said"), [(2, False), (3, True)])
def test_a_single_value_out_of_span_is_no_fault_of_the_sensor(outliers: int, said: bool) -> None:
    value = 300 + np.arange(50.0)
    value[5 : 5 + outliers] = 5000
    flagged = flag_city(one_sensor(minutes(50), value), ALL, LATER)
    bad = sensor_health_findings(flagged, sensor_health(flagged, LATER), sparse_flags(flagged))
    assert ("range_fail" in set(bad["rule"])) == said


def test_flagging_leaves_the_callers_city_alone(tiny_city: City) -> None:
    before = tiny_city.readings.copy(deep=True)
    flag_city(tiny_city, ALL, LATER)
    assert isinstance(before, xr.DataTree)
    assert tiny_city.readings.identical(before)
