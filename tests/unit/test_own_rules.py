"""A centre's own rules: other limits for some assets, rules of its own, shelves; and bad files."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from lifeline_kit.early_warning.own_rules import load_own_rules
from lifeline_kit.errors import RulesError
from lifeline_kit.lifelines import ALL
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import nodes
from lifeline_kit.pipeline import examine
from lifeline_kit.reports import write_report

OVERRIDE = """
[[override]]
rule = "gas.methane"
assets = ["G1"]
levels = { IV = 1.0, III = 2.0, II = 2.5, I = 5.0 }
source = "council decision 12/2026"
verified = true
"""
OWN = """
[[rules]]
lifeline = "water"
key = "own.pressure"
zh = "专用线压力过低"
en = "Pressure of the private line low"
quantity = "pressure"
test = "below"
unit = "kPa"
levels = { IV = 300.0, III = 250.0 }
assets = ["W1"]
source = "contract with the hospital"
"""
SHELF = """
[[shelve]]
rule = "gas.methane"
asset = "G1"
since = "2026-10-10T00:00"
until = "2026-10-12T00:00"
reason = "probe is being swapped"
by = "Li"
"""


@pytest.fixture
def saved(tiny_city, tmp_path):
    tiny_city.save(tmp_path / "city")
    return tmp_path / "city"


def examined(folder, text):
    (folder / "rules.toml").write_text(text, encoding="utf-8")
    return examine(City.open(folder))


def methane(examination):
    """The finding of the limit, which still goes on; one of a fast rise is over."""
    found = examination.findings
    return found[(found["rule"] == "gas.methane") & found["until"].isna()].iloc[0]


def test_other_limits_hold_for_their_assets_alone_and_say_their_source(saved):
    before = examine(City.open(saved))
    assert methane(before)["level"] == 2  # 1.5 %VOL
    after = examined(saved, OVERRIDE)
    row = methane(after)
    assert (row["level"], row["source"], row["verified"]) == (4, "council decision 12/2026", True)
    assert len(after.findings) == len(before.findings)
    assert after.version != before.version
    other = examined(saved, OVERRIDE.replace('"G1"', '"G2"'))
    assert methane(other)["level"] == 2


def test_the_report_states_the_limits_that_held(saved, tmp_path):
    examination = examined(saved, 'version = "2026-10"' + OVERRIDE)
    write_report(City.open(saved, readings=False), examination, tmp_path / "r.html", lang="en")
    text = (tmp_path / "r.html").read_text("utf-8")
    assert "gas.methane (G1)" in text
    assert "council decision 12/2026" in text
    assert "2026.2 + 2026-10" in text  # the shipped rules, and the centre's own


def test_a_rule_of_ones_own_finds_and_warns(saved):
    examination = examined(saved, OWN)
    found = examination.findings[examination.findings["rule"] == "own.pressure"]
    row = found.sort_values("level").iloc[0]
    assert set(found["asset"]) == {"W1"}
    assert row["level"] == 3
    assert row["source"] == "contract with the hospital"
    assert not row["verified"]
    names = {name for found in examination.warnings["findings"] for name in found}
    assert any("own.pressure" in name for name in names)


def rising(tiny_city, per_h):
    """The tiny city with ponding that rises at the end, and one wild reading a day before."""
    path, node = next(each for each in nodes(tiny_city.readings, "ponding_depth"))
    value = node["value"].to_numpy().copy()
    last = np.arange(1, 9) * 0.25 * per_h
    value[0, -8:] = last
    value[0, -96] = 0.09
    tree = dict(nodes(tiny_city.readings))
    tree[path] = node.assign(value=(node["value"].dims, value, node["value"].attrs))
    return tiny_city.with_(readings=xr.DataTree.from_dict(tree))


FORESEEN = """
[[rules]]
lifeline = "roads"
key = "own.rising"
zh = "积水将超限"
en = "Ponding is going to pass its limit"
quantity = "ponding_depth"
test = "forecast"
unit = "m"
window_h = 1.0
horizon_h = 2.0
levels = { IV = 0.15, III = 0.27 }
source = "expert"
"""


def test_a_forecast_warns_before_the_limit_is_reached(tiny_city, tmp_path):
    rising(tiny_city, 0.05).save(tmp_path / "city")
    found = examined(tmp_path / "city", FORESEEN).findings
    (row,) = found[found["rule"] == "own.rising"].to_dict("records")
    assert row["level"] == 4
    assert row["value"] == pytest.approx(0.0875 + 2 * 0.05, abs=0.02)  # 0.1 m is reached by then
    assert "at the trend of the last 1 h reaches in 2 h" in row["evidence_en"]
    assert row["since"] > pd.Timestamp("2026-10-10T22:00")  # the wild reading foresaw nothing
    assert not (found["rule"] == "roads.ponding").any()


def test_a_slow_rise_foresees_nothing(tiny_city, tmp_path):
    rising(tiny_city, 0.02).save(tmp_path / "city")
    found = examined(tmp_path / "city", FORESEEN).findings
    assert not (found["rule"] == "own.rising").any()


KINDS = """
[[rules]]
lifeline = "drainage"
key = "own.rain_12h"
zh = "十二小时雨量"
en = "Rain of twelve hours"
quantity = "rain"
test = "sum"
unit = "mm"
window_h = 12.0
levels = { IV = 50.0 }
source = "bulletin"

[[rules]]
lifeline = "gas"
key = "own.lasting"
zh = "甲烷持续"
en = "Methane that lasts"
quantity = "methane"
test = "persistence"
unit = "%VOL"
window_h = 2.0
for_min = 30.0
levels = { III = 1.25 }
source = "bulletin"

[[rules]]
lifeline = "water"
key = "own.beside"
zh = "偏离邻近测点"
en = "Away from its neighbours"
quantity = "pressure"
test = "neighbour"
unit = "sigma"
reach_m = 2000.0
floor = 5.0
levels = { IV = 6.0 }
source = "bulletin"

[[rules]]
lifeline = "water"
key = "own.silent"
zh = "测点离线"
en = "Sensor silent"
quantity = "pressure"
test = "offline"
unit = "interval"
levels = { IV = 8.0 }
source = "bulletin"
"""
WRONG_KINDS = {
    "for longer than the window": ("for_min = 30.0", "for_min = 150.0", "for_min is 150; expected"),
    "no duration": ("for_min = 30.0\n", "", "for_min is 0; expected minutes above zero"),
    "both": ("for_min = 30.0", "for_min = 30.0\ntimes = 2\nof = 3", "times is 2 and of 3; persis"),
    "too often": ("for_min = 30.0", "times = 4\nof = 3", "times is 4 and of 3; persistence takes"),
    "counting sums": ("window_h = 12.0", "window_h = 12.0\ntimes = 1\nof = 2", "no other test"),
    "told too often": (
        "levels = { III = 1.25 }", "levels = { III = 1.25 }\nrealarm_min = 2.0",
        "realarm_min is 2; persistence keeps quiet for 5 min",
    ),
    "silence too often": (
        "levels = { IV = 8.0 }", "levels = { IV = 8.0 }\nrealarm_min = 30.0",
        "realarm_min is 30; offline keeps quiet for 60 min",
    ),
    "no reach": ("reach_m = 2000.0\n", "", "reach_m is 0 and floor 5; neighbour needs both"),
    "a sum of no rate": (
        'quantity = "rain"', 'quantity = "level"', "sum needs a quantity per hour; level is in m"
    ),
    "a sum in another unit": ('unit = "mm"', 'unit = "m"', "unit m is not mm: mm/h summed up"),
    "a grave silence": ("IV = 8.0", "I = 8.0", "a silent sensor says nothing of the medium"),
    "silence in hours": ('"interval"', '"h"', "unit 'h': a silence is counted in 'interval'"),
    "no window": ("window_h = 12.0", "window_h = 0.0", "window_h is 0.0; expected hours above"),
}  # fmt: skip


def test_a_centre_may_use_every_kind_of_rule(tiny_city, tmp_path):
    values = tiny_city.readings["pressure/15min"]["value"]
    values[1, -200:] = np.nan
    tiny_city.save(tmp_path / "city")
    examination = examined(tmp_path / "city", KINDS)
    found = examination.findings.set_index("rule")
    assert found.loc["own.lasting", "asset"] == "G1"
    silent = found.loc["own.silent"]
    assert silent["sensor"] == "p2"
    assert silent["health"]
    names = [name for each in examination.warnings["findings"] for name in each]
    assert any(name.startswith("own.lasting") for name in names)
    assert not any(name.startswith("own.silent") for name in names)


@pytest.mark.parametrize("case", WRONG_KINDS)
def test_a_wrong_entry_says_what_was_expected(tiny_city, tmp_path, case):
    old, new, words = WRONG_KINDS[case]
    assert old in KINDS
    file = tmp_path / "rules.toml"
    file.write_text(KINDS.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RulesError, match=rf"rules\.toml: \[\[rules\]\] \d: .*{words}"):
        load_own_rules(file, ALL, tiny_city.assets.index)


def test_no_override_makes_a_silence_graver_or_turns_a_falling_limit_round(tiny_city, tmp_path):
    file = tmp_path / "rules.toml"
    change = '[[override]]\nrule = "{rule}"\nassets = ["W1"]\nsource = "x"\nlevels = {levels}\n'
    for rule, levels, words in (
        ("own.silent", "{ I = 8.0 }", "a silent sensor says nothing of the medium"),
        ("water.chlorine_lasting", "{ III = 0.05, II = 0.1 }", "must grow graver from IV to I"),
    ):
        file.write_text(KINDS + change.format(rule=rule, levels=levels), encoding="utf-8")
        with pytest.raises(RulesError, match=rf"\[\[override\]\] 1: .*{words}"):
            load_own_rules(file, ALL, tiny_city.assets.index)


def test_a_shelf_takes_the_level_off_and_says_so_but_no_longer_than_it_lasts(saved):
    row = methane(examined(saved, SHELF))
    assert row["level"] == 0
    assert "shelved until 2026-10-12 00:00 UTC (Li: probe is being swapped)" in row["evidence_en"]
    short = SHELF.replace("2026-10-12", "2026-10-10").replace(
        'until = "2026-10-10T00:00"', 'until = "2026-10-10T20:00"'
    )
    assert methane(examined(saved, short))["level"] == 2  # it goes on beyond the shelf


def test_a_file_that_was_changed_changes_the_version(saved):
    one = examined(saved, OVERRIDE).version
    assert examined(saved, OVERRIDE + "# ").version != one


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (OVERRIDE.replace("gas.methane", "gas.smell"), "rule 'gas.smell' is not known; expected"),
        (OVERRIDE.replace("G1", "G77"), "asset 'G77' is not in the city"),
        (OVERRIDE.replace('["G1"]', '"G1"'), "must be a list of ids"),
        (OVERRIDE.replace("IV = 1.0", "IV = 9.0"), "grow graver from IV to I"),
        (OVERRIDE.replace("IV = 1.0", "V = 1.0"), "levels are IV, III, II, I; got V"),
        (OVERRIDE.replace("source", "sauce"), "'sauce' is no key of it"),
        (OVERRIDE + OVERRIDE, "2: asset 'G1' has its own limits of 'gas.methane' already"),
        ('[[override]]\nrule = "gas.methane"\nassets = ["G1"]\nsource = "x"', "changes nothing"),
        (OWN.replace('"pressure"', '"smell"'), "quantity 'smell' is not known"),
        (OWN.replace('"kPa"', '"degC"'), "unit degC is not the canonical one"),
        (OWN.replace('"water"', '"air"'), "lifeline 'air' is not known"),
        (OWN.replace("own.pressure", "water.night_flow"), "is there already"),
        (OWN.replace('key = "own.pressure"', ""), "'key' is missing"),
        (SHELF.replace("10-12", "10-30"), "at most 14 days"),
        (SHELF.replace("10-12", "10-09"), "at most 14 days"),
        (SHELF.replace("probe is being swapped", " "), "reason and by must be said"),
        (SHELF.replace("2026-10-12T00:00", "soon"), "until is 'soon'"),
        ("[[shelf]]", "'shelf' is not known"),
        ("version = ", "rules.toml: "),
    ],
)
def test_each_mistake_is_one_sentence_that_names_the_entry(tmp_path, text, match):
    path = tmp_path / "rules.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RulesError, match=match):
        load_own_rules(path, ALL, pd.Index(["G1", "G2", "W1"]))
