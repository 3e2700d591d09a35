"""The chapter of one lifeline in a report, as plain data."""

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from lifeline_kit.checkup.scores import DIMENSIONS
from lifeline_kit.io.ledger import Snapshot
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.model.lifeline import Lifeline
from lifeline_kit.reports.cases import MOST, OpenCase, open_cases
from lifeline_kit.reports.heating import Heating, heating_part
from lifeline_kit.reports.inventory import Stock, stock_of
from lifeline_kit.reports.network import GasNetwork, gas_network
from lifeline_kit.reports.rows import ROWS_PER_TABLE, finding_rows, load_rows
from lifeline_kit.text import Lang

PASSAGE_RULES = ("bridges.passage", "bridges.parked")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One lifeline.

    Attributes
    ----------
    risk : dict of level to int
        Assets of each risk level, 0 unknown.
    watched : dict of level to float
        Share of those assets that carry a sensor; NaN where there are none.
    high_km, high_share : float
        Length of red and orange assets [km] and their share of all length; NaN without lengths.
    warned : dict of level to int
        Warnings of the period, closed ones too.
    """

    lifeline: Lifeline
    title: str
    scores: dict[str, float]
    grade: str
    n: int
    completeness: float
    pulled_down: str
    risk: dict[int, int]
    watched: dict[int, float]
    high_km: float
    high_share: float
    warned: dict[int, int]
    still_open: int
    findings: list[dict]
    more: int
    loads: list[dict]
    more_loads: int
    inventory: dict[str, float]
    stock: Stock
    monitoring: dict[str, float]
    cases: list[OpenCase]
    more_cases: int
    data: list[dict]
    heating: Heating
    network: GasNetwork


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """What of an examination a report covers: a city or an area, and the period.

    Attributes
    ----------
    assets : GeoDataFrame
    findings, warnings, health : DataFrame
        Of these assets, and of the period.
    area : str or None
    names : dict of asset to str
    since : Timestamp
        Where the period begins, UTC: the month's, or that of the data.
    book : Snapshot or None
        The ledger, of the whole city.
    """

    city: City
    examination: Examination
    assets: gpd.GeoDataFrame
    findings: pd.DataFrame
    warnings: pd.DataFrame
    health: pd.DataFrame
    area: str | None
    names: dict[str, str]
    lang: Lang
    since: pd.Timestamp
    book: Snapshot | None = None


def shown_findings(findings: pd.DataFrame) -> pd.DataFrame:
    """Findings that a chapter lists, the gravest first: not of sensors, data, loads or coupling."""
    about_data = findings["rule"] == findings["lifeline"] + ".data"
    listed = ~findings["health"] & ~about_data & ~findings["rule"].isin(PASSAGE_RULES)
    shown = findings[listed & (findings["method"] != "coupling")]
    shown = shown.sort_values(["level", "severity"], ascending=[True, False])
    return pd.concat([shown[shown["level"] > 0], shown[shown["level"] == 0]])


def chapter(lifeline: Lifeline, part: Extract) -> Chapter:
    """Gather one lifeline from all tables of the examination."""
    city, names, lang = part.city, part.names, part.lang
    own = part.assets[part.assets["lifeline"] == lifeline.key]
    mine = part.findings[part.findings["lifeline"] == lifeline.key]
    warned = part.warnings[part.warnings["lifeline"] == lifeline.key]
    state = part.health[part.health["lifeline"] == lifeline.key]
    rows, total = _scores(lifeline, part)
    cases = _cases_of(part.examination, lifeline.key)
    spaces = cases[cases["asset"].isin(own.index) & (lifeline.key == "gas")]
    opened = open_cases(spaces, city, names, lang)
    shown = shown_findings(mine)
    loads = mine[mine["rule"].isin(PASSAGE_RULES)].sort_values("since")
    risk = part.examination.risk["level"].reindex(own.index).fillna(0)
    is_watched = own.index.isin(part.health["asset"])
    high_km, high_share = _high(own, risk)
    return Chapter(
        lifeline=lifeline,
        title=lifeline.title(lang),
        scores={key: float(rows.get(key, np.nan)) for key in (*DIMENSIONS, "response", "total")},
        grade=total["grade"],
        n=int(total["n"]),
        completeness=float(total["completeness"]),
        pulled_down=total[f"pulled_down_{lang}"],
        risk={level: int((risk == level).sum()) for level in (1, 2, 3, 4, 0)},
        watched={level: _mean(is_watched[risk == level]) for level in (1, 2, 3, 4, 0)},
        high_km=high_km,
        high_share=high_share,
        warned={level: int((warned["level"] == level).sum()) for level in (1, 2, 3, 4)},
        still_open=int((warned["state"] == "open").sum()),
        findings=finding_rows(shown.head(ROWS_PER_TABLE), city, names, lang),
        more=max(0, len(shown) - ROWS_PER_TABLE),
        loads=load_rows(loads.head(ROWS_PER_TABLE), city),
        more_loads=max(0, len(loads) - ROWS_PER_TABLE),
        inventory=_inventory(own),
        stock=stock_of(own, lifeline, lang),
        monitoring={
            "n": len(state),
            "online": _mean(state["online"]),
            "completeness": _mean(state["completeness"]),
            "good": _mean(state["good"]),
            "offline": int((~state["online"]).sum()),
        },
        cases=opened[:MOST],
        more_cases=max(0, len(opened) - MOST),
        data=finding_rows(mine[mine["rule"] == f"{lifeline.key}.data"], city, names, lang),
        heating=heating_part(cases, city, part.assets.index, names, lang)
        if lifeline.key == "heating"
        else Heating(),
        network=gas_network(
            _cases_of(part.examination, "gas.network"),
            own.index,
            names,
            lang,
            whole=part.area is None,
        )
        if lifeline.key == "gas"
        else GasNetwork(),
    )


def _scores(lifeline: Lifeline, part: Extract) -> tuple[pd.Series, pd.Series]:
    """Scores by indicator, and the row of the total; unknown for an area that has none."""
    scores = part.examination.scores
    scope, subject = ("area", part.area) if part.area else ("lifeline", lifeline.key)
    own = scores[
        (scores["scope"] == scope)
        & (scores["subject"] == subject)
        & (scores["lifeline"] == lifeline.key)
    ].set_index("indicator")
    if "total" in own.index:
        return own["score"], own.loc["total"]
    unknown = {
        "grade": "",
        "n": 0,
        "completeness": np.nan,
        "pulled_down_zh": "",
        "pulled_down_en": "",
    }
    return own["score"], pd.Series(unknown)


def _cases_of(examination: Examination, lifeline: str) -> pd.DataFrame:
    """Stored cases of a lifeline, or of a part of one such as `gas.network`."""
    return examination.cases[examination.cases["lifeline"] == lifeline]


def _mean(values: pd.Series | np.ndarray) -> float:
    return float(values.mean()) if len(values) else np.nan


def _inventory(assets: gpd.GeoDataFrame) -> dict[str, float]:
    length = assets["length_m"].astype(float).sum() if "length_m" in assets else 0.0
    year = assets["year"].astype(float).mean() if "year" in assets else np.nan
    return {"n": len(assets), "km": float(length) / 1000.0, "year": float(year)}


def _high(assets: gpd.GeoDataFrame, risk: pd.Series) -> tuple[float, float]:
    if "length_m" not in assets:
        return np.nan, np.nan
    length = assets["length_m"].astype(float).fillna(0.0) / 1000.0
    high = float(length[risk.isin([1, 2])].sum())
    return (high, high / float(length.sum())) if length.sum() > 0 else (np.nan, np.nan)
