"""Tracing on asset tables: prior, ducts, next manhole, words, bad input."""

from types import SimpleNamespace
from typing import cast

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr

from lifeline_kit.errors import InputError
from lifeline_kit.lifelines.gas.tracing import (
    Tracing,
    leak_prior,
    methane_at,
    trace_gas,
    underground,
)
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import FAIL, PASS, dense_node

AT = pd.Timestamp("2026-10-10")


def assets() -> gpd.GeoDataFrame:
    """Two mains in parallel, 70 m apart, spaces every 20 m midway along the first."""
    spaces = [shapely.Point(x, 4.0) for x in range(10, 200, 20)]
    lines = [shapely.LineString([(0, 0), (200, 0)]), shapely.LineString([(0, 70), (200, 70)])]
    n = len(spaces)
    return gpd.GeoDataFrame(
        {
            "lifeline": "gas",
            "kind": ["pipe"] * 2 + ["space"] * n,
            "material": ["PE100", "grey cast iron"] + [""] * n,
            "year": [2016, 1986] + [2000] * n,
            "pressure_class": ["medium", "low"] + [""] * n,
            "space_type": ["", ""] + ["sewer_manhole"] * n,
            "real_or_simulated": "simulated",
        },
        index=pd.Index(["P1", "P2", *(f"U{i}" for i in range(n))], name="asset"),
        geometry=lines + spaces,
        crs="EPSG:32650",
    )


def traced(readings: dict, **told) -> Tracing:
    found = trace_gas(assets(), pd.Series(readings, dtype=float), at=AT, **told)
    assert found is not None
    return found


def test_pieces_are_ranked_and_the_answer_names_pipe_and_next_manhole():
    found = traced({"U4": 3.0, "U5": 0.9, "U3": 0.6, "U9": 0.0})
    assert found.pieces["probability"].is_monotonic_decreasing
    assert found.pieces["probability"].sum() == pytest.approx(1.0)
    searched = found.pieces[found.pieces["in_search"]]
    assert searched["cumulative"].iloc[-1] >= 0.9
    assert found.search_length_m == pytest.approx(searched["length_m"].sum())
    best = found.pieces.loc[found.best]
    assert best["pipe"] == "P1"
    assert abs(best["along_m"] - 92) <= 10
    assert not set(found.open_next.index) & {"U4", "U5", "U3", "U9"}
    assert found.open_next["entropy_drop"].is_monotonic_decreasing
    assert found.open_next.index[0] in {"U2", "U6"}
    assert "P1" in found.summary.en
    assert found.open_next.index[0] in found.summary.zh
    assert found.pieces.crs == assets().crs


def test_material_age_and_pressure_weigh_pipes():
    pipes = assets().query("kind == 'pipe'")
    rate = leak_prior(pipes, AT)
    assert rate["P2"] / rate["P1"] == pytest.approx((4.0 * 2**2) / (0.5 * 1.3 * 2**0.5))
    more = leak_prior(pipes, AT, past_leaks=pd.Series({"P1": 2}))
    assert more["P1"] == pytest.approx(rate["P1"] * 1.5**2)


def test_recent_digging_beside_a_pipe_draws_suspicion():
    dug = gpd.GeoDataFrame(
        {"since": [AT - pd.Timedelta(days=10)]}, geometry=[shapely.Point(150, -5)], crs="EPSG:32650"
    )
    old = dug.assign(since=AT - pd.Timedelta(days=60))
    readings = {"U5": 1.0, "U6": 1.0}
    shares = []
    for permits in (None, dug, old):
        pieces = traced(readings, digging=permits).pieces
        near = pieces.geometry.distance(shapely.Point(150, -5)) <= 20
        shares.append(pieces["probability"][near].sum())
    assert shares[1] > 2 * shares[0]
    assert shares[2] == pytest.approx(shares[0])


def test_ducts_are_taken_as_given_or_joined_by_type():
    spaces = assets().query("kind == 'space'")
    assert len(underground(spaces).ducts) == 9
    mixed = spaces.assign(space_type=["sewer_manhole", "cable_duct"] * 5)
    assert {tuple(np.sort(pair) % 2) for pair in underground(mixed).ducts} == {(0, 0), (1, 1)}
    given = pd.DataFrame({"from_space": ["U0"], "to_space": ["U7"]})
    assert underground(spaces, given).ducts.tolist() == [[0, 7]]
    with pytest.raises(InputError, match="'U0' to 'X' names a space"):
        underground(spaces, given.assign(to_space="X"))


def test_nothing_to_trace_and_bad_input():
    nothing = pd.Series({"U1": 0.0})
    assert trace_gas(assets(), nothing, at=AT) is None
    with pytest.raises(InputError, match="'Q9' is no gas space"):
        trace_gas(assets(), pd.Series({"Q9": 1.0}), at=AT)
    with pytest.raises(InputError, match="got 2 pipes, 0 spaces"):
        trace_gas(assets().query("kind == 'pipe'"), nothing, at=AT)


def test_the_last_usable_reading_of_each_space_counts():
    time = AT.to_datetime64() + np.arange(-5, 2) * np.timedelta64(30, "m")
    value = np.array(
        [
            [9.0, 0.1, 0.2, 0.3, 0.4, 0.5, 7.0],  # later than asked: 7.0
            [9.0, 0.1, 0.2, 0.3, 2.0, 8.0, 7.0],  # the last one failed: 8.0
            [9.0, np.nan, np.nan, np.nan, np.nan, np.nan, np.nan],  # too old: 9.0
        ],
        dtype=np.float32,
    )
    node = dense_node("methane", list("abc"), time, value)
    flag = np.full(value.shape, PASS, dtype=np.uint8)
    flag[1, 5] = FAIL
    node = node.assign(flag=(("sensor", "time"), flag))
    table = assets()
    sensors = gpd.GeoDataFrame(
        {"asset": ["U0", "U1", "U2"]}, index=list("abc"), geometry=table.geometry[2:5].to_numpy()
    )
    city = SimpleNamespace(
        readings=xr.DataTree.from_dict({"/methane/30min": node}), sensors=sensors
    )
    found = methane_at(cast("City", city), AT)
    assert found.to_dict() == {"U0": pytest.approx(0.5), "U1": pytest.approx(2.0)}
