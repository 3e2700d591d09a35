"""Declared rules on hand-made series."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from oracles.hand import BEGIN, asset_table, at, city_of, minutes, one_sensor, sensor_table

from lifeline_kit.lifelines import ALL
from lifeline_kit.methods.rules import SEVERITY, apply_rules, utc_offset
from lifeline_kit.model.city import City
from lifeline_kit.model.lifeline import Rule
from lifeline_kit.model.readings import dense_node, ragged_node
from lifeline_kit.quality import (
    flag_city,
    sensor_health,
    sensor_health_findings,
    sparse_flags,
)
from lifeline_kit.text import Text

DAYS = 10


def rule(test: str, levels: Mapping[int, float], **changes: object) -> Rule:
    entry = {"quantity": "pressure", "source": "by hand", "title": Text("规则", "Rule")}
    return Rule(key=f"x.{test}", test=test, levels=levels, **(entry | changes))


def applied(city: City, one: Rule, now: pd.Timestamp | None = None) -> pd.DataFrame:
    now = at(1000) if now is None else now
    return apply_rules(flag_city(city, ALL, at(1000).to_datetime64()), "water", [one], now)


def quarter_hours(days: int = DAYS) -> tuple[np.ndarray, np.ndarray]:
    """Clock and hours since its beginning."""
    time = minutes(days * 96)
    return time, (time - BEGIN) / np.timedelta64(1, "h")


def moving(time: np.ndarray) -> np.ndarray:
    """300 kPa that moves a little, so that it is not stuck."""
    return 300 + np.random.default_rng(1).normal(0, 0.5, time.size)


def test_above_gives_a_finding_that_can_be_followed() -> None:
    time, hours = quarter_hours(2)
    value = moving(time) + np.where((hours >= 30) & (hours < 33), 400, 0)
    found = applied(one_sensor(time, value), rule("above", {4: 600.0, 3: 690.0, 1: 900.0}))
    (row,) = found.to_dict("records")
    assert found.index.tolist() == ["x.above:s0:2026-10-06T06:00:00"]
    assert (row["lifeline"], row["asset"], row["sensor"]) == ("water", "A0", "s0")
    assert (row["level"], row["severity"], row["limit"], row["unit"]) == (
        3,
        SEVERITY[3],
        690,
        "kPa",
    )
    assert row["since"] == at(hours=30)
    assert row["until"] == at(hours=33.75)
    assert (row["rule"], row["method"], row["source"]) == ("x.above", "above", "by hand")
    assert not row["verified"]
    assert row["real_or_simulated"] == "simulated"
    peak = f"{row['value']:.4g} kPa"
    assert f"reached {peak} (extreme 10-06 " in row["evidence_en"]
    assert "limit of level III 690 kPa" in row["evidence_en"]
    assert f"达到 {peak}" in row["evidence_zh"]
    assert "III 级限值 690 kPa" in row["evidence_zh"]


def test_evidence_is_told_in_the_citys_own_time() -> None:
    time = minutes(96)
    value = moving(time)
    value[40:50] = 700 + np.arange(10)
    city = one_sensor(time, value).with_(time_zone="Asia/Shanghai")
    (row,) = applied(city, rule("above", {4: 600.0})).to_dict("records")
    assert row["since"] == at(hours=10)
    assert "extreme 10-05 20:15" in row["evidence_en"]


def test_below_is_told_with_its_own_sign() -> None:
    time, hours = quarter_hours(2)
    value = moving(time) - np.where(hours >= 40, 250, 0)
    (row,) = applied(one_sensor(time, value), rule("below", {4: 140.0, 3: 30.0})).to_dict("records")
    assert (row["level"], row["limit"]) == (4, 140.0)
    assert 40 < row["value"] < 60
    assert pd.isna(row["until"])
    assert "fell to" in row["evidence_en"]


def test_nothing_after_the_moment_is_looked_at() -> None:
    time, hours = quarter_hours(2)
    value = moving(time) + np.where(hours >= 30, 400, 0)
    city, one = one_sensor(time, value), rule("above", {4: 600.0})
    assert len(applied(city, one, at(hours=29.75))) == 0
    assert len(applied(city, one, at(hours=30))) == 1


@pytest.mark.parametrize("peak", [1900.0, 700.0])
def test_readings_out_of_span_and_spikes_never_enter(peak: float) -> None:
    time, _ = quarter_hours(2)
    value = moving(time)
    value[100 if peak == 700 else slice(100, 110)] = peak
    assert len(applied(one_sensor(time, value), rule("above", {4: 600.0}))) == 0


def test_a_stuck_value_stops_counting_once_it_is_known_to_be_stuck() -> None:
    time, hours = quarter_hours(3)
    value = np.where(hours < 24, moving(time), 650.0)
    (row,) = applied(one_sensor(time, value), rule("above", {4: 600.0})).to_dict("records")
    assert row["since"] == at(hours=24)
    frozen = np.full(time.size, 650.0)
    frozen[:50] = moving(time)[:50]
    late = rule("above", {4: 600.0}, on_delay_min=13 * 60)
    assert len(applied(one_sensor(time, frozen), late)) == 0  # stuck after 12 h


def test_limits_relative_to_the_design_of_each_sensor() -> None:
    time = minutes(96)
    assets = asset_table({}, {}, {})
    sensors = sensor_table(assets, {"limit_high": 250.0}, {"limit_high": 400.0}, {})
    cube = np.stack([moving(time)] * 3)
    node = dense_node("pressure", np.array(["s0", "s1", "s2"]), time, cube)
    city = city_of({"pressure/15min": node}, assets, sensors)
    one = rule("above", {4: 1.0, 3: 1.1}, relative_to="limit_high")
    found = applied(city, one)
    assert found["sensor"].tolist() == ["s0"]
    assert found["limit"].tolist() == pytest.approx([275.0])
    without = city.with_(sensors=sensors.drop(columns="limit_high"))
    assert len(applied(without, one)) == 0


def test_kinds_narrow_a_rule() -> None:
    time = minutes(96)
    city = one_sensor(time, moving(time) + 400)
    assert len(applied(city, rule("above", {4: 600.0}, kinds=("pipe",)))) == 1
    assert len(applied(city, rule("above", {4: 600.0}, kinds=("plant",)))) == 0


def test_rise_within_the_window() -> None:
    time, hours = quarter_hours(1)
    value = moving(time) + np.clip(hours - 10, 0, 5) * 20
    (row,) = applied(
        one_sensor(time, value), rule("rise", {4: 30.0}, window_h=2.0, sign="up")
    ).to_dict("records")
    assert at(hours=11) < row["since"] <= at(hours=12)
    assert 36 < row["value"] < 44
    assert "changed within 2 h by" in row["evidence_en"]
    falling = one_sensor(time, 600 - value)
    assert len(applied(falling, rule("rise", {4: 30.0}, window_h=2.0, sign="up"))) == 0
    assert len(applied(falling, rule("rise", {4: 30.0}, window_h=2.0, sign="both"))) == 1


def network(*, apart: bool) -> City:
    """Ten sensors with a daily swing; on the last day all fall by four swings, or one alone."""
    time, hours = quarter_hours()
    rng = np.random.default_rng(5)
    swing = np.linspace(5, 15, 10)[:, None]
    cube = 300 + swing * np.sin(2 * np.pi * hours / 24) + rng.normal(0, 0.3, (10, time.size))
    fallen = hours >= 24 * 9 + 12
    cube[slice(3, 4) if apart else slice(None), fallen] -= (4 * swing)[3 if apart else slice(None)]
    assets = asset_table(*({} for _ in range(10)))
    ids = np.array([f"s{i}" for i in range(10)])
    node = dense_node("pressure", ids, time, cube)
    return city_of({"pressure/15min": node}, assets, sensor_table(assets, *({} for _ in range(10))))


RESIDUAL = rule("residual", {4: 6.0, 3: 12.0}, floor=2.0, on_delay_min=45, sign="down")


def test_what_the_whole_network_does_at_once_is_no_fault_of_one_place() -> None:
    assert len(applied(network(apart=False), RESIDUAL)) == 0


def test_one_sensor_that_leaves_its_usual_value_is_named() -> None:
    found = applied(network(apart=True), RESIDUAL)
    assert found["sensor"].tolist() == ["s3"]
    assert found["unit"].tolist() == ["sigma"]
    since = found["since"].iloc[0]
    assert at(9, hours=12.75) <= since <= at(9, hours=13.5)
    assert "left its usual value at that hour by" in found["evidence_en"].iloc[0]
    assert "σ" in found["evidence_zh"].iloc[0]


def test_deviations_below_the_floor_never_count() -> None:
    high = rule("residual", {4: 6.0}, floor=500.0, sign="down")
    assert len(applied(network(apart=True), high)) == 0


def _flow_city(*, ragged: bool) -> City:
    """A night flow of 100 m3/h that stands at 160 from the eighth night on."""
    time, hours = quarter_hours()
    rng = np.random.default_rng(2)
    value = 300 + 200 * np.sin(2 * np.pi * (hours - 9) / 24) + rng.normal(0, 0.5, time.size)
    value += np.where(hours >= 24 * 7, 60, 0)
    unit = {"quantity": "flow", "unit": "m3/h", "clock": "flow/x", "range_max": 1e5}
    city = one_sensor(time, value, **unit)
    ids = np.array(["s0"])
    node = (
        ragged_node("flow", ids, np.array([time.size]), time, value)
        if ragged
        else dense_node("flow", ids, time, value[None])
    )
    return city_of({"flow/x": node}, city.assets, city.sensors)


@pytest.mark.parametrize("ragged", [False, True])
def test_night_flow_is_graded_in_sigma_on_either_clock(ragged: bool) -> None:
    one = rule("night", {4: 6.0}, quantity="flow", sign="up", floor=8.0)
    city = _flow_city(ragged=ragged)
    (row,) = applied(city, one).to_dict("records")
    assert row["unit"] == "sigma"
    assert row["since"] == at(7, hours=5)
    assert len(applied(city, one, at(7, hours=4.5))) == 0  # the night is not over
    assert len(applied(city, one, at(7, hours=5))) == 1


def test_a_shift_is_known_when_its_day_is_over() -> None:
    time, hours = quarter_hours()
    value = moving(time) - np.where(hours >= 24 * 8, 50, 0)
    city, one = one_sensor(time, value), rule("shift", {4: 30.0}, sign="down")
    (row,) = applied(city, one).to_dict("records")
    assert row["since"] == at(9)
    assert len(applied(city, one, at(8, hours=20))) == 0
    assert len(applied(city, one, at(9))) == 1


def test_readings_slower_than_daily_do_not_break_a_residual_rule() -> None:
    time = minutes(30, 7 * 24 * 60)
    city = one_sensor(time, moving(time), interval_s=7 * 86400.0)
    assert len(applied(city, RESIDUAL)) == 0


def test_offset_of_local_time_follows_the_season() -> None:
    winter, summer = np.datetime64("2026-01-01T00:00", "ms"), np.datetime64("2026-07-01", "ms")
    hour = np.timedelta64(1, "h")
    assert utc_offset("Asia/Shanghai", winter) == 8 * hour
    assert utc_offset("Europe/Berlin", winter) == hour
    assert utc_offset("Europe/Berlin", summer) == 2 * hour


def test_a_silent_sensor_is_a_matter_of_the_device_alone() -> None:
    time, hours = quarter_hours(2)
    heard = (hours < 20) | (hours >= 26)
    one = rule("offline", {4: 3.0}, unit="interval", off_delay_min=30)
    city = one_sensor(time[heard], moving(time)[heard])
    (row,) = applied(city, one, at(2)).to_dict("records")
    assert row["health"]
    assert row["since"] == at(hours=19.75 + 0.75)  # three intervals after the last reading
    assert row["until"] == at(hours=26.5)
    assert (row["value"], row["limit"], row["unit"], row["level"]) == (25.0, 3.0, "interval", 4)
    assert "no reading for up to 25 intervals (until 10-06 02:00)" in row["evidence_en"]
    assert "最长 25 个采样间隔无读数" in row["evidence_zh"]
    (row,) = applied(city, one, at(hours=24)).to_dict("records")
    assert pd.isna(row["until"])
    assert row["value"] == 17.0
    assert len(applied(city, one, at(hours=20.5))) == 0  # silent for three intervals, not longer


def test_readings_that_are_bad_are_no_silence() -> None:
    time, hours = quarter_hours(2)
    value = np.where((hours >= 20) & (hours < 26), 1900.0, moving(time))
    assert len(applied(one_sensor(time, value), rule("offline", {4: 3.0}), at(2))) == 0


def test_what_is_crossed_now_and_then_counts_once_it_adds_up() -> None:
    time, hours = quarter_hours(1)
    crossed = (hours >= 10) & (hours < 16) & (np.round(hours * 4) % 4 < 2)  # every other half-hour
    value = moving(time) + np.where(crossed, 400, 0)
    city = one_sensor(time, value)
    one = rule("persistence", {4: 600.0, 2: 900.0}, window_h=2.0, for_min=60.0, off_delay_min=0)
    (row,) = applied(city, one).to_dict("records")
    assert row["since"] == at(hours=11.25)  # 10:00, 10:15, 11:00, 11:15 stand for a quarter each
    assert (row["value"], row["limit"], row["unit"], row["level"]) == (60.0, 60.0, "min", 4)
    assert "past 600 kPa, the limit of level IV, for 60 min in all within 2 h" in row["evidence_en"]
    assert "2 小时内累计 60 min 越过 IV 级限值 600 kPa" in row["evidence_zh"]
    assert len(applied(city, rule("persistence", {4: 600.0}, window_h=2.0, for_min=75.0))) == 0
    low = one_sensor(time, 900 - value)
    down = rule("persistence", {4: 300.0}, window_h=2.0, for_min=60.0, sign="down")
    (row,) = applied(low, down).to_dict("records")
    assert row["since"] == at(hours=11.25)
    assert "past 300 kPa" in row["evidence_en"]


def test_what_is_crossed_at_some_of_the_last_readings_counts() -> None:
    time, _ = quarter_hours(1)
    value = moving(time)
    value[[40, 41, 46, 47]] += 400
    one = rule("persistence", {4: 600.0, 2: 900.0}, times=3, of=7, off_delay_min=0)
    (row,) = applied(one_sensor(time, value), one).to_dict("records")
    assert row["since"] == at(hours=11.5)
    assert (row["value"], row["limit"], row["unit"], row["level"]) == (3.0, 3.0, "1", 4)
    assert "limit of level IV, at 3 of the last 7 readings" in row["evidence_en"]
    assert "最近 7 个读数中 3 个越过 IV 级限值 600 kPa" in row["evidence_zh"]
    assert applied(one_sensor(time, value), rule("persistence", {4: 600.0}, times=3, of=6)).empty


def test_a_limit_below_zero_keeps_its_sign() -> None:
    time, hours = quarter_hours(1)
    value = 5 + np.random.default_rng(1).normal(0, 0.5, time.size) - np.where(hours >= 12, 20, 0)
    unit = {"unit": "degC", "lifeline": "heating", "range_min": -60.0, "range_max": 60.0}
    city = one_sensor(time, value, "air_temperature", **unit)
    frost = {"quantity": "air_temperature", "window_h": 2.0, "for_min": 60.0, "sign": "down"}
    flagged = flag_city(city, ALL, at(1).to_datetime64())
    one = rule("persistence", {4: -10.0}, **frost)
    (row,) = apply_rules(flagged, "heating", [one], at(1)).to_dict("records")
    assert "past -10 degC" in row["evidence_en"]


def test_a_rule_for_silence_takes_the_place_of_the_usual_three_intervals() -> None:
    time, hours = quarter_hours(2)
    value = np.where(hours < 30, moving(time), np.nan)
    city = flag_city(one_sensor(time, value), ALL, at(2).to_datetime64())
    health, flags = sensor_health(city, at(2).to_datetime64()), sparse_flags(city)
    water = next(each for each in ALL if each.key == "water")
    for quantity, told in (("pressure", False), ("flow", True)):
        own = replace(water, rules=(rule("offline", {4: 8.0}, quantity=quantity),))
        found = sensor_health_findings(city, health, flags, lifelines=(own,))
        assert ("offline" in found["rule"].tolist()) == told


def test_rain_is_summed_over_the_window_that_ends_now() -> None:
    time, hours = quarter_hours(1)
    value = np.where((hours >= 6) & (hours < 12), 12.0, 0.0)
    unit = {"quantity": "rain", "unit": "mm/h", "clock": "rain/15min", "range_max": 400.0}
    city = one_sensor(time, value, lifeline="drainage", **unit)
    one = rule("sum", {3: 50.0}, quantity="rain", unit="mm", window_h=6.0, off_delay_min=0)
    flagged = flag_city(city, ALL, at(1).to_datetime64())
    (row,) = apply_rules(flagged, "drainage", [one], at(1)).to_dict("records")
    assert row["since"] == at(hours=10.0)  # 17 quarters of 3 mm
    assert (row["value"], row["unit"], row["limit"]) == (pytest.approx(72.0), "mm", 50.0)
    assert "added up within 6 h to 72 mm" in row["evidence_en"]
    assert "6 小时累计达 72 mm" in row["evidence_zh"]


def test_one_that_departs_from_its_like_near_by_is_named() -> None:
    found = applied(network(apart=True), rule("neighbour", {4: 6.0}, reach_m=2500.0, floor=3.0))
    assert found["sensor"].tolist() == ["s3"]
    (row,) = found.to_dict("records")
    assert (row["unit"], row["health"]) == ("sigma", False)
    assert "left the median of its like within 2500 m by" in row["evidence_en"]
    assert "偏离 2500 m 内同类测点中位数" in row["evidence_zh"]
    assert (
        len(applied(network(apart=True), rule("neighbour", {4: 6.0}, reach_m=500.0, floor=3.0)))
        == 0
    )
    assert (
        len(applied(network(apart=False), rule("neighbour", {4: 6.0}, reach_m=2500.0, floor=3.0)))
        == 0
    )


def test_a_rule_for_some_assets_still_asks_all_neighbours() -> None:
    one = rule("neighbour", {4: 6.0}, reach_m=2500.0, floor=3.0, only=frozenset({"A3"}))
    assert applied(network(apart=True), one)["sensor"].tolist() == ["s3"]
    aside = rule("neighbour", {4: 6.0}, reach_m=2500.0, floor=3.0, but=frozenset({"A3"}))
    assert len(applied(network(apart=True), aside)) == 0
