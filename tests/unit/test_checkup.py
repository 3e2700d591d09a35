"""Scores, grades, caps and colours on cities whose answer is obvious."""

import dataclasses
import re
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.hand import CRS, asset_table, at, city_of, findings, no_areas, sensor_table
from shapely import box

from lifeline_kit.checkup import assess_risk, score_city
from lifeline_kit.checkup.profile import load_profile
from lifeline_kit.early_warning import raise_warnings
from lifeline_kit.errors import RulesError
from lifeline_kit.lifelines import ALL
from lifeline_kit.model.city import City
from lifeline_kit.model.tables import HEALTH_COLUMNS, table

PROFILE = dataclasses.replace(load_profile(), red=0.45, orange=0.25, yellow=0.10)
NOW = at(10)


def two_zones(*more: dict) -> City:
    """Two watched new water pipes, one in each zone."""
    assets = asset_table({}, {"district": "Z2"}, *more).assign(year=2026.0)
    city = city_of({}, assets, sensor_table(assets, *({} for _ in range(len(assets)))))
    areas = gpd.GeoDataFrame(
        {"area": ["Z1", "Z2"], "level": "district", "population": 10.0, "vulnerable": 1.0}
        | {"real_or_simulated": "simulated"},
        geometry=[box(-10, -10, 500, 10), box(500, -10, 1e6, 10)],
        crs=CRS,
    )
    return city.with_(areas=areas.set_index("area"))


def health_of(city: City, **changes: object) -> pd.DataFrame:
    rows = [
        {
            "sensor": sensor,
            "asset": row["asset"],
            "lifeline": city.assets["lifeline"][row["asset"]],
            "quantity": row["quantity"],
            "completeness": 1.0,
            "good": 1.0,
            "online": True,
        }
        | changes
        for sensor, row in city.sensors.iterrows()
    ]
    return table(rows, HEALTH_COLUMNS, "sensor")


def scored(city: City, found: pd.DataFrame | None = None, **health: object) -> pd.DataFrame:
    found = findings() if found is None else found
    warnings = raise_warnings(found, city.assets, ALL)
    return score_city(
        city, found, warnings, health_of(city, **health), ALL, PROFILE, at=NOW, since=at()
    )


def total(scores: pd.DataFrame, subject: str, lifeline: str = "") -> pd.Series:
    rows = scores[
        (scores["subject"] == subject)
        & (scores["lifeline"] == lifeline)
        & (scores["indicator"] == "total")
    ]
    assert len(rows) == 1
    return rows.iloc[0]


@pytest.mark.parametrize(
    ("score", "letter"),
    [
        *[(100, "A"), (90, "A"), (89.9, "B"), (80, "B"), (79.9, "C"), (66, "C")],
        *[(65.9, "D"), (50, "D"), (49.9, "E"), (0, "E"), (np.nan, "")],
    ],
)
def test_grades_are_cut_at_their_limits(score: float, letter: str) -> None:
    assert PROFILE.grade(score) == letter


def test_a_ceiling_is_the_best_score_of_its_grade() -> None:
    for letter, _ in PROFILE.grades:
        ceiling = PROFILE.ceiling(letter)
        assert PROFILE.grade(ceiling) == letter
        assert ceiling == 100 or PROFILE.grade(ceiling + 0.2) != letter


def test_a_new_city_without_findings_is_perfect() -> None:
    scores = scored(two_zones())
    for subject, lifeline in (("city", ""), ("Z1", ""), ("water", "water"), ("Z2", "water")):
        row = total(scores, subject, lifeline)
        assert row[["score", "raw"]].tolist() == pytest.approx([100, 100])
        assert (row["grade"], row["completeness"]) == ("A", 1.0)
    assert scores["score"].tolist() == pytest.approx([100] * len(scores))


def test_a_finding_costs_its_severity_and_is_named() -> None:
    city = two_zones()
    scores = scored(city, findings({"severity": 0.5, "level": 3}))
    own = scores[(scores["subject"] == "A0") & (scores["scope"] == "asset")].set_index("indicator")
    assert own["score"]["operation"] == 100 - 60 * 0.5
    weights = {"condition": 0.35, "operation": 0.30, "monitoring": 0.15}
    expected = (100 * 0.35 + 70 * 0.30 + 100 * 0.15) / sum(weights.values())
    assert own["score"]["total"] == pytest.approx(expected)
    assert own["pulled_down_en"]["total"] == "Operation 70: Turbid"
    assert re.fullmatch("运行状况 70 分.浊度超标", own["pulled_down_zh"]["total"])
    # the zone: mean of all (one pipe) and of the worst twentieth (the same pipe)
    zone = scores[(scores["subject"] == "Z1") & (scores["indicator"] == "operation")]
    assert zone["score"].tolist() == [70.0]
    lifeline = scores[(scores["subject"] == "water") & (scores["indicator"] == "operation")]
    assert lifeline["score"].tolist() == [0.5 * (85 + 70)]
    assert total(scores, "Z2")["score"] == pytest.approx(100)
    assert total(scores, "city")["pulled_down_en"].startswith("lowest: Water supply ")


def test_old_cleared_findings_no_longer_count() -> None:
    city = two_zones()
    long_ago = findings({"since": at(-60), "until": at(-50)})
    assert total(scored(city, long_ago), "city")["score"] == pytest.approx(100)
    health = findings({"health": True})
    assert total(scored(city, health), "city")["score"] == pytest.approx(100)


def test_the_worst_lifeline_caps_the_city() -> None:
    city = two_zones({"lifeline": "gas"}, {"lifeline": "roads", "kind": "section"})
    old = city.assets["lifeline"] == "roads"
    city = city.with_(assets=city.assets.assign(year=np.where(old, 1900.0, 2026.0)))
    quantity = city.sensors["quantity"].where(city.sensors["asset"] != "A3", "settlement")
    city = city.with_(sensors=city.sensors.assign(quantity=quantity))
    scores = scored(city, findings({"lifeline": "roads", "asset": "A3", "severity": 1.0}))
    worst, whole = total(scores, "roads", "roads"), total(scores, "city")
    assert worst["grade"] == "E"
    assert whole["raw"] > whole["score"]
    assert whole["score"] == PROFILE.ceiling("D")
    assert whole["grade"] == "D"
    assert whole["pulled_down_en"] == f"lowest: Roads {worst['score']:.0f}"


def test_an_open_red_warning_caps_the_city_at_d() -> None:
    red = {"level": 1, "severity": 0.05}
    for until, grade in ((pd.NaT, "D"), (at(1), "A")):
        scores = scored(two_zones(), findings(red | {"until": until}))
        assert total(scores, "city")["grade"] == grade
        assert total(scores, "Z1")["grade"] == "A"
    orange = scored(two_zones(), findings({"level": 2, "severity": 0.05}))
    assert total(orange, "city")["grade"] == "A"


@pytest.mark.parametrize(("share", "known"), [(0.2, True), (0.19, False), (0.0, False)])
def test_no_score_below_60_percent(share: float, known: bool) -> None:
    # half of completeness is the share of assets of known condition, here 1
    scores = scored(two_zones(), completeness=share)
    for subject, lifeline in (("water", "water"), ("Z1", "water"), ("city", ""), ("Z1", "")):
        row = total(scores, subject, lifeline)
        assert np.isfinite(row["score"]) == known
        assert bool(row["grade"]) == known
        assert row["completeness"] == pytest.approx(0.5 + share / 2)


def test_assets_have_no_total_below_the_profiles_minimum() -> None:
    city = two_zones()
    strict = dataclasses.replace(PROFILE, minimum_completeness=0.9)
    scores = score_city(
        city,
        findings(),
        raise_warnings(findings(), city.assets, ALL),
        health_of(city, completeness=0.8),
        ALL,
        strict,
        at=NOW,
        since=at(),
    )
    assert np.isnan(total(scores, "A0", "water")["score"])


def test_the_city_has_no_score_where_too_many_lifelines_are_unknown() -> None:
    city = two_zones({"lifeline": "gas"}, {"lifeline": "heating"})
    known = city.assets["lifeline"] == "water"
    city = city.with_(assets=city.assets.assign(year=np.where(known, 2026.0, np.nan)))
    scores = scored(city.with_(sensors=city.sensors[:2]))
    whole = total(scores, "city")
    assert total(scores, "water", "water")["score"] == pytest.approx(100)
    assert np.isnan(total(scores, "gas", "gas")["score"])
    assert np.isnan(whole["score"])
    assert whole["grade"] == ""


def test_no_shown_score_stands_on_less_than_the_minimum() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        keys = [lifeline.key for lifeline in ALL]
        city = two_zones(*({"lifeline": rng.choice(keys)} for _ in range(6)))
        unknown = rng.random(len(city.assets)) < 0.4
        city = city.with_(assets=city.assets.assign(year=np.where(unknown, np.nan, 2000.0)))
        watched = city.sensors[rng.random(len(city.sensors)) < 0.7]
        scores = scored(city.with_(sensors=watched))
        graded = scores[scores["grade"] != ""]
        assert (graded["completeness"] >= PROFILE.minimum_completeness).all()


def test_assets_find_their_district_by_place_where_no_column_says_it() -> None:
    city = two_zones()
    nameless = city.with_(assets=city.assets.drop(columns="district"))
    bad = findings({"severity": 0.5})
    pd.testing.assert_frame_equal(scored(nameless, bad), scored(city, bad))


def test_a_city_without_areas_is_scored_as_a_whole() -> None:
    city = two_zones().with_(areas=no_areas())
    assert total(scored(city), "city")["score"] == pytest.approx(100)


@settings(max_examples=60, deadline=None)
@given(
    mild=st.lists(st.floats(0, 1), min_size=1, max_size=4),
    worse=st.floats(0, 1),
    which=st.integers(0, 3),
)
def test_a_more_severe_finding_never_raises_a_score(
    mild: list[float], worse: float, which: int
) -> None:
    city = two_zones()
    which %= len(mild)
    rows = [{"severity": each, "asset": f"A{i % 2}", "level": 3} for i, each in enumerate(mild)]
    grave = [dict(row) for row in rows]
    grave[which]["severity"] = max(worse, mild[which])
    before = scored(city, findings(*rows))["score"].to_numpy()
    after = scored(city, findings(*grave))["score"].to_numpy()
    assert (after <= before + 1e-9).all()


def risk_of(assets: pd.DataFrame, found: pd.DataFrame | None = None) -> pd.DataFrame:
    return assess_risk(assets, findings() if found is None else found, ALL, PROFILE, at=NOW)


def test_unknown_is_grey() -> None:
    assets = asset_table({"year": np.nan}, {"kind": "fountain"}, {"lifeline": "magic"})
    risk = risk_of(assets)
    assert risk["level"].tolist() == [0, 0, 0]
    assert risk["likelihood"].isna().tolist()[0]
    assert (risk.loc[["A2"], ["reason_zh", "reason_en"]] == "").all(axis=None)
    assert risk_of(asset_table({"lifeline": "magic"}))["level"].tolist() == [0]


def test_a_finding_colours_an_asset_and_names_the_reason() -> None:
    assets = asset_table({}, {}, {"year": np.nan})
    found = findings({"severity": 0.9}, {"asset": "A1", "severity": 0.9, "until": at(1)})
    risk = risk_of(assets, pd.concat([found, findings({"asset": "A2"}).rename({"F0": "F9"})]))
    assert risk["likelihood"]["A0"] == 0.9
    assert risk["reason_en"].tolist()[0] == "Turbid"
    assert risk["reason_zh"].tolist()[0] == "浊度超标"
    assert "expert model" in risk["reason_en"]["A1"]  # cleared before now
    assert risk["likelihood"]["A2"] == 0.75
    assert risk["level"]["A0"] < risk["level"]["A1"] == 4
    assert risk_of(assets, found.assign(health=True))["level"]["A0"] == 4


def test_colours_grow_with_severity_age_and_people() -> None:
    def levels(**columns: object) -> list[int]:
        assets = asset_table(*({} for _ in range(9))).assign(**columns)
        return risk_of(assets)["level"].tolist()

    by_age = levels(year=np.linspace(2026, 1900, 9), people=10_000.0)
    assert by_age == sorted(by_age, reverse=True)
    assert by_age[0] == 4
    assert by_age[-1] == 1
    by_people = levels(year=1940.0, people=np.geomspace(1, 1e5, 9))
    assert by_people == sorted(by_people, reverse=True)
    assert len(set(by_people)) > 1
    rows = [{"asset": f"A{i}", "severity": i / 8} for i in range(9)]
    assets = asset_table(*({"people": 10_000.0} for _ in range(9)))
    by_finding = risk_of(assets, findings(*rows))["level"].tolist()
    assert by_finding == sorted(by_finding, reverse=True)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("red = ", "red = 0.001 #", "expected red > orange > yellow > 0"),
        ("wear_full = 4.0", "", "'wear_full' is missing"),
        ("[grades]", "[grades", "is missing or unreadable"),
    ],
)
def test_a_bad_profile_names_its_file(tmp_path: Path, old: str, new: str, words: str) -> None:
    from lifeline_kit.checkup import profile

    text = Path(profile.__file__).with_name("profile.toml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "mine.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RulesError, match=rf"mine\.toml: .*{words}"):
        load_profile(tmp_path / "mine.toml")
    with pytest.raises(RulesError, match=r"none\.toml"):
        load_profile(tmp_path / "none.toml")


def test_an_open_finding_of_level_one_makes_its_asset_red(tiny_city) -> None:
    from lifeline_kit.pipeline import examine

    node = tiny_city.readings["methane/event"].to_dataset()
    risen = node.assign(value=node["value"] * 4.0)  # 6 %VOL: above the lower explosive limit
    risen["value"].attrs = node["value"].attrs
    readings = tiny_city.readings.copy()
    readings["methane/event"] = type(readings)(risen)
    examination = examine(tiny_city.with_(readings=readings))
    assert examination.warnings.query("lifeline == 'gas'")["level"].tolist() == [1]
    assert examination.risk.loc["G1", "level"] == 1
