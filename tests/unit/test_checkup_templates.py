"""Lists of indicators of the yearly and the daily check-up."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from oracles.hand import findings
from test_checkup import health_of, scored, total, two_zones

from lifeline_kit.checkup import assess_risk, templates
from lifeline_kit.checkup.profile import load_profile
from lifeline_kit.checkup.templates import filled, known_values, load_template
from lifeline_kit.early_warning import raise_warnings
from lifeline_kit.errors import RulesError
from lifeline_kit.lifelines import ALL


@pytest.mark.parametrize("key", ["annual", "daily"])
def test_every_indicator_says_where_it_is_from_and_that_nobody_read_it(key: str) -> None:
    template = load_template(key)
    assert template.indicators
    for each in template.indicators:
        assert each.title.zh
        assert each.title.en
        assert "practice note" in each.source
        assert each.tag in {"S", "U", "P"}
        assert not each.verified
        assert each.at_most is None or each.at_least is None


def test_the_yearly_list_says_of_how_many_it_is_a_part() -> None:
    annual = load_template("annual")
    assert annual.basic_indicators == 61 > len(annual.indicators)
    assert load_template("daily").basic_indicators == 0


def test_unknown_is_neither_met_nor_missed() -> None:
    table = filled(load_template("annual"), {"water_leakage": 9.0, "high_risk_km": 3.0})
    assert table["met"]["water_leakage"] == "yes"
    assert table["met"]["high_risk_km"] == ""
    assert table["met"]["drills_done"] == ""
    assert np.isnan(table["value"]["drills_done"])
    assert filled(load_template("annual"), {"water_leakage": 9.1})["met"]["water_leakage"] == "no"
    daily = filled(load_template("daily"), {"online_rate": 94.9, "open_red": 0.0})
    assert daily["met"][["online_rate", "open_red"]].tolist() == ["no", "yes"]
    assert daily["target"]["online_rate"] == 95.0


def test_what_an_examination_tells_is_filled_in() -> None:
    city = two_zones()
    city = city.with_(assets=city.assets.assign(length_m=[1000.0, 3000.0]))
    found = findings({"severity": 0.9, "level": 1})
    warnings = raise_warnings(found, city.assets, ALL)
    scores, health = scored(city, found, completeness=0.9), health_of(city, completeness=0.9)
    profile = load_profile()
    risk = assess_risk(city.assets, found, ALL, profile, at=pd.Timestamp("2026-10-15"))
    args = (city.assets, risk, scores, warnings, health)
    daily = known_values(load_template("daily"), *args)
    assert daily == {
        "high_risk_assets": 1.0,
        "open_warnings": 1.0,
        "open_red": 1.0,
        "online_rate": 100.0,
        "completeness": pytest.approx(90.0),
        "city_score": pytest.approx(total(scores, "city")["score"]),
    }
    names = ["share"]
    coverage = pd.DataFrame([[0.25]], pd.MultiIndex.from_tuples([("", 12)]), names)
    outcomes = pd.DataFrame({"on_time": [True, False]})
    more = known_values(load_template("daily"), *args, coverage=coverage, outcomes=outcomes)
    assert (more["risk_coverage"], more["on_time_share"]) == (25.0, 50.0)
    annual = known_values(load_template("annual"), *args)
    assert annual == {"high_risk_km": 1.0, "high_risk_share": 25.0}
    filled(load_template("annual"), annual)


def test_bad_templates_and_stray_values_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match="'leakage' is no indicator of 'annual'; expected water_"):
        filled(load_template("annual"), {"leakage": 9.0})
    with pytest.raises(RulesError, match="no template 'weekly'; expected annual, daily"):
        load_template("weekly")
    text = Path(templates.__file__).with_name("templates.toml").read_text(encoding="utf-8")
    for old, new, words in (
        ('key = "bridges_ab"', 'key = "water_leakage"', "an indicator of 'annual' stands twice"),
        ('tag = "P"\n', "colour = 3\n", "colour"),
        ('zh = "桥梁状况', 'name = "桥梁状况', "'zh' is missing"),
        ("[annual]", "[annual", "missing or not of the expected form"),
    ):
        assert old in text
        (tmp_path / "mine.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(RulesError, match=rf"mine\.toml: .*{words}"):
            load_template("annual", tmp_path / "mine.toml")
