"""Hydraulic balance: imbalance degrees, and valve settings that restore them."""

import numpy as np
import pytest

from lifeline_kit.errors import InputError
from lifeline_kit.lifelines.heating.balance import (
    branch_flows,
    branch_spread,
    imbalance,
    valve_settings,
)
from lifeline_kit.methods.hydraulics import Network, pipes

N = 8


def tree() -> tuple[Network, np.ndarray]:
    """Build a supply and a return main with eight branches between them, all valves open."""
    supply, back = np.arange(N + 1), N + 1 + np.arange(N + 1)
    head = np.concatenate([supply[:-1], back[1:], supply[1:]])
    tail = np.concatenate([supply[1:], back[:-1], back[1:]])
    length = np.concatenate([np.full(2 * N, 120.0), np.full(N, 30.0)])
    diameter = np.concatenate([np.full(2 * N, 0.15), np.full(N, 0.05)])
    network = pipes(
        head,
        tail,
        length_m=length,
        diameter_m=diameter,
        roughness_m=5e-4,
        sources=np.array([0, N + 1]),
        source_pa=np.array([7e5, 4.5e5]),
    )
    branches = 2 * N + np.arange(N)
    loss = network.loss.copy()
    loss[branches] = 2.0
    return network.with_(loss=loss), branches


def test_near_branches_take_from_far_ones_and_the_advice_restores_all():
    network, branches = tree()
    open_flow = branch_flows(network, branches)
    assert (np.diff(open_flow) < 0).all()  # the farther the less
    design = np.full(N, 0.9 * open_flow.min()) * np.linspace(0.8, 1.2, N)[::-1]
    advice = valve_settings(network, branches, design)
    assert (np.abs(advice["imbalance_now"] - 1.0)).max() > 0.3
    assert (np.abs(advice["imbalance_advised"] - 1.0)).max() <= 0.05
    assert (advice["loss_advised"] >= 2.0 - 1e-6).all()
    loss = network.loss.copy()
    loss[branches] = advice["loss_advised"]
    again = branch_flows(network.with_(loss=loss), branches)
    np.testing.assert_allclose(again / design, advice["imbalance_advised"], rtol=1e-6)


def test_a_shortage_is_shared_out():
    network, branches = tree()
    design = np.full(N, 3.0 * branch_flows(network, branches).max())
    advice = valve_settings(network, branches, design)
    assert (advice["imbalance_advised"] < 1.0).all()
    assert advice["imbalance_advised"].min() >= advice["imbalance_now"].min() - 1e-6


def test_spread_of_branches_worst_first():
    table = branch_spread(
        ["a", "b", "c"],
        np.array([2.0, 1.0, 1.0]),
        np.array([1.0, 1.0, 1.1]),
        np.array([50, 40, 40]),
    )
    assert table.index.tolist() == ["a", "c", "b"]
    assert table["return_over_mean_k"].tolist() == [5.0, -5.0, -5.0]
    assert imbalance(np.array([1.0]), np.array([2.0])) == pytest.approx([0.5])
    with pytest.raises(InputError, match="above 0 for every branch"):
        imbalance(np.array([1.0]), np.array([0.0]))
