"""What decides an open methane finding: triage, where the gas comes from, what it could do, valves.

Made once for each examination and stored with it, so that a page only shows it.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifeline_kit.errors import LifelineError, NetworkError, ReadingsError
from lifeline_kit.lifelines.gas.alarms import profile, terminal_alarms
from lifeline_kit.lifelines.gas.consequence import Consequence, assess, rupture_zones
from lifeline_kit.lifelines.gas.isolation import IsolationPlan, isolation_plan, words
from lifeline_kit.lifelines.gas.supply import GasSupply, gas_supply
from lifeline_kit.lifelines.gas.tracing import Tracing, methane_at, trace_gas, underground
from lifeline_kit.lifelines.gas.triage import Triage
from lifeline_kit.lifelines.gas.triage_city import manhole_series, triage_city
from lifeline_kit.methods.hydraulics import Flow, Network, prepare, solve
from lifeline_kit.model.city import City
from lifeline_kit.model.tables import CASE_COLUMNS, table
from lifeline_kit.text import Text

RULE, PROFILE = "gas.methane", "cn_default"
MOST, RECENT = 40, pd.Timedelta(days=2)
AROUND_M = 150.0
_LEAST_KPA = 5.0  # gauge pressure below which consumers are cut off in the check; expert
FULL_VOL = 9.5  # stoichiometric methane in air
SITES = ("school", "hospital", "market", "shelter", "entrance")
_PIECES = 60
_HELD = Text(
    "；所关管段约占溯源概率 {share:.0%}，关闭后浓度不降则源在其外",
    "; what is shut in holds about {share:.0%} of where the gas may come from: if methane does not "
    "fall after closing, the source lies outside",
)


@dataclass(frozen=True)
class _Network:
    supply: GasSupply
    before: Flow


def gas_cases(city: City, findings: pd.DataFrame, at: pd.Timestamp) -> pd.DataFrame:
    """Gather the cases of a city.

    Parameters
    ----------
    city : City
        Readings with flags.
    findings : DataFrame
        Those of rule `gas.methane` that are open, or ended within two days, the gravest 40.
    at : Timestamp
        Nothing later is read.

    Returns
    -------
    DataFrame, index `case`
        `model.tables.CASE_COLUMNS`; the index is the finding's.
    """
    own = findings[findings["rule"] == RULE]
    own = own[own["until"].isna() | (own["until"] >= at - RECENT)]
    own = own.sort_values(["level", "since"], ascending=[True, False])
    own = own[~own["asset"].duplicated()].head(MOST)  # one case a space, of its gravest finding
    if own.empty:
        return table([], CASE_COLUMNS, "case")
    network = _network(city, at)
    past = reference_cases()
    rows = []
    for finding, row in own.iterrows():
        until = min(row["until"], at) if pd.notna(row["until"]) else at
        try:
            judged = triage_city(
                city, str(row["asset"]), until, sensor=str(row["sensor"]), cases=past
            )
        except ReadingsError:  # too few readings to say more than the limit says
            continue
        facts = _facts(city, row, judged, network, until)
        rows.append(_row(str(finding), row, judged, facts, until))
    return table(rows, CASE_COLUMNS, "case")


@cache
def reference_cases() -> pd.DataFrame:
    """Read the simulated episodes that cases are compared with; real ones come with a ledger."""
    return pd.read_csv(Path(__file__).with_name("reference_cases.csv"), index_col="case")


def _row(finding: str, row: pd.Series, judged: Triage, facts: dict, until: pd.Timestamp) -> dict:
    kinds = {"leak": judged.leak, "biogas": judged.biogas, "sensor": judged.sensor}
    return {
        "case": finding,
        "lifeline": "gas",
        "asset": row["asset"],
        "sensor": row["sensor"],
        "at": until,
        "since": row["since"],
        "kinds": json.dumps({key: round(value, 4) for key, value in kinds.items()}),
        "outside": judged.outside,
        "reasons_zh": "\n".join(each.zh for each in judged.reasons),
        "reasons_en": "\n".join(each.en for each in judged.reasons),
        "advice_zh": "\n".join(each.zh for each in judged.advice),
        "advice_en": "\n".join(each.en for each in judged.advice),
        "facts": json.dumps(facts, ensure_ascii=False),
        "real_or_simulated": row["real_or_simulated"],
    }


def _network(city: City, at: pd.Timestamp) -> _Network | None:
    try:
        supply = gas_supply(city, at)
    except NetworkError:  # methane terminals without a network: no valves to name
        return None
    flow = solve(prepare(supply.assets.network, supply.gas), supply.load_kg_s)
    return _Network(supply, flow)


def _facts(
    city: City, row: pd.Series, judged: Triage, network: _Network | None, at: pd.Timestamp
) -> dict:
    asset, sensor = str(row["asset"]), str(row["sensor"])
    levels = methane_at(city, at)
    trace = _trace(city, asset, levels, at)
    pipe = _pipe(city, asset, trace)
    facts: dict = {
        "alarm": _graded(city, asset, sensor, at),
        "onset": judged.onset.isoformat(),
        "level": round(judged.level, 3),
        "peak": round(judged.peak, 3),
        "pipe": pipe,
        "levels": {str(key): round(float(value), 3) for key, value in levels.items()},
        "similar": _similar(judged),
        "rings": _rings(city, asset, levels),
    }
    if trace is not None:
        facts["trace"] = _trace_facts(trace)
    if network is not None and pipe:
        facts |= _isolated(network, pipe, trace)
    sized = city.assets.reindex(columns=["diameter_mm", "design_pressure_kpa"]).astype(float)
    if pipe and (sized.loc[pipe] > 0).all():
        radius = rupture_zones(city.assets.loc[[pipe]])["radius_m"].iloc[0]
        facts["rupture_m"] = round(float(radius), 1)
    return facts


def _graded(city: City, asset: str, sensor: str, at: pd.Timestamp) -> dict:
    """Alarm level of the terminal now by the default profile, and hours to shares of the LEL."""
    series, _ = manhole_series(city, asset, at, sensor=sensor)
    own = profile(PROFILE)
    last = terminal_alarms(series[["methane"]].dropna(), unit="%VOL", profile=own).iloc[-1]
    hours = {
        share: round(float(last[f"hours_{share}"]), 2)
        for share in ("20", "50", "100")
        if np.isfinite(last[f"hours_{share}"])
    }
    now = float(last["methane"])
    return {
        "profile": PROFILE,
        "level": int(last["level"]),
        "now": round(now, 3),
        "lel_share": round(now / own.alarm.full, 3),
        "hours": hours,
    }


def _trace(city: City, asset: str, levels: pd.Series, at: pd.Timestamp) -> Tracing | None:
    try:
        return trace_gas(city.assets, levels, at=at, around=asset)
    except LifelineError:  # no pipes or no such space in the assets
        return None


def _pipe(city: City, asset: str, trace: Tracing | None) -> str:
    if trace is not None:
        return str(trace.pieces["pipe"].loc[trace.best])
    return str(city.assets.loc[asset].get("gas_pipe") or "")


def _trace_facts(trace: Tracing) -> dict:
    pieces = trace.pieces[trace.pieces["in_search"]].head(_PIECES)
    xy = shapely.get_coordinates(pieces.geometry.to_numpy())
    best = trace.pieces.loc[trace.best]
    return {
        "summary_zh": trace.summary.zh,
        "summary_en": trace.summary.en,
        "search_m": round(trace.search_length_m, 1),
        "best": [round(v, 1) for v in shapely.get_coordinates(best.geometry)[0].tolist()],
        "pieces": [
            [round(x, 1), round(y, 1), round(float(p), 5)]
            for (x, y), p in zip(xy.tolist(), pieces["probability"], strict=True)
        ],
        "open_next": [str(space) for space in trace.open_next.index[:3]],
    }


def _rings(city: City, asset: str, levels: pd.Series) -> dict:
    """What ignites now, and what would if this space filled to the worst mixture."""
    spaces = city.assets[(city.assets["lifeline"] == "gas") & (city.assets["kind"] == "space")]
    here = spaces.geometry[asset]
    spaces = spaces[shapely.dwithin(spaces.geometry.to_numpy(), here, AROUND_M)]
    near = levels[levels.index.isin(spaces.index)].clip(0, 100)
    full = near.copy()
    full[asset] = max(float(near.get(asset, 0.0)), FULL_VOL)
    counted = bool(len(city.areas)) and "population" in city.areas
    found = {}
    for name, methane in (("now", near), ("full", full)):
        result = _assessed(city, spaces, methane)
        if result is not None:
            found[name] = _ring_rows(result, counted=counted)
    return found


def _assessed(city: City, spaces: gpd.GeoDataFrame, methane: pd.Series) -> Consequence | None:
    ends = underground(spaces).ducts
    xy = shapely.get_coordinates(shapely.centroid(spaces.geometry.to_numpy()))
    ducts = pd.DataFrame(
        {
            "from_asset": spaces.index.to_numpy()[ends[:, 0]],
            "to_asset": spaces.index.to_numpy()[ends[:, 1]],
            "length_m": np.linalg.norm(xy[ends[:, 0]] - xy[ends[:, 1]], axis=1),
        }
    )
    areas = city.areas
    if len(areas):
        finest = "cell" if (areas["level"] == "cell").any() else "district"
        areas = areas[areas["level"] == finest]
    sites = city.assets[city.assets["kind"].isin(SITES)]
    try:
        return assess(spaces, methane, ducts, areas, sites)
    except LifelineError:  # neither volume nor depth known: nothing to state
        return None


def _ring_rows(result: Consequence, *, counted: bool) -> list[dict]:
    rows = []
    for _, ring in result.rings.iterrows():
        middle = ring.geometry.centroid
        rows.append(
            {
                "kpa": float(ring["overpressure_kpa"]),
                "radius_m": round(float(ring["radius_m"]), 1),
                "harm_zh": ring["harm_zh"],
                "harm_en": ring["harm_en"],
                "people": round(float(ring["people"]), 1) if counted else None,
                "sites": list(ring["sites"]) if "sites" in ring else [],
                "at": [round(middle.x, 1), round(middle.y, 1)],
            }
        )
    return rows


def _isolated(network: _Network, pipe: str, trace: Tracing | None) -> dict:
    supply = network.supply
    built = supply.assets
    try:
        plan = isolation_plan(
            built.network,
            supply.gas,
            supply.load_kg_s,
            built.link(pipe),
            least_pa=101_325.0 + _LEAST_KPA * 1e3,
            before=network.before,
        )
    except NetworkError:  # the pipe took no part in the network
        return {}
    found = plan_facts(plan, supply)
    if trace is not None:
        held = _HELD.format(share=_held(plan, built.network, trace))
        found |= {"zh": found["zh"] + held.zh, "en": found["en"] + held.en}
    return {"isolation": found}


def _held(plan: IsolationPlan, network: Network, trace: Tracing) -> float:
    """Probability that the source lies on what the valves shut in."""
    inside = plan.isolated[network.head] & plan.isolated[network.tail]
    own = trace.pieces["pipe"].isin(network.links[inside])
    return float(trace.pieces["probability"][own].sum())


def plan_facts(plan: IsolationPlan, supply: GasSupply) -> dict:
    """Write a plan of valves as plain values."""
    links = supply.assets.network.links
    people = float(supply.people[plan.lost].sum())
    said = words(plan, supply.assets.network, people=people if supply.counted else None)
    return {
        "close": [str(links[valve]) for valve in plan.close],
        "fallback": {
            str(links[valve]): [str(links[other]) for other in others]
            for valve, others in plan.fallback.items()
        },
        "people": round(people) if supply.counted else None,
        "vent_m3n": round(plan.linepack_m3n),
        "starved": int(plan.starved.size),
        "zh": said.zh,
        "en": said.en,
    }


def _similar(judged: Triage) -> list[dict]:
    columns = [c for c in ("verdict_zh", "verdict_en", "distance") if c in judged.similar]
    rows = judged.similar[columns].to_dict("records")
    return [{"case": str(case)} | row for case, row in zip(judged.similar.index, rows, strict=True)]
