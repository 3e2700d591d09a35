"""Gas terminals: graded alarm, device faults, profiles, ambiguous units."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr

from lifeline_kit.errors import InputError, UnitError
from lifeline_kit.lifelines.gas import alarms
from lifeline_kit.lifelines.gas.alarms import (
    alarm_events,
    device_events,
    fault_limits,
    methane_in_vol,
    profile,
    terminal_alarms,
)
from lifeline_kit.lifelines.gas.terminals import misplaced_terminals, rise_findings
from lifeline_kit.methods import terminal_faults as faults
from lifeline_kit.methods.concentration import GradedAlarm, grade, quiet_state, theil_sen
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import dense_node
from lifeline_kit.services.terminals import Message, Reject, parse

CN = profile("cn_default")
START = pd.Timestamp("2026-10-01")


def readings(value, *, step="1min", **columns) -> pd.DataFrame:
    index = pd.date_range(START, periods=len(value), freq=step, name="time")
    return pd.DataFrame({"methane": np.asarray(value, dtype=float)} | columns, index=index)


def graded(value, *, unit="%VOL", **columns) -> pd.DataFrame:
    return terminal_alarms(readings(value, **columns), unit=unit, profile=CN)


def test_levels_follow_set_points_k_of_n_hold_and_clear():
    value = np.zeros(400)
    value[100] = 4.0  # one sample: never
    value[200:210] = 0.6  # 12 % LEL: level III
    value[210:220] = 1.2  # 24 %: level II
    value[220:230] = 0.55  # above 0.6 of 0.5, below 0.6 of 1.0
    found = graded(value)
    level = found["level"].to_numpy()
    assert (level[:201] == 0).all()
    assert level[201] == 3  # second of three
    assert level[211] == 2
    assert (level[219 : 219 + 46] == 2).all()  # held 45 min after the last above 0.6
    assert level[219 + 46] == 3
    assert level[229 + 46] == 0
    (event,) = alarm_events(found, CN).to_dict("records")
    assert (event["level"], event["peak"]) == (2, 1.2)
    assert event["since"] == found.index[201]
    assert event["until"] == found.index[229 + 46]
    assert "level 2" in event["why_en"]
    assert event["verified"] is False


def test_a_steady_rise_is_told_with_the_time_to_each_limit():
    value = np.r_[np.zeros(120), 0.02 * np.arange(1, 61)]  # 1.2 %VOL/h
    found = graded(value)
    row = found.iloc[-1]
    assert row["slope"] == pytest.approx(1.2)
    assert row["hours_20"] == 0.0
    assert row["hours_50"] == pytest.approx((2.5 - 1.2) / 1.2)
    assert row["hours_100"] == pytest.approx((5.0 - 1.2) / 1.2)
    rising = np.flatnonzero(found["by"].to_numpy() & (1 << 4))
    first_level = np.flatnonzero(found["methane"].to_numpy() >= 0.25)
    assert rising[0] <= first_level[0] + 20
    assert np.isinf(found["hours_100"].iloc[50])


def test_slope_shrugs_at_outliers_and_the_usual_slope_raises_the_limit():
    hours, value = np.arange(9.0), 2.0 * np.arange(9.0)
    value[4] = 500.0
    assert theil_sen(hours, value) == pytest.approx(2.0)
    assert np.isnan(theil_sen(hours[:2], value[:2]))
    alarm = GradedAlarm(set_points=(9.0, 9.0, 9.0, 9.0), full=50.0, rise_least=0.1)
    wave = 1.0 + 0.6 * np.sin(np.arange(6000) / 40)  # a space that always swings
    time = START.to_datetime64() + np.arange(6000) * np.timedelta64(60_000, "ms")
    _, said = grade(quiet_state(), time, wave, alarm=alarm)
    assert said.by[:200].any()
    assert not said.by[-1000:].any()


def test_any_chunking_gives_what_one_call_gives():
    rng = np.random.default_rng(2)
    value = np.maximum(np.cumsum(rng.normal(0, 0.3, 1500)), 0.0)
    doubt = rng.random(1500) < 0.1
    time = START.to_datetime64() + np.cumsum(rng.integers(1, 900, 1500)) * np.timedelta64(1, "s")
    _, whole = grade(quiet_state(), time, value, alarm=CN.alarm, doubt=doubt)
    assert len(set(whole.level)) >= 4
    state, parts = quiet_state(), []
    for rows in np.split(np.arange(1500), np.sort(rng.choice(1500, 30, replace=False))):
        state, said = grade(state, time[rows], value[rows], alarm=CN.alarm, doubt=doubt[rows])
        parts.append(said)
    for name in ("level", "slope", "hours", "by"):
        joined = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(joined, getattr(whole, name))


@pytest.mark.parametrize(
    ("fault", "value", "columns"),
    [
        (faults.FLOODED, np.full(60, 3.0), {"flood": np.ones(60, dtype=bool)}),
        (faults.TAMPERED, np.full(60, 3.0), {"tamper": np.ones(60, dtype=bool)}),
        (faults.OVER_RANGE, np.full(60, 300.0), {}),
        (faults.CONDENSED, np.zeros(60), {"humidity": np.full(60, 100.0)}),
        (faults.SPIKE, np.where(np.arange(60) == 30, 4.0, 0.0), {}),
        (faults.BATTERY, np.zeros(60), {"battery": np.full(60, 5.0)}),
        (faults.SIGNAL, np.zeros(60), {"signal": np.full(60, -121.0)}),
    ],
)
def test_a_faulty_terminal_is_a_device_finding_and_no_gas(fault, value, columns):
    found = graded(value, **columns)
    assert (found["level"] == 0).all()
    assert alarm_events(found, CN).empty
    assert device_events(found)["fault"].tolist() == [fault]


def test_silence_and_a_stuck_value_are_noticed():
    table = readings(np.r_[np.linspace(0, 0.1, 50), np.full(50, 0.13)], step="30min")
    table = table.drop(table.index[10:30])  # ten hours
    found = terminal_alarms(table, unit="%VOL", profile=CN)
    assert set(device_events(found)["fault"]) == {faults.OFFLINE, faults.STUCK}
    quiet = terminal_alarms(readings(np.zeros(100), step="30min"), unit="%VOL", profile=CN)
    assert device_events(quiet).empty  # zero all day is clean air


def test_a_flood_neither_clears_nor_raises_an_alarm():
    flood = np.zeros(300, dtype=bool)
    flood[30:200] = True
    found = graded(np.r_[np.full(30, 1.5), np.zeros(270)], flood=flood)
    assert (found["level"].iloc[2:200] == 2).all()
    assert found["level"].iloc[-1] == 0


def test_what_is_ambiguous_is_asked():
    assert methane_in_vol(20.0, "%LEL") == pytest.approx(1.0)
    assert methane_in_vol(500.0, "ppm") == pytest.approx(0.05)
    for unit in (None, "", "%"):
        with pytest.raises(UnitError, match=r"10 %VOL \(= 200 %LEL\) or 10 %LEL \(= 0\.5 %VOL\)"):
            methane_in_vol(10.0, unit)
    with pytest.raises(UnitError, match="cannot convert kPa"):
        methane_in_vol(10.0, "kPa")


def test_a_clock_that_runs_backwards_is_refused():
    table = readings(np.zeros(5))
    table.index = table.index[[0, 1, 3, 2, 4]]
    with pytest.raises(InputError, match=r"clock out of order: .*00:02.* follows .*00:03"):
        terminal_alarms(table, unit="%VOL", profile=CN)


def test_profiles_are_versioned_sourced_and_differ(tmp_path):
    names = ("cn_default", "us_gptc", "tunnel_gb50838")
    kept = {name: profile(name) for name in names}
    assert kept["cn_default"].set_points[1] == pytest.approx(2.5)
    assert kept["us_gptc"].set_points[1] == pytest.approx(4.0)
    assert kept["tunnel_gb50838"].set_points == pytest.approx({4: 0.25, 3: 0.5, 2: 1.0, 1: 1.25})
    for each in kept.values():
        assert each.version
        assert all(source for source, _ in each.sources.values())
    own = tmp_path / "own.toml"
    text = Path(alarms.__file__).with_suffix(".toml")
    own.write_text(
        text.read_text("utf-8").replace("[profiles.cn_default]", "[profiles.harbour]"), "utf-8"
    )
    assert profile("harbour", file=own).set_points == kept["cn_default"].set_points
    own.write_text('[profiles.bare]\nunit = "%LEL"\n', "utf-8")
    with pytest.raises(InputError, match="'bare' lacks 'levels'"):
        profile("bare", file=own)
    with pytest.raises(InputError, match="'mars' is not known; expected cn_default"):
        profile("mars")
    with pytest.raises(InputError, match="rising from level IV to I"):
        GradedAlarm(set_points=(1.0, 0.5, 2.0, 3.0), full=5.0)


def test_the_span_of_a_terminal_sets_what_is_over_range():
    assert fault_limits(20.0).span == 20.0
    assert fault_limits().spike == 0.5
    table = readings(np.full(10, 20.0))
    pegged = terminal_alarms(table, unit="%VOL", profile=CN, span=20.0)
    assert pegged["level"].iloc[-1] == 1  # at full scale gas is more likely than a fault


def test_a_terminal_far_from_every_pipe_is_a_data_finding():
    assets = gpd.GeoDataFrame(
        {"lifeline": ["gas", "gas", "water"], "kind": ["pipe", "space", "pipe"]},
        index=pd.Index(["P", "U", "W"], name="asset"),
        geometry=[
            shapely.LineString([(0, 0), (100, 0)]),
            shapely.Point(0, 600),
            shapely.LineString([(0, 600), (100, 600)]),
        ],
        crs="EPSG:32650",
    )
    sensors = gpd.GeoDataFrame(
        {
            "asset": ["U", "U", "U"],
            "lifeline": "gas",
            "quantity": ["methane", "methane", "pressure"],
            "real_or_simulated": "real",
        },
        index=pd.Index(["near", "far", "other"], name="sensor"),
        geometry=shapely.points([(0, 450), (0, 600), (0, 900)]),
        crs="EPSG:32650",
    )
    found = misplaced_terminals(assets, sensors, START)
    assert found["sensor"].tolist() == ["far"]
    assert not found["health"].any()
    assert misplaced_terminals(assets.iloc[1:], sensors, START).empty


def test_terminals_may_send_humidity_and_flood():
    said = (
        b'[{"device":"T1","time":1790000000000,"quantity":"humidity","value":98,"unit":"%"},'
        b'{"device":"T1","time":1790000000000,"quantity":"flooded","value":1,"unit":"1"}]'
    )
    found = parse(said)
    assert isinstance(found, Message)
    assert [(each.quantity, each.value) for each in found.readings] == [
        ("humidity", 98.0),
        ("flooded", 1.0),
    ]


def rising_city() -> City:
    """Three spaces: a leak that rises twice in a day, slow biogas, a terminal that fails."""
    time = START.to_datetime64() + np.arange(2 * 96) * np.timedelta64(15, "m")
    hours = np.arange(2 * 96) / 4
    leak = np.clip(0.6 * (hours - 10), 0, 1.5) - np.clip(0.3 * (hours - 15), 0, 1.0)
    leak += np.clip(3.0 * (hours - 20), 0, 6.0)
    value = np.stack([leak, np.minimum(hours / 48, 1.0), np.where(hours > 20, 9.0, 0.0)])
    tests = np.zeros(value.shape, dtype=np.uint16)
    tests[2] = 1  # range_fail
    node = dense_node("methane", list("abc"), time, value)
    node = node.assign(tests=(("sensor", "time"), tests))
    assets = gpd.GeoDataFrame(
        {"lifeline": "gas", "kind": "space"},
        index=pd.Index(["U0", "U1", "U2"], name="asset"),
        geometry=shapely.points([(0, 0), (9, 0), (99, 0)]),
        crs="EPSG:32650",
    )
    sensors = pd.DataFrame(
        {
            "asset": ["U0", "U1", "U2"],
            "lifeline": "gas",
            "quantity": "methane",
            "real_or_simulated": "simulated",
        },
        index=list("abc"),
    )
    return cast(
        "City",
        SimpleNamespace(
            readings=xr.DataTree.from_dict({"/methane/15min": node}),
            sensors=sensors,
            assets=assets,
            local=lambda moment: pd.Timestamp(moment),
        ),
    )


def test_a_fast_rise_is_a_finding_long_before_the_limit_slow_gas_is_none():
    city = rising_city()
    whole = rise_findings(city, START + pd.Timedelta(days=2))
    assert whole["sensor"].tolist() == ["a"]  # two rises, ten hours apart
    (row,) = whole.to_dict("records")
    assert (row["rule"], row["level"], row["asset"]) == ("gas.methane", 3, "U0")
    assert START + pd.Timedelta("10h15min") < row["since"] <= START + pd.Timedelta("10h45min")
    assert pd.notna(row["until"])
    assert "3.00 %VOL/h" in row["evidence_en"]
    early = rise_findings(city, START + pd.Timedelta("11h")).iloc[0]
    assert early["level"] == 4
    assert early["since"] == row["since"]
    assert pd.isna(early["until"])
    assert rise_findings(city, START + pd.Timedelta("10h")).empty


def test_a_terminal_that_sends_methane_in_mere_percent_is_asked():
    said = b'{"device":"T1","time":1790000000000,"quantity":"methane","value":10,"unit":"%"}'
    found = parse(said)
    assert isinstance(found, Reject)
    assert found.reason == "unit"
    assert "may mean %VOL or %LEL" in found.detail
