"""What the neighbours of a manhole say of it: gas that reached them, a sewer or a cause shared."""

from collections.abc import Sequence

import numpy as np

from lifeline_kit.lifelines.gas.manhole import Manhole
from lifeline_kit.lifelines.gas.triage_models import boxed_noise, settings
from lifeline_kit.methods.box import box_level
from lifeline_kit.methods.marginal import Sight, evidence, red

_HOURLY = 4  # readings of a quarter of an hour that are averaged


def neighbour_evidence(
    hole: Manhole, distance_m: Sequence[float], *, gusty: np.ndarray, slow: np.ndarray
) -> np.ndarray:
    """Log evidence of three things about the neighbours, over their being quiet.

    Parameters
    ----------
    hole : Manhole
    distance_m : sequence of float [m]
        One for each neighbour of the manhole, in their order.
    gusty, slow : arrays, (4,)
        Logarithms of the noise that leak and biogas were found to have at the manhole itself.

    Returns
    -------
    array, (neighbour, 4) [nat]
        Gas from here reached them; they hang on the same sewer; they show the same cause; they
        follow this manhole, gusts included, as late as gas needs to come over.
    """
    rows = hole.sight.value.size // _HOURLY * _HOURLY
    if rows < 2 * _HOURLY:
        return np.zeros((0, 4))
    time_h = _mean(hole.sight.time_h, rows)
    rise = np.clip((time_h - hole.onset_h) / 4.0, 0.0, 1.0)
    parts = [
        _of_one(hole, _mean(value, rows), time_h, rise, metres, (gusty, slow))
        for value, metres in zip(hole.neighbours, distance_m, strict=True)
    ]
    return np.array(parts).reshape(-1, 4)


def _mean(value: np.ndarray, rows: int) -> np.ndarray:
    return value[:rows].reshape(-1, _HOURLY).mean(axis=1)


def _of_one(
    hole: Manhole,
    value: np.ndarray,
    time_h: np.ndarray,
    rise: np.ndarray,
    metres: float,
    noises: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    own = settings()["neighbour"]
    rows = value.size * _HOURLY
    before = time_h < hole.onset_h
    quiet_base = float(np.median(value[before])) if before.sum() >= 4 else float(value.min())
    envelope = np.maximum(np.clip(value - quiet_base, 0.0, None), 0.02)
    envelope = np.maximum(np.convolve(envelope, np.ones(3) / 3, mode="same"), 0.02)
    sight = Sight(
        time_h=time_h,
        value=value,
        white=np.full(value.size, hole.noise**2 / 2 + 0.004**2),
        envelope=envelope,
        cut=np.zeros(value.size, dtype=bool),
    )
    zero = red((0.015 + hole.wander) ** 2, 24.0, enveloped=False)
    quiet = [np.ones(value.size), _mean(hole.damp, rows)]
    known = [(quiet_base, 0.05), (0.0, 0.02 + hole.wander)]
    demand, warmth = _mean(hole.demand, rows), _mean(hole.warmth, rows)
    size = hole.level * np.exp(-metres / own["reach_m"])
    delayed = np.interp(time_h - metres / own["speed_m_h"], time_h, rise, left=0.0)
    late = np.interp(time_h - 1.5, time_h, demand)
    reached = [box_level(time_h, 0.3 * d, 0.3) for d in (delayed, delayed * late)]
    sewage = box_level(time_h, 0.13 * rise * 2.4**warmth, 0.13)
    sewage = sewage / max(float(sewage.max()), 1e-3)
    copied = np.clip(_mean(hole.sight.value, rows) - hole.base, 0.0, None)
    lag_h = metres / own["speed_m_h"]
    followed = np.interp(time_h - lag_h, time_h, copied, left=float(copied[0]))
    gusty = boxed_noise(hole, "leak").memory(noises[0]) + zero
    slow = boxed_noise(hole, "biogas").memory(noises[1]) + zero
    forms = (
        ([], [], zero),
        (reached, [(size, 0.6 * size), (0.25 * size, 0.15 * size)], gusty),
        ([sewage], [(0.4 * hole.level, 0.3 * hole.level)], slow),
        ([copied], [(0.35, 0.2)], red(0.1**2, 1.0) + zero),
        (
            [followed],
            [(size / hole.level, 0.6 * size / hole.level)],
            red(0.15**2, 5.0) + red(0.07**2, 0.6) + zero,
        ),
    )
    logs = []
    for columns, priors, memory in forms:
        prior, spread = np.array([*known, *priors], dtype=float).T
        stacked = np.stack([*quiet, *columns], axis=1)[None]
        logs.append(float(evidence(sight, stacked, prior, spread, memory).log_evidence[0]))
    return np.array(logs[1:]) - logs[0]
