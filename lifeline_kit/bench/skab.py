"""Faults of a pump loop (SKAB): its own protocol, one setting for all files.

The first 400 rows of each file, unlabelled, show the loop as it should run; all rows of all files
are concatenated before scoring. Score: `methods.departures`, each channel over its factor, the
largest counts; on-delay and off-delay as of an alarm. The factors are what normal rows of the
`valve1` runs reach (80th percentile over the runs of their 95th percentile, times 1.8 for all but
the flow, which valves act upon first); the two delays and the window were fixed there as well.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.bench.run import Bench, Measured
from lifeline_kit.errors import InputError
from lifeline_kit.methods.departures import delayed, departures
from lifeline_kit.text import Text

_REFERENCE, _WINDOW, _ON, _OFF = 400, 10, 10, 30  # rows, one a second
_FACTORS = {
    "Accelerometer1RMS": 7.2,
    "Accelerometer2RMS": 9.4,
    "Current": 3.6,
    "Pressure": 4.1,
    "Temperature": 13.5,
    "Thermocouple": 14.4,
    "Voltage": 4.1,
    "Volume Flow RateRMS": 2.4,
}
_FITTED_ON = "sensing/skab/valve1"


def detect(table: pd.DataFrame) -> np.ndarray:
    """Tell the faulty rows of one run: bool (row,); sees no label."""
    values = table[list(_FACTORS)].to_numpy(dtype=float).T
    away = departures(values, reference=_REFERENCE, window=_WINDOW)
    score = (away / np.array(list(_FACTORS.values()))[:, None]).max(axis=0)
    return delayed(score > 1.0, on=_ON, off=_OFF)


def _runs(root: Path) -> list[Path]:
    runs = []
    for file in sorted((root / "sensing" / "skab").glob("*/*.csv")):
        head = pd.read_csv(file, sep=";", nrows=1)
        if {"anomaly", *_FACTORS} <= set(head.columns):
            runs.append(file)
    if not runs:
        raise InputError(
            f"{root} holds no labelled sensing/skab/*/*.csv; expected ';' between columns and "
            "a column anomaly."
        )
    return runs


def _measure(data: Path | None, _: int) -> Measured:
    root = Path(data or ".")
    runs = _runs(root)
    unseen = [file for file in runs if not file.is_relative_to(root / _FITTED_ON)]
    values = _scores(unseen or runs)
    if unseen and len(unseen) < len(runs):
        values |= {
            f"fitted_{key}": value
            for key, value in _scores([each for each in runs if each not in unseen]).items()
        }
        values |= {f"all_{key}": value for key, value in _scores(runs).items()}
    return Measured(
        values=values,
        data=[file.relative_to(root).as_posix() for file in runs],
        fitted_on=[f"{_FITTED_ON}/*.csv"],
        note=f"{len(unseen or runs)} runs scored"
        + ("" if unseen else "; the settings were fixed on these"),
    )


def _scores(runs: list[Path]) -> dict[str, float]:
    true, raised = [], []
    for file in runs:
        table = pd.read_csv(file, sep=";")
        true.append(table["anomaly"].to_numpy() > 0)
        raised.append(detect(table))
    label, found = np.concatenate(true), np.concatenate(raised)
    hit = int((label & found).sum())
    return {
        "f1": 2 * hit / max(int(label.sum() + found.sum()), 1),
        "false_alarm_rate": float(found[~label].mean()),
        "miss_rate": float((~found)[label].mean()),
    }


BENCH = Bench(
    name="skab",
    title=Text("水泵回路故障（SKAB）", "faults of a pump loop (SKAB)"),
    measure=_measure,
    needs_data=True,
)
