"""What lies in a file: bytes of each table in it, whatever the name says, and their text.

Content decides, not the name: loggers store plain CSV under names that end in `.csv.zip`, also
inside zips. Nothing is ever extracted to disk, and no archive may grow beyond `MOST_BYTES`.
"""

import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from lifeline_kit.errors import InputError
from lifeline_kit.text import Text

MOST_BYTES = 1 << 30  # of one file, unpacked
MOST_MEMBERS = 1000
MOST_RATIO, RATIO_FROM = 300, 1 << 26  # unpacked to packed, of more than 64 MB: a bomb, no table
PARQUET = b"PAR1"
HDF5, NETCDF3, SQLITE = b"\x89HDF", b"CDF", b"SQLite format 3"
_ZIP, _GZIP, _OLE = b"PK", b"\x1f\x8b", b"\xd0\xcf\x11\xe0"
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_HANZI = re.compile(rb"(?:[\xa1-\xa9\xb0-\xf7][\xa1-\xfe])+")
_LONG = re.compile(rb"[\xe0-\xff]")  # begins three bytes or more in UTF-8
_EUROPEAN = b"\xc2\xc3\xce\xcf\xd0\xd1"  # first bytes of é, °, µ, Greek and Cyrillic in UTF-8
_BINARY_SHARE = 0.1  # of control characters; a text with runs of NUL has fewer


def read_contents(path: Path) -> list[tuple[str, bytes]]:
    """Read the tables of a file: name (of the member) and bytes, unpacked.

    Raises
    ------
    InputError
        Missing, empty, truncated, encrypted, too large, or not what its name says.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror or error}); name an existing file."
        ) from error
    _check_name(path, content)
    contents = list(_contents(content, path.name))
    if not contents:
        raise InputError(f"{path}: the zip holds no table; expected one or several CSV files.")
    return contents


def _check_name(path: Path, content: bytes) -> None:
    if not content.strip():
        raise InputError(f"{path}: the file is empty; export it again.")
    for suffix, magic, name in (
        (".zip", _ZIP, "a zip archive"),
        (".parquet", PARQUET, "Parquet"),
        (".gz", _GZIP, "gzip"),
        (".xlsx", _ZIP, "Excel"),
        (".xls", _OLE, "Excel 97"),
    ):
        if path.suffix.lower() == suffix and not content.startswith(magic):
            raise InputError(
                f"{path}: the name says {name}, the content is not; expected it to begin with "
                f"{magic!r}, got {content[:8]!r}. Export it again or give it its true suffix."
            )


def _contents(content: bytes, name: str, depth: int = 0) -> Iterator[tuple[str, bytes]]:
    """Yield (name, bytes) of each table in a file, judged by content."""
    if content.startswith(_GZIP):
        inner = _bounded(gzip.GzipFile(fileobj=io.BytesIO(content)), name)
        _check_ratio(name, len(content), len(inner))
        yield name, inner
    elif content.startswith(_ZIP):
        if depth and not is_excel(content):
            raise InputError(f"{name}: a zip within a zip; unpack the outer one first.")
        yield from _members(content, name)
    else:
        yield name, content


def _members(content: bytes, name: str) -> Iterator[tuple[str, bytes]]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except zipfile.BadZipFile as error:
        raise InputError(
            f"{name}: begins like a zip archive but cannot be opened ({error}); it is truncated "
            "or damaged, copy it again."
        ) from None
    infos = [info for info in archive.infolist() if not _is_clutter(info.filename)]
    unpacked = sum(info.file_size for info in infos)
    _check_ratio(name, len(content), unpacked)
    if any(info.filename.startswith("word/") for info in infos):
        raise InputError(f"{name}: a Word file; save the table as Excel or CSV (UTF-8).")
    excel = any(info.filename.startswith("xl/") for info in infos) or is_excel(content)
    if len(infos) > MOST_MEMBERS or unpacked > MOST_BYTES:
        raise InputError(
            f"{name}: {len(infos)} files of {unpacked / 1e9:.1f} GB once "
            f"unpacked; expected at most {MOST_MEMBERS} files and {MOST_BYTES / 1e9:.1f} GB. "
            "Split the archive."
        )
    if excel:
        yield name, content
        return
    for info in infos:
        where = f"{name} ({info.filename})"
        if info.flag_bits & 1:
            raise InputError(f"{where}: encrypted; unpack it with its password first.")
        try:
            with archive.open(info) as stream:
                inner = _bounded(stream, where)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise InputError(f"{where}: cannot be unpacked ({error}); copy it again.") from None
        for _, table in _contents(inner, where, depth=1):
            yield info.filename, table


def _check_ratio(name: str, packed: int, unpacked: int) -> None:
    if unpacked > RATIO_FROM and unpacked > MOST_RATIO * packed:
        raise InputError(
            f"{name}: {packed / 1e6:.2f} MB that unpack to {unpacked / 1e6:.0f} MB, more than "
            f"{MOST_RATIO} times as much; expected measured data, which never pack so well. It was "
            "not read; unpack it yourself if you trust it."
        )


def _is_clutter(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/"))
    word = parts.stem.casefold()
    hidden = "__MACOSX" in parts.parts or parts.name.startswith(".")
    return name.endswith("/") or hidden or word in {"readme", "license", "licence"}


def _bounded(stream: IO[bytes] | gzip.GzipFile, where: str) -> bytes:
    try:
        content = stream.read(MOST_BYTES + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise InputError(f"{where}: truncated or damaged ({error}); copy it again.") from None
    if len(content) > MOST_BYTES:
        raise InputError(
            f"{where}: more than {MOST_BYTES / 1e9:.1f} GB once unpacked; split the file."
        )
    return content


def is_excel(content: bytes) -> bool:
    """Whether bytes are a workbook: xlsx, ods, or what begins like an old xls."""
    if content.startswith(_OLE) or b"opendocument.spreadsheet" in content[:200]:
        return True
    return content.startswith(_ZIP) and (b"xl/workbook" in content or b"xl/worksheets" in content)


def decode(content: bytes, where: str) -> tuple[bytes, Text]:
    """Turn text into UTF-8, and say what it was: UTF-8, UTF-16, GB18030 or Latin-1, by content.

    Bytes that fit nowhere become U+FFFD, so that their lines can be told.

    Raises
    ------
    InputError
        Where it is no text.
    """
    for mark, name in ((b"\xff\xfe", "UTF-16 LE"), (b"\xfe\xff", "UTF-16 BE")):
        if content.startswith(mark):
            text = content.decode("utf-16", errors="replace")
            return text.encode(), Text(f"{name}（有 BOM）", f"{name} (by its byte order mark)")
    head = content[: 1 << 16]
    if len(_CONTROL.findall(head)) > _BINARY_SHARE * len(head):
        raise InputError(
            f"{where}: no text and no known format; expected CSV, Excel, zip, Parquet or NetCDF "
            "(UTF-16 text needs its byte order mark). Export it again."
        )
    if content.startswith(b"\xef\xbb\xbf"):
        marked = content[3:].decode("utf-8", errors="replace").encode()
        return marked, Text("UTF-8（有 BOM）", "UTF-8 (by its byte order mark)")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        return _not_utf8(content, error.start)
    if chinese_after_all(content):
        return content.decode("gb18030").encode(), Text(
            "GB18030（虽也可按 UTF-8 解码，但字节成对构成汉字）",
            "GB18030 (it decodes as UTF-8 too, but its bytes pair up to Chinese words)",
        )
    plain = content.isascii()
    evidence = (
        Text("仅含 ASCII 字符", "ASCII only")
        if plain
        else Text("严格解码通过", "every byte decodes")
    )
    return content, Text(f"UTF-8（{evidence.zh}）", f"UTF-8 ({evidence.en})")


def _not_utf8(content: bytes, first: int) -> tuple[bytes, Text]:
    line = content.count(b"\n", 0, first) + 1
    mostly = content.decode("utf-8", errors="replace")
    broken = mostly.count("\ufffd")
    whole = sum(ord(each) > 0x7F for each in mostly[:1_000_000]) - broken
    if whole > 2 * broken and not _hanzi(content):
        return mostly.encode(), Text(
            f"UTF-8（第 {line} 行起有 {broken} 处坏字节）",
            f"UTF-8 ({broken} bytes that are none, first in line {line})",
        )
    if not looks_chinese(content):
        return content.decode("cp1252", errors="replace").encode(), Text(
            f"Latin-1（第 {line} 行不是 UTF-8，高位字节不成对）",
            f"Latin-1 (line {line} is not UTF-8, high bytes stand alone)",
        )
    return content.decode("gb18030", errors="replace").encode(), Text(
        f"GB18030（第 {line} 行不是 UTF-8）", f"GB18030 (line {line} is not UTF-8)"
    )


def chinese_after_all(content: bytes) -> bool:
    """Whether text that decodes as UTF-8 is GB 2312 none the less: 水位 in GBK is ˮλ in UTF-8."""
    return not content.isascii() and _LONG.search(content) is None and _hanzi(content)


def _hanzi(content: bytes) -> bool:
    """Whether high bytes are pairs of GB 2312 throughout, with words that are no European ones."""
    runs = re.findall(rb"[\x80-\xff]+", content[: 1 << 20])
    pairs = [run for run in runs if _HANZI.fullmatch(run)]
    words = any(len(run) > 2 and run[::2].strip(_EUROPEAN) for run in pairs)
    return words and sum(map(len, pairs)) > 0.9 * sum(map(len, runs))


def looks_chinese(content: bytes) -> bool:
    """Whether most high bytes come in pairs of GB 2312: `°C` in Latin-1 is a lone high byte."""
    pairs = re.findall(rb"[\x80-\xff]+", content[: 1 << 20])
    lone = sum(len(run) % 2 for run in pairs)
    paired = sum(len(run) // 2 for run in pairs if len(run) % 2 == 0)
    return paired > lone
