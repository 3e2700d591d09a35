"""Network models become assets: EPANET, SWMM and pandapipes."""

import json
from pathlib import Path

import pytest

from lifeline_kit.errors import CrsError, InputError
from lifeline_kit.io.gis import read_assets, read_reported
from lifeline_kit.io.mapping import AssetMapping, FileMapping

NETWORKS = Path(__file__).parents[1] / "fixtures" / "networks"
SAID = FileMapping(assets=AssetMapping(crs="EPSG:4547"))
LOCAL = FileMapping(assets=AssetMapping(crs="EPSG:32650"))


def test_epanet():
    (table, _), report = read_reported(NETWORKS / "two_loops.inp", mapping=SAID)
    assert table["kind"].value_counts().to_dict() == {
        "pipe": 3,
        "valve": 1,
        "pump": 1,
        "tank": 1,
        "source": 1,
    }
    assert set(table["lifeline"]) == {"water"}
    pipe = table.loc["P1"]
    assert (pipe["from_node"], pipe["to_node"]) == ("J1", "J2")
    assert pipe["length_m"] == pytest.approx(510)
    assert pipe["diameter_mm"] == pytest.approx(300)
    assert list(pipe.geometry.coords)[1] == (530250, 3380050)
    assert "EPANET" in report.decided["encoding"].en
    with pytest.raises(CrsError, match=r"two_loops\.inp: no coordinate reference system"):
        read_assets(NETWORKS / "two_loops.inp")


def test_swmm_in_us_units():
    (table, _), report = read_reported(NETWORKS / "street.inp", mapping=LOCAL)
    assert table["kind"].value_counts().to_dict() == {
        "pipe": 2,
        "manhole": 2,
        "outfall": 1,
        "storage": 1,
        "pump": 1,
    }
    assert table.loc["C1", "length_m"] == pytest.approx(121.92)
    assert table.loc["C1", "diameter_mm"] == pytest.approx(609.6)
    assert table.loc["C2", "diameter_mm"] != table.loc["C2", "diameter_mm"]  # no circle: not known
    assert table.loc["M1", "depth_m"] == pytest.approx(3.048)
    assert len(table.loc["C1"].geometry.coords) == 3
    assert "US units turned into SI" in report.decided["encoding"].en


def test_pandapipes_of_both_generations(tmp_path):
    table = read_assets(NETWORKS / "gas_net.json", mapping=SAID).table
    assert table["kind"].value_counts().to_dict() == {"pipe": 2, "valve": 1, "station": 1}
    assert set(table["lifeline"]) == {"gas"}
    assert table.loc["P1", "length_m"] == pytest.approx(120)
    assert table.loc["P1", "diameter_mm"] == pytest.approx(100)
    assert len(table.loc["P1"].geometry.coords) == 3
    assert table.loc["V1", ["from_node", "to_node"]].tolist() == ["J2", "J3"]
    net = json.loads((NETWORKS / "gas_net.json").read_text())
    frames = net["_object"]
    pipes = json.loads(frames["pipe"]["_object"])
    pipes["columns"] = [c.replace("diameter_m", "inner_diameter_mm") for c in pipes["columns"]]
    frames["pipe"]["_object"] = json.dumps(pipes)
    valve = {
        "columns": ["name", "junction", "element", "et"],
        "index": [0],
        "data": [["V1", 2, 3, "ju"]],
    }
    frames["valve"]["_object"] = json.dumps(valve)
    frames["fluid"]["_object"] = json.dumps({"name": "water", "is_gas": False})
    (tmp_path / "new.json").write_text(json.dumps(net))
    table = read_assets(tmp_path / "new.json", mapping=SAID).table
    assert table.loc["P1", "diameter_mm"] == pytest.approx(0.1)
    assert table.loc["V1", ["from_node", "to_node"]].tolist() == ["J2", "J3"]
    assert set(table["lifeline"]) == {"heating"}
    pipes["data"][0][1] = 77
    frames["pipe"]["_object"] = json.dumps(pipes)
    (tmp_path / "new.json").write_text(json.dumps(net))
    with pytest.raises(InputError, match="'P1' ends at junction 77"):
        read_assets(tmp_path / "new.json", mapping=SAID)


FAULTS = [
    ("prose.inp", "hello\nworld\n", "no section such as"),
    ("nowhere.inp", "[JUNCTIONS]\nM1 1 2\n[OUTFALLS]\nO1 1 FREE\n", "no coordinates"),
    (
        "end.inp",
        "[CONDUITS]\nC1 A B 10 0.01\n[COORDINATES]\nA 1 1\n",
        "'C1' .*does not join two nodes",
    ),
    (
        "word.inp",
        "[CONDUITS]\nC1 A B 10 0.01\n[COORDINATES]\nA one 1\n",
        "expected a number as word 2",
    ),
    ("cut.inp", "[PIPES]\nP1 J1\n", "cannot be read as an EPANET model"),
    (
        "net.json",
        '{"_module": "x", "_class": "pandapipesNet", "_object": 3}',
        "cannot be read as a pandapipes",
    ),
]


@pytest.mark.parametrize(("name", "text", "match"), FAULTS, ids=[f[0] for f in FAULTS])
def test_faults_are_one_error_each(tmp_path, name, text, match):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=match) as caught:
        read_assets(tmp_path / name, mapping=SAID)
    assert name in str(caught.value)
