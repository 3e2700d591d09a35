"""Readers of tables: formats and faults of files that people bring."""

import gzip
import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lifeline_kit.errors import InputError, MappingError, ReadingsError
from lifeline_kit.io import archives
from lifeline_kit.io.mapping import FileMapping
from lifeline_kit.io.tables import bare_stem, read_tables

FIXTURES = Path(__file__).parents[1] / "fixtures"


def said(table) -> str:
    return " ".join(note.en for note in table.notes)


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def test_zip_member_that_climbs_and_lies_about_its_type_is_read_and_not_extracted(tmp_path):
    content = (FIXTURES / "UniBw_2022-04-11_demo_load.csv").read_bytes()
    name = "../Settlements/UniBw_2022-04-11_demo_load.csv.zip"
    folder = tmp_path / "in"
    folder.mkdir()
    path = zipped(folder / "UniBw_2022-04-11_demo_load.csv.zip", {name: content})
    (table,) = read_tables(path)
    assert table.stem == "UniBw_2022-04-11_demo_load"
    assert table.columns["DMS_CN (um\\m)"].tolist() == [0.08, 0.41, -0.09, 0.12]
    assert sorted(p.name for p in tmp_path.rglob("*")) == sorted(["in", path.name])


def test_swapped_day_and_month_follow_the_file_name_and_are_told(tmp_path):
    (table,) = read_tables(FIXTURES / "UniBw_2022-04-11_demo_load.csv")
    assert table.time[0] == np.datetime64("2022-04-11T00:36:24.897")
    assert "day and month were swapped back" in said(table)
    other = written(
        tmp_path / "UniBw_2022-05-11_demo.csv",
        (FIXTURES / "UniBw_2022-04-11_demo_load.csv").read_text(),
    )
    (table,) = read_tables(other)
    assert table.time[0] == np.datetime64("2022-11-04T00:36:24.897")
    assert "swapped" not in said(table)


def test_naive_stamps_are_taken_as_shanghai_unless_the_mapping_says_otherwise():
    path = FIXTURES / "two_forces.csv"
    (table,) = read_tables(path)
    assert table.time[0] == np.datetime64("2022-03-07T08:35:15.601")
    assert "Asia/Shanghai" in said(table)
    (table,) = read_tables(path, FileMapping(time_zone="UTC"))
    assert table.time[0] == np.datetime64("2022-03-07T16:35:15.601")
    assert not table.notes


def test_latin1_degrees_dotted_dates_and_a_trailing_comma():
    (table,) = read_tables(FIXTURES / "trailing_comma_latin1.csv")
    assert list(table.columns) == ["Air Temperature (°C)"]
    assert table.time[0] == np.datetime64("2022-04-11T00:36:25.984")


def test_gb18030_chinese_headers_and_slashed_dates():
    (table,) = read_tables(FIXTURES / "pump_station_gb18030.csv")
    assert list(table.columns) == ["一号泵站压力(MPa)", "瞬时流量（m³/h）"]
    assert table.time[1] == np.datetime64("2026-10-01T00:15")


def test_bad_rows_are_left_out_counted_and_told():
    (table,) = read_tables(FIXTURES / "bad_rows.csv", FileMapping(time_zone="UTC"))
    pressure = table.columns["pressure (kPa)"]
    assert table.time.astype("datetime64[m]").astype(str).tolist() == [
        f"2026-10-01T{clock}" for clock in ("08:00", "08:15", "08:20", "08:30", "09:15")
    ]
    assert pressure[[0, 2, 3, 4]].tolist() == [300.5, 300.8, 301.0, 301.2]
    assert np.isnan(pressure[1])  # a word
    for text in ("2 rows could not be read", "1 rows hold values that are no numbers"):
        assert text in said(table)
    for text in ("1 infinite", "backwards 1 times", "1 rows repeat a time"):
        assert text in said(table)


def test_several_csvs_in_one_zip_keep_their_names_and_clutter_is_passed_over(tmp_path):
    one, two = (FIXTURES / n for n in ("two_forces.csv", "trailing_comma_latin1.csv"))
    path = zipped(
        tmp_path / "day.zip",
        {
            "a.csv": one.read_bytes(),
            "sub/b.csv": two.read_bytes(),
            "__MACOSX/._a.csv": b"\0\1",
            "README.txt": b"hello",
        },
    )
    assert [table.stem for table in read_tables(path)] == ["a", "b"]


def test_parquet_with_zone_and_gzip_give_the_same_as_csv(tmp_path):
    source = FIXTURES / "two_forces.csv"
    frame = pd.read_csv(source)
    frame["Time (-)"] = pd.to_datetime(frame["Time (-)"]).dt.tz_localize("Asia/Shanghai")
    frame.to_parquet(tmp_path / "forces.parquet")
    (tmp_path / "forces.csv.gz").write_bytes(gzip.compress(source.read_bytes()))
    (expected,) = read_tables(source)
    for name in ("forces.parquet", "forces.csv.gz"):
        (table,) = read_tables(tmp_path / name)
        assert (table.time == expected.time).all()
        np.testing.assert_array_equal(table.columns["FRC-01 [kN]"], expected.columns["FRC-01 [kN]"])
        assert table.stem == "forces"


@pytest.mark.parametrize(
    "stamp",
    [
        "2026-10-01 08:05:00",
        "2026-10-01T00:05:00Z",
        "2026-10-01T02:05:00+02:00",
        "01.10.2026 08:05",
        "2026/10/1 8:05",
        "2026年10月1日 8:05",
        "2026年10月01日08时05分",
    ],
)
def test_ways_to_write_a_time(tmp_path, stamp):
    path = written(tmp_path / "t.csv", f"time,strain (um/m)\n{stamp},1\n")
    (table,) = read_tables(path)
    assert table.time[0] == np.datetime64("2026-10-01T00:05")


def test_day_and_month_that_cannot_be_told_apart_are_asked_for(tmp_path):
    path = written(tmp_path / "t.csv", "time,strain (um/m)\n04/05/2026 08:00,1\n")
    with pytest.raises(ReadingsError, match=r"t\.csv: in '04/05/2026 08:00' .* time_format"):
        read_tables(path)
    (table,) = read_tables(path, FileMapping(time_format="%d/%m/%Y %H:%M", time_zone="UTC"))
    assert table.time[0] == np.datetime64("2026-05-04T08:00")
    path = written(tmp_path / "u.csv", "time,strain (um/m)\n04/05/2026 08:00,1\n04/25/2026 08:00,1")
    (table,) = read_tables(path, FileMapping(time_zone="UTC"))
    assert table.time[0] == np.datetime64("2026-04-05T08:00")


FAULTS = [
    ("empty.csv", b"", InputError, "the file is empty"),
    ("blank.csv", b"\n\n", InputError, "the file is empty"),
    ("no.zip", b"Time,Strain (um/m)\n", InputError, "content is not; expected it to begin with"),
    ("no.parquet", b"Time,Strain (um/m)\n", InputError, "the name says Parquet"),
    ("cut.parquet", b"PAR1\0\0\1", InputError, "Parquet that cannot be read"),
    ("binary.csv", b"\0\1\2" * 9, InputError, "no text and no known format"),
    ("old.csv", b"\xd0\xcf\x11\xe0 ", InputError, "an Excel file"),
    ("prose.csv", b"hello\nworld\n", InputError, "has no ',', ';' or tab"),
    ("header.csv", b"Time,Strain (um/m)\n", ReadingsError, "a header and no rows"),
    ("notime.csv", b"a,Strain (um/m)\n1,2\n", MappingError, "no time column.* time = "),
    ("times.csv", b"Time,Strain (um/m)\nsoon,1\nlater,2\n", ReadingsError, "'soon' in row 1"),
    ("numbers.csv", b"Time,Strain (um/m)\n1,1\n2,2\n", ReadingsError, "holds numbers"),
    ("words.csv", b"Time,Strain (um/m)\n2026-01-01,high\n", MappingError, "'high' in row 1"),
    ("truth.csv", b"Time,EVENT\n2026-01-01,True\n", MappingError, r"ignore = \['EVENT'\]"),
    ("alone.csv", b"Time,\n2026-01-01,\n", MappingError, "no column besides the time"),
    ("bare.csv", b"Time,Strain (um/m)\n2026-01-01,1,2\n", MappingError, "column 3 holds values"),
    ("twice.csv", b"Time,p (kPa),p (kPa)\n2026-01-01,1,2\n", MappingError, "stands twice"),
]


@pytest.mark.parametrize(("name", "content", "error", "match"), FAULTS, ids=lambda x: str(x)[:12])
def test_each_fault_gives_one_error_that_names_the_file(tmp_path, name, content, error, match):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(error, match=match) as caught:
        read_tables(path)
    assert name in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert path.read_bytes() == content


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"gone\.csv: cannot be read"):
        read_tables(tmp_path / "gone.csv")


def test_truncated_damaged_nested_and_encrypted_zips(tmp_path):
    content = (FIXTURES / "two_forces.csv").read_bytes()
    path = zipped(tmp_path / "a.zip", {"a.csv": content})
    whole = path.read_bytes()
    cut = tmp_path / "cut.zip"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"cut\.zip: .*truncated"):
        read_tables(cut)
    damaged = bytearray(whole)
    damaged[45] ^= 0xFF
    cut.write_bytes(bytes(damaged))
    with pytest.raises(InputError, match=r"a\.csv.*copy it again"):
        read_tables(cut)
    locked = bytearray(whole)
    locked[6] |= 1
    locked[whole.index(b"PK\x01\x02") + 8] |= 1
    cut.write_bytes(bytes(locked))
    with pytest.raises(InputError, match="encrypted"):
        read_tables(cut)
    with pytest.raises(InputError, match="a zip within a zip"):
        read_tables(zipped(tmp_path / "b.zip", {"a.zip": whole}))
    with pytest.raises(InputError, match="holds no table"):
        read_tables(zipped(tmp_path / "c.zip", {"folder/": b""}))
    with pytest.raises(InputError, match="Excel"):
        read_tables(zipped(tmp_path / "d.zip", {"xl/workbook.xml": b"<a/>"}))


def test_zip_bombs_are_bounded_by_what_they_hold_not_by_what_they_say(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_BYTES", 1000)
    bomb = zipped(tmp_path / "bomb.zip", {"a.csv": b"0," * 5000})
    with pytest.raises(InputError, match="Split the archive"):
        read_tables(bomb)
    (tmp_path / "bomb.csv.gz").write_bytes(gzip.compress(b"0," * 5000))
    with pytest.raises(InputError, match="once unpacked"):
        read_tables(tmp_path / "bomb.csv.gz")
    cut = gzip.compress((FIXTURES / "two_forces.csv").read_bytes())[:60]
    (tmp_path / "cut.csv.gz").write_bytes(cut)
    with pytest.raises(InputError, match=r"cut\.csv\.gz: truncated"):
        read_tables(tmp_path / "cut.csv.gz")


def test_column_without_any_value_is_told(tmp_path):
    text = "time,strain (um/m),force (kN)\n2026-01-01,1,\n2026-01-02,2,NaN\n"
    (table,) = read_tables(written(tmp_path / "t.csv", text))
    assert "Column force (kN) holds no value" in said(table)


def test_large_file_reads_within_a_second(tmp_path):
    from time import process_time

    time = pd.date_range("2026-01-01", periods=72_000, freq="10ms").strftime("%Y-%m-%d %H:%M:%S.%f")
    frame = pd.DataFrame({"Time (-)": time, "DMS (um/m)": np.arange(72_000) / 7})
    stream = io.StringIO()
    frame.to_csv(stream, index=False)
    path = zipped(tmp_path / "big.zip", {"big.csv": stream.getvalue().encode()})
    begin = process_time()
    (table,) = read_tables(path)
    assert process_time() - begin < 1.0
    assert table.time.size == 72_000


def test_bare_stem_keeps_dots_inside_names():
    assert bare_stem("a/Logger100.0Hz.csv.zip") == "Logger100.0Hz"
