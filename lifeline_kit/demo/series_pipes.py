"""Undisturbed series of gas, water and heating: demand, linear hydraulics, instrument noise."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.signal import lfilter
from scipy.sparse import csgraph

from lifeline_kit.demo.hydraulics import LinearNetwork
from lifeline_kit.demo.layout import Layout
from lifeline_kit.demo.networks import Net
from lifeline_kit.demo.sensors import ROLES
from lifeline_kit.demo.weather import home_rhythm, red_noise, work_rhythm

Series = dict[str, np.ndarray]
GAS_OUTLET_KPA = 330.0
WATER_HEAD_KPA = 430.0
HEAT_HEAD_KPA = 650.0
# typical and largest pressure lost between source and node at mean demand [kPa]
_LOSS_KPA = {"gas": (35.0, 80.0), "water": (45.0, 120.0), "heating": (90.0, 260.0)}


@dataclass(frozen=True)
class Twin:
    """The working hydraulics of one network.

    Attributes
    ----------
    mean : array, (node,) [m3/h]
        Mean demand.
    groups : array, (node,)
        Zone of the node; the zone's demand moves together.
    """

    net: Net
    linear: LinearNetwork
    mean: np.ndarray
    groups: np.ndarray

    def influence(self, node: int) -> np.ndarray:
        """Return the pressure lost at every node per 1 m3/h taken out at `node` [kPa h/m3]."""
        demand = np.zeros(self.mean.size)
        demand[node] = 1.0
        return self.linear.drop(demand)


def twin_of(layout: Layout, lifeline: str, per_person: float) -> Twin:
    """Calibrate a network: conductances from diameter and length, scaled to plausible losses.

    Parameters
    ----------
    per_person : float [m3/h]
        Mean demand.
    """
    net = layout.nets[lifeline]
    diameter = net.pipes["diameter_mm"].to_numpy() / 1000.0
    mean = net.people * per_person
    # Hazen-Williams at the design velocity: loss per metre ~ d^-1.17, flow ~ d^2
    conductance = diameter**3.17 / np.maximum(net.streets.length, 10.0)
    linear = net.linear(conductance)
    drop = linear.drop(mean)
    typical, largest = _LOSS_KPA[lifeline]
    scale = max(np.median(drop) / typical, np.quantile(drop, 0.995) / largest)
    return Twin(net, net.linear(conductance * scale), mean, layout.ground.zone(net.streets.xy))


def demand_patterns(
    twin: Twin, hours: np.ndarray, *, homes: float, rng: np.random.Generator
) -> np.ndarray:
    """Draw the demand of each zone over its mean, (zone, time)."""
    zones = twin.groups.max() + 1
    step = hours[1] - hours[0]
    share = np.clip(rng.normal(homes, 0.1, (zones, 1)), 0.2, 0.95)
    base = share * home_rhythm(hours) + (1 - share) * work_rhythm(hours)
    slow = 0.025 * red_noise((zones, hours.size), tau_h=20.0, step_h=step, rng=rng)
    fast = 0.015 * red_noise((zones, hours.size), tau_h=1.0, step_h=step, rng=rng)
    return base / base.mean(axis=1, keepdims=True) * (1.0 + slow + fast)


def zone_drops(twin: Twin) -> np.ndarray:
    """Return the pressure lost per zone at its mean demand, (node, zone) [kPa]."""
    zones = twin.groups.max() + 1
    demand = np.zeros((twin.mean.size, zones))
    demand[np.arange(twin.mean.size), twin.groups] = twin.mean
    return twin.linear.drop(demand)


def metered_by(net: Net, nodes: np.ndarray) -> np.ndarray:
    """Return for every node the position in `nodes` of the nearest meter along the pipes."""
    weight = net.streets.matrix(net.streets.length)
    unique = np.unique(nodes)
    _, _, origin = csgraph.dijkstra(weight, indices=unique, min_only=True, return_predecessors=True)
    first = {node: k for k, node in reversed(list(enumerate(nodes.tolist())))}
    return np.array([first.get(node, -1) for node in origin.tolist()])


def group_flow(twin: Twin, owner: np.ndarray, n: int, patterns: np.ndarray) -> np.ndarray:
    """Return the demand of the nodes that each of `n` meters counts, (meter, time) [m3/h]."""
    counted = owner >= 0
    share = sparse.coo_array(
        (twin.mean[counted], (owner[counted], twin.groups[counted])), shape=(n, patterns.shape[0])
    ).toarray()
    return share @ patterns


def noisy(role: str, clean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add the instrument's white noise to clean series."""
    return clean + ROLES[role].noise * rng.standard_normal(clean.shape)


def gas_series(
    twin: Twin,
    sensors: pd.DataFrame,
    hours: np.ndarray,
    air: np.ndarray,
    *,
    rng: np.random.Generator,
) -> Series:
    """Simulate gas pressure, station flow and background methane."""
    patterns = demand_patterns(twin, hours, homes=0.55, rng=rng)
    role = sensors.groupby("role")["node"]
    at = role.get_group("gas_pressure").to_numpy()
    stations = role.get_group("gas_outlet").to_numpy()
    control = 2.0 * red_noise((twin.net.sources.size, hours.size), tau_h=8.0, step_h=0.25, rng=rng)
    outlet = GAS_OUTLET_KPA + control
    drops = zone_drops(twin)
    owner = twin.net.feed
    source_of = np.searchsorted(twin.net.sources, stations)
    methane_rows = (sensors["role"] == "gas_space").sum()
    return {
        "gas_pressure": noisy("gas_pressure", outlet[owner[at]] - drops[at] @ patterns, rng),
        "gas_outlet": noisy("gas_outlet", outlet[source_of], rng),
        "gas_flow": noisy(
            "gas_flow", group_flow(twin, owner, twin.net.sources.size, patterns)[source_of], rng
        ),
        "gas_space": _background_methane(methane_rows, air, rng),
    }


def _background_methane(n: int, air: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Most spaces are clean; in some a little sewer gas follows the warmth, a few hours late."""
    warm = lfilter([0.02], [1.0, -0.98], air - air[0]) + air[0]
    sewer = np.where(rng.random(n) < 0.3, rng.gamma(1.5, 0.03, n), 0.0)
    slow = red_noise((n, air.size), tau_h=24.0, step_h=0.25, rng=rng)
    level = sewer[:, None] * np.exp(0.08 * (warm - 12.0) + 0.3 * slow)
    return noisy("gas_space", level, rng)


def water_series(
    twin: Twin,
    sensors: pd.DataFrame,
    hours: np.ndarray,
    height: np.ndarray,
    *,
    rng: np.random.Generator,
) -> Series:
    """Simulate water pressure, flow, turbidity and chlorine.

    Parameters
    ----------
    height : array, (node,) [m]
    """
    patterns = demand_patterns(twin, hours, homes=0.65, rng=rng)
    role = sensors.groupby("role")["node"]
    at = role.get_group("water_pressure").to_numpy()
    meters = role.get_group("water_flow").to_numpy()
    quality = role.get_group("water_turbidity").to_numpy()
    night = np.where((hours % 24 < 5) | (hours % 24 > 23), -12.0, 0.0)
    night = np.convolve(np.pad(night, 4, mode="edge"), np.ones(9) / 9, mode="valid")
    plant = (
        WATER_HEAD_KPA
        + night
        + 2.0 * red_noise((twin.net.sources.size, hours.size), tau_h=6.0, step_h=0.25, rng=rng)
    )
    drops = zone_drops(twin)
    static = -9.81 * (height[at] - height.mean())
    pressure = plant[twin.net.feed[at]] + static[:, None] - drops[at] @ patterns
    local = 1.2 * red_noise((at.size, hours.size), tau_h=2.0, step_h=0.25, rng=rng)
    flow = group_flow(twin, metered_by(twin.net, meters), meters.size, patterns)
    own = 1.0 + 0.01 * red_noise(flow.shape, tau_h=0.6, step_h=0.25, rng=rng)
    age = twin.net.distance[quality] / 1800.0  # hours since the plant at 0.5 m/s
    feed = twin.net.feed[quality]
    raw = red_noise((twin.net.sources.size, hours.size), tau_h=30.0, step_h=0.25, rng=rng)
    turbidity = (0.16 + rng.gamma(2.0, 0.03, quality.size))[:, None] * np.exp(0.15 * raw[feed])
    chlorine = 0.75 * np.exp(-age / 14.0)[:, None] * (1.0 + 0.04 * raw[feed])
    return {
        "water_pressure": noisy("water_pressure", np.maximum(pressure + local, 5.0), rng),
        "water_flow": noisy("water_flow", flow * own, rng),
        "water_turbidity": noisy("water_turbidity", turbidity, rng),
        "water_chlorine": noisy("water_chlorine", np.maximum(chlorine, 0.12), rng),
    }


def heating_series(
    twin: Twin,
    sensors: pd.DataFrame,
    hours: np.ndarray,
    air: np.ndarray,
    *,
    rng: np.random.Generator,
) -> Series:
    """Simulate the heating network: weather-led supply, pressures, make-up, rooms."""
    role = sensors.groupby("role")["node"]
    at = role.get_group("heat_supply").to_numpy()
    rooms = role.get_group("heat_room").to_numpy()
    plants = role.get_group("heat_makeup").to_numpy()
    net = twin.net
    slow_air = lfilter([0.06], [1.0, -0.94], air - air[0]) + air[0]
    load = np.clip((19.0 - slow_air) / 16.0, 0.15, 1.3)
    control = 0.5 * red_noise((net.sources.size, hours.size), tau_h=5.0, step_h=0.25, rng=rng)
    supply = 62.0 + 38.0 * load + control
    loss = 1.2 * net.distance[at] / 1000.0
    own = 0.4 * red_noise((at.size, hours.size), tau_h=4.0, step_h=0.25, rng=rng)
    supply_at = supply[net.feed[at]] - loss[:, None] + own
    spread = (rng.uniform(20.0, 27.0, at.size))[:, None] * (0.4 + 0.6 * load)
    is_plant = np.isin(at, net.sources)
    size = np.where(is_plant, 0.0, rng.uniform(40.0, 160.0, at.size))
    size[is_plant] = np.bincount(net.feed, weights=net.people)[net.feed[at[is_plant]]] * 0.004
    swing = 1.0 + 0.06 * (home_rhythm(hours) - 1.0)
    flow = size[:, None] * (0.75 + 0.25 * load) * swing
    head = HEAT_HEAD_KPA + 3.0 * red_noise(
        (net.sources.size, hours.size), tau_h=12.0, step_h=0.25, rng=rng
    )
    drop = twin.linear.drop(twin.mean)[at]
    pressure = head[net.feed[at]] - drop[:, None] * (0.75 + 0.25 * load) * swing
    comfort = rng.normal(21.2, 0.6, rooms.size)[:, None]
    warm = 0.5 * np.sin(2 * np.pi * (hours - 11.0) / 24) + 0.05 * (slow_air - 11.0)
    wander = 0.25 * red_noise((rooms.size, hours.size), tau_h=10.0, step_h=0.25, rng=rng)
    filled = np.bincount(net.feed, weights=net.people)[np.searchsorted(net.sources, plants)]
    makeup = (0.6 + filled * 2.0e-6)[:, None] * (
        1.0 + 0.12 * red_noise((plants.size, hours.size), tau_h=6.0, step_h=0.25, rng=rng)
    )
    return {
        "heat_supply": noisy("heat_supply", supply_at, rng),
        "heat_return": noisy("heat_return", supply_at - spread + 0.5 * own, rng),
        "heat_pressure": noisy("heat_pressure", pressure, rng),
        "heat_flow": noisy("heat_flow", flow * (1 + 0.005 * own), rng),
        "heat_makeup": noisy("heat_makeup", makeup, rng),
        "heat_room": noisy("heat_room", comfort + warm + wander, rng),
        "air": noisy("air", air[None, :], rng),
    }
