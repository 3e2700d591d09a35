"""Writing a batch: the lookups and the one transaction."""

import sqlite3
from collections.abc import Callable, Iterable

import numpy as np

from lifeline_kit.io.live.incoming import LONG_AGO, Judged, Keyed, Known
from lifeline_kit.io.live.rows import HOUR_MS, Rows, positions

DIRTY_MS = HOUR_MS  # w: how far around a late or revised reading its neighbours are in question
Sealed = Callable[[np.ndarray, int, int], Rows]


def known_for(
    connection: sqlite3.Connection,
    batch: Keyed,
    watermark: np.ndarray,
    sealed_months: set[str],
    sealed: Sealed,
) -> Known:
    """Look up what the store holds for each row; rows newer than their sensor's newest: nothing."""
    value = np.full(batch.time.size, np.nan, dtype=np.float32)
    arrived = np.full(batch.time.size, LONG_AGO, dtype=np.int64)
    old = np.flatnonzero(batch.time <= watermark)
    if not old.size:
        return Known(value, arrived)
    found = _hot(connection, batch, old)
    for row, known_value, known_arrived in found:
        value[row], arrived[row] = known_value, known_arrived
    if sealed_months:
        _sealed(batch, old[np.isnan(value[old])], sealed_months, sealed, value)
    return Known(value, arrived)


def _hot(
    connection: sqlite3.Connection, batch: Keyed, rows: np.ndarray
) -> list[tuple[int, float, int]]:
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS asked(row, sensor, time)")
    connection.execute("DELETE FROM asked")
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO asked VALUES(?, ?, ?)",
        zip(rows.tolist(), batch.sensor[rows].tolist(), batch.time[rows].tolist(), strict=True),
    )
    found = connection.execute(
        "SELECT a.row, r.value, r.arrived FROM asked a CROSS JOIN reading r"
        " ON r.sensor = a.sensor AND r.time = a.time"
    ).fetchall()
    connection.execute("DELETE FROM asked")
    connection.execute("COMMIT")
    return found


def _sealed(
    batch: Keyed, rows: np.ndarray, months: set[str], sealed: Sealed, value: np.ndarray
) -> None:
    month = batch.time[rows].astype("datetime64[ms]").astype("datetime64[M]")
    for each in np.unique(month):
        if str(each) not in months:
            continue
        here = rows[month == each]
        time = batch.time[here]
        held = sealed(np.unique(batch.sensor[here]), int(time.min()), int(time.max()) + 1)
        place = positions(held, batch.sensor[here], time)
        value[here[place >= 0]] = held.value[place[place >= 0]]


def store_batch(
    connection: sqlite3.Connection, batch: Keyed, judged: Judged, known: Known, arrived: int
) -> None:
    """Write what was judged; to be called inside a transaction."""
    _store_revisions(connection, batch, judged, known, arrived)
    rows = judged.store
    sensor, time = batch.sensor[rows], batch.time[rows]
    value = batch.value[rows].astype(np.float64)
    columns = (sensor.tolist(), time.tolist(), value.tolist())
    connection.executemany(
        f"INSERT OR REPLACE INTO reading VALUES(?, ?, ?, 2, 0, {arrived:d}, ?)",
        zip(*columns, judged.late.tolist(), strict=True),
    )
    newest = np.append(sensor[1:] != sensor[:-1], True)[: sensor.size]
    picked = np.flatnonzero(newest).tolist()
    connection.executemany(
        f"INSERT INTO latest VALUES(?, ?, ?, 2, 0, {arrived:d}) ON CONFLICT(sensor) DO UPDATE SET"
        " time = excluded.time, value = excluded.value, flag = 2, tests = 0,"
        " arrived = excluded.arrived WHERE excluded.time >= time",
        [tuple(column[i] for column in columns) for i in picked],
    )
    revised = np.isin(rows, judged.replaced) | _group_revised(batch, judged)
    touched = rows[judged.late | revised]
    mark_dirty(connection, batch.sensor[touched], batch.time[touched], batch.time[touched])
    connection.executemany(
        "DELETE FROM verdict WHERE sensor = ? AND time = ?",
        zip(batch.sensor[touched].tolist(), batch.time[touched].tolist(), strict=True),
    )


def _group_revised(batch: Keyed, judged: Judged) -> np.ndarray:
    """Whether an earlier row of the same key in the batch was a revision, per stored row."""
    first = np.append(True, (np.diff(batch.sensor) != 0) | (np.diff(batch.time) != 0))
    group = np.cumsum(first[: batch.time.size]) - 1
    hit = np.zeros(int(group[-1]) + 1 if group.size else 0, dtype=bool)
    hit[group[judged.replaced]] = True
    return hit[group[judged.store]]


def _store_revisions(
    connection: sqlite3.Connection, batch: Keyed, judged: Judged, known: Known, arrived: int
) -> None:
    statement = "INSERT INTO revision(sensor, time, value, arrived, replaced) VALUES(?, ?, ?, ?, ?)"
    rows = judged.replaced
    came = [None if each == LONG_AGO else each for each in judged.old_arrived.tolist()]
    connection.executemany(
        statement,
        zip(
            batch.sensor[rows].tolist(),
            batch.time[rows].tolist(),
            judged.old_value.astype(np.float64).tolist(),
            came,
            [arrived] * rows.size,
            strict=True,
        ),
    )
    rows = judged.overtaken
    connection.executemany(
        statement,
        zip(
            batch.sensor[rows].tolist(),
            batch.time[rows].tolist(),
            batch.value[rows].astype(np.float64).tolist(),
            [arrived] * rows.size,
            known.arrived[rows].tolist(),
            strict=True,
        ),
    )


def mark_dirty(
    connection: sqlite3.Connection, sensor: np.ndarray, since: np.ndarray, until: np.ndarray
) -> None:
    """Mark [since - w, until + w] of each sensor; ranges that meet become one."""
    for code, begin, end in united(sensor, since - DIRTY_MS, until + DIRTY_MS):
        connection.execute(
            "INSERT INTO dirty(sensor, since, until) VALUES(?, ?, ?)", (code, begin, end)
        )


def united(
    sensor: np.ndarray, since: np.ndarray, until: np.ndarray
) -> Iterable[tuple[int, int, int]]:
    """Unite ranges of one sensor that meet or overlap."""
    order = np.lexsort((since, sensor))
    current: tuple[int, int, int] | None = None
    for code, begin, end in zip(
        sensor[order].tolist(), since[order].tolist(), until[order].tolist(), strict=True
    ):
        if current is not None and code == current[0] and begin <= current[2]:
            current = (code, current[1], max(current[2], end))
            continue
        if current is not None:
            yield current
        current = (code, begin, end)
    if current is not None:
        yield current


QUARANTINE_ROWS = 1_000_000  # the newest are kept


def store_quarantine(
    connection: sqlite3.Connection,
    sensor: np.ndarray,
    time: np.ndarray,
    value: np.ndarray,
    refused: dict[str, np.ndarray],
    arrived: int,
) -> None:
    """Keep the rows that were not taken, each with its reason."""
    for reason, rows in refused.items():
        if not rows.any():
            continue
        stamps = [None if each == np.iinfo(np.int64).min else each for each in time[rows].tolist()]
        numbers = [each if np.isfinite(each) else None for each in value[rows].tolist()]
        connection.executemany(
            "INSERT INTO quarantine(sensor, time, value, arrived, reason) VALUES(?, ?, ?, ?, ?)",
            (
                (str(name), stamp, number, arrived, reason)
                for name, stamp, number in zip(sensor[rows], stamps, numbers, strict=True)
            ),
        )
    if any(rows.any() for rows in refused.values()):
        # who may publish must not be able to fill the disk with what nobody wants
        connection.execute(
            "DELETE FROM quarantine WHERE id <= (SELECT MAX(id) FROM quarantine) - ?",
            (QUARANTINE_ROWS,),
        )


def touched_months(time: np.ndarray) -> set[str]:
    """Months that times [ms] fall into."""
    return {
        str(month) for month in np.unique(time.astype("datetime64[ms]").astype("datetime64[M]"))
    }
