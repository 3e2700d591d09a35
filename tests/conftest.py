"""Shared fixtures: a city small enough to check by hand, and no network but loopback."""

import os
import socket
from collections.abc import Iterator

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import settings
from shapely import LineString, Point, box

from lifeline_kit.bench.postgres import postgres as running_postgres
from lifeline_kit.bench.postgres import postgres_path
from lifeline_kit.model.city import City, Source
from lifeline_kit.model.readings import dense_node, ragged_node
from lifeline_kit.text import Text

# `make soak` looks longer for counterexamples and prints how to repeat what it finds
settings.register_profile("soak", max_examples=2_000, deadline=None, print_blob=True)
settings.register_profile("short", deadline=None)
settings.load_profile("soak" if os.environ.get("LIFELINE_SOAK") else "short")

CRS = "EPSG:32650"
BEGIN = np.datetime64("2026-10-01T00:00", "ms")
DAYS = 10


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection that leaves this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if host not in {"", "127.0.0.1", "::1", "localhost"}:
            raise AssertionError(f"a test tried to reach {host}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL of the machine's own binaries, in a temporary folder, on a free port."""
    if postgres_path() is None:
        if os.environ.get("CI"):
            pytest.fail("PostgreSQL is not installed; CI needs /usr/lib/postgresql/*/bin")
        pytest.skip("PostgreSQL is not installed")
    with running_postgres() as address:
        yield address


@pytest.fixture
def clock() -> np.ndarray:
    """Ten days at 15 min."""
    return BEGIN + np.arange(DAYS * 96) * np.timedelta64(15, "m").astype("timedelta64[ms]")


@pytest.fixture
def tiny_city(clock: np.ndarray) -> City:
    """Six assets of four lifelines, five sensors, ten quiet days; a burst on the last day.

    Water pressure at W1 is 300 kPa with a daily swing of 10 kPa and falls by 80 kPa at noon of
    the last day; methane at G1 is 0 until it stands at 1.5 %VOL for the last six hours.
    """
    rng = np.random.default_rng(7)
    hours = (clock - clock[0]) / np.timedelta64(1, "h")
    swing = 10 * np.sin(2 * np.pi * hours / 24)
    pressure = 300 + swing + rng.normal(0, 0.5, clock.size)
    pressure[hours >= 24 * (DAYS - 1) + 12] -= 80
    quiet = 320 + swing + rng.normal(0, 0.5, clock.size)
    methane = np.where(hours >= 24 * DAYS - 6, 1.5, 0.0)
    return City(
        name=Text("小城", "Tiny"),
        crs=CRS,
        time_zone="Asia/Shanghai",
        origin="simulated",
        sources=(Source(title=Text("手写", "Hand-written"), url="", licence="BSD-3-Clause"),),
        assets=_assets(),
        sensors=_sensors(),
        areas=_areas(),
        readings=xr.DataTree.from_dict(
            {
                "pressure/15min": dense_node(
                    "pressure", np.array(["p1", "p2"]), clock, np.stack([pressure, quiet])
                ),
                "methane/event": ragged_node(
                    "methane", np.array(["m1"]), np.array([clock.size]), clock, methane
                ),
                "ponding_depth/15min": dense_node(
                    "ponding_depth", np.array(["u1"]), clock, np.zeros((1, clock.size))
                ),
            }
        ),
    )


def _assets() -> gpd.GeoDataFrame:
    rows = [
        ("W1", "water", "pipe", 1985, "cast_iron", LineString([(0, 0), (500, 0)])),
        ("W2", "water", "pipe", 2020, "PE", LineString([(500, 0), (4000, 0)])),
        ("G1", "gas", "space", 2005, "", Point(100, 20)),
        ("G2", "gas", "space", 2005, "", Point(130, 20)),
        ("R1", "roads", "section", 2010, "asphalt", LineString([(0, 5), (500, 5)])),
        ("R2", "roads", "underpass", 2012, "concrete", Point(400, 5)),
    ]
    columns = ["asset", "lifeline", "kind", "year", "material", "geometry"]
    frame = gpd.GeoDataFrame(pd.DataFrame(rows, columns=columns), crs=CRS).set_index("asset")
    frame["name_zh"] = "资产" + frame.index
    frame["name_en"] = "asset " + frame.index
    frame["length_m"] = frame.length.where(frame.length > 0)
    frame["people"] = 500.0
    frame["load"] = np.nan
    frame["district"] = "Z1"
    frame["real_or_simulated"] = "simulated"
    return frame


def _sensors() -> gpd.GeoDataFrame:
    rows = [
        ("p1", "W1", "water", "pressure", "kPa", "pressure/15min", 900.0, 0.0, 1000.0),
        ("p2", "W2", "water", "pressure", "kPa", "pressure/15min", 900.0, 0.0, 1000.0),
        ("m1", "G1", "gas", "methane", "%VOL", "methane/event", 900.0, 0.0, 100.0),
        ("u1", "R2", "roads", "ponding_depth", "m", "ponding_depth/15min", 900.0, 0.0, 5.0),
    ]
    columns = ["sensor", "asset", "lifeline", "quantity", "unit", "clock", "interval_s"]
    frame = pd.DataFrame(rows, columns=[*columns, "range_min", "range_max"]).set_index("sensor")
    places = _assets().geometry.representative_point()
    frame = gpd.GeoDataFrame(frame, geometry=places.reindex(frame["asset"]).to_numpy(), crs=CRS)
    frame["limit_low"] = np.nan
    frame["limit_high"] = np.nan
    frame["statistic"] = "point"
    frame["resolution"] = 0.1
    frame["name_zh"] = "测点" + frame.index
    frame["name_en"] = "sensor " + frame.index
    frame["real_or_simulated"] = "simulated"
    return frame


def _areas() -> gpd.GeoDataFrame:
    frame = gpd.GeoDataFrame(
        {
            "area": ["CITY", "Z1"],
            "level": ["city", "district"],
            "parent": ["", "CITY"],
            "name_zh": ["小城", "一区"],
            "name_en": ["Tiny", "Zone 1"],
            "population": [10000.0, 10000.0],
            "vulnerable": [1500.0, 1500.0],
            "real_or_simulated": ["simulated", "simulated"],
        },
        geometry=[box(-100, -500, 4100, 500)] * 2,
        crs=CRS,
    )
    return frame.set_index("area")
