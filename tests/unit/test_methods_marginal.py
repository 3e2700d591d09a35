"""Evidence in linear time against the full matrix; the search; the calibration."""

import numpy as np
import pytest

from lifeline_kit.errors import InputError
from lifeline_kit.methods.marginal import Noise, Sight, boxed_red, evidence, fitted_noise, red
from lifeline_kit.methods.softmax import fit_softmax
from tests.oracles.dense import log_evidence


def sight(rng, n=40, **changes):
    values = {
        "time_h": np.cumsum(rng.uniform(0.1, 0.6, n)),
        "value": rng.normal(size=n),
        "white": rng.uniform(0.005, 0.02, n),
        "envelope": rng.uniform(0.5, 2.0, n),
        "cut": np.zeros(n, dtype=bool),
    }
    return Sight(**values | changes)


@pytest.mark.parametrize(
    "memory",
    [
        red(0.4, 1.5),
        boxed_red(0.5, 0.7, 0.3),
        boxed_red(0.5, 2.0, 0.5),  # the two rates coincide
        boxed_red(0.5, 0.7, 0.3) + red(0.2, 0.4) + red(0.1, 24.0, enveloped=False),
    ],
)
def test_evidence_equals_the_full_matrix_at_any_times(memory):
    rng = np.random.default_rng(1)
    seen = sight(rng)
    columns = rng.normal(size=(2, 40, 3))
    prior, spread = np.array([1.0, 0.0, 0.5]), np.array([1.0, 2.0, 0.3])
    fit = evidence(seen, columns, prior, spread, memory)
    slow = [log_evidence(seen, each, prior, spread, memory) for each in columns]
    np.testing.assert_allclose(fit.log_evidence, slow, rtol=1e-9)


def test_a_cut_makes_two_independent_stretches():
    rng = np.random.default_rng(2)
    cut = np.zeros(40, dtype=bool)
    cut[25] = True
    seen = sight(rng, cut=cut)
    none = (np.zeros((1, 40, 1)), np.zeros(1), np.ones(1))
    whole = evidence(seen, *none, red(0.4, 1.5)).log_evidence[0]
    parts = 0.0
    for rows in (slice(0, 25), slice(25, 40)):
        part = Sight(
            time_h=seen.time_h[rows],
            value=seen.value[rows],
            white=seen.white[rows],
            envelope=seen.envelope[rows],
            cut=np.zeros(seen.value[rows].size, dtype=bool),
        )
        columns = np.zeros((part.value.size, 1))
        parts += log_evidence(part, columns, np.zeros(1), np.ones(1), red(0.4, 1.5))
    assert whole == pytest.approx(parts, rel=1e-9)


def test_the_search_finds_the_noise_that_was_drawn():
    rng = np.random.default_rng(3)
    n, swing, tau = 800, 0.3, 2.0
    keep = np.exp(-0.25 / tau)
    value = np.zeros(n)
    for i in range(1, n):
        value[i] = keep * value[i - 1] + swing * np.sqrt(1 - keep**2) * rng.standard_normal()
    seen = sight(
        rng, n=n, time_h=np.arange(n) * 0.25, value=value, white=np.full(n, 1e-6),
        envelope=np.ones(n),
    )  # fmt: skip
    family = Noise(middle=(np.log(0.1), np.log(0.7)), spread=(1.0, 1.0))
    logs, log_prior = fitted_noise(seen, value, family)
    assert np.exp(logs) == pytest.approx([swing, tau], rel=0.35)
    assert log_prior < 0


def test_weights_are_recovered_and_probabilities_add_up():
    rng = np.random.default_rng(4)
    features = rng.normal(size=(6000, 2)) * [2.0, 0.5]
    logits = np.c_[np.zeros(6000), features @ [1.0, 0.0] - 0.5, features @ [0.0, -2.0]]
    chance = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    label = (rng.random((6000, 1)) > chance.cumsum(axis=1)).sum(axis=1)
    weights = fit_softmax(features, label, shrinkage=0.01)
    slope = weights.table[:, 1:] / weights.scale
    np.testing.assert_allclose(slope, [[1.0, 0.0], [0.0, -2.0]], atol=0.15)
    np.testing.assert_allclose(weights.probability(features).sum(axis=1), 1.0)
    assert np.abs(weights.probability(features) - chance).mean() < 0.02


def test_a_class_that_never_occurs_is_named():
    with pytest.raises(InputError, match=r"classes that all occur; got 3 rows"):
        fit_softmax(np.zeros((3, 1)), np.array([0, 2, 2]))
