"""Three kinds of model of methane underground, each a linear model under noise that remembers.

Leak: a step or ramp of gas into a ventilated box, its rate led by demand 1 to 2 h late, gusty.
Biogas: a slow source led by warmth (Q10) in a still box that rain and open lids flush. Sensor:
drift, damp, other gases, jumps, spikes, a frozen output. Evidence is averaged over a grid of the
few parameters that do not enter linearly; sizes stand in `triage.toml`.
"""

import itertools
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from scipy.special import logsumexp

from lifeline_kit.lifelines.gas.manhole import Manhole
from lifeline_kit.methods.box import box_level
from lifeline_kit.methods.marginal import Noise, evidence, fitted_noise

Prior = Sequence[float]


@cache
def settings() -> dict:
    """Return `triage.toml`."""
    return tomllib.loads(Path(__file__).with_name("triage.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Evidence of one kind of model.

    Attributes
    ----------
    log_evidence : float [nat]
        Averaged over its grid.
    form : str
        Name of the form within the kind.
    noise : array
        Logarithms of the parameters of its noise.
    coefficients, columns : arrays, (column,), (reading, column)
        Of the best course.
    """

    log_evidence: float
    form: str
    noise: np.ndarray
    coefficients: np.ndarray
    columns: np.ndarray


def _rising(hole: Manhole, ramp_h: float, *, earlier_h: float = 0.0) -> np.ndarray:
    since = hole.sight.time_h - hole.onset_h + 0.25 + earlier_h
    return np.clip(since / max(ramp_h, 0.25), 0.0, 1.0)


def _late(hole: Manhole, lag_h: float) -> np.ndarray:
    return np.interp(hole.sight.time_h - lag_h, hole.sight.time_h, hole.demand)


@dataclass(frozen=True, slots=True)
class Forms:
    """Mean courses of one kind that share their priors.

    Attributes
    ----------
    name : str
    columns : array, (form, reading, column)
    priors : sequence of [mean, spread], one a column
    cost : array, (form,) [nat]
    """

    name: str
    columns: np.ndarray
    priors: Sequence[Prior]
    cost: np.ndarray


def _forms(
    hole: Manhole,
    name: str,
    courses: Sequence[Sequence[np.ndarray]],
    sizes: Sequence[Prior],
    cost: Sequence[float] = (),
) -> Forms:
    """Put courses behind what a healthy terminal shows of nothing: a constant, and damp."""
    quiet = np.stack([np.ones(hole.damp.size), hole.damp], axis=1)
    columns = np.stack([np.concatenate([quiet, np.stack(c, axis=1)], axis=1) for c in courses])
    known = [(hole.base, 0.03 + hole.wander), (hole.damp_gain, 0.02 + hole.wander)]
    scaled = [(mean * hole.level, spread * hole.level) for mean, spread in sizes]
    price = np.array(cost) if len(cost) else np.zeros(len(courses))
    return Forms(name, columns, [*known, *scaled], price)


def _averaged(hole: Manhole, forms: Forms, noise: Noise) -> Kind:
    """Average over forms, under the noise that fits what the best form leaves."""
    prior, spread = np.array(forms.priors, dtype=float).T
    usual = noise.memory(np.array(noise.middle))
    fit = evidence(hole.sight, forms.columns, prior, spread, usual)
    first = int(np.argmax(fit.log_evidence - forms.cost))
    left = hole.sight.value - forms.columns[first] @ fit.coefficients[first]
    logs, log_prior = fitted_noise(hole.sight, left, noise)
    fit = evidence(hole.sight, forms.columns, prior, spread, noise.memory(logs))
    each = fit.log_evidence - forms.cost
    best = int(np.argmax(each))
    return Kind(
        log_evidence=float(logsumexp(each) - np.log(each.size) + log_prior),
        coefficients=fit.coefficients[best],
        form=forms.name,
        noise=logs,
        columns=forms.columns[best],
    )


def boxed_noise(hole: Manhole, kind: str) -> Noise:
    """Noise of a source behind a box, of eddies under the lid, of ventilation that swings."""
    own = settings()[kind]
    middle, spread = _logs(own, "swing", "swing_time_h", "mixing", "slow")
    return Noise(
        middle=middle,
        spread=spread,
        exchange=own["noise_exchange"],
        eddy_h=own["mixing_time_h"],
        slow_h=own["slow_time_h"],
        zero_variance=hole.wander**2,
    )


def _plain(hole: Manhole, own: dict) -> Noise:
    """Noise that no box smooths."""
    middle, spread = _logs(own, "swing", "time_h")
    return Noise(middle=middle, spread=spread, zero_variance=hole.wander**2)


def _logs(own: dict, *names: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return tuple(float(np.log(own[n][0])) for n in names), tuple(own[n][1] for n in names)


def leak(hole: Manhole) -> Kind:
    """Evidence of gas from a pipe, alone or over a little biogas."""
    own = settings()["leak"]
    courses = []
    for exchange, (ramp, earlier), lag in itertools.product(
        own["exchange"], own["ramp_h"], own["lag_h"]
    ):
        rise = _rising(hole, ramp, earlier_h=earlier)
        drivers = (rise, rise * _late(hole, lag), rise * hole.wet, rise * hole.warmth)
        courses.append([box_level(hole.sight.time_h, exchange * d, exchange) for d in drivers])
    sizes = [own["level"], own["demand"], own["wet"], own["warmth"]]
    forms = _forms(hole, "leak", courses, sizes)
    return _averaged(hole, forms, boxed_noise(hole, "leak"))


def biogas(hole: Manhole) -> Kind:
    """Evidence of gas from sewage."""
    own = settings()["biogas"]
    lid = _lid_open(hole, own["lid_fall"])
    openings = int((np.diff(lid.astype(int), prepend=0) == 1).sum())
    courses, cost = [], []
    # a lid seen in the data itself must earn more than any fall would give by chance
    for exchange, (ramp, earlier), opened in itertools.product(
        own["exchange"], own["ramp_h"], (False, True) if openings else (False,)
    ):
        flushed = own["flush"] * hole.rain + own["lid"] * (lid & opened)
        source = _rising(hole, ramp, earlier_h=earlier) * own["q10"] ** hole.warmth
        drivers = (source, source * hole.warmth, source * _late(hole, 1.0))
        boxed = [box_level(hole.sight.time_h, exchange * d, exchange + flushed) for d in drivers]
        full = max(float(boxed[0].max()), 1e-3)  # a still box fills for days
        courses.append([b / full for b in boxed])
        cost.append(own["lid_cost"] * openings * opened)
    sizes = [own["level"], own["warmth"], own["sewage"]]
    forms = _forms(hole, "biogas", courses, sizes, cost)
    return _averaged(hole, forms, boxed_noise(hole, "biogas"))


def _lid_open(hole: Manhole, fall: float) -> np.ndarray:
    """Whether the level fell within the last step as only an open lid lets it."""
    value = np.maximum(hole.sight.value - hole.base, 0.0)
    before = np.concatenate([value[:1], value[:-1]])
    lost = before - value
    return (lost > fall * before) & (lost > 4.0 * hole.noise) & (before > 0.2 * hole.level)


def sensor(hole: Manhole) -> tuple[Kind, ...]:
    """Evidence of each kind of fault; jumps are allowed at a price."""
    own = settings()["sensor"]
    step = np.abs(np.diff(hole.sight.value, prepend=hole.sight.value[0]))
    jump = step > max(8.0 * hole.noise, own["jump_share"] * hole.level)
    cost = own["jump_cost"] * float(jump.sum())
    jumping = replace(hole, sight=replace(hole.sight, cut=jump))
    kinds = [_drift(hole, own), _damp(hole, own)]
    for kind in (_traffic(jumping, own), _bursts(jumping, own)):
        kinds.append(replace(kind, log_evidence=kind.log_evidence - cost))
    kinds.append(_spikes(hole))
    return (*kinds, _frozen(hole, max(kinds, key=lambda k: k.log_evidence), own))


def _drift(hole: Manhole, own: dict) -> Kind:
    courses = []
    since = np.clip(hole.sight.time_h - hole.onset_h, 0.0, None)
    for ramp in own["ramp_h"]:
        for shape in (np.minimum(since / ramp, 1.5), 1.0 - np.exp(-2.0 * since / ramp)):
            scaled = shape / max(float(shape.max()), 1e-3)
            courses.append([scaled, scaled * hole.warmth])
    forms = _forms(hole, "drift", courses, own["drift"])
    return _averaged(hole, forms, _plain(hole, own["drift_noise"]))


def _damp(hole: Manhole, own: dict) -> Kind:
    condensed = (hole.damp > np.quantile(hole.damp, 0.85)).astype(float)
    rises = [_rising(hole, ramp) for ramp in own["ramp_h"]]
    courses = [[aged, aged * hole.damp, aged * condensed] for aged in rises]
    forms = _forms(hole, "humidity", courses, own["damp"])
    return _averaged(hole, forms, _plain(hole, own["damp_noise"]))


def _traffic(hole: Manhole, own: dict) -> Kind:
    wave = np.full(hole.hour.size, 0.15)
    for hour, width, height in own["traffic"]:
        away = (hole.hour - hour + 12.0) % 24 - 12.0
        wave += height * np.exp(-0.5 * (away / width) ** 2)
    courses = [[_rising(hole, ramp) * wave / wave.max()] for ramp in own["ramp_h"]]
    forms = _forms(hole, "traffic", courses, [own["exhaust"]])
    return _averaged(hole, forms, _plain(hole, own["traffic_noise"]))


def _bursts(hole: Manhole, own: dict) -> Kind:
    forms = _forms(hole, "bursts", [[_rising(hole, 1.0)]], [own["bursts"]])
    return _averaged(hole, forms, _plain(hole, own["burst_noise"]))


def _spikes(hole: Manhole) -> Kind:
    """Quiet but for single readings: each either quiet or of an exponential height."""
    value = hole.sight.value - hole.base
    spread = np.hypot(hole.noise, hole.wander)
    quiet = -0.5 * (value / spread) ** 2 - np.log(spread * np.sqrt(2.0 * np.pi))
    high = -np.clip(value, 0.0, None) / hole.level - np.log(hole.level)
    hit = np.mean(value > 5.0 * spread) + 0.5 / value.size
    total = np.logaddexp(np.log(1.0 - min(hit, 0.95)) + quiet, np.log(hit) + high).sum()
    none = np.zeros((value.size, 1))
    return Kind(
        log_evidence=float(total),
        form="spikes",
        noise=np.zeros(0),
        coefficients=np.zeros(1),
        columns=none,
    )


def _frozen(hole: Manhole, best: Kind, own: dict) -> Kind:
    """A reading that repeats the last one to the last digit, while high, over and over."""
    same = np.concatenate([[False], np.diff(hole.sight.value) == 0.0])
    same &= hole.sight.value > hole.base + 0.1
    start = np.flatnonzero(np.diff(np.concatenate([[0], same.astype(int), [0]])) == 1)
    end = np.flatnonzero(np.diff(np.concatenate([[0], same.astype(int), [0]])) == -1)
    long = (end - start)[end - start >= own["frozen_run"]].sum() if start.size else 0
    gain = own["frozen_gain"] * float(long)
    return replace(
        best, log_evidence=best.log_evidence + gain - 1.0, form="stuck" if long else best.form
    )
