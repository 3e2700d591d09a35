"""Multinomial logistic calibration: a few weights that turn evidence into probabilities."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp

from lifeline_kit.errors import InputError


@dataclass(frozen=True, slots=True)
class Weights:
    """Fitted weights; the first class is the one that others are held against.

    Attributes
    ----------
    middle, scale : arrays, (feature,)
        Mean and standard deviation of the features fitted on.
    table : array, (class - 1, 1 + feature)
        Constant and weights of the standardised features.
    """

    middle: np.ndarray
    scale: np.ndarray
    table: np.ndarray

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Log probabilities up to a constant, (row, class), of features, (row, feature)."""
        scaled = (np.atleast_2d(features) - self.middle) / self.scale
        beside = self.table[:, 0] + scaled @ self.table[:, 1:].T
        return np.concatenate([np.zeros((len(scaled), 1)), beside], axis=1)

    def probability(self, features: np.ndarray) -> np.ndarray:
        """Probabilities, (row, class), of features, (row, feature)."""
        logits = self.logits(features)
        return np.exp(logits - logsumexp(logits, axis=1, keepdims=True))


def fit_softmax(features: np.ndarray, label: np.ndarray, *, shrinkage: float = 1.0) -> Weights:
    """Fit weights by penalised likelihood.

    Parameters
    ----------
    features : array, (row, feature)
    label : int array, (row,)
        From 0; every class must occur.
    shrinkage : float
        Half of it times the sum of squared weights is added to the negative log-likelihood.

    Raises
    ------
    InputError
        Where rows and labels differ in number, or a class never occurs.
    """
    classes = int(label.max()) + 1 if label.size else 0
    if len(features) != label.size or np.bincount(label, minlength=max(classes, 2)).min() == 0:
        raise InputError(
            f"expected one label a row and two or more classes that all occur; got "
            f"{len(features)} rows and labels {np.unique(label).tolist()}."
        )
    middle, scale = features.mean(axis=0), features.std(axis=0) + 1e-9
    design = np.concatenate([np.ones((len(features), 1)), (features - middle) / scale], axis=1)
    hot = np.eye(classes)[label]
    penalty = np.concatenate([[0.0], np.full(features.shape[1], shrinkage)])

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        table = flat.reshape(classes - 1, -1)
        logs = log_softmax(np.concatenate([np.zeros((len(design), 1)), design @ table.T], 1), 1)
        value = -(hot * logs).sum() + 0.5 * (penalty * table**2).sum()
        slope = (np.exp(logs) - hot)[:, 1:].T @ design + penalty * table
        return float(value), slope.ravel()

    start = np.zeros((classes - 1) * design.shape[1])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 2000})
    return Weights(middle, scale, found.x.reshape(classes - 1, -1))
