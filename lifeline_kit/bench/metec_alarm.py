"""Alarm on methane in the open air, on controlled releases (METEC): found, false, delay, speed.

A release is found if an event overlaps it; an event is false if it overlaps no release, single
or double; delay is event start minus release start, below zero where an event was still open.
Releases that were under way when the record began count as found or not, but give no delay.
"""

from pathlib import Path
from time import process_time
from typing import cast

import numpy as np
import pandas as pd

from lifeline_kit.bench.metec import events_of, matching, overlaps, releases, wilson
from lifeline_kit.bench.run import Bench, Measured
from lifeline_kit.errors import InputError
from lifeline_kit.methods.ambient import silent_state, watch
from lifeline_kit.text import Text

_FITTED_UNTIL = pd.Timestamp("2022-05-01")
_TIMED = 2_000_000  # samples


def series(root: Path) -> tuple[np.ndarray, np.ndarray, list[Path]]:
    """Time and methane [ppm above background] of all series files; no other column is read.

    Raises
    ------
    InputError
        Where there is no file, or two files say different things of one minute.
    """
    files = matching(root, "series*.parquet")
    columns = ["time", "methane_ppm_above_background"]
    table = pd.concat([pd.read_parquet(file, columns=columns) for file in files])
    table = table.drop_duplicates().sort_values("time")  # files may overlap
    time = table["time"].dt.tz_convert(None)
    if time.duplicated().any():
        raise InputError(
            f"{', '.join(f.name for f in files)} say two things of "
            f"{time[time.duplicated()].iloc[0]}; expected one value a minute."
        )
    return time.to_numpy(), table[columns[1]].to_numpy(), files


def scores(events: pd.DataFrame, truth: pd.DataFrame, *, begin: pd.Timestamp) -> dict[str, float]:
    """Score events against releases, at release level and at event level.

    Parameters
    ----------
    events : DataFrame
        `start`, `end`.
    truth : DataFrame
        Of `metec.releases`.
    begin : Timestamp
        Of the record.

    Returns
    -------
    dict
    """
    meets = overlaps(events, truth)
    single = (truth["n_points"] == 1).to_numpy()
    found = np.asarray(meets.any(axis=0))
    false = int((~meets.any(axis=1)).sum())
    first = meets.argmax(axis=0)[found & single & (truth["start"] >= begin).to_numpy()]
    begun = truth["start"][found & single & (truth["start"] >= begin)]
    starts = events["start"].to_numpy()[first]
    delay = (starts - begun.to_numpy()) / np.timedelta64(1, "m")
    low, high = wilson(int(found[single].sum()), int(single.sum()))
    false_low, false_high = wilson(false, len(events))
    return {
        "releases_found_share": float(found[single].mean()) if single.any() else np.nan,
        "false_event_share": false / max(len(events), 1),
        "median_delay_min": float(np.median(delay)) if delay.size else np.nan,
        "p90_delay_min": float(np.quantile(delay, 0.9)) if delay.size else np.nan,
        "single_releases": float(single.sum()),
        "single_found_wilson_low": low,
        "single_found_wilson_high": high,
        "double_releases": float((~single).sum()),
        "double_found": float(found[~single].sum()),
        "events": float(len(events)),
        "false_events": float(false),
        "false_wilson_low": false_low,
        "false_wilson_high": false_high,
        "delays": float(delay.size),
        "delays_below_zero": float((delay < 0).sum()),
        "median_delay_of_fresh_min": float(np.median(delay[delay >= 0]))
        if (delay >= 0).any()
        else np.nan,
    }


def speed(time: np.ndarray, value: np.ndarray) -> float:
    """Samples a CPU second, best of three runs over the series repeated end to end."""
    times = max(1, -(-_TIMED // value.size))
    many = np.tile(value, times)
    step = time[1] - time[0] if time.size > 1 else np.timedelta64(1, "m")
    clock = time[0] + np.arange(many.size) * step
    watch(silent_state(), time[:100], value[:100])  # compiled here
    took = []
    for _ in range(3):
        begin = process_time()
        watch(silent_state(), clock, many)
        took.append(process_time() - begin)
    return many.size / min(took)


def _measure(data: Path | None, _: int) -> Measured:
    root = Path(data or ".")
    time, value, files = series(root)
    events = events_of(time, value)
    begin, end = (cast("pd.Timestamp", pd.Timestamp(time[i])) for i in (0, -1))
    truth = releases(root, during=(begin, end))
    old = (events["start"] < _FITTED_UNTIL, truth["start"] < _FITTED_UNTIL)
    unseen = end >= _FITTED_UNTIL
    later = (~old[0], ~old[1]) if unseen else old
    # events that began earlier may overlap a later release, and the other way round
    values = _part(events, truth, *later, begin=begin)
    values["samples_per_s"] = speed(time, value)
    if unseen and begin < _FITTED_UNTIL:
        values |= {
            f"fitted_{key}": each for key, each in _part(events, truth, *old, begin=begin).items()
        }
    return Measured(
        values=values,
        data=[file.relative_to(root).as_posix() for file in files],
        fitted_on=["gas/metec/series.parquet up to 2022-04-30"],
        note=f"{begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}; strictly causal"
        + ("" if unseen else "; dose and memory were chosen on these days"),
    )


def _part(
    events: pd.DataFrame,
    truth: pd.DataFrame,
    own_events: pd.Series,
    own_truth: pd.Series,
    *,
    begin: pd.Timestamp,
) -> dict[str, float]:
    """Score one part of the record: its events against all releases, its releases against all."""
    by_release = scores(events, truth[own_truth].reset_index(drop=True), begin=begin)
    by_event = scores(events[own_events], truth, begin=begin)
    of_events = ("false_event_share", "events", "false_events", "false_wilson_low",
                 "false_wilson_high")  # fmt: skip
    return by_release | {key: by_event[key] for key in of_events}


BENCH = Bench(
    name="metec-alarm",
    title=Text("环境甲烷报警（METEC 控制释放）", "alarm on methane in the open air (METEC)"),
    measure=_measure,
    needs_data=True,
)
