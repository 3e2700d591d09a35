"""Evidence of a linear model by the full covariance matrix: slow, plain, the reference."""

import numpy as np


def log_evidence(sight, columns, prior, spread, memory):
    """One Gaussian density of all readings, coefficients integrated out through the covariance."""
    apart = np.abs(sight.time_h[:, None] - sight.time_h[None, :])
    cover = np.diag(sight.white) + columns @ np.diag(spread**2) @ columns.T
    for variance, rate, enveloped in zip(
        memory.variance, memory.rate, memory.enveloped, strict=True
    ):
        shape = np.outer(sight.envelope, sight.envelope) if enveloped else 1.0
        cover = cover + variance * np.exp(-rate * apart) * shape
    left = sight.value - columns @ prior
    sign, logdet = np.linalg.slogdet(cover)
    assert sign > 0
    return -0.5 * (left @ np.linalg.solve(cover, left) + logdet + left.size * np.log(2 * np.pi))
