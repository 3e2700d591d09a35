"""Copies of a ledger: one file that either database can be made from again.

Lines of JSON, gzipped: a head with version, number of events and last hash, then the events, then
the notices. A copy is checked before anything is written from it.
"""

import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from lifeline_kit.errors import LedgerError
from lifeline_kit.io.ledger import schema
from lifeline_kit.io.ledger.book import Ledger, rebuilt, set_meta
from lifeline_kit.io.ledger.chain import GENESIS, Verified, broken

FILE, COPY = "ledger.sqlite", "ledger.jsonl.gz"  # of a city folder: in use, as shipped
_FORMAT = 1
_AT_ONCE = 5000


def backup(ledger: Ledger, path: Path) -> Verified:
    """Write a copy while the ledger is in use.

    Parameters
    ----------
    ledger : Ledger
    path : Path
        A new file, usually ``.jsonl.gz``.

    Returns
    -------
    Verified
        How many events, and the hash of the last: keep it apart from the copy.

    Raises
    ------
    LedgerError
        Where the file exists or cannot be written, or the ledger itself is not whole.
    """
    if path.exists():
        raise LedgerError(f"{path} exists; name a new file.")
    found = ledger.verify()
    if found.problems:
        raise LedgerError(
            f"the ledger is not whole ({found.problems[0]}); restore an older copy beside it first."
        )
    partial = path.with_name(path.name + ".partial")
    try:
        # one transaction, so that events and notices are of one moment
        with (
            schema.reading(ledger.engine) as connection,
            partial.open("wb") as raw,
            # without a moment or a name in it: the same ledger gives the same file
            gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed,
            io.TextIOWrapper(packed, encoding="utf-8") as out,
        ):
            number, last = _end(connection)
            head = {"lifeline_ledger": _FORMAT, "events": number, "head": last}
            out.write(json.dumps(head) + "\n")
            for table, order in ((schema.event, "seq"), (schema.notice, "notice")):
                for row in _rows(connection, table, order):
                    out.write(json.dumps({table.name: row}, ensure_ascii=False) + "\n")
        partial.replace(path)
    except OSError as error:
        raise LedgerError(f"cannot write {path}: {error.strerror or error}.") from error
    return Verified(events=number, head=last, problems=())


def restore(path: Path, address: str | Path) -> Verified:
    """Make a new ledger from a copy.

    Parameters
    ----------
    path : Path
    address : path or str
        Where no ledger is yet.

    Raises
    ------
    LedgerError
        Where the copy is truncated, changed or none, or the address holds events already.
    """
    parts = _read(path)
    head, events, notices = parts
    problems, end = [], (0, GENESIS)
    for each in broken(events):
        if isinstance(each, str):
            problems.append(each)
        else:
            end = each
    if end != (head["events"], head["head"]):
        problems.append(f"it holds {end[0]} of {head['events']} events")
    if problems:
        raise LedgerError(f"{path}: {problems[0]}; this copy cannot be trusted, take another.")
    with Ledger.open(address, create=True) as ledger, schema.writing(ledger.engine) as connection:
        if _end(connection)[0]:
            raise LedgerError(f"{address} holds a ledger already; name a new one.")
        for table, rows in ((schema.event, events), (schema.notice, notices)):
            for start in range(0, len(rows), _AT_ONCE):
                connection.execute(table.insert(), rows[start : start + _AT_ONCE])
        rebuilt(connection)
        set_meta(connection, head=end[1])
    return Verified(events=end[0], head=end[1], problems=())


def _end(connection: sa.Connection) -> tuple[int, str]:
    table = schema.event
    query = sa.select(table.c.seq, table.c.hash).order_by(table.c.seq.desc()).limit(1)
    row = connection.execute(query).first()
    return (0, GENESIS) if row is None else (row.seq, row.hash)


def _rows(connection: sa.Connection, table: sa.Table, order: str) -> Iterator[dict]:
    query = sa.select(table).order_by(table.c[order]).execution_options(yield_per=_AT_ONCE)
    for row in connection.execute(query).mappings():
        yield dict(row)


def _read(path: Path) -> tuple[dict, list[dict], list[dict]]:
    if not path.is_file():
        raise LedgerError(f"{path}: no such file; name a copy made by lifeline ledger backup.")
    events: list[dict] = []
    notices: list[dict] = []
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            head = json.loads(next(lines, ""))
            if not isinstance(head, dict) or head.get("lifeline_ledger") != _FORMAT:
                raise ValueError("its head is that of no copy")
            for line in lines:
                row = json.loads(line)
                (events if "event" in row else notices).append(next(iter(row.values())))
    except (OSError, EOFError, ValueError, AttributeError) as error:
        raise LedgerError(
            f"{path} is no whole copy of a ledger ({error}); it is truncated or another file."
        ) from None
    return head, events, notices
