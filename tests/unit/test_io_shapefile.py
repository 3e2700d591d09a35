"""Chinese names of a Shapefile stay Chinese, with a .cpg, without one, and with a lying one."""

import zipfile

import geopandas as gpd
import pytest
from shapely import Point

from lifeline_kit.io.gis import read_reported
from lifeline_kit.io.mapping import AssetMapping, FileMapping

SAID = FileMapping(assets=AssetMapping(id="编号", columns={"name_zh": "名称"}))
NAMES = ["中山路", "解放大道一号井", "汉口北交叉口东侧阀门井长名称字段截断"]


def written(folder, encoding: str, cpg: str | None):
    frame = gpd.GeoDataFrame(
        {"编号": ["a", "b", "c"], "名称": NAMES, "lifeline": "gas", "kind": "valve"},
        geometry=[Point(530000 + i, 3380000) for i in range(3)],
        crs="EPSG:4547",
    )
    path = folder / "wells.shp"
    frame.to_file(path, encoding=encoding)
    path.with_suffix(".cpg").unlink(missing_ok=True)
    if cpg is not None:
        path.with_suffix(".cpg").write_text(cpg)
    return path


@pytest.mark.parametrize("encoding", ["GB18030", "UTF-8"])
@pytest.mark.parametrize("cpg", [None, "UTF-8", "ISO-8859-1", "GBK", "GB18030"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "zip"])
def test_names_survive(tmp_path, encoding, cpg, packed):
    path = written(tmp_path, encoding, cpg)
    if packed:
        with zipfile.ZipFile(tmp_path / "wells.zip", "w") as archive:
            for file in tmp_path.glob("wells.*"):
                if file.suffix != ".zip":
                    archive.write(file, file.name)
        path = tmp_path / "wells.zip"
    (table, notes), report = read_reported(path, mapping=SAID)
    assert table["name_zh"].tolist() == NAMES
    told = report.decided["text"].en
    assert told.startswith(encoding)
    assert any("text is" in note.en for note in notes)
    if cpg is None:
        assert "no .cpg" in told
    elif {cpg, encoding} in ({"UTF-8", "GB18030"}, {"UTF-8", "GBK"}, {"ISO-8859-1", encoding}):
        assert "contradict" in told


def test_plain_ascii_says_nothing(tmp_path):
    frame = gpd.GeoDataFrame(
        {"id": ["a"], "lifeline": "gas", "kind": "valve"},
        geometry=[Point(5e5, 3e6)],
        crs="EPSG:4547",
    )
    frame.to_file(tmp_path / "plain.shp")
    assert "text" not in read_reported(tmp_path / "plain.shp")[1].decided
