"""VUS-PR again, threshold by threshold and buffer by buffer, as its authors describe it."""

import numpy as np


def buffered(label: np.ndarray, runs: list[tuple[int, int]], width: int) -> np.ndarray:
    """Label with falling weights beside every event."""
    weight = label.astype(float)
    for first, last in runs:
        for i in range(last + 1, min(last + width // 2 + 1, label.size)):
            weight[i] += (1 - (i - last) / width) ** 0.5
        for i in range(max(first - width // 2, 0), first):
            weight[i] += (1 - (first - i) / width) ** 0.5
    return np.minimum(weight, 1.0)


def joined(runs: list[tuple[int, int]], width: int, size: int) -> list[tuple[int, int]]:
    """Events with half a buffer on either side, joined where these meet."""
    half = width // 2
    wide = [[max(runs[0][0] - half, 0), runs[0][1] + half]]
    for first, last in runs[1:]:
        if wide[-1][1] < first - half:
            wide.append([first - half, last + half])
        wide[-1][1] = last + half
    return [(a, min(b, size - 1)) for a, b in wide]


def vus_pr(label: np.ndarray, score: np.ndarray, window: int) -> float:
    runs, inside = [], False
    for i, here in enumerate(label):
        if here and not inside:
            runs.append((i, i))
        elif here:
            runs[-1] = (runs[-1][0], i)
        inside = bool(here)
    ordered = sorted(score, reverse=True)
    ranks = [int(r) for r in np.linspace(0, score.size - 1, 250)]
    areas = []
    for width in range(window + 1):
        weight = buffered(label, runs, width)
        wide = joined(runs, width, label.size)
        before, area = 0.0, 0.0
        for rank in ranks:
            raised = score >= ordered[rank]
            true = float((weight * raised).sum())
            touched = np.where(label, 1.0, weight * raised).sum()
            found = sum(bool(raised[a : b + 1].any()) for a, b in wide) / len(wide)
            recall = min(true / ((label.sum() + touched) / 2), 1.0) * found
            area += (recall - before) * true / raised.sum()
            before = recall
        areas.append(area)
    return float(np.mean(areas))
