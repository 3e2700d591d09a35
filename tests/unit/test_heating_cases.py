"""Heating cases: substations ranked, make-up with valves, homes in an outage, gaps told."""

import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from oracles.hand import asset_table, at
from shapely import LineString, Point, box
from test_heating_diagnosis import DAYS, heated_city

from lifeline_kit.lifelines.heating import HEATING
from lifeline_kit.lifelines.heating.cases import heating_cases
from lifeline_kit.lifelines.heating.outage import age_class, outage
from lifeline_kit.lifelines.heating.supply import heat_supply, isolation, network_findings
from lifeline_kit.model.city import City
from lifeline_kit.model.tables import CASE_COLUMNS


def placed(city: City, *, network: bool = True, areas: bool = True) -> City:
    """Put substations in a row 1 km apart, the plant at its head, a pipe with a valve between."""
    place = {"P": Point(0, 0)} | {f"S{i}": Point(1000.0 * (i + 1), 0) for i in range(5)}
    rows = [
        {
            "asset": name, "lifeline": "heating", "kind": "plant" if name == "P" else "substation",
            "from_node": name, "to_node": "", "geometry": point, "year": 2005.0,
        }
        for name, point in place.items()
    ]  # fmt: skip
    chain = list(place)
    for i, (a, b) in enumerate(pairwise(chain)):
        line = LineString([place[a], place[b]])
        pipe = {"from_node": a, "to_node": b, "length_m": 1000.0, "diameter_mm": 200.0}
        pipe |= {"lifeline": "heating", "year": 1984.0}
        rows.append(pipe | {"asset": f"T{i}", "kind": "pipe", "geometry": line})
        if network:
            rows.append(pipe | {"asset": f"V{i}", "kind": "valve", "geometry": place[a]})
    assets = asset_table(*rows)
    if not network:
        assets["diameter_mm"] = np.nan
    kept = city.sensors.copy()
    kept["geometry"] = [place[owner] for owner in kept["asset"]]
    return city.with_(assets=assets, sensors=kept, areas=cells() if areas else city.areas)


def cells():
    import geopandas as gpd

    frame = pd.DataFrame(
        {
            "level": "cell", "parent": "", "name_zh": "", "name_en": "",
            "population": [1000.0] * 5, "vulnerable": [0.0, 0.0, 400.0, 100.0, 0.0],
            "real_or_simulated": "simulated",
        },
        index=pd.Index([f"C{i}" for i in range(5)], name="area"),
    )  # fmt: skip
    boxes = [box(1000 * i + 600, -400, 1000 * i + 1400, 400) for i in range(5)]
    return gpd.GeoDataFrame(frame, geometry=boxes, crs="EPSG:32650")


@pytest.fixture(scope="module")
def sick() -> City:
    return placed(heated_city(leak=3.0))


@pytest.fixture(scope="module")
def judged(sick: City) -> pd.DataFrame:
    return heating_cases(sick, HEATING.diagnose(HEATING, sick, at(DAYS)), at(DAYS))


def facts(cases: pd.DataFrame, case: str) -> dict:
    return json.loads(cases.loc[case, "facts"])


def test_cases_have_the_shape_and_words_in_both_languages(judged):
    assert list(judged.columns) == list(CASE_COLUMNS)
    for column in ("reasons_zh", "reasons_en", "advice_zh", "advice_en"):
        assert (judged[column].str.len() > 3).all()
    assert not judged["reasons_en"].str.contains("[一-龥]").any()


def test_the_faulty_substation_leads_with_its_excess_in_money(judged, sick):
    first = judged.iloc[0]
    assert first["asset"] == "S2"
    own = facts(judged, "heating.substation:S2")
    assert own["open"]
    assert own["fault"] == "poor_cooling"
    assert own["rank"] == 1
    assert own["findings"]
    assert pd.Timestamp(first["since"]) > at(22)
    # by hand: flow less heat over what the median substation cools by
    reading = {
        kind: sick.readings[f"{kind}/15min"]["value"].to_numpy()
        for kind in ("flow", "supply_temperature", "return_temperature")
    }
    hourly = {kind: value.reshape(5, -1, 4).mean(axis=2) for kind, value in reading.items()}
    heat = hourly["flow"] * (hourly["supply_temperature"] - hourly["return_temperature"])
    cooling = heat.sum(axis=1) / hourly["flow"].sum(axis=1)
    excess = (hourly["flow"][2] - heat[2] / np.median(cooling)).sum()
    assert own["excess_m3"] == pytest.approx(excess, abs=1.0)
    assert own["cooling_k"] == pytest.approx(cooling[2], abs=0.02)
    assert own["month_cny"] == pytest.approx(own["excess_cny"], rel=0.02)
    assert own["slope_kw_per_k"] > 0


def test_the_leaking_plant_says_what_it_needs_to_be_located(judged):
    own = facts(judged, "heating.plant:P")
    assert own["open"]
    assert own["usual_m3_h"] == pytest.approx(2.0, abs=0.1)
    assert own["leak_m3_h"] == pytest.approx(3.0, abs=0.3)
    assert own["low_m3_h"] < own["leak_m3_h"] < own["high_m3_h"]
    assert any("0 usable pressure gauges" in said for said in own["missing_en"])
    assert any("no circulating flow" in said for said in own["missing_en"])
    assert "suspects" not in own


def test_valves_around_a_pipe_and_who_loses_heat(sick):
    supply = heat_supply(sick, at(DAYS).to_datetime64())
    assert supply is not None
    assert supply.people.sum() == pytest.approx(5000.0)
    plan = isolation(supply, "T3")
    assert plan["close"] == ["V3"]
    assert plan["people"] == 2500  # S3, S4, and half of the crossing where the valve is


def test_homes_with_vulnerable_people_come_first(judged):
    own = facts(judged, "heating.cold")
    groups = own["groups"]
    assert [group["group"] for group in groups[:2]] == ["S2", "S3"]
    assert groups[0]["vulnerable"] == 400
    assert groups[0]["age"] == "before_1986"
    assert all(group["rooms"] == 0 for group in groups)
    assert any("no usable room" in said for said in own["missing_en"])
    assert 0 < groups[0]["early"] < groups[0]["hours_18"] < groups[0]["late"]
    assert groups[0]["hours_12"] > groups[0]["hours_18"]


def test_gaps_are_said_instead_of_guessed():
    blind = placed(heated_city(air=False), areas=False)
    cases = heating_cases(blind, HEATING.diagnose(HEATING, blind, at(DAYS)), at(DAYS))
    assert "no air temperature is measured" in cases.loc["heating.substations", "reasons_en"]
    own = facts(cases, "heating.cold")
    assert not own["told"]
    assert "hours not told" in " ".join(own["missing_en"])
    assert "people not counted" in " ".join(own["missing_en"])


def test_a_city_without_heating_has_no_case():
    assets = asset_table({"asset": "W", "lifeline": "water", "kind": "pipe"})
    city = heated_city().with_(assets=assets)
    assert heating_cases(city, HEATING.diagnose(HEATING, city, at(2)), at(2)).empty
    assert outage(city, at(2).to_datetime64()) is None


def test_age_classes():
    found = [age_class(year) for year in (1985, 1986, 2000, 2001, 2013, np.nan)]
    expected = ["before_1986", "1986_2000", "1986_2000", "2000_2012", "after_2012", "unknown"]
    assert found == expected


def test_what_the_network_lacks_is_a_finding_on_the_data(sick):
    assert network_findings(sick, at(DAYS)).empty
    bad = sick.assets.copy()
    bad.loc["T4", "diameter_mm"] = 0.0
    found = network_findings(sick.with_(assets=bad), at(DAYS))
    assert set(found.index) == {"heating.data:size", "heating.data:pipe_out"}
    assert (found["rule"] == "heating.data").all()
    assert (found["level"] == 0).all()
    assert not found["health"].any()
    loose = sick.assets.drop(index="P")
    found = network_findings(sick.with_(assets=loose), at(DAYS))
    assert found["evidence_en"].str.contains("no plant .* as its from_node").all()
    assert len(found) == 1
