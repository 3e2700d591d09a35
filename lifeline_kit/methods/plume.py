"""Which of a few candidate sources made a plume, and how strong it is.

Generative reading: concentration at a sensor = rate x response to unit rate + noise. Responses of
dispersion models are wrong in the minute and in the crosswind metre, so the noise is taken as
normal only after a root that tames gusts, and after means over several spans that forgive timing;
the likelihoods of all are averaged in the log. Correlated residuals count as fewer.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lifeline_kit.errors import InputError

_ROOTS: tuple[Callable[[np.ndarray], np.ndarray], ...] = (np.sqrt, np.cbrt)
_SPANS = (1, 3, 5)  # samples


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceBelief:
    """What is believed of the source of one event.

    Attributes
    ----------
    probability : array, (source,)
        Sums to 1; all candidates equally likely beforehand.
    rate : array, (source,) [per unit of the responses]
        Emission rate if it were that source; NaN where its response reaches no sensor.
    rate_low, rate_high : array, (source,)
        90 % interval of the rate.
    """

    probability: np.ndarray
    rate: np.ndarray
    rate_low: np.ndarray
    rate_high: np.ndarray

    @property
    def best(self) -> int:
        """The likeliest source."""
        return int(np.argmax(self.probability))


def running_mean(values: np.ndarray, span: int) -> np.ndarray:
    """Centred mean along the first axis that passes over NaN.

    Parameters
    ----------
    values : array, (time, ...)
    span : int
        Odd number of samples.

    Returns
    -------
    array, same shape
        NaN where a window holds nothing.
    """
    if span == 1:
        return values
    here = np.isfinite(values)
    totals = [np.cumsum(np.pad(part, [(1, 0)] + [(0, 0)] * (values.ndim - 1)), axis=0)
              for part in (np.where(here, values, 0.0), here.astype(float))]  # fmt: skip
    n = values.shape[0]
    low = np.clip(np.arange(n) - span // 2, 0, n)
    high = np.clip(np.arange(n) + span // 2 + 1, 0, n)
    total, count = (part[high] - part[low] for part in totals)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _log_likelihood(seen: np.ndarray, response: np.ndarray) -> float:
    """Profile log-likelihood of seen = a + b response + normal noise, b >= 0, over none of it."""
    here = np.isfinite(seen)
    if here.sum() < 3:
        return 0.0
    left = np.where(here, seen - seen[here].mean(), 0.0)
    right = np.where(here, response - response[here].mean(), 0.0)
    power = (right**2).sum()
    slope = max((left * right).sum() / power, 0.0) if power > 0 else 0.0
    residual = left - slope * right
    spread = (left**2).sum()
    if spread <= 0:
        return 0.0
    kept = max((residual**2).sum() / spread, 1e-9)
    lagged = (residual[1:] * residual[:-1]).sum() / max((residual**2).sum(), 1e-30)
    lagged = np.clip(lagged, 0.0, 0.99)
    return -0.5 * here.sum() * (1.0 - lagged) / (1.0 + lagged) * np.log(kept)


def source_belief(
    seen: np.ndarray, responses: np.ndarray, *, model_sigma: float = 0.7
) -> SourceBelief:
    """Compare candidate sources of one event.

    Parameters
    ----------
    seen : array, (time, sensor) [ppm above background]
        NaN where a sensor was silent.
    responses : array, (source, time, sensor) [ppm per unit rate]
    model_sigma : float
        Log-normal error of the dispersion model in an event's mean. The default comes from the
        published 90 % range of -75 to +195 % for one event's rate (Daniels et al. 2024).

    Returns
    -------
    SourceBelief

    Raises
    ------
    InputError
        Where the shapes do not match or nothing was seen.
    """
    seen = np.asarray(seen, dtype=np.float64)
    responses = np.asarray(responses, dtype=np.float64)
    if seen.ndim != 2 or responses.ndim != 3 or responses.shape[1:] != seen.shape:
        raise InputError(
            "expected what was seen as (time, sensor) and responses as (source, time, sensor); "
            f"got {seen.shape} and {responses.shape}."
        )
    if not np.isfinite(seen).any():
        raise InputError("no sensor saw anything in this event; expected at least one reading.")
    raised = np.maximum(seen, 0.0)
    weight = np.zeros(responses.shape[0])
    for span in _SPANS:
        smooth = running_mean(raised, span)
        for source, response in enumerate(responses):
            meant = running_mean(response, span)
            weight[source] += sum(_log_likelihood(root(smooth), root(meant)) for root in _ROOTS)
    weight /= len(_SPANS) * len(_ROOTS)
    probability = np.exp(weight - weight.max())
    rate, error = _rates(raised, responses)
    wide = np.exp(1.645 * np.hypot(error, model_sigma))
    return SourceBelief(
        probability=probability / probability.sum(),
        rate=rate,
        rate_low=rate / wide,
        rate_high=rate * wide,
    )


def _rates(raised: np.ndarray, responses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ratio of means over the sensors that a source reaches, and its relative standard error."""
    rates, errors = np.full(len(responses), np.nan), np.full(len(responses), np.nan)
    blocks = np.array_split(np.arange(raised.shape[0]), min(10, raised.shape[0]))
    for source, response in enumerate(responses):
        load = response.sum(axis=0)
        if load.sum() <= 0:
            continue
        # sensors that see next to nothing of this source would add only other air
        reached = np.isfinite(raised) & (load >= 0.05 * load.max())
        over = np.array([raised[b][reached[b]].sum() for b in blocks])
        under = np.array([response[b][reached[b]].sum() for b in blocks])
        if over.sum() <= 0 or under.sum() <= 0:
            continue
        rates[source] = over.sum() / under.sum()
        kept = under.sum() - under > 0
        left_out = np.log(np.maximum(over.sum() - over[kept], 1e-12) / (under.sum() - under[kept]))
        n = kept.sum()
        errors[source] = np.sqrt((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum())
    return rates, errors
