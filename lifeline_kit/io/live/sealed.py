"""Sealed months: one Parquet file each, long, sorted by sensor and time.

A row group holds whole sensors (about 16 of a 5-min month), zstd, dictionary on the value, time
delta-packed. The manifest (table `segment`) keeps which rows of which group belong to which
sensor, so that reading one sensor opens one row group per month and no statistics.
"""

import hashlib
import json
import os
import sqlite3
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import IO, NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lifeline_kit.errors import StoreError
from lifeline_kit.io.live.rows import FOREVER, Rows, joined, no_rows

SEALED, ROLLUPS, DAMAGED = "sealed", "rollups", "damaged"
ROWS_PER_GROUP = 16 * 8_928  # 16 sensors at 5 min and 31 days
_SCHEMA = pa.schema(
    [
        ("sensor", pa.int32()),
        ("time", pa.timestamp("ms")),
        ("value", pa.float32()),
        ("flag", pa.uint8()),
        ("tests", pa.uint16()),
    ]
)


class Segment(NamedTuple):
    """A sealed month as the manifest knows it."""

    month: str
    file: str
    rollup: str
    rows: int
    bytes: int
    sha256: str
    since: int
    until: int
    groups: str


class _Index(NamedTuple):
    """Runs of rows: sensor code, row group, first row in the group, number of rows."""

    code: np.ndarray
    group: np.ndarray
    offset: np.ndarray
    count: np.ndarray


def segments(connection: sqlite3.Connection) -> list[Segment]:
    """Return the manifest in the order of months."""
    columns = ", ".join(Segment._fields)
    return [
        Segment(*row) for row in connection.execute(f"SELECT {columns} FROM segment ORDER BY month")
    ]


class SegmentWriter:
    """Writes one month: `add` whole sensors in order, then `close`."""

    def __init__(self, folder: Path, month: str, names: dict[int, str]) -> None:
        self.folder, self.month, self.names = folder / SEALED, month, names
        self.folder.mkdir(exist_ok=True)
        self.name = f"{month}-{uuid.uuid4().hex[:12]}.parquet"
        self.partial = self.folder / (self.name + ".tmp")
        self._writer = pq.ParquetWriter(
            self.partial,
            _SCHEMA,
            compression="zstd",
            compression_level=3,
            use_dictionary=["sensor", "value", "flag", "tests"],
            column_encoding={"time": "DELTA_BINARY_PACKED"},
            write_page_checksum=True,
            write_statistics=["sensor", "time"],
        )
        self._waiting: list[Rows] = []
        self._size = self._rows = self._group = 0
        self._runs: list[tuple[int, int, int]] = []  # group, code, count
        self._since, self._until = FOREVER, -FOREVER

    def add(self, rows: Rows) -> None:
        """Add ordered rows of whole sensors; a group ends where a sensor does, if it can."""
        borders = np.flatnonzero(np.diff(rows.sensor)) + 1
        for mine in np.split(np.arange(rows.size), borders):
            for start in range(0, mine.size, ROWS_PER_GROUP):
                part = rows.take(
                    slice(mine[0] + start, mine[0] + min(start + ROWS_PER_GROUP, mine.size))
                )
                if self._size and self._size + part.size > ROWS_PER_GROUP:
                    self._flush()
                self._waiting.append(part)
                self._size += part.size

    def _flush(self) -> None:
        if not self._size:
            return
        rows = joined(self._waiting)
        self._waiting, self._size = [], 0
        columns = [
            pa.array(rows.sensor.astype(np.int32)),
            pa.array(rows.time.view("datetime64[ms]")),
            pa.array(rows.value),
            pa.array(rows.flag),
            pa.array(rows.tests),
        ]
        self._writer.write_table(
            pa.Table.from_arrays(columns, schema=_SCHEMA), row_group_size=rows.size
        )
        codes, counts = np.unique(rows.sensor, return_counts=True)
        self._runs += [(self._group, int(c), int(n)) for c, n in zip(codes, counts, strict=True)]
        self._group += 1
        self._rows += rows.size
        self._since = min(self._since, int(rows.time.min()))
        self._until = max(self._until, int(rows.time.max()))

    def close(self) -> Segment:
        """Make the file durable under its name and describe it."""
        self._flush()
        ids = {code: self.names.get(code, "") for _, code, _ in self._runs}
        head = {"format": 1, "month": self.month, "sensors": ids}
        self._writer.add_key_value_metadata({"lifeline_kit": json.dumps(head, ensure_ascii=False)})
        self._writer.close()
        settle_file(self.partial, self.folder / self.name)
        file = self.folder / self.name
        return Segment(
            month=self.month,
            file=self.name,
            rollup="",
            rows=self._rows,
            bytes=file.stat().st_size,
            sha256=sha256(file),
            since=self._since,
            until=self._until,
            groups=json.dumps([list(column) for column in zip(*self._runs, strict=True)]),
        )

    def abandon(self) -> None:
        """Leave nothing behind."""
        self._writer.close()
        self.partial.unlink(missing_ok=True)


def settle_file(partial: Path, file: Path) -> None:
    """Bring a written file under its name so that a power loss keeps all of it or nothing."""
    descriptor = os.open(partial, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    partial.rename(file)
    if os.name == "nt":  # a folder cannot be opened there
        return
    descriptor = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256(file: Path) -> str:
    """Fingerprint of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@lru_cache(maxsize=512)
def _index(groups: str) -> _Index:
    group, code, count = (np.array(column, dtype=np.int64) for column in json.loads(groups))
    first = np.append(True, group[1:] != group[:-1])
    before = np.cumsum(count) - count
    offset = before - np.repeat(
        before[first], np.diff(np.append(np.flatnonzero(first), len(group)))
    )
    return _Index(code, group, offset, count)


def _source(folder: Path | str, file: str) -> Path | IO[bytes]:
    """A file of a local folder, or one opened at a URL (shared folder, object store)."""
    if isinstance(folder, Path):
        return folder / SEALED / file
    import fsspec

    return cast("IO[bytes]", fsspec.open(f"{folder.rstrip('/')}/{SEALED}/{file}", "rb").open())


@lru_cache(maxsize=512)
def _footer(folder: Path | str, file: str) -> pq.FileMetaData:
    """Parse the end of a file; a segment never changes under its name."""
    with pq.ParquetFile(_source(folder, file)) as parquet:
        return parquet.metadata


def segment_codes(segment: Segment) -> np.ndarray:
    """Codes of the sensors a segment holds, in order."""
    return np.unique(_index(segment.groups).code)


def read_segments(
    folder: Path | str,
    manifest: Iterable[Segment],
    codes: np.ndarray | None = None,
    since: int = -FOREVER,
    until: int = FOREVER,
    *,
    tests: bool = True,
) -> Rows:
    """Read rows of some sensors (None: all) with since <= time < until, month after month.

    `folder` is the live folder, or its URL as fsspec understands it. Without `tests` the masks
    are left unread, and 0.

    Raises
    ------
    FileNotFoundError
        Where another process has replaced a file by a newer one.
    StoreError
        Where a file is damaged.
    """
    tasks = []
    for segment in manifest:
        if until <= segment.since or since > segment.until:
            continue
        index = _index(segment.groups)
        wanted = np.arange(index.code.size)
        if codes is not None:
            wanted = wanted[np.isin(index.code, codes)]
        if not wanted.size:
            continue
        borders = np.flatnonzero(np.diff(index.group[wanted])) + 1
        tasks += [(segment, index, runs) for runs in np.split(wanted, borders)]

    columns = ("value", "flag", "tests") if tests else ("value", "flag")

    def read(task: tuple[Segment, _Index, np.ndarray]) -> Rows:
        return _read_group(folder, *task, (since, until), columns)

    if len(tasks) < 2:
        return joined([read(task) for task in tasks])
    return joined(list(_readers().map(read, tasks)))


@lru_cache(maxsize=1)
def _readers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(min(4, 1 + (os.cpu_count() or 1)), "sealed-readers")


def _read_group(
    folder: Path | str,
    segment: Segment,
    index: _Index,
    runs: np.ndarray,
    span: tuple[int, int],
    columns: tuple[str, ...],
) -> Rows:
    try:
        footer = _footer(folder, segment.file)
        source = _source(folder, segment.file)
        with pq.ParquetFile(source, metadata=footer, page_checksum_verification=True) as parquet:
            return _runs(parquet, index, runs, span, columns)
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowException) as error:
        raise StoreError(
            f"the sealed month {segment.month} ({SEALED}/{segment.file}) is damaged: {error}; "
            "restore the file from a copy, or take the month out with 'lifeline store verify "
            "--aside'. Other months can be read."
        ) from error


def _runs(
    parquet: pq.ParquetFile,
    index: _Index,
    runs: np.ndarray,
    span: tuple[int, int],
    columns: tuple[str, ...],
) -> Rows:
    group = int(index.group[runs[0]])
    time = parquet.read_row_group(group, columns=["time"], use_threads=False)
    stamps = time.column(0).to_numpy().view(np.int64)
    starts = index.offset[runs]
    pieces = [
        start + np.searchsorted(stamps[start : start + count], span)
        for start, count in zip(starts.tolist(), index.count[runs].tolist(), strict=True)
    ]
    low, high = np.array(pieces).T
    sizes = high - low
    if not sizes.any():
        return no_rows()
    where = np.repeat(low - np.cumsum(sizes) + sizes, sizes) + np.arange(sizes.sum())
    rest = parquet.read_row_group(group, columns=list(columns), use_threads=False)
    found = {name: rest.column(name).to_numpy()[where] for name in columns}
    return Rows(
        np.repeat(index.code[runs].astype(np.int32), sizes),
        stamps[where],
        found["value"],
        found["flag"],
        found.get("tests", np.zeros(where.size, dtype=np.uint16)),
    )
