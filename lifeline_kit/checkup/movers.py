"""Which lifelines moved a score, and how much of the change is one of weights alone."""

from collections.abc import Sequence

import pandas as pd

from lifeline_kit.checkup.weights import Weighting, district_scores, lifeline_weights
from lifeline_kit.errors import TableError
from lifeline_kit.model.lifeline import Lifeline


def score_movers(
    before: pd.DataFrame,
    now: pd.DataFrame,
    lifelines: Sequence[Lifeline],
    weighting: Weighting,
    *,
    subject: str = "city",
) -> pd.DataFrame:
    """Split the change of a score before the cap into scores and weights, lifeline by lifeline.

    With the weights u, v and the scores s, t of before and now, ``v t - u s`` is the change of the
    score ``(u + v) / 2 (t - s)`` and that of the weight ``(v - u) ((s + t) / 2 - m)``, where m, the
    same for all lifelines, is the middle of the two totals: a weight that moves from a good to a
    bad lifeline costs points. Where a lifeline was, or is, unknown, it had no weight and all is
    change of weight.

    Parameters
    ----------
    before, now : DataFrame
        `model.tables.SCORE_COLUMNS`.
    lifelines : sequence of Lifeline
    weighting : Weighting
        The one both were made with.
    subject : str
        `city` or the id of a district.

    Returns
    -------
    DataFrame, index `lifeline`
        `weight_before`, `weight_now`, `score_before`, `score_now`, `by_score`, `by_weight`
        (points); the two add up to the change of the score before the cap. The greatest first.

    Raises
    ------
    TableError
        Where the subject has no score in one of the tables.
    """
    parts = {
        name: _parts(table, lifelines, weighting, subject, name)
        for name, table in (("before", before), ("now", now))
    }
    keys = parts["now"].index.union(parts["before"].index, sort=False)
    old, new = (parts[name].reindex(keys) for name in ("before", "now"))
    u, v = old["weight"].fillna(0.0), new["weight"].fillna(0.0)
    s, t = old["score"].fillna(new["score"]), new["score"].fillna(old["score"])
    middle = 0.5 * float((u * s).sum() + (v * t).sum())
    table = pd.DataFrame(
        {
            "weight_before": u,
            "weight_now": v,
            "score_before": old["score"],
            "score_now": new["score"],
            "by_score": 0.5 * (u + v) * (t - s),
            "by_weight": (v - u) * (0.5 * (s + t) - middle),
        }
    )
    moved = (table["by_score"] + table["by_weight"]).abs()
    return table.loc[moved.sort_values(ascending=False, kind="stable").index]


def _parts(
    scores: pd.DataFrame,
    lifelines: Sequence[Lifeline],
    weighting: Weighting,
    subject: str,
    name: str,
) -> pd.DataFrame:
    """Weights (sum 1) and scores of the lifelines that made a score."""
    total = scores[scores["indicator"] == "total"]
    whole = total[(total["subject"] == subject) & (total["lifeline"] == "")]
    if whole["raw"].notna().sum() != 1:
        raise TableError(
            f"no score of {subject!r} {name}; expected one of the city or a district that is known "
            "in both tables."
        )
    of_city = total[total["scope"] == "lifeline"].set_index("lifeline")["score"]
    present = [each for each in lifelines if each.key in of_city.index]
    districts = district_scores(scores)
    weights = lifeline_weights(weighting, present, districts)["weight"]
    own = of_city if subject == "city" else districts.loc[subject]
    known = own.dropna()
    heavy = weights.reindex(known.index)
    return pd.DataFrame({"weight": heavy / heavy.sum(), "score": known}).rename_axis("lifeline")
