"""Steady flow in a network of pipes, valves and pumps: prepare once, solve many load cases."""

from dataclasses import dataclass

import numpy as np

from lifeline_kit.errors import NetworkError
from lifeline_kit.methods.hydraulics import kernel
from lifeline_kit.methods.hydraulics.cholesky import analyse, factorise, substitute
from lifeline_kit.methods.hydraulics.fluids import NORMAL_K, NORMAL_PA, Gas, Liquid
from lifeline_kit.methods.hydraulics.friction import CORRELATIONS, rough_factor
from lifeline_kit.methods.hydraulics.network import PIPE, PUMP, VALVE, Network

TOLERANCE_PA, TOLERANCE_KG_S, MOST_STEPS = 1e-4, 1e-11, 60
_FLOOR_PA = 1e-5  # resistance of an open fitting without loss [Pa per kg/s]: far below any meter
_GUESS_M_S = {True: 5.0, False: 1.0}  # velocity that starts a cold solve, gas and liquid


@dataclass(frozen=True)
class Hydraulics:
    """A network made ready: only its open links and the nodes they supply take part.

    Attributes
    ----------
    network : Network
    fluid : Gas or Liquid
    link : int array, (active link,)
        Position of each active link in the network.
    live : bool array, (node,)
        Whether an open way leads from a source.
    system : kernel.System
        The arrays of the compiled solver.
    """

    network: Network
    fluid: Gas | Liquid
    link: np.ndarray
    live: np.ndarray
    system: kernel.System


@dataclass(frozen=True)
class Flow:
    """Load cases solved.

    Attributes
    ----------
    pressure_pa : array, (case, node) [Pa]
        Absolute. Not above zero where the case asks for more than the network can carry to that
        node; NaN where no open way leads from a source.
    flow_kg_s : array, (case, link) [kg/s]
        From head to tail; 0 in closed links.
    load_kg_s : array, (case, node) [kg/s]
    steps : int array, (case,)
        Newton steps; -1 where the iteration did not settle.
    """

    pressure_pa: np.ndarray
    flow_kg_s: np.ndarray
    load_kg_s: np.ndarray
    steps: np.ndarray

    @property
    def settled(self) -> np.ndarray:
        """Whether the iteration settled, bool (case,)."""
        return self.steps > 0

    def starved(self, least_pa: float = 0.0) -> np.ndarray:
        """Whether a node that takes something gets less than `least_pa`, bool (case, node).

        A node cut off from every source starves if it takes anything.
        """
        short = ~(self.pressure_pa > least_pa)
        return short & (self.load_kg_s > 0)

    def feasible(self, least_pa: float = 0.0) -> np.ndarray:
        """Whether every node of a case is served, bool (case,)."""
        return self.settled & ~self.starved(least_pa).any(axis=1)


def prepare(network: Network, fluid: Gas | Liquid, *, friction: str = "nikuradse") -> Hydraulics:
    """Make a network ready for any number of load cases.

    Parameters
    ----------
    network : Network
        Pipes, valves and pumps; for regulators, compressors and check valves see
        `controlled.solve_controlled`.
    fluid : Gas or Liquid
    friction : str
        One of `friction.CORRELATIONS`.

    Raises
    ------
    NetworkError
        For other kinds of link, or an unknown correlation.
    """
    if friction not in CORRELATIONS:
        raise NetworkError(
            f"friction {friction!r} is not known; expected one of {', '.join(CORRELATIONS)}."
        )
    other = np.flatnonzero(network.open & ~np.isin(network.kind, (PIPE, VALVE, PUMP)))
    if other.size:
        raise NetworkError(
            f"link {network.links[other[0]]!r} controls pressure or direction, which the compiled "
            "solver does not take; call solve_controlled."
        )
    live = network.supplied()
    link = np.flatnonzero(network.open & live[network.head])
    free = live.copy()
    free[network.sources] = False
    number = np.cumsum(free) - 1
    head, tail = network.head[link], network.tail[link]
    both = free[head] & free[tail] & (head != tail)
    pattern = analyse(int(free.sum()), number[head[both]], number[tail[both]])
    unknown = np.full(free.size, -1)
    unknown[free] = pattern.position[number[free]]
    coupling = np.full(link.size, -1)
    coupling[both] = pattern.entry(number[head[both]], number[tail[both]])
    system = kernel.System(
        fluid.is_gas,
        fluid.compressibility_per_pa if isinstance(fluid, Gas) else 0.0,
        CORRELATIONS.index(friction),
        head,
        tail,
        np.ascontiguousarray(link_table(network, fluid)[:, link]),
        unknown,
        coupling,
        pattern.start,
        pattern.row,
        pattern.target,
    )
    return Hydraulics(network, fluid, link, live, system)


def link_table(network: Network, fluid: Gas | Liquid) -> np.ndarray:
    """Coefficients of each link that change with neither flow nor pressure, (N_ROWS, link)."""
    table = np.zeros((kernel.N_ROWS, network.links.size))
    piped = network.kind == PIPE
    # fittings without a size count as wide: their loss is in the floor
    bore = np.where(network.diameter_m > 0, network.diameter_m, 1.0)
    area = np.pi * bore**2 / 4.0
    drop = kernel.GRAVITY * (network.height_m[network.head] - network.height_m[network.tail])
    if isinstance(fluid, Gas):
        per_kg = NORMAL_PA / (NORMAL_K * fluid.density_n) * fluid.temperature_k
        table[kernel.SCALE] = per_kg / area**2
        table[kernel.WEIGHT] = 0.5 / per_kg * drop
        table[kernel.FLOOR] = 2.0 * _FLOOR_PA * network.source_pa.max()
        table[kernel.VOLUME] = per_kg
        density = fluid.density_n * network.source_pa.mean() / NORMAL_PA
    else:
        table[kernel.SCALE] = 0.5 / (fluid.density * area**2)
        table[kernel.WEIGHT] = fluid.density * drop
        table[kernel.FLOOR] = _FLOOR_PA
        table[kernel.VOLUME] = 1.0 / fluid.density
        density = fluid.density
    table[kernel.FLOOR, piped] = 0.0
    table[kernel.LENGTH_D] = np.where(piped, network.length_m / bore, 0.0)
    table[kernel.LOSS] = network.loss
    table[kernel.RE] = bore / (fluid.viscosity * area)
    rough = np.where(piped, network.roughness_m, 1e-4 * bore)
    table[kernel.ROUGH] = rough / (3.71 * bore)
    laminar = 64.0 * table[kernel.LENGTH_D] / table[kernel.RE]
    table[kernel.LINEAR] = table[kernel.SCALE] * laminar + table[kernel.FLOOR]
    along = rough_factor(rough, bore, gas=fluid.is_gas) * table[kernel.LENGTH_D]
    table[kernel.SQUARE] = table[kernel.SCALE] * (along + network.loss)
    pump = network.kind == PUMP
    if pump.any():
        table[kernel.LIFT : kernel.BEND + 1, pump] = network.curve[pump].T
    table[kernel.GUESS] = _GUESS_M_S[fluid.is_gas] * area * density
    return table


def solve(
    hydraulics: Hydraulics,
    load_kg_s: np.ndarray,
    *,
    source_pa: np.ndarray | None = None,
    start: Flow | None = None,
    tolerance_pa: float = TOLERANCE_PA,
    tolerance_kg_s: float = TOLERANCE_KG_S,
) -> Flow:
    """Solve one or many load cases.

    Parameters
    ----------
    hydraulics : Hydraulics
        From `prepare`.
    load_kg_s : array, (node,) or (case, node) [kg/s]
        Taken out at each node; below zero is fed in.
    source_pa : array, (source,) or (case, source) [Pa], optional
        Instead of the network's own.
    start : Flow, optional
        A case near the first one, from which to start (its last case counts).
    tolerance_pa, tolerance_kg_s : float [Pa], [kg/s]
        Largest change that one more Newton step would make.

    Returns
    -------
    Flow
        Asking too much is no error: the pressures say which nodes starve.

    Raises
    ------
    NetworkError
        Where a load is not a number or of another length than the nodes.
    """
    network = hydraulics.network
    try:
        load = np.atleast_2d(np.asarray(load_kg_s, dtype=float))
    except (TypeError, ValueError):
        raise NetworkError(
            "loads are not numbers of one length; expected kg/s for each of the "
            f"{network.nodes.size} nodes, or a row of them for each case."
        ) from None
    if load.shape[1] != network.nodes.size or not np.isfinite(load).all():
        raise NetworkError(
            f"loads are {load.shape} with {np.count_nonzero(~np.isfinite(load))} not finite; "
            f"expected a number for each of the {network.nodes.size} nodes."
        )
    given = np.broadcast_to(
        network.source_pa if source_pa is None else np.asarray(source_pa, dtype=float),
        (load.shape[0], network.sources.size),
    )
    fixed = np.zeros_like(load)
    fixed[:, network.sources] = given
    pressure = np.full(load.shape, given[0].mean())
    flow = np.zeros((load.shape[0], hydraulics.link.size))
    if start is not None:
        pressure[0] = np.where(hydraulics.live, start.pressure_pa[-1], pressure[0])
        flow[0] = start.flow_kg_s[-1][hydraulics.link]
    steps = kernel.newton(
        hydraulics.system,
        load,
        fixed,
        pressure,
        flow,
        start is None,
        kernel.Stopping(tolerance_pa, tolerance_kg_s, MOST_STEPS),
    )
    pressure[:, ~hydraulics.live] = np.nan
    everywhere = np.zeros((load.shape[0], network.links.size))
    everywhere[:, hydraulics.link] = flow
    return Flow(pressure, everywhere, load, steps)


def source_flow(network: Network, flow: Flow) -> np.ndarray:
    """What each source feeds in, (case, source) [kg/s]; below zero where it takes in."""
    out = flow.load_kg_s[:, network.sources].copy()
    for k, source in enumerate(network.sources.tolist()):
        out[:, k] += flow.flow_kg_s[:, network.head == source].sum(axis=1)
        out[:, k] -= flow.flow_kg_s[:, network.tail == source].sum(axis=1)
    return out


def sensitivity(hydraulics: Hydraulics, flow: Flow, nodes: np.ndarray) -> np.ndarray:
    """Change of pressure at `nodes` per load at every node, about the last case of `flow`.

    Parameters
    ----------
    hydraulics : Hydraulics
    flow : Flow
    nodes : int array, (wanted,)

    Returns
    -------
    array, (wanted, node) [Pa per kg/s]
        0 where no load changes anything. First order; compressibility and height held.
    """
    network, system = hydraulics.network, hydraulics.system
    p, m = flow.pressure_pa[-1], flow.flow_kg_s[-1][hydraulics.link]
    slope = np.array(
        [kernel.link_loss(system.table, e, system.model, value)[1] for e, value in enumerate(m)]
    )
    if system.gas:
        high, low = p[system.head], p[system.tail]
        mean = 2.0 / 3.0 * (high + low - high * low / (high + low))
        slope *= 1.0 + system.dz * mean
    gain = 1.0 / slope
    diagonal, below = np.zeros(system.start.size - 1), np.zeros(system.row.size)
    for end in (system.head, system.tail):
        inside = system.unknown[end] >= 0
        np.add.at(diagonal, system.unknown[end[inside]], gain[inside])
    coupled = system.coupling >= 0
    np.add.at(below, system.coupling[coupled], -gain[coupled])
    factorise(system.start, system.target, diagonal, below)
    free = system.unknown >= 0
    out = np.zeros((len(nodes), network.nodes.size))
    for k, node in enumerate(np.asarray(nodes).tolist()):
        if not free[node]:
            continue
        x = np.zeros(diagonal.size)
        x[system.unknown[node]] = 1.0
        substitute(system.start, system.row, diagonal, below, x)
        out[k, free] = -x[system.unknown[free]]
        if system.gas:
            out[k] /= 2.0 * p[node]
    return out
