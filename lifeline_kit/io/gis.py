"""Assets from GIS files, tables with coordinates, network models and PostGIS.

Files are opened read-only. What comes out is in a metric CRS; what had to be assumed or changed
is told in notes.
"""

import warnings
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, cast

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pyogrio.errors
import shapely
import shapely.errors

from lifeline_kit.errors import AssetsError, InputError, MappingError
from lifeline_kit.io.crs import metric
from lifeline_kit.io.epanet import read_epanet
from lifeline_kit.io.gasnet import is_pandapipes, read_pandapipes
from lifeline_kit.io.mapping import DEFAULT_KINDS, AssetMapping, FileMapping
from lifeline_kit.io.points import read_points
from lifeline_kit.io.report import FileReport
from lifeline_kit.io.shapefile import text_encoding
from lifeline_kit.io.sql import is_sql, read_postgis
from lifeline_kit.io.swmm import is_swmm, read_swmm, sections
from lifeline_kit.model.assets import check_assets
from lifeline_kit.text import Text

# Columns that the rest of the package may ask for, with what stands where nothing is known.
TEXT_COLUMNS = ("name_zh", "name_en", "from_node", "to_node", "district", "material")
TEXT_COLUMNS += ("pressure_class", "space_type", "gas_pipe")
NUMBER_COLUMNS = ("year", "diameter_mm", "length_m", "depth_m", "design_pressure_kpa", "load")
NUMBER_COLUMNS += ("people", "distance_m")
_ID_WORDS = ("asset", "asset_id", "id", "code", "编号", "编码")
_FAMILIES = ("Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon")
_TABLES = {".csv", ".txt", ".tsv", ".xlsx", ".xls"}
_SUFFIXES = {
    ".parquet",
    ".geoparquet",
    ".gpkg",
    ".geojson",
    ".json",
    ".shp",
    ".zip",
    ".gdb",
    ".inp",
}
_SUFFIXES |= _TABLES


class Assets(NamedTuple):
    """A checked table of assets, and what was assumed or changed."""

    table: gpd.GeoDataFrame
    notes: tuple[Text, ...]


def read_assets(path: Path, *, mapping: FileMapping | None = None) -> Assets:
    """Read a file of assets.

    Parameters
    ----------
    path : Path
    mapping : FileMapping, optional
        `[assets]` names id, CRS, lifeline, kind and columns where the file uses other words.

    Returns
    -------
    Assets
        `table` : GeoDataFrame, index `asset`, metric CRS, all columns of the model.

    Raises
    ------
    InputError
        Missing, empty, truncated, or of no known format.
    CrsError
        No CRS, an unknown one, or coordinates that contradict it.
    AssetsError
        Missing column, id missing or twice, no or wrong or non-finite geometry.
    """
    return read_reported(path, mapping=mapping)[0]


def read_reported(
    path: Path,
    *,
    mapping: FileMapping | None = None,
    lifeline: str | None = None,
    near: Sequence[gpd.GeoDataFrame] = (),
) -> tuple[Assets, FileReport]:
    """Read a file of assets, and say how it was read.

    Parameters
    ----------
    path : Path
    mapping : FileMapping, optional
    lifeline : str, optional
        Of assets whose file has no such column.
    near : sequence of GeoDataFrame
        Layers read before, against which doubtful coordinates are tried.

    Raises
    ------
    InputError, CrsError, AssetsError
        As `read_assets`.
    """
    mapping = mapping or FileMapping()
    decided: dict[str, Text] = {}
    raw = open_layer(path, mapping, decided)
    notes: list[Text] = []
    if "text" in decided:
        said = decided["text"]
        notes.append(Text(f"{path.name}：文字编码 {said.zh}。", f"{path.name}: text is {said.en}."))
    if not isinstance(raw, gpd.GeoDataFrame):
        raise AssetsError(
            f"{path}: no geometry column; expected points, lines or polygons. "
            "Export the layer with its geometry."
        )
    if raw.empty:
        raise AssetsError(f"{path}: no rows; expected at least one asset.")
    table = _named(raw, mapping, path, lifeline)
    _check_shapes(table, path)
    table = metric(table, mapping.assets, path, notes, near=near, decided=decided)
    try:
        checked = check_assets(_completed(table))
    except AssetsError as error:
        raise AssetsError(f"{path}: {error}") from None
    report = FileReport(name=path.name, rows=len(raw), counts={}, decided=decided)
    return Assets(checked, tuple(notes)), report


def open_layer(
    path: Path, mapping: FileMapping, decided: dict[str, Text]
) -> gpd.GeoDataFrame | pd.DataFrame:
    """Open a file as it is, read-only; tell in `decided` how its text was read.

    Raises
    ------
    InputError
    """
    if is_sql(path):
        decided["encoding"] = Text("PostGIS 数据库", "PostGIS database")
        return read_postgis(path, mapping.assets.table, mapping.assets.select)
    suffix = path.suffix.lower()
    if not path.is_file() and not (suffix == ".gdb" and path.is_dir()):
        raise InputError(f"{path}: no such file; name an existing one.")
    if not path.stat().st_size:
        raise InputError(f"{path}: the file is empty; export it again.")
    if suffix not in _SUFFIXES:
        raise InputError(
            f"{path}: suffix {path.suffix!r} is not known for assets; expected one of "
            f"{', '.join(sorted(_SUFFIXES))}."
        )
    if suffix == ".zip" and not zipfile.is_zipfile(path):
        raise InputError(
            f"{path}: the name says zip archive, the content is not (or it is truncated); "
            "expected a zipped Shapefile. Copy it again."
        )
    reader = _of_network(path, suffix)
    if reader is not None:
        table, decided["encoding"] = reader(path)
        return table
    if suffix in _TABLES:
        table, decided["encoding"] = read_points(path, mapping)
        return table
    return _layer(path, suffix, decided)


def _of_network(path: Path, suffix: str) -> Callable[[Path], tuple[gpd.GeoDataFrame, Text]] | None:
    if suffix == ".inp":
        return read_swmm if is_swmm(sections(path)) else read_epanet
    if suffix == ".json":
        with path.open("rb") as stream:
            return read_pandapipes if is_pandapipes(stream.read(4096)) else None
    return None


def _layer(path: Path, suffix: str, decided: dict[str, Text]) -> gpd.GeoDataFrame | pd.DataFrame:
    encoding = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # GDAL's hints; what matters is checked below
            if suffix in {".parquet", ".geoparquet"}:
                named = b"geo" in (pq.read_schema(path).metadata or {})
                return gpd.read_parquet(path) if named else pd.read_parquet(path)
            if suffix in {".shp", ".zip"}:
                encoding, told = text_encoding(path)
                if told is not None:
                    decided["text"] = told
            return pyogrio.read_dataframe(path, encoding=encoding)
    except (
        pyogrio.errors.DataSourceError,
        pyogrio.errors.DataLayerError,
        shapely.errors.ShapelyError,
        zipfile.BadZipFile,
        pa.ArrowException,
        OSError,
        ValueError,
        RuntimeError,
    ) as error:
        reason = str(error).splitlines()[0].replace(str(path), path.name)[:160]
        raise InputError(
            f"{path}: cannot be read as {path.suffix.lstrip('.')} ({reason}); truncated, damaged "
            "or of another format. Export it again."
        ) from None


def _named(
    raw: gpd.GeoDataFrame, mapping: FileMapping, path: Path, lifeline: str | None
) -> gpd.GeoDataFrame:
    said = mapping.assets
    known = {*TEXT_COLUMNS, *NUMBER_COLUMNS, "lifeline", "kind", "asset", "real_or_simulated"}
    stray = [name for name in said.columns if name not in known]
    if stray:
        raise MappingError(
            f"{mapping.file or 'mapping file'}: [assets] columns: {stray[0]!r} is no column of "
            f"assets; expected one of {', '.join(sorted(known))}. Mend the name left of the '='."
        )
    missing = [source for source in said.columns.values() if source not in raw.columns]
    if missing:
        raise AssetsError(
            f"{path}: column {missing[0]!r} of the mapping file is not there; found "
            f"{_columns(raw)}. Mend [assets] columns."
        )
    renamed = raw.rename(columns={source: name for name, source in said.columns.items()})
    table = cast("gpd.GeoDataFrame", renamed)
    if table.geometry.name != "geometry":
        table = cast("gpd.GeoDataFrame", table.rename_geometry("geometry"))
    if table.index.name == "asset" and said.id is None:
        table = cast("gpd.GeoDataFrame", table.reset_index())
    table = _with_ids(table, said.id, path)
    for name, constant in (("lifeline", said.lifeline or mapping.lifeline), ("kind", said.kind)):
        if constant is not None:
            table[name] = constant
        if name == "lifeline" and name not in table.columns and lifeline is not None:
            table[name] = lifeline
        if name not in table.columns:
            raise AssetsError(
                f"{path}: column {name!r} is missing; found {_columns(raw)}. Add it or say it in "
                f"the mapping file: [assets] {name} = …"
            )
    return _known_lifelines(_kinds(table, said), path)


def _with_ids(table: gpd.GeoDataFrame, said: str | None, path: Path) -> gpd.GeoDataFrame:
    column = said or next((word for word in _ID_WORDS if word in table.columns), None)
    if column is None or column not in table.columns:
        raise AssetsError(
            f"{path}: column {column or 'asset'!r} with the ids is missing; found "
            f"{_columns(table)}. Name it in the mapping file: [assets] id = …"
        )
    empty = table[column].isna() | table[column].astype("str").str.strip().eq("")
    if empty.any():
        raise AssetsError(
            f"{path}: row {int(np.argmax(empty)) + 1} has no id in {column!r}; give it one."
        )
    table[column] = table[column].astype("str")
    twice = table[column].duplicated()
    if twice.any():
        raise AssetsError(
            f"{path}: id {table[column][twice].iloc[0]!r} stands more than once in {column!r} "
            f"(row {int(np.argmax(twice)) + 1}); ids must be unique."
        )
    return cast("gpd.GeoDataFrame", table.set_index(column).rename_axis("asset"))


def _kinds(table: gpd.GeoDataFrame, said: AssetMapping) -> gpd.GeoDataFrame:
    table["kind"] = [said.kinds.get(kind, kind) for kind in table["kind"].astype("str")]
    return table


def _known_lifelines(table: gpd.GeoDataFrame, path: Path) -> gpd.GeoDataFrame:
    stray = ~table["lifeline"].isin(list(DEFAULT_KINDS))
    if stray.any():
        raise AssetsError(
            f"{path}: asset {table.index[stray][0]!r} has lifeline "
            f"{table['lifeline'][stray].iloc[0]!r}; expected one of {', '.join(DEFAULT_KINDS)}."
        )
    return table


def _columns(raw: pd.DataFrame) -> str:
    return ", ".join(str(column) for column in raw.columns) or "no columns"


def _check_shapes(table: gpd.GeoDataFrame, path: Path) -> None:
    shapes = table.geometry
    empty = shapes.isna() | shapes.is_empty
    if empty.any():
        raise AssetsError(
            f"{path}: asset {table.index[empty][0]!r} (row {int(np.argmax(empty)) + 1}) has no "
            "geometry; add it or remove the row."
        )
    wrong = ~shapes.geom_type.isin(_FAMILIES)
    if wrong.any():
        raise AssetsError(
            f"{path}: asset {table.index[wrong][0]!r} (row {int(np.argmax(wrong)) + 1}) is a "
            f"{shapes.geom_type[wrong].iloc[0]}; expected a point, a line or a polygon."
        )
    coordinates, owner = shapely.get_coordinates(shapes.to_numpy(), return_index=True)
    broken = ~np.isfinite(coordinates).all(axis=1)
    if broken.any():
        row = int(owner[np.argmax(broken)])
        raise AssetsError(
            f"{path}: asset {table.index[row]!r} (row {row + 1}) has NaN or infinite coordinates; "
            "mend the geometry."
        )


def _completed(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Add the model's columns that the file does not have; text that is a number becomes one."""
    table = table.copy()
    for column in TEXT_COLUMNS:
        table[column] = table[column].fillna("").astype("str") if column in table else ""
    for column in NUMBER_COLUMNS:
        if column not in table:
            table[column] = np.nan
            continue
        numbers = pd.to_numeric(table[column], errors="coerce")
        if numbers.notna().sum() == table[column].notna().sum():
            table[column] = numbers.astype(np.float64)
    lines = table.geometry.geom_type.isin(["LineString", "MultiLineString"])
    table["length_m"] = table["length_m"].fillna(table.length.where(lines))
    if "real_or_simulated" not in table:
        table["real_or_simulated"] = "real"
    return table
