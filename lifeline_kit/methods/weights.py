"""Weights of criteria: judged in pairs (AHP), read from data (CRITIC), both, and how sure."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lifeline_kit.errors import RulesError

RANDOM_INDEX = (0, 0, 0.58, 0.90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49, 1.51, 1.48, 1.56, 1.57, 1.59)
"""Mean consistency index of random judgements by number of criteria, from 1 (Saaty 1980)."""
_ROUNDING = 0.025  # 0.33 for a third, 0.17 for a sixth: written with two decimals, not wrong


@dataclass(frozen=True, slots=True)
class Judged:
    """What a matrix of judgements says.

    Attributes
    ----------
    weights : Series, index criterion
        Sum 1: the principal eigenvector.
    eigenvalue : float
        The largest; equals the number of criteria where judgements agree fully.
    consistency_index, consistency_ratio : float
        ``(eigenvalue - n) / (n - 1)``, and that over the one of random judgements.
    """

    weights: pd.Series
    eigenvalue: float
    consistency_index: float
    consistency_ratio: float


def check_judgements(matrix: pd.DataFrame) -> pd.DataFrame:
    """Check pairwise judgements: square, same names, all above zero, reciprocal.

    Parameters
    ----------
    matrix : DataFrame, (criterion, criterion)
        How many times more the row counts than the column.

    Raises
    ------
    RulesError
        One sentence naming the cells at fault.
    """
    names = list(matrix.index)
    if matrix.shape[0] != matrix.shape[1] or not matrix.size:
        raise RulesError(
            f"judgements are {matrix.shape[0]} rows by {matrix.shape[1]} columns; expected a "
            "square matrix, a row and a column per criterion."
        )
    if names != list(matrix.columns) or len(set(names)) < len(names) or "" in names:
        raise RulesError(
            f"judgements have rows {_listed(names)} and columns {_listed(matrix.columns)}; "
            "expected the same names, each once, in the same order."
        )
    values = matrix.to_numpy(dtype=float)
    wrong = np.argwhere(~(np.isfinite(values) & (values > 0)))
    if len(wrong):
        raise RulesError(
            f"judgements hold {_cells(matrix, wrong)}; expected numbers above zero, such as 3 for "
            "'weighs three times as much' and 1/3 for its opposite."
        )
    product = values * values.T
    wrong = np.argwhere(np.triu(np.abs(product - 1.0) > _ROUNDING))
    if len(wrong):
        pairs = [cell for i, j in wrong for cell in ([(i, j)] if i == j else [(i, j), (j, i)])]
        raise RulesError(
            f"judgements are not reciprocal: {_cells(matrix, pairs)}; expected 1 on the diagonal "
            "and, across it, one cell to be 1 over the other."
        )
    return matrix


def judged_weights(matrix: pd.DataFrame, *, most: float = 0.1) -> Judged:
    """Weigh criteria by pairwise judgements (analytic hierarchy process).

    Parameters
    ----------
    matrix : DataFrame, (criterion, criterion)
    most : float, default 0.1
        Largest consistency ratio that is taken.

    Raises
    ------
    RulesError
        Where `check_judgements` does, for more than 15 criteria, or where judgements contradict
        one another; the cell that departs most from all the others is named.

    References
    ----------
    Saaty 1980, The Analytic Hierarchy Process.

    Examples
    --------
    >>> import pandas as pd
    >>> names = ["a", "b"]
    >>> judged_weights(pd.DataFrame([[1, 3], [1 / 3, 1]], names, names)).weights.tolist()
    [0.75, 0.25]
    """
    check_judgements(matrix)
    n = len(matrix)
    if n > len(RANDOM_INDEX):
        raise RulesError(
            f"{n} criteria in one matrix; expected {len(RANDOM_INDEX)} at most: judge groups of "
            "them, and the members of each group."
        )
    values = matrix.to_numpy(dtype=float)
    eigenvalues, vectors = np.linalg.eig(values)
    largest = int(np.argmax(eigenvalues.real))
    vector = np.abs(vectors[:, largest].real)
    weights = vector / vector.sum()
    eigenvalue = float(eigenvalues[largest].real)
    index = (eigenvalue - n) / (n - 1) if n > 1 else 0.0
    ratio = max(0.0, index) / RANDOM_INDEX[n - 1] if n > 2 else 0.0
    if ratio > most:
        i, j = most_departing(values, weights)
        raise RulesError(
            f"judgements contradict one another: consistency ratio {ratio:.3f}, expected at most "
            f"{most:g}; think again about ({matrix.index[i]}, {matrix.columns[j]}), which is "
            f"{values[i, j]:g} where all together say {weights[i] / weights[j]:.2g}."
        )
    return Judged(pd.Series(weights, index=matrix.index), eigenvalue, index, ratio)


def most_departing(values: np.ndarray, weights: np.ndarray) -> tuple[int, int]:
    """Find the judgement that departs most from what all of them together say.

    Parameters
    ----------
    values : array, (criterion, criterion)
        Judgements.
    weights : array, (criterion,)
        Of `judged_weights`.

    Returns
    -------
    row, column : int
        Above the diagonal.
    """
    departure = np.abs(np.log(values * weights / weights[:, None]))
    i, j = np.unravel_index(np.argmax(np.triu(departure)), departure.shape)
    return int(i), int(j)


def critic_weights(table: pd.DataFrame, *, costs: Collection[str] = ()) -> pd.Series:
    """Weigh criteria by what they tell apart and do not share with others (CRITIC).

    ``w_j ~ s_j * sum_k (1 - r_jk)`` with the spread s of each criterion scaled to 0-1 and the
    correlations r. A criterion that is the same everywhere weighs nothing.

    Parameters
    ----------
    table : DataFrame, (object, criterion)
        Three objects or more, no gaps.
    costs : collection of str
        Criteria of which less is better.

    Returns
    -------
    Series, index criterion
        Sum 1.

    Raises
    ------
    RulesError
        For fewer than three objects, a gap, an unknown cost, or where nothing differs.

    References
    ----------
    Diakoulaki, Mavrotas, Papayannakis 1995, Computers & Operations Research 22(7), 763-770.
    """
    values = table.to_numpy(dtype=float)
    if len(values) < 3:
        raise RulesError(
            f"{len(values)} objects to weigh criteria by; expected three or more: of two, any two "
            "criteria agree or disagree fully."
        )
    unknown = sorted(set(costs) - set(table.columns))
    if unknown:
        raise RulesError(f"cost {unknown[0]!r} is no criterion; expected {_listed(table.columns)}.")
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        raise RulesError(
            f"table of criteria has a gap: {_cells(table, wrong)}; expected a number in each cell, "
            "leave such rows out."
        )
    spread = np.ptp(values, axis=0)
    varies = spread > 1e-9 * np.maximum(np.abs(values).max(axis=0), 1e-300)
    if not varies.any():
        raise RulesError("no criterion differs between objects; expected at least one that does.")
    unit = (values[:, varies] - values[:, varies].min(axis=0)) / spread[varies]
    flip = np.isin(np.asarray(table.columns)[varies], list(costs))
    unit[:, flip] = 1.0 - unit[:, flip]
    conflict = (1.0 - np.atleast_2d(np.corrcoef(unit, rowvar=False))).sum(axis=0)
    told = np.zeros(len(spread))
    told[varies] = unit.std(axis=0, ddof=1) * conflict
    if told.sum() <= 1e-12:  # all that vary say the same: none tells more than another
        told[varies] = 1.0
    return pd.Series(told / told.sum(), index=table.columns)


def combined_weights(
    judged: pd.Series, data: pd.Series | None, *, share: float = 0.7, floor: float = 0.05
) -> pd.Series:
    """Mix weights of judgement and of data, and leave none below a floor.

    Parameters
    ----------
    judged, data : Series, index criterion
        `data` None: judgement alone, with the floor.
    share : float, 0-1
        Of judgement.
    floor : float
        Least weight; the others give way in proportion.

    Returns
    -------
    Series, index criterion
        Sum 1.

    Raises
    ------
    RulesError
        Where names differ, a weight is negative, the share leaves 0-1, or the floor times the
        number of criteria exceeds 1.
    """
    if not 0.0 <= share <= 1.0:
        raise RulesError(f"share of judged weights is {share}; expected 0-1.")
    if data is not None and set(data.index) != set(judged.index):
        raise RulesError(
            f"judged weights name {_listed(judged.index)}, data {_listed(data.index)}; expected "
            "the same criteria."
        )
    mixed = _unit(judged)
    if data is not None:
        mixed = share * mixed + (1.0 - share) * _unit(data.reindex(judged.index))
    if not 0.0 <= floor * len(mixed) <= 1.0:
        raise RulesError(
            f"floor {floor} for {len(mixed)} criteria; expected 0 to {1 / len(mixed):.3g}."
        )
    low = mixed < floor
    while low.any():
        rest = 1.0 - floor * low.sum()
        mixed = mixed.where(~low, floor)
        mixed[~low] *= rest / mixed[~low].sum()
        below = mixed < floor - 1e-12
        if not (below & ~low).any():
            break
        low |= below
    return mixed


def drawn_weights(
    weights: pd.Series, *, rng: np.random.Generator, n: int = 1000, concentration: float = 100.0
) -> np.ndarray:
    """Draw weights that others might have chosen, around given ones (Dirichlet).

    Parameters
    ----------
    weights : Series, index criterion
        Their mean.
    rng : Generator
    n : int
    concentration : float
        A weight w is drawn with the deviation ``sqrt(w (1 - w) / (concentration + 1))``.

    Returns
    -------
    array, (n, criterion)
        Rows of sum 1.

    Raises
    ------
    RulesError
        Where a weight is negative, or `n` or `concentration` is not above zero.
    """
    if n < 1 or not concentration > 0:
        raise RulesError(f"{n} draws of concentration {concentration}; expected both above zero.")
    mean = _unit(weights).to_numpy()
    draws = np.zeros((n, mean.size))
    draws[:, mean > 0] = rng.dirichlet(concentration * mean[mean > 0], size=n)
    return draws


def _unit(weights: pd.Series) -> pd.Series:
    values = weights.astype(float)
    wrong = ~(np.isfinite(values) & (values >= 0))
    if wrong.any() or not values.sum() > 0:
        name = weights.index[wrong][0] if wrong.any() else _listed(weights.index)
        raise RulesError(f"weight of {name} is {weights.get(name, 0)}; expected zero or more.")
    return values / values.sum()


def _listed(names: Collection[object]) -> str:
    return ", ".join(str(name) or "(no name)" for name in names) or "none"


def _cells(matrix: pd.DataFrame, places: Collection) -> str:
    """Name up to four cells with their values."""
    shown = [
        f"({matrix.index[i]}, {matrix.columns[j]}) = {matrix.iat[i, j]:.4g}" for i, j in places
    ]
    more = f" and {len(shown) - 4} more" if len(shown) > 4 else ""
    return ", ".join(shown[:4]) + more
