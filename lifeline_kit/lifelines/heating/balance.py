"""Hydraulic balance: who gets too much water, and how far to turn the balancing valves.

The imbalance degree of a branch is x = G_actual / G_design (水力失调度): 1 is right, above 1 takes
from others. Settings come from bounded least squares on the network itself, as every valve moves
the flow of all.
"""

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from lifeline_kit.errors import InputError
from lifeline_kit.methods.hydraulics import Liquid, Network, prepare, solve, water

_WATER = water(60.0)
_OPEN_LOSS, _SHUT_LOSS = 2.0, 2e5  # loss coefficients of a balancing valve, open and nearly shut


def imbalance(flow: np.ndarray, design: np.ndarray) -> np.ndarray:
    """Imbalance degree of each branch, flow over design flow.

    Parameters
    ----------
    flow, design : arrays, (branch,) [any one unit]

    Raises
    ------
    InputError
        Where a design flow is not above zero.
    """
    design = np.asarray(design, dtype=float)
    if not (design > 0.0).all():
        raise InputError(
            f"design flow must be above 0 for every branch, got {design.min():g}; take it from "
            "design load and cooling, G = Q / (rho cp dT)."
        )
    return np.asarray(flow, dtype=float) / design


def branch_spread(
    names: list[str], flow: np.ndarray, design: np.ndarray, return_c: np.ndarray
) -> pd.DataFrame:
    """Show flow and return temperature of branches against design and one another, worst first.

    Returns
    -------
    DataFrame, index `branch`
        `imbalance`, `flow`, `design`, `return_c`, `return_over_mean_k` (over the flow-weighted
        mean: a branch with too much water returns warm), `away` (distance of the imbalance from 1).
    """
    degree = imbalance(flow, design)
    mean = float(np.average(return_c, weights=flow))
    table = pd.DataFrame(
        {
            "imbalance": degree,
            "flow": flow,
            "design": design,
            "return_c": return_c,
            "return_over_mean_k": np.asarray(return_c) - mean,
            "away": np.abs(degree - 1.0),
        },
        index=pd.Index(names, name="branch"),
    )
    return table.sort_values("away", ascending=False)


def branch_flows(network: Network, branches: np.ndarray, fluid: Liquid = _WATER) -> np.ndarray:
    """Flow through some links with nothing taken out on the way, (branch,) [kg/s]."""
    flow = solve(prepare(network, fluid), np.zeros(network.nodes.size))
    return flow.flow_kg_s[0, branches]


def valve_settings(
    network: Network,
    branches: np.ndarray,
    design_kg_s: np.ndarray,
    *,
    fluid: Liquid = _WATER,
    between: tuple[float, float] = (_OPEN_LOSS, _SHUT_LOSS),
) -> pd.DataFrame:
    """Advise how to set the balancing valves of branches.

    Parameters
    ----------
    network : Network
        Supply and return joined by the branches, the pump's two sides as sources.
    branches : int array, (branch,)
        Links that hold the balancing valves; their `loss` is what is set.
    design_kg_s : array, (branch,) [kg/s]
    fluid : Liquid, optional
        Water of 60 degC by default.
    between : (float, float)
        Loss coefficient of a valve fully open and as far shut as it goes.

    Returns
    -------
    DataFrame, index `branch`
        `loss_now`, `loss_advised`, `imbalance_now`, `imbalance_advised`; where design flows ask
        more than the pump gives, the shortage is shared out.

    Raises
    ------
    InputError
    """
    branches = np.asarray(branches)
    design = np.asarray(design_kg_s, dtype=float)
    now = imbalance(branch_flows(network, branches, fluid), design)
    low, high = np.log(between[0]), np.log(between[1])
    start = np.clip(np.log(np.maximum(network.loss[branches], between[0])), low, high)

    def flows(log_loss: np.ndarray) -> np.ndarray:
        loss = network.loss.copy()
        loss[branches] = np.exp(log_loss)
        return branch_flows(network.with_(loss=loss), branches, fluid)

    inside = np.clip(start, low + 1e-6, high - 1e-6)
    found = least_squares(
        lambda x: flows(x) / design - 1.0, inside, bounds=(low, high), diff_step=1e-4
    )
    return pd.DataFrame(
        {
            "loss_now": network.loss[branches],
            "loss_advised": np.exp(found.x),
            "imbalance_now": now,
            "imbalance_advised": imbalance(flows(found.x), design),
        },
        index=pd.Index(network.links[branches], name="branch"),
    )
