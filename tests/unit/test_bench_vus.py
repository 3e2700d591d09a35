"""The measures that TSB-AD uses, against a plain loop and by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import vus as slow

from lifeline_kit.bench.vus import event_f1, period, segments, vus_pr


def test_segments_are_first_and_last() -> None:
    assert segments(np.array([1, 1, 0, 0, 1, 0, 1], dtype=bool)) == [(0, 1), (4, 4), (6, 6)]
    assert segments(np.zeros(3, dtype=bool)) == []


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), window=st.integers(0, 20))
def test_volume_equals_the_plain_loop(seed: int, window: int) -> None:
    rng = np.random.default_rng(seed)
    label = np.zeros(400, dtype=bool)
    for start in rng.integers(0, 400, rng.integers(1, 6)):
        label[start : start + rng.integers(1, 30)] = True
    score = np.round(rng.normal(size=400) + label * rng.uniform(0, 3), 1)  # with ties
    assert vus_pr(label, score, window) == pytest.approx(slow.vus_pr(label, score, window), 1e-12)


def test_a_perfect_score_is_one_and_noise_is_near_the_share() -> None:
    label = np.zeros(5000, dtype=bool)
    label[1000:1100] = label[3000:3100] = True
    assert vus_pr(label, label.astype(float), 0) == pytest.approx(1.0, abs=0.02)
    noise = np.random.default_rng(1).normal(size=5000)
    assert vus_pr(label, noise, 20) < 0.1
    assert np.isnan(vus_pr(np.zeros(9, dtype=bool), np.arange(9.0), 2))


def test_event_f1_counts_events_and_points() -> None:
    label = np.array([0, 1, 1, 0, 0, 1, 0, 0], dtype=bool)
    score = np.array([0, 0, 5, 0, 5, 0, 0, 0.0])
    assert event_f1(label, score, 1.0) == pytest.approx(0.5)  # half the events, half the points
    assert event_f1(label, label.astype(float)) == pytest.approx(1.0)
    assert event_f1(label, score, 9.0) == 0.0


def test_period_of_a_wave_and_of_nothing() -> None:
    wave = np.sin(np.arange(4000) * 2 * np.pi / 57)
    assert period(wave) == 57
    assert period(np.arange(1000.0)) == 125
    assert period(np.ones(50)) == 125
