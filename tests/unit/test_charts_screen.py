"""Charts for the screen and the notebook map."""

import geopandas as gpd
import holoviews as hv
import numpy as np
import pandas as pd
import pytest
from bokeh.models import BoxAnnotation, Label, Span
from shapely import LineString, Point

from lifeline_kit.charts.maps import Selected, nearest_asset, risk_map
from lifeline_kit.charts.series import series_chart
from lifeline_kit.errors import AssetsError
from lifeline_kit.model.readings import FAIL, PASS, Series

START = np.datetime64("2026-10-01T00:00", "ms")


@pytest.fixture
def series() -> Series:
    n = 100
    flag = np.full(n, PASS, dtype=np.uint8)
    flag[10] = FAIL
    value = np.linspace(0, 1, n).astype(np.float32)
    value[10] = 500
    return Series(START + np.arange(n) * np.timedelta64(900_000, "ms"), value, flag)


@pytest.fixture
def pipes() -> gpd.GeoDataFrame:
    lines = [LineString([(i * 100, 0), (i * 100, 90)]) for i in range(5)]
    return gpd.GeoDataFrame(
        {"level": [1, 2, 3, 4, np.nan, 2]},
        index=pd.Index([*"ABCDE", "P"], name="asset"),
        geometry=[*lines, Point(1000, 50)],
        crs="EPSG:32650",
    )


def test_chart_shows_limits_findings_and_flags(series: Series) -> None:
    since = pd.Timestamp("2026-10-01T06:00")
    chart = series_chart(
        series,
        unit="kPa",
        lang="en",
        time_zone="Asia/Shanghai",
        limits={"limit_high": 1.2, "limit_low": float("nan")},
        spans=[(since, pd.NaT, "low")],
    )
    assert [span.location for span in chart.select(Span) if span.dimension == "width"] == [1.2]
    assert [label.text for label in chart.select(Label)] == ["Upper limit 1.2"]
    findings = [each for each in chart.select(BoxAnnotation) if each.fill_alpha == 0.18]
    assert pd.Timestamp(findings[0].left) == since + pd.Timedelta("8h")
    assert any("Fail (1)" in item.label.value for item in chart.legend[0].items)


def test_failed_reading_does_not_flatten_the_chart(series: Series) -> None:
    assert series_chart(series, unit="kPa").y_range.end < 2


def test_far_limit_does_not_flatten_the_chart(series: Series) -> None:
    assert series_chart(series, unit="kPa", limits={"limit_high": 1e6}).y_range.end < 2


def test_empty_series_is_a_chart() -> None:
    nothing = Series(np.zeros(0, "datetime64[ms]"), np.zeros(0, "f4"), np.zeros(0, "u1"))
    assert series_chart(nothing, unit="kPa").height == 230


def test_few_assets_are_segments_with_the_gravest_on_top(pipes: gpd.GeoDataFrame) -> None:
    drawn = risk_map(pipes)
    assert isinstance(drawn, hv.Overlay)
    labels = [each.label for each in drawn if isinstance(each, hv.Segments) and each.label]
    assert labels == ["Unknown", "Low", "Moderate", "High", "Major"]


@pytest.mark.slow
def test_many_assets_are_rasterised_in_the_palette(pipes: gpd.GeoDataFrame) -> None:
    drawn = risk_map(pipes, engine="datashader")
    image = np.dstack([drawn[()].dimension_values(i, flat=False) for i in (2, 3, 4)])
    seen = {tuple(pixel) for pixel in image.reshape(-1, 3).astype(int)}
    assert (0xA5, 0x00, 0x26) in seen
    assert (0xF4, 0x6D, 0x43) in seen


def test_click_names_the_nearest_asset(pipes: gpd.GeoDataFrame) -> None:
    assert nearest_asset(pipes, 104, 40, within=10) == "B"
    assert nearest_asset(pipes, 150, 40, within=10) == ""
    selected = Selected()
    drawn = risk_map(pipes, selected=selected)
    tap = next(
        stream for stream in hv.streams.Stream.registry[drawn] if isinstance(stream, hv.streams.Tap)
    )
    tap.event(x=203, y=10)
    assert selected.asset == "C"


def test_missing_column_and_missing_geometry_are_named(pipes: gpd.GeoDataFrame) -> None:
    with pytest.raises(AssetsError, match="column 'risk' is missing"):
        risk_map(pipes, colour="risk")
    with pytest.raises(AssetsError, match="no asset has a geometry"):
        risk_map(pipes.iloc[:0])
