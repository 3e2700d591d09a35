"""The maths of weights, alarm rates and charts against published worked examples and the slow way.

AHP: Saaty 1980 (relative wealth) and 2008 (what is drunk most), printed to three digits. CRITIC:
Diakoulaki et al. 1995. MEWMA: the example of Lowry et al. 1992, run lengths of Rigdon 1995, Prabhu
and Runger 1997 and Molnau et al. 2001. Alarm rates, floods and chatter have no published example
with every moment in it: they are held against counting each second of a drawn day.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.bench import worked_examples as published
from lifeline_kit.bench.run import Bench, Measured
from lifeline_kit.methods.alarm_load import alarm_load, chattering
from lifeline_kit.methods.mewma import Mewma, State, average_run_length, limit_for, update
from lifeline_kit.methods.weights import critic_weights, judged_weights
from lifeline_kit.text import Text

_DAY_S, _WINDOW_S = 86_400, 600
_BEGIN = np.datetime64("2026-10-01T00:00", "ms")


def _off(found: np.ndarray, printed: list[float]) -> float:
    return float(np.abs(np.asarray(found) - printed).max())


def _alarms(seed: int) -> float:
    """Largest difference of counts, shares and floods from counting every second of a drawn day."""
    rng = np.random.default_rng(seed)
    burst = rng.integers(0, _DAY_S - 900, 6)
    second = np.sort(
        np.r_[
            rng.integers(0, _DAY_S, 120), (burst[:, None] + rng.integers(0, 900, (6, 30))).ravel()
        ]
    )
    time = _BEGIN + second.astype("timedelta64[s]").astype("timedelta64[ms]")
    end = _BEGIN + np.timedelta64(_DAY_S, "s")
    window = np.timedelta64(_WINDOW_S, "s").astype("timedelta64[ms]")
    found = alarm_load(time, begin=_BEGIN, end=end, window=window, levels=(1, 2, 10))
    come = np.bincount(second, minlength=_DAY_S)
    inside = np.cumsum(come) - np.r_[np.zeros(_WINDOW_S, int), np.cumsum(come)[:-_WINDOW_S]]
    wrong = [abs(found.most - inside.max())]
    wrong += [abs(share - (inside > level).mean()) for level, share in found.time_above.items()]
    wrong.append(abs(found.flood_share - _flooded(inside).mean()))
    wrong.append(_chatter(time, second, rng.integers(0, 5, second.size)))
    return float(max(wrong))


def _flooded(inside: np.ndarray) -> np.ndarray:
    """Whether each second is within a flood: from above ten in the window to below five."""
    on, state = np.zeros(inside.size, dtype=bool), False
    for i, count in enumerate(inside):
        state = count > 10 or (state and count >= 5)
        on[i] = state
    return on


def _chatter(time: np.ndarray, second: np.ndarray, source: np.ndarray) -> float:
    """Largest difference of the fullest minute of each source from asking every second."""
    alarms = pd.DataFrame({"source": source, "since": time})
    found = chattering(alarms, window=np.timedelta64(60, "s").astype("timedelta64[ms]"), times=1)
    wrong = 0.0
    for each, most in found["most"].items():
        come = np.bincount(second[source == each], minlength=_DAY_S + 60)
        wrong = max(wrong, abs(most - np.convolve(come, np.ones(60, int)).max()))
    return wrong


def _chart() -> dict[str, float]:
    """MEWMA: the printed statistic, printed limits, and printed run lengths as a share of them."""
    settings = Mewma(mean=np.zeros(2), covariance=published.LOWRY_COVARIANCE, smoothing=0.1)
    statistic = update(State(), published.LOWRY, settings=settings)[1]
    lengths = [
        average_run_length(
            0.1, published.MOLNAU_LIMIT, published.MOLNAU_CHANNELS, distance=distance
        )
        / printed
        for distance, printed in published.MOLNAU.items()
    ]
    lengths.append(average_run_length(0.1, 14.56, 5, distance=1.0) / published.RIGDON_RUN_LENGTH)
    limits = [limit_for(0.25, 500.0, 4) - published.RIGDON_LIMIT]
    limits += [limit_for(0.1, 200.0, p) - each for p, each in published.PRABHU_LIMITS.items()]
    return {
        "mewma_t2_error": _off(statistic, published.LOWRY_T2),
        "mewma_limit_error": float(np.abs(limits).max()),
        "mewma_run_length_share": float(np.abs(np.array(lengths) - 1.0).max()),
    }


def measure(_data: Path | None, seed: int) -> Measured:
    """Compare."""
    wealth, drinks = judged_weights(published.WEALTH), judged_weights(published.DRINKS)
    values = {
        "ahp_wealth_error": _off(wealth.weights.to_numpy(), published.WEALTH_WEIGHTS),
        "ahp_drinks_error": _off(drinks.weights.to_numpy(), published.DRINKS_WEIGHTS),
        "critic_error": _off(critic_weights(published.FIRMS).to_numpy(), published.FIRMS_WEIGHTS),
        "alarm_rate_error": _alarms(seed),
    }
    return Measured(
        values={"max_error": max(values.values()), **values, **_chart()},
        note="AHP is printed to three digits, T2 and limits to two: half of the last is all that "
        "can be asked; printed run lengths come from a Markov chain of 25 states",
    )


BENCH = Bench(
    name="alarm-maths",
    title=Text("权重、报警率与控制图算例", "worked examples of weights, alarm rates and charts"),
    measure=measure,
)
