"""Published worked examples of weights, as printed."""

from fractions import Fraction

import numpy as np
import pandas as pd


def matrix(names: str, rows: list[str]) -> pd.DataFrame:
    """Fill the lower triangle from rows of what stands right of the diagonal."""
    labels = names.split()
    values = np.eye(len(labels))
    for i, row in enumerate(rows):
        for j, cell in enumerate(row.split(), start=i + 1):
            values[i, j] = float(Fraction(cell))
            values[j, i] = 1.0 / values[i, j]
    return pd.DataFrame(values, labels, labels)


# Saaty 1980, relative wealth of nations: eigenvalue 7.61, CI 0.10, CR 0.08
WEALTH = matrix(
    "US USSR China France UK Japan Germany",
    ["4 9 6 6 5 5", "7 5 5 3 4", "1/5 1/5 1/7 1/5", "1 1/3 1/3", "1/3 1/3", "2"],
)
WEALTH_WEIGHTS = [0.427, 0.230, 0.021, 0.052, 0.052, 0.123, 0.094]

# Saaty 2008, International Journal of Services Sciences 1(1): what is drunk most; CR 0.022
DRINKS = matrix(
    "coffee wine tea beer sodas milk water",
    ["9 5 2 1 1 1/2", "1/3 1/9 1/9 1/9 1/9", "1/3 1/4 1/3 1/9", "1/2 1 1/3", "2 1/2", "1/3"],
)
DRINKS_WEIGHTS = [0.177, 0.019, 0.042, 0.116, 0.190, 0.129, 0.327]

# Saaty 1980, choice of a school: judgements so inconsistent that he says so himself
SCHOOL = matrix(
    "learning friends life vocational college music",
    ["4 3 1 3 4", "7 3 1/5 1", "1/5 1/5 1/6", "1 1/3", "3"],
)

# Diakoulaki et al. 1995: eight firms by profitability, market share and productivity
FIRMS = pd.DataFrame(
    [
        [61, 1.08, 4.33],
        [20.7, 0.26, 4.34],
        [16.3, 1.98, 2.53],
        [9.0, 3.29, 1.65],
        [5.4, 2.77, 2.33],
        [4.0, 4.12, 1.21],
        [-6.1, 3.52, 2.10],
        [-34.6, 3.31, 0.98],
    ],
    columns=["profitability", "share", "productivity"],
)
FIRMS_WEIGHTS = [0.20222554, 0.48090173, 0.31687273]
