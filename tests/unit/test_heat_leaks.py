"""Leaks of supply and return told apart and placed, on the resized network."""

import numpy as np

from lifeline_kit.bench import heat_twin
from lifeline_kit.lifelines.heating.leaks import locate_heat_leak


def test_a_leak_is_put_on_its_side_and_near_its_place():
    rng = np.random.default_rng(21)
    where = heat_twin.place(rng)
    nodes = where.town.load_kg_s.size
    leak = 0.05 * where.town.load_kg_s.sum()
    away, sides = [], []
    for node, side in ((40, 0), (120, 1), (200, 0), (77, 1)):
        metered, seen = heat_twin.leak_readings(where, node, leak, side, 6, rng)
        found = locate_heat_leak(*where.known, metered, seen, where.gauges, np.arange(1, nodes))
        sides.append((found.on_supply >= 0.5) == (side == 0))
        away.append(np.hypot(*(where.town.xy[found.best.best] - where.town.xy[node])))
    assert all(sides)
    assert np.median(away) < 60.0


def test_the_return_side_is_fed_by_what_the_supply_gives():
    supply, back = heat_twin.place(np.random.default_rng(3)).known
    taken = np.array([0.0, 2.0])
    assert supply.load(taken).tolist() == [0.0, 2.0]
    assert back.load(taken).tolist() == [0.0, -2.0]
