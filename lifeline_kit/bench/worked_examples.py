"""Published worked examples of weights and of charts, as printed."""

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

# Lowry, Woodall, Champ and Rigdon 1992, Technometrics 34, 46-53: two channels of variance 1 with
# correlation 0.5, the mean shifted from the sixth reading on; smoothing 0.1, exact covariance. The
# chart alarms at the ninth reading (limit 8.66). Data and printed statistic as repeated in the
# tests of a public package; the paper itself was not read.
LOWRY = np.array(
    [
        [-1.19, 0.59],
        [0.12, 0.90],
        [-1.69, 0.40],
        [0.30, 0.46],
        [0.89, -0.75],
        [0.82, 0.98],
        [-0.30, 2.28],
        [0.63, 1.75],
        [1.56, 1.58],
        [1.46, 3.05],
    ]
)
LOWRY_COVARIANCE = np.array([[1.0, 0.5], [0.5, 1.0]])
LOWRY_T2 = [3.29, 3.18, 7.37, 5.26, 1.09, 1.28, 5.66, 8.32, 9.64, 17.21]
LOWRY_LIMIT = 8.66

# Run lengths at smoothing 0.1 and limit 12.73 of four channels, by distance of the mean: output of
# the program of Molnau et al. 2001, Journal of Quality Technology 33, 515-521 (Markov chain of 25
# states), as printed in the documentation of R's spc.
MOLNAU_LIMIT, MOLNAU_CHANNELS = 12.73, 4
MOLNAU = {0.0: 199.78, 0.5: 35.05, 1.0: 12.17, 1.5: 7.22, 2.0: 5.19, 3.0: 3.42}

# Rigdon 1995, as repeated there: limit for a false alarm in 500 at smoothing 0.25 and four
# channels; run length at smoothing 0.1, limit 14.56, five channels and distance 1. A third figure,
# 14.98 for 1000 at three channels, is left out: by quadrature of 30 or 60 nodes it is 14.76.
RIGDON_LIMIT, RIGDON_RUN_LENGTH = 16.38, 12.9

# Prabhu and Runger 1997, Journal of Quality Technology 29, 8-15: limit for a false alarm in 200 at
# smoothing 0.1, by number of channels.
PRABHU_LIMITS = {2: 8.64, 4: 12.73}
