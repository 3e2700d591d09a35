"""Incidents of the supplies chain."""

import numpy as np
import shapely

from lifeline_kit.demo.incidents.happening import (
    END_H,
    Effect,
    Happening,
    draw_span,
    fall,
    outer,
    rise,
    window,
)
from lifeline_kit.demo.truth import Event
from lifeline_kit.demo.world import World
from lifeline_kit.text import Text


def shortage(world: World, rng: np.random.Generator, key: str, *, open_: bool = False) -> Happening:
    """Stop restocking a market: its days of supply run down."""
    sensors = world.of_role("supplies_days")
    markets = np.flatnonzero(sensors["asset"].str.startswith("S-M").to_numpy())
    row = rng.choice(markets, 1)
    start, end = draw_span(rng, 110.0, 190.0, open_=open_)
    now = float(world.values["supplies_days"][row[0]].mean())
    left = float(rng.uniform(1.2, 4.5))
    since, hours = window(world, "supplies_days", start, END_H)
    shape = (left - now) * rise(hours, start, 0.7 * (end - start)) * fall(hours, end, 30.0)
    event = Event(
        key=key,
        category="incident",
        lifeline="supplies",
        kind="shortage",
        asset=str(sensors["asset"].iloc[row[0]]),
        sensors=(),
        start_h=start,
        end_h=end,
        size=left,
        unit="d",
        note=Text("补货中断，可供天数下降", "Restocking stopped, days of supply run down"),
    )
    return Happening(event=event, effects=(Effect("supplies_days", row, since, shape[None, :]),))


def price_surge(world: World, rng: np.random.Generator, key: str) -> Happening:
    """Raise prices at the markets of one part of the city."""
    sensors = world.of_role("supplies_price")
    row = int(rng.integers(len(sensors)))
    start, end = draw_span(rng, 130.0, 240.0)
    size = float(rng.uniform(1.8, 4.5))
    since, hours = window(world, "supplies_price", start, END_H)
    away = shapely.distance(sensors.geometry.to_numpy(), sensors.geometry.iloc[row])
    rows = np.flatnonzero(away < 3000.0)
    strength = np.exp(-((away[rows] / 2500.0) ** 2))
    shape = size * rise(hours, start, 0.5 * (end - start)) * fall(hours, end, 60.0)
    event = Event(
        key=key,
        category="incident",
        lifeline="supplies",
        kind="price_surge",
        asset=str(sensors["asset"].iloc[row]),
        sensors=(),
        start_h=start,
        end_h=end,
        size=size,
        unit="CNY/kg",
        note=Text("菜价短期上涨", "Food prices surge"),
    )
    return Happening(
        event=event, effects=(Effect("supplies_price", rows, since, outer(strength, shape)),)
    )
