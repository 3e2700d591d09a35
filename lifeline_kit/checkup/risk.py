"""Risk of every asset: likelihood times consequence, in four colours and grey for unknown.

Likelihood is the larger of wear (an expert model of age and load) and the severity of what is
found on the asset now. Consequence is the importance of the kind and the people it serves. An
open finding of level I makes its asset red, one of level II at least orange.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lifeline_kit.checkup.profile import Profile
from lifeline_kit.methods.condition import wear
from lifeline_kit.model.lifeline import Lifeline
from lifeline_kit.model.tables import RISK_COLUMNS, check_table

UNKNOWN, RED, ORANGE, YELLOW, BLUE = 0, 1, 2, 3, 4


def assess_risk(
    assets: pd.DataFrame,
    findings: pd.DataFrame,
    lifelines: Sequence[Lifeline],
    profile: Profile,
    *,
    at: pd.Timestamp,
) -> pd.DataFrame:
    """Assess every asset.

    Parameters
    ----------
    assets : DataFrame, index `asset`
    findings : DataFrame
        Those open at `at`, and not about a sensor's own health, count.
    lifelines : sequence of Lifeline
    profile : Profile
    at : Timestamp

    Returns
    -------
    DataFrame, index `asset`
        Columns of `model.tables.RISK_COLUMNS`; level 0 where neither wear nor finding is known.
    """
    open_now = findings[(findings["until"].isna() | (findings["until"] > at))]
    open_now = open_now[~open_now["health"]].sort_values("severity", ascending=False)
    worst = open_now.groupby("asset").first()
    parts = [
        _assess_part(assets[assets["lifeline"] == lifeline.key], worst, lifeline, profile, at)
        for lifeline in lifelines
    ]
    known = [part for part in parts if len(part)] or parts[:1]
    table = pd.concat(known).reindex(assets.index)
    table["lifeline"] = assets["lifeline"]
    table["level"] = table["level"].fillna(UNKNOWN).astype("int64")
    table[["reason_zh", "reason_en"]] = table[["reason_zh", "reason_en"]].fillna("")
    return check_table(table, RISK_COLUMNS, "asset")


def _assess_part(
    assets: pd.DataFrame,
    worst: pd.DataFrame,
    lifeline: Lifeline,
    profile: Profile,
    at: pd.Timestamp,
) -> pd.DataFrame:
    worn = wear(assets, lifeline.conditions, year=at.year)
    from_wear = (worn / profile.wear_full).clip(0.0, 1.0)
    own = worst.reindex(assets.index)
    found = own["severity"].astype(float)
    likelihood = pd.concat([from_wear, found], axis=1).max(axis=1)
    importance = assets["kind"].map({kind.key: kind.importance for kind in lifeline.kinds})
    people = assets["people"] if "people" in assets else pd.Series(np.nan, index=assets.index)
    reach = np.log1p(people.astype(float)) / np.log1p(profile.people_full)
    consequence = importance.astype(float) * (0.5 + 0.5 * reach.clip(0.0, 1.0).fillna(0.0))
    risk = likelihood * consequence
    level = pd.Series(BLUE, index=assets.index)
    level[risk >= profile.yellow] = YELLOW
    level[risk >= profile.orange] = ORANGE
    level[risk >= profile.red] = RED
    for graded in (ORANGE, RED):  # an open finding of level II or I shows, however few it touches
        level[own["level"].eq(graded)] = np.minimum(level[own["level"].eq(graded)], graded)
    level[risk.isna()] = UNKNOWN
    by_finding = found.fillna(-1.0) > from_wear.fillna(-0.5)
    return pd.DataFrame(
        {
            "lifeline": lifeline.key,
            "likelihood": likelihood,
            "consequence": consequence,
            "level": level,
            "reason_zh": np.where(by_finding, own["title_zh"], "管龄与负荷（专家模型，未经验证）"),
            "reason_en": np.where(
                by_finding, own["title_en"], "age and load (expert model, unvalidated)"
            ),
        },
        index=assets.index,
    )
