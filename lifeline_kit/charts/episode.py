"""One episode of gas in a manhole: its own series over its neighbours', and what may drive it."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from bokeh.models import BoxAnnotation, DatetimeTicker, Label, LinearAxis, Range1d, Span
from bokeh.plotting import figure

from lifeline_kit.charts import theme
from lifeline_kit.charts.fonts import STACK
from lifeline_kit.charts.series import empty_chart
from lifeline_kit.charts.thin import broken_at_gaps
from lifeline_kit.model.readings import Series
from lifeline_kit.text import Lang, Text

_METHANE = Text("甲烷 (%VOL)", "Methane (%VOL)")
_NEIGHBOUR, _OWN = Text("相邻井室", "Neighbours"), Text("本井", "This space")
_ONSET = Text("开始", "onset")
_AIR, _PRESSURE = Text("气温 (°C)", "Air (°C)"), Text("管网压力 (kPa)", "Pipe pressure (kPa)")
_TICKS = 6  # a narrow screen has room for so many dates
_LEL = ((1.0, "20 % LEL"), (2.5, "50 % LEL"), (5.0, "100 % LEL"))


def episode_chart(
    own: Series,
    neighbours: Mapping[str, Series],
    *,
    onset: pd.Timestamp,
    since: pd.Timestamp,
    until: pd.Timestamp,
    lang: Lang = "zh",
    time_zone: str = "UTC",
) -> figure:
    """Draw methane of a space and of those around it.

    Parameters
    ----------
    own : Series [%VOL]
    neighbours : mapping of name to Series [%VOL]
    onset : Timestamp
        UTC, as all times.
    since, until : Timestamp
        What is drawn.
    lang : {'zh', 'en'}
    time_zone : str
    """
    chart = empty_chart("", _METHANE(lang), 240)
    chart.update(sizing_mode="stretch_both")
    left, right, begin = theme.local([since, until, onset], time_zone)
    chart.x_range = Range1d(left, right)
    chart.xaxis.ticker = DatetimeTicker(desired_num_ticks=_TICKS)
    chart.add_layout(BoxAnnotation(left=begin, fill_color=theme.ORANGE, fill_alpha=0.07))
    for series in neighbours.values():
        _line(chart, series, time_zone, "#9aa5b1", 1.1, _NEIGHBOUR(lang))
    _line(chart, own, time_zone, theme.RED, 2.0, _OWN(lang))
    chart.add_layout(
        Span(location=begin, dimension="height", line_color=theme.ORANGE, line_dash="dashed")
    )
    inside = own.value[(own.time >= since.to_datetime64()) & (own.time <= until.to_datetime64())]
    top = max(float(np.nanmax(inside)) if inside.size else 0.0, 0.6) * 1.18
    chart.add_layout(
        Label(x=begin, y=top * 0.93, x_offset=4, text=_ONSET(lang), text_font_size="11px",
              text_color=theme.MUTED)
    )  # fmt: skip
    for level, words in _LEL:
        if level < top:
            chart.add_layout(
                Span(location=level, dimension="width", line_color=theme.MUTED, line_dash="dotted")
            )
            chart.add_layout(
                Label(x=4, x_units="screen", y=level, text=words, text_font_size="10px",
                      text_color=theme.MUTED)
            )  # fmt: skip
    chart.y_range = Range1d(0, top)
    _small_legend(chart)
    return chart


def drivers_chart(
    air: Series | None,
    pressure: Series | None,
    *,
    x_range: Range1d,
    lang: Lang = "zh",
    time_zone: str = "UTC",
) -> figure:
    """Draw what drives biogas (warmth) and leaks (pressure) under an episode, on its time axis."""
    chart = empty_chart("", _AIR(lang), 120)
    chart.update(sizing_mode="stretch_both", x_range=x_range)
    chart.xaxis.ticker = DatetimeTicker(desired_num_ticks=_TICKS)
    if air is not None and air.value.size:
        _line(chart, air, time_zone, "#2a7f62", 1.4, _AIR(lang))
        chart.y_range = _around(air)
    if pressure is not None and pressure.value.size:
        chart.extra_y_ranges = {"pressure": _around(pressure)}
        axis = LinearAxis(y_range_name="pressure", axis_label=_PRESSURE(lang))
        axis.update(
            axis_line_color="#9aa5b1", major_label_text_font_size="10px",
            minor_tick_line_color=None, axis_label_text_font_size="11px",
            axis_label_text_font_style="normal",
            axis_label_text_color=theme.MUTED, major_label_text_color=theme.MUTED,
        )  # fmt: skip
        chart.add_layout(axis, "right")
        time, value = broken_at_gaps(pressure.time, pressure.value)
        chart.line(
            theme.local(time, time_zone).to_numpy(), value, color="#7b61a8", line_width=1.2,
            line_alpha=0.7, y_range_name="pressure", legend_label=_PRESSURE(lang),
        )  # fmt: skip
    _small_legend(chart)
    return chart


def _small_legend(chart: figure) -> None:
    if not len(chart.legend):
        return
    chart.legend.update(
        location="top_left", orientation="horizontal", label_text_font_size="11px",
        label_text_font=STACK.replace("'", ""), label_height=12, background_fill_alpha=0.7,
        border_line_color=None, padding=2, margin=4, glyph_height=12,
        stylesheets=[theme.LEGEND_CSS],
    )  # fmt: skip


def _line(
    chart: figure, series: Series, time_zone: str, colour: str, width: float, words: str
) -> None:
    time, value = broken_at_gaps(series.time, series.value)
    chart.line(
        theme.local(time, time_zone).to_numpy(), value, color=colour, line_width=width,
        legend_label=words,
    )  # fmt: skip


def _around(series: Series) -> Range1d:
    low, high = float(np.nanmin(series.value)), float(np.nanmax(series.value))
    pad = 0.15 * max(high - low, 1e-3)
    return Range1d(low - pad, high + 2 * pad)
