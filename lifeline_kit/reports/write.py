"""Lay a report out: one-file HTML, PDF of the same page, JSON of the same numbers."""

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup

from lifeline_kit.charts.print import map_svg, scores_svg, series_svg
from lifeline_kit.charts.theme import ATTRIBUTION, CAUSE, RISK
from lifeline_kit.checkup.scores import DIMENSIONS
from lifeline_kit.errors import InputError, MissingPartError
from lifeline_kit.io.store import read_series
from lifeline_kit.lifelines import ALL
from lifeline_kit.methods.rules import LEVEL_NAMES
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.model.lifeline import Lifeline
from lifeline_kit.model.readings import Series, nodes, series, stamp
from lifeline_kit.reports.content import CheckupReport, assets_within, compose
from lifeline_kit.reports.words import words
from lifeline_kit.text import Lang, Text

FORMATS = ("html", "pdf", "json")
_CHARTS_PER_CHAPTER = 3
_FEW_SENSORS = 12  # somebody who brings a few wants to see each, found or not
_NAMED_ON_CHART = ("bridges.passage", "bridges.parked", "bridges.step")


def write_report(
    city: City,
    examination: Examination,
    out: Path,
    *,
    lang: Lang = "zh",
    district: str | None = None,
    formats: Sequence[str] = ("html",),
    notes: Sequence[Text] = (),
) -> list[Path]:
    """Write the check-up report of a city or a district.

    Parameters
    ----------
    city : City
        Opened with or without readings; series come from its folder where it has one.
    examination : Examination
    out : Path
        A file for one format, a folder for several.
    lang : {'zh', 'en'}
    district : str, optional
    formats : sequence of {'html', 'pdf', 'json'}
    notes : sequence of Text

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    InputError
        Where a format is unknown or `out` cannot be written.
    CityError
        Where the district is unknown.
    MissingPartError
        Where PDF is asked for and its libraries are missing.
    """
    unknown = [each for each in formats if each not in FORMATS]
    if unknown:
        raise InputError(f"format {unknown[0]!r} is not known; expected {', '.join(FORMATS)}.")
    report = compose(city, examination, lang=lang, district=district, notes=notes)
    html = _html(report, city, examination) if {"html", "pdf"} & set(formats) else ""
    files = _targets(out, formats, report)
    for form, file in files.items():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            partial = file.with_name(file.name + ".partial")
            partial.write_bytes(_encoded(form, html, report))
            partial.replace(file)
        except OSError as error:
            raise InputError(
                f"cannot write {file}: {error.strerror or error}; name another --out."
            ) from error
    return list(files.values())


def _targets(out: Path, formats: Sequence[str], report: CheckupReport) -> dict[str, Path]:
    if len(formats) == 1 and not out.is_dir() and out.suffix:
        return {formats[0]: out}
    place = f"-{report.district}" if report.district else ""
    stem = f"checkup{place}-{report.until[:10]}-{report.lang}"
    return {form: out / f"{stem}.{form}" for form in formats}


def _encoded(form: str, html: str, report: CheckupReport) -> bytes:
    if form == "html":
        return html.encode()
    if form == "json":
        return json.dumps(_plain(report), ensure_ascii=False, indent=1).encode()
    try:
        import weasyprint
    except OSError as error:
        raise MissingPartError(
            "PDF needs the pango library; install it (Debian: libpango-1.0-0 libpangoft2-1.0-0), "
            "or ask for html."
        ) from error
    return weasyprint.HTML(string=html).write_pdf(pdf_variant="pdf/a-3b")


def _plain(value: object) -> object:
    """Turn a report into what JSON knows; unknown numbers become null."""
    if isinstance(value, Lifeline):
        return value.key
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float | np.floating):
        return None if math.isnan(value) else float(value)
    return value.item() if isinstance(value, np.generic) else value


def _html(report: CheckupReport, city: City, examination: Examination) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": _number, "share": _share}
    charts = {
        chapter.lifeline.key: _charts(city, examination, chapter.lifeline, report)
        for chapter in report.chapters
    }
    template = environment.get_template("checkup.html.j2")
    return template.render(
        report=report,
        w=words(report.lang),
        lang=report.lang,
        map=_map(city, examination, report),
        scores=Markup(_bars(examination, report)),
        charts=charts,
        cause_colours=CAUSE,
        dimensions={key: text(report.lang) for key, text in DIMENSIONS.items()},
        risk_titles={level: grade.text(report.lang) for level, grade in RISK.items()},
    )


def _number(value: float, digits: int = 0) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:,.{digits}f}"


def _share(value: float) -> str:
    return "–" if value is None or math.isnan(value) else f"{100 * value:.1f} %"


def _lifeline_scores(examination: Examination, report: CheckupReport) -> pd.DataFrame:
    scores = examination.scores
    scope = "area" if report.district else "lifeline"
    rows = scores[(scores["scope"] == scope) & (scores["lifeline"] != "")]
    rows = rows[rows["indicator"] == "total"]
    if report.district:
        rows = rows[rows["subject"] == report.district]
    return rows


def _bars(examination: Examination, report: CheckupReport) -> str:
    rows = _lifeline_scores(examination, report)
    titles = {each.key: each.title(report.lang) for each in ALL}
    return scores_svg(rows.assign(subject=rows["lifeline"]), lang=report.lang, names=titles)


def _map(city: City, examination: Examination, report: CheckupReport) -> Markup | str:
    assets = assets_within(city, report.district or None)
    if assets.geometry.isna().all():
        return ""
    areas = city.areas[city.areas["level"] == "district"]
    if report.district:
        areas = areas.loc[[report.district]]
    svg = map_svg(
        assets,
        examination.risk.reindex(assets.index),
        lang=report.lang,
        boundary=areas,
        highlight=[row["asset"] for row in report.attention],
        credit=ATTRIBUTION
        if any("OpenStreetMap" in each.licence + each.title.en for each in city.sources)
        else "",
    )
    return Markup(svg)


def _charts(
    city: City, examination: Examination, lifeline: Lifeline, report: CheckupReport
) -> list[Markup]:
    """Draw the series behind the gravest findings of a lifeline, with their limits and loads."""
    findings = examination.findings
    own = findings[(findings["lifeline"] == lifeline.key) & ~findings["health"]]
    own = own[own["sensor"] != ""]
    mine = city.sensors[city.sensors["lifeline"] == lifeline.key]
    if report.district:
        members = assets_within(city, report.district).index
        own, mine = own[own["asset"].isin(members)], mine[mine["asset"].isin(members)]
    ranked = own.sort_values(["severity", "since"], ascending=[False, True])
    chosen = list(dict.fromkeys(ranked["sensor"]))[:_CHARTS_PER_CHAPTER]
    if len(city.sensors) <= _FEW_SENSORS:
        chosen = list(dict.fromkeys([*ranked["sensor"], *mine.index]))
    found = _series_of(city, chosen)
    return [
        Markup(_chart(city, sensor, found[sensor], own[own["sensor"] == sensor], report.lang))
        for sensor in chosen
        if sensor in found
    ]


def _series_of(city: City, sensors: Sequence[str]) -> dict[str, Series]:
    if city.path is not None:
        return read_series(city.path, city.sensors.loc[list(sensors)])
    found = {}
    for _, node in nodes(city.readings):
        present = set(node["sensor"].to_numpy().tolist())
        found |= {sensor: series(node, sensor) for sensor in sensors if sensor in present}
    return found


def _chart(city: City, sensor: str, own: Series, findings: pd.DataFrame, lang: Lang) -> str:
    entry = city.sensors.loc[sensor]
    name = entry.get(f"name_{lang}") or sensor
    rows = findings.to_dict("records")
    graded = [row for row in rows if row["level"] > 0]
    end = stamp(own.time[-1])
    return series_svg(
        own,
        unit=entry["unit"],
        title=f"{name} ({sensor})" if name != sensor else sensor,
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
