"""What a manhole's series says for and against a leak, as named numbers."""

from dataclasses import dataclass

import numpy as np

from lifeline_kit.lifelines.gas import triage_models as models
from lifeline_kit.lifelines.gas.manhole import Manhole
from lifeline_kit.lifelines.gas.triage_neighbours import neighbour_evidence

NOISES = ("swing", "time", "mixing", "slow")
FAULTS = ("drift", "damp", "traffic", "bursts", "spikes", "frozen")
NAMES = (
    "leak_over_biogas",
    "leak_over_sensor",
    "biogas_over_sensor",
    *(f"leak_over_{fault}" for fault in FAULTS),
    "neighbour_reached",
    "neighbour_sewer",
    "neighbour_copied",
    "neighbour_followed",
    "context_biogas",
    "context_sensor",
    "flooded",
    *(f"leak_{noise}" for noise in NOISES),
    *(f"biogas_{noise}" for noise in NOISES),
    *(f"leak_{noise}_apart" for noise in NOISES),
    *(f"biogas_{noise}_apart" for noise in NOISES),
    "demand",
    "wet",
    "warmth",
    "level",
    "age",
    *(f"{own}_share" for own in ("noise", "wander", "damp")),
)
_NAT = 4.0  # beyond it evidence counts by its logarithm: no model is exact


@dataclass(frozen=True, slots=True, kw_only=True)
class ManholeContext:
    """What is known of a manhole beforehand; every part may be unknown.

    Attributes
    ----------
    space_type, pipe_material : str
        As in `triage.toml`; empty for unknown.
    pipe_distance_m, pipe_age_years : float
        NaN for unknown.
    neighbour_m : tuple of float [m]
        To `neighbour_1`, `neighbour_2`, … of the series.
    ethane_ratio : float
        C2/C1 of a field sample; NaN where none was taken.
    utc_offset_h : float [h]
    """

    space_type: str = ""
    pipe_material: str = ""
    pipe_distance_m: float = float("nan")
    pipe_age_years: float = float("nan")
    neighbour_m: tuple[float, ...] = ()
    ethane_ratio: float = float("nan")
    utc_offset_h: float = 8.0


def signs(hole: Manhole, context: ManholeContext) -> np.ndarray:
    """Weigh the models and the context.

    Returns
    -------
    array, (sign,)
        In the order of `NAMES`; evidence in nat, compressed beyond four.
    """
    leak, biogas, faults = models.leak(hole), models.biogas(hole), models.sensor(hole)
    each = np.array([fault.log_evidence for fault in faults])
    sensor = float(np.logaddexp.reduce(each))
    beside = neighbour_evidence(hole, context.neighbour_m, gusty=leak.noise, slow=biogas.noise)
    known = context_evidence(context)
    high = hole.sight.value > hole.base + 0.1
    over = [leak.log_evidence - biogas.log_evidence, leak.log_evidence - sensor]
    over += [biogas.log_evidence - sensor, *(leak.log_evidence - each)]
    return np.concatenate(
        [
            _compressed(np.array(over)),
            _compressed(beside).sum(axis=0),
            known[0] - known[1:],
            [np.sqrt(hole.flooded[high].mean()) if high.any() else 0.0],
            leak.noise,
            biogas.noise,
            _apart(hole, leak.noise, "leak"),
            _apart(hole, biogas.noise, "biogas"),
            np.array([leak.coefficients[3], leak.coefficients[4], biogas.coefficients[3]])
            / hole.level,
            _clarity(hole),
        ]
    )


def _clarity(hole: Manhole) -> np.ndarray:
    """How much there is to judge by: no evidence itself, but noise makes all of it weaker."""
    age = max(float(hole.sight.time_h[-1] - hole.onset_h), 0.0)
    own = np.array([hole.noise, hole.wander, abs(hole.damp_gain)]) / hole.level
    return np.r_[np.log(hole.level), np.log1p(age), np.log(own[0]), own[1:]]


def _apart(hole: Manhole, noise: np.ndarray, kind: str) -> np.ndarray:
    """Squared distance of fitted noise from what the kind usually has, in spreads."""
    usual = models.boxed_noise(hole, kind)
    return np.minimum(((noise - np.array(usual.middle)) / np.array(usual.spread)) ** 2, 12.0)


def _compressed(evidence: np.ndarray) -> np.ndarray:
    return np.arcsinh(evidence / _NAT)


def context_evidence(context: ManholeContext) -> np.ndarray:
    """Log-likelihood of what is known beforehand under leak, biogas, sensor, (3,) [nat]."""
    own = models.settings()["context"]
    total = np.zeros(3)
    for table, value in (("space", context.space_type), ("material", context.pipe_material)):
        if value in own[table]:
            total += np.log(own[table][value])
    for value, least, shape, scale in (
        (context.pipe_distance_m, 0.5, 2.0, own["pipe_distance_scale_m"]),
        (context.pipe_age_years, 0.0, 3.0, own["age_scale_years"]),
    ):
        if np.isfinite(value):
            by_class = np.array([scale["leak"], scale["other"], scale["other"]])
            # nobody draws a pipe of 50 m or 80 years from these; beyond, they say no more
            beyond = min(max(value - least, 0.0), 6.0 * scale["other"])
            total += -shape * np.log(by_class) - beyond / by_class
    return total
