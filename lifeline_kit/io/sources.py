"""Readings from wherever they lie: files, folders of files, NetCDF, Zarr, databases."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lifeline_kit.errors import InputError
from lifeline_kit.io.cf import is_netcdf, is_zarr, read_cf
from lifeline_kit.io.long import LongTable, Register
from lifeline_kit.io.mapping import FileMapping
from lifeline_kit.io.sheets import Sheet
from lifeline_kit.io.sql import Address, is_sql, read_sql, source_name
from lifeline_kit.io.tables import Table, bare_stem, clock, read_sheet, read_tables
from lifeline_kit.text import Text

__all__ = ["Address", "expanded", "is_service", "is_sql", "passed_over", "read_readings"]
__all__ += ["source_name"]
_READABLE = {".csv", ".txt", ".tsv", ".zip", ".gz", ".parquet", ".xlsx", ".xls", ".ods", ".nc"}
_READABLE |= {".nc4", ".cdf"}


def is_service(path: Path | str) -> bool:
    """Whether an address is that of a web service, which is asked only because it was named."""
    return str(path).startswith(("http://", "https://"))


def expanded(paths: Sequence[Path]) -> list[Path]:
    """Replace folders by the files in them, in the order of their names.

    Raises
    ------
    InputError
        A folder without any file of readings.
    """
    found: list[Path] = []
    for path in paths:
        if is_service(path):
            raise InputError(
                f"{path}: a SensorThings service makes a city by itself; name it alone, without "
                "files and --assets, and write with --out."
            )
        if is_sql(path) or not path.is_dir() or is_zarr(path):
            found.append(path)
            continue
        inside = sorted(file for file in path.iterdir() if _readable(file))
        if not inside:
            raise InputError(f"{path}: a folder without readings; expected CSV, Excel or Parquet.")
        found += inside
    return found


def _readable(file: Path) -> bool:
    """Whether a file of a folder is a table; what a spreadsheet leaves while it is open is none."""
    return file.suffix.lower() in _READABLE and not file.name.startswith(("~$", "."))


def passed_over(paths: Sequence[Path]) -> list[Text]:
    """Tell what lies in the folders and is not read."""
    notes = []
    for path in paths:
        if is_sql(path) or is_service(path) or not path.is_dir() or is_zarr(path):
            continue
        names = sorted(each.name for each in path.iterdir() if not _readable(each))
        names = [name for name in names if not name.startswith(("~$", "."))]
        if names:
            few = ", ".join(names[:5])
            notes.append(
                Text(
                    f"{path.name}：其中 {len(names)} 项未读取（{few}）。",
                    f"{path.name}: {len(names)} entries in it were not read ({few}).",
                )
            )
    return notes


def read_readings(
    path: Path,
    mapping: FileMapping | None = None,
    *,
    now: np.datetime64 | None = None,
    register: Register | None = None,
) -> list[Table | LongTable]:
    """Read every table of readings of a source.

    Parameters
    ----------
    path : Path
        A file that `io.tables` reads, NetCDF-CF, a Zarr folder, or the address of a database.
    mapping : FileMapping, optional
    now : datetime64, optional
        UTC, by which stamps of the future are told.
    register : Register, optional
        Sensors known beforehand.

    Raises
    ------
    InputError, MappingError, ReadingsError
    """
    said = mapping or FileMapping()
    if is_sql(path):
        sheets = [read_sql(path, said)]
    elif is_zarr(path) or is_netcdf(path):
        sheets = read_cf(path)
    else:
        return read_tables(path, said, now=now, register=register)
    moment = clock() if now is None else now
    return [
        read_sheet(sheet, said, stem=_stem(path, sheet, sheets), now=moment, register=register)
        for sheet in sheets
    ]


def _stem(path: Path, sheet: Sheet, sheets: list[Sheet]) -> str:
    name = bare_stem(source_name(path)) or source_name(path)
    name = name.removesuffix(".zarr").removesuffix(".db").removesuffix(".sqlite")
    return name if len(sheets) == 1 else f"{name}-{sheet.member}"
