"""The demo's gas and heating networks: mass is kept, draws lower pressure, water cools."""

import numpy as np
import pytest

from lifeline_kit.demo.layout import lay_city
from lifeline_kit.demo.sensors import place_sensors
from lifeline_kit.demo.series_gas import OUTLET_KPA, gas_twin
from lifeline_kit.demo.series_heating import heating_twin, travelled
from lifeline_kit.demo.size import SIZES
from lifeline_kit.demo.streets import DEFAULT, load_streets

HOURS = np.arange(96) * 0.25


@pytest.fixture(scope="module")
def layout():
    small = SIZES["small"]
    return lay_city(load_streets(DEFAULT, bounds=small.bounds), small, seed=5)


@pytest.fixture(scope="module")
def gas(layout):
    return gas_twin(layout, HOURS, rng=np.random.default_rng(1))


def test_stations_send_what_is_taken(gas):
    nodes = np.arange(gas.mean.size)
    pressure, fed = gas.readings(gas.loads, gas.source_kpa, nodes)
    taken = gas.loads.sum(axis=1) * 3600.0 / gas.density
    assert fed.sum(axis=0) == pytest.approx(taken, rel=1e-4)
    assert pressure.max() < OUTLET_KPA + 3.0
    assert pressure.min() > 0.5 * OUTLET_KPA


def test_a_draw_lowers_pressure_most_where_it_is(gas):
    far = int(np.argmax(gas.net.distance))
    nodes = np.r_[far, gas.net.sources]
    change, fed = gas.change(far, np.full(8, 200.0), 10, nodes)
    assert (change[0] < 0).all()
    assert np.abs(change[1:]).max() < 1e-6
    assert fed.sum(axis=0) == pytest.approx(200.0, rel=1e-3)
    assert np.argmax(gas.influence(far)) == far


def test_a_failed_regulator_raises_its_part_and_no_station_takes_gas_back(gas):
    source = 0
    nodes = np.arange(gas.mean.size)
    change = gas.raised(source, np.array([0.0, 60.0, 100.0]), 5, nodes)
    assert np.abs(change[:, 0]).max() < 0.5
    own = gas.net.sources[source]
    assert change[own, 2] == pytest.approx(100.0, abs=0.5)
    assert (change[:, 2] > -1.0).all()


def test_water_cools_on_its_way_and_comes_back_cooler(layout):
    sensors = place_sensors(layout, SIZES["small"], seed=5)
    air = np.full(HOURS.size, 8.0)
    twin = heating_twin(layout, sensors, HOURS, air, rng=np.random.default_rng(2))
    sent = np.full((twin.net.sources.size, HOURS.size), 90.0)
    taken = np.full((twin.mean.size, HOURS.size), 25.0)
    far = int(np.argmax(np.where(twin.mean > 1.0, twin.net.distance, 0.0)))
    at = np.r_[twin.net.sources[0], far]
    supply, back = travelled(twin, sent, taken, at)
    assert supply[0] == pytest.approx(90.0)
    assert 60.0 < supply[1, -1] < 90.0
    assert back[1, -1] == pytest.approx(supply[1, -1] - 25.0)
    assert back[0, -1] < 65.0
