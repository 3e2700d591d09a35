"""Hourly and daily roll-ups: files for sealed months, made on demand for everything newer."""

import sqlite3
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lifeline_kit.errors import StoreError
from lifeline_kit.io.live.hot import hot_rows, overlaid, verdict_rows
from lifeline_kit.io.live.rows import DAY_MS, HOUR_MS, Rows, in_order, joined, month_bounds
from lifeline_kit.io.live.schema import snapshot
from lifeline_kit.io.live.sealed import ROLLUPS, Segment, read_segments, segments, settle_file
from lifeline_kit.model.readings import FAIL, SUSPECT

SPANS = {"hour": HOUR_MS, "day": DAY_MS}
_SCHEMA = pa.schema(
    [
        ("sensor", pa.int32()),
        ("start", pa.timestamp("ms")),
        ("mean", pa.float32()),
        ("min", pa.float32()),
        ("max", pa.float32()),
        ("n", pa.int32()),
        ("n_good", pa.int32()),
    ]
)


class Buckets(NamedTuple):
    """Roll-ups (bucket,), in the order of sensor and start [ms]."""

    sensor: np.ndarray
    start: np.ndarray
    mean: np.ndarray
    min: np.ndarray
    max: np.ndarray
    n: np.ndarray
    n_good: np.ndarray


def rolled_up(rows: Rows, span_ms: int) -> Buckets:
    """Roll ordered readings up into buckets of UTC.

    Suspect and failed readings count in `n` alone.
    """
    start = rows.time - rows.time % span_ms
    new = np.append(True, (np.diff(rows.sensor) != 0) | (np.diff(start) != 0))[: rows.size]
    first = np.flatnonzero(new)
    if not first.size:
        return Buckets(*(np.zeros(0, dtype=field.type.to_pandas_dtype()) for field in _SCHEMA))
    good = (rows.flag != SUSPECT) & (rows.flag != FAIL)
    value = rows.value.astype(np.float64)
    n_good = np.add.reduceat(good.astype(np.int64), first)
    some = n_good > 0
    total = np.add.reduceat(np.where(good, value, 0.0), first)
    mean = np.full(first.size, np.nan)
    mean[some] = total[some] / n_good[some]
    low = np.minimum.reduceat(np.where(good, value, np.inf), first)
    high = np.maximum.reduceat(np.where(good, value, -np.inf), first)
    return Buckets(
        rows.sensor[first],
        start[first],
        mean.astype(np.float32),
        np.where(some, low, np.nan).astype(np.float32),
        np.where(some, high, np.nan).astype(np.float32),
        np.diff(np.append(first, rows.size)),
        n_good,
    )


class RollupWriter:
    """Writes the roll-ups of one month as its readings go by."""

    def __init__(self, folder: Path, stem: str) -> None:
        self.folder, self.stem = folder / ROLLUPS, stem
        self.folder.mkdir(exist_ok=True)
        self._writers = {
            span: pq.ParquetWriter(
                self._partial(span),
                _SCHEMA,
                compression="zstd",
                column_encoding={"start": "DELTA_BINARY_PACKED", "mean": "BYTE_STREAM_SPLIT"},
                use_dictionary=["sensor", "min", "max", "n", "n_good"],
            )
            for span in SPANS
        }

    def _partial(self, span: str) -> Path:
        return self.folder / f"{self.stem}-{span}.parquet.tmp"

    def add(self, rows: Rows) -> None:
        """Add ordered rows of whole sensors."""
        for span, writer in self._writers.items():
            buckets = rolled_up(rows, SPANS[span])
            if buckets.n.size:
                writer.write_table(_table(buckets))

    def close(self) -> None:
        """Make the files durable under their names."""
        for span, writer in self._writers.items():
            writer.close()
            partial = self._partial(span)
            settle_file(partial, partial.with_suffix(""))

    def abandon(self) -> None:
        """Leave nothing behind."""
        for span, writer in self._writers.items():
            writer.close()
            self._partial(span).unlink(missing_ok=True)


def _table(buckets: Buckets) -> pa.Table:
    columns = [
        pa.array(
            np.asarray(column).view("datetime64[ms]") if field.name == "start" else column
        ).cast(field.type)
        for column, field in zip(buckets, _SCHEMA, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=_SCHEMA)


def read(
    connection: sqlite3.Connection,
    folder: Path,
    span: str,
    codes: np.ndarray | None,
    between: tuple[int, int],
) -> pd.DataFrame:
    """Roll-ups of some sensors (None: all) whose start lies in a range [ms]."""
    if span not in SPANS:
        raise StoreError(f"roll-ups are by 'hour' or 'day', got {span!r}.")
    since, until = between
    length = SPANS[span]
    since = since + (-since) % length
    last = until + (-until) % length
    with snapshot(connection):
        manifest = segments(connection)
        hot = hot_rows(connection, codes, since, last)
        verdicts = verdict_rows(connection, codes, since, last)
    stored = [_stored(folder, segment, span, codes, since, until) for segment in manifest]
    fresh = _fresh(folder, manifest, (hot, verdicts), length)
    frames = [_frame(rolled_up(fresh, length)), *stored]
    table = pd.concat([each for each in frames if len(each)] or frames[:1], ignore_index=True)
    # what was rolled up just now stands before what the file says
    table = table.drop_duplicates(["sensor", "start"]).sort_values(["sensor", "start"])
    return table.reset_index(drop=True)


def _fresh(folder: Path, manifest: list[Segment], newer: tuple[Rows, Rows], length: int) -> Rows:
    """Hot readings, with the sealed ones of every bucket that something newer touches."""
    hot, verdicts = newer
    parts = []
    for segment in manifest:
        begin, end = month_bounds(segment.month)
        sensor = np.concatenate([rows.sensor for rows in newer])
        time = np.concatenate([rows.time for rows in newer])
        here = (time >= begin) & (time < end)
        if not here.any():
            continue
        start = time[here] - time[here] % length
        touched = np.unique(np.stack([sensor[here], start]), axis=1)
        low, high = int(touched[1].min()), int(touched[1].max()) + length
        rows = read_segments(folder, [segment], np.unique(touched[0]), low, high)
        keys = pd.MultiIndex.from_arrays([rows.sensor, rows.time - rows.time % length])
        wanted = keys.isin(pd.MultiIndex.from_arrays([touched[0], touched[1]]))
        parts.append(rows.take(wanted))
    return in_order(joined([overlaid(in_order(joined(parts)), verdicts), hot]))


def _stored(
    folder: Path, segment: Segment, span: str, codes: np.ndarray | None, since: int, until: int
) -> pd.DataFrame:
    begin, end = month_bounds(segment.month)
    if until <= begin or since >= end:
        return pd.DataFrame()
    low, high = max(since, begin), min(until, end)
    filters = [
        ("start", ">=", np.datetime64(low, "ms")),
        ("start", "<", np.datetime64(high, "ms")),
    ]
    if codes is not None:
        filters.append(("sensor", "in", [int(code) for code in codes]))
    file = folder / ROLLUPS / f"{segment.rollup}-{span}.parquet"
    try:
        return pq.read_table(file, filters=filters).to_pandas()
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowException) as error:
        raise StoreError(
            f"the roll-ups of {segment.month} ({ROLLUPS}/{file.name}) are damaged: {error}; "
            "'lifeline store verify --aside' makes them again from the readings."
        ) from error


def _frame(buckets: Buckets) -> pd.DataFrame:
    return _table(buckets).to_pandas()
