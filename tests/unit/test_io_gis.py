"""Asset files: formats, and each fault with its one error."""

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely import LineString, Point

from lifeline_kit.errors import AssetsError, CrsError, InputError
from lifeline_kit.io.gis import read_assets
from lifeline_kit.io.mapping import AssetMapping, FileMapping

FIXTURES = Path(__file__).parents[1] / "fixtures"
CODED = FileMapping(assets=AssetMapping(id="code"))


def pipes(crs="EPSG:4547", **changes) -> gpd.GeoDataFrame:
    data = {
        "asset": ["P1", "P2"],
        "lifeline": "gas",
        "kind": "pipe",
        "diameter_mm": [200, 300],
        "geometry": [
            LineString([(5e5, 3e6), (5e5 + 90, 3e6)]),
            LineString([(5e5, 3e6), (5e5, 4e6)]),
        ],
    }
    return gpd.GeoDataFrame(data | changes, crs=crs)


@pytest.mark.parametrize("suffix", [".parquet", ".gpkg", ".shp"])
def test_formats_give_the_same_table_and_leave_the_disk_alone(tmp_path, suffix):
    path = tmp_path / f"pipes{suffix}"
    # a Shapefile knows ten letters of a column's name
    frame = pipes().rename(columns={"diameter_mm": "DN"})
    frame.to_parquet(path) if suffix == ".parquet" else frame.to_file(path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    mapping = FileMapping(assets=AssetMapping(columns={"diameter_mm": "DN"}))
    table, notes = read_assets(path, mapping=mapping)
    assert table.index.tolist() == ["P1", "P2"]
    assert table["diameter_mm"].tolist() == [200, 300]
    assert table["real_or_simulated"].unique().tolist() == ["real"]
    assert table["year"].isna().all()
    assert not notes
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_lon_lat_becomes_metric_and_is_told():
    table, notes = read_assets(FIXTURES / "stations.geojson", mapping=CODED)
    assert table.crs.to_epsg() == 4547
    assert table["year"].tolist() == [1998, 2010]
    assert table.geometry.iloc[0].distance(table.geometry.iloc[1]) == pytest.approx(1466, abs=10)
    assert "converted from lon/lat" in notes[0].en
    assert "EPSG:4547" in notes[0].zh


def test_outside_china_the_zone_is_utm(tmp_path):
    path = tmp_path / "a.geojson"
    pipes(crs=4326, geometry=[Point(-70.6, -33.4), Point(-70.5, -33.4)]).to_file(path)
    assert read_assets(path).table.crs.to_epsg() == 32719


def test_mapping_supplies_crs_lifeline_and_kinds(tmp_path):
    path = tmp_path / "a.parquet"
    pipes(crs=None, kind=["管段", "阀门"]).drop(columns="lifeline").to_parquet(path)
    said = AssetMapping(crs="EPSG:4547", lifeline="gas", kinds={"管段": "pipe", "阀门": "valve"})
    table = read_assets(path, mapping=FileMapping(assets=said)).table
    assert table["kind"].tolist() == ["pipe", "valve"]
    assert table.crs.to_epsg() == 4547


EMPTY, INFINITE = LineString(), LineString([(5e5, np.inf), (5e5, 4e6)])
GOOD = LineString([(5e5, 3e6), (5e5 + 90, 3e6)])
with np.errstate(invalid="ignore"):
    NOT_A_NUMBER = LineString([(5e5, np.nan), (5e5, 4e6)])
MIXED = shapely.GeometryCollection([Point(5e5, 3e6)])
TABLE_FAULTS = {
    "no crs": ({"crs": None}, CrsError, r"no coordinate reference system.*\[assets\] crs"),
    "degrees said, metres meant": ({"crs": 4326}, CrsError, "they look projected"),
    "feet": ({"crs": 2263}, CrsError, "whose unit is US survey foot"),
    "metres said, degrees meant": (
        {"geometry": [Point(114, 30), Point(114, 31)]},
        CrsError,
        "they look like degrees",
    ),
    "same id": ({"asset": ["P1", "P1"]}, AssetsError, r"id 'P1' stands more than once.*row 2"),
    "no id": ({"asset": ["P1", None]}, AssetsError, "row 2 has no id"),
    "unknown lifeline": ({"lifeline": "wine"}, AssetsError, "'P1' has lifeline 'wine'"),
    "no geometry": ({"geometry": [GOOD, None]}, AssetsError, r"'P2' \(row 2\) has no geometry"),
    "empty geometry": ({"geometry": [GOOD, EMPTY]}, AssetsError, "'P2' .* has no geometry"),
    "infinite": ({"geometry": [GOOD, INFINITE]}, AssetsError, "'P2' .* NaN or infinite"),
    "nan": ({"geometry": [GOOD, NOT_A_NUMBER]}, AssetsError, "'P2' .* NaN or infinite"),
    "collection": ({"geometry": [GOOD, MIXED]}, AssetsError, "'P2' .* is a GeometryCollection"),
    "words": ({"diameter_mm": ["200", "wide"]}, AssetsError, "'P2': diameter_mm is 'wide'"),
    "infinite number": ({"diameter_mm": [1.0, np.inf]}, AssetsError, "'P2': diameter_mm is .*inf"),
}


@pytest.mark.parametrize("fault", TABLE_FAULTS)
def test_each_fault_of_a_table_gives_one_error(tmp_path, fault):
    changes, error, match = TABLE_FAULTS[fault]
    path = tmp_path / "faulty.parquet"
    pipes(**changes).to_parquet(path)
    with pytest.raises(error, match=match) as caught:
        read_assets(path)
    assert "faulty.parquet" in str(caught.value)


@pytest.mark.parametrize("column", ["asset", "lifeline", "kind"])
def test_missing_columns_are_named_with_what_was_found(tmp_path, column):
    path = tmp_path / "a.parquet"
    pipes().drop(columns=column).to_parquet(path)
    with pytest.raises(AssetsError, match=f"column '{column}'.*is missing; found.*diameter_mm"):
        read_assets(path)


def test_mapped_columns_that_are_not_there(tmp_path):
    path = tmp_path / "a.parquet"
    pipes().to_parquet(path)
    with pytest.raises(AssetsError, match="column 'DN' of the mapping file is not there"):
        read_assets(path, mapping=FileMapping(assets=AssetMapping(columns={"diameter_mm": "DN"})))
    with pytest.raises(AssetsError, match="column 'nr' with the ids is missing"):
        read_assets(path, mapping=FileMapping(assets=AssetMapping(id="nr")))
    with pytest.raises(CrsError, match="crs 'EPSG:1' of the mapping file is not known"):
        read_assets(path, mapping=FileMapping(assets=AssetMapping(crs="EPSG:1")))


@pytest.mark.parametrize("suffix", [".parquet", ".gpkg", ".geojson", ".shp"])
def test_empty_and_truncated_files(tmp_path, suffix):
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(b"")
    with pytest.raises(InputError, match="the file is empty"):
        read_assets(path)
    frame = pipes().rename(columns={"diameter_mm": "DN"})
    frame.to_parquet(path) if suffix == ".parquet" else frame.to_file(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises((InputError, AssetsError), match=f"cut{suffix}"):
        read_assets(path)


def test_files_that_are_not_what_they_say(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK no zip at all")
    with pytest.raises(InputError, match=r"a\.zip: the name says zip archive"):
        read_assets(tmp_path / "a.zip")
    (tmp_path / "a.dwg").write_bytes(b"AC1027")
    with pytest.raises(InputError, match=r"suffix '\.dwg' is not known"):
        read_assets(tmp_path / "a.dwg")
    (tmp_path / "a.gpkg").write_bytes(b"no database")
    with pytest.raises(InputError, match=r"a\.gpkg: cannot be read as gpkg"):
        read_assets(tmp_path / "a.gpkg")
    with pytest.raises(InputError, match="no such file"):
        read_assets(tmp_path / "gone.gpkg")


def test_geojson_without_features_or_geometry(tmp_path):
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": []}))
    with pytest.raises((AssetsError, InputError), match=r"a\.geojson"):
        read_assets(path)
    feature = {"type": "Feature", "properties": {"asset": "a"}, "geometry": None}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    with pytest.raises((AssetsError, InputError), match=r"a\.geojson"):
        read_assets(path)


def test_length_is_measured_where_the_file_has_none(tmp_path) -> None:
    import geopandas as gpd
    from shapely import LineString

    from lifeline_kit.io.gis import read_assets

    lines = gpd.GeoDataFrame(
        {"asset": ["P1"], "lifeline": ["water"], "kind": ["pipe"]},
        geometry=[LineString([(500_000, 3_380_000), (500_300, 3_380_400)])],
        crs="EPSG:32650",
    )
    lines.to_parquet(tmp_path / "pipes.parquet")
    assert read_assets(tmp_path / "pipes.parquet").table["length_m"].tolist() == [500.0]
