"""Where along the pipes does gas in underground spaces come from.

Forward: a leak pushes gas through soil into spaces nearby, falling off with distance d as
exp(-d / L); spaces exchange gas through ducts and lose it through their covers. The steady state
is one sparse linear system, factored once for any number of leaks.

Backward: the posterior over pieces of pipe, with decay length L and leak rate summed out. What
nobody knows (how open the soil is towards each space, air change, exchange) is log-normal; its
errors are carried to the concentrations to first order, so that spaces which owe their gas to one
inlet err together. A space below detection counts as what it is: evidence.

References
----------
Exponential decay over buried leaks: Cho et al. Air change of covered manholes 0.19-0.47 per hour:
McManus and Haddad, Infrastructures 4(4) 68. Both as quoted in reviews, not read in full.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from scipy import sparse
from scipy.sparse.linalg import SuperLU, splu
from scipy.spatial import KDTree
from scipy.special import log_ndtr, logsumexp, ndtr

from lifeline_kit.errors import InputError

_CHUNK = 256  # pieces at a time: bounds memory


@dataclass(frozen=True, kw_only=True)
class Soil:
    """What is assumed of soil, leaks and detectors.

    Attributes
    ----------
    decay_m : tuple of float [m]
        Decay lengths, equally likely.
    cover : float
        Factor on all of them: 1 open and dry, 3 to 4 under asphalt, frost or standing water.
    rate_median, rate_sigma : float [%VOL/h], natural log
        Leak rate into a space right at the leak; log-normal.
    inlet_sigma, air_sigma, exchange_sigma, reading_sigma : float
        Log-normal errors of the way through soil into one space, of its air change, of the
        exchange through one duct, of a reading.
    stray : float [h]
        Response by ways that no map shows, uncertain by a factor of e squared.
    tails : float
        Degrees of freedom of the joint error: small numbers forgive single spaces.
    blind : float
        Share of terminals that would show no gas whatever comes.
    detection : float [%VOL]
        Readings below count as not detected.
    reach_m : float [m]
        How far from a space with gas a leak is looked for, times `cover`.
    """

    decay_m: tuple[float, ...] = (3.0, 4.5, 6.0, 7.5, 9.0, 10.5, 12.0)
    cover: float = 1.0
    rate_median: float = 3.0
    rate_sigma: float = 1.0
    inlet_sigma: float = 0.7
    air_sigma: float = 0.3
    exchange_sigma: float = 0.7
    reading_sigma: float = 0.3
    stray: float = 5e-4
    tails: float = 8.0
    blind: float = 0.01
    detection: float = 0.1
    reach_m: float = 60.0

    def __post_init__(self) -> None:
        """Refuse what makes no density.

        Raises
        ------
        InputError
        """
        rest = [getattr(self, name) for name in self.__dataclass_fields__ if name != "decay_m"]
        if not self.decay_m or min(*self.decay_m, *rest) <= 0 or self.blind >= 1:
            raise InputError(
                f"settings of the soil must be above 0, `blind` below 1; got {self!r}."
            )

    @property
    def log_rates(self) -> np.ndarray:
        """Leak rates that are tried, log."""
        return np.log(self.rate_median) + self.rate_sigma * np.linspace(-3.0, 3.0, 25)


@dataclass(frozen=True, kw_only=True)
class Underground:
    """Spaces and the ducts between them.

    Attributes
    ----------
    xy : array, (space, 2) [m]
    air_change : array, (space,) [1/h]
    ducts : int array, (duct, 2)
    exchange : array, (duct,) [1/h]
        Of the volume of either space.
    """

    xy: np.ndarray
    air_change: np.ndarray
    ducts: np.ndarray
    exchange: np.ndarray

    @cached_property
    def factor(self) -> SuperLU:
        """The balance matrix, factored once.

        Raises
        ------
        InputError
            Where a space has no air change, or a duct ends nowhere.
        """
        n = len(self.xy)
        if not (np.asarray(self.air_change) > 0).all():
            raise InputError("a space without air change fills for ever; expected above 0 1/h.")
        ends = np.asarray(self.ducts, dtype=int).reshape(-1, 2)
        if len(ends) and not 0 <= ends.min() <= ends.max() < n:
            raise InputError(f"ducts must join spaces 0 to {n - 1}; got {ends.max()}.")
        head, tail = ends.T
        out = np.bincount(np.r_[head, tail], np.r_[self.exchange, self.exchange], minlength=n)
        rows, columns = np.r_[head, tail, np.arange(n)], np.r_[tail, head, np.arange(n)]
        entries = np.r_[-self.exchange, -self.exchange, self.air_change + out]
        return splu(sparse.csc_matrix((entries, (rows, columns)), shape=(n, n)))

    def residence(self, spaces: np.ndarray) -> np.ndarray:
        """Concentration in `spaces` per inflow into every space: array, (chosen, space) [h]."""
        unit = np.zeros((len(self.xy), len(spaces)))
        unit[spaces, np.arange(len(spaces))] = 1.0
        return self.factor.solve(unit, trans="T").T


@dataclass(frozen=True, kw_only=True)
class Trace:
    """Where the gas may come from.

    Attributes
    ----------
    pieces : int array, (candidate,)
        Which pieces were considered; all others have probability 0.
    probability : array, (candidate,)
    best : int
        The piece within 10 m of which most probability lies: where to dig first.
    search : int array
        Pieces that together hold 90 %, the likeliest first.
    decay_m : float [m]
        Expected decay length, with `cover`.
    rate : float [%VOL/h]
        Median leak rate.
    joint : array, (decay, candidate, rate)
    """

    pieces: np.ndarray
    probability: np.ndarray
    best: int
    search: np.ndarray
    decay_m: float
    rate: float
    joint: np.ndarray


def cut_pieces(
    lines: np.ndarray, *, step_m: float = 5.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Cut lines into pieces of about `step_m`.

    Parameters
    ----------
    lines : array of LineString, (line,) [m]
    step_m : float, default 5 [m]

    Returns
    -------
    xy : array, (piece, 2) [m]
        Middles.
    line : int array, (piece,)
    along : array, (piece,) [m]
        Middle, from the beginning of the line.
    length : array, (piece,) [m]
    """
    whole = shapely.length(lines)
    count = np.maximum(np.round(whole / step_m).astype(int), 1)
    line = np.repeat(np.arange(count.size), count)
    place = np.arange(line.size) - np.repeat(np.cumsum(count) - count, count)
    length = (whole / count)[line]
    along = (place + 0.5) * length
    points = shapely.line_interpolate_point(np.asarray(lines, dtype=object)[line], along)
    return shapely.get_coordinates(points), line, along, length


@dataclass(frozen=True, kw_only=True)
class _Local:
    """The underground near an incident, in numbers of its own."""

    xy: np.ndarray
    residence: np.ndarray  # (space, space)
    ducts: np.ndarray
    exchange: np.ndarray
    air_change: np.ndarray


def _local(ground: Underground, pieces: np.ndarray, reach_m: float) -> tuple[_Local, np.ndarray]:
    away, _ = KDTree(pieces).query(ground.xy, distance_upper_bound=reach_m)
    inside = np.flatnonzero(np.isfinite(away))
    place = np.full(len(ground.xy), -1)
    place[inside] = np.arange(inside.size)
    ends = place[np.asarray(ground.ducts, dtype=int).reshape(-1, 2)]
    kept = (ends >= 0).all(axis=1)
    local = _Local(
        xy=ground.xy[inside],
        residence=ground.residence(inside)[:, inside],
        ducts=ends[kept],
        exchange=np.asarray(ground.exchange)[kept],
        air_change=np.asarray(ground.air_change)[inside],
    )
    return local, place


def _modelled(
    local: _Local, pieces: np.ndarray, spaces: np.ndarray, decay_m: float, soil: Soil
) -> tuple[np.ndarray, np.ndarray]:
    """Log response (piece, chosen) and covariance of its errors (piece, chosen, chosen)."""
    away = np.linalg.norm(pieces[:, None] - local.xy[None], axis=2)
    inflow = np.exp(-away / decay_m)
    level = inflow @ local.residence.T
    chosen = local.residence[spaces]
    seen = level[:, spaces] + soil.stray
    by_inlet = inflow[:, None, :] * chosen / seen[:, :, None]
    by_air = (local.air_change * level)[:, None, :] * chosen / seen[:, :, None]
    head, tail = local.ducts.T
    passed = local.exchange * (level[:, head] - level[:, tail])
    by_duct = passed[:, None, :] * (chosen[:, head] - chosen[:, tail]) / seen[:, :, None]
    error = sum(
        sigma**2 * part @ part.transpose(0, 2, 1)
        for sigma, part in (
            (soil.inlet_sigma, by_inlet),
            (soil.air_sigma, by_air),
            (soil.exchange_sigma, by_duct),
        )
    )
    alone = soil.reading_sigma**2 + (2.0 * soil.stray / seen) ** 2
    return np.log(seen), error + np.eye(len(spaces)) * alone[:, None, :]


def _log_likelihood(
    meant: np.ndarray, error: np.ndarray, log_reading: np.ndarray, hot: np.ndarray, soil: Soil
) -> np.ndarray:
    """Of readings, per piece and leak rate: (piece, rate).

    Hot spaces are jointly Student t; each cold one is below detection given the hot ones.
    """
    rate = soil.log_rates
    among = error[:, hot][:, :, hot]
    off = log_reading[hot] - meant[:, hot]
    solved = np.linalg.solve(among, np.stack([off, np.ones_like(off)], axis=-1))
    square = (off * solved[:, :, 0]).sum(axis=1)[:, None]
    cross, flat = solved[:, :, 0].sum(axis=1)[:, None], solved[:, :, 1].sum(axis=1)[:, None]
    distance = square - 2.0 * rate * cross + rate**2 * flat
    _, size = np.linalg.slogdet(among)
    n = int(hot.sum())
    found = -0.5 * size[:, None] - 0.5 * (soil.tails + n) * np.log1p(distance / soil.tails)
    cold = ~hot
    if not cold.any():
        return found
    with_hot = error[:, cold][:, :, hot]
    gain = np.linalg.solve(among, with_hot.transpose(0, 2, 1)).transpose(0, 2, 1)
    own = np.diagonal(error, axis1=1, axis2=2)[:, cold] - (gain * with_hot).sum(axis=2)
    base = meant[:, cold] + (gain @ off[:, :, None])[:, :, 0]
    expected = base[:, :, None] + (1.0 - gain.sum(axis=2))[:, :, None] * rate
    below = log_ndtr(
        (np.log(soil.detection) - expected) / np.sqrt(np.maximum(own, 1e-4))[:, :, None]
    )
    quiet = np.logaddexp(np.log1p(-soil.blind) + below, np.log(soil.blind))
    return found + quiet.sum(axis=1)


def trace_source(
    ground: Underground,
    pieces: np.ndarray,
    *,
    sensed: np.ndarray,
    reading: np.ndarray,
    prior: np.ndarray | None = None,
    around: int | None = None,
    soil: Soil = Soil(),
) -> Trace | None:
    """Find the pieces of pipe that a leak may be in.

    Parameters
    ----------
    ground : Underground
    pieces : array, (piece, 2) [m]
        Middles, as of `cut_pieces`.
    sensed : int array, (sensed,)
        Spaces with a terminal.
    reading : array, (sensed,) [%VOL]
        Of one moment; NaN (no reading) is passed over.
    prior : array, (piece,), optional
        Relative leak rate of each piece, times its length; equal where not given.
    around : int, optional
        The space that the question is about; by default the one with most gas. Spaces farther
        than three times the reach away may have leaks of their own and are left out.
    soil : Soil

    Returns
    -------
    Trace or None
        None where no space shows gas, or none that does lies near a piece.

    Raises
    ------
    InputError
        Where spaces and readings differ in number.
    """
    sensed, reading = np.asarray(sensed, dtype=int), np.asarray(reading, dtype=float)
    if sensed.shape != reading.shape:
        raise InputError(f"{sensed.size} spaces but {reading.size} readings; expected one each.")
    known = np.isfinite(reading)
    if not (reading[known] >= soil.detection).any():
        return None
    centre = ground.xy[sensed[np.nanargmax(reading)] if around is None else around]
    reach = soil.reach_m * soil.cover
    known &= np.linalg.norm(ground.xy[sensed] - centre, axis=1) <= 3.0 * reach
    sensed, reading = sensed[known], reading[known]
    hot = reading >= soil.detection
    chosen = _candidates(pieces, ground.xy[sensed[hot]], reach)
    if not chosen.size:
        return None
    away, _ = KDTree(pieces[chosen]).query(ground.xy[sensed], distance_upper_bound=1.5 * reach)
    told = np.isfinite(away)  # cold spaces farther off say the same of every piece
    weight = _posterior_weight(ground, pieces[chosen], sensed[told], reading[told], soil)
    if prior is not None:
        weight += np.log(np.maximum(np.asarray(prior, dtype=float)[chosen], 1e-12))[None, :, None]
    return _summary(pieces, chosen, np.exp(weight - logsumexp(weight)), soil)


def _candidates(pieces: np.ndarray, hot: np.ndarray, reach_m: float) -> np.ndarray:
    if not len(hot):
        return np.empty(0, dtype=int)
    near = KDTree(pieces).query_ball_point(hot, reach_m)
    return np.unique(np.concatenate([np.asarray(each, dtype=int) for each in near]))


def _posterior_weight(
    ground: Underground, pieces: np.ndarray, sensed: np.ndarray, reading: np.ndarray, soil: Soil
) -> np.ndarray:
    """Log of likelihood times prior of the rate: (decay, piece, rate)."""
    local, place = _local(ground, pieces, 2.0 * soil.reach_m * soil.cover)
    hot = reading >= soil.detection
    log_reading = np.log(np.maximum(reading, soil.detection))
    rate = soil.log_rates
    weight = np.empty((len(soil.decay_m), len(pieces), rate.size))
    for k, decay in enumerate(soil.decay_m):
        for first in range(0, len(pieces), _CHUNK):
            own = slice(first, first + _CHUNK)
            meant, error = _modelled(local, pieces[own], place[sensed], decay * soil.cover, soil)
            weight[k, own] = _log_likelihood(meant, error, log_reading, hot, soil)
    return weight - 0.5 * ((rate - np.log(soil.rate_median)) / soil.rate_sigma) ** 2


def _summary(pieces: np.ndarray, chosen: np.ndarray, joint: np.ndarray, soil: Soil) -> Trace:
    probability = joint.sum(axis=(0, 2))
    order = np.argsort(-probability, kind="stable")
    enough = int(np.searchsorted(np.cumsum(probability[order]), 0.9)) + 1
    apart = KDTree(pieces[chosen])
    within = apart.sparse_distance_matrix(apart, 10.0, output_type="coo_matrix")
    share = np.bincount(within.row, probability[within.col], minlength=chosen.size)
    rates = np.cumsum(joint.sum(axis=(0, 1)))
    return Trace(
        pieces=chosen,
        probability=probability,
        # of pieces that cover the same, the likeliest
        best=int(chosen[np.argmax(share + 0.1 * probability)]),
        search=chosen[order[:enough]],
        decay_m=float(joint.sum(axis=(1, 2)) @ np.array(soil.decay_m) * soil.cover),
        rate=float(np.exp(soil.log_rates[min(np.searchsorted(rates, 0.5), rates.size - 1)])),
        joint=joint,
    )


def _entropy(probability: np.ndarray) -> np.ndarray:
    return -np.sum(probability * np.log(np.maximum(probability, 1e-300)), axis=-1)


def expected_entropy_drop(
    ground: Underground,
    pieces: np.ndarray,
    trace: Trace,
    *,
    spaces: np.ndarray,
    soil: Soil = Soil(),
    bins: int = 6,
) -> np.ndarray:
    """Say how much opening each of `spaces` would tell about where the leak is.

    Parameters
    ----------
    ground, pieces, soil :
        As given to `trace_source`.
    trace : Trace
    spaces : int array, (chosen,)
        Not yet sensed.
    bins : int
        Edges of log concentration from detection upwards that a reading is told apart by.

    Returns
    -------
    array, (chosen,) [nat]
        Expected drop of the entropy over pieces, never below 0; 0 beyond the reach.
    """
    local, place = _local(ground, pieces[trace.pieces], 2.0 * soil.reach_m * soil.cover)
    own = place[np.asarray(spaces, dtype=int)]
    edges = np.log(soil.detection * np.geomspace(1.0, 300.0, bins))
    chance = np.zeros((len(own), bins + 1, trace.pieces.size))
    for k, decay in enumerate(soil.decay_m):
        meant, error = _modelled(
            local, pieces[trace.pieces], own[own >= 0], decay * soil.cover, soil
        )
        sigma = np.sqrt(np.diagonal(error, axis1=1, axis2=2))
        # (edge, piece, space, rate)
        expected = meant[None, :, :, None] + soil.log_rates
        below = ndtr((edges[:, None, None, None] - expected) / sigma[None, :, :, None])
        steps = np.diff(below, axis=0, prepend=0.0, append=1.0)
        chance[own >= 0] += np.einsum("bpsr,pr->sbp", steps, trace.joint[k])
    total = chance.sum(axis=2)
    after = _entropy(chance / np.maximum(total, 1e-300)[:, :, None])
    drop = _entropy(trace.probability) - (total * after).sum(axis=1)
    return np.where(own >= 0, np.maximum(drop, 0.0), 0.0)
