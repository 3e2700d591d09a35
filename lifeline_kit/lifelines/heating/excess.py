"""What a substation's meters say against its neighbours: excess flow, fault, signature, rank."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lifeline_kit.errors import InputError
from lifeline_kit.lifelines.heating.hourly import city_meters, reference_hours
from lifeline_kit.lifelines.heating.substations import (
    FAULTS,
    Judged,
    energy_signatures,
    excess_cost,
    finder,
    judge_substations,
    own_faults,
    rank_peers,
    substation_faults,
)
from lifeline_kit.lifelines.heating.supply import told
from lifeline_kit.methods.heat_meter import Meters, excess_flow
from lifeline_kit.model.city import City
from lifeline_kit.text import Text

_HOURS_PER_MONTH = 30 * 24
_DAY_H = 24


@dataclass(frozen=True)
class Metered:
    """The substations of a city that measure supply, return and flow.

    Attributes
    ----------
    meters : Meters
        Local time.
    table : DataFrame, index `substation`, the worst first
        `rank`, `cooling_k`, `peer_cooling_k`, `excess_m3`, `excess_kwh`, `excess_cny` over `hours`
        recent hours and `month_m3`, `month_kwh`, `month_cny` at that rate; `fault` (key of
        `FAULTS` or empty), `since`, `until`, `score`; `base_kw`, `slope_kw_per_k`, `change_c`.
    names : list of str
        Rows of `meters`.
    judged : Judged or None
    missing : tuple of Text
        Why faults are not told, where they are not.
    """

    meters: Meters
    table: pd.DataFrame
    names: list[str]
    judged: Judged | None
    missing: tuple[Text, ...]


def metered(city: City, at: np.datetime64) -> Metered | None:
    """Judge all metered substations; None where there is none, or no air temperature is known."""
    found = city_meters(city, "heating", at)
    if found is None:
        return None
    meters, names = found
    recent = round(told()["substations"]["recent_days"] * _DAY_H)
    meters_now = _last(meters, recent)
    table = rank_peers(meters_now, names)
    table["peer_cooling_k"] = float(table["cooling_k"].median())
    judged, faults, missing = _faults(meters, names, table)
    cost = pd.DataFrame([_cost(meters_now, k, table) for k in range(len(names))], index=names)
    table[list(cost.columns)] = cost
    table = table.join(energy_signatures(meters, names)).join(faults)
    table["fault"] = table["fault"].fillna("")
    table = table.sort_values("excess_m3", ascending=False)
    table["rank"] = np.arange(1, len(table) + 1)
    running = (table["fault"] != "") & table["until"].isna()
    table = table.loc[[*table.index[running], *table.index[~running]]]
    return Metered(meters, table, names, judged, missing)


def _last(meters: Meters, hours: int) -> Meters:
    keys = ("supply", "back", "flow", "heat")
    cut = {key: getattr(meters, key)[:, -hours:] for key in keys}
    return replace(meters, time=meters.time[-hours:], outdoor=meters.outdoor[-hours:], **cut)


def _cost(meters: Meters, index: int, table: pd.DataFrame) -> dict[str, float]:
    """Excess over the hours given, and a month at that rate."""
    here = np.flatnonzero(np.isfinite(meters.flow[index] + meters.heat[index]))
    found = excess_cost(meters, index, here, settings=_against_peers(table))
    scale = _HOURS_PER_MONTH / max(here.size, 1)
    month = {key.replace("excess", "month"): value * scale for key, value in found.items()}
    return found | month | {"hours": float(here.size)}


def _against_peers(table: pd.DataFrame):
    """Excess flow against what the median of the city's substations cools by."""
    cooling = max(float(table["peer_cooling_k"].iloc[0]), 1.0)
    return replace(finder(), excess=dict(finder().excess) | {"reference_cooling_k": cooling})


def _faults(
    meters: Meters, names: list[str], table: pd.DataFrame
) -> tuple[Judged | None, pd.DataFrame, tuple[Text, ...]]:
    """Last fault of each substation, where the history is long enough to tell."""
    columns = ["fault", "since", "until", "score"]
    none = pd.DataFrame(columns=columns, index=pd.Index([], name="substation"))
    reference = reference_hours(meters.time)
    if reference is None:
        days = 2 * finder().reference_days[0]
        return None, none, (
            Text(f"历史不足 {days:.0f} 天，未判别故障", f"less than {days:.0f} days: not judged"),
        )  # fmt: skip
    try:
        judged = own_faults(judge_substations(meters, reference))
    except InputError:
        return None, none, (
            Text("参考期读数不足，未判别故障", "too few readings in the reference: not judged"),
        )  # fmt: skip
    events = substation_faults(judged, meters, names, settings=_against_peers(table))
    events = events[events["since"] > meters.time[reference][-1]]
    last = events.drop_duplicates("substation", keep="last").set_index("substation")
    return judged, last[columns], ()


def daily_excess(found: Metered, name: str, days: int) -> list[float]:
    """Excess flow of each of the last days [m3], 0 where nothing was read."""
    row = found.names.index(name)
    cooling = max(float(found.table["peer_cooling_k"].iloc[0]), 1.0)
    over = excess_flow(found.meters.flow[row], found.meters.heat[row], reference_cooling_k=cooling)
    by = pd.Series(over).groupby(found.meters.time.astype("datetime64[D]")).sum().tail(days)
    return [round(float(value), 1) for value in by]


def usual_back(found: Metered, name: str, days: int) -> list[list]:
    """Return temperature that the meter's own reference lets expect, trailing day means.

    Returns
    -------
    list of [local time as ISO text, float [degC]]
        Every three hours; empty where faults were not judged.
    """
    if found.judged is None:
        return []
    row = found.names.index(name)
    back = pd.Series(found.meters.back[row]).rolling(_DAY_H, min_periods=6).mean().to_numpy()
    expected = back - found.judged.residuals.values["back"][row]
    rows = np.flatnonzero(np.isfinite(expected))
    rows = rows[rows >= expected.size - days * _DAY_H][::3]
    times = found.meters.time[rows].astype("datetime64[m]").astype(str)
    return [[t, round(float(v), 2)] for t, v in zip(times, expected[rows], strict=True)]


def fault_title(key: str) -> Text:
    """Title of a fault, a key of `FAULTS`."""
    return FAULTS[key]
