"""`lifeline store`: its parts, run as a user runs them."""

import argparse
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from lifeline_kit.cli import store as command
from lifeline_kit.cli.console import BAD_INPUT, OK
from lifeline_kit.errors import InputError, StoreError
from lifeline_kit.io.live import LiveStore
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import flatten, nodes
from lifeline_kit.services.devices import DeviceLog, refused
from lifeline_kit.services.terminals import Reject

CAME = np.datetime64("2026-10-12", "ms")


@pytest.fixture
def folder(tiny_city: City, tmp_path: Path) -> Path:
    place = tiny_city.save(tmp_path / "city")
    with LiveStore.open(place, writable=True) as live:
        live.register(tiny_city.sensors)
        for _, node in nodes(tiny_city.readings):
            flat = flatten(node)
            owner = np.repeat(flat.sensors, np.diff(flat.starts))
            live.write(owner, flat.time, flat.value, arrived=CAME)
        live.write(np.array(["who"]), np.array([CAME]), np.array([1.0]), arrived=CAME)
    return place


def run(*arguments: str | Path) -> int:
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())
    options = parser.parse_args(["store", *map(str, arguments)])
    return options.command(options)


def test_keep_seal_status_verify(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("keep", "--city", folder, "--at", "2026-10-12") == OK
    assert "4 ranges judged" in capsys.readouterr().out
    assert run("seal", "--city", folder, "--before", "2026-10-15") == OK
    assert "nothing to seal" in capsys.readouterr().out
    assert run("keep", "--city", folder, "--at", "2026-12-12") == OK
    said = capsys.readouterr().out
    assert "0 flags changed" in said
    assert "2026-10-" in said
    assert run("status", "--city", folder) == OK
    said = capsys.readouterr().out
    assert "quarantine: unknown_sensor" in said
    assert "2026-10" in said
    assert run("verify", "--city", folder) == OK
    (file,) = (folder / "live" / "sealed").glob("*.parquet")
    file.write_bytes(file.read_bytes()[:-50])
    assert run("verify", "--city", folder) == BAD_INPUT
    assert f"2026-10: damaged: {file.name}" in capsys.readouterr().out
    assert run("verify", "--city", folder, "--aside") == BAD_INPUT
    assert "taken out of the store" in capsys.readouterr().out
    assert run("verify", "--city", folder) == OK


def test_status_counts_rejected_messages_and_real_revisions(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with DeviceLog(folder / "live", writable=True) as log:
        log.write([], [refused("t", b"{", Reject("no_json", "cut off"))] * 3, 0)
    with LiveStore.open(folder, writable=True) as live:
        late = CAME - np.timedelta64(3 * 86_400_000 + 1, "ms")
        live.write(np.array(["p1"]), np.array([late]), np.array([1.0]), arrived=CAME)
    run("keep", "--city", folder, "--at", "2026-12-12")  # a late reading's birth is no revision
    capsys.readouterr()
    assert run("status", "--city", folder) == OK
    said = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "│ rejected messages: no_json │ 3 │" in said
    assert "│ revisions │ 0 │" in said


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_export_to_tables(folder: Path, tmp_path: Path, form: str) -> None:
    file = tmp_path / f"out.{form}"
    some = ("--sensor", "p1", "--start", "2026-10-02", "--end", "2026-10-03")
    assert run("export", "--city", folder, "--out", file, "--format", form, *some) == OK
    table = pd.read_parquet(file) if form == "parquet" else pd.read_csv(file)
    assert len(table) == 96
    assert set(table["sensor"]) == {"p1"}
    assert list(table.columns) == ["sensor", "time", "value", "flag", "tests"]
    if form == "csv":  # read back by itself: a stamp says that it is UTC
        assert table["time"].str.endswith("Z").all()
        assert pd.to_datetime(table["time"]).iloc[0] == pd.Timestamp("2026-10-02", tz="UTC")


def test_a_moment_may_carry_a_zone(folder: Path, tmp_path: Path) -> None:
    for name, start in (("a", "2026-10-02T00:00"), ("b", "2026-10-02T08:00+08:00")):
        file = tmp_path / f"{name}.parquet"
        some = ("--sensor", "p1", "--start", start, "--end", "2026-10-03")
        assert run("export", "--city", folder, "--out", file, *some) == OK
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


@pytest.mark.parametrize("form", ["netcdf", "zarr"])
def test_export_for_other_programs(folder: Path, tmp_path: Path, form: str) -> None:
    place = tmp_path / f"out.{form}"
    assert run("export", "--city", folder, "--out", place, "--format", form) == OK
    opened = xr.open_datatree if form == "netcdf" else partial(xr.open_datatree, engine="zarr")
    with opened(place) as tree:
        nodes = [node for node in tree.subtree if "value" in node.data_vars]
        assert nodes
        assert all({"flag", "tests"} <= set(node.data_vars) for node in nodes)


def test_bad_moment_and_absent_store(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(InputError, match="'tomorrow' is no moment"):
        run("seal", "--city", folder, "--before", "tomorrow")
    with pytest.raises(StoreError, match=r"holds no hot\.sqlite"):
        run("status", "--city", tmp_path / "nothing")
