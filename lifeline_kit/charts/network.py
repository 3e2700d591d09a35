"""A pipe network drawn by what flows in it (pressures, temperatures, chances), places marked."""

from collections.abc import Mapping

import numpy as np
from bokeh.models import ColorBar, ColumnDataSource, HoverTool, LinearColorMapper, Title
from bokeh.palettes import Viridis256
from bokeh.plotting import figure

from lifeline_kit.charts import theme
from lifeline_kit.charts.fonts import STACK
from lifeline_kit.errors import InputError
from lifeline_kit.methods.hydraulics import Network

_MARKS = ("star", "circle", "triangle", "square", "diamond")
_INKS = (theme.RED, theme.INK, theme.ORANGE, theme.ACCENT, "#7b61a8")
_MANY = 60  # marked places, above which they are drawn small


def network_chart(
    network: Network,
    xy: np.ndarray,
    values: np.ndarray,
    *,
    unit: str,
    title: str = "",
    marks: Mapping[str, np.ndarray | int] = {},
    height: int = 460,
) -> figure:
    """Draw the links of a network in the colours of a quantity.

    Parameters
    ----------
    network : Network
    xy : array, (node, 2) [m]
    values : array, (node,) or (link,) [unit]
        Of nodes a link takes the mean of its ends. Grey where it is NaN.
    unit, title : str
    marks : mapping of words to int or int array
        Nodes to be marked, each group with a colour, a shape and a line of the legend.
    height : int [px]

    Returns
    -------
    bokeh.plotting.figure

    Raises
    ------
    InputError
        Where values are neither of nodes nor of links.
    """
    own = _of_links(network, np.asarray(values, dtype=float))
    known = own[np.isfinite(own)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    mapper = LinearColorMapper(
        Viridis256, low=low, high=high if high > low else low + 1.0, nan_color=theme.GREY
    )
    chart = _empty(title, height)
    start, end = xy[network.head], xy[network.tail]
    source = ColumnDataSource(
        {
            "x0": start[:, 0],
            "y0": start[:, 1],
            "x1": end[:, 0],
            "y1": end[:, 1],
            "value": own,
            "name": network.links.astype(str),
        }
    )
    drawn = chart.segment(
        "x0", "y0", "x1", "y1", source=source, line_width=2.4,
        line_color={"field": "value", "transform": mapper},
    )  # fmt: skip
    chart.add_tools(HoverTool(renderers=[drawn], tooltips=f"@name: @value{{0.[000]}} {unit}"))
    bar = ColorBar(color_mapper=mapper, title=unit, width=12, title_text_font=_font())
    chart.add_layout(bar, "right")
    _mark(chart, xy, marks)
    return chart


def _of_links(network: Network, values: np.ndarray) -> np.ndarray:
    if values.shape == network.nodes.shape:
        return 0.5 * (values[network.head] + values[network.tail])
    if values.shape == network.links.shape:
        return values
    raise InputError(
        f"values have the shape {values.shape}; expected one for each of {network.nodes.size} "
        f"nodes or {network.links.size} links, of one case."
    )


def _font() -> str:
    return STACK.replace("'", "")


def _empty(title: str, height: int) -> figure:
    chart = figure(
        height=height, sizing_mode="stretch_width", match_aspect=True, output_backend="canvas",
        tools="pan,wheel_zoom,reset", active_scroll="wheel_zoom", toolbar_location="above",
    )  # fmt: skip
    chart.toolbar.logo = None
    chart.axis.visible = False
    chart.grid.visible = False
    chart.outline_line_color = theme.LINE
    chart.title = Title(text=title, text_font=_font(), text_font_size="12px", text_color=theme.INK)
    return chart


def _mark(chart: figure, xy: np.ndarray, marks: Mapping[str, np.ndarray | int]) -> None:
    for k, (words, nodes) in enumerate(marks.items()):
        place = xy[np.atleast_1d(nodes)]
        if not len(place):
            continue
        chart.scatter(
            place[:, 0], place[:, 1], size=5 if len(place) > _MANY else 14,
            marker=_MARKS[k % len(_MARKS)], color=_INKS[k % len(_INKS)],
            fill_alpha=0.85, line_color="white", legend_label=words,
        )  # fmt: skip
    if chart.legend:
        chart.add_layout(chart.legend[0], "below")
        chart.legend.update(
            orientation="horizontal", border_line_color=None, padding=2, margin=2,
            label_text_font=_font(), label_text_font_size="11px",
        )  # fmt: skip
