"""The reading just before or just after a moment, wherever it lies."""

import sqlite3
from pathlib import Path

import numpy as np

from lifeline_kit.io.live.rows import FOREVER
from lifeline_kit.io.live.sealed import read_segments, segments


def nearest(
    connection: sqlite3.Connection, folder: Path, code: int, time: int, *, after: bool
) -> int | None:
    """Time [ms] of a sensor's last reading before `time`, or of its first one after it."""
    edge, sign = ("min", ">") if after else ("max", "<")
    (hot,) = connection.execute(
        f"SELECT {edge}(time) FROM reading WHERE sensor = ? AND time {sign} ?", (code, time)
    ).fetchone()
    manifest = segments(connection)
    for segment in manifest if after else manifest[::-1]:
        outside = segment.until <= time if after else segment.since >= time
        beaten = hot is not None and (segment.since > hot if after else segment.until < hot)
        if outside or beaten:
            continue
        since, until = (time + 1, FOREVER) if after else (-FOREVER, time)
        rows = read_segments(folder, [segment], np.array([code]), since, until, tests=False)
        if rows.size:
            sealed = int(rows.time[0 if after else -1])
            if hot is None:
                return sealed
            return min(sealed, hot) if after else max(sealed, hot)
    return hot
