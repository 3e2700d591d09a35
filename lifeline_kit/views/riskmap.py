"""The map of a dashboard: a Panel component over MapLibre GL and the city's own tiles."""

from functools import lru_cache
from pathlib import Path

import param
from panel.custom import JSComponent
from panel.io.resources import DIST_DIR

from lifeline_kit.charts import theme
from lifeline_kit.errors import MissingPartError
from lifeline_kit.text import Lang, Text

_HERE = Path(__file__).parent
_WORDS = (
    Text("放大", "Zoom in"),
    Text("缩小", "Zoom out"),
    Text("全图", "Whole city"),
    Text("地图无法显示：浏览器不支持 WebGL。", "No map: this browser has no WebGL."),
)
RISK_TITLE = Text("风险等级", "Risk level")


class RiskMap(JSComponent):
    """Assets in the colours of their level; a click gives the row number of the asset.

    Levels come as one byte per asset, so a new examination or another lifeline recolours the map
    without new tiles.
    """

    library = param.String(doc="Address of MapLibre GL, the copy that comes with Panel.")
    tiles = param.String(doc="Address of the vector tiles, with {z}, {x} and {y}.")
    bounds = param.List(doc="West, south, east, north [degree].")
    districts = param.Dict(default={"type": "FeatureCollection", "features": []})
    names = param.List(doc="Names of districts: text, at.")
    levels = param.Bytes(default=b"", doc="Level 0-4 of each asset, in the order of the table.")
    lifeline = param.String(default="", doc="Only this one; empty: all.")
    marks = param.List(doc="Open warnings: id, at, level, shape, colour, title.")
    selected = param.Integer(default=-1, doc="Row number of the chosen asset.")
    focus = param.List(doc="Longitude and latitude to move to; empty: stay.")
    legend = param.Dict(default={})
    palette = param.List(default=[theme.RISK[level].colour for level in range(5)])
    casing = param.String(default=theme.CASING)
    credit = param.String(default=theme.ATTRIBUTION)
    words = param.List(default=[])

    _esm = (_HERE / "riskmap.js").read_text(encoding="utf-8")
    _stylesheets = [(_HERE / "riskmap.css").read_text(encoding="utf-8")]  # noqa: RUF012  Panel's way


def risk_legend(counts: dict[int, int], lang: Lang) -> dict:
    """Word the legend: level, colour, number of assets."""
    rows = [
        {
            "text": theme.RISK[level].text(lang),
            "colour": theme.RISK[level].colour,
            "width": theme.RISK[level].width,
            "cased": level in {1, 2, 3},
            "count": f"{counts.get(level, 0):,}",
        }
        for level in (1, 2, 3, 4, 0)
    ]
    return {"title": RISK_TITLE(lang), "rows": rows}


def map_words(lang: Lang) -> list[str]:
    """Words of the map's buttons."""
    return [word(lang) for word in _WORDS]


@lru_cache(maxsize=1)
def library_path() -> str:
    """Find MapLibre GL among the files that Panel serves from the same host.

    Raises
    ------
    MissingPartError
        Where this version of Panel brings none.
    """
    bundled = Path(DIST_DIR) / "bundled"
    found = sorted(bundled.glob("*/maplibre-gl*/dist/maplibre-gl.js"))
    if not found:
        raise MissingPartError(
            f"no maplibre-gl.js in {bundled}; expected the copy that Panel 1.9 brings. "
            "Install panel==1.9.4."
        )
    return "static/extensions/panel/" + found[0].relative_to(DIST_DIR).as_posix()
