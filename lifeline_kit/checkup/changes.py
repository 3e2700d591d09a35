"""What changed since last time: the list of risks, and scores against a month and a year ago."""

import numpy as np
import pandas as pd

from lifeline_kit.errors import TableError
from lifeline_kit.model.tables import RISK_COLUMNS, SCORE_COLUMNS, check_table
from lifeline_kit.text import Text

CHANGES = {
    "new": Text("新增", "new"),
    "closed": Text("销号", "closed"),
    "up": Text("升级", "moved up"),
    "down": Text("降级", "moved down"),
    "rolled over": Text("遗留", "rolled over"),
    "lost sight of": Text("转为未知", "lost sight of"),
    "removed": Text("已移除", "removed from the register"),
}
"""An asset on the list that turns grey, or leaves the register, was not made safe: no `closed`."""
_KEY = ["scope", "subject", "lifeline", "indicator"]
_PERIODS = {"month": (28, 31), "year": (365, 366)}
_SLACK_DAYS = 3.0


def risk_changes(before: pd.DataFrame, now: pd.DataFrame, *, listed: int = 2) -> pd.DataFrame:
    """List what changed on the list of risks between two examinations.

    On the list are assets of level `listed` (2: orange) or worse.

    Parameters
    ----------
    before, now : DataFrame, index `asset`
        `model.tables.RISK_COLUMNS`.
    listed : int, 1-4

    Returns
    -------
    DataFrame, index `asset`
        `lifeline`, `change` (a key of `CHANGES`), `level_before`, `level_now` (0 unknown, -1 not in
        the register), `risk_before`, `risk_now` (likelihood times consequence), `reason_zh`,
        `reason_en` (of now; of before where it is off the list); the worst first.

    Raises
    ------
    TableError
        Where a table breaks its shape, or `listed` is no level.
    """
    for table in (before, now):
        check_table(table, RISK_COLUMNS, "asset")
    if listed not in (1, 2, 3, 4):
        raise TableError(f"level {listed} of the list of risks; expected 1 (red) to 4 (blue).")
    every = now.index.union(before.index, sort=False)
    old = before["level"].reindex(every).fillna(-1).astype("int64")
    new = now["level"].reindex(every).fillna(-1).astype("int64")
    was, stays = old.between(1, listed), new.between(1, listed)
    change = np.select(
        [
            was & stays & (new < old),
            was & stays & (new > old),
            was & stays,
            stays,
            was & (new == 0),
            was & (new == -1),
            was,
        ],
        ["up", "down", "rolled over", "new", "lost sight of", "removed", "closed"],
        default="",
    )
    shown = {side: table.reindex(every) for side, table in (("old", before), ("new", now))}
    result = pd.DataFrame(
        {
            "lifeline": shown["new"]["lifeline"].fillna(shown["old"]["lifeline"]),
            "change": change,
            "level_before": old,
            "level_now": new,
            "risk_before": shown["old"]["likelihood"] * shown["old"]["consequence"],
            "risk_now": shown["new"]["likelihood"] * shown["new"]["consequence"],
        },
        index=every,
    )
    for name in ("reason_zh", "reason_en"):
        result[name] = shown["new"][name].where(stays, shown["old"][name]).fillna("")
    result = result[result["change"] != ""]
    worst = result[["level_before", "level_now"]].where(lambda level: level > 0, 9).min(axis=1)
    order = result.assign(worst=worst, place=result["change"].map(list(CHANGES).index))
    order = order.sort_values(["place", "worst", "risk_now"], ascending=[True, True, False])
    return result.loc[order.index].rename_axis("asset")


def change_counts(changes: pd.DataFrame, assets: pd.DataFrame | None = None) -> pd.DataFrame:
    """Count changes by lifeline, and sum the kilometres behind them.

    Parameters
    ----------
    changes : DataFrame
        Of `risk_changes`.
    assets : DataFrame, optional
        `length_m` [m].

    Returns
    -------
    DataFrame, index (`lifeline`, `change`)
        `n`, `km`.
    """
    km = pd.Series(np.nan, index=changes.index)
    if assets is not None and "length_m" in assets:
        km = assets["length_m"].astype(float).reindex(changes.index) / 1000.0
    groups = changes.assign(km=km).groupby(["lifeline", "change"], observed=True)
    return pd.DataFrame({"n": groups.size(), "km": groups["km"].sum()})


def score_changes(before: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """Compare two stored tables of scores, subject by subject.

    Parameters
    ----------
    before, now : DataFrame
        `model.tables.SCORE_COLUMNS`.

    Returns
    -------
    DataFrame, index (`scope`, `subject`, `lifeline`, `indicator`)
        `before`, `now`, `change` (points), `grade_before`, `grade_now`, `known` (in `both`, only
        `now`, only `before`, or `neither`). No change where one of the two is unknown.

    Raises
    ------
    TableError
        Where a table breaks its shape, or the earlier one does not end before the later.
    """
    for table in (before, now):
        check_table(table, SCORE_COLUMNS, "score_id")
    if len(before) and len(now) and not before["until"].max() < now["until"].max():
        raise TableError(
            f"the earlier scores end {before['until'].max()}, the later {now['until'].max()}; "
            "expected the earlier ones first."
        )
    old, new = (table.set_index(_KEY) for table in (before, now))
    every = new.index.union(old.index, sort=False)
    old, new = old.reindex(every), new.reindex(every)
    seen = np.select(
        [old["score"].notna() & new["score"].notna(), new["score"].notna(), old["score"].notna()],
        ["both", "now", "before"],
        default="neither",
    )
    return pd.DataFrame(
        {
            "before": old["score"],
            "now": new["score"],
            "change": new["score"] - old["score"],
            "grade_before": old["grade"].fillna(""),
            "grade_now": new["grade"].fillna(""),
            "known": seen,
        },
        index=every,
    )


def over_periods(
    now: pd.DataFrame,
    *,
    month_ago: pd.DataFrame | None = None,
    year_ago: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Month-on-month and year-on-year change of scores (环比, 同比).

    Parameters
    ----------
    now, month_ago, year_ago : DataFrame
        `model.tables.SCORE_COLUMNS` of examinations that end a month and a year apart, within
        three days.

    Returns
    -------
    DataFrame, index (`scope`, `subject`, `lifeline`, `indicator`)
        `score`, `grade`, `month_on_month`, `year_on_year` (points; NaN where unknown or not given).

    Raises
    ------
    TableError
        Where a table breaks its shape or ends at another time.
    """
    check_table(now, SCORE_COLUMNS, "score_id")
    result = now.set_index(_KEY)[["score", "grade"]].assign(
        month_on_month=np.nan, year_on_year=np.nan
    )
    for name, table in (("month", month_ago), ("year", year_ago)):
        if table is None:
            continue
        compared = score_changes(table, now)
        days = (now["until"].max() - table["until"].max()) / pd.Timedelta(days=1)
        least, most = _PERIODS[name]
        if not least - _SLACK_DAYS <= days <= most + _SLACK_DAYS:
            raise TableError(
                f"the scores of a {name} ago end {days:.0f} days before those of now; expected "
                f"{least} to {most}, within {_SLACK_DAYS:.0f} days."
            )
        result[f"{name}_on_{name}"] = compared["change"].reindex(result.index)
    return result
