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

    [long]                          # for files with a row for each reading
    sensor = "设备编号"              # headers of the columns
    value = "数值"
    quantity = "监测项"
    unit = "单位"
    canonical = true                # values stand in the canonical units of the quantities

    [sql]                           # for readings from a database
    table = "readings"              # or select = "SELECT … FROM …"

    [assets]                        # for asset files (GIS)
    id = "code"
    crs = "EPSG:4547"               # where the file names none
    lifeline = "gas"
    kind = "pipe"
    datum = "gcj02"                 # or "bd09": longitudes and latitudes of a map service
    towgs84 = [15.8, -154.4, -82.3] # 3 or 7, for Beijing 1954 and Xian 1980; or
    planar = [dx, dy, turn, ppm]    # metres, seconds of arc, parts per million; or
    control = [[x, y, X, Y], …]     # easting, northing old and new; these two with
    crs_to = "EPSG:4547"
    x = "东坐标"                     # of a CSV: columns of easting (or longitude) and northing
    y = "北坐标"
    table = "pipes"                 # of a PostGIS database; or select = "SELECT …"
    columns = { diameter_mm = "DN", material = "MAT" }
    kinds = { "阀门" = "valve" }     # values of the file's kind column
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

from lifeline_kit.errors import InputError, MappingError, UnitError
from lifeline_kit.io.gcj import datum_in
from lifeline_kit.io.headers import (
    counted_as,
    known_unit,
    quantity_in,
    split_header,
    to_canonical,
)
from lifeline_kit.units import Values, canonical
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
_TOP: dict[str, type] = {
    "time": str,
    "time_format": str,
    "time_zone": str,
    "lifeline": str,
    "asset": str,
}
_TOP |= {"kind": str, "ignore": list, "columns": dict, "assets": dict, "long": dict, "sql": dict}
_LONG: dict[str, type] = {"sensor": str, "value": str, "quantity": str, "unit": str}
_LONG |= {"canonical": bool}
_SQL: dict[str, type] = {"table": str, "select": str}
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
    "datum": str,
    "towgs84": list,
    "planar": list,
    "control": list,
    "crs_to": str,
    "x": str,
    "y": str,
    "table": str,
    "select": str,
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
class LongMapping:
    """Headers of files with a row for each reading, where they use other words."""

    sensor: str | None = None
    value: str | None = None
    quantity: str | None = None
    unit: str | None = None
    canonical: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlMapping:
    """Where the readings lie in a database: a table, or a query of one's own."""

    table: str | None = None
    select: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetMapping:
    """What a mapping file says about files of assets."""

    id: str | None = None
    crs: str | None = None
    lifeline: str | None = None
    kind: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    datum: str | None = None
    towgs84: tuple[float, ...] = ()
    planar: tuple[float, ...] = ()
    control: tuple[tuple[float, ...], ...] = ()
    crs_to: str | None = None
    x: str | None = None
    y: str | None = None
    table: str | None = None
    select: str | None = None


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
    long: LongMapping = field(default_factory=LongMapping)
    sql: SqlMapping = field(default_factory=SqlMapping)

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
    assets, long, sql = (data.pop(name, {}) for name in ("assets", "long", "sql"))
    _check_keys(assets, _ASSETS, f"{path}: [assets]")
    _check_keys(long, _LONG, f"{path}: [long]")
    _check_keys(sql, _SQL, f"{path}: [sql]")
    assets = _asset_entries(assets, f"{path}: [assets]")
    check_lifeline(data.get("lifeline"), str(path))
    check_lifeline(assets.get("lifeline"), f"{path}: [assets]")
    _check_zone(data.get("time_zone"), path)
    data["ignore"] = tuple(data.get("ignore", ()))
    return FileMapping(
        file=str(path),
        columns=columns,
        assets=AssetMapping(**assets),
        long=LongMapping(**long),
        sql=SqlMapping(**sql),
        **data,
    )


def _asset_entries(entries: dict, where: str) -> dict:
    """Check what cannot be checked by its type alone."""
    datum = entries.get("datum")
    if datum is not None:
        if datum_in(datum) is None:
            raise MappingError(
                f"{where}: datum {datum!r} is not known; expected 'gcj02' or 'bd09'; a true datum "
                "belongs to crs."
            )
        entries["datum"] = datum_in(datum)
    for key in ("towgs84", "planar"):
        if key in entries:
            entries[key] = _numbers(entries[key], f"{where}: {key}")
    if "control" in entries:
        entries["control"] = tuple(
            _numbers(each, f"{where}: control") for each in entries["control"]
        )
    return entries


def _numbers(values: object, where: str) -> tuple[float, ...]:
    sound = isinstance(values, list) and all(
        isinstance(x, int | float) and not isinstance(x, bool) for x in values
    )
    if not sound:
        raise MappingError(f"{where} = {values!r}; expected a list of numbers.")
    return tuple(float(x) for x in cast("list", values))


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
            known_unit(entry["unit"], entry["quantity"], "", told=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A column understood: name without unit, quantity, unit of the file, what the mapping adds."""

    header: str
    name: str
    quantity: str
    unit: str
    entry: ColumnMapping

    def to_canonical(self, values: Values) -> Values:
        """Convert from the unit of the file into the canonical unit of the quantity."""
        return to_canonical(values, self.unit, self.quantity)


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
    return channel_of(
        header=header,
        name=name,
        quantity=entry.quantity or quantity_in(name),
        unit=entry.unit or unit,
        entry=entry,
        where=f"{where}: column",
    )


def channel_of(
    *,
    header: str,
    name: str,
    quantity: str | None,
    unit: str | None,
    entry: ColumnMapping,
    where: str,
    words: str = "",
    key: str | None = None,
) -> Channel:
    """Make a channel of what is known about a column or a sensor.

    Parameters
    ----------
    header, name : str
        As written, and without unit.
    quantity, unit : str, optional
    entry : ColumnMapping
    where : str
        Names the file in errors.
    words : str
        What else the file says about it; %LEL is taken only of what is called methane.
    key : str, optional
        What an entry of a mapping file should speak of; default the name.

    Raises
    ------
    MappingError
        Quantity or unit missing, or a unit that does not measure the quantity.
    """
    remedy = (
        f"give it in a mapping file (--mapping):\n[columns.{_toml_key(key or name)}]\n"
        f'quantity = "{quantity or "…"}"\nunit = "…"\n'
        f"or leave the column out: ignore = [{header!r}]"
    )
    if quantity is None:
        raise MappingError(
            f"{where} {header!r} names no quantity; expected a word such as 'pressure', "
            f"'压力' or 'strain' ({', '.join(QUANTITIES)}); {remedy}"
        )
    quantity = counted_as(quantity, unit or "")
    expected = quantity_of(quantity).unit
    if quantity == "ph":
        unit = unit or expected  # it has no other
    if unit is None:
        raise MappingError(
            f"{where} {header!r} ({quantity}) names no unit; expected a header such as "
            f"'{name} ({expected})'; {remedy}"
        )
    try:
        known = known_unit(unit, quantity, f"{name} {words}", told=entry.quantity is not None)
    except UnitError as error:
        raise MappingError(
            f"{where} {header!r}: {quantity} needs {expected} or a unit that converts "
            f"to it, got {unit!r} ({str(error).split(';')[0]}); {remedy}"
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
