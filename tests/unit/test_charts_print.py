"""Printed charts: the right words in the SVG, nothing lost, nothing invented."""

import re

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import LineString, Point, box

from lifeline_kit.charts import theme
from lifeline_kit.charts.print import (
    bars_figure,
    map_figure,
    png_of,
    scores_figure,
    series_figure,
    svg_of,
)
from lifeline_kit.charts.thin import broken_at_gaps, thinned
from lifeline_kit.model.readings import FAIL, PASS, SUSPECT, Series

CRS = "EPSG:32650"
START = np.datetime64("2026-10-01T00:00", "ms")


def quarter_hours(n: int) -> np.ndarray:
    return START + np.arange(n) * np.timedelta64(900_000, "ms")


def steady(n: int = 200) -> Series:
    return Series(
        quarter_hours(n), np.full(n, 5, dtype=np.float32), np.full(n, PASS, dtype=np.uint8)
    )


@pytest.fixture
def assets() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        index=pd.Index(["A", "B", "C"], name="asset"),
        geometry=[LineString([(0, 0), (900, 900)]), LineString([(0, 900), (900, 0)]), Point(5, 5)],
        crs=CRS,
    )


def words(svg: str) -> str:
    return " ".join(re.findall(r">([^<>]+)</", svg))


def test_map_counts_levels_and_names_its_source(assets: gpd.GeoDataFrame) -> None:
    risk = pd.DataFrame({"level": [1, 1]}, index=["A", "B"])
    text = words(
        svg_of(
            map_figure(
                assets,
                risk,
                lang="zh",
                highlight=["B", "gone"],
                credit="© OpenStreetMap contributors",
            )
        )
    )
    for expected in ("重大 2", "未知 1", "低 0", theme.ATTRIBUTION, "100 m"):
        assert expected in text


def test_map_names_its_areas(assets: gpd.GeoDataFrame) -> None:
    areas = gpd.GeoDataFrame(
        {"name_zh": ["东区"], "name_en": ["East"]}, geometry=[box(0, 0, 900, 900)], crs=CRS
    )
    risk = pd.DataFrame({"level": [2]}, index=["A"])
    assert "East" in words(svg_of(map_figure(assets, risk, lang="en", boundary=areas)))


def test_map_of_nothing_is_still_a_map(assets: gpd.GeoDataFrame) -> None:
    svg = svg_of(map_figure(assets.iloc[:0], pd.DataFrame({"level": []}), lang="en"))
    assert svg.startswith("<svg")


def test_series_names_limits_events_and_local_time() -> None:
    at = pd.Timestamp("2026-10-01T12:00")
    svg = svg_of(
        series_figure(
            steady(),
            unit="kPa",
            title="压力",
            lang="zh",
            time_zone="Asia/Shanghai",
            limits={"limit_high": 6.0, "limit_low": float("nan")},
            spans=[(at, pd.NaT, "压力偏低")],
            points=[(at, 5.0, "峰值 12")],
        )
    )
    text = words(svg)
    assert "上限 6" in text
    assert "下限" not in text
    assert "压力偏低" in text
    assert "峰值 12" in text
    assert "Oct" not in text


def test_words_of_findings_that_overlap_do_not_lie_upon_one_another() -> None:
    start = np.datetime64("2026-10-01T00:00", "ms")
    time = start + np.arange(96) * np.timedelta64(900_000, "ms")
    series = Series(time, np.ones(96, dtype=np.float32), np.full(96, PASS, dtype=np.uint8))
    begin = pd.Timestamp(start)
    spans = [
        (begin, begin + pd.Timedelta("6h"), "first"),
        (begin + pd.Timedelta("1h"), begin + pd.Timedelta("8h"), "second"),
        (begin + pd.Timedelta("12h"), pd.NaT, "later"),
    ]
    svg = svg_of(
        series_figure(series, unit="kPa", title="p", lang="en", time_zone="UTC", spans=spans)
    )
    place = r'(?:x="[\d.]+" y="([\d.]+)"|translate\([\d.]+ ([\d.]+)\))[^>]*>{}<'
    height = {
        words: float(next(filter(None, re.search(place.format(words), svg).groups())))
        for words in ("first", "second", "later")
    }
    assert height["second"] > height["first"] == height["later"]


def test_flagged_readings_are_in_the_legend_and_passing_ones_not() -> None:
    series = steady()
    series.flag[3], series.flag[4] = SUSPECT, FAIL
    text = words(svg_of(series_figure(series, unit="m", title="", lang="en", time_zone="UTC")))
    assert "Suspect" in text
    assert "Fail" in text
    assert "Suspect" not in words(
        svg_of(series_figure(steady(), unit="m", title="", lang="en", time_zone="UTC"))
    )


def test_series_without_readings_says_so() -> None:
    assert "没有读数" in words(
        svg_of(series_figure(steady(0), unit="m", title="", lang="zh", time_zone="UTC"))
    )


def test_unknown_score_has_words_and_no_bar() -> None:
    scores = pd.DataFrame(
        {"subject": ["gas", "water"], "score": [np.nan, 91.0], "grade": ["", "A"]}
    )
    text = words(svg_of(scores_figure(scores, lang="en", names={"gas": "Gas"})))
    assert "too little data" in text
    assert "91.0 A" in re.sub(r"\s+", " ", text.replace("\xa0", " "))
    svg = svg_of(bars_figure([("x", float("nan"), "")], lang="en"))
    assert theme.BLUE not in svg


def test_same_chart_gives_the_same_bytes(assets: gpd.GeoDataFrame) -> None:
    risk = pd.DataFrame({"level": [1]}, index=["A"])
    assert svg_of(map_figure(assets, risk, lang="zh")) == svg_of(
        map_figure(assets, risk, lang="zh")
    )


def test_thinning_keeps_peaks_flags_and_ends() -> None:
    n = 50_000
    rng = np.random.default_rng(0)
    series = Series(
        quarter_hours(n),
        rng.normal(size=n).astype(np.float32),
        np.full(n, PASS, dtype=np.uint8),
    )
    series.value[12_345] = 99
    series.flag[777] = FAIL
    thin = thinned(series, 1000)
    assert thin.value.size <= 1003
    assert thin.value.max() == 99
    assert FAIL in thin.flag
    assert (thin.time[0], thin.time[-1]) == (series.time[0], series.time[-1])
    assert thinned(steady(10), 1000).value.size == 10


def test_line_breaks_where_readings_are_missing() -> None:
    series = steady(20)
    keep = np.r_[0:5, 15:20]
    time, value = broken_at_gaps(series.time[keep], series.value[keep])
    assert np.isnan(value).sum() == 1
    assert (np.diff(time) > np.timedelta64(0, "ms")).all()


def test_risk_and_warning_words_differ_where_colours_are_the_same() -> None:
    assert theme.RISK[1].colour == theme.WARNING[1].colour
    assert theme.RISK[1].text("zh") != theme.WARNING[1].text("zh")
    assert theme.RISK[1].text("zh") == theme.WARNING[2].text(
        "zh"
    )  # the trap: 重大 is red and orange
    assert [theme.WARNING[level].mark for level in (1, 2, 3, 4)] == ["I", "II", "III", "IV"]
    assert len({grade.shape for grade in theme.WARNING.values()}) == 4


def test_score_colours_follow_the_grades() -> None:
    assert theme.score_colour(79.9) == theme.YELLOW
    assert theme.score_colour(float("nan")) == theme.GREY
    assert theme.ink_on(theme.YELLOW) != theme.ink_on(theme.RED)


def test_pixels_are_drawn_from_the_same_chart() -> None:
    figure = bars_figure([("gas", 71.0, "C")], lang="en")
    png = png_of(figure, dpi=100)
    assert png.startswith(b"\x89PNG")
    width = int.from_bytes(png[16:20], "big")
    assert width == pytest.approx(170 / 25.4 * 100, abs=1)
    assert "71.0" in svg_of(figure)
