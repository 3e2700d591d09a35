"""Coordinates: zones, axes, old datums, displaced maps; what is mended is said or refused."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
from shapely import LineString, Point

from lifeline_kit.errors import AssetsError, CrsError, MappingError
from lifeline_kit.io.gcj import to_bd09, to_gcj02
from lifeline_kit.io.gis import read_assets, read_reported
from lifeline_kit.io.mapping import AssetMapping, FileMapping, read_mapping

EAST, NORTH = 530_000.0, 3_380_000.0


def said(**changes) -> FileMapping:
    return FileMapping(assets=AssetMapping(**changes))


def wells(places, crs, **columns) -> gpd.GeoDataFrame:
    n = len(places)
    data = {"asset": [f"W{i}" for i in range(n)], "lifeline": "water", "kind": "manhole"}
    return gpd.GeoDataFrame(data | columns, geometry=[Point(*xy) for xy in places], crs=crs)


def saved(tmp_path, frame):
    path = tmp_path / "wells.parquet"
    frame.to_parquet(path)
    return path


TRUE = np.array([(EAST, NORTH), (EAST + 700, NORTH + 300)])
NUMBERED = np.add(TRUE, [38e6, 0])


@pytest.mark.parametrize(
    ("places", "crs", "words"),
    [
        (TRUE, "EPSG:4547", ""),
        (TRUE[:, ::-1], "EPSG:4547", "X is the northing"),
        (NUMBERED, "EPSG:4547", "carry the zone number 38"),
        (NUMBERED[:, ::-1], "EPSG:4547", "carry the zone number 38"),
    ],
)
def test_zone_numbers_and_swapped_axes_are_mended_and_told(tmp_path, places, crs, words):
    table, notes = read_assets(saved(tmp_path, wells(places, crs)))
    np.testing.assert_allclose(table.get_coordinates().to_numpy(), TRUE)
    assert words in " ".join(note.en for note in notes)
    assert bool(notes) == bool(words)


def test_a_prefixed_crs_takes_both_writings(tmp_path):
    for places in (TRUE, NUMBERED):
        table = read_assets(saved(tmp_path, wells(places, "EPSG:4526"))).table
        np.testing.assert_allclose(table.get_coordinates().to_numpy(), NUMBERED)


def test_a_zone_number_that_contradicts_the_crs_is_refused(tmp_path):
    with pytest.raises(CrsError, match=r"zone 39 \(central meridian 117\).*has 114"):
        read_assets(saved(tmp_path, wells(np.add(TRUE, [39e6, 0]), "EPSG:4547")))


def test_a_missing_crs_is_refused_with_a_hint(tmp_path):
    with pytest.raises(CrsError, match=r"no coordinate reference system.*EPSG:4526"):
        read_assets(saved(tmp_path, wells(NUMBERED[:, ::-1], None)))


def test_swapped_longitude_and_latitude(tmp_path):
    table, notes = read_assets(saved(tmp_path, wells([(30.5, 114.3), (30.6, 114.4)], "EPSG:4490")))
    assert "swapped" in notes[0].en
    assert table.crs.to_epsg() == 4547
    assert table.geometry.x.between(5e5, 6e5).all()


@pytest.mark.parametrize("crs", ["EPSG:4214", "EPSG:4610", "EPSG:2435", "EPSG:2383", "EPSG:21418"])
def test_old_datums_are_refused_without_parameters(tmp_path, crs):
    places = [(114.3, 30.5), (114.4, 30.6)]
    frame = wells(places, "EPSG:4490")
    frame = frame.set_crs(crs, allow_override=True)
    if frame.crs.is_projected:
        way = pyproj.Transformer.from_crs(frame.crs.geodetic_crs, frame.crs, always_xy=True)
        frame = wells([way.transform(*xy) for xy in places], crs)
    with pytest.raises(CrsError, match=r"tens of metres off in CGCS2000.*towgs84"):
        read_assets(saved(tmp_path, frame))


def test_three_and_seven_parameters_shift_an_old_datum(tmp_path):
    shift = (15.8, -154.4, -82.3)
    old = pyproj.CRS.from_proj4("+proj=longlat +ellps=krass +towgs84=15.8,-154.4,-82.3 +no_defs")
    way = pyproj.Transformer.from_crs("EPSG:4326", old, always_xy=True)
    true = np.array([(114.3, 30.5), (114.4, 30.6)])
    places = [way.transform(*xy) for xy in true]
    assert np.abs(np.array(places) - true).max() * 1e5 > 30  # metres: worth refusing
    for values in (shift, (*shift, 0.0, 0.0, 0.0, 0.0)):
        mapping = said(towgs84=values)
        path = saved(tmp_path, wells(places, "EPSG:4214"))
        (table, _), report = read_reported(path, mapping=mapping)
        back = table.to_crs("EPSG:4326").get_coordinates().to_numpy()
        np.testing.assert_allclose(back, true, atol=1e-7)
        assert f"by the {len(values)} parameters" in report.decided["datum"].en
    projected = gpd.GeoSeries.from_xy(*np.array(places).T, crs="EPSG:4214").to_crs("EPSG:2435")
    frame = wells(np.column_stack([projected.x, projected.y]), "EPSG:2435")
    table = read_assets(saved(tmp_path, frame), mapping=said(towgs84=shift)).table
    back = table.to_crs("EPSG:4326").get_coordinates().to_numpy()
    np.testing.assert_allclose(back, true, atol=1e-7)
    with pytest.raises(CrsError, match="expected 3 or 7 numbers"):
        read_assets(saved(tmp_path, frame), mapping=said(towgs84=(1.0, 2.0)))


def test_four_parameters_and_control_points(tmp_path):
    angle, scale = np.radians(12 / 3600), 1 + 8e-6
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    new = TRUE @ turn.T + [65.0, -40.0]
    mapping = said(planar=(65.0, -40.0, 12.0, 8.0), crs_to="EPSG:4547")
    table = read_assets(saved(tmp_path, wells(TRUE, "EPSG:2435")), mapping=mapping).table
    np.testing.assert_allclose(table.get_coordinates().to_numpy(), new, atol=1e-4)
    assert table.crs.to_epsg() == 4547
    old = np.array([(520e3, 3.37e6), (540e3, 3.39e6), (525e3, 3.392e6)])
    control = tuple(map(tuple, np.column_stack([old, old @ turn.T + [65.0, -40.0]])))
    mapping = said(control=control, crs_to="EPSG:4547")
    path = saved(tmp_path, wells(TRUE, "EPSG:2435"))
    (table, _), report = read_reported(path, mapping=mapping)
    np.testing.assert_allclose(table.get_coordinates().to_numpy(), new, atol=1e-3)
    assert "3 control points (RMSE 0.000 m)" in report.decided["datum"].en
    wrong = (*control[:2], (*control[2][:2], control[2][2] + 30, control[2][3]))
    with pytest.raises(CrsError, match="Check point 3"):
        read_assets(path, mapping=said(control=wrong, crs_to="EPSG:4547"))
    with pytest.raises(CrsError, match="crs_to"):
        read_assets(path, mapping=said(control=control))


LONLAT = np.array([(114.30, 30.50), (114.31, 30.51)])


@pytest.mark.parametrize(("datum", "there"), [("gcj02", to_gcj02), ("bd09", to_bd09)])
def test_displaced_coordinates_are_brought_back_where_they_are_tagged(tmp_path, datum, there):
    places = np.column_stack(there(*LONLAT.T))
    by_mapping = read_assets(saved(tmp_path, wells(places, "EPSG:4326")), mapping=said(datum=datum))
    tagged = wells(places, "EPSG:4326", 坐标系={"gcj02": "GCJ-02", "bd09": "百度"}[datum])
    by_column = read_assets(saved(tmp_path, tagged))
    for table, notes in (by_mapping, by_column):
        back = table.to_crs("EPSG:4490").get_coordinates().to_numpy()
        np.testing.assert_allclose(back, LONLAT, atol=1e-8)
        assert any("displaced coordinates" in note.en for note in notes)
        assert table.crs.to_epsg() == 4547
    with pytest.raises(CrsError, match="in metres; displaced coordinates are"):
        read_assets(saved(tmp_path, wells(TRUE, "EPSG:4547")), mapping=said(datum=datum))


def test_displaced_points_are_recognised_by_the_pipes_they_should_lie_on(tmp_path):
    rng = np.random.default_rng(5)
    pipes = gpd.GeoDataFrame(
        geometry=[
            LineString([(EAST + 400 * i, NORTH), (EAST + 400 * i, NORTH + 3000)]) for i in range(5)
        ],
        crs="EPSG:4547",
    )
    on = np.column_stack([EAST + 400 * rng.integers(0, 5, 60), NORTH + rng.uniform(0, 3000, 60)])
    true = gpd.GeoSeries.from_xy(*on.T, crs="EPSG:4547").to_crs("EPSG:4326")
    displaced = np.column_stack(to_gcj02(true.x.to_numpy(), true.y.to_numpy()))
    path = saved(tmp_path, wells(displaced, "EPSG:4326"))
    (table, _), report = read_reported(path, near=[pipes])
    assert np.abs(table.get_coordinates().to_numpy() - on).max() < 0.01
    assert "within 5 m" in report.decided["datum"].en
    path = saved(tmp_path, wells(np.column_stack([true.x, true.y]), "EPSG:4326"))
    (table, _), report = read_reported(path, near=[pipes])
    assert "datum" not in report.decided
    assert np.abs(table.get_coordinates().to_numpy() - on).max() < 0.01


def test_tables_with_coordinates(tmp_path):
    path = tmp_path / "stations.csv"
    text = (
        "编号,lifeline,kind,经度,纬度\n007,water,pump,114.30,30.50\n008,water,pump,114.31,30.51\n"
    )
    path.write_bytes(text.encode("gb18030"))
    (table, _), report = read_reported(path)
    assert table.index.tolist() == ["007", "008"]
    assert table.crs.to_epsg() == 4547
    assert "GB18030" in report.decided["encoding"].en
    rows = [f"W{i},{n},{e}" for i, (e, n) in enumerate(TRUE)]
    path.write_text("\n".join(["id,X,Y", *rows]), encoding="utf-8")
    mapping = FileMapping(assets=AssetMapping(crs="EPSG:4547", kind="manhole"))
    (table, notes), _ = read_reported(path, mapping=mapping, lifeline="drainage")
    np.testing.assert_allclose(table.get_coordinates().to_numpy(), TRUE)
    assert "as surveyors write them" in notes[-1].en
    assert set(table["lifeline"]) == {"drainage"}
    with pytest.raises(CrsError, match="no coordinate reference system"):
        read_reported(path, mapping=said(kind="manhole"), lifeline="drainage")
    path.write_text("id,lifeline,kind,a,b\nW,water,pump,1,2\n", encoding="utf-8")
    with pytest.raises(AssetsError, match=r"no columns of coordinates.*\[assets\] x"):
        read_assets(path)
    path.write_text("id,lifeline,kind,lon,lat\nW,water,pump,here,2\n", encoding="utf-8")
    with pytest.raises(AssetsError, match="'here' in row 1"):
        read_assets(path)
    frame = pd.DataFrame(
        {"id": ["A"], "lifeline": "gas", "kind": "pipe", "wkt": ["LINESTRING (1 1, 2 2)"]}
    )
    frame.to_excel(tmp_path / "pipes.xlsx", index=False)
    table = read_assets(tmp_path / "pipes.xlsx", mapping=said(crs="EPSG:4326")).table
    assert table["length_m"].iloc[0] > 1e5


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("datum = 'mars bar'", "datum 'mars bar' is not known"),
        ("towgs84 = ['a']", "expected a list of numbers"),
        ("control = [1, 2]", "expected a list of numbers"),
    ],
)
def test_faults_of_the_mapping_file(tmp_path, text, match):
    path = tmp_path / "m.toml"
    path.write_text(f"[assets]\n{text}\n")
    with pytest.raises(MappingError, match=match):
        read_mapping(path)


def test_targets_that_are_no_columns_are_refused_by_name(tmp_path):
    path = saved(tmp_path, wells(TRUE, "EPSG:4547", DN=[100, 200]))
    with pytest.raises(MappingError, match=r"\[assets\] columns: 'diameter' is no column"):
        read_assets(path, mapping=said(columns={"diameter": "DN"}))
