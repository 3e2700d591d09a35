"""Published worked examples of weights, and slow or closed forms of the same."""

import numpy as np

from lifeline_kit.bench.worked_examples import (
    DRINKS,
    DRINKS_WEIGHTS,
    FIRMS,
    FIRMS_WEIGHTS,
    SCHOOL,
    WEALTH,
    WEALTH_WEIGHTS,
    matrix,
)

__all__ = [
    "DRINKS", "DRINKS_WEIGHTS", "FIRMS", "FIRMS_WEIGHTS", "SCHOOL", "WEALTH", "WEALTH_WEIGHTS",
    "by_trial", "matrix", "three",
]  # fmt: skip


def three(a: float, b: float, c: float) -> tuple[np.ndarray, float]:
    """Weights and eigenvalue of three criteria in closed form: a over b, a over c, b over c."""
    means = np.array([a * b, c / a, 1.0 / (b * c)]) ** (1 / 3)
    t = (b / (a * c)) ** (1 / 3)
    return means / means.sum(), 1.0 + t + 1.0 / t


def by_trial(value: np.ndarray, cost: np.ndarray, budget: float) -> float:
    """Greatest value within a budget, by trying every subset."""
    best = 0.0
    for number in range(1 << len(value)):
        taken = [(number >> k) & 1 == 1 for k in range(len(value))]
        if cost[taken].sum() <= budget:
            best = max(best, float(value[taken].sum()))
    return best
