"""Fit the calibration of gas triage on train draws: ``python -m lifeline_kit.bench.biogas_fit``.

Writes `lifelines/gas/triage_weights.toml`: for each band of hours since the onset the weights of
a multinomial logistic model on the signs of `lifelines.gas.signs`. Train draws only, a third each
with once, twice and three times the errors of measurement; early bands from episodes cut after the
onset.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

import lifeline_kit.lifelines.gas.triage as triage_module
from lifeline_kit.demo.underground import KINDS, Episode, draw_episodes
from lifeline_kit.lifelines.gas.signs import NAMES, ManholeContext, signs
from lifeline_kit.lifelines.gas.triage import BANDS_H, age_h, made_ready
from lifeline_kit.methods.softmax import Weights, fit_softmax

EPISODES, SEED, SHRINKAGE = 24_000, 71, 4.0
NOISES = (1.0, 2.0, 3.0)
CUTS_H = ((0.25, 1.0, 2.0), (4.0, 8.0, 14.0), (24.0,))


def context_of(episode: Episode) -> ManholeContext:
    """Return what a duty officer knows of the manhole; neither kind nor onset."""
    return ManholeContext(
        space_type=episode.space_type,
        pipe_material=episode.pipe_material,
        pipe_distance_m=episode.pipe_distance_m,
        pipe_age_years=episode.pipe_age_years,
        neighbour_m=episode.neighbour_m,
        ethane_ratio=episode.ethane_ratio,
    )


def cut(episode: Episode, since_onset_h: float) -> Episode:
    """Keep the series until some hours after the true onset; infinity keeps all."""
    hours = np.arange(len(episode.series)) * 0.25
    kept = hours <= episode.onset_h + since_onset_h
    return replace(episode, series=episode.series[kept])


def rows_of(
    episodes: Iterator[Episode], cuts_h: Sequence[float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return signs, (row, sign), label and hours since the onset, (row,)."""
    features, label, age = [], [], []
    for episode in episodes:
        for hours in cuts_h:
            known = context_of(episode)
            hole = made_ready(cut(episode, hours).series, known)
            features.append(signs(hole, known))
            label.append(KINDS.index(episode.kind))
            age.append(age_h(hole))
    return np.array(features), np.array(label), np.array(age)


def fit_band(band: int, n: int = EPISODES, seed: int = SEED) -> Weights:
    """Fit the weights of one band of hours on train draws.

    Parameters
    ----------
    band : int
        Position in `BANDS_H`.
    n : int
        Whole episodes of the last band; the early bands take an eighth, each cut more than once.
    seed : int
    """
    last = band == len(CUTS_H) - 1
    parts = []
    for k, noise in enumerate(NOISES):
        number = n // len(NOISES) // (1 if last else 8)
        drawn = draw_episodes(number, split="train", seed=seed + 10 * band + k, noise=noise)
        parts.append(rows_of(drawn, (np.inf,) if last else CUTS_H[band]))
    if last:
        drawn = draw_episodes(n // 32, split="train", seed=seed + 55)
        parts.append(rows_of(drawn, CUTS_H[band]))
    features, label = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    return fit_softmax(features, label, shrinkage=SHRINKAGE)


def written(weights: Sequence[Weights]) -> str:
    """Write weights as TOML."""
    lines = [
        "# Calibration of gas triage, fitted on train draws of demo/underground.toml; refit with",
        "#   python -m lifeline_kit.bench.biogas_fit",
        f"# {EPISODES} episodes, seed {SEED}, shrinkage {SHRINKAGE}. Simulated, no field data.",
        f"names = {list(NAMES)}".replace("'", '"'),
        f"until_h = {list(BANDS_H)}  # of each band, hours since the onset seen",
    ]
    for each in weights:
        lines += ["", "[[bands]]"]
        rows = {
            "middle": each.middle,
            "scale": each.scale,
            "biogas": each.table[0],
            "sensor": each.table[1],
        }
        for name, values in rows.items():
            lines.append(f"{name} = [{', '.join(f'{v:.5g}' for v in values)}]")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    file = Path(triage_module.__file__).with_name("triage_weights.toml")
    file.write_text(written([fit_band(band) for band in range(len(CUTS_H))]), encoding="utf-8")
