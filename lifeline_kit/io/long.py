"""Long tables: a row for each reading, the sensor in a column; every series gets its own clock."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lifeline_kit.errors import MappingError
from lifeline_kit.io.headers import LEL
from lifeline_kit.io.layout import Roles, unused_quality
from lifeline_kit.io.mapping import (
    Channel,
    ColumnMapping,
    FileMapping,
    channel_of,
    quantity_in,
    split_header,
)
from lifeline_kit.io.numbers import parse_values, sentinels
from lifeline_kit.io.physical import affine, lel, reach
from lifeline_kit.io.report import FileReport
from lifeline_kit.io.sheets import Sheet
from lifeline_kit.io.tally import ACCEPTED, CODES, Tally, late, row_fates, winners
from lifeline_kit.io.times import Times
from lifeline_kit.text import Text
from lifeline_kit.vocabulary import QUANTITIES

_BACKWARDS = Text(
    "{n} 个读数迟于同一测点更新的读数，已按时间排序。",
    "{n} readings came after newer ones of their sensor; they were sorted.",
)


def _everything(device: str) -> bool:  # noqa: ARG001 - the same shape as a register's own
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """Sensors that are known before a file is read.

    Attributes
    ----------
    knows : callable
        Whether a device or sensor id is known.
    quantities : mapping of sensor id to quantity
        Told where the file does not say it.
    """

    knows: Callable[[str], bool] = _everything
    quantities: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LongTable:
    """One long table of readings.

    Attributes
    ----------
    stem, where : str
        Name of the table, the same for messages.
    sensors : list of str
    devices : list of str, (sensor,)
        What the column of sensors says; several sensors may share it.
    channels : list of Channel, (sensor,)
    starts : int array, (sensor + 1,)
        Sensor ``i`` owns rows ``starts[i]:starts[i + 1]``.
    time : datetime64[ms] array, (row,)
        UTC, increasing within a sensor.
    value : float64 array, (row,) [canonical unit of the sensor's quantity]
    line : int array, (row,)
        Where each reading stands in the file.
    spoken : tuple of str
        Columns and quantities a mapping file may speak of.
    notes : tuple of Text
    report : FileReport
    """

    stem: str
    where: str
    sensors: list[str]
    devices: list[str]
    channels: list[Channel]
    starts: np.ndarray
    time: np.ndarray
    value: np.ndarray
    line: np.ndarray
    spoken: tuple[str, ...]
    notes: tuple[Text, ...]
    report: FileReport


@dataclass(slots=True)
class _Series:
    """The combinations of device, column, quantity and unit that occur, and what they mean."""

    code: np.ndarray  # (reading,) combination of each
    device: list[str]
    column: list[str]
    quantity: list[str | None]
    unit: list[str | None]


def long_table(
    sheet: Sheet,
    found: Roles,
    times: Times,
    mapping: FileMapping,
    *,
    stem: str,
    now: np.datetime64,
    register: Register | None = None,
) -> LongTable:
    """Understand a sheet with a row for each reading.

    Raises
    ------
    MappingError
        A series whose quantity or unit nothing tells, or whose unit does not measure its quantity.
    """
    register = register or Register()
    notes = list(times.notes)
    marks = unused_quality(found, sheet.frame)
    if marks is not None:
        notes.append(marks)
    tally = Tally(stem, sheet)
    tally.malformed(len(found.values))
    number, fate, values_said = _values(sheet, found, times, now, notes)
    row = np.tile(np.arange(len(sheet.frame)), len(found.values))
    series = _series(sheet.frame, found)
    known = _known(series, mapping, register)
    fate[(fate == ACCEPTED) & ~known[series.code]] = CODES["unknown"]
    channels, ids = _understood(series, known, mapping, register, sheet.where)
    offset, factor, low, high = _scales(channels)
    value = number * factor[series.code] + offset[series.code]
    low, high = low[series.code], high[series.code]
    back = [(edge - offset[series.code]) / factor[series.code] for edge in (low, high)]
    strange = sentinels(number, *back, group=series.code)
    fate[strange & (fate == ACCEPTED)] = CODES["sentinel"]
    names, sensor = _numbered(ids, series.code)
    kept, behind = _settled(sensor, times.utc[row], value, fate)
    devices = np.array([*series.device, ""], dtype=object)
    tally.add(fate, row, sensor=devices[series.code], time=times.utc[row], value=number)
    tally.remark("late", behind.sum())
    tally.remark("outside", ((value[kept] < low[kept]) | (value[kept] > high[kept])).sum())
    if behind.any():
        notes.append(_BACKWARDS.format(n=f"{int(behind.sum()):,}"))
    first = {ids[i]: i for i in range(len(ids) - 1, -1, -1)}
    present, sizes = np.unique(sensor[kept], return_counts=True)
    return LongTable(
        stem=stem,
        where=sheet.where,
        sensors=[names[i] for i in present],
        devices=[series.device[first[names[i]]] for i in present],
        channels=[_sure(channels[first[names[i]]]) for i in present],
        starts=np.concatenate([[0], np.cumsum(sizes)]),
        time=times.utc[row[kept]],
        value=value[kept],
        line=sheet.lines[row[kept]],
        spoken=tuple({*found.values, *filter(None, series.quantity), *series.device}),
        notes=tuple(notes),
        report=tally.report(_decided(channels) | values_said),
    )


def _sure(channel: Channel | None) -> Channel:
    assert channel is not None  # an unknown series has no accepted reading
    return channel


def _values(
    sheet: Sheet, found: Roles, times: Times, now: np.datetime64, notes: list[Text]
) -> tuple[np.ndarray, np.ndarray, dict[str, Text]]:
    """Numbers and fates of all readings, one column of values after another."""
    of_row = row_fates(times.utc, times.fault, now, notes)
    nameless = sheet.frame[found.sensor].isna().to_numpy()
    numbers, fates, said = [], [], []
    for header in found.values:
        read = parse_values(sheet.frame[header], sheet.where, decimal_comma=sheet.decimal_comma)
        said += read.notes
        fate = of_row.copy()
        good = fate == ACCEPTED
        fate[good & read.wrong] = CODES["value"]
        fate[good & read.missing] = CODES["missing"]
        if sheet.short is not None:
            fate[sheet.short & read.missing] = CODES["malformed"]
        fate[nameless & (fate == ACCEPTED)] = CODES["unknown"]
        numbers.append(read.number)
        fates.append(fate)
    texts = list(dict.fromkeys(said))
    decided = {}
    if texts:
        decided["values"] = Text("；".join(t.zh for t in texts), "; ".join(t.en for t in texts))
    return np.concatenate(numbers), np.concatenate(fates), decided


def _series(frame: pd.DataFrame, found: Roles) -> _Series:
    device, devices = _codes(frame, found.sensor)
    quantity, quantities = _codes(frame, found.quantity)
    unit, units = _codes(frame, found.unit)
    n, m = len(quantities) + 1, len(units) + 1
    columns = len(found.values)
    key = ((device + 1) * n + quantity + 1) * m + unit + 1
    whole = np.concatenate([key * columns + k for k in range(columns)])
    code, used = pd.factorize(whole)
    rest, column = np.divmod(used, columns)
    rest, unit_of = np.divmod(rest, m)
    device_of, quantity_of_ = np.divmod(rest, n)
    devices, quantities, units = ["", *devices], [None, *quantities], [None, *units]
    return _Series(
        code=code,
        device=[devices[i] for i in device_of],
        column=[found.values[i] for i in column],
        quantity=[quantities[i] for i in quantity_of_],
        unit=[units[i] for i in unit_of],
    )


def _codes(frame: pd.DataFrame, header: str | None) -> tuple[np.ndarray, list[str]]:
    if header is None:
        return np.full(len(frame), -1, dtype=np.int64), []
    column = frame[header].astype("category")
    names = [_name(each) for each in column.cat.categories]
    unique = list(dict.fromkeys(names))
    place = {name: i for i, name in enumerate(unique)}
    merged = np.array([place[name] for name in names] + [-1], dtype=np.int64)
    return merged[column.cat.codes.to_numpy()], unique


def _name(cell: object) -> str:
    whole = isinstance(cell, float) and cell.is_integer()
    return str(int(cell)) if whole else str(cell).strip()  # a spreadsheet says 1001.0


def _known(series: _Series, mapping: FileMapping, register: Register) -> np.ndarray:
    return np.array(
        [bool(d) and register.knows(d) and not mapping.ignores(d) for d in series.device] + [False]
    )


def _understood(
    series: _Series, known: np.ndarray, mapping: FileMapping, register: Register, where: str
) -> tuple[list[Channel | None], list[str]]:
    """Quantity, unit and id of each combination; None for unknown ones."""
    tails = _tails(series)
    channels: list[Channel | None] = []
    ids: list[str] = []
    remembered: dict[tuple, Channel] = {}
    for i, device in enumerate(series.device):
        sensor = f"{device}.{tails[i]}" if tails[i] else device
        ids.append(sensor)
        if not known[i]:
            channels.append(None)
            continue
        told = register.quantities.get(sensor) or register.quantities.get(device)
        facts = (device, sensor, series.column[i], series.quantity[i], series.unit[i], told)
        if facts not in remembered:
            remembered[facts] = _channel(facts, mapping, where)
        channels.append(remembered[facts])
    return channels, ids


def _tails(series: _Series) -> list[str]:
    """What tells several series of one device apart: the column, the quantity, or nothing."""
    several_columns = len(set(series.column)) > 1
    per_device: dict[str, set[str | None]] = {}
    for device, quantity in zip(series.device, series.quantity, strict=True):
        per_device.setdefault(device, set()).add(quantity)
    several = any(len(found) > 1 for found in per_device.values())
    tails = []
    for column, quantity in zip(series.column, series.quantity, strict=True):
        parts = [split_header(column)[0]] if several_columns else []
        parts += [split_header(quantity)[0]] if several and quantity else []
        tails.append(".".join(parts))
    return tails


def _channel(facts: tuple, mapping: FileMapping, where: str) -> Channel:
    device, sensor, column, quantity, unit, told = facts
    entry = _entry(mapping, (sensor, device, quantity, column))
    head, head_unit = split_header(column)
    own, own_unit = split_header(device)
    said, said_unit = split_header(quantity) if quantity else (None, None)
    named = _key(said) or entry.quantity or quantity_in(head) or quantity_in(own) or told
    if quantity and named is None:
        raise MappingError(
            f"{where}: sensor {device!r} measures {quantity!r}, which is no known quantity; "
            f"expected one of {', '.join(QUANTITIES)}; give it in a mapping file: "
            f'[columns."{quantity}"] quantity = "…"'
        )
    tail = sensor.removeprefix(f"{device}.")
    measured = unit or entry.unit or said_unit or head_unit or own_unit
    if measured is None and mapping.long.canonical and named:
        measured = QUANTITIES[named].unit
    return channel_of(
        header=sensor,
        name=device,
        quantity=named,
        unit=measured,
        entry=entry,
        where=f"{where}: sensor",
        words=f"{column} {quantity} {told}",
        key=sensor if "." in tail else tail,
    )


def _entry(mapping: FileMapping, names: Sequence[str | None]) -> ColumnMapping:
    found = (mapping.column(name) for name in names if name)
    return next((entry for entry in found if entry is not None), ColumnMapping())


def _key(said: str | None) -> str | None:
    """A quantity by its key, its title or its words."""
    if said is None:
        return None
    return said if said in QUANTITIES else quantity_in(said)


def _scales(
    channels: list[Channel | None],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Offset and factor to the canonical unit, lowest and highest possible value in it."""
    table = np.tile([0.0, 1.0, -np.inf, np.inf], (len(channels) + 1, 1))
    for i, channel in enumerate(channels):
        if channel is None:
            continue
        zero, one = affine(channel)
        low, high = reach(channel)
        table[i] = zero, one, low * one + zero, high * one + zero
    return table[:, 0], table[:, 1], table[:, 2], table[:, 3]


def _numbered(ids: list[str], code: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Number the sensors; combinations that differ in the unit only are one sensor."""
    names = list(dict.fromkeys(ids))
    place = {name: i for i, name in enumerate(names)}
    return names, np.array([place[each] for each in ids], dtype=np.int64)[code]


def _settled(
    sensor: np.ndarray, time: np.ndarray, value: np.ndarray, fate: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the readings that stay, by sensor and time; which of them came late."""
    good = np.flatnonzero(fate == ACCEPTED)
    small = np.int16 if sensor.size and sensor.max() < 32_000 else np.int64
    by_sensor = good[np.argsort(sensor[good].astype(small), kind="stable")]
    ms = time[by_sensor].astype(np.int64)
    behind = late(ms, sensor[by_sensor])
    order = by_sensor
    if behind.any():
        turn = np.lexsort((ms, sensor[by_sensor]))
        order, behind, ms = by_sensor[turn], behind[turn], ms[turn]
    own = sensor[order]
    fresh = np.append(True, (own[1:] != own[:-1]) | (ms[1:] != ms[:-1]))[: order.size]
    settled = fate[order]
    kept = winners(np.cumsum(fresh), value[order], settled)
    fate[order] = settled
    return order[kept], behind[kept]


def _decided(channels: list[Channel | None]) -> dict[str, Text]:
    pairs = dict.fromkeys((c.quantity, c.unit) for c in channels if c is not None)
    units = [f"{quantity}: {unit}" for quantity, unit in pairs]
    if not units:
        return {}
    said = Text("；".join(units), "; ".join(units))
    return {"unit": lel(said) if any(unit == LEL for _, unit in pairs) else said}
