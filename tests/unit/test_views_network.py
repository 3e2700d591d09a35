"""Words of the gas network page, and its map."""

import geopandas as gpd
import numpy as np
import pytest
from bokeh.models import ColorBar
from shapely import LineString, Point

from lifeline_kit.charts.segments import GRADE_COLOURS, segments_chart
from lifeline_kit.views.network_facts import legend_html, plans_html, segment_html, worst_rows

PLAN = {"zh": "依次关闭 V1", "en": "close in this order: V1", "fallback": {"V1": ["V2"], "V3": []}}
WORST = {"asset": "W1", "grade": "A", "risk": 3.25, "people": 40, "drivers_zh": "管龄",
         "drivers_en": "age", "isolation": PLAN}  # fmt: skip
FACTS = {
    "segments": {"asset": ["W1", "W2"], "grade": ["A", "D"], "kpa": [330.0, None],
                 "least": [12.5, 80.0]},
    "worst": [WORST], "terminals": [{"asset": "G2", "covered": 0.5}],
    "balances": [{"stations": 2, "usual": 1e3, "day": 90.0, "week": 45.0, "raised": True}],
}  # fmt: skip


def test_the_worst_segment_says_its_risk_and_its_valves(tiny_city):
    said = segment_html(tiny_city, FACTS, "W1", "en")
    for words in ("grade A", "risk 3.25", "driven by age", "order: V1", "V1 is stuck, close V2"):
        assert words in said
    assert "V3" not in said
    row = worst_rows(tiny_city, FACTS, "zh")[0]
    assert (row["mark"], row["place"], row["lifeline"]) == ("A", "管龄", "40 人")


def test_another_segment_says_that_no_valves_were_worked_out(tiny_city):
    said = segment_html(tiny_city, FACTS, "W2", "en")
    assert "grade D" in said
    assert "pressure — kPa" in said
    assert "for the 1 worst segments" in said


def test_plans_say_what_is_missing_rather_than_nothing(tiny_city):
    said = plans_html(tiny_city, FACTS, "en")
    for words in ("50.0% of the risk", "no permits", "≥ 90", "above the usual now"):
        assert words in said
    bare = plans_html(tiny_city, FACTS | {"terminals": [], "balances": []}, "en")
    for words in ("No space is left", "Fewer than 10 days"):
        assert words in bare


def test_only_grades_have_a_legend_of_colours():
    assert all(colour in legend_html("zh", "grade") for key, colour in GRADE_COLOURS.items() if key)
    assert GRADE_COLOURS["A"] not in legend_html("zh", "kpa")


@pytest.mark.parametrize("values", [["A", "E"], [330.0, None], [None, None]])
def test_the_map_draws_every_layer_and_marks(values):
    lines = gpd.GeoSeries({"a": LineString([(0, 0), (9, 0)]), "b": LineString([(0, 0), (0, 9)])})
    unit = "" if isinstance(values[0], str) else "kPa"
    chart, source = segments_chart(lines, values, unit=unit, chosen="b", marks={"s": Point(1, 1)})
    assert source.data["name"] == ["a", "b"]
    bars = [each for each in chart.right if isinstance(each, ColorBar)]
    assert len(bars) == (1 if unit else 0)
    if values[0] == "A":
        assert source.data["colour"] == [GRADE_COLOURS["A"], GRADE_COLOURS["E"]]
        assert source.data["width"][0] > source.data["width"][1]
    elif values[1] is None:
        assert source.data["shown"][1] == "—"
        assert np.isnan(source.data["value"][1])
