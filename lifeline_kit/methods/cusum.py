"""Streaming two-sided CUSUM with an estimate of the shift: for mass balances of any fluid.

Page's sum of standardised readings minus half the shift worth finding; since the sum last stood at
zero the readings belong to the new level, so their mean is the size of the shift (Page 1954,
Biometrika 41, 100-115; Basseville & Nikiforov 1993, ch. 2). `update` carries its state: any
chunking gives what one batch gives.
"""

from dataclasses import dataclass

import numpy as np

from lifeline_kit.errors import InputError
from lifeline_kit.methods.box import compiled


@dataclass(frozen=True, slots=True, kw_only=True)
class Cusum:
    """Settings.

    Attributes
    ----------
    sigma : float [unit of the readings]
        Standard deviation of one reading around its usual level.
    shift : float [sigma]
        Smallest shift worth finding; the sum leans against half of it.
    threshold : float [sigma]
        Of the sum; `threshold_for` gives it from the false alarms that are bearable.
    cap : float [sigma]
        A single reading counts at most so much: a spike is no shift.
    ceiling : float
        The sum stops at so many thresholds, so that it comes down soon after a shift is over.
    """

    sigma: float
    shift: float = 1.0
    threshold: float = 8.0
    cap: float = 4.0
    ceiling: float = 2.0

    def __post_init__(self) -> None:
        """Refuse settings that could never alarm, or always would."""
        for name in ("sigma", "shift", "threshold", "cap", "ceiling"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0.0):
                raise InputError(
                    f"{name} of a CUSUM must be a number above 0, got {value}; estimate it from "
                    "readings of undisturbed operation."
                )


@dataclass(frozen=True, slots=True)
class State:
    """What is carried from one chunk to the next; the default is the start.

    Attributes
    ----------
    up, down : float [sigma]
        The two sums.
    n_up, n_down : int
        Readings since each sum last stood at zero.
    sum_up, sum_down : float [sigma]
        Of those readings, uncapped.
    """

    up: float = 0.0
    down: float = 0.0
    n_up: int = 0
    n_down: int = 0
    sum_up: float = 0.0
    sum_down: float = 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """What each reading of a chunk led to, arrays (time,).

    Attributes
    ----------
    up, down : [sigma]
        The sums.
    raised : bool
        Whether either stands above the threshold.
    estimate, half_width : [unit of the readings]
        Mean shift since the larger sum left zero, and half its 90 % interval; 0 and infinite while
        neither sum has left zero.
    since : int
        Readings since then.
    """

    up: np.ndarray
    down: np.ndarray
    raised: np.ndarray
    estimate: np.ndarray
    half_width: np.ndarray
    since: np.ndarray


def update(state: State, chunk: np.ndarray, *, settings: Cusum) -> tuple[State, Step]:
    """Take further residuals in.

    Parameters
    ----------
    state : State
    chunk : array, (time,) [unit of the readings]
        Residuals: 0 is the usual level. NaN is passed over, the sums stand still.
    settings : Cusum

    Returns
    -------
    State, Step
    """
    values = np.asarray(chunk, dtype=np.float64) / settings.sigma
    carried = np.array(
        [state.up, state.down, state.n_up, state.n_down, state.sum_up, state.sum_down]
    )
    top = settings.ceiling * settings.threshold
    sums, counts, totals = _accumulate(values, carried, 0.5 * settings.shift, settings.cap, top)
    up, down = sums[:, 0], sums[:, 1]
    side = np.where(up >= down, 0, 1)
    rows = np.arange(values.size)
    since = counts[rows, side].astype(int)
    going = since > 0
    few = np.maximum(since, 1)
    estimate = np.where(going, totals[rows, side] / few, 0.0) * settings.sigma
    half = np.where(going, 1.645 / np.sqrt(few), np.inf) * settings.sigma
    after = State(*carried[:2].tolist(), *carried[2:4].astype(int).tolist(), *carried[4:].tolist())
    raised = np.maximum(up, down) > settings.threshold
    return after, Step(up, down, raised, estimate, half, since)


@compiled
def _accumulate(
    values: np.ndarray, carried: np.ndarray, lean: float, cap: float, top: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Run both sums; `carried` is updated in place: up, down, counts, totals."""
    n = values.size
    sums, counts, totals = np.zeros((n, 2)), np.zeros((n, 2)), np.zeros((n, 2))
    for k in range(n):
        value = values[k]
        if np.isfinite(value):
            held = min(max(value, -cap), cap)
            for side in range(2):
                sign = 1.0 - 2.0 * side
                carried[side] = min(carried[side] + sign * held - lean, top)
                if carried[side] <= 0.0:
                    carried[side], carried[2 + side], carried[4 + side] = 0.0, 0.0, 0.0
                else:
                    carried[2 + side] += 1.0
                    carried[4 + side] += value
        for side in range(2):
            sums[k, side] = carried[side]
            counts[k, side] = carried[2 + side]
            totals[k, side] = carried[4 + side]
    return sums, counts, totals


def threshold_for(between_false: float, *, shift: float = 1.0, two_sided: bool = True) -> float:
    """Threshold at which white noise gives one false alarm in so many readings.

    Parameters
    ----------
    between_false : float
        Readings between two false alarms on average (in-control run length).
    shift : float [sigma]
        Of the settings.
    two_sided : bool
        Both sums alarm: each must be twice as quiet.

    Returns
    -------
    float [sigma]

    Raises
    ------
    InputError
        Where fewer than 10 readings are to lie between.

    References
    ----------
    Siegmund 1985, Sequential Analysis: run length
    ``(exp(2 k b) - 2 k b - 1) / (2 k^2)`` with k half the shift and b = threshold + 1.166.
    """
    if not between_false >= 10.0:
        raise InputError(
            f"between_false must be at least 10 readings, got {between_false:g}; a month of "
            "quarter hours is 2880."
        )
    lean = 0.5 * shift
    wanted = between_false * (2.0 if two_sided else 1.0) * 2.0 * lean**2
    low, high = 0.0, 200.0 / lean
    for _ in range(80):
        middle = 0.5 * (low + high)
        if np.expm1(2.0 * lean * middle) - 2.0 * lean * middle < wanted:
            low = middle
        else:
            high = middle
    return max(middle - 1.166, 0.1)
