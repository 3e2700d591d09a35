"""Incidents of the gas network, and sewer gas that is none."""

import numpy as np
import shapely

from lifeline_kit.demo.incidents.happening import (
    END_H,
    Effect,
    Happening,
    draw_span,
    fall,
    relaxed,
    rise,
    window,
)
from lifeline_kit.demo.truth import Event
from lifeline_kit.demo.weather import home_rhythm, red_noise
from lifeline_kit.demo.world import World
from lifeline_kit.text import Text

_AFTER_H = 6.0  # how long an effect may fade after its end


def gas_leak(world: World, rng: np.random.Generator, key: str, *, open_: bool = False) -> Happening:
    """Let a gas pipe leak into the spaces around: gusty, following demand with 1.5 h lag."""
    spaces = world.of_role("gas_space")
    assets = world.layout.assets.loc[spaces["asset"]]
    close = np.flatnonzero(assets["distance_m"].to_numpy() < 7.0)
    row = int(rng.choice(close))
    pipe = str(assets["gas_pipe"].iloc[row])
    line = world.layout.assets.geometry[pipe]
    at = shapely.line_interpolate_point(
        line, shapely.line_locate_point(line, assets.geometry.iloc[row])
    )
    start, end = draw_span(rng, 30.0, 110.0, open_=open_)
    size = float(np.exp(rng.uniform(np.log(0.5), np.log(7.0))))
    away = shapely.distance(spaces.geometry.to_numpy(), at)
    rows = np.flatnonzero(away < 110.0)
    strength = 1.3 * size**0.7 * np.exp(-away[rows] / 30.0)
    since, hours = window(world, "gas_space", start, end + _AFTER_H)
    demand = 0.6 + 0.4 * home_rhythm(hours - 1.5)
    gusts = np.exp(0.3 * red_noise((rows.size, hours.size), tau_h=0.7, step_h=0.25, rng=rng))
    shape = rise(hours, start, rng.uniform(4.0, 20.0)) * fall(hours, end, 1.0) * demand
    # what seeps in mixes with the air of the space, which is changed 0.19 to 0.47 times an hour
    # (McManus and Haddad, Infrastructures 4(4) 68)
    change = rng.uniform(0.19, 0.47, rows.size)
    seeping = strength[:, None] * shape * gusts
    level = np.stack([relaxed(row, 1.0 / k, 0.25) for row, k in zip(seeping, change, strict=True)])
    event = Event(
        key=key,
        category="incident",
        lifeline="gas",
        kind="pipe_leak",
        asset=pipe,
        sensors=(),
        start_h=start,
        end_h=end,
        size=size,
        unit="m3/h",
        note=Text(
            f"埋地管道泄漏，{rows.size} 个监测井室受影响",
            f"Leak of a buried pipe reaching {rows.size} monitored space(s)",
        ),
    )
    return Happening(event=event, effects=(Effect("gas_space", rows, since, level),))


def biogas(world: World, rng: np.random.Generator, key: str) -> Happening:
    """Build up sewer gas in a manhole: smooth, slow, led by warmth. A decoy, not a leak."""
    spaces = world.of_role("gas_space")
    sewers = np.flatnonzero(
        (world.layout.assets["space_type"].loc[spaces["asset"]] == "sewer_manhole").to_numpy()
    )
    row = rng.choice(sewers, 1)
    start, end = draw_span(rng, 100.0, 200.0)
    since, hours = window(world, "gas_space", start, min(end + 24.0, END_H))
    size = float(rng.uniform(0.5, 1.8))
    warmth = np.exp(0.09 * (world.air[since : since + hours.size] - world.air.mean()))
    warmth = relaxed(warmth - 1.0, 6.0, 0.25) + 1.0
    shape = size * rise(hours, start, 0.6 * (end - start)) * fall(hours, end, 8.0) * warmth
    event = Event(
        key=key,
        category="decoy",
        lifeline="gas",
        kind="biogas",
        asset=str(spaces["asset"].iloc[row[0]]),
        sensors=(),
        start_h=start,
        end_h=end,
        size=size,
        unit="%VOL",
        note=Text("污水井沼气缓慢累积，非燃气泄漏", "Sewer gas building up slowly; no gas leak"),
    )
    return Happening(event=event, effects=(Effect("gas_space", row, since, shape[None, :]),))


def overpressure(world: World, rng: np.random.Generator, key: str) -> Happening:
    """Let a regulator pass too much pressure: its whole zone rises together."""
    outlets = world.of_role("gas_outlet")
    row = int(rng.integers(len(outlets)))
    source = int(np.searchsorted(world.gas.net.sources, outlets["node"].iloc[row]))
    start, end = draw_span(rng, 1.5, 6.0)
    size = float(rng.uniform(75.0, 135.0))
    at = world.of_role("gas_pressure")["node"].to_numpy()
    since, hours = window(world, "gas_outlet", start, end + 1.0)
    shape = size * rise(hours, start, 0.5) * fall(hours, end, 0.2)
    stations = outlets["node"].to_numpy()
    change = world.gas.raised(source, shape, since, np.r_[at, stations])
    below = np.flatnonzero(np.abs(change[: at.size]).max(axis=1) > 0.05)
    others = np.setdiff1d(np.flatnonzero(np.abs(change[at.size :]).max(axis=1) > 0.05), [row])
    event = Event(
        key=key,
        category="incident",
        lifeline="gas",
        kind="regulator_overpressure",
        asset=str(outlets["asset"].iloc[row]),
        sensors=(),
        start_h=start,
        end_h=end,
        size=size,
        unit="kPa",
        note=Text("调压器失效，出口超压", "Regulator failure, outlet above its set point"),
    )
    effects = (
        Effect("gas_outlet", np.array([row]), since, shape[None, :]),
        Effect("gas_outlet", others, since, change[at.size + others]),
        Effect("gas_pressure", below, since, change[below]),
    )
    return Happening(event=event, effects=effects)
