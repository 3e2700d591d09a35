"""Where a network leaks: the pressures' deviation from days alike, inverted by simulation."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lifeline_kit.lifelines.gas.supply import AIR_PA, GasSupply
from lifeline_kit.methods.alike import Excess, usual_of
from lifeline_kit.methods.hourly import hourly_means
from lifeline_kit.methods.hydraulics import prepare
from lifeline_kit.methods.hydraulics.network import PIPE
from lifeline_kit.methods.localise import Gauges, Suspects, Usual, locate_leak, usual
from lifeline_kit.model.city import City

_LEAST_PA = 20.0  # no gauge is believed beyond this, averaged or not; expert


@dataclass(frozen=True)
class Lost:
    """Gas that a network loses.

    Attributes
    ----------
    nodes : bool array, (node,)
        The connected network.
    clock : DatetimeIndex, (hour,)
        Of `excess`.
    flow : array, (hour,) [m3/h at working pressure]
    excess : Excess
    hours : int array
        Rows of the clock during which it is lost.
    size_m3_h : float [m3/h at working pressure]
    """

    nodes: np.ndarray
    clock: pd.DatetimeIndex
    flow: np.ndarray
    excess: Excess
    hours: np.ndarray
    size_m3_h: float


@dataclass(frozen=True)
class Placed:
    """Where the leak may be.

    Attributes
    ----------
    suspects : Suspects
    pipe : str
        The likeliest.
    pipes : tuple of str
        Of the 90 % set of nodes, the likeliest first.
    """

    suspects: Suspects
    pipe: str
    pipes: tuple[str, ...]


def place_leak(
    city: City, supply: GasSupply, lost: Lost, at: pd.Timestamp, *, settings: Mapping
) -> Placed | None:
    """Place the gas that a network loses.

    Parameters
    ----------
    city : City
    supply : GasSupply
    lost : Lost
    at : Timestamp
        Nothing later is read.
    settings : mapping
        `[place]` of `leaks.toml`.

    Returns
    -------
    Placed or None
        None where the network has too few gauges.
    """
    hours = lost.hours[-int(settings["hours"]) :]
    nodes, excess = lost.nodes, lost.excess
    gauges, change, spread = _changes(city, supply, lost, hours, at)
    if gauges.size < settings["least_gauges"]:
        return None
    mean = float(np.nanmean(excess.usual[hours]))
    load, kg_s = _load(supply, nodes, mean)
    model = _usual(supply, load, gauges, spread, hours.size, settings)
    seen = model.expected + np.r_[change, lost.size_m3_h * kg_s]
    own = np.flatnonzero(nodes & pd.Index(supply.assets.network.nodes).isin(_ends(supply)))
    own = np.setdiff1d(own, supply.assets.network.sources)
    own = own[:: max(1, -(-own.size // int(settings["most_candidates"])))]
    suspects = locate_leak(model, seen, own)
    near = suspects.within(0.9)
    chance = np.zeros(supply.assets.network.nodes.size)
    chance[suspects.nodes] = suspects.probability
    pipes = _pipes(supply, chance, near)
    return Placed(suspects, pipes[0], tuple(pipes))


def usual_now(
    supply: GasSupply, nodes: np.ndarray, gauges: np.ndarray, load: np.ndarray, settings: Mapping
) -> Usual:
    """The network at a load, weighed as for one hour, to say what it could detect."""
    return _usual(supply, np.where(nodes, load, 0.0), gauges, _LEAST_PA, 1, settings)


def gauge_nodes(city: City, supply: GasSupply, sensors: pd.DataFrame) -> np.ndarray:
    """Node of each pressure gauge, -1 where it stands outside the network.

    A gauge of a pipe reads the pressure where the pipe begins.
    """
    network = supply.assets.network
    place = {name: k for k, name in enumerate(network.nodes.tolist())}
    ends = city.assets["from_node"].reindex(sensors["asset"])
    return np.array([place.get(name, -1) for name in ends], dtype=np.int64)


def pressure_gauges(city: City, supply: GasSupply) -> pd.DataFrame:
    """Sensors of pressure on pipes, and the `node` of each; one a node."""
    sensors = city.sensors[
        (city.sensors["lifeline"] == "gas") & (city.sensors["quantity"] == "pressure")
    ]
    kind = city.assets["kind"].reindex(sensors["asset"]).to_numpy()
    sensors = sensors[kind == "pipe"]
    found = pd.DataFrame({"asset": sensors["asset"], "node": gauge_nodes(city, supply, sensors)})
    found = found[(found["node"] >= 0) & ~found["node"].isin(supply.assets.network.sources)]
    return found.drop_duplicates("node")


def _changes(
    city: City, supply: GasSupply, lost: Lost, hours: np.ndarray, at: pd.Timestamp
) -> tuple[np.ndarray, np.ndarray, float]:
    """Gauges, their mean change against days alike [Pa], and the spread of an hour [Pa]."""
    own = pressure_gauges(city, supply)
    own = own[lost.nodes[own["node"].to_numpy()]]
    days, flow, usual_flow = lost.excess.days, lost.flow, lost.excess.usual
    outlet = _outlet(city, supply, lost, at)
    lines = hourly_means(city, "pressure", pd.Index(own["asset"]), at).reindex(lost.clock)
    before = np.arange(max(lost.hours[0] - 7 * 24, 0), lost.hours[0])
    places, change, spread = [], [], []
    for asset, node in zip(own["asset"], own["node"], strict=True):
        if asset not in lines:
            continue
        drop = outlet - lines[asset].to_numpy() * 1e3
        of_flow = drop / flow**2  # so days of more or less demand compare
        more = drop[hours] - usual_of(of_flow, days[hours]) * usual_flow[hours] ** 2
        past = drop[before] - usual_of(of_flow, days[before]) * flow[before] ** 2
        if np.isfinite(more).mean() > 0.5 and np.isfinite(past).sum() > 24:
            places.append(node)
            change.append(-float(np.nanmean(more)))
            spread.append(float(np.nanstd(past)))
    known = float(np.median(spread)) if spread else float("nan")
    return np.array(places, dtype=np.int64), np.array(change), known


def _outlet(city: City, supply: GasSupply, lost: Lost, at: pd.Timestamp) -> np.ndarray:
    """Mean outlet pressure of the network's stations, hour by hour [Pa gauge]."""
    network = supply.assets.network
    names = network.nodes[network.sources[lost.nodes[network.sources]]]
    own = city.assets[(city.assets["lifeline"] == "gas") & (city.assets["kind"] == "station")]
    lines = hourly_means(city, "pressure", own.index[own["from_node"].isin(names)], at)
    if lines.empty:
        return np.full(len(lost.clock), float(np.median(network.source_pa)) - AIR_PA)
    return lines.interpolate(limit=3).mean(axis=1).reindex(lost.clock).to_numpy() * 1e3


def _load(supply: GasSupply, nodes: np.ndarray, mean_m3_h: float) -> tuple[np.ndarray, float]:
    """Usual load of one network [kg/s], and kg/s of a m3/h at the stations' pressure."""
    kg_s = m3_h_in_kg_s(supply)
    share = np.where(nodes, supply.load_kg_s, 0.0)
    total = max(float(share.sum()), 1e-12)
    return share / total * mean_m3_h * kg_s, kg_s


def m3_h_in_kg_s(supply: GasSupply) -> float:
    """Mass flow of a m3/h at the pressure of the stations [kg/s]."""
    pascal = float(np.median(supply.assets.network.source_pa))
    return supply.gas.density_n * pascal / AIR_PA / 3600.0


def _usual(
    supply: GasSupply,
    load: np.ndarray,
    gauges: np.ndarray,
    spread_pa: float,
    samples: int,
    settings: Mapping,
) -> Usual:
    weighed = Gauges(
        sensors=gauges,
        pressure_pa=max(spread_pa, _LEAST_PA),
        inflow_share=settings["inflow_share"],
        load_share=settings["load_share"],
        samples=max(samples // 12, 1),  # errors of demand and outlet last for half a day
    )
    return usual(prepare(supply.assets.network, supply.gas), load, weighed)


def _ends(supply: GasSupply) -> np.ndarray:
    """Names of nodes that end a pipe of the asset table: none of those behind valves."""
    network = supply.assets.network
    return np.setdiff1d(network.nodes.astype(str), network.links.astype(str))


def _pipes(supply: GasSupply, chance: np.ndarray, near: np.ndarray) -> list[str]:
    """Pipes at the nodes of a set, the likeliest first."""
    network = supply.assets.network
    there = np.zeros(network.nodes.size, dtype=bool)
    there[near] = True
    links = np.flatnonzero((network.kind == PIPE) & (there[network.head] | there[network.tail]))
    weight = chance[network.head[links]] + chance[network.tail[links]]
    return [str(network.links[k]) for k in links[np.argsort(-weight, kind="stable")]]
