"""A city's own judgements of lifelines: read, refused, saved by the editor."""

import numpy as np
import pytest

from lifeline_kit.checkup.own_weights import judged_anew, save_judgements
from lifeline_kit.checkup.profile import WEIGHTS, city_profile, load_profile
from lifeline_kit.checkup.weights import judged_lifelines, load_weighting
from lifeline_kit.errors import RulesError
from lifeline_kit.lifelines import ALL
from lifeline_kit.model.city import City
from lifeline_kit.pipeline import examination_version

SHIPPED = load_weighting()


@pytest.fixture
def city(tiny_city, tmp_path):
    return City.open(tiny_city.save(tmp_path / "city"))


def heavier_water():
    matrix = SHIPPED.judgements()
    matrix.loc["gas", "water"], matrix.loc["water", "gas"] = 1.0, 1.0
    return matrix


def test_own_judgements_count_and_change_the_stamp(city):
    before = examination_version(city, None, city_profile(city))
    save_judgements(city, heavier_water(), by="Li", why="council 12/2026")
    profile = city_profile(city)
    assert examination_version(city, None, profile) != before
    assert (
        judged_lifelines(profile.weighting, ALL)["water"] > judged_lifelines(SHIPPED, ALL)["water"]
    )
    assert load_profile().weighting == SHIPPED
    text = (city.path / WEIGHTS).read_text(encoding="utf-8")
    assert "council 12/2026" in text
    assert "Li" in text


def test_what_was_saved_is_read_as_it_was(city):
    matrix = heavier_water()
    save_judgements(city, matrix, by='"Li"\n[x]', why="\\ 因为 \u202e")
    own = city_profile(city).weighting
    assert np.allclose(own.judgements(), matrix)
    assert own.groups == SHIPPED.groups
    save_judgements(city, SHIPPED.judgements(), by="Li", why="back")
    assert np.allclose(city_profile(city).weighting.judgements(), SHIPPED.judgements())
    assert [path.name for path in city.path.glob("weights*")] == [WEIGHTS]


@pytest.mark.parametrize(
    ("cells", "match"),
    [
        ({("gas", "water"): 9.0, ("water", "gas"): 1 / 9, ("water", "supplies"): 9.0,
          ("supplies", "water"): 1 / 9, ("gas", "supplies"): 1 / 9, ("supplies", "gas"): 9.0},
         "contradict one another: consistency ratio"),
        ({("gas", "water"): 3.0}, "not reciprocal"),
        ({("gas", "water"): 0.0, ("water", "gas"): 0.0}, "expected numbers above zero"),
        ({("gas", "gas"): 2.0}, "not reciprocal"),
    ],
)  # fmt: skip
def test_judgements_that_make_no_sense_are_not_saved(city, cells, match):
    matrix = SHIPPED.judgements()
    for (row, column), value in cells.items():
        matrix.loc[row, column] = value
    with pytest.raises(RulesError, match=match):
        save_judgements(city, matrix, by="Li", why="x")
    assert not (city.path / WEIGHTS).exists()


def test_nobody_saves_without_a_name_and_a_reason(city):
    with pytest.raises(RulesError, match="who judges and why"):
        save_judgements(city, SHIPPED.judgements(), by=" ", why="x")


def test_a_damaged_file_is_one_sentence(city):
    (city.path / WEIGHTS).write_text("version = ", encoding="utf-8")
    with pytest.raises(RulesError, match=r"weights.toml: .* compare with the shipped weights"):
        city_profile(city)


def test_an_editor_judges_the_upper_half_and_the_rest_follows():
    upper = {("gas", "water"): 3.0}
    matrix = judged_anew(SHIPPED.judgements(), upper)
    assert matrix.loc["gas", "water"] == 3.0
    assert matrix.loc["water", "gas"] == pytest.approx(1 / 3)
    assert matrix.loc["gas", "rail"] == SHIPPED.judgements().loc["gas", "rail"]
