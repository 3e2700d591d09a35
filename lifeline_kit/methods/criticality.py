"""From flagged samples to an event: a counter that rises and falls, and how events are scored.

The counter is that of the CARE score (Gück et al. 2024, Data 9, 138) and of PreDist
(arXiv 2511.14791); event F0.5 and earliness are scored as there.
"""

import numpy as np


def criticality(raised: np.ndarray, judged: np.ndarray | None = None) -> np.ndarray:
    """Count up with every raised sample, down with every quiet one, never below zero.

    Parameters
    ----------
    raised : bool array, (time,)
    judged : bool array, (time,), optional
        Where False the counter stands still (no reading, plant off).

    Returns
    -------
    int array, (time,)
    """
    step = np.where(raised, 1, -1)
    if judged is not None:
        step = np.where(judged, step, 0)
    walk = np.cumsum(step)
    # reflected walk: what it has fallen below zero so far is given back
    return walk - np.minimum(np.minimum.accumulate(walk), 0)


def first_reached(counter: np.ndarray, threshold: int) -> int | None:
    """Index at which the counter first stands at the threshold, None where it never does."""
    reached = np.flatnonzero(counter >= threshold)
    return int(reached[0]) if reached.size else None


def event_f_beta(found: int, missed: int, false: int, *, beta: float = 0.5) -> float:
    """F score over events: beta 0.5 weighs a false event twice as heavy as a missed one.

    Returns
    -------
    float
        0-1; 0 where nothing was found.
    """
    weighted = (1.0 + beta**2) * found
    total = weighted + beta**2 * missed + false
    return weighted / total if total else 0.0


def earliness(lead_h: float | None, *, full_h: float = 24.0) -> float:
    """Score of one detection: 1 if it came `full_h` before the report, 0 at or after it.

    Parameters
    ----------
    lead_h : float or None [h]
        From detection to report; None where the event was missed.
    """
    return 0.0 if lead_h is None else float(np.clip(lead_h / full_h, 0.0, 1.0))
