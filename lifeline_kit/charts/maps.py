"""A map of risk for notebooks: one function, two engines, a click that names the asset."""

from typing import Literal

import datashader as ds
import datashader.transfer_functions as tf
import geopandas as gpd
import holoviews as hv
import numpy as np
import pandas as pd
import shapely
from holoviews.streams import PlotSize, RangeXY, Stream, Tap

from lifeline_kit.charts import theme
from lifeline_kit.errors import AssetsError

Selected = Stream.define("Selected", asset="")
Engine = Literal["auto", "datashader", "segments"]
MOST_SEGMENTS = 5000  # assets that a browser without graphics hardware still draws at ease
_NEAR = 0.01  # share of the map's width within which a click finds an asset
_ORDER = (0, 4, 3, 2, 1)  # the gravest on top


def risk_map(
    gdf: gpd.GeoDataFrame,
    *,
    colour: str = "level",
    engine: Engine = "auto",
    selected: Stream | None = None,
    width: int = 900,
    height: int = 600,
) -> hv.Overlay | hv.DynamicMap:
    """Draw assets in the four colours of risk, grey where it is unknown.

    Parameters
    ----------
    gdf : GeoDataFrame, index `asset`
        In a metric CRS; for instance ``city.assets.join(examination.risk[["level"]])``.
    colour : str
        Column of levels 1 (red) to 4 (blue); missing values and 0 are grey.
    engine : {'auto', 'datashader', 'segments'}
        Above 5,000 assets 'auto' rasterises on the server side, below it sends segments.
    selected : Selected stream, optional
        Its `asset` becomes the id of the asset that is clicked, where a kernel or server runs.
    width, height : int [px]

    Returns
    -------
    HoloViews Overlay or DynamicMap

    Raises
    ------
    AssetsError
        Where the column is missing or no asset has a geometry.

    Examples
    --------
    >>> from shapely import LineString
    >>> pipes = gpd.GeoDataFrame({"level": [1]}, geometry=[LineString([(0, 0), (9, 9)])], crs=4547)
    >>> type(risk_map(pipes)).__name__
    'Overlay'
    """
    if colour not in gdf.columns:
        raise AssetsError(
            f"column {colour!r} is missing (found {', '.join(map(str, gdf.columns))}); "
            'join it with assets.join(examination.risk[["level"]]).'
        )
    gdf = gdf[gdf.geometry.notna() & ~gdf.geometry.is_empty]
    if not len(gdf):
        raise AssetsError("no asset has a geometry; a map needs at least one.")
    if "bokeh" not in hv.Store.registry:
        hv.extension("bokeh")
    hv.renderer("bokeh").webgl = False  # many lines are slower in WebGL without a graphics card
    level = gdf[colour].fillna(0).astype(int).where(gdf[colour].isin([1, 2, 3, 4]), 0).to_numpy()
    shape = gdf.geometry.to_numpy()
    rasterised = len(gdf) > MOST_SEGMENTS if engine == "auto" else engine == "datashader"
    drawn = _raster(gdf, level) if rasterised else _segments(shape, level)
    if selected is not None:
        _watch_taps(drawn, gdf, selected)
    return drawn.opts(
        hv.opts.Segments(width=width, height=height),
        hv.opts.RGB(width=width, height=height),
        hv.opts.Points(width=width, height=height),
    )


def _options(**more: object) -> dict[str, object]:
    return {"xaxis": None, "yaxis": None, "data_aspect": 1, "active_tools": ["wheel_zoom"], **more}


def _segments(shape: np.ndarray, level: np.ndarray) -> hv.Overlay:
    layers: list[hv.Element] = []
    for each in _ORDER:
        grade = theme.RISK[each]
        pieces = _pieces(shape[level == each])
        if each == 3:  # yellow is too pale on white
            casing = hv.Segments(pieces).opts(color=theme.CASING, line_width=grade.width + 1.5)
            layers.append(casing.opts(**_options()))
        layers.append(
            hv.Segments(pieces, label=grade.text.en).opts(
                **_options(color=grade.colour, line_width=grade.width)
            )
        )
        points = _points(shape[level == each])
        layers.append(
            hv.Points(points).opts(
                **_options(color=grade.colour, size=4 + grade.width, line_color=theme.CASING)
            )
        )
    return hv.Overlay(layers).collate()


def _pieces(shape: np.ndarray) -> tuple[np.ndarray, ...]:
    """Split lines and outlines into segments: x0, y0, x1, y1."""
    xy, owner = shapely.get_coordinates(shapely.get_parts(_linear(shape)), return_index=True)
    same = owner[1:] == owner[:-1]
    return xy[:-1, 0][same], xy[:-1, 1][same], xy[1:, 0][same], xy[1:, 1][same]


def _linear(shape: np.ndarray) -> np.ndarray:
    """Lines as they are, polygons as their outlines."""
    dimension = shapely.get_dimensions(shape)
    return np.concatenate([shape[dimension == 1], shapely.boundary(shape[dimension == 2])])


def _points(shape: np.ndarray) -> np.ndarray:
    return shapely.get_coordinates(shape[shapely.get_dimensions(shape) == 0])


def _raster(gdf: gpd.GeoDataFrame, level: np.ndarray) -> hv.DynamicMap:
    shape = gdf.geometry.to_numpy()
    lines = {
        each: gpd.GeoDataFrame(geometry=_linear(shape[level == each]), crs=gdf.crs)
        for each in _ORDER
    }
    points = {each: _points(shape[level == each]) for each in _ORDER}
    west, south, east, north = gdf.total_bounds
    pad = 0.02 * max(east - west, north - south, 1.0)

    def draw(
        x_range: tuple[float, float] | None,
        y_range: tuple[float, float] | None,
        width: int | None,
        height: int | None,
        scale: float,  # noqa: ARG001  PlotSize sends it
    ) -> hv.RGB:
        x_range = x_range or (west - pad, east + pad)
        y_range = y_range or (south - pad, north + pad)
        canvas = ds.Canvas(int(width or 900), int(height or 600), x_range, y_range)
        images = [
            image for each in _ORDER for image in _shaded(canvas, lines[each], points[each], each)
        ]
        stacked = tf.stack(*images) if images else tf.Image(np.zeros((1, 1), dtype=np.uint32))
        rgba = stacked.to_numpy().view(np.uint8).reshape((*stacked.shape, 4))[::-1]
        return hv.RGB(
            rgba, bounds=(x_range[0], y_range[0], x_range[1], y_range[1]), vdims=[*"RGBA"]
        )

    streams = [RangeXY(), PlotSize()]
    return hv.DynamicMap(draw, streams=streams).opts(hv.opts.RGB(**_options()))


def _shaded(
    canvas: ds.Canvas, lines: gpd.GeoDataFrame, points: np.ndarray, level: int
) -> list[tf.Image]:
    grade = theme.RISK[level]
    found = []
    if len(lines):
        for colour, width in ((theme.CASING, grade.width + 1.0), (grade.colour, grade.width)):
            if colour == grade.colour or level == 3:
                drawn = canvas.line(
                    lines, geometry="geometry", agg=ds.any(), line_width=width * 0.8
                )
                found.append(tf.shade(drawn, cmap=[colour], how="linear"))
    if len(points):
        drawn = canvas.points(pd.DataFrame(points, columns=["x", "y"]), "x", "y", agg=ds.any())
        found.append(tf.spread(tf.shade(drawn, cmap=[grade.colour], how="linear"), px=2))
    return found


def nearest_asset(gdf: gpd.GeoDataFrame, x: float, y: float, within: float) -> str:
    """Name the asset nearest to a point; empty where none lies so near.

    Parameters
    ----------
    gdf : GeoDataFrame
    x, y : float [m, CRS of gdf]
    within : float [m]
    """
    rows = shapely.STRtree(gdf.geometry.to_numpy()).query_nearest(
        shapely.Point(x, y), max_distance=within
    )
    return str(gdf.index[rows[0]]) if len(rows) else ""


def _watch_taps(drawn: hv.Overlay | hv.DynamicMap, gdf: gpd.GeoDataFrame, selected: Stream) -> None:
    west, _, east, _ = gdf.total_bounds
    within = max(_NEAR * (east - west), 1.0)

    def tapped(x: float | None, y: float | None) -> None:
        if x is not None and y is not None:
            selected.event(asset=nearest_asset(gdf, x, y, within))

    Tap(source=drawn).add_subscriber(tapped)
