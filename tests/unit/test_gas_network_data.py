"""Bad data of a gas network: said and never corrected, and no alarm from a sensor in doubt."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from shapely import LineString, Point

from lifeline_kit.io.tables import read_tables
from lifeline_kit.lifelines import ALL
from lifeline_kit.lifelines.gas import GAS
from lifeline_kit.lifelines.gas.network_data import data_findings
from lifeline_kit.model.readings import dense_node, nodes
from lifeline_kit.pipeline import examine
from lifeline_kit.quality import flag_city

AT = pd.Timestamp("2026-10-10T23:45")


def with_gas(city, kpa, *, design=400.0, more=()):
    """Add a main with one pressure gauge to a city, and terminals' own channels to G1."""
    clock = next(nodes(city.readings, "pressure"))[1]["time"].to_numpy()
    pipe = {"lifeline": "gas", "kind": "pipe", "geometry": LineString([(90, 0), (200, 0)])}
    station = {"lifeline": "gas", "kind": "station", "geometry": Point(90, 0), "from_node": "a"}
    sized = {"length_m": 110.0, "diameter_mm": 200.0, "from_node": "a", "to_node": "b"}
    rows = {
        "GP": pipe | sized | {"design_pressure_kpa": design},
        "GQ": pipe | sized | {"diameter_mm": 0.0},
        "GS": station,
    }
    added = gpd.GeoDataFrame.from_dict(rows, orient="index").set_geometry("geometry")
    added = added.assign(real_or_simulated="simulated").set_crs(city.assets.crs)
    assets = gpd.GeoDataFrame(pd.concat([city.assets, added]), crs=city.assets.crs)
    assets.index.name = "asset"
    words = ["lifeline", "kind", "from_node", "to_node", "material"]
    assets[words] = assets[words].astype(object).fillna("")
    channels = {"gp": ("GP", "pressure", "kPa", np.full(clock.size, kpa)), **dict(more)}
    rows, tree = [], dict(nodes(city.readings))
    noise = np.random.default_rng(1).normal(0, 1e-3, clock.size)
    for name, (asset, quantity, unit, value) in channels.items():
        base = city.sensors.iloc[0].to_dict()
        place = f"{quantity}/{name}"
        rows.append(
            base
            | {"sensor": name, "asset": asset, "lifeline": "gas", "quantity": quantity}
            | {"unit": unit, "clock": place, "limit_low": 150.0, "limit_high": 500.0}
        )
        wobble = value * (1 + noise) if quantity == "pressure" else value
        tree[place] = dense_node(quantity, np.array([name]), clock, wobble[None, :])
    extra = gpd.GeoDataFrame(rows, crs=city.sensors.crs).set_index("sensor")
    sensors = gpd.GeoDataFrame(pd.concat([city.sensors, extra]), crs=city.sensors.crs)
    sensors.index.name = "sensor"
    return city.with_(assets=assets, sensors=sensors, readings=xr.DataTree.from_dict(tree))


def flags_of(city):
    return flag_city(city, ALL, AT.to_datetime64())


def said(city):
    return data_findings(city, AT)


def test_what_the_network_leaves_out_is_counted_and_named(tiny_city):
    found = said(with_gas(tiny_city, 330.0)).loc["gas.data:size"]
    assert (found["asset"], found["value"], found["level"]) == ("GQ", 1.0, 0)
    assert "diameter" in found["evidence_en"]


def test_a_network_without_source_is_said_and_does_not_stop_the_diagnosis(tiny_city):
    city = with_gas(tiny_city, 330.0)
    found = said(city.with_(assets=city.assets.drop("GS")))
    assert found.loc["gas.data:no_network", "title_en"] == "No source feeds the gas network"


@pytest.mark.parametrize(
    ("kpa", "words"),
    [(0.33, "0.33 MPa read as 0.33 kPa?"), (330_000.0, "3.3e+05 Pa read as 3.3e+05 kPa?")],
)
def test_a_pressure_a_thousand_times_off_asks_for_its_unit(tiny_city, kpa, words):
    found = said(with_gas(tiny_city, kpa)).loc["gas.data:unit:gp"]
    assert words in found["evidence_en"]
    assert "未作更正" in found["evidence_zh"]
    assert found["health"]


@pytest.mark.parametrize("kpa", [330.0, 70.0, 0.02, 0.0])
def test_a_low_or_empty_main_is_no_wrong_unit(tiny_city, kpa):
    assert "gas.data:unit:gp" not in said(with_gas(tiny_city, kpa)).index


def test_without_a_design_pressure_the_gauges_around_say_what_is_usual(tiny_city):
    clock = next(nodes(tiny_city.readings, "pressure"))[1]["time"].size
    near = {f"n{k}": ("GP", "pressure", "kPa", np.full(clock, 320.0 + k)) for k in range(3)}
    found = said(with_gas(tiny_city, 0.33, design=np.nan, more=near))
    assert found.index[found["method"] == "unit"].tolist() == ["gas.data:unit:gp"]
    assert "gauges near by" in found.loc["gas.data:unit:gp", "evidence_en"]


def test_a_gauge_in_a_wrong_unit_raises_no_pressure_warning(tiny_city):
    city = with_gas(tiny_city, 0.6, design=500.0)
    examined = examine(city, AT)
    low = examined.findings[examined.findings["rule"] == "gas.low_pressure"]
    assert len(low)
    assert (low["level"] == 0).all()
    assert low["evidence_en"].str.contains("no alarm").all()
    assert not (examined.warnings["asset"] == "GP").any()


def flooded(city, share):
    """A flood switch at G1 that is on for the last `share` of the methane alarm of six hours."""
    on = np.zeros(next(nodes(city.readings, "pressure"))[1]["time"].size)
    on[on.size - round(24 * share) :] = 1.0
    return with_gas(city, 330.0, more={"f": ("G1", "flooded", "1", on)})


def test_a_flooded_terminal_makes_a_device_finding_and_no_alarm(tiny_city):
    found = GAS.diagnose(GAS, flags_of(flooded(tiny_city, 1.0)), AT)
    device = found[found["rule"] == "gas.terminal"].iloc[0]
    assert (device["title_en"], device["health"], device["level"]) == ("Terminal flooded", True, 0)
    alarm = found[found["rule"] == "gas.methane"]
    assert len(alarm)
    assert (alarm["level"] == 0).all()


def test_a_terminal_flooded_late_keeps_its_alarm_and_is_marked(tiny_city):
    found = GAS.diagnose(GAS, flags_of(flooded(tiny_city, 0.2)), AT)
    alarm = found[(found["rule"] == "gas.methane") & (found["method"] == "above")].iloc[0]
    assert alarm["level"] > 0
    assert "verify on site" in alarm["evidence_en"]


def test_methane_alone_makes_no_device_finding(tiny_city):
    assert not (said(with_gas(tiny_city, 330.0))["rule"] == "gas.terminal").any()


def test_a_terminal_file_with_clocks_out_of_order_is_told(tmp_path):
    file = tmp_path / "terminal.csv"
    stamps = ["08:00", "08:30", "08:15", "08:45"]
    lines = [f"2026-10-01 {at},{k}.5" for k, at in enumerate(stamps)]
    file.write_text("\n".join(["time,methane (%VOL)", *lines]) + "\n")
    (table,) = read_tables(file)
    assert np.all(np.diff(table.time) > np.timedelta64(0, "ms"))
    assert any("backwards 1 times" in note.en for note in table.notes)
