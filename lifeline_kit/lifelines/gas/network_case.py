"""What the page of the gas network shows: risk, pressure, detectability, valves, next terminals.

Made once for each examination and stored as one row beside the cases; nothing is computed later.
"""

import json

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifeline_kit.errors import LifelineError, NetworkError
from lifeline_kit.lifelines.gas.cases import SITES, plan_facts
from lifeline_kit.lifelines.gas.isolation import isolation_plan
from lifeline_kit.lifelines.gas.leaks import balances, settings
from lifeline_kit.lifelines.gas.placement import place_terminals
from lifeline_kit.lifelines.gas.placing import m3_h_in_kg_s, pressure_gauges, usual_now
from lifeline_kit.lifelines.gas.risk import leak_rates, segment_risk
from lifeline_kit.lifelines.gas.supply import AIR_PA, GasSupply, gas_supply
from lifeline_kit.methods.hydraulics import Flow, prepare, solve
from lifeline_kit.methods.localise import detectable_kg_s
from lifeline_kit.model.city import City
from lifeline_kit.model.tables import CASE_COLUMNS, table
from lifeline_kit.text import Text

KIND = "gas.network"
_WORST, _TERMINALS, _PIECE_M = 12, 8, 20.0
_LEAST_PA = AIR_PA + 5e3
_RISKED = ("length_m", "diameter_mm")
_PRESSURE = Text(
    "{n} 根管道未登记设计压力，按 {kpa:.0f} kPa（调压站出口常值）计",
    "{n} pipes state no design pressure: {kpa:.0f} kPa assumed, as usual at the stations",
)
_YEAR = Text(
    "{n} 根管道未登记投用年份，按已知者的中位数计",
    "{n} pipes state no year: the median of the others assumed",
)
_NO_YEAR = Text(
    "没有一根管道登记投用年份，未评风险", "no pipe states the year it was laid: not graded"
)
_SIZE = Text("{n} 根管道缺管径或长度，未评风险", "{n} pipes lack diameter or length: not graded")


def network_case(city: City, at: pd.Timestamp) -> pd.DataFrame:
    """Gather what there is to show of a city's gas network.

    Parameters
    ----------
    city : City
        Readings with flags.
    at : Timestamp
        Nothing later is read.

    Returns
    -------
    DataFrame, index `case`
        One row of `model.tables.CASE_COLUMNS` with the lifeline `gas.network`; none without a
        network.
    """
    try:
        supply = gas_supply(city, at)
    except NetworkError:
        return table([], CASE_COLUMNS, "case")
    flow = solve(prepare(supply.assets.network, supply.gas), supply.load_kg_s)
    risk, assumed = _risk(city, supply, at)
    worst = risk.sort_values("risk", ascending=False).head(_WORST)
    facts = {
        "segments": _segments(city, supply, flow, risk),
        "worst": [_segment(supply, flow, str(pipe), row) for pipe, row in worst.iterrows()],
        "terminals": _terminals(city, risk),
        "balances": _balances(city, supply, at),
        "left_out": len(supply.assets.left_out),
        "measured": supply.measured,
        "assumed_zh": [each.zh for each in assumed],
        "assumed_en": [each.en for each in assumed],
    }
    first = str(supply.assets.network.links[0])
    row = {
        "case": KIND,
        "lifeline": KIND,
        "asset": first,
        "at": at,
        "since": at,
        "kinds": "{}",
        "facts": json.dumps(facts, ensure_ascii=False),
        "real_or_simulated": str(city.assets["real_or_simulated"][first]),
    }
    return table([row], CASE_COLUMNS, "case")


def _risk(city: City, supply: GasSupply, at: pd.Timestamp) -> tuple[pd.DataFrame, list[Text]]:
    """Risk of each segment whose size is known, and what was assumed of the others' data."""
    every = city.assets[(city.assets["lifeline"] == "gas") & (city.assets["kind"] == "pipe")]
    own = every[(every[list(_RISKED)].astype(float) > 0).all(axis=1)].copy()
    laid, design = (_above_zero(own, name) for name in ("year", "design_pressure_kpa"))
    assumed = [_SIZE.format(n=len(every) - len(own))] if len(own) < len(every) else []
    if laid.isna().all():
        none = pd.DataFrame(columns=["risk", "grade", "people", "drivers_zh", "drivers_en"])
        return none, [*assumed, _NO_YEAR]
    outlet = (float(np.median(supply.assets.network.source_pa)) - AIR_PA) / 1e3
    if laid.isna().any():
        assumed.append(_YEAR.format(n=int(laid.isna().sum())))
    if design.isna().any():
        assumed.append(_PRESSURE.format(n=int(design.isna().sum()), kpa=outlet))
    own["year"], own["design_pressure_kpa"] = laid, design.fillna(outlet)
    areas = city.areas
    if len(areas):
        finest = "cell" if (areas["level"] == "cell").any() else "district"
        areas = areas[areas["level"] == finest]
    sites = city.assets[city.assets["kind"].isin(SITES)]
    rates = leak_rates(own, None, year=at.year, observed_years=10.0)
    return segment_risk(own, rates, areas, sites), assumed


def _above_zero(own: pd.DataFrame, name: str) -> pd.Series:
    known = own[name].astype(float) if name in own else pd.Series(np.nan, index=own.index)
    return known.where(known > 0)


def _segments(city: City, supply: GasSupply, flow: Flow, risk: pd.DataFrame) -> dict:
    """Grade, pressure [kPa gauge] and smallest leak [m3/h] of each pipe of the network."""
    network = supply.assets.network
    kpa = (flow.pressure_pa[-1] - AIR_PA) / 1e3
    least = _detectable(city, supply)
    kinds = city.assets["kind"]
    pipes = np.flatnonzero(pd.Index(network.links).isin(city.assets.index[kinds == "pipe"]))
    ends = network.head[pipes], network.tail[pipes]
    names = network.links[pipes].astype(str)
    return {
        "asset": names.tolist(),
        "grade": risk["grade"].reindex(names).fillna("").tolist(),
        "kpa": _rounded((kpa[ends[0]] + kpa[ends[1]]) / 2.0),
        "least": _rounded(np.fmax(least[ends[0]], least[ends[1]])),
    }


def _rounded(values: np.ndarray) -> list[float | None]:
    return [round(float(v), 1) if np.isfinite(v) else None for v in values]


def _detectable(city: City, supply: GasSupply) -> np.ndarray:
    """Smallest leak at each node that the pressures of one hour tell [m3/h], NaN without gauges."""
    network, place = supply.assets.network, settings()["place"]
    least = np.full(network.nodes.size, np.nan)
    gauges = pressure_gauges(city, supply)["node"].to_numpy()
    if gauges.size < place["least_gauges"]:
        return least
    every = np.ones(network.nodes.size, dtype=bool)
    model = usual_now(supply, every, gauges, supply.load_kg_s, place)
    nodes = np.setdiff1d(np.arange(network.nodes.size), network.sources)
    found = detectable_kg_s(model, nodes, sigmas=place["detect_sigmas"])
    least[nodes] = found / m3_h_in_kg_s(supply)
    return least


def _segment(supply: GasSupply, flow: Flow, pipe: str, row: pd.Series) -> dict:
    said = {
        "asset": pipe,
        "grade": row["grade"],
        "risk": round(float(row["risk"]), 3),
        "people": round(float(row["people"])),
        "drivers_zh": row["drivers_zh"],
        "drivers_en": row["drivers_en"],
    }
    built = supply.assets
    try:
        plan = isolation_plan(
            built.network, supply.gas, supply.load_kg_s, built.link(pipe),
            least_pa=_LEAST_PA, before=flow,
        )  # fmt: skip
    except NetworkError:  # left out of the network: no valves to name
        return said
    return said | {"isolation": plan_facts(plan, supply)}


def _terminals(city: City, risk: pd.DataFrame) -> list[dict]:
    """Spaces for the next terminals, by the risk of the pipes that they would watch."""
    own = city.assets[city.assets["lifeline"] == "gas"]
    spaces = own[own["kind"] == "space"]
    if spaces.empty or risk.empty:
        return []
    pieces, owner = _pieces(own.loc[risk.index])
    km = own["length_m"].astype(float)[risk.index] / 1000.0
    shared = (risk["risk"] * km)[owner].to_numpy() / owner.value_counts()[owner].to_numpy()
    methane = city.sensors[city.sensors["quantity"] == "methane"]
    sensed = pd.Index(methane["asset"].unique())
    free = spaces.index.difference(sensed)
    if free.empty:
        return []
    try:
        found = place_terminals(
            pieces, pd.Series(shared, index=pieces.index), spaces, _TERMINALS, sensed=sensed
        )
    except LifelineError:
        return []
    return [
        {"asset": str(asset), "covered": round(float(row["covered_share"]), 4)}
        for asset, row in found.iterrows()
    ]


def _pieces(pipes: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, pd.Series]:
    """Points every twenty metres of the pipes, and the pipe of each."""
    lines = pipes.geometry.to_numpy()
    count = np.maximum(np.ceil(shapely.length(lines) / _PIECE_M).astype(int), 1)
    which = np.repeat(np.arange(len(lines)), count)
    place = np.arange(which.size) - np.repeat(np.cumsum(count) - count, count)
    points = shapely.line_interpolate_point(
        lines[which], (place + 0.5) / count[which], normalized=True
    )
    pieces = gpd.GeoDataFrame(geometry=points, crs=pipes.crs)
    return pieces, pd.Series(pipes.index.to_numpy()[which])


def _balances(city: City, supply: GasSupply, at: pd.Timestamp) -> list[dict]:
    """How small a leak each network's balance tells within a day and a week [m3/h]."""
    return [
        {
            "stations": len(each.stations),
            "usual": round(each.usual_m3_h, 1),
            "day": round(each.least_m3_h(24.0), 1),
            "week": round(each.least_m3_h(168.0), 1),
            "raised": bool(each.excess.raised[-1]),
        }
        for each in balances(city, supply, at)
        if np.isfinite(each.usual_m3_h)
    ]
