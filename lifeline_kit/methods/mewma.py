"""Small lasting shifts of channels that move together, and how long such a chart runs.

The multivariate exponentially weighted moving average:
``z = (1 - r) z + r (x - mean)`` and ``T2 = z' inv(cov z) z`` (Lowry, Woodall, Champ and Rigdon
1992, Technometrics 34, 46-53). `update` carries its state: any chunking gives what one batch gives.
Run lengths are those of independent normal readings with known mean and covariance; readings of
minutes hang together, so that a limit for a series is checked on quiet weeks, not taken from here.

No rule uses it: it was worse than what is there, on a pump loop (SKAB, F1 0.65 with the best limit
beside 0.85 of `methods.departures`) and on water quality (first half of GECCO 2018, VUS-PR 0.45 at
smoothing 0.1 beside 0.86 of `methods.residuals`). It is here as proven maths.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular
from scipy.optimize import brentq
from scipy.signal import lfilter
from scipy.stats import ncx2, norm

from lifeline_kit.errors import InputError
from lifeline_kit.methods.robust import mad_sigma


@dataclass(frozen=True, slots=True, kw_only=True)
class Mewma:
    """Settings.

    Attributes
    ----------
    mean : array, (channel,) [unit of each channel]
    covariance : array, (channel, channel)
        Of single readings in undisturbed operation; `robust_reference` estimates both.
    smoothing : float
        Weight of the newest reading, within (0, 1]; 1 is Hotelling's T2.
    exact : bool, default True
        By the covariance of z after so many readings; False: that of very many, which is slower
        to alarm at the start.
    """

    mean: np.ndarray
    covariance: np.ndarray
    smoothing: float = 0.1
    exact: bool = True

    def __post_init__(self) -> None:
        """Refuse a weight out of range, and a covariance that is none."""
        _check_smoothing(self.smoothing)
        size = np.size(self.mean)
        shape = np.shape(self.covariance)
        if shape != (size, size) or not np.allclose(self.covariance, np.transpose(self.covariance)):
            raise InputError(
                f"the covariance of {size} channels must be a symmetric table of {size} by {size}, "
                f"got {shape}; estimate both by robust_reference."
            )
        if not np.linalg.eigvalsh(self.covariance).min() > 0.0:
            raise InputError(
                "the covariance must be positive definite: a channel stands still or is made up of "
                "others; leave it out."
            )


@dataclass(frozen=True, slots=True)
class State:
    """What is carried from one chunk to the next; the default is the start.

    Attributes
    ----------
    average : tuple of float
        z of each channel; empty at the start.
    n : int
        Readings so far.
    """

    average: tuple[float, ...] = ()
    n: int = 0


def update(state: State, chunk: np.ndarray, *, settings: Mewma) -> tuple[State, np.ndarray]:
    """Take further readings in.

    Parameters
    ----------
    state : State
    chunk : array, (time, channel)
        Rows with NaN are passed over, the average stands still.
    settings : Mewma

    Returns
    -------
    State, array (time,)
        T2 after each row; NaN where the row had one.
    """
    away = np.asarray(chunk, dtype=np.float64) - settings.mean
    whole = np.isfinite(away).all(axis=1)
    statistic = np.full(len(away), np.nan)
    if not whole.any():
        return state, statistic
    r = settings.smoothing
    start = np.asarray(state.average) if state.n else np.zeros(away.shape[1])
    average, _ = lfilter([r], [1.0, r - 1.0], away[whole], axis=0, zi=(1.0 - r) * start[None, :])
    n = state.n + np.arange(1, len(average) + 1)
    share = r / (2.0 - r) * (1.0 - (1.0 - r) ** (2.0 * n) if settings.exact else 1.0)
    factor = np.linalg.cholesky(settings.covariance)
    white = solve_triangular(factor, average.T, lower=True)
    statistic[whole] = (white**2).sum(axis=0) / share
    return State(tuple(average[-1].tolist()), int(n[-1])), statistic


def robust_reference(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of undisturbed operation that a few wild rows do not bend.

    Parameters
    ----------
    values : array, (time, channel)
        Rows with NaN are left out.

    Returns
    -------
    arrays (channel,), (channel, channel)

    Raises
    ------
    InputError
        Where there are fewer than ten rows for each channel, or a channel stands still.

    References
    ----------
    Orthogonalised Gnanadesikan-Kettenring estimate: Maronna and Zamar 2002, Technometrics 44,
    307-317, with the median and 1.4826 times the median absolute deviation.
    """
    rows = np.asarray(values, dtype=np.float64)
    rows = rows[np.isfinite(rows).all(axis=1)]
    channels = rows.shape[1]
    if len(rows) < 10 * channels:
        raise InputError(
            f"{channels} channels need at least {10 * channels} whole rows of undisturbed "
            f"operation, got {len(rows)}; take a longer stretch."
        )
    scale = mad_sigma(rows, axis=0)
    if not (scale > 0.0).all():
        raise InputError(
            f"channel {int(np.argmin(scale))} stands still in the reference; leave it out."
        )
    unit = rows / scale
    plus = mad_sigma(unit[:, :, None] + unit[:, None, :], axis=0)
    minus = mad_sigma(unit[:, :, None] - unit[:, None, :], axis=0)
    together = (plus**2 - minus**2) / 4.0
    np.fill_diagonal(together, 1.0)
    _, axes = np.linalg.eigh(together)
    turned = unit @ axes
    back = scale[:, None] * axes
    spread = mad_sigma(turned, axis=0)
    return back @ np.median(turned, axis=0), (back * spread**2) @ back.T


def average_run_length(
    smoothing: float, limit: float, channels: int, *, distance: float = 0.0, nodes: int = 30
) -> float:
    """Readings until the first alarm, on average, from z = 0 and with the covariance of very many.

    Parameters
    ----------
    smoothing : float
    limit : float
        Of T2.
    channels : int
        At least two where there is a shift.
    distance : float
        Of the shifted mean, in Mahalanobis' measure; 0: false alarms.
    nodes : int
        Of the Gauss-Legendre rule, in each direction.

    Raises
    ------
    InputError

    References
    ----------
    Integral equations of Rigdon (1995), Journal of Statistical Computation and Simulation 52,
    351-365, and Statistics and Probability Letters 24, 365-373: in control only the length of z
    counts, with a shift its part along the shift and the length of the rest.
    """
    _check_smoothing(smoothing)
    if not (limit > 0.0 and channels >= 1 and distance >= 0.0) or (distance and channels < 2):
        raise InputError(
            f"a run length needs a limit above 0 and channels (two for a shift), got {limit} and "
            f"{channels} at distance {distance}."
        )
    radius = np.sqrt(limit * smoothing / (2.0 - smoothing))
    if distance == 0.0:
        return _quiet(smoothing, radius, channels, nodes)
    return _shifted(smoothing, radius, channels, distance, nodes)


def limit_for(smoothing: float, run_length: float, channels: int) -> float:
    """Limit of T2 whose false alarms are so many readings apart on average.

    Raises
    ------
    InputError
        Where the run length is not above 1.
    """
    _check_smoothing(smoothing)
    if not run_length > 1.0:
        raise InputError(f"false alarms must be more than 1 reading apart, got {run_length}.")

    def off(limit: float) -> float:
        return np.log(average_run_length(smoothing, limit, channels) / run_length)

    high = 4.0 * channels
    while off(high) < 0.0:
        high *= 1.5
    return float(brentq(off, 1e-6, high, xtol=1e-8))


def _check_smoothing(smoothing: float) -> None:
    if not 0.0 < smoothing <= 1.0:
        raise InputError(f"smoothing must be within (0, 1], got {smoothing}; 0.1 is usual.")


def _length_density(
    after: np.ndarray, before: np.ndarray, smoothing: float, channels: int
) -> np.ndarray:
    """Density of the length of ``(1 - r) z + r x`` for standard normal x, given that of z."""
    drawn = ((1.0 - smoothing) / smoothing * before) ** 2
    return 2.0 * after / smoothing**2 * ncx2.pdf((after / smoothing) ** 2, channels, drawn)


def _quiet(smoothing: float, radius: float, channels: int, nodes: int) -> float:
    place, weight = np.polynomial.legendre.leggauss(nodes)
    length, weight = radius * (place + 1.0) / 2.0, radius * weight / 2.0
    step = weight * _length_density(length[None, :], length[:, None], smoothing, channels)
    mean = np.linalg.solve(np.eye(nodes) - step, np.ones(nodes))
    first = weight * _length_density(length, np.zeros(nodes), smoothing, channels)
    return float(1.0 + first @ mean)


def _shifted(smoothing: float, radius: float, channels: int, distance: float, nodes: int) -> float:
    """Solve for the mean over the half disc of (part along the shift, length of the rest)."""
    ahead, weight = np.polynomial.legendre.leggauss(2 * nodes)  # twice: it spans a diameter
    angle = np.pi * ahead / 2.0  # by the sine: the disc has no corners to the rule
    along, width = radius * np.sin(angle), radius * np.cos(angle)
    place, share = np.polynomial.legendre.leggauss(nodes)
    rest = width[:, None] * (place + 1.0) / 2.0
    area = (np.pi / 2.0 * weight * width)[:, None] * width[:, None] * share / 2.0

    def step(along_from: np.ndarray, sideways: np.ndarray) -> np.ndarray:
        middle = (1.0 - smoothing) * along_from + smoothing * distance
        forward = norm.pdf((along[None, :] - middle[:, None]) / smoothing) / smoothing
        both = forward[:, None, :, None] * sideways * area
        return both.reshape(-1, along.size * nodes)

    # both halves have the same widths: the dear density is asked for one of them
    half = rest[nodes:]
    density = _length_density(half[None, None], half[:, :, None, None], smoothing, channels - 1)
    density = np.concatenate([density[::-1], density])
    density = np.concatenate([density[:, :, ::-1], density], axis=2)
    mean = np.linalg.solve(
        np.eye(along.size * nodes) - step(along, density), np.ones(along.size * nodes)
    )
    start = _length_density(rest, np.zeros((1, 1, 1, 1)), smoothing, channels - 1)
    return float(1.0 + step(np.zeros(1), start)[0] @ mean)
