"""Temperatures along a network whose flows are known: steady, and as the water travels.

Steady: nodes in the order of flow, each pipe cools exponentially towards the ground, nodes mix.
In time: every pipe is a queue of parcels that remember when and how warm they entered, so nothing
is smeared by a grid and a parcel cools by its own time on the way. A wall that is always as warm as
the water beside it takes part as if it were more water.

References
----------
Plug flow with exponential cooling: van der Heijde, Fuchs, Ribas Tugores et al. 2017, Energy
Conversion and Management 151, 158-169.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from lifeline_kit.errors import NetworkError
from lifeline_kit.methods.hydraulics.fluids import WATER_HEAT

DENSITY = 985.0  # of the water [kg/m3], at some 55 degC
PARCELS = 96  # a pipe's queue; beyond it the two oldest neighbours become one


def insulation_loss(
    diameter_m: np.ndarray, insulation_m: np.ndarray, conductivity: float | np.ndarray
) -> np.ndarray:
    """Heat lost per metre and kelvin through a sleeve of insulation [W/(m K)].

    Parameters
    ----------
    diameter_m, insulation_m : arrays, (link,) [m]
    conductivity : float or array [W/(m K)]
    """
    return 2.0 * np.pi * conductivity / np.log(1.0 + 2.0 * insulation_m / diameter_m)


def wall_share(
    diameter_m: np.ndarray, wall_m: float | np.ndarray, *, capacity_j_m3_k: float = 3.69e6
) -> np.ndarray:
    """Heat stored by the pipe wall over that stored by the water in it.

    Parameters
    ----------
    diameter_m, wall_m : array, float or array [m]
    capacity_j_m3_k : float [J/(m3 K)]
        Steel: 7,850 kg/m3 times 470 J/(kg K).
    """
    ring = (diameter_m + 2.0 * wall_m) ** 2 - diameter_m**2
    return ring * capacity_j_m3_k / (diameter_m**2 * DENSITY * WATER_HEAT)


def steady_temperatures(
    head: np.ndarray,
    tail: np.ndarray,
    flow_kg_s: np.ndarray,
    *,
    loss_w_k: np.ndarray,
    fed_kg_s: np.ndarray,
    fed_c: np.ndarray,
    ground_c: float,
    specific_heat: float = WATER_HEAT,
) -> tuple[np.ndarray, np.ndarray]:
    """Temperatures of nodes and of the water leaving each link.

    Parameters
    ----------
    head, tail : int arrays, (link,)
    flow_kg_s : array, (link,) [kg/s]
    loss_w_k : array, (link,) [W/K]
        Loss per metre times length.
    fed_kg_s, fed_c : arrays, (node,) [kg/s], [degC]
        What flows in from outside: at the plant of a supply network, at the substations of a
        return network. Where nothing is fed the temperature is not read.
    ground_c : float [degC]
        Also the temperature of water that stands.
    specific_heat : float [J/(kg K)]

    Returns
    -------
    array (node,), array (link,) [degC]

    Raises
    ------
    NetworkError
        Where flows run in a circle that nothing drives.
    """
    node, link, ordered = _sweep(
        np.asarray(head),
        np.asarray(tail),
        np.asarray(flow_kg_s, dtype=float),
        np.asarray(loss_w_k, dtype=float),
        np.asarray(fed_kg_s, dtype=float),
        np.nan_to_num(np.asarray(fed_c, dtype=float)),
        float(ground_c),
        specific_heat,
    )
    if not ordered:
        raise NetworkError(
            "the flows run in a circle that no pressure explains; expected flows that were solved "
            "on this network; solve it again."
        )
    return node, link


@njit(cache=True)
def _order(head: np.ndarray, tail: np.ndarray, flow: np.ndarray, n: int) -> tuple:
    """Nodes so that water only runs forward, and the links by the node they leave."""
    links = head.size
    waits = np.zeros(n, dtype=np.int64)
    leaves = np.zeros(n + 1, dtype=np.int64)
    for e in range(links):
        if flow[e] != 0.0:
            waits[tail[e] if flow[e] > 0 else head[e]] += 1
            leaves[(head[e] if flow[e] > 0 else tail[e]) + 1] += 1
    leaves = np.cumsum(leaves)
    fill = leaves[:-1].copy()
    out = np.empty(leaves[-1], dtype=np.int64)
    for e in range(links):
        if flow[e] != 0.0:
            begin = head[e] if flow[e] > 0 else tail[e]
            out[fill[begin]] = e
            fill[begin] += 1
    order = np.empty(n, dtype=np.int64)
    count = 0
    for i in range(n):
        if waits[i] == 0:
            order[count] = i
            count += 1
    k = 0
    while k < count:
        for t in range(leaves[order[k]], leaves[order[k] + 1]):
            e = out[t]
            end = tail[e] if flow[e] > 0 else head[e]
            waits[end] -= 1
            if waits[end] == 0:
                order[count] = end
                count += 1
        k += 1
    return order, count, leaves, out


@njit(cache=True)
def _sweep(
    head: np.ndarray,
    tail: np.ndarray,
    flow: np.ndarray,
    loss: np.ndarray,
    fed: np.ndarray,
    fed_c: np.ndarray,
    ground: float,
    cp: float,
) -> tuple:
    n = fed.size
    order, count, leaves, out = _order(head, tail, flow, n)
    amount, heat = fed.copy(), fed * fed_c
    node, link = np.full(n, ground), np.full(head.size, ground)
    for k in range(count):
        i = order[k]
        if amount[i] > 0.0:
            node[i] = heat[i] / amount[i]
        for t in range(leaves[i], leaves[i + 1]):
            e = out[t]
            m = abs(flow[e])
            link[e] = ground + (node[i] - ground) * math.exp(-loss[e] / (cp * m))
            end = tail[e] if flow[e] > 0 else head[e]
            amount[end] += m
            heat[end] += m * link[e]
    return node, link, count == n


class Queues(NamedTuple):
    """Water on its way, oldest first from the end it leaves by.

    Attributes
    ----------
    volume, entered_c, entered_s : arrays, (link, PARCELS) [m3], [degC], [s]
    count : int array, (link,)
    forward : bool array, (link,)
        Whether the queue runs from head to tail.
    """

    volume: np.ndarray
    entered_c: np.ndarray
    entered_s: np.ndarray
    count: np.ndarray
    forward: np.ndarray


class Pipework(NamedTuple):
    """Links as the travelling water sees them.

    Attributes
    ----------
    head, tail : int arrays, (link,)
    volume_m3, cooling_s : arrays, (link,) [m3], [s]
        Volume, and the time constant of water that stands.
    """

    head: np.ndarray
    tail: np.ndarray
    volume_m3: np.ndarray
    cooling_s: np.ndarray

    def turned(self) -> "Pipework":
        """Return the same links the other way round: the return beside a supply."""
        return self._replace(head=self.tail, tail=self.head)


def pipework(
    head: np.ndarray,
    tail: np.ndarray,
    *,
    length_m: np.ndarray,
    diameter_m: np.ndarray,
    loss_w_k: np.ndarray,
    wall: np.ndarray | float = 0.0,
) -> Pipework:
    """Make links for `travel`; `wall` is of `wall_share`."""
    volume = np.pi * np.asarray(diameter_m) ** 2 / 4.0 * np.asarray(length_m) * (1.0 + wall)
    cooling = DENSITY * volume * WATER_HEAT / np.maximum(loss_w_k, 1e-12)
    return Pipework(np.asarray(head), np.asarray(tail), volume, cooling)


def filled(pipework: Pipework, temperature_c: np.ndarray | float, at_s: float = 0.0) -> Queues:
    """Return queues full of water of one temperature per link."""
    volume_m3 = pipework.volume_m3
    links = volume_m3.size
    queues = Queues(
        np.zeros((links, PARCELS)),
        np.zeros((links, PARCELS)),
        np.zeros((links, PARCELS)),
        np.ones(links, dtype=np.int64),
        np.ones(links, dtype=np.bool_),
    )
    queues.volume[:, 0] = volume_m3
    queues.entered_c[:, 0] = temperature_c
    queues.entered_s[:, 0] = at_s
    return queues


def travel(
    queues: Queues,
    pipework: Pipework,
    flow_kg_s: np.ndarray,
    fed_kg_s: np.ndarray,
    fed_c: np.ndarray,
    *,
    ground_c: float,
    start_s: float,
    step_s: float,
) -> tuple[Queues, np.ndarray]:
    """Let the water travel through steps of constant flow.

    Parameters
    ----------
    queues : Queues
        Not changed.
    pipework : Pipework
    flow_kg_s : array, (step, link) [kg/s]
    fed_kg_s, fed_c : arrays, (step, node) [kg/s], [degC]
        As of `steady_temperatures`.
    ground_c, start_s, step_s : float [degC], [s], [s]

    Returns
    -------
    Queues, array (step, node) [degC]
        Mean temperature of what passes each node during a step; where nothing passes, that of
        the water standing in the links there.
    """
    own = Queues(*(part.copy() for part in queues))
    node = _travel(
        own,
        pipework,
        np.asarray(flow_kg_s, dtype=float) / DENSITY,
        np.asarray(fed_kg_s, dtype=float) / DENSITY,
        np.nan_to_num(np.asarray(fed_c, dtype=float)),
        (float(ground_c), float(start_s), float(step_s)),
    )
    return own, node


@njit(cache=True)
def _turn(queues: Queues, e: int) -> None:
    """Reverse the queue of a link whose flow turned."""
    last = queues.count[e]
    for part in (queues.volume, queues.entered_c, queues.entered_s):
        part[e, :last] = part[e, :last][::-1].copy()
    queues.forward[e] = not queues.forward[e]


@njit(cache=True)
def _push(queues: Queues, e: int, volume: float, temperature: float, at: float) -> None:
    """Let a parcel enter; a full queue joins its two oldest."""
    if queues.count[e] == PARCELS:
        a, b = queues.volume[e, 0], queues.volume[e, 1]
        whole = max(a + b, 1e-300)
        for part in (queues.entered_c, queues.entered_s):
            part[e, 1] = (part[e, 0] * a + part[e, 1] * b) / whole
        queues.volume[e, 1] = a + b
        for part in (queues.volume, queues.entered_c, queues.entered_s):
            part[e, :-1] = part[e, 1:].copy()
        queues.count[e] -= 1
    last = queues.count[e]
    queues.volume[e, last] = volume
    queues.entered_c[e, last] = temperature
    queues.entered_s[e, last] = at
    queues.count[e] += 1


@njit(cache=True)
def _pop(queues: Queues, e: int, volume: float, now: float, tau: float, ground: float) -> float:
    """Take a volume out at the old end; return its heat over the ground [m3 K]."""
    heat, left, k = 0.0, volume, 0
    while left > 0.0 and k < queues.count[e]:
        taken = min(left, queues.volume[e, k])
        age = max(now - queues.entered_s[e, k], 0.0)
        heat += taken * (queues.entered_c[e, k] - ground) * math.exp(-age / tau)
        queues.volume[e, k] -= taken
        left -= taken
        if queues.volume[e, k] <= 1e-12:
            k += 1
    if k:
        size = queues.count[e] - k
        for part in (queues.volume, queues.entered_c, queues.entered_s):
            part[e, :size] = part[e, k : k + size].copy()
        queues.count[e] = size
    return heat


@njit(cache=True)
def _travel(
    queues: Queues,
    pipework: Pipework,
    flow: np.ndarray,
    fed: np.ndarray,
    fed_c: np.ndarray,
    clock: tuple,
) -> np.ndarray:
    ground, start, length = clock
    head, tail, cooling = pipework.head, pipework.tail, pipework.cooling_s
    steps, n = fed.shape
    node = np.empty((steps, n))
    for step in range(steps):
        now = start + (step + 0.5) * length
        order, count, leaves, out = _order(head, tail, flow[step], n)
        amount = fed[step].copy()
        heat = fed[step] * (fed_c[step] - ground)
        for k in range(count):
            i = order[k]
            warm = heat[i] / amount[i] if amount[i] > 0.0 else 0.0
            node[step, i] = ground + warm
            for t in range(leaves[i], leaves[i + 1]):
                e = out[t]
                q = abs(flow[step, e])
                if queues.forward[e] != (flow[step, e] > 0):
                    _turn(queues, e)
                _push(queues, e, q * length, ground + warm, now)
                end = tail[e] if flow[step, e] > 0 else head[e]
                amount[end] += q
                heat[end] += _pop(queues, e, q * length, now, cooling[e], ground) / length
        _standing(queues, pipework, amount, (ground, now), node[step])
    return node


@njit(cache=True)
def _standing(
    queues: Queues, pipework: Pipework, amount: np.ndarray, clock: tuple, node: np.ndarray
) -> None:
    """Give nodes that nothing passes the temperature of the water at that end of a link."""
    ground, now = clock
    head, tail, cooling = pipework.head, pipework.tail, pipework.cooling_s
    for e in range(head.size):
        for i, first in ((head[e], not queues.forward[e]), (tail[e], queues.forward[e])):
            if amount[i] <= 0.0 and queues.count[e] > 0:
                k = 0 if first else queues.count[e] - 1
                age = max(now - queues.entered_s[e, k], 0.0)
                node[i] = ground + (queues.entered_c[e, k] - ground) * math.exp(-age / cooling[e])
