"""The city folder: sealed tables and monthly Parquet of readings under one manifest.

::

    city.toml            format version, name, CRS, time zone, real or simulated, sources
    assets.parquet areas.parquet sensors.parquet           GeoParquet
    readings/<quantity>/<clock>/<YYYY-MM>.parquet          long, sorted by sensor and time
    rollups/daily.parquet                                  sensor, date, mean, min, max, n
    manifest.json        size and sha256 of every file, written last by atomic rename

Without `manifest.json` the folder counts as half written.
"""

import hashlib
import json
import os
import shutil
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import xarray as xr

from lifeline_kit.errors import CityError, CrsError
from lifeline_kit.model.assets import check_areas, check_assets, check_sensors
from lifeline_kit.model.city import City, Source
from lifeline_kit.model.readings import (
    Series,
    check_readings,
    dense_node,
    flatten,
    is_ragged,
    nodes,
    ragged_node,
)
from lifeline_kit.text import Text

FORMAT = 1
ROWS_PER_GROUP = 48_000  # about 16 sensors of a 15-min month: small reads stay small
_TABLES = ("assets", "sensors", "areas")


def save_city(city: City, path: Path) -> Path:
    """Write a city as a new folder.

    Raises
    ------
    CityError
        Where the folder exists and is not empty, or cannot be written.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise CityError(f"{path} already holds something; name a new folder for the city.")
    check_assets(city.assets)
    check_sensors(city.sensors, city.assets)
    check_areas(city.areas)
    tables = {name: getattr(city, name) for name in _TABLES}
    _check_one_crs(city.crs, tables)
    check_readings(city.readings, city.sensors)
    partial = path.with_name(path.name + ".partial")
    try:
        if partial.exists():
            shutil.rmtree(partial)
        partial.mkdir(parents=True)
        _write_parts(city, partial)
        _write_manifest(partial)
        if path.exists():
            path.rmdir()
        partial.rename(path)
    except (OSError, pa.ArrowException) as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise CityError(
            f"cannot write the city to {path}: {getattr(error, 'strerror', None) or error}; "
            "check space and permissions."
        ) from error
    return path


def _write_parts(city: City, folder: Path) -> None:
    for name in _TABLES:
        getattr(city, name).to_parquet(
            folder / f"{name}.parquet", compression="zstd", write_covering_bbox=False
        )
    for key, node in nodes(city.readings):
        _write_node(node, folder / "readings" / key)
    if len(city.daily):
        (folder / "rollups").mkdir()
        city.daily.to_parquet(folder / "rollups" / "daily.parquet", compression="zstd")
    (folder / "city.toml").write_text(_city_toml(city), encoding="utf-8")


def _write_node(node: xr.Dataset, folder: Path) -> None:
    folder.mkdir(parents=True)
    flat = flatten(node)
    order = np.argsort(flat.sensors.astype(str), kind="stable")
    sizes = np.diff(flat.starts)
    rows = np.concatenate(
        [np.arange(flat.starts[i], flat.starts[i + 1]) for i in order] or [np.zeros(0, dtype=int)]
    )
    codes = np.repeat(np.arange(order.size, dtype=np.int32), sizes[order])
    time, value = flat.time[rows], flat.value[rows]
    months = time.astype("datetime64[M]")
    meta = {
        "lifeline_kit": json.dumps(
            {"quantity": node.attrs["quantity"], "form": "ragged" if is_ragged(node) else "dense"}
        )
    }
    schema = pa.schema(
        [
            ("sensor", pa.dictionary(pa.int32(), pa.string())),
            ("time", pa.timestamp("ms")),
            ("value", pa.float32()),
        ],
        metadata=meta,
    )
    names = pa.array(flat.sensors[order].astype(str).tolist(), pa.string())
    for month in np.unique(months):
        here = months == month
        columns = [
            pa.DictionaryArray.from_arrays(pa.array(codes[here]), names),
            pa.array(time[here]),
            pa.array(value[here]),
        ]
        pq.write_table(
            pa.Table.from_arrays(columns, schema=schema),
            folder / f"{month}.parquet",
            compression="zstd",
            compression_level=9,
            row_group_size=ROWS_PER_GROUP,
            use_dictionary=["sensor", "value"],
            column_encoding={"time": "DELTA_BINARY_PACKED"},
        )


def _city_toml(city: City) -> str:
    def quoted(text: str) -> str:
        return json.dumps(text, ensure_ascii=False)

    lines = [
        f"format = {FORMAT}",
        f"name_zh = {quoted(city.name.zh)}",
        f"name_en = {quoted(city.name.en)}",
        f"crs = {quoted(city.crs)}",
        f"time_zone = {quoted(city.time_zone)}",
        f"real_or_simulated = {quoted(city.origin)}",
    ]
    for source in city.sources:
        lines += [
            "",
            "[[sources]]",
            f"title_zh = {quoted(source.title.zh)}",
            f"title_en = {quoted(source.title.en)}",
            f"url = {quoted(source.url)}",
            f"licence = {quoted(source.licence)}",
        ]
    return "\n".join(lines) + "\n"


def _write_manifest(folder: Path) -> None:
    files = {
        file.relative_to(folder).as_posix(): {"size": file.stat().st_size, "sha256": _sha256(file)}
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
    text = json.dumps({"format": FORMAT, "files": files}, indent=1, sort_keys=True)
    partial = folder / "manifest.json.partial"
    with partial.open("w", encoding="utf-8") as stream:
        stream.write(text + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    partial.rename(folder / "manifest.json")


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def open_city(path: Path, *, readings: bool = True, verify: bool = False) -> City:
    """Open a city folder.

    Parameters
    ----------
    path : Path
    readings : bool, default True
        Load the readings as well.
    verify : bool, default False
        Compare every file's sha256 as well as its size.

    Raises
    ------
    CityError
    """
    manifest = read_manifest(path)
    _check_files(path, manifest, verify=verify)
    try:
        head = tomllib.loads((path / "city.toml").read_text(encoding="utf-8"))
        if head["format"] > FORMAT:
            raise CityError(_too_new(path, head["format"]))
        assets, sensors, areas = (gpd.read_parquet(path / f"{name}.parquet") for name in _TABLES)
        daily = path / "rollups" / "daily.parquet"
        ZoneInfo(head["time_zone"])  # a KeyError where the name is unknown
        _check_one_crs(head["crs"], {"assets": assets, "sensors": sensors, "areas": areas})
        return City(
            name=Text(head["name_zh"], head["name_en"]),
            crs=head["crs"],
            time_zone=head["time_zone"],
            origin=head["real_or_simulated"],
            sources=tuple(_source(entry) for entry in head.get("sources", [])),
            assets=check_assets(assets),
            sensors=check_sensors(sensors, assets),
            areas=check_areas(areas),
            readings=check_readings(read_readings(path), sensors) if readings else xr.DataTree(),
            daily=pd.read_parquet(daily) if daily.exists() else pd.DataFrame(),
            path=path,
            digest=hashlib.sha256((path / "manifest.json").read_bytes()).hexdigest()[:16],
        )
    except (KeyError, TypeError, ValueError, OSError, pa.ArrowException) as error:
        raise CityError(
            f"{path} cannot be read as a city ({error}); restore it from a copy or build it again."
        ) from error


def _check_one_crs(crs: str, tables: dict[str, gpd.GeoDataFrame]) -> None:
    for name, frame in tables.items():
        if len(frame) and frame.crs is not None and frame.crs != crs:
            raise CrsError(
                f"{name} are in {frame.crs.to_string()}, the city in {crs or 'no CRS'}; "
                "convert them with .to_crs(...), so that distances mean the same everywhere."
            )


def _source(entry: dict[str, str]) -> Source:
    return Source(
        title=Text(entry["title_zh"], entry["title_en"]), url=entry["url"], licence=entry["licence"]
    )


def read_manifest(path: Path) -> dict:
    """Read the manifest of a city folder.

    Raises
    ------
    CityError
        No folder, no manifest, unreadable, or of a newer format.
    """
    if not path.is_dir():
        raise CityError(
            f"{path} is no folder; expected a city folder. Build one with 'lifeline demo build'."
        )
    file = path / "manifest.json"
    if not file.exists():
        raise CityError(
            f"{path} holds no manifest.json: it is half written or no city; "
            "build it again or name another folder."
        )
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
        form = int(manifest["format"])
        _ = [(entry["size"], entry["sha256"]) for entry in manifest["files"].values()]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CityError(f"{file} is not a manifest ({error}); restore it from a copy.") from error
    if form > FORMAT:
        raise CityError(_too_new(path, form))
    return manifest


def _too_new(path: Path, form: int) -> str:
    return (
        f"{path} is of format {form}, this lifeline_kit reads up to {FORMAT}; "
        "upgrade lifeline_kit to open it."
    )


def _check_files(path: Path, manifest: dict, *, verify: bool) -> None:
    for name, expected in manifest["files"].items():
        file = path / name
        if not file.exists():
            raise CityError(f"{file} is named in the manifest and missing; restore it from a copy.")
        if file.stat().st_size != expected["size"]:
            raise CityError(
                f"{file} has {file.stat().st_size} bytes, the manifest says {expected['size']}: "
                "truncated or changed; restore it from a copy."
            )
        if verify and _sha256(file) != expected["sha256"]:
            raise CityError(f"{file} differs from its fingerprint; restore it from a copy.")


def _node_folders(path: Path) -> Iterator[tuple[str, list[Path]]]:
    for folder in sorted({file.parent for file in (path / "readings").rglob("*.parquet")}):
        yield folder.relative_to(path / "readings").as_posix(), sorted(folder.glob("*.parquet"))


def read_readings(path: Path) -> xr.DataTree:
    """Load all readings of a city folder: a node per quantity and clock."""
    return xr.DataTree.from_dict({key: _read_node(files) for key, files in _node_folders(path)})


def _read_node(files: list[Path], sensors: Iterable[str] | None = None) -> xr.Dataset:
    filters = None if sensors is None else [("sensor", "in", list(sensors))]
    tables = [pq.read_table(file, filters=filters) for file in files]
    table = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
    meta = json.loads(tables[0].schema.metadata[b"lifeline_kit"])
    column = table.column("sensor").chunk(0) if table.num_rows else None
    names = np.asarray(column.dictionary.to_pylist() if column is not None else [], dtype=object)
    codes = column.indices.to_numpy() if column is not None else np.zeros(0, dtype=np.int32)
    used, codes = np.unique(codes, return_inverse=True)  # a filtered file keeps all its names
    names = names[used]
    time = table.column("time").to_numpy().astype("datetime64[ms]")
    value = table.column("value").to_numpy()
    if meta["form"] == "ragged":
        order = np.argsort(codes, kind="stable")  # months follow one another per sensor
        sizes = np.bincount(codes, minlength=names.size)
        return ragged_node(meta["quantity"], names, sizes, time[order], value[order])
    axis, columns = np.unique(time, return_inverse=True)
    cube = np.full((names.size, axis.size), np.nan, dtype=np.float32)
    cube[codes, columns] = value
    return dense_node(meta["quantity"], names, axis, cube)


def read_series(path: Path, sensors: pd.DataFrame) -> dict[str, Series]:
    """Take the readings of a few sensors out of a city folder, reading only their row groups.

    Parameters
    ----------
    path : Path
    sensors : DataFrame, index `sensor`
        Rows of the city's sensors; `clock` names the node.

    Returns
    -------
    dict of sensor to Series
        Sensors without any reading are left out.
    """
    from lifeline_kit.model.readings import series

    found: dict[str, Series] = {}
    for clock, group in sensors.groupby("clock"):
        files = sorted((path / "readings" / str(clock)).glob("*.parquet"))
        if not files:
            continue
        node = _read_node(files, group.index)
        present = set(node["sensor"].to_numpy().tolist())
        for sensor in group.index:
            if sensor in present:
                found[sensor] = series(node, sensor)
    return found
