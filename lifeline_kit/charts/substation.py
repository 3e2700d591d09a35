"""One substation: supply and return with what the return usually is, and the flow under them."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from bokeh.models import BoxAnnotation, DatetimeTicker, Range1d
from bokeh.plotting import figure

from lifeline_kit.charts import theme
from lifeline_kit.charts.fonts import STACK
from lifeline_kit.charts.series import empty_chart
from lifeline_kit.charts.thin import broken_at_gaps, thinned
from lifeline_kit.model.readings import PASS, Series
from lifeline_kit.text import Lang, Text

_WATER = Text("水温 (°C)", "Water (°C)")
_FLOW = Text("流量 (m³/h)", "Flow (m³/h)")
_LINES = {
    "supply_temperature": (Text("供水", "Supply"), theme.RED),
    "return_temperature": (Text("回水", "Return"), theme.BLUE),
}
_USUAL = Text("预期回水（日均）", "Usual return (day mean)")
_HALF_DAY = np.timedelta64(12, "h")  # a trailing mean of a day stands for its middle
_TICKS = 5


def temperature_chart(
    series: Mapping[str, Series],
    usual: Sequence[tuple[str, float]],
    *,
    since: pd.Timestamp,
    until: pd.Timestamp,
    fault: pd.Timestamp | None = None,
    lang: Lang = "zh",
    time_zone: str = "UTC",
) -> figure:
    """Draw supply, return and usual return of a substation.

    Parameters
    ----------
    series : mapping of `supply_temperature` and `return_temperature` to Series [degC]
    usual : sequence of (time, value) [degC]
        Trailing day means of what the return is expected to be; may be empty.
    since, until : Timestamp
        What is drawn; UTC, as all times.
    fault : Timestamp, optional
        From here on a fault is open.
    lang : {'zh', 'en'}
    time_zone : str
    """
    chart = empty_chart("", _WATER(lang), 260)
    chart.update(sizing_mode="stretch_both")
    left, right = theme.local([since, until], time_zone)
    chart.x_range = Range1d(left, right)
    chart.xaxis[0].ticker = DatetimeTicker(desired_num_ticks=_TICKS)
    seen = []
    for quantity, (words, colour) in _LINES.items():
        if quantity in series:
            seen.append(_line(chart, series[quantity], time_zone, colour, words(lang)))
    if usual:
        time = np.array([at for at, _ in usual], dtype="datetime64[ms]") - _HALF_DAY
        value = np.array([each for _, each in usual], dtype=float)
        here = time >= since.to_datetime64()
        chart.line(
            theme.local(time[here], time_zone).to_numpy(), value[here], color=theme.INK,
            line_width=1.6, line_dash="dashed", legend_label=_USUAL(lang),
        )  # fmt: skip
        seen.append(value[here])
    if fault is not None and pd.notna(fault):
        begin = theme.local([max(fault, since)], time_zone)[0]
        chart.add_layout(BoxAnnotation(left=begin, fill_color=theme.ORANGE, fill_alpha=0.1))
    chart.y_range = _around(np.concatenate(seen)) if seen else Range1d(0, 100)
    _legend(chart)
    return chart


def flow_chart(
    flow: Series | None,
    *,
    x_range: Range1d,
    lang: Lang = "zh",
    time_zone: str = "UTC",
) -> figure:
    """Draw the flow of a substation under its temperatures, on their time axis."""
    chart = empty_chart("", _FLOW(lang), 130)
    chart.update(sizing_mode="stretch_both", x_range=x_range)
    chart.xaxis[0].ticker = DatetimeTicker(desired_num_ticks=_TICKS)
    if flow is not None and flow.value.size:
        value = _line(chart, flow, time_zone, "#2a7f62", _FLOW(lang))
        chart.y_range = _around(value)
        _legend(chart)
    return chart


def _line(chart: figure, series: Series, time_zone: str, colour: str, words: str) -> np.ndarray:
    """Draw the readings that passed; return them."""
    good = series.flag <= PASS if (series.flag == PASS).any() else series.flag >= 0
    kept = Series(series.time[good], series.value[good], series.flag[good])
    drawn = thinned(kept) if kept.value.size else kept
    time, value = broken_at_gaps(drawn.time, drawn.value)
    chart.line(
        theme.local(time, time_zone).to_numpy(), value, color=colour, line_width=1.5,
        legend_label=words,
    )  # fmt: skip
    return kept.value.astype(float)


def _around(values: np.ndarray) -> Range1d:
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    pad = 0.08 * max(high - low, 1.0)
    return Range1d(low - pad, high + 3.0 * pad)  # room for the legend above the lines


def _legend(chart: figure) -> None:
    chart.legend.update(
        location="top_left", orientation="horizontal", label_text_font_size="11px",
        label_text_font=STACK.replace("'", ""), label_height=12, background_fill_alpha=0.7,
        border_line_color=None, padding=2, margin=4, glyph_height=12,
        stylesheets=[theme.LEGEND_CSS],
    )  # fmt: skip
