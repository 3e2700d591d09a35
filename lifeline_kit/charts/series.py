"""The readings of one sensor as a Bokeh figure: flags, limits and findings on one time axis."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from bokeh.models import (
    BoxAnnotation,
    ColumnDataSource,
    DatetimeTickFormatter,
    HoverTool,
    Label,
    LabelSet,
    Range1d,
    Span,
    Title,
)
from bokeh.plotting import figure

from lifeline_kit.charts import theme
from lifeline_kit.charts.fonts import STACK
from lifeline_kit.charts.thin import broken_at_gaps, thinned
from lifeline_kit.model.readings import FAIL, SUSPECT, Series
from lifeline_kit.text import Lang, Text

_TIME = Text("时间", "Time")
_VALUE = Text("读数", "Reading")
_FLAG = Text("质量", "Quality")
_LIMITS = {"limit_low": Text("下限", "Lower limit"), "limit_high": Text("上限", "Upper limit")}
_MARKS = {"triangle": "triangle", "x": "x"}
# Numbers only: Bokeh's month names are English.
_FORMATS = {
    "milliseconds": "%H:%M:%S.%3N",
    "seconds": "%H:%M:%S",
    "minsec": "%H:%M:%S",
    "minutes": "%H:%M",
    "hourmin": "%H:%M",
    "hours": "%m-%d %H:%M",
    "days": "%m-%d",
    "months": "%Y-%m",
    "years": "%Y",
}


def series_chart(  # noqa: PLR0913 - what one chart shows, each named
    series: Series,
    *,
    unit: str,
    title: str = "",
    lang: Lang = "zh",
    time_zone: str = "UTC",
    limits: Mapping[str, float] = {},
    spans: Sequence[tuple[pd.Timestamp, pd.Timestamp, str]] = (),
    points: Sequence[tuple[pd.Timestamp, float, str]] = (),
    height: int = 230,
) -> figure:
    """Draw the readings of one sensor for the screen.

    Parameters
    ----------
    series : Series
        Times in UTC. Suspect and failed readings are marked by colour and shape.
    unit, title : str
    lang : {'zh', 'en'}
    time_zone : str
        IANA name; the axis shows wall-clock time there.
    limits : mapping of name to value [unit]
        `limit_low`, `limit_high` or words of your own; NaN is passed over.
    spans : sequence of (since, until, words)
        Findings, shaded; `until` NaT runs to the last reading.
    points : sequence of (time, value, words)
        Single events, named.
    height : int [px]

    Returns
    -------
    bokeh.plotting.figure
        Show it with `bokeh.io.show`, or put it into any Panel layout.
    """
    chart = empty_chart(title, unit, height)
    if series.value.size:
        drawn = thinned(series)
        _draw_line(chart, drawn, time_zone, lang)
        for flag in (SUSPECT, FAIL):
            _draw_flagged(chart, drawn, flag, time_zone, lang)
        _draw_spans(chart, spans, series.time[-1], time_zone)
        _draw_points(chart, points, time_zone)
    _draw_limits(chart, limits, lang)
    chart.y_range = _value_range(series, limits)
    if chart.legend and len(chart.legend.items) > 0:
        chart.add_layout(chart.legend[0], "below")
        chart.legend.update(
            orientation="horizontal", border_line_color=None, padding=0, margin=0,
            label_text_font_size="11px", glyph_height=14, spacing=12,
            stylesheets=[theme.LEGEND_CSS],
        )  # fmt: skip
    return chart


def empty_chart(title: str, unit: str, height: int) -> figure:
    """Return a chart with a time axis in the style of the pages, and nothing in it."""
    font = STACK.replace("'", "")
    chart = figure(
        height=height, sizing_mode="stretch_width", x_axis_type="datetime",
        y_axis_label=unit, tools="xpan,xwheel_zoom,xbox_zoom,reset", active_drag="xbox_zoom",
        toolbar_location="above", output_backend="canvas", min_border_left=48,
    )  # fmt: skip
    chart.toolbar.logo = None
    chart.toolbar.autohide = True
    chart.toolbar_inner = True  # no empty strip above the chart while it hides
    chart.xaxis.formatter = DatetimeTickFormatter(**_FORMATS)
    chart.outline_line_color = None
    chart.xgrid.grid_line_color = None
    chart.ygrid.grid_line_color = theme.LINE
    for axis in (chart.xaxis, chart.yaxis):
        axis.update(
            axis_line_color="#9aa5b1", major_tick_line_color="#9aa5b1", minor_tick_line_color=None,
            major_label_text_color=theme.MUTED, major_label_text_font_size="11px",
            axis_label_text_color=theme.MUTED, axis_label_text_font_style="normal",
            axis_label_text_font_size="11px", axis_label_text_font=font, major_label_text_font=font,
        )  # fmt: skip
    chart.title = Title(text=title, text_font=font, text_font_size="12px", text_color=theme.INK)
    return chart


def _draw_line(chart: figure, series: Series, time_zone: str, lang: Lang) -> None:
    time, value = broken_at_gaps(series.time, series.value)
    line = chart.line(
        theme.local(time, time_zone).to_numpy(), value, color=theme.ACCENT, line_width=1.4
    )
    chart.add_tools(
        HoverTool(
            renderers=[line],
            tooltips=[(_TIME(lang), "@x{%Y-%m-%d %H:%M}"), (_VALUE(lang), "@y{0.[000]}")],
            formatters={"@x": "datetime"},
            mode="vline",
        )
    )


def _draw_flagged(chart: figure, series: Series, flag: int, time_zone: str, lang: Lang) -> None:
    here = series.flag == flag
    if not here.any():
        return
    grade = theme.FLAGS[flag]
    chart.scatter(
        theme.local(series.time[here], time_zone).to_numpy(), series.value[here],
        marker=_MARKS[grade.shape], size=7, color=grade.colour, line_width=1.6,
        legend_label=f"{_FLAG(lang)}: {grade.text(lang)} ({int(here.sum())})",
    )  # fmt: skip


def _draw_spans(
    chart: figure,
    spans: Sequence[tuple[pd.Timestamp, pd.Timestamp, str]],
    last: np.datetime64,
    time_zone: str,
) -> None:
    for since, until, _ in spans:
        left, right = theme.local(
            [since, pd.Timestamp(last) if pd.isna(until) else until], time_zone
        )
        chart.add_layout(
            BoxAnnotation(left=left, right=right, fill_color=theme.ORANGE, fill_alpha=0.18,
                          line_color=theme.ORANGE, line_alpha=0.5)
        )  # fmt: skip


def _draw_points(
    chart: figure, points: Sequence[tuple[pd.Timestamp, float, str]], time_zone: str
) -> None:
    if not points:
        return
    times, values, words = zip(*points, strict=True)
    source = ColumnDataSource({"x": theme.local(times, time_zone), "y": values, "text": words})
    chart.scatter("x", "y", source=source, marker="inverted_triangle", size=8, color=theme.INK)
    chart.add_layout(
        LabelSet(x="x", y="y", text="text", source=source, y_offset=6, text_align="center",
                 text_font_size="11px", text_color=theme.INK)
    )  # fmt: skip


def _draw_limits(chart: figure, limits: Mapping[str, float], lang: Lang) -> None:
    for name, value in limits.items():
        if not np.isfinite(value):
            continue
        words = _LIMITS[name](lang) if name in _LIMITS else name
        chart.add_layout(
            Span(location=value, dimension="width", line_color=theme.RED, line_dash="dashed")
        )
        chart.add_layout(
            Label(x=6, x_units="screen", y=value, y_offset=2, text=f"{words} {value:g}",
                  text_font_size="11px", text_color=theme.RED)
        )  # fmt: skip


def _value_range(series: Series, limits: Mapping[str, float]) -> Range1d:
    """Span readings and near limits: a limit ten times off must not flatten the readings."""
    good = series.value[series.flag != FAIL] if (series.flag != FAIL).any() else series.value
    low, high = (float(good.min()), float(good.max())) if good.size else (0.0, 1.0)
    reach = max(high - low, abs(high) * 0.02, 1e-6)
    for value in limits.values():
        if np.isfinite(value) and low - 3 * reach < value < high + 3 * reach:
            low, high = min(low, value), max(high, value)
    pad = 0.1 * max(high - low, 1e-6)
    return Range1d(start=low - pad, end=high + pad)
