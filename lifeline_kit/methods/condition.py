"""Wear of assets from their attributes: an expert model, monotone in age and load, not fitted."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lifeline_kit.model.lifeline import Condition

_POINTS_PER_E_FOLD = 22.0
"""Score points that each e-fold of the failure rate costs: new is 100, ten times new about 50."""


def wear(assets: pd.DataFrame, conditions: Sequence[Condition], *, year: int) -> pd.Series:
    """Logarithm of the failure rate over that of a new asset of the same kind.

    ``age / life + load_exponent * ln(load / load_typical)``, where a missing load counts as
    typical.

    Parameters
    ----------
    assets : DataFrame, index `asset`
        `kind`, `year`, `material` and the load column of the condition.
    conditions : sequence of Condition
    year : int

    Returns
    -------
    Series, index `asset` [1]
        NaN where the kind has no condition or the year is unknown.
    """
    result = pd.Series(np.nan, index=assets.index)
    if "year" not in assets.columns:
        return result
    for condition in conditions:
        rows = assets["kind"].isin(condition.kinds)
        part = assets[rows]
        if not len(part):
            continue
        default = condition.life_years[""]
        material = part["material"] if "material" in part else pd.Series("", index=part.index)
        life = material.astype("object").map(condition.life_years).astype(float).fillna(default)
        age = (year - part["year"].astype(float)).clip(lower=0)
        logarithm = age / life
        if condition.load and condition.load in part:
            load = part[condition.load].astype(float).fillna(condition.load_typical)
            ratio = (load / condition.load_typical).clip(lower=0.05)
            logarithm = logarithm + condition.load_exponent * np.log(ratio)
        result[rows] = logarithm.clip(lower=0)
    return result


def yearly_failure_probability(
    assets: pd.DataFrame, conditions: Sequence[Condition], *, year: int
) -> pd.Series:
    """Probability of at least one failure within a year: ``1 - exp(-rate * km * exp(wear))``.

    Returns
    -------
    Series, index `asset` [1]
    """
    worn = wear(assets, conditions, year=year)
    rate = pd.Series(np.nan, index=assets.index)
    for condition in conditions:
        rate[assets["kind"].isin(condition.kinds)] = condition.rate
    km = pd.Series(1.0, index=assets.index)
    if "length_m" in assets:
        km = (assets["length_m"].astype(float) / 1000.0).fillna(1.0)
    return 1.0 - np.exp(-rate * km * np.exp(worn))


def condition_score(worn: pd.Series) -> pd.Series:
    """Score 0-100 of wear; each e-fold of the failure rate costs 22 points (expert)."""
    return (100.0 - _POINTS_PER_E_FOLD * worn).clip(0.0, 100.0)
