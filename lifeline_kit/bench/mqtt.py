"""Messages lost over kills of the collector, and messages per second, through a real broker.

A publisher sends with QoS 1 to mosquitto; the collector, a process of its own, is killed with
SIGKILL again and again in the middle of its work and started anew. Lost is what the broker had
acknowledged and the store does not hold; doubled is what the store holds more than once or as a
revision. The rate is end to end: publisher, mosquitto, collector, durable transactions in SQLite.
"""

import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr
from shapely import Point

from lifeline_kit.bench.mosquitto import Mosquitto
from lifeline_kit.bench.run import Bench, Measured
from lifeline_kit.io.live import LiveStore
from lifeline_kit.model.city import City
from lifeline_kit.services.broker import EmbeddedBroker
from lifeline_kit.services.collect import collector_for, on_loopback
from lifeline_kit.services.link import Link, begin, client_for, link_to
from lifeline_kit.text import Text

MESSAGES = 20_000
KILLS = 20
_DEVICES = 100
_START_MS = 1_780_000_000_000
_UNDER_WAY = 1_000
_RATE_OF_KILLS = 400.0  # messages per second while a collector starts, works and dies
_PATIENCE_S = 120.0
_COLLECTOR = "from lifeline_kit.bench.mqtt import collect_here; collect_here()"


def terminal_city(devices: int) -> City:
    """A city of nothing but gas terminals ``T0000`` … in a row."""
    crs = "EPSG:4547"
    places = gpd.GeoSeries([Point(500_000.0 + 10 * i, 3_400_000.0) for i in range(devices)])
    origin = {"real_or_simulated": "simulated"}
    spaces = pd.DataFrame({"lifeline": "gas", "kind": "space", **origin}, index=range(devices))
    spaces.index = pd.Index([f"S{i:04d}" for i in range(devices)], name="asset")
    row = {
        "lifeline": "gas", "quantity": "methane", "unit": "%VOL", "clock": "methane/event",
        "interval_s": 900.0, "range_min": 0.0, "range_max": 100.0, **origin,
    }  # fmt: skip
    sensors = pd.DataFrame({"asset": spaces.index, **row})
    sensors.index = pd.Index([f"T{i:04d}" for i in range(devices)], name="sensor")
    areas = pd.DataFrame(
        columns=["level", "population", "vulnerable", "real_or_simulated"],
        index=pd.Index([], name="area"),
    )
    return City(
        name=Text("终端", "Terminals"),
        crs=crs,
        time_zone="Asia/Shanghai",
        origin="simulated",
        assets=gpd.GeoDataFrame(spaces, geometry=places.to_numpy(), crs=crs),
        sensors=gpd.GeoDataFrame(sensors, geometry=places.to_numpy(), crs=crs),
        areas=gpd.GeoDataFrame(areas, geometry=[], crs=crs),
        readings=xr.DataTree(),
    )


def message(number: int) -> tuple[str, bytes]:
    """Topic and payload of the n-th message: no two of one device and time."""
    device = f"T{number % _DEVICES:04d}"
    document = {
        "device": device,
        "quantity": "methane",
        "value": (number % 997) / 100,
        "unit": "%VOL",
        "time": _START_MS + 1_000 * number,
        "battery": 88.5,
        "signal": -97,
        "tamper": False,
    }
    return f"lifeline/readings/{device}", json.dumps(document, separators=(",", ":")).encode()


class Publisher:
    """Sends the first `count` messages with QoS 1 and notes which the broker acknowledged."""

    def __init__(
        self, link: Link, count: int, *, rate: float = 0.0, allowed: int | None = None
    ) -> None:
        self.link, self.count, self.rate = link, count, rate
        self.allowed = count if allowed is None else allowed  # may be raised while it runs
        if count > 60_000:  # packet numbers come again after 65,535
            raise ValueError("a publisher sends at most 60,000 messages")
        self._numbers: dict[int, int] = {}
        self._taken: set[int] = set()
        self._client = client_for(link, "bench-publisher", keep=True)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_publish = self._on_publish
        self.thread = threading.Thread(target=self._run, daemon=True)

    @property
    def acknowledged(self) -> set[int]:
        """Numbers of the messages that the broker has acknowledged."""
        return {self._numbers[mid] for mid in self._taken.copy()}

    def _on_publish(self, _client: Any, _data: Any, mid: int, *_: Any) -> None:
        self._taken.add(mid)

    def _run(self) -> None:
        begin(self._client, self.link, keep=True)
        begun = time.monotonic()
        for number in range(self.count):
            while number >= self.allowed:
                time.sleep(0.005)
                begun = time.monotonic() - number / self.rate if self.rate else begun
            while number - len(self._taken) > _UNDER_WAY:
                time.sleep(0.001)
            if self.rate:
                time.sleep(max(0.0, begun + number / self.rate - time.monotonic()))
            topic, payload = message(number)
            self._numbers[self._client.publish(topic, payload, qos=1).mid] = number
        end = time.monotonic() + _PATIENCE_S
        while len(self._taken) < self.count and time.monotonic() < end:
            time.sleep(0.01)
        self._client.disconnect()
        self._client.loop_stop()


def collect_here() -> None:
    """Collect for ever; says when it is connected (the program of the killed process)."""
    folder, address = Path(sys.argv[1]), sys.argv[2]
    told = False

    def report(stats: Any) -> None:
        nonlocal told
        if stats.connected and not told:
            told = True
            sys.stdout.write("connected\n")
            sys.stdout.flush()

    with collector_for(folder, link_to(address)) as collector:
        collector.run(threading.Event(), report=report)


def start_collector(folder: Path, address: str) -> "subprocess.Popen[str]":
    """Start a collector as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", _COLLECTOR, str(folder), address],
        stdout=subprocess.PIPE,
        text=True,
    )


def await_connected(process: "subprocess.Popen[str]") -> None:
    """Wait until a collector is connected (or dead)."""
    stream: IO[str] | None = process.stdout
    if stream is not None:
        stream.readline()


def stored(folder: Path) -> tuple[set[int], int]:
    """Numbers of the messages in a store, and how many it holds too often."""
    with LiveStore.open(folder / "live") as store:
        frame = store.between(None, None)
        revised = sum(len(store.revisions(sensor)) for sensor in store.sensors().index)
    times = frame["time"].to_numpy().astype("datetime64[ms]").astype(np.int64)
    numbers = (times - _START_MS) // 1_000
    twice = int(frame.duplicated(["sensor", "time"]).sum())
    return set(numbers.tolist()), twice + revised


def kill_rounds(
    folder: Path, broker: Mosquitto, *, messages: int, kills: int, rng: np.random.Generator
) -> tuple[int, int]:
    """Kill the collector again and again while messages come; returns lost and doubled."""
    terminal_city(_DEVICES).save(folder)
    _subscribe_once(folder, broker)
    publisher = Publisher(link_to(broker.address), messages, rate=_RATE_OF_KILLS, allowed=0)
    publisher.thread.start()
    for number in range(kills):
        # a part for each round, so that every kill meets a stream
        publisher.allowed = messages * (number + 1) // kills
        process = start_collector(folder, broker.address)
        await_connected(process)
        time.sleep(float(rng.uniform(0.0, 0.8)))  # every phase of a batch is met
        process.send_signal(signal.SIGKILL)
        process.wait()
    publisher.thread.join(_PATIENCE_S)
    with collector_for(folder, link_to(broker.address)) as collector:
        collector.run(threading.Event(), once=True)
    found, doubled = stored(folder)
    return len(publisher.acknowledged - found) + messages - len(publisher.acknowledged), doubled


def _subscribe_once(folder: Path, broker: Mosquitto) -> None:
    """Let the broker know the collector's session before the first message."""
    with collector_for(folder, link_to(broker.address)) as collector:
        collector.run(threading.Event(), seconds=0.5)


def messages_per_s(folder: Path, link: Link, *, messages: int, collecting: Link) -> float:
    """Send and store without kills; from the first message sent to the last one stored."""
    terminal_city(_DEVICES).save(folder)
    stop = threading.Event()
    with collector_for(folder, collecting) as collector:
        thread = threading.Thread(target=lambda: collector.run(stop), daemon=True)
        thread.start()
        while not collector.stats.connected:
            time.sleep(0.01)
        time.sleep(0.2)
        publisher = Publisher(link, messages)
        begun = time.monotonic()
        publisher.thread.start()
        while collector.stats.messages < messages and time.monotonic() - begun < _PATIENCE_S:
            time.sleep(0.005)
        seconds = time.monotonic() - begun
        stop.set()
        thread.join()
        publisher.thread.join()
    return collector.stats.messages / seconds


def measure(_data: Path | None, seed: int) -> Measured:
    """Kill, count; then send at full speed through mosquitto and through the embedded broker."""
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "broker").mkdir()
        with Mosquitto(root / "broker") as broker:
            lost, doubled = kill_rounds(
                root / "kills", broker, messages=MESSAGES, kills=KILLS, rng=rng
            )
            link = link_to(broker.address)
            rate = messages_per_s(root / "rate", link, messages=MESSAGES, collecting=link)
        with EmbeddedBroker() as embedded:
            inner = on_loopback(link_to(embedded.address))
            other = messages_per_s(root / "other", inner, messages=MESSAGES, collecting=inner)
    values = {
        "lost": float(lost),
        "doubled": float(doubled),
        "messages_per_s": rate,
        "embedded_messages_per_s": other,
    }
    return Measured(values=values, note=f"{MESSAGES} messages, {KILLS} kills, seed {seed}")


BENCH = Bench(
    name="mqtt",
    title=Text("终端报文：强杀不丢、每秒条数", "terminals: nothing lost over kills, and the rate"),
    measure=measure,
)
