"""Tables of readings as they lie on disk: CSV, Excel, Parquet, plain, gzipped or in a zip.

A file becomes sheets (`csvtext`, `excel`), a sheet becomes a wide `Table` or a `LongTable`
(`long`); what became of every reading stands in its report. A bad row never stops a load.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
import pyarrow as pa

from lifeline_kit.errors import InputError, ReadingsError
from lifeline_kit.io.archives import PARQUET, decode, is_excel, read_contents
from lifeline_kit.io.csvtext import read_csv
from lifeline_kit.io.excel import read_excel
from lifeline_kit.io.layout import Roles, is_value_word, roles, sensors_told
from lifeline_kit.io.long import LongTable, Register, long_table
from lifeline_kit.io.mapping import Channel, FileMapping, channels, quantity_in, split_header
from lifeline_kit.io.numbers import Values, parse_values, sentinels
from lifeline_kit.io.physical import lel, reach
from lifeline_kit.io.report import FileReport
from lifeline_kit.io.sheets import Sheet
from lifeline_kit.io.tally import ACCEPTED, CODES, Tally, late, row_fates, winners
from lifeline_kit.io.times import OK, Times, parse_times
from lifeline_kit.text import Text

_SUFFIXES = {".csv", ".txt", ".tsv", ".zip", ".gz", ".parquet", ".xlsx", ".xls", ".ods", ".nc"}

_MIDNIGHT = r"[ T]0?0:00(?::00(?:\.0+)?)?$"  # a spreadsheet prints it behind every date
_ROWS = (
    "{n} 行无法读取（时间或列数），已略去。",
    "{n} rows could not be read (time or number of cells) and were left out.",
)
_CELLS = (
    "{n} 行含非数字的值，该值按缺测处理。",
    "{n} rows hold values that are no numbers; those values count as missing.",
)
_INFINITE = ("{n} 个无穷大的值按缺测处理。", "{n} infinite values count as missing.")
_BACKWARDS = (
    "{n} 处时间倒退，已按时间排序。",
    "The time steps backwards {n} times; the rows were sorted.",
)
_TWICE = (
    "{n} 行的时间重复，只保留最后一行。",
    "{n} rows repeat a time; the last of each was kept.",
)
_SENTINEL = ("{n} 个占位值按缺测处理。", "{n} sentinel values count as missing.")
_FUTURE = ("{n} 行的时间在未来，已略去。", "{n} rows lie in the future and were left out.")
_CLOCK = ("{n} 行的时钟未设定，已略去。", "{n} rows come from a clock that was not set.")
_ALL_EMPTY = Text("列 {column} 没有任何值。", "Column {column} holds no value at all.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One wide table of readings.

    Attributes
    ----------
    stem : str
        Name of the file, or of the member of a zip, without its suffixes.
    where : str
        The same for messages.
    time : datetime64[ms] array, (row,)
        UTC, strictly increasing.
    columns : dict of header to float64 array, (row,) [unit of the file]
    notes : tuple of Text
        What was assumed, dropped or mended.
    report : FileReport
        What became of every reading.
    """

    stem: str
    where: str
    time: np.ndarray
    columns: dict[str, np.ndarray]
    notes: tuple[Text, ...]
    report: FileReport


def bare_stem(name: str) -> str:
    """Return a file's name without folders and table suffixes.

    Examples
    --------
    >>> bare_stem("../Settlements/load_01.csv.zip")
    'load_01'
    """
    path = PurePosixPath(name.replace("\\", "/"))
    while path.suffix.lower() in _SUFFIXES:
        path = path.with_suffix("")
    return path.name


def clock() -> np.datetime64:
    """Now, in UTC: what readings of the future are told by."""
    return pd.Timestamp.now("UTC").tz_localize(None).to_datetime64().astype("datetime64[ms]")


def read_tables(
    path: Path,
    mapping: FileMapping | None = None,
    *,
    now: np.datetime64 | None = None,
    register: Register | None = None,
) -> list[Table | LongTable]:
    """Read every table of a file.

    Parameters
    ----------
    path : Path
        CSV (`,` `;` tab or `|`; UTF-8, UTF-16, GB18030 or Latin-1), Excel, Parquet; CSV and Excel
        also gzipped or in a zip.
    mapping : FileMapping, optional
        Time column, zone, layout and columns to ignore.
    now : datetime64, optional
        UTC; stamps more than five minutes after it are of the future. Default: this machine's
        clock.
    register : Register, optional
        Sensors known beforehand; readings of others in long files are counted as unknown.

    Raises
    ------
    InputError
        Missing, empty, truncated, encrypted, too large, or not what its name says.
    MappingError
        No time column, or a column that holds no numbers.
    ReadingsError
        Times that cannot be read, or a table without rows.
    """
    mapping = mapping or FileMapping()
    moment = clock() if now is None else now
    contents = read_contents(path)
    sheets: list[Sheet] = []
    for member, inner in contents:
        where = f"{path}" if member == path.name else f"{path} ({member})"
        sheets += _sheets(inner, mapping, member, where)
    one = len(sheets) == 1
    tables = []
    for sheet in sheets:
        sheet.names = [PurePosixPath(sheet.member).name, path.name]
        stem = bare_stem(path.name if one else sheet.member)
        tables.append(read_sheet(sheet, mapping, stem=stem, now=moment, register=register))
    return tables


def _sheets(content: bytes, mapping: FileMapping, member: str, where: str) -> list[Sheet]:
    if not content.strip():
        raise InputError(f"{where}: empty; expected a table with a header.")
    if content.startswith(PARQUET):
        return [_parquet(content, member, where)]
    if is_excel(content):
        return read_excel(content, mapping, member=member, where=where)
    text, encoding = decode(content, where)
    sheet = read_csv(text, mapping, member=member, where=where)
    sheet.decided = {"encoding": encoding} | sheet.decided
    return [sheet]


def _parquet(content: bytes, member: str, where: str) -> Sheet:
    try:
        frame = pd.read_parquet(io.BytesIO(content))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(
            f"{where}: Parquet that cannot be read ({str(error)[:80]}); truncated, copy it again."
        ) from None
    return frame_sheet(frame, member, where, Text("Parquet", "Parquet"))


def frame_sheet(frame: pd.DataFrame, member: str, where: str, form: Text) -> Sheet:
    """See a DataFrame that a database or a columnar file gave as a sheet."""
    if isinstance(frame.index, pd.DatetimeIndex) and frame.index.name is None:
        frame = frame.rename_axis("time")  # as pandas writes a frame that was indexed by time
    named = [level is not None for level in frame.index.names]
    frame = frame.reset_index() if all(named) else frame.reset_index(drop=True)

    def raw(rows: np.ndarray) -> list[str]:
        return [" | ".join(map(str, row)) for row in frame.iloc[rows].itertuples(index=False)]

    return Sheet(
        member=member,
        where=where,
        frame=frame.rename(columns=str),
        lines=np.arange(1, len(frame) + 1),
        raw=raw,
        decided={"encoding": form},
    )


def read_sheet(
    sheet: Sheet,
    mapping: FileMapping,
    *,
    stem: str,
    now: np.datetime64,
    register: Register | None = None,
) -> Table | LongTable:
    """Understand a sheet: columns, times, values; count what became of every reading.

    Raises
    ------
    MappingError, ReadingsError
    """
    frame, where = sheet.frame, sheet.where
    if frame.empty:
        raise ReadingsError(f"{where}: no rows; expected readings below the header.")
    typed = (
        [
            str(name)
            for name in frame.columns[~frame.columns.duplicated()]
            if pd.api.types.is_datetime64_any_dtype(frame[name])
        ]
        if frame.columns.is_unique
        else []
    )
    found = roles([str(name) for name in frame.columns], typed, mapping, where)
    found, frame = sensors_told(found, frame)
    sheet.frame = frame
    times = parse_times(_stamps(frame, found), mapping, where=where, names=sheet.names)
    sheet.decided = sheet.decided | times.decided
    layout = sheet.decided.get("layout")
    said = found.said()
    sheet.decided["layout"] = (
        said if layout is None else Text(f"{said.zh}；{layout.zh}", f"{said.en}; {layout.en}")
    )
    if found.sensor is not None:
        read = (sheet, found, times, mapping)
        return long_table(*read, stem=stem, now=now, register=register)
    return _wide(sheet, found, times, mapping, stem=stem, now=now)


def _stamps(frame: pd.DataFrame, found: Roles) -> pd.Series:
    """The column of times; date and time of day put together where they stand apart."""
    date = frame[found.time]
    if found.of_day is None:
        return date
    of_day = frame[found.of_day].astype("str").str.strip()
    if of_day.str.len().median() > 12:  # a whole stamp, the date column only repeats its day
        return of_day.rename(found.of_day)
    if pd.api.types.is_datetime64_any_dtype(date):
        date = date.dt.strftime("%Y-%m-%d")
    day = date.astype("str").str.strip().str.replace(_MIDNIGHT, "", regex=True)
    return (day + " " + of_day).rename(found.time)


def _wide(
    sheet: Sheet,
    found: Roles,
    times: Times,
    mapping: FileMapping,
    *,
    stem: str,
    now: np.datetime64,
) -> Table:
    where, notes = sheet.where, list(times.notes)
    columns = {
        header: parse_values(sheet.frame[header], where, decimal_comma=sheet.decimal_comma)
        for header in found.values
    }
    own = _spoken(found.values, mapping, stem)
    columns = {own[header]: values for header, values in columns.items()}
    known = {header: _channel(header, mapping, where) for header in columns}
    tally = Tally(stem, sheet)
    tally.malformed(len(columns))
    fate = row_fates(times.utc, times.fault, now, notes)
    bad = fate != ACCEPTED
    tally.add(fate[bad], np.flatnonzero(bad), time=times.utc[bad], readings=len(columns))
    rows = np.flatnonzero(~bad)
    behind = late(times.utc[rows].astype(np.int64))
    order = np.argsort(times.utc[rows], kind="stable") if behind.any() else slice(None)
    rows, behind = rows[order], behind[order]
    axis, group = _axis(times.utc[rows])
    kept = {
        header: _column(values, known[header], (rows, group, axis, behind), tally, header)
        for header, values in columns.items()
    }
    _tell(notes, columns, times, fate, tally, rows.size - axis.size)
    empty = [header for header, column in kept.items() if np.isnan(column).all()]
    notes += [_ALL_EMPTY.format(column=header) for header in empty]
    decided = _decided(columns, known)
    return Table(
        stem=stem,
        where=where,
        time=axis,
        columns=kept,
        notes=tuple(notes),
        report=tally.report(decided),
    )


def _axis(time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Different times, and the place of each row among them; `time` ascends."""
    fresh = np.append(True, time[1:] != time[:-1]) if time.size else np.zeros(0, dtype=bool)
    return time[fresh], np.cumsum(fresh) - 1


def _column(
    values: Values,
    channel: Channel,
    place: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    tally: Tally,
    header: str,
) -> np.ndarray:
    """Settle one column; returns its values on the axis of different times."""
    rows, group, axis, behind = place
    number = values.number[rows]
    fate = np.full(rows.size, ACCEPTED, dtype=np.int8)
    low, high = reach(channel)
    fate[sentinels(number, low, high)] = CODES["sentinel"]
    fate[values.wrong[rows]] = CODES["value"]
    fate[values.missing[rows]] = CODES["missing"]
    kept = winners(group, number, fate)
    tally.add(fate, rows, sensor=header, time=axis[group], value=number)
    tally.remark("late", behind[kept].sum())
    tally.remark("outside", ((number[kept] < low) | (number[kept] > high)).sum())
    column = np.full(axis.size, np.nan)
    column[group[kept]] = number[kept]
    return column


def _channel(header: str, mapping: FileMapping, where: str) -> Channel:
    """What a header means; one that says too little is refused."""
    return channels([header], mapping, where)[0]


def _spoken(headers: Sequence[str], mapping: FileMapping, stem: str) -> dict[str, str]:
    """Headers that say something: of a file of one sensor, 'value' may be named by the file."""
    if len(headers) != 1 or mapping.column(headers[0]) is not None:
        return {header: header for header in headers}
    name, unit = split_header(headers[0])
    said, said_unit = split_header(stem)
    if quantity_in(name) or not is_value_word(name) or not quantity_in(said):
        return {headers[0]: headers[0]}
    unit = unit or said_unit
    return {headers[0]: f"{said}({unit})" if unit else said}


def _decided(columns: dict[str, Values], known: dict[str, Channel]) -> dict[str, Text]:
    decided: dict[str, Text] = {}
    units = [f"{c.name}: {c.unit}" for c in known.values()]
    if units:
        decided["unit"] = Text("；".join(units), "; ".join(units))
    if any(c.unit == "%LEL" for c in known.values()):
        decided["unit"] = lel(decided["unit"])
    said = list(dict.fromkeys(note for values in columns.values() for note in values.notes))
    if said:
        decided["values"] = Text("；".join(n.zh for n in said), "; ".join(n.en for n in said))
    return decided


def _tell(
    notes: list[Text],
    columns: dict[str, Values],
    times: Times,
    fate: np.ndarray,
    tally: Tally,
    repeated: int,
) -> None:
    """Say in sentences what the counts say in numbers."""
    lost = np.isin(fate, [CODES["time"], CODES["ambiguous"]]).sum() + len(tally.sheet.malformed)
    _note(notes, int(lost), *_ROWS)
    _note(notes, int((fate == CODES["future"]).sum()), *_FUTURE)
    _note(notes, int((fate == CODES["clock"]).sum()), *_CLOCK)
    words = np.zeros(fate.size, dtype=bool)
    infinite = 0
    for values in columns.values():
        infinite += int(values.infinite.sum())
        words |= values.wrong & ~values.infinite
    _note(notes, int((words & (fate == ACCEPTED)).sum()), *_CELLS)
    _note(notes, infinite, *_INFINITE)
    _note(notes, tally.counts["sentinel"], *_SENTINEL)
    utc = times.utc[times.fault == OK]
    _note(notes, int((np.diff(utc) < np.timedelta64(0, "ms")).sum()), *_BACKWARDS)
    _note(notes, repeated, *_TWICE)


def _note(notes: list[Text], n: int, zh: str, en: str) -> None:
    if n:
        notes.append(Text(zh, en).format(n=f"{n:,}"))
