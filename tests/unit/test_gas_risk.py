"""Digging near pipes, rates from few leaks, grades, and where the next terminals go."""

import itertools

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from scipy.sparse import csc_array

from lifeline_kit.errors import AssetsError, InputError
from lifeline_kit.lifelines.gas.digging import daily_list, digging_multiplier, works_near_pipes
from lifeline_kit.lifelines.gas.placement import place_terminals
from lifeline_kit.lifelines.gas.risk import (
    GRADES,
    expected_rates,
    grades,
    leak_rates,
    segment_risk,
)
from lifeline_kit.methods.coverage import greedy_coverage
from lifeline_kit.methods.shrinkage import shrunk_rates
from lifeline_kit.model.readings import stamp

CRS = "EPSG:32650"
AT = stamp("2026-10-10 04:00")


@pytest.fixture
def pipes():
    return gpd.GeoDataFrame(
        {
            "pressure_class": ["low", "high", "medium"],
            "material": ["PE", "steel", "cast_iron"],
            "soil": ["corrosive", "corrosive", "mild"],
            "year": [2020, 1990, 1980],
            "length_m": [100.0, 100.0, 100.0],
            "diameter_mm": [110.0, 323.9, 200.0],
            "design_pressure_kpa": [10.0, 1600.0, 400.0],
        },
        geometry=[shapely.LineString([(0, y), (100, y)]) for y in (0.0, 50.0, 200.0)],
        index=pd.Index(["low", "high", "old"], name="asset"),
        crs=CRS,
    )


def works(rows):
    return gpd.GeoDataFrame(
        {
            "kind": [row[1] for row in rows],
            "since": pd.to_datetime([row[2] for row in rows], format="ISO8601"),
            "until": pd.to_datetime([row[3] for row in rows], format="ISO8601"),
        },
        geometry=[shapely.Point(50.0, row[4]) for row in rows],
        index=pd.Index([row[0] for row in rows], name="work"),
        crs=CRS,
    )


def test_the_buffer_follows_the_pressure_class(pipes):
    table = works(
        [
            ("w1", "permit", "2026-10-09", "2026-10-12", 8.0),  # 8 m off the low pipe: too far
            ("w2", "permit", "2026-10-09", "2026-10-12", 38.0),  # 12 m off the high one
            ("w3", "permit", "2026-09-01", "2026-09-20", 50.0),  # long over
        ]
    )
    near = works_near_pipes(table, pipes, AT)
    assert near[["work", "pipe"]].to_numpy().tolist() == [["w2", "high"]]
    assert near["distance_m"].iloc[0] == pytest.approx(12.0)


def test_vibration_without_permit_counts_most_and_fades_to_the_edge(pipes):
    alone = works([("v", "vibration", "2026-10-10 01:00", None, 50.0)])
    assert digging_multiplier(alone, pipes, AT).to_dict() == {"low": 1.0, "high": 25.0, "old": 1.0}
    both = pd.concat([alone, works([("p", "permit", "2026-10-09", "2026-10-12", 51.0)])])
    assert digging_multiplier(both, pipes, AT)["high"] == pytest.approx(15.0)
    edge = works([("v", "vibration", "2026-10-10 01:00", None, 30.0)])
    assert digging_multiplier(edge, pipes, AT)["high"] == pytest.approx(1.0)
    assert (digging_multiplier(alone, pipes, AT + pd.Timedelta("2D")) == 1.0).all()


def test_the_daily_list_says_why(pipes):
    table = works(
        [
            ("p", "permit", "2026-10-09", "2026-10-12", 47.0),
            ("v", "vibration", "2026-10-10 01:00", None, 198.0),
        ]
    )
    listed = daily_list(table, pipes, AT)
    assert listed.index.tolist() == ["v", "p"]
    assert listed.loc["v", "reason_en"] == "digging without a permit, 2.0 m from pipe old"
    assert "许可施工" in listed.loc["p", "reason_zh"]


def test_bad_works_are_named(pipes):
    with pytest.raises(InputError, match="'w' is a 'party'"):
        works_near_pipes(works([("w", "party", "2026-10-01", None, 0.0)]), pipes, AT)
    with pytest.raises(InputError, match="ends before it"):
        works_near_pipes(works([("w", "permit", "2026-10-02", "2026-10-01", 0.0)]), pipes, AT)
    degrees = works([("w", "permit", "2026-10-02", "2026-10-03", 0.0)]).to_crs("EPSG:4326")
    with pytest.raises(InputError, match="one metric CRS"):
        works_near_pipes(degrees, pipes, AT)


def test_shrinkage_recovers_scale_and_spread_and_its_intervals_hold():
    rng = np.random.default_rng(1)
    expected = rng.uniform(0.02, 0.4, 4000)
    true = expected * 1.7 * rng.gamma(2.0, 1.0 / 2.0, expected.size)
    found = shrunk_rates(rng.poisson(true * 10.0), np.full(expected.size, 10.0), expected)
    assert found.scale == pytest.approx(1.7, rel=0.06)
    assert found.shape == pytest.approx(2.0, rel=0.2)
    held = np.mean((found.low <= true) & (true <= found.high))
    assert 0.87 <= held <= 0.93
    raw = np.abs(rng.poisson(true * 10.0) / 10.0 - true).mean()
    assert np.abs(found.rate - true).mean() < 0.8 * raw


def test_no_leaks_at_all_and_bad_records():
    quiet = shrunk_rates(np.zeros(5), np.full(5, 3.0), np.full(5, 0.1))
    assert (quiet.rate > 0).all()
    assert (quiet.rate < 0.1).all()
    with pytest.raises(InputError, match="one length"):
        shrunk_rates(np.zeros(5), np.zeros(4), np.ones(5))
    with pytest.raises(InputError, match="above zero"):
        shrunk_rates(np.zeros(1), np.ones(1), np.zeros(1))


def test_without_a_record_rates_stay_as_expected(pipes):
    rates = leak_rates(pipes, None, year=2026, observed_years=10)
    pd.testing.assert_series_equal(rates["rate"], rates["expected"], check_names=False)
    assert (rates["rate_high"] > 2.0 * rates["rate"]).all()
    none_in_ten_years = leak_rates(pipes, pd.Series(dtype=float), year=2026, observed_years=10)
    assert (none_in_ten_years["rate"] < rates["rate"]).all()


def test_soil_acts_on_metal_and_age_on_all(pipes):
    table = expected_rates(pipes, year=2026)
    assert table["soil"].tolist() == [1.0, 2.2, 1.0]
    assert table["age"].is_monotonic_increasing
    with pytest.raises(AssetsError, match="'low' has length 0"):
        expected_rates(pipes.assign(length_m=[0.0, 1.0, 1.0]), year=2026)
    with pytest.raises(AssetsError, match="needs the column 'year'"):
        expected_rates(pipes.drop(columns="year"), year=2026)


def test_risk_grades_and_drivers(pipes):
    leaks = pd.Series({"old": 4})
    area = gpd.GeoDataFrame(
        {"population": [20_000.0]},
        geometry=[shapely.box(-500, -500, 500, 500)],
        index=pd.Index(["cell"], name="area"),
        crs=CRS,
    )
    sites = gpd.GeoDataFrame(
        geometry=[shapely.Point(50, 55)], index=pd.Index(["school"], name="asset"), crs=CRS
    )
    digging = pd.Series({"high": 25.0})
    rates = leak_rates(pipes, leaks, year=2026, observed_years=10, digging=digging)
    assert rates.loc["old", "record"] > rates.loc["high", "record"]
    assert rates.loc["high", "rate"] < rates.loc["high", "rate_high"]
    risk = segment_risk(pipes, rates, area, sites)
    assert "third-party digging" in risk.loc["high", "drivers_en"]
    assert risk.loc["high", "sites"] == ("school",)
    assert risk["risk"].idxmin() == "low"
    assert set(risk["grade"]) <= set(GRADES)
    assert grades(pd.Series([5.0, 2.0, 0.5, 0.1, 0.0])).tolist() == list(GRADES)


def test_greedy_equals_a_plain_greedy_and_stays_near_the_best():
    rng = np.random.default_rng(5)
    for _ in range(25):
        dense = rng.random((14, 8)) * (rng.random((14, 8)) < 0.4)
        weight = rng.exponential(size=14)

        def covered(places, dense=dense, weight=weight):
            return weight @ (1 - np.prod(1 - dense[:, list(places)], axis=1))

        places, gain = greedy_coverage(csc_array(dense), weight, 3)
        taken = []
        for _ in range(3):
            taken.append(
                max((k for k in range(8) if k not in taken), key=lambda k: covered([*taken, k]))
            )
        assert covered(places) == pytest.approx(covered(taken))
        assert gain.sum() == pytest.approx(covered(places))
        best = max(covered(c) for c in itertools.combinations(range(8), 3))
        assert covered(places) >= (1 - 1 / np.e) * best
        assert (np.diff(gain) <= 1e-12).all()


def test_terminals_go_where_risk_is_uncovered(pipes):
    spaces = gpd.GeoDataFrame(
        geometry=[shapely.Point(50, y) for y in (2.0, 3.0, 52.0, 500.0)],
        index=pd.Index(["s1", "s2", "s3", "far"], name="asset"),
        crs=CRS,
    )
    risk = pd.Series({"low": 1.0, "high": 5.0, "old": 0.0})
    found = place_terminals(pipes, risk, spaces, 4)
    assert found.index[:2].tolist() == ["s3", "s1"]
    assert "far" not in found.index
    assert found["covered_share"].is_monotonic_increasing
    assert found["covered_share"].iloc[-1] <= 1.0
    more = place_terminals(pipes, risk, spaces, 1, sensed=pd.Index(["s3"]))
    assert more.index.tolist() == ["s1"]
    with pytest.raises(InputError, match="one metric CRS"):
        place_terminals(pipes, risk, spaces.to_crs("EPSG:4326"), 1)


def test_coverage_refuses_what_is_no_probability():
    with pytest.raises(InputError, match="within 0 and 1"):
        greedy_coverage(csc_array(np.array([[2.0]])), np.ones(1), 1)
    with pytest.raises(InputError, match="expected as many"):
        greedy_coverage(csc_array(np.array([[0.5]])), np.ones(2), 1)
