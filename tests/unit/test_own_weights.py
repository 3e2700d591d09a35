"""A centre's own weights: tried, refused with one message, kept, read again, taken back."""

import dataclasses
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifeline_kit.checkup.own_weights import (
    SCALE,
    drop_own_weights,
    judgement_cells,
    mirrored,
    own_weights_mark,
    previewed,
    save_own_weights,
    tried,
    weighting_toml,
)
from lifeline_kit.checkup.profile import WEIGHTS, city_profile, load_profile
from lifeline_kit.checkup.weights import load_weighting, read_weighting
from lifeline_kit.errors import CityError, ConflictError, InputError, RulesError
from lifeline_kit.model.city import City
from lifeline_kit.pipeline import examination_version, examine

SHIPPED = load_weighting()
AT = pd.Timestamp("2026-10-31T08:00")
WHO = {"by": "李工", "reason": '常务会 2026 第 "3" 号\\'}


def heavier_water() -> list[list[str]]:
    """Water as weighty as gas."""
    cells = judgement_cells(SHIPPED)
    for column in range(len(cells)):
        cells[1][column] = cells[0][column] if column > 1 else "1"
        cells = mirrored(cells, 1, column)
    cells[0][1] = cells[1][0] = "1"
    return cells


def test_the_shipped_judgements_are_taken_as_they_stand() -> None:
    trial = tried(SHIPPED, judgement_cells(SHIPPED))
    assert trial.problem is None
    assert trial.ratio == pytest.approx(0.0027, abs=5e-5)
    assert trial.weighting == SHIPPED


@pytest.mark.parametrize(
    ("cell", "at", "words"),
    [
        ("three", (0, 1), ["'Gas against Water supply' is 'three'", "“燃气 比 供水”"]),
        ("0", (0, 2), ["expected a number above zero", "应为大于 0 的数"]),
        ("-3", (0, 1), ["expected a number above zero", "应为大于 0 的数"]),
        ("1/0", (2, 1), ["is '1/0'", "填的是“1/0”"]),
        ("nan", (0, 1), ["is 'nan'", "填的是“nan”"]),
        ("9", (0, 1), ["Not reciprocal", "is 9", "is 1/2", "矩阵不互反"]),
        ("2", (3, 3), ["against itself is '2'", "与自身相比"]),
    ],
)
def test_a_wrong_cell_is_named_in_both_languages(
    cell: str, at: tuple[int, int], words: list[str]
) -> None:
    cells = judgement_cells(SHIPPED)
    cells[at[0]][at[1]] = cell
    trial = tried(SHIPPED, cells)
    assert trial.weighting is None
    assert trial.at == at
    assert trial.problem is not None
    for word in words:
        assert word in trial.problem.zh + trial.problem.en


def test_judgements_that_contradict_one_another_are_refused() -> None:
    cells = judgement_cells(SHIPPED)
    cells[0][1] = "1/9"  # gas over drainage over nothing, and water far over gas
    trial = tried(SHIPPED, mirrored(cells, 0, 1))
    assert trial.ratio > 0.1
    assert trial.weighting is None
    assert trial.at == (0, 1)
    assert trial.problem is not None
    assert f"{trial.ratio:.3f}" in trial.problem.zh
    assert "contradict" in trial.problem.en


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_what_is_tried_is_what_a_file_is_held_to(data: st.DataObject) -> None:
    cells = judgement_cells(SHIPPED)
    for _ in range(data.draw(st.integers(1, 4))):
        i, j = data.draw(
            st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda p: p[0] < p[1])
        )
        cells[i][j] = data.draw(st.sampled_from(SCALE))
        cells = mirrored(cells, i, j)
    trial = tried(SHIPPED, cells)
    if trial.weighting is None:
        assert trial.ratio >= 0.1
    else:
        assert trial.ratio < 0.1
        assert judgement_cells(trial.weighting) == cells


def test_weights_go_to_a_file_and_back(tmp_path: Path) -> None:
    (tmp_path / "w.toml").write_text(weighting_toml(SHIPPED), encoding="utf-8")
    assert load_weighting(tmp_path / "w.toml") == SHIPPED


def test_kept_weights_are_those_of_the_next_examination(tiny_city: City, tmp_path: Path) -> None:
    city = City.open(tiny_city.save(tmp_path / "city"))
    assert city_profile(city) == load_profile()
    before = examination_version(city, None, city_profile(city))
    trial = tried(SHIPPED, heavier_water())
    assert trial.weighting is not None
    file = save_own_weights(city.path, trial.weighting, before="", at=AT, **WHO)
    own = city_profile(city).weighting
    assert own.source == f"{WHO['by']}: {WHO['reason']}"
    assert own.digest() == trial.weighting.digest() != SHIPPED.digest()
    assert examination_version(city, None, city_profile(city)) != before
    found = examine(city)
    assert found.version == examination_version(city, None, city_profile(city))
    weights, raw = previewed(own, found.scores)
    assert weights["weight"].sum() == pytest.approx(1.0)
    city_row = found.scores.query("scope == 'city'").iloc[0]
    if pd.notna(city_row["raw"]):
        assert raw == pytest.approx(city_row["raw"])
    drop_own_weights(city.path, before=own_weights_mark(city.path))
    assert not file.exists()
    assert load_weighting(city.path / f"{WEIGHTS}.before").digest() == own.digest()
    assert examination_version(city, None, city_profile(city)) == before


def test_of_two_who_change_at_once_one_is_told(tmp_path: Path) -> None:
    save_own_weights(tmp_path, SHIPPED, before="", at=AT, **WHO)
    first = own_weights_mark(tmp_path)
    with pytest.raises(ConflictError, match="somebody else"):
        save_own_weights(tmp_path, SHIPPED, before="", at=AT, **WHO)
    with pytest.raises(ConflictError, match="somebody else"):
        drop_own_weights(tmp_path, before="")
    assert own_weights_mark(tmp_path) == first
    assert [file.name for file in tmp_path.iterdir()] == [WEIGHTS]


def test_weights_need_a_name_and_a_reason(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a name and a reason"):
        save_own_weights(tmp_path, SHIPPED, before="", at=AT, by=" ", reason="x")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(CityError, match="cannot be written"):
        save_own_weights(tmp_path / "gone", SHIPPED, before="", at=AT, **WHO)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (("floor = 0.05", "floor = 7"), "floor is 7.0; expected 0-1"),
        (("draws = 1000", "draws = 0"), "draws is 0; expected 1 or more"),
        (('"bridges" = 3', '"bridges" = -3'), "expected shares above zero"),
        (("[groups]\n", "[groups]\nrail = 3\n"), "group 'rail' is 3"),
        (('"gas"', '"sewage"'), "'sewage', which is no lifeline"),
        (("version", "vision"), "'version' is missing"),
        (("= [", "= [["), "missing or unreadable"),
    ],
)
def test_a_file_at_fault_is_one_message(
    change: tuple[str, str], match: str, tmp_path: Path
) -> None:
    file = tmp_path / WEIGHTS
    file.write_text(weighting_toml(SHIPPED).replace(*change, 1), encoding="utf-8")
    with pytest.raises(RulesError, match=match):
        read_weighting(file)


def test_a_file_at_fault_stops_the_examination_with_its_name(
    tiny_city: City, tmp_path: Path
) -> None:
    city = City.open(tiny_city.save(tmp_path / "city"), readings=False)
    (city.path / WEIGHTS).write_bytes(b"\xff\xfe")
    with pytest.raises(RulesError, match=r"weights\.toml"):
        city_profile(city)


def test_the_digest_is_of_what_weighs() -> None:
    assert dataclasses.replace(SHIPPED, version="x", source="y").digest() == SHIPPED.digest()
    assert dataclasses.replace(SHIPPED, floor=0.04).digest() != SHIPPED.digest()
