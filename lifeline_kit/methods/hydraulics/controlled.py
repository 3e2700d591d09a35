"""Steady flow with regulators, compressors and check valves, around the compiled solver.

A regulator or compressor splits the network: its tail becomes a node of given pressure, and what
leaves that node is asked of its head. A few rounds settle one load case; regulators that lack
pressure open fully, those that would feed back close, and so do check valves.
"""

import numpy as np

from lifeline_kit.errors import NetworkError
from lifeline_kit.methods.hydraulics.fluids import Gas, Liquid
from lifeline_kit.methods.hydraulics.network import (
    CHECK_VALVE,
    COMPRESSOR,
    REGULATOR,
    VALVE,
    Network,
)
from lifeline_kit.methods.hydraulics.solve import Flow, prepare, solve

_ROUNDS = 60
_PA, _KG_S = 1e-3, 1e-9  # change between rounds that counts as settled


def solve_controlled(
    network: Network, fluid: Gas | Liquid, load_kg_s: np.ndarray, *, friction: str = "nikuradse"
) -> Flow:
    """Solve one load case of a network with regulators, compressors or check valves.

    Parameters
    ----------
    network : Network
    fluid : Gas or Liquid
    load_kg_s : array, (node,) [kg/s]
    friction : str

    Returns
    -------
    Flow
        One case; `steps` counts rounds, -1 where they did not settle.

    Raises
    ------
    NetworkError
        Where two devices hold the pressure of one node, or as of `prepare`.
    """
    load = np.asarray(load_kg_s, dtype=float)
    devices = np.flatnonzero(np.isin(network.kind, (REGULATOR, COMPRESSOR)) & network.open)
    _check_devices(network, devices)
    checks = np.flatnonzero((network.kind == CHECK_VALVE) & network.open)
    holds = np.ones(devices.size, dtype=bool)  # else: fully open, or closed
    is_open = network.open.copy()
    lifted = np.full(devices.size, network.source_pa.mean())
    regulator = network.kind[devices] == REGULATOR
    lifted[regulator] = network.setting[devices][regulator]
    passed = np.zeros(devices.size)
    done = -1
    for round_ in range(1, _ROUNDS + 1):
        part = _split(network, devices[holds], is_open, lifted[holds])
        asked = load.copy()
        np.add.at(asked, network.head[devices[holds]], passed[holds])
        flow = solve(prepare(part, fluid, friction=friction), asked)
        p, m = flow.pressure_pa[0], flow.flow_kg_s[0]
        before = passed.copy(), lifted.copy(), holds.copy(), is_open.copy()
        leaving = _leaving(network, m, load)
        passed = np.where(holds, leaving[network.tail[devices]], m[devices])
        at_head = p[network.head[devices]]
        lifted = np.where(regulator, lifted, network.setting[devices] * at_head)
        holds, is_open = _switched(network, devices, checks, (holds, is_open), (p, m, passed))
        same = np.array_equal(before[2], holds) and np.array_equal(before[3], is_open)
        if same and _near(before[0], passed, _KG_S) and _near(before[1], lifted, _PA):
            done = round_
            break
    m = m.copy()
    m[devices[holds]] = passed[holds]
    return Flow(p[None, :], m[None, :], load[None, :], np.array([done if flow.settled[0] else -1]))


def _near(a: np.ndarray, b: np.ndarray, most: float) -> bool:
    return bool(np.all(np.abs(a - b) < most))


def _check_devices(network: Network, devices: np.ndarray) -> None:
    tails = network.tail[devices]
    held = np.r_[network.sources, tails]
    twice = np.flatnonzero(np.bincount(held, minlength=network.nodes.size) > 1)
    if twice.size:
        raise NetworkError(
            f"the pressure of node {network.nodes[twice[0]]!r} is given twice; expected one "
            "source, regulator or compressor to hold it; leave one out."
        )
    wrong = devices[~(network.setting[devices] > 0)]
    if wrong.size:
        raise NetworkError(
            f"link {network.links[wrong[0]]!r} has the setting {network.setting[wrong[0]]}; "
            "expected an absolute outlet pressure in Pa (regulator) or a ratio (compressor)."
        )


def _split(
    network: Network, devices: np.ndarray, is_open: np.ndarray, lifted: np.ndarray
) -> Network:
    """Close what holds a pressure, make its tail a source; let all else act as a valve."""
    kind = np.where(
        np.isin(network.kind, (REGULATOR, COMPRESSOR, CHECK_VALVE)), VALVE, network.kind
    )
    is_open = is_open.copy()
    is_open[devices] = False
    return network.with_(
        kind=kind,
        open=is_open,
        loss=np.where(network.kind == kind, network.loss, 0.0),
        sources=np.r_[network.sources, network.tail[devices]],
        source_pa=np.r_[network.source_pa, lifted],
    )


def _leaving(network: Network, m: np.ndarray, load: np.ndarray) -> np.ndarray:
    """What each node gives to its links and takes for itself [kg/s]."""
    out = load.copy()
    np.add.at(out, network.head, m)
    np.add.at(out, network.tail, -m)
    return out


def _switched(
    network: Network,
    devices: np.ndarray,
    checks: np.ndarray,
    state: tuple[np.ndarray, np.ndarray],
    found: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Let devices that cannot hold open or close, and check valves follow the pressure."""
    (holds, is_open), (p, m, passed) = state, found
    holds, is_open = holds.copy(), is_open.copy()
    at_head, at_tail = p[network.head[devices]], p[network.tail[devices]]
    for k, link in enumerate(devices.tolist()):
        if network.kind[link] != REGULATOR:
            continue
        setting = network.setting[link]
        if holds[k]:
            holds[k] = at_head[k] >= setting and passed[k] >= -_KG_S
            is_open[link] = at_head[k] < setting or passed[k] >= -_KG_S
        elif is_open[link]:
            holds[k] = at_tail[k] > setting
            is_open[link] = m[link] >= -_KG_S
        elif at_head[k] > at_tail[k] and at_tail[k] < setting:
            holds[k], is_open[link] = True, True
    for link in checks.tolist():
        forward = p[network.head[link]] > p[network.tail[link]]
        is_open[link] = m[link] >= -_KG_S if is_open[link] else forward
    return holds, is_open
