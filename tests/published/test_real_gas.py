"""Controlled releases at METEC: the alarm on ambient methane against the true releases."""

import numpy as np
import pandas as pd
import pytest

from lifeline_kit.bench import metec_locate
from lifeline_kit.io.files import SHIPPED, city_from_files
from lifeline_kit.methods.ambient import methane_episodes
from lifeline_kit.model.readings import nodes, series


def test_every_single_release_is_found_with_few_false_episodes(shared_data):
    file = shared_data / "gas" / "metec" / "series.parquet"
    if not file.exists():
        pytest.skip(f"{file} absent")
    city = city_from_files([file], mapping=SHIPPED / "metec.toml").city
    ((_, node),) = nodes(city.readings)
    readings = series(node, city.sensors.index[0])
    found = methane_episodes(readings.time, readings.value)

    truth = pd.read_csv(file.with_name("releases.csv"), parse_dates=["start", "end"])
    for column in ("start", "end"):
        truth[column] = truth[column].dt.tz_convert(None)
    truth = truth[(truth["start"] >= readings.time[0]) & (truth["end"] <= readings.time[-1])]
    end = found["end"].fillna(pd.Timestamp(readings.time[-1]))
    meets = np.array(
        [
            (found["start"] <= b) & (end >= a)
            for a, b in zip(truth["start"], truth["end"], strict=True)
        ]
    )
    single = (truth["n_points"] == 1).to_numpy()
    assert single.sum() == 43
    assert meets[single].any(axis=1).all()
    assert (~meets.any(axis=0)).sum() <= 4
    first = found["start"].to_numpy()[meets.argmax(axis=1)]
    delay = ((first - truth["start"].to_numpy()) / np.timedelta64(1, "m"))[single]
    assert np.median(delay) <= 5
    assert np.quantile(delay, 0.9) <= 45


def test_the_source_of_every_event_is_named(shared_data):
    if not list((shared_data / "gas" / "metec").glob("week*_sensors.parquet")):
        pytest.skip("no localisation window")
    got = metec_locate.BENCH.measure(shared_data, 0).values
    assert got["n"] >= 5  # alarms held for 90 min: two releases of the week are one event
    assert got["accuracy"] >= 0.85
    assert got["wilson_low"] < got["accuracy"]
    assert 0.3 < got["rate_ratio_median"] < 3.0
