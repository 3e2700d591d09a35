"""The streets around one place: pipes, spaces, where gas may come from, how far harm reaches."""

from collections.abc import Mapping, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from bokeh.models import ColumnDataSource, DataRange1d, HoverTool, LabelSet
from bokeh.plotting import figure

from lifeline_kit.charts import theme
from lifeline_kit.charts.fonts import STACK
from lifeline_kit.text import Lang, Text

_PIPES = {
    "gas": (Text("燃气管", "Gas pipe"), "#d9822b", 3.0, "solid"),
    "drainage": (Text("排水管", "Sewer"), "#6b8e9f", 2.0, "dashed"),
}
_TRACED = Text("疑似泄漏段", "Suspected pieces")
_RING = Text("{kpa:g} kPa", "{kpa:g} kPa")
_SPACE = Text("井室 (颜色:甲烷)", "Spaces (colour: methane)")
_UNSENSED = Text("未监测井室", "Spaces without terminal")
_STEPS = ((0.25, "#9fb3c8"), (1.0, theme.YELLOW), (2.5, theme.ORANGE), (np.inf, theme.RED))


def methane_colour(level: float) -> str:
    """Colour of a methane concentration [%VOL]; the steps are 5, 20 and 50 % LEL."""
    return next(colour for top, colour in _STEPS if level < top or top == np.inf)


def surroundings_chart(
    assets: gpd.GeoDataFrame,
    *,
    chosen: str,
    levels: Mapping[str, float],
    pieces: Sequence[Sequence[float]] = (),
    rings: Sequence[Mapping] = (),
    lang: Lang = "zh",
    radius_m: float = 110.0,
    names: Sequence[str] = (),
) -> figure:
    """Draw the surroundings of a space.

    Parameters
    ----------
    assets : GeoDataFrame, index `asset`
        Of the whole city, metric CRS; only what lies near is drawn.
    chosen : str
        Space in the middle.
    levels : mapping of asset to float [%VOL]
        Methane of the spaces that have a terminal.
    pieces : sequence of (x, y, probability)
        Pieces of main that may leak.
    rings : sequence of mapping
        `at`, `radius_m`, `kpa`.
    lang : {'zh', 'en'}
    radius_m : float [m]
    names : sequence of str
        Spaces to be named on the map (where to look next).
    """
    middle = assets.geometry[chosen].centroid
    near = assets[shapely.dwithin(assets.geometry.to_numpy(), middle, 1.6 * radius_m)]
    chart = _empty(middle, radius_m)
    for lifeline, (title, colour, width, dash) in _PIPES.items():
        rows = near[(near["lifeline"] == lifeline) & (near["kind"] == "pipe")]
        _draw_pipes(chart, rows, title(lang), colour, width, dash)
    for ring in rings:
        words = _RING.format(kpa=ring["kpa"])(lang)
        chart.ellipse(
            [ring["at"][0]], [ring["at"][1]], width=[2 * ring["radius_m"]],
            height=[2 * ring["radius_m"]], fill_alpha=0.04, fill_color=theme.RED,
            line_color=theme.RED, line_alpha=0.55, line_dash="dotted",
        )  # fmt: skip
        _label(chart, ring["at"][0], ring["at"][1] + ring["radius_m"], words)
    _draw_pieces(chart, pieces, lang)
    spaces = near[(near["lifeline"] == "gas") & (near["kind"] == "space")]
    _draw_spaces(chart, spaces, levels, chosen, lang)
    for name in names:
        if name in spaces.index:
            point = spaces.geometry[name].centroid
            _label(chart, point.x, point.y + 3, name)
    if len(chart.legend):
        chart.legend.update(
            location="top_left", orientation="vertical", label_text_font_size="11px",
            label_text_font=STACK.replace("'", ""), label_height=12, background_fill_alpha=0.82,
            border_line_color=None, padding=5, margin=4, spacing=2, glyph_height=12,
            glyph_width=16, stylesheets=[theme.LEGEND_CSS],
        )  # fmt: skip
    return chart


def _empty(middle: shapely.Point, radius_m: float) -> figure:
    chart = figure(
        height=250, sizing_mode="stretch_width", match_aspect=True, tools="pan,wheel_zoom,reset",
        active_scroll="wheel_zoom", toolbar_location=None, output_backend="canvas",
    )  # fmt: skip
    # equal scales need ranges that follow data: an unseen square is that data
    frame = chart.quad(
        left=[middle.x - radius_m], right=[middle.x + radius_m], bottom=[middle.y - radius_m],
        top=[middle.y + radius_m], fill_alpha=0, line_alpha=0,
    )  # fmt: skip
    chart.x_range = DataRange1d(renderers=[frame], range_padding=0)
    chart.y_range = DataRange1d(renderers=[frame], range_padding=0)
    chart.axis.visible = False
    chart.grid.visible = False
    chart.outline_line_color = "#e1e6ec"
    chart.background_fill_color = "#fbfcfd"
    return chart


def _draw_pipes(
    chart: figure, rows: gpd.GeoDataFrame, title: str, colour: str, width: float, dash: str
) -> None:
    if rows.empty:
        return
    lines = [shapely.get_coordinates(line) for line in rows.geometry]
    chart.multi_line(
        [line[:, 0].tolist() for line in lines], [line[:, 1].tolist() for line in lines],
        line_color=colour, line_width=width, line_dash=dash, line_alpha=0.75, legend_label=title,
    )  # fmt: skip


def _draw_pieces(chart: figure, pieces: Sequence[Sequence[float]], lang: Lang) -> None:
    if not len(pieces):
        return
    x, y, chance = np.array(pieces, dtype=float).T
    share = chance / chance.max()
    chart.scatter(
        x.tolist(), y.tolist(), size=(6 + 9 * share).tolist(), marker="square", color=theme.RED,
        fill_alpha=(0.25 + 0.75 * share).tolist(), line_color=None, legend_label=_TRACED(lang),
    )  # fmt: skip


def _draw_spaces(
    chart: figure,
    spaces: gpd.GeoDataFrame,
    levels: Mapping[str, float],
    chosen: str,
    lang: Lang,
) -> None:
    here = pd.Series(levels, dtype=float).reindex(spaces.index)
    for known, title in ((False, _UNSENSED), (True, _SPACE)):
        part = spaces[here.notna().to_numpy() == known]
        if part.empty:
            continue
        points = shapely.centroid(part.geometry.to_numpy())
        level = here.loc[part.index]
        source = ColumnDataSource(
            {
                "x": shapely.get_x(points),
                "y": shapely.get_y(points),
                "fill": [methane_colour(v) if known else "#ffffff" for v in level],
                "size": [17 if name == chosen else 11 for name in part.index],
                "edge": [theme.INK if name == chosen else theme.CASING for name in part.index],
                "width": [3 if name == chosen else 1 for name in part.index],
                "name": part.index.astype(str),
                "level": [f"{v:.2f} %VOL" if known else "—" for v in level],
            }
        )
        drawn = chart.scatter(
            "x", "y", source=source, size="size", fill_color="fill", line_color="edge",
            line_width="width", legend_label=title(lang),
        )  # fmt: skip
        chart.add_tools(HoverTool(renderers=[drawn], tooltips="@name: @level"))


def _label(chart: figure, x: float, y: float, words: str) -> None:
    source = ColumnDataSource({"x": [x], "y": [y], "text": [words]})
    chart.add_layout(
        LabelSet(
            x="x", y="y", text="text", source=source, text_align="center", y_offset=1,
            text_font_size="11px", text_color=theme.INK, text_font=STACK.replace("'", ""),
            background_fill_color="#ffffff", background_fill_alpha=0.7,
        )
    )  # fmt: skip
