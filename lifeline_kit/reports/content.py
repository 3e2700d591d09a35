"""What a check-up report says, as plain data; drawing and layout come after."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import pandas as pd

from lifeline_kit.checkup.scores import DIMENSIONS
from lifeline_kit.errors import CityError
from lifeline_kit.lifelines import ALL
from lifeline_kit.methods.rules import LEVEL_NAMES
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.model.lifeline import Lifeline
from lifeline_kit.model.readings import TEST_NAMES
from lifeline_kit.reports.cases import MOST, OpenCase, open_cases
from lifeline_kit.reports.heating import Heating, heating_part
from lifeline_kit.reports.network import GasNetwork, gas_network
from lifeline_kit.reports.places import local, names_of, place
from lifeline_kit.reports.words import TESTS, WORDS
from lifeline_kit.text import Lang, Text

ROWS_PER_TABLE = 40
GOOD_ENOUGH = 0.6  # share of readings that pass; below, the first page says so
_PASSAGE_RULES = ("bridges.passage", "bridges.parked")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One lifeline."""

    lifeline: Lifeline
    scores: dict[str, float]
    grade: str
    n: int
    completeness: float
    pulled_down: str
    risk: dict[int, int]
    findings: list[dict]
    more: int
    loads: list[dict]
    inventory: dict[str, float]
    monitoring: dict[str, float]
    cases: list[OpenCase]
    more_cases: int
    data: list[dict]
    heating: Heating
    network: GasNetwork


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckupReport:
    """A whole report in one language; every row comes from the examination."""

    lang: Lang
    city: str
    scope: str
    district: str
    origin: str
    since: str
    until: str
    version: str
    score: float
    raw: float
    grade: str
    completeness: float
    pulled_down: str
    online: float
    n_open: int
    by_level: dict[int, int]
    attention: list[dict]
    warnings: list[dict]
    more_warnings: int
    chapters: list[Chapter]
    coupling: list[dict]
    districts: list[dict]
    rules: list[dict]
    quality: list[dict]
    sources: list[dict]
    distrust: list[str]
    time_zone: str
    notes: list[str] = field(default_factory=list)


def compose(
    city: City,
    examination: Examination,
    *,
    lang: Lang,
    district: str | None = None,
    notes: Sequence[Text] = (),
) -> CheckupReport:
    """Gather a report from an examination.

    Parameters
    ----------
    city : City
    examination : Examination
    lang : {'zh', 'en'}
    district : str, optional
        Id of an area of level `district`; by default the whole city.
    notes : sequence of Text
        What was noticed while loading files of one's own.

    Raises
    ------
    CityError
        Where the district is unknown.
    """
    assets = assets_within(city, district)
    warnings = examination.warnings[examination.warnings["asset"].isin(assets.index)]
    findings = examination.findings[examination.findings["asset"].isin(assets.index)]
    health = examination.health[examination.health["asset"].isin(assets.index)]
    subject = district or "city"
    whole = _whole_row(examination.scores, subject)
    is_open = warnings["state"] == "open"
    names = names_of(city, lang)
    listed = warnings.sort_values(["state", "level", "issued"], ascending=[False, True, False])
    present = [each for each in ALL if (assets["lifeline"] == each.key).any()]
    chapters = [
        _chapter(each, city, examination, assets, findings, health, names, lang, district)
        for each in present
    ]
    return CheckupReport(
        lang=lang,
        city=city.name(lang),
        scope=_scope(city, names, district, lang),
        district=district or "",
        origin=city.origin,
        since=local(examination.since, city),
        until=local(examination.at, city),
        version=examination.version,
        score=whole["score"],
        raw=whole["raw"],
        grade=whole["grade"],
        completeness=whole["completeness"],
        pulled_down=whole[f"pulled_down_{lang}"],
        online=float(health["online"].mean()) if len(health) else np.nan,
        n_open=int(is_open.sum()),
        by_level={
            level: int((warnings["level"][is_open] == level).sum()) for level in (1, 2, 3, 4)
        },
        attention=_warning_rows(listed[listed["state"] == "open"].head(5), city, names, lang),
        warnings=_warning_rows(listed.head(ROWS_PER_TABLE), city, names, lang),
        more_warnings=max(0, len(listed) - ROWS_PER_TABLE),
        chapters=chapters,
        coupling=_coupling_rows(findings, examination.findings, city, names, lang),
        districts=[] if district else _district_rows(city, examination, lang),
        rules=_rule_rows(present, lang),
        quality=_quality_rows(examination, assets, city, lang),
        sources=[
            {"title": each.title(lang), "url": each.url, "licence": each.licence}
            for each in city.sources
        ],
        distrust=_distrust(chapters, lang),
        time_zone=city.time_zone,
        notes=[note(lang) for note in notes],
    )


def assets_within(city: City, district: str | None) -> gpd.GeoDataFrame:
    """Assets of a district, by their own column or else by place; of the city without one.

    Raises
    ------
    CityError
        Where the district is unknown.
    """
    if district is None:
        return city.assets
    known = city.areas.index[city.areas["level"] == "district"]
    if district not in known:
        raise CityError(
            f"district {district!r} is not in the city; expected one of {', '.join(known)}."
        )
    if "district" in city.assets:
        return city.assets[city.assets["district"] == district]
    area = city.areas.geometry[district]
    return city.assets[city.assets.representative_point().within(area)]


def _scope(city: City, names: dict[str, str], district: str | None, lang: Lang) -> str:
    """Say what the report covers: a district, the whole city, or somebody's files."""
    if district:
        return names.get(district, district)
    return WORDS["whole_city" if len(city.areas) else "all_files"](lang)


def _distrust(chapters: Sequence[Chapter], lang: Lang) -> list[str]:
    """Warn on the first page where most readings of a lifeline failed quality control."""
    return [
        WORDS["distrust"].format(
            lifeline=chapter.lifeline.title(lang), share=f"{100 * chapter.monitoring['good']:.0f} %"
        )(lang)
        for chapter in chapters
        if chapter.monitoring["good"] < GOOD_ENOUGH
    ]


def _whole_row(scores: pd.DataFrame, subject: str) -> pd.Series:
    rows = scores[
        (scores["subject"] == subject)
        & (scores["lifeline"] == "")
        & (scores["indicator"] == "total")
    ]
    if len(rows):
        return rows.iloc[0]
    return pd.Series(
        {"score": np.nan, "raw": np.nan, "grade": "", "completeness": 0.0}
        | {"pulled_down_zh": "", "pulled_down_en": ""}
    )


def _warning_rows(
    warnings: pd.DataFrame, city: City, names: dict[str, str], lang: Lang
) -> list[dict]:
    titles = {each.key: each.title(lang) for each in ALL}
    return [
        {
            "id": warning,
            "level": LEVEL_NAMES[row["level"]],
            "number": row["level"],
            "lifeline": titles[row["lifeline"]],
            "title": row[f"title_{lang}"],
            "place": place(row["asset"], names),
            "asset": row["asset"],
            "issued": local(row["issued"], city),
            "cleared": "" if pd.isna(row["cleared"]) else local(row["cleared"], city),
            "sensors": row["n_sensors"],
        }
        for warning, row in warnings.iterrows()
    ]


def _chapter(  # noqa: PLR0913 - one lifeline seen through all tables of the examination
    lifeline: Lifeline,
    city: City,
    examination: Examination,
    assets: gpd.GeoDataFrame,
    findings: pd.DataFrame,
    health: pd.DataFrame,
    names: dict[str, str],
    lang: Lang,
    district: str | None,
) -> Chapter:
    own = assets[assets["lifeline"] == lifeline.key]
    scores = examination.scores
    scope, subject = ("area", district) if district else ("lifeline", lifeline.key)
    rows = scores[
        (scores["scope"] == scope)
        & (scores["subject"] == subject)
        & (scores["lifeline"] == lifeline.key)
    ].set_index("indicator")
    total = rows.loc["total"]
    mine = findings[findings["lifeline"] == lifeline.key]
    about_data = mine["rule"] == f"{lifeline.key}.data"
    found = mine[~mine["health"] & ~about_data]
    cases = _cases_of(examination, lifeline.key)
    spaces = cases[cases["asset"].isin(own.index) & (lifeline.key == "gas")]
    opened = open_cases(spaces, city, names, lang)
    loads = found[found["rule"].isin(_PASSAGE_RULES)]
    shown = found[~found["rule"].isin(_PASSAGE_RULES) & (found["method"] != "coupling")]
    shown = shown.sort_values(["level", "severity"], ascending=[True, False])
    shown = pd.concat([shown[shown["level"] > 0], shown[shown["level"] == 0]])
    state = health[health["lifeline"] == lifeline.key]
    risk = examination.risk.reindex(own.index)["level"]
    return Chapter(
        lifeline=lifeline,
        scores={key: float(rows["score"].get(key, np.nan)) for key in (*DIMENSIONS, "total")},
        grade=total["grade"],
        n=int(total["n"]),
        completeness=float(total["completeness"]),
        pulled_down=total[f"pulled_down_{lang}"],
        risk={level: int((risk == level).sum()) for level in (1, 2, 3, 4, 0)},
        findings=_finding_rows(shown.head(ROWS_PER_TABLE), city, names, lang),
        more=max(0, len(shown) - ROWS_PER_TABLE),
        loads=_load_rows(loads.sort_values("since"), city),
        inventory=_inventory(own),
        monitoring={
            "n": len(state),
            "online": float(state["online"].mean()) if len(state) else np.nan,
            "completeness": float(state["completeness"].mean()) if len(state) else np.nan,
            "good": float(state["good"].mean()) if len(state) else np.nan,
            "offline": int((~state["online"]).sum()),
        },
        cases=opened[:MOST],
        more_cases=max(0, len(opened) - MOST),
        data=_finding_rows(mine[about_data], city, names, lang),
        heating=heating_part(cases, city, assets.index, names, lang)
        if lifeline.key == "heating"
        else Heating(),
        network=gas_network(
            _cases_of(examination, "gas.network"), own.index, names, lang, whole=district is None
        )
        if lifeline.key == "gas"
        else GasNetwork(),
    )


def _cases_of(examination: Examination, lifeline: str) -> pd.DataFrame:
    """Stored cases of a lifeline, or of a part of one such as `gas.network`."""
    return examination.cases[examination.cases["lifeline"] == lifeline]


def _inventory(assets: gpd.GeoDataFrame) -> dict[str, float]:
    length = assets["length_m"].astype(float).sum() if "length_m" in assets else 0.0
    year = assets["year"].astype(float).mean() if "year" in assets else np.nan
    return {"n": len(assets), "km": float(length) / 1000.0, "year": float(year)}


def _finding_rows(
    findings: pd.DataFrame, city: City, names: dict[str, str], lang: Lang
) -> list[dict]:
    return [
        {
            "id": finding,
            "level": LEVEL_NAMES.get(row["level"], ""),
            "number": row["level"],
            "title": row[f"title_{lang}"],
            "place": place(row["asset"], names),
            "sensor": row["sensor"],
            "evidence": row[f"evidence_{lang}"],
            "source": (row["source_zh"] if lang == "zh" else "") or row["source"],
            "verified": bool(row["verified"]),
            "since": local(row["since"], city),
            "until": "" if pd.isna(row["until"]) else local(row["until"], city),
            "cause": row["cause"],
        }
        for finding, row in findings.iterrows()
    ]


def _load_rows(loads: pd.DataFrame, city: City) -> list[dict]:
    return [
        {
            "sensor": row["sensor"],
            "kind": row["rule"].removeprefix("bridges."),
            "title_zh": row["title_zh"],
            "title_en": row["title_en"],
            "time": city.local(row["since"]).strftime("%Y-%m-%d %H:%M:%S"),
            "peak": row["value"],
            "unit": row["unit"],
            "seconds": (row["until"] - row["since"]).total_seconds()
            if pd.notna(row["until"])
            else np.nan,
        }
        for _, row in loads.iterrows()
    ]


def _coupling_rows(
    findings: pd.DataFrame,
    everything: pd.DataFrame,
    city: City,
    names: dict[str, str],
    lang: Lang,
) -> list[dict]:
    coupled = findings[findings["method"] == "coupling"].sort_values("severity", ascending=False)
    rows = _finding_rows(coupled.head(ROWS_PER_TABLE), city, names, lang)
    for row in rows:
        cause = everything.loc[row["cause"]]
        row["cause_title"] = f"{cause[f'title_{lang}']} · {place(cause['asset'], names)}"
    return rows


def _district_rows(city: City, examination: Examination, lang: Lang) -> list[dict]:
    scores = examination.scores
    rows = scores[(scores["scope"] == "area") & (scores["lifeline"] == "")].sort_values(
        "score", na_position="last"
    )
    areas = city.areas
    return [
        {
            "id": row["subject"],
            "name": areas.loc[row["subject"], f"name_{lang}"],
            "population": float(areas.loc[row["subject"], "population"]),
            "score": row["score"],
            "raw": row["raw"],
            "grade": row["grade"],
            "completeness": row["completeness"],
            "n": row["n"],
            "pulled_down": row[f"pulled_down_{lang}"],
        }
        for _, row in rows.iterrows()
    ]


def _rule_rows(lifelines: Sequence[Lifeline], lang: Lang) -> list[dict]:
    return [
        {
            "lifeline": lifeline.title(lang),
            "title": rule.title(lang),
            "key": rule.key,
            "test": rule.test,
            "limits": " · ".join(
                f"{LEVEL_NAMES[level]} {limit:g}"
                for level, limit in sorted(rule.levels.items(), reverse=True)
            ),
            "relative_to": rule.relative_to or "",
            "unit": "" if rule.relative_to else {"sigma": "σ"}.get(rule.unit, rule.unit),
            "source": (rule.source_zh if lang == "zh" else "") or rule.source,
            "verified": rule.verified,
            "version": lifeline.version,
        }
        for lifeline in lifelines
        for rule in lifeline.rules
    ]


def _quality_rows(
    examination: Examination, assets: gpd.GeoDataFrame, city: City, lang: Lang
) -> list[dict]:
    own = city.sensors.index[city.sensors["asset"].isin(assets.index)]
    flags = examination.flags[examination.flags["sensor"].isin(own)]
    tests = flags["tests"].to_numpy(dtype=np.uint16)
    return [
        {
            "test": TESTS[name](lang),
            "count": int(((tests & bit) > 0).sum()),
            "sensors": int(flags["sensor"][(tests & bit) > 0].nunique()),
        }
        for bit, name in TEST_NAMES.items()
    ]
