"""Triage in a city: what it collects, causally, and what findings say of it."""

import pandas as pd
import pytest
import xarray as xr

from lifeline_kit.demo.underground import draw_episodes
from lifeline_kit.errors import ReadingsError
from lifeline_kit.lifelines.gas import GAS
from lifeline_kit.lifelines.gas.diagnosis import characterised
from lifeline_kit.lifelines.gas.triage_city import manhole_series, triage_city
from lifeline_kit.model.readings import nodes, ragged_node
from lifeline_kit.model.tables import FINDING_COLUMNS, table


def methane_sensor(city):
    row = city.sensors[city.sensors["quantity"] == "methane"].iloc[0]
    return str(row.name), str(row["asset"])


def with_methane(city, series):
    """The city with a drawn series at its methane terminal."""
    sensor, _ = methane_sensor(city)
    tree = {path: node for path, node in nodes(city.readings) if not path.startswith("methane")}
    tree[str(city.sensors["clock"][sensor])] = ragged_node(
        "methane", [sensor], [len(series)], series.index.to_numpy(), series["methane"].to_numpy()
    )
    return city.with_(readings=xr.DataTree.from_dict(tree))


@pytest.fixture
def leaking(tiny_city):
    episode = next(draw_episodes(1, split="train", seed=3, mix=(1.0, 0.0, 0.0)))
    return with_methane(tiny_city, episode.series), episode


def test_nothing_later_is_read(leaking):
    city, episode = leaking
    _, asset = methane_sensor(city)
    at = episode.series.index[300]
    series, context = manhole_series(city, asset, at)
    assert series.index[-1] <= at
    assert context.utc_offset_h == 8.0
    cut = with_methane(city, episode.series.iloc[:301])
    pd.testing.assert_series_equal(
        triage_city(city, asset, at).signs, triage_city(cut, asset, at).signs
    )


def test_an_asset_without_terminal_is_named(tiny_city):
    asset = tiny_city.sensors.loc[tiny_city.sensors["quantity"] != "methane", "asset"].iloc[0]
    with pytest.raises(ReadingsError, match=rf"{asset}.*has no methane terminal"):
        triage_city(tiny_city, str(asset), pd.Timestamp("2026-10-05"))


def test_a_terminal_that_only_just_began_is_refused(leaking):
    city, episode = leaking
    _, asset = methane_sensor(city)
    with pytest.raises(ReadingsError, match=r"has 2 readings .* needs four"):
        triage_city(city, asset, episode.series.index[1])


def test_findings_carry_probability_and_reasons(leaking):
    city, episode = leaking
    sensor, asset = methane_sensor(city)
    at = episode.series.index[-1]
    row = {
        "finding": "f1",
        "lifeline": GAS.key,
        "asset": asset,
        "sensor": sensor,
        "rule": "gas.methane",
        "evidence_zh": "峰值",
        "evidence_en": "peak",
        "since": at - pd.Timedelta("20h"),
        "until": pd.NaT,
    }
    found = characterised(table([row], FINDING_COLUMNS, "finding"), city, at).loc["f1"]
    judged = triage_city(city, asset, at)
    assert found["probability"] == pytest.approx(judged.leak)
    assert judged.reasons[0].en in found["evidence_en"]
    assert "泄漏" in found["evidence_zh"]
    assert "calibrated on simulation" in found["evidence_en"]
