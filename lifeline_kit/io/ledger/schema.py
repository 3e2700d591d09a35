"""Tables of the ledger, the same on SQLite and PostgreSQL, and how they are opened.

Only `event` is the book; nothing in it is ever changed or removed, which triggers of the database
refuse and the chain of hashes would show. `item` is what the events come to, kept for fast pages
and made anew from them at any time. `notice` is the outbox.
"""

import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event as hooks
from sqlalchemy.exc import DBAPIError

from lifeline_kit.errors import LedgerError

SCHEMA = 2  # 1 had no column `supervised`
_LOCK = 0x11FE11  # of PostgreSQL's advisory locks: one writer at a time
_MS = sa.BigInteger()  # milliseconds since 1970, UTC
_WORD, _NAME = sa.String(40), sa.String(200)

metadata = sa.MetaData()
event = sa.Table(
    "event",
    metadata,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("key", sa.String(300), nullable=False, unique=True),
    sa.Column("entity", _WORD, nullable=False),
    sa.Column("item", _NAME, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("act", _WORD, nullable=False),
    sa.Column("at", _MS, nullable=False),
    sa.Column("told", _MS, nullable=False),  # the writer's own clock
    sa.Column("actor", _NAME, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("before", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.UniqueConstraint("entity", "item", "version"),
    sa.Index("event_at", "entity", "at"),
)
item = sa.Table(
    "item",
    metadata,
    sa.Column("entity", _WORD, primary_key=True),
    sa.Column("item", _NAME, primary_key=True),
    sa.Column("state", _WORD, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("level", sa.Integer, nullable=False),
    sa.Column("lifeline", _WORD, nullable=False),
    sa.Column("unit", _NAME, nullable=False),
    sa.Column("supervised", sa.Boolean, nullable=False),
    sa.Column("opened", _MS, nullable=False),
    sa.Column("since", _MS, nullable=False),
    sa.Column("updated", _MS, nullable=False),
    sa.Column("closed", _MS),  # NULL while it goes on
    sa.Column("times", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Index("item_open", "entity", "closed", "level", "opened"),
    sa.Index("item_opened", "entity", "opened"),
)
notice = sa.Table(
    "notice",
    metadata,
    sa.Column("notice", sa.String(300), primary_key=True),
    sa.Column("item", _NAME, nullable=False),
    sa.Column("contact", _NAME, nullable=False),
    sa.Column("made", _MS, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("state", _WORD, nullable=False),  # queued, sending, sent, given_up
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("next", _MS, nullable=False),  # not tried before
    sa.Column("sent", _MS),
    sa.Column("said", sa.Text, nullable=False),  # of the last failure
    sa.Index("notice_due", "state", "next"),
)
meta = sa.Table(
    "meta",
    metadata,
    sa.Column("name", _WORD, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

_REFUSE = {
    "sqlite": tuple(
        f"CREATE TRIGGER IF NOT EXISTS event_no_{act.lower()} BEFORE {act} ON event "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        for act in ("UPDATE", "DELETE")
    ),
    "postgresql": (
        "CREATE OR REPLACE FUNCTION event_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$",
        "CREATE OR REPLACE TRIGGER event_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON event "
        "EXECUTE FUNCTION event_refuse()",
    ),
}


def engine_of(address: str | Path, *, create: bool) -> sa.Engine:
    """Open a database: a file is SQLite, else an address of SQLAlchemy.

    Raises
    ------
    LedgerError
        Where the file is absent and not to be made, or the address is of no known kind.
    """
    text = str(address)
    if not re.match(r"[a-z0-9+]+://", text):
        path = Path(text)
        if not create and not path.is_file():
            raise LedgerError(
                f"{path}: no ledger there; make one with lifeline ledger init, or name another."
            )
        text = f"sqlite:///{path.resolve()}"
    if not text.startswith(("sqlite:", "postgresql+pg8000:", "postgresql:")):
        raise LedgerError(
            f"ledger {text.split('://')[0]!r} is not known; expected a file or "
            "postgresql+pg8000://user@host/base."
        )
    text = text.replace("postgresql:", "postgresql+pg8000:", 1) if text[10] == ":" else text
    engine = sa.create_engine(text, pool_pre_ping=True)
    if engine.dialect.name == "sqlite":
        hooks.listen(engine, "connect", _prepared)
        hooks.listen(engine, "begin", _begun)
    return engine


def _prepared(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by us, below
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")


def _begun(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def reading(engine: sa.Engine) -> Generator[sa.Connection, None, None]:
    """Connect for reading; what a database says in its own words becomes one error."""
    with _plain(engine), engine.connect() as connection:
        yield connection


@contextmanager
def writing(engine: sa.Engine) -> Generator[sa.Connection, None, None]:
    """One transaction, alone among all writers; all of it stands, or none."""
    with (
        _plain(engine),
        engine.connect().execution_options(writes=True) as connection,
        connection.begin(),
    ):
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:k)"), {"k": _LOCK})
        yield connection


@contextmanager
def _plain(engine: sa.Engine) -> Generator[None, None, None]:
    try:
        yield
    except DBAPIError as error:
        said = " ".join(str(error.orig).split())[:200]
        where = engine.url.render_as_string(hide_password=True)
        raise LedgerError(
            f"ledger {where}: {said}; see that it is reachable, writable and whole "
            "(lifeline ledger verify)."
        ) from error


def make_tables(connection: sa.Connection) -> None:
    """Make what is not there yet."""
    metadata.create_all(connection)
    for statement in _REFUSE[connection.dialect.name]:
        connection.exec_driver_sql(statement)
