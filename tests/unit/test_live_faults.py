"""The live store under kill -9, a full disk, a read-only folder and a reader that never stops."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lifeline_kit.errors import StoreError
from lifeline_kit.io.live import LiveStore
from lifeline_kit.io.live.sealed import ROLLUPS, SEALED

ROUNDS = 50 if os.environ.get("LIFELINE_SOAK") else 5
SENSORS = 40
STEP_H = 6
T0 = np.datetime64("2026-01-01T00:00", "ms")

# Writes batches for ever from batch argv[2] on and prints each number when it is acknowledged;
# every batch spans the sensors at one stamp. With `seal`, months are sealed all the time and
# some readings come late, so that sealed months are merged.
WRITER = """
import sys, numpy as np, pandas as pd
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from lifeline_kit.io.live import LiveStore
folder, first, mode = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
names = np.array([f"s{i}" for i in range(40)], dtype=object)
begin = np.datetime64("2026-01-01T00:00", "ms")
with LiveStore.open(folder, writable=True) as store:
    store.register(pd.DataFrame(index=pd.Index(names, name="sensor")))
    batch = first
    while True:
        stamp = begin + np.timedelta64(batch * 6, "h")
        late = stamp - np.timedelta64(40 * 24 + 1, "h")
        when = np.full(40, stamp)
        if mode == "seal" and batch > 170:
            when[0] = late
        value = (np.arange(40) * 7 + batch * 13) % 1000 + 0.5
        store.write(names, when, value, arrived=stamp)
        print(batch, flush=True)
        batch += 1
        if mode == "seal" and batch % 10 == 0:
            store.seal(stamp - np.timedelta64(2, "D"))
            print("sealed", flush=True)
"""


def start(folder: Path, first: int, mode: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(first), mode],
        stdout=subprocess.PIPE,
        text=True,
    )


def killed_after(process: subprocess.Popen, lines: int, rest_s: float) -> list[int]:
    """Let it acknowledge some batches, wait a little, kill it; all batches it acknowledged."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if len(said) >= lines:
            break
    time.sleep(rest_s)
    process.send_signal(signal.SIGKILL)
    # not communicate(): it would pass over the lines that the loop has read ahead
    said += process.stdout.readlines()
    assert process.wait() == -signal.SIGKILL
    process.stdout.close()
    return [int(line) for line in said if line.endswith("\n") and line.strip().isdigit()]


def expected(batches: range | list[int], *, late: bool) -> dict[str, dict[int, float]]:
    """Every reading of some batches: sensor to time [ms] to value."""
    found: dict[str, dict[int, float]] = {f"s{i}": {} for i in range(SENSORS)}
    for batch in batches:
        stamp = T0 + np.timedelta64(batch * STEP_H, "h")
        for i in range(SENSORS):
            when = stamp
            if late and i == 0 and batch > 170:
                when = stamp - np.timedelta64(40 * 24 + 1, "h")
            found[f"s{i}"][int(when.astype(np.int64))] = (i * 7 + batch * 13) % 1000 + 0.5
    return found


def held(store: LiveStore) -> dict[str, dict[int, float]]:
    frame = store.frame(None)
    assert not frame.duplicated(["sensor", "time"]).any()
    found: dict[str, dict[int, float]] = {f"s{i}": {} for i in range(SENSORS)}
    stamps = frame["time"].to_numpy().astype("datetime64[ms]").astype(np.int64).tolist()
    for name, stamp, value in zip(frame["sensor"], stamps, frame["value"].tolist(), strict=True):
        found[name][stamp] = value
    return found


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["write", "seal"])
def test_kill_9_loses_no_acknowledged_reading_and_doubles_none(tmp_path: Path, mode: str) -> None:
    rng = random.Random(20260 + (mode == "seal"))
    first = 0
    for _ in range(ROUNDS):
        process = start(tmp_path, first, mode)
        acknowledged = killed_after(process, rng.randint(3, 60), rng.uniform(0.0, 0.25))
        assert acknowledged
        began = time.perf_counter()
        with LiveStore.open(tmp_path) as reader:  # a reader first: nobody has cleaned up yet
            found = held(reader)
        with LiveStore.open(tmp_path, writable=True) as store:
            assert time.perf_counter() - began < 5.0
            assert held(store) == found
            left = {file.name for file in (tmp_path / SEALED).glob("*")}
            assert left == set(store.segments()["file"])
            assert len(list((tmp_path / ROLLUPS).glob("*"))) == 2 * len(left)
            assert (store.verify()["state"] == "good").all()
            days = store.rollups("day")
            assert int(days["n"].sum()) == sum(len(mine) for mine in found.values())
        last = max(acknowledged)
        # the batch in flight may be there or not, but whole; what was acknowledged is there
        more = [expected(range(n), late=mode == "seal") for n in (last + 1, last + 2)]
        assert found in more
        first = last + 1
    if mode == "seal":
        assert left


def filled(folder: Path) -> tuple[LiveStore, np.ndarray]:
    names = np.array([f"s{i}" for i in range(2000)], dtype=object)
    store = LiveStore.open(folder, writable=True)
    store.register(pd.DataFrame(index=pd.Index(names, name="sensor")))
    return store, names


@pytest.fixture
def small_disk(tmp_path: Path):
    """A disk of 24 MB of its own; needs the right to mount."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    done = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)], capture_output=True
    )
    if not done or done.returncode:
        pytest.skip("no right to mount a small disk here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def write_until_refused(store: LiveStore, names: np.ndarray) -> int:
    """Tick on until the store refuses; the number of ticks it took."""
    for tick in range(10_000):
        stamp = T0 + np.timedelta64(tick * 5, "m")
        with contextlib.suppress(StoreError):
            store.write(names, np.full(2000, stamp), np.full(2000, tick + 0.5), arrived=stamp)
            continue
        return tick
    raise AssertionError("the disk never filled up")


def test_a_full_disk_refuses_and_goes_on_when_space_returns(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 6_000_000)
    store, names = filled(small_disk / "live")
    with store:
        ticks = write_until_refused(store, names)
        assert ticks > 5
        stamp = np.full(2000, T0 + np.timedelta64(ticks * 5, "m"))
        with pytest.raises(StoreError, match=r"nothing was changed\. Free some space"):
            store.write(names, stamp, np.full(2000, 0.5), arrived=stamp[0])
        assert store.counts()["hot_rows"] == ticks * 2000
        with pytest.raises(StoreError):
            store.seal(np.datetime64("2026-03-01"))
        assert store.segments().empty
        assert not list((small_disk / "live" / SEALED).glob("*.parquet"))
        ballast.unlink()
        stamp = T0 + np.timedelta64(ticks * 5, "m")
        tally = store.write(names, np.full(2000, stamp), np.full(2000, ticks + 0.5), arrived=stamp)
        assert tally.accepted == 2000
        mine = store.series(["s7"])["s7"]
        np.testing.assert_array_equal(mine.value, np.arange(ticks + 1) + np.float32(0.5))
    with LiveStore.open(small_disk / "live") as reader:
        assert reader.counts()["hot_rows"] == (ticks + 1) * 2000


QUOTA = """
import resource, signal, sys, numpy as np, pandas as pd
from lifeline_kit.io.live import LiveStore
from lifeline_kit.errors import StoreError
store = LiveStore.open(sys.argv[1], writable=True)
names = np.array([f"s{i}" for i in range(500)], dtype=object)
store.register(pd.DataFrame(index=pd.Index(names, name="sensor")))
begin = np.datetime64("2026-01-01", "ms")
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY))
def tick(k):
    stamp = begin + np.timedelta64(k * 5, "m")
    store.write(names, np.full(500, stamp), np.full(500, k + 0.5), arrived=stamp)
k = 0
try:
    while k < 5000:
        tick(k)
        k += 1
except StoreError as error:
    print(k, error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
tick(k)
print(store.counts()["hot_rows"] == (k + 1) * 500)
"""


def test_a_quota_refuses_and_goes_on_when_it_is_lifted(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", QUOTA, str(tmp_path)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    refused, went_on = done.stdout.strip().splitlines()
    assert int(refused.split()[0]) > 0
    assert "refused" in refused
    assert went_on == "True"


def test_a_read_only_folder_can_be_read_and_says_why_it_cannot_be_written(
    small_disk: Path,
) -> None:
    with LiveStore.open(small_disk / "live", writable=True) as store:
        store.register(pd.DataFrame(index=pd.Index(["a"], name="sensor")))
        store.write(np.array(["a"]), np.array([T0]), np.array([1.0]), arrived=T0)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with LiveStore.open(small_disk / "live") as reader:
        assert reader.series(["a"])["a"].value.tolist() == [1.0]
    with pytest.raises(StoreError, match="check its permissions, or open it for reading"):
        LiveStore.open(small_disk / "live", writable=True)
    with pytest.raises(StoreError, match="cannot write to"):
        LiveStore.open(small_disk / "new", writable=True)


READER = """
import json, sys, time
from lifeline_kit.io.live import LiveStore
reads = errors = 0
last = {"rows": -1, "version": -1, "latest": 0}
trouble = set()
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    try:
        with LiveStore.open(sys.argv[1]) as store:
            for _ in range(3):
                now = {
                    "version": store.version(),
                    "rows": len(store.frame(None)),
                    "latest": int(store.latest()["time"].max().value),
                }
                assert all(now[name] >= last[name] for name in now), (last, now)
                assert now["rows"] % 40 == 0, now
                last = now
                reads += 1
    except Exception as error:
        errors += 1
        trouble.add(f"{type(error).__name__}: {error}"[:300])
print(json.dumps([reads, errors, sorted(trouble)]))
"""


@pytest.mark.slow
def test_a_reader_never_fails_while_a_writer_ingests_and_seals(tmp_path: Path) -> None:
    writer = start(tmp_path, 0, "seal")
    assert writer.stdout is not None
    writer.stdout.readline()
    seconds = 60 if os.environ.get("LIFELINE_SOAK") else 6
    reader = subprocess.run(
        [sys.executable, "-c", READER, str(tmp_path), str(seconds)],
        capture_output=True,
        text=True,
        check=True,
    )
    writer.send_signal(signal.SIGKILL)
    said = writer.stdout.read()
    writer.wait()
    writer.stdout.close()
    reads, errors, trouble = json.loads(reader.stdout)
    assert errors == 0, trouble
    assert reads > 10
    assert said.count("sealed") > 5


def test_sealing_in_a_thread_does_not_hold_up_the_writer(tmp_path: Path) -> None:
    store, names = filled(tmp_path)
    with store:
        size = 1440
        stamps = T0 + np.arange(size) * np.timedelta64(30, "m")  # January whole
        for start in range(0, 600, 200):
            rows = names[start : start + 200]
            store.write(
                np.repeat(rows, size),
                np.tile(stamps, 200),
                np.tile(np.arange(size), 200) + np.float32(0.5),
                arrived=stamps[-1],
            )
        february = np.datetime64("2026-02-01", "ms")
        with ThreadPoolExecutor(1) as pool:
            sealing = pool.submit(store.seal, february)
            longest, tick = 0.0, 0
            while not sealing.done():
                stamp = february + np.timedelta64(tick * 5, "m")
                began = time.perf_counter()
                store.write(names, np.full(2000, stamp), np.full(2000, 1.5), arrived=stamp)
                if tick == 1:  # one late reading into the month being sealed
                    store.write(names[:1], T0[None] + 7, np.array([9.0]), arrived=stamp)
                longest = max(longest, time.perf_counter() - began)
                tick += 1
            assert len(sealing.result()) == 1
        assert tick > 3
        assert longest < 30.0
        frame = store.frame(None)
        assert len(frame) == 600 * size + tick * 2000 + 1
        assert 9.0 in store.series(["s0"])["s0"].value
        assert store.counts()["sealed_rows"] == 600 * size + 1
