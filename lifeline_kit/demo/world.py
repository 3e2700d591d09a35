"""The undisturbed month: every sensor's series before anything happens to it."""

from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np

from lifeline_kit.demo import (
    series_drainage,
    series_gas,
    series_heating,
    series_pipes,
    series_structures,
)
from lifeline_kit.demo.layout import Layout
from lifeline_kit.demo.sensors import ROLES
from lifeline_kit.demo.series_pipes import Series, Twin, twin_of
from lifeline_kit.demo.size import stream
from lifeline_kit.demo.twins import NetworkTwin
from lifeline_kit.demo.weather import Storm, air_temperature, hours_of

_WATER_PER_PERSON = 0.0105  # m3/h


@dataclass(frozen=True)
class World:
    """What the simulation knows; nothing of it but `values` reaches a detector.

    Attributes
    ----------
    sensors : GeoDataFrame, index `sensor`
        With `role` and `node`.
    gas, heating : NetworkTwin
    water : Twin
    air : array, (time,) [degC]
        At 15 min.
    storms : tuple of Storm
    values : dict of role to array, (sensor of the role, time)
    """

    layout: Layout
    sensors: gpd.GeoDataFrame
    gas: NetworkTwin
    water: Twin
    heating: NetworkTwin
    air: np.ndarray
    storms: tuple[Storm, ...]
    values: Series

    def of_role(self, role: str) -> gpd.GeoDataFrame:
        """Return the sensors of a role, in the order of its values."""
        return self.sensors[self.sensors["role"] == role]

    def hours(self, role: str) -> np.ndarray:
        """Return the clock of a role, hours since the start."""
        return hours_of(ROLES[role].clock)

    def xy(self, role: str) -> np.ndarray:
        """Return where the sensors of a role are, (sensor, 2) [m]."""
        points = self.of_role(role).geometry
        return np.c_[points.x, points.y]


def simulate(
    layout: Layout, sensors: gpd.GeoDataFrame, storms: Sequence[Storm], *, seed: int
) -> World:
    """Simulate October 2026 without incidents or faults.

    Parameters
    ----------
    layout : Layout
    sensors : GeoDataFrame
        Of `sensors.place_sensors`.
    storms : sequence of Storm
    seed : int
    """
    hours = hours_of("15min")
    air = air_temperature(hours, stream(seed, "air"))
    names = ("gas", "water", "heating", "drainage", "bridges", "raw")
    rng = {name: stream(seed, "series", name) for name in names}
    gas = series_gas.gas_twin(layout, hours, rng=rng["gas"])
    water = twin_of(layout, "water", _WATER_PER_PERSON)
    heating = series_heating.heating_twin(layout, sensors, hours, air, rng=rng["heating"])
    height = layout.ground.height(water.net.streets.xy)
    load = layout.assets["load"].astype(float)
    values = series_gas.gas_series(gas, sensors, air, rng=rng["gas"])
    values |= series_pipes.water_series(water, sensors, hours, height, rng=rng["water"])
    values |= series_heating.heating_series(heating, sensors, hours, air, rng=rng["heating"])
    values |= series_drainage.drainage_series(
        layout.nets["drainage"], sensors, hours, storms, rng=rng["drainage"]
    )
    values |= series_structures.bridge_series(sensors, air, load, rng=rng["bridges"])
    values |= series_structures.raw_windows(sensors, rng=rng["raw"])
    values |= series_structures.road_series(sensors, rng=stream(seed, "series", "roads"))
    values |= series_structures.rail_series(sensors, rng=stream(seed, "series", "rail"))
    values |= series_structures.supplies_series(sensors, rng=stream(seed, "series", "supplies"))
    return World(layout, sensors, gas, water, heating, air, tuple(storms), values)
