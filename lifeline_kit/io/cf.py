"""NetCDF and Zarr after the CF conventions: time series in and out.

A node of the readings is written in the form it has: dense (orthogonal array, dims sensor and
time) or contiguous ragged; several nodes become groups. Read are these two, series of a single
station, and indexed ragged arrays.

References
----------
CF Conventions 1.11, sections 3.5 (flags), 9.3 (representations of discrete sampling geometries),
appendix H.2 (time series).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from lifeline_kit.errors import InputError, MappingError, ReadingsError
from lifeline_kit.io.archives import HDF5, NETCDF3
from lifeline_kit.io.mapping import quantity_in
from lifeline_kit.io.sheets import Sheet
from lifeline_kit.model.readings import FLAG_MEANINGS, TEST_NAMES, nodes
from lifeline_kit.text import Text
from lifeline_kit.units import canonical, is_known
from lifeline_kit.vocabulary import QUANTITIES

if TYPE_CHECKING:
    from lifeline_kit.model.city import City

# Canonical units that UDUNITS, and so CF, writes otherwise; the own name stays beside it.
_UDUNITS = {"%VOL": "percent", "%": "percent", "um/m": "1e-6", "pH": "1", "NTU": "1", "d": "day"}
_UDUNITS |= {"deg": "degree", "CNY/kg": "kg-1", "mm/h": "mm h-1"}
_UDUNITS |= {"Nm3/h": "m3 h-1", "m3/h": "m3 h-1"}  # the last is what the spelling means elsewhere
_UDUNITS |= {"mg/L": "mg L-1", "mg/m3": "mg m-3", "m/s2": "m s-2", "mm/s": "mm s-1"}
_UDUNITS |= {"uS/cm": "uS cm-1"}
_SPELLINGS = {
    value: key for key, value in _UDUNITS.items() if value not in ("percent", "1", "1e-6")
}
_SPELLINGS |= {"degree_Celsius": "degC", "degrees_Celsius": "degC", "degree_C": "degC"}
_SPELLINGS |= {"kelvin": "K", "m3 s-1": "m3/s", "L s-1": "L/s", "degrees": "deg", "mg l-1": "mg/L"}
_SPELLINGS |= {"percent": "%"}
_TIME = {"units": "milliseconds since 1970-01-01 00:00:00", "dtype": "int64"}
_ROOT = {"Conventions": "CF-1.11", "featureType": "timeSeries"}


def is_netcdf(path: Path) -> bool:
    """Whether a file is NetCDF, by its first bytes."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        head = stream.read(4)
    return head == HDF5 or head.startswith(NETCDF3)


def is_zarr(path: Path) -> bool:
    """Whether a folder is a Zarr store."""
    marks = ("zarr.json", ".zgroup", ".zmetadata")
    return path.is_dir() and any((path / mark).exists() for mark in marks)


def write_netcdf(readings: "City | xr.DataTree", path: Path) -> Path:
    """Write readings as NetCDF-4 after CF-1.11, one group for each node where there are several.

    Parameters
    ----------
    readings : City or DataTree
        A city adds place (longitude, latitude), asset and name of every sensor.
    path : Path
        A new file.

    Raises
    ------
    InputError
        The file exists, or nothing is to be written.
    """
    _check_new(path)
    described = dict(_described(readings))
    _tree(described, readings).to_netcdf(path, encoding=_encodings(described), engine="netcdf4")
    return path


def write_zarr(readings: "City | xr.DataTree", path: Path) -> Path:
    """Write readings as a Zarr store (format 2, consolidated) after CF-1.11.

    Parameters
    ----------
    readings : City or DataTree
    path : Path
        A new folder.

    Raises
    ------
    InputError
        The folder exists, or nothing is to be written.
    """
    _check_new(path)
    described = dict(_described(readings))
    tree = _tree(described, readings)
    tree.to_zarr(
        path, encoding=_encodings(described, packed=False), zarr_format=2, consolidated=True
    )
    return path


def _check_new(path: Path) -> None:
    if path.exists():
        raise InputError(f"{path}: exists already; name a new file for the export.")


def _tree(described: dict[str, xr.Dataset], readings: "City | xr.DataTree") -> xr.DataTree:
    if not described:
        raise InputError("no readings to write; expected at least one node.")
    city = None if isinstance(readings, xr.DataTree) else readings
    title = {} if city is None else {"title": city.name.en, "time_zone_of_display": city.time_zone}
    if len(described) == 1:
        (dataset,) = described.values()
        dataset.attrs = _ROOT | title | dataset.attrs
        return xr.DataTree(dataset)
    root = xr.Dataset(attrs=_ROOT | title)
    return xr.DataTree.from_dict({"/": root, **described})


def _encodings(described: dict[str, xr.Dataset], *, packed: bool = True) -> dict:
    """Times as whole milliseconds; nothing is packed beyond a lossless deflate."""
    small = {"zlib": True, "complevel": 4} if packed else {}
    one = len(described) == 1
    return {
        "/" if one else f"/{key}": {
            "time": dict(_TIME),
            "value": {"dtype": "float32", "_FillValue": np.float32(np.nan), **small},
        }
        for key in described
    }


def _described(readings: "City | xr.DataTree") -> Iterator[tuple[str, xr.Dataset]]:
    city = None if isinstance(readings, xr.DataTree) else readings
    tree = readings if isinstance(readings, xr.DataTree) else readings.readings
    for path, node in nodes(tree):
        out = node.copy()
        unit = str(node["value"].attrs["units"])
        extra = [name for name in ("flag", "tests") if name in node]
        out["value"].attrs = node["value"].attrs | {
            "units": _UDUNITS.get(unit, unit),
            "lifeline_units": unit,
        }
        if extra:
            out["value"].attrs["ancillary_variables"] = " ".join(extra)
        out = _with_flags(out)
        out["time"].attrs = {"standard_name": "time", "axis": "T", "long_name": "time (UTC)"}
        out["sensor"] = out["sensor"].astype(str)
        out["sensor"].attrs = {"cf_role": "timeseries_id", "long_name": "sensor"}
        if city is not None:
            out = _with_places(out, city)
        out.attrs = _ROOT | {"quantity": node.attrs["quantity"]}
        yield path, out


def _with_flags(node: xr.Dataset) -> xr.Dataset:
    if "flag" in node:
        node["flag"].attrs = {
            "long_name": "quality flag (QARTOD)",
            "standard_name": "quality_flag",
            "flag_values": np.array(list(FLAG_MEANINGS), dtype=np.uint8),
            "flag_meanings": " ".join(FLAG_MEANINGS.values()),
        }
    if "tests" in node:
        node["tests"].attrs = {
            "long_name": "quality tests that were not passed",
            "flag_masks": np.array(list(TEST_NAMES), dtype=node["tests"].dtype),
            "flag_meanings": " ".join(TEST_NAMES.values()),
        }
    return node


def _with_places(node: xr.Dataset, city: "City") -> xr.Dataset:
    ids = node["sensor"].to_numpy().astype(str)
    rows = city.sensors.reindex(ids)
    node["asset"] = ("sensor", rows["asset"].astype("str").to_numpy().astype(str))
    node["asset"].attrs = {"long_name": "asset"}
    node["name"] = ("sensor", rows["name_en"].fillna("").astype("str").to_numpy().astype(str))
    node["name"].attrs = {"long_name": "station name", "standard_name": "platform_name"}
    if rows.crs is None or rows.geometry.isna().any():
        return node
    places = rows.geometry.to_crs("EPSG:4326").representative_point()
    for name, numbers, standard in (
        ("lon", places.x, "longitude"),
        ("lat", places.y, "latitude"),
    ):
        node[name] = ("sensor", numbers.to_numpy())
        axis = "degrees_east" if name == "lon" else "degrees_north"
        node[name].attrs = {"standard_name": standard, "units": axis, "long_name": standard}
    node["value"].attrs["coordinates"] = "lat lon name"
    return node.set_coords(["lon", "lat"])


def read_cf(path: Path) -> list[Sheet]:
    """Read the time series of a NetCDF file or a Zarr store, one sheet for each group.

    Raises
    ------
    InputError
        Damaged, or not to be opened.
    MappingError
        No time series in it, or one whose quantity or unit is not known.
    """
    try:
        with xr.open_datatree(path, engine="zarr" if path.is_dir() else "netcdf4") as tree:
            found = [_sheet(node.to_dataset(), node.path, path) for node in tree.subtree]
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = str(error).splitlines()[0].replace(str(path), path.name)[:120]
        raise InputError(
            f"{path}: cannot be read as {'Zarr' if path.is_dir() else 'NetCDF'} ({reason}); "
            "truncated or damaged, copy it again."
        ) from None
    sheets = [sheet for sheet in found if sheet is not None]
    if not sheets:
        raise MappingError(
            f"{path}: no time series; expected variables on a time axis (featureType timeSeries) "
            "with units."
        )
    return sheets


def _sheet(data: xr.Dataset, group: str, path: Path) -> Sheet | None:
    clock = next(
        (n for n, v in data.variables.items() if v.attrs.get("standard_name") == "time"), None
    )
    clock = clock or ("time" if "time" in data.variables else None)
    if clock is None:
        return None
    where = f"{path}" if group == "/" else f"{path} ({group})"
    time = data[clock]
    if not np.issubdtype(time.dtype, np.datetime64):
        raise ReadingsError(
            f"{where}: the times of {clock!r} are no dates ({time.attrs.get('units')!r}); expected "
            "units such as 'seconds since 1970-01-01'."
        )
    aside = {name for v in data.variables.values() for name in _ancillary(v)}
    frames = []
    for name, variable in data.data_vars.items():
        if name in aside or not _measures(variable, time):
            continue
        frames.append(_frame(data, str(name), variable, time, where))
    if not frames:
        return None
    frame = pd.concat(frames, ignore_index=True)
    for name in ("sensor", "quantity", "unit"):
        frame[name] = frame[name].astype("category")
    form = "Zarr" if path.is_dir() else "NetCDF"
    convention = str(data.attrs.get("Conventions", "CF"))
    return Sheet(
        member=group.strip("/").replace("/", "-") or path.name,
        where=where,
        frame=frame,
        lines=np.arange(1, len(frame) + 1),
        decided={
            "encoding": Text(f"{form}，{convention}", f"{form}, {convention}"),
            "header": Text("CF 元数据", "CF metadata"),
        },
    )


def _ancillary(variable: xr.Variable) -> list[str]:
    return str(variable.attrs.get("ancillary_variables", "")).split()


def _measures(variable: xr.DataArray, time: xr.DataArray) -> bool:
    roles = {"flag_values", "flag_masks", "cf_role", "sample_dimension", "instance_dimension"}
    numeric = np.issubdtype(variable.dtype, np.number)
    return numeric and not roles & set(variable.attrs) and set(time.dims) <= set(variable.dims)


def _frame(
    data: xr.Dataset, name: str, variable: xr.DataArray, time: xr.DataArray, where: str
) -> pd.DataFrame:
    """One variable as a long frame: sensor, time, value, quantity, unit."""
    ids, owner, moments, values = _runs(data, variable, time, where)
    quantity = _quantity(data, name, variable)
    unit = _unit(variable, quantity)
    stamps = pd.Series(moments.astype("datetime64[ms]")).dt.tz_localize("UTC")
    return pd.DataFrame(
        {
            "sensor": pd.Categorical.from_codes(owner, categories=pd.Index(ids)),
            "time": stamps,
            "value": values.astype(np.float64),
            "quantity": quantity,
            "unit": unit,
        }
    )


def _runs(
    data: xr.Dataset, variable: xr.DataArray, time: xr.DataArray, where: str
) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Ids of the stations; owner, time and value of each reading."""
    station = _station(data)
    if station is None:
        station = _named(variable, time)
    ids = [str(each) for each in np.atleast_1d(station.to_numpy())] if station is not None else []
    sizes = next((v for v in data.variables.values() if "sample_dimension" in v.attrs), None)
    index = next((v for v in data.variables.values() if "instance_dimension" in v.attrs), None)
    moments, values = time.to_numpy(), variable.to_numpy()
    if sizes is not None and variable.ndim == 1:
        n = sizes.to_numpy().astype(np.int64)
        if n.sum() != values.size or len(ids) != n.size:
            raise ReadingsError(
                f"{where}: {n.size} row sizes add up to {n.sum()}, but there are {values.size} "
                f"readings of {len(ids)} stations; the file contradicts itself, export it again."
            )
        return ids, np.repeat(np.arange(n.size), n), moments, values
    if index is not None and variable.ndim == 1:
        owner = index.to_numpy().astype(np.int64)
        if owner.size and (owner.min() < 0 or owner.max() >= len(ids)):
            raise ReadingsError(
                f"{where}: a reading points to station {owner.max()} of {len(ids)}."
            )
        return ids, owner, moments, values
    if variable.ndim == 1:
        return [ids[0] if ids else str(variable.name)], np.zeros(values.size, int), moments, values
    axis = variable.dims.index(time.dims[-1])
    cube = np.moveaxis(values, axis, -1).reshape(-1, values.shape[axis])
    ids = ids or [f"{variable.name}.{i + 1}" for i in range(cube.shape[0])]
    if len(ids) != cube.shape[0]:
        raise ReadingsError(
            f"{where}: {variable.name!r} has {cube.shape[0]} series but there are {len(ids)} "
            "stations; expected one series for each."
        )
    wide = np.broadcast_to(moments.reshape(-1, cube.shape[1]), cube.shape)
    owner = np.repeat(np.arange(cube.shape[0]), cube.shape[1])
    return ids, owner, wide.reshape(-1), cube.reshape(-1)


def _station(data: xr.Dataset) -> xr.Variable | None:
    for variable in data.variables.values():
        if variable.attrs.get("cf_role") == "timeseries_id":
            return variable.astype(str) if variable.dtype.kind != "S" else variable
    return None


def _named(variable: xr.DataArray, time: xr.DataArray) -> xr.Variable | None:
    """Names of the stations of a file that gives them no cf_role: words along its other axis."""
    others = [dim for dim in variable.dims if dim not in time.dims]
    if len(others) != 1:
        return None
    for coordinate in variable.coords.values():
        if coordinate.dims == (others[0],) and coordinate.dtype.kind in "OUST":
            names = coordinate.variable.astype(str)
            if np.unique(names.to_numpy()).size == names.size:
                return names
    return None


def _quantity(data: xr.Dataset, name: str, variable: xr.DataArray) -> str:
    attrs = variable.attrs
    own = str(data.attrs.get("quantity", "")) if name == "value" else ""
    if own in QUANTITIES:
        return own
    standard = attrs.get("standard_name")
    for key, entry in QUANTITIES.items():
        if standard and entry.standard_name == standard:
            return key
    words = (name, attrs.get("long_name", ""), str(standard or "").replace("_", " "))
    found = (name if name in QUANTITIES else None, *(quantity_in(str(word)) for word in words))
    return next((key for key in found if key), name)


def _unit(variable: xr.DataArray, quantity: str) -> str | None:
    own = variable.attrs.get("lifeline_units")
    if own:
        return str(own)
    said = variable.attrs.get("units")
    if said is None:
        return None
    unit = _SPELLINGS.get(str(said), str(said))
    if quantity in QUANTITIES and unit in ("%", "1", "1e-6"):
        expected = QUANTITIES[quantity].unit  # CF writes shares and counts without a name
        same = {"%": ("%", "%VOL"), "1": ("1", "pH", "NTU"), "1e-6": ("um/m", "ppm")}
        return expected if expected in same[unit] else unit
    return canonical(unit) if is_known(unit) else unit
