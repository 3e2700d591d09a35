"""Risk of places: cells or districts as a map without a network behind it, and as a table."""

from html import escape
from typing import cast
from urllib.parse import quote

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifeline_kit.charts import theme
from lifeline_kit.checkup.dossier import Dossier
from lifeline_kit.checkup.grid import COLOURS
from lifeline_kit.checkup.profile import load_profile
from lifeline_kit.text import Lang, Text
from lifeline_kit.views.scoretables import area_name, table_card
from lifeline_kit.views.store import Store

PLACES = {
    "cells_1000": Text("1 km 网格", "1 km cells"),
    "cells_500": Text("500 m 网格", "500 m cells"),
    "districts": Text("片区", "Districts"),
    "subdistricts": Text("街道", "Subdistricts"),
}
_TITLE = Text("风险四色图", "Risk by place")
_RULE = Text(
    "区块取其管网长度 {share} 及以上达到的最高风险色；已知不足者为灰色斜纹。"
    "风险等级不是预警等级（Ⅰ–Ⅳ）。",
    "A place takes the worst colour that {share} of its network, by length, has; hatched grey "
    "where too little is known. A risk level is no warning level (I–IV).",
)
_NONE = Text("没有可绘制的区块。", "There is no place to draw.")
_PLACE, _LEVEL = Text("区块", "Place"), Text("风险", "Risk")
_WORST, _N = Text("最高单体", "Worst asset"), Text("设施数", "Assets")
_MEAN, _KNOWN = Text("平均风险", "Mean risk"), Text("已知比例", "Known")
_LIST = Text("区块明细（{n}）", "Places, row by row ({n})")
_WORST_FIRST = Text("风险最高的区块", "Places of the highest risk")
_COUNT = Text("{n} 块", "{n}")
_UNKNOWN = Text("未知", "unknown")
_TOP = 10
_CELLS = ("1000-", "500-")  # ids of cells begin so
_TAIL = '<pattern id="unknown" width="8" height="8" patternUnits="userSpaceOnUse" \
patternTransform="rotate(45)"><rect width="8" height="8" fill="#eceff3"/>\
<rect width="3" height="8" fill="#a7b0ba"/></pattern>'


def places_html(store: Store, told: Dossier, name: str, lang: Lang) -> str:
    """Draw one of `PLACES` with legend, the worst places and the whole table."""
    places: gpd.GeoDataFrame = getattr(told, name)
    if not len(places):
        return f'<div class="card"><h2>{_TITLE(lang)}</h2><p>{_NONE(lang)}</p></div>'
    titles = _titles(store, told, places, lang)
    order = _worst_first(places)
    head = _head(lang)
    rule = _RULE.format(share=f"{load_profile().area_share:.0%}")(lang)
    shown = {
        each: _row(places.loc[each], titles[each], place_address(name, str(each), lang), lang)
        for each in order
    }
    top, every = "".join(list(shown.values())[:_TOP]), "".join(shown.values())
    return (
        f'<div class="card"><h2>{_TITLE(lang)} · {PLACES[name](lang)}</h2>'
        f'<div class="twin"><div>{_map(places, told.districts, titles, name, lang)}'
        f"{legend_html(places['level'], lang)}"
        f'<p class="small muted">{rule}</p></div>'
        f"<div><h3>{_WORST_FIRST(lang)}</h3>"
        f'<div class="scroll"><table class="dense"><thead>{head}</thead><tbody>{top}</tbody>'
        "</table></div>"
        f"<details><summary>{_LIST.format(n=len(places))(lang)}</summary>"
        f'<div class="scroll tall"><table class="dense"><thead>{head}</thead><tbody>{every}</tbody>'
        "</table></div>"
        "</details></div></div></div>"
    )


def place_address(scale: str, area: str, lang: Lang) -> str:
    """Return the address of a page that lists the assets of a place."""
    return f"checkup?lang={lang}&amp;part=risk&amp;scale={quote(scale)}&amp;place={quote(area)}"


def place_title(store: Store, told: Dossier, scale: str, area: str, lang: Lang) -> str:
    """Name of one place; its id where there is no such place."""
    places: gpd.GeoDataFrame = getattr(told, scale)
    one = places[places.index == area]
    return _titles(store, told, one, lang).get(area, area)


def legend_html(levels: pd.Series, lang: Lang) -> str:
    """Write the legend of risk with the number of places of each level."""
    counts = levels.value_counts()
    parts = []
    for level in COLOURS:
        grade, n = theme.RISK[level], _COUNT.format(n=int(counts.get(level, 0)))(lang)
        look = f'style="background:{grade.colour}"' if level else 'class="hatched"'
        parts.append(f"<span><i {look}></i>{grade.text(lang)} <b>{n}</b></span>")
    return f'<div class="scale">{"".join(parts)}</div>'


def level_html(level: int, lang: Lang) -> str:
    """Write a level of risk as a filled cell; hatched where unknown, a dash where there is none."""
    if level < 0:
        return "—"
    if level == 0:
        return f'<span class="cell unknown">{_UNKNOWN(lang)}</span>'
    grade = theme.RISK[level]
    style = f"background:{grade.colour};color:{grade.ink}"
    return f'<span class="cell" style="{style}">{grade.text(lang)}</span>'


def _titles(store: Store, told: Dossier, places: gpd.GeoDataFrame, lang: Lang) -> dict[str, str]:
    """Names of places: those of districts, and for a cell its column, row and district."""
    if not len(places) or not str(places.index[0]).startswith(_CELLS):
        return {str(each): area_name(store, str(each), lang) for each in places.index}
    middle = shapely.centroid(places.geometry.to_numpy())
    home = pd.Series("", index=range(len(places)))
    if len(told.districts):
        cell, district = shapely.STRtree(told.districts.geometry.to_numpy()).query(
            middle, predicate="intersects"
        )
        names = [area_name(store, str(each), lang) for each in told.districts.index]
        home[cell] = [names[each] for each in district]
    return {
        str(each): " · ".join(filter(None, [str(each).split("-", 1)[-1], home[i]]))
        for i, each in enumerate(places.index)
    }


def _worst_first(places: gpd.GeoDataFrame) -> pd.Index:
    """Red before orange before the rest, and the longest red and orange first; grey last."""
    key = pd.DataFrame(
        {
            "level": places["level"].replace(0, 9),
            "red": -places["red_km"],
            "orange": -places["orange_km"],
            "risk": -places["risk"].fillna(-1.0),
        }
    )
    return key.sort_values(list(key.columns), kind="stable").index


def _head(lang: Lang) -> str:
    km = "".join(f"<th>{theme.RISK[each].text(lang)} km</th>" for each in COLOURS)
    return (
        f"<tr><th>{_PLACE(lang)}</th><th>{_LEVEL(lang)}</th><th>{_WORST(lang)}</th>{km}"
        f"<th>{_N(lang)}</th><th>{_MEAN(lang)}</th><th>{_KNOWN(lang)}</th></tr>"
    )


def _row(row: pd.Series, title: str, address: str, lang: Lang) -> str:
    km = "".join(f"<td>{row[f'{colour}_km']:.2f}</td>" for colour in COLOURS.values())
    mean = "—" if pd.isna(row["risk"]) else f"{row['risk']:.2f}"
    known = "—" if pd.isna(row["known"]) else f"{row['known']:.0%}"
    return (
        f'<tr><td><a href="{address}">{escape(title)}</a></td>'
        f"<td>{level_html(int(row['level']), lang)}</td>"
        f"<td>{level_html(int(row['worst']), lang)}</td>{km}<td>{row['n']:,.0f}</td>"
        f"<td>{mean}</td><td>{known}</td></tr>"
    )


def _map(
    places: gpd.GeoDataFrame,
    borders: gpd.GeoDataFrame,
    titles: dict[str, str],
    scale: str,
    lang: Lang,
) -> str:
    west, south, east, north = places.total_bounds
    pad = 0.02 * max(east - west, north - south)
    box = f"{west - pad:.0f} {-north - pad:.0f} {east - west + 2 * pad:.0f} "
    box += f"{north - south + 2 * pad:.0f}"
    body = "".join(
        f'<a href="{place_address(scale, str(each), lang)}">'
        f"{_shape(each, row, titles[str(each)], lang)}</a>"
        for each, row in places.iterrows()
    )
    around = ""
    if len(borders) and places is not borders:
        outlines = shapely.simplify(borders.geometry.to_numpy(), 20.0)
        around = "".join(f'<path class="border" d="{_path(each)}"/>' for each in outlines)
    return (
        f'<svg class="places" viewBox="{box}" role="img" aria-label="{_TITLE(lang)}">'
        f"<defs>{_TAIL}</defs>{body}{around}</svg>"
    )


def _shape(area: object, row: pd.Series, title: str, lang: Lang) -> str:
    level = int(row["level"])
    fill = theme.RISK[level].colour if level else "url(#unknown)"
    km = row["red_km"] + row["orange_km"]
    high = Text("重大、较大 {km} km", "red and orange {km} km").format(km=f"{km:.2f}")(lang)
    said = f"{title} · {theme.RISK[level].text(lang)} · {high}"
    return (
        f'<path data-area="{escape(str(area))}" fill="{fill}" '
        f'd="{_path(shapely.simplify(row.geometry, 5.0))}"><title>{escape(said)}</title></path>'
    )


def _path(shape: shapely.Geometry) -> str:
    """Outline of a polygon as an SVG path in whole metres, north up."""
    parts = []
    for polygon in shapely.get_parts(shape):
        for ring in (polygon.exterior, *polygon.interiors):
            points = np.round(shapely.get_coordinates(ring)[:-1]).astype(int)
            parts.append("M" + "L".join(f"{x} {-y}" for x, y in points) + "Z")
    return "".join(parts)


_COVERED = Text("风险覆盖率", "Risk that sensors watch")
_ABOUT = Text(
    "本专项在线监测点所及范围内的公里数与点状设施；范围为专家经验值，未经核实。",
    "Kilometres and single assets within reach of an online sensor of their own lifeline; the "
    "reaches are expert figures, not verified.",
)
_LIFELINE = Text("专项", "Lifeline")
_KM = Text("重大、较大 km", "Red and orange km")
_COVERED_KM, _SHARE = Text("其中有监测 km", "Watched km"), Text("覆盖率", "Covered")
_POINTS, _COVERED_N = Text("重大、较大点数", "Red and orange assets"), Text("其中有监测", "Watched")
_ALL = Text("全部专项", "All lifelines")
_BY_LEVEL = Text("各级明细", "By level")


def coverage_html(told: Dossier, titles: dict[str, str], lang: Lang) -> str:
    """Write what sensors watch of red and orange, and of every level beneath."""
    columns = [_KM, _COVERED_KM, _SHARE, _POINTS, _COVERED_N, _SHARE]
    heads = "".join(f"<th>{each(lang)}</th>" for each in columns)
    high, parts = [], []
    for key, row in told.coverage.iterrows():
        lifeline, level = cast("tuple[str, int]", key)
        title = escape(titles.get(str(lifeline), str(lifeline)) if lifeline else _ALL(lang))
        cells = (
            f"<td>{row['km']:.2f}</td><td>{row['covered_km']:.2f}</td><td>{_share(row['share'])}"
            f"</td><td>{row['n']:,.0f}</td><td>{row['covered_n']:,.0f}</td>"
            f"<td>{_share(row['n_share'])}</td>"
        )
        if level == 12:
            high.append(f"<tr><td>{title}</td>{cells}</tr>")
        else:
            parts.append(f"<tr><td>{title}</td><td>{level_html(int(level), lang)}</td>{cells}</tr>")
    km, n = Text("km", "km")(lang), _N(lang)
    plain = f"<th>{km}</th><th>{_COVERED_KM(lang)}</th><th>{_SHARE(lang)}</th>"
    plain += f"<th>{n}</th><th>{_COVERED_N(lang)}</th><th>{_SHARE(lang)}</th>"
    below = (
        f'<p class="small muted">{_ABOUT(lang)}</p><details><summary>{_BY_LEVEL(lang)}</summary>'
        f'<div class="scroll tall"><table><thead><tr><th>{_LIFELINE(lang)}</th>'
        f"<th>{_LEVEL(lang)}</th>{plain}</tr></thead><tbody>{''.join(parts)}</tbody></table></div>"
        "</details>"
    )
    return table_card(_COVERED(lang), f"<th>{_LIFELINE(lang)}</th>{heads}", high, below=below)


def _share(share: float) -> str:
    return "—" if pd.isna(share) else f"{share:.1%}"
