"""Wrong input to triage, tracing, alarms and isolation: one clear error each."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import LineString, Point
from test_gas_supply import STREET, build

from lifeline_kit.errors import CrsError, InputError, NetworkError, ReadingsError
from lifeline_kit.lifelines.gas.alarms import profile, terminal_alarms
from lifeline_kit.lifelines.gas.isolation import isolation_plan
from lifeline_kit.lifelines.gas.tracing import trace_gas
from lifeline_kit.lifelines.gas.triage import triage
from lifeline_kit.methods.hydraulics import METHANE, prepare, solve

AT = pd.Timestamp("2026-10-02")
TIME = pd.date_range("2026-10-01", periods=200, freq="15min")
GOOD = pd.DataFrame({"methane": np.r_[np.full(100, 0.05), np.linspace(0.05, 2, 100)]}, index=TIME)


@pytest.mark.parametrize(
    ("series", "match"),
    [
        ([1, 2], "got list"),
        (GOOD["methane"], "got Series"),
        (GOOD.reset_index(drop=True), r"times \(UTC\) as the index; got int64"),
        (GOOD.astype(str).replace("2.0", "high"), "methane is high at .*finite numbers"),
        (GOOD.assign(rain="dry"), "rain is dry"),
        (GOOD.where(GOOD < 1.9, np.inf), "methane is inf"),
        (GOOD * 1e4, r"in %VOL, -5 to 100; got 500 to 20000. 1 %VOL is 10,000 ppm"),
        (-10 * GOOD, r"got -20 to -0.5"),
        (GOOD.assign(neighbour_1=0.1), "1 columns neighbour_1 … and 0 distances"),
        (GOOD.assign(neighbour_1=1e3), "needs neighbour_1 in %VOL"),
    ],
)
def test_triage_asks_for_a_series_of_methane(series, match):
    with pytest.raises(ReadingsError, match=match):
        triage(series)


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ({"context": {"space_type": "valve_well"}}, "context is a dict"),
        ({"prior": (0.5, 0.5)}, "three shares"),
        ({"prior": (0.6, 0.6, -0.2)}, "three shares"),
        ({"cases": pd.DataFrame({"a": [1]})}, "lack the sign"),
    ],
)
def test_triage_asks_for_what_goes_with_it(said, match):
    with pytest.raises(InputError, match=match):
        triage(GOOD, **said)


def test_times_with_a_zone_are_brought_to_utc():
    local = GOOD.tz_localize("UTC").tz_convert("Asia/Shanghai")
    one, other = triage(GOOD), triage(local)
    assert (one.leak, one.onset) == (other.leak, other.onset)


def street():
    shapes = [LineString([(0, 0), (100, 0)]), Point(10, 2), Point(40, 2)]
    table = {"lifeline": "gas", "kind": ["pipe", "space", "space"]}
    ids = pd.Index(["P", "A", "B"], name="asset")
    return gpd.GeoDataFrame(table, geometry=shapes, crs="EPSG:4547", index=ids)


@pytest.mark.parametrize(
    ("assets", "readings", "error", "match"),
    [
        (street().to_crs(4326), {"A": 1.0}, CrsError, "in metres; got EPSG:4326"),
        (street().set_crs(None, allow_override=True), {"A": 1.0}, CrsError, "got no CRS"),
        (street().drop(columns="kind"), {"A": 1.0}, InputError, "no column 'kind'"),
        (street(), {"A": 1e4}, InputError, r"%VOL, -5 to 100; got 10000"),
        (street(), {"Z": 1.0}, InputError, "'Z' is no gas space"),
    ],
)
def test_tracing_asks_for_metres_and_vol(assets, readings, error, match):
    with pytest.raises(error, match=match):
        trace_gas(assets, pd.Series(readings), at=AT)


def test_alarms_ask_for_methane():
    with pytest.raises(InputError, match="expected a column 'methane'; got x"):
        terminal_alarms(
            GOOD.rename(columns={"methane": "x"}), unit="%VOL", profile=profile("cn_default")
        )


def test_networks_ask_for_positions_and_numbers():
    network = build(*STREET).network
    with pytest.raises(NetworkError, match="'P2' is no position of a link"):
        isolation_plan(network, METHANE, np.full(7, 1e-4), "P2", least_pa=1.1e5)
    with pytest.raises(NetworkError, match="loads are not numbers"):
        solve(prepare(network, METHANE), "x")
