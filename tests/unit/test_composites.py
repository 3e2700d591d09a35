"""Composite conditions on hand-made findings and places."""

import re

import pandas as pd
import pytest
from oracles.hand import asset_table, at, findings
from shapely import Point

from lifeline_kit.early_warning import raise_warnings
from lifeline_kit.lifelines import ALL
from lifeline_kit.methods.composites import composite_findings
from lifeline_kit.model.composites import Composite, composite_of
from lifeline_kit.text import Text


def composite(**said: object) -> Composite:
    entry = {"key": "x.both", "zh": "组合", "en": "Both", "level": "II", "source": "hand"}
    return composite_of(entry | {"rules": ["a"]} | said)


def place(x: float, **said: object) -> dict:
    return {"geometry": Point(x, 0.0)} | said


def held(one: Composite, assets, *rows: dict) -> list[dict]:
    found = composite_findings([one], findings(*({"rule": "a"} | row for row in rows)), assets)
    return found.reset_index().to_dict("records")


NEAR = asset_table(place(0), place(40, lifeline="supplies", kind="school", name_en="School"))
TARGET = composite(targets=["supplies.school"], within_m=50.0)


def test_a_protected_place_within_reach_makes_it_graver() -> None:
    (row,) = held(TARGET, NEAR, {"level": 3, "until": at(1), "probability": 0.8})
    assert (row["level"], row["asset"], row["lifeline"], row["cause"]) == (2, "A0", "water", "F0")
    assert (row["method"], row["rule"], row["health"]) == ("composite", "x.both", False)
    assert (row["since"], row["until"]) == (at(0), at(1))
    assert (row["value"], row["limit"], row["unit"]) == (40.0, 50.0, "m")
    assert "40 m from 'School' (A1), limit 50 m" in row["evidence_en"]
    assert "40 m，限 50 m" in row["evidence_zh"]
    assert held(composite(targets=["supplies.school"], within_m=39.0), NEAR, {}) == []
    assert held(composite(targets=["water.school"], within_m=50.0), NEAR, {}) == []


def test_what_is_level_0_about_a_sensor_or_improbable_takes_no_part() -> None:
    assert held(TARGET, NEAR, {"level": 0}) == []
    assert held(TARGET, NEAR, {"health": True}) == []
    likely = composite(least_probability=0.5)
    assert held(likely, NEAR, {"probability": 0.49}, {"probability": float("nan")}) == []
    (row,) = held(likely, NEAR, {"probability": 0.5})
    assert "probability at least 50%" in row["evidence_en"]
    grave = composite(targets=["supplies.school"], within_m=50.0, graver_than="II")
    assert held(grave, NEAR, {"level": 3}) == []


LINKED = composite(level="I", assets=2, same="gas_pipe", within_m=60.0)


def spaces(*pipes: str) -> pd.DataFrame:
    return asset_table(*(place(50.0 * i, gas_pipe=pipe) for i, pipe in enumerate(pipes)))


def test_two_linked_places_count_from_the_second_until_one_is_over() -> None:
    both = ({"until": at(5)}, {"asset": "A1", "since": at(1), "until": at(3)})
    (row,) = held(LINKED, spaces("P", "P"), *both)
    assert (row["level"], row["since"], row["until"]) == (1, at(1), at(3))
    assert "holds at once at A0, A1" in row["evidence_en"]
    assert held(LINKED, spaces("P", "Q"), *both) == []
    assert held(LINKED, spaces("", ""), *both) == []  # an unknown pipe links nothing
    later = ({"until": at(1)}, {"asset": "A1", "since": at(1)})
    assert held(LINKED, spaces("P", "P"), *later) == []  # one after the other is not at once
    far = ({}, {"asset": "A2"})
    assert held(LINKED, spaces("P", "P", "P"), *far) == []


def test_a_condition_that_goes_on_is_told_once() -> None:
    rows = [{"asset": f"A{i}", "since": at(i)} for i in range(3)]
    (row,) = held(LINKED, spaces("P", "P", "P"), *rows)
    assert row["since"] == at(1)
    assert pd.isna(row["until"])


def test_two_parameters_at_once() -> None:
    one = composite(rules=["a", "b"], distinct=2, within_m=100.0)
    assets = asset_table(place(0), place(80), place(300))
    (row,) = held(one, assets, {"title_en": "Turbid"}, {"rule": "b", "asset": "A1"})
    assert "Turbid" in row["evidence_en"]
    assert held(one, assets, {}, {"rule": "b", "asset": "A2"}) == []
    assert held(one, assets, {}, {"asset": "A1"}) == []


def test_another_lifelines_finding_beside_it_whichever_came_first() -> None:
    one = composite(beside=["b"], within_m=20.0)
    assets = asset_table(place(0), place(15))
    for first, second in ((0, 1), (1, 0)):
        (row,) = held(
            one,
            assets,
            {"since": at(first)},
            {"rule": "b", "asset": "A1", "since": at(second), "until": at(4)},
        )
        assert (row["since"], row["until"]) == (at(1), at(4))


def test_districts_and_people() -> None:
    assets = asset_table(place(0, people=900.0), place(5000, district="Z2", people=2000.0))
    two = composite(districts=2)
    assert len(held(two, assets, {}, {"asset": "A1"})) == 1
    assert held(two, assets, {}, {}) == []
    many = composite(people=1000.0)
    (row,) = held(many, assets, {}, {"asset": "A1"})
    assert row["asset"] == "A1"


def test_what_waits_for_something_is_never_decided() -> None:
    waits = composite(targets=["supplies.school"], within_m=50.0, needs="calls", needs_zh="接警")
    assert waits.needs == Text("接警", "calls")
    assert held(waits, NEAR, {}) == []


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"rules": []}, "it has no rules; name some, or say what it needs"),
        ({}, "it asks nothing beyond its rules"),
        ({"targets": ["supplies.school"]}, "targets and beside need within_m above zero"),
        ({"colour": 1}, "unexpected keyword argument 'colour'"),
    ],
)
def test_a_wrong_entry_says_what_was_expected(said: dict, words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=re.escape(words)):
        composite(**said)


def test_shipped_conditions_name_rules_and_kinds_that_exist() -> None:
    rules = {rule.key for one in ALL for rule in one.rules}
    kinds = {f"{one.key}.{kind.key}" for one in ALL for kind in one.kinds}
    keys = [each.key for one in ALL for each in one.composites]
    assert len(keys) == len(set(keys))
    assert not set(keys) & rules
    for one in ALL:
        for each in one.composites:
            assert each.key.startswith(f"{one.key}.")
            assert {*each.rules, *each.beside} <= rules
            assert set(each.targets) <= kinds
            assert each.source
            assert each.source_zh


def test_it_grades_the_warning_of_its_parts_and_makes_no_second_one() -> None:
    assets = asset_table(
        place(0, lifeline="gas", kind="space"), place(40, lifeline="supplies", kind="school")
    )
    leak = {"rule": "gas.methane", "lifeline": "gas", "level": 4, "probability": 0.9}
    parts = findings(leak)
    composites = [each for one in ALL for each in one.composites]
    found = composite_findings(composites, parts, assets)
    assert sorted(found["rule"]) == ["gas.leak_likely", "gas.leak_near_target"]
    (warning,) = raise_warnings(pd.concat([parts, found]), assets, ALL).to_dict("records")
    assert warning["level"] == 2
    assert warning["title_en"] == "Gas leak suspected within 50 m of a protected place"
