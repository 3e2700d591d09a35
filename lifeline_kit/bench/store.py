"""The live store on a year of 5-min readings, beside Zarr, NetCDF-4 and DuckDB.

By default 200 sensors (21 million readings); `LIFELINE_BENCH_FULL=1` takes 2,000 (210 million).
The durable tick is always one of 2,000 sensors. Each access is timed five times on an open
store, at other places each time, and the median counts; files come from the page cache, for every
engine alike.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from lifeline_kit.bench.peers import with_peers_if_any
from lifeline_kit.bench.run import Bench, Measured
from lifeline_kit.bench.store_data import BEGIN, DAY, STEP, YEAR, Cube, catalogue, simulated
from lifeline_kit.bench.store_peers import Engine, peers
from lifeline_kit.io.live import LiveStore
from lifeline_kit.io.live.sealed import ROLLUPS
from lifeline_kit.text import Text

_REPEATS = 5
_TICK_SENSORS = 2_000
_TICKS = 30
_READ_S = 3.0

# A reader that opens, reads the newest tick and closes, again and again: reads and failures.
_READER = """
import sys, time
from pathlib import Path
from lifeline_kit.bench.store import OurEngine
from lifeline_kit.bench.store_peers import peers
engine = ({"ours": OurEngine} | peers())[sys.argv[1]]
print("ready", flush=True)
reads = failures = 0
end = time.monotonic() + float(sys.argv[3])
while time.monotonic() < end:
    try:
        reads += engine(Path(sys.argv[2])).latest_all() > 0
    except Exception:
        failures += 1
    time.sleep(0.005)
print(reads, failures)
"""


class OurEngine:
    """The live store through the calls that others are measured by."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store: LiveStore | None = None

    def _reader(self) -> LiveStore:
        if self.store is None:
            self.store = LiveStore.open(self.folder)
        return self.store

    def write(self, cube: Cube) -> None:
        """Seal month by month."""
        months = cube.time.astype("datetime64[M]")
        with LiveStore.open(self.folder, writable=True) as store:
            store.register(catalogue(cube.names))
            for month in np.unique(months):
                span = slice(*np.searchsorted(months, [month, month + 1]))
                here = ~np.isnan(cube.value[:, span]).reshape(-1)
                size = len(cube.time[span])
                store.backfill(
                    np.repeat(cube.names, size)[here],
                    np.tile(cube.time[span], cube.names.size)[here],
                    cube.value[:, span].reshape(-1)[here],
                    flag=cube.flag[:, span].reshape(-1)[here],
                    tests=cube.tests[:, span].reshape(-1)[here],
                )

    def sensor_year(self, row: int) -> int:
        """Read one series."""
        name = f"P{row:05d}"
        return self._reader().series([name])[name].value.size

    def day_all(self, day: int) -> int:
        """Read a day of all; like the peers, values and flags."""
        begin = BEGIN + day * DAY * STEP
        return len(self._reader().between(begin, begin + DAY * STEP, tests=False))

    def latest_all(self) -> int:
        """Read the newest of all."""
        return len(self._reader().latest())

    def append(self, tick: int, value: np.ndarray) -> None:
        """Write one durable tick as the one writer does, which keeps the store open."""
        if self.store is None or not self.store.writable:
            if self.store is not None:
                self.store.close()
            self.store = LiveStore.open(self.folder, writable=True)
            self.names = self.store.sensors().index.to_numpy(dtype=object)
        stamp = BEGIN + tick * STEP
        self.store.write(self.names, np.full(value.size, stamp), value, arrived=stamp)

    def close(self) -> None:
        """Close what is open."""
        if self.store is not None:
            self.store.close()


def measure(_data: Path | None, seed: int) -> Measured:
    """Measure every access on every engine that is installed."""
    sensors = 2_000 if os.environ.get("LIFELINE_BENCH_FULL") else 200
    cube = simulated(sensors, YEAR, seed)
    count = int((~np.isnan(cube.value)).sum())
    values: dict[str, float] = {}
    engines: dict[str, Callable[[Path], Engine]] = {"ours": OurEngine, **peers()}
    with tempfile.TemporaryDirectory() as root:
        for name, make in engines.items():
            folder = Path(root) / name
            began = time.perf_counter()
            engine = make(folder / "year")
            engine.write(cube)
            values[f"{name}_write_s"] = time.perf_counter() - began
            values |= _sizes(name, folder / "year", count)
            values |= _accesses(name, engine, cube, seed)
            if isinstance(engine, OurEngine):
                engine.close()
            values |= _ticks(name, make(folder / "tick"), seed)
    return Measured(
        values=values,
        note=f"{sensors} sensors x {YEAR} ticks, {count:,} readings, simulated; "
        "sizes of zarr and netcdf4 are of the smaller of their two layouts",
    )


def _sizes(name: str, folder: Path, count: int) -> dict[str, float]:
    def size(part: Path) -> int:
        files = part.rglob("*") if part.is_dir() else [part]
        return sum(file.stat().st_size for file in files if file.is_file())

    if name == "ours":
        with LiveStore.open(folder) as store:
            sealed = store.counts()["sealed_bytes"]
        return {
            "bytes_per_reading": sealed / count,
            "ours_rollup_bytes_per_reading": size(folder / ROLLUPS) / count,
        }
    return {f"{name}_bytes_per_reading": min(size(part) for part in folder.iterdir()) / count}


def _accesses(name: str, engine: Engine, cube: Cube, seed: int) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, cube.names.size, _REPEATS).tolist()
    days = rng.integers(0, cube.time.size // DAY, _REPEATS).tolist()
    return {
        f"{name}_sensor_year_ms": _median([lambda i=i: engine.sensor_year(i) for i in rows]),
        f"{name}_day_all_ms": _median([lambda i=i: engine.day_all(i) for i in days]),
        f"{name}_latest_all_ms": _median([engine.latest_all] * _REPEATS),
    }


def _median(calls: list[Callable[[], object]]) -> float:
    taken = []
    for call in calls:
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return float(np.median(taken)) * 1e3


def _ticks(name: str, engine: Engine, seed: int) -> dict[str, float]:
    """Time single ticks of 2,000 on a week-old store, then again while a process reads it."""
    cube = simulated(_TICK_SENSORS, 7 * DAY, seed)
    engine.write(cube)
    rng = np.random.default_rng(seed)
    first = cube.time.size

    def tick(number: int) -> None:
        value = np.round(rng.normal(300, 5, _TICK_SENSORS), 2).astype(np.float32)
        engine.append(first + number, value)

    tick(0)
    alone = _median([lambda i=i: tick(i) for i in range(1, _TICKS)])
    reader = subprocess.Popen(
        [sys.executable, "-c", _READER, name, str(engine.folder), str(_READ_S)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert reader.stdout is not None
    reader.stdout.readline()
    number, writer_failures = _TICKS, 0
    while reader.poll() is None:
        try:
            tick(number)
        except Exception:  # what each engine raises when a reader is in its way is its own
            writer_failures += 1
        number += 1
        time.sleep(0.005)
    reads, failures = (reader.stdout.read().split() or ["0", "1"])[-2:]
    if isinstance(engine, OurEngine):
        engine.close()
    return {
        f"{name}_tick_2000_ms": alone,
        f"{name}_reads": float(reads),
        f"{name}_reader_failures": float(failures),
        f"{name}_writer_failures": float(writer_failures),
    }


def _measure(data: Path | None, seed: int) -> Measured:
    """Measure where DuckDB is installed, if anywhere; the other peers are our own requirements."""
    return with_peers_if_any("store", ("duckdb",), data, seed, partial(measure, data, seed))


BENCH = Bench(
    name="store", title=Text("实时存储", "the live store beside its peers"), measure=_measure
)
