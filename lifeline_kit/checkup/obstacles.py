"""What pulls a score down: points lost by lifeline and dimension, as shares that add to 1.

The obstacle degree of a factor is its weight times its distance from 100, over the sum of these
products for all factors. Weights are those the score was made with, renormalised in the same way
over what is known, so the points lost add up to 100 less the score before the cap.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lifeline_kit.checkup.weights import Weighting, district_scores, lifeline_weights
from lifeline_kit.errors import RulesError, TableError
from lifeline_kit.model.lifeline import Lifeline


def obstacle_degrees(weights: pd.Series, scores: pd.Series) -> pd.DataFrame:
    """Obstacle degree of each factor of one score.

    Parameters
    ----------
    weights : Series, index factor
    scores : Series, index factor
        0-100; factors of unknown score are left out and the other weights renormalised.

    Returns
    -------
    DataFrame, index factor
        `weight` (sum 1), `score`, `lost` (points), `share` (sum 1; 0 where nothing is lost), the
        greatest share first.

    Raises
    ------
    RulesError
        Where a factor has no weight, or no factor a score.
    """
    known = scores.dropna()
    missing = [name for name in known.index if name not in weights.index]
    if missing:
        raise RulesError(
            f"no weight for {missing[0]!r}; expected one of each of the {len(known)} factors."
        )
    heavy = weights.reindex(known.index).astype(float)
    if not len(known) or not heavy.sum() > 0:
        raise RulesError("no factor has both a weight and a score; nothing pulls a score down.")
    heavy = heavy / heavy.sum()
    lost = heavy * (100.0 - known)
    total = lost.sum()
    share = lost / total if total > 0 else 0.0 * lost
    found = pd.DataFrame({"weight": heavy, "score": known, "lost": lost, "share": share})
    return found.sort_values("lost", ascending=False, kind="stable")


def obstacles(
    scores: pd.DataFrame,
    lifelines: Sequence[Lifeline],
    weighting: Weighting,
    *,
    subject: str = "city",
    weights: pd.Series | None = None,
) -> pd.DataFrame:
    """Say what pulls down the score of the city, a district or a lifeline.

    Parameters
    ----------
    scores : DataFrame
        Of one examination, `model.tables.SCORE_COLUMNS`.
    lifelines : sequence of Lifeline
    weighting : Weighting
        The one of the profile the scores were made with.
    subject : str
        `city`, the id of a district or the key of a lifeline.
    weights : Series, index lifeline, optional
        Of `weights.lifeline_weights` for these scores, where they are at hand.

    Returns
    -------
    DataFrame, index (`lifeline`, `indicator`)
        Columns of `obstacle_degrees`, the greatest first. The points lost add up to 100 less the
        score before the cap by the worst lifeline. Empty where the score is unknown.

    Raises
    ------
    TableError
        Where the table holds no total of the subject.
    """
    total = scores[
        (scores["subject"] == subject)
        & (scores["indicator"] == "total")
        & (scores["scope"] != "asset")
    ]
    if not len(total):
        raise TableError(
            f"no score of {subject!r}; expected 'city', a lifeline or a district of the table."
        )
    row = total[total["lifeline"] == ""] if (total["lifeline"] == "").any() else total
    empty = pd.DataFrame(columns=["weight", "score", "lost", "share"], dtype=float)
    if pd.isna(row["raw"].iloc[0]):
        return empty
    scope = "area" if row["scope"].iloc[0] == "area" else "lifeline"
    part = scores[(scores["scope"] == scope) & (scores["lifeline"] != "")]
    if subject != "city":
        part = part[part["subject"] == subject]
    by_place = part.pivot_table(index="lifeline", columns="indicator", values="score", dropna=False)
    present = [each for each in lifelines if each.key in by_place.index]
    if weights is None:
        there = _of_city(scores, lifelines)
        weights = lifeline_weights(weighting, there, district_scores(scores))["weight"]
    factors: dict[tuple[str, str], tuple[float, float]] = {}
    for lifeline in present:
        own = by_place.loc[lifeline.key]
        if pd.isna(own.get("total", np.nan)):
            continue
        known = {key: w for key, w in lifeline.indicators.items() if pd.notna(own.get(key, np.nan))}
        for key, weight in known.items():
            share = float(weights[lifeline.key]) * weight / sum(known.values())
            factors[lifeline.key, key] = (share, float(own[key]))
    names = pd.MultiIndex.from_tuples(list(factors), names=["lifeline", "indicator"])
    table = pd.DataFrame(list(factors.values()), index=names, columns=["weight", "score"])
    return obstacle_degrees(table["weight"], table["score"])


def _of_city(scores: pd.DataFrame, lifelines: Sequence[Lifeline]) -> list[Lifeline]:
    """Lifelines that the whole table scores: weights are one set for the city and its parts."""
    there = set(scores["lifeline"][scores["scope"] == "lifeline"])
    return [each for each in lifelines if each.key in there]
