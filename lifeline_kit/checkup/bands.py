"""How far a score depends on the weights: a band over weights that others might have chosen."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lifeline_kit.checkup.profile import Profile
from lifeline_kit.checkup.weights import district_scores, lifeline_weights
from lifeline_kit.checkup.whole import cap
from lifeline_kit.errors import TableError
from lifeline_kit.methods.weights import drawn_weights
from lifeline_kit.model.lifeline import Lifeline


def score_bands(
    scores: pd.DataFrame,
    lifelines: Sequence[Lifeline],
    profile: Profile,
    *,
    rng: np.random.Generator,
    red: bool = False,
) -> pd.DataFrame:
    """Band of the score of the city and of each district over drawn weights of lifelines.

    Weights are drawn from a Dirichlet distribution around those in use; how many, how far around
    and how wide the band stand in `weights.toml`. The band says nothing about errors of the scores
    of the lifelines themselves.

    Parameters
    ----------
    scores : DataFrame
        Of one examination, `model.tables.SCORE_COLUMNS`.
    lifelines : sequence of Lifeline
    profile : Profile
        The one the scores were made with.
    rng : Generator
    red : bool, default False
        Whether a red warning stands open in the city, as the cap needs to know.

    Returns
    -------
    DataFrame, index `subject`
        `score`, `raw` (before the cap), `low`, `high`, `raw_low`, `raw_high`, `grade`,
        `same_grade` (share of draws with that grade), `draws`. NaN where the score is unknown.

    Raises
    ------
    TableError
        Where the table holds no score of a city.
    """
    totals = scores[(scores["indicator"] == "total") & scores["scope"].isin(["city", "area"])]
    whole = totals[totals["lifeline"] == ""].set_index("subject")
    if "city" not in whole.index:
        raise TableError("the table holds no score of the city; expected that of an examination.")
    districts = district_scores(scores)
    rows = scores[(scores["scope"] == "lifeline") & (scores["indicator"] == "total")]
    of_city = rows.set_index("lifeline")["score"]
    present = [each for each in lifelines if each.key in of_city.index]
    weights = lifeline_weights(profile.weighting, present, districts)["weight"]
    how = profile.weighting
    draws = drawn_weights(weights, rng=rng, n=how.draws, concentration=how.concentration)
    found = []
    for subject, row in whole.iterrows():
        parts = of_city if subject == "city" else districts.loc[subject]
        parts = parts.reindex(weights.index)
        entry = {"subject": subject, "score": row["score"], "raw": row["raw"]}
        if pd.notna(row["raw"]):
            entry |= _band(parts, draws, profile, red=red and subject == "city", grade=row["grade"])
        found.append(entry)
    names = ["score", "raw", "low", "high", "raw_low", "raw_high", "grade", "same_grade", "draws"]
    return pd.DataFrame(found).set_index("subject").reindex(columns=names)


def _band(parts: pd.Series, draws: np.ndarray, profile: Profile, *, red: bool, grade: str) -> dict:
    known = parts.notna().to_numpy()
    some = draws[:, known]
    raw = some @ parts.to_numpy(dtype=float)[known] / some.sum(axis=1)
    capped = np.minimum(raw, cap(float(parts.min()), profile, red=red))
    tail = 0.5 * (1.0 - profile.weighting.interval)
    (low, raw_low), (high, raw_high) = (
        (np.quantile(capped, q), np.quantile(raw, q)) for q in (tail, 1.0 - tail)
    )
    same = float(np.mean([profile.grade(each) == grade for each in capped]))
    return {
        "low": low,
        "high": high,
        "raw_low": raw_low,
        "raw_high": raw_high,
        "grade": grade,
        "same_grade": same,
        "draws": len(draws),
    }
