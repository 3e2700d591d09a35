"""Simulated past cases that triage compares with: ``python -m lifeline_kit.bench.reference_cases``.

Writes `lifelines/gas/reference_cases.csv` from train draws: the signs of each episode and its
cause. They say "simulated" wherever they are shown, until a ledger holds real verdicts.
"""

from pathlib import Path

import pandas as pd

import lifeline_kit.lifelines.gas.triage as triage_module
from lifeline_kit.bench.biogas_fit import context_of
from lifeline_kit.demo.underground import draw_episodes
from lifeline_kit.lifelines.gas.signs import NAMES, signs
from lifeline_kit.lifelines.gas.triage import made_ready
from lifeline_kit.text import Text

CASES, SEED = 120, 907
_CAUSE = {
    "leak": Text("燃气泄漏", "gas leak"),
    "biogas": Text("沼气", "biogas"),
    "sensor": Text("探头故障", "faulty terminal"),
}
_SPACE = {
    "sewer_manhole": Text("污水井", "sewer manhole"),
    "valve_well": Text("阀门井", "valve well"),
    "cable_duct": Text("电缆沟", "cable duct"),
    "storm_drain": Text("雨水井", "storm drain"),
    "septic_tank": Text("化粪池", "septic tank"),
}


def reference_cases() -> pd.DataFrame:
    """Draw the cases, index `case`."""
    rows = []
    for k, episode in enumerate(draw_episodes(CASES, split="train", seed=SEED)):
        context = context_of(episode)
        hole = made_ready(episode.series, context)
        cause = _CAUSE[episode.kind]
        space = _SPACE[episode.space_type]
        peak = float(hole.sight.value.max())
        rows.append(
            {
                "case": f"sim-{k:03d}",
                "verdict_zh": f"{cause.zh}（{space.zh}，峰值 {peak:.1f} %VOL，模拟）",
                "verdict_en": f"{cause.en} ({space.en}, peak {peak:.1f} %VOL, simulated)",
            }
            | dict(zip(NAMES, signs(hole, context).round(4).tolist(), strict=True))
        )
    return pd.DataFrame(rows).set_index("case")


if __name__ == "__main__":
    file = Path(triage_module.__file__).with_name("reference_cases.csv")
    reference_cases().to_csv(file, lineterminator="\n")
