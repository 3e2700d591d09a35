"""Incidents of bridges, roads and metro tunnels."""

import numpy as np

from lifeline_kit.demo.incidents.happening import (
    END_H,
    Effect,
    Happening,
    draw_span,
    outer,
    rise,
    window,
)
from lifeline_kit.demo.truth import Event
from lifeline_kit.demo.world import World
from lifeline_kit.text import Text


def support_settlement(world: World, rng: np.random.Generator, key: str) -> Happening:
    """Let a support settle: strain shifts within hours and stays."""
    decks = world.of_role("bridge_deflection")
    deck = int(rng.integers(len(decks)))
    asset = str(decks["asset"].iloc[deck])
    rows = np.flatnonzero((world.of_role("bridge_strain")["asset"] == asset).to_numpy())
    size = float(rng.uniform(15.0, 60.0)) * float(rng.choice([-1.0, 1.0]))
    start, _ = draw_span(rng, 240.0, 500.0)
    since, hours = window(world, "bridge_strain", start, END_H)
    shape = size * rise(hours, start, rng.uniform(0.5, 6.0))
    pattern = rng.permutation([1.0, 0.6, -0.35, 0.2])[: rows.size]
    event = Event(
        key=key,
        category="incident",
        lifeline="bridges",
        kind="support_settlement",
        asset=asset,
        sensors=(),
        start_h=start,
        end_h=END_H,
        size=abs(size),
        unit="um/m",
        note=Text("支座沉降，应变持续偏移", "Support settlement, lasting shift of strain"),
    )
    effects = (
        Effect("bridge_strain", rows, since, outer(pattern, shape)),
        Effect("bridge_deflection", np.array([deck]), since, 0.06 * np.abs(shape)[None, :]),
    )
    return Happening(event=event, effects=effects)


def overload(world: World, rng: np.random.Generator, key: str) -> Happening:
    """Send a truck of 90-120 t over a deck: one 10-min maximum, a short answer of the deck."""
    scales = world.of_role("bridge_weight")
    row = int(rng.integers(len(scales)))
    asset = scales["asset"].iloc[row]
    hours = world.hours("bridge_weight")
    k = int(rng.integers(800, hours.size - 12))
    size = float(rng.uniform(90.0, 120.0))
    now = world.values["bridge_weight"][row, k]
    strain = np.flatnonzero((world.of_role("bridge_strain")["asset"] == asset).to_numpy())
    event = Event(
        key=key,
        category="incident",
        lifeline="bridges",
        kind="overload",
        asset=str(asset),
        sensors=(),
        start_h=float(hours[k]) - 1 / 6,  # a 10-min maximum is stamped at its end
        end_h=float(hours[k]),
        size=size,
        unit="t",
        note=Text("超重车辆过桥", "Overweight truck on the bridge"),
    )
    effects = (
        Effect("bridge_weight", np.array([row]), k, np.array([[size - now]])),
        Effect("bridge_strain", strain, k, np.full((strain.size, 1), 0.05 * size)),
        Effect("bridge_deflection", np.array([row]), k, np.array([[0.04 * size]])),
    )
    return Happening(event=event, effects=effects)


def road_void(
    world: World,
    rng: np.random.Generator,
    key: str,
    *,
    row: int | None = None,
    start_h: float | None = None,
    caused_by: str = "",
) -> Happening:
    """Wash out the ground below a road: it sinks faster and faster, then stays."""
    sensors = world.of_role("road_settlement")
    row = int(rng.integers(len(sensors))) if row is None else row
    start, end = draw_span(rng, 110.0, 220.0)
    if start_h is not None:
        start, end = start_h, min(start_h + end - start, END_H)
    size = float(rng.uniform(7.0, 28.0))
    since, hours = window(world, "road_settlement", start, END_H)
    xy = world.xy("road_settlement")
    away = np.hypot(*(xy - xy[row]).T)
    rows = np.flatnonzero(away < 120.0)
    shape = -size * np.clip((hours - start) / (end - start), 0.0, 1.0) ** 1.6
    event = Event(
        key=key,
        category="incident",
        lifeline="roads",
        kind="void",
        asset=str(sensors["asset"].iloc[row]),
        sensors=(),
        start_h=start,
        end_h=end,
        size=size,
        unit="mm",
        caused_by=caused_by,
        note=Text("路基脱空，路面下沉", "Void below the road, surface sinking"),
    )
    return Happening(
        event=event,
        effects=(Effect("road_settlement", rows, since, outer(np.exp(-away[rows] / 60.0), shape)),),
    )


def tunnel_movement(
    world: World, rng: np.random.Generator, key: str, *, role: str, open_: bool = False
) -> Happening:
    """Deform a tunnel faster and faster over days, along some hundred metres."""
    sensors = world.of_role(role)
    row = int(rng.integers(len(sensors)))
    start, end = draw_span(rng, 150.0, 300.0, open_=open_)
    narrow = role == "tunnel_convergence"
    size = float(rng.uniform(5.0, 14.0) if narrow else -rng.uniform(5.0, 12.0))
    since, hours = window(world, role, start, END_H)
    xy = world.xy(role)
    away = np.hypot(*(xy - xy[row]).T)
    rows = np.flatnonzero(away < 450.0)
    shape = size * np.clip((hours - start) / (end - start), 0.0, 1.0) ** 1.8
    event = Event(
        key=key,
        category="incident",
        lifeline="rail",
        kind="convergence" if narrow else "settlement",
        asset=str(sensors["asset"].iloc[row]),
        sensors=(),
        start_h=start,
        end_h=end,
        size=abs(size),
        unit="mm",
        note=Text("隧道收敛加速", "Tunnel convergence accelerating")
        if narrow
        else Text("邻近施工引起隧道沉降", "Tunnel settling beside a construction site"),
    )
    return Happening(
        event=event,
        effects=(Effect(role, rows, since, outer(np.exp(-((away[rows] / 220.0) ** 2)), shape)),),
    )
