"""Which source made a plume: a synthetic site with eight sensors and swinging wind."""

import numpy as np
import pytest

from lifeline_kit.errors import InputError
from lifeline_kit.methods.plume import running_mean, source_belief


def site(rng: np.random.Generator, n: int = 240) -> np.ndarray:
    """Responses (source, time, sensor): a sensor sees a source where the wind points at it."""
    wind = np.cumsum(rng.normal(0, 0.3, n))
    bearing = rng.uniform(0, 2 * np.pi, (4, 8))
    off = np.angle(np.exp(1j * (wind[None, :, None] - bearing[:, None, :])))
    return 20.0 * np.exp(-0.5 * (off / 0.25) ** 2) * rng.uniform(0.3, 1.0, (4, 1, 8))


@pytest.mark.parametrize("source", range(4))
def test_the_true_source_is_believed_and_its_rate_lies_in_the_interval(source):
    rng = np.random.default_rng(source)
    responses = site(rng)
    gusts = rng.lognormal(-0.3, 0.8, responses.shape[1:])
    seen = 2.5 * responses[source] * gusts + rng.normal(0, 0.1, gusts.shape)
    seen[rng.random(seen.shape) < 0.05] = np.nan
    belief = source_belief(seen, responses)
    assert belief.best == source
    assert belief.probability.sum() == pytest.approx(1.0)
    assert belief.probability[source] > 0.9
    assert belief.rate[source] == pytest.approx(2.5, rel=0.35)
    assert belief.rate_low[source] < 2.5 < belief.rate_high[source]


def test_noise_alone_leaves_the_candidates_undecided():
    rng = np.random.default_rng(7)
    responses = site(rng)
    even = [
        source_belief(rng.normal(0, 0.1, responses.shape[1:]), responses).probability.max()
        for _ in range(20)
    ]
    assert np.median(even) < 0.9


def test_a_source_that_reaches_no_sensor_has_no_rate():
    responses = site(np.random.default_rng(1))
    responses[2] = 0.0
    belief = source_belief(3.0 * responses[0], responses)
    assert belief.best == 0
    assert np.isnan(belief.rate[2])


def test_running_mean_passes_over_gaps():
    values = np.array([[1.0], [np.nan], [3.0], [5.0]])
    np.testing.assert_allclose(running_mean(values, 3)[:, 0], [1.0, 2.0, 4.0, 4.0])


def test_shapes_and_silence_are_refused():
    responses = site(np.random.default_rng(1))
    with pytest.raises(InputError, match=r"\(source, time, sensor\); got \(240, 7\)"):
        source_belief(np.zeros((240, 7)), responses)
    with pytest.raises(InputError, match="no sensor saw anything"):
        source_belief(np.full((240, 8), np.nan), responses)
