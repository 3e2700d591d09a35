"""Triage of a manhole: who is who, why, what next, and when not to trust it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lifeline_kit.bench.biogas import area_under_curve, calibration_error
from lifeline_kit.bench.biogas_fit import context_of, cut, fit_band
from lifeline_kit.demo.underground import draw_episode, draw_episodes
from lifeline_kit.demo.underground_weather import Draw
from lifeline_kit.errors import ReadingsError
from lifeline_kit.lifelines.gas.signs import NAMES, ManholeContext
from lifeline_kit.lifelines.gas.triage import ethane_evidence, fitted, probabilities, triage


@pytest.fixture(scope="module")
def episodes():
    return list(draw_episodes(60, split="test", seed=41))


@pytest.fixture(scope="module")
def judged(episodes):
    return [triage(each.series, context_of(each)) for each in episodes]


def test_leaks_rank_above_the_rest(episodes, judged):
    leak = np.array([each.leak for each in judged])
    positive = np.array([each.kind == "leak" for each in episodes])
    assert area_under_curve(leak, positive) > 0.93
    for each in judged:
        assert each.leak + each.biogas + each.sensor == pytest.approx(1.0)


def test_reasons_and_advice_are_said_in_both_languages(episodes, judged):
    for each in judged:
        assert 1 <= len(each.reasons) <= 5
        assert all(text.zh and text.en for text in (*each.reasons, *each.advice))
    unsure = [t for t in judged if 0.3 <= t.leak <= 0.7]
    sampled = [t for t in unsure if any("C2/C1" in text.en for text in (*t.advice, *t.reasons))]
    assert len(sampled) == len(unsure)


def test_truth_has_no_way_in(episodes):
    """Neither kind nor onset reaches the judgement: changing them changes nothing."""
    one = episodes[0]
    lied = replace(one, kind="sensor", onset_h=3.0)
    a, b = (triage(each.series, context_of(each)) for each in (one, lied))
    np.testing.assert_array_equal(a.signs, b.signs)


def test_the_first_readings_do_not_decide_yet(episodes):
    leaks = [each for each in episodes if each.kind == "leak"][:12]
    early = [triage(cut(e, 0.5).series, context_of(e)) for e in leaks]
    late = [triage(e.series, context_of(e)) for e in leaks]
    assert np.mean([t.leak for t in late]) > np.mean([t.leak for t in early]) + 0.1


def test_ethane_settles_it():
    assert ethane_evidence(0.03) > 3.0
    assert ethane_evidence(0.0005) < -2.0
    assert ethane_evidence(float("nan")) == 0.0
    found = np.zeros(len(NAMES))
    plain, sampled = (probabilities(found, 48.0, ethane_ratio=r) for r in (float("nan"), 0.03))
    assert sampled[0] > plain[0]


@pytest.mark.parametrize(
    "value",
    [
        np.where(np.arange(384) % 2, 8.0, 0.0),  # alternates: nothing but noise
        15.0 + 0.01 * np.sin(np.arange(384)),  # high and still from the first reading on
    ],
)
def test_a_series_outside_the_models_says_so(value):
    time = pd.date_range("2026-03-01", periods=384, freq="15min", name="time")
    result = triage(pd.DataFrame({"methane": value}, index=time))
    assert result.outside
    assert any("outside the models" in text.en for text in result.advice)


def test_a_quiet_terminal_calls_for_nothing():
    time = pd.date_range("2026-03-01", periods=96, freq="15min", name="time")
    quiet = triage(pd.DataFrame({"methane": 0.01 * (np.arange(96) % 3)}, index=time))
    assert "nothing calls for triage" in quiet.reasons[0].en


def test_past_cases_come_back_nearest_first(judged):
    cases = pd.DataFrame([t.signs for t in judged[:30]], index=[f"c{k}" for k in range(30)])
    cases["verdict_en"] = "checked"
    episode = next(draw_episodes(60, split="test", seed=41))
    found = triage(episode.series, context_of(episode), cases=cases).similar
    assert found.index[0] == "c0"
    assert found["distance"].iloc[0] == pytest.approx(0.0, abs=1e-9)
    assert found["distance"].is_monotonic_increasing
    assert len(found) == 3


def test_bad_series_are_refused():
    time = pd.date_range("2026-03-01", periods=10, freq="15min")
    with pytest.raises(ReadingsError, match=r"at least four readings of methane"):
        triage(pd.DataFrame({"pressure": np.ones(10)}, index=time))
    backwards = pd.DataFrame({"methane": np.arange(10.0)}, index=time[::-1])
    with pytest.raises(ReadingsError, match=r"times that increase"):
        triage(backwards)


def test_it_works_without_any_context_or_driver():
    episode = draw_episode("leak", Draw("train", np.random.default_rng(8)))
    bare = triage(episode.series[["methane"]], ManholeContext())
    assert 0.0 <= bare.leak <= 1.0
    assert np.isfinite(bare.signs).all()


def test_a_refit_on_fewer_train_draws_judges_nearly_the_same(episodes, judged):
    whole = range(40)
    weights = fit_band(2, 240)
    leak = [weights.probability(judged[k].signs.to_numpy())[0, 0] for k in whole]
    committed = [fitted()[2].probability(judged[k].signs.to_numpy())[0, 0] for k in whole]
    assert np.corrcoef(leak, committed)[0, 1] > 0.85


def test_calibration_error_counts_the_gap():
    assert calibration_error(np.full(100, 0.55), np.arange(100) < 55) == pytest.approx(0.0)
    assert calibration_error(np.full(100, 0.95), np.arange(100) < 55) == pytest.approx(0.4)
