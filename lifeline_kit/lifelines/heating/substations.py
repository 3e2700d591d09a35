"""Substations: which one is faulty, since when, what it may be, and what the excess flow costs.

The meter's own reference and the meters around it give residuals (`methods.heat_meter`); this
module adds limits, the counter that turns hours into events, names and money. A name is a rule of
thumb on the signs of the residuals, stated with its reasons; it is no measurement.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.errors import InputError
from lifeline_kit.methods.criticality import criticality, first_reached
from lifeline_kit.methods.heat_meter import (
    CHANNELS,
    WATER_KWH_PER_M3_K,
    Meters,
    Residuals,
    excess_flow,
    meter_residuals,
    peer_deviation,
)
from lifeline_kit.methods.robust import fit_signature
from lifeline_kit.text import Text

_DAYS = 10  # of heat and outdoor temperature before a signature means anything

FAULTS = {
    "sensor_swap": Text("供回水温度传感器接反", "Supply and return sensors swapped"),
    "supply_sensor_offset": Text("供水温度传感器偏差", "Supply sensor off"),
    "return_sensor_offset": Text("回水温度传感器偏低", "Return sensor reads low"),
    "hunting": Text("调节阀振荡", "Control valve hunting"),
    "pump_stop": Text("二次侧循环泵停", "Circulation pump stopped"),
    "valve_stuck_shut": Text("调节阀卡在小开度，供热不足", "Valve stuck nearly shut, heat missing"),
    "valve_stuck_open": Text("调节阀关不严或卡在大开度", "Control valve leaks or stuck open"),
    "dhw_priority_stuck": Text(
        "流量不随负荷变化，疑似生活热水优先不复位",
        "Flow no longer follows demand, hot-water priority stuck suspected",
    ),
    "poor_cooling": Text(
        "回水温度偏高：换热器结垢、二次侧短路或传感器偏高",
        "Return too warm: fouling, a secondary bypass or a sensor reading high",
    ),
    "unknown": Text("运行异常，原因待查", "Runs unusually, cause to be found"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finder:
    """Limits of the fault finder, from `substations.toml`.

    Attributes
    ----------
    limits, floors : mapping of channel to float [sigma], [unit of the channel]
    smooth_h, criticality : int [h]
    together_share, together_least : float, int
        Hours in which so large a share of so many substations is raised are the network's.
    reference_days : (float, float) [d]
        Least and most of a reference taken from a city's own readings.
    excess : mapping
        Reference cooling [K], heat price [CNY/kWh], pumping [kWh/m3].
    """

    limits: Mapping[str, float]
    floors: Mapping[str, float]
    smooth_h: int
    criticality: int
    together_share: float
    together_least: int
    reference_days: tuple[float, float]
    excess: Mapping[str, float]
    source: Text
    verified: bool


@cache
def finder() -> Finder:
    """Read the limits beside this module."""
    file = Path(__file__).with_suffix(".toml")
    data = tomllib.loads(file.read_text(encoding="utf-8"))
    head, channels = data["finder"], data["channels"]
    return Finder(
        limits={key: float(channels[key]["limit"]) for key in CHANNELS},
        floors={key: float(channels[key]["floor"]) for key in CHANNELS},
        smooth_h=int(head["smooth_h"]),
        criticality=int(head["criticality"]),
        together_share=float(head["together_share"]),
        together_least=int(head["together_least"]),
        reference_days=(float(head["reference_days"][0]), float(head["reference_days"][1])),
        excess={k: float(v) for k, v in data["excess"].items() if isinstance(v, float)},
        source=Text(head["source_zh"], head["source"]),
        verified=bool(head["verified"]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the finder says of every substation and hour.

    Attributes
    ----------
    raised, judged : bool arrays, (substation, time)
    score : array, (substation, time)
        Worst channel over its limit; above 1 is raised.
    residuals : Residuals
    """

    raised: np.ndarray
    judged: np.ndarray
    score: np.ndarray
    residuals: Residuals


def judge_substations(
    meters: Meters, reference: np.ndarray, *, settings: Finder | None = None
) -> Judged:
    """Judge every substation and hour against its reference and its neighbours.

    Parameters
    ----------
    meters : Meters
        Of one network; three or fewer substations are judged by themselves alone.
    reference : bool array, (time,) or (substation, time)
        Hours known to be sound.
    settings : Finder, optional
        By default those of `substations.toml`.

    Raises
    ------
    InputError
        Where clock or shapes do not fit, or a reference is too short.
    """
    chosen = settings or finder()
    left = meter_residuals(meters, reference, smooth_h=chosen.smooth_h, floors=dict(chosen.floors))
    over = np.stack([np.abs(left.sigmas[key]) / chosen.limits[key] for key in CHANNELS])
    score = np.where(np.isfinite(over), over, 0.0).max(axis=0)
    return Judged(raised=score > 1.0, judged=left.judged, score=score, residuals=left)


def own_faults(judged: Judged, *, settings: Finder | None = None) -> Judged:
    """Take out hours in which many substations are raised at once: an outage, a plant.

    Parameters
    ----------
    judged : Judged
        Of substations that hang together.
    """
    chosen = settings or finder()
    told = judged.judged.sum(axis=0)
    share = (judged.raised & judged.judged).sum(axis=0) / np.maximum(told, 1)
    shared = (share > chosen.together_share) & (told >= chosen.together_least)
    return replace(judged, raised=judged.raised & ~shared)


def substation_faults(
    judged: Judged, meters: Meters, names: list[str], *, settings: Finder | None = None
) -> pd.DataFrame:
    """Turn raised hours into events: one row per substation and spell.

    Parameters
    ----------
    judged : Judged
    meters : Meters
    names : list of str, (substation,)

    Returns
    -------
    DataFrame
        `substation`, `since` (when the counter reached its threshold), `started` (first raised
        hour of that climb), `until` (after the last raised hour; NaT until the counter is back at
        zero), `fault` (key of `FAULTS`), `score` (worst, 1 is the limit), and `excess_m3`,
        `excess_kwh`, `excess_cny` over the raised hours.
    """
    chosen = settings or finder()
    if len(names) != len(judged.raised):
        raise InputError(
            f"{len(names)} names for {len(judged.raised)} substations; give one name each."
        )
    rows = []
    for index, name in enumerate(names):
        counter = criticality(judged.raised[index], judged.judged[index])
        for since, until in _spells(counter, chosen.criticality):
            begin = max(since - int(np.argmax(counter[since::-1] == 0)) + 1, 0)
            hours = begin + np.flatnonzero(judged.raised[index, begin:until])
            after = min(int(hours[-1]) + 1, counter.size - 1)
            rows.append(
                {
                    "substation": name,
                    "since": meters.time[since],
                    "started": meters.time[begin],
                    "until": meters.time[after] if until < counter.size else pd.NaT,
                    "fault": name_fault(judged.residuals, meters, index, hours),
                    "score": float(judged.score[index, hours].max()),
                    **excess_cost(meters, index, hours, settings=chosen),
                }
            )
    columns = ["substation", "since", "started", "until", "fault", "score"]
    columns += ["excess_m3", "excess_kwh", "excess_cny"]
    return pd.DataFrame(rows, columns=columns)


def _spells(counter: np.ndarray, threshold: int) -> list[tuple[int, int]]:
    """First hour at the threshold and first hour back at zero of each spell."""
    spells, start = [], 0
    while start < counter.size:
        reached = first_reached(counter[start:], threshold)
        if reached is None:
            break
        since = start + reached
        zero = np.flatnonzero(counter[since:] == 0)
        until = since + int(zero[0]) if zero.size else counter.size
        spells.append((since, until))
        start = until + 1
    return spells


def name_fault(left: Residuals, meters: Meters, index: int, hours: np.ndarray) -> str:
    """Name the likeliest fault of raised hours from the signs of the residuals: key of `FAULTS`."""
    back, heat, supply, swing = (
        float(np.nan_to_num(np.nanmedian(_some(left.sigmas[key][index, hours]))))
        for key in CHANNELS
    )
    spread = _some(meters.supply[index, hours] - meters.back[index, hours])
    if np.nanmedian(spread) < 0.0:
        return "sensor_swap"
    limits = finder().limits
    if abs(supply) > limits["supply"] and abs(supply) > abs(back):
        return "supply_sensor_offset"
    if swing > limits["swing"] and swing > abs(back):
        return "hunting"
    warmer, lost = (
        float(np.nan_to_num(np.nanmedian(_some(left.values[key][index, hours]))))
        for key in ("back", "heat")
    )
    if lost < -0.2 and heat < -2.0:
        return "pump_stop" if lost < -0.6 or warmer > 20.0 else "valve_stuck_shut"
    if back > 0.0 and swing < -0.8:  # the flow is steadier than ever: it no longer follows
        return "pump_stop" if warmer > 28.0 else _forced(lost)
    if back < 0.0:
        return "return_sensor_offset"
    return "poor_cooling" if back > 0.0 else "unknown"


def _forced(more: float) -> str:
    """A flow that no longer follows demand heats the rooms (valve) or the storage (priority)."""
    return "valve_stuck_open" if more > 0.04 else "dhw_priority_stuck"


def _some(values: np.ndarray) -> np.ndarray:
    """Pass values on, one zero where all of them are missing."""
    return values if np.isfinite(values).any() else np.zeros(1)


def excess_cost(
    meters: Meters, index: int, hours: np.ndarray, *, settings: Finder | None = None
) -> dict[str, float]:
    """Excess flow of one substation over some hours, in m3, in kWh of pumping and in money.

    Returns
    -------
    dict
        `excess_m3`, `excess_kwh` (electricity to move it), `excess_cny`.
    """
    excess = (settings or finder()).excess
    flow = np.nan_to_num(meters.flow[index, hours])
    heat = np.nan_to_num(meters.heat[index, hours])
    over = excess_flow(flow, heat, reference_cooling_k=excess["reference_cooling_k"])
    cubic = float(over.sum())
    energy = max(cubic, 0.0) * excess["pump_kwh_per_m3"]
    return {
        "excess_m3": cubic,
        "excess_kwh": energy,
        "excess_cny": energy * excess["power_price"],
    }


def energy_signatures(meters: Meters, names: list[str]) -> pd.DataFrame:
    """Fit heat over outdoor temperature for every substation, on daily means.

    Returns
    -------
    DataFrame, index `substation`
        `base_kw`, `slope_kw_per_k`, `change_c` [degC], `sigma_kw`; NaN with fewer than ten days.
    """
    day = meters.time.astype("datetime64[D]")
    outdoor = pd.Series(meters.outdoor).groupby(day).mean().to_numpy()
    rows = []
    for own in meters.heat:
        daily = pd.Series(own).groupby(day).mean().to_numpy()
        if np.isfinite(daily + outdoor).sum() < _DAYS:
            rows.append((np.nan,) * 4)
            continue
        line = fit_signature(outdoor, daily)
        rows.append((line.base, line.slope, line.change_c, line.sigma))
    columns = ["base_kw", "slope_kw_per_k", "change_c", "sigma_kw"]
    return pd.DataFrame(rows, columns=columns, index=pd.Index(names, name="substation"))


def rank_peers(meters: Meters, names: list[str]) -> pd.DataFrame:
    """Rank similar substations by how badly they cool, worst first.

    Returns
    -------
    DataFrame, index `substation`
        `cooling_k` (heat over flow), `deviation` (MAD sigma from the median of all, negative is
        worse), `excess_m3` over the period.
    """
    flow, heat = np.nansum(meters.flow, axis=1), np.nansum(meters.heat, axis=1)
    cooling = heat / (WATER_KWH_PER_M3_K * np.where(flow > 0, flow, np.nan))
    reference = float(np.nanmedian(cooling)) if np.isfinite(cooling).any() else np.nan
    table = pd.DataFrame(
        {
            "cooling_k": cooling,
            "deviation": peer_deviation(cooling[:, None])[:, 0],
            "excess_m3": excess_flow(flow, heat, reference_cooling_k=max(reference, 1.0)),
        },
        index=pd.Index(names, name="substation"),
    )
    return table.sort_values("deviation")
