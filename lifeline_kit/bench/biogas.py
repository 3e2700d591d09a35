"""Leak, biogas or sensor: triage on synthetic episodes drawn apart from those it was fitted on.

Scored: the probability of a leak, leak against the rest. Variants double or half-double the errors
of measurement, or draw biogas far more often than the calibration believes (`wrong_prior`), or let
the calibration believe in far more biogas than is drawn (`wrong_belief`); further rows cut each
episode some hours after its true onset. Baselines on the same episodes: highest concentration,
correlation with temperature, and a logistic regression on simple features and the context, fitted
on the same train draws as the triage.

Against the F1 lost with doubled errors four ways were tried on other draws of the test split: later
and more lags of demand in the models (none better), level, age and noise as signs (+.003), train
draws with three times the errors and more of them (+.014; both are in), squares and products of
all signs (+.01 more, but 1,100 weights a band that no reason in words can follow). A calibration
fitted on the test draws themselves reaches .925, so .92 is about all that these signs hold. With
another mix F1 falls because leaks are rarer: the row `_told` has the same draws judged by somebody
who knows the mix.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.bench.biogas_fit import context_of, rows_of
from lifeline_kit.bench.run import Bench, Measured
from lifeline_kit.demo.underground import Episode, draw_episodes
from lifeline_kit.demo.underground_weather import declared
from lifeline_kit.lifelines.gas.triage import probabilities
from lifeline_kit.methods.softmax import fit_softmax
from lifeline_kit.text import Text

EPISODES = 2000
_BASELINE_TRAIN, _BASELINE_SEED = 2000, 171
_BINS = 10
_SEED_APART = 5000  # test draws of the bench are of no seed that was looked at while building
_CUTS_H = {"15min": 0.25, "1h": 1.0, "6h": 6.0, "24h": 24.0}
_VARIANTS = {"noise_1_5x": 1.5, "noise_2x": 2.0}


def area_under_curve(score: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve of a score, (row,), for bool labels, (row,); ties count half."""
    rank = pd.Series(score).rank().to_numpy()
    hits = int(positive.sum())
    return float((rank[positive].sum() - hits * (hits + 1) / 2) / (hits * (positive.size - hits)))


def calibration_error(probability: np.ndarray, positive: np.ndarray) -> float:
    """Expected calibration error over ten equal bins."""
    place = np.minimum((probability * _BINS).astype(int), _BINS - 1)
    gaps = [
        abs(probability[place == k].mean() - positive[place == k].mean()) * (place == k).mean()
        for k in np.unique(place)
    ]
    return float(sum(gaps))


def f1(probability: np.ndarray, positive: np.ndarray) -> float:
    """F1 at one half."""
    found = probability > 0.5
    return float(2 * (found & positive).sum() / max(found.sum() + positive.sum(), 1))


def simple_features(episode: Episode) -> list[float]:
    """Features of the logistic baseline: the series since the first alarm, and the context."""
    table = episode.series
    value = table["methane"].to_numpy()
    first = int(np.append(np.flatnonzero(value > 0.25), np.argmax(value))[0])
    high = value[first:]
    hourly = high[: high.size // 4 * 4].reshape(-1, 4).mean(axis=1)
    step = np.diff(hourly) if hourly.size > 1 else np.zeros(1)
    mean = max(float(high.mean()), 0.01)
    beside = float(table[["neighbour_1", "neighbour_2"]].to_numpy().max())
    features = [
        np.log(value.max() + 0.01),
        np.log(mean),
        high.std() / mean,
        np.log(max(step.max(), 0.0) + 0.01),
        np.log(np.median(np.abs(step)) / mean + 0.003),
        np.log(beside + 0.02),
        float(table["flooded"].max()),
        float(table["battery"].iloc[-1] < 30),
        np.log(episode.pipe_distance_m),
        episode.pipe_age_years / 20.0,
        float(episode.pipe_material == "PE"),
        float(episode.space_type == "sewer_manhole"),
        float(episode.space_type == "valve_well"),
        float(episode.space_type == "septic_tank"),
    ]
    names = ("temperature", "air_temperature", "demand", "humidity")
    return features + [_correlation(high, table[name].to_numpy()[first:]) for name in names]


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    if one.size < 3 or one.std() < 1e-9 or other.std() < 1e-9:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def _baselines(episodes: Sequence[Episode], positive: np.ndarray) -> dict[str, float]:
    train = list(draw_episodes(_BASELINE_TRAIN, split="train", seed=_BASELINE_SEED))
    label = np.array([int(e.kind == "leak") for e in train])
    weights = fit_softmax(np.array([simple_features(e) for e in train]), label)
    features = np.array([simple_features(e) for e in episodes])
    scores = {
        "threshold": features[:, 0],
        "temperature_correlation": -features[:, -4],
        "logistic": weights.probability(features)[:, 1],
    }
    values = {
        f"baseline_{name}_auc": area_under_curve(score, positive) for name, score in scores.items()
    }
    logistic = scores["logistic"]
    return {
        "best_baseline_auc": max(values.values()),
        **values,
        "baseline_logistic_f1": f1(logistic, positive),
        "baseline_logistic_calibration_error": calibration_error(logistic, positive),
    }


def chances(
    episodes: Sequence[Episode],
    since_onset_h: float = np.inf,
    *,
    priors: Sequence[Sequence[float] | None] = (None,),
) -> list[np.ndarray]:
    """Triage episodes, whole or cut after their onset; one (episode, 3) for each prior."""
    signs, _, age = rows_of(iter(episodes), (since_onset_h,))
    return [
        np.array(
            [
                probabilities(
                    found, hours, ethane_ratio=context_of(episode).ethane_ratio, prior=prior
                )
                for found, hours, episode in zip(signs, age, episodes, strict=True)
            ]
        )
        for prior in priors
    ]


def _scored(
    episodes: Sequence[Episode], endings: dict[str, Sequence[float] | None]
) -> dict[str, float]:
    positive = np.array([episode.kind == "leak" for episode in episodes])
    values = {}
    for ending, chance in zip(
        endings, chances(episodes, priors=tuple(endings.values())), strict=True
    ):
        values |= {
            f"auc{ending}": area_under_curve(chance[:, 0], positive),
            f"f1{ending}": f1(chance[:, 0], positive),
            f"calibration_error{ending}": calibration_error(chance[:, 0], positive),
        }
    return values


def _early(episodes: Sequence[Episode], positive: np.ndarray) -> dict[str, float]:
    values = {}
    for name, hours in _CUTS_H.items():
        leak = chances(episodes, hours)[0][:, 0]
        values |= {
            f"auc_{name}": area_under_curve(leak, positive),
            f"calibration_error_{name}": calibration_error(leak, positive),
            f"mean_leak_probability_of_leaks_{name}": float(leak[positive].mean()),
            f"mean_leak_probability_of_others_{name}": float(leak[~positive].mean()),
        }
    return values


def measure(_data: Path | None, seed: int) -> Measured:
    """Draw test episodes of the seed and score triage and baselines on them."""
    seed += _SEED_APART
    episodes = list(draw_episodes(EPISODES, split="test", seed=seed))
    positive = np.array([episode.kind == "leak" for episode in episodes])
    wrong = declared()["mix"]["wrong"]
    values = _scored(episodes, {"": None, "_wrong_belief": wrong})
    values |= _baselines(episodes, positive)
    for k, (name, noise) in enumerate(_VARIANTS.items(), 1):
        drawn = list(draw_episodes(EPISODES, split="test", seed=seed + 100 * k, noise=noise))
        values |= _scored(drawn, {f"_{name}": None})
    drawn = list(draw_episodes(EPISODES, split="test", seed=seed + 300, mix=wrong))
    values |= _scored(drawn, {"_wrong_prior": None, "_wrong_prior_told": wrong})
    values |= _early(episodes, positive)
    values["episodes"] = float(EPISODES)
    return Measured(
        values=values,
        fitted_on=["train draws of demo/underground.toml"],
        note=(
            "synthetic: no public series of a manhole exists; test draws are shifted and wider "
            "than the train draws that the calibration was fitted on, in other forms too"
        ),
    )


BENCH = Bench(
    name="biogas",
    title=Text("燃气泄漏与沼气判别（合成序列）", "leak or biogas, on synthetic series"),
    measure=measure,
)
