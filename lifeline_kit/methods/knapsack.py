"""What to take within a budget: the exact choice, and the simple rankings beside it."""

import numpy as np

from lifeline_kit.errors import InputError, RulesError


def best_choice(
    value: np.ndarray, cost: np.ndarray, budget: float, *, gap: float = 0.0
) -> tuple[np.ndarray, float]:
    """Choose what has the greatest total value within a budget (0-1 knapsack, exact).

    Parameters
    ----------
    value : array, (item,)
        Items without value are never taken.
    cost : array, (item,)
        Above zero, in the unit of the budget.
    budget : float
    gap : float, default 0
        Relative distance from the optimum at which the solver may stop.

    Returns
    -------
    chosen : bool array, (item,)
    bound : float
        No choice within the budget is worth more.

    Raises
    ------
    InputError
        Where lengths differ, a figure is missing, a cost or the budget is not above zero.
    RulesError
        Where the solver ends without a proven optimum.

    References
    ----------
    Items that no better choice can hold, or lack, are settled first by the bound of the fractional
    choice: Dantzig 1957, Operations Research 5; Ingargiola, Korsh 1973, Management Science 20. The
    rest is left to branch and bound: HiGHS, Huangfu, Hall 2018, Mathematical Programming
    Computation 10.
    """
    value, cost = _checked(value, cost, budget)
    chosen = np.zeros(value.size, dtype=bool)
    worth = np.flatnonzero((value > 0) & (cost <= budget))
    if cost[worth].sum() <= budget:
        chosen[worth] = True
        return chosen, float(value[worth].sum())
    v, c = value[worth], cost[worth]
    ranked = ranked_choice(v / c, c, budget)
    chosen[worth] = ranked
    fixed, free, fractional = _settled(v, c, budget, float(v[ranked].sum()))
    left = budget - c[fixed].sum()
    free &= c <= left
    taken, bound = fixed.copy(), 0.0
    if free.any():
        taken[free], bound = _branch_and_bound(v[free], c[free], left, gap)
    # what any better choice must hold may be too much: then there is none better
    if left >= 0.0 and v[taken].sum() > v[ranked].sum():
        chosen[worth] = taken
    best = float(value[chosen].sum())
    return chosen, max(best, min(fractional, float(v[fixed].sum()) + bound))


def _settled(
    value: np.ndarray, cost: np.ndarray, budget: float, reached: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """Items that any choice better than `reached` holds; those still open; the fractional bound."""
    order = np.argsort(-value / cost, kind="stable")
    spent = np.cumsum(cost[order])
    last = int(np.searchsorted(spent, budget, side="right"))  # the first that does not fit whole
    price = value[order[last]] / cost[order[last]]
    left = budget - (spent[last - 1] if last else 0.0)
    bound = float(value[order[:last]].sum() + price * left)
    gain = value - price * cost
    slack = (bound - reached) + 1e-9 * bound
    return gain > slack, np.abs(gain) <= slack, bound


def _branch_and_bound(
    value: np.ndarray, cost: np.ndarray, budget: float, gap: float
) -> tuple[np.ndarray, float]:
    """Choose among the items that are open, exactly."""
    import highspy  # a solver loads only where it solves

    class Quiet(highspy.Highs):
        def enableCallbacks(self) -> None:  # noqa: N802 - its name; the banner is printed in here
            self.silent()
            super().enableCallbacks()

    scale = 1.0 / value.max()  # tolerances of the solver are absolute
    model = Quiet()
    model.setOptionValue("mip_rel_gap", gap)
    model.setOptionValue("mip_abs_gap", 1e-9)
    # at the usual 1e-6 it would overspend by that share of the budget
    model.setOptionValue("mip_feasibility_tolerance", 1e-10)
    model.setOptionValue("primal_feasibility_tolerance", 1e-10)
    problem = highspy.HighsLp()
    problem.num_col_, problem.num_row_ = value.size, 1
    problem.sense_ = highspy.ObjSense.kMaximize
    problem.col_cost_ = value * scale
    problem.col_lower_, problem.col_upper_ = np.zeros(value.size), np.ones(value.size)
    problem.row_lower_, problem.row_upper_ = np.array([-np.inf]), np.array([1.0])
    problem.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    problem.a_matrix_.start_ = np.array([0, value.size])
    problem.a_matrix_.index_ = np.arange(value.size)
    problem.a_matrix_.value_ = cost / budget
    problem.integrality_ = [highspy.HighsVarType.kInteger] * value.size
    model.passModel(problem)
    model.run()
    if model.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        state = model.modelStatusToString(model.getModelStatus())
        raise RulesError(
            f"the solver ended with {state!r} for {value.size} items; expected a proven optimum: "
            "allow a gap, such as gap=0.001."
        )
    chosen = np.asarray(model.getSolution().col_value) > 0.5
    return _within(chosen, value, cost, budget), float(model.getInfo().mip_dual_bound) / scale


def ranked_choice(rank: np.ndarray, cost: np.ndarray, budget: float) -> np.ndarray:
    """Take items from the highest rank down, leaving out those that no longer fit.

    Parameters
    ----------
    rank : array, (item,)
        NaN: never taken.
    cost : array, (item,)
    budget : float

    Returns
    -------
    bool array, (item,)

    Raises
    ------
    InputError
    """
    values, cost = _checked(np.nan_to_num(rank), cost, budget)
    chosen = np.zeros(cost.size, dtype=bool)
    left = budget
    for item in np.argsort(-values, kind="stable"):
        if np.isfinite(rank[item]) and cost[item] <= left:
            chosen[item] = True
            left -= cost[item]
    return chosen


def _checked(value: np.ndarray, cost: np.ndarray, budget: float) -> tuple[np.ndarray, np.ndarray]:
    value, cost = (np.asarray(each, dtype=float) for each in (value, cost))
    if value.shape != cost.shape or value.ndim != 1:
        raise InputError(
            f"{value.shape} values and {cost.shape} costs; expected one of each per item."
        )
    if not (np.isfinite(budget) and budget > 0):
        raise InputError(f"budget is {budget}; expected an amount above zero.")
    if not np.isfinite(value).all() or not (np.isfinite(cost) & (cost > 0)).all():
        raise InputError("expected a value for each item, and a cost above zero; leave others out.")
    return value, cost


def _within(chosen: np.ndarray, value: np.ndarray, cost: np.ndarray, budget: float) -> np.ndarray:
    """Give back the least valuable items where the solver's tolerance overspent by a hair."""
    chosen = chosen.copy()
    for item in np.argsort(value, kind="stable"):
        if cost[chosen].sum() <= budget * (1.0 + 1e-12):
            break
        chosen[item] = False
    return chosen
