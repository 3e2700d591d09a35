"""The METEC benches on made-up recordings in the same layout: what is found, false and late."""

import numpy as np
import pandas as pd
import pytest

from lifeline_kit.bench import metec, metec_alarm, metec_locate
from lifeline_kit.bench.metec import wilson
from lifeline_kit.errors import InputError

_HEAD = "release,point,unit,n_points,start,end,methane_g_per_h,methane_g_per_h_uncertainty\n"


def folder(tmp_path):
    path = tmp_path / "gas" / "metec"
    path.mkdir(parents=True)
    return path


def releases(path, rows) -> None:
    lines = [
        f"R{i},{unit}-11,{unit}-1,{n},{start}+00:00,{end}+00:00,1000,10\n"
        for i, (unit, n, start, end) in enumerate(rows)
    ]
    (path / "releases.csv").write_text(_HEAD + "".join(lines))


def test_found_false_and_delay_follow_the_rules(tmp_path):
    path = folder(tmp_path)
    time = pd.date_range("2022-05-02", periods=2880, freq="min", tz="UTC")
    value = np.zeros(2880)
    value[605:660] = 5.0  # release at 600: five minutes late
    value[1230:1260] = 5.0  # double release at 1200
    value[1800:1810] = 5.0  # none: false
    value[2300:2310] = 5.0  # open when the release at 2330 starts: half an hour early
    value[2335:2340] = 0.9  # keeps the early event open into the release
    table = {"time": time, "methane_ppm_above_background": value, "published_event": np.nan}
    pd.DataFrame(table).to_parquet(path / "series_may.parquet")
    releases(
        path,
        [
            ("4T", 1, "2022-05-02 10:00:00", "2022-05-02 11:00:00"),
            ("5W", 2, "2022-05-02 20:00:00", "2022-05-02 21:00:00"),
            ("5W", 1, "2022-05-03 14:50:00", "2022-05-03 15:00:00"),
            ("4W", 1, "2022-05-03 20:00:00", "2022-05-03 21:00:00"),  # not seen
        ],
    )
    got = metec_alarm.BENCH.measure(tmp_path, 0).values
    assert got["single_releases"] == 3
    assert got["releases_found_share"] == pytest.approx(2 / 3)
    assert (got["events"], got["false_events"], got["double_found"]) == (4, 1, 1)
    assert got["false_event_share"] == pytest.approx(0.25)
    assert got["median_delay_min"] == pytest.approx((5 - 30) / 2)
    assert got["delays_below_zero"] == 1
    assert not any(key.startswith("fitted_") for key in got)


def test_days_that_settings_were_fixed_on_are_scored_apart(tmp_path):
    path = folder(tmp_path)
    time = pd.date_range("2022-04-30", periods=2880, freq="min", tz="UTC")
    value = np.zeros(2880)
    value[[700, 701, 2105, 2106]] = 5.0
    pd.DataFrame({"time": time, "methane_ppm_above_background": value}).to_parquet(
        path / "series.parquet"
    )
    releases(path, [("4T", 1, "2022-05-01 11:00:00", "2022-05-01 12:00:00")])
    got = metec_alarm.BENCH.measure(tmp_path, 0).values
    assert (got["events"], got["false_events"], got["releases_found_share"]) == (1, 0, 1.0)
    assert (got["fitted_events"], got["fitted_false_events"]) == (1, 1)


def test_releases_outside_a_record_are_left_out(tmp_path):
    rows = [
        ("4T", 1, "2022-05-01 10:00:00", "2022-05-01 11:00:00"),
        ("5W", 1, "2022-05-02 10:00:00", "2022-05-02 11:00:00"),
        ("4W", 1, "2022-05-03 10:00:00", "2022-05-03 11:00:00"),
    ]
    releases(folder(tmp_path), rows)
    record = pd.Timestamp("2022-05-01 11:00"), pd.Timestamp("2022-05-03 09:00")
    assert metec.releases(tmp_path)["units"].tolist() == [("4T",), ("5W",), ("4W",)]
    assert metec.releases(tmp_path, during=record)["units"].tolist() == [("4T",), ("5W",)]


def test_files_may_overlap_but_not_contradict(tmp_path):
    path = folder(tmp_path)
    time = pd.date_range("2022-05-02", periods=600, freq="min", tz="UTC")
    table = pd.DataFrame({"time": time, "methane_ppm_above_background": 0.0})
    table.iloc[:400].to_parquet(path / "series_a.parquet")
    table.iloc[300:].to_parquet(path / "series_b.parquet")
    got, value, files = metec_alarm.series(tmp_path)
    assert (got.size, value.size, len(files)) == (600, 600, 2)
    table.iloc[300:].assign(methane_ppm_above_background=1.0).to_parquet(path / "series_b.parquet")
    with pytest.raises(InputError, match="say two things of 2022-05-02 05:00:00"):
        metec_alarm.series(tmp_path)


def test_a_folder_without_series_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"holds no series\*\.parquet"):
        metec_alarm.BENCH.measure(tmp_path, 0)


def test_each_event_gets_one_answer_and_truth_scores_it(tmp_path):
    path = folder(tmp_path)
    rng = np.random.default_rng(5)
    time = pd.date_range("2022-05-13", periods=1440, freq="min", tz="UTC", name="time")
    sensors, sources = list("ABCDEFGH"), list(metec_locate.UNITS)
    wind = np.cumsum(rng.normal(0, 0.3, 1440))
    bearing = rng.uniform(0, 2 * np.pi, (5, 8))
    off = np.angle(np.exp(1j * (wind[None, :, None] - bearing[:, None, :])))
    unit = 20.0 * np.exp(-0.5 * (off / 0.3) ** 2)
    seen = 2.0 + rng.normal(0, 0.02, (1440, 8))
    for source, first in ((1, 300), (3, 900)):
        seen[first : first + 120] += 2.0 * unit[source, first : first + 120]
    pd.DataFrame(seen, time, sensors).to_parquet(path / "week_sensors.parquet")
    for name, response in zip(sources, unit, strict=True):
        pd.DataFrame(response, time, sensors).to_parquet(path / f"week_unit_{name}.parquet")
    releases(
        path,
        [
            (metec_locate.UNITS[sources[1]], 1, "2022-05-13 05:00:00", "2022-05-13 07:00:00"),
            ("5S", 1, "2022-05-13 15:00:00", "2022-05-13 17:00:00"),  # in truth source 3
        ],
    )
    got = metec_locate.BENCH.measure(tmp_path, 0).values
    assert got["n"] == 2
    assert got["accuracy"] == (1.0 if metec_locate.UNITS[sources[3]] == "5S" else 0.5)
    assert got["rate_ratio_median"] == pytest.approx(2.0, rel=0.3)
    (path / "week_unit_tank.parquet").unlink()
    with pytest.raises(InputError, match=r"week_unit_tank\.parquet is missing"):
        metec_locate.BENCH.measure(tmp_path, 0)


def test_wilson_against_a_hand_value():
    low, high = wilson(17, 21)
    assert (low, high) == (pytest.approx(0.600, abs=0.001), pytest.approx(0.923, abs=0.001))
    assert wilson(0, 0) == (0.0, 1.0)
