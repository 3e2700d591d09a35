"""What pages say: rows of the tables turned into words and numbers. Pure; no Panel."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lifeline_kit.charts import theme
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.text import Lang, Text
from lifeline_kit.views import words

_WARNINGS = Text("未消除预警", "Open warnings")
_FINDINGS = Text("未消除问题", "Open findings")
_SENSOR_FAULTS = Text("另有测点自身问题 {n}", "plus {n} on sensors")
_ONLINE = Text("测点在线率", "Sensors online")
_OF = Text("{n} / {of} 个测点", "{n} of {of} sensors")
_COMPLETE = Text("数据完整率", "Data completeness")
_GOOD = Text("到达读数合格 {share}", "{share} of readings pass")
_SCORE = Text("体检得分", "Check-up score")
_RAW = Text("封顶前 {raw}", "{raw} uncapped")
_LIFELINE_SCORE = Text("得分来自本专项", "of this lifeline")
_NO_SCORE = Text("资料不足，不评分", "too little data, no score")
_RISKY = Text("重大与较大风险", "Major and high risk")
_OF_ASSETS = Text("共 {of} 处设施", "of {of} assets")
_GRADE = Text("{grade} 级", "grade {grade}")
_SINCE = Text("{at} 起 · 已持续 {span}", "since {at} · for {span}")
_SENSORS = Text("{n} 个测点", "{n} sensors")


@dataclass(frozen=True, slots=True)
class Tile:
    """One number of the top row; `marks` are (shape, colour, ink, mark, number)."""

    key: str
    title: str
    value: str
    unit: str = ""
    note: str = ""
    colour: str = ""
    marks: tuple[tuple[str, str, str, str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class AssetFacts:
    """Everything the page says about one asset."""

    asset: str
    name: str
    kind: str
    lifeline: str
    simulated: bool
    risk: int
    reason: str
    attributes: tuple[tuple[str, str], ...]
    scores: tuple[tuple[str, float, str], ...]
    pulled_down: str
    findings: pd.DataFrame
    sensors: pd.DataFrame


def name_of(city: City, asset: str, lang: Lang) -> str:
    """Name of an asset; its kind and id where it has none."""
    if asset not in city.assets.index:
        return asset
    row = city.assets.loc[asset]
    name = row.get(f"name_{lang}")
    if isinstance(name, str) and name:
        return name
    return f"{words.kind_title(row['lifeline'], row['kind'], lang)} {asset}"


def open_warnings(examination: Examination, lifeline: str = "") -> pd.DataFrame:
    """Warnings that nobody and nothing has cleared, the gravest and latest first."""
    rows = examination.warnings
    rows = rows[rows["cleared"].isna() & (rows["state"] != "cleared")]
    if lifeline:
        rows = rows[rows["lifeline"] == lifeline]
    return rows.sort_values(["level", "issued"], ascending=[True, False], kind="stable")


def risk_levels(city: City, examination: Examination) -> np.ndarray:
    """Risk level 0-4 of each asset, uint8 in the order of the assets; 0 is unknown."""
    level = examination.risk["level"].reindex(city.assets.index)
    return level.fillna(0).clip(0, 4).to_numpy(dtype=np.uint8)


def tiles(examination: Examination, lang: Lang, lifeline: str = "") -> tuple[Tile, ...]:
    """Return the numbers of the top row, of the city or of one lifeline."""

    def own(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[frame["lifeline"] == lifeline] if lifeline else frame

    warned = open_warnings(examination, lifeline)["level"].value_counts()
    findings = own(examination.findings)
    findings = findings[findings["until"].isna()]
    faults = int((findings["health"] & (findings["sensor"] != "")).sum())  # not of whole areas
    health = own(examination.health)
    levels = own(examination.risk)["level"]
    return (
        Tile(
            "warnings",
            _WARNINGS(lang),
            f"{int(warned.sum())}",
            marks=tuple(
                (grade.shape, grade.colour, grade.ink, grade.mark, int(warned.get(level, 0)))
                for level, grade in theme.WARNING.items()
            ),
        ),
        Tile(
            "findings",
            _FINDINGS(lang),
            f"{len(findings) - faults:,}",
            note=_SENSOR_FAULTS.format(n=faults)(lang) if faults else "",
        ),
        Tile(
            "risk",
            _RISKY(lang),
            f"{int(levels.isin([1, 2]).sum()):,}",
            note=_OF_ASSETS.format(of=f"{len(levels):,}")(lang),
        ),
        _score_tile(examination, lang, lifeline),
        Tile(
            "online",
            _ONLINE(lang),
            _percent(health["online"].mean()),
            "%" if len(health) else "",
            _OF.format(n=f"{int(health['online'].sum()):,}", of=f"{len(health):,}")(lang),
        ),
        Tile(
            "completeness",
            _COMPLETE(lang),
            _percent(health["completeness"].mean()),
            "%" if len(health) else "",
            _GOOD.format(share=_percent(health["good"].mean()) + " %")(lang),
        ),
    )


def _percent(share: float) -> str:
    return "—" if pd.isna(share) else f"{100 * share:.1f}"


def _score_tile(examination: Examination, lang: Lang, lifeline: str) -> Tile:
    scores = examination.scores
    total = scores[scores["indicator"] == "total"]
    if lifeline:
        total = total[(total["scope"] == "lifeline") & (total["lifeline"] == lifeline)]
    else:
        total = total[total["scope"] == "city"]
    if not len(total) or pd.isna(total["score"].iloc[0]):
        return Tile("score", _SCORE(lang), "—", note=_NO_SCORE(lang), colour=theme.GREY)
    row = total.iloc[0]
    note = _GRADE.format(grade=row["grade"])(lang)
    tail = _LIFELINE_SCORE(lang) if lifeline else _RAW.format(raw=f"{row['raw']:.1f}")(lang)
    return Tile(
        "score",
        _SCORE(lang),
        f"{row['score']:.1f}",
        note=f"{note} · {tail}",
        colour=theme.score_colour(row["score"]),
    )


def warning_rows(
    city: City, examination: Examination, lang: Lang, lifeline: str = ""
) -> list[dict[str, str | int]]:
    """Open warnings in plain words, for a list."""
    rows = []
    for warning, row in open_warnings(examination, lifeline).iterrows():
        grade = theme.WARNING[int(row["level"])]
        since = _SINCE.format(
            at=words.moment_words(row["issued"], city.time_zone),
            span=words.duration_words(examination.at - row["issued"], lang),
        )
        rows.append(
            {
                "key": str(warning),
                "asset": str(row["asset"]),
                "mark": grade.mark,
                "shape": grade.shape,
                "colour": grade.colour,
                "ink": grade.ink,
                "level": grade.text(lang),
                "title": row[f"title_{lang}"],
                "place": name_of(city, row["asset"], lang),
                "lifeline": words.lifeline_title(row["lifeline"], lang),
                "since": since(lang),
                "sensors": _SENSORS.format(n=int(row["n_sensors"]))(lang)
                if row["n_sensors"] > 1
                else "",
            }
        )
    return rows


def asset_facts(city: City, examination: Examination, asset: str, lang: Lang) -> AssetFacts:
    """Gather what the examination knows about one asset.

    Raises
    ------
    KeyError
        Where the city has no such asset.
    """
    row = city.assets.loc[asset]
    scores = examination.scores
    own = scores[(scores["scope"] == "asset") & (scores["subject"] == asset)]
    total = own[own["indicator"] == "total"]
    risk = examination.risk.loc[asset] if asset in examination.risk.index else None
    findings = examination.findings[examination.findings["asset"] == asset]
    return AssetFacts(
        asset=asset,
        name=name_of(city, asset, lang),
        kind=words.kind_title(row["lifeline"], row["kind"], lang),
        lifeline=words.lifeline_title(row["lifeline"], lang),
        simulated=row["real_or_simulated"] == "simulated",
        risk=0 if risk is None else int(risk["level"]),
        reason="" if risk is None else str(risk[f"reason_{lang}"]),
        attributes=tuple(_attributes(city, row, lang)),
        scores=tuple(
            (words.INDICATORS[each["indicator"]](lang), float(each["score"]), str(each["grade"]))
            for _, each in own.iterrows()
            if each["indicator"] in words.INDICATORS
        ),
        pulled_down=str(total[f"pulled_down_{lang}"].iloc[0]) if len(total) else "",
        findings=findings.sort_values(["severity", "since"], ascending=False, kind="stable"),
        sensors=city.sensors[city.sensors["asset"] == asset],
    )


def _attributes(city: City, row: pd.Series, lang: Lang) -> list[tuple[str, str]]:
    found = []
    for column, title in words.ATTRIBUTES.items():
        value = row.get(column)
        if value is None or value == "" or pd.isna(value):
            continue
        if column == "district" and value in city.areas.index:
            text = str(city.areas[f"name_{lang}"].loc[value])
        elif column == "year":
            text = words.year_words(value)
        else:
            text = words.value_words(value, lang)
        found.append((title(lang), text))
    return found
