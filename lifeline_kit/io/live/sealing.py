"""Sealing: months move from SQLite to Parquet, in one transaction each."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from lifeline_kit.io.live.hot import hot_rows, overlaid, verdict_rows
from lifeline_kit.io.live.notes import store_births
from lifeline_kit.io.live.rollups import SPANS, RollupWriter
from lifeline_kit.io.live.rows import (
    Rows,
    in_order,
    joined,
    month_bounds,
    month_of,
    no_rows,
)
from lifeline_kit.io.live.schema import transaction
from lifeline_kit.io.live.sealed import (
    DAMAGED,
    ROLLUPS,
    SEALED,
    Segment,
    SegmentWriter,
    read_segments,
    segment_codes,
    segments,
    sha256,
)

_SENSORS_AT_ONCE = 64


def due(connection: sqlite3.Connection, before: int) -> list[str]:
    """Months with something to seal that end by `before`."""
    # the oldest and newest of each sensor are two seeks; the months between are then asked for
    (low, high) = connection.execute(
        "SELECT min(low), max(high) FROM (SELECT"
        " (SELECT min(time) FROM reading r WHERE r.sensor = s.code) AS low,"
        " (SELECT max(time) FROM reading r WHERE r.sensor = s.code) AS high FROM sensor s)"
    ).fetchone()
    months = {month_of(time) for (time,) in connection.execute("SELECT time FROM verdict")}
    if low is not None:
        begin, end = np.datetime64(month_of(low), "M"), np.datetime64(month_of(high), "M")
        months |= {
            str(month)
            for month in np.arange(begin, end + 1)
            if month_bounds(str(month))[1] <= before
            and _hot_codes(connection, *month_bounds(str(month)), limit=1)
        }
    return sorted(month for month in months if month_bounds(month)[1] <= before)


def _hot_codes(
    connection: sqlite3.Connection, since: int, until: int, *, limit: int = -1
) -> list[int]:
    rows = connection.execute(
        "SELECT code FROM sensor s WHERE EXISTS (SELECT 1 FROM reading r WHERE r.sensor = s.code"
        " AND r.time >= ? AND r.time < ?) ORDER BY code LIMIT ?",
        (since, until, limit),
    )
    return [code for (code,) in rows]


class Prepared(NamedTuple):
    """A month that is written and not yet in force."""

    segment: Segment
    replaces: Segment | None
    hot: list[int]  # codes of the sensors whose hot readings it took in
    given: Rows


def prepare(
    connection: sqlite3.Connection,
    folder: Path,
    month: str,
    names: dict[int, str],
    given: Rows | None = None,
) -> Prepared:
    """Write a month anew from what is sealed, hot (or given) and judged later.

    Reads alone; it may run on a connection of its own while readings go on coming in.
    """
    since, until = month_bounds(month)
    given = no_rows() if given is None else given
    old = next((each for each in segments(connection) if each.month == month), None)
    hot = [] if given.size else _hot_codes(connection, since, until)
    parts = [np.array(hot, dtype=np.int64), given.sensor.astype(np.int64)]
    if old is not None:
        parts.append(segment_codes(old))
    writer = SegmentWriter(folder, month, names)
    rollups = RollupWriter(folder, writer.name.removesuffix(".parquet"))
    try:
        for rows in _merged(
            connection, folder, old, np.unique(np.concatenate(parts)), given, month
        ):
            writer.add(rows)
            rollups.add(rows)
        rollups.close()
        segment = writer.close()._replace(rollup=rollups.stem)
    except BaseException:
        writer.abandon()
        rollups.abandon()
        raise
    return Prepared(segment, old, hot, given)


def put_in_force(connection: sqlite3.Connection, folder: Path, prepared: Prepared) -> Path:
    """Name a prepared month in the manifest and drop its hot rows, in one transaction."""
    since, until = month_bounds(prepared.segment.month)
    with transaction(connection):
        store_births(connection, prepared.hot, since, until)
        _swap(connection, prepared.segment)
        connection.execute(
            "DELETE FROM reading WHERE time >= ? AND time < ?"
            " AND sensor IN (SELECT value FROM json_each(?))",
            (since, until, json.dumps(prepared.hot)),
        )
        connection.execute("DELETE FROM verdict WHERE time >= ? AND time < ?", (since, until))
        if prepared.given.size:
            _raise_latest(connection, prepared.given)
        connection.execute("UPDATE change SET number = number + 1")
    if prepared.replaces is not None:
        discard(folder, prepared.replaces)
    return folder / SEALED / prepared.segment.file


def _merged(
    connection: sqlite3.Connection,
    folder: Path,
    old: Segment | None,
    codes: np.ndarray,
    given: Rows,
    month: str,
) -> Iterator[Rows]:
    """Sealed, given and hot readings of a month, some sensors at a time, in order."""
    since, until = month_bounds(month)
    for start in range(0, codes.size, _SENSORS_AT_ONCE):
        block = codes[start : start + _SENSORS_AT_ONCE]
        sealed = no_rows() if old is None else read_segments(folder, [old], block)
        sealed = overlaid(sealed, verdict_rows(connection, block, since, until))
        if given.size:
            low, high = np.searchsorted(given.sensor, [block[0], block[-1] + 1])
            newer = given.take(slice(int(low), int(high)))
        else:
            newer = hot_rows(connection, block, since, until)
        yield in_order(joined([sealed, newer]))


def _swap(connection: sqlite3.Connection, segment: Segment) -> None:
    columns = ", ".join(Segment._fields)
    marks = ", ".join("?" * len(Segment._fields))
    connection.execute(f"INSERT OR REPLACE INTO segment({columns}) VALUES({marks})", segment)


def _raise_latest(connection: sqlite3.Connection, rows: Rows) -> None:
    last = np.flatnonzero(np.append(rows.sensor[1:] != rows.sensor[:-1], True))
    connection.executemany(
        "INSERT INTO latest VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT(sensor) DO UPDATE SET"
        " time = excluded.time, value = excluded.value, flag = excluded.flag,"
        " tests = excluded.tests, arrived = excluded.arrived WHERE excluded.time >= time",
        [
            (
                int(rows.sensor[i]),
                int(rows.time[i]),
                float(rows.value[i]),
                int(rows.flag[i]),
                int(rows.tests[i]),
                int(rows.time[i]),
            )
            for i in last
        ],
    )


def _files(folder: Path, segment: Segment) -> list[Path]:
    rollups = [folder / ROLLUPS / f"{segment.rollup}-{span}.parquet" for span in SPANS]
    return [folder / SEALED / segment.file, *rollups]


def discard(folder: Path, segment: Segment) -> None:
    """Delete the files of a month that is no longer, or never came, in force."""
    for file in _files(folder, segment):
        file.unlink(missing_ok=True)


def sweep(connection: sqlite3.Connection, folder: Path) -> list[Path]:
    """Remove what a sealer that was killed left behind: half files and files nobody names."""
    named = {file for each in segments(connection) for file in _files(folder, each)}
    stray = [
        file
        for part in (SEALED, ROLLUPS)
        if (folder / part).is_dir()
        for file in sorted((folder / part).iterdir())
        if file.is_file() and file not in named and file.suffix in {".parquet", ".tmp"}
    ]
    for file in stray:
        file.unlink(missing_ok=True)
    return stray


def absent(connection: sqlite3.Connection, folder: Path) -> list[Path]:
    """Files that the manifest names and nobody can find."""
    named = [file for each in segments(connection) for file in _files(folder, each)]
    return [file for file in named if not file.exists()]


def verified(folder: Path, manifest: list[Segment]) -> pd.DataFrame:
    """State of each sealed month: good, damaged or missing."""
    states = []
    for segment in manifest:
        file = folder / SEALED / segment.file
        if not file.exists():
            states.append("missing")
        else:
            good = file.stat().st_size == segment.bytes and sha256(file) == segment.sha256
            states.append("good" if good else "damaged")
    return pd.DataFrame(
        {"file": [each.file for each in manifest], "state": states},
        index=pd.Index([each.month for each in manifest], dtype=object, name="month"),
    )


def put_aside(connection: sqlite3.Connection, folder: Path, table: pd.DataFrame) -> None:
    """Take damaged and missing months out of the manifest; their files go to `damaged/`."""
    for month, row in table[table["state"] != "good"].iterrows():
        with transaction(connection):
            connection.execute("DELETE FROM segment WHERE month = ?", (month,))
            connection.execute(
                "INSERT INTO quarantine(sensor, time, value, arrived, reason)"
                " VALUES(NULL, ?, NULL, NULL, ?)",
                (month_bounds(str(month))[0], f"damaged_month:{row['file']}"),
            )
            connection.execute("UPDATE change SET number = number + 1")
        file = folder / SEALED / row["file"]
        if file.exists():
            (folder / DAMAGED).mkdir(exist_ok=True)
            file.rename(folder / DAMAGED / file.name)
        for span in SPANS:
            (folder / ROLLUPS / f"{file.stem}-{span}.parquet").unlink(missing_ok=True)
