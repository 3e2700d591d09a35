"""Readings as plain arrays, the shape in which hot and sealed readings meet."""

from typing import Any, NamedTuple

import numpy as np

# what a row of SQLite becomes
HOT_DTYPE: Any = np.dtype(
    [("sensor", "i4"), ("time", "i8"), ("value", "f4"), ("flag", "u1"), ("tests", "u2")]
)
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
FOREVER = 1 << 62


class Rows(NamedTuple):
    """Readings (row,): sensor code, time [ms since 1970 UTC], value, QARTOD flag, test mask."""

    sensor: np.ndarray
    time: np.ndarray
    value: np.ndarray
    flag: np.ndarray
    tests: np.ndarray

    def take(self, which: np.ndarray | slice) -> "Rows":
        """Take rows by index, mask or slice."""
        return Rows(*(column[which] for column in self))

    @property
    def size(self) -> int:
        """Number of rows."""
        return int(self.time.size)


def no_rows() -> Rows:
    """Nothing, in the right types."""
    nothing = np.zeros(0, dtype=HOT_DTYPE)
    return Rows(*(nothing[name] for name in Rows._fields))


def joined(parts: list[Rows]) -> Rows:
    """Put parts one after another."""
    parts = [part for part in parts if part.size] or [no_rows()]
    if len(parts) == 1:
        return parts[0]
    return Rows(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def in_order(rows: Rows) -> Rows:
    """Sort by sensor and time; of rows with one key the last one given stands."""
    step = np.diff(rows.sensor.astype(np.int64))
    ahead = (step > 0) | ((step == 0) & (np.diff(rows.time) > 0))
    if ahead.all():
        return rows
    rows = rows.take(np.lexsort((rows.time, rows.sensor)))
    if rows.size < 2:
        return rows
    last = np.append(
        (rows.sensor[1:] != rows.sensor[:-1]) | (rows.time[1:] != rows.time[:-1]), True
    )
    return rows if last.all() else rows.take(last)


def positions(rows: Rows, sensor: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Where each key stands in ordered rows, -1 where it does not."""
    found = np.full(sensor.size, -1, dtype=np.int64)
    starts = np.searchsorted(rows.sensor, sensor, side="left")
    ends = np.searchsorted(rows.sensor, sensor, side="right")
    order = np.argsort(sensor, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(sensor[order])) + 1):
        if not group.size:
            continue
        start, end = int(starts[group[0]]), int(ends[group[0]])
        if start == end:
            continue
        place = start + np.searchsorted(rows.time[start:end], time[group])
        inside = place < end
        hit = np.zeros(group.size, dtype=bool)
        hit[inside] = rows.time[place[inside]] == time[group][inside]
        found[group[hit]] = place[hit]
    return found


def month_of(time: int) -> str:
    """The month `YYYY-MM` (UTC) of a time [ms]."""
    return str(np.datetime64(time, "ms").astype("datetime64[M]"))


def month_bounds(month: str) -> tuple[int, int]:
    """First and past-the-end time [ms] of a month `YYYY-MM`."""
    begin = np.datetime64(month, "M")
    return (
        int(begin.astype("datetime64[ms]").astype(np.int64)),
        int((begin + 1).astype("datetime64[ms]").astype(np.int64)),
    )


def milliseconds(moment: np.datetime64 | str | None, default: int) -> int:
    """A moment as ms since 1970 UTC; `default` where there is none."""
    if moment is None:
        return default
    return int(np.datetime64(moment).astype("datetime64[ms]").astype(np.int64))
