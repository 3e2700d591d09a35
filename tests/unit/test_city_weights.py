"""A centre's own weights of lifelines beside its city: taken, stamped, refused where wrong."""

from pathlib import Path

import pytest

import lifeline_kit.checkup as room
from lifeline_kit.checkup.profile import WEIGHTS, city_profile, load_profile
from lifeline_kit.errors import RulesError
from lifeline_kit.model.city import City
from lifeline_kit.pipeline import examination_version, examine

SHIPPED = (Path(room.__file__).parent / "weights.toml").read_text(encoding="utf-8")


@pytest.fixture
def city(tiny_city: City, tmp_path: Path) -> City:
    return City.open(tiny_city.save(tmp_path / "city"))


def test_a_city_without_a_file_has_the_shipped_weights(city: City, tiny_city: City) -> None:
    assert city_profile(city) == load_profile()
    assert city_profile(tiny_city) == load_profile()  # never saved


def test_own_weights_move_the_score_and_the_stamp(city: City) -> None:
    before = examine(city)
    even = "\n".join([f"  {[1] * 8}," for _ in range(8)])
    start, end = SHIPPED.index("matrix = ["), SHIPPED.index("most_inconsistent")
    (city.path / WEIGHTS).write_text(f"{SHIPPED[:start]}matrix = [\n{even}\n]\n{SHIPPED[end:]}")
    own = city_profile(city)
    assert set(own.weighting.judgements().to_numpy().ravel()) == {1.0}
    after = examine(city)
    assert after.version == examination_version(city, None, own) != before.version
    raw = [each.scores[each.scores["scope"] == "city"]["raw"].iloc[0] for each in (before, after)]
    assert raw[0] != pytest.approx(raw[1], abs=1e-6)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[1, 2, 2,", "[1, 9, 2,", "not reciprocal"),
        ("[1, 2, 2,", "[1, 0, 2,", "above zero"),
        ("[1, 2, 2,", "[1, -2, 2,", "above zero"),
    ],
)
def test_wrong_judgements_are_refused_and_the_file_is_named(
    city: City, old: str, new: str, said: str
) -> None:
    (city.path / WEIGHTS).write_text(SHIPPED.replace(old, new, 1))
    with pytest.raises(RulesError, match=said) as caught:
        examine(city)
    assert WEIGHTS in str(caught.value)
