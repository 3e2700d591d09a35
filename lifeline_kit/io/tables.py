"""Tables of readings as they lie on disk: CSV, gzip, zip (of CSVs) and Parquet."""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
import pyarrow as pa

from lifeline_kit.errors import InputError, MappingError, ReadingsError
from lifeline_kit.io.archives import PARQUET, decode, read_contents
from lifeline_kit.io.mapping import FileMapping, split_header
from lifeline_kit.io.times import parse_times
from lifeline_kit.text import Text

_SUFFIXES = {".csv", ".txt", ".tsv", ".zip", ".gz", ".parquet"}
_TIME_WORDS = ("time", "datetime", "timestamp", "date", "时间", "日期", "采集时间", "监测时间")
_DELIMITERS = (",", ";", "\t")
_COMMA = re.compile(r"(?<=\d),(?=\d)")
_BAD_MOST = 0.5  # of a column must be numbers for it to count as one


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
_TWICE = ("{n} 行的时间重复，只保留第一行。", "{n} rows repeat a time; the first of each was kept.")
_ALL_EMPTY = Text("列 {column} 没有任何值。", "Column {column} holds no value at all.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table of readings.

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
    """

    stem: str
    where: str
    time: np.ndarray
    columns: dict[str, np.ndarray]
    notes: tuple[Text, ...]


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


def read_tables(path: Path, mapping: FileMapping | None = None) -> list[Table]:
    """Read every table of a file.

    Parameters
    ----------
    path : Path
        CSV (`,` `;` or tab; UTF-8, GB18030 or Latin-1), gzip or zip of it, or Parquet.
    mapping : FileMapping, optional
        Time column, zone and columns to ignore.

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
    contents = read_contents(path)
    one = len(contents) == 1
    tables = []
    for member, inner in contents:
        where = f"{path}" if member == path.name else f"{path} ({member})"
        raw = _frame(inner, where)
        names = [PurePosixPath(member).name, path.name]
        stem = bare_stem(path.name if one else member)
        tables.append(_table(raw, mapping, stem=stem, where=where, names=names))
    return tables


@dataclass(slots=True)
class _Raw:
    """Headers and columns as read; `dropped` rows had more cells than the header."""

    frame: pd.DataFrame
    dropped: int = 0


def _frame(content: bytes, where: str) -> _Raw:
    if not content.strip():
        raise InputError(f"{where}: empty; expected a table with a header.")
    if content.startswith(PARQUET):
        try:
            frame = pd.read_parquet(io.BytesIO(content))
        except (pa.ArrowException, OSError, ValueError) as error:
            raise InputError(
                f"{where}: Parquet that cannot be read ({str(error)[:80]}); truncated, copy it "
                "again."
            ) from None
        named = [level is not None for level in frame.index.names]
        frame = frame.reset_index() if all(named) else frame
        return _Raw(frame.rename(columns=str))
    text = decode(content, where)
    return _csv(text, where)


def _csv(text: str, where: str) -> _Raw:
    lines = text.lstrip("\r\n").splitlines()
    header_line, body = lines[0], lines[1:]
    delimiter = max(_DELIMITERS, key=header_line.count)
    if not header_line.count(delimiter):
        raise InputError(
            f"{where}: the first line {header_line[:60]!r} has no ',', ';' or tab; expected a "
            "header with a time and at least one more column."
        )
    headers = [cell.strip() for cell in next(csv.reader([header_line], delimiter=delimiter))]
    if not any(line.strip() for line in body):
        raise ReadingsError(f"{where}: a header and no rows; expected readings below it.")
    usual = sorted(line.count(delimiter) + 1 for line in body[:50])[len(body[:50]) // 2]
    cells = max(len(headers), usual)
    frame, dropped = _cells(body, delimiter, cells, where)
    headers += [""] * (cells - len(headers))
    for position, header in enumerate(headers):
        if not header and frame[position].notna().any():
            raise MappingError(
                f"{where}: column {position + 1} holds values and has no header; expected "
                f"{cells} headers, got {len([h for h in headers if h])}. Name the column."
            )
    frame = frame[[position for position, header in enumerate(headers) if header]]
    frame.columns = [header for header in headers if header]
    return _Raw(frame, dropped)


def _cells(body: list[str], delimiter: str, cells: int, where: str) -> tuple[pd.DataFrame, int]:
    """Read the lines below the header; lines of too many cells are left out and counted."""
    kept = [line for line in body if line.count(delimiter) < cells or '"' in line]
    if delimiter == ";" and _decimal_comma(body):
        kept = [_COMMA.sub(".", line) for line in kept]
    try:
        frame = _read_lines(kept, delimiter, cells)
    except (pd.errors.ParserError, ValueError) as error:
        raise InputError(f"{where}: cannot be read as CSV ({error}); export it again.") from None
    return frame, len(body) - len(kept)


def _read_lines(lines: list[str], delimiter: str, cells: int) -> pd.DataFrame:
    return pd.read_csv(
        io.StringIO("\n".join(lines)),
        sep=delimiter,
        header=None,
        names=list(range(cells)),
        index_col=False,
        skipinitialspace=True,
        low_memory=False,
    )


def _decimal_comma(body: list[str]) -> bool:
    cells = [cell for line in body[:50] for cell in line.split(";")]
    return any(re.fullmatch(r"\s*-?\d+,\d+\s*", cell) for cell in cells)


def _table(raw: _Raw, mapping: FileMapping, *, stem: str, where: str, names: list[str]) -> Table:
    frame = raw.frame
    if frame.empty:
        raise ReadingsError(f"{where}: no rows; expected readings below the header.")
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise MappingError(f"{where}: column {twice[0]!r} stands twice; rename one of them.")
    clock = _time_column(frame, mapping, where)
    times = parse_times(frame[clock], mapping, where=where, names=names)
    notes = list(times.notes)
    columns = {
        header: _numbers(frame[header], where)
        for header in frame.columns
        if header != clock and not mapping.ignores(header)
    }
    if not columns:
        raise MappingError(
            f"{where}: no column besides the time {clock!r}; expected at least one measured."
        )
    bad = np.isnat(times.utc)
    _note(notes, raw.dropped + int(bad.sum()), *_ROWS)
    values = _finite(columns, bad, notes)
    rows = _ordered(times.utc, bad, notes)
    found = {header: column[rows] for header, column in values.items()}
    for header, column in found.items():
        if np.isnan(column).all():
            notes.append(_ALL_EMPTY.format(column=header))
    return Table(stem=stem, where=where, time=times.utc[rows], columns=found, notes=tuple(notes))


def _finite(
    columns: dict[str, tuple[np.ndarray, np.ndarray]], bad: np.ndarray, notes: list[Text]
) -> dict[str, np.ndarray]:
    unreadable = np.logical_or.reduce([wrong for _, wrong in columns.values()])
    _note(notes, int((unreadable & ~bad).sum()), *_CELLS)
    infinite = sum(int(np.isinf(values).sum()) for values, _ in columns.values())
    _note(notes, infinite, *_INFINITE)
    return {
        header: np.where(np.isinf(values), np.nan, values)
        for header, (values, _) in columns.items()
    }


def _note(notes: list[Text], n: int, zh: str, en: str) -> None:
    if n:
        notes.append(Text(zh, en).format(n=f"{n:,}"))


def _time_column(frame: pd.DataFrame, mapping: FileMapping, where: str) -> str:
    headers = [str(header) for header in frame.columns]
    by_name = {split_header(header)[0].casefold(): header for header in reversed(headers)}
    if mapping.time is not None:
        found = mapping.time if mapping.time in headers else by_name.get(mapping.time.casefold())
        if found is None:
            raise MappingError(
                f"{where}: the mapping names the time column {mapping.time!r}; found "
                f"{', '.join(headers)}. Mend time = … in the mapping file."
            )
        return found
    for header in headers:
        if pd.api.types.is_datetime64_any_dtype(frame[header]):
            return header
    for word in _TIME_WORDS:
        if word in by_name:
            return by_name[word]
    raise MappingError(
        f"{where}: no time column; expected a header such as 'Time' or '时间', found "
        f"{', '.join(headers)}. Name it in the mapping file: time = …"
    )


def _numbers(column: pd.Series, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Turn a column into floats; say which cells held something that is no number."""
    if pd.api.types.is_bool_dtype(column):
        raise MappingError(
            f"{where}: column {column.name!r} holds true and false, no measured value; leave it "
            f"out in the mapping file: ignore = [{column.name!r}]"
        )
    if pd.api.types.is_numeric_dtype(column):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
        return values, np.zeros(values.size, dtype=bool)
    numbers = pd.to_numeric(column, errors="coerce")
    values = numbers.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    text = column.astype("str").str.strip()
    empty = column.isna() | text.isin(["", "-", "--", "/", "NULL", "null"])
    wrong = (np.isnan(values) & ~empty).to_numpy()
    if wrong.mean() > _BAD_MOST:
        row = int(np.argmax(wrong))
        raise MappingError(
            f"{where}: column {column.name!r} holds no numbers, first {column.iloc[row]!r} in row "
            f"{row + 1}; leave it out in the mapping file: ignore = [{column.name!r}]"
        )
    return values, wrong


def _ordered(utc: np.ndarray, bad: np.ndarray, notes: list[Text]) -> np.ndarray:
    rows = np.flatnonzero(~bad)
    backwards = int((np.diff(utc[rows]) < np.timedelta64(0, "ms")).sum())
    if backwards:
        rows = rows[np.argsort(utc[rows], kind="stable")]
        _note(notes, backwards, *_BACKWARDS)
    fresh = np.append(True, np.diff(utc[rows]) > np.timedelta64(0, "ms"))
    _note(notes, int((~fresh).sum()), *_TWICE)
    return rows[fresh]
