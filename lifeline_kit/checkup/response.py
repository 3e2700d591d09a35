"""How warnings were answered: tasks done on time, by lifeline, asset or unit.

Of a task only its deadline and its end count, so that any ledger can be read: export a row per
task. `warning` is the id of the warning it answers, `unit` who had to do it, `due` its deadline,
`done` its end (empty: not done). Times are UTC without zone.
"""

import pandas as pd

from lifeline_kit.errors import TableError
from lifeline_kit.model.tables import check_table

TASK_COLUMNS = {
    "warning": "str",
    "unit": "str",
    "due": "datetime64[ms]",
    "done": "datetime64[ms]",  # NaT: not yet
}


def check_tasks(tasks: pd.DataFrame, warnings: pd.DataFrame) -> pd.DataFrame:
    """Check tasks: shape, a deadline each, a warning that exists.

    Raises
    ------
    TableError
        Naming the task.
    """
    check_table(tasks, TASK_COLUMNS, "task")
    for name in ("due", "done"):
        if not pd.api.types.is_datetime64_dtype(tasks[name]):
            raise TableError(
                f"column {name!r} of tasks holds {tasks[name].dtype}; expected times, UTC without "
                "zone: convert with pandas.to_datetime(…, utc=True).dt.tz_localize(None)."
            )
    undated = tasks["due"].isna()
    if undated.any():
        raise TableError(
            f"task {tasks.index[undated][0]!r} has no deadline; expected a time in 'due': nothing "
            "can be on time without one, leave such tasks out."
        )
    stray = ~tasks["warning"].isin(warnings.index)
    if stray.any():
        raise TableError(
            f"task {tasks.index[stray][0]!r} answers warning "
            f"{tasks['warning'][stray].iloc[0]!r}, which is not in the table of warnings; expected "
            "one of its ids."
        )
    return tasks


def task_outcomes(
    tasks: pd.DataFrame, warnings: pd.DataFrame, *, at: pd.Timestamp, since: pd.Timestamp
) -> pd.DataFrame:
    """Judge the tasks of a period: those that fell due in it, or were done in it.

    A task still open after its deadline is late; one that is not due yet and not done is not
    judged; nothing after `at` is known.

    Parameters
    ----------
    tasks : DataFrame, index `task`
        `TASK_COLUMNS`.
    warnings : DataFrame, index `warning`
        Tell lifeline and asset.
    at, since : Timestamp

    Returns
    -------
    DataFrame, index `task`
        `warning`, `unit`, `lifeline`, `asset`, `on_time` (bool), `late_h` [h], 0 where on time.

    Raises
    ------
    TableError
    """
    check_tasks(tasks, warnings)
    done = tasks["done"].where(tasks["done"] <= at)
    judged = (tasks["due"].between(since, at)) | done.between(since, at)
    part, done = tasks[judged], done[judged]
    late = (done.fillna(at) - part["due"]).dt.total_seconds().clip(lower=0.0) / 3600.0
    answered = warnings.loc[part["warning"]]
    return pd.DataFrame(
        {
            "warning": part["warning"],
            "unit": part["unit"],
            "lifeline": answered["lifeline"].to_numpy(),
            "asset": answered["asset"].to_numpy(),
            "on_time": (done <= part["due"]).astype(bool),
            "late_h": late,
        },
        index=part.index,
    )


def on_time_shares(outcomes: pd.DataFrame, by: str = "unit") -> pd.DataFrame:
    """Count tasks and those on time.

    Parameters
    ----------
    outcomes : DataFrame
        Of `task_outcomes`.
    by : str
        `unit`, `lifeline` or `asset`.

    Returns
    -------
    DataFrame, index `by`
        `n`, `on_time` (share 0-1), `late_h` (mean of the late ones [h], NaN where none is).
    """
    groups = outcomes.groupby(by)
    late = outcomes["late_h"].where(~outcomes["on_time"])
    return pd.DataFrame(
        {
            "n": groups.size(),
            "on_time": groups["on_time"].mean(),
            "late_h": late.groupby(outcomes[by]).mean(),
        }
    )
