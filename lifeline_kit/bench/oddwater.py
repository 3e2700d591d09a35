"""Typed sensor anomalies in rivers (oddwater): recall and precision for every fault type.

A flagged row is right for a type if it carries that label. Sensors are pooled over the files.
Tests are `quality.retrospective`'s, all sensors with the same settings, fixed on Sandy Creek;
drift on drift injected into Sandy Creek and the Logan River's corrected series. Physical limits
(nothing below zero; spans of common river probes) are domain knowledge. No test for clusters of
spikes exists; their recall is what the other tests leave: nothing.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.bench.run import Bench, Measured
from lifeline_kit.errors import InputError
from lifeline_kit.quality import retrospective as look
from lifeline_kit.text import Text

_SENSORS = ("Level", "Cond", "Tur")
_TYPES = {
    "spike": "A",
    "flat": "B",
    "offset": "C",
    "shift": "D",
    "variance": "E",
    "impossible": "F",
    "out_of_range": "G",
    "drift": "H",
    "cluster": "I",
    "small_spike": "J",
    "missing": "K",
}
_FITTED_ON = (
    "sensing/oddwater/sandy.parquet",
    "sensing/logan_river/FranklinBasin2014.parquet",
    "sensing/logan_river/MainStreet2019.parquet",
)
_SPAN = {"Level": 50.0, "Cond": 100_000.0, "Tur": 4000.0}  # m, uS/cm, NTU: spans of common probes
_FLAT_H = {"Level": np.nan, "Cond": 24.0, "Tur": 24.0}  # a river's level may stand still


def read(file: Path) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Read one site: time (time,), values (sensor, time), labels of each sensor (time,).

    Raises
    ------
    InputError
        Where the file is not such a site.
    """
    try:
        table = pd.read_parquet(file)
        stamps = pd.to_datetime(table["Timestamp"].astype(str), dayfirst=True)
        values = table[list(_SENSORS)].to_numpy(dtype=float).T
        labels = {name: table[f"type_{name}"].astype(str).to_numpy() for name in _SENSORS}
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{file} is not an oddwater site ({error}); expected Parquet with Timestamp "
            f"(day/month/year), {', '.join(_SENSORS)} and type_ columns."
        ) from error
    order = np.argsort(stamps.to_numpy(), kind="stable")
    time = stamps.to_numpy()[order].astype("datetime64[ms]")
    return time, values[:, order], {name: label[order] for name, label in labels.items()}


def detect(time: np.ndarray, values: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    """Flag every sensor of a site by type: {sensor: {type: bool (time,)}}; sees no label."""
    return {
        name: _typed(name, time, values[k], np.delete(values, k, axis=0))
        for k, name in enumerate(_SENSORS)
    }


def _typed(
    name: str, time: np.ndarray, value: np.ndarray, others: np.ndarray
) -> dict[str, np.ndarray]:
    impossible = (value < 0) | ((value == 0) & (name != "Level"))
    tests: dict[str, Callable[[], np.ndarray]] = {
        "spike": lambda: look.isolated_spikes(time, value) & ~impossible,
        "small_spike": lambda: look.isolated_spikes(time, value, sigmas=10.0, share=(0.0, 0.1)),
        "flat": lambda: _stuck(time, value, _FLAT_H[name]),
        "shift": lambda: look.level_shifts(time, value, others),
        "offset": lambda: look.offsets(time, value, others),
        "variance": lambda: look.variance_changes(time, value),
        "impossible": lambda: impossible,
        "out_of_range": lambda: value > _SPAN[name],
        "drift": lambda: look.drifts(time, value, others),
        "missing": lambda: look.missing_before(time),
    }
    return {kind: test() for kind, test in tests.items()}


def _stuck(time: np.ndarray, value: np.ndarray, hours: float) -> np.ndarray:
    """The whole plateau once it has lasted: the kernel's causal test, told backwards."""
    from lifeline_kit.quality import kernel

    limits = np.full((1, len(kernel.COLUMNS)), np.nan)
    limits[0, kernel.FLAT_S], limits[0, kernel.FLAT_RANGE] = hours * 3600.0, 0.0
    return kernel.plateaus(time, value, limits)


def _measure(data: Path | None, _: int) -> Measured:
    root = Path(data or ".")
    files = sorted((root / "sensing" / "oddwater").glob("*.parquet"))
    if not files:
        raise InputError(f"{root} holds no sensing/oddwater/*.parquet; expected sites of oddwater.")
    names = [file.relative_to(root).as_posix() for file in files]
    unseen = [file for file, name in zip(files, names, strict=True) if name not in _FITTED_ON]
    values = _scores(unseen or files)
    if unseen and len(unseen) < len(files):
        seen = [file for file in files if file not in unseen]
        values |= {f"fitted_{key}": value for key, value in _scores(seen).items()}
    return Measured(
        values=values,
        data=names,
        fitted_on=list(_FITTED_ON),
        note="" if unseen else "these files are the ones the settings were fixed on",
    )


def _scores(files: list[Path]) -> dict[str, float]:
    counts = {kind: np.zeros(3) for kind in _TYPES}  # labelled, flagged, both
    for file in files:
        time, values, labels = read(file)
        found = detect(time, values)
        for name in _SENSORS:
            for kind, code in _TYPES.items():
                true = labels[name] == code
                raised = found[name].get(kind, np.zeros(true.size, dtype=bool))
                counts[kind] += (true.sum(), raised.sum(), (true & raised).sum())
    values: dict[str, float] = {}
    for kind, (labelled, flagged, both) in counts.items():
        if labelled:
            values[f"{kind}_recall"] = both / labelled
        if flagged:
            values[f"{kind}_precision"] = both / flagged
        values[f"{kind}_n"] = float(labelled)
        values[f"{kind}_flagged"] = float(flagged)
    return values


BENCH = Bench(
    name="oddwater",
    title=Text("河流传感器故障分类型（oddwater）", "typed faults of river sensors (oddwater)"),
    measure=_measure,
    needs_data=True,
)
