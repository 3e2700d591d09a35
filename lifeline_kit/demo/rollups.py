"""Daily roll-ups: thirteen months, the last one reckoned from the readings."""

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr

from lifeline_kit.demo.sensors import ROLES
from lifeline_kit.demo.weather import DAYS, HISTORY_DAYS, START
from lifeline_kit.model.readings import flatten, nodes

_LOCAL = np.timedelta64(8, "h")
# how far the year moves the daily mean: amplitude in units of the quantity or, where `share`,
# of the October mean; and the slow trend over the year before, in the quantity's unit
_SEASON = {
    "gas_flow": (0.35, True, 0.0),
    "water_pressure": (-12.0, False, -4.0),
    "water_flow": (-0.12, True, 0.0),
    "water_chlorine": (0.06, False, 0.0),
    "drain_level": (-0.15, True, 0.0),
    "heat_supply": (6.0, False, 0.0),
    "heat_return": (3.0, False, 0.0),
    "heat_makeup": (0.1, True, 0.25),
    "bridge_strain": (42.0, False, 3.0),
    "bridge_deflection": (-9.0, False, 0.6),
    "bridge_temperature": (-11.0, False, 0.0),
    "air": (-11.0, False, 0.0),
    "road_settlement": (0.0, False, -3.5),
    "tunnel_convergence": (0.0, False, 2.2),
    "tunnel_settlement": (0.0, False, -2.8),
    "supplies_price": (0.03, True, 0.25),
}
_HEATED = ("heat_supply", "heat_return", "heat_pressure", "heat_flow", "heat_makeup", "heat_room")
_PER_DAY = {"15min": 96, "event": 96, "irregular": 96, "10min": 144, "1h": 24, "1d": 1}


def daily_rollups(
    readings: xr.DataTree, sensors: gpd.GeoDataFrame, *, rng: np.random.Generator
) -> pd.DataFrame:
    """Summarise the month per local day, and model the year before it.

    Parameters
    ----------
    readings : DataTree
    sensors : GeoDataFrame, index `sensor`
        With `role`.
    rng : Generator

    Returns
    -------
    DataFrame
        `sensor` (category), `date` (local day), `mean`, `min`, `max` (float32), `n` (int16).
        Heating rests from April to September: no rows.
    """
    names = pd.Index(np.sort(sensors.index.astype(str).to_numpy()))  # codes sort as names do
    month = pd.concat([_days_of(node, names) for key, node in nodes(readings) if "50Hz" not in key])
    role = sensors["role"].loc[names].to_numpy()[month["sensor"].to_numpy()]
    past = [
        _past(month[role == name], name, rng)
        for name in ROLES
        if (role == name).any() and "raw" not in name
    ]
    table = pd.concat([*past, month], ignore_index=True)
    table = table.sort_values(["sensor", "date"], kind="stable", ignore_index=True)
    table["sensor"] = pd.Categorical.from_codes(table["sensor"], categories=names)
    table["n"] = table["n"].astype("int16")
    return table


def _days_of(node: xr.Dataset, names: pd.Index) -> pd.DataFrame:
    flat = flatten(node)
    codes = names.get_indexer(flat.sensors.astype(str)).astype(np.int32)
    frame = pd.DataFrame(
        {
            "sensor": np.repeat(codes, np.diff(flat.starts)),
            "date": (flat.time + _LOCAL).astype("datetime64[D]").astype("datetime64[ms]"),
            "value": flat.value,
        }
    )
    grouped = frame.groupby(["sensor", "date"], sort=True)["value"]
    out = grouped.agg(["mean", "min", "max", "size"]).reset_index()
    out = out[out["date"] < _after()]  # a clock that is ahead reports from next month
    return _rounded(out.rename(columns={"size": "n"}))


def _after() -> np.datetime64:
    return (START + _LOCAL + np.timedelta64(DAYS, "D")).astype("datetime64[ms]")


def _rounded(table: pd.DataFrame) -> pd.DataFrame:
    for column in ("mean", "min", "max"):
        table[column] = table[column].round(2).astype("float32")
    return table


def _past(month: pd.DataFrame, name: str, rng: np.random.Generator) -> pd.DataFrame:
    """Carry each sensor back from its first ten days, so that the year joins the month."""
    start = (START + _LOCAL).astype("datetime64[D]")
    first = month[month["date"] < (start + 10).astype("datetime64[ms]")]
    about = first.groupby("sensor", sort=True)[["mean", "min", "max"]].median()
    about["wander"] = first.groupby("sensor", sort=True)["mean"].std().fillna(0.0)
    back = np.arange(-HISTORY_DAYS, 0)
    amplitude, share, trend = _SEASON.get(name, (0.0, False, 0.0))
    season = _winter(back) - _winter(np.zeros(1))
    level = about["mean"].to_numpy()[:, None]
    height = amplitude * (np.abs(level) if share else 1.0)
    slope = trend * rng.gamma(4.0, 0.25, len(about))[:, None]
    wander = about["wander"].to_numpy()[:, None] * rng.standard_normal((len(about), back.size))
    mean = level + height * season + slope * back / HISTORY_DAYS + wander
    width = rng.lognormal(0.0, 0.15, mean.shape)
    low = mean - (level - about[["min"]].to_numpy()) * width
    high = mean + (about[["max"]].to_numpy() - level) * width
    span, step = ROLES[name].span, ROLES[name].resolution
    low, high = (np.clip(np.round(edge / step) * step, *span) for edge in (low, high))
    mean = np.clip(mean, low, high)
    dates = start + back
    table = pd.DataFrame(
        {
            "sensor": np.repeat(about.index.to_numpy(), back.size),
            "date": np.tile(dates.astype("datetime64[ms]"), len(about)),
            "mean": mean.ravel(),
            "min": low.ravel(),
            "max": high.ravel(),
            "n": np.int64(_PER_DAY[ROLES[name].clock]),
        }
    )
    if name in _HEATED:
        table = table[~table["date"].dt.month.between(4, 9)]
    return _rounded(table)


def _winter(day: np.ndarray) -> np.ndarray:
    """Return 1 in mid January, -1 in mid July; `day` counts from 1 October 2026."""
    return np.cos(2 * np.pi * (day - 107.0) / 365.25)
