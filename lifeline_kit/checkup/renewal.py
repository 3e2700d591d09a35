"""What could be renewed: cost, failures avoided weighed by consequence, and how sure that is.

A pipe fails at the rate of its wear (`methods.condition`); a new one under the same load fails at
the rate of age zero. What renewal removes is the difference, times the consequence of the risk
map; expected over how unsure the life of a material is, as ageing is exponential in it. Costs and
the uncertainty of rates are data of experts (`renewal.toml`), not verified.
"""

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.errors import AssetsError, RulesError
from lifeline_kit.methods.condition import wear
from lifeline_kit.model.lifeline import Lifeline

_INTERVAL_SDS = 3.29  # from the 5 to the 95 % quantile of a normal distribution


@cache
def settings() -> Mapping[str, dict]:
    """Return `renewal.toml`."""
    file = Path(__file__).with_name("renewal.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


def renewal_costs(assets: pd.DataFrame, how: Mapping[str, dict] | None = None) -> pd.Series:
    """Cost of renewing each asset: length times a price that grows with diameter.

    Parameters
    ----------
    assets : DataFrame, index `asset`
        `lifeline`, `length_m` [m], optionally `diameter_mm` [mm].
    how : mapping, optional
        As `renewal.toml`.

    Returns
    -------
    Series, index `asset` [CNY]
        NaN where the lifeline has no price or the length is unknown.
    """
    how = settings() if how is None else how
    lifeline = assets["lifeline"].astype("object")
    price = lifeline.map(how["cost"]).astype(float)
    size = how["diameter"]
    factor = pd.Series(1.0, index=assets.index)
    if "diameter_mm" in assets:
        ratio = assets["diameter_mm"].astype(float) / lifeline.map(size["typical_mm"]).astype(float)
        factor = (ratio ** size["exponent"]).clip(size["least"], size["most"]).fillna(1.0)
    return price * factor * assets["length_m"].astype(float)


def renewal_candidates(
    assets: pd.DataFrame,
    risk: pd.DataFrame,
    lifelines: Sequence[Lifeline],
    *,
    year: int,
    rates: pd.DataFrame | None = None,
    how: Mapping[str, dict] | None = None,
) -> pd.DataFrame:
    """List the assets that could be renewed, with cost and risk removed.

    Parameters
    ----------
    assets : DataFrame, index `asset`
        `lifeline`, `kind`, `year`, `length_m`; optionally `material`, `diameter_mm`, load.
    risk : DataFrame, index `asset`
        `consequence` (0-1) is taken from it, `likelihood` for the ranking by risk.
    lifelines : sequence of Lifeline
        Their condition models give the rates.
    year : int
        Of renewal.
    rates : DataFrame, index `asset`, optional
        `rate`, `rate_low`, `rate_high` [failures a year; 5 and 95 %] fitted to records, such as of
        `gas.risk.leak_rates`; they take the place of the model's for the assets they name.
    how : mapping, optional
        As `renewal.toml`.

    Returns
    -------
    DataFrame, index `asset`
        `lifeline`, `material`, `age` [a], `length_m` [m], `cost` [CNY], `rate` and `rate_new`
        [failures a year], `rate_low`, `rate_high` (NaN where not fitted), `ageing` (age over life),
        `consequence`, `risk` (rate times consequence) and `removed` (expected weighted failures
        avoided a year). Assets without a price, year, length or consequence are left out.

    Raises
    ------
    AssetsError
        Where a column is missing.
    RulesError
        Where a price is not above zero, or of no lifeline.
    """
    how = settings() if how is None else how
    check_costs(how, [each.key for each in lifelines])
    for name in ("length_m", "year"):
        if name not in assets:
            raise AssetsError(f"renewal needs the column {name!r}; add it to the assets.")
    own = assets[assets["kind"].isin(how["kinds"]["kinds"])]
    parts = []
    for lifeline in lifelines:
        part = own[own["lifeline"] == lifeline.key]
        if not len(part):
            continue
        per_km = pd.Series(np.nan, index=part.index)
        for condition in lifeline.conditions:
            per_km[part["kind"].isin(condition.kinds)] = condition.rate
        km = part["length_m"].astype(float) / 1000.0
        worn = wear(part, lifeline.conditions, year=year)
        fresh = wear(part.assign(year=year), lifeline.conditions, year=year)
        material = part["material"] if "material" in part else pd.Series("", index=part.index)
        parts.append(
            pd.DataFrame(
                {
                    "lifeline": lifeline.key,
                    "material": material.astype("object").fillna(""),
                    "age": (year - part["year"].astype(float)).clip(lower=0.0),
                    "length_m": part["length_m"].astype(float),
                    "rate": per_km * km * np.exp(worn),
                    "rate_new": per_km * km * np.exp(fresh.where(worn.notna())),
                    "ageing": worn - fresh,
                }
            )
        )
    names = ["lifeline", "material", "age", "length_m", "rate", "rate_new", "ageing"]
    table = pd.concat(parts) if parts else pd.DataFrame(columns=names, index=own.index[:0])
    table["cost"] = renewal_costs(own.loc[table.index], how)
    table["consequence"] = risk["consequence"].reindex(table.index)
    table[["rate_low", "rate_high"]] = np.nan
    if rates is not None:
        fitted = table.index.intersection(rates.index)
        names = ["rate", "rate_low", "rate_high"]
        table.loc[fitted, names] = rates.loc[fitted, names]
        table.loc[fitted, "rate_new"] = table["rate"] * np.exp(-table["ageing"])
    table["risk"] = table["rate"] * table["consequence"]
    table["removed"] = table["rate_new"] * table["consequence"] * _expected_growth(table, how)
    whole = table[["cost", "rate", "removed"]].notna().all(axis=1) & (table["cost"] > 0)
    return table[whole].rename_axis("asset")


def _expected_growth(table: pd.DataFrame, how: Mapping[str, dict]) -> np.ndarray:
    """Mean of ``exp(ageing / life) - 1`` over the log-normal doubt about the life."""
    ageing = table["ageing"].to_numpy(dtype=float)
    nodes, weights = np.polynomial.hermite_e.hermegauss(21)
    lives = np.exp(how["uncertainty"]["life_log_sd"] * nodes)
    growth = np.expm1(ageing[:, None] / lives) @ (weights / weights.sum())
    return np.where(table["rate_low"].notna(), np.expm1(ageing), growth)


def removed_draws(
    candidates: pd.DataFrame, *, rng: np.random.Generator, how: Mapping[str, dict] | None = None
) -> np.ndarray:
    """Draw what renewal of each candidate would remove, were rates and lives other than believed.

    Shared by all pipes of a lifeline: a log-normal factor of the rate; by those of a lifeline and
    material: one of the life, and with it of ageing; each asset's own: a gamma factor. Where a rate
    was fitted to records, a log-normal factor of the width of its interval takes the place of all
    three. All factors of rates have the mean 1, so draws average to the column `removed`.

    Parameters
    ----------
    candidates : DataFrame
        Of `renewal_candidates`.
    rng : Generator
    how : mapping, optional
        As `renewal.toml`.

    Returns
    -------
    float32 array, (draw, asset)
    """
    doubt = (settings() if how is None else how)["uncertainty"]
    n, size = int(doubt["draws"]), len(candidates)
    lifeline = candidates["lifeline"].astype("object")
    shared = _by_group(lifeline, doubt["rate_log_sd"], n, rng) * np.float32(
        np.exp(-0.5 * doubt["rate_log_sd"] ** 2)
    )
    life = _by_group(lifeline + "|" + candidates["material"], doubt["life_log_sd"], n, rng)
    shape = doubt["asset_shape"]
    rate = shared * rng.gamma(shape, 1.0 / shape, size=(n, size)).astype(np.float32)
    fitted = candidates["rate_low"].notna().to_numpy()
    if fitted.any():
        part = candidates[fitted]
        width = np.log(part["rate_high"] / part["rate_low"]).to_numpy() / _INTERVAL_SDS
        rate[:, fitted] = np.exp(width * rng.standard_normal((n, len(part))) - 0.5 * width**2)
        life[:, fitted] = 1.0
    ageing = candidates["ageing"].to_numpy(dtype=np.float32)
    weight = (candidates["rate_new"] * candidates["consequence"]).to_numpy(dtype=np.float32)
    return weight * rate * np.expm1(ageing / life)


def _by_group(names: pd.Series, log_sd: float, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw one log-normal factor of median 1 per group, for each of its members."""
    groups, index = np.unique(names.to_numpy(dtype=str), return_inverse=True)
    return np.exp(log_sd * rng.standard_normal((n, groups.size))).astype(np.float32)[:, index]


def check_costs(how: Mapping[str, dict], known: Sequence[str]) -> None:
    """Check prices: lifelines that exist, above zero.

    Raises
    ------
    RulesError
    """
    for lifeline, price in how["cost"].items():
        if lifeline not in known or not price > 0:
            raise RulesError(
                f"price of renewing {lifeline!r} is {price} CNY/m; expected a price above zero of "
                f"one of {', '.join(known)}."
            )
