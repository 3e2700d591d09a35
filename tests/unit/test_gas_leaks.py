"""Mass balance of gas networks: a large leak is found and placed, a quiet month raises nothing."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from shapely import LineString, Point, box

from lifeline_kit.lifelines.gas.leaks import balance_findings, balances
from lifeline_kit.lifelines.gas.supply import gas_supply
from lifeline_kit.methods.alike import Watch, excess_size, least_excess, watch_excess
from lifeline_kit.methods.hydraulics import prepare, solve
from lifeline_kit.model.city import City, Source
from lifeline_kit.model.readings import dense_node, nodes
from lifeline_kit.text import Text

BEGIN = np.datetime64("2026-10-01T00:00", "ms")
DAYS, SIDE, STEP_M = 24, 6, 150.0
AT = pd.Timestamp("2026-10-25T00:00")
CRS = "EPSG:32650"
HOURS = np.arange(24 * DAYS)


def demand(rng, level=1.0):
    """A flow with a rhythm, holidays and errors of 2 % that last for half a day."""
    rest = np.isin(HOURS // 24 % 7, (2, 3)) | (HOURS // 24 == 8)
    rhythm = 1.0 + np.where(rest, 0.2, 0.4) * np.sin(2 * np.pi * (HOURS - 8) / 24)
    error = np.zeros(HOURS.size)
    for k in range(1, HOURS.size):
        error[k] = 0.92 * error[k - 1] + rng.normal(0, 0.02 * np.sqrt(1 - 0.92**2))
    return level * rhythm * (1 + error)


def grid(name, x0):
    """A square of streets with a station at its corner, gauges on every fifth pipe."""
    rows, node = {}, lambda i, j: f"{name}{i}-{j}"
    for i in range(SIDE):
        for j in range(SIDE):
            for di, dj in ((1, 0), (0, 1)):
                if max(i + di, j + dj) < SIDE:
                    ends = [(x0 + STEP_M * a, STEP_M * b) for a, b in ((i, j), (i + di, j + dj))]
                    rows[f"{name}p{len(rows):02d}"] = {
                        "kind": "pipe",
                        "from_node": node(i, j),
                        "to_node": node(i + di, j + dj),
                        "geometry": LineString(ends),
                        "length_m": STEP_M,
                        "diameter_mm": 70.0,
                    }
    station = {"kind": "station", "from_node": node(0, 0), "geometry": Point(x0, 0)}
    return rows | {f"{name}station": station | {"to_node": ""}}


def city_of(leak=0.0, *, seed=5, at_node="a4-4"):
    """Two grids, of which the first loses `leak` of its usual flow from the 18th day on."""
    rng = np.random.default_rng(seed)
    assets = gpd.GeoDataFrame.from_dict(grid("a", 0.0) | grid("b", 5000.0), orient="index")
    assets = assets.set_geometry("geometry").set_crs(CRS)
    assets = assets.assign(lifeline="gas", real_or_simulated="simulated")
    assets.index.name = "asset"
    gauged = [f"{n}p{k:02d}" for n in "ab" for k in range(3, 60, 5)]
    sensed = [*[(f"{n}station", q) for n in "ab" for q in ("flow", "pressure")]]
    sensed += [(asset, "pressure") for asset in gauged]
    sensors = gpd.GeoDataFrame(
        [
            {
                "sensor": f"{a}:{q}",
                "asset": a,
                "lifeline": "gas",
                "quantity": q,
                "interval_s": 3600.0,
            }
            | {"unit": {"flow": "m3/h", "pressure": "kPa"}[q], "clock": f"{q}/1h"}
            | {"real_or_simulated": "simulated", "geometry": Point(0, 0)}
            for a, q in sensed
        ],
        crs=CRS,
    ).set_index("sensor")
    cell = {"level": "cell", "population": 10_000.0, "geometry": box(-100, -100, 6000, 900)}
    city = City(
        name=Text("网格", "Grids"), crs=CRS, time_zone="Asia/Shanghai", origin="simulated",
        sources=(Source(title=Text("手写", "Hand-written"), url="", licence="BSD-3-Clause"),),
        assets=assets, sensors=sensors,
        areas=gpd.GeoDataFrame([cell], index=pd.Index(["c"], name="area"), crs=CRS),
        readings=xr.DataTree(),
    )  # fmt: skip
    return city.with_(readings=_readings(city, leak, at_node, rng))


def _readings(city, leak, at_node, rng):
    supply = gas_supply(city, AT)
    network, kg_s = supply.assets.network, supply.gas.density_n * 3.96 / 3600.0
    loads = np.zeros((HOURS.size, network.nodes.size))
    flows = {}
    for name in "ab":
        own = np.array([str(node).startswith(name) for node in network.nodes])
        flows[name] = demand(rng, 400.0)
        loads[:, own] = flows[name][:, None] * kg_s / own.sum()
    lost = np.where(HOURS >= 24 * 17, leak * 400.0, 0.0)
    loads[:, supply.assets.node(at_node)] += lost * kg_s
    flows["a"] = flows["a"] + lost
    solved = solve(prepare(network, supply.gas), loads).pressure_pa / 1e3 - 101.325
    clock = BEGIN + HOURS * np.timedelta64(3_600_000, "ms")
    flow = np.array([flows[n] for n in "ab"]) * (1 + rng.normal(0, 0.003, (2, HOURS.size)))
    gauges = city.sensors[city.sensors["quantity"] == "pressure"]
    places = [supply.assets.node(n) for n in city.assets["from_node"][gauges["asset"]]]
    kpa = solved[:, places].T + rng.normal(0, 0.05, (len(places), HOURS.size))
    tree = {
        "flow/1h": dense_node("flow", np.array(["astation:flow", "bstation:flow"]), clock, flow),
        "pressure/1h": dense_node("pressure", gauges.index.to_numpy(), clock, kpa),
    }
    for node in tree.values():
        node["tests"] = node["value"].dims, np.zeros(node["value"].shape, dtype=np.uint16)
    return xr.DataTree.from_dict(tree)


@pytest.fixture(scope="module")
def leaking():
    return city_of(0.10)


def test_a_large_leak_is_found_sized_and_placed(leaking):
    found = balance_findings(leaking, AT)
    assert len(found) == 1
    row = found.iloc[0]
    assert row["value"] == pytest.approx(40.0, rel=0.35)
    assert pd.Timestamp("2026-10-18") < row["since"] < pd.Timestamp("2026-10-20")
    assert pd.isna(row["until"])
    leak = Point(4 * STEP_M, 4 * STEP_M)
    assert leaking.assets.geometry[row["asset"]].distance(leak) <= 1.5 * STEP_M
    assert "smaller ones stay unseen" in row["evidence_en"]
    assert "90 % 区间" in row["evidence_zh"]


def test_nothing_is_said_before_it_was_learnt_or_without_a_leak(leaking):
    assert balance_findings(city_of(0.0, seed=6), AT).empty
    assert balance_findings(leaking, pd.Timestamp("2026-10-18T00:00")).empty


def test_what_comes_later_does_not_change_what_was_raised(leaking):
    soon, late = (
        balance_findings(leaking, AT - pd.Timedelta(days=d)).iloc[0]["since"] for d in (4, 0)
    )
    assert soon == late


def test_without_gauges_the_station_is_named(leaking):
    tree = dict(nodes(leaking.readings))
    bare = leaking.with_(readings=xr.DataTree.from_dict({"flow/1h": tree["flow/1h"]}))
    row = balance_findings(bare, AT).iloc[0]
    assert row["asset"] == "astation"
    assert "too few pressure gauges" in row["evidence_en"]


def test_a_station_without_meter_leaves_its_network_unwatched(leaking):
    without = leaking.with_(sensors=leaking.sensors.drop("astation:flow"))
    watched = balances(without, gas_supply(without, AT), AT)
    assert [each.stations for each in watched] == [("bstation",)]


def test_meters_at_reference_conditions_tell_the_same_leak(leaking):
    tree = dict(nodes(leaking.readings))
    flow = tree["flow/1h"]
    supply = gas_supply(leaking, AT)
    fills = float(np.median(supply.assets.network.source_pa)) / 101_325.0
    normal = dense_node(
        "standard_flow",
        flow["sensor"].to_numpy(),
        flow["time"].to_numpy(),
        flow["value"].to_numpy() * fills,
    )
    normal["tests"] = flow["tests"]
    sensors = leaking.sensors.replace(
        {"quantity": {"flow": "standard_flow"}, "unit": {"m3/h": "Nm3/h"}}
    )
    readings = {"standard_flow/1h": normal, "pressure/1h": tree["pressure/1h"]}
    other = leaking.with_(sensors=sensors, readings=xr.DataTree.from_dict(readings))
    row, same = (balance_findings(city, AT).iloc[0] for city in (other, leaking))
    assert row["value"] == pytest.approx(same["value"], rel=1e-6)
    assert row["since"] == same["since"]
    assert gas_supply(other, AT).load_kg_s == pytest.approx(supply.load_kg_s, rel=1e-6)


def test_a_lasting_excess_never_becomes_usual_and_shorter_history_learns_nothing():
    rng = np.random.default_rng(2)
    guide, flow = demand(rng, 900.0), demand(rng, 400.0)
    flow[24 * 14 :] *= 1.25
    excess = watch_excess(flow, guide, watch=Watch())
    assert excess.raised[24 * 15 :].all()
    assert excess.usual[-24:].mean() == pytest.approx((flow[-24:] / 1.25).mean(), rel=0.06)
    short = watch_excess(flow[: 24 * 9], guide[: 24 * 9], watch=Watch())
    assert np.isnan(short.sigma).all()


def test_the_least_excess_is_what_raises_within_its_hours():
    rng = np.random.default_rng(3)
    guide, flow = demand(rng, 900.0), demand(rng, 400.0)
    sigma = watch_excess(flow, guide, watch=Watch()).sigma[-1]
    for times, raised in ((1.5, True), (0.2, False)):
        more = flow.copy()
        more[24 * 18 :] *= 1 + times * least_excess(Watch(), sigma, hours=24.0)
        assert watch_excess(more, guide, watch=Watch()).raised[24 * 18 : 24 * 20].any() == raised


def test_quiet_hours_weigh_most_in_the_size():
    usual = np.array([100.0, 400.0])
    size, half = excess_size(usual + np.array([10.0, 50.0]), usual, 0.1)
    assert size == pytest.approx((10 * 16 + 50) / 17)
    assert half == pytest.approx(1.645 * 0.1 / np.sqrt(1 / 100**2 + 1 / 400**2))
