"""Hot readings: what SQLite holds, as arrays."""

import json
import sqlite3
from collections.abc import Iterable

import numpy as np

from lifeline_kit.io.live.rows import HOT_DTYPE, Rows

_COLUMNS = "r.sensor, r.time, r.value, r.flag, r.tests"


def _fetched(cursor: sqlite3.Cursor) -> Rows:
    table = np.fromiter(cursor, dtype=HOT_DTYPE)
    return Rows(*(np.ascontiguousarray(table[name]) for name in Rows._fields))


def hot_rows(
    connection: sqlite3.Connection, codes: Iterable[int] | None, since: int, until: int
) -> Rows:
    """Readings with since <= time < until in the order of sensor and time."""
    return _ranges(connection, "reading", codes, since, until)


def verdict_rows(
    connection: sqlite3.Connection, codes: Iterable[int] | None, since: int, until: int
) -> Rows:
    """Flags that were given to sealed readings after sealing; the values are 0."""
    return _ranges(connection, "verdict", codes, since, until)


def _ranges(
    connection: sqlite3.Connection,
    source: str,
    codes: Iterable[int] | None,
    since: int,
    until: int,
) -> Rows:
    columns = _COLUMNS if source == "reading" else _COLUMNS.replace("r.value", "0.0")
    # a seek per sensor: the key begins with the sensor, so a range of time alone would scan all
    owner = (
        "(SELECT code AS value FROM sensor ORDER BY code)"
        if codes is None
        else "(SELECT value FROM json_each(?) ORDER BY value)"
    )
    given = () if codes is None else (json.dumps([int(code) for code in codes]),)
    return _fetched(
        connection.execute(
            f"SELECT {columns} FROM {owner} s CROSS JOIN {source} r"
            " ON r.sensor = s.value AND r.time >= ? AND r.time < ? ORDER BY r.sensor, r.time",
            (*given, since, until),
        )
    )


def overlaid(rows: Rows, verdicts: Rows) -> Rows:
    """Give ordered rows the flags of later verdicts."""
    if not verdicts.size or not rows.size:
        return rows
    from lifeline_kit.io.live.rows import positions

    place = positions(rows, verdicts.sensor, verdicts.time)
    hit = place >= 0
    flag, tests = rows.flag.copy(), rows.tests.copy()
    flag[place[hit]] = verdicts.flag[hit]
    tests[place[hit]] = verdicts.tests[hit]
    return rows._replace(flag=flag, tests=tests)
