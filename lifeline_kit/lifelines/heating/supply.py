"""The supply side of a city's heating network: what is missing in it, where it leaks, its valves.

Cities measure pressure on the supply side only, as a rule. A leak there is sought by what the
gauges show since it began beyond what plant pressures and circulation let expect; without gauges
in the return `leaks.locate_heat_leak` cannot weigh both sides, which is said.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.errors import NetworkError
from lifeline_kit.lifelines.heating.hourly import hourly
from lifeline_kit.methods.hydraulics import Hydraulics, prepare, water
from lifeline_kit.methods.hydraulics.assets import (
    UNFED,
    AssetNetwork,
    left_out_rows,
    network_of_assets,
)
from lifeline_kit.methods.hydraulics.network import VALVE
from lifeline_kit.methods.hydraulics.residents import residents
from lifeline_kit.methods.isolation import isolate
from lifeline_kit.methods.localise import Gauges, Suspects, locate_leak, usual
from lifeline_kit.methods.robust import mad_sigma
from lifeline_kit.model.city import City
from lifeline_kit.model.tables import FINDING_COLUMNS, table
from lifeline_kit.text import Text

_AIR_PA = 101_325.0
_COLUMNS = ("from_node", "to_node", "length_m", "diameter_mm")
_NO_PLANT = Text("没有热源与任何管道相连", "no plant is joined to any pipe")


@cache
def told() -> Mapping[str, Mapping]:
    """Read what cases show and assume, beside this module."""
    return tomllib.loads(Path(__file__).with_name("cases.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class HeatSupply:
    """The supply network with its load.

    Attributes
    ----------
    assets : AssetNetwork
    hydraulics : Hydraulics
    load_kg_s : array, (node,) [kg/s]
        Metered substations; what is left of the plants' flow is shared among the other nodes.
    people : array, (node,)
    """

    assets: AssetNetwork
    hydraulics: Hydraulics
    load_kg_s: np.ndarray
    people: np.ndarray


def heat_network(city: City, source_pa: Mapping[str, float] | float) -> AssetNetwork | None:
    """Build the network; None where the city has no heating pipe with ends and sizes.

    Raises
    ------
    NetworkError
        Where no plant feeds a pipe.
    """
    own = city.assets[city.assets["lifeline"] == "heating"]
    if not (own["kind"] == "pipe").any() or not set(_COLUMNS) <= set(own.columns):
        return None
    rough = told()["leak"]["roughness_m"]
    return network_of_assets(own, source_kinds=("plant",), source_pa=source_pa, roughness_m=rough)


def network_findings(city: City, at: pd.Timestamp) -> pd.DataFrame:
    """Say what the network's data lack, one finding a reason."""
    origin = city.assets["real_or_simulated"]
    try:
        built = heat_network(city, _AIR_PA)
    except NetworkError:
        own = city.assets[city.assets["lifeline"] == "heating"]
        pipes = own.index[own["kind"] == "pipe"]
        reason = pd.DataFrame({"reason": UNFED}, index=pipes)
        return table(
            left_out_rows(reason, lifeline="heating", at=at, origin=origin),
            FINDING_COLUMNS,
            "finding",
        )
    rows = (
        []
        if built is None
        else left_out_rows(built.left_out, lifeline="heating", at=at, origin=origin)
    )
    return table(rows, FINDING_COLUMNS, "finding")


def heat_supply(city: City, at: np.datetime64) -> HeatSupply | None:
    """Build the supply network of a city from its assets and last readings.

    Raises
    ------
    NetworkError
        Where no plant feeds a pipe.
    """
    settings = told()["leak"]
    own = city.assets[city.assets["lifeline"] == "heating"]
    plants = own.index[own["kind"] == "plant"]
    pressure = _last(hourly(city, "heating", "pressure", at, kind="plant"))
    source = {
        str(plant): pressure.get(str(plant), settings["usual_kpa"]) * 1e3 + _AIR_PA
        for plant in plants
    }
    built = heat_network(city, source)
    if built is None:
        return None
    fluid = water(settings["temperature_c"])
    network = built.network
    density = float(np.asarray(fluid.density))
    fed = sum(_last(hourly(city, "heating", "flow", at, kind="plant")).values())
    load = np.zeros(network.nodes.size)
    for asset, flow in _last(hourly(city, "heating", "flow", at, kind="substation")).items():
        node = built.node(str(own["from_node"][asset]))
        if node >= 0:
            load[node] += max(flow, 0.0)
    others = load <= 0.0
    others[network.sources] = False
    load[others] = max(fed - load.sum(), 0.0) / max(int(others.sum()), 1)
    return HeatSupply(
        assets=built,
        hydraulics=prepare(network, fluid),
        load_kg_s=load * density / 3600.0,
        people=residents(city, built),
    )


def _last(frame: pd.DataFrame) -> dict[str, float]:
    """Median of the last three hours by asset."""
    last = frame.tail(3).median()
    return {str(asset): float(value) for asset, value in last.items() if np.isfinite(value)}


def locate(
    city: City, supply: HeatSupply, since: np.datetime64, at: np.datetime64, leak: tuple
) -> tuple[Suspects | None, Text | None]:
    """Locate a leak on the supply side.

    Parameters
    ----------
    city : City
    supply : HeatSupply
    since, at : datetime64
        The leak runs from the one to the other.
    leak : (float, float, float) [m3/h]
        Estimate and 90 % interval, from the make-up.

    Returns
    -------
    (Suspects or None, Text or None)
        None and what is missing where the pressures cannot tell.
    """
    settings = told()["leak"]
    own = city.assets["from_node"]
    gauges = hourly(city, "heating", "pressure", at, kind="substation")
    node = np.array([supply.assets.node(str(own[asset])) for asset in gauges.columns], dtype=int)
    gauges = gauges.loc[:, node >= 0]
    known = node[node >= 0]
    residual, sigma = _pressure_left(city, gauges, since, at)
    good = np.isfinite(residual)
    if good.any():
        good[good] = sigma[good] <= 3.0 * np.median(sigma[good])
    if good.sum() < settings["gauges"]:
        return None, Text(
            f"供水侧可用压力测点 {int(good.sum())} 个，少于 {settings['gauges']} 个，无法定位",
            f"{int(good.sum())} usable pressure gauges on the supply side, fewer than "
            f"{settings['gauges']}: not located",
        )
    density = float(np.asarray(water(settings["temperature_c"]).density))
    total = supply.load_kg_s.sum()
    size, half = leak[0] * density / 3600.0, (leak[2] - leak[0]) * density / 3600.0 / 1.645
    sensors, first = np.unique(known[good], return_index=True)
    # what all gauges share is the level of the plants; what they stray by is no leak either
    apart = residual[good] - np.median(residual[good])
    stray = max(float(np.median(sigma[good])), float(mad_sigma(apart)))
    seen = Gauges(
        sensors=sensors,
        pressure_pa=stray * 1e3,
        inflow_share=max(half, 0.05 * size) / total,
        load_share=0.0,
    )
    base = usual(supply.hydraulics, supply.load_kg_s, seen)
    readings = base.expected + np.append(apart[first] * 1e3, size)
    network = supply.hydraulics.network
    nodes = np.setdiff1d(np.arange(network.nodes.size), network.sources)
    return locate_leak(base, readings, nodes), None


def _pressure_left(
    city: City, gauges: pd.DataFrame, since: np.datetime64, at: np.datetime64
) -> tuple[np.ndarray, np.ndarray]:
    """What gauges show since a leak beyond plant pressures and circulation, and its sigma [kPa]."""
    settings = told()["leak"]
    left, sigma = np.full((2, gauges.shape[1]), np.nan)
    plants = hourly(city, "heating", "pressure", at, kind="plant").reindex(gauges.index)
    flow = hourly(city, "heating", "flow", at, kind="plant").reindex(gauges.index)
    plants, flow = plants.interpolate(limit=3), flow.interpolate(limit=3)
    end = since - np.timedelta64(round(settings["settle_h"] * 3600), "s")
    begin = end - np.timedelta64(round(settings["reference_days"] * 86_400), "s")
    before = (gauges.index >= begin) & (gauges.index < end)
    after = np.asarray(gauges.index >= since)
    if not before.any() or flow.empty:
        return left, sigma
    total = flow.sum(axis=1, min_count=flow.shape[1]).to_numpy()
    terms = np.column_stack([np.ones(len(gauges)), plants, total, total**2])
    sound = np.isfinite(terms[before]).mean(axis=0) > 0.8
    terms = terms[:, sound]
    spread = np.nanstd(terms[before], axis=0)
    terms[:, 1:] = (terms[:, 1:] - np.nanmean(terms[before], axis=0)[1:]) / np.where(
        spread[1:] > 0, spread[1:], 1.0
    )
    hours = min(max(int(after.sum()), 1), 24)
    here = np.isfinite(terms).all(axis=1)
    for k, values in enumerate(gauges.to_numpy().T):
        known = here & np.isfinite(values)
        fit = np.flatnonzero(before & known)
        if fit.size < 10 * terms.shape[1] or not (after & known).any():
            continue
        left[k] = float(np.median(_error(terms, values, fit)[after & known]))
        # how far such a median strays without a leak: hours that the fit has not seen
        held = fit[fit.size * 2 // 3 :]
        error = _error(terms, values, fit[: fit.size * 2 // 3])[held]
        means = pd.Series(error).rolling(hours, min_periods=1).mean()
        sigma[k] = max(float(np.sqrt((means**2).mean())), settings["sigma_kpa"])
    return left, sigma


def _error(terms: np.ndarray, values: np.ndarray, fit: np.ndarray) -> np.ndarray:
    return values - terms @ np.linalg.lstsq(terms[fit], values[fit], rcond=None)[0]


def suspect_pipes(supply: HeatSupply, suspects: Suspects) -> pd.Series:
    """Probability of each pipe: half of each end's, shared among the pipes that meet there."""
    network = supply.hydraulics.network
    by_node = np.zeros(network.nodes.size)
    by_node[suspects.nodes] = suspects.probability
    pipe = np.flatnonzero(network.kind != VALVE)
    ends = np.concatenate([network.head[pipe], network.tail[pipe]])
    degree = np.maximum(np.bincount(ends, minlength=network.nodes.size), 1)
    weight = by_node[network.head[pipe]] / degree[network.head[pipe]]
    weight += by_node[network.tail[pipe]] / degree[network.tail[pipe]]
    found = pd.Series(weight, index=network.links[pipe]).sort_values(ascending=False)
    return found / found.sum()


def isolation(supply: HeatSupply, pipe: str) -> dict:
    """Valves to close around a pipe, and who then has no heat: `close`, `people`, `zh`, `en`."""
    network = supply.hydraulics.network
    plan = isolate(network, supply.assets.link(pipe))
    close = [str(network.links[valve]) for valve in plan.close]
    people = float(supply.people[plan.lost].sum())
    shut = [str(network.nodes[node]) for node in plan.sources]
    said = Text(
        f"关闭 {'、'.join(close) or '无'}；停热约 {people:,.0f} 人",
        f"close {', '.join(close) or 'none'}; about {people:,.0f} people lose heat",
    )
    if shut:
        said = Text(
            f"{said.zh}；须停热源（节点 {'、'.join(shut)}）",
            f"{said.en}; the plant at {', '.join(shut)} must stop",
        )
    return {"pipe": pipe, "close": close, "people": round(people), "zh": said.zh, "en": said.en}
