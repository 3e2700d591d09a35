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

MOST_BYTES = 1 << 30  # of one file, unpacked
MOST_MEMBERS = 1000
PARQUET = b"PAR1"
_ZIP, _GZIP, _OLE = b"PK", b"\x1f\x8b", b"\xd0\xcf\x11\xe0"


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
    ):
        if path.suffix.lower() == suffix and not content.startswith(magic):
            raise InputError(
                f"{path}: the name says {name}, the content is not; expected it to begin with "
                f"{magic!r}, got {content[:8]!r}. Export it again or give it its true suffix."
            )


def _contents(content: bytes, name: str, depth: int = 0) -> Iterator[tuple[str, bytes]]:
    """Yield (name, bytes) of each table in a file, judged by content."""
    if content.startswith(_GZIP):
        yield name, _bounded(gzip.GzipFile(fileobj=io.BytesIO(content)), name)
    elif content.startswith(_ZIP):
        if depth:
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
    if any(info.filename.startswith(("xl/", "word/")) for info in infos):
        raise InputError(f"{name}: an Excel or Word file; save the sheet as CSV (UTF-8).")
    if len(infos) > MOST_MEMBERS or sum(info.file_size for info in infos) > MOST_BYTES:
        raise InputError(
            f"{name}: {len(infos)} files of {sum(i.file_size for i in infos) / 1e9:.1f} GB once "
            f"unpacked; expected at most {MOST_MEMBERS} files and {MOST_BYTES / 1e9:.1f} GB. "
            "Split the archive."
        )
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


def decode(content: bytes, where: str) -> str:
    """Decode text that may be UTF-8, UTF-16, GB18030 or Latin-1, judged by content.

    Raises
    ------
    InputError
        Where it is no text.
    """
    if content.startswith(_OLE):
        raise InputError(f"{where}: an Excel file; save the sheet as CSV (UTF-8).")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    if b"\0" in content[:4096]:
        raise InputError(f"{where}: no text and no known format; expected CSV, zip or Parquet.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    return content.decode("gb18030" if _looks_chinese(content) else "cp1252", errors="replace")


def _looks_chinese(content: bytes) -> bool:
    """Whether most high bytes come in pairs of GB 2312: `°C` in Latin-1 is a lone high byte."""
    pairs = re.findall(rb"[\x80-\xff]+", content[: 1 << 20])
    lone = sum(len(run) % 2 for run in pairs)
    paired = sum(len(run) // 2 for run in pairs if len(run) % 2 == 0)
    return paired > lone
