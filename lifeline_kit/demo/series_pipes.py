"""Demand of pipe networks, and the undisturbed series of water: linear hydraulics, noise."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse import csgraph

from lifeline_kit.demo.hydraulics import LinearNetwork
from lifeline_kit.demo.layout import Layout
from lifeline_kit.demo.networks import Net
from lifeline_kit.demo.sensors import ROLES
from lifeline_kit.demo.weather import home_rhythm, red_noise, work_rhythm

Series = dict[str, np.ndarray]
WATER_HEAD_KPA = 430.0
# typical and largest pressure lost between source and node at mean demand [kPa]
_LOSS_KPA = {"water": (45.0, 120.0)}


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
    groups: np.ndarray, hours: np.ndarray, *, homes: float, rng: np.random.Generator
) -> np.ndarray:
    """Draw the demand of each zone over its mean, (zone, time)."""
    zones = groups.max() + 1
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
    patterns = demand_patterns(twin.groups, hours, homes=0.65, rng=rng)
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
