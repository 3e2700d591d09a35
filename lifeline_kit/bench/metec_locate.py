"""Which of five sources leaks, on controlled releases (METEC): one answer per event.

Events come from the alarm on the sensors' maximum; truth serves scoring alone: an event is scored
against the single-source release that it overlaps longest. The roots and spans of the likelihood
were chosen on pieces of 30-120 min of the releases of 9-12 May 2022.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.bench.metec import FOLDER, events_of, matching, overlaps, releases, wilson
from lifeline_kit.bench.run import Bench, Measured
from lifeline_kit.errors import InputError
from lifeline_kit.methods.ambient import silent_state, watch
from lifeline_kit.methods.plume import source_belief
from lifeline_kit.text import Text

UNITS = {
    "tank": "4T",
    "wellhead_west": "4W",
    "wellhead_east": "5W",
    "separator_west": "4S",
    "separator_east": "5S",
}
_FITTED_UNTIL = pd.Timestamp("2022-05-12 12:00")


def window(sensors: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """Concentrations (time, sensor) and unit responses (source, time, sensor) of one window.

    Raises
    ------
    InputError
        Where a candidate's file is missing or its times or sensors differ.
    """
    seen = pd.read_parquet(sensors)
    prefix = sensors.name.removesuffix("_sensors.parquet")
    responses = []
    for unit in UNITS:
        file = sensors.with_name(f"{prefix}_unit_{unit}.parquet")
        if not file.exists():
            raise InputError(f"{file} is missing; expected the response to a unit rate of {unit}.")
        response = pd.read_parquet(file)
        if not response.index.equals(seen.index) or set(response) != set(seen):
            raise InputError(f"{file} and {sensors.name} differ in times or sensors.")
        responses.append(response[seen.columns].to_numpy(dtype=float))
    seen.index = pd.DatetimeIndex(seen.index).tz_convert(None)
    return seen, np.stack(responses)


def answers(seen: pd.DataFrame, responses: np.ndarray) -> pd.DataFrame:
    """Find events and answer each: `start`, `end`, `unit`, `probability`, rate with interval."""
    time = seen.index.to_numpy()
    above = np.stack(
        [watch(silent_state(), time, seen[name].to_numpy())[1] for name in seen], axis=1
    )
    largest = np.where(np.isfinite(above), above, -np.inf).max(axis=1)
    events = events_of(time, np.where(np.isfinite(largest), largest, np.nan))
    rows = []
    for event in events.to_dict("records"):
        own = (time >= event["start"]) & (time <= event["end"])
        belief = source_belief(above[own], responses[:, own])
        rows.append(
            event
            | {
                "unit": list(UNITS.values())[belief.best],
                "probability": belief.probability[belief.best],
                "rate": belief.rate[belief.best],
                "rate_low": belief.rate_low[belief.best],
                "rate_high": belief.rate_high[belief.best],
            }
        )
    names = ("start", "end", "unit", "probability", "rate", "rate_low", "rate_high")
    return pd.DataFrame(rows, columns=list(names))


def scored(found: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Answers that overlap a single-source release, with `truth` and the true `kg_per_h`."""
    meets = overlaps(found, truth)
    starts = np.maximum(found["start"].to_numpy()[:, None], truth["start"].to_numpy()[None])
    ends = np.minimum(found["end"].to_numpy()[:, None], truth["end"].to_numpy()[None])
    shared = np.where(meets, (ends - starts) / np.timedelta64(1, "s"), -1.0)
    if not truth.empty:
        longest = shared.argmax(axis=1)
        found = found.assign(
            truth=[truth["units"].iloc[i][0] for i in longest],
            kg_per_h=truth["kg_per_h"].to_numpy()[longest],
        )
        alone = (truth["n_points"].to_numpy() == 1)[longest]
        return found[meets.any(axis=1) & alone]
    return found.assign(truth="", kg_per_h=np.nan).iloc[:0]


def _measure(data: Path | None, _: int) -> Measured:
    root = Path(data or ".")
    truth = releases(root)
    parts, files = [], []
    for file in matching(root, "week*_sensors.parquet"):
        seen, responses = window(file)
        parts.append(scored(answers(seen, responses), truth))
        files.append((FOLDER / file.name).as_posix())
    table = pd.concat(parts)
    old = table["start"] < _FITTED_UNTIL
    values = _scores(table if old.all() else table[~old])
    if old.any() and not old.all():
        values |= {f"fitted_{key}": value for key, value in _scores(table[old]).items()}
    return Measured(
        values=values,
        data=files,
        fitted_on=["gas/metec/week_sensors.parquet, 9 to 12 May 2022"],
        note="responses are of a dispersion model; the published system drew them itself"
        + ("; the form of the likelihood was chosen on these days" if old.all() else ""),
    )


def _scores(table: pd.DataFrame) -> dict[str, float]:
    right = int((table["unit"] == table["truth"]).sum())
    low, high = wilson(right, len(table))
    inside = (table["kg_per_h"] >= table["rate_low"]) & (table["kg_per_h"] <= table["rate_high"])
    ratio = (table["rate"] / table["kg_per_h"])[table["unit"] == table["truth"]]
    return {
        "accuracy": right / max(len(table), 1),
        "n": float(len(table)),
        "wilson_low": low,
        "wilson_high": high,
        "mean_probability": float(table["probability"].mean()),
        "rate_ratio_median": float(ratio.median()),
        "rate_in_90_interval_share": float(inside.mean()),
    }


BENCH = Bench(
    name="metec-locate",
    title=Text("五个候选源的定位（METEC）", "which of five sources leaks (METEC)"),
    measure=_measure,
    needs_data=True,
)
