"""The import report as tables, and what `city_from_files` makes of several files."""

import numpy as np
import pandas as pd
import pytest

from lifeline_kit.errors import AssetsError, MappingError
from lifeline_kit.io.files import city_from_files
from lifeline_kit.io.report import KINDS, ImportReport
from lifeline_kit.model.readings import is_ragged, nodes, series

NOW = np.datetime64("2026-10-20", "ms")


def long(tmp_path, name: str, *rows: str):
    path = tmp_path / name
    path.write_text("\n".join(["测点,时间,压力(kPa)", *rows]) + "\n", encoding="utf-8")
    return path


def test_tables_in_both_languages_and_html(tmp_path):
    rows = [f"P{i % 3},2026-09-01 08:{i:02d},{300 + i}" for i in range(12)]
    bad = [f"P1,when {i},<b>{i}</b>" for i in range(11)] + ["P1,2026-09-01 08:01,x,y,z"]
    report = city_from_files(
        [long(tmp_path, "a.csv", *rows, *bad)], lifeline="water", now=NOW
    ).report
    assert isinstance(report, ImportReport)
    assert report.table("en").loc["a", "accepted"] == 12
    assert report.table("zh").loc["a", "已接收"] == 12
    assert {"encoding", "delimiter", "time zone", "unit"} <= set(report.decisions("en")["decided"])
    page = report._repr_html_()
    assert "<b>3</b>" not in page
    assert "&lt;b&gt;" in page
    assert "时间无法识别" in page
    assert "malformed" in set(report.samples["reason"])
    assert len(report.samples) == 12
    saved = pd.read_parquet(report.save_rejects(tmp_path / "r.parquet"))
    assert len(saved) == 12
    assert saved["line"].tolist() == list(range(14, 26))


def test_samples_are_twenty_and_show_every_reason(tmp_path):
    rows = [f"P1,2026-09-01 {m // 60:02d}:{m % 60:02d},1" for m in range(200)]
    bad = [f"P1,when {i},1" for i in range(90)] + ["P1,1970-01-01 08:00,1"]
    report = city_from_files(
        [long(tmp_path, "a.csv", *rows, *bad)], lifeline="water", now=NOW
    ).report
    assert len(report.samples) == 20
    assert set(report.samples["reason"]) == {"time", "clock"}


def test_long_files_of_the_same_sensors_become_one_and_the_later_file_wins(tmp_path):
    january = long(
        tmp_path, "1.csv", "A,2026-01-01 08:00,1", "A,2026-01-01 08:05,2", "B,2026-01-01 08:00,5"
    )
    february = long(
        tmp_path, "2.csv", "A,2026-01-01 08:05,3", "A,2026-02-01 08:00,4", "B,2026-01-01 08:00,5"
    )
    loaded = city_from_files([january, february], lifeline="water", now=NOW)
    (node,) = dict(nodes(loaded.city.readings)).values()
    assert is_ragged(node)
    assert series(node, "A").value.tolist() == [1, 3, 4]
    assert loaded.report.counts["accepted"] == 4
    assert (loaded.report.counts["duplicate"], loaded.report.counts["revised"]) == (1, 1)
    assert loaded.report.read == sum(loaded.report.counts[kind] for kind in KINDS) == 6
    assert loaded.report.rejects[["file", "line", "value"]].to_numpy().tolist() == [["1", 3, 2.0]]
    level = tmp_path / "3.csv"
    level.write_text("测点,时间,液位(m)\nA,2026-03-01 08:00,1\n", encoding="utf-8")
    with pytest.raises(MappingError, match="'A' measures level, in an earlier file pressure"):
        city_from_files([january, level], lifeline="water", now=NOW)


def test_a_folder_with_a_file_for_each_sensor(tmp_path):
    folder = tmp_path / "export"
    folder.mkdir()
    for name, unit in (("一号泵站压力(MPa)", ""), ("二号泵站压力", "(kPa)")):
        text = f"时间,数值{unit}\n2026-09-01 08:00,0.3\n2026-09-01 08:05,0.31\n"
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    city = city_from_files([folder], lifeline="water", now=NOW).city
    assert city.sensors["quantity"].tolist() == ["pressure", "pressure"]
    found = {
        s: series(n, s).value[0] for _, n in nodes(city.readings) for s in n["sensor"].to_numpy()
    }
    assert sorted(found.values()) == pytest.approx([0.3, 300])


def test_sensors_of_no_asset_are_counted_and_do_not_stop_the_others(tmp_path):
    assets = tmp_path / "assets.csv"
    assets.write_text(
        "id,kind,lon,lat\nPS1,pump,114.3,30.5\nPS2,pump,114.31,30.5\n", encoding="utf-8"
    )
    readings = long(
        tmp_path,
        "r.csv",
        "PS1.p,2026-09-01 08:00,1",
        "PS2,2026-09-01 08:00,1",
        "X,2026-09-01 08:00,1",
    )
    loaded = city_from_files([readings], assets=[assets], lifeline="water", now=NOW)
    assert loaded.city.sensors["asset"].to_dict() == {"PS1.p": "PS1", "PS2": "PS2"}
    assert loaded.report.counts["unknown"] == 1
    assert loaded.report.rejects["sensor"].tolist() == ["X"]
    assert loaded.report.assets[0].decided["crs"].en.startswith("EPSG:4326")
    assert set(loaded.city.assets["lifeline"]) == {"water"}
    stray = long(tmp_path, "s.csv", "X,2026-09-01 08:00,1", "Y,2026-09-01 08:00,1")
    with pytest.raises(MappingError, match=r"sensor 'X' and 1 more readings belong to no asset"):
        city_from_files([stray], assets=[assets], lifeline="water", now=NOW)
    with pytest.raises(AssetsError, match="'PS1' stands in more than one of the asset files"):
        city_from_files([readings], assets=[assets, assets], lifeline="water", now=NOW)


def test_lel_of_methane_is_converted_and_said(tmp_path):
    path = tmp_path / "gas.csv"
    path.write_text("时间,甲烷(%LEL)\n2026-09-01 08:00,10\n2026-09-01 08:05,20\n", encoding="utf-8")
    loaded = city_from_files([path], lifeline="gas", now=NOW)
    (node,) = dict(nodes(loaded.city.readings)).values()
    np.testing.assert_allclose(node["value"], [[0.5, 1.0]])
    assert "100 %LEL = 5 %VOL" in loaded.report.files[0].decided["unit"].en
    path.write_text("设备编号,采集时间,甲烷(%LEL)\nT1,2026-09-01 08:00,10\n", encoding="utf-8")
    loaded = city_from_files([path], lifeline="gas", now=NOW)
    assert "100 %LEL = 5 %VOL" in loaded.report.files[0].decided["unit"].en
    path.write_text("设备编号,采集时间,可燃气体(%LEL)\nT1,2026-09-01 08:00,10\n", encoding="utf-8")
    with pytest.raises(MappingError, match="%LEL"):
        city_from_files([path], lifeline="gas", now=NOW)


def test_a_long_city_can_be_saved_and_opened(tmp_path):
    rows = [f"P{i % 3},2026-09-01 08:{i:02d},{300 + i}" for i in range(12)]
    city = city_from_files([long(tmp_path, "a.csv", *rows)], lifeline="water", now=NOW).city
    again = type(city).open(city.save(tmp_path / "city"))
    assert again.assets.index.tolist() == ["P0", "P1", "P2"]
    assert again.sensors["clock"].unique().tolist() == ["pressure/a"]
