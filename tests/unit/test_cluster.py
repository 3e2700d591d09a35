"""A real scheduler and two worker processes give what one process gives."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from shapely import box

from lifeline_kit.errors import ServiceError
from lifeline_kit.io.live import LiveStore, open_live_city
from lifeline_kit.lifelines import ALL
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import flatten, nodes
from lifeline_kit.pipeline import examine
from lifeline_kit.quality import flag_city
from lifeline_kit.services import cluster

SENSORS, DAYS = 24, 40
BEGIN = np.datetime64("2026-09-10T00:00", "ms")
AT = BEGIN + np.timedelta64(DAYS, "D")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A scheduler and two workers, each a process of its own on loopback."""
    file = tmp_path_factory.mktemp("dask") / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    local = ["--host", "127.0.0.1", "--no-dashboard"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    commands = [
        [*dask, "scheduler", *local, "--port", "0", "--scheduler-file", str(file)],
        *[
            [*dask, "worker", *local, "--scheduler-file", str(file), "--nthreads", "1"]
            for _ in range(2)
        ],
    ]
    processes = [subprocess.Popen(command, cwd=file.parent, **quiet) for command in commands]
    try:
        from distributed import Client

        with Client(scheduler_file=str(file), timeout=60, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
            yield client.scheduler.address
    finally:
        for process in processes[::-1]:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A city of two districts with a sealed month, a hot one and late flags."""
    rng = np.random.default_rng(5)
    city = _city()
    place = city.save(tmp_path_factory.mktemp("cluster") / "city")
    size = DAYS * 96
    time = BEGIN + np.arange(size) * np.timedelta64(15, "m")
    with LiveStore.open(place, writable=True) as store:
        store.register(city.sensors)
        for sensor in city.sensors.index:
            value = 300 + 10 * np.sin(np.arange(size) / 15.3) + rng.normal(0, 0.4, size)
            value[rng.integers(0, size, 12)] += 400
            stuck = int(rng.integers(size - 300))
            value[stuck : stuck + 200] = value[stuck]
            value[size // 2 : size // 2 + 5] = -20
            if sensor in {"s0", "s12"}:
                value[-60:] -= 90  # bursts, one in each district
            there = rng.random(size) > 0.02
            store.write(
                np.full(int(there.sum()), sensor, dtype=object),
                time[there],
                value[there],
                arrived=time[-1],
            )
        store.seal(np.datetime64("2026-10-01"))
        assert store.counts()["hot_rows"] > 0
    return place


def _city() -> City:
    import geopandas as gpd
    from shapely import LineString

    from lifeline_kit.text import Text

    names = [f"W{i}" for i in range(SENSORS)]
    lines = [LineString([(i * 100, 0), (i * 100 + 100, 0)]) for i in range(SENSORS)]
    assets = gpd.GeoDataFrame(
        {
            "asset": names,
            "lifeline": "water",
            "kind": "pipe",
            "year": 1990,
            "material": "cast_iron",
            "length_m": 100.0,
            "people": 500.0,
            "load": np.nan,
            "district": ["Z1"] * 12 + ["Z2"] * 12,
            "real_or_simulated": "simulated",
        },
        geometry=lines,
        crs="EPSG:32650",
    ).set_index("asset")
    # a road over the border of the districts, near the burst at its other side
    road = gpd.GeoDataFrame(
        assets.reset_index()
        .iloc[[11]]
        .assign(
            asset="R1",
            lifeline="roads",
            kind="section",
            material="asphalt",
            geometry=[LineString([(1110, 10), (1190, 10)])],
        )
    ).set_index("asset")
    assets = gpd.GeoDataFrame(pd.concat([assets, road]), crs="EPSG:32650")
    sensors = gpd.GeoDataFrame(
        {
            "sensor": [f"s{i}" for i in range(SENSORS)],
            "asset": names,
            "lifeline": "water",
            "quantity": "pressure",
            "unit": "kPa",
            "clock": "pressure/15min",
            "interval_s": 900.0,
            "range_min": 0.0,
            "range_max": 1000.0,
            "limit_low": np.nan,
            "limit_high": np.nan,
            "statistic": "point",
            "resolution": 0.1,
            "name_zh": "测点",
            "name_en": "sensor",
            "real_or_simulated": "simulated",
        },
        geometry=[line.centroid for line in lines],
        crs="EPSG:32650",
    ).set_index("sensor")
    areas = gpd.GeoDataFrame(
        {
            "area": ["CITY", "Z1", "Z2"],
            "level": ["city", "district", "district"],
            "parent": ["", "CITY", "CITY"],
            "name_zh": ["城", "一区", "二区"],
            "name_en": ["City", "Zone 1", "Zone 2"],
            "population": [20000.0, 10000.0, 10000.0],
            "vulnerable": [3000.0, 1500.0, 1500.0],
            "real_or_simulated": "simulated",
        },
        geometry=[box(-10, -90, 2500, 90), box(-10, -90, 1195, 90), box(1195, -90, 2500, 90)],
        crs="EPSG:32650",
    ).set_index("area")
    return City(
        name=Text("带城", "Strip"),
        crs="EPSG:32650",
        time_zone="Asia/Shanghai",
        origin="simulated",
        assets=assets,
        sensors=sensors,
        areas=areas,
        readings=xr.DataTree(),
    )


def full_run(folder: Path) -> pd.DataFrame:
    """Flags of one run over the whole city in this process."""
    flagged = flag_city(open_live_city(folder), ALL, AT)
    parts = []
    for _, node in nodes(flagged.readings):
        flat = flatten(node)
        parts.append(
            pd.DataFrame(
                {
                    "sensor": np.repeat(flat.sensors, np.diff(flat.starts)),
                    "time": flat.time,
                    "flag": node["flag"].to_numpy().reshape(-1)[flat.position],
                    "tests": node["tests"].to_numpy().reshape(-1)[flat.position],
                }
            )
        )
    return pd.concat(parts).sort_values(["sensor", "time"], ignore_index=True)


@pytest.mark.slow
def test_flags_and_rollups_on_a_cluster_equal_one_process(folder: Path, address: str) -> None:
    alone = full_run(folder)
    assert (alone["tests"] > 0).sum() > 100
    with cluster.connect(address) as client:
        by_folder = cluster.flags(folder, at=AT, client=client, block=5)
        url = (folder / "live").resolve().as_uri()
        by_url = cluster.flags(folder, at=AT, client=client, url=url, block=7)
        hours = cluster.rollups(folder, "hour", client=client, url=url, block=5)
        pids = set(client.run(os.getpid).values())
    assert len(pids) == 2
    for found in (by_folder, by_url, cluster.flags(folder, at=AT)):
        for name in ("sensor", "time", "flag", "tests"):
            np.testing.assert_array_equal(found[name].to_numpy(), alone[name].to_numpy())
    with LiveStore.open(folder) as store:
        stored = store.rollups("hour")
    hours = hours.sort_values(["sensor", "start"], ignore_index=True)
    stored = stored.sort_values(["sensor", "start"], ignore_index=True)
    pd.testing.assert_frame_equal(
        hours[stored.columns], stored, check_dtype=False, check_exact=True
    )


@pytest.mark.slow
def test_districts_on_a_cluster_equal_one_process(folder: Path, address: str) -> None:
    alone = cluster.examine(folder, at=AT)
    with cluster.connect(address) as client:
        spread = cluster.examine(folder, at=AT, client=client)
    assert set(spread.parts) == {"Z1", "Z2"}
    assert len(alone.findings)
    pd.testing.assert_frame_equal(spread.findings, alone.findings)
    for name, part in alone.parts.items():
        for table in ("findings", "warnings", "scores", "risk", "health", "flags"):
            pd.testing.assert_frame_equal(getattr(spread.parts[name], table), getattr(part, table))
    # the road lies in Z1; the burst beyond the border reaches it only in the joint coupling
    across = alone.findings[alone.findings["method"] == "coupling"]
    whole = examine(open_live_city(folder), pd.Timestamp(AT)).findings
    assert set(across["asset"]) == set(whole.loc[whole["method"] == "coupling", "asset"])


def test_workers_may_read_an_object_store(folder: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.put(str(folder / "live"), "/shared/live", recursive=True)
    try:
        there = cluster.flags(folder, at=AT, url="memory://shared/live")
    finally:
        memory.rm("/shared", recursive=True)
    pd.testing.assert_frame_equal(there, cluster.flags(folder, at=AT))


def test_every_asset_belongs_to_one_district(folder: Path) -> None:
    city = City.open(folder, readings=False)
    parts = [cluster.district_of(city, name) for name in cluster.districts(city)]
    ids = [asset for part in parts for asset in part.assets.index]
    assert sorted(ids) == sorted(city.assets.index)
    assert [len(part.sensors) for part in parts] == [12, 12, 0]


def test_no_scheduler_is_said_plainly() -> None:
    with pytest.raises(ServiceError, match="no scheduler answers at 'tcp://127"):
        cluster.connect("tcp://127.0.0.1:9")
