"""Segments of a pipe network on a map: one layer at a time, one segment chosen, places marked."""

from collections.abc import Mapping, Sequence

import geopandas as gpd
import numpy as np
import shapely
from bokeh.models import (
    ColorBar,
    ColumnDataSource,
    DataRange1d,
    HoverTool,
    LinearColorMapper,
    TapTool,
)
from bokeh.palettes import Viridis256
from bokeh.plotting import figure

from lifeline_kit.charts import theme
from lifeline_kit.charts.fonts import STACK

GRADE_COLOURS = {
    "A": "#a50026",
    "B": "#e8602c",
    "C": "#f2b134",
    "D": "#7fa8d1",
    "E": "#b9c6d3",
    "": theme.GREY,
}
_WIDTHS = {"A": 4.0, "B": 3.2, "C": 2.4, "D": 1.6, "E": 1.2, "": 1.2}


def segments_chart(
    lines: gpd.GeoSeries,
    values: Sequence[float | None] | Sequence[str],
    *,
    unit: str = "",
    chosen: str = "",
    marks: Mapping[str, shapely.Point] = {},
) -> tuple[figure, ColumnDataSource]:
    """Draw segments in the colours of their grade or of a quantity.

    Parameters
    ----------
    lines : GeoSeries, index `asset`
        Metric CRS.
    values : sequence of str or of float
        Grades A-E, or a quantity [unit]; what is None is grey.
    unit : str
        Empty for grades.
    chosen : str
        Segment drawn broad.
    marks : mapping of name to point

    Returns
    -------
    figure, ColumnDataSource
        The source of the segments, whose `selected` tells a click.
    """
    chart = _empty()
    xy = [shapely.get_coordinates(line) for line in lines]
    data: dict = {
        "xs": [each[:, 0].tolist() for each in xy],
        "ys": [each[:, 1].tolist() for each in xy],
        "name": lines.index.astype(str).tolist(),
    }
    if unit:
        own = np.array([np.nan if v is None else v for v in values], dtype=float)
        data |= {"value": own, "width": np.full(own.size, 2.0), "shown": _shown(own, unit)}
        colour: str | dict = {"field": "value", "transform": _mapped(chart, own, unit)}
    else:
        data |= {
            "colour": [GRADE_COLOURS[str(v)] for v in values],
            "width": [_WIDTHS[str(v)] for v in values],
            "shown": [str(v) or "—" for v in values],
        }
        colour = "colour"
    source = ColumnDataSource(data)
    drawn = chart.multi_line(
        "xs", "ys", source=source, line_color=colour, line_width="width",
        nonselection_line_alpha=1.0, selection_line_color=colour,
    )  # fmt: skip
    chart.add_tools(
        HoverTool(renderers=[drawn], tooltips="@name: @shown"), TapTool(renderers=[drawn])
    )
    if chosen in lines.index:
        own_xy = shapely.get_coordinates(lines[chosen])
        for width, ink in ((9.0, theme.INK), (5.0, "#ffe14d")):
            chart.line(own_xy[:, 0], own_xy[:, 1], line_width=width, line_color=ink)
        middle = lines[chosen].interpolate(0.5, normalized=True)
        chart.scatter(
            [middle.x], [middle.y], size=30, fill_color=None, line_color=theme.INK, line_width=2
        )
    if marks:
        points = np.array([[point.x, point.y] for point in marks.values()])
        chart.scatter(
            points[:, 0], points[:, 1], marker="star", size=15, fill_color=theme.ACCENT,
            line_color="#ffffff",
        )  # fmt: skip
    return chart, source


def _shown(values: np.ndarray, unit: str) -> list[str]:
    return [f"{v:,.1f} {unit}" if np.isfinite(v) else "—" for v in values]


def _mapped(chart: figure, values: np.ndarray, unit: str) -> LinearColorMapper:
    known = values[np.isfinite(values)]
    low, high = np.quantile(known, (0.02, 0.98)) if known.size else (0.0, 1.0)
    mapper = LinearColorMapper(
        Viridis256, low=float(low), high=float(max(high, low + 1e-3)), nan_color=theme.GREY
    )
    font = STACK.replace("'", "")
    bar = ColorBar(
        color_mapper=mapper, title=unit, width=10, title_text_font=font, padding=6,
        major_label_text_font_size="11px", title_text_font_size="11px",
    )  # fmt: skip
    chart.add_layout(bar, "right")
    return mapper


def _empty() -> figure:
    chart = figure(
        sizing_mode="stretch_both", match_aspect=True, tools="pan,wheel_zoom,reset",
        active_scroll="wheel_zoom", toolbar_location=None, output_backend="canvas",
        x_range=DataRange1d(range_padding=0.03), y_range=DataRange1d(range_padding=0.03),
    )  # fmt: skip
    chart.axis.visible = False
    chart.grid.visible = False
    chart.outline_line_color = "#e1e6ec"
    chart.background_fill_color = "#fbfcfd"
    return chart
