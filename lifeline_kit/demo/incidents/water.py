"""Incidents of the water network, and a draw that is none."""

import numpy as np

from lifeline_kit.demo.incidents.happening import (
    END_H,
    Effect,
    Happening,
    draw_span,
    fall,
    near_sensor,
    outer,
    rise,
    window,
)
from lifeline_kit.demo.sensors import thickest_pipe
from lifeline_kit.demo.series_pipes import Twin, metered_by
from lifeline_kit.demo.truth import Event
from lifeline_kit.demo.world import World
from lifeline_kit.text import Text


def _water_effects(world: World, node: int, flow: np.ndarray, since: int) -> tuple[Effect, ...]:
    """Show a draw of water over time: pressure falls by influence, the zone's meter counts it."""
    twin = world.water
    at = world.of_role("water_pressure")["node"].to_numpy()
    lost = -twin.influence(node)[at]
    rows = np.flatnonzero(np.abs(lost) * np.abs(flow).max() > 0.3)
    meters = world.of_role("water_flow")["node"].to_numpy()
    meter = metered_by(twin.net, meters)[node]
    effects = [Effect("water_pressure", rows, since, outer(lost[rows], flow))] if rows.size else []
    if meter >= 0:
        effects.append(Effect("water_flow", np.array([meter]), since, flow[None, :]))
    return tuple(effects)


def burst(world: World, rng: np.random.Generator, key: str) -> Happening:
    """Burst a water main: abrupt, until it is shut off."""
    twin = world.water
    node = near_sensor(world, twin.net, "water_pressure", rng)
    start, end = draw_span(rng, 3.0, 12.0)
    size = float(np.clip(rng.uniform(25.0, 130.0) / twin.influence(node)[node], 80.0, 900.0))
    since, hours = window(world, "water_pressure", start, end + 1.0)
    flow = size * rise(hours, start, 0.2) * fall(hours, end, 0.15)
    return Happening(
        event=_water_event(
            twin, node, key, "burst", (start, end), size, Text("水管爆裂", "Main burst")
        ),
        effects=_water_effects(world, node, flow, since),
    )


def slow_leak(
    world: World,
    rng: np.random.Generator,
    key: str,
    *,
    node: int | None = None,
    start_h: float | None = None,
) -> Happening:
    """Open a leak that grows over days."""
    twin = world.water
    if node is None:
        node = near_sensor(world, twin.net, "water_pressure", rng)
    start, end = draw_span(rng, 150.0, 330.0)
    if start_h is not None:
        start, end = start_h, min(start_h + end - start, END_H)
    size = float(np.clip(rng.uniform(6.0, 30.0) / twin.influence(node)[node], 20.0, 110.0))
    since, hours = window(world, "water_pressure", start, min(end + 2.0, END_H))
    flow = size * rise(hours, start, rng.uniform(40.0, 110.0)) * fall(hours, end, 0.3)
    return Happening(
        event=_water_event(
            twin,
            node,
            key,
            "slow_leak",
            (start, end),
            size,
            Text("暗漏，缓慢发展", "Hidden leak growing slowly"),
        ),
        effects=_water_effects(world, node, flow, since),
    )


def hydrant(world: World, rng: np.random.Generator, key: str) -> Happening:
    """Draw water from a hydrant for about an hour: a decoy."""
    twin = world.water
    node = near_sensor(world, twin.net, "water_pressure", rng)
    start, end = draw_span(rng, 0.75, 1.75)
    size = float(np.clip(20.0 / twin.influence(node)[node], 40.0, 140.0))
    since, hours = window(world, "water_pressure", start, end + 0.5)
    flow = size * rise(hours, start, 0.1) * fall(hours, end, 0.05)
    event = _water_event(
        twin,
        node,
        key,
        "hydrant",
        (start, end),
        size,
        Text("消火栓取水（正常作业）", "Hydrant in use (normal work)"),
    )
    return Happening(event=event, effects=_water_effects(world, node, flow, since))


def _water_event(
    twin: Twin,
    node: int,
    key: str,
    kind: str,
    span: tuple[float, float],
    size: float,
    note: Text,
) -> Event:
    pipe = twin.net.pipes.index[thickest_pipe(twin.net)[node]]
    return Event(
        key=key,
        category="decoy" if kind == "hydrant" else "incident",
        lifeline="water",
        kind=kind,
        asset=str(pipe),
        sensors=(),
        start_h=span[0],
        end_h=span[1],
        size=size,
        unit="m3/h",
        note=note,
        place=tuple(twin.net.streets.xy[node].tolist()),
    )


def pump_outage(world: World, rng: np.random.Generator, key: str) -> Happening:
    """Stop a booster pump: pressure around it falls, its meter shows next to nothing."""
    twin = world.water
    meters = world.of_role("water_flow")
    pumps = np.flatnonzero(meters["asset"].str.startswith("W-S").to_numpy())
    row = int(rng.choice(pumps))
    node = int(meters["node"].iloc[row])
    start, end = draw_span(rng, 1.5, 5.0)
    since, hours = window(world, "water_flow", start, end + 1.0)
    carried = world.values["water_flow"][row, since : since + hours.size]
    shape = rise(hours, start, 0.1) * fall(hours, end, 0.25)
    lost_flow = float(min(carried.mean() * 0.7, 110.0 / twin.influence(node)[node]))
    at = world.of_role("water_pressure")["node"].to_numpy()
    lost = -twin.influence(node)[at] * lost_flow
    rows = np.flatnonzero(lost < -0.5)
    event = Event(
        key=key,
        category="incident",
        lifeline="water",
        kind="pump_outage",
        asset=str(meters["asset"].iloc[row]),
        sensors=(),
        start_h=start,
        end_h=end,
        size=lost_flow,
        unit="m3/h",
        note=Text("加压泵停机", "Booster pump stopped"),
    )
    effects = (
        Effect("water_flow", np.array([row]), since, -0.95 * (carried * shape)[None, :]),
        Effect("water_pressure", rows, since, outer(lost[rows], shape)),
    )
    return Happening(event=event, effects=effects)


def turbidity(world: World, rng: np.random.Generator, key: str) -> Happening:
    """Send cloudy water from a plant through its zone; it uses up chlorine."""
    twin = world.water
    quality = world.of_role("water_turbidity")["node"].to_numpy()
    feed = twin.net.feed[quality]
    source = int(rng.choice(np.unique(feed)))
    rows = np.flatnonzero(feed == source)
    size = float(rng.uniform(1.4, 6.0))
    start, end = draw_span(rng, 8.0, 20.0)
    arrival = twin.net.distance[quality[rows]] / 1800.0
    since, hours = window(world, "water_turbidity", start, min(end + 30.0, END_H))
    late = np.maximum(hours[None, :] - start - arrival[:, None], 0.0)
    tau = (end - start) / 5.0
    shape = late / tau * np.exp(1.0 - late / tau) * np.exp(-arrival[:, None] / 12.0)
    chlorine = world.values["water_chlorine"][rows, since : since + hours.size]
    plants = world.layout.assets
    plants = plants[(plants["lifeline"] == "water") & (plants["kind"] == "plant")]
    event = Event(
        key=key,
        category="incident",
        lifeline="water",
        kind="turbidity",
        asset=str(plants.index[source]),
        sensors=(),
        start_h=start,
        end_h=min(end + float(arrival.max()), END_H),
        size=size,
        unit="NTU",
        note=Text("出厂水浊度异常，沿管网传播", "Turbid water leaving the plant, travelling on"),
    )
    effects = (
        Effect("water_turbidity", rows, since, size * shape),
        Effect("water_chlorine", rows, since, -0.5 * np.minimum(shape, 1.0) * chlorine),
    )
    return Happening(event=event, effects=effects)
