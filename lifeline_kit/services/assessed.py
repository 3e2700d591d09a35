"""What an analyst adds to the ledger from a case: an assessment on its warning; what it was before.

A case rests on one finding. Its warning is the one the watch issues of that finding; where no
watch ran yet, it is issued here under the same id, by the person who assessed it.
"""

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd

from lifeline_kit.early_warning.duty import Duty
from lifeline_kit.early_warning.issue import drafts_of, known_as
from lifeline_kit.errors import LedgerError
from lifeline_kit.io.ledger import Draft, Ledger
from lifeline_kit.model.examination import Examination
from lifeline_kit.services.watch import first_notice

REACH_M = 300.0  # project default: how far away a past verdict still says something


def assessed(
    ledger: Ledger,
    examination: Examination,
    finding: str,
    text: str,
    duty: Duty,
    *,
    actor: str,
    now: np.datetime64,
) -> str:
    """Put an assessment onto the warning of a finding, and issue that warning where there is none.

    Parameters
    ----------
    ledger : Ledger
    examination : Examination
        That knows the finding.
    finding, text, actor : str
    duty : Duty
    now : datetime64
        UTC.

    Returns
    -------
    str
        Id of the warning.

    Raises
    ------
    LedgerError
        Where the finding belongs to no warning.
    """
    warnings, findings = examination.warnings, examination.findings
    one = warnings[[finding in own for own in warnings["findings"]]].head(1)
    if one.empty:
        raise LedgerError(
            f"finding {finding} belongs to no warning: its level was taken off, or the city has "
            "been examined anew; load the page again."
        )
    item = str(known_as(one, findings).iloc[0])
    drafts: list[Draft] = []
    if ledger.item("warning", item) is None:
        none = ledger.rows_of("warning", [item])
        found = drafts_of(one, findings, none, duty, at=one["issued"].iloc[0])
        drafts = [replace(draft, actor=actor) for draft in found]
        known = ledger.known([draft.key for draft in drafts if draft.key])
        drafts = [draft for draft in drafts if draft.key not in known]
    notices = [first_notice(each, duty, now) for each in drafts if each.act == "issue"]
    said = {"text": text, "examination": examination.version}
    note = Draft(entity="warning", item=item, act="note", actor=actor, body=said)
    ledger.append([*drafts, note], now=now, notices=notices)
    return item


def past_verdicts(
    ledger: Ledger, assets: gpd.GeoDataFrame, asset: str, *, rule: str, most: int = 4
) -> pd.DataFrame:
    """What warnings of a rule at and near an asset were in the end.

    Parameters
    ----------
    ledger : Ledger
    assets : GeoDataFrame, index `asset`
    asset, rule : str
    most : int

    Returns
    -------
    DataFrame, index `item` of the warning
        `asset`, `away_m` [m], `verdict`, `opened`; nearest, then latest first.
    """
    given = ledger.items("verdict", open_only=False, limit=None)
    of = {
        str(body["of"]): str(body["verdict"])
        for body in given["body"]
        if rule in body.get("rules", ())
    }
    warned = ledger.rows_of("warning", list(of))
    places = [str(body.get("asset", "")) for body in warned["body"]]
    here = assets.geometry.reindex(places)
    away = here.distance(assets.geometry[asset], align=False)
    table = pd.DataFrame(
        {
            "asset": places,
            "away_m": away.to_numpy(),
            "verdict": [of[str(item)] for item in warned.index],
            "opened": warned["opened"],
        },
        index=warned.index,
    )
    near = table[table["away_m"] <= REACH_M]
    return near.sort_values(["away_m", "opened"], ascending=[True, False]).head(most)
