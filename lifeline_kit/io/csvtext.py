r"""CSV as people have it: any of three delimiters, a title above, quotes, bad lines, huge lines.

Lines are found and counted on the bytes with numpy, so that a clean file of any size goes through
the C parser in one piece, and a bad line costs no more than being cut out.
"""

import csv
import io
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lifeline_kit.errors import InputError, MappingError, ReadingsError
from lifeline_kit.io.layout import is_time_word, text_roles, with_units
from lifeline_kit.io.mapping import FileMapping
from lifeline_kit.io.numbers import NOTHING
from lifeline_kit.io.sheets import Sheet, shortened
from lifeline_kit.text import Text

_DELIMITERS = (",", ";", "\t", "|")
_NAMES = {",": Text("逗号", "comma"), ";": Text("分号", "semicolon")}
_NAMES |= {"\t": Text("制表符", "tab"), "|": Text("竖线", "bar")}
_HEADER_WITHIN = 40  # lines above the table
_LINE_MOST = 1 << 20  # bytes; a longer line is no row
_LONE_COMMA = re.compile(r"\s*-?\d+,\d+\s*")
_GROUPED = re.compile(r"-?[1-9]\d{0,2},\d{3}")
_POINTED = re.compile(r"\s*-?\d{1,3}(?:,\d{3})+\.\d+\s*")  # 1,234.5
_FIGURES = re.compile(r"[\d\-/:. ]+")
_LONE_RETURN = re.compile(rb"\r(?!\n)")
_NEWLINE, _QUOTE = 10, 34


@dataclass(slots=True)
class _Lines:
    """Where the records of a text begin and end, and how many delimiters each has."""

    starts: np.ndarray
    ends: np.ndarray  # without the newline
    cells: np.ndarray
    number: np.ndarray  # physical line of each, counted from 1
    quoted: bool


def read_csv(
    content: bytes, mapping: FileMapping, *, member: str, where: str, as_text: bool = False
) -> Sheet:
    """Read the text of one table.

    Parameters
    ----------
    content : bytes
        UTF-8.
    mapping : FileMapping
        Names of columns where the usual words do not stand in the header.
    member, where : str
        Name of the table, the same for messages.
    as_text : bool
        Leave every cell as it is written: ids of assets may be numbers with zeros before them.

    Raises
    ------
    InputError, MappingError, ReadingsError
        No delimiter, values below no header, no rows.
    """
    if b"\n" not in content and b"\r" in content:
        content = content.replace(b"\r", b"\n")
    elif content.count(b"\r") != content.count(b"\r\n"):
        content = _LONE_RETURN.sub(b" ", content)  # or the parser would see one line more
    head = content[: 1 << 16].decode("utf-8", errors="replace").splitlines()
    delimiter, title, headers = _header(head, mapping, where)
    below = _split(head[title + 1], delimiter) if title + 1 < len(head) else []
    joined = with_units(headers, below, mapping)
    units = joined != headers
    found_in = (delimiter, title + units, joined)
    for lines in _records(content, delimiter):
        found = _sheet(content, lines, found_in, mapping, (member, where), as_text=as_text)
        if found is not None:
            if units:
                found.decided["header"] = Text(
                    f"第 {title + 1} 行，单位在第 {title + 2} 行",
                    f"line {title + 1}, units in line {title + 2}",
                )
            return found
    raise InputError(f"{where}: its quotes cannot be told apart from its lines; export it again.")


def _sheet(
    content: bytes,
    lines: _Lines,
    head: tuple[str, int, list[str]],
    mapping: FileMapping,
    name: tuple[str, str],
    *,
    as_text: bool,
) -> Sheet | None:
    """Read the records below the header; None where the parser finds other records than we do."""
    delimiter, title, headers = head
    member, where = name
    body = int(np.searchsorted(lines.number, title + 1)) + 1  # the record below the header
    lines = _cut(lines, body)
    blank = _blank(content, lines, delimiter)
    lines = _chosen(lines, ~blank)
    if not lines.starts.size:
        raise ReadingsError(f"{where}: a header and no rows; expected readings below it.")
    cells = max(len(headers), int(np.median(lines.cells[:50])))
    headers = headers + [""] * (cells - len(headers))
    bad = _malformed(content, lines, cells)
    kept = _chosen(lines, ~bad)
    if not kept.starts.size:
        raise InputError(
            f"{where}: no line has the {cells} cells of the header; expected one delimiter "
            f"({delimiter!r}) throughout. Export it again."
        )
    decimal_comma = delimiter != "," and _decimal_comma(content, kept, delimiter)
    texts = dict.fromkeys(headers, "str") if as_text else text_roles(headers, mapping)
    frame = _frame(content, kept, headers, texts, where, (delimiter, decimal_comma))
    if len(frame) != kept.starts.size:
        return None
    decided = _decisions(delimiter, title, headers, decimal_comma=decimal_comma)
    return Sheet(
        member=member,
        where=where,
        frame=_named(frame, headers, where),
        lines=kept.number,
        raw=lambda rows: [_text(content, kept, row) for row in rows],
        malformed=[(int(lines.number[i]), _text(content, lines, i)) for i in np.flatnonzero(bad)],
        short=kept.cells < len([h for h in headers if h]),
        decided=decided,
        decimal_comma=decimal_comma,
    )


def _header(head: list[str], mapping: FileMapping, where: str) -> tuple[str, int, list[str]]:
    """Find the line of the header: delimiter, its position, its cells."""
    first = next((i for i, line in enumerate(head) if line.strip()), 0)
    found: list[tuple[str, int, list[str]]] = []
    for i, line in enumerate(head[:_HEADER_WITHIN]):
        delimiter = max(_DELIMITERS, key=line.count)
        if not line.count(delimiter):
            continue
        cells = _split(line, delimiter)
        if any(is_time_word(cell, mapping) for cell in cells):
            if not any(_FIGURES.fullmatch(cell) for cell in cells):
                return delimiter, i, cells
            found.append((delimiter, i, cells))  # may be a line such as "日期,2026-10-01"
    if found:
        return found[0]
    line = head[first] if head else ""
    delimiter = max(_DELIMITERS, key=line.count)
    if not line.count(delimiter):
        raise InputError(
            f"{where}: the first line {line[:60]!r} has no ',', ';' or tab; expected a "
            "header with a time and at least one more column."
        )
    return delimiter, first, _split(line, delimiter)


def _split(line: str, delimiter: str) -> list[str]:
    return [
        cell.strip().lstrip("#").strip() for cell in next(csv.reader([line], delimiter=delimiter))
    ]


def _decisions(
    delimiter: str, title: int, headers: list[str], *, decimal_comma: bool
) -> dict[str, Text]:
    name, n = _NAMES[delimiter], len([h for h in headers if h])
    decided = {
        "delimiter": Text(
            f"{name.zh}（表头由此分为 {n} 列）", f"{name.en} (it parts the header into {n} columns)"
        ),
        "header": Text(f"第 {title + 1} 行", f"line {title + 1}"),
    }
    if decimal_comma:
        decided["values"] = Text("小数点写作逗号", "the decimal point is a comma")
    return decided


def _records(content: bytes, delimiter: str) -> list[_Lines]:
    """The records of a text, with quotes and without, the likelier reading first."""
    buffer = np.frombuffer(content, dtype=np.uint8)
    newline = np.flatnonzero(buffer == _NEWLINE)
    marks = np.flatnonzero(buffer == ord(delimiter))
    quotes = np.flatnonzero(buffer == _QUOTE)
    plain = _bounded(newline, marks, buffer.size)
    if not quotes.size:
        return [plain]
    inside_lines = np.searchsorted(quotes, newline) & 1 == 1
    inside_marks = np.searchsorted(quotes, marks) & 1 == 1
    quoted = _bounded(newline[~inside_lines], marks[~inside_marks], buffer.size)
    quoted.number = 1 + np.searchsorted(newline, quoted.starts)
    quoted.quoted = True
    # a lone inch mark would swallow the rest of the file: take the reading with fewer odd lines
    return [quoted, plain] if _odd(quoted) <= _odd(plain) else [plain, quoted]


def _odd(lines: _Lines) -> int:
    usual = np.median(lines.cells[:1000])
    long = lines.ends - lines.starts > _LINE_MOST
    swallowed = np.diff(lines.number, append=lines.number[-1] + 1) - 1
    return int((lines.cells != usual).sum() + swallowed[long].sum())


def _bounded(newline: np.ndarray, marks: np.ndarray, size: int) -> _Lines:
    ends = newline if newline.size and newline[-1] == size - 1 else np.append(newline, size)
    starts = np.concatenate([[0], ends[:-1] + 1])
    cells = np.diff(np.searchsorted(marks, np.append(starts, size))) + 1
    return _Lines(starts, ends, cells, np.arange(1, starts.size + 1), quoted=False)


def _cut(lines: _Lines, first: int) -> _Lines:
    keep = np.zeros(lines.starts.size, dtype=bool)
    keep[first:] = True
    return _chosen(lines, keep)


def _chosen(lines: _Lines, keep: np.ndarray) -> _Lines:
    if keep.all():
        return lines
    return _Lines(
        lines.starts[keep], lines.ends[keep], lines.cells[keep], lines.number[keep], lines.quoted
    )


def _blank(content: bytes, lines: _Lines, delimiter: str) -> np.ndarray:
    """Lines of nothing but spaces, delimiters or a comment."""
    blank = lines.ends - lines.starts < 1
    nothing = (delimiter + " \t\r").encode()
    for i in np.flatnonzero(~blank & (lines.ends - lines.starts <= lines.cells + 8)):
        blank[i] = not content[lines.starts[i] : lines.ends[i]].strip(nothing)
    return blank


def _malformed(content: bytes, lines: _Lines, cells: int) -> np.ndarray:
    bad = (lines.cells > cells) | (lines.ends - lines.starts > _LINE_MOST)
    if lines.ends[-1] == len(content) and lines.cells[-1] < np.median(lines.cells):
        bad[-1] = True  # cut off in the middle: its last number may be half a number
    if b"\0" in content or b"\xef\xbf\xbd" in content:
        for mark in (b"\0", b"\xef\xbf\xbd"):  # NUL, and what could not be decoded
            at = [match.start() for match in re.finditer(re.escape(mark), content)]
            rows = np.searchsorted(lines.starts, at, side="right") - 1
            bad[np.unique(rows[rows >= 0])] = True
    return bad


def _text(content: bytes, lines: _Lines, row: int) -> str:
    start, end = int(lines.starts[row]), int(lines.ends[row])
    raw = content[start : min(end, start + 1000)].decode("utf-8", errors="replace")
    return shortened(raw.rstrip("\r\n"))


def _decimal_comma(content: bytes, lines: _Lines, delimiter: str) -> bool:
    """Whether 1,5 is one and a half; 1,234 alone is so only where semicolons part the cells."""
    ends = zip(lines.starts[:50], lines.ends[:50], strict=True)
    cells = [cell for s, e in ends for cell in content[s:e].decode().split(delimiter)]
    commas = [cell.strip() for cell in cells if _LONE_COMMA.fullmatch(cell)]
    grouped = [cell for cell in commas if _GROUPED.fullmatch(cell)]
    if len(grouped) < len(commas):
        return True
    return delimiter == ";" and bool(commas) and not any(map(_POINTED.fullmatch, cells))


def _frame(
    content: bytes,
    kept: _Lines,
    headers: list[str],
    texts: dict[str, str],
    where: str,
    form: tuple[str, bool],
) -> pd.DataFrame:
    delimiter, decimal_comma = form
    positions = list(range(len(headers)))
    types: Any = {i: texts[header] for i, header in enumerate(headers) if header in texts}
    try:
        return pd.read_csv(
            io.BytesIO(_body(content, kept)),
            sep=delimiter,
            header=None,
            names=positions,
            index_col=False,
            dtype=types,
            skipinitialspace=True,
            skip_blank_lines=False,
            low_memory=False,
            keep_default_na=False,
            na_values={i: [""] if i in types else list(NOTHING) for i in positions},
            decimal="," if decimal_comma else ".",
            quoting=csv.QUOTE_MINIMAL if kept.quoted else csv.QUOTE_NONE,
        )
    except (pd.errors.ParserError, ValueError) as error:
        raise InputError(f"{where}: cannot be read as CSV ({error}); export it again.") from None


def _body(content: bytes, kept: _Lines) -> bytes | memoryview:
    """The kept lines in one piece: the file itself where nothing was cut out of it."""
    view = memoryview(content)
    gaps = np.flatnonzero(kept.starts[1:] != kept.ends[:-1] + 1)
    if not gaps.size:
        return view[int(kept.starts[0]) : int(kept.ends[-1])]
    firsts = np.concatenate([[0], gaps + 1])
    lasts = np.append(gaps, kept.starts.size - 1)
    pieces = [
        bytes(view[int(kept.starts[a]) : int(kept.ends[b])])
        for a, b in zip(firsts, lasts, strict=True)
    ]
    return b"\n".join(pieces)


def _named(frame: pd.DataFrame, headers: list[str], where: str) -> pd.DataFrame:
    for position, header in enumerate(headers):
        if not header and frame[position].notna().any():
            raise MappingError(
                f"{where}: column {position + 1} holds values and has no header; expected "
                f"{len(headers)} headers, got {len([h for h in headers if h])}. Name the column."
            )
    frame = frame[[position for position, header in enumerate(headers) if header]]
    frame.columns = [header for header in headers if header]
    return frame
