"""Undisturbed series of heating: weather-led supply that travels, pressures solved, rooms."""

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.signal import lfilter
from scipy.spatial import KDTree

from lifeline_kit.demo.layout import Layout
from lifeline_kit.demo.series_pipes import Series, noisy
from lifeline_kit.demo.twins import NetworkTwin, network_twin
from lifeline_kit.demo.weather import home_rhythm, red_noise
from lifeline_kit.methods.hydraulics.heat import (
    Pipework,
    filled,
    insulation_loss,
    pipework,
    travel,
    wall_share,
)

HEAD_KPA = 650.0
_M3_H_PER_PERSON = 0.004
_SERVED_M = 350.0  # radius of a substation
_GROUND_C = 12.0
# thickness and conductivity of insulation: pre-insulated (EN 253), and mineral wool in a channel
_INSULATION = {"pre-insulated steel": (0.045, 0.027), "steel, mineral wool": (0.05, 0.055)}
_CHUNK = 480  # steps of travelling water held in memory at once


def heating_twin(
    layout: Layout,
    sensors: pd.DataFrame,
    hours: np.ndarray,
    air: np.ndarray,
    *,
    rng: np.random.Generator,
) -> NetworkTwin:
    """Draw the month's demand and head; a metered substation serves the nodes around it."""
    net = layout.nets["heating"]
    metered = sensors.loc[sensors["role"] == "heat_flow", "node"].to_numpy()
    own = np.unique(metered[~np.isin(metered, net.sources)])
    xy = net.streets.xy
    away, nearest = KDTree(xy[own]).query(xy)
    served = np.where(away < _SERVED_M, own[nearest], np.arange(len(xy)))
    mean = np.bincount(served, weights=net.people * _M3_H_PER_PERSON, minlength=len(xy))
    twin = network_twin(layout, "heating", mean, HEAD_KPA)
    load = heat_load(air)
    swing = 1.0 + 0.06 * (home_rhythm(hours) - 1.0)
    head = HEAD_KPA + 3.0 * red_noise(
        (net.sources.size, hours.size), tau_h=12.0, step_h=0.25, rng=rng
    )
    shape = (0.75 + 0.25 * load) * swing
    return replace(twin, loads=twin.kg_s(mean)[None, :] * shape[:, None], source_kpa=head.T)


def heat_load(air: np.ndarray) -> np.ndarray:
    """Heat asked for over the design load, led by the slow air temperature."""
    return np.clip((19.0 - slow_air(air)) / 16.0, 0.15, 1.3)


def slow_air(air: np.ndarray) -> np.ndarray:
    """Air temperature as buildings feel it [degC]."""
    return lfilter([0.06], [1.0, -0.94], air - air[0]) + air[0]


def heating_series(
    twin: NetworkTwin,
    sensors: pd.DataFrame,
    hours: np.ndarray,
    air: np.ndarray,
    *,
    rng: np.random.Generator,
) -> Series:
    """Simulate the heating network: supply, return, pressures, make-up, rooms."""
    role = sensors.groupby("role")["node"]
    at = role.get_group("heat_supply").to_numpy()
    rooms = role.get_group("heat_room").to_numpy()
    plants = role.get_group("heat_makeup").to_numpy()
    net, load = twin.net, heat_load(air)
    pressure, fed = twin.readings(twin.loads, twin.source_kpa, at)
    own = 0.4 * red_noise((at.size, hours.size), tau_h=4.0, step_h=0.25, rng=rng)
    control = 0.5 * red_noise((net.sources.size, hours.size), tau_h=5.0, step_h=0.25, rng=rng)
    sent = 62.0 + 38.0 * load + control
    taken = rng.uniform(20.0, 27.0, net.people.size)[:, None] * (0.4 + 0.6 * load)
    supply, back = travelled(twin, sent, taken, at)
    is_plant = np.isin(at, net.sources)
    flow = twin.loads[:, at].T * 3600.0 / twin.density
    flow[is_plant] = fed[np.searchsorted(net.sources, at[is_plant])]
    comfort = rng.normal(21.2, 0.6, rooms.size)[:, None]
    warm = 0.5 * np.sin(2 * np.pi * (hours - 11.0) / 24) + 0.05 * (slow_air(air) - 11.0)
    wander = 0.25 * red_noise((rooms.size, hours.size), tau_h=10.0, step_h=0.25, rng=rng)
    filled_by = np.bincount(net.feed, weights=net.people)[np.searchsorted(net.sources, plants)]
    makeup = (0.6 + filled_by * 2.0e-6)[:, None] * (
        1.0 + 0.12 * red_noise((plants.size, hours.size), tau_h=6.0, step_h=0.25, rng=rng)
    )
    return {
        "heat_supply": noisy("heat_supply", supply + np.where(is_plant[:, None], 0, own), rng),
        "heat_return": noisy("heat_return", back + 0.5 * own, rng),
        "heat_pressure": noisy("heat_pressure", pressure, rng),
        "heat_flow": noisy("heat_flow", flow * (1 + 0.005 * own), rng),
        "heat_makeup": noisy("heat_makeup", makeup, rng),
        "heat_room": noisy("heat_room", comfort + warm + wander, rng),
        "air": noisy("air", air[None, :], rng),
    }


def travelled(
    twin: NetworkTwin, sent: np.ndarray, taken: np.ndarray, at: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Let supply travel to every consumer and what they leave travel back.

    Parameters
    ----------
    sent : array, (source, time) [degC]
    taken : array, (node, time) [K]
        By which consumers cool the water.
    at : int array, (sensor,)
        Nodes; of a plant the return is what comes back to it, of a consumer what it leaves.

    Returns
    -------
    two arrays, (sensor, time) [degC]
    """
    net, tubes = twin.net, _tubes(twin)
    home = tubes.turned()
    out, back = filled(tubes, float(sent.mean())), filled(home, float(sent.mean()) - 20.0)
    clock = {"ground_c": _GROUND_C, "step_s": 900.0}
    is_plant = np.isin(at, net.sources)
    supply, left = np.empty((2, at.size, sent.shape[1]))
    for first in range(0, sent.shape[1], _CHUNK):
        rows = slice(first, min(first + _CHUNK, sent.shape[1]))
        flows = np.concatenate(
            [flow.flow_kg_s for _, flow in twin.solved(twin.loads[rows], twin.source_kpa[rows])]
        )
        fed, warm = np.zeros_like(twin.loads[rows]), np.zeros_like(twin.loads[rows])
        np.add.at(fed.T, tubes.head, np.maximum(flows, 0).T)
        np.add.at(fed.T, tubes.tail, np.maximum(-flows, 0).T)
        fed[:, np.setdiff1d(np.arange(fed.shape[1]), net.sources)] = 0.0
        warm[:, net.sources] = sent[:, rows].T
        start = first * 900.0
        out, reached = travel(out, tubes, flows, fed, warm, start_s=start, **clock)
        used = reached - taken[:, rows].T
        back, returned = travel(back, home, flows, twin.loads[rows], used, start_s=start, **clock)
        supply[:, rows] = reached[:, at].T
        left[:, rows] = np.where(is_plant[:, None], returned[:, at].T, used[:, at].T)
    return supply, left


def _tubes(twin: NetworkTwin) -> Pipework:
    net = twin.net
    bore = net.pipes["diameter_mm"].to_numpy() / 1000.0
    thick, conducts = np.array([_INSULATION[m] for m in net.pipes["material"]]).T
    return pipework(
        net.streets.head,
        net.streets.tail,
        length_m=net.streets.length,
        diameter_m=bore,
        loss_w_k=insulation_loss(bore, thick, conducts) * net.streets.length,
        wall=wall_share(bore, 0.004),
    )
