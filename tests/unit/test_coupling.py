"""What one lifeline's finding does to another, on hand-made places."""

import re

import geopandas as gpd
import pandas as pd
import pytest
from oracles.hand import asset_table, city_of, findings, sensor_table
from shapely import LineString, Point

from lifeline_kit.coupling import couple
from lifeline_kit.model.city import City

LEAK = {"lifeline": "gas", "rule": "gas.methane", "severity": 0.8}


def place(lifeline: str, kind: str, x: float) -> dict:
    return {"lifeline": lifeline, "kind": kind, "geometry": Point(x, 0)}


def city(*rows: dict) -> City:
    assets = asset_table(place("gas", "space", 0), *rows)
    return city_of({}, assets, sensor_table(assets, {}))


def test_a_leak_reaches_neighbouring_spaces_and_fades_with_distance() -> None:
    here = city(
        place("drainage", "manhole", 15),
        place("gas", "space", 30),
        place("drainage", "manhole", 61),
        place("drainage", "pipe", 10),
        place("water", "valve", 10),
    )
    found = couple(here, findings(LEAK))
    assert found["asset"].tolist() == ["A1", "A2"]
    assert found["severity"].tolist() == pytest.approx([0.8 * 0.8 * 0.75, 0.8 * 0.8 * 0.5])
    assert found["cause"].tolist() == ["F0", "F0"]
    assert (found["level"] == 0).all()
    assert (found["method"] == "coupling").all()
    assert found["lifeline"].tolist() == ["drainage", "gas"]
    assert "about 15 m from 'Turbid' at A0" in found["evidence_en"].iloc[0]
    assert re.match("距“浊度超标”.A0.约 15 m", found["evidence_zh"].iloc[0])
    assert found["source"].str.contains("Elementa").all()


@pytest.mark.parametrize(
    "cause",
    [
        {"rule": "gas.overpressure"},
        {"level": 4},  # not urgent enough
        {"level": 0},
    ],
)
def test_no_effect_without_a_cause(cause: dict) -> None:
    assert len(couple(city(place("drainage", "manhole", 15)), findings(LEAK | cause))) == 0


def test_no_findings_no_effect() -> None:
    assert len(couple(city(place("drainage", "manhole", 15)), findings())) == 0


def test_of_two_causes_of_one_effect_the_stronger_is_kept() -> None:
    here = city(place("drainage", "manhole", 15))
    found = couple(here, findings(LEAK | {"severity": 0.4}, LEAK, LEAK | {"severity": 0.5}))
    assert found["cause"].tolist() == ["F1"]


def test_faint_effects_are_not_told() -> None:
    found = couple(city(place("drainage", "manhole", 58)), findings(LEAK))
    assert len(found) == 0


def test_distance_to_a_pipe_is_to_its_nearest_point() -> None:
    here = city(
        {"lifeline": "roads", "kind": "section", "geometry": LineString([(-9, 40), (9, 40)])}
    )
    burst = {"rule": "water.pressure_residual", "severity": 1.0}
    (row,) = couple(here, findings(burst)).to_dict("records")
    assert row["value"] == 40.0
    assert row["severity"] == pytest.approx(0.6 * 0.5)


def test_every_cause_is_a_finding(tiny_city: City) -> None:
    rows = findings(LEAK | {"asset": "G1"}, {"asset": "W1", "rule": "water.flow_residual"})
    found = couple(tiny_city, rows)
    assert set(found["cause"]) == {"F0", "F1"}
    assert set(found["asset"]) == {"G2", "R1"}
    assert not (found["asset"] == rows["asset"].reindex(found["cause"]).to_numpy()).any()


def test_without_places_nothing_meets(tiny_city: City) -> None:
    nowhere = gpd.GeoSeries([None] * 6, index=tiny_city.assets.index)
    city = tiny_city.with_(assets=tiny_city.assets.set_geometry(nowhere))
    found = couple(city, findings(LEAK | {"asset": "G1"}))
    assert isinstance(found, pd.DataFrame)
    assert len(found) == 0
