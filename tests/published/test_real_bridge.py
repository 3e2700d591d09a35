"""The real bridge of UniBw Munich: reader, passages, the parked truck and the lowered support."""

from pathlib import Path
from time import process_time

import numpy as np
import pytest

from lifeline_kit.io.files import city_from_files
from lifeline_kit.methods.events import load_passages
from lifeline_kit.methods.shifts import persistent_shifts
from lifeline_kit.model.readings import nodes, series

FLOOR = {"strain": 2.0, "force": 2.0}


def recording(shared_data: Path, pattern: str):
    """Yield sensor, quantity and series of a recording."""
    files = sorted((shared_data / "bridges" / "munich").glob(pattern))
    if not files:
        pytest.skip(f"shared data hold no {pattern}")
    city = city_from_files(files, lifeline="bridges").city
    for _, node in nodes(city.readings):
        for sensor in node["sensor"].to_numpy():
            yield sensor, node.attrs["quantity"], series(node, sensor)


@pytest.mark.parametrize("pattern", ["*ref_support_load_01*", "*04-11_support_load_01*"])
def test_load_tests_hold_three_passages_and_one_parked_truck(shared_data, pattern):
    found = list(recording(shared_data, pattern))
    assert len(found) == 3  # a strain and two forces
    for sensor, quantity, readings in found:
        loads = load_passages(readings.time, readings.value, floor=FLOOR[quantity])
        assert loads["kind"].value_counts().to_dict() == {"passage": 3, "parked": 1}, sensor
        passing = loads[loads["kind"] == "passage"]
        assert passing["peak"].between(5, 13).all(), sensor
        if quantity == "force":
            assert passing["duration_s"].between(12, 17).all(), sensor
        shifts = persistent_shifts(readings.time, readings.value, floor=FLOOR[quantity])
        assert shifts.empty, sensor


def test_reference_state_ends_with_the_truck_standing_and_no_shift(shared_data):
    for sensor, quantity, readings in recording(shared_data, "ReferenceState[DF]*"):
        loads = load_passages(readings.time, readings.value, floor=FLOOR[quantity])
        assert loads["kind"].tolist() == ["passage", "passage", "parked"], sensor
        assert loads["end"].isna().tolist() == [False, False, True], sensor
        shifts = persistent_shifts(readings.time, readings.value, floor=FLOOR[quantity])
        assert shifts.empty, sensor


def test_support_lowering_is_one_shift_from_second_391(shared_data):
    ((_, _, readings),) = recording(shared_data, "*support_01_lowering_01*")
    shifts = persistent_shifts(readings.time, readings.value, floor=2.0)
    assert len(shifts) == 1
    onset = (shifts["time"][0] - readings.time[0]) / np.timedelta64(1, "s")
    assert onset == pytest.approx(391, abs=2)
    assert shifts["step"][0] == pytest.approx(28.6, abs=1.0)
    assert load_passages(readings.time, readings.value, floor=2.0).empty


def test_stamps_lie_on_the_day_of_the_file_name(shared_data):
    for sensor, _, readings in recording(shared_data, "UniBw_2022-04-11*"):
        day = readings.time[0].astype("datetime64[D]")
        assert day == np.datetime64("2022-04-11"), sensor


def test_temperature_zip_holds_several_recordings(shared_data):
    found = list(recording(shared_data, "TemperatureData*"))
    assert len(found) == 10
    assert {quantity for _, quantity, _ in found} == {"air_temperature"}


def test_a_recording_is_read_and_searched_within_two_seconds(shared_data):
    begin = process_time()
    ((_, _, readings),) = recording(shared_data, "*support_01_lowering_01*")
    load_passages(readings.time, readings.value, floor=2.0)
    persistent_shifts(readings.time, readings.value, floor=2.0)
    assert process_time() - begin < 2.0
