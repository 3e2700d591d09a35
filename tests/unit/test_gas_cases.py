"""Cases of the demo city: what a duty officer gets to decide with, and what is missing when not."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lifeline_kit.charts.surroundings import methane_colour, surroundings_chart
from lifeline_kit.io.examinations import open_examination, save_examination
from lifeline_kit.lifelines.gas.cases import gas_cases, reference_cases
from lifeline_kit.lifelines.gas.signs import NAMES
from lifeline_kit.lifelines.gas.triage import triage
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.model.tables import FINDING_COLUMNS, table
from lifeline_kit.pipeline import examine
from lifeline_kit.views.cases import case_rows, cases, sheet_html, verdict, verdict_html

DEMO = Path(__file__).parents[2] / "data" / "demo" / "wuhan"


@pytest.fixture(scope="module")
def city() -> City:
    return City.open(DEMO)


@pytest.fixture(scope="module")
def examined(city: City) -> Examination:
    return examine(city)


def test_every_open_methane_finding_has_one_case_a_space(city: City, examined: Examination) -> None:
    own = examined.findings[examined.findings["rule"] == "gas.methane"]
    open_ = own[own["until"].isna()]
    assert len(open_)
    gas = examined.cases[examined.cases["lifeline"] == "gas"]
    gas = gas[gas["sensor"] != ""]
    assert set(open_["asset"]) <= set(gas["asset"])
    assert gas["asset"].is_unique
    for _, row in gas.iterrows():
        chance = json.loads(row["kinds"])
        assert sum(chance.values()) == pytest.approx(1.0, abs=1e-3)
        facts = json.loads(row["facts"])
        assert facts["pipe"] in city.assets.index
        assert facts["isolation"]["close"]
        assert set(facts["isolation"]["fallback"]) <= set(facts["isolation"]["close"])
        assert facts["rings"]["full"][0]["radius_m"] > facts["rings"]["full"][-1]["radius_m"]
        assert facts["trace"]["search_m"] > 0
        assert len(facts["similar"]) == 3
        assert "模拟" in facts["similar"][0]["verdict_zh"]


def test_words_of_a_case_stand_in_both_languages(city: City, examined: Examination) -> None:
    case = cases(examined)[0]
    assert case_rows(city, [case], "en")[0]["asset"] == case.asset
    for lang, wanted in (
        ("zh", ("判别依据", "关阀方案", "不作许可计算", "%VOL")),
        ("en", ("Why", "Valves", "not a permit calculation", "%VOL")),
    ):
        said = verdict_html(case, city, lang) + sheet_html(case, lang)
        assert all(word in said for word in wanted)
    assert verdict(case).zh
    assert verdict(case).en


def test_cases_are_stored_with_the_examination(
    city: City, examined: Examination, tmp_path: Path
) -> None:
    folder = tmp_path / "city"
    city.save(folder)
    kept = City.open(folder, readings=False)
    save_examination(kept, examined)
    again = open_examination(kept)
    assert again is not None
    pd.testing.assert_frame_equal(again.cases, examined.cases, check_dtype=False)


def test_nothing_open_makes_an_empty_table_of_the_right_shape(city: City) -> None:
    none = gas_cases(city, table([], FINDING_COLUMNS, "finding"), pd.Timestamp("2026-10-31"))
    assert not len(none)
    assert "facts" in none


def test_reference_cases_carry_every_sign_and_say_that_they_are_simulated() -> None:
    table = reference_cases()
    assert set(NAMES) <= set(table.columns)
    assert np.isfinite(table[list(NAMES)].to_numpy()).all()
    assert table["verdict_en"].str.contains("simulated").all()
    assert table["verdict_zh"].str.contains("模拟").all()


def test_the_map_around_a_space_draws_pipes_pieces_and_rings(
    city: City, examined: Examination
) -> None:
    case = cases(examined)[0]
    chart = surroundings_chart(
        city.assets,
        chosen=case.asset,
        levels=case.facts["levels"],
        pieces=case.facts["trace"]["pieces"],
        rings=case.facts["rings"]["full"],
        lang="en",
    )
    words = [item.label.value for item in chart.legend[0].items]
    assert {"Gas pipe", "Suspected pieces", "Spaces (colour: methane)"} <= set(words)
    assert methane_colour(0.0) != methane_colour(0.5) != methane_colour(2.0) != methane_colour(9.0)


def test_where_nobody_counted_people_none_are_told(city: City, examined: Examination) -> None:
    bare = city.with_(areas=city.areas.iloc[:0])
    own = gas_cases(bare, examined.findings, examined.at)
    facts = json.loads(own["facts"].iloc[0])
    assert facts["isolation"]["people"] is None
    assert "points of use" in facts["isolation"]["en"]
    assert {ring["people"] for ring in facts["rings"]["full"]} == {None}
    case = cases(replace(examined, cases=own))[0]
    assert "2 kPa" in sheet_html(case, "en")
    assert "people" not in sheet_html(case, "en")


def test_a_series_held_at_its_top_is_judged_on_site_and_secured() -> None:
    rng = np.random.default_rng(4)
    level = np.minimum(np.r_[np.zeros(300), np.linspace(0, 7, 60), np.full(40, 7.0)], 5.0)
    noise = rng.normal(0, 0.01, 400) * (level < 5.0)
    time = pd.date_range("2026-10-01", periods=400, freq="15min")
    judged = triage(pd.DataFrame({"methane": np.maximum(level + noise, 0)}, index=time))
    assert judged.outside
    assert "end of its range" in judged.reasons[0].en
    assert judged.advice[0].en.startswith("secure the place first")
    assert min(judged.leak, judged.biogas, judged.sensor) >= 0.01
