"""Risk of pipe segments: a yearly leak rate calibrated by own leaks, times who would be exposed."""

import tomllib
from functools import cache
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from lifeline_kit.errors import AssetsError
from lifeline_kit.lifelines.gas.consequence import exposed, rupture_zones
from lifeline_kit.methods.shrinkage import shrunk_rates
from lifeline_kit.text import Text

GRADES = ("A", "B", "C", "D", "E")  # A is the highest risk
_DRIVERS = {
    "age": Text("管龄", "age"),
    "material": Text("管材", "material"),
    "soil": Text("土壤腐蚀性", "soil"),
    "record": Text("历史泄漏", "past leaks"),
    "digging": Text("第三方施工", "third-party digging"),
    "people": Text("影响范围内人口", "people within reach"),
}


@cache
def settings() -> dict:
    """Return `risk.toml`."""
    return tomllib.loads(Path(__file__).with_name("risk.toml").read_text(encoding="utf-8"))


def expected_rates(pipes: pd.DataFrame, *, year: int) -> pd.DataFrame:
    """Leaks a year expected from attributes alone, and its factors.

    Parameters
    ----------
    pipes : DataFrame, index `asset`
        `length_m`, `year` (laid), optionally `material`, `soil`.
    year : int

    Returns
    -------
    DataFrame, index `asset`
        `expected` [1/a], factors `age`, `material`, `soil`.

    Raises
    ------
    AssetsError
        Where length or year laid is missing as a column, or a length is not above zero.
    """
    missing = [name for name in ("length_m", "year") if name not in pipes]
    if missing:
        raise AssetsError(f"risk of pipes needs the column {missing[0]!r}; add it to the assets.")
    short = ~(pipes["length_m"].astype(float) > 0)
    if short.any():
        raise AssetsError(
            f"pipe {pipes.index[short][0]!r} has length {pipes['length_m'][short].iloc[0]} m; "
            "expected more than zero."
        )
    own = settings()["rate"]
    material, soil = (_words(pipes, name) for name in ("material", "soil"))
    laid = pipes["year"].astype(float)
    age = (year - laid.fillna(laid.median())).clip(lower=0.0)
    fold = material.map(own["age_e_fold_years"]).fillna(own["age_e_fold_years"][""])
    metal = material.isin(["steel", "cast_iron"])
    factors = pd.DataFrame(
        {
            "age": np.exp(age / fold),
            "material": material.map(own["material"]).fillna(own["material"][""]),
            "soil": soil.map(own["soil"]).fillna(own["soil"][""]).where(metal, 1.0),
        },
        dtype=float,  # words map to words where there is no pipe
    )
    km = pipes["length_m"].astype(float) / 1000.0
    expected = own["per_km_year"] * km * factors.prod(axis=1)
    return factors.assign(expected=expected)


def _words(pipes: pd.DataFrame, name: str) -> pd.Series:
    if name not in pipes:
        return pd.Series("", index=pipes.index)
    return pipes[name].astype("object").fillna("")


def leak_rates(
    pipes: pd.DataFrame,
    leaks: pd.Series | None,
    *,
    year: int,
    observed_years: float,
    digging: pd.Series | None = None,
) -> pd.DataFrame:
    """Calibrate the rate of each pipe by the leaks of all, and shrink its own record to it.

    Parameters
    ----------
    pipes : DataFrame, index `asset`
    leaks : Series, index `asset`, or None
        Leaks recorded; pipes without an entry had none. None: nobody kept a record, so rates
        stay those expected, their interval that of pipes known by their attributes alone.
    year : int
    observed_years : float [a]
        How long leaks were recorded; a younger pipe counts since it was laid.
    digging : Series, index `asset`, optional
        Of `digging.digging_multiplier`.

    Returns
    -------
    DataFrame, index `asset`
        `rate`, `rate_low`, `rate_high` [1/a], `expected` [1/a], factors `age`, `material`,
        `soil`, `record`, `digging`, and `own_weight`, the share of the pipe's own record.
    """
    table = expected_rates(pipes, year=year)
    laid = pipes["year"].astype(float)
    seen = (year - laid).clip(lower=0.5).fillna(observed_years).clip(upper=observed_years)
    if leaks is None:
        seen, leaks = 0.0 * seen, pd.Series(0.0, index=pipes.index)
    events = leaks.reindex(pipes.index).fillna(0).to_numpy()
    found = shrunk_rates(events, seen.to_numpy(), table["expected"].to_numpy())
    more = pd.Series(1.0, index=pipes.index)
    if digging is not None:
        more = digging.reindex(pipes.index).fillna(1.0)
    return table.assign(
        record=found.rate / (table["expected"] * found.scale),
        digging=more,
        rate=found.rate * more,
        rate_low=found.low * more,
        rate_high=found.high * more,
        own_weight=found.weight,
    )


def segment_risk(
    pipes: gpd.GeoDataFrame, rates: pd.DataFrame, areas: gpd.GeoDataFrame, sites: gpd.GeoDataFrame
) -> pd.DataFrame:
    """Risk and grade of each pipe.

    Parameters
    ----------
    pipes : GeoDataFrame, index `asset`
        `diameter_mm`, `design_pressure_kpa`, `length_m`; metric CRS.
    rates : DataFrame
        Of `leak_rates`.
    areas : GeoDataFrame
        One level, with `population`.
    sites : GeoDataFrame

    Returns
    -------
    DataFrame, index `asset`
        `rate`, `people`, `sites`, `risk` (people exposed per year and km), `grade` A-E,
        `drivers_zh`, `drivers_en`.
    """
    zones = rupture_zones(pipes)
    inside = exposed(zones, areas, sites)
    km = pipes["length_m"].astype(float) / 1000.0
    # people near any one point of the pipe, not along all of it: a leak is at one place
    reach = 2.0 * zones["radius_m"]
    share = (reach / (pipes["length_m"].astype(float) + reach)).clip(upper=1.0)
    people = inside["people"] * share
    risk = rates["rate"] / km * people
    words = _drivers(rates, people)
    return pd.DataFrame(
        {
            "rate": rates["rate"],
            "people": people,
            "sites": inside["sites"],
            "risk": risk,
            "grade": grades(risk),
            "drivers_zh": [", ".join(text.zh for text in each) for each in words],
            "drivers_en": [", ".join(text.en for text in each) for each in words],
        }
    )


def grades(risk: pd.Series) -> pd.Series:
    """Grade risks by the edges of `risk.toml`."""
    edges = [settings()["grade"][name] for name in GRADES]
    place = np.array([int(np.argmax([value >= edge for edge in edges])) for value in risk])
    return pd.Series([GRADES[k] for k in place], index=risk.index, dtype="object")


def _drivers(rates: pd.DataFrame, people: pd.Series) -> list[list[Text]]:
    """Name the two factors that raise each pipe most over the middle of the network."""
    names = ["age", "material", "soil", "record", "digging"]
    logs = np.log(rates[names].to_numpy(dtype=float))
    crowd = np.log(people.to_numpy(dtype=float) + 1.0)
    logs = np.column_stack([logs, crowd])
    above = logs - np.median(logs, axis=0)
    order = np.argsort(-above, axis=1)[:, :2]
    keys = [*names, "people"]
    return [[_DRIVERS[keys[k]] for k in row if above[i, k] > 0.05] for i, row in enumerate(order)]
