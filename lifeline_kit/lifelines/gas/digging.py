"""Third-party digging: permits and vibration alarms joined with pipes by place and time."""

import tomllib
from functools import cache
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from lifeline_kit.errors import InputError
from lifeline_kit.text import Text

WORK_COLUMNS = ("kind", "since", "until")
KINDS = ("permit", "vibration")
UNANNOUNCED = Text("无许可的挖掘", "digging without a permit")


@cache
def settings() -> dict:
    """Return `digging.toml`."""
    file = Path(__file__).with_name("digging.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


def check_works(works: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Check a table of works.

    Parameters
    ----------
    works : GeoDataFrame, index `work`
        `kind` (permit, vibration), `since`, `until` (UTC; `until` NaT for an alarm), geometry.

    Raises
    ------
    InputError
        Naming the first row that is wrong.
    """
    missing = [name for name in WORK_COLUMNS if name not in works]
    if missing or works.index.name != "work":
        raise InputError(
            f"expected works indexed by 'work' with {', '.join(WORK_COLUMNS)}; "
            f"{missing[0] if missing else 'the index'} is missing."
        )
    odd = ~works["kind"].isin(KINDS)
    if odd.any():
        raise InputError(
            f"work {works.index[odd][0]!r} is a {works['kind'][odd].iloc[0]!r}; expected one of "
            f"{', '.join(KINDS)}."
        )
    backwards = works["until"] < works["since"]
    if backwards.any() or works["since"].isna().any():
        row = works.index[backwards | works["since"].isna()][0]
        raise InputError(f"work {row!r} has no beginning or ends before it; mend 'since', 'until'.")
    return works


def works_near_pipes(
    works: gpd.GeoDataFrame, pipes: gpd.GeoDataFrame, at: pd.Timestamp
) -> pd.DataFrame:
    """Pairs of a work under way and a pipe within the buffer of its pressure class.

    Parameters
    ----------
    works : GeoDataFrame, index `work`
        See `check_works`.
    pipes : GeoDataFrame, index `asset`
        `pressure_class`; same metric CRS.
    at : Timestamp
        UTC.

    Returns
    -------
    DataFrame
        `work`, `pipe`, `kind`, `distance_m`, `buffer_m`, `unannounced`, `multiplier`, the most
        dangerous first.

    Raises
    ------
    InputError
    """
    check_works(works)
    if works.crs != pipes.crs:
        raise InputError(
            f"works are in {works.crs}, pipes in {pipes.crs}; expected one metric CRS; "
            "use .to_crs()."
        )
    own = settings()
    active = works[_under_way(works, at)]
    classes = {key: value for key, value in own["buffer_m"].items() if isinstance(value, float)}
    buffer = pipes["pressure_class"].astype("object").map(classes).fillna(classes[""])
    widest = max(classes.values())
    left, right = pipes.sindex.query(active.geometry, predicate="dwithin", distance=widest)
    table = pd.DataFrame(
        {
            "work": active.index.to_numpy()[left],
            "pipe": pipes.index.to_numpy()[right],
            "kind": active["kind"].to_numpy()[left],
            "distance_m": active.geometry.iloc[left]
            .distance(pipes.geometry.iloc[right], align=False)
            .to_numpy(),
            "buffer_m": buffer.to_numpy(dtype=float)[right],
        }
    )
    table = table[table["distance_m"] <= table["buffer_m"]].reset_index(drop=True)
    permitted = set(table.loc[table["kind"] == "permit", "pipe"])
    table["unannounced"] = (table["kind"] == "vibration") & ~table["pipe"].isin(permitted)
    table["multiplier"] = _multiplier(table)
    return table.sort_values("multiplier", ascending=False, kind="stable", ignore_index=True)


def _under_way(works: gpd.GeoDataFrame, at: pd.Timestamp) -> pd.Series:
    own = settings()["time"]
    vibration = works["kind"] == "vibration"
    early = pd.to_timedelta(np.where(vibration, 0.0, own["before_days"] * 24.0), unit="h")
    late = np.where(vibration, own["vibration_h"], own["after_days"] * 24.0)
    end = works["until"].fillna(works["since"]) + pd.to_timedelta(late, unit="h")
    return (works["since"] - early <= at) & (at <= end)


def _multiplier(table: pd.DataFrame) -> pd.Series:
    """One at the edge of the buffer, growing towards the pipe."""
    own = settings()["multiplier"]
    full = table["kind"].map({kind: own[kind] for kind in KINDS}).astype(float)
    full = full.mask(table["unannounced"], own["unannounced"])
    away = table["distance_m"] / table["buffer_m"]
    fade = np.exp(-away / own["distance_e_fold"])
    edge = np.exp(-1.0 / own["distance_e_fold"])
    return 1.0 + (full - 1.0) * (fade - edge) / (1.0 - edge)


def digging_multiplier(
    works: gpd.GeoDataFrame, pipes: gpd.GeoDataFrame, at: pd.Timestamp
) -> pd.Series:
    """Factor on each pipe's rate of damage while works go on: the largest of its works.

    Returns
    -------
    Series, index `asset` [1]
        1 where nobody digs.
    """
    near = works_near_pipes(works, pipes, at)
    largest = near.groupby("pipe")["multiplier"].max()
    return largest.reindex(pipes.index).fillna(1.0).rename("multiplier")


def daily_list(works: gpd.GeoDataFrame, pipes: gpd.GeoDataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """Works to visit on a day: one row a work, with its nearest pipe and why it stands there.

    Parameters
    ----------
    works, pipes : GeoDataFrame
        As in `works_near_pipes`.
    day : Timestamp
        UTC; works under way at that moment.

    Returns
    -------
    DataFrame, index `work`
        `pipe`, `distance_m`, `multiplier`, `pipes` (number), `reason_zh`, `reason_en`; in the
        order of visits.
    """
    near = works_near_pipes(works, pipes, day)
    rows = near.drop_duplicates("work").set_index("work")
    rows["pipes"] = near.groupby("work")["pipe"].nunique()
    words = [
        _reason(kind, bool(unannounced), metres, str(pipe))
        for kind, unannounced, metres, pipe in zip(
            rows["kind"], rows["unannounced"], rows["distance_m"], rows["pipe"], strict=True
        )
    ]
    rows["reason_zh"] = [text.zh for text in words]
    rows["reason_en"] = [text.en for text in words]
    return rows[["pipe", "distance_m", "multiplier", "pipes", "reason_zh", "reason_en"]]


def _reason(kind: str, unannounced: bool, metres: float, pipe: str) -> Text:
    if unannounced:
        title = UNANNOUNCED
    elif kind == "permit":
        title = Text("许可施工", "permitted work")
    else:
        title = Text("振动报警", "vibration alarm")
    return Text(
        f"{title.zh}，距管道 {pipe} {metres:.1f} m", f"{title.en}, {metres:.1f} m from pipe {pipe}"
    )
