"""Readings as CSV and Parquet, sent while they are read."""

import io
from collections.abc import Iterator
from typing import Annotated

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from lifeline_kit.model.readings import Series
from lifeline_kit.services.share.filters import moment
from lifeline_kit.services.share.observations import shortest
from lifeline_kit.services.share.problems import absent, bad
from lifeline_kit.services.share.source import Source
from lifeline_kit.services.share.view import Views, answered, demanded

MAX_NAMED = 200
PARQUET = "application/vnd.apache.parquet"
_ROWS = 20_000
_SCHEMA = pa.schema(
    [
        ("sensor", pa.dictionary(pa.int32(), pa.string())),
        ("time", pa.timestamp("ms", tz="UTC")),
        ("value", pa.float32()),
        ("unit", pa.dictionary(pa.int32(), pa.string())),
        ("flag", pa.uint8()),
    ]
)

Sensors = Annotated[list[str] | None, Query(max_length=MAX_NAMED, description="Sensor ids.")]
Word = Annotated[str | None, Query(max_length=64)]
When = Annotated[str | None, Query(max_length=40, description="ISO 8601 with zone.")]


def routes(views: Views) -> APIRouter:
    """Build the routes."""
    router = APIRouter(prefix="/export", tags=["Export"])
    source = views.source

    def asked(
        request: Request,
        sensor: list[str] | None,
        quantity: str | None,
        lifeline: str | None,
    ) -> pd.DataFrame:
        demanded(request, "read:readings")
        sensors = source.city.sensors
        if sensor is None and quantity is None and lifeline is None:
            raise bad("name sensors: ?sensor=ID (repeated), ?quantity=KEY or ?lifeline=NAME.")
        if sensor is not None:
            stray = [each for each in sensor if each not in sensors.index]
            if stray:
                raise absent("there is no such sensor.")
            sensors = sensors.loc[list(dict.fromkeys(sensor))]
        for column, wanted in (("quantity", quantity), ("lifeline", lifeline)):
            if wanted is not None:
                sensors = sensors[sensors[column] == wanted]
        if sensors.empty:
            raise absent("no sensor is of that kind; see quantity and lifeline in /v1.1/Sensors.")
        return sensors

    @router.get(
        "/readings.csv",
        responses=answered({"type": "string"}, "text/csv", "sensor,time,value,unit,flag"),
        response_class=StreamingResponse,
        operation_id="readingsCsv",
        summary="Readings as CSV",
    )
    def as_csv(
        request: Request, sensor: Sensors = None, quantity: Word = None, lifeline: Word = None,
        start: When = None, end: When = None,
    ) -> StreamingResponse:  # fmt: skip
        sensors = asked(request, sensor, quantity, lifeline)
        parts = _parts(source, sensors, _moment(start), _moment(end))
        return _file(_csv(parts), "text/csv", "readings.csv")

    @router.get(
        "/readings.parquet",
        responses=answered(
            {"type": "string", "format": "binary"}, PARQUET, "sensor, time, value, unit, flag"
        ),
        response_class=StreamingResponse,
        operation_id="readingsParquet",
        summary="Readings as Parquet",
    )
    def as_parquet(
        request: Request, sensor: Sensors = None, quantity: Word = None, lifeline: Word = None,
        start: When = None, end: When = None,
    ) -> StreamingResponse:  # fmt: skip
        sensors = asked(request, sensor, quantity, lifeline)
        parts = _parts(source, sensors, _moment(start), _moment(end))
        return _file(_parquet(parts), PARQUET, "readings.parquet")

    return router


def _moment(text: str | None) -> np.datetime64 | None:
    return None if text is None else moment(text.replace(" ", "+"))  # a plus sign unescaped


def _file(content: Iterator[bytes], media: str, name: str) -> StreamingResponse:
    disposition = f'attachment; filename="{name}"'
    return StreamingResponse(
        content, media_type=media, headers={"Content-Disposition": disposition}
    )


def _parts(
    source: Source, sensors: pd.DataFrame, start: np.datetime64 | None, end: np.datetime64 | None
) -> Iterator[tuple[str, str, Series]]:
    for sensor, unit in sensors["unit"].items():
        found = source.series(str(sensor), start, end)
        for first in range(0, found.time.size, _ROWS):
            rows = slice(first, first + _ROWS)
            yield (
                str(sensor),
                str(unit),
                Series(found.time[rows], found.value[rows], found.flag[rows]),
            )


def _csv(parts: Iterator[tuple[str, str, Series]]) -> Iterator[bytes]:
    yield b"sensor,time,value,unit,flag\r\n"
    for sensor, unit, found in parts:
        stamps = np.datetime_as_string(found.time, unit="ms")
        values = shortest(found.value)
        left, right = _quoted(sensor), _quoted(unit)
        lines = [
            f"{left},{stamp}Z,{value!r},{right},{flag}\r\n"
            for stamp, value, flag in zip(stamps, values, found.flag, strict=True)
        ]
        yield "".join(lines).encode()


def _quoted(text: str) -> str:
    if any(mark in text for mark in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def _parquet(parts: Iterator[tuple[str, str, Series]]) -> Iterator[bytes]:
    sink = io.BytesIO()

    def taken() -> bytes:
        written = sink.getvalue()
        sink.seek(0)
        sink.truncate()
        return written

    with pq.ParquetWriter(_Forward(sink), _SCHEMA, compression="zstd") as writer:
        for sensor, unit, found in parts:
            size = found.time.size
            codes = pa.array(np.zeros(size, dtype=np.int32))
            columns = [
                pa.DictionaryArray.from_arrays(codes, pa.array([sensor])),
                pa.array(found.time).cast(pa.timestamp("ms", tz="UTC")),
                pa.array(found.value),
                pa.DictionaryArray.from_arrays(codes, pa.array([unit])),
                pa.array(found.flag),
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=_SCHEMA))
            yield taken()
    yield taken()


class _Forward(io.RawIOBase):
    """A file that only ever grows: what was sent is gone, its length is still counted."""

    def __init__(self, sink: io.BytesIO) -> None:
        self.sink = sink
        self.size = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.size

    def write(self, data: object, /) -> int:
        count = self.sink.write(data)  # ty: ignore[invalid-argument-type]
        self.size += count
        return count
