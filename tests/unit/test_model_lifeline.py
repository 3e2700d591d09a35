"""Declarations of lifelines: what a bad one says."""

from pathlib import Path

import pytest

from lifeline_kit.errors import RulesError
from lifeline_kit.methods.rules import diagnose_by_rules
from lifeline_kit.model.lifeline import Lifeline, load_lifeline

GOOD = """
[lifeline]
key = "tea"
zh = "茶"
en = "Tea"
weight = 0.1
version = "1"
indicators = { condition = 1.0 }

[[kinds]]
key = "pot"
zh = "壶"
en = "pot"
geometry = "point"
importance = 0.3

[[measures]]
quantity = "pressure"
unit = "kPa"
fail = [0.0, 10.0]
suspect = [1.0, 9.0]
interval_s = 60
source = "cup"

[[rules]]
key = "tea.cold"
zh = "凉"
en = "Cold"
quantity = "pressure"
test = "below"
unit = "kPa"
levels = { IV = 5.0, II = 2.0 }
source = "tongue"

[[conditions]]
kinds = ["pot"]
rate = 0.1
life_years = { "" = 3.0 }
source = "grandmother"
"""


def loaded(folder: Path, old: str = "", new: str = "") -> Lifeline:
    assert old in GOOD
    file = folder / "tea.toml"
    file.write_text(GOOD.replace(old, new, 1) if old else GOOD, encoding="utf-8")
    return load_lifeline(file, diagnose_by_rules)


def test_a_declaration_becomes_an_object(tmp_path: Path) -> None:
    tea = loaded(tmp_path)
    assert (tea.key, tea.title("zh"), tea.title("en"), tea.weight) == ("tea", "茶", "Tea", 0.1)
    assert tea.rules[0].levels == {4: 5.0, 2: 2.0}
    assert tea.rules[0].group == "tea.cold"
    assert tea.measures[0].fail == (0.0, 10.0)
    assert not tea.rules[0].verified
    assert tea.kind("pot") is tea.kinds[0]
    assert tea.kind("cup") is None
    assert tea.measure("pressure") is tea.measures[0]
    assert tea.measure("flow") is None


BAD = {
    "levels grow the wrong way": ("II = 2.0", "II = 7.0", r"\[\[rules\]\] tea.cold.*order of lev"),
    "level": ("II = 2.0", "VI = 2.0", r"\[\[rules\]\] tea.cold: 'VI'"),
    "test": ('"below"', '"smells"', r"\[\[rules\]\] tea.cold: test"),
    "quantity": (
        'quantity = "pressure"\ntest',
        'quantity = "warmth"\ntest',
        r"\[\[rules\]\] tea.cold: quantity 'warmth' is not known",
    ),
    "unit": ('unit = "kPa"\nlevels', 'unit = "psy"\nlevels', r"tea.cold: unit 'psy' is not known"),
    "other unit": ('unit = "kPa"\nlevels', 'unit = "bar"\nlevels', r"tea.cold: unit bar is not"),
    "no source": ('source = "tongue"', "", r"\[\[rules\]\] tea.cold.*'source'"),
    "stray key": ('source = "tongue"', 'source = ""\ncolour = 3', r"tea.cold.*'colour'"),
    "measure": ('unit = "kPa"\nfail', 'unit = "bar"\nfail', r"\[\[measures\]\] pressure: unit bar"),
    "measure source": ('source = "cup"', "", r"\[\[measures\]\] pressure.*'source'"),
    "kind": ('geometry = "point"', "", r"\[\[kinds\]\] pot.*'geometry'"),
    "life": ('{ "" = 3.0 }', "{ clay = 3.0 }", r"\[\[conditions\]\] \['pot'\]: life_years"),
    "head": ("weight = 0.1", "", "'weight' is missing"),
    "no section": ("[[conditions]]", "[[others]]", "'conditions' is missing"),
    "no toml": ("[lifeline]", "[lifeline", "compare with the declaration of another"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_declarations_name_file_and_entry(tmp_path: Path, case: str) -> None:
    old, new, words = BAD[case]
    with pytest.raises(RulesError, match=rf"tea\.toml: .*{words}"):
        loaded(tmp_path, old, new)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match=r"none\.toml"):
        load_lifeline(tmp_path / "none.toml", diagnose_by_rules)


@pytest.mark.parametrize(("test", "minutes"), [("below", 5.0), ("rise", 10.0), ("shift", 60.0)])
def test_a_rule_that_names_no_off_delay_keeps_quiet_for_the_cooldown_of_its_test(
    tmp_path: Path, test: str, minutes: float
) -> None:
    entry = 'test = "below"\nunit = "kPa"\nlevels = { IV = 5.0, II = 2.0 }'
    levels = "{ IV = 5.0, II = 2.0 }" if test == "below" else "{ IV = 2.0, II = 5.0 }"
    tea = loaded(tmp_path, entry, f'test = "{test}"\nunit = "kPa"\nlevels = {levels}')
    assert tea.rules[0].off_delay_min == minutes
