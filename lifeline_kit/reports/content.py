"""What a check-up report says, as plain data; drawing and layout come after."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import pandas as pd

from lifeline_kit.early_warning.own_rules import with_rules
from lifeline_kit.errors import CityError
from lifeline_kit.io.ledger import Snapshot
from lifeline_kit.lifelines import ALL
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.pipeline import own_rules
from lifeline_kit.reports.chapters import Chapter, Extract, chapter
from lifeline_kit.reports.ledger_part import LedgerPart, ledger_part
from lifeline_kit.reports.period import Period
from lifeline_kit.reports.places import among, local, names_of
from lifeline_kit.reports.rows import (
    COUPLED_ROWS,
    ROWS_PER_TABLE,
    coupling_rows,
    district_rows,
    quality_rows,
    rule_rows,
    warning_rows,
)
from lifeline_kit.reports.words import WORDS
from lifeline_kit.text import Lang, Text

GOOD_ENOUGH = 0.6  # share of readings that pass; below, the first page says so


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckupReport:
    """A whole report in one language; every row comes from the examination.

    `at` is the moment of the examination to the millisecond (UTC): `lifeline verify` examines
    the city up to it again. `book` says up to which event the ledger counts (number and hash), and
    is empty without one; `ledger` is what the report takes from there.
    """

    lang: Lang
    city: str
    scope: str
    district: str
    origin: str
    period: str
    since: str
    until: str
    at: str
    version: str
    book: str
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
    more_coupling: int
    districts: list[dict]
    rules: list[dict]
    quality: list[dict]
    sources: list[dict]
    distrust: list[str]
    ledger: LedgerPart | None
    time_zone: str
    notes: list[str] = field(default_factory=list)


def compose(
    city: City,
    examination: Examination,
    *,
    lang: Lang,
    district: str | None = None,
    period: Period | None = None,
    notes: Sequence[Text] = (),
    book: Snapshot | None = None,
) -> CheckupReport:
    """Gather a report from an examination.

    Parameters
    ----------
    city : City
    examination : Examination
    lang : {'zh', 'en'}
    district : str, optional
        Id of an area of level `district` or `cell`; by default the whole city.
    period : Period, optional
        Findings and warnings that ended before it are left out.
    notes : sequence of Text
        What was noticed while loading files of one's own.
    book : Snapshot, optional
        The city's ledger up to the moment of the examination.

    Raises
    ------
    CityError
        Where the district is unknown.
    """
    part = extract(city, examination, lang=lang, district=district, period=period, book=book)
    return report_of(part, period=period, notes=notes)


def report_of(
    part: Extract, *, period: Period | None = None, notes: Sequence[Text] = ()
) -> CheckupReport:
    """Gather a report from what it covers; see `compose`."""
    city, examination, lang, district = part.city, part.examination, part.lang, part.area
    whole = _whole_row(examination.scores, district or "city")
    is_open = part.warnings["state"] == "open"
    listed = sorted_warnings(part.warnings)
    declared = with_rules(ALL, own_rules(city))
    present = [each for each in declared if (part.assets["lifeline"] == each.key).any()]
    chapters = [chapter(each, part) for each in present]
    coupled = part.findings[part.findings["method"] == "coupling"]
    ledger = ledger_part(part, chapters, present)
    attention = listed[listed["state"] == "open"].head(5)
    return CheckupReport(
        lang=lang,
        city=city.name(lang),
        scope=_scope(city, part.names, district, lang),
        district=district or "",
        origin=city.origin,
        period=period.name if period else "",
        since=local(examination.since, city),
        until=local(examination.at, city),
        at=examination.at.isoformat(),
        version=examination.version,
        book="" if part.book is None else str(part.book.head),
        score=whole["score"],
        raw=whole["raw"],
        grade=whole["grade"],
        completeness=whole["completeness"],
        pulled_down=whole[f"pulled_down_{lang}"],
        online=float(part.health["online"].mean()) if len(part.health) else np.nan,
        n_open=int(is_open.sum()),
        by_level={
            level: int((part.warnings["level"][is_open] == level).sum()) for level in (1, 2, 3, 4)
        },
        attention=warning_rows(attention, city, part.names, lang),
        warnings=warning_rows(listed.head(ROWS_PER_TABLE), city, part.names, lang),
        more_warnings=max(0, len(listed) - ROWS_PER_TABLE),
        chapters=chapters,
        coupling=coupling_rows(coupled, examination.findings, city, part.names, lang),
        more_coupling=max(0, len(coupled) - COUPLED_ROWS),
        districts=[] if district else district_rows(city, examination, lang),
        rules=rule_rows(present, lang),
        quality=quality_rows(examination, part.assets, city, lang),
        sources=[
            {"title": each.title(lang), "url": each.url, "licence": each.licence}
            for each in city.sources
        ],
        distrust=_distrust(chapters, ledger, lang),
        ledger=ledger,
        time_zone=city.time_zone,
        notes=[note(lang) for note in notes],
    )


def extract(
    city: City,
    examination: Examination,
    *,
    lang: Lang,
    district: str | None = None,
    period: Period | None = None,
    book: Snapshot | None = None,
) -> Extract:
    """Take from an examination what a report covers.

    Raises
    ------
    CityError
        Where the district is unknown.
    """
    assets = assets_within(city, district)
    warnings = examination.warnings[among(examination.warnings["asset"], assets.index)]
    findings = examination.findings[among(examination.findings["asset"], assets.index)]
    if period is not None:
        warnings = warnings[~(warnings["cleared"] < period.since)]  # an open one has no time
        findings = findings[~(findings["until"] < period.since)]
    return Extract(
        city=city,
        examination=examination,
        assets=assets,
        findings=findings,
        warnings=warnings,
        health=examination.health[among(examination.health["asset"], assets.index)],
        area=district,
        names=names_of(city, lang),
        lang=lang,
        since=period.since if period else examination.since,
        book=book,
    )


def sorted_warnings(warnings: pd.DataFrame) -> pd.DataFrame:
    """Open warnings first, then by level, the latest first."""
    return warnings.sort_values(["state", "level", "issued"], ascending=[False, True, False])


def assets_within(city: City, district: str | None) -> gpd.GeoDataFrame:
    """Assets of a district or cell, by their own column or else by place; of the city without one.

    Raises
    ------
    CityError
        Where the district is unknown.
    """
    if district is None:
        return city.assets
    districts, cells = (area_ids(city, level) for level in ("district", "cell"))
    if district not in districts and district not in cells:
        also = f", or one of {len(cells)} cells such as {cells[0]}" if cells else ""
        raise CityError(
            f"district {district!r} is not in the city; "
            f"expected one of {', '.join(districts)}{also}."
        )
    if "district" in city.assets and district in districts:
        return city.assets[city.assets["district"] == district]
    area = city.areas.geometry[district]
    return city.assets[city.assets.representative_point().within(area)]


def area_ids(city: City, level: str) -> list[str]:
    """Ids of the areas of one level: `district` or `cell`."""
    if "level" not in city.areas:
        return []
    return [str(each) for each in city.areas.index[city.areas["level"] == level]]


def _scope(city: City, names: dict[str, str], district: str | None, lang: Lang) -> str:
    """Say what the report covers: a district, the whole city, or somebody's files."""
    if district:
        return names.get(district, district)
    return WORDS["whole_city" if len(city.areas) else "all_files"](lang)


def _distrust(chapters: Sequence[Chapter], ledger: LedgerPart | None, lang: Lang) -> list[str]:
    """Warn on the first page of a broken ledger, and where most readings of a lifeline are bad."""
    said = (
        WORDS["book_broken"].format(problem=ledger.problems[0])
        if ledger and ledger.problems
        else None
    )
    broken = [] if said is None else [said(lang)]
    return broken + [
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
        {"score": np.nan, "raw": np.nan, "grade": "", "completeness": np.nan}
        | {"pulled_down_zh": "", "pulled_down_en": ""}
    )
