"""What changed, what pulls down, what weights do to it, and how warnings were answered."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from oracles.hand import at, findings
from test_checkup import NOW, PROFILE, health_of, scored, total, two_zones

from lifeline_kit.checkup import score_city
from lifeline_kit.checkup.bands import score_bands
from lifeline_kit.checkup.changes import (
    CHANGES,
    change_counts,
    over_periods,
    risk_changes,
    score_changes,
)
from lifeline_kit.checkup.movers import score_movers
from lifeline_kit.checkup.obstacles import obstacle_degrees, obstacles
from lifeline_kit.checkup.response import TASK_COLUMNS, on_time_shares, task_outcomes
from lifeline_kit.checkup.weights import district_scores, lifeline_weights
from lifeline_kit.early_warning import raise_warnings
from lifeline_kit.errors import RulesError, TableError
from lifeline_kit.lifelines import ALL
from lifeline_kit.model.tables import RISK_COLUMNS, table


def risk(**levels: int) -> pd.DataFrame:
    rows = [
        {
            "asset": asset,
            "lifeline": "water" if asset < "m" else "gas",
            "likelihood": (5 - level) / 5 if level else np.nan,
            "consequence": 0.5,
            "level": level,
            "reason_zh": f"因{level}",
            "reason_en": f"as {level}",
        }
        for asset, level in levels.items()
    ]
    return table(rows, RISK_COLUMNS, "asset")


def test_every_way_an_asset_can_move_on_the_list() -> None:
    before = risk(a=3, b=2, c=2, d=1, e=1, f=2, g=1, h=4, x=0)
    now = risk(a=2, b=4, c=1, d=2, e=1, f=0, h=3, x=1, y=2, z=4)
    found = risk_changes(before, now)
    assert found["change"].to_dict() == {
        "x": "new",
        "a": "new",
        "y": "new",
        "b": "closed",
        "c": "up",
        "d": "down",
        "e": "rolled over",
        "f": "lost sight of",
        "g": "removed",
    }
    assert set(found["change"]) == set(CHANGES)
    assert found.index.tolist() == ["x", "a", "y", "b", "c", "d", "e", "f", "g"]
    assert found.loc["y", ["level_before", "level_now", "lifeline"]].tolist() == [-1, 2, "gas"]
    assert found.loc["g", ["level_before", "level_now", "lifeline"]].tolist() == [1, -1, "water"]
    assert found["reason_en"][["x", "b", "g"]].tolist() == ["as 1", "as 2", "as 1"]
    assert found["risk_now"]["c"] == pytest.approx(0.4)
    assert found["risk_before"]["c"] == pytest.approx(0.3)
    assert set(risk_changes(before, before)["change"]) == {"rolled over"}
    assert risk_changes(before, now, listed=1).index.tolist() == ["c", "x", "d", "e", "g"]
    assert risk_changes(before, now, listed=1)["change"]["d"] == "closed"


def test_changes_are_counted_with_their_kilometres() -> None:
    found = risk_changes(risk(a=3, b=3, z=1), risk(a=2, b=1, z=1))
    assets = pd.DataFrame({"length_m": [500.0, 1500.0, np.nan]}, index=["a", "b", "z"])
    counts = change_counts(found, assets)
    assert counts.loc[("water", "new")].tolist() == [2, 2.0]
    assert counts.loc[("gas", "rolled over")].tolist() == [1, 0.0]
    assert change_counts(found)["n"].sum() == 3


def test_risk_tables_that_are_none_are_refused() -> None:
    with pytest.raises(TableError, match=r"expected a table of assets .* reason_en is missing"):
        risk_changes(risk(a=1).drop(columns="reason_en"), risk(a=1))
    with pytest.raises(TableError, match=r"level 5 of the list .* expected 1 \(red\) to 4"):
        risk_changes(risk(a=1), risk(a=1), listed=5)


def later(scores: pd.DataFrame, days: int) -> pd.DataFrame:
    return scores.assign(until=scores["until"] + pd.Timedelta(days=days))


def test_scores_are_compared_subject_by_subject() -> None:
    good = scored(two_zones())
    bad = later(scored(two_zones(), findings({"severity": 0.5, "level": 3})), 30)
    found = score_changes(good, bad)
    own = found.loc[("asset", "A0", "water", "operation")]
    assert own[["before", "now", "change", "known"]].tolist() == [100, 70, -30, "both"]
    city = found.loc[("city", "city", "", "total")]
    assert city["change"] == pytest.approx(total(bad, "city")["score"] - 100)
    assert (city["grade_before"], city["grade_now"]) == ("A", "A")
    dark = later(scored(two_zones(), completeness=0.1), 30)
    gone = score_changes(good, dark).loc[("city", "city", "", "total")]
    assert gone["known"] == "before"
    assert np.isnan(gone["change"])
    assert gone["grade_now"] == ""
    more = later(scored(two_zones({"lifeline": "gas"})), 30)
    came = score_changes(good, more).loc[("lifeline", "gas", "gas", "total")]
    assert came["known"] == "now"
    with pytest.raises(TableError, match="expected the earlier ones first"):
        score_changes(bad, good)


def test_month_on_month_and_year_on_year() -> None:
    now = scored(two_zones(), findings({"severity": 0.5, "level": 3}))
    month = later(scored(two_zones(), findings({"severity": 0.2, "level": 3})), -31)
    year = later(scored(two_zones()), -365)
    found = over_periods(now, month_ago=month, year_ago=year)
    own = found.loc[("asset", "A0", "water", "operation")]
    assert own["month_on_month"] == pytest.approx(-60 * 0.3)
    assert own["year_on_year"] == pytest.approx(-60 * 0.5)
    assert len(found) == len(now)
    alone = over_periods(now, year_ago=year)
    assert alone["month_on_month"].isna().all()
    with pytest.raises(TableError, match=r"a month ago end 365 days before .* expected 28 to 31"):
        over_periods(now, month_ago=year)
    with pytest.raises(TableError, match=r"a year ago end 31 days before .* expected 365 to 366"):
        over_periods(now, year_ago=month)


def test_obstacle_degrees_by_hand() -> None:
    weights = pd.Series({"a": 0.5, "b": 0.3, "c": 0.2, "d": 0.4})
    found = obstacle_degrees(weights, pd.Series({"a": 90.0, "b": 60.0, "c": 100.0, "d": np.nan}))
    assert found.index.tolist() == ["b", "a", "c"]
    assert found["lost"].tolist() == pytest.approx([12.0, 5.0, 0.0])
    assert found["share"].tolist() == pytest.approx([12 / 17, 5 / 17, 0.0])
    assert found["weight"].sum() == pytest.approx(1.0)
    perfect = obstacle_degrees(weights, pd.Series({"a": 100.0, "b": 100.0}))
    assert perfect["share"].tolist() == [0.0, 0.0]
    with pytest.raises(RulesError, match="no weight for 'e'; expected one of each of the 2"):
        obstacle_degrees(weights, pd.Series({"a": 1.0, "e": 2.0}))
    with pytest.raises(RulesError, match="no factor has both a weight and a score"):
        obstacle_degrees(weights, pd.Series({"a": np.nan}))


def busy() -> tuple:
    """A city of four lifelines in two zones with a little wrong here and there."""
    city = two_zones(
        {"lifeline": "gas"},
        {"lifeline": "roads", "kind": "section", "district": "Z2"},
        {"lifeline": "heating", "district": "Z2"},
        {"lifeline": "gas", "district": "Z2"},
    )
    city = city.with_(
        assets=city.assets.assign(year=[2010.0, 1990.0, 1985.0, 2015.0, 2000.0, 1975.0])
    )
    quantity = city.sensors["quantity"].where(city.sensors["asset"] != "A3", "settlement")
    city = city.with_(sensors=city.sensors.assign(quantity=quantity))
    found = findings(
        {"severity": 0.4, "level": 3},
        {"severity": 0.8, "level": 2, "asset": "A2", "lifeline": "gas"},
        {"severity": 0.1, "level": 4, "asset": "A3", "lifeline": "roads"},
    )
    return city, found


@pytest.mark.parametrize("subject", ["city", "Z1", "Z2", "gas", "water"])
def test_points_lost_add_up_to_what_the_score_lacks(subject: str) -> None:
    city, found = busy()
    scores = scored(city, found)
    table = obstacles(scores, ALL, PROFILE.weighting, subject=subject)
    raw = total(scores, subject, subject if subject in ("gas", "water") else "")["raw"]
    assert np.isfinite(raw)
    assert table["lost"].sum() == pytest.approx(100.0 - raw)
    assert table["share"].sum() == pytest.approx(1.0)
    assert (table["lost"].diff().dropna() <= 0).all()


def test_a_lifeline_without_one_dimension_keeps_its_weight() -> None:
    city = two_zones({"lifeline": "gas", "kind": "space"})  # whose condition no model knows
    scores = scored(city, findings({"severity": 0.9, "asset": "A2", "lifeline": "gas"}))
    table = obstacles(scores, ALL, PROFILE.weighting)
    assert ("gas", "condition") not in table.index
    weights = table["weight"].groupby("lifeline").sum()
    assert weights["gas"] / weights["water"] == pytest.approx(0.26359 / 0.14969, rel=1e-4)
    assert table["lost"].sum() == pytest.approx(100 - total(scores, "city")["raw"])


def test_obstacles_of_what_is_unknown_or_perfect_or_absent() -> None:
    dark = scored(two_zones(), completeness=0.1)
    assert obstacles(dark, ALL, PROFILE.weighting).empty
    perfect = obstacles(scored(two_zones()), ALL, PROFILE.weighting)
    assert perfect["share"].tolist() == pytest.approx([0.0] * 3)
    with pytest.raises(TableError, match="no score of 'Z9'; expected 'city', a lifeline or a di"):
        obstacles(dark, ALL, PROFILE.weighting, subject="Z9")


def test_weights_of_the_score_are_the_combined_ones() -> None:
    city, found = busy()
    scores = scored(city, found)
    rows = scores[(scores["scope"] == "lifeline") & (scores["indicator"] == "total")]
    known = rows.set_index("lifeline")["score"]
    present = [each for each in ALL if each.key in known.index]
    weights = lifeline_weights(PROFILE.weighting, present, district_scores(scores))["weight"]
    assert total(scores, "city")["raw"] == pytest.approx(float((weights * known).sum()))
    other = dataclasses.replace(PROFILE.weighting, floor=0.25)  # four lifelines, all alike
    profile = dataclasses.replace(PROFILE, weighting=other)
    warnings = raise_warnings(found, city.assets, ALL)
    args = (city, found, warnings, health_of(city), ALL, profile)
    alike = score_city(*args, at=NOW, since=at())
    assert total(alike, "city")["raw"] == pytest.approx(known.mean())


def test_a_band_holds_the_score_and_narrows_with_surer_weights() -> None:
    city, found = busy()
    scores = scored(city, found)
    band = score_bands(scores, ALL, PROFILE, rng=np.random.default_rng(0))
    assert band.index.tolist() == ["city", "Z1", "Z2"]
    assert (band["draws"] == 1000).all()
    assert (band["raw_low"] < band["raw"]).all()
    assert (band["raw"] < band["raw_high"]).all()
    assert (band["high"] <= band["raw_high"]).all()
    assert band["same_grade"].between(0, 1).all()
    again = score_bands(scores, ALL, PROFILE, rng=np.random.default_rng(0))
    pd.testing.assert_frame_equal(band, again)
    surer = dataclasses.replace(PROFILE.weighting, concentration=10_000.0)
    profile = dataclasses.replace(PROFILE, weighting=surer)
    narrow = score_bands(scores, ALL, profile, rng=np.random.default_rng(0))
    width, less = (each["raw_high"] - each["raw_low"] for each in (band, narrow))
    assert (less / width).tolist() == pytest.approx([0.1] * 3, rel=0.2)


def test_a_band_is_as_wide_as_its_lifelines_differ() -> None:
    same = score_bands(scored(two_zones()), ALL, PROFILE, rng=np.random.default_rng(0))
    assert same.loc["city", ["low", "high"]].tolist() == pytest.approx([100.0, 100.0])
    dark = scored(two_zones(), completeness=0.1)
    unknown = score_bands(dark, ALL, PROFILE, rng=np.random.default_rng(0))
    assert unknown[["low", "high"]].isna().all(axis=None)
    red = score_bands(scored(two_zones()), ALL, PROFILE, rng=np.random.default_rng(0), red=True)
    assert red.loc["city", "high"] == PROFILE.ceiling("D")
    assert red.loc["Z1", "high"] == pytest.approx(100.0)
    with pytest.raises(TableError, match="no score of the city"):
        score_bands(dark[dark["scope"] != "city"], ALL, PROFILE, rng=np.random.default_rng(0))


@pytest.mark.parametrize("subject", ["city", "Z1"])
def test_movers_add_up_to_the_change(subject: str) -> None:
    city, found = busy()
    before = scored(city, found)
    better = scored(city)
    table = score_movers(before, better, ALL, PROFILE.weighting, subject=subject)
    change = total(better, subject)["raw"] - total(before, subject)["raw"]
    assert (table["by_score"] + table["by_weight"]).sum() == pytest.approx(change)
    assert table["by_weight"].abs().max() < 1e-9  # weights were the same
    assert table.index[0] == "gas"
    fewer = city.with_(
        assets=city.assets.assign(
            year=city.assets["year"].where(city.assets["lifeline"] != "heating")
        )
    )
    sensors = fewer.sensors[fewer.sensors["lifeline"] != "heating"]
    without = scored(fewer.with_(sensors=sensors), found)
    table = score_movers(before, without, ALL, PROFILE.weighting, subject="city")
    change = total(without, "city")["raw"] - total(before, "city")["raw"]
    assert (table["by_score"] + table["by_weight"]).sum() == pytest.approx(change)
    assert table["by_score"].abs().max() < 1e-9
    assert table.loc["heating", "weight_now"] == 0.0
    assert np.isnan(table.loc["heating", "score_now"])
    # to lose a lifeline costs points where it was better than the whole, and gives some otherwise
    over = table.loc["heating", "score_before"] - total(before, "city")["raw"]
    assert np.sign(table.loc["heating", "by_weight"]) == -np.sign(over) != 0
    assert table.loc["gas", "by_weight"] < 0  # worse than the whole, and weighs more now
    both = scored(fewer.with_(sensors=sensors))
    table = score_movers(before, both, ALL, PROFILE.weighting)
    change = total(both, "city")["raw"] - total(before, "city")["raw"]
    assert (table["by_score"] + table["by_weight"]).sum() == pytest.approx(change)
    assert table["by_score"]["gas"] > 1.0


def test_movers_need_a_score_on_both_sides() -> None:
    dark = scored(two_zones(), completeness=0.1)
    with pytest.raises(TableError, match="no score of 'city' now; expected one of the city or"):
        score_movers(scored(two_zones()), dark, ALL, PROFILE.weighting)
    with pytest.raises(TableError, match="no score of 'Z9' before"):
        score_movers(dark, dark, ALL, PROFILE.weighting, subject="Z9")


def tasks(*rows: dict) -> pd.DataFrame:
    filled = [
        {"task": f"T{k}", "warning": "W0", "unit": "Gas Co", "due": at(5), "done": at(4)} | row
        for k, row in enumerate(rows)
    ]
    frame = pd.DataFrame(filled).set_index("task")[list(TASK_COLUMNS)]
    return frame.astype({"due": "datetime64[ms]", "done": "datetime64[ms]"})


def warned(city) -> tuple[pd.DataFrame, pd.DataFrame]:
    found = findings({"severity": 0.5, "level": 3})
    warnings = raise_warnings(found, city.assets, ALL)
    return found, warnings.set_axis(["W0"]).rename_axis("warning")


def test_tasks_are_judged_by_their_deadline() -> None:
    _, warnings = warned(two_zones())
    table = tasks(
        {},  # a day early
        {"done": at(5)},  # just in time
        {"done": at(5, hours=6)},
        {"done": pd.NaT},  # still open, five days late now
        {"due": at(20), "done": pd.NaT},  # not due yet
        {"due": at(20), "done": at(3)},  # done long before
        {"due": at(8), "done": at(12)},  # nobody knows yet that it will be done
        {"due": at(-50), "done": at(-60)},  # another period
        {"due": at(-50), "done": at(2)},  # late, and ended in this one
    )
    found = task_outcomes(table, warnings, at=NOW, since=at())
    assert found["on_time"].to_dict() == {
        "T0": True,
        "T1": True,
        "T2": False,
        "T3": False,
        "T5": True,
        "T6": False,
        "T8": False,
    }
    assert found["late_h"].tolist() == [0, 0, 6, 120, 0, 48, 52 * 24]
    assert set(found["lifeline"]) == {"water"}
    assert set(found["asset"]) == {"A0"}
    shares = on_time_shares(found)
    assert shares.loc["Gas Co"].tolist() == pytest.approx([7, 3 / 7, (6 + 120 + 48 + 1248) / 4])
    assert np.isnan(on_time_shares(found[found["on_time"]], "lifeline").loc["water", "late_h"])


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (tasks({}).drop(columns="unit"), "expected a table of tasks .* unit is missing"),
        (tasks({}, {"due": pd.NaT}), "task 'T1' has no deadline; expected a time in 'due'"),
        (tasks({"warning": "W7"}), "task 'T0' answers warning 'W7', which is not in the table"),
        (tasks({}).astype({"done": str}), "column 'done' of tasks holds .*; expected times, UTC"),
        (tasks({}, {}).rename({"T1": "T0"}), "task 'T0' stands twice"),
    ],
)
def test_bad_tasks_are_refused(table: pd.DataFrame, words: str) -> None:
    _, warnings = warned(two_zones())
    with pytest.raises(TableError, match=words):
        task_outcomes(table, warnings, at=NOW, since=at())


def test_response_enters_the_score_where_tasks_are_given() -> None:
    city = two_zones()
    found, warnings = warned(city)
    warnings = pd.concat([warnings, warnings.assign(asset="A1").rename({"W0": "W1"})])
    rows = ({}, {}, {"done": at(9)}, {"warning": "W1", "done": at(9)})
    args = (city, found, warnings, health_of(city), ALL, PROFILE)
    without = score_city(*args, at=NOW, since=at())
    given = score_city(*args, at=NOW, since=at(), tasks=tasks(*rows))
    assert "response" not in set(without["indicator"])
    one = given[given["lifeline"] != ""]
    by_name = one.set_index(["scope", "subject", "indicator"])["score"].sort_index()
    first = warnings["asset"]["W0"]
    assert by_name[("asset", first, "response")] == pytest.approx(200 / 3)
    assert by_name[("lifeline", "water", "response")] == pytest.approx(50.0)  # of tasks, not assets
    parts = {"condition": 0.35, "operation": 0.30, "monitoring": 0.15, "response": 0.20}
    expected = sum(by_name[("lifeline", "water", key)] * w for key, w in parts.items())
    assert by_name[("lifeline", "water", "total")] == pytest.approx(expected)
    assert total(given, "water", "water")["pulled_down_en"].startswith("Response 50")
    none = score_city(*args, at=NOW, since=at(), tasks=tasks({})[:0])
    kept = none[none["indicator"] != "response"].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, without.reset_index(drop=True))
    lost = obstacles(given, ALL, PROFILE.weighting)
    assert lost["lost"].sum() == pytest.approx(100 - total(given, "city")["raw"])
    assert lost.index[0] == ("water", "response")
