"""A city made up from files of one's own."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr

from lifeline_kit.errors import AssetsError, MappingError, ReadingsError
from lifeline_kit.io.areas import districts_of, read_areas
from lifeline_kit.io.gis import NUMBER_COLUMNS, TEXT_COLUMNS, read_reported
from lifeline_kit.io.long import LongTable, Register
from lifeline_kit.io.mapping import (
    DEFAULT_KINDS,
    DEFAULT_ZONE,
    Channel,
    FileMapping,
    channels,
    check_lifeline,
    check_used,
    read_mapping,
)
from lifeline_kit.io.merged import Finder, Merged, long_nodes, long_sensors, merge, sensor_row
from lifeline_kit.io.report import FileReport, ImportReport
from lifeline_kit.io.sources import (
    expanded,
    is_service,
    passed_over,
    read_readings,
    source_name,
)
from lifeline_kit.io.tables import Table, bare_stem
from lifeline_kit.model.assets import check_assets, check_sensors, no_areas
from lifeline_kit.model.city import City, Source
from lifeline_kit.model.readings import check_readings, dense_node
from lifeline_kit.text import Text

SHIPPED = Path(__file__).parent / "mappings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A city from files, what was assumed or mended, and what became of every reading."""

    city: City
    notes: tuple[Text, ...]
    report: ImportReport


def city_from_files(
    readings: Sequence[Path],
    *,
    assets: Sequence[Path] = (),
    areas: Path | None = None,
    mapping: Path | None = None,
    lifeline: str | None = None,
    now: np.datetime64 | None = None,
) -> Loaded:
    """Build a city from files of readings and, where there are any, of assets.

    Parameters
    ----------
    readings : sequence of Path
        Files or folders, or ``sqlite:///…`` and ``postgresql+pg8000://…`` addresses: what
        `io.sources` reads. Or one address of a SensorThings service, ``https://host/…/v1.1``; its
        bearer token, where it needs one, is taken from ``$LIFELINE_SENSORTHINGS_TOKEN``.
    assets : sequence of Path
        What `io.gis` reads. Without one every wide file of readings, and every device of a long
        one, is an asset without a place.
    areas : Path, optional
        Districts or cells with their people, `io.areas`; without them nobody is counted.
    mapping : Path, optional
        Mapping file, `io.mapping`.
    lifeline : str, optional
        Needed without asset files, unless the mapping file names it; also for asset files that
        have no column of lifelines.
    now : datetime64, optional
        UTC, by which stamps of the future are told; default this machine's clock.

    Raises
    ------
    InputError, MappingError, ReadingsError, CrsError, AssetsError
        Naming file, row or column, and what to do.
    """
    said = read_mapping(mapping) if mapping is not None else FileMapping()
    check_lifeline(lifeline, "--lifeline")
    lifeline = lifeline or said.lifeline
    if not readings:
        raise MappingError("no file of readings; expected at least one after --readings.")
    if len(readings) == 1 and is_service(readings[0]) and not assets:
        return _of_service(str(readings[0]), said, lifeline)
    if not assets and lifeline is None and not any(map(is_service, readings)):
        raise MappingError(
            f"{readings[0]}: no lifeline is named; expected --lifeline with one of "
            f"{', '.join(DEFAULT_KINDS)}, or lifeline = … in the mapping file, or --assets."
        )
    paths = expanded(readings)
    notes = passed_over(readings)
    ids = _unique_stems(paths, notes)
    known, asset_reports = _read_all_assets(assets, said, lifeline, notes)
    register = Register() if known is None else Register(knows=Finder(known.index, said).knows)
    parts: list[_Part] = []
    long: list[LongTable] = []
    said_of: list[tuple[str, Text]] = []
    reports: list[FileReport] = []
    for path, own in zip(paths, ids, strict=True):
        tables = read_readings(path, said, now=now, register=register)
        reports += [replace(table.report, name=table.stem) for table in tables]
        long += [table for table in tables if isinstance(table, LongTable)]
        many = len(tables) > 1
        said_of += [(t.stem if many else own, note) for t in tables for note in t.notes]
        wide = [table for table in tables if isinstance(table, Table)]
        parts += [_part(path, own, table, said, many=many) for table in wide]
    check_used(said, [*_headers(parts), *_long_names(long)])
    _unique_nodes(parts)
    _check_any_known(long, known)
    merged, reports = merge(long, reports)
    if known is None:
        known = _assets_of_files(parts, merged, str(lifeline), said)
    known, people = _with_areas(known, areas, notes)
    sensors = _sensors(parts, merged, known, said)
    city = City(
        name=_name(ids),
        crs="" if known.crs is None else known.crs.to_string(),
        time_zone=said.time_zone or DEFAULT_ZONE,
        origin="real",
        assets=check_assets(known),
        sensors=check_sensors(sensors, known),
        areas=people,
        readings=check_readings(_readings(parts, merged)),
        sources=tuple(
            Source(title=Text(source_name(path), source_name(path)), url="", licence="")
            for path in (*paths, *assets)
        ),
    )
    report = ImportReport(files=tuple(reports), assets=tuple(asset_reports))
    return Loaded(city=city, notes=(*notes, *_gathered(said_of)), report=report)


def _with_areas(
    known: gpd.GeoDataFrame, path: Path | None, notes: list[Text]
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Read the areas, and tell which district each asset lies in."""
    if path is None:
        return known, no_areas(known.crs)
    if known.crs is None:
        raise AssetsError(
            f"{path}: areas need assets with places to lie in them; give --assets as well."
        )
    people = read_areas(path, crs=known.crs, notes=notes)
    district = districts_of(known, people)
    outside = int(district.eq("").sum())
    if outside and (people["level"] == "district").any():
        n, all_of = f"{outside:,}", f"{len(known):,}"
        notes.append(
            Text(
                f"{path.name}：{all_of} 项设施中 {n} 项不在任何分区内。",
                f"{path.name}: {n} of {all_of} assets lie in no district.",
            )
        )
    known = known.copy()
    known["district"] = district
    return known, people


def _of_service(url: str, said: FileMapping, lifeline: str | None) -> Loaded:
    """Ask the one service that was named; the mapping file may name its quantities and the CRS."""
    from lifeline_kit.io.sensorthings import Service, city_from_sensorthings

    quantities = {name: c.quantity for name, c in said.columns.items() if c.quantity is not None}
    city, received = city_from_sensorthings(
        Service(url=url, token=os.environ.get("LIFELINE_SENSORTHINGS_TOKEN", "")),
        crs=said.assets.crs,
        lifeline=lifeline,
        quantities=quantities,
    )
    report = FileReport(
        name=source_name(url),
        rows=received.read,
        counts={
            "accepted": received.accepted,
            "duplicate": received.duplicate,
            "value": received.unparsable,
        },
        decided={
            "encoding": Text("OGC SensorThings 服务", "OGC SensorThings service"),
            "zone": Text("时间自带时区", "the stamps name their zone"),
        },
    )
    return Loaded(city=city, notes=received.notes(), report=ImportReport(files=(report,)))


@dataclass(slots=True)
class _Part:
    """One table with its channels; `own` names the file, `node` the sampling clock."""

    path: Path
    own: str
    table: Table
    channels: list[Channel]
    node: str

    def sensor(self, channel: Channel) -> str:
        names = [other.name for other in self.channels]
        twice = names.count(channel.name) > 1
        return f"{self.node}.{channel.header if twice else channel.name}"


def _part(path: Path, own: str, table: Table, said: FileMapping, *, many: bool) -> _Part:
    found = channels(table.columns, said, table.where)
    if not found:
        raise MappingError(f"{table.where}: every column is ignored; leave one to be read.")
    if table.time.size < 2:
        raise ReadingsError(f"{table.where}: {table.time.size} usable rows; expected at least two.")
    return _Part(path, own, table, found, table.stem if many else own)


def _headers(parts: list[_Part]) -> list[str]:
    return [header for part in parts for header in part.table.columns]


def _long_names(long: list[LongTable]) -> list[str]:
    names = [name for table in long for name in (*table.sensors, *table.devices)]
    return [*names, *(name for table in long for name in table.spoken)]


def _check_any_known(long: list[LongTable], known: gpd.GeoDataFrame | None) -> None:
    for table in long:
        if table.sensors:
            continue
        unknown = table.report.counts["unknown"]
        if known is None or not unknown:
            raise ReadingsError(f"{table.where}: no usable rows; see the rejects in the report.")
        first = table.report.rejects.query("reason == 'unknown'")["sensor"].iloc[0]
        raise MappingError(
            f"{table.where}: sensor {first!r} and {unknown - 1:,} more readings belong to no "
            f"asset; expected the sensors to be named by one of {len(known)} asset ids "
            f"({', '.join(map(str, known.index[:3]))} …), or in the mapping file asset = …, or "
            f'[columns."{first}"] asset = …'
        )


def _unique_stems(paths: Iterable[Path], notes: list[Text]) -> list[str]:
    used: list[str] = []
    for path in paths:
        stem = own = bare_stem(path.name) or path.name
        while own in used:
            own = f"{stem}-{used.count(stem) + 1}" if own == stem else f"{own}+"
        if own != stem:
            notes.append(
                Text(
                    f"{path}：已有同名文件，改称 {own}。",
                    f"{path}: another file bears the same name, this one is called {own}.",
                )
            )
        used.append(own)
    return used


def _unique_nodes(parts: list[_Part]) -> None:
    nodes = [part.node for part in parts]
    for part in parts:
        if nodes.count(part.node) > 1:
            part.node = f"{part.own}-{part.node}"
        part.node = part.node.replace("/", "-")


def _read_all_assets(
    paths: Sequence[Path], said: FileMapping, lifeline: str | None, notes: list[Text]
) -> tuple[gpd.GeoDataFrame | None, list[FileReport]]:
    tables: list[gpd.GeoDataFrame] = []
    reports: list[FileReport] = []
    for path in paths:
        found, report = read_reported(path, mapping=said, lifeline=lifeline, near=tables)
        notes += found.notes
        reports.append(report)
        tables.append(found.table if not tables else found.table.to_crs(tables[0].crs))
    if not tables:
        return None, []
    joined = cast("gpd.GeoDataFrame", pd.concat(tables))
    twice = joined.index[joined.index.duplicated()]
    if len(twice):
        raise AssetsError(
            f"asset {twice[0]!r} stands in more than one of the asset files ({len(twice)} ids in "
            "all); ids must be unique over all of them."
        )
    return joined, reports


def _assets_of_files(
    parts: list[_Part], merged: Merged, lifeline: str, said: FileMapping
) -> gpd.GeoDataFrame:
    ids = dict.fromkeys(
        channel.entry.asset or said.asset or part.own for part in parts for channel in part.channels
    )
    ids |= dict.fromkeys(
        channel.entry.asset or said.asset or device
        for channel, device in zip(merged.channels, merged.devices, strict=True)
    )
    table = pd.DataFrame(index=pd.Index(list(ids), name="asset", dtype=object))
    table["lifeline"] = lifeline
    table["kind"] = said.kind or DEFAULT_KINDS[lifeline]
    table["real_or_simulated"] = "real"
    table[list(TEXT_COLUMNS)] = ""
    table[list(NUMBER_COLUMNS)] = np.nan
    table["name_zh"] = table["name_en"] = table.index
    return gpd.GeoDataFrame(table, geometry=np.full(len(ids), None))


def _sensors(
    parts: list[_Part], merged: Merged, known: gpd.GeoDataFrame, said: FileMapping
) -> gpd.GeoDataFrame:
    finder = Finder(known.index, said)
    rows = [_sensor(part, channel, known, finder) for part in parts for channel in part.channels]
    rows += long_sensors(merged, known, finder)
    table = pd.DataFrame.from_records(rows, index="sensor")
    places = known.geometry.reindex(table["asset"])
    points = np.full(len(table), None)
    if places.notna().any():
        points = places.representative_point().to_numpy()
    return gpd.GeoDataFrame(table, geometry=points, crs=known.crs)


def _sensor(part: _Part, channel: Channel, known: gpd.GeoDataFrame, finder: Finder) -> dict:
    guesses = (channel.name, part.node, part.own)
    where = f"{part.table.where}: column {channel.header!r}"
    asset = finder.asset(channel, guesses, where, "the name of the file or of the column")
    steps = np.diff(part.table.time).astype(np.int64)
    return sensor_row(
        part.sensor(channel),
        channel,
        asset=asset,
        lifeline=known["lifeline"][asset],
        clock=f"{channel.quantity}/{part.node}",
        interval_s=float(np.median(steps)) / 1000.0,
    )


def _readings(parts: list[_Part], merged: Merged) -> xr.DataTree:
    nodes: dict[str, xr.Dataset] = long_nodes(merged)
    for part in parts:
        by_quantity: dict[str, list[Channel]] = {}
        for channel in part.channels:
            by_quantity.setdefault(channel.quantity, []).append(channel)
        for key, group in by_quantity.items():
            values = np.stack([c.to_canonical(part.table.columns[c.header]) for c in group])
            names = np.asarray([part.sensor(c) for c in group], dtype=object)
            nodes[f"{key}/{part.node}"] = dense_node(key, names, part.table.time, values)
    return xr.DataTree.from_dict(nodes)


def _name(ids: list[str]) -> Text:
    if len(ids) == 1:
        return Text(ids[0], ids[0])
    return Text(f"{ids[0]} 等 {len(ids)} 个文件", f"{ids[0]} and {len(ids) - 1} more files")


def _gathered(said_of: list[tuple[str, Text]]) -> list[Text]:
    """Say once what holds for several tables."""
    groups: dict[Text, list[str]] = {}
    for stem, note in said_of:
        groups.setdefault(note, []).append(stem)
    gathered = []
    for note, stems in groups.items():
        more = len(stems) - 1
        zh = f"{stems[0]} 等 {more + 1} 个表" if more else stems[0]
        en = f"{stems[0]} and {more} more" if more else stems[0]
        gathered.append(Text(f"{zh}：{note.zh}", f"{en}: {note.en}"))
    return gathered
