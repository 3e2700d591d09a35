"""Heating in a city: heat meters and make-up become findings, one warning a fault."""

import numpy as np
import pytest
from oracles.hand import asset_table, at, city_of, minutes, sensor_table

from lifeline_kit.lifelines.heating import HEATING
from lifeline_kit.lifelines.heating.diagnosis import makeup_rows
from lifeline_kit.lifelines.heating.hourly import city_meters, hourly
from lifeline_kit.methods.heat_meter import WATER_KWH_PER_M3_K
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import dense_node
from lifeline_kit.quality import flag_city

DAYS, N = 30, 5
STEPS = DAYS * 96
ONSET = 22 * 96
UNITS = {
    "supply_temperature": "degC",
    "return_temperature": "degC",
    "flow": "m3/h",
    "air_temperature": "degC",
    "makeup_flow": "m3/h",
}


def heated_city(*, broken: int | None = 2, leak: float = 0.0, air: bool = True) -> City:
    """Build five substations and a plant; one return sensor may rise by 8 K, the plant may leak."""
    rng = np.random.default_rng(8)
    hour = np.arange(STEPS) / 4.0
    outdoor = 2.0 + 4.0 * np.sin(hour / 60.0) + 2.0 * np.sin(2 * np.pi * (hour - 9.0) / 24)
    load = (18.0 - outdoor) / 25.0 * (1.0 + 0.02 * rng.standard_normal((N, STEPS)))
    supply = 82.0 - outdoor + rng.normal(0, 0.3, (N, STEPS))
    back = 30.0 + 12.0 * load + rng.normal(0, 0.3, (N, STEPS))
    if broken is not None:
        back[broken, ONSET:] += 8.0
    size = np.linspace(60.0, 180.0, N)[:, None]
    flow = size * load / (WATER_KWH_PER_M3_K * (supply - back))
    makeup = 2.0 + rng.normal(0, 0.3, (1, STEPS))
    makeup[0, ONSET:] += leak
    assets = asset_table(
        *({"asset": f"S{i}", "lifeline": "heating", "kind": "substation"} for i in range(N)),
        {"asset": "P", "lifeline": "heating", "kind": "plant"},
    )
    series = {
        "supply_temperature": (supply, [f"S{i}" for i in range(N)]),
        "return_temperature": (back, [f"S{i}" for i in range(N)]),
        "flow": (flow, [f"S{i}" for i in range(N)]),
        "makeup_flow": (makeup, ["P"]),
    }
    if air:
        series["air_temperature"] = (outdoor[None, :], ["P"])
    rows, nodes = [], {}
    for quantity, (values, owners) in series.items():
        names = [f"{quantity}-{owner}" for owner in owners]
        clock = f"{quantity}/15min"
        rows += [
            {
                "sensor": name,
                "asset": owner,
                "lifeline": "heating",
                "quantity": quantity,
                "unit": UNITS[quantity],
                "clock": clock,
                "range_min": -60.0,
            }
            for name, owner in zip(names, owners, strict=True)
        ]
        nodes[clock] = dense_node(quantity, np.array(names, dtype=object), minutes(STEPS), values)
    city = city_of(nodes, assets, sensor_table(assets, *rows))
    return flag_city(city, [HEATING], at(DAYS).to_datetime64())


@pytest.fixture(scope="module")
def sick() -> City:
    return heated_city(leak=3.0)


def test_meters_are_hourly_means_of_whole_hours(sick):
    found = city_meters(sick, "heating", at(2, hours=5.5).to_datetime64())
    assert found is not None
    meters, names = found
    assert names == [f"S{i}" for i in range(N)]
    assert meters.supply.shape == (N, 2 * 24 + 5)
    frame = hourly(sick, "heating", "flow", at(2).to_datetime64(), kind="substation")
    assert meters.flow[1, :48] == pytest.approx(frame["S1"].to_numpy())


def test_the_sick_substation_and_the_leak_are_named_and_nothing_else(sick):
    found = HEATING.diagnose(HEATING, sick, at(DAYS))
    meters = found[found["method"] == "heat_meter"]
    assert meters["asset"].unique().tolist() == ["S2"]
    assert meters["since"].iloc[0] > at(22)
    assert meters["since"].iloc[0] < at(25)
    assert meters["until"].isna().all()
    leak = found[found["method"] == "cusum"]
    assert leak["asset"].tolist() == ["P"]
    assert leak["value"].iloc[0] == pytest.approx(3.0, abs=0.3)
    assert at(22) < leak["since"].iloc[0] < at(23)
    rules = {rule.key for rule in HEATING.rules}
    assert set(found["rule"]) <= rules  # so that one fault makes one warning


def test_a_sound_city_and_a_city_without_weather_give_none():
    well = HEATING.diagnose(HEATING, heated_city(broken=None), at(DAYS))
    assert not well["method"].isin({"heat_meter", "cusum"}).any()
    blind = heated_city(air=False)
    assert city_meters(blind, "heating", at(DAYS).to_datetime64()) is None
    assert len(list(makeup_rows(blind, "heating", at(2).to_datetime64()))) == 0
