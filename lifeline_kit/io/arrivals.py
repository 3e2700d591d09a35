"""Readings of files on their way into a city that exists: its sensor ids, canonical units."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.errors import MappingError
from lifeline_kit.io.long import LongTable, Register
from lifeline_kit.io.mapping import Channel, FileMapping, channels, check_used, read_mapping
from lifeline_kit.io.report import FileReport, ImportReport, rejects_table
from lifeline_kit.io.sources import expanded, read_readings
from lifeline_kit.io.tables import Table
from lifeline_kit.vocabulary import quantity as quantity_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """Readings for a store.

    Attributes
    ----------
    sensor : object array of str, (row,)
    time : datetime64[ms] array, (row,)
    value : float32 array, (row,) [canonical unit of the sensor's quantity]
    fresh : DataFrame, index `sensor`
        Sensors that the city does not know: `quantity`, `unit`, `interval_s`, `clock`.
    report : ImportReport
    """

    sensor: np.ndarray
    time: np.ndarray
    value: np.ndarray
    fresh: pd.DataFrame
    report: ImportReport


def arrivals(
    paths: Sequence[Path],
    sensors: pd.DataFrame,
    *,
    mapping: Path | None = None,
    append: bool = False,
    now: np.datetime64 | None = None,
) -> Arrivals:
    """Read files for a city that exists.

    Parameters
    ----------
    paths : sequence of Path
        As `io.files.city_from_files`.
    sensors : DataFrame, index `sensor`
        Of the city: `quantity`.
    mapping : Path, optional
    append : bool
        Take sensors the city does not know as new ones; otherwise their readings are counted as
        unknown and left out.
    now : datetime64, optional

    Raises
    ------
    InputError, MappingError, ReadingsError
    """
    said = read_mapping(mapping) if mapping is not None else FileMapping()
    quantities = dict(zip(sensors.index, sensors["quantity"], strict=True))
    heads = {str(name).rpartition(".")[0] for name in quantities}

    def knows(device: str) -> bool:
        return append or device in quantities or device in heads

    register = Register(knows=knows, quantities=quantities)
    tables = [
        t for p in expanded(paths) for t in read_readings(p, said, now=now, register=register)
    ]
    headers = [h for t in tables if isinstance(t, Table) for h in t.columns]
    headers += [h for t in tables if isinstance(t, LongTable) for h in (*t.spoken, *t.sensors)]
    check_used(said, headers)
    parts = [_of_table(table, quantities, said, append=append) for table in tables]
    fresh = pd.concat([part.fresh for part in parts])
    return Arrivals(
        sensor=np.concatenate([part.sensor for part in parts]),
        time=np.concatenate([part.time for part in parts]),
        value=np.concatenate([part.value for part in parts]),
        fresh=fresh[~fresh.index.duplicated()],
        report=ImportReport(files=tuple(f for part in parts for f in part.report.files)),
    )


def _of_table(
    table: Table | LongTable, quantities: dict[str, str], said: FileMapping, *, append: bool
) -> Arrivals:
    runs = list(
        _long_runs(table) if isinstance(table, LongTable) else _wide_runs(table, said, quantities)
    )
    taken, unknown = [], []
    for sensor, channel, time, value in runs:
        known = quantities.get(sensor)
        if known is not None and known != channel.quantity:
            raise MappingError(
                f"{table.where}: {sensor!r} measures {channel.quantity} here and {known} in the "
                "city; expected the same quantity. Rename the column or mend the mapping file."
            )
        here = taken if known is not None or append else unknown
        here.append((sensor, channel, time, value))
    empty = np.zeros(0)
    return Arrivals(
        sensor=np.concatenate(
            [np.full(time.size, sensor, dtype=object) for sensor, _, time, _ in taken]
            or [empty.astype(object)]
        ),
        time=np.concatenate([t for *_, t, _ in taken] or [empty.astype("datetime64[ms]")]),
        value=np.concatenate([v for *_, v in taken] or [empty]).astype(np.float32),
        fresh=_fresh([run for run in taken if run[0] not in quantities], table.stem),
        report=ImportReport(files=(_without(table.report, unknown),)),
    )


def _long_runs(table: LongTable) -> list[tuple[str, Channel, np.ndarray, np.ndarray]]:
    spans = [slice(a, b) for a, b in zip(table.starts[:-1], table.starts[1:], strict=True)]
    return [
        (sensor, channel, table.time[span], table.value[span])
        for sensor, channel, span in zip(table.sensors, table.channels, spans, strict=True)
    ]


def _wide_runs(
    table: Table, said: FileMapping, quantities: dict[str, str]
) -> list[tuple[str, Channel, np.ndarray, np.ndarray]]:
    runs = []
    for channel in channels(table.columns, said, table.where):
        value = channel.to_canonical(table.columns[channel.header])
        here = ~np.isnan(value)
        names = (f"{table.stem}.{channel.name}", channel.name, channel.header)
        sensor = next((name for name in names if name in quantities), names[0])
        runs.append((sensor, channel, table.time[here], value[here]))
    return runs


def _fresh(runs: list[tuple[str, Channel, np.ndarray, np.ndarray]], stem: str) -> pd.DataFrame:
    rows = []
    for sensor, channel, time, _ in runs:
        step = float(np.median(np.diff(time).astype(np.int64))) / 1000 if time.size > 1 else 3600.0
        rows.append(
            {
                "sensor": sensor,
                "quantity": channel.quantity,
                "unit": quantity_of(channel.quantity).unit,
                "interval_s": step or 3600.0,
                "clock": f"{channel.quantity}/{stem}",
            }
        )
    columns = ["sensor", "quantity", "unit", "interval_s", "clock"]
    return pd.DataFrame(rows, columns=columns).set_index("sensor")


def _without(
    report: FileReport, unknown: list[tuple[str, Channel, np.ndarray, np.ndarray]]
) -> FileReport:
    """Move the readings of unknown sensors out of the accepted ones."""
    n = sum(time.size for _, _, time, _ in unknown)
    if not n:
        return report
    counts = dict(report.counts)
    counts["accepted"] -= n
    counts["unknown"] += n
    parts = [report.rejects] if len(report.rejects) else []
    for sensor, _, time, value in unknown:
        parts.append(
            rejects_table(
                file=report.name,
                reason="unknown",
                line=np.zeros(time.size, dtype=np.int64),
                raw=[""] * time.size,
                sensor=sensor,
                time=time,
                value=value,
            )
        )
    return replace(report, counts=counts, rejects=pd.concat(parts, ignore_index=True))
