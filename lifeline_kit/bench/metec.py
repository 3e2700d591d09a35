"""The METEC controlled releases: files, truth for scoring, events, and the rules of scoring.

Source: wsdaniels/DLQ (MIT); Daniels et al. 2024, Elementa 12, 00110.
"""

from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd

from lifeline_kit.errors import InputError
from lifeline_kit.methods.ambient import methane_episodes

FOLDER = Path("gas") / "metec"
MERGE = pd.Timedelta(minutes=60)


def wilson(right: int, n: int, *, z: float = 1.96) -> tuple[float, float]:
    """Wilson's 95 % interval of a share; (0, 1) of nothing."""
    if not n:
        return 0.0, 1.0
    share, spread = right / n, z * z / n
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * np.sqrt(share * (1 - share) / n + spread / (4 * n))
    return float(max(middle - half, 0.0)), float(min(middle + half, 1.0))


def matching(root: Path, pattern: str) -> list[Path]:
    """Files of the set, by pattern.

    Raises
    ------
    InputError
        Where none matches.
    """
    found = sorted((root / FOLDER).glob(pattern))
    if not found:
        raise InputError(f"{root / FOLDER} holds no {pattern}; expected at least one.")
    return found


def releases(
    root: Path, *, during: tuple[pd.Timestamp, pd.Timestamp] | None = None
) -> pd.DataFrame:
    """Truth: one row per release; `units` are the two letters of each emitting unit.

    Parameters
    ----------
    root : Path
    during : (Timestamp, Timestamp), optional
        First and last reading of a record; releases wholly outside are left out.

    Raises
    ------
    InputError
    """
    parts = [
        pd.read_csv(file, parse_dates=["start", "end"]) for file in matching(root, "releases*.csv")
    ]
    rows = pd.concat(parts).drop_duplicates(["release", "point"])
    rows["start"] = rows["start"].dt.tz_convert(None)
    rows["end"] = rows["end"].dt.tz_convert(None)
    grouped = rows.groupby("release")
    truth = grouped.agg(start=("start", "min"), end=("end", "max"), n_points=("n_points", "max"))
    truth["units"] = grouped["unit"].agg(lambda unit: tuple(sorted(set(unit.str[:2]))))
    truth["kg_per_h"] = grouped["methane_g_per_h"].sum() / 1000.0
    truth = truth.sort_values("start").reset_index()
    if during is None:
        return truth
    inside = (truth["end"] >= during[0]) & (truth["start"] <= during[1])
    return truth[inside].reset_index(drop=True)


def merged(episodes: pd.DataFrame, last: pd.Timestamp) -> pd.DataFrame:
    """Events with `start` and `end`: those closer than 60 min are one; an open one ends at `last`.

    Examples
    --------
    >>> time = pd.to_datetime(["2022-05-01 00:00", "2022-05-01 01:00", "2022-05-01 05:00"])
    >>> ends = pd.to_datetime(["2022-05-01 00:10", "2022-05-01 01:30", None])
    >>> events = merged(pd.DataFrame({"start": time, "end": ends}), pd.Timestamp("2022-05-02"))
    >>> events["start"].dt.hour.tolist(), events["end"].dt.day.tolist()
    ([0, 5], [1, 2])
    """
    rows = pd.DataFrame({"start": episodes["start"], "end": episodes["end"].fillna(last)})
    apart = rows["start"] - rows["end"].shift() >= MERGE
    return rows.groupby(apart.cumsum()).agg(start=("start", "min"), end=("end", "max"))


def events_of(time: np.ndarray, value: np.ndarray) -> pd.DataFrame:
    """Events of the alarm with its default settings; reads readings alone."""
    return merged(methane_episodes(time, value), cast("pd.Timestamp", pd.Timestamp(time[-1])))


def overlaps(events: pd.DataFrame, truth: pd.DataFrame) -> np.ndarray:
    """Whether an event and a release share a moment: bool, (event, release)."""
    begins = events["start"].to_numpy()[:, None] <= truth["end"].to_numpy()[None]
    return begins & (events["end"].to_numpy()[:, None] >= truth["start"].to_numpy()[None])
