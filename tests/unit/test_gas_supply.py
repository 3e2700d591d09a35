"""A gas network out of assets: valves on their pipes, what is left out and why, isolation."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lifeline_kit.errors import NetworkError
from lifeline_kit.lifelines.gas.isolation import isolation_plan, linepack_m3n, words
from lifeline_kit.lifelines.gas.supply import gas_supply
from lifeline_kit.methods.hydraulics import METHANE, prepare, solve
from lifeline_kit.methods.hydraulics.assets import left_out_rows, network_of_assets
from lifeline_kit.methods.hydraulics.network import VALVE
from lifeline_kit.model.city import City
from lifeline_kit.model.tables import FINDING_COLUMNS, table

DEMO = Path(__file__).parents[2] / "data" / "demo" / "wuhan"


def pipe(asset, a, b, **changes):
    row = {"asset": asset, "kind": "pipe", "from_node": a, "to_node": b}
    return row | {"length_m": 100.0, "diameter_mm": 100.0, "geometry": None} | changes


def valve(asset, a, b):
    return {"asset": asset, "kind": "valve", "from_node": a, "to_node": b, "geometry": None}


def station(asset, a):
    return {"asset": asset, "kind": "station", "from_node": a, "to_node": "", "geometry": None}


def build(*rows, pressure=2e5):
    assets = pd.DataFrame(rows).set_index("asset")
    return network_of_assets(
        assets, source_kinds=("station",), source_pa=pressure, roughness_m=1e-4
    )


STREET = (
    station("S", "a"),
    pipe("P1", "a", "b"),
    pipe("P2", "b", "c"),
    pipe("P3", "c", "d"),
    valve("V1", "b", "a"),
    valve("V2", "b", "c"),
    valve("V3", "c", "b"),
)


def test_valves_sit_at_the_end_they_name_and_two_may_share_a_pipe():
    built = build(*STREET)
    network = built.network
    assert network.nodes.size == 7
    assert (network.kind == VALVE).sum() == 3
    assert not len(built.left_out)
    plan = isolation_plan(network, METHANE, np.full(7, 1e-4), built.link("P2"), least_pa=1.1e5)
    assert network.links[plan.close].tolist() == ["V2"]
    assert network.links[plan.also].tolist() == ["V3"]
    lost = set(network.nodes[plan.lost].tolist())
    assert {"c", "d"} <= lost
    assert not {"a", "b"} & lost


def test_what_cannot_take_part_is_left_out_with_its_reason():
    built = build(
        *STREET,
        pipe("P8", "b", "x", diameter_mm=0.0),
        pipe("P9", "b", ""),
        pipe("Q1", "p", "q"),
        valve("V9", "b", "nowhere"),
    )
    said = built.left_out["en"].to_dict()
    assert said.keys() == {"P8", "P9", "Q1", "V9"}
    assert "diameter" in said["P8"]
    assert "end is missing" in said["P9"]
    assert "no source" in said["Q1"]
    assert "nor of two that it joins" in said["V9"]
    assert built.network.links.tolist() == ["P1", "P2", "P3", "V1", "V2", "V3"]


def test_what_was_left_out_becomes_one_row_a_reason():
    built = build(
        *STREET,
        *(pipe(f"P{k}", "b", f"x{k}", diameter_mm=0.0) for k in range(20, 27)),
        valve("V9", "b", "nowhere"),
    )
    origin = pd.Series("simulated", index=built.left_out.index)
    rows = left_out_rows(
        built.left_out, lifeline="gas", at=pd.Timestamp("2026-01-01"), origin=origin
    )
    assert [row["finding"] for row in rows] == ["gas.data:pipe", "gas.data:size"]
    assert [row["value"] for row in rows] == [1.0, 7.0]
    assert "P20, P21, P22, P23, P24 …" in rows[1]["evidence_en"]
    assert "V9）" in rows[0]["evidence_zh"]
    found = table(rows, FINDING_COLUMNS, "finding")
    assert (found["level"] == 0).all()
    assert not found["health"].any()
    assert left_out_rows(build(*STREET).left_out, lifeline="gas", at=pd.NaT, origin=origin) == []


def test_a_valve_may_be_a_link_of_its_own_between_two_pipes():
    built = build(
        station("S", "a"), pipe("P1", "a", "b"), valve("V1", "b", "c"), pipe("P2", "c", "d")
    )
    assert not len(built.left_out)
    plan = isolation_plan(built.network, METHANE, np.zeros(4), built.link("P2"), least_pa=1.1e5)
    assert built.network.links[plan.close].tolist() == ["V1"]


def test_a_valve_on_a_pipe_left_out_is_not_blamed():
    built = build(*STREET, pipe("P8", "c", "x", diameter_mm=0.0), valve("V8", "c", "x"))
    assert "was left out" in built.left_out["en"]["V8"]


def test_pipes_without_any_station_are_an_error_that_says_what_to_do():
    with pytest.raises(NetworkError, match="expected assets of kind station"):
        build(pipe("P1", "a", "b"), station("S", "elsewhere"))
    with pytest.raises(NetworkError, match="'P7' is no pipe or valve of this network"):
        build(*STREET).link("P7")


def test_a_missing_column_is_named():
    rows = pd.DataFrame([pipe("P1", "a", "b")]).set_index("asset").drop(columns="diameter_mm")
    with pytest.raises(NetworkError, match="have no column 'diameter_mm'"):
        network_of_assets(rows, source_kinds=("station",), source_pa=2e5, roughness_m=1e-4)


def test_a_plan_counts_gas_customers_and_the_fallback():
    built = build(*STREET)
    network = built.network
    load = np.where(network.nodes == "d", 0.01, 0.0)
    plan = isolation_plan(network, METHANE, load, built.link("P3"), least_pa=1.1e5)
    assert network.links[plan.close].tolist() == ["V3"]
    assert network.links[plan.fallback[built.link("V3")]].tolist() == ["V2"]
    assert plan.relight == 1
    volume = np.pi * 0.1**2 / 4 * 100.0  # of P3 alone
    assert plan.linepack_m3n == pytest.approx(volume * 2e5 / 101325 * 273.15 / 283.15, rel=0.02)
    said = words(plan, network)
    assert "V3" in said.zh
    assert "1 points of use" in said.en
    assert "12 people" in words(plan, network, people=12).en


def test_the_rest_is_checked_for_pressure():
    ring = (
        station("S", "a"),
        pipe("P1", "a", "b"),
        pipe("P2", "b", "c"),
        pipe("P3", "a", "d", diameter_mm=40.0, length_m=900.0),
        pipe("P4", "d", "c"),
        valve("V1", "b", "a"),
        valve("V2", "c", "b"),
    )
    built = build(*ring)
    network = built.network
    load = np.where(network.nodes == "c", 0.02, 0.0)
    plan = isolation_plan(network, METHANE, load, built.link("P2"), least_pa=1.8e5)
    assert network.nodes[plan.starved].tolist() == ["c"]
    assert plan.lowest_pa < 1.8e5
    assert "1 other places lack" in words(plan, network).en
    easy = isolation_plan(network, METHANE, load / 20, built.link("P2"), least_pa=1.8e5)
    assert not easy.starved.size


def test_linepack_of_one_pipe_by_hand():
    built = build(station("S", "a"), pipe("P1", "a", "b"))
    flow = solve(prepare(built.network, METHANE), [0.0, 0.0])
    inside = np.ones(2, dtype=bool)
    z = 1 + METHANE.compressibility_per_pa * 2e5
    expected = np.pi * 0.1**2 / 4 * 100 * 2e5 / 101325 * 273.15 / 283.15 / z
    assert linepack_m3n(built.network, METHANE, flow.pressure_pa[0], inside) == pytest.approx(
        expected
    )


def test_a_city_gives_its_network_with_people_and_measured_demand():
    city = City.open(DEMO)
    supply = gas_supply(city, pd.Timestamp("2026-10-31T15:45"))
    cells = city.areas["population"][city.areas["level"] == "cell"].sum()
    assert supply.measured
    assert 0.8 * cells <= supply.people.sum() <= cells
    flow = solve(prepare(supply.assets.network, supply.gas), supply.load_kg_s)
    assert flow.feasible().all()
    assert flow.pressure_pa.min() > 2e5
