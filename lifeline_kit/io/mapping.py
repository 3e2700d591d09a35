"""Mapping files (TOML), and what a column header says about quantity and unit.

::

    time = "Time"                   # header of the time column
    time_format = "%d/%m/%Y %H:%M"  # only where stamps are ambiguous
    time_zone = "Asia/Shanghai"     # of stamps that name none
    lifeline = "water"
    asset = "WTP-1"                 # asset of every column that names none
    kind = "plant"                  # kind of assets that are made up, one per file
    ignore = ["EVENT"]              # columns to leave out

    [columns.Tp]                    # Tp is the header, with or without its unit
    quantity = "temperature"
    unit = "degC"
    range = [-5, 60]                # span of the instrument, in `unit`
    limit = [2, 25]                 # design limits, in `unit`
    statistic = "point"
    asset = "WTP-2"

    [assets]                        # for asset files (GIS)
    id = "code"
    crs = "EPSG:4547"               # where the file names none
    lifeline = "gas"
    kind = "pipe"
    columns = { diameter_mm = "DN", material = "MAT" }
    kinds = { "阀门" = "valve" }     # values of the file's kind column
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from lifeline_kit.errors import InputError, MappingError, UnitError
from lifeline_kit.units import canonical, convert, is_known
from lifeline_kit.vocabulary import QUANTITIES
from lifeline_kit.vocabulary import quantity as quantity_of

DEFAULT_ZONE = "Asia/Shanghai"
STATISTICS = ("point", "mean", "max", "rms")
# What an asset is called that is made up for a file of readings without an asset file.
DEFAULT_KINDS = {
    "gas": "station",
    "water": "plant",
    "drainage": "manhole",
    "heating": "substation",
    "bridges": "bridge",
    "roads": "section",
    "rail": "tunnel",
    "supplies": "warehouse",
}
_BRACKETS = re.compile(r"^(?P<name>.*?)\s*[(\[（【](?P<unit>[^()\[\]（）【】]*)[)\]）】]\s*$")
_TOP: dict[str, type] = {
    "time": str,
    "time_format": str,
    "time_zone": str,
    "lifeline": str,
    "asset": str,
}
_TOP |= {"kind": str, "ignore": list, "columns": dict, "assets": dict}
_COLUMN: dict[str, type] = {
    "quantity": str,
    "unit": str,
    "range": list,
    "limit": list,
    "statistic": str,
}
_COLUMN |= {"asset": str}
_ASSETS: dict[str, type] = {
    "id": str,
    "crs": str,
    "lifeline": str,
    "kind": str,
    "columns": dict,
    "kinds": dict,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMapping:
    """What a mapping file says about one column; `span` and `limit` in `unit`."""

    quantity: str | None = None
    unit: str | None = None
    span: tuple[float, float] | None = None
    limit: tuple[float, float] | None = None
    statistic: str = "point"
    asset: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetMapping:
    """What a mapping file says about files of assets."""

    id: str | None = None
    crs: str | None = None
    lifeline: str | None = None
    kind: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMapping:
    """A mapping file, read; the default stands for no mapping file."""

    file: str = ""
    time: str | None = None
    time_format: str | None = None
    time_zone: str | None = None
    lifeline: str | None = None
    asset: str | None = None
    kind: str | None = None
    ignore: tuple[str, ...] = ()
    columns: Mapping[str, ColumnMapping] = field(default_factory=dict)
    assets: AssetMapping = field(default_factory=AssetMapping)

    def column(self, header: str) -> ColumnMapping | None:
        """Return the entry of a column, by its whole header or by its name without unit."""
        return self.columns.get(header) or self.columns.get(split_header(header)[0])

    def ignores(self, header: str) -> bool:
        """Whether a column is to be left out."""
        return header in self.ignore or split_header(header)[0] in self.ignore


def read_mapping(path: Path) -> FileMapping:
    """Read a mapping file.

    Raises
    ------
    InputError
        Where the file is missing.
    MappingError
        Not TOML, an unknown key, a value of the wrong type, or an unknown quantity, unit,
        lifeline or time zone; names file and entry.
    """
    try:
        with path.open("rb") as stream:
            data = tomllib.load(stream)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror or error}); name an existing mapping file."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MappingError(
            f"{path}: expected TOML in UTF-8, got {error}; mend that line."
        ) from None
    _check_keys(data, _TOP, f"{path}")
    columns = {
        name: _column(entry, f"{path}: [columns.{name}]")
        for name, entry in data.pop("columns", {}).items()
    }
    assets = data.pop("assets", {})
    _check_keys(assets, _ASSETS, f"{path}: [assets]")
    check_lifeline(data.get("lifeline"), str(path))
    check_lifeline(assets.get("lifeline"), f"{path}: [assets]")
    _check_zone(data.get("time_zone"), path)
    data["ignore"] = tuple(data.get("ignore", ()))
    return FileMapping(file=str(path), columns=columns, assets=AssetMapping(**assets), **data)


def check_lifeline(lifeline: str | None, where: str) -> None:
    """Refuse a lifeline that does not exist.

    Raises
    ------
    MappingError
    """
    if lifeline is not None and lifeline not in DEFAULT_KINDS:
        raise MappingError(
            f"{where}: lifeline {lifeline!r} is not known; expected one of "
            f"{', '.join(DEFAULT_KINDS)}."
        )


def _check_zone(zone: str | None, path: Path) -> None:
    try:
        ZoneInfo(zone or DEFAULT_ZONE)
    except (KeyError, ValueError, OSError):
        raise MappingError(
            f"{path}: time_zone {zone!r} is not known; expected an IANA name such as "
            "'Asia/Shanghai' or 'UTC'."
        ) from None


def _check_keys(data: object, known: Mapping[str, type], where: str) -> None:
    if not isinstance(data, dict):
        raise MappingError(f"{where}: expected a table of keys, got {data!r}.")
    for key, value in data.items():
        if key not in known:
            raise MappingError(
                f"{where}: key {key!r} is not known; expected one of {', '.join(known)}."
            )
        if not isinstance(value, known[key]):
            raise MappingError(
                f"{where}: {key} = {value!r} is of the wrong type; expected {known[key].__name__}."
            )


def _column(entry: object, where: str) -> ColumnMapping:
    _check_keys(entry, _COLUMN, where)
    assert isinstance(entry, dict)
    entry = dict(entry)
    try:
        if "quantity" in entry:
            quantity_of(entry["quantity"])
        if "unit" in entry:
            entry["unit"] = canonical(entry["unit"])
        if "quantity" in entry and "unit" in entry:
            _check_unit(entry["unit"], entry["quantity"])
    except (MappingError, UnitError) as error:
        raise MappingError(f"{where}: {error}") from None
    if entry.get("statistic", "point") not in STATISTICS:
        raise MappingError(
            f"{where}: statistic {entry['statistic']!r} is not known; expected one of "
            f"{', '.join(STATISTICS)}."
        )
    for key in ("range", "limit"):
        if key in entry:
            entry[key] = _pair(entry[key], f"{where}: {key}")
    entry["span"] = entry.pop("range", None)
    return ColumnMapping(**entry)


def _pair(values: list, where: str) -> tuple[float, float]:
    numbers = [x for x in values if isinstance(x, int | float) and not isinstance(x, bool)]
    if len(values) != 2 or len(numbers) != 2 or not values[0] < values[1]:
        raise MappingError(f"{where} = {values!r}; expected [low, high] with low < high.")
    return float(values[0]), float(values[1])


def split_header(header: str) -> tuple[str, str | None]:
    """Split a column header into name and unit; None where it says no unit.

    Examples
    --------
    >>> split_header("DMS_CN (um/m)"), split_header("FRC-01 [kN]"), split_header("压力/MPa")
    (('DMS_CN', 'um/m'), ('FRC-01', 'kN'), ('压力', 'MPa'))
    """
    header = header.strip()
    match = _BRACKETS.match(header)
    if match and match["name"]:
        return match["name"].strip(), match["unit"].strip()
    for cut in re.finditer("[/／]", header):
        if cut.start() and is_known(header[cut.end() :]):
            return header[: cut.start()].strip(), header[cut.end() :].strip()
    name, _, tail = header.rpartition("_")
    if name and is_known(tail) and quantity_in(name) and _fits(tail, quantity_in(name)):
        return name, tail
    return header, None


def _fits(unit: str, quantity: str | None) -> bool:
    try:
        _check_unit(unit, quantity or "")
    except (UnitError, MappingError):
        return False
    return True


def _check_unit(unit: str, quantity: str) -> str:
    """Return the one name of a unit; UnitError where unknown or not of the quantity."""
    known, expected = canonical(unit), quantity_of(quantity).unit
    try:
        convert(1.0, known, expected)
    except TypeError:  # pint refuses arithmetic on scales with a zero of their own
        raise UnitError(
            f"cannot convert {known} to {expected}: they measure different things"
        ) from None
    return known


@lru_cache(maxsize=1)
def _words() -> list[tuple[str, re.Pattern[str], str]]:
    words = [(_folded(word), q.key) for q in QUANTITIES.values() for word in (*q.header, q.key)]
    # a Latin word must stand alone ("ph" is not in "phase"); Chinese has no spaces to look for
    patterns = [
        (word, re.compile(rf"(?<![a-z]){re.escape(word)}(?![a-z])"), key) for word, key in words
    ]
    return sorted(patterns, key=lambda entry: -len(entry[0]))


def _folded(text: str) -> str:
    return re.sub(r"[\s_]+", " ", text).strip().casefold()


def quantity_in(name: str) -> str | None:
    """Name the quantity that a header's words give; the longest word decides.

    Examples
    --------
    >>> quantity_in("Air Temperature"), quantity_in("一号泵站压力"), quantity_in("phase")
    ('air_temperature', 'pressure', None)
    """
    folded = _folded(name)
    return next((key for _, pattern, key in _words() if pattern.search(folded)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A column understood: name without unit, quantity, unit of the file, what the mapping adds."""

    header: str
    name: str
    quantity: str
    unit: str
    entry: ColumnMapping

    def to_canonical(self, values: np.ndarray) -> np.ndarray:
        """Convert from the unit of the file into the canonical unit of the quantity."""
        return convert(values, self.unit, quantity_of(self.quantity).unit)


def channels(headers: Iterable[str], mapping: FileMapping, where: str) -> list[Channel]:
    """Understand the headers of one table.

    Parameters
    ----------
    headers : iterable of str
        Without the time column.
    mapping : FileMapping
    where : str
        Names the file in errors.

    Raises
    ------
    MappingError
        A column whose quantity or unit neither header nor mapping gives, or whose unit does not
        measure its quantity.
    """
    return [_channel(header, mapping, where) for header in headers if not mapping.ignores(header)]


def _channel(header: str, mapping: FileMapping, where: str) -> Channel:
    entry = mapping.column(header) or ColumnMapping()
    name, unit = split_header(header)
    quantity = entry.quantity or quantity_in(name)
    remedy = (
        f"give it in a mapping file (--mapping):\n[columns.{_toml_key(name)}]\n"
        f'quantity = "{quantity or "…"}"\nunit = "…"\n'
        f"or leave the column out: ignore = [{header!r}]"
    )
    if quantity is None:
        raise MappingError(
            f"{where}: column {header!r} names no quantity; expected a word such as 'pressure', "
            f"'压力' or 'strain' ({', '.join(QUANTITIES)}); {remedy}"
        )
    expected = quantity_of(quantity).unit
    said = entry.unit or unit
    if said is None:
        raise MappingError(
            f"{where}: column {header!r} ({quantity}) names no unit; expected a header such as "
            f"'{name} ({expected})'; {remedy}"
        )
    try:
        known = _check_unit(said, quantity)
    except UnitError as error:
        raise MappingError(
            f"{where}: column {header!r}: {quantity} needs {expected} or a unit that converts "
            f"to it, got {said!r} ({str(error).split(';')[0]}); {remedy}"
        ) from None
    return Channel(header=header, name=name, quantity=quantity, unit=known, entry=entry)


def _toml_key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else f'"{name}"'


def check_used(mapping: FileMapping, headers: Iterable[str]) -> None:
    """Refuse a mapping that speaks of columns which no file has.

    Raises
    ------
    MappingError
    """
    headers = list(headers)
    names = {*headers, *(split_header(header)[0] for header in headers)}
    for column in mapping.columns:
        if column not in names:
            raise MappingError(
                f"{mapping.file}: [columns.{column}] is in no file; found "
                f"{', '.join(sorted(headers)) or 'no columns'}. Mend the name or drop the entry."
            )
