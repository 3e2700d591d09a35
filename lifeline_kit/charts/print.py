"""Charts for paper, drawn by matplotlib without a screen.

`*_figure` draws a table; `svg_of` and `png_of` write what was drawn, vector for pages and pixels
for Word.
"""

import io
from collections.abc import Mapping, Sequence

import geopandas as gpd
import matplotlib.dates as mdates
import numpy as np
import pandas as pd
import shapely
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from lifeline_kit.charts import theme
from lifeline_kit.charts.fonts import printed, with_stack
from lifeline_kit.charts.thin import broken_at_gaps, thinned
from lifeline_kit.model.readings import FAIL, SUSPECT, Series
from lifeline_kit.text import Lang, Text

_MM = 1 / 25.4
_MOST = 1200  # readings of a chart 145 mm wide: five to the millimetre, and pages stay light
# A white ground, not a stroked outline: matplotlib turns outlined text into paths.
_GROUND = {"boxstyle": "square,pad=0.12", "facecolor": "white", "edgecolor": "none", "alpha": 0.75}
_MARKS = {"triangle": "^", "x": "x"}
_LIMITS = {
    "limit_low": Text("下限", "Lower limit"),
    "limit_high": Text("上限", "Upper limit"),
}
_NO_READINGS = Text("没有读数", "No readings")
_NO_SCORE = Text("资料不足，不评分", "too little data, no score")
_RISK_TITLE = Text("风险等级", "Risk level")
_SCORE_AXIS = Text("得分（0–100）", "Score (0–100)")


def map_figure(
    assets: gpd.GeoDataFrame,
    risk: pd.DataFrame,
    *,
    lang: Lang,
    highlight: Sequence[str] = (),
    boundary: gpd.GeoDataFrame | None = None,
    width_mm: float = 170,
    credit: str = "",
) -> Figure:
    """Draw assets in the colours of their risk; `credit` names whose places they are.

    Parameters
    ----------
    assets : GeoDataFrame, index `asset`
        In a metric CRS.
    risk : DataFrame, index `asset`
        `level` 1-4, 0 unknown; assets without a row count as unknown.
    lang : {'zh', 'en'}
    highlight : sequence of asset ids
        Ringed and numbered from 1 in the given order; ids that are not there are passed over.
    boundary : GeoDataFrame, optional
        Areas outlined and named (`name_zh`, `name_en`).
    width_mm : float [mm]

    Returns
    -------
    Figure
        For `svg_of`: lines are a picture inside it, text is text.
    """
    level = risk["level"].reindex(assets.index).fillna(0).astype(int).to_numpy()
    shapes = assets.geometry.to_numpy()
    bounds = _bounds(assets, boundary)
    height = np.clip((bounds[3] - bounds[1]) / (bounds[2] - bounds[0]), 0.35, 1.25)
    with printed():
        figure = Figure(figsize=(width_mm * _MM, width_mm * height * _MM + 0.34), dpi=200)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1 - 0.34 / figure.get_figheight()))
        if boundary is not None and len(boundary):
            _draw_areas(axes, boundary, lang)
        for each in (0, 4, 3, 2, 1):  # the gravest on top
            _draw_level(axes, shapes[level == each], theme.RISK[each])
        _draw_highlights(axes, assets, highlight)
        axes.set(xlim=bounds[::2], ylim=bounds[1::2], aspect="equal")
        axes.set_axis_off()
        _draw_scale(axes, bounds)
        axes.text(
            0.995, 0.008, credit, transform=axes.transAxes, ha="right", va="bottom",
            fontsize=6, color=theme.MUTED, bbox=_GROUND,
        )  # fmt: skip
        _draw_legend(figure, level, lang)
        return figure


def _bounds(assets: gpd.GeoDataFrame, boundary: gpd.GeoDataFrame | None) -> np.ndarray:
    frames = [assets] if boundary is None or not len(boundary) else [assets, boundary]
    all_bounds = np.array([frame.total_bounds for frame in frames if len(frame)] or [[0, 0, 1, 1]])
    if np.isnan(all_bounds).any():
        all_bounds = np.array([[0.0, 0.0, 1.0, 1.0]])
    low, high = all_bounds[:, :2].min(axis=0), all_bounds[:, 2:].max(axis=0)
    pad = max(*(high - low), 100.0) * 0.02
    return np.concatenate([low - pad, high + pad])


def _draw_areas(axes: Axes, areas: gpd.GeoDataFrame, lang: Lang) -> None:
    rings = [
        shapely.get_coordinates(ring)
        for ring in shapely.get_parts(shapely.boundary(areas.geometry.to_numpy()))
    ]
    axes.add_collection(LineCollection(rings, colors="#9aa5b1", linewidths=0.8, linestyles="--"))
    for name, point in zip(areas[f"name_{lang}"], areas.representative_point(), strict=True):
        axes.text(
            point.x, point.y, name, fontsize=8, color=theme.MUTED, ha="center", va="center",
            bbox=_GROUND, zorder=8,
        )  # fmt: skip


def _draw_level(axes: Axes, shapes: np.ndarray, grade: theme.Grade) -> None:
    if not shapes.size:
        return
    kinds = shapely.get_dimensions(shapes)
    lines = [shapely.get_coordinates(part) for part in shapely.get_parts(shapes[kinds == 1])]
    width = 0.55 * grade.width
    for colour, extra in ((theme.CASING, 0.5), (grade.colour, 0.0)):
        if extra and grade.colour in {theme.GREY, theme.BLUE}:
            continue  # casing serves the pale and the grave; thousands of blue lines need none
        axes.add_collection(
            LineCollection(lines, colors=colour, linewidths=width + extra, rasterized=True)
        )
    points = shapely.get_coordinates(shapely.centroid(shapes[kinds != 1]))
    axes.scatter(
        points[:, 0], points[:, 1], s=(3 + 1.6 * grade.width) * 1.4, c=grade.colour,
        edgecolors=theme.CASING, linewidths=0.3, rasterized=True, zorder=3,
    )  # fmt: skip


def _draw_highlights(axes: Axes, assets: gpd.GeoDataFrame, highlight: Sequence[str]) -> None:
    for number, asset in enumerate(highlight, start=1):
        if asset not in assets.index:
            continue
        point = assets.geometry[asset].interpolate(0.5, normalized=True) if (
            assets.geometry[asset].geom_type == "LineString"
        ) else assets.geometry[asset].centroid  # fmt: skip
        axes.scatter(
            point.x, point.y, s=70, facecolors="white", edgecolors=theme.INK, linewidths=1, zorder=9
        )
        axes.text(
            point.x,
            point.y,
            str(number),
            fontsize=6.5,
            ha="center",
            va="center_baseline",
            zorder=10,
        )


def _draw_scale(axes: Axes, bounds: np.ndarray) -> None:
    width = bounds[2] - bounds[0]
    target = width / 5
    step = 10 ** np.floor(np.log10(target))
    length = max(each * step for each in (1, 2, 5) if each * step <= target)
    x, y = bounds[0] + 0.02 * width, bounds[1] + 0.02 * width
    axes.plot([x, x + length], [y, y], color="white", lw=4.5, solid_capstyle="butt", zorder=9)
    axes.plot([x, x + length], [y, y], color=theme.INK, lw=2, solid_capstyle="butt", zorder=10)
    words = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    axes.text(x, y + 0.008 * width, words, fontsize=7, va="bottom", bbox=_GROUND, zorder=10)


def _draw_legend(figure: Figure, level: np.ndarray, lang: Lang) -> None:
    handles = [
        Line2D(
            [], [], color=theme.RISK[each].colour, lw=max(theme.RISK[each].width, 2),
            label=f"{theme.RISK[each].text(lang)} {int((level == each).sum()):,}",
            path_effects=[withStroke(linewidth=3.8, foreground=theme.CASING)]
            if each == 3 else None,
        )
        for each in (1, 2, 3, 4, 0)
    ]  # fmt: skip
    figure.legend(
        handles=handles, loc="upper left", ncols=5, frameon=False, fontsize=7.5, handlelength=1.6,
        borderaxespad=0.2, columnspacing=1.4, title=_RISK_TITLE(lang), title_fontsize=7.5,
        alignment="left",
    )  # fmt: skip


def series_figure(
    series: Series,
    *,
    unit: str,
    title: str,
    lang: Lang,
    time_zone: str,
    limits: Mapping[str, float] = {},
    spans: Sequence[tuple[pd.Timestamp, pd.Timestamp, str]] = (),
    points: Sequence[tuple[pd.Timestamp, float, str]] = (),
) -> Figure:
    """Draw the readings of one sensor.

    Parameters
    ----------
    series : Series
        Times in UTC; suspect and failed readings are marked by colour and shape.
    unit, title : str
    lang : {'zh', 'en'}
    time_zone : str
        IANA name; the axis shows wall-clock time there.
    limits : mapping of name to value [unit]
        `limit_low` and `limit_high` are worded; any other name is written as it is.
    spans : sequence of (since, until, words)
        Findings, shaded; times in UTC, `until` NaT runs to the last reading.
    points : sequence of (time, value, words)
        Single events, named on the chart, such as load passages.
    """
    with printed():
        figure = Figure(figsize=(170 * _MM, 56 * _MM), dpi=150)
        axes = figure.add_axes((0.085, 0.15, 0.9, 0.68))
        # places given, not sought: finding them drew every label twice
        axes.set_title(title, loc="left", fontsize=8.5, color=theme.INK, y=1.0)
        axes.set_ylabel(unit)
        axes.yaxis.set_label_coords(-0.072, 0.5)
        axes.tick_params(axis="y", left=False)  # the grid lines say where
        if series.value.size:
            _draw_readings(axes, series, time_zone, lang)
            _draw_spans(axes, spans, series.time[-1], time_zone)
            _draw_points(axes, points, time_zone)
            axes.margins(y=0.3)  # room for the words above the peaks
        else:
            axes.text(0.5, 0.5, _NO_READINGS(lang), transform=axes.transAxes, ha="center")
        for name, value in limits.items():
            if np.isfinite(value):
                words = _LIMITS[name](lang) if name in _LIMITS else name
                axes.axhline(value, color=theme.RED, lw=0.8, ls=(0, (5, 3)))
                axes.annotate(
                    f"{words} {value:g}", (0.998, value), xycoords=("axes fraction", "data"),
                    xytext=(0, 2), textcoords="offset points", fontsize=6.5, color=theme.RED,
                    ha="right", bbox=_GROUND,
                )  # fmt: skip
        axes.grid(axis="y", color=theme.LINE, lw=0.5)
        axes.set_axisbelow(True)
        return figure


def _draw_readings(axes: Axes, series: Series, time_zone: str, lang: Lang) -> None:
    series = thinned(series, _MOST)
    time, value = broken_at_gaps(series.time, series.value)
    axes.plot(theme.local(time, time_zone), value, color=theme.ACCENT, lw=0.8)
    for flag in (SUSPECT, FAIL):
        here = series.flag == flag
        if here.any():
            grade = theme.FLAGS[flag]
            axes.plot(
                theme.local(series.time[here], time_zone), series.value[here], ls="none", ms=3,
                marker=_MARKS[grade.shape], color=grade.colour, label=grade.text(lang),
            )  # fmt: skip
    if axes.get_legend_handles_labels()[0]:
        axes.legend(
            loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False, fontsize=7,
            borderaxespad=0.1,
        )  # fmt: skip
    locator = mdates.AutoDateLocator(minticks=3, maxticks=8)
    axes.xaxis.set_major_locator(locator)
    # Numbers only: month names would be English on a Chinese page.
    formats = ["%Y", "%Y-%m", "%m-%d", "%m-%d %H:%M", "%H:%M", "%H:%M:%S"]
    axes.xaxis.set_major_formatter(
        mdates.ConciseDateFormatter(
            locator,
            formats=formats,
            zero_formats=formats,
            offset_formats=[""] * 6,
            show_offset=False,
        )
    )


def _draw_spans(
    axes: Axes,
    spans: Sequence[tuple[pd.Timestamp, pd.Timestamp, str]],
    last: np.datetime64,
    time_zone: str,
) -> None:
    drawn: list[tuple[pd.Timestamp, pd.Timestamp]] = []
    for since, until, words in spans:
        end = pd.Timestamp(last) if pd.isna(until) else until
        # findings of one event overlap: their words go below one another
        row = sum(since <= other_end and begin <= end for begin, other_end in drawn)
        drawn.append((since, end))
        left, right = theme.local([since, end], time_zone)
        axes.axvspan(left, right, color=theme.ORANGE, alpha=0.16, lw=0)
        axes.annotate(
            words, (left, 0.97 - 0.1 * row), xycoords=("data", "axes fraction"), fontsize=6.5,
            va="top", color="#8a3b12", bbox=_GROUND, annotation_clip=True,
        )  # fmt: skip


def _draw_points(
    axes: Axes, points: Sequence[tuple[pd.Timestamp, float, str]], time_zone: str
) -> None:
    for number, (time, value, words) in enumerate(points):
        at = theme.local([time], time_zone)[0]
        axes.plot(at, value, marker="v", ms=3.5, color=theme.INK, ls="none")
        axes.annotate(
            words, (at, value), xytext=(0, 5 + 7 * (number % 3)), textcoords="offset points",
            fontsize=6, ha="center", bbox=_GROUND,
        )  # fmt: skip


def scores_figure(scores: pd.DataFrame, *, lang: Lang, names: Mapping[str, str] = {}) -> Figure:
    """Draw total scores as bars, one per subject.

    Parameters
    ----------
    scores : DataFrame
        Rows of one scope with `subject`, `score` (NaN: unknown), `grade`, `completeness`.
    lang : {'zh', 'en'}
    names : mapping of subject to the words shown
    """
    rows = [
        (names.get(subject, subject), float(score), str(grade))
        for subject, score, grade in scores[["subject", "score", "grade"]].itertuples(index=False)
    ]
    return bars_figure(rows, lang=lang)


def bars_figure(rows: Sequence[tuple[str, float, str]], *, lang: Lang) -> Figure:
    """Draw horizontal bars of 0-100 from (name, score, grade); an unknown score has no bar."""
    with printed():
        figure = Figure(figsize=(170 * _MM, (14 + 7.5 * max(len(rows), 1)) * _MM), dpi=150)
        bottom = 9 * _MM / figure.get_figheight()
        axes = figure.add_axes((0.2, bottom, 0.66, 0.98 - bottom))
        for place, (_, score, grade) in enumerate(rows):
            axes.barh(place, 100, height=0.56, color="#f1f4f7")
            if np.isfinite(score):
                colour = theme.score_colour(score)
                edge = theme.CASING if colour == theme.YELLOW else colour
                axes.barh(place, score, height=0.56, color=colour, edgecolor=edge, linewidth=0.5)
                axes.text(102, place, f"{score:.1f}  {grade}", va="center", fontsize=8)
            else:
                axes.text(2, place, _NO_SCORE(lang), va="center", fontsize=7, color=theme.MUTED)
        axes.set_yticks(range(len(rows)), [name for name, _, _ in rows], color=theme.INK)
        axes.set(xlim=(0, 100), ylim=(max(len(rows), 1) - 0.4, -0.6), xticks=range(0, 101, 20))
        axes.set_xlabel(_SCORE_AXIS(lang))
        axes.tick_params(length=0)
        axes.spines[["left", "bottom"]].set_visible(False)
        return figure


def svg_of(figure: Figure) -> str:
    """Write a chart as an `<svg>` element."""
    stream = io.StringIO()
    with printed():
        FigureCanvasSVG(figure).print_svg(stream, metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    return with_stack(text[text.index("<svg") :])


_QUICK = {"compress_level": 3}  # a third of the time of 6, for a tenth more bytes


def png_of(figure: Figure, *, dpi: float = 150) -> bytes:
    """Write a chart as PNG."""
    stream = io.BytesIO()
    with printed():
        FigureCanvasAgg(figure)
        figure.savefig(
            stream, format="png", dpi=dpi, metadata={"Software": None}, pil_kwargs=_QUICK
        )
    return stream.getvalue()
