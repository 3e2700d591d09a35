"""The multivariate chart against published figures, against drawn runs, and in chunks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifeline_kit.bench import worked_examples as published
from lifeline_kit.errors import InputError
from lifeline_kit.methods.mewma import (
    Mewma,
    State,
    average_run_length,
    limit_for,
    robust_reference,
    update,
)

TWO = Mewma(mean=np.zeros(2), covariance=published.LOWRY_COVARIANCE, smoothing=0.1)


def t2(values, settings=TWO):
    return update(State(), np.asarray(values, dtype=float), settings=settings)[1]


def test_the_published_example_to_its_last_digit():
    statistic = t2(published.LOWRY)
    assert statistic.round(2).tolist() == published.LOWRY_T2
    assert np.flatnonzero(statistic > published.LOWRY_LIMIT)[0] == 8


def test_the_covariance_of_very_many_alarms_no_earlier():
    late = Mewma(
        mean=np.zeros(2), covariance=published.LOWRY_COVARIANCE, smoothing=0.1, exact=False
    )
    n = np.arange(1, 11)
    np.testing.assert_allclose(
        t2(published.LOWRY, late), t2(published.LOWRY) * (1 - 0.9 ** (2.0 * n))
    )


def test_with_all_weight_on_the_newest_it_is_hotellings():
    settings = Mewma(mean=np.ones(2), covariance=published.LOWRY_COVARIANCE, smoothing=1.0)
    away = published.LOWRY - 1.0
    inverse = np.linalg.inv(published.LOWRY_COVARIANCE)
    expected = np.einsum("ti,ij,tj->t", away, inverse, away)
    np.testing.assert_allclose(t2(published.LOWRY, settings), expected)


@given(cuts=st.lists(st.integers(0, 60), max_size=5), seed=st.integers(0, 99))
def test_any_chunking_gives_what_one_batch_gives(cuts, seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1, (60, 2))
    values[rng.random(60) < 0.2, 1] = np.nan
    state, parts = State(), []
    for chunk in np.split(values, sorted(cuts)):
        state, part = update(state, chunk, settings=TWO)
        parts.append(part)
    whole = t2(values)
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-12)
    np.testing.assert_array_equal(np.isnan(whole), np.isnan(values).any(axis=1))


def test_the_statistic_knows_no_units():
    scale = np.array([[1000.0, 0.0], [250.0, 0.02]])
    settings = Mewma(
        mean=np.array([5.0, -3.0]),
        covariance=scale @ published.LOWRY_COVARIANCE @ scale.T,
        smoothing=0.1,
    )
    np.testing.assert_allclose(
        t2(published.LOWRY @ scale.T + settings.mean, settings), t2(published.LOWRY)
    )


@pytest.mark.parametrize(("channels", "limit"), published.PRABHU_LIMITS.items())
def test_published_limits_for_a_false_alarm_in_two_hundred(channels, limit):
    assert average_run_length(0.1, limit, channels) == pytest.approx(200.0, rel=0.01)
    assert limit_for(0.1, 200.0, channels) == pytest.approx(limit, abs=0.015)


def test_published_limit_of_four_channels_at_a_quarter():
    assert limit_for(0.25, 500.0, 4) == pytest.approx(published.RIGDON_LIMIT, abs=0.005)


@pytest.mark.parametrize(("distance", "printed"), published.MOLNAU.items())
def test_published_run_lengths_of_four_channels(distance, printed):
    found = average_run_length(
        0.1, published.MOLNAU_LIMIT, published.MOLNAU_CHANNELS, distance=distance, nodes=24
    )
    assert found == pytest.approx(printed, rel=0.006)


def test_a_published_run_length_of_five_channels():
    found = average_run_length(0.1, 14.56, 5, distance=1.0, nodes=24)
    assert found == pytest.approx(published.RIGDON_RUN_LENGTH, abs=0.055)


def test_more_nodes_change_nothing():
    asked = {"smoothing": 0.1, "limit": 8.64, "channels": 2, "distance": 1.0}
    assert average_run_length(**asked, nodes=16) == pytest.approx(
        average_run_length(**asked, nodes=28), rel=1e-4
    )


def test_hotellings_run_length_is_geometric():
    # P(chi2 of two > h) = exp(-h / 2)
    assert average_run_length(1.0, 2 * np.log(50.0), 2) == pytest.approx(50.0, rel=1e-6)


@pytest.mark.parametrize(("channels", "distance"), [(2, 0.0), (3, 1.0)])
def test_drawn_runs_last_as_long_as_the_integral_says(channels, distance):
    rng = np.random.default_rng(7)
    runs, longest, limit = 1500, 400, 6.0
    settings = Mewma(mean=np.zeros(channels), covariance=np.eye(channels), exact=False)
    shift = distance * np.eye(channels)[0]
    lengths = []
    for _ in range(runs):
        over = t2(rng.normal(0, 1, (longest, channels)) + shift, settings) > limit
        lengths.append(np.argmax(over) + 1 if over.any() else longest)
    error = 4 * np.std(lengths) / np.sqrt(runs)
    assert np.mean(lengths) == pytest.approx(
        average_run_length(0.1, limit, channels, distance=distance), abs=error
    )


def test_a_robust_reference_is_that_of_the_quiet_rows():
    rng = np.random.default_rng(3)
    mixed = np.array([[2.0, 0.0, 0.0], [1.0, 0.5, 0.0], [-0.3, 0.2, 10.0]])
    quiet = rng.normal(0, 1, (8000, 3)) @ mixed.T + [5.0, -1.0, 300.0]
    mean, covariance = robust_reference(quiet)
    truth = mixed @ mixed.T
    np.testing.assert_allclose(mean, [5.0, -1.0, 300.0], atol=0.3)
    np.testing.assert_allclose(covariance, truth, rtol=0.1, atol=0.6)
    wild = quiet.copy()
    wild[:80] += 500.0
    bent = np.cov(wild.T)
    held_mean, held = robust_reference(wild)
    np.testing.assert_allclose(held, covariance, rtol=0.1, atol=0.6)
    np.testing.assert_allclose(held_mean, mean, atol=0.3)
    assert bent[0, 0] > 100 * held[0, 0]


BAD = {
    "smoothing": (lambda: limit_for(0.0, 200.0, 2), r"smoothing must be within \(0, 1\], got 0.0"),
    "covariance": (lambda: Mewma(mean=np.zeros(3), covariance=np.eye(2)), "table of 3 by 3"),
    "flat": (lambda: Mewma(mean=np.zeros(2), covariance=np.ones((2, 2))), "positive definite"),
    "run": (lambda: limit_for(0.1, 1.0, 2), "more than 1 reading apart, got 1.0"),
    "one channel": (lambda: average_run_length(0.1, 8.0, 1, distance=1.0), "two for a shift"),
    "few": (lambda: robust_reference(np.zeros((5, 2))), "at least 20 whole rows"),
    "still": (lambda: robust_reference(np.c_[np.arange(50.0), np.ones(50)]), "channel 1 stands"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_is_said(case):
    wrong, said = BAD[case]
    with pytest.raises(InputError, match=said):
        wrong()
