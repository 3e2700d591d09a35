"""Files as control rooms export them: what must not come out wrong without a word."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from lifeline_kit.errors import AssetsError, InputError, MappingError
from lifeline_kit.io.archives import decode
from lifeline_kit.io.files import city_from_files
from lifeline_kit.io.gis import read_reported
from lifeline_kit.io.headers import split_header
from lifeline_kit.io.long import LongTable
from lifeline_kit.io.mapping import AssetMapping, FileMapping
from lifeline_kit.io.sources import read_readings
from lifeline_kit.io.tables import Table, read_tables
from lifeline_kit.model.readings import nodes

HOURS = pd.date_range("2025-01-01", periods=30, freq="h")
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(*lines: str, name: str = "f.csv", encoding: str = "gb18030") -> Path:
        path = tmp_path / name
        path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
        return path

    return written


def read(path: Path, mapping: FileMapping | None = None) -> Table | LongTable:
    (table,) = read_tables(path, mapping)
    return table


@pytest.mark.parametrize(
    ("header", "first", "words"),
    [
        ("time (UTC)", "2025-01-01T00:00", "UTC, as the header"),
        ("time_utc", "2025-01-01T00:00", "UTC, as the header"),
        ("时间（GMT+8）", "2024-12-31T16:00", r"UTC\+08:00, as the header"),
        ("北京时间", "2024-12-31T16:00", "Asia/Shanghai, as the header"),
        ("时间", "2024-12-31T16:00", "name no time zone"),
    ],
)
def test_a_zone_in_the_header_of_the_times_counts(write, header, first, words):
    table = read(write(f"{header},压力(kPa)", *(f"{t},1" for t in HOURS)))
    assert table.time[0] == np.datetime64(first)
    assert pd.Series(table.report.decided["zone"].en).str.contains(words).all()
    told = read(
        write(f"{header},压力(kPa)", *(f"{t},1" for t in HOURS)), FileMapping(time_zone="UTC")
    )
    assert told.time[0] == np.datetime64("2025-01-01T00:00"), "the mapping file goes before"


def test_date_and_hour_in_ten_digits_are_no_seconds(write):
    table = read(write("时间,压力(kPa)", *(f"{t:%Y%m%d%H},1" for t in HOURS)))
    assert table.time[[0, -1]].tolist() == [
        pd.Timestamp("2024-12-31T16:00").to_pydatetime(),
        pd.Timestamp("2025-01-01T21:00").to_pydatetime(),
    ]
    seconds = [2_000_000_000 + 3600 * i for i in range(30)]  # of 2033, which is not dates
    table = read(write("时间,压力(kPa)", *(f"{s},1" for s in seconds)))
    assert table.time[0] == np.datetime64("2033-05-18T03:33:20")


@pytest.mark.parametrize(
    "form",
    ["%m/%d/%Y %I:%M:%S %p", "%Y-%m-%d %I:%M p.m.", "%Y/%m/%d 下午 %I:%M:%S", "%Y-%m-%d %p%I:%M"],
)
def test_halves_of_the_day(write, form):
    days = pd.date_range("2025-01-13 13:05", periods=5, freq="D")
    table = read(write("时间,压力(kPa)", *(f"{t.strftime(form)},1" for t in days)))
    assert table.time[0] == np.datetime64("2025-01-13T05:05")
    noon = [
        t.strftime("%Y-%m-%d %I:%M %p") for t in pd.date_range("2025-01-13", periods=2, freq="12h")
    ]
    table = read(write("时间,压力(kPa)", *(f"{t},1" for t in noon)))
    assert np.diff(table.time).tolist() == [pd.Timedelta("12h").to_pytimedelta()]


def test_points_part_thousands_where_the_comma_is_the_decimal_sign(write):
    rows = [f"{t};{i},5;1.2{i:02d};0.3{i:02d}" for i, t in enumerate(HOURS)]
    table = read(write("Time;Pressure (kPa);Flow (m3/h);Level (m)", *rows))
    assert table.columns["Pressure (kPa)"][1] == 1.5
    assert table.columns["Flow (m3/h)"][1] == 1201
    assert table.columns["Level (m)"][1] == 0.301
    assert "thousands" in table.report.decided["values"].en
    tabs = [f"{t}\t{300 + i},5" for i, t in enumerate(HOURS)]
    assert read(write("Time\tPressure (kPa)", *tabs)).columns["Pressure (kPa)"][0] == 300.5


def test_points_of_one_device_and_of_devices_alike_stay_apart(write):
    head = "测点名称,设备编号,测点,时间,数值,单位,指标"
    rows = [
        f"出口,G{k},{c},{t},{10 * k + c},kPa,压力" for t in HOURS for k in (1, 2) for c in (1, 2)
    ]
    table = read(write(head, *rows))
    assert sorted(table.sensors) == ["G1.1", "G1.2", "G2.1", "G2.2"]
    assert table.report.counts["accepted"] == len(rows)
    assert "设备编号+测点" in table.report.decided["layout"].en
    rows = [f"出口压力,P{k},{t},{k},kPa" for t in HOURS for k in (1, 2)]
    table = read(write("测点名称,测点编号,时间,数值,单位", *rows))
    assert table.sensors == ["P1", "P2"]
    assert {channel.quantity for channel in table.channels} == {"pressure"}
    table = read(write("站名,时间,压力(kPa)", *(f"{s},{t},1" for t in HOURS for s in "甲乙")))
    assert table.sensors == ["甲", "乙"]


def test_a_column_of_words_is_not_only_to_be_ignored(write):
    with pytest.raises(MappingError, match=r"\[long\] sensor = '小区'"):
        read(write("小区,时间,压力(kPa)", *(f"甲,{t},1" for t in HOURS)))


def test_percent_of_methane_is_asked_for(write, tmp_path):
    path = write("时间,甲烷浓度(%)", *(f"{t},1" for t in HOURS))
    with pytest.raises(MappingError, match="may mean %VOL or %LEL"):
        city_from_files([path], lifeline="gas")
    said = tmp_path / "m.toml"
    said.write_text('[columns."甲烷浓度"]\nquantity = "methane"\nunit = "%LEL"\n', "utf-8")
    city = city_from_files([path], lifeline="gas", mapping=said).city
    ((_, node),) = nodes(city.readings)
    assert node["value"].to_numpy()[0, 0] == pytest.approx(0.05)


def test_a_sentinel_within_the_physical_span_stands_out_of_its_series(write):
    odd = ["-9999,65535,-999" if i % 9 == 0 else f"{50 + i},{i},-990" for i in range(30)]
    table = read(
        write(
            "时间,液位(cm),流量(m3/h),氧化还原(mV)",
            *(f"{t},{cells}" for t, cells in zip(HOURS, odd, strict=True)),
        )
    )
    assert table.report.counts["sentinel"] == 8, "-999 mV beside -990 mV is a reading"
    long = [f"A,{t},{-9999 if i % 9 == 0 else 50}" for i, t in enumerate(HOURS)]
    long += [f"B,{t},-9999" for t in HOURS]  # nothing else: no evidence
    table = read(write("测点,时间,液位(cm)", *long))
    assert (table.report.counts["sentinel"], table.sensors) == (4, ["A", "B"])


def test_units_in_a_row_of_their_own(write, tmp_path):
    rows = [f"{t},0.3,100,7.1" for t in HOURS]
    path = write("二水厂日报", "时间,压力,流量,pH", ",MPa,(m3/h),-", *rows)
    table = read(path)
    assert list(table.columns) == ["压力(MPa)", "流量(m3/h)", "pH"]
    assert table.report.decided["header"].en == "line 2, units in line 3"
    assert (table.report.rows, table.report.counts["accepted"]) == (30, 90)
    frame = pd.DataFrame([["", "MPa"], *([str(t), 0.3] for t in HOURS)], columns=["时间", "压力"])
    frame.to_excel(tmp_path / "f.xlsx", index=False)
    assert list(read(tmp_path / "f.xlsx").columns) == ["压力(MPa)"]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("出口压力Mpa", ("出口压力", "Mpa")),
        ("瞬时流量m3/h", ("瞬时流量", "m3/h")),
        ("P1_flow_m3/h", ("P1_flow", "m3/h")),
        ("温度A", ("温度A", None)),
        ("1#泵电流A", ("1#泵电流A", None)),
    ],
)
def test_units_without_brackets(header, expected):
    assert split_header(header) == expected


def test_row_numbers_and_remarks_are_left_out_and_said(write):
    rows = [f"{i},{t},1,正常" for i, t in enumerate(HOURS)]
    table = read(write("序号,时间,压力(kPa),备注", *rows))
    assert list(table.columns) == ["压力(kPa)"]
    assert "left out: 序号, 备注" in table.report.decided["layout"].en


def test_marks_of_a_historian_that_were_not_used_are_told(write):
    rows = [f"P1,{t},1,{'Bad' if i % 5 == 0 else 'Good'}" for i, t in enumerate(HOURS)]
    table = read(write("TagName,DateTime,Pressure (kPa),Quality", *rows))
    assert any("'Quality' (Bad, Good" in note.en for note in table.notes)


def test_a_frame_indexed_by_time_and_a_cube_with_named_stations(tmp_path):
    frame = pd.DataFrame({"压力(kPa)": 1.0}, index=HOURS.tz_localize("Asia/Shanghai"))
    frame.to_parquet(tmp_path / "f.parquet")
    assert read(tmp_path / "f.parquet").time[0] == np.datetime64("2024-12-31T16:00")
    level = (("station", "time"), np.ones((2, 30)), {"units": "m"})
    cube = xr.Dataset({"level": level}, coords={"time": HOURS, "station": ["东湖", "南湖"]})
    cube.to_netcdf(tmp_path / "f.nc")
    (table,) = read_readings(tmp_path / "f.nc")
    assert table.sensors == ["东湖", "南湖"]


def test_epanet_in_gb18030(write):
    lines = ("[JUNCTIONS]", "节点 20 5", "[RESERVOIRS]", "水库 50", "[PIPES]")
    lines += ("管1 水库 节点 100 300 120 0 Open", "[CURVES]", "1 1 1", "[OPTIONS]", "Units LPS")
    lines += ("[COORDINATES]", "节点 529000 3381000", "水库 528900 3381000", "[END]")
    said = FileMapping(assets=AssetMapping(crs="EPSG:4547"))
    (table, notes), report = read_reported(write(*lines, name="网.inp"), mapping=said)
    assert sorted(table.index) == ["水库", "管1"]
    assert "GB18030" in report.decided["encoding"].en
    assert not notes
    far = FileMapping(assets=AssetMapping(crs="EPSG:3088"))
    (_, notes), _ = read_reported(write(*lines, name="网.inp"), mapping=far)
    assert "outside the area of use" in notes[0].en


def test_parquet_without_geometry_is_not_called_damaged(tmp_path):
    pd.DataFrame({"asset": ["a"]}).to_parquet(tmp_path / "f.parquet")
    with pytest.raises(AssetsError, match="no geometry column"):
        read_reported(tmp_path / "f.parquet", lifeline="water")


def test_a_service_stands_alone(write):
    path = write("时间,压力(kPa)", *(f"{t},1" for t in HOURS))
    with pytest.raises(InputError, match="name it alone"):
        city_from_files(["http://127.0.0.1:1/v1.1", path], lifeline="water")
    with pytest.raises(InputError, match="does not answer"):
        city_from_files(["http://127.0.0.1:1/v1.1"])


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        ("time,水位(m)", "gb18030", "GB18030"),
        ("时间,水位(m),水位二(m)", "gb18030", "GB18030"),
        ("время,Уровень,level (m)", "utf-8", "UTF-8"),
        ("time,température (µS/cm),λ", "utf-8", "UTF-8"),
        ("时间,水位(m)", "utf-8", "UTF-8"),
    ],
)
def test_chinese_that_happens_to_be_utf8(text, encoding, found):
    lines = f"{text}\n2025-01-01,1,2\n".encode(encoding)
    content, told = decode(lines, "f.csv")
    assert told.en.startswith(found)
    assert content.decode().splitlines()[0] == text
    hurt, told = decode(lines + "é".encode("latin-1"), "f.csv")
    assert told.en.startswith(found), "one bad byte changes nothing"
    assert hurt.decode().startswith(text)


def test_midnight_behind_every_date_is_no_time(write):
    rows = [f"{t.year}/{t.month}/{t.day} 0:00:00,{t:%H:%M},1" for t in HOURS]
    table = read(write("日期,时间,压力(kPa)", *rows))
    assert table.time[1] == np.datetime64("2024-12-31T17:00")


def test_the_remedy_speaks_of_the_column_not_of_the_device(write):
    with pytest.raises(MappingError, match=r"\[columns.H2S\]"):
        read(write("设备编号,时间,甲烷(%VOL),H2S(ppm)", *(f"G1,{t},1,2" for t in HOURS)))


def test_what_a_folder_holds_besides_is_told(write, tmp_path):
    for name in ("a.csv", "~$a.xlsx", "b.dat"):
        write("时间,压力(kPa)", *(f"{t},1" for t in HOURS), name=name)
    (tmp_path / "东站").mkdir()
    loaded = city_from_files([tmp_path], lifeline="water")
    assert loaded.report.rows == 30
    assert "2 entries in it were not read (b.dat, 东站)" in loaded.notes[0].en
