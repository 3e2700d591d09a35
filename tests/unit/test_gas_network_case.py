"""What is stored for the page of the gas network, and that it is no case to decide."""

import json

import geopandas as gpd
import pandas as pd
from shapely import Point
from test_gas_leaks import AT, CRS, city_of

from lifeline_kit.lifelines.gas.network_case import network_case


def known_city():
    """Two grids with ages and design pressures, two valves, two spaces of which one is sensed."""
    city = city_of()
    pipe = city.assets["kind"] == "pipe"
    old = city.assets.index == "ap08"
    assets = city.assets.assign(year=[1975.0 if each else 2015.0 for each in old], material="steel")
    assets["design_pressure_kpa"] = pd.Series(400.0, index=assets.index).where(pipe)
    row = {"lifeline": "gas", "real_or_simulated": "simulated"}
    first = assets.loc["ap08"]
    valves = {
        f"V{k}": row | {"kind": "valve"} | assets.loc[on, ["from_node", "to_node"]].to_dict()
        for k, on in enumerate(("ap00", "ap01"))  # the two streets that leave the station
    }
    more = valves | {
        "U1": row | {"kind": "space", "geometry": first.geometry.centroid},
        "U2": row | {"kind": "space", "geometry": Point(5000, 300)},
    }
    added = gpd.GeoDataFrame.from_dict(more, orient="index").set_geometry("geometry", crs=CRS)
    both = gpd.GeoDataFrame(pd.concat([assets, added]), crs=CRS)
    both.index.name = "asset"
    return city.with_(assets=both)


def test_the_network_is_stored_with_risk_pressure_valves_and_next_terminals():
    stored = network_case(known_city(), AT)
    row = stored.loc["gas.network"]
    assert (row["lifeline"], row["sensor"]) == ("gas.network", "")
    facts = json.loads(row["facts"])
    segments = pd.DataFrame(facts["segments"]).set_index("asset")
    assert len(segments) == 120
    assert segments["grade"].isin(list("ABCDE")).all()
    near, far = segments.loc["ap00"], segments.loc["ap59"]
    assert near["kpa"] > far["kpa"]
    assert segments["least"].notna().all()
    worst = facts["worst"][0]
    assert worst["asset"] == "ap08"
    assert "age" in worst["drivers_en"]
    assert sorted(worst["isolation"]["close"]) == ["V0", "V1"]
    assert facts["terminals"][0]["asset"] == "U1"
    assert {each["stations"] for each in facts["balances"]} == {1}
    assert all(each["week"] < each["day"] < each["usual"] for each in facts["balances"])


def test_what_the_assets_do_not_say_is_assumed_and_told():
    city = known_city()
    assets = city.assets.copy()
    assets.loc["ap08", ["design_pressure_kpa"]] = None
    assets.loc["ap09", ["year"]] = None
    assets.loc["ap10", ["diameter_mm"]] = 0.0
    facts = json.loads(network_case(city.with_(assets=assets), AT).iloc[0]["facts"])
    assert facts["worst"][0]["asset"] == "ap08"
    grades = dict(zip(facts["segments"]["asset"], facts["segments"]["grade"], strict=True))
    assert grades["ap09"]
    assert "ap10" not in grades
    sized, year, pressure = facts["assumed_en"]
    assert sized == "1 pipes lack diameter or length: not graded"
    assert year.startswith("1 pipes state no year")
    assert pressure.startswith("1 pipes state no design pressure: 300 kPa")
    assert len(facts["assumed_zh"]) == 3


def test_without_ages_the_map_keeps_pressures_and_states_no_risk():
    facts = json.loads(network_case(city_of(), AT).iloc[0]["facts"])
    assert set(facts["segments"]["grade"]) == {""}
    assert facts["worst"] == []
    assert facts["assumed_en"] == ["no pipe states the year it was laid: not graded"]
    assert facts["segments"]["kpa"][0] > 0


def test_without_a_network_nothing_is_stored():
    city = city_of()
    stations = city.assets["kind"] == "station"
    assert network_case(city.with_(assets=city.assets[~stations]), AT).empty
