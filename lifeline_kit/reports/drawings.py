"""The charts of a report: map, scores, and the series behind the gravest findings."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lifeline_kit.charts.print import map_figure, scores_figure, series_figure
from lifeline_kit.charts.theme import ATTRIBUTION
from lifeline_kit.io.store import read_series
from lifeline_kit.lifelines import ALL
from lifeline_kit.methods.rules import LEVEL_NAMES
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.model.readings import Series, nodes, series, stamp
from lifeline_kit.reports.chapters import Extract
from lifeline_kit.reports.content import CheckupReport
from lifeline_kit.reports.legible import legible
from lifeline_kit.reports.places import among
from lifeline_kit.text import Lang

_CHARTS_PER_CHAPTER = 3
_FEW_SENSORS = 12  # somebody who brings a few wants to see each, found or not
_NAMED_ON_CHART = ("bridges.passage", "bridges.parked", "bridges.step")
_NAME = 60  # characters of a name that fit a chart


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawings:
    """Charts of one report; no map without places, no scores where none were given."""

    map: Figure | None
    scores: Figure | None
    series: dict[str, list[Figure]]


def draw(part: Extract, report: CheckupReport) -> Drawings:
    """Draw a report's charts; series come from the city's folder where it has one."""
    return Drawings(
        map=_map(part, report),
        scores=_bars(part.examination, report),
        series={
            chapter.lifeline.key: _charts(part, chapter.lifeline.key) for chapter in report.chapters
        },
    )


def _bars(examination: Examination, report: CheckupReport) -> Figure | None:
    scores = examination.scores
    scope = "area" if report.district else "lifeline"
    rows = scores[(scores["scope"] == scope) & (scores["lifeline"] != "")]
    rows = rows[rows["indicator"] == "total"]
    if report.district:
        rows = rows[rows["subject"] == report.district]
    if rows.empty:
        return None
    titles = {each.key: each.title(report.lang) for each in ALL}
    return scores_figure(rows.assign(subject=rows["lifeline"]), lang=report.lang, names=titles)


def _map(part: Extract, report: CheckupReport) -> Figure | None:
    city, assets = part.city, part.assets
    if assets.geometry.isna().all():
        return None
    areas = city.areas[city.areas["level"] == "district"]
    if report.district:
        areas = city.areas.loc[[report.district]]
    name = f"name_{report.lang}"
    if name in areas:
        short = areas[name].fillna("").map(lambda each: legible(str(each), report.lang, _NAME))
        areas = areas.assign(**{name: short})
    return map_figure(
        assets,
        part.examination.risk.reindex(assets.index),
        lang=report.lang,
        boundary=areas,
        highlight=[row["asset"] for row in report.attention],
        credit=ATTRIBUTION
        if any("OpenStreetMap" in each.licence + each.title.en for each in city.sources)
        else "",
    )


def _charts(part: Extract, lifeline: str) -> list[Figure]:
    """Draw the series behind the gravest findings of a lifeline, with their limits and loads."""
    city, findings = part.city, part.findings
    own = findings[(findings["lifeline"] == lifeline) & ~findings["health"]]
    own = own[own["sensor"] != ""]
    mine = city.sensors[city.sensors["lifeline"] == lifeline]
    mine = mine[among(mine["asset"], part.assets.index)]
    ranked = own.sort_values(["severity", "since"], ascending=[False, True])
    chosen = list(dict.fromkeys(ranked["sensor"]))[:_CHARTS_PER_CHAPTER]
    if len(city.sensors) <= _FEW_SENSORS:
        chosen = list(dict.fromkeys([*ranked["sensor"], *mine.index]))
    found = _series_of(city, chosen, part.examination.at)
    return [
        _chart(city, sensor, found[sensor], own[own["sensor"] == sensor], part.lang)
        for sensor in chosen
        if sensor in found and found[sensor].time.size
    ]


def _series_of(city: City, sensors: Sequence[str], at: pd.Timestamp) -> dict[str, Series]:
    """Readings up to the moment of the examination."""
    found = {}
    if city.path is not None:
        found = read_series(city.path, city.sensors.loc[list(sensors)])
    else:
        for _, node in nodes(city.readings):
            present = set(node["sensor"].to_numpy().tolist())
            found |= {sensor: series(node, sensor) for sensor in sensors if sensor in present}
    return {sensor: _until(each, at) for sensor, each in found.items()}


def _until(whole: Series, at: pd.Timestamp) -> Series:
    n = int(np.searchsorted(whole.time, at.to_datetime64(), side="right"))
    return Series(whole.time[:n], whole.value[:n], whole.flag[:n])


def _chart(city: City, sensor: str, own: Series, findings: pd.DataFrame, lang: Lang) -> Figure:
    entry = city.sensors.loc[sensor]
    name = legible(str(entry.get(f"name_{lang}") or sensor), lang, _NAME)
    rows = findings.to_dict("records")
    graded = [row for row in rows if row["level"] > 0]
    end = stamp(own.time[-1])
    shown = legible(sensor, lang, _NAME)
    return series_figure(
        own,
        unit=entry["unit"],
        title=f"{name} ({shown})" if name != shown else shown,
        lang=lang,
        time_zone=city.time_zone,
        limits={
            LEVEL_NAMES[row["level"]]: float(row["limit"])
            for row in graded
            if row["method"] in {"above", "below"}
        },
        spans=[
            (row["since"], end if pd.isna(row["until"]) else row["until"], row[f"title_{lang}"])
            for row in graded
        ],
        points=[_point(own, row) for row in rows if row["rule"] in _NAMED_ON_CHART],
    )


def _point(own: Series, row: dict) -> tuple[pd.Timestamp, float, str]:
    """Where on the curve a load or a step is named: at its extreme reading."""
    until = own.time[-1] if pd.isna(row["until"]) else row["until"].to_datetime64()
    inside = np.flatnonzero((own.time >= row["since"].to_datetime64()) & (own.time <= until))
    label = f"{row['value']:+.1f} {row['unit']}"
    if not inside.size:
        return row["since"], float(own.value[-1]), label
    extreme = np.argmax if row["value"] > 0 else np.argmin
    at = inside[0] if row["level"] else inside[extreme(own.value[inside])]
    return stamp(own.time[at]), float(own.value[at]), label
