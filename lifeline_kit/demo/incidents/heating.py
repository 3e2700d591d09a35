"""Incidents of the heating network."""

import numpy as np
import pandas as pd

from lifeline_kit.demo.incidents.happening import (
    END_H,
    Effect,
    Happening,
    draw_span,
    fall,
    near_sensor,
    outer,
    relaxed,
    rise,
    window,
)
from lifeline_kit.demo.sensors import thickest_pipe
from lifeline_kit.demo.truth import Event
from lifeline_kit.demo.world import World
from lifeline_kit.text import Text

_AFTER_H = 6.0  # how long an effect may fade after its end


def heat_leak(
    world: World, rng: np.random.Generator, key: str, *, open_: bool = False
) -> Happening:
    """Let a heating pipe leak: the plant makes up more water, pressure falls."""
    twin = world.heating
    net = twin.net
    node = near_sensor(world, twin.net, "heat_pressure", rng)
    start, end = draw_span(rng, 14.0, 50.0, open_=open_)
    size = float(np.exp(rng.uniform(np.log(1.5), np.log(14.0))))
    since, hours = window(world, "heat_pressure", start, min(end + _AFTER_H, END_H))
    shape = size * rise(hours, start, rng.uniform(0.5, 3.0)) * fall(hours, end, 0.4)
    at = world.of_role("heat_pressure")["node"].to_numpy()
    change, fed = twin.change(node, shape, since, at)
    # what the pressure holding at the plant lets slip until the make-up has caught up
    same = net.feed[at] == net.feed[node]
    change[same] -= 1.2 * shape
    rows = np.flatnonzero(np.abs(change).max(axis=1) > 0.05)
    plants = world.of_role("heat_makeup")["node"].to_numpy()
    plant = np.flatnonzero(np.searchsorted(net.sources, plants) == net.feed[node])
    flow_at = world.of_role("heat_flow")["node"].to_numpy()
    main = np.flatnonzero(flow_at == net.sources[net.feed[node]])
    event = Event(
        key=key,
        category="incident",
        lifeline="heating",
        kind="pipe_leak",
        asset=str(net.pipes.index[thickest_pipe(net)[node]]),
        sensors=(),
        start_h=start,
        end_h=end,
        size=size,
        unit="m3/h",
        note=Text("供热管道泄漏，补水量上升", "Heating pipe leak, make-up water rises"),
    )
    effects = (
        Effect("heat_makeup", plant, since, outer(np.ones(plant.size), shape)),
        Effect("heat_pressure", rows, since, change[rows]),
        Effect("heat_flow", main, since, fed[[net.feed[node]] * main.size]),
    )
    return Happening(event=event, effects=effects)


def substation_fault(world: World, rng: np.random.Generator, key: str) -> Happening:
    """Stick the valve of a substation nearly shut: its rooms cool slowly."""
    flows = world.of_role("heat_flow")
    own = flows["asset"].isin(world.of_role("heat_room")["asset"]).to_numpy()
    asset = str(flows["asset"].iloc[int(rng.choice(np.flatnonzero(own)))])
    return _cold(world, rng, key, pd.Index([asset]), kind="substation_fault", asset=asset)


def heat_outage(world: World, rng: np.random.Generator, key: str) -> Happening:
    """Let a heat plant fail: everything it serves cools."""
    net = world.heating.net
    rooms = world.of_role("heat_room")
    sources = np.unique(net.feed[rooms["node"].to_numpy()])
    source = int(rng.choice(sources))
    flows = world.of_role("heat_flow")
    served = flows["asset"][net.feed[flows["node"].to_numpy()] == source]
    plants = world.of_role("heat_makeup")
    at = np.searchsorted(net.sources, plants["node"].to_numpy()) == source
    return _cold(
        world, rng, key, pd.Index(served), kind="outage", asset=str(plants["asset"][at].iloc[0])
    )


def _cold(
    world: World, rng: np.random.Generator, key: str, assets: pd.Index, *, kind: str, asset: str
) -> Happening:
    start, end = draw_span(rng, 11.0, 22.0)
    size = float(rng.uniform(0.6, 0.9))  # share of the heat lost
    since, hours = window(world, "heat_flow", start, min(end + 36.0, END_H))
    shut = rise(hours, start, 0.4) * fall(hours, end, 0.5)
    effects = []
    for role, depth, tau in (
        ("heat_flow", None, 0.0),
        ("heat_return", 0.32, 2.0),
        ("heat_supply", 0.38 if kind == "outage" else 0.0, 4.0),
        ("heat_room", None, 26.0),
    ):
        rows = np.flatnonzero(world.of_role(role)["asset"].isin(assets).to_numpy())
        now = world.values[role][rows, since : since + hours.size]
        if role == "heat_flow":
            delta = -size * now * shut
        elif role == "heat_room":
            outside = world.air[since : since + hours.size]
            delta = relaxed(-size * (now - outside - 2.0) * shut, tau, 0.25)
        else:
            delta = relaxed(-(depth or 0.0) * size * now * shut, tau, 0.25)
        if rows.size:
            effects.append(Effect(role, rows, since, delta))
    note = (
        Text("热源故障，供热中断", "Heat plant failure, supply interrupted")
        if kind == "outage"
        else Text("换热站调节阀卡死，流量骤降", "Control valve of a substation stuck nearly shut")
    )
    event = Event(
        key=key,
        category="incident",
        lifeline="heating",
        kind=kind,
        asset=asset,
        sensors=(),
        start_h=start,
        end_h=end,
        size=size,
        unit="1",
        note=note,
    )
    return Happening(event=event, effects=tuple(effects))
