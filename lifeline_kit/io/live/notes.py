"""What stands beside the readings: sensors, flags, corrections, revisions, quarantine, ranges."""

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.errors import StoreError
from lifeline_kit.io.live.incoming import LONG_AGO
from lifeline_kit.io.live.rows import Rows, positions
from lifeline_kit.io.live.schema import HOT
from lifeline_kit.io.live.sealed import Segment, segments
from lifeline_kit.io.live.writing import united

_SENSOR_COLUMNS = ("quantity", "unit", "clock", "interval_s")


def _frame(cursor: sqlite3.Cursor, times: Sequence[str] = ()) -> pd.DataFrame:
    names = [column[0] for column in cursor.description]
    rows = cursor.fetchall()
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    table: dict[str, object] = {}
    for name, column in zip(names, columns, strict=True):
        if name in times:
            table[name] = _times(list(column))
        elif name == "value":
            numbers = [np.nan if each is None else each for each in column]
            table[name] = np.array(numbers, dtype=np.float32)
        else:
            table[name] = list(column)
    return pd.DataFrame(table, columns=names)


def _times(column: list[int | None]) -> np.ndarray:
    nat = np.iinfo(np.int64).min
    filled = [nat if each is None else each for each in column]
    return np.array(filled, dtype=np.int64).view("datetime64[ms]")


def store_sensors(connection: sqlite3.Connection, sensors: pd.DataFrame) -> None:
    """Insert new sensors and bring clock and interval of known ones up to date."""
    from lifeline_kit.io.live.schema import transaction

    columns = [
        sensors[name] if name in sensors else [None] * len(sensors) for name in _SENSOR_COLUMNS
    ]
    given = [
        tuple(None if pd.isna(each) else each for each in row)
        for row in zip(sensors.index.astype(str), *columns, strict=True)
    ]
    known = {
        row[0]: row[1:]
        for row in connection.execute("SELECT id, quantity, unit, clock, interval_s FROM sensor")
    }
    for name, quantity, unit, _, _ in given:
        old = known.get(name)
        if old is None:
            continue
        for what, before, after in (("quantity", old[0], quantity), ("unit", old[1], unit)):
            if before is not None and after is not None and before != after:
                raise StoreError(
                    f"sensor {name!r} is registered with {what} {before!r}, now it comes with "
                    f"{after!r}; its readings would change their meaning. Give the new sensor "
                    "an id of its own."
                )
    changed = [row for row in given if known.get(row[0]) != row[1:]]
    if not changed:
        return
    with transaction(connection):
        connection.executemany(
            "INSERT INTO sensor(id, quantity, unit, clock, interval_s) VALUES(?, ?, ?, ?, ?)"
            " ON CONFLICT(id) DO UPDATE SET quantity = coalesce(excluded.quantity, quantity),"
            " unit = coalesce(excluded.unit, unit), clock = coalesce(excluded.clock, clock),"
            " interval_s = coalesce(excluded.interval_s, interval_s)",
            changed,
        )
        connection.execute("UPDATE change SET number = number + 1")


def sensor_table(connection: sqlite3.Connection) -> pd.DataFrame:
    """Registered sensors: index `sensor`; code, quantity, unit, clock, interval_s."""
    cursor = connection.execute(
        "SELECT id AS sensor, code, quantity, unit, clock, interval_s FROM sensor ORDER BY id"
    )
    return _frame(cursor).set_index("sensor")


def latest_table(connection: sqlite3.Connection) -> pd.DataFrame:
    """Newest readings: index `sensor`."""
    rows = connection.execute(
        "SELECT s.id, l.time, l.value, l.flag, l.tests, l.arrived"
        " FROM latest l JOIN sensor s ON s.code = l.sensor"
    ).fetchall()
    names, time, value, flag, tests, arrived = zip(*rows, strict=True) if rows else [()] * 6
    return pd.DataFrame(
        {
            "time": np.array(time, dtype=np.int64).view("datetime64[ms]"),
            "value": np.array(value, dtype=np.float32),
            "flag": np.array(flag, dtype=np.uint8),
            "tests": np.array(tests, dtype=np.uint16),
            "arrived": np.array(arrived, dtype=np.int64).view("datetime64[ms]"),
        },
        index=pd.Index(names, dtype=object, name="sensor"),
        copy=False,
    ).sort_index()


def store_flags(connection: sqlite3.Connection, given: Rows, hot: Rows, sealed: Rows) -> int:
    """Write flags that differ: to hot readings in place, to sealed ones as verdicts."""
    count = 0
    place = positions(hot, given.sensor, given.time)
    in_hot = place >= 0
    differs = in_hot.copy()
    differs[in_hot] = (hot.flag[place[in_hot]] != given.flag[in_hot]) | (
        hot.tests[place[in_hot]] != given.tests[in_hot]
    )
    count += _update(
        connection,
        "UPDATE reading SET flag = ?, tests = ? WHERE sensor = ? AND time = ?",
        given.take(differs),
    )
    rest = given.take(~in_hot)
    place = positions(sealed, rest.sensor, rest.time)
    there = place >= 0
    differs = there.copy()
    differs[there] = (sealed.flag[place[there]] != rest.flag[there]) | (
        sealed.tests[place[there]] != rest.tests[there]
    )
    sealed_flags = rest.take(differs)
    count += _update(
        connection,
        "INSERT OR REPLACE INTO verdict(flag, tests, sensor, time) VALUES(?, ?, ?, ?)",
        sealed_flags,
    )
    _update(
        connection,
        "UPDATE latest SET flag = ?, tests = ? WHERE sensor = ? AND time = ?",
        given.take(np.append(given.sensor[1:] != given.sensor[:-1], True)[: given.size]),
    )
    return count


def _update(connection: sqlite3.Connection, statement: str, rows: Rows) -> int:
    connection.executemany(
        statement,
        zip(
            rows.flag.tolist(),
            rows.tests.tolist(),
            rows.sensor.tolist(),
            rows.time.tolist(),
            strict=True,
        ),
    )
    return rows.size


def store_corrections(
    connection: sqlite3.Connection,
    code: np.ndarray | None,
    time: np.ndarray,
    value: np.ndarray,
    method: str,
) -> None:
    """Keep corrected values; of one method the newest stands."""
    numbers = [float(each) if np.isfinite(each) else None for each in value]
    codes = [] if code is None else code.tolist()
    connection.executemany(
        "INSERT OR REPLACE INTO correction(sensor, time, method, value) VALUES(?, ?, ?, ?)",
        zip(codes, time.tolist(), [method] * len(numbers), numbers, strict=True),
    )


def _of(codes: np.ndarray | None, alias: str) -> tuple[str, tuple[str, ...]]:
    if codes is None:
        return "", ()
    given = json.dumps([int(code) for code in codes])
    return f" WHERE {alias}.sensor IN (SELECT value FROM json_each(?))", (given,)


def revision_table(connection: sqlite3.Connection, codes: np.ndarray | None) -> pd.DataFrame:
    """Values that were replaced, in the order of sensor, time and replacement."""
    where, given = _of(codes, "v")
    cursor = connection.execute(
        "SELECT s.id AS sensor, v.time, v.value, v.arrived, v.replaced"
        f" FROM revision v JOIN sensor s ON s.code = v.sensor{where}"
        " ORDER BY s.id, v.time, v.replaced, v.id",
        given,
    )
    return _frame(cursor, ("time", "arrived", "replaced"))


def correction_table(connection: sqlite3.Connection, codes: np.ndarray | None) -> pd.DataFrame:
    """Corrected values."""
    where, given = _of(codes, "c")
    cursor = connection.execute(
        "SELECT s.id AS sensor, c.time, c.value, c.method"
        f" FROM correction c JOIN sensor s ON s.code = c.sensor{where}"
        " ORDER BY s.id, c.time, c.method",
        given,
    )
    return _frame(cursor, ("time",))


def quarantine_table(connection: sqlite3.Connection) -> pd.DataFrame:
    """Rows that were not taken, in the order they came."""
    cursor = connection.execute(
        "SELECT sensor, time, value, arrived, reason FROM quarantine ORDER BY id"
    )
    return _frame(cursor, ("time", "arrived"))


def segment_table(manifest: list[Segment]) -> pd.DataFrame:
    """The manifest of sealed months."""
    table = pd.DataFrame(manifest, columns=list(Segment._fields)).set_index("month")
    for name in ("since", "until"):
        table[name] = _times(table[name].tolist())
    return table[["file", "rows", "bytes", "since", "until", "sha256"]]


def dirty_table(connection: sqlite3.Connection) -> pd.DataFrame:
    """United dirty ranges; `mark` is the newest mark they were united from."""
    rows = connection.execute("SELECT sensor, since, until, id FROM dirty").fetchall()
    names = dict(connection.execute("SELECT code, id FROM sensor"))
    code, since, until, marks = (
        (np.array(c, dtype=np.int64) for c in zip(*rows, strict=True))
        if rows
        else (np.zeros(0, dtype=np.int64),) * 4
    )
    ranges = list(united(code, since, until))
    return pd.DataFrame(
        {
            "sensor": pd.Series([names[each] for each, _, _ in ranges], dtype=object),
            "since": _times([begin for _, begin, _ in ranges]),
            "until": _times([end for _, _, end in ranges]),
            "mark": np.full(len(ranges), marks.max(initial=0), dtype=np.int64),
        }
    )


def settle(connection: sqlite3.Connection, codes: np.ndarray | None, dirty: pd.DataFrame) -> None:
    """Delete the marks that lie inside the given ranges and are not newer than them."""
    spans = [
        dirty[name].to_numpy().astype("datetime64[ms]").astype(np.int64).tolist()
        for name in ("since", "until")
    ]
    owners = [] if codes is None else codes.tolist()
    connection.executemany(
        "DELETE FROM dirty WHERE sensor = ? AND since >= ? AND until <= ? AND id <= ?",
        zip(owners, *spans, dirty["mark"].tolist(), strict=True),
    )


def unflagged_table(connection: sqlite3.Connection) -> pd.DataFrame:
    """Span of the hot readings that carry the flag 2 (not evaluated), per sensor."""
    cursor = connection.execute(
        "SELECT s.id AS sensor, r.since, r.until FROM (SELECT sensor, min(time) AS since,"
        " max(time) AS until FROM reading WHERE flag = 2 GROUP BY sensor) r"
        " JOIN sensor s ON s.code = r.sensor ORDER BY s.id"
    )
    return _frame(cursor, ("since", "until"))


def counts(connection: sqlite3.Connection, folder: Path) -> dict[str, int]:
    """How much of everything there is."""

    def one(statement: str) -> int:
        return int(connection.execute(statement).fetchone()[0] or 0)

    manifest = segments(connection)
    hot_files = [folder / (HOT + suffix) for suffix in ("", "-wal")]
    return {
        "sensors": one("SELECT count(*) FROM sensor"),
        "hot_rows": one("SELECT count(*) FROM reading"),
        "hot_bytes": sum(file.stat().st_size for file in hot_files if file.exists()),
        "segments": len(manifest),
        "sealed_rows": sum(each.rows for each in manifest),
        "sealed_bytes": sum(each.bytes for each in manifest),
        "dirty": one("SELECT count(*) FROM dirty"),
        "revisions": one("SELECT count(*) FROM revision WHERE value IS NOT NULL"),
        "corrections": one("SELECT count(*) FROM correction"),
        "quarantine": one("SELECT count(*) FROM quarantine"),
    }


def store_births(connection: sqlite3.Connection, codes: list[int], since: int, until: int) -> None:
    """Before sealing drops `arrived`: note since when late or revised readings were known."""
    connection.execute(
        "INSERT INTO revision(sensor, time, value, arrived, replaced)"
        " SELECT r.sensor, r.time, NULL, NULL, min(r.arrived, coalesce((SELECT min(v.arrived)"
        " FROM revision v WHERE v.sensor = r.sensor AND v.time = r.time), r.arrived))"
        " FROM (SELECT value FROM json_each(?)) s CROSS JOIN reading r"
        " ON r.sensor = s.value AND r.time >= ? AND r.time < ?"
        " WHERE (r.late = 1 OR EXISTS (SELECT 1 FROM revision v WHERE v.sensor = r.sensor"
        " AND v.time = r.time)) AND NOT EXISTS (SELECT 1 FROM revision v WHERE"
        " v.sensor = r.sensor AND v.time = r.time AND v.arrived IS NULL)",
        (json.dumps(codes), since, until),
    )


def known_at(connection: sqlite3.Connection, rows: Rows, moment: int) -> Rows:
    """Ordered rows as they were known at a moment [ms].

    A sealed reading that was neither late nor revised counts as known since its own stamp.
    """
    if not rows.size:
        return rows
    codes = [int(code) for code in np.unique(rows.sensor)]
    owner = "(SELECT value FROM json_each(?)) s CROSS JOIN"
    span = (json.dumps(codes), int(rows.time.min()), int(rows.time.max()))
    value = rows.value.copy()
    there = rows.time <= moment
    for place, came in _keys(
        connection,
        f"SELECT r.sensor, r.time, r.arrived FROM {owner} reading r ON r.sensor = s.value"
        " AND r.time BETWEEN ? AND ?",
        span,
        rows,
    ):
        there[place] = came <= moment
    best: dict[int, tuple[tuple[int, int, int], float | None]] = {}
    cursor = connection.execute(
        f"SELECT v.sensor, v.time, v.value, v.arrived, v.replaced, v.id FROM {owner} revision v"
        " ON v.sensor = s.value AND v.time BETWEEN ? AND ? WHERE v.replaced > ?",
        (*span, moment),
    )
    found = cursor.fetchall()
    keys = np.array([row[:2] for row in found], dtype=np.int64).reshape(-1, 2)
    places = positions(rows, keys[:, 0], keys[:, 1]).tolist()
    for place, (_, _, old, came, replaced, number) in zip(places, found, strict=True):
        since = LONG_AGO if came is None else came
        # what was replaced first held first; of values sealed on the way, the oldest
        rank = (-replaced, since, -number if came is None else number)
        if place >= 0 and since <= moment and (place not in best or best[place][0] < rank):
            best[place] = (rank, old)
    for place, (_, old) in best.items():
        there[place] = old is not None
        value[place] = np.nan if old is None else old
    return rows._replace(value=value).take(there)


def _keys(
    connection: sqlite3.Connection, statement: str, given: tuple, rows: Rows
) -> list[tuple[int, int]]:
    found = connection.execute(statement, given).fetchall()
    if not found:
        return []
    sensor, time, came = (np.array(column, dtype=np.int64) for column in zip(*found, strict=True))
    place = positions(rows, sensor, time)
    return [(int(p), int(c)) for p, c in zip(place, came, strict=True) if p >= 0]
