"""A city made up from files of one's own."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr

from lifeline_kit.errors import MappingError, ReadingsError
from lifeline_kit.io.gis import NUMBER_COLUMNS, TEXT_COLUMNS, read_assets
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
from lifeline_kit.io.tables import Table, bare_stem, read_tables
from lifeline_kit.model.assets import AREA_COLUMNS, check_assets, check_sensors
from lifeline_kit.model.city import City, Source
from lifeline_kit.model.readings import check_readings, dense_node
from lifeline_kit.text import Text
from lifeline_kit.units import convert
from lifeline_kit.vocabulary import quantity as quantity_of

SHIPPED = Path(__file__).parent / "mappings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A city from files, and what was assumed, dropped or mended on the way."""

    city: City
    notes: tuple[Text, ...]


def city_from_files(
    readings: Sequence[Path],
    *,
    assets: Sequence[Path] = (),
    mapping: Path | None = None,
    lifeline: str | None = None,
) -> Loaded:
    """Build a city from files of readings and, where there are any, of assets.

    Parameters
    ----------
    readings : sequence of Path
        CSV, zip of CSVs or Parquet, `io.tables`.
    assets : sequence of Path
        GeoParquet, GeoPackage, GeoJSON or Shapefile, `io.gis`. Without one every file of readings
        is an asset without a place.
    mapping : Path, optional
        Mapping file, `io.mapping`.
    lifeline : str, optional
        Needed without asset files, unless the mapping file names it.

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
    if not assets and lifeline is None:
        raise MappingError(
            f"{readings[0]}: no lifeline is named; expected --lifeline with one of "
            f"{', '.join(DEFAULT_KINDS)}, or lifeline = … in the mapping file, or --assets."
        )
    notes: list[Text] = []
    ids = _unique_stems(readings, notes)
    known = _read_all_assets(assets, said, notes)
    parts: list[_Part] = []
    said_of: list[tuple[str, Text]] = []
    for path, own in zip(readings, ids, strict=True):
        parts += _parts(path, own, said, said_of)
    check_used(said, [header for part in parts for header in part.table.columns])
    _unique_nodes(parts)
    if known is None:
        known = _assets_of_files(parts, str(lifeline), said)
    sensors = _sensors(parts, known, said)
    city = City(
        name=_name(ids),
        crs="" if known.crs is None else known.crs.to_string(),
        time_zone=said.time_zone or DEFAULT_ZONE,
        origin="real",
        assets=check_assets(known),
        sensors=check_sensors(sensors, known),
        areas=_no_areas(known.crs),
        readings=check_readings(_readings(parts)),
        sources=tuple(
            Source(title=Text(path.name, path.name), url="", licence="")
            for path in (*readings, *assets)
        ),
    )
    return Loaded(city=city, notes=(*notes, *_gathered(said_of)))


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


def _parts(path: Path, own: str, said: FileMapping, said_of: list[tuple[str, Text]]) -> list[_Part]:
    tables = read_tables(path, said)
    parts = []
    for table in tables:
        found = channels(table.columns, said, table.where)
        if not found:
            raise MappingError(f"{table.where}: every column is ignored; leave one to be read.")
        if table.time.size < 2:
            raise ReadingsError(
                f"{table.where}: {table.time.size} usable rows; expected at least two."
            )
        said_of += [(table.stem if len(tables) > 1 else own, note) for note in table.notes]
        parts.append(_Part(path, own, table, found, own if len(tables) == 1 else table.stem))
    return parts


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
    paths: Sequence[Path], said: FileMapping, notes: list[Text]
) -> gpd.GeoDataFrame | None:
    tables: list[gpd.GeoDataFrame] = []
    for path in paths:
        found = read_assets(path, mapping=said)
        notes += found.notes
        tables.append(found.table if not tables else found.table.to_crs(tables[0].crs))
    return cast("gpd.GeoDataFrame", pd.concat(tables)) if tables else None


def _assets_of_files(parts: list[_Part], lifeline: str, said: FileMapping) -> gpd.GeoDataFrame:
    ids = dict.fromkeys(
        channel.entry.asset or said.asset or part.own for part in parts for channel in part.channels
    )
    table = pd.DataFrame(index=pd.Index(list(ids), name="asset", dtype=object))
    table["lifeline"] = lifeline
    table["kind"] = said.kind or DEFAULT_KINDS[lifeline]
    table["real_or_simulated"] = "real"
    table[list(TEXT_COLUMNS)] = ""
    table[list(NUMBER_COLUMNS)] = np.nan
    table["name_zh"] = table["name_en"] = table.index
    return gpd.GeoDataFrame(table, geometry=np.full(len(ids), None))


def _sensors(parts: list[_Part], known: gpd.GeoDataFrame, said: FileMapping) -> gpd.GeoDataFrame:
    rows = [_sensor(part, channel, known, said) for part in parts for channel in part.channels]
    table = pd.DataFrame.from_records(rows, index="sensor")
    places = known.geometry.reindex(table["asset"])
    points = np.full(len(table), None)
    if places.notna().any():
        points = places.representative_point().to_numpy()
    return gpd.GeoDataFrame(table, geometry=points, crs=known.crs)


def _sensor(part: _Part, channel: Channel, known: gpd.GeoDataFrame, said: FileMapping) -> dict:
    asset = _asset_of(part, channel, known, said)
    entry = quantity_of(channel.quantity)
    low, high = _canonical(channel.entry.span, channel, entry.unit)
    limit_low, limit_high = _canonical(channel.entry.limit, channel, entry.unit)
    steps = np.diff(part.table.time).astype(np.int64)
    return {
        "sensor": part.sensor(channel),
        "asset": asset,
        "lifeline": known["lifeline"][asset],
        "quantity": channel.quantity,
        "unit": entry.unit,
        "clock": f"{channel.quantity}/{part.node}",
        "interval_s": float(np.median(steps)) / 1000.0,
        "statistic": channel.entry.statistic,
        "range_min": low,
        "range_max": high,
        "resolution": np.nan,
        "limit_low": limit_low,
        "limit_high": limit_high,
        "name_zh": f"{channel.name} {entry.title.zh}",
        "name_en": f"{channel.name} {entry.title.en.lower()}",
        "real_or_simulated": "real",
    }


def _canonical(
    pair: tuple[float, float] | None, channel: Channel, unit: str
) -> tuple[float, float]:
    low, high = pair or (np.nan, np.nan)
    return float(convert(low, channel.unit, unit)), float(convert(high, channel.unit, unit))


def _asset_of(part: _Part, channel: Channel, known: gpd.GeoDataFrame, said: FileMapping) -> str:
    asset = channel.entry.asset or said.asset
    if asset is None:
        guesses = (channel.name, part.node, part.own)
        asset = next((guess for guess in guesses if guess in known.index), None)
    if asset is None and len(known) == 1:
        return str(known.index[0])
    if asset is None:
        raise MappingError(
            f"{part.table.where}: column {channel.header!r} belongs to no asset; expected the "
            f"name of the file or of the column to be one of {len(known)} asset ids "
            f"({', '.join(map(str, known.index[:3]))} …), or in the mapping file asset = …, or "
            f'[columns."{channel.name}"] asset = …'
        )
    if asset not in known.index:
        raise MappingError(
            f"{part.table.where}: column {channel.header!r} is mapped to asset {asset!r}, which "
            f"no asset file holds ({', '.join(map(str, known.index[:3]))} …); mend asset = …"
        )
    return str(asset)


def _readings(parts: list[_Part]) -> xr.DataTree:
    nodes: dict[str, xr.Dataset] = {}
    for part in parts:
        by_quantity: dict[str, list[Channel]] = {}
        for channel in part.channels:
            by_quantity.setdefault(channel.quantity, []).append(channel)
        for key, group in by_quantity.items():
            values = np.stack([c.to_canonical(part.table.columns[c.header]) for c in group])
            names = np.asarray([part.sensor(c) for c in group], dtype=object)
            nodes[f"{key}/{part.node}"] = dense_node(key, names, part.table.time, values)
    return xr.DataTree.from_dict(nodes)


def _no_areas(crs: object) -> gpd.GeoDataFrame:
    columns = (*AREA_COLUMNS, "parent", "name_zh", "name_en")
    empty = pd.DataFrame(index=pd.Index([], name="area", dtype=object), columns=list(columns))
    empty = empty.astype({"population": "float64", "vulnerable": "float64"})
    return gpd.GeoDataFrame(empty, geometry=np.full(0, None), crs=crs)


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
