"""Sheets of a workbook (xlsx, xls, ods): a title above, headers in merged cells, serial dates."""

import io
from typing import cast

import numpy as np
import pandas as pd

from lifeline_kit.errors import InputError, MappingError, ReadingsError
from lifeline_kit.io.layout import is_time_word, with_units
from lifeline_kit.io.mapping import FileMapping
from lifeline_kit.io.sheets import Sheet, shortened
from lifeline_kit.text import Text

_HEADER_WITHIN = 40


def read_excel(content: bytes, mapping: FileMapping, *, member: str, where: str) -> list[Sheet]:
    """Read every sheet that holds a table of readings.

    Parameters
    ----------
    content : bytes
    mapping : FileMapping
    member, where : str
        Name of the file, the same for messages.

    Raises
    ------
    InputError
        A workbook that cannot be opened.
    MappingError
        No sheet has a column of times.
    """
    try:
        cells = pd.read_excel(io.BytesIO(content), sheet_name=None, header=None, engine="calamine")
    except Exception as error:
        reason = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        raise InputError(
            f"{where}: begins like an Excel file but cannot be read ({reason}); it is damaged, "
            "encrypted or of another kind. Save it again, or as CSV (UTF-8)."
        ) from None
    found, passed = [], []
    for name, frame in cells.items():
        label = f"{where} [{name}]" if len(cells) > 1 else where
        sheet = _sheet(frame, mapping, member if len(cells) == 1 else str(name), label)
        if sheet is None:
            passed.append(str(name))
        else:
            found.append(sheet)
    if not found:
        raise MappingError(
            f"{where}: no sheet has a time column (sheets {', '.join(map(str, cells))}); expected "
            "a header such as 'Time' or '时间'. Name it in the mapping file: time = …"
        )
    if passed:
        names = "、".join(passed)
        found[0].decided["layout"] = Text(
            f"未读无时间列的工作表：{names}",
            f"sheets without a time column were not read: {', '.join(passed)}",
        )
    return found


def grid_table(content: bytes, where: str) -> pd.DataFrame:
    """Read the first sheet of a workbook as a plain table with its header in the first full row.

    Raises
    ------
    InputError
        A workbook that cannot be opened, or an empty one.
    """
    try:
        frame = pd.read_excel(io.BytesIO(content), header=None, engine="calamine")
    except Exception as error:
        raise InputError(
            f"{where}: begins like an Excel file but cannot be read ({str(error)[:100]}); save it "
            "again, or as CSV (UTF-8)."
        ) from None
    grid = frame.astype(object).where(frame.notna(), None)
    filled = grid.map(_filled).sum(axis=1)
    if filled.empty or not filled.max():
        raise InputError(f"{where}: an empty sheet; expected a table.")
    top = int(np.argmax((filled > filled.max() / 2).to_numpy()))
    table = grid.iloc[top + 1 :][filled.iloc[top + 1 :] > 0]
    table.columns = _words(grid, top)
    return table.loc[:, [name != "" for name in table.columns]].reset_index(drop=True)


def _sheet(frame: pd.DataFrame, mapping: FileMapping, member: str, where: str) -> Sheet | None:
    grid = frame.astype(object).where(frame.notna(), None)
    top = _header_row(grid, mapping)
    if top is None:
        return None
    headers, first = _headers(grid, top, mapping)
    body = grid.iloc[first:]
    body = body[body.map(_filled).any(axis=1)]
    if body.empty:
        raise ReadingsError(f"{where}: a header and no rows; expected readings below it.")
    kept = [i for i, header in enumerate(headers) if header]
    for i, header in enumerate(headers):
        if not header and body.iloc[:, i].map(_filled).any():
            raise MappingError(
                f"{where}: column {i + 1} holds values and has no header; name the column."
            )
    table = body.iloc[:, kept].copy()
    table.columns = [headers[i] for i in kept]
    lines = np.asarray(body.index, dtype=np.int64) + 1
    table = table.reset_index(drop=True)
    above = first - top
    decided = {
        "encoding": Text("Excel 工作簿", "Excel workbook"),
        "header": Text(
            f"第 {top + 1} 行" + ("（多行表头已合并）" if above > 1 else ""),
            f"row {top + 1}" + (" (header of several rows joined)" if above > 1 else ""),
        ),
    }
    shown = table

    def raw(rows: np.ndarray) -> list[str]:
        picked = shown.iloc[rows].itertuples(index=False)
        return [shortened(" | ".join("" if c is None else str(c) for c in row)) for row in picked]

    for name in table.columns[~table.columns.duplicated()]:
        table[name] = (
            _typed(table[name]) if table.columns.tolist().count(name) == 1 else table[name]
        )
    return Sheet(member=member, where=where, frame=table, lines=lines, raw=raw, decided=decided)


def _typed(column: pd.Series) -> pd.Series:
    """A column of nothing but numbers, or of nothing but dates, as such; else as it stands."""
    kinds = set(column.dropna().map(type))
    if kinds and kinds <= {int, float}:
        return column.astype(np.float64)
    if kinds and all(
        issubclass(kind, pd.Timestamp) or kind.__name__ == "datetime" for kind in kinds
    ):
        return pd.to_datetime(column)
    if kinds & {int, float, bool} and str in kinds:  # numbers that became text side by side
        return column.map(
            lambda cell: cell if cell is None or isinstance(cell, str) else _plain(cell)
        )
    return column


def _plain(cell: object) -> object:
    return repr(cell) if isinstance(cell, float | int) else cell


def _filled(cell: object) -> bool:
    return cell is not None and str(cell).strip() != ""


def _header_row(grid: pd.DataFrame, mapping: FileMapping) -> int | None:
    found: list[int] = []
    for row in range(min(_HEADER_WITHIN, len(grid))):
        filled = [cell for cell in grid.iloc[row] if _filled(cell)]
        words = [str(cell).strip() for cell in filled]
        if len(words) > 1 and any(is_time_word(word, mapping) for word in words):
            if all(isinstance(cell, str) for cell in filled):
                return row
            found.append(row)  # may be a line such as 日期 | 2026-10-01
    return found[0] if found else None


def _headers(grid: pd.DataFrame, top: int, mapping: FileMapping) -> tuple[list[str], int]:
    """Join the rows of a header: a merged cell holds its text in its first place only."""
    rows = [_words(grid, top)]
    first = top + 1
    if top + 1 < len(grid) and _is_subheader(grid.iloc[top + 1], rows[0]):
        rows = [_spread(rows[0]), _words(grid, top + 1)]
        first += 1
    elif top and sum(map(bool, _words(grid, top - 1))) > 1:
        rows = [_spread(_words(grid, top - 1)), rows[0]]
    joined = ["".join(dict.fromkeys(parts)) for parts in zip(*rows, strict=True)]
    if len(rows) == 2:  # the upper cell of the time column stands alone, the lower ones need both
        joined = [
            low or up if not (up and low) else j for up, low, j in zip(*rows, joined, strict=True)
        ]
    headers = [cast("str", header).strip() for header in joined]
    if first < len(grid):
        told = with_units(headers, _words(grid, first), mapping)
        return told, first + (told != headers)
    return headers, first


def _words(grid: pd.DataFrame, row: int) -> list[str]:
    return [str(cell).strip() if _filled(cell) else "" for cell in grid.iloc[row]]


def _spread(cells: list[str]) -> list[str]:
    spread, last = [], ""
    for cell in cells:
        last = cell or last
        spread.append(last)
    return spread


def _is_subheader(row: pd.Series, above: list[str]) -> bool:
    """Whether a row goes on with the header: words only, under cells that were merged."""
    filled = [cell for cell in row if _filled(cell)]
    gaps = any(_filled(cell) and not up for cell, up in zip(row, above, strict=True))
    return bool(filled) and gaps and all(isinstance(cell, str) for cell in filled)
