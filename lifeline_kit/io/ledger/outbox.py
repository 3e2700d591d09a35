"""The outbox: notices wait here until a sender has them, each under one id that never changes.

A sender first takes a notice (`claimed`), which no other can do meanwhile, sends it, and then says
so (`settled`). Where it dies in between, another takes it after the lease; receivers see the same
id again and drop it: a file of the same name, a Message-ID, an Idempotency-Key.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from lifeline_kit.io.ledger import schema
from lifeline_kit.io.ledger.book import Ledger
from lifeline_kit.io.ledger.rows import milliseconds

QUEUED, SENDING, SENT, GIVEN_UP = "queued", "sending", "sent", "given_up"
LEASE_MS = 120_000  # after it a sender counts as dead
TRIES = 12  # the last after about two days
_FIRST_MS, _LONGEST_MS = 30_000, 8 * 3_600_000


def claimed(ledger: Ledger, *, now: np.datetime64, most: int = 20) -> list[dict]:
    """Take notices that are due, the oldest first; they are this sender's for two minutes.

    Parameters
    ----------
    ledger : Ledger
    now : datetime64
        UTC.
    most : int

    Returns
    -------
    list of dict
        Rows of `notice`.
    """
    moment = milliseconds(now)
    table = schema.notice
    due = (table.c.state.in_((QUEUED, SENDING))) & (table.c.next <= moment)
    query = sa.select(table).where(due).order_by(table.c.made, table.c.notice).limit(most)
    with schema.writing(ledger.engine) as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
        for row in rows:
            row |= {"state": SENDING, "tries": row["tries"] + 1, "next": moment + LEASE_MS}
            connection.execute(
                table.update()
                .where(table.c.notice == row["notice"])
                .values(state=SENDING, tries=row["tries"], next=row["next"])
            )
    return rows


def settled(
    ledger: Ledger, notice: Mapping[str, Any], *, now: np.datetime64, said: str = ""
) -> None:
    """Say that a notice was sent, or why it was not; then it is tried again, ever later.

    Parameters
    ----------
    ledger : Ledger
    notice : mapping
        As claimed.
    now : datetime64
        UTC.
    said : str
        What went wrong; empty where it was sent.
    """
    moment, tries = milliseconds(now), int(notice["tries"])
    table = schema.notice
    if not said:
        values: dict[str, Any] = {"state": SENT, "sent": moment, "said": ""}
    elif tries >= TRIES:
        values = {"state": GIVEN_UP, "said": said}
    else:
        later = min(_FIRST_MS * 2 ** (tries - 1), _LONGEST_MS)
        values = {"state": QUEUED, "said": said, "next": moment + later}
    with schema.writing(ledger.engine) as connection:
        connection.execute(
            table.update()
            # one that another sender took over meanwhile is his
            .where(table.c.notice == notice["notice"], table.c.tries == tries)
            .values(**values)
        )


def notices(ledger: Ledger, *, limit: int = 200) -> pd.DataFrame:
    """Return the newest notices: to whom, when made and sent, `state`, `tries`, last failure."""
    table = schema.notice
    names = ("notice", "item", "contact", "made", "subject", "state", "tries", "sent", "said")
    query = sa.select(*(table.c[name] for name in names)).order_by(table.c.made.desc()).limit(limit)
    with schema.reading(ledger.engine) as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    frame = pd.DataFrame(rows, columns=list(names)).set_index("notice")
    for name in ("made", "sent"):
        frame[name] = pd.to_datetime(frame[name], unit="ms").astype("datetime64[ms]")
    return frame
