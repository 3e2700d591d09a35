"""The catalogue of incidents: what is injected into the month, in which order."""

import numpy as np

from lifeline_kit.demo.incidents import drainage, gas, heating, structures, supplies, water
from lifeline_kit.demo.incidents.happening import Happening, apply_all
from lifeline_kit.demo.layout import Layout
from lifeline_kit.demo.series_pipes import Series
from lifeline_kit.demo.size import Size, stream
from lifeline_kit.demo.truth import Event
from lifeline_kit.demo.weather import Storm
from lifeline_kit.demo.world import World


def draw_storm(layout: Layout, rng: np.random.Generator) -> Storm:
    """Draw the heavy storm over the streets of a city."""
    return drainage.draw_storm(tuple(layout.assets.total_bounds.tolist()), rng)


def inject(world: World, size: Size, *, seed: int) -> tuple[Series, list[Event]]:
    """Play the catalogue `size.incidents` times; the storm comes once.

    Returns
    -------
    values : dict of role to array, (sensor, time)
    events : list of Event
    """
    happened = _storm(world, size, seed)
    for turn in range(1, size.incidents + 1):
        happened += _round(world, turn, seed)
    return apply_all(world, happened)


def _storm(world: World, size: Size, seed: int) -> list[Happening]:
    rng = stream(seed, "incident", "storm")
    places = range(1, 2 * size.incidents + 1)
    return [
        drainage.storm_surcharge(world, "storm-1"),
        *drainage.flooding(
            world,
            rng,
            tuple(f"underpass-{k}" for k in places),
            role="underpass_water",
            caused_by="storm-1",
        ),
        *drainage.flooding(
            world,
            rng,
            tuple(f"entrance-{k}" for k in places[: size.incidents]),
            role="entrance_water",
            caused_by="storm-1",
        ),
    ]


def _round(world: World, turn: int, seed: int) -> list[Happening]:
    def chance(key: str) -> np.random.Generator:
        return stream(seed, "incident", key)

    def named(*keys: str) -> list[tuple[str, np.random.Generator]]:
        return [(f"{key}-{turn}", chance(f"{key}-{turn}")) for key in keys]

    out = [
        gas.gas_leak(world, rng, key, open_=key.startswith("gas-leak-c"))
        for key, rng in named("gas-leak-a", "gas-leak-b", "gas-leak-c")
    ]
    out += [gas.biogas(world, rng, key) for key, rng in named("biogas-a", "biogas-b")]
    out += [gas.overpressure(world, rng, key) for key, rng in named("overpressure")]
    out += [water.burst(world, rng, key) for key, rng in named("burst-a", "burst-b")]
    out += [water.slow_leak(world, rng, key) for key, rng in named("slow-leak")]
    out += [water.hydrant(world, rng, key) for key, rng in named("hydrant-a", "hydrant-b")]
    out += [water.pump_outage(world, rng, key) for key, rng in named("pump-outage")]
    out += [water.turbidity(world, rng, key) for key, rng in named("turbidity")]
    out += [
        drainage.blockage(world, rng, key, open_=key.startswith("blockage-b"))
        for key, rng in named("blockage-a", "blockage-b")
    ]
    out += [drainage.sewer_gas(world, rng, key) for key, rng in named("sewer-gas")]
    out += [
        heating.heat_leak(world, rng, key, open_=key.startswith("heat-leak-b"))
        for key, rng in named("heat-leak-a", "heat-leak-b")
    ]
    out += [heating.substation_fault(world, rng, key) for key, rng in named("substation-fault")]
    out += [heating.heat_outage(world, rng, key) for key, rng in named("heat-outage")]
    out += [
        structures.support_settlement(world, rng, key) for key, rng in named("bridge-settlement")
    ]
    out += [structures.overload(world, rng, key) for key, rng in named("overload-a", "overload-b")]
    out += [structures.road_void(world, rng, key) for key, rng in named("road-void")]
    out += _washed_out_road(world, turn, seed)
    for what in ("tunnel_convergence", "tunnel_settlement"):
        out += [
            structures.tunnel_movement(
                world, rng, key, role=what, open_=what == "tunnel_settlement"
            )
            for key, rng in named(what.replace("_", "-"))
        ]
    out += [
        supplies.shortage(world, rng, key, open_=key.startswith("shortage-b"))
        for key, rng in named("shortage-a", "shortage-b")
    ]
    out += [supplies.price_surge(world, rng, key) for key, rng in named("price-surge")]
    return out


def _washed_out_road(world: World, turn: int, seed: int) -> list[Happening]:
    """Open a hidden water leak, and one to three days later the void it washes out."""
    rng = stream(seed, "incident", f"washed-out-{turn}")
    nodes = world.water.net.streets.xy
    places = world.xy("road_settlement")
    nearest = np.array([((nodes - place) ** 2).sum(axis=1).min() for place in places])
    row = int(rng.choice(np.flatnonzero(nearest <= max(150.0**2, np.quantile(nearest, 0.2)))))
    node = int(np.argmin(((nodes - places[row]) ** 2).sum(axis=1)))
    start = float(rng.uniform(130.0, 360.0))
    leak = water.slow_leak(world, rng, f"leak-below-road-{turn}", node=node, start_h=start)
    void = structures.road_void(
        world,
        rng,
        f"road-void-by-leak-{turn}",
        row=row,
        start_h=start + float(rng.uniform(30.0, 72.0)),
        caused_by=leak.event.key,
    )
    return [leak, void]
