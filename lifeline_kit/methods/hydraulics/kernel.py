"""The compiled Newton iteration: many load cases of one network in one call.

Unknown is the pressure squared of a gas, the pressure of a liquid. Flows are eliminated link by
link, so each step solves one symmetric system of the size of the nodes (global gradient method,
Todini and Pilati 1988); compressibility, the weight of the column and the lift of pumps are held
from the step before, the friction slope is exact. Mass balance holds to rounding after each step.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from lifeline_kit.methods.hydraulics.cholesky import factorise, substitute
from lifeline_kit.methods.hydraulics.friction import NIKURADSE, friction

# rows of the link table
SCALE, LENGTH_D, LOSS, RE, ROUGH, FLOOR, WEIGHT = range(7)
LIFT, SLOPE, BEND, VOLUME, GUESS, LINEAR, SQUARE = range(7, 14)
N_ROWS = 14
# SCALE: pressure (or its square) lost per λ L/D and m²; RE: Reynolds number per kg/s; FLOOR: least
# resistance; LINEAR, SQUARE: the whole of `nikuradse`; WEIGHT: pressure of the column, in Pa of a
# liquid, per density at the ends of a gas; LIFT, SLOPE, BEND: curve of a pump over the volume it
# takes in; VOLUME: that volume per kg (liquid), times pressure and over z (gas); GUESS: flow that
# starts a cold solve
GRAVITY = 9.81


@njit(cache=True)
def link_loss(table: np.ndarray, e: int, model: int, m: float) -> tuple:
    """Pressure (squared) that link `e` loses by friction at flow m, and its slope."""
    size = abs(m)
    if model == NIKURADSE:
        linear, square = table[LINEAR, e], table[SQUARE, e] * size
        return (linear + square) * m, linear + 2.0 * square
    along = table[LENGTH_D, e]
    re = table[RE, e] * size
    if along == 0.0:
        loss, slope = table[LOSS, e] * size * m, 2.0 * table[LOSS, e] * size
    elif re < 1e-9:
        factor, _ = friction(model, 1e-3, table[ROUGH, e])
        slope = factor * 1e-3 * along / table[RE, e]
        loss = slope * m
    else:
        factor, bend = friction(model, re, table[ROUGH, e])
        whole = factor * along + table[LOSS, e]
        loss = whole * size * m
        slope = (2.0 * whole + bend * along) * size
    floor = table[FLOOR, e]
    return table[SCALE, e] * loss + floor * m, table[SCALE, e] * slope + floor


@njit(cache=True)
def _column(gas: bool, dz: float, weight: float, p_head: float, p_tail: float) -> tuple:
    """Compressibility of a link, and what its height adds to the pressure (squared)."""
    if not gas:
        return 1.0, weight
    both = p_head + p_tail
    mean = 2.0 / 3.0 * (both - p_head * p_tail / both)
    density = p_head / (1.0 + dz * p_head) + p_tail / (1.0 + dz * p_tail)
    return 1.0 + dz * mean, weight * density * both


@njit(cache=True)
def _lift(
    gas: bool, dz: float, table: np.ndarray, e: int, m: float, p_head: float, p_tail: float
) -> tuple:
    """What a pump adds to the pressure (squared), and its slope; nothing when run through."""
    per_kg = table[VOLUME, e] * (1.0 + dz * p_head) / p_head if gas else table[VOLUME, e]
    volume = max(m, 0.0) * per_kg
    lift = table[LIFT, e] + (table[SLOPE, e] + table[BEND, e] * volume) * volume
    if lift <= 0.0:
        return 0.0, 0.0
    bend = (table[SLOPE, e] + 2.0 * table[BEND, e] * volume) * per_kg if m > 0.0 else 0.0
    times = p_head + p_tail if gas else 1.0
    return lift * times, min(bend, 0.0) * times


class System(NamedTuple):
    """What stays the same over all load cases.

    Attributes
    ----------
    gas : bool
    dz : float
        Slope of the compressibility [1/Pa].
    model : int
        Friction.
    head, tail : int arrays, (link,)
    table : array, (N_ROWS, link)
    unknown : int array, (node,)
        Row of the factor of a node; -1 where the pressure is given.
    coupling : int array, (link,)
        Entry below the diagonal of a link between two unknown nodes, else -1.
    start, row, target : int arrays
        Of the `cholesky.Pattern`.
    """

    gas: bool
    dz: float
    model: int
    head: np.ndarray
    tail: np.ndarray
    table: np.ndarray
    unknown: np.ndarray
    coupling: np.ndarray
    start: np.ndarray
    row: np.ndarray
    target: np.ndarray


class Stopping(NamedTuple):
    """When a case counts as solved: what one more step would change, and the most steps."""

    pascal: float
    kg_s: float
    steps: int


class _Work(NamedTuple):
    p: np.ndarray
    square: np.ndarray
    m: np.ndarray
    gain: np.ndarray
    rest: np.ndarray
    diagonal: np.ndarray
    below: np.ndarray
    x: np.ndarray


@njit(cache=True)
def _assemble(system: System, work: _Work, load: np.ndarray, first: bool) -> None:
    """Fill matrix and right-hand side of one Newton step."""
    gas, table = system.gas, system.table
    p, x = work.p, work.x
    least = 1e3 if gas else -1e300
    work.diagonal[:] = 0.0
    work.below[:] = 0.0
    for i in range(load.size):
        if system.unknown[i] >= 0:
            x[system.unknown[i]] = -load[i]
    for e in range(system.head.size):
        i, j = system.head[e], system.tail[e]
        high, low = max(p[i], least), max(p[j], least)
        z, column = _column(gas, system.dz, table[WEIGHT, e], high, low)
        if first:  # a straight line through the guess: no flow is known yet
            loss, slope = link_loss(table, e, system.model, table[GUESS, e])
            loss, slope = 0.0, z * loss / table[GUESS, e]
        else:
            loss, slope = link_loss(table, e, system.model, work.m[e])
            loss, slope = z * loss, z * slope
        if table[LIFT, e] > 0.0:
            lift, bend = _lift(gas, system.dz, table, e, work.m[e], high, low)
            column += lift
            slope -= bend
        gain = 1.0 / slope
        rest = work.square[i] - work.square[j] + column - loss
        work.gain[e], work.rest[e] = gain, rest
        through = work.m[e] + gain * rest
        a, b = system.unknown[i], system.unknown[j]
        if a >= 0:
            work.diagonal[a] += gain
            x[a] -= through
        if b >= 0:
            work.diagonal[b] += gain
            x[b] += through
        if system.coupling[e] >= 0:
            work.below[system.coupling[e]] -= gain


@njit(cache=True)
def _advance(system: System, work: _Work) -> tuple:
    """Apply the solved step; return the largest change of pressure and of flow."""
    most_p, most_m = 0.0, 0.0
    for e in range(system.head.size):
        a, b = system.unknown[system.head[e]], system.unknown[system.tail[e]]
        change = work.rest[e]
        if a >= 0:
            change += work.x[a]
        if b >= 0:
            change -= work.x[b]
        change *= work.gain[e]
        work.m[e] += change
        most_m = max(most_m, abs(change))
    for i in range(work.p.size):
        if system.unknown[i] >= 0:
            work.square[i] += work.x[system.unknown[i]]
            now = work.square[i]
            if system.gas:
                now = math.sqrt(now) if now >= 0.0 else -math.sqrt(-now)
            most_p = max(most_p, abs(now - work.p[i]))
            work.p[i] = now
    return most_p, most_m


@njit(cache=True)
def _settle(system: System, work: _Work, load: np.ndarray, cold: bool, stopping: Stopping) -> int:
    """Iterate one load case; return the steps, -1 where they do not settle."""
    before_p, before_m = 1e-300, 1e-300
    for step in range(stopping.steps):
        _assemble(system, work, load, cold and step == 0)
        factorise(system.start, system.target, work.diagonal, work.below)
        substitute(system.start, system.row, work.diagonal, work.below, work.x)
        change_p, change_m = _advance(system, work)
        # the next step is smaller than this one by at least as much as this one was
        next_p = change_p * min(change_p / before_p, 1.0)
        next_m = change_m * min(change_m / before_m, 1.0)
        before_p, before_m = max(change_p, 1e-300), max(change_m, 1e-300)
        if next_p < stopping.pascal and next_m < stopping.kg_s:
            return step + 1
        if not change_p < 1e300:
            return -1
    return -1


@njit(cache=True, nogil=True)
def newton(
    system: System,
    load: np.ndarray,
    fixed: np.ndarray,
    pressure: np.ndarray,
    flow: np.ndarray,
    cold: bool,
    stopping: Stopping,
) -> np.ndarray:
    """Solve load cases one after another, each from the one before.

    Parameters
    ----------
    system : System
    load : array, (case, node) [kg/s]
        Taken out.
    fixed : array, (case, node) [Pa]
        Given pressures; elsewhere not read.
    pressure, flow : arrays, (case, node) [Pa], (case, link) [kg/s]
        Results; row 0 holds the start of the first case, flows where not `cold`. A pressure below
        zero is minus the root of a negative square: that node cannot be served.
    cold : bool
    stopping : Stopping

    Returns
    -------
    int array, (case,)
        Newton steps used; -1 where they did not settle.
    """
    cases, nodes = load.shape
    links, n = system.head.size, system.start.size - 1
    work = _Work(
        pressure[0].copy(),
        np.empty(nodes),
        flow[0].copy(),
        np.empty(links),
        np.empty(links),
        np.empty(n),
        np.empty(system.row.size),
        np.empty(n),
    )
    steps = np.empty(cases, dtype=np.int64)
    for case in range(cases):
        for i in range(nodes):
            if system.unknown[i] < 0:
                work.p[i] = fixed[case, i]
            work.square[i] = work.p[i] * abs(work.p[i]) if system.gas else work.p[i]
        steps[case] = _settle(system, work, load[case], cold and case == 0, stopping)
        pressure[case] = work.p
        flow[case] = work.m
    return steps
