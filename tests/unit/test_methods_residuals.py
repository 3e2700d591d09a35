"""Several water-quality channels against their own past."""

import numpy as np
import pytest

from lifeline_kit.methods.residuals import Residual, causal_residual, residual_episodes

BEGIN = np.datetime64("2026-10-01T00:00", "ms")


def plant(days: int = 4, seed: int = 5):
    """Chlorine, pH and turbidity at one minute, rounded to their resolution."""
    n = days * 1440
    rng = np.random.default_rng(seed)
    hours = np.arange(n) / 60
    values = np.stack(
        [
            np.round(0.5 + 0.02 * np.sin(hours / 4) + rng.normal(0, 0.01, n), 2),
            np.round(7.6 + rng.normal(0, 0.01, n), 2),
            np.round(0.2 + rng.normal(0, 0.01, n), 3),
        ]
    )
    return BEGIN + np.arange(n) * np.timedelta64(60_000, "ms"), values


def test_an_event_in_one_channel_is_found_with_its_channel_and_its_delay():
    time, values = plant()
    values[1, 4000:4030] -= 0.6
    found = residual_episodes(time, causal_residual(time, values))
    assert len(found) == 1
    assert found["channel"].tolist() == [1]
    assert found["start"][0] == time[4000]
    assert found["known"][0] == time[4004]
    assert found["end"][0] == time[4029]
    assert found["peak"][0] > 10


def test_a_still_channel_does_not_make_its_next_digit_an_event():
    time, values = plant()
    still = np.full(time.size, 211.0)
    still[1000:1010] = 212.0
    still[5000:5020] = 212.0
    found = residual_episodes(time, causal_residual(time, np.vstack([values, still])))
    assert found.empty


def test_gaps_are_neither_filled_nor_scored():
    time, values = plant()
    values[:, 3000:3300] = np.nan
    residual = causal_residual(time, values)
    assert np.isnan(residual.score[3000:3300]).all()
    assert (residual.channel[3000:3300] == -1).all()
    assert residual_episodes(time, residual).empty


def test_the_past_alone_decides():
    time, values = plant()
    whole = causal_residual(time, values).score
    cut = causal_residual(time[:3000], values[:, :3000]).score
    np.testing.assert_allclose(cut, whole[:3000], equal_nan=True)


def test_single_readings_confirm_nothing_and_hold_joins():
    score = np.zeros(600)
    score[[100, 101, 102, 103]] = 9.0
    score[[200, 210, 220, 230, 240]] = 9.0
    time = BEGIN + np.arange(600) * np.timedelta64(60_000, "ms")
    residual = Residual(score, np.zeros(600, dtype=int))
    found = residual_episodes(time, residual)
    assert found["start"].tolist() == [time[200]]
    assert found["known"].tolist() == [time[240]]
    assert residual_episodes(time, residual, confirm=4)["start"].size == 2
    score[590:] = 9.0
    assert residual_episodes(time, Residual(score, residual.channel))["end"].isna().tolist() == [
        False,
        True,
    ]


def test_no_channel_at_all():
    time, _ = plant(1)
    residual = causal_residual(time, np.full((2, time.size), np.nan))
    assert np.isnan(residual.score).all()
    assert residual_episodes(time, residual).empty
    assert residual.score.shape == pytest.approx(time.shape)
