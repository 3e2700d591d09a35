"""Clocks that cannot be trusted."""

import numpy as np

from lifeline_kit.model.readings import Flat


def _per_reading(limit: np.ndarray, flat: Flat) -> np.ndarray:
    return np.repeat(limit, np.diff(flat.starts))


def ahead_of(flat: Flat, at: np.datetime64, *, tolerated: int = 3) -> np.ndarray:
    """Readings stamped after `at`; of a sensor with more than a few of them, all readings.

    When such a clock went wrong is unknown, so none of its stamps can be trusted.
    """
    late = flat.time > at
    counts = np.diff(np.concatenate([[0], np.cumsum(late)])[flat.starts])
    return late | _per_reading(counts > tolerated, flat)
