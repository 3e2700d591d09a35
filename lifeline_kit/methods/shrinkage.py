"""Rates from few events: Gamma-Poisson shrinkage towards what assets of the kind show."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import gammaln
from scipy.stats import gamma

from lifeline_kit.errors import InputError

_UNKNOWN_SHAPE = 2.0  # where nothing was observed: rates spread by a factor of about two


@dataclass(frozen=True, slots=True)
class Shrunk:
    """Posterior rates.

    Attributes
    ----------
    rate, low, high : arrays, (asset,) [events per year]
        Mean, and the 5 and 95 % quantiles.
    weight : array, (asset,)
        Share that the asset's own record has in its rate.
    scale : float
        Factor by which the whole network has more events than expected beforehand.
    shape : float
        Of the gamma distribution of rates over expected rates; large where assets are alike.
    """

    rate: np.ndarray
    low: np.ndarray
    high: np.ndarray
    weight: np.ndarray
    scale: float
    shape: float


def shrunk_rates(events: np.ndarray, years: np.ndarray, expected: np.ndarray) -> Shrunk:
    """Shrink the record of each asset towards its expected rate.

    ``rate_i = expected_i * scale * g_i`` with ``g_i`` gamma of mean 1 and one shape for all,
    fitted by the likelihood of all records (negative binomial).

    Parameters
    ----------
    events : int array, (asset,)
    years : array, (asset,) [a]
        Observed.
    expected : array, (asset,) [events per year]
        Above zero.

    Raises
    ------
    InputError
        Where an array is of another length, negative, or an expected rate is not above zero.

    References
    ----------
    Empirical Bayes for accident counts: Hauer 1997; Gelman et al., Bayesian Data Analysis, 2.6.
    """
    events, years, expected = (np.asarray(x, dtype=float) for x in (events, years, expected))
    if not events.shape == years.shape == expected.shape or events.ndim != 1:
        raise InputError(
            f"expected three arrays of one length; got {events.shape}, {years.shape}, "
            f"{expected.shape}."
        )
    if (events < 0).any() or (years < 0).any() or not (expected > 0).all():
        raise InputError("events and years must be zero or more, expected rates above zero.")
    foreseen = expected * years
    # half an event in half an expected one keeps an empty record at its expectation
    scale = (events.sum() + 0.5) / (foreseen.sum() + 0.5)
    mean = foreseen * scale

    def loss(log_shape: float) -> float:
        k = np.exp(log_shape)
        logs = gammaln(events + k) - gammaln(k) + k * np.log(k) - (events + k) * np.log(k + mean)
        return -float((logs + events * np.log(np.maximum(mean, 1e-300))).sum())

    shape = _UNKNOWN_SHAPE
    if foreseen.sum() > 0:
        found = minimize_scalar(loss, bounds=(np.log(0.05), np.log(200.0)), method="bounded")
        shape = float(np.exp(found.x))
    above, below = events + shape, mean + shape
    unit = expected * scale
    return Shrunk(
        rate=unit * above / below,
        low=unit * gamma.ppf(0.05, above) / below,
        high=unit * gamma.ppf(0.95, above) / below,
        weight=mean / below,
        scale=float(scale),
        shape=shape,
    )
