"""The SQLite file of a live store: tables, migration, connections.

One file holds the hot readings, the manifest of the sealed months and everything that says what
happened to a reading, so that one transaction moves a month from one side to the other.
Times are int64 milliseconds since 1970 UTC; values are float32, exactly held by a REAL.
"""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from lifeline_kit.errors import StoreError

SCHEMA = 2
HOT = "hot.sqlite"
_CHECKPOINT_PAGES = 16_000  # a tick of 2,000 sensors touches 2,000 pages: gather some ticks

_TABLES = """
CREATE TABLE sensor(
    code INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, quantity TEXT, unit TEXT, clock TEXT,
    interval_s REAL);
CREATE TABLE reading(
    sensor INTEGER NOT NULL, time INTEGER NOT NULL, value REAL NOT NULL,
    flag INTEGER NOT NULL DEFAULT 2, tests INTEGER NOT NULL DEFAULT 0,
    arrived INTEGER NOT NULL, late INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY(sensor, time)) WITHOUT ROWID;
CREATE TABLE latest(
    sensor INTEGER PRIMARY KEY, time INTEGER NOT NULL, value REAL NOT NULL,
    flag INTEGER NOT NULL, tests INTEGER NOT NULL, arrived INTEGER NOT NULL);
CREATE TABLE revision(
    id INTEGER PRIMARY KEY, sensor INTEGER NOT NULL, time INTEGER NOT NULL, value REAL,
    arrived INTEGER, replaced INTEGER NOT NULL);
CREATE INDEX revision_of ON revision(sensor, time);
CREATE TABLE verdict(
    sensor INTEGER NOT NULL, time INTEGER NOT NULL, flag INTEGER NOT NULL,
    tests INTEGER NOT NULL, PRIMARY KEY(sensor, time)) WITHOUT ROWID;
CREATE TABLE correction(
    sensor INTEGER NOT NULL, time INTEGER NOT NULL, method TEXT NOT NULL, value REAL,
    PRIMARY KEY(sensor, time, method)) WITHOUT ROWID;
CREATE TABLE quarantine(
    id INTEGER PRIMARY KEY, sensor TEXT, time INTEGER, value REAL, arrived INTEGER,
    reason TEXT NOT NULL);
CREATE TABLE segment(
    month TEXT PRIMARY KEY, file TEXT NOT NULL, rollup TEXT NOT NULL, rows INTEGER NOT NULL,
    bytes INTEGER NOT NULL, sha256 TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL,
    groups TEXT NOT NULL);
CREATE TABLE dirty(
    id INTEGER PRIMARY KEY AUTOINCREMENT, sensor INTEGER NOT NULL, since INTEGER NOT NULL,
    until INTEGER NOT NULL);
CREATE TABLE change(id INTEGER PRIMARY KEY CHECK (id = 1), number INTEGER NOT NULL);
INSERT INTO change VALUES(1, 0);
"""

# From each older schema to the next one.
_MIGRATIONS = {
    1: """
ALTER TABLE reading ADD COLUMN late INTEGER NOT NULL DEFAULT 0;
CREATE TABLE verdict(
    sensor INTEGER NOT NULL, time INTEGER NOT NULL, flag INTEGER NOT NULL,
    tests INTEGER NOT NULL, PRIMARY KEY(sensor, time)) WITHOUT ROWID;
""",
}


def connect(folder: Path, *, writable: bool) -> sqlite3.Connection:
    """Open the SQLite file of a live folder, making or migrating it when writable.

    Raises
    ------
    StoreError
        Absent and not writable, damaged, of a newer schema, or of an older one and not writable.
    """
    file = folder / HOT
    if not writable and not file.exists():
        raise StoreError(
            f"{folder} holds no {HOT}: expected a live store; 'lifeline ingest --into', 'collect' "
            "and 'replay' make one, or name the city folder that has one."
        )
    with translated(folder):
        connection = _opened(file, writable=writable)
        try:
            _prepare(connection, folder, writable=writable)
        except BaseException:
            connection.close()
            raise
    return connection


def _opened(file: Path, *, writable: bool) -> sqlite3.Connection:
    if writable:
        connection = sqlite3.connect(
            file, timeout=30, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        connection.execute("PRAGMA journal_size_limit = 67108864")
    else:
        connection = _reader(file)
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA cache_size = -32000")
    return connection


def _reader(file: Path) -> sqlite3.Connection:
    """Open for reading alone; a folder that cannot be written is read as it stands."""
    where = file.resolve().as_uri()
    connection = sqlite3.connect(
        f"{where}?mode=ro", uri=True, timeout=30, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        if file.with_name(file.name + "-wal").exists():
            raise
        connection = sqlite3.connect(
            f"{where}?immutable=1", uri=True, isolation_level=None, check_same_thread=False
        )
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    return connection


def _prepare(connection: sqlite3.Connection, folder: Path, *, writable: bool) -> None:
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found == SCHEMA:
        return
    if found > SCHEMA:
        raise StoreError(
            f"{folder / HOT} is of schema {found}, this lifeline_kit reads up to {SCHEMA}; "
            "upgrade lifeline_kit to open it."
        )
    if not writable:
        raise StoreError(
            f"{folder / HOT} is of schema {found}, expected {SCHEMA}; open it once with "
            "writable=True ('lifeline store keep') to bring it up to date."
        )
    steps = [_TABLES] if found == 0 else [_MIGRATIONS[old] for old in range(found, SCHEMA)]
    with transaction(connection):
        for statement in ";".join(steps).split(";"):
            if statement.strip():
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA}")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Generator[None]:
    """One durable write transaction: all of it or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Generator[None]:
    """One moment of the store for several reads; a writer goes on meanwhile."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


@contextmanager
def translated(folder: Path) -> Generator[None]:
    """Say in a StoreError what SQLite or the file system refused."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StoreError(
            f"the live store in {folder} refused: {reason}; nothing was changed. "
            f"{_remedy(str(reason))}"
        ) from error


def _remedy(reason: str) -> str:
    text = reason.lower()
    if "full" in text or "no space" in text or "quota" in text or "too large" in text:
        return "Free some space and send the same batch again."
    if "readonly" in text or "read-only" in text or "permission" in text or "unable" in text:
        return "Check that the folder exists and may be written."
    if "malformed" in text or "not a database" in text:
        return f"{HOT} is damaged: put it aside and restore it from a copy."
    return "Check the disk, then try again."
