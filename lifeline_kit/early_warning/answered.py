"""From the ledger into the scores: which warnings were answered, by whom, and in time or not."""

import pandas as pd

from lifeline_kit.early_warning.duty import Duty
from lifeline_kit.early_warning.issue import known_as
from lifeline_kit.model.ledger import MERGED


def tasks_of(
    items: pd.DataFrame, warnings: pd.DataFrame, findings: pd.DataFrame, duty: Duty
) -> pd.DataFrame:
    """Make a task of each warning in the ledger that an examination knows: close it in time.

    Parameters
    ----------
    items : DataFrame, index `item`
        Warnings as of `Ledger.items`; merged ones count with what they were merged into.
    warnings, findings : DataFrame
        Of the Examination.
    duty : Duty
        Limits of closing by level.

    Returns
    -------
    DataFrame, index `task` (id of the warning in the ledger)
        `warning` (id in the examination), `unit`, `due`, `done` (NaT: not closed); times in UTC.
    """
    ids = known_as(warnings, findings)
    names = pd.Series(ids.index, index=ids.to_numpy(), dtype="object")
    own = items[items.index.isin(names.index) & (items["state"] != MERGED)]
    hours = [duty.close_h[int(level)] for level in own["level"]]
    return pd.DataFrame(
        {
            "warning": names.reindex(own.index).to_numpy(dtype=object),
            "unit": own["unit"].to_numpy(dtype=object),
            "due": (own["opened"] + pd.to_timedelta(hours, unit="h")).astype("datetime64[ms]"),
            "done": own["closed"].astype("datetime64[ms]"),
        },
        index=pd.Index(own.index, name="task"),
    ).sort_index()
