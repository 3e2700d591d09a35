"""Detectors on the public recordings their settings were fixed on: nothing may get worse."""

import numpy as np
import pytest

from lifeline_kit.bench import gecco, oddwater, skab
from lifeline_kit.bench.vus import event_f1, period, vus_pr

pytestmark = pytest.mark.published


def test_water_quality_events_and_the_buffer(shared_data) -> None:
    table = gecco.read(shared_data / "water" / "gecco2018" / "first_half.parquet")
    assert period(table["Tp"].to_numpy()) == gecco._BUFFER
    label = table["EVENT"].to_numpy(dtype=bool)
    score = gecco.detect(table.drop(columns="EVENT"))
    assert vus_pr(label, score, gecco._BUFFER) > 0.8
    assert event_f1(label, score, gecco._RAISED) > 0.9


def test_water_quality_score_is_causal(shared_data) -> None:
    table = gecco.read(shared_data / "water" / "gecco2018" / "first_half.parquet").iloc[:12_000]
    whole, part = gecco.detect(table), gecco.detect(table.iloc[:9_000])
    np.testing.assert_allclose(whole[:9_000], part)


def test_pump_loop_faults(shared_data) -> None:
    values = skab._scores(skab._runs(shared_data))
    assert values["f1"] > 0.84
    assert values["false_alarm_rate"] < 0.08


def test_typed_faults_of_a_river(shared_data) -> None:
    values = oddwater._scores([shared_data / "sensing" / "oddwater" / "sandy.parquet"])
    assert values["variance_recall"] > 0.85
    assert values["variance_precision"] > 0.85
    assert values["spike_recall"] == pytest.approx(0.8)
    assert values["missing_recall"] == values["impossible_recall"] == 1.0
    assert values["missing_precision"] == values["impossible_precision"] == 1.0
