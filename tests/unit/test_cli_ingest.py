"""`lifeline ingest`: the report on the terminal and as JSON, a new city, a live store."""

import argparse
import json
import threading
import time

import numpy as np
import pandas as pd
import pytest
import uvicorn

from lifeline_kit.cli import checkup, ingest
from lifeline_kit.errors import InputError, LifelineError, MappingError
from lifeline_kit.io.live import LiveStore
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import nodes
from lifeline_kit.services.share.app import build_app
from lifeline_kit.services.share.settings import Settings
from lifeline_kit.services.share.tokens import add_token

ROWS = ["测点,时间,压力(kPa)"]
ROWS += [f"{s},2026-09-01 08:{m:02d},{300 + m}" for m in range(10) for s in ("p1", "p2")]


def run(capsys, *arguments) -> tuple[int, str, str]:
    parser = argparse.ArgumentParser()
    ingest.add(parser.add_subparsers())
    options = parser.parse_args(["ingest", *map(str, arguments)])
    code = options.command(options)
    seen = capsys.readouterr()
    return code, seen.out, seen.err


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "week.csv"
    path.write_text("\n".join([*ROWS, "p1,broken,1", "p1,2026-09-01 08:00,壊"]) + "\n", "utf-8")
    return path


def test_report_is_printed_and_kept_as_json_and_rejects_as_parquet(file, tmp_path, capsys):
    json_file, rejects = tmp_path / "r.json", tmp_path / "bad.parquet"
    common = ("--readings", file, "--lifeline", "water", "--json", json_file, "--rejects", rejects)
    code, out, _ = run(capsys, *common, "--lang", "en")
    assert code == 0
    for words in ("import report", "accepted", "time unreadable", "Asia/Shanghai", "p1,broken,1"):
        assert words in out
    plain = json.loads(json_file.read_text("utf-8"))
    assert plain["counts"] == {"accepted": 20, "time": 1, "value": 1}
    assert plain["rows"] == 22
    bad = pd.read_parquet(rejects)
    assert bad["line"].tolist() == [22, 23]
    assert bad["reason"].tolist() == ["time", "value"]
    assert "导入报告" in run(capsys, *common)[1]


def test_out_makes_a_city_and_keeps_rejects_beside_it(file, tmp_path, capsys):
    out = tmp_path / "city"
    assert run(capsys, "--readings", file, "--lifeline", "water", "--out", out)[0] == 0
    city = City.open(out)
    assert city.sensors.index.tolist() == ["p1", "p2"]
    assert len(pd.read_parquet(tmp_path / "city.rejects.parquet")) == 2
    with pytest.raises(InputError, match="already holds something"):
        run(capsys, "--readings", file, "--lifeline", "water", "--out", out)


def test_into_writes_the_live_store_and_takes_its_count(file, tiny_city, tmp_path, capsys):
    folder = tiny_city.save(tmp_path / "tiny")
    extra = tmp_path / "more.csv"
    rows = [*ROWS, "x9,2026-09-01 08:00,1", "p1,2026-09-01 07:00,299", "p1,2026-09-01 08:01,999"]
    extra.write_text("\n".join(rows) + "\n", "utf-8")
    json_file = tmp_path / "r.json"

    def counted(path) -> dict:
        assert run(capsys, "--readings", path, "--into", folder, "--json", json_file)[0] == 0
        return json.loads(json_file.read_text("utf-8"))["counts"]

    assert counted(file) == {"accepted": 20, "time": 1, "value": 1}
    second = counted(extra)
    # 08:01 stands twice in the file: the last wins there and revises the store's 301
    assert second == {
        "accepted": 2,
        "duplicate": 19,
        "revised": 1,
        "unknown": 1,
        "late": 2,
        "revising": 1,
    }
    with LiveStore.open(folder) as store:
        p1 = store.series(["p1"])["p1"]
        assert p1.value[p1.time == np.datetime64("2026-09-01T00:01")].tolist() == [999]
        assert p1.time.size == 11
        assert len(store.revisions("p1")) >= 1
    assert list((folder / "live" / "rejects").glob("*.parquet"))


def test_append_makes_unknown_sensors_known(tiny_city, tmp_path, capsys):
    folder = tiny_city.save(tmp_path / "tiny")
    path = tmp_path / "new.csv"
    path.write_text(
        "测点,时间,液位(cm)\nnew1,2026-09-01 08:00,120\nnew1,2026-09-01 08:05,130\n", "utf-8"
    )
    assert run(capsys, "--readings", path, "--into", folder)[0] == 2
    assert run(capsys, "--readings", path, "--into", folder, "--append")[0] == 0
    with LiveStore.open(folder) as store:
        np.testing.assert_allclose(store.series(["new1"])["new1"].value, [1.2, 1.3])
        assert store.sensors().loc["new1", "unit"] == "m"


def test_another_quantity_under_a_known_name_is_refused(tiny_city, tmp_path, capsys):
    folder = tiny_city.save(tmp_path / "tiny")
    path = tmp_path / "wrong.csv"
    path.write_text("测点,时间,液位(m)\np1,2026-09-01 08:00,1\n", "utf-8")
    with pytest.raises(MappingError, match="'p1' measures level here and pressure in the city"):
        run(capsys, "--readings", path, "--into", folder)


def test_a_sensorthings_service_becomes_a_city(tiny_city, tmp_path, capsys, monkeypatch):
    expected = sum(node["value"].size for _, node in nodes(tiny_city.readings))
    keys = tmp_path / "tokens.json"
    token = add_token(keys, "reader", ["read:things", "read:readings"])
    settings = Settings(rate=1e6, burst=1e6, pseudonym_key=b"k" * 32, tokens=keys)
    app = build_app(tiny_city.save(tmp_path / "tiny"), settings)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.02)
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1.1"
        out, json_file = tmp_path / "city", tmp_path / "r.json"
        with pytest.raises(InputError, match="answers 401"):
            run(capsys, "--readings", url, "--out", out)
        monkeypatch.setenv("LIFELINE_SENSORTHINGS_TOKEN", token)
        code, _, _ = run(capsys, "--readings", url, "--out", out, "--json", json_file)
        with pytest.raises(InputError, match="name it alone"):
            run(capsys, "--readings", url, "--into", tmp_path / "tiny")
    finally:
        server.should_exit = True
        thread.join(20)
    assert code == 0
    found = City.open(out)
    assert list(found.sensors.index) == list(tiny_city.sensors.index)
    counts = json.loads(json_file.read_text("utf-8"))["counts"]
    assert counts["accepted"] == sum(node["value"].size for _, node in nodes(found.readings))
    assert 0 < counts["accepted"] <= expected


def test_checkup_says_in_one_line_what_was_read(file):
    options = argparse.Namespace(
        city=None, readings=[file], assets=[], areas=None, mapping=None, lifeline="water", live=None
    )
    _, notes = checkup._load(options)
    assert notes[-1].en.startswith("22 readings found, 20 accepted; 1 time unreadable, 1 value")
    assert "逐行报告见 lifeline ingest" in notes[-1].zh


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("--lang", "fr"), "--lang 'fr'"),
        (("--out", "a", "--into", "b"), "give one"),
        (("--into", "b", "--assets", "c.gpkg"), "readings only"),
        (("--json", "nowhere/deep/r.json"), "does not exist"),
        (("--into", "absent"), "is no folder"),
        (("--into", "b", "--areas", "c.gpkg"), "readings only"),
        (("--lifeline", "water", "--areas", "c.gpkg"), "give --assets as well"),
        ((), "no lifeline is named"),
    ],
)
def test_each_mistake_is_one_error(file, arguments, match, capsys):
    with pytest.raises(LifelineError, match=match):
        run(capsys, "--readings", file, *arguments)


def test_nothing_usable_is_exit_2(tmp_path, capsys):
    path = tmp_path / "none.csv"
    path.write_text("时间,压力(kPa)\n1970-01-01 08:00,1\n1970-01-01 08:05,1\n", "utf-8")
    with pytest.raises(LifelineError, match="usable rows"):
        run(capsys, "--readings", path, "--lifeline", "water")
