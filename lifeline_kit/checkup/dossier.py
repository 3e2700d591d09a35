"""All that a check-up tells beside its scores, gathered once: for pages, reports and files.

Places by risk, what sensors watch, what pulls scores down, how far weights move them, what changed,
what to renew, and the daily and yearly templates. Where something cannot be told of a city, its
table is empty; nothing is guessed.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from lifeline_kit.checkup.bands import score_bands
from lifeline_kit.checkup.changes import change_counts, risk_changes, score_changes
from lifeline_kit.checkup.coverage import risk_coverage
from lifeline_kit.checkup.grid import COLOURS, area_risk, grid_cells
from lifeline_kit.checkup.movers import score_movers
from lifeline_kit.checkup.obstacles import obstacles
from lifeline_kit.checkup.profile import Profile, load_profile
from lifeline_kit.checkup.renewal import renewal_candidates
from lifeline_kit.checkup.renewal_plan import plan_renewal
from lifeline_kit.checkup.templates import filled, known_values, load_template
from lifeline_kit.lifelines import ALL
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination

TABLES = (
    "coverage",
    "obstacles",
    "bands",
    "plans",
    "renewed",
    "changes",
    "change_counts",
    "score_changes",
    "movers",
    "daily",
    "annual",
)
"""Fields of a `Dossier` that are plain tables."""
PLACES = ("cells_1000", "cells_500", "districts")
"""Fields of a `Dossier` that are tables with polygons."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What is kept of an earlier examination: enough to say what changed.

    Attributes
    ----------
    at : Timestamp
        UTC without zone.
    risk, scores : DataFrame
        `model.tables.RISK_COLUMNS` and `SCORE_COLUMNS`.
    """

    at: pd.Timestamp
    risk: pd.DataFrame
    scores: pd.DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """All that a check-up tells beside its scores.

    Attributes
    ----------
    at : Timestamp
        Moment of the examination; UTC without zone.
    before_at : Timestamp or None
        Moment of the earlier one that changes are counted from.
    version : str
        Stamp of the examination.
    cells_1000, cells_500, districts : GeoDataFrame, index `area`
        `grid.area_risk` with polygons in the CRS of the city; cells without an asset left out.
    coverage : DataFrame, index (`lifeline`, `level`)
        Of `coverage.risk_coverage`; level 12 is red and orange together, lifeline "" all.
    obstacles : DataFrame, index (`subject`, `lifeline`, `indicator`)
        Of `obstacles.obstacles`, for the city, each lifeline and each district.
    bands : DataFrame, index `subject`
        Of `bands.score_bands`: score raw and capped, with its band over drawn weights.
    plans : DataFrame, index (`budget`, `strategy`)
        Of `RenewalPlan.strategies` for each budget [CNY] of `dossier.toml`, and `bound`.
    renewed : DataFrame, index `asset`
        What the best choice renews at the default budget, the most risk removed per cost first.
    budget : float
        The default budget [CNY].
    changes : DataFrame, index `asset`
        Of `changes.risk_changes` since `before_at`.
    change_counts : DataFrame, index (`lifeline`, `change`)
    score_changes : DataFrame, index (`scope`, `subject`, `lifeline`, `indicator`)
        Of `changes.score_changes`, without those of single assets.
    movers : DataFrame, index (`subject`, `lifeline`)
        Of `movers.score_movers`, for the city and each district known both times.
    daily, annual : DataFrame, index `indicator`
        Of `templates.filled`; NaN where nobody told.
    """

    at: pd.Timestamp
    before_at: pd.Timestamp | None
    version: str
    cells_1000: gpd.GeoDataFrame
    cells_500: gpd.GeoDataFrame
    districts: gpd.GeoDataFrame
    coverage: pd.DataFrame
    obstacles: pd.DataFrame
    bands: pd.DataFrame
    plans: pd.DataFrame
    renewed: pd.DataFrame
    budget: float
    changes: pd.DataFrame
    change_counts: pd.DataFrame
    score_changes: pd.DataFrame
    movers: pd.DataFrame
    daily: pd.DataFrame
    annual: pd.DataFrame


@cache
def settings() -> Mapping[str, dict]:
    """Return `dossier.toml`: sizes of cells, budgets, seed."""
    file = Path(__file__).with_name("dossier.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


def dossier(
    city: City,
    examination: Examination,
    before: Examination | Past | None = None,
    *,
    profile: Profile | None = None,
    outcomes: pd.DataFrame | None = None,
) -> Dossier:
    """Gather what a check-up tells beside its scores.

    Parameters
    ----------
    city : City
        Readings are not touched.
    examination : Examination
        Of this city.
    before : Examination or Past, optional
        An earlier one of the same city; without it nothing has changed that one could tell.
    profile : Profile, optional
        The one the examination was made with.
    outcomes : DataFrame, optional
        Of `response.task_outcomes`, for the share of tasks done on time.

    Returns
    -------
    Dossier
        The same input gives the same numbers: the seed of all draws is data (`dossier.toml`).

    Raises
    ------
    TableError
        Where `before` does not end before the examination.
    RulesError
    """
    profile = profile or load_profile()
    districts = city.areas[city.areas["level"] == "district"] if len(city.areas) else city.areas
    coverage = risk_coverage(city.assets, examination.risk, city.sensors, health=examination.health)
    told = [
        filled(
            template,
            known_values(
                template,
                city.assets,
                examination.risk,
                examination.scores,
                examination.warnings,
                examination.health,
                coverage=coverage,
                outcomes=outcomes,
            ),
        )
        for template in (load_template("daily"), load_template("annual"))
    ]
    plans, renewed = _plans(city, examination)
    cells = {
        f"cells_{size:g}": _cells(city, examination, profile, size)
        for size in settings()["cells"]["sizes_m"]
    }
    return Dossier(
        at=examination.at,
        before_at=None if before is None else before.at,
        version=examination.version,
        cells_1000=cells["cells_1000"],
        cells_500=cells["cells_500"],
        districts=_places(city, examination, profile, districts),
        coverage=coverage,
        obstacles=_obstacles(examination.scores, profile),
        bands=_bands(examination, profile),
        plans=plans,
        renewed=renewed,
        budget=float(settings()["renewal"]["default"]),
        **_changes(city, examination, before, profile),
        daily=told[0],
        annual=told[1],
    )


def _cells(
    city: City, examination: Examination, profile: Profile, size_m: float
) -> gpd.GeoDataFrame:
    """Risk of the cells of a size [m] that hold an asset."""
    shapes = city.assets.geometry
    drawn = shapes[~(shapes.isna() | shapes.is_empty)]
    cells = grid_cells(drawn, size_m) if len(drawn) else city.areas.iloc[:0]
    found = _places(city, examination, profile, cells)
    return found[found["n"] > 0]


def _places(
    city: City, examination: Examination, profile: Profile, areas: gpd.GeoDataFrame
) -> gpd.GeoDataFrame:
    """Risk of areas with their polygons."""
    shapes = city.assets.geometry
    if not len(areas) or not len(shapes[~(shapes.isna() | shapes.is_empty)]):
        columns = [f"{colour}_{kind}" for kind in ("km", "n") for colour in COLOURS.values()]
        names = ["level", "worst", "n", "known", "risk", *columns]
        empty = pd.DataFrame(columns=names, index=pd.Index([], name="area"), dtype=float)
        return gpd.GeoDataFrame(
            empty, geometry=gpd.GeoSeries([], index=empty.index, crs=shapes.crs)
        )
    found = area_risk(city.assets, examination.risk, areas, profile)
    return gpd.GeoDataFrame(found, geometry=areas.geometry, crs=areas.crs)


def _totals(scores: pd.DataFrame) -> pd.DataFrame:
    """Known totals of the city, its lifelines, and its districts as wholes."""
    total = scores[(scores["indicator"] == "total") & scores["raw"].notna()]
    areas = (total["scope"] == "area") & (total["lifeline"] == "")
    return total[total["scope"].isin(["city", "lifeline"]) | areas]


def _obstacles(scores: pd.DataFrame, profile: Profile) -> pd.DataFrame:
    found = {
        subject: obstacles(scores, ALL, profile.weighting, subject=subject)
        for subject in _totals(scores)["subject"]
    }
    if not found:
        index = pd.MultiIndex.from_arrays([[], [], []], names=["subject", "lifeline", "indicator"])
        return pd.DataFrame(columns=["weight", "score", "lost", "share"], index=index, dtype=float)
    return pd.concat(found, names=["subject"])


def _bands(examination: Examination, profile: Profile) -> pd.DataFrame:
    issued = examination.warnings
    red = bool(((issued["state"] == "open") & (issued["level"] == 1)).any())
    return score_bands(examination.scores, ALL, profile, rng=_generator(), red=red)


def _generator() -> np.random.Generator:
    return np.random.default_rng(settings()["draws"]["seed"])


def _plans(city: City, examination: Examination) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Plans for every budget, and the pipes of that for the default one."""
    how = settings()["renewal"]
    names = ["n", "km", "cost", "removed", "low", "high", "share"]
    names += ["best_ahead", "ahead_low", "ahead_high", "surer", "bound"]
    index = pd.MultiIndex.from_arrays([[], []], names=["budget", "strategy"])
    none = pd.DataFrame(columns=names, index=index, dtype=float)
    if not {"year", "length_m"} <= set(city.assets.columns):
        return none, pd.DataFrame(index=pd.Index([], name="asset"))
    candidates = renewal_candidates(city.assets, examination.risk, ALL, year=examination.at.year)
    plans = {
        budget: plan_renewal(candidates, budget, rng=_generator())
        for budget in (float(each) for each in how["budgets"])
        if len(candidates) and candidates["cost"].min() <= budget
    }
    if not plans:
        return none, candidates.iloc[:0]
    tables = {budget: plan.strategies.assign(bound=plan.bound) for budget, plan in plans.items()}
    default = plans.get(float(how["default"]))
    chosen = candidates.iloc[:0] if default is None else default.chosen
    keys = list(tables)
    return pd.concat(list(tables.values()), keys=keys, names=["budget"])[names], chosen


def _changes(
    city: City, examination: Examination, before: Examination | Past | None, profile: Profile
) -> dict[str, pd.DataFrame]:
    """Tables of what changed; of their shape and empty where nothing came before."""
    now = examination
    past = Past(at=now.at, risk=now.risk.iloc[:0], scores=now.scores.iloc[:0])
    if before is not None:
        past = Past(at=before.at, risk=before.risk, scores=before.scores)
    changed = risk_changes(past.risk, now.risk)
    if before is None:
        changed = changed.iloc[:0]
    counts = change_counts(changed, city.assets)
    own = now.scores[now.scores["scope"] != "asset"]
    earlier = past.scores[past.scores["scope"] != "asset"]
    compared = score_changes(earlier, own)
    if before is None:
        compared = compared.iloc[:0]
    both = [subject for subject in _wholes(own) if subject in _wholes(earlier)]
    moved = {
        subject: score_movers(earlier, own, ALL, profile.weighting, subject=subject)
        for subject in both
    }
    columns = ["weight_before", "weight_now", "score_before", "score_now", "by_score", "by_weight"]
    index = pd.MultiIndex.from_arrays([[], []], names=["subject", "lifeline"])
    none = pd.DataFrame(columns=columns, index=index, dtype=float)
    movers = pd.concat(moved, names=["subject"]) if moved else none
    return {
        "changes": changed,
        "change_counts": counts,
        "score_changes": compared,
        "movers": movers,
    }


def _wholes(scores: pd.DataFrame) -> list[str]:
    total = _totals(scores)
    return total["subject"][total["lifeline"] == ""].tolist()
