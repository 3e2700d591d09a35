"""The peers of the live store, each in the layouts that suit it best.

A peer that needs one layout for series and another for days is given both, and the faster one
counts for each access: more than it would have in use, where it must choose or pay twice.
"""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from lifeline_kit.bench.store_data import BEGIN, DAY, STEP, Cube

_SERIES_CHUNK = (20, 8640)


class Engine(Protocol):
    """What is measured of each engine; every read gives values and flags."""

    folder: Path

    def write(self, cube: Cube) -> None:
        """Write the whole cube."""

    def sensor_year(self, row: int) -> int:
        """Read one sensor; the number of cells."""

    def day_all(self, day: int) -> int:
        """Read one day of all sensors; the number of cells."""

    def latest_all(self) -> int:
        """Read the newest tick of all sensors; their number."""

    def append(self, tick: int, value: np.ndarray) -> None:
        """Append one tick of all sensors, opening and closing what a writer must."""


class ZarrEngine:
    """Zarr 3: one group in chunks for series, one in chunks of a day."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: dict[str, Any] = {}

    def _group(self, layout: str, mode: Any = "r") -> Any:
        import zarr

        if mode != "r":
            self._open.clear()
            return zarr.open_group(self.folder / layout, mode=mode)
        if layout not in self._open:
            group = zarr.open_group(self.folder / layout, mode=mode)
            self._open[layout] = {name: group[name] for name in ("time", "value", "flag")}
        return self._open[layout]

    def write(self, cube: Cube) -> None:
        """Write both layouts."""
        sensors, ticks = cube.value.shape
        for layout, chunks in (("series", _SERIES_CHUNK), ("day", (sensors, DAY))):
            group = self._group(layout, "w")
            chunks = (min(chunks[0], sensors), min(chunks[1], ticks))
            group.create_array("time", data=cube.time.astype(np.int64), chunks=(ticks,))
            group.create_array("value", data=cube.value, chunks=chunks)
            group.create_array("flag", data=cube.flag, chunks=chunks)

    def sensor_year(self, row: int) -> int:
        """Read a row of the series layout."""
        group = self._group("series")
        _ = group["time"][:], group["flag"][row]
        return group["value"][row].size

    def day_all(self, day: int) -> int:
        """Read a chunk of the day layout."""
        group = self._group("day")
        span = slice(day * DAY, (day + 1) * DAY)
        _ = group["flag"][:, span]
        return group["value"][:, span].size

    def latest_all(self) -> int:
        """Read the last column of the day layout; a half-written one is a failure."""
        group = self._group("day")
        sizes = {array.shape[-1] for array in group.values()}
        if len(sizes) > 1:
            raise ValueError(f"lengths differ: {sizes}")
        _ = group["flag"][:, -1]
        return group["value"][:, -1].size

    def append(self, tick: int, value: np.ndarray) -> None:
        """Grow the day layout by a column."""
        group = self._group("day", "r+")
        size = group["time"].shape[0]
        for name, column in (("value", value), ("flag", np.ones(value.size, np.uint8))):
            group[name].resize((value.size, size + 1))
            group[name][:, size] = column
        group["time"].resize((size + 1,))
        group["time"][size] = int((BEGIN + tick * STEP).astype(np.int64))


class NetcdfEngine:
    """NetCDF-4: one file in chunks for series, one in chunks of a day."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: dict[str, Any] = {}

    def _file(self, layout: str, mode: Any) -> Any:
        import netCDF4

        data = netCDF4.Dataset(self.folder / f"{layout}.nc", mode)
        data.set_auto_mask(False)
        return data

    def _reader(self, layout: str) -> Any:
        if layout not in self._open:
            self._open[layout] = self._file(layout, "r")
        return self._open[layout]

    def write(self, cube: Cube) -> None:
        """Write both layouts, deflated with shuffle."""
        sensors, ticks = cube.value.shape
        self.folder.mkdir(parents=True, exist_ok=True)
        for layout, chunks in (("series", (1, ticks)), ("day", (sensors, DAY))):
            with self._file(layout, "w") as data:
                data.createDimension("sensor", sensors)
                data.createDimension("time", None)
                packed = {"compression": "zlib", "complevel": 1, "shuffle": True}
                dims = ("sensor", "time")
                value = data.createVariable("value", "f4", dims, chunksizes=chunks, **packed)
                flag = data.createVariable("flag", "u1", dims, chunksizes=chunks, **packed)
                time = data.createVariable("time", "i8", ("time",), **packed)
                value[:], flag[:] = cube.value, cube.flag
                time[:] = cube.time.astype(np.int64)

    def sensor_year(self, row: int) -> int:
        """Read a row of the series layout."""
        data = self._reader("series")
        _ = data["time"][:], data["flag"][row]
        return data["value"][row].size

    def day_all(self, day: int) -> int:
        """Read a chunk of the day layout."""
        data = self._reader("day")
        span = slice(day * DAY, (day + 1) * DAY)
        _ = data["flag"][:, span]
        return data["value"][:, span].size

    def latest_all(self) -> int:
        """Read the last column of the day layout."""
        data = self._reader("day")
        _ = data["flag"][:, -1]
        return data["value"][:, -1].size

    def append(self, tick: int, value: np.ndarray) -> None:
        """Grow the day layout by a column."""
        with self._file("day", "a") as data:
            size = data.dimensions["time"].size
            data["value"][:, size] = value
            data["flag"][:, size] = np.ones(value.size, np.uint8)
            data["time"][size] = int((BEGIN + tick * STEP).astype(np.int64))


class DuckdbEngine:
    """DuckDB: one table in the order of sensor and time, in its own file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._connection: Any = None

    def _open(self, *, write: bool = False) -> Any:
        import duckdb

        return duckdb.connect(str(self.folder / "store.duckdb"), read_only=not write)

    def _reader(self) -> Any:
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def write(self, cube: Cube) -> None:
        """Insert block by block through Arrow."""
        self.folder.mkdir(parents=True, exist_ok=True)
        ticks = cube.time.size
        connection = self._open(write=True)
        connection.execute(
            "CREATE TABLE obs(sensor SMALLINT, time TIMESTAMP_MS, value FLOAT, flag UTINYINT)"
        )
        for start in range(0, cube.names.size, 100):
            stop = min(start + 100, cube.names.size)
            here = ~np.isnan(cube.value[start:stop]).reshape(-1)
            self._insert(
                connection,
                np.repeat(np.arange(start, stop, dtype=np.int16), ticks)[here],
                np.tile(cube.time, stop - start)[here],
                cube.value[start:stop].reshape(-1)[here],
                cube.flag[start:stop].reshape(-1)[here],
            )
        connection.execute("CHECKPOINT")
        connection.close()

    @staticmethod
    def _insert(connection: Any, *columns: np.ndarray) -> None:
        import pyarrow as pa

        block = pa.table(dict(zip(("sensor", "time", "value", "flag"), columns, strict=True)))
        connection.register("block", block)
        connection.execute("INSERT INTO obs SELECT * FROM block")
        connection.unregister("block")

    def sensor_year(self, row: int) -> int:
        """Select one sensor."""
        query = "SELECT time, value, flag FROM obs WHERE sensor = ? ORDER BY time"
        return self._reader().execute(query, [row]).fetchnumpy()["value"].size

    def day_all(self, day: int) -> int:
        """Select a day."""
        begin = BEGIN + day * DAY * STEP
        query = "SELECT sensor, time, value, flag FROM obs WHERE time >= ? AND time < ?"
        span = [begin.item(), (begin + DAY * STEP).item()]
        return self._reader().execute(query, span).fetchnumpy()["value"].size

    def latest_all(self) -> int:
        """Select the newest reading of each sensor, looking at the last day alone."""
        query = (
            "SELECT sensor, max(time), arg_max(value, time), arg_max(flag, time) FROM obs WHERE"
            " time >= (SELECT max(time) FROM obs) - INTERVAL 1 DAY GROUP BY sensor"
        )
        return self._reader().execute(query).fetchnumpy()["sensor"].size

    def append(self, tick: int, value: np.ndarray) -> None:
        """Insert a tick."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        connection = self._open(write=True)
        stamps = np.full(value.size, BEGIN + tick * STEP)
        sensor = np.arange(value.size, dtype=np.int16)
        self._insert(connection, sensor, stamps, value, np.ones(value.size, np.uint8))
        connection.close()


def peers() -> dict[str, Callable[[Path], Engine]]:
    """Engines that are installed."""
    found: dict[str, Callable[[Path], Engine]] = {"zarr": ZarrEngine, "netcdf4": NetcdfEngine}
    if importlib.util.find_spec("duckdb"):
        found["duckdb"] = DuckdbEngine
    return found
