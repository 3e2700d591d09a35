"""Readings of the resized Schutterwald heating network, simulated: flows, pressures, make-up.

Substations draw 0.6-1.0 of their design flow together and differ by 15 % (lognormal); their meters
err by 2 %, gauges by 0.02 bar, the plant's meters by 0.5 %. True pipes are not those assumed: the
roughness of each is off by 30 % (lognormal). Make-up replaces what leaks and what the water shrinks
by while it cools, follows a slow wandering of its own and is metered with noise. None of it is
fitted to anything; what estimates is handed readings alone.
"""

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from lifeline_kit.bench.schutterwald import Town, town
from lifeline_kit.lifelines.heating.leaks import Side
from lifeline_kit.methods.hydraulics import Network, prepare, solve, water
from lifeline_kit.methods.hydraulics.fluids import water_density
from lifeline_kit.methods.hydraulics.heat import (
    filled,
    insulation_loss,
    pipework,
    travel,
    wall_share,
)
from lifeline_kit.methods.localise import Gauges

SHARE_FLOW, GAUGE_PA, METER_SHARE, ROUGH = 0.02, 2000.0, 0.005, 0.3
BACK_PA, GROUND_C, STEP_S = 3.0e5, 10.0, 300.0
_MAKEUP_KG_S, _WANDER_KG_S, _WANDER_H, _METER_KG_S = 0.05, 0.015, 3.0, 0.02


@dataclass(frozen=True)
class Place:
    """The network as assumed, and as it truly is.

    Attributes
    ----------
    known, true : (supply, return)
    """

    town: Town
    known: tuple[Side, Side]
    true: tuple[Side, Side]
    gauges: Gauges


def place(rng: np.random.Generator) -> Place:
    """Draw the true roughness of the pipes."""
    where = town("heat")
    network = where.network
    true = network.with_(
        roughness_m=network.roughness_m * rng.lognormal(0.0, ROUGH, network.links.size)
    )
    gauges = Gauges(
        sensors=np.flatnonzero(where.load_kg_s > 0),
        pressure_pa=GAUGE_PA,
        inflow_share=METER_SHARE,
        load_share=SHARE_FLOW,
    )
    return Place(where, _sides(network), _sides(true), gauges)


def _sides(network: Network) -> tuple[Side, Side]:
    back = network.with_(source_pa=np.full(network.sources.size, BACK_PA))
    return (
        Side(prepare(network, water(80.0), friction="colebrook")),
        Side(prepare(back, water(45.0), friction="colebrook"), returning=True),
    )


def leak_readings(
    where: Place, node: int, leak_kg_s: float, side: int, samples: int, rng: np.random.Generator
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Metered flows (sample, node), and readings of supply and return (sample, sensor + 1)."""
    nodes = where.town.load_kg_s.size
    taken = where.town.load_kg_s * rng.uniform(0.6, 1.0, (samples, 1))
    taken = taken * rng.lognormal(0.0, 0.15, (samples, nodes))
    seen = []
    for k, one in enumerate(where.true):
        load = one.load(taken).copy()
        if k == side:
            load[:, node] += leak_kg_s
        flow = solve(one.hydraulics, load)
        pressure = flow.pressure_pa[:, where.gauges.sensors]
        pressure = pressure + rng.normal(0.0, GAUGE_PA, pressure.shape)
        inflow = load.sum(axis=1) * (1.0 + rng.normal(0.0, METER_SHARE, samples))
        seen.append(np.column_stack([pressure, inflow]))
    metered = taken * (1.0 + rng.normal(0.0, SHARE_FLOW, taken.shape))
    return metered, (seen[0], seen[1])


@dataclass(frozen=True)
class MakeUp:
    """A run of the make-up plant, arrays (time,).

    Attributes
    ----------
    time_s : [s]
    makeup_kg_s : metered [kg/s]
    supply_c, return_c : at the plant [degC]
    circulating_kg_s : [kg/s]
    volume_m3 : float [m3]
        Water in the pipes, both sides.
    """

    time_s: np.ndarray
    makeup_kg_s: np.ndarray
    supply_c: np.ndarray
    return_c: np.ndarray
    circulating_kg_s: np.ndarray
    volume_m3: float


def makeup_run(
    days: float, rng: np.random.Generator, *, leak_share: float = 0.0, leak_at_s: float = 0.0
) -> MakeUp:
    """Simulate weather-led days of five-minute steps, with what the water in the pipes weighs.

    `leak_share` is of the mean circulating water.
    """
    where = town("heat")
    net = where.network
    steps = int(days * 86_400 / STEP_S)
    time = (np.arange(steps) + 0.5) * STEP_S
    hour = time / 3600.0
    air = 2.0 + 5.0 * np.sin(2 * np.pi * (hour - 9.0) / 24.0) + 3.0 * _red(steps, 30.0, rng)
    supply = np.clip(95.0 - 1.5 * air, 60.0, 110.0) + 1.5 * _red(steps, 1.0, rng)
    night = (hour % 24 > 22) | (hour % 24 < 5)
    supply = supply - 8.0 * _smooth(night.astype(float), 6)  # set back at night, in half an hour
    share = 0.75 + 0.15 * np.sin(2 * np.pi * (hour - 7.0) / 24.0) + 0.03 * _red(steps, 2.0, rng)
    taken = share[:, None] * where.load_kg_s
    loss = insulation_loss(net.diameter_m, np.full(net.links.size, 0.045), 0.03) * net.length_m
    tubes = pipework(
        net.head,
        net.tail,
        length_m=net.length_m,
        diameter_m=net.diameter_m,
        loss_w_k=loss,
        wall=wall_share(net.diameter_m, 0.004),
    )
    flow = solve(prepare(net, water(70.0)), taken, tolerance_pa=10.0, tolerance_kg_s=1e-5).flow_kg_s
    fed = np.zeros_like(taken)
    fed[:, net.sources] = taken.sum(axis=1, keepdims=True)
    warm = np.repeat(supply[:, None], taken.shape[1], axis=1)
    clock = {"ground_c": GROUND_C, "start_s": 0.0, "step_s": STEP_S}
    _, out = travel(filled(tubes, supply[0]), tubes, flow, fed, warm, **clock)
    used = out - (32.0 - 0.4 * air[:, None])
    home = tubes.turned()
    _, back = travel(filled(home, float(used[0].mean())), home, flow, taken, used, **clock)
    # each pipe weighs as the mean of its ends; what it loses by warming the plant lets out
    bore = np.pi * net.diameter_m**2 / 4.0 * net.length_m
    mass = np.zeros(steps)
    for node in (out, back):
        middle = 0.5 * (node[:, net.head] + node[:, net.tail])
        mass += (water_density(middle) * bore).sum(axis=1)
    shrinking = np.gradient(mass, STEP_S)
    wander = _WANDER_KG_S * _red(steps, _WANDER_H, rng)
    leaking = np.where(time >= leak_at_s, leak_share * taken.sum(axis=1).mean(), 0.0)
    makeup = _MAKEUP_KG_S + wander + shrinking + leaking + _METER_KG_S * rng.standard_normal(steps)
    return MakeUp(
        time,
        makeup,
        supply + rng.normal(0.0, 0.1, steps),
        back[:, net.sources[0]] + rng.normal(0.0, 0.1, steps),
        taken.sum(axis=1),
        float(2.0 * bore.sum()),
    )


def _red(steps: int, tau_h: float, rng: np.random.Generator) -> np.ndarray:
    keep = np.exp(-STEP_S / 3600.0 / tau_h)
    shocks = rng.standard_normal(steps)
    shocks[1:] *= np.sqrt(1 - keep**2)
    return lfilter([1.0], [1.0, -keep], shocks)


def _smooth(values: np.ndarray, width: int) -> np.ndarray:
    return np.convolve(np.pad(values, width, mode="edge"), np.ones(width) / width, "same")[
        width:-width
    ]
