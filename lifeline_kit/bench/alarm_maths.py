"""The maths of weights and alarm rates against published worked examples and the slow way.

AHP: Saaty 1980 (relative wealth) and 2008 (what is drunk most), printed to three digits. CRITIC:
Diakoulaki et al. 1995. Alarm rates have no published example with every moment in it: they are held
against counting each second of a drawn day.
"""

from pathlib import Path

import numpy as np

from lifeline_kit.bench import worked_examples as published
from lifeline_kit.bench.run import Bench, Measured
from lifeline_kit.methods.alarm_load import alarm_load
from lifeline_kit.methods.weights import critic_weights, judged_weights
from lifeline_kit.text import Text

_DAY_S, _WINDOW_S = 86_400, 600
_BEGIN = np.datetime64("2026-10-01T00:00", "ms")


def _off(found: np.ndarray, printed: list[float]) -> float:
    return float(np.abs(np.asarray(found) - printed).max())


def _alarms(seed: int) -> float:
    """Largest difference of counts and shares from counting every second of a day with bursts."""
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
    return float(max(wrong))


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
        values={"max_error": max(values.values()), **values},
        note="AHP is printed to three digits: half of the last is all that can be asked",
    )


BENCH = Bench(
    name="alarm-maths",
    title=Text("权重与报警率算例", "worked examples of weights and alarm rates"),
    measure=measure,
)
