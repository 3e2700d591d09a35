"""Drinking water of GECCO 2018: the residual against the organisers' events (scoring only)."""

import numpy as np
import pandas as pd
import pytest

from lifeline_kit.io.files import SHIPPED, city_from_files
from lifeline_kit.methods.residuals import causal_residual, residual_episodes
from lifeline_kit.model.readings import nodes

QUALITY = ("Cl", "pH", "Redox", "Leit", "Trueb", "Cl_2")


def test_events_of_the_first_half_are_found_at_less_than_one_false_a_week(shared_data):
    file = shared_data / "water" / "gecco2018" / "first_half.parquet"
    if not file.exists():
        pytest.skip(f"{file} absent")
    city = city_from_files([file], mapping=SHIPPED / "gecco2018.toml").city
    columns = {}
    for _, node in nodes(city.readings):
        for sensor, row in zip(node["sensor"].to_numpy(), node["value"].to_numpy(), strict=True):
            columns[sensor.removeprefix("first_half.")] = row
        time = node["time"].to_numpy()
    found = residual_episodes(
        time, causal_residual(time, np.stack([columns[name] for name in QUALITY]))
    )

    truth = pd.read_parquet(file, columns=["Time", "EVENT"])
    event = truth["EVENT"].to_numpy().astype(int)
    stamps = truth["Time"].to_numpy()
    begin = stamps[np.flatnonzero(np.diff(event, prepend=0) == 1)]
    stop = stamps[np.flatnonzero(np.diff(event, append=0) == -1)]
    end = found["end"].fillna(pd.Timestamp(time[-1]))
    meets = np.array([(found["known"] <= b) & (end >= a) for a, b in zip(begin, stop, strict=True)])
    weeks = (stamps[-1] - stamps[0]) / np.timedelta64(7, "D")
    assert meets.any(axis=1).sum() == len(begin) == 29
    assert (~meets.any(axis=0)).sum() / weeks < 1.0
