"""A city from files of one's own."""

from pathlib import Path

import numpy as np
import pytest

from lifeline_kit.errors import InputError, MappingError, ReadingsError
from lifeline_kit.io.files import SHIPPED, city_from_files
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import nodes, series

FIXTURES = Path(__file__).parents[1] / "fixtures"


def test_one_asset_per_file_without_a_place():
    paths = [FIXTURES / "UniBw_2022-04-11_demo_load.csv", FIXTURES / "two_forces.csv"]
    loaded = city_from_files(paths, lifeline="bridges")
    city = loaded.city
    assert city.assets.index.tolist() == ["UniBw_2022-04-11_demo_load", "two_forces"]
    assert city.assets.geometry.isna().all()
    assert set(city.assets["kind"]) == {"bridge"}
    assert city.sensors.index.tolist() == [
        "UniBw_2022-04-11_demo_load.DMS_CN",
        "two_forces.FRC-01",
        "two_forces.FRC-02",
    ]
    assert city.sensors["interval_s"].tolist() == pytest.approx([0.01, 0.0105, 0.0105])
    assert city.sensors["range_min"].isna().all()
    assert sorted(path for path, _ in nodes(city.readings)) == [
        "force/two_forces",
        "strain/UniBw_2022-04-11_demo_load",
    ]
    assert (city.origin, city.crs, len(city.areas)) == ("real", "", 0)
    notes = [note.en for note in loaded.notes]
    assert sum("Asia/Shanghai" in note for note in notes) == 1
    assert any("UniBw_2022-04-11_demo_load: The stamps print 2022-11-04" in n for n in notes)
    assert all(note.zh for note in loaded.notes)


def test_values_come_in_canonical_units():
    city = city_from_files([FIXTURES / "pump_station_gb18030.csv"], lifeline="water").city
    pressure = series(
        dict(nodes(city.readings))["pressure/pump_station_gb18030"],
        "pump_station_gb18030.一号泵站压力",
    )
    np.testing.assert_allclose(pressure.value, [320, 330, 310], rtol=1e-6)
    assert city.sensors["unit"].tolist() == ["kPa", "m3/h"]


def test_city_from_files_can_be_saved_and_opened(tmp_path):
    city = city_from_files([FIXTURES / "two_forces.csv"], lifeline="bridges").city
    city.save(tmp_path / "city")
    again = City.open(tmp_path / "city")
    assert again.sensors.index.tolist() == city.sensors.index.tolist()
    key = "force/two_forces"
    np.testing.assert_array_equal(
        dict(nodes(again.readings))[key]["value"], dict(nodes(city.readings))[key]["value"]
    )


def test_shipped_mappings_read_their_formats():
    water = city_from_files(
        [FIXTURES / "water_quality.csv"], mapping=SHIPPED / "gecco2018.toml"
    ).city
    assert len(water.sensors) == 9
    assert not any("EVENT" in sensor for sensor in water.sensors.index)
    assert np.isnan(dict(nodes(water.readings))["ph/water_quality"]["value"][0, 2])
    assert water.sensors.loc["water_quality.pH", ["range_min", "range_max"]].tolist() == [0, 14]
    gas = city_from_files([FIXTURES / "ambient_methane.csv"], mapping=SHIPPED / "metec.toml").city
    assert gas.sensors["quantity"].tolist() == ["methane_enhancement"]


def test_sensors_join_assets_by_column_or_by_mapping(tmp_path):
    readings = tmp_path / "PS-2.csv"
    readings.write_bytes((FIXTURES / "pump_station_gb18030.csv").read_bytes())
    mapping = tmp_path / "m.toml"
    mapping.write_text('[assets]\nid = "code"\n', encoding="utf-8")
    loaded = city_from_files([readings], assets=[FIXTURES / "stations.geojson"], mapping=mapping)
    assert set(loaded.city.sensors["asset"]) == {"PS-2"}
    assert loaded.city.crs == "EPSG:4547"
    assert loaded.city.sensors.geometry.x.between(3e5, 8e5).all()
    mapping.write_text('[assets]\nid = "code"\n[columns."瞬时流量"]\nasset = "PS-1"\n', "utf-8")
    loaded = city_from_files([readings], assets=[FIXTURES / "stations.geojson"], mapping=mapping)
    assert loaded.city.sensors["asset"].tolist() == ["PS-2", "PS-1"]


def test_sensors_that_join_nothing_are_told_how(tmp_path):
    mapping = tmp_path / "m.toml"
    mapping.write_text('[assets]\nid = "code"\n', encoding="utf-8")
    readings, assets = [FIXTURES / "pump_station_gb18030.csv"], [FIXTURES / "stations.geojson"]
    with pytest.raises(MappingError, match=r"'一号泵站压力\(MPa\)' belongs to no asset.*PS-1"):
        city_from_files(readings, assets=assets, mapping=mapping)
    mapping.write_text('asset = "PS-9"\n[assets]\nid = "code"\n', encoding="utf-8")
    with pytest.raises(MappingError, match=r"mapped to asset 'PS-9', which no asset file holds"):
        city_from_files(readings, assets=assets, mapping=mapping)


def test_files_of_the_same_name_stay_apart(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "log.csv").write_bytes((FIXTURES / "two_forces.csv").read_bytes())
    paths = [tmp_path / "a" / "log.csv", tmp_path / "b" / "log.csv"]
    loaded = city_from_files(paths, lifeline="bridges")
    assert loaded.city.assets.index.tolist() == ["log", "log-2"]
    assert loaded.city.sensors.index.is_unique
    assert any("log-2" in note.en for note in loaded.notes)


def test_columns_of_one_name_keep_their_units_in_the_id(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("time,strain (um/m),strain (ue)\n2026-01-01,1,2\n2026-01-02,1,2\n")
    city = city_from_files([path], lifeline="bridges").city
    assert city.sensors.index.tolist() == ["t.strain (um/m)", "t.strain (ue)"]


def test_faults_of_the_call(tmp_path):
    paths = [FIXTURES / "two_forces.csv"]
    with pytest.raises(MappingError, match=r"two_forces\.csv: no lifeline is named.*--lifeline"):
        city_from_files(paths)
    with pytest.raises(MappingError, match="--lifeline: lifeline 'wine' is not known"):
        city_from_files(paths, lifeline="wine")
    with pytest.raises(MappingError, match="no file of readings"):
        city_from_files([], lifeline="bridges")
    with pytest.raises(InputError, match="name an existing file"):
        city_from_files([tmp_path / "gone.csv"], lifeline="bridges")
    mapping = tmp_path / "m.toml"
    mapping.write_text('[columns.FRC-03]\nquantity = "force"\n', encoding="utf-8")
    with pytest.raises(MappingError, match=r"\[columns\.FRC-03\] is in no file; found"):
        city_from_files(paths, mapping=mapping, lifeline="bridges")
    mapping.write_text('ignore = ["FRC-01", "FRC-02"]\n', encoding="utf-8")
    with pytest.raises(MappingError, match=r"two_forces\.csv"):
        city_from_files(paths, mapping=mapping, lifeline="bridges")
    short = tmp_path / "short.csv"
    short.write_text("time,strain (um/m)\n2026-01-01,1\n")
    with pytest.raises(ReadingsError, match="1 usable rows"):
        city_from_files([short], lifeline="bridges")
