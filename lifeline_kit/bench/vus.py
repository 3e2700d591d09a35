"""Range-aware scores of anomaly detectors, as the TSB-AD benchmark defines them.

VUS-PR is the area under the precision-recall curve, averaged over label buffers of 0 to `window`
samples: within half a buffer of an event a prediction counts in part. Event F1 joins the recall
of events with the precision of points, at the best of 100 thresholds.

References
----------
Paparrizos et al. 2022, PVLDB 15(11) 2774, doi:10.14778/3551793.3551830; Liu & Paparrizos 2024,
"The Elephant in the Room" (TSB-AD). Written from the definitions; equal to TSB-AD's own code to
1e-12 where that was compared.
"""

import numpy as np
from scipy.signal import argrelextrema

_THRESHOLDS = 250
_LAGS, _BASE, _OTHERWISE = 400, 3, 125


def segments(label: np.ndarray) -> list[tuple[int, int]]:
    """First and last index of each run of a boolean array."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(label, dtype=np.int8), [0]])))
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def period(value: np.ndarray) -> int:
    """Sample count of the strongest repetition: TSB-AD's rule for its buffer.

    The highest local maximum of the autocorrelation (lags 3 to 400) of the first 20,000 samples;
    125 where there is none, or where it lies beyond 303 or within 5 samples.
    """
    head = np.asarray(value, dtype=np.float64)[:20_000]
    head = head - head.mean()
    size = 1 << int(np.ceil(np.log2(2 * head.size)))
    spectrum = np.fft.rfft(head, size)
    covariance = np.fft.irfft(spectrum * np.conj(spectrum), size)[: _LAGS + 1]
    if covariance[0] <= 0:
        return _OTHERWISE
    correlation = (covariance / covariance[0])[_BASE:]
    peaks = argrelextrema(correlation, np.greater)[0]
    if not peaks.size:
        return _OTHERWISE
    best = int(peaks[np.argmax(correlation[peaks])])
    return best + _BASE if 3 <= best <= 300 else _OTHERWISE


def vus_pr(label: np.ndarray, score: np.ndarray, window: int) -> float:
    """Volume under the precision-recall surface.

    Parameters
    ----------
    label : bool array, (time,)
    score : float array, (time,)
        Finite; more is more anomalous.
    window : int [samples]
        Largest buffer.

    Returns
    -------
    float
        0 to 1; NaN where there is no event.
    """
    label, score = np.asarray(label, dtype=bool), np.asarray(score, dtype=np.float64)
    events = segments(label)
    if not events:
        return float("nan")
    ordered = -np.sort(-score)
    thresholds = ordered[np.linspace(0, score.size - 1, _THRESHOLDS).astype(int)]
    predicted = score.size - np.searchsorted(ordered[::-1], thresholds, side="left")
    inside = score[label]
    hit = np.array([(inside >= each).sum() for each in thresholds], dtype=np.float64)
    near = _around(label, events, window)
    raised = score[near] >= thresholds[:, None]
    areas = []
    for width in range(window + 1):
        weight = _weights(events, width, label.size)[near]
        true = hit + raised @ weight
        positives = (2 * label.sum() + raised @ weight) / 2
        recall = np.minimum(true / positives, 1.0) * _existence(events, width, score, thresholds)
        areas.append(float(np.diff(recall, prepend=0.0) @ (true / predicted)))
    return float(np.mean(areas))


def _around(label: np.ndarray, events: list[tuple[int, int]], window: int) -> np.ndarray:
    """Indices within half the largest buffer of an event, the events themselves left out."""
    half = window // 2
    near = np.zeros(label.size, dtype=bool)
    for first, last in events:
        near[max(first - half, 0) : last + half + 1] = True
    return np.flatnonzero(near & ~label)


def _weights(events: list[tuple[int, int]], width: int, size: int) -> np.ndarray:
    """Weight of the samples beside events: the square root of one minus distance over width."""
    weight = np.zeros(size)
    half = width // 2
    for first, last in events:
        after = np.arange(last + 1, min(last + half + 1, size))
        weight[after] += np.sqrt(1 - (after - last) / width) if half else 0.0
        before = np.arange(max(first - half, 0), first)
        weight[before] += np.sqrt(1 - (first - before) / width) if half else 0.0
    return np.minimum(weight, 1.0)


def _existence(
    events: list[tuple[int, int]], width: int, score: np.ndarray, thresholds: np.ndarray
) -> np.ndarray:
    """Share of the buffered events (joined where they touch) in which anything was raised."""
    half = width // 2
    joined = [[max(events[0][0] - half, 0), events[0][1] + half]]
    for first, last in events[1:]:
        if joined[-1][1] < first - half:
            joined.append([first - half, last + half])
        else:
            joined[-1][1] = last + half
    highest = np.array([score[a : b + 1].max() for a, b in joined])
    return (highest >= thresholds[:, None]).mean(axis=1)


def event_f1(label: np.ndarray, score: np.ndarray, threshold: float | None = None) -> float:
    """F1 of event recall and point precision, at a threshold or at the best of 100.

    Parameters
    ----------
    label : bool array, (time,)
    score : float array, (time,)
    threshold : float, optional
        Above it a sample is raised. Without one the best of 100 between least and greatest score.
    """
    label = np.asarray(label, dtype=bool)
    if threshold is None:
        return max(event_f1(label, score, t) for t in np.linspace(score.min(), score.max(), 100))
    raised = score > threshold
    if not raised.any():
        return 0.0
    events = segments(label)
    recall = float(np.mean([raised[a : b + 1].any() for a, b in events]))
    precision = float(label[raised].mean())
    return 0.0 if recall + precision == 0 else 2 * recall * precision / (recall + precision)
