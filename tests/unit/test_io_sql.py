"""Readings from SQLite and from a real PostgreSQL, assets from PostGIS."""

import os
import sqlite3
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import sqlalchemy as sa
from shapely import LineString

from lifeline_kit.errors import InputError, MappingError
from lifeline_kit.io.files import city_from_files
from lifeline_kit.io.gis import read_assets
from lifeline_kit.io.mapping import AssetMapping, FileMapping, SqlMapping
from lifeline_kit.io.sources import Address, read_readings

NOW = np.datetime64("2026-11-01", "ms")


@pytest.fixture
def sqlite_file(tmp_path):
    path = tmp_path / "scada.db"
    with sqlite3.connect(path) as base:
        base.execute(
            "CREATE TABLE readings (测点 TEXT, 时间 TEXT, 监测项 TEXT, 数值 REAL, 单位 TEXT)"
        )
        rows = [
            (
                f"P{i % 3}",
                f"2026-09-01 {i // 12:02d}:{5 * (i % 12):02d}",
                "压力",
                0.3 + i / 1000,
                "MPa",
            )
            for i in range(200)
        ]
        base.executemany("INSERT INTO readings VALUES (?, ?, ?, ?, ?)", rows)
        base.execute("CREATE TABLE notes (words TEXT)")
    base.close()
    return path


def mapped(**said) -> FileMapping:
    return FileMapping(sql=SqlMapping(**said))


@pytest.mark.parametrize("said", [{"table": "readings"}, {"select": "SELECT * FROM readings"}])
def test_sqlite_by_table_and_by_query(sqlite_file, said):
    before = sqlite_file.read_bytes()
    address = f"sqlite:///{sqlite_file}"
    for path in (sqlite_file, Address(address), Path(address)):  # a Path loses slashes
        (table,) = read_readings(path, mapped(**said), now=NOW)
        assert table.sensors == ["P0", "P1", "P2"]
        assert table.value[0] == pytest.approx(300)
        assert table.report.counts["accepted"] == 200
    assert sqlite_file.read_bytes() == before


def test_which_table_is_asked_for_and_only_queries_are_run(sqlite_file, tmp_path):
    with pytest.raises(MappingError, match=r"2 tables \(notes, readings\); say which"):
        read_readings(sqlite_file, now=NOW)
    for bad in ("DELETE FROM readings", "SELECT 1; DROP TABLE readings"):
        with pytest.raises(MappingError, match="expected one SELECT"):
            read_readings(sqlite_file, mapped(select=bad), now=NOW)
    with pytest.raises(InputError, match=r"no such table: nowhere"):
        read_readings(sqlite_file, mapped(table="nowhere"), now=NOW)
    with pytest.raises(InputError, match=r"gone\.db.*no such file"):
        read_readings(tmp_path / "gone.db", now=NOW)
    (tmp_path / "no.db").write_bytes(b"hello")
    with pytest.raises(InputError, match="the content is not"):
        read_readings(tmp_path / "no.db", now=NOW)
    hostile = 'readings"; DROP TABLE readings; --'
    with pytest.raises(InputError, match="does not answer as asked"):
        read_readings(sqlite_file, mapped(table=hostile), now=NOW)
    assert read_readings(sqlite_file, mapped(table="readings"), now=NOW)


def test_an_unknown_kind_and_no_address():
    with pytest.raises(InputError, match=r"does not answer|not read"):
        read_readings(Address("postgresql+nothing://a@127.0.0.1/b"), now=NOW)


@pytest.fixture(scope="module")
def filled(postgres):
    engine = sa.create_engine(postgres)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE SCHEMA scada"))
        connection.execute(
            sa.text(
                "CREATE TABLE scada.readings AS SELECT 'P1'::text AS sensor, "
                "timestamptz '2026-09-01 00:00+08' + i * interval '1 second' AS time, "
                '(i % 97 + 300)::float8 AS "压力(kPa)" FROM generate_series(0, 149999) AS i'
            )
        )
    engine.dispose()
    return postgres


def test_postgres_streams_a_table_with_zoned_times(filled):
    (table,) = read_readings(Address(filled), mapped(table="scada.readings"), now=NOW)
    assert table.report.counts["accepted"] == 150_000
    assert table.time[0] == np.datetime64("2026-08-31T16:00")
    assert "name their zone" in table.report.decided["zone"].en
    np.testing.assert_array_equal(table.value, np.arange(150_000) % 97 + 300.0)
    query = 'SELECT * FROM scada.readings WHERE "压力(kPa)" > 390'
    loaded = read_readings(Address(filled), mapped(select=query), now=NOW)
    assert loaded[0].value.min() > 390


def test_postgres_is_only_read(filled):
    with pytest.raises(InputError, match="data-modifying"):
        read_readings(
            Address(filled),
            mapped(
                select="WITH gone AS (DELETE FROM scada.readings RETURNING *) SELECT * FROM gone"
            ),
            now=NOW,
        )
    with pytest.raises(InputError) as caught:
        read_readings(
            Address(filled.replace("tester@", "tester:secret@").replace("/postgres", "/nobase"))
        )
    assert "secret" not in str(caught.value)


def test_assets_from_postgis(postgres, tmp_path):
    engine = sa.create_engine(postgres)
    pipes = gpd.GeoDataFrame(
        {"code": ["P1", "P2"], "lifeline": "water", "kind": "pipe", "dn": [200, 300]},
        geometry=[
            LineString([(5e5, 3.4e6), (5e5 + 90, 3.4e6)]),
            LineString([(5e5, 3.4e6), (5e5, 3.5e6)]),
        ],
        crs="EPSG:4547",
    )
    with engine.begin() as connection:
        try:
            connection.execute(sa.text("CREATE EXTENSION postgis"))
        except sa.exc.DBAPIError:
            if os.environ.get("CI"):
                raise
            pytest.skip("PostGIS is not installed")
        connection.execute(
            sa.text(
                "CREATE TABLE pipes (code text, lifeline text, kind text, dn int, "
                "geom geometry(LineString, 4547))"
            )
        )
        for row in pipes.itertuples():
            connection.execute(
                sa.text("INSERT INTO pipes VALUES (:c, :l, :k, :d, ST_GeomFromText(:w, 4547))"),
                {
                    "c": row.code,
                    "l": row.lifeline,
                    "k": row.kind,
                    "d": row.dn,
                    "w": row.geometry.wkt,
                },
            )
    engine.dispose()
    said = FileMapping(assets=AssetMapping(id="code", columns={"diameter_mm": "dn"}))
    table = read_assets(Address(postgres), mapping=said).table
    assert table["diameter_mm"].tolist() == [200, 300]
    assert table.crs.to_epsg() == 4547
    readings = tmp_path / "P1.csv"
    readings.write_text(
        "时间,压力(MPa)\n2026-09-01 00:00,0.3\n2026-09-01 00:05,0.31\n", encoding="utf-8"
    )
    mapping = tmp_path / "m.toml"
    mapping.write_text(
        '[assets]\nid = "code"\ncolumns = { diameter_mm = "dn" }\n', encoding="utf-8"
    )
    city = city_from_files([readings], assets=[Address(postgres)], mapping=mapping).city
    assert city.sensors["asset"].tolist() == ["P1"]
