"""Areas with people out of a GIS file, and the district of each asset."""

import geopandas as gpd
import pytest
from shapely import LineString, Point, box

from lifeline_kit.errors import AreasError, AssetsError, CrsError, InputError
from lifeline_kit.io.areas import read_areas
from lifeline_kit.io.files import city_from_files
from lifeline_kit.io.mapping import FileMapping
from lifeline_kit.io.merged import Finder

CRS = "EPSG:4547"
X, Y = 500_000.0, 3_380_000.0


def districts(**columns):
    table = {"编号": ["d1", "d2"], "人口": [1200, 800]} | columns
    boxes = [box(X, Y, X + 500, Y + 500), box(X + 500, Y, X + 1000, Y + 500)]
    return gpd.GeoDataFrame(table, geometry=boxes, crs=CRS)


@pytest.fixture
def layers(tmp_path):
    """A street of two pipes, a terminal's readings, two districts."""
    pipes = gpd.GeoDataFrame(
        {"asset": ["P1", "P2", "P1-2"], "lifeline": "gas", "kind": "pipe"},
        geometry=[
            LineString([(X + 10, Y + 10), (X + 400, Y + 10)]),
            LineString([(X + 600, Y + 10), (X + 900, Y + 10)]),
            LineString([(X + 5000, Y + 10), (X + 5100, Y + 10)]),
        ],
        crs=CRS,
    )
    pipes.to_file(tmp_path / "pipes.gpkg")
    districts().to_file(tmp_path / "districts.gpkg")
    (tmp_path / "readings.csv").write_text(
        "time (UTC),P1 pressure (kPa),P1-2 出口压力(kPa)\n"
        "2026-10-01 00:00,300,310\n2026-10-01 00:15,301,311\n",
        encoding="utf-8",
    )
    return tmp_path


def test_districts_bring_their_people_and_take_their_assets(layers):
    loaded = city_from_files(
        [layers / "readings.csv"],
        assets=[layers / "pipes.gpkg"],
        areas=layers / "districts.gpkg",
    )
    city = loaded.city
    assert city.areas["population"].to_dict() == {"d1": 1200, "d2": 800}
    assert set(city.areas["level"]) == {"district"}
    assert city.assets["district"].to_dict() == {"P1": "d1", "P2": "d2", "P1-2": ""}
    assert any("1 of 3 assets lie in no district" in note.en for note in loaded.notes)
    assert set(city.sensors["asset"]) == {"P1", "P1-2"}


def test_areas_need_assets_with_places(layers):
    with pytest.raises(AssetsError, match="give --assets as well"):
        city_from_files([layers / "readings.csv"], lifeline="gas", areas=layers / "districts.gpkg")


@pytest.mark.parametrize(
    ("made", "error", "match"),
    [
        (lambda: districts().drop(columns="人口"), AreasError, "'population' is missing.*人口"),
        (lambda: districts(人口=["many", "few"]), AreasError, "population is 'many'"),
        (lambda: districts(编号=["d1", "d1"]), AreasError, "'d1' stands more than once"),
        (lambda: districts(level=["village", "district"]), AreasError, "level 'village'"),
        (lambda: districts().set_geometry([Point(X, Y)] * 2, crs=CRS), AreasError, "is a Point"),
    ],
)
def test_each_mistake_is_said(tmp_path, made, error, match):
    path = tmp_path / "a.gpkg"
    made().to_file(path)
    with pytest.raises(error, match=match):
        read_areas(path, crs=CRS, notes=[])


def test_areas_without_a_reference_system_are_refused(tmp_path):
    path = tmp_path / "a.parquet"
    districts().set_crs(None, allow_override=True).to_parquet(path)
    with pytest.raises(CrsError, match="no coordinate reference system"):
        read_areas(path, crs=CRS, notes=[])


def test_an_absent_file_is_said(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_areas(tmp_path / "a.gpkg", crs=CRS, notes=[])


@pytest.mark.parametrize(
    ("name", "asset"),
    [
        ("P1", "P1"),
        ("P1/pressure", "P1"),
        ("P1 pressure", "P1"),
        ("P1_压力", "P1"),
        ("P1压力", "P1"),
        ("P1-2 pressure", "P1-2"),
        ("P1-3 pressure", None),
        ("P12压力", None),
        ("P1 something", None),
    ],
)
def test_a_column_is_its_assets_where_only_the_quantity_follows(name, asset):
    assert Finder(["P1", "P1-2"], FileMapping()).guess([name]) == asset
