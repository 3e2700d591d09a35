"""Gas in a ventilated space: the well-mixed box ``dc/dt = s(t) - a(t) c``."""

from collections.abc import Callable

import numpy as np
from numba import njit


def compiled(function: Callable) -> Callable:
    """Compile, keeping the machine code on disk where some folder can be written."""
    try:
        return njit(nogil=True, cache=True, error_model="numpy")(function)
    except RuntimeError:  # no folder for the cache: compile again in every process
        return njit(nogil=True, error_model="numpy")(function)


@compiled
def _follow(time_h, source, exchange, start):
    level = np.empty(source.size)
    level[0] = start
    for i in range(1, source.size):
        step = time_h[i] - time_h[i - 1]
        decay = exchange[i] * step
        keep = np.exp(-decay)
        # gain is (1 - exp(-a h)) / a, which goes to h where nothing is exchanged
        gain = step if decay < 1e-9 else (1.0 - keep) / exchange[i]
        level[i] = keep * level[i - 1] + gain * source[i]
    return level


def box_level(
    time_h: np.ndarray, source: np.ndarray, exchange: np.ndarray | float, *, start: float = 0.0
) -> np.ndarray:
    """Concentration in a well-mixed box, source and exchange constant between two times.

    Parameters
    ----------
    time_h : array, (time,) [h]
        Increasing, steps of any length.
    source : array, (time,) [%VOL/h]
        Gas released over the volume, in the step that ends at the time.
    exchange : array, (time,), or float [1/h]
        Air changes, zero or more.
    start : float, default 0 [%VOL]

    Returns
    -------
    array, (time,) [%VOL]

    References
    ----------
    Exact solution of the mass balance for piecewise constant source and exchange.
    """
    source = np.asarray(source, dtype=np.float64)
    rate = np.broadcast_to(np.asarray(exchange, dtype=np.float64), source.shape)
    return _follow(np.asarray(time_h, dtype=np.float64), source, np.ascontiguousarray(rate), start)
