"""Where does a network lose fluid? Every node re-simulated, weighed by all that is measured.

Measured are pressures and what the sources feed in, each averaged over some samples. The usual
demand is known with an uncertainty at each node; what it does to all measurements at once is
carried by their joint covariance, through the slopes of the pressures. The mean is not linearised:
each candidate's leak is simulated.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from lifeline_kit.methods.hydraulics import Flow, Hydraulics, sensitivity, solve

MOST = 2500  # candidates that are simulated; of more, those that fit best to first order
_CHUNK = 256  # cases held in memory at once


@dataclass(frozen=True, kw_only=True)
class Gauges:
    """What is measured, and how well.

    Attributes
    ----------
    sensors : int array, (sensor,)
        Nodes with a pressure gauge.
    pressure_pa, inflow_share : float [Pa], [-]
        Standard error of one reading of a gauge, and of the meters at the sources.
    load_share : array, (node,) or float
        Standard deviation of the load of a node over its mean, independent from node to node and
        from sample to sample.
    samples : int
        Readings averaged.
    """

    sensors: np.ndarray
    pressure_pa: float
    inflow_share: float
    load_share: np.ndarray | float
    samples: int = 1


@dataclass(frozen=True)
class Suspects:
    """Where a leak may be.

    Attributes
    ----------
    nodes : int array, (candidate,)
    probability : array, (candidate,)
        Given that there is one leak at one of them.
    leak_kg_s : float [kg/s]
        At the likeliest node.
    evidence : float
        Log likelihood ratio of the likeliest leak over none.
    """

    nodes: np.ndarray
    probability: np.ndarray
    leak_kg_s: float
    evidence: float

    @property
    def best(self) -> int:
        """The likeliest node."""
        return int(self.nodes[np.argmax(self.probability)])

    def within(self, share: float = 0.9) -> np.ndarray:
        """Smallest set of nodes that holds `share` of the probability."""
        order = np.argsort(-self.probability)
        count = np.searchsorted(np.cumsum(self.probability[order]), share) + 1
        return self.nodes[order[:count]]


@dataclass(frozen=True)
class Usual:
    """The network at its usual load, ready to weigh readings: one per moment of the day."""

    hydraulics: Hydraulics
    gauges: Gauges
    flow: Flow
    slopes: np.ndarray
    factor: tuple

    @property
    def expected(self) -> np.ndarray:
        """Expected readings: pressures [Pa], then the inflow [kg/s]."""
        return _readings(self.flow, self.gauges.sensors)[0]


def usual(hydraulics: Hydraulics, load_kg_s: np.ndarray, gauges: Gauges) -> Usual:
    """Solve the usual load, and what its uncertainty does to the readings.

    Parameters
    ----------
    hydraulics : Hydraulics
    load_kg_s : array, (node,) [kg/s]
    gauges : Gauges
    """
    load = np.asarray(load_kg_s, dtype=float)
    flow = solve(hydraulics, load)
    slopes = np.vstack([sensitivity(hydraulics, flow, gauges.sensors), np.ones(load.size)])
    spread = (gauges.load_share * load) ** 2
    own = np.full(len(gauges.sensors) + 1, gauges.pressure_pa**2)
    own[-1] = (gauges.inflow_share * load.sum()) ** 2
    covariance = ((slopes * spread) @ slopes.T + np.diag(own)) / gauges.samples
    return Usual(hydraulics, gauges, flow, slopes, cho_factor(covariance))


def locate_leak(
    usuals: Usual | Sequence[Usual],
    readings: np.ndarray,
    candidates: np.ndarray,
    *,
    prior: np.ndarray | None = None,
) -> Suspects:
    """Weigh every candidate node by simulating a leak there.

    Parameters
    ----------
    usuals : Usual, or one for each moment
        Several where the load is known moment by moment.
    readings : array, (sensor + 1,) or (moment, sensor + 1)
        Mean pressures [Pa], then the mean inflow [kg/s].
    candidates : int array, (candidate,)
        Of more than `MOST` those are simulated, and returned, that fit best to first order.
    prior : array, (candidate,), optional
        Probability or rate of a leak at each; equal where not given.

    Returns
    -------
    Suspects
    """
    moments = [usuals] if isinstance(usuals, Usual) else list(usuals)
    seen = np.atleast_2d(np.asarray(readings, dtype=float))
    candidates = np.asarray(candidates)
    apart = [row - each.expected for each, row in zip(moments, seen, strict=True)]
    size, gain = _linear(moments, apart, candidates)
    leak = max(float(size[np.argmax(gain)]), 1e-6)
    if candidates.size > MOST:
        kept = np.sort(np.argsort(-gain, kind="stable")[:MOST])
        candidates = candidates[kept]
        prior = None if prior is None else np.asarray(prior)[kept]
    sharp = np.full(candidates.size, 1.0 / (0.5 * leak) ** 2)
    pull, away = np.zeros(candidates.size), np.zeros(candidates.size)
    settled = np.ones(candidates.size, dtype=bool)
    for each, row in zip(moments, apart, strict=True):
        change, sound = _changes(each, leak, candidates)
        settled &= sound
        # a loss grows faster than the leak: slope there from the slope here and the chord
        slope = 2.0 * change / leak - each.slopes[:, candidates].T
        error = row - change
        weighed = cho_solve(each.factor, slope.T).T
        sharp += (weighed * slope).sum(axis=1)
        pull += (weighed * error).sum(axis=1)
        away += (cho_solve(each.factor, error.T).T * error).sum(axis=1)
    shift = pull / sharp
    log = -0.5 * (away - shift**2 * sharp) - 0.5 * np.log(sharp)
    log[~settled] = -np.inf
    none = -0.5 * sum(
        row @ cho_solve(each.factor, row) for each, row in zip(moments, apart, strict=True)
    )
    best = int(np.argmax(log))
    weight = np.exp(log - log[best]) * (1.0 if prior is None else np.asarray(prior))
    return Suspects(
        candidates,
        weight / weight.sum(),
        float(max(leak + shift[best], 0.0)),
        float(log[best] - none),
    )


def _changes(usual: Usual, leak: float, candidates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a leak at each candidate does to the readings, (candidate, sensor + 1)."""
    load, seen, settled = usual.flow.load_kg_s[-1], [], []
    for first in range(0, candidates.size, _CHUNK):
        some = candidates[first : first + _CHUNK]
        cases = np.tile(load, (some.size, 1))
        cases[np.arange(some.size), some] += leak
        solved = solve(
            usual.hydraulics, cases, start=usual.flow, tolerance_pa=0.05, tolerance_kg_s=1e-8
        )
        seen.append(_readings(solved, usual.gauges.sensors))
        settled.append(solved.settled)
    return np.concatenate(seen) - usual.expected, np.concatenate(settled)


def _readings(flow: Flow, sensors: np.ndarray) -> np.ndarray:
    return np.column_stack([flow.pressure_pa[:, sensors], flow.load_kg_s.sum(axis=1)])


def _linear(
    moments: Sequence[Usual], apart: Sequence[np.ndarray], candidates: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Leak at each candidate that fits best, and how well, linearised: [kg/s], log likelihood."""
    sharp, pull = np.zeros(candidates.size), np.zeros(candidates.size)
    for each, row in zip(moments, apart, strict=True):
        slopes = each.slopes[:, candidates]
        weighed = cho_solve(each.factor, slopes)
        sharp += (weighed * slopes).sum(axis=0)
        pull += weighed.T @ row
    size = np.maximum(pull / sharp, 0.0)
    return size, 0.5 * size**2 * sharp


def sigmas_out(usual: Usual, readings: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """How far readings stand out of the usual towards a leak at the node that explains them best.

    Parameters
    ----------
    usual : Usual
    readings : array, (moment, sensor + 1)
        As of `locate_leak`.
    candidates : int array, (candidate,)

    Returns
    -------
    array, (moment,)
        In standard deviations of a single candidate's leak estimate; 0 where none fits.
    """
    slopes = usual.slopes[:, candidates]
    weighed = cho_solve(usual.factor, slopes)
    sharp = (weighed * slopes).sum(axis=0)
    apart = np.atleast_2d(readings) - usual.expected
    return np.maximum(apart @ weighed / np.sqrt(sharp), 0.0).max(axis=1)


def detectable_kg_s(usual: Usual, nodes: np.ndarray, *, sigmas: float = 4.5) -> np.ndarray:
    """Smallest leak at each node that stands out of the usual readings, (node,) [kg/s].

    Parameters
    ----------
    usual : Usual
    nodes : int array
    sigmas : float
        How far it must stand out.
    """
    slopes = usual.slopes[:, nodes]
    sharp = (cho_solve(usual.factor, slopes) * slopes).sum(axis=0)
    return sigmas / np.sqrt(sharp)


def place_gauges(
    hydraulics: Hydraulics,
    load_kg_s: np.ndarray,
    *,
    count: int,
    leak_kg_s: float,
    gauges: Gauges,
    candidates: np.ndarray,
    xy: np.ndarray,
) -> np.ndarray:
    """Choose nodes for gauges so that leaks are told apart where that matters most: far apart.

    Greedy: each next gauge lowers most the expected distance between a leak and where the
    readings would place it.

    Parameters
    ----------
    hydraulics : Hydraulics
    load_kg_s : array, (node,) [kg/s]
    count : int
    leak_kg_s : float [kg/s]
    gauges : Gauges
        Their quality; `sensors` is not read.
    candidates : int array
        Nodes where leaks are and gauges may be.
    xy : array, (node, 2) [m]

    Returns
    -------
    int array, (count,)
    """
    load = np.asarray(load_kg_s, dtype=float)
    flow = solve(hydraulics, load)
    slopes = sensitivity(hydraulics, flow, candidates)
    spread = (gauges.load_share * load) ** 2
    effect = leak_kg_s * slopes[:, candidates]
    covariance = (slopes * spread) @ slopes.T / gauges.samples
    covariance[np.diag_indices_from(covariance)] += gauges.pressure_pa**2 / gauges.samples
    place = xy[candidates]
    tested = np.arange(0, candidates.size, max(candidates.size // 150, 1))
    far = np.hypot(*(place[tested, None] - place[None]).transpose(2, 0, 1))
    apart = np.zeros(far.shape)
    chosen: list[int] = []
    for _ in range(count):
        # what a further gauge says that the chosen ones do not
        if chosen:
            known = np.linalg.solve(covariance[np.ix_(chosen, chosen)], covariance[chosen])
            fresh = effect - known.T @ effect[chosen]
            own = np.diag(covariance) - (covariance[chosen] * known).sum(axis=0)
        else:
            fresh, own = effect, np.diag(covariance).copy()
        fresh = fresh / np.sqrt(np.maximum(own, 1e-12))[:, None]
        options = np.arange(0, candidates.size, max(candidates.size // 250, 1))
        score = [
            _expected_error(apart + (fresh[k, tested, None] - fresh[k][None]) ** 2, far)
            for k in options.tolist()
        ]
        best = int(options[np.argmin(score)])
        apart += (fresh[best, tested, None] - fresh[best][None]) ** 2
        chosen.append(best)
    return candidates[np.array(chosen)]


def _expected_error(apart: np.ndarray, far: np.ndarray) -> float:
    weight = np.exp(-apart / 4.0)
    return float(((weight * far).sum(axis=1) / weight.sum(axis=1)).mean())
