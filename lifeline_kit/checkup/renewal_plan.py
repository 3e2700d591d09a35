"""What to renew within a budget: the exact choice beside the simple rankings (改造计划)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lifeline_kit.checkup.renewal import removed_draws, settings
from lifeline_kit.errors import InputError
from lifeline_kit.methods.knapsack import best_choice, ranked_choice
from lifeline_kit.text import Text

STRATEGIES = {
    "best": Text("最优组合", "best choice"),
    "risk_per_cost": Text("单位投资降险最多优先", "most risk removed per cost first"),
    "highest_risk": Text("风险最高优先", "highest risk first"),
    "oldest": Text("管龄最长优先", "oldest first"),
}


@dataclass(frozen=True, slots=True)
class RenewalPlan:
    """Which assets to renew.

    Attributes
    ----------
    chosen : DataFrame, index `asset`
        Rows of the candidates that are renewed, the most risk removed per cost first.
    strategies : DataFrame, index strategy
        Of `STRATEGIES`: `n`, `km`, `cost`, `removed` (weighted failures a year), `low`, `high` (its
        interval), `share` (of what renewing everything would remove), `best_ahead` (how much more
        the best choice removes), `ahead_low`, `ahead_high` (interval of that, over the same draws)
        and `surer` (share of draws in which the best choice removes at least as much).
    bound : float
        No choice within the budget removes more, by the expected rates.
    budget : float
    taken : DataFrame, (asset, strategy)
        Bool: the rows behind `strategies`; of each asset that one of them renews.
    """

    chosen: pd.DataFrame
    strategies: pd.DataFrame
    bound: float
    budget: float
    taken: pd.DataFrame


def plan_renewal(
    candidates: pd.DataFrame,
    budget: float,
    *,
    rng: np.random.Generator,
    how: Mapping[str, dict] | None = None,
    gap: float = 0.0,
) -> RenewalPlan:
    """Choose what to renew within a budget, and hold the simple rankings against it.

    The best choice is exact for the expected risk removed; its uncertainty, and its lead over the
    rankings, come from draws of the rates, the same for all.

    Parameters
    ----------
    candidates : DataFrame
        Of `renewal_candidates`.
    budget : float [CNY]
    rng : Generator
    how : mapping, optional
        As `renewal.toml`.
    gap : float, default 0
        Relative distance from the optimum that is good enough.

    Returns
    -------
    RenewalPlan

    Raises
    ------
    InputError
        Where the budget is not above zero or buys not one of the candidates, or there are none.
    """
    if not (np.isfinite(budget) and budget > 0):
        raise InputError(f"budget is {budget}; expected an amount above zero [CNY].")
    if not len(candidates):
        raise InputError(
            "no asset can be renewed; expected pipes with year, length, consequence and a price."
        )
    cost = candidates["cost"].to_numpy(dtype=float)
    if cost.min() > budget:
        raise InputError(
            f"budget {budget:.0f} buys none of the {len(candidates)} candidates; the cheapest "
            f"costs {cost.min():.0f} CNY."
        )
    removed = candidates["removed"].to_numpy(dtype=float)
    best, bound = best_choice(removed, cost, budget, gap=gap)
    choices = {
        "best": best,
        "risk_per_cost": ranked_choice(removed / cost, cost, budget),
        "highest_risk": ranked_choice(candidates["risk"].to_numpy(dtype=float), cost, budget),
        "oldest": ranked_choice(candidates["age"].to_numpy(dtype=float), cost, budget),
    }
    seen = np.any(list(choices.values()), axis=0)  # nobody asks for the others
    draws = removed_draws(candidates[seen], rng=rng, how=how)
    tail = 0.5 * (1.0 - (settings() if how is None else how)["uncertainty"]["interval"])
    ends = [tail, 1.0 - tail]
    sums = {
        name: draws[:, chosen[seen]].sum(axis=1, dtype=float) for name, chosen in choices.items()
    }
    rows = []
    for name, chosen in choices.items():
        ahead = sums["best"] - sums[name]
        (low, high), (ahead_low, ahead_high) = (
            np.quantile(each, ends) for each in (sums[name], ahead)
        )
        rows.append(
            {
                "strategy": name,
                "n": int(chosen.sum()),
                "km": candidates["length_m"].to_numpy()[chosen].sum() / 1000.0,
                "cost": cost[chosen].sum(),
                "removed": removed[chosen].sum(),
                "low": low,
                "high": high,
                "share": removed[chosen].sum() / removed[removed > 0].sum(),
                "best_ahead": removed[best].sum() - removed[chosen].sum(),
                "ahead_low": ahead_low,
                "ahead_high": ahead_high,
                "surer": float(np.mean(ahead >= -1e-9)),
            }
        )
    table = candidates[best]
    order = (table["removed"] / table["cost"]).sort_values(ascending=False).index
    return RenewalPlan(
        chosen=table.loc[order],
        strategies=pd.DataFrame(rows).set_index("strategy"),
        bound=bound,
        budget=float(budget),
        taken=pd.DataFrame(choices, index=candidates.index)[seen],
    )
