"""Consequence: worked values, continuity, extents over ducts, people by overlay."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from lifeline_kit.errors import InputError
from lifeline_kit.lifelines.gas.consequence import (
    SCREENING,
    assess,
    exposed,
    flammable_extents,
    gas_spaces,
    ring_text,
    rings,
    rupture_zones,
)
from lifeline_kit.methods.blast import (
    mixture_energy_mj,
    multi_energy_distance_m,
    multi_energy_kpa,
    orifice_rate_kg_s,
    rupture_radius_m,
    tnt_distance_m,
    tnt_equivalent_kg,
    tnt_overpressure_kpa,
)

CRS = "EPSG:32650"


@pytest.mark.parametrize(
    ("volume", "mass", "distances"),
    [(2.0, 0.33, (31, 12, 5.6, 2.7)), (500.0, 83.0, (197, 78, 35, 17))],
)
def test_tnt_bound_gives_the_worked_distances(volume, mass, distances):
    charge = tnt_equivalent_kg(mixture_energy_mj(volume, 9.5))
    assert charge == pytest.approx(mass, rel=0.01)
    found = [tnt_distance_m(p, charge) for p in (2, 7, 20, 70)]
    np.testing.assert_allclose(found, distances, rtol=0.04)


def test_tnt_polynomials_join_and_never_rise():
    for edge in (2.9, 23.8):
        below, above = tnt_overpressure_kpa(np.array([edge * (1 - 1e-9), edge * (1 + 1e-9)]), 1.0)
        assert below == pytest.approx(above, rel=0.01)
    reach = np.geomspace(0.2, 190.0, 4000)
    assert (np.diff(np.log(tnt_overpressure_kpa(reach, 1.0))) < 0.007).all()
    assert tnt_overpressure_kpa(1.0, 1.0) == pytest.approx(np.exp(7.2106), rel=1e-9)


def test_hole_in_a_pipe_chokes_as_worked():
    found = [1000 * orifice_rate_kg_s(5.0, p) for p in (2.0, 100.0, 400.0)]
    np.testing.assert_allclose(found, [0.87, 5.8, 14.5], rtol=0.01)
    assert orifice_rate_kg_s(5.0, 0.0) == 0.0


def test_rupture_radius_gives_the_published_vector():
    assert rupture_radius_m(762.0, 6894.757) / 0.3048 == pytest.approx(654.6, abs=0.1)
    assert rupture_radius_m(323.9, 400.0) == pytest.approx(20.0, abs=0.5)  # DN300
    with pytest.raises(InputError, match="diameter 0 mm"):
        rupture_radius_m(0, 400.0)


def test_multi_energy_grows_with_class_and_shrinks_with_distance():
    reach = np.geomspace(0.5, 400.0, 200)
    curves = np.array([multi_energy_kpa(reach, 7.0, k) for k in range(1, 11)])
    assert (np.diff(curves, axis=0) >= -1e-12).all()
    assert (np.diff(curves, axis=1) <= 1e-12).all()
    assert multi_energy_distance_m(70.0, 7.0, 3) == 0.0
    assert multi_energy_distance_m(2.0, 8 * 7.0, 7) == pytest.approx(
        2 * multi_energy_distance_m(2.0, 7.0, 7), rel=1e-6
    )
    with pytest.raises(InputError, match="class from 1 to 10"):
        multi_energy_kpa(1.0, 7.0, 11)


def test_energy_is_limited_by_oxygen_above_the_stoichiometric_mixture():
    assert mixture_energy_mj(1.0, 9.5) == pytest.approx(3.46)
    assert mixture_energy_mj(1.0, 4.75) == pytest.approx(1.73)
    assert mixture_energy_mj(1.0, 50.0) == pytest.approx(3.46 * 50.0 / 90.5)
    assert mixture_energy_mj(1.0, 100.0) == 0.0


@pytest.fixture
def street():
    """Four spaces in a row, 30 m apart; the third is lean and parts the fourth from the others."""
    return gpd.GeoDataFrame(
        {"depth_m": [2.5, 2.5, 2.5, 2.5], "volume_m3": [2.0, np.nan, 2.0, 2.0]},
        geometry=[shapely.Point(30.0 * k, 0.0) for k in range(4)],
        index=pd.Index(["a", "b", "c", "d"], name="asset"),
        crs=CRS,
    )


LEVEL = pd.Series({"a": 9.5, "b": 20.0, "c": 1.0, "d": 6.0})
DUCTS = pd.DataFrame(
    {"from_asset": ["a", "b", "c"], "to_asset": ["b", "c", "d"], "length_m": [30.0] * 3}
)


def test_states_volumes_and_extents(street):
    gas = gas_spaces(street, LEVEL)
    assert gas["state"].tolist() == ["flammable", "rich", "lean", "flammable"]
    assert gas.loc["b", "volume_m3"] == pytest.approx(2.0)  # by depth
    assert gas.loc["b", "gas_m3"] == pytest.approx(0.4)
    extents = flammable_extents(gas, DUCTS)
    assert extents["extent"].tolist()[2] == -1
    assert extents.loc["a", "extent"] == extents.loc["b", "extent"] != extents.loc["d", "extent"]
    between = mixture_energy_mj(30.0 * 0.25, 0.5 * (9.5 + 20.0))
    both = gas.loc[["a", "b"], "energy_mj"].sum() + between
    assert extents.loc["a", "extent_energy_mj"] == pytest.approx(both)


def test_percent_lel_in_place_of_vol_is_refused(street):
    with pytest.raises(InputError, match=r"%LEL and ppm must be converted"):
        gas_spaces(street, pd.Series({"a": 180.0}))
    with pytest.raises(InputError, match="neither volume_m3 nor depth_m"):
        gas_spaces(street[[]], pd.Series({"a": 6.0}))


def test_people_and_sites_within_the_rings(street):
    cell = gpd.GeoDataFrame(
        {"population": [10_000.0]},
        geometry=[shapely.box(-500, -500, 500, 500)],
        index=pd.Index(["cell"], name="area"),
        crs=CRS,
    )
    school = gpd.GeoDataFrame(
        geometry=[shapely.Point(0, 25.0), shapely.Point(400, 400)],
        index=pd.Index(["school", "far"], name="asset"),
        crs=CRS,
    )
    result = assess(street, LEVEL, DUCTS, cell, school)
    ring = result.rings[(result.rings["extent"] == result.spaces.loc["a", "extent"])]
    wide = ring.iloc[0]
    assert wide["overpressure_kpa"] == 2.0
    assert wide["radius_m"] == max(wide["multi_energy_m"], wide["tnt_m"])
    assert wide["people"] == pytest.approx(wide.geometry.area / 1e6 * 10_000, rel=1e-6)
    assert wide["sites"] == ("school",)
    assert wide["strength"] == 9  # 30 m of duct
    assert result.caveat is SCREENING
    assert all("not a permit calculation" in line.en for line in ring_text(result.rings))
    with pytest.raises(InputError, match="one metric CRS"):
        exposed(result.rings, cell.to_crs("EPSG:4326"), school)


def test_no_gas_makes_no_ring(street):
    gas = gas_spaces(street, pd.Series({"a": 0.5, "b": 1.0}))
    extents = flammable_extents(gas, DUCTS)
    assert (extents["extent"] == -1).all()
    placed = gpd.GeoDataFrame(gas.join(extents), geometry=street.geometry.loc[gas.index], crs=CRS)
    assert rings(placed).empty


def test_rupture_zone_of_each_pipe():
    pipes = gpd.GeoDataFrame(
        {"diameter_mm": [323.9], "design_pressure_kpa": [400.0]},
        geometry=[shapely.LineString([(0, 0), (100, 0)])],
        index=pd.Index(["p"], name="asset"),
        crs=CRS,
    )
    zone = rupture_zones(pipes).loc["p"]
    assert zone.geometry.bounds[3] == pytest.approx(zone["radius_m"])
