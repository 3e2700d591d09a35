"""All that a check-up tells beside its scores, gathered once: for pages, reports and files.

Places by risk, what sensors watch, what pulls scores down, how far weights move them, what changed,
what to renew, and the daily and yearly templates. Where something cannot be told of a city, its
table is empty and `blanks` says why; nothing is guessed.
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
from lifeline_kit.checkup.coverage import risk_coverage
from lifeline_kit.checkup.obstacles import obstacles
from lifeline_kit.checkup.past import comparisons
from lifeline_kit.checkup.places import risk_places
from lifeline_kit.checkup.profile import Profile, city_profile
from lifeline_kit.checkup.renewal import renewal_candidates
from lifeline_kit.checkup.renewal_plan import plan_renewal
from lifeline_kit.checkup.templates import filled, known_values, load_template
from lifeline_kit.checkup.weights import district_scores, lifeline_weights
from lifeline_kit.lifelines import ALL
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination, Past
from lifeline_kit.text import Text

TABLES = (
    "members",
    "coverage",
    "obstacles",
    "bands",
    "weights",
    "plans",
    "taken",
    "renewed",
    "changes",
    "change_counts",
    "score_changes",
    "periods",
    "movers",
    "daily",
    "annual",
)
"""Fields of a `Dossier` that are plain tables."""
PLACES = ("cells_1000", "cells_500", "districts", "subdistricts")
"""Fields of a `Dossier` that are tables with polygons."""
RESTS_ON = {
    **dict.fromkeys(
        PLACES,
        Text(
            "本次体检各资产的风险，按长度计入（明细见成员表）",
            "risk of each asset now, by its length in the place (see members)",
        ),
    ),
    "members": Text(
        "资产几何与网格、片区边界的交集", "geometry of assets cut by cells and districts"
    ),
    "coverage": Text(
        "本次体检各资产的风险、长度，及在线测点的作用范围",
        "risk and length of each asset, and the reach of sensors that are online",
    ),
    "changes": Text("本次与上次体检的风险清单", "lists of risks, of this examination and the last"),
    "change_counts": Text("风险变化清单的逐行计数", "rows of the list of changes"),
    "score_changes": Text("本次与上次体检的评分表", "scores of this examination and the last"),
    "periods": Text(
        "本次、一月前与一年前体检的评分表", "scores of now, of a month and of a year ago"
    ),
    "movers": Text(
        "两次体检各专项得分与权重", "scores and weights of lifelines in the two examinations"
    ),
    "obstacles": Text("本次体检各维度得分与权重", "scores and weights of each dimension now"),
    "bands": Text("对专项权重的随机抽样", "draws of the weights of lifelines"),
    "weights": Text("判断矩阵与各片区得分", "matrix of judgements and scores of districts"),
    "renewed": Text("入选管段中的默认预算", "those taken at the default budget"),
    "plans": Text(
        "可改造管段及其抽样（明细见入选管段）", "pipes that could be renewed, and draws of them"
    ),
    "taken": Text("每条入选管段一行", "a row per pipe that a plan renews"),
    "daily": Text("本次体检的各张表", "the tables of this examination"),
    "annual": Text("本次体检的各张表", "the tables of this examination"),
}
"""Which rows each table of a dossier rests on."""

_NO_PLACE = Text("资产没有坐标。", "Assets have no coordinates.")
_NO_SCORE = Text("城市得分未知。", "The score of the city is unknown.")
_NO_PIPE = Text(
    "没有可改造的管段：需要建成年份、长度、后果与单价。",
    "No pipe can be renewed: year, length, consequence and a price are needed.",
)
_CHEAP = Text("预算连一条管段也不够。", "The budgets do not pay for a single pipe.")
_PLAN = ["n", "km", "cost", "removed", "low", "high", "share"]
_PLAN += ["best_ahead", "ahead_low", "ahead_high", "surer", "bound"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """All that a check-up tells beside its scores; `RESTS_ON` names the rows behind each table.

    Attributes
    ----------
    at : Timestamp
        Moment of the examination; UTC without zone.
    before_at, month_at, year_at : Timestamp or None
        Moments of the earlier ones that changes are counted from, and scores compared with.
    version : str
        Stamp of the examination.
    blanks : mapping of str to Text
        Why a table is empty, by its name.
    cells_1000, cells_500, districts, subdistricts : GeoDataFrame, index `area`
        `grid.area_risk` with polygons in the CRS of the city; cells without an asset left out.
    members : DataFrame
        `scale` (one of `PLACES`), `area`, `asset`, `share`: the rows behind those places.
    coverage : DataFrame, index (`lifeline`, `level`)
        Of `coverage.risk_coverage`; level 12 is red and orange together, lifeline "" all.
    obstacles : DataFrame, index (`subject`, `lifeline`, `indicator`)
        Of `obstacles.obstacles`, for the city, each lifeline and each district.
    bands : DataFrame, index `subject`
        Of `bands.score_bands`: score raw and capped, with its band over drawn weights.
    plans : DataFrame, index (`budget`, `strategy`)
        Of `RenewalPlan.strategies` for each budget [CNY] of `dossier.toml`, and `bound`.
    taken : DataFrame, index (`budget`, `asset`)
        The rows behind `plans`: of each pipe that a plan renews the candidate and, by strategy,
        whether it renews it.
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
    periods : DataFrame, index (`scope`, `subject`, `lifeline`, `indicator`)
        Of `changes.over_periods`, without those of single assets.
    weights : DataFrame, index `lifeline`
        Of `weights.lifeline_weights`, as the scores were made with.
    daily, annual : DataFrame, index `indicator`
        Of `templates.filled`; NaN where nobody told, with what the blank waits for.
    """

    at: pd.Timestamp
    before_at: pd.Timestamp | None
    month_at: pd.Timestamp | None
    year_at: pd.Timestamp | None
    version: str
    blanks: Mapping[str, Text]
    cells_1000: gpd.GeoDataFrame
    cells_500: gpd.GeoDataFrame
    districts: gpd.GeoDataFrame
    subdistricts: gpd.GeoDataFrame
    members: pd.DataFrame
    coverage: pd.DataFrame
    obstacles: pd.DataFrame
    bands: pd.DataFrame
    plans: pd.DataFrame
    taken: pd.DataFrame
    renewed: pd.DataFrame
    budget: float
    changes: pd.DataFrame
    change_counts: pd.DataFrame
    score_changes: pd.DataFrame
    movers: pd.DataFrame
    periods: pd.DataFrame
    weights: pd.DataFrame
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
    month_ago: Past | None = None,
    year_ago: Past | None = None,
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
    month_ago, year_ago : Past, optional
        For month-on-month and year-on-year; `past.compared_with` chooses among those on file.
    profile : Profile, optional
        The one the examination was made with; by default that of the city.
    outcomes : DataFrame, optional
        Of `response.task_outcomes`, for the share of tasks done on time.

    Returns
    -------
    Dossier
        The same input gives the same numbers: the seed of all draws is data (`dossier.toml`).

    Raises
    ------
    TableError
        Where `before` does not end before the examination, or the others not a month or year ago.
    RulesError
    """
    profile, how = profile or city_profile(city), settings()
    blanks: dict[str, Text] = {}
    places, members = risk_places(city, examination.risk, profile, how["cells"]["sizes_m"])
    if not len(members):
        blanks |= dict.fromkeys((*PLACES, "members"), _NO_PLACE)
    coverage = risk_coverage(city.assets, examination.risk, city.sensors, health=examination.health)
    past = before.past() if isinstance(before, Examination) else before
    against = {"before": past, "month": month_ago, "year": year_ago}
    compared, why = comparisons(
        city.assets, examination, against, profile, listed=how["changes"]["listed"]
    )
    plans, no_plan = _plans(city, examination)
    scored, no_score = _scored(examination, profile)
    return Dossier(
        at=examination.at,
        before_at=None if past is None else past.at,
        month_at=None if month_ago is None else month_ago.at,
        year_at=None if year_ago is None else year_ago.at,
        version=examination.version,
        blanks=blanks | why | no_plan | no_score,
        cells_1000=places["cells_1000"],
        cells_500=places["cells_500"],
        districts=places["districts"],
        subdistricts=places["subdistricts"],
        members=members,
        coverage=coverage,
        budget=float(how["renewal"]["default"]),
        **plans,
        **scored,
        **compared,
        **_templates(city, examination, coverage, outcomes),
    )


def _generator() -> np.random.Generator:
    return np.random.default_rng(settings()["draws"]["seed"])


def _scored(
    examination: Examination, profile: Profile
) -> tuple[dict[str, pd.DataFrame], dict[str, Text]]:
    """How sure the scores are, what pulls them down, and the weights behind them."""
    scores, issued = examination.scores, examination.warnings
    scores = scores[scores["scope"] != "asset"]
    red = bool(((issued["state"] == "open") & (issued["level"] == 1)).any())
    total = scores[scores["indicator"] == "total"]
    of_city = set(total["lifeline"][total["scope"] == "lifeline"])
    present = [each for each in ALL if each.key in of_city]
    weights = lifeline_weights(profile.weighting, present, district_scores(scores))
    wholes = total[(total["scope"] != "area") | (total["lifeline"] == "")]
    pulled = {
        subject: obstacles(
            scores, ALL, profile.weighting, subject=subject, weights=weights["weight"]
        )
        for subject in wholes["subject"][wholes["raw"].notna()]
    }
    names = ["subject", "lifeline", "indicator"]
    none = pd.DataFrame(
        columns=["weight", "score", "lost", "share"],
        index=pd.MultiIndex.from_arrays([[], [], []], names=names),
        dtype=float,
    )
    tables = {
        "bands": score_bands(scores, ALL, profile, rng=_generator(), red=red),
        "obstacles": pd.concat(pulled, names=["subject"]) if pulled else none,
        "weights": weights,
    }
    known = total["raw"][total["scope"] == "city"].notna().any()
    return tables, {} if known else dict.fromkeys(("bands", "obstacles"), _NO_SCORE)


def _plans(city: City, examination: Examination) -> tuple[dict[str, pd.DataFrame], dict[str, Text]]:
    """Plans for every budget with their pipes, and those of the default one by rank."""
    how, names = settings()["renewal"], ("plans", "taken", "renewed")
    index = [pd.MultiIndex.from_arrays([[], []], names=["budget", each])
             for each in ("strategy", "asset")]  # fmt: skip
    none = {
        "plans": pd.DataFrame(columns=_PLAN, index=index[0], dtype=float),
        "taken": pd.DataFrame(index=index[1]),
        "renewed": pd.DataFrame(index=pd.Index([], name="asset")),
    }
    if not {"year", "length_m"} <= set(city.assets.columns):
        return none, dict.fromkeys(names, _NO_PIPE)
    year = city.local(examination.at).year
    candidates = renewal_candidates(city.assets, examination.risk, ALL, year=year)
    none = none | {"taken": none["taken"].reindex(columns=candidates.columns)}
    none = none | {"renewed": candidates.iloc[:0]}
    plans = {
        budget: plan_renewal(candidates, budget, rng=_generator(), gap=how["gap"])
        for budget in (float(each) for each in how["budgets"])
        if len(candidates) and candidates["cost"].min() <= budget
    }
    if not plans:
        return none, dict.fromkeys(names, _CHEAP if len(candidates) else _NO_PIPE)
    tables = {budget: plan.strategies.assign(bound=plan.bound) for budget, plan in plans.items()}
    taken = {
        budget: candidates.loc[plan.taken.index].join(plan.taken) for budget, plan in plans.items()
    }
    default = plans.get(float(how["default"]))
    return {
        "plans": pd.concat(tables.values(), keys=list(plans), names=["budget"])[_PLAN],
        "taken": pd.concat(taken.values(), keys=list(plans), names=["budget"]),
        "renewed": candidates.iloc[:0] if default is None else default.chosen,
    }, {}


def _templates(
    city: City,
    examination: Examination,
    coverage: pd.DataFrame,
    outcomes: pd.DataFrame | None,
) -> dict[str, pd.DataFrame]:
    own = (city.assets, examination.risk, examination.scores, examination.warnings)
    found = {}
    for key in ("daily", "annual"):
        template = load_template(key)
        values = known_values(
            template, *own, examination.health, coverage=coverage, outcomes=outcomes
        )
        found[key] = filled(template, values)
    return found
