"""Which encoding the words of a Shapefile are in: its .dbf says nothing, its .cpg may lie.

GDAL takes a .dbf without .cpg for Latin-1 and makes mojibake of Chinese names without a word, so
the bytes themselves decide: strict UTF-8, else GB18030 where high bytes come in pairs.
"""

import struct
import zipfile
from pathlib import Path, PurePosixPath

from lifeline_kit.io.archives import chinese_after_all, looks_chinese
from lifeline_kit.text import Text

_MOST = 64 << 20  # bytes of a .dbf that are looked at
_CHINESE = {"gbk", "gb2312", "gb18030", "cp936", "936", "ms936", "ansi 936", "ldid/77"}


def text_encoding(path: Path) -> tuple[str | None, Text | None]:
    """Judge the encoding of a Shapefile, plain or zipped.

    Parameters
    ----------
    path : Path
        The `.shp`, or a zip with one in it.

    Returns
    -------
    encoding : str or None
        To be given to the reader; None where the words are plain ASCII or the `.cpg` is right.
    told : Text or None
    """
    dbf, cpg = _parts(path)
    words = _words(dbf)
    if not words or words.isascii():
        return None, None
    said = cpg.strip()
    if _decodes(words, "utf-8") and not chinese_after_all(words):
        return "UTF-8", _told("UTF-8", said, named=said.casefold() in {"utf-8", "utf8", "65001"})
    named = said.casefold() in _CHINESE
    if named or looks_chinese(words):
        return "GB18030", _told("GB18030", said, named=named)
    return None, None


def _told(found: str, said: str, *, named: bool) -> Text:
    if named:
        return Text(f"{found}（.cpg 注明）", f"{found} (says the .cpg)")
    if said:
        return Text(
            f"{found}（按字节判定；.cpg 写的是 {said}，与内容不符）",
            f"{found} (by its bytes; the .cpg says {said}, which they contradict)",
        )
    return Text(f"{found}（无 .cpg，按字节判定）", f"{found} (no .cpg, by its bytes)")


def _parts(path: Path) -> tuple[bytes, str]:
    """Bytes of the .dbf and text of the .cpg."""
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive:
            names = {PurePosixPath(name).suffix.lower(): name for name in archive.namelist()}
            dbf, cpg = b"", b""
            if ".dbf" in names:
                with archive.open(names[".dbf"]) as stream:
                    dbf = stream.read(_MOST)
            if ".cpg" in names:
                with archive.open(names[".cpg"]) as stream:
                    cpg = stream.read(64)
        return dbf, cpg.decode("ascii", errors="replace")
    dbf = _beside(path, ".dbf", _MOST)
    return dbf, _beside(path, ".cpg", 64).decode("ascii", errors="replace")


def _beside(path: Path, suffix: str, most: int) -> bytes:
    for each in (suffix, suffix.upper()):
        file = path.with_suffix(each)
        if file.is_file():
            with file.open("rb") as stream:
                return stream.read(most)
    return b""


def _words(dbf: bytes) -> bytes:
    """All names and text cells that are not plain ASCII, a line each."""
    if len(dbf) < 32:
        return b""
    header, record = struct.unpack("<HH", dbf[8:12])
    fields, place = [], 1
    names = []
    for start in range(32, min(header, len(dbf)) - 31, 32):
        if dbf[start] == 0x0D:
            break
        names.append(dbf[start : start + 11].split(b"\0")[0])
        length = dbf[start + 16]
        if dbf[start + 11 : start + 12] == b"C":
            fields.append((place, length))
        place += length
    cells = set(names)
    for begin in range(header, len(dbf) - record + 1, max(record, 1)):
        row = dbf[begin : begin + record]
        if row.isascii():
            continue
        cells |= {row[a : a + n].rstrip(b" \0") for a, n in fields}
    return b"\n".join(sorted(cell for cell in cells if not cell.isascii()))


def _decodes(words: bytes, encoding: str) -> bool:
    """Whether every cell decodes; a character cut off by the width of its field is forgiven."""
    for cell in words.split(b"\n"):
        try:
            cell.decode(encoding)
        except UnicodeDecodeError as error:
            if error.end < len(cell) or error.reason != "unexpected end of data":
                return False
    return True
