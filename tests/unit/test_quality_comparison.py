"""Sensors in doubt: who vouches for whom, and what each doubt takes."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from oracles.hand import BEGIN, asset_table, city_of, minutes, sensor_table
from shapely import Point, Polygon

from lifeline_kit.lifelines import ALL
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import (
    CLOCK,
    DRIFT,
    MULTIVARIATE,
    NEIGHBOUR,
    PASS,
    SUSPECT,
    VARIANCE,
    dense_node,
    nodes,
)
from lifeline_kit.quality import (
    cell_of,
    doubts,
    flag_city,
    health_by,
    mark_doubts,
    sensor_health,
    sensor_health_findings,
    sparse_flags,
)
from lifeline_kit.quality.neighbours import neighbours

DAYS, PER_DAY = 15, 96
LATER = BEGIN + np.timedelta64(DAYS, "D")


def line(count: int) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Pipes in a row, one sensor on each."""
    assets = asset_table(
        *[{"from_node": f"n{i}", "to_node": f"n{i + 1}", "length_m": 100.0} for i in range(count)]
    )
    return assets, sensor_table(assets, *[{} for _ in range(count)])


def calm(count: int = 6, seed: int = 1) -> np.ndarray:
    """Pressures that share a day's course; each with noise of its own: (sensor, time)."""
    rng = np.random.default_rng(seed)
    size = DAYS * PER_DAY
    day = 20 * np.sin(np.arange(size) * 2 * np.pi / PER_DAY)
    weather = np.cumsum(rng.normal(0, 0.3, size))  # moves all of them
    return 300 + day + weather + rng.normal(0, 1.0, (count, size))


def city_with(value: np.ndarray) -> City:
    assets, sensors = line(len(value))
    node = dense_node("pressure", sensors.index.to_numpy(), minutes(DAYS * PER_DAY), value)
    return flag_city(city_of({"pressure/15min": node}, assets, sensors), ALL, LATER)


def told(city: City, test: int) -> list[str]:
    table = doubts(city, ALL)
    return sorted(table["sensor"][table["test"] == test].unique())


def test_neighbours_are_nearest_along_the_pipe_not_across_the_street() -> None:
    assets, sensors = line(6)
    # the last pipe ends beside the first one, but 500 m of pipe lie between them
    assets = assets.set_geometry([Point(100.0 * i, 0) for i in range(5)] + [Point(1.0, 1.0)])
    sensors = sensors.set_geometry(assets.geometry.to_numpy())
    near = neighbours(assets, sensors, count=2, within_m=350.0)
    assert near[0].tolist() == [1, 2]
    assert near[5].tolist() == [4, 3]
    assert 0 not in near[5]


def test_neighbours_off_the_network_are_nearest_in_the_plane() -> None:
    assets = asset_table({}, {}, {}, {"geometry": Point(90_000.0, 0)})
    sensors = sensor_table(assets, {}, {}, {}, {})
    near = neighbours(assets, sensors, count=3)
    assert near[0].tolist()[:2] == [1, 2]
    assert near[3].tolist() == [-1, -1, -1]


def test_what_all_share_puts_nobody_in_doubt() -> None:
    assert doubts(city_with(calm()), ALL).empty


def test_one_that_leaves_its_neighbours_is_off_them() -> None:
    value = calm()
    value[2, 600:900] -= 25.0
    assert told(city_with(value), NEIGHBOUR) == ["s2"]


def test_a_creeping_sensor_drifts_and_a_creeping_region_does_not() -> None:
    value = calm()
    value[1] += np.linspace(0, 30, value.shape[1])
    assert told(city_with(value), DRIFT) == ["s1"]
    together = calm() + np.linspace(0, 30, DAYS * PER_DAY)
    assert told(city_with(together), DRIFT) == []


def test_where_the_structure_moves_no_drift_is_told() -> None:
    assets, _ = line(6)
    assets = assets.assign(lifeline="rail", kind="tunnel")
    sensors = sensor_table(
        assets,
        *[
            {
                "lifeline": "rail",
                "quantity": "settlement",
                "unit": "mm",
                "clock": "settlement/15min",
            }
            for _ in range(6)
        ],
    )
    value = calm() / 100
    value[1] += np.linspace(0, 3, value.shape[1])
    node = dense_node("settlement", sensors.index.to_numpy(), minutes(DAYS * PER_DAY), value)
    city = flag_city(city_of({"settlement/15min": node}, assets, sensors), ALL, LATER)
    assert told(city, DRIFT) == []


def test_grown_noise_is_told_from_a_wilder_course() -> None:
    value = calm()
    rng = np.random.default_rng(3)
    value[0, 800:1200] += rng.normal(0, 12.0, 400)
    value[4, 800:1200] += 12 * np.sin(np.arange(400) / 20.0)  # moves more, but smoothly
    assert told(city_with(value), VARIANCE) == ["s0"]


def test_a_clock_off_the_grid_is_told_by_its_peers() -> None:
    assets, sensors = line(5)
    value = calm(5)
    sensors.loc["s3", "clock"] = "pressure/late"
    time = minutes(DAYS * PER_DAY)
    others = ["s0", "s1", "s2", "s4"]
    late = time + np.timedelta64(7 * 60_000, "ms")
    tree = {
        "pressure/15min": dense_node("pressure", np.array(others), time, value[[0, 1, 2, 4]]),
        "pressure/late": dense_node("pressure", np.array(["s3"]), late, value[[3]]),
    }
    city = flag_city(city_of(tree, assets, sensors), ALL, LATER + np.timedelta64(1, "h"))
    table = doubts(city, ALL)
    assert told(city, CLOCK) == ["s3"]
    assert table["value"][table["test"] == CLOCK].iloc[0] == pytest.approx(7.0)


def test_a_channel_is_held_against_the_others_of_its_asset() -> None:
    assets = asset_table({"lifeline": "heating", "kind": "substation"})
    rng = np.random.default_rng(5)
    size = DAYS * PER_DAY
    demand = np.cumsum(rng.normal(0, 0.5, size))
    demand -= np.linspace(0, demand[-1], size)
    rows, tree = [], {}
    for i, (quantity, unit, base, gain) in enumerate(
        (
            ("supply_temperature", "degC", 90, 1.0),
            ("return_temperature", "degC", 50, 0.6),
            ("pressure", "kPa", 400, 2.0),
        )
    ):
        value = base + gain * demand + rng.normal(0, 0.2, size)
        if quantity == "return_temperature":
            value[900:1100] += 15.0
        clock = f"{quantity}/15min"
        rows.append({"lifeline": "heating", "quantity": quantity, "unit": unit, "clock": clock})
        tree[clock] = dense_node(quantity, np.array([f"s{i}"]), minutes(size), value[None, :])
    city = flag_city(city_of(tree, assets, sensor_table(assets, *rows)), ALL, LATER)
    assert "s1" in told(city, MULTIVARIATE)


def test_doubts_make_readings_suspect_but_never_unusable() -> None:
    value = calm()
    value[1] += np.linspace(0, 30, value.shape[1])
    city = city_with(value)
    table = doubts(city, ALL)
    marked = mark_doubts(city, table)
    node = dict(nodes(marked.readings))["pressure/15min"]
    drifting = (node["tests"].to_numpy() & DRIFT) > 0
    assert drifting[1].sum() > PER_DAY * 5
    assert drifting.sum() == drifting[1].sum()
    assert (node["flag"].to_numpy()[drifting] == SUSPECT).all()
    before = dict(nodes(city.readings))["pressure/15min"]
    assert (before["flag"].to_numpy()[drifting] == PASS).all()  # the caller's city is untouched
    health = sensor_health(marked, LATER, table)
    assert health.loc["s1", "drift"] > 6
    assert health["doubt"].tolist() == ["", "drift", "", "", "", ""]
    found = sensor_health_findings(marked, health, sparse_flags(marked), table)
    assert found["rule"].tolist() == ["drift"]
    assert found["health"].all()


def test_a_silence_that_is_over_is_told() -> None:
    value = calm()
    value[3, 300:500] = np.nan
    city = city_with(value)
    health = sensor_health(city, LATER)
    found = sensor_health_findings(city, health, sparse_flags(city))
    outage = found[found["rule"] == "outage"]
    assert outage["sensor"].tolist() == ["s3"]
    assert outage["value"].iloc[0] == pytest.approx(50.25)


def test_health_is_gathered_by_asset_and_by_cell() -> None:
    value = calm()
    value[0, -50:] = np.nan
    city = city_with(value)
    health = sensor_health(city, LATER)
    by_asset = health_by(health, health["asset"])
    assert by_asset.loc["A0", "online"] == 0.0
    assert by_asset["sensors"].sum() == 6
    squares = [Polygon([(x, -9), (x + 2700, -9), (x + 2700, 9), (x, 9)]) for x in (-300, 2410)]
    areas = gpd.GeoDataFrame(
        {"level": ["cell", "cell"]}, geometry=squares, crs=city.crs, index=["c1", "c2"]
    ).rename_axis("area")
    by_cell = health_by(health, cell_of(city.sensors, areas))
    assert by_cell["sensors"].to_dict() == {"c1": 3, "c2": 3}
    assert by_cell.loc["c1", "online"] == pytest.approx(2 / 3)


def test_a_short_record_tells_no_usual_day() -> None:
    assets, sensors = line(3)
    node = dense_node("pressure", sensors.index.to_numpy(), minutes(200), calm(3)[:, :200])
    city = flag_city(city_of({"pressure/15min": node}, assets, sensors), ALL, LATER)
    assert doubts(city, ALL).empty
    assert isinstance(doubts(city, ALL), pd.DataFrame)
