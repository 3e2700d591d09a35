"""Isolating a broken gas main: valves in order, who loses gas, what is vented, who stays served."""

from dataclasses import dataclass

import numpy as np

from lifeline_kit.methods.hydraulics import Flow, Gas, Network, prepare, solve
from lifeline_kit.methods.hydraulics.fluids import NORMAL_K, NORMAL_PA
from lifeline_kit.methods.isolation import isolate
from lifeline_kit.text import Text


@dataclass(frozen=True)
class IsolationPlan:
    """What closing the valves around a break means.

    Attributes
    ----------
    close : int array
        Links (valves) in the order to close them: where most gas flows towards the break first.
    also : int array
        Valves that keep the gas of parts that lose their supply anyway.
    fallback : dict of valve to int array
        What to close if that valve of `close` is stuck.
    isolated, lost : bool arrays, (node,)
        Shut in with the break; without supply.
    relight : int
        Points of consumption to visit before gas may flow again.
    linepack_m3n : float [m3 at 0 °C and 101,325 Pa]
        Gas shut in with the break, all of it to be vented or burnt.
    lowest_pa : float [Pa]
        Lowest absolute pressure among those still served; NaN where nobody is.
    starved : int array
        Nodes still joined to a source that would fall under the least pressure.
    """

    close: np.ndarray
    also: np.ndarray
    fallback: dict[int, np.ndarray]
    isolated: np.ndarray
    lost: np.ndarray
    relight: int
    linepack_m3n: float
    lowest_pa: float
    starved: np.ndarray


def isolation_plan(
    network: Network,
    gas: Gas,
    load_kg_s: np.ndarray,
    broken: int,
    *,
    least_pa: float,
    stuck: np.ndarray | None = None,
    before: Flow | None = None,
) -> IsolationPlan:
    """Plan the isolation of a broken pipe and check the rest of the network.

    Parameters
    ----------
    network : Network
    gas : Gas
    load_kg_s : array, (node,) [kg/s]
    broken : int
        Link.
    least_pa : float [Pa]
        Absolute pressure that a consumer needs.
    stuck : int array, optional
        Valves known not to close.
    before : Flow, optional
        The network before the break, where it has been solved already.

    Raises
    ------
    NetworkError
        As of `isolate`.
    """
    stuck = np.zeros(0, dtype=np.int64) if stuck is None else np.asarray(stuck, dtype=np.int64)
    found = isolate(network, broken, stuck=stuck)
    if before is None:
        before = solve(prepare(network, gas), load_kg_s)
    pressure, flow = before.pressure_pa[-1], np.abs(before.flow_kg_s[-1])
    order = found.close[np.argsort(-flow[found.close], kind="stable")]
    fallback = {
        int(valve): np.setdiff1d(isolate(network, broken, stuck=np.r_[stuck, valve]).close, order)
        for valve in order
    }
    load = np.asarray(load_kg_s, dtype=float)
    shut = network.open.copy()
    shut[np.r_[found.close, found.also]] = False
    served = ~found.lost
    rest = solve(
        prepare(network.with_(open=shut), gas), np.where(served, load, 0.0), start=before
    ).pressure_pa[-1]
    eats = served & (load > 0)
    return IsolationPlan(
        close=order,
        also=found.also,
        fallback=fallback,
        isolated=found.isolated,
        lost=found.lost,
        relight=int((found.lost & (load > 0)).sum()),
        linepack_m3n=linepack_m3n(network, gas, pressure, found.isolated),
        lowest_pa=float(rest[eats].min()) if eats.any() else np.nan,
        starved=np.flatnonzero(eats & ~(rest >= least_pa)),
    )


def linepack_m3n(network: Network, gas: Gas, pressure_pa: np.ndarray, inside: np.ndarray) -> float:
    """Gas in the pipes whose both ends lie inside [m3 at 0 °C and 101,325 Pa]."""
    own = inside[network.head] & inside[network.tail] & network.open
    mean = (pressure_pa[network.head] + pressure_pa[network.tail])[own] / 2.0
    volume = np.pi * network.diameter_m[own] ** 2 / 4.0 * network.length_m[own]
    z = 1.0 + gas.compressibility_per_pa * mean
    temperature = np.broadcast_to(gas.temperature_k, own.shape)[own]
    return float(np.nansum(volume * mean / NORMAL_PA * NORMAL_K / temperature / z))


def words(plan: IsolationPlan, network: Network, *, people: float | None = None) -> Text:
    """Say a plan in a sentence for the duty desk.

    Parameters
    ----------
    plan : IsolationPlan
    network : Network
    people : float, optional
        Who loses gas, where nodes are not single customers.
    """
    names = [str(network.links[valve]) for valve in plan.close]
    stop = (
        Text(f"停气 {plan.relight} 处用气点", f"{plan.relight} points of use lose gas")
        if people is None
        else Text(f"停气约 {people:,.0f} 人", f"about {people:,.0f} people lose gas")
    )
    rest = plan.starved.size
    kept = (
        Text(f"；其余有 {rest} 处压力不足", f"; {rest} other places lack pressure")
        if rest
        else Text("；其余用户压力足够", "; the others keep their pressure")
    )
    return Text(
        f"依次关闭 {'、'.join(names) or '无'}；{stop.zh}，须逐户复点；"
        f"放散约 {plan.linepack_m3n:,.0f} Nm³{kept.zh}",
        f"close in this order: {', '.join(names) or 'none'}; {stop.en}, each to be relit; about "
        f"{plan.linepack_m3n:,.0f} Nm3 to vent{kept.en}",
    )
