"""The built demo city: shapes, determinism, truth, faults."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lifeline_kit.demo import build
from lifeline_kit.demo.sensors import ROLES
from lifeline_kit.demo.size import SMALL, stream
from lifeline_kit.demo.truth import TRUTH_COLUMNS
from lifeline_kit.model.assets import check_areas, check_assets, check_sensors
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import check_readings, flatten, is_ragged, nodes, series
from lifeline_kit.vocabulary import QUANTITIES

LIFELINES = {"gas", "water", "drainage", "heating", "bridges", "roads", "rail", "supplies"}
TINY = replace(
    SMALL,
    key="tiny",
    bounds=(239_000.0, 3_383_500.0, 244_500.0, 3_387_500.0),
    banks=((((240_000.0, 3_386_900.0),), ((244_000.0, 3_384_000.0),)),),
    districts=3,
    population=300_000.0,
    sites={key: max(n // 4, 2) for key, n in SMALL.sites.items()},
    sensors={key: max(n // 6, 4) for key, n in SMALL.sensors.items()},
)


@pytest.fixture(scope="module")
def built() -> tuple[City, pd.DataFrame]:
    return build.build_city(TINY, seed=1)


@pytest.fixture(scope="module")
def city(built: tuple[City, pd.DataFrame]) -> City:
    return built[0]


@pytest.fixture(scope="module")
def truth(built: tuple[City, pd.DataFrame]) -> pd.DataFrame:
    return built[1]


def test_shapes_pass_the_border_checks(city: City) -> None:
    check_assets(city.assets)
    check_sensors(city.sensors, city.assets)
    check_areas(city.areas)
    check_readings(city.readings)


def test_every_row_says_simulated(city: City) -> None:
    for table in (city.assets, city.sensors, city.areas):
        assert set(table["real_or_simulated"]) == {"simulated"}
    assert city.origin == "simulated"


def test_all_lifelines_have_assets_and_sensors(city: City) -> None:
    assert set(city.assets["lifeline"]) == LIFELINES
    assert set(city.sensors["lifeline"]) == LIFELINES


def test_every_sensor_has_readings_on_its_clock(city: City) -> None:
    clocks = {
        sensor: path for path, node in nodes(city.readings) for sensor in node["sensor"].to_numpy()
    }
    assert clocks == city.sensors["clock"].to_dict()


def test_links_join_nodes_that_others_share(city: City) -> None:
    for lifeline in ("gas", "water", "drainage", "heating"):
        pipes = city.assets[(city.assets["lifeline"] == lifeline) & (city.assets["kind"] == "pipe")]
        ends = pd.concat([pipes["from_node"], pipes["to_node"]]).value_counts()
        assert (ends >= 2).mean() > 0.4
        assert (pipes["from_node"] != pipes["to_node"]).all()


def test_gas_spaces_name_their_nearest_pipe(city: City) -> None:
    spaces = city.assets[city.assets["kind"] == "space"].iloc[:40]
    pipes = city.assets.geometry.loc[spaces["gas_pipe"]]
    away = pipes.reset_index(drop=True).distance(spaces.geometry.reset_index(drop=True))
    assert np.allclose(away, spaces["distance_m"], atol=0.1)
    assert set(spaces["space_type"]) <= {"sewer_manhole", "valve_well", "cable_duct"}


def test_people_add_up(city: City) -> None:
    people = city.areas.groupby("level")["population"].sum()
    assert people["city"] == people["district"] == people["cell"]
    assert people["city"] == pytest.approx(TINY.population, rel=0.01)


def test_values_stand_on_the_resolution_within_the_span(city: City) -> None:
    for _, node in nodes(city.readings):
        flat = flatten(node)
        for row, sensor in enumerate(flat.sensors):
            value = flat.value[flat.starts[row] : flat.starts[row + 1]]
            entry = city.sensors.loc[sensor]
            step = float(entry["resolution"])
            assert np.abs(value / step - np.round(value / step)).max(initial=0.0) < 0.02, sensor
            assert value.min(initial=0.0) >= min(entry["range_min"], 0.0)
            assert value.max(initial=0.0) <= max(entry["range_max"], 0.0)


def test_methane_terminals_report_faster_in_alarm(city: City) -> None:
    flat = flatten(city.readings["methane/event"].to_dataset())
    quick = np.diff(flat.time) == np.timedelta64(5, "m")
    assert quick.any()
    assert flat.value[1:][quick].min() > 0.4


def test_equal_seeds_give_equal_folders(built: tuple[City, pd.DataFrame], tmp_path: Path) -> None:
    again, truth = build.build_city(TINY, seed=1)
    built[0].save(tmp_path / "one")
    again.save(tmp_path / "two")
    one, two = ((tmp_path / name / "manifest.json").read_text() for name in ("one", "two"))
    assert one == two
    pd.testing.assert_frame_equal(built[1], truth)


def test_another_seed_gives_another_city(city: City, truth: pd.DataFrame) -> None:
    other, other_truth = build.build_city(TINY, seed=2)
    assert len(other.assets) != len(city.assets)
    incidents = truth[truth["class"] == "incident"]
    others = other_truth[other_truth["class"] == "incident"]
    assert set(incidents["incident"]) == set(others["incident"])
    assert set(incidents["start"]).isdisjoint(set(others["start"]) - set(incidents["end"]))


def test_streams_of_chance_do_not_shift_one_another() -> None:
    assert stream(1, "a").random() == stream(1, "a").random()
    assert len({stream(s, n).random() for s in (1, 2) for n in ("a", "b")}) == 4


def test_truth_covers_every_lifeline(city: City, truth: pd.DataFrame) -> None:
    assert tuple(truth.columns) == TRUTH_COLUMNS
    assert truth["incident"].is_unique
    incidents = truth[truth["class"] == "incident"]
    assert len(incidents) >= 20
    assert set(incidents["lifeline"]) == LIFELINES
    assert truth["asset"].isin(city.assets.index).all()
    assert (truth["start"] < truth["end"]).all()
    known = set(city.sensors.index)
    for sensors in truth["sensors"]:
        assert sensors
        assert set(sensors.split(";")) <= known
    causes = truth["caused_by"][truth["caused_by"] != ""]
    assert set(causes) <= set(truth["incident"])
    assert {"storm-1", "leak-below-road-1"} <= set(causes)


def test_truth_names_all_kinds_of_fault(truth: pd.DataFrame) -> None:
    faults = set(truth.loc[truth["class"] == "sensor_fault", "kind"])
    assert faults == {"outage", "spikes", "stuck", "drift", "clock_ahead", "clock_offset"}


def test_faults_show_in_the_readings(city: City, truth: pd.DataFrame) -> None:
    faults = truth[truth["class"] == "sensor_fault"].set_index("kind")
    offset = faults.loc["clock_offset", "sensors"]
    node = city.readings["pressure/irregular"].to_dataset()
    assert is_ragged(node)
    minutes = series(node, offset).time.astype("datetime64[m]").astype(int) % 15
    assert set(minutes.tolist()) == {7}
    ahead = series(
        city.readings["flow/irregular"].to_dataset(), faults.loc["clock_ahead", "sensors"]
    )
    others = city.readings["flow/15min"]["time"].to_numpy()
    assert ahead.time.max() > others.max() + np.timedelta64(7, "h")
    outage = faults.loc[["outage"]].iloc[0]
    clock = city.sensors["clock"][outage["sensors"]]
    time = series(city.readings[clock].to_dataset(), outage["sensors"]).time
    start, end = (np.datetime64(outage[edge][:-1]) for edge in ("start", "end"))
    step = np.timedelta64(int(city.sensors["interval_s"][outage["sensors"]]), "s")
    assert not ((time > start + step) & (time < end - step)).any()


def test_a_leak_shows_most_where_it_is(city: City, truth: pd.DataFrame) -> None:
    leak = truth.set_index("incident").loc["gas-leak-b-1"]
    line = series(city.readings["methane/event"].to_dataset(), leak["sensors"].split(";")[0])
    start, end = (np.datetime64(leak[edge][:-1]) for edge in ("start", "end"))
    during = line.value[(line.time > start) & (line.time < end)]
    assert during.max() > 0.3
    assert line.value[line.time < start].max() < during.max()


def test_roll_ups_reach_thirteen_months_and_end_with_the_readings(city: City) -> None:
    daily = city.daily
    assert daily["date"].min() == pd.Timestamp("2025-10-01")
    assert daily["date"].max() == pd.Timestamp("2026-10-31")
    assert not daily.duplicated(["sensor", "date"]).any()
    assert (daily["min"] <= daily["mean"] + 0.01).all()
    assert (daily["mean"] <= daily["max"] + 0.01).all()
    sensor = city.sensors.index[city.sensors["clock"] == "pressure/15min"][0]
    line = series(city.readings["pressure/15min"].to_dataset(), sensor)
    local = (line.time + np.timedelta64(8, "h")).astype("datetime64[D]")
    mean = line.value[local == np.datetime64("2026-10-20")].mean()
    row = daily[(daily["sensor"] == sensor) & (daily["date"] == pd.Timestamp("2026-10-20"))]
    assert row["mean"].item() == pytest.approx(mean, abs=0.02)


def test_truth_is_written_beside_the_folder(
    built: tuple[City, pd.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "build_city", lambda *_args, **_kwargs: built)
    out = build.write_demo("small", 1, tmp_path / "wuhan")
    inside = [file.name for file in out.rglob("*")]
    assert not [name for name in inside if "truth" in name]
    assert (tmp_path / "wuhan-truth.csv").exists()
    text = "".join(file.read_text() for file in (out / "city.toml", out / "manifest.json"))
    assert "truth" not in text
    assert set(City.open(out).sensors.columns).isdisjoint({"role", "node"})


def test_roles_measure_known_quantities() -> None:
    for role in ROLES.values():
        assert role.quantity in QUANTITIES
        assert role.span[0] < role.span[1]
