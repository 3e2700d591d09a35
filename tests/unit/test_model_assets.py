"""Bad tables of assets, sensors and areas: one message each."""

from collections.abc import Callable

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import Point

from lifeline_kit.errors import (
    AreasError,
    AssetsError,
    CrsError,
    LifelineError,
    MappingError,
    SensorsError,
    UnitError,
)
from lifeline_kit.model.assets import check_areas, check_assets, check_sensors
from lifeline_kit.model.city import City

Table = gpd.GeoDataFrame


def _with(column: str, row: object, value: object) -> Callable[[Table], Table]:
    def changed(table: Table) -> Table:
        table = table.copy()
        table[column] = table[column].astype(object) if column != "geometry" else table[column]
        table.loc[row, column] = value
        return table

    return changed


def _renamed(ids: list) -> Callable[[Table], Table]:
    return lambda table: table.set_axis(pd.Index(ids, dtype=object, name=table.index.name))


def test_good_tables_pass_unchanged(tiny_city: City) -> None:
    assert check_assets(tiny_city.assets) is tiny_city.assets
    assert check_sensors(tiny_city.sensors, tiny_city.assets) is tiny_city.sensors
    assert check_areas(tiny_city.areas) is tiny_city.areas


BAD_ASSETS = {
    "no crs": (lambda t: t.set_crs(None, allow_override=True), CrsError, "no coordinate.*set_crs"),
    "degrees": (lambda t: t.to_crs(4326), CrsError, r"EPSG:4326 \(degree\).*to_crs"),
    "feet": (lambda t: t.to_crs(2263), CrsError, r"EPSG:2263 \(US survey foot\).*metric"),
    "no column": (lambda t: t.drop(columns="kind"), AssetsError, "'kind' is missing.*add it"),
    "wrong index": (lambda t: t.reset_index(drop=True), AssetsError, r"set_index\('asset'\)"),
    "twice": (_renamed(["W1", "W2", "W1", "G2", "R1", "R2"]), AssetsError, "'W1' stands more"),
    "no id": (_renamed(["W1", None, "G1", "G2", "R1", "R2"]), AssetsError, "row 2 has no asset id"),
    "empty place": (_with("geometry", "G1", Point()), AssetsError, "'G1' has no geometry"),
    "no place": (_with("geometry", "G1", None), AssetsError, "'G1' has no geometry.*remove"),
    "NaN": (_with("geometry", "G1", Point(1, np.nan)), AssetsError, "'G1'.*(NaN|no geometry)"),
    "inf": (_with("geometry", "G1", Point(1, np.inf)), AssetsError, "'G1' has NaN or infinite"),
    "word": (_with("year", "W2", "old"), AssetsError, "asset 'W2': year is 'old'; expected a fin"),
    "inf year": (_with("year", "W2", np.inf), AssetsError, "asset 'W2': year is inf"),
    "people": (_with("people", "W2", "many"), AssetsError, "asset 'W2': people is 'many'"),
    "load": (_with("load", "W2", "heavy"), AssetsError, "asset 'W2': load is 'heavy'"),
    "origin": (
        _with("real_or_simulated", "R1", "guessed"),
        AssetsError,
        "'R1': real_or_simulated is 'guessed'; expected 'real' or 'simulated'",
    ),
}


@pytest.mark.parametrize("case", BAD_ASSETS)
def test_bad_assets(tiny_city: City, case: str) -> None:
    spoil, error, words = BAD_ASSETS[case]
    before = tiny_city.assets.copy()
    with pytest.raises(error, match=words):
        check_assets(spoil(tiny_city.assets))
    pd.testing.assert_frame_equal(pd.DataFrame(tiny_city.assets), pd.DataFrame(before))


def test_assets_without_any_place_need_no_crs(tiny_city: City) -> None:
    nowhere = tiny_city.assets.set_geometry(gpd.GeoSeries([None] * 6, index=tiny_city.assets.index))
    assert check_assets(nowhere) is nowhere


BAD_SENSORS = {
    "stray": (_with("asset", "p1", "W9"), SensorsError, "'p1' sits on asset 'W9', which is not"),
    "unit": (
        _with("unit", "p1", "MPa"),
        SensorsError,
        r'\'p1\': pressure is in MPa, expected kPa; convert with units.convert\(values, "MPa"',
    ),
    "unknown unit": (_with("unit", "p1", "psy"), UnitError, "'psy' is not known"),
    "unknown quantity": (_with("quantity", "p1", "smell"), MappingError, "'smell' is not known"),
    "no column": (lambda t: t.drop(columns="clock"), SensorsError, "'clock' is missing"),
    "twice": (_renamed(["p1", "p1", "m1", "u1"]), SensorsError, "sensor id 'p1' stands more"),
    "no interval": (_with("interval_s", "u1", np.nan), SensorsError, "'u1': interval_s is nan"),
    "zero interval": (_with("interval_s", "u1", 0.0), SensorsError, "'u1': interval_s is 0"),
    "word": (_with("range_max", "u1", "high"), SensorsError, "'u1': range_max is 'high'; expected"),
    "degrees": (lambda t: t.to_crs(4326), CrsError, "sensors are in EPSG:4326"),
}


@pytest.mark.parametrize("case", BAD_SENSORS)
def test_bad_sensors(tiny_city: City, case: str) -> None:
    spoil, error, words = BAD_SENSORS[case]
    with pytest.raises(error, match=words):
        check_sensors(spoil(tiny_city.sensors), tiny_city.assets)


BAD_AREAS: dict[str, tuple[Callable[[Table], Table], type[LifelineError], str]] = {
    "level": (_with("level", "Z1", "village"), AreasError, "'Z1' has level 'village'.*district"),
    "people": (_with("population", "Z1", "many"), AreasError, "'Z1': population is 'many'"),
    "vulnerable": (_with("vulnerable", "Z1", np.inf), AreasError, "'Z1': vulnerable is inf"),
    "no crs": (lambda t: t.set_crs(None, allow_override=True), CrsError, "areas have no coord"),
    "no column": (lambda t: t.drop(columns="vulnerable"), AreasError, "'vulnerable' is missing"),
    "no place": (_with("geometry", "Z1", None), AreasError, "'Z1' has no geometry"),
}


@pytest.mark.parametrize("case", BAD_AREAS)
def test_bad_areas(tiny_city: City, case: str) -> None:
    spoil, error, words = BAD_AREAS[case]
    with pytest.raises(error, match=words):
        check_areas(spoil(tiny_city.areas))
