"""Corrections stand beside the raw values, say how they came, and bridge no more than they may."""

import numpy as np
import pytest
from oracles.hand import minutes, one_sensor

from lifeline_kit.io.live import LiveStore
from lifeline_kit.lifelines import ALL
from lifeline_kit.model.readings import DRIFT, nodes, series
from lifeline_kit.quality import flag_city
from lifeline_kit.quality.repair import BRIDGED, UNDRIFTED, bridged, corrections, undrifted


def test_short_runs_are_bridged_by_time_and_long_ones_left() -> None:
    time = minutes(12)[[0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11]]
    value = np.array([0, 99, 3, 4, 99, 99, 99, 99, 9, 10, 99.0])
    proposed = bridged(time, value, value == 99)
    assert proposed[1] == pytest.approx(1.0)  # by time, not by row
    assert np.isnan(proposed[4:8]).all()  # four in a row
    assert np.isnan(proposed[10])  # nothing after it
    assert np.isnan(proposed[[0, 2, 3, 8, 9]]).all()


def test_a_ramp_is_taken_out() -> None:
    rng = np.random.default_rng(1)
    truth = 50 + rng.normal(0, 0.5, 2000)
    drifting = np.arange(2000) >= 800
    spoilt = truth + np.where(drifting, (np.arange(2000) - 800) / 1200 * 12, 0)
    proposed = undrifted(spoilt, drifting)
    before = np.sqrt(np.mean((spoilt - truth)[drifting] ** 2))
    after = np.sqrt(np.mean((proposed - truth)[drifting] ** 2))
    assert after < 0.1 * before
    assert np.isnan(proposed[~drifting]).all()


def test_corrections_of_a_city_keep_the_raw_value_and_name_the_method(tmp_path) -> None:
    value = np.full(400, 300.0) + np.sin(np.arange(400))
    value[50] = 2000.0
    city = flag_city(one_sensor(minutes(400), value), ALL, minutes(401)[-1])
    node = dict(nodes(city.readings))["pressure/15min"]
    node["tests"].data[0, 150:] |= DRIFT
    table = corrections(city)
    assert table["method"].tolist() == [BRIDGED] + [UNDRIFTED] * 250
    assert table["value"].iloc[0] == 2000.0
    assert table["corrected"].iloc[0] == pytest.approx((value[49] + value[51]) / 2, rel=1e-6)
    assert series(node, "s0").value[50] == 2000.0
    folder = city.save(tmp_path / "city")
    with LiveStore.open(folder, writable=True) as store:
        store.register(city.sensors)
        one = table.iloc[:1]
        store.write_corrections(
            one["sensor"].to_numpy(),
            one["time"].to_numpy().astype("datetime64[ms]"),
            one["corrected"].to_numpy(),
            BRIDGED,
        )
        kept = store.corrections(["s0"])
    assert kept["method"].tolist() == [BRIDGED]
    assert kept["value"].iloc[0] == pytest.approx(one["corrected"].iloc[0], rel=1e-6)


def test_a_clean_city_needs_no_correction() -> None:
    city = flag_city(one_sensor(minutes(20), np.full(20, 300.0)), ALL, minutes(21)[-1])
    assert corrections(city).empty
