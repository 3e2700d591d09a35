"""Rows of a report's tables, taken from the tables of the examination."""

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd

from lifeline_kit.lifelines import ALL
from lifeline_kit.methods.rules import LEVEL_NAMES
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.model.lifeline import Lifeline, Rule
from lifeline_kit.model.readings import TEST_NAMES
from lifeline_kit.reports.places import among, local, place
from lifeline_kit.reports.words import TESTS
from lifeline_kit.text import Lang

ROWS_PER_TABLE = 300  # a thousand take WeasyPrint ten seconds; the whole table is attached
COUPLED_ROWS = 40  # they warn of nothing by themselves and follow their causes by the dozen


def warning_rows(
    warnings: pd.DataFrame, city: City, names: dict[str, str], lang: Lang
) -> list[dict]:
    """Rows of warnings, in the order given."""
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


def finding_rows(
    findings: pd.DataFrame, city: City, names: dict[str, str], lang: Lang
) -> list[dict]:
    """Rows of findings, in the order given."""
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


def load_rows(loads: pd.DataFrame, city: City) -> list[dict]:
    """Rows of load passages: when, how high, how long."""
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


def coupling_rows(
    findings: pd.DataFrame,
    everything: pd.DataFrame,
    city: City,
    names: dict[str, str],
    lang: Lang,
) -> list[dict]:
    """Rows of coupled findings with what caused them, the gravest first."""
    coupled = findings.sort_values("severity", ascending=False)
    rows = finding_rows(coupled.head(COUPLED_ROWS), city, names, lang)
    for row in rows:
        cause = everything.loc[row["cause"]]
        row["cause_title"] = f"{cause[f'title_{lang}']} · {place(cause['asset'], names)}"
    return rows


def district_rows(city: City, examination: Examination, lang: Lang) -> list[dict]:
    """Rows of districts, the lowest score first."""
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


def _assets_of(rule: Rule) -> str:
    """Name the assets that a rule of the centre is for; empty for all."""
    names = sorted(rule.only)
    more = f" +{len(names) - 3}" if len(names) > 3 else ""
    return f" ({', '.join(names[:3])}{more})" if names else ""


def rule_rows(lifelines: Sequence[Lifeline], lang: Lang) -> list[dict]:
    """Rows of the rules that were applied, with limits and sources."""
    return [
        {
            "lifeline": lifeline.title(lang),
            "title": rule.title(lang),
            "key": rule.key + _assets_of(rule),
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


def quality_rows(
    examination: Examination, assets: gpd.GeoDataFrame, city: City, lang: Lang
) -> list[dict]:
    """Rows of the tests of quality control: readings and sensors that they marked."""
    own = city.sensors.index[among(city.sensors["asset"], assets.index)]
    flags = examination.flags[examination.flags["sensor"].isin(own)]
    tests = flags["tests"].to_numpy(dtype=np.uint16)
    return [
        {
            "key": name,
            "test": TESTS[name](lang),
            "count": int(((tests & bit) > 0).sum()),
            "sensors": int(flags["sensor"][(tests & bit) > 0].nunique()),
        }
        for bit, name in TEST_NAMES.items()
    ]
