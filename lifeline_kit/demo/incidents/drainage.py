"""The storm, what it floods, and incidents of the sewers."""

import numpy as np

from lifeline_kit.demo.incidents.happening import (
    END_H,
    Effect,
    Happening,
    draw_span,
    fall,
    outer,
    relaxed,
    rise,
    window,
)
from lifeline_kit.demo.sensors import thickest_pipe
from lifeline_kit.demo.truth import Event
from lifeline_kit.demo.weather import Storm, home_rhythm, red_noise
from lifeline_kit.demo.world import World
from lifeline_kit.text import Text

RISE_M = 0.05  # above what the sensor shows on 98 of 100 readings


def draw_storm(bounds: tuple[float, float, float, float], rng: np.random.Generator) -> Storm:
    """Draw the month's one heavy storm."""
    low, high = np.array(bounds[:2]), np.array(bounds[2:])
    reach = (high - low).min()
    return Storm(
        start_h=round(float(rng.uniform(200.0, 620.0)), 2),
        hours=float(rng.uniform(3.0, 5.0)),
        peak=float(rng.uniform(55.0, 85.0)),
        middle=tuple((low + (high - low) * rng.uniform(0.35, 0.65, 2)).tolist()),
        reach=float(max(0.5 * reach, 3000.0)),
    )


def storm_surcharge(world: World, key: str) -> Happening:
    """Name the sensors of the storm, whose effect is already in the series."""
    storm = world.storms[0]
    start, end = storm.start_h, storm.start_h + storm.hours + 5.0
    since, hours = window(world, "drain_level", start, end)
    levels, flows = world.of_role("drain_level"), world.of_role("drain_flow")
    share = world.values["drain_level"] / levels["limit_high"].to_numpy()[:, None]
    peak = share[:, since : since + hours.size].max(axis=1)
    rising = _rise(world.values["drain_level"], since, hours.size) > RISE_M
    more = _rise(world.values["drain_flow"], since, hours.size)
    swollen = more > 0.3 * world.values["drain_flow"].mean(axis=1)
    shown = levels.index[(peak > 0.7) | rising]
    sensors = (*shown, *flows.index[swollen], *world.of_role("rain").index)
    event = Event(
        key=key,
        category="incident",
        lifeline="drainage",
        kind="storm_surcharge",
        asset=str(levels["asset"].iloc[int(np.argmax(peak))]),
        sensors=sensors,
        start_h=start,
        end_h=end,
        size=storm.peak,
        unit="mm/h",
        note=Text("强降雨，管网满管溢流", "Heavy rain, sewers surcharged"),
    )
    return Happening(event=event, effects=())


def _rise(values: np.ndarray, since: int, size: int) -> np.ndarray:
    return values[:, since : since + size].max(axis=1) - np.quantile(values, 0.98, axis=1)


def flooding(
    world: World, rng: np.random.Generator, keys: tuple[str, ...], *, role: str, caused_by: str
) -> list[Happening]:
    """Water gathers in the lowest places where the storm is heaviest."""
    storm = world.storms[0]
    sensors = world.of_role(role)
    xy = world.xy(role)
    start, end = storm.start_h + 0.3, storm.start_h + storm.hours + 4.0
    since, hours = window(world, role, start, end + 3.0)
    rain = storm.rain(xy, hours)
    gathered = relaxed(np.maximum(rain - 12.0, 0.0), 1.3, 0.25)
    low = rain.max(axis=1) - 6.0 * world.layout.ground.height(xy) + rng.normal(0.0, 3.0, len(xy))
    deep, kind, lifeline, zh, en = (
        (0.9, "underpass_flooding", "roads", "下穿通道积水", "Underpass flooded")
        if role == "underpass_water"
        else (0.35, "entrance_flooding", "rail", "出入口进水", "Water entering a station")
    )
    out = []
    for key, row in zip(keys, np.argsort(-low, kind="stable").tolist(), strict=False):
        size = float(rng.uniform(0.3, 1.0) * deep)
        shape = size * gathered[row] / max(gathered[row].max(), 1e-6)
        event = Event(
            key=key,
            category="incident",
            lifeline=lifeline,
            kind=kind,
            asset=str(sensors["asset"].iloc[row]),
            sensors=(),
            start_h=start,
            end_h=end,
            size=size,
            unit="m",
            caused_by=caused_by,
            note=Text(zh, en),
        )
        out.append(
            Happening(event=event, effects=(Effect(role, np.array([row]), since, shape[None, :]),))
        )
    return out


def blockage(world: World, rng: np.random.Generator, key: str, *, open_: bool = False) -> Happening:
    """Clog a sewer below a manhole: the level climbs with the daily flow."""
    levels = world.of_role("drain_level")
    net = world.layout.nets["drainage"]
    rim = levels["limit_high"].to_numpy() - world.values["drain_level"].mean(axis=1)
    row = int(rng.choice(np.flatnonzero(rim > 0.6)))
    start, end = draw_span(rng, 24.0, 90.0, open_=open_)
    size = float(min(rng.uniform(0.3, 1.6), 0.9 * rim[row]))
    xy = world.xy("drain_level")
    away = np.hypot(*(xy - xy[row]).T)
    rows = np.flatnonzero(away < 350.0)
    strength = np.where(rows == row, size, 0.6 * size * np.exp(-away[rows] / 140.0))
    since, hours = window(world, "drain_level", start, min(end + 6.0, END_H))
    shape = rise(hours, start, rng.uniform(6.0, 36.0)) * (0.75 + 0.25 * home_rhythm(hours))
    shape = shape * fall(hours, end, 0.5)
    flows = np.flatnonzero(
        (world.of_role("drain_flow")["asset"] == levels["asset"].iloc[row]).to_numpy()
    )
    effects = [Effect("drain_level", rows, since, outer(strength, shape))]
    if flows.size:
        carried = world.values["drain_flow"][flows, since : since + hours.size]
        effects.append(Effect("drain_flow", flows, since, -0.6 * carried * np.minimum(shape, 1.0)))
    pipe = net.pipes.index[thickest_pipe(net)[int(levels["node"].iloc[row])]]
    event = Event(
        key=key,
        category="incident",
        lifeline="drainage",
        kind="blockage",
        asset=str(pipe),
        sensors=(),
        start_h=start,
        end_h=end,
        size=size,
        unit="m",
        note=Text("排水管堵塞，上游水位抬升", "Blocked sewer, level rises above it"),
    )
    return Happening(event=event, effects=tuple(effects))


def sewer_gas(world: World, rng: np.random.Generator, key: str) -> Happening:
    """Hydrogen sulphide builds up, worst when the flow is low."""
    sensors = world.of_role("drain_gas")
    row = rng.integers(len(sensors), size=1)
    start, end = draw_span(rng, 12.0, 48.0)
    size = float(rng.uniform(12.0, 60.0))
    since, hours = window(world, "drain_gas", start, min(end + 4.0, END_H))
    gusts = np.exp(0.25 * red_noise((1, hours.size), tau_h=0.8, step_h=0.25, rng=rng))
    shape = (
        size * rise(hours, start, 3.0) * fall(hours, end, 0.8) * (1.35 - 0.4 * home_rhythm(hours))
    )
    event = Event(
        key=key,
        category="incident",
        lifeline="drainage",
        kind="hydrogen_sulfide",
        asset=str(sensors["asset"].iloc[row[0]]),
        sensors=(),
        start_h=start,
        end_h=end,
        size=size,
        unit="mg/m3",
        note=Text("井内硫化氢积聚", "Hydrogen sulphide building up in a manhole"),
    )
    return Happening(event=event, effects=(Effect("drain_gas", row, since, shape * gusts),))
