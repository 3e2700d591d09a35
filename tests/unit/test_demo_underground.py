"""Synthetic manhole series: splits differ, the same seed gives the same, sources are named."""

import numpy as np
import pytest

from lifeline_kit.demo.underground import ALARM_VOL, KINDS, draw_episode, draw_episodes
from lifeline_kit.demo.underground_weather import Draw, declared
from lifeline_kit.errors import InputError
from lifeline_kit.methods.box import box_level


def test_box_equals_the_closed_form():
    hours = np.array([0.0, 0.25, 1.0, 4.0, 9.0])
    level = box_level(hours, np.full(5, 0.6), 0.3)
    np.testing.assert_allclose(level, 2.0 * (1 - np.exp(-0.3 * hours)), rtol=1e-12)
    sealed = box_level(hours, np.full(5, 0.6), 0.0, start=1.0)
    np.testing.assert_allclose(sealed, 1.0 + 0.6 * hours, rtol=1e-12)


def test_the_same_seed_gives_the_same_episodes():
    one, two = (list(draw_episodes(4, split="test", seed=5)) for _ in range(2))
    for a, b in zip(one, two, strict=True):
        assert a.kind == b.kind
        np.testing.assert_array_equal(a.series.to_numpy(), b.series.to_numpy())
    other = next(draw_episodes(1, split="train", seed=5))
    assert not np.array_equal(other.series["methane"][:300], one[0].series["methane"][:300])


@pytest.mark.parametrize("kind", KINDS)
def test_every_episode_calls_for_triage(kind):
    rng = np.random.default_rng(3)
    for _ in range(12):
        episode = draw_episode(kind, Draw("test", rng))
        time_h = np.arange(len(episode.series)) * 0.25
        assert (episode.series["methane"][time_h >= episode.onset_h] > ALARM_VOL).sum() >= 4
        assert episode.onset_h >= 24.0
        assert time_h[-1] - episode.onset_h >= 39.0
        assert episode.series.notna().all(axis=None)
        assert episode.series["methane"].between(0, 20).all()


def test_more_noise_widens_the_quiet_terminal():
    quiet, loud = (
        [
            draw_episode("leak", Draw("train", np.random.default_rng(s), noise)).series
            for s in range(15)
        ]
        for noise in (1.0, 2.0)
    )

    def jitter(tables):
        return np.median([np.abs(np.diff(t["neighbour_2"][:90])).mean() for t in tables])

    assert jitter(loud) > 1.4 * jitter(quiet)


def test_mix_is_checked_and_followed():
    with pytest.raises(InputError, match=r"three shares that add up to 1"):
        next(draw_episodes(1, split="train", seed=1, mix=(0.5, 0.6, 0.1)))
    kinds = {e.kind for e in draw_episodes(5, split="train", seed=1, mix=(0.0, 1.0, 0.0))}
    assert kinds == {"biogas"}


def test_every_parameter_names_unit_and_source_and_test_is_drawn_elsewhere():
    entries = declared()["parameters"].values()
    assert all(entry["source"] and entry["unit"] for entry in entries)
    assert all(entry["train"] != entry["test"] for entry in entries)
    assert not any(entry.get("verified", False) for entry in entries)
