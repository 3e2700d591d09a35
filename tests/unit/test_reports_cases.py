"""Chapters of gas and heating: stored cases said in words, and nothing where there are none."""

import dataclasses
import json
import re
from pathlib import Path

import pandas as pd
import pytest

from lifeline_kit.lifelines.gas.triage_words import leaning
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.model.tables import CASE_COLUMNS, FINDING_COLUMNS, join_findings, table
from lifeline_kit.pipeline import examine
from lifeline_kit.reports import write_report
from lifeline_kit.text import LANGS, Lang

RING = {"harm_zh": "玻璃破碎", "harm_en": "window glass breaks", "sites": [], "at": [100, 20]}
FACTS = {
    "peak": 6.66,
    "rings": {
        "now": [],
        "full": [RING | {"kpa": 2.0, "radius_m": 34.0, "people": 27.0}],
    },
    "trace": {"summary_zh": "最可能在 P1", "summary_en": "most likely in P1", "search_m": 50.1},
    "isolation": {
        "close": ["V1"],
        "fallback": {"V1": ["V2", "V3"]},
        "people": 1200,
        "zh": "依次关闭 V1；停气约 1,200 人",
        "en": "close in this order: V1; about 1,200 people lose gas",
    },
    "rupture_m": 12.3,
}


def case(key: str, lifeline: str, asset: str, facts: dict, **rest: object) -> dict:
    said = {"reasons_zh": "理由甲\n理由乙", "reasons_en": "<b>one</b>\nsecond reason"}
    said |= {"advice_zh": "取样", "advice_en": "take a sample"}
    own = {"case": key, "lifeline": lifeline, "asset": asset, "facts": json.dumps(facts)}
    return own | said | {"kinds": "{}", "real_or_simulated": "simulated"} | rest


def gas_case(
    examination: Examination, key: str = "k1", facts: dict = FACTS, **change: object
) -> dict:
    kinds = json.dumps({"leak": 0.82, "biogas": 0.15, "sensor": 0.03})
    whole = {"kinds": kinds, "since": examination.since, "at": examination.at}
    return case(key, "gas", "G1", facts, **(whole | change))


def with_cases(examination: Examination, *rows: dict) -> Examination:
    return dataclasses.replace(examination, cases=table(rows, CASE_COLUMNS, "case"))


@pytest.fixture
def examination(tiny_city: City) -> Examination:
    return examine(tiny_city)


def seen(text: str) -> str:
    """Return the page without the marks of query ids, which nobody sees."""
    return re.sub(r'<span data-q="[^"]*" title="[^"]*">([^<]*)</span>', r"\1", text)


def page(city: City, examination: Examination, folder: Path, lang: Lang, **choice: object) -> str:
    (file,) = write_report(city, examination, folder / "r.html", lang=lang, **choice)
    return seen(file.read_text(encoding="utf-8"))


def chapter(city: City, examination: Examination, folder: Path, key: str, **choice: object) -> dict:
    (file,) = write_report(city, examination, folder, lang="en", formats=["json"], **choice)
    data = json.loads(file.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    return next(each for each in data["chapters"] if each["lifeline"] == key)


SAID: dict[Lang, list[str]] = {
    "zh": ["研判中的案例", "燃气泄漏 <b>82 %</b>", "倾向：燃气泄漏", "理由乙", "取样",
           "最可能在 P1",
           "停气约 1,200 人", "V1 卡死时加关 V2、V3", "玻璃破碎", "若积至 9.5 %VOL",
           "筛查性估算，不作许可计算", "现状不可燃", "峰值 6.7 %VOL"],
    "en": ["Open cases", "Gas leak <b>82 %</b>", "Likely: Gas leak", "second reason",
           "take a sample", "most likely in P1", "about 1,200 people lose gas",
           "if V1 is stuck, close V2, V3", "window glass breaks", "if filled to 9.5 %VOL",
           "screening, not a permit calculation", "Not flammable as it is", "peak 6.7 %VOL"],
}  # fmt: skip


@pytest.mark.parametrize("lang", LANGS)
def test_a_gas_case_says_all_that_decides(
    tiny_city: City, examination: Examination, tmp_path: Path, lang: Lang
) -> None:
    text = page(tiny_city, with_cases(examination, gas_case(examination)), tmp_path, lang)
    for words in SAID[lang]:
        assert words in text, words
    assert re.findall(r'<i style="width: ([\d.]+)%', text) == ["82.0", "15.0", "3.0"]
    assert "<b>one</b>" not in text


def test_without_cases_there_is_no_section(
    tiny_city: City, examination: Examination, tmp_path: Path
) -> None:
    text = page(tiny_city, with_cases(examination), tmp_path, "en")
    for words in ("Open cases", "Substations, by", "If the heat stopped", "Not judged"):
        assert words not in text, words


def test_what_a_case_lacks_is_left_out(
    tiny_city: City, examination: Examination, tmp_path: Path
) -> None:
    bare = gas_case(examination, facts={"peak": 1.0, "rings": {}})
    text = page(tiny_city, with_cases(examination, bare), tmp_path, "en")
    assert "Open cases" in text
    for words in ("Valves to close", "<dt>Source", "If it ignites", "nan"):
        assert words not in text, words
    (said,) = chapter(tiny_city, with_cases(examination, bare), tmp_path, "gas")["cases"]
    assert (said["people"], said["search_m"], said["close"]) == (None, None, [])


def test_the_likeliest_leak_comes_first_and_the_rest_is_counted(
    tiny_city: City, examination: Examination, tmp_path: Path
) -> None:
    rows = [
        gas_case(
            examination, f"k{k}",
            kinds=json.dumps({"leak": k / 20, "biogas": 1 - k / 20, "sensor": 0.0}),
        )
        for k in range(15)
    ]  # fmt: skip
    found = chapter(tiny_city, with_cases(examination, *rows), tmp_path, "gas")
    assert [each["id"] for each in found["cases"]] == [f"k{k}" for k in range(14, 2, -1)]
    assert found["more_cases"] == 3


def test_json_carries_the_numbers_of_a_case(
    tiny_city: City, examination: Examination, tmp_path: Path
) -> None:
    found = with_cases(examination, gas_case(examination, outside=True))
    (said,) = chapter(tiny_city, found, tmp_path, "gas")["cases"]
    assert {each["key"]: each["probability"] for each in said["causes"]} == {
        "leak": 0.82,
        "biogas": 0.15,
        "sensor": 0.03,
    }
    assert (said["search_m"], said["close"], said["people"]) == (50.1, ["V1"], 1200.0)
    assert said["leaning"] == "Outside the models: measure on site"
    assert said["rings"][0]["radius_m"] == 34.0
    assert said["calm"] is True


def test_a_district_shows_its_own_cases(
    tiny_city: City, examination: Examination, tmp_path: Path
) -> None:
    elsewhere = tiny_city.assets.copy()
    elsewhere.loc["G1", "district"] = "Z2"
    found = with_cases(examination, gas_case(examination))
    city = tiny_city.with_(assets=elsewhere)
    assert "Open cases" not in page(city, found, tmp_path, "en", district="Z1")
    assert "Open cases" in page(city, found, tmp_path, "en")


def test_questions_on_data_stand_apart_from_findings(
    tiny_city: City, examination: Examination, tmp_path: Path
) -> None:
    row = {
        "finding": "gas.data:size",
        "lifeline": "gas",
        "asset": "G1",
        "method": "network",
        "rule": "gas.data",
        "title_en": "Left out of the network",
        "evidence_en": "3 pipes have no diameter",
        "severity": 0.1,
        "since": examination.at,
        "real_or_simulated": "simulated",
    }
    more = join_findings([examination.findings, table([row], FINDING_COLUMNS, "finding")])
    found = dataclasses.replace(examination, findings=more)
    text = page(tiny_city, found, tmp_path, "en")
    assert "Left out of the network: 3 pipes have no diameter" in text
    gas = chapter(tiny_city, found, tmp_path, "gas")
    assert [each["id"] for each in gas["data"]] == ["gas.data:size"]
    assert "gas.data:size" not in [each["id"] for each in gas["findings"]]


NETWORK = {
    "segments": {"asset": ["G1", "G2", "G9"], "grade": ["A", "", "A"], "kpa": [], "least": []},
    "worst": [
        {
            "asset": asset,
            "grade": "A",
            "risk": 16.732,
            "people": 202,
            "drivers_zh": "管龄",
            "drivers_en": "age of the pipe",
        }
        for asset in ("G1", "G9")
    ],
    "terminals": [{"asset": "G2", "covered": 0.0165}],
    "balances": [{"stations": 3, "usual": 1240.1, "day": 145.9, "week": 60.6, "raised": True}],
    "left_out": 0,
    "measured": True,
    "assumed_zh": ["2 根管道未登记设计压力"],
    "assumed_en": ["2 pipes state no design pressure"],
}
NETWORK["worst"][0]["isolation"] = FACTS["isolation"]


def test_the_gas_network_names_segments_terminals_and_balances(
    tiny_city: City, examination: Examination, tmp_path: Path
) -> None:
    found = with_cases(examination, case("gas.network", "gas.network", "G1", NETWORK))
    text = page(tiny_city, found, tmp_path, "en")
    for words in (
        "Segments of highest risk", "16.73", "age of the pipe", "<td>V1</td>", "1,200",
        "Where the next terminals belong", "asset G2", "1.7 %", "146", "raised",
        "2 pipes state no design pressure",
    ):  # fmt: skip
        assert words in text, words
    assert "Open cases" not in text
    said = chapter(tiny_city, found, tmp_path, "gas")["network"]
    assert [row["asset"] for row in said["worst"]] == ["G1"]  # G9 is not in the report's scope
    assert said["grades"] == {"A": 1}
    part = page(tiny_city, found, tmp_path, "zh", district="Z1")
    assert "风险最高的管段" in part
    assert "供气平衡可检漏量" not in part  # balances are of whole networks
    assert "风险最高的管段" not in page(tiny_city, with_cases(examination), tmp_path, "zh")


STATION = {
    "kind": "substation",
    "fault": "valve_stuck_open",
    "fault_zh": "调节阀卡开",
    "fault_en": "control valve stuck open",
    "open": True,
    "days": 30.0,
    "excess_m3": 3360.0,
    "month_m3": 3360.0,
    "month_cny": 767.0,
    "cooling_k": 13.9,
    "peer_cooling_k": 16.1,
}
PLANT = {"kind": "plant", "usual_m3_h": 1.0, "open": True, "missing_en": [], "missing_zh": []}
GROUP = {"group": "S1", "people": 900.0, "vulnerable": 120.0, "room_c": 21.4, "hours_12": None}
COLD = {
    "kind": "cold",
    "told": True,
    "horizon_h": 96.0,
    "groups": [GROUP | {"hours_18": 7.6, "early": 3.0, "late": None}],
}


@pytest.fixture
def warm_city(tiny_city: City) -> City:
    own = tiny_city.assets.loc[["G1", "G2"]].rename(index={"G1": "S1", "G2": "L1"})
    own = own.assign(lifeline="heating", kind=["substation", "plant"], name_en=["Sub", "Plant"])
    return tiny_city.with_(assets=pd.concat([tiny_city.assets, own]).rename_axis("asset"))


def test_heating_says_substations_make_up_and_cold_homes(warm_city: City, tmp_path: Path) -> None:
    examination = examine(warm_city)
    found = with_cases(
        examination,
        case("h1", "heating", "S1", STATION, since=examination.since),
        case("h2", "heating", "L1", PLANT, since=examination.since),
        case("h3", "heating", "", COLD),
    )
    text = page(warm_city, found, tmp_path, "en")
    for words in (
        "Substations, by their heat meters", "control valve stuck open", "still on", "3,360",
        "767", "13.9 (16.1)", "Make-up of plants", "If the heat stopped: homes", "7.6",
        "(3.0–beyond 96 h)", "900", "120",
    ):  # fmt: skip
        assert words in text, words
    heating = chapter(warm_city, found, tmp_path, "heating")["heating"]
    assert heating["stations"][0]["month_cny"] == 767.0
    assert heating["groups"][0]["hours_12"] is None
    district = page(warm_city, found, tmp_path, "zh", district="Z1")
    assert "若停热：室温研判" in district


def test_heating_names_what_could_not_be_judged(warm_city: City, tmp_path: Path) -> None:
    lacking = {"kind": "missing", "missing_en": ["no air temperature"], "missing_zh": ["没有气温"]}
    unread = {"kind": "plant", "missing_en": ["no make-up flow"], "missing_zh": ["没有补水"]}
    found = with_cases(
        examine(warm_city),
        case("h1", "heating", "", lacking),
        case("h2", "heating", "L1", unread),
        case("h3", "heating", "", lacking | {"kind": "cold", "told": False, "groups": []}),
    )
    text = page(warm_city, found, tmp_path, "en")
    assert "Not judged: no air temperature; Plant (L1): no make-up flow" in text
    assert "Make-up of plants" not in text
    assert "If the heat stopped" not in text


@pytest.mark.parametrize(
    ("chance", "outside", "said"),
    [
        ((0.80, 0.15, 0.05), False, "Likely: Gas leak"),
        ((0.05, 0.15, 0.80), False, "Likely: Faulty terminal"),
        ((0.45, 0.50, 0.05), False, "Undecided: sample first"),
        ((0.20, 0.60, 0.20), False, "Likely: Biogas"),
        ((0.80, 0.15, 0.05), True, "Outside the models: measure on site"),
    ],
)
def test_leaning(chance: tuple[float, ...], outside: bool, said: str) -> None:
    named = dict(zip(("leak", "biogas", "sensor"), chance, strict=True))
    assert leaning(named, outside=outside).en == said
