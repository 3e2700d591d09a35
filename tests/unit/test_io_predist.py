"""PreDist: the published layout, written by hand, read and scored."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lifeline_kit.bench.predist import scored
from lifeline_kit.bench.run import run_bench
from lifeline_kit.errors import InputError
from lifeline_kit.io.predist import read_predist, sound_hours, substation_readings

FAULTS = """Event ID;substation ID;Report date;Problem EN;Event description EN;\
Possible anomaly start;Possible anomaly end;Training start;Training end;efd_possible;\
Fault label;Monitoring potential
7;1;2019-03-01 10:00:00;no heat;valve;2019-02-25 00:00:00;2019-03-01 16:00:00;2019-01-01;\
2019-02-20;True;Control valve;high
8;1;2019-03-02 10:00:00;no heat;again;;;2019-01-01;2019-02-20;False;;low
"""
NORMAL = """Event ID;substation ID;Event start;Event end;Training start;Training end
20;2;2019-02-21;2019-03-02;2019-01-01;2019-02-20
"""
DISTURBANCES = """substation ID;Event start;type
1;2019-01-15 09:10:00;task
2;2019-01-20 12:00:00;fault
"""
UNITS = """column;description;unit
outdoor_temperature;outdoor;°C
p_net_supply_temperature;supply;°C
p_net_return_temperature;return;°C
p_net_meter_flow;flow;l/h
p_net_meter_heat_power;power;kW
"""


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "heating" / "predist" / "Manufacturer 1"
    (folder / "operational_data").mkdir(parents=True)
    for name, text in (
        ("faults", FAULTS),
        ("normal_events", NORMAL),
        ("disturbances", DISTURBANCES),
        ("feature_descriptions", UNITS),
    ):
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    for substation in (1, 2):
        _readings(substation).to_csv(
            folder / "operational_data" / f"substation_{substation}.csv", sep=";"
        )
    return tmp_path


def _readings(substation: int) -> pd.DataFrame:
    rng = np.random.default_rng(substation)
    time = pd.date_range("2019-01-01", "2019-03-03", freq="10min", name="timestamp")
    hour = np.arange(time.size) / 6.0
    outdoor = 3.0 + 5.0 * np.sin(hour / 60.0) + 2.0 * np.sin(2 * np.pi * (hour - 9) / 24)
    load = (18.0 - outdoor) / 25.0 * (1.0 + 0.02 * rng.standard_normal(time.size))
    supply = 85.0 - outdoor + rng.normal(0, 0.3, time.size)
    back = 30.0 + 12.0 * load + rng.normal(0, 0.3, time.size)
    if substation == 1:
        back[time >= "2019-02-25"] += 15.0
    heat = 100.0 * load
    return pd.DataFrame(
        {
            "outdoor_temperature": outdoor,
            "p_net_supply_temperature": supply,
            "p_net_return_temperature": back,
            "p_net_meter_flow": 1000.0 * heat / (1.136 * (supply - back)),
            "p_net_meter_heat_power": heat,
        },
        index=time,
    )


def test_events_keep_detectable_faults_and_normal_stretches(dataset):
    data = read_predist(dataset / "heating" / "predist")
    assert data.events["event"].tolist() == [7, 20]
    fault = data.events.iloc[0]
    assert fault["end"] == pd.Timestamp("2019-03-01 10:00")
    assert fault["start"] == pd.Timestamp("2019-02-22 10:00")
    assert data.disturbances["type"].tolist() == ["task", "fault"]


def test_readings_are_hourly_means_in_canonical_units(dataset):
    data = read_predist(dataset / "heating" / "predist")
    hourly = substation_readings(data, 1, 1)
    raw = _readings(1)
    assert hourly["flow"].iloc[5] == pytest.approx(
        raw["p_net_meter_flow"].iloc[30:36].mean() / 1000.0
    )
    assert hourly["supply"].iloc[0] == pytest.approx(
        raw["p_net_supply_temperature"].iloc[:6].mean()
    )


def test_hours_of_faults_and_tasks_are_not_sound(dataset):
    data = read_predist(dataset / "heating" / "predist")
    time = pd.date_range("2019-01-01", "2019-03-03", freq="1h")
    sound = pd.Series(sound_hours(data, 1, 1, time), index=time)
    assert sound["2019-01-15 08:00"]
    assert not sound["2019-01-15 09:00"]
    assert not sound["2019-01-15 23:00"]
    assert sound["2019-01-16 01:00"]
    assert not sound["2019-02-26 12:00"]
    other = pd.Series(sound_hours(data, 1, 2, time), index=time)
    assert not other["2019-01-19 00:00"]
    assert other["2019-01-18 00:00"]


def test_the_bench_finds_the_fault_before_its_report_and_leaves_the_normal_alone(dataset):
    result = run_bench("predist", data=dataset)
    values = {row["metric"]: row["value"] for row in result.rows}
    assert (values["faults"], values["normal_events"], values["unjudged_events"]) == (1, 1, 0)
    assert values["event_f05"] == 1.0
    assert values["early_share"] == 1.0
    assert 2.5 < values["mean_lead_d"] < 4.5
    assert values["normal_accuracy"] > 0.98
    assert "not run by this project" in result.note


def test_an_event_without_a_channel_counts_as_missed(dataset):
    folder = dataset / "heating" / "predist" / "Manufacturer 1" / "operational_data"
    file = folder / "substation_1.csv"
    table = pd.read_csv(file, sep=";").drop(columns="p_net_return_temperature")
    table.to_csv(file, sep=";", index=False)
    values = scored(read_predist(dataset / "heating" / "predist"))
    assert (values["unjudged_events"], values["early_share"]) == (1, 0)


def test_what_is_missing_is_named(dataset, tmp_path):
    with pytest.raises(InputError, match="Zenodo"):
        read_predist(tmp_path / "nowhere")
    folder = dataset / "heating" / "predist" / "Manufacturer 1"
    (folder / "normal_events.csv").write_text("substation ID;Event start\n1;2019-01-01\n")
    with pytest.raises(InputError, match="no column 'Event ID'"):
        read_predist(folder.parent)
    (folder / "feature_descriptions.csv").write_text("column;unit\np_net_meter_flow;kPa\n")
    (folder / "normal_events.csv").write_text(NORMAL)
    with pytest.raises(InputError, match="is in 'kPa', expected m3/h"):
        substation_readings(read_predist(folder.parent), 1, 1)
