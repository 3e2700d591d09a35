"""`lifeline collect`: MQTT in, the live store out; acknowledged only when it is on the disk.

The network's thread puts messages into a bounded queue; one loop takes batches out, parses them,
writes devices and readings in durable transactions and only then acknowledges. Killed at any
moment it loses nothing that a broker with sessions had taken: what was not acknowledged comes
again, and the store knows what it has.
"""

import hashlib
import json
import queue
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import paho.mqtt.client as mqtt

from lifeline_kit.errors import InputError, ServiceError, StoreError
from lifeline_kit.io.live import LiveStore, Tally
from lifeline_kit.model.city import City
from lifeline_kit.services.devices import KEPT_BYTES, KEPT_DEVICES, DeviceLog, Refused, refused
from lifeline_kit.services.link import RECEIVE_MAXIMUM, Link, begin, check_topic, client_for
from lifeline_kit.services.terminals import MAX_BYTES, Message, Reading, Reject, Status, parse

TOPIC = "lifeline/readings/#"
CLOCK_TOPIC = "lifeline/clock"
_QUEUE = 4 * RECEIVE_MAXIMUM
_FAR = np.datetime64("9999-12-31", "ms")
_QUIET_S = 2.0  # --once: nothing more came for so long
_LONGEST_PAUSE_S = 30.0


class Arrival(NamedTuple):
    """One message as it came; `session` is the connection it came on, `size` its full length."""

    session: int
    mid: int
    qos: int
    topic: str
    payload: bytes
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """How a collector works.

    Attributes
    ----------
    topic : str
        Filter of the readings.
    clock_topic : str
        Retained topic whose time is `now`; empty for this machine's clock.
    batch_s : float [s]
        Longest time until what came is on the disk.
    batch_max : int
        Messages of one batch.
    """

    topic: str = TOPIC
    clock_topic: str = ""
    batch_s: float = 0.5
    batch_max: int = RECEIVE_MAXIMUM

    def __post_init__(self) -> None:
        if not 0.01 <= self.batch_s <= 5.0:
            raise InputError(f"--batch-s {self.batch_s:g}: expected 0.01 to 5 seconds.")
        check_topic("--topic", self.topic)
        if self.clock_topic:
            check_topic("--clock-topic", self.clock_topic)


@dataclass(slots=True)
class Stats:
    """What was collected so far."""

    messages: int = 0
    readings: int = 0
    rejected: int = 0
    tampered: set[str] = field(default_factory=set)
    tally: Tally = field(default_factory=lambda: Tally(0, 0, 0, 0, 0, 0))
    queued: int = 0
    last: float | None = None  # monotonic seconds
    connected: bool = False
    begun: float = field(default_factory=time.monotonic)
    recent: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=20))

    def rate(self) -> float:
        """Messages per second over the last batches, 0 where nothing has come for a while."""
        since, count = self.recent[0] if self.recent else (self.begun, 0)
        span = time.monotonic() - since
        return (self.messages - count) / span if span > 0 else 0.0


class Collector:
    """Takes readings from a broker into a live store.

    Parameters
    ----------
    store : LiveStore
        Writable.
    devices : DeviceLog
        Writable.
    link : Link
    habit : Habit, optional
    say : callable, optional
        Takes sentences for the operator; each is said once until things change.
    """

    def __init__(
        self,
        store: LiveStore,
        devices: DeviceLog,
        link: Link,
        *,
        habit: Habit | None = None,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self.store, self.devices, self.link = store, devices, link
        self.habit = habit or Habit()
        self.say = say
        self.stats = Stats()
        self._arrivals: queue.Queue[Arrival] = queue.Queue(maxsize=_QUEUE)
        self._session = 0
        self._turn = threading.Lock()  # acknowledging, and the end of a connection
        self._failure: ServiceError | None = None
        self._clock: np.datetime64 | None = None
        self._clock_fault = ""
        self._was_connected = False
        self._told_away = False
        self._leaving = False
        self._roster = _roster(store)
        self._client = client_for(link, _client_id(store.folder), keep=True, manual_ack=True)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    # -- the loop -----------------------------------------------------------------------------

    def run(
        self,
        stop: threading.Event,
        *,
        once: bool = False,
        seconds: float | None = None,
        report: Callable[[Stats], None] = lambda _stats: None,
    ) -> Stats:
        """Collect until `stop`, for some seconds, or once what is there has been taken.

        Raises
        ------
        ServiceError
            The broker refuses name, password, certificate or topic; or with `once` or `seconds`
            it was never there.
        StoreError
            The store still refuses when it is time to leave; nothing was acknowledged.
        """
        begun = time.monotonic()
        failure = begin(self._client, self.link, keep=True)
        if failure:
            self._tell_away(failure)
        leave = threading.Event()
        try:
            while not leave.is_set():
                if self._failure is not None:
                    raise self._failure
                self._store(self._gather(), stop)
                report(self._seen())
                if stop.is_set() or self._is_over(begun, once, seconds):
                    leave.set()
            self._leave(stop)
            if (once or seconds is not None) and not self._was_connected:
                raise ServiceError(
                    f"{self.link.address} cannot be reached; nothing was taken. Check --broker, "
                    "and that the broker runs."
                )
        finally:
            self._leaving = True
            self._client.disconnect()
            self._client.loop_stop()
        report(self._seen())
        return self.stats

    def _is_over(self, begun: float, once: bool, seconds: float | None) -> bool:
        now = time.monotonic()
        if seconds is not None and now - begun >= seconds:
            return True
        last = self.stats.last if self.stats.last is not None else begun
        return once and self._arrivals.empty() and now - max(last, begun) >= _QUIET_S

    def _leave(self, stop: threading.Event) -> None:
        """Take what has arrived, so that leaving costs no redelivery."""
        stop.set()
        self._leaving = True
        while not self._arrivals.empty():
            self._store(self._gather(), stop)

    def _seen(self) -> Stats:
        self.stats.queued = self._arrivals.qsize()
        return self.stats

    def _gather(self) -> list[Arrival]:
        """Messages of one batch: until it is full, old enough, or nothing more comes."""
        batch: list[Arrival] = []
        pause = self.habit.batch_s / 10  # a broker that waits for us must not wait a whole batch
        end = time.monotonic() + self.habit.batch_s
        while len(batch) < self.habit.batch_max:
            left = end - time.monotonic()
            if left <= 0:
                break
            try:
                batch.append(self._arrivals.get(timeout=min(left, pause) if batch else left))
            except queue.Empty:
                break
        return batch

    def _store(self, batch: list[Arrival], stop: threading.Event) -> None:
        """Write a batch, as often as it takes; then acknowledge it."""
        if not batch:
            return
        pause, told = 0.5, False
        parts = self._parsed(batch)
        while True:
            try:
                self._write(*parts)
                break
            except StoreError as error:
                if stop.is_set():
                    raise
                if not told:
                    self.say(f"{error} Nothing is acknowledged; trying again.")
                    told = True
                stop.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
        if told:
            self.say("the store writes again.")
        self._acknowledge(batch)
        self.stats.recent.append((time.monotonic(), self.stats.messages))
        self.stats.messages += len(batch)
        self.stats.last = time.monotonic()

    def _parsed(self, batch: list[Arrival]) -> tuple[list[Reading], list[Status], list[Refused]]:
        readings: list[Reading] = []
        statuses: list[Status] = []
        rejects: list[Refused] = []
        for arrival in batch:
            if self.habit.clock_topic and arrival.topic == self.habit.clock_topic:
                self._set_clock(arrival.payload)
                continue
            found = _read(arrival)
            if isinstance(found, Reject):
                rejects.append(refused(arrival.topic, arrival.payload, found, arrival.size))
                continue
            readings += found.readings
            statuses += found.statuses
            rejects += [refused(arrival.topic, arrival.payload, each) for each in found.rejects]
        return readings, statuses, rejects

    def _write(
        self, readings: list[Reading], statuses: list[Status], rejects: list[Refused]
    ) -> None:
        arrived = self._clock or np.datetime64(time.time_ns() // 1_000_000, "ms")
        now = arrived
        if self.habit.clock_topic and self._clock is None:
            now = _FAR  # the city's time is not known yet
        self.devices.write(statuses, rejects, int(arrived.astype(np.int64)))
        if readings:
            count = len(readings)
            sensor = np.empty(count, dtype=object)
            sensor[:] = [self._sensor(each) for each in readings]
            stamps = np.fromiter((each.time for each in readings), np.int64, count)
            values = np.fromiter((each.value for each in readings), np.float64, count)
            self.stats.tally += self.store.write(
                sensor,
                stamps.astype("datetime64[ms]"),
                values.astype(np.float32),
                arrived=arrived,
                now=now,
            )
        self.stats.readings += len(readings)
        self.stats.rejected += len(rejects)
        if len(self.stats.tampered) < KEPT_DEVICES:  # ids come from outside
            self.stats.tampered |= {each.device for each in statuses if each.tamper}

    def _sensor(self, reading: Reading) -> str:
        key = (reading.device, reading.quantity)
        return self._roster.get(key, f"{reading.device}:{reading.quantity}")

    def now(self) -> np.datetime64 | None:
        """The moment readings are judged by: the replay's, where one is followed, or the wall's."""
        if self.habit.clock_topic:
            return self._clock
        return np.datetime64(time.time_ns() // 1_000_000, "ms")

    def _set_clock(self, payload: bytes) -> None:
        """Follow the city's time, which never runs back: readings are judged by its furthest."""
        moment = read_clock(payload)
        fault = ""
        if moment is None:
            fault = "a message on the clock's topic holds no time; it is passed over."
        elif self._clock is None or moment >= self._clock:
            self._clock = moment
        else:
            fault = "the clock's topic jumped back; the furthest time it showed is kept."
        if fault and fault != self._clock_fault:
            self.say(fault)
        self._clock_fault = fault

    def _acknowledge(self, batch: list[Arrival]) -> None:
        """Acknowledge each message on the connection it came on."""
        # on a later connection its number may be another message's, which is not stored
        with self._turn:
            for arrival in batch:
                if arrival.qos and arrival.session == self._session:
                    self._client.ack(arrival.mid, arrival.qos)

    # -- called by the network's thread ---------------------------------------------------------

    def _on_connect(
        self,
        client: mqtt.Client,
        _data: Any,
        flags: mqtt.ConnectFlags,
        reason: Any,
        _properties: Any,
    ) -> None:
        if reason.is_failure:
            if not self._was_connected:
                self._failure = ServiceError(
                    f"{self.link.address} refuses to let the collector in ({reason}); check "
                    "--username and the password in the environment or --password-file."
                )
            else:
                self._tell_away(str(reason))
            return
        if self._told_away:
            self.say(f"{self.link.address} is there again.")
        if self._was_connected and not flags.session_present:
            self.say(
                f"{self.link.address} did not keep the session: what was sent meanwhile is lost; "
                "set persistence in the broker."
            )
        self._was_connected, self._told_away = True, False
        self.stats.connected = True
        topics = [(self.habit.topic, 1)]
        if self.habit.clock_topic:
            topics.insert(0, (self.habit.clock_topic, 1))
        client.subscribe(topics)

    def _on_subscribe(
        self, _client: mqtt.Client, _data: Any, _mid: int, reasons: list[Any], _properties: Any
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            self._failure = ServiceError(
                f"{self.link.address} does not let the collector read {self.habit.topic!r} "
                f"({', '.join(map(str, reasons))}); check --topic and the broker's access list."
            )

    def _on_disconnect(
        self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        with self._turn:
            self._session += 1
        self.stats.connected = False
        if reason.is_failure and self._failure is None:
            self._tell_away(str(reason))

    def _on_connect_fail(self, _client: mqtt.Client, _data: Any) -> None:
        self._tell_away("no answer")

    def _tell_away(self, why: str) -> None:
        if not self._told_away:
            self._told_away = True
            self.say(f"{self.link.address} cannot be reached ({why}); trying again and again.")

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "(topic is not UTF-8)"
        payload, size = bytes(message.payload), len(message.payload)
        if size > MAX_BYTES:
            payload = payload[:KEPT_BYTES]  # a thousand of them under way would fill the memory
        arrival = Arrival(self._session, message.mid, message.qos, topic, payload, size)
        while not self._leaving:  # what is not taken is not acknowledged, and comes again
            try:
                # full: the network waits, and with it the broker
                self._arrivals.put(arrival, timeout=0.2)
                return
            except queue.Full:
                continue


def _read(arrival: Arrival) -> Message | Reject:
    if arrival.size > MAX_BYTES:
        return Reject("size", f"{arrival.size} bytes, at most {MAX_BYTES}")
    return parse(arrival.payload)


def read_clock(payload: bytes) -> np.datetime64 | None:
    """The time in a message of the clock's topic, ``{"time": milliseconds, …}``; None where none.

    Examples
    --------
    >>> read_clock(b'{"time": 0}')
    np.datetime64('1970-01-01T00:00:00.000')
    """
    try:
        number = json.loads(payload[:1_000])["time"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if isinstance(number, bool) or not isinstance(number, int) or abs(number) > 253_402_300_799_999:
        return None
    return np.datetime64(number, "ms")


def _roster(store: LiveStore) -> dict[tuple[str, str], str]:
    """Sensor of each device and quantity: a sensor's own id, or ``device:quantity``."""
    quantities = store.sensors()["quantity"]
    found = {(str(sensor), str(key)): str(sensor) for sensor, key in quantities.items()}
    for sensor, key in quantities.items():
        device, mark, suffix = str(sensor).rpartition(":")
        if mark and suffix == key:
            found.setdefault((device, str(key)), str(sensor))
    return found


def _client_id(folder: Path) -> str:
    """The same for the same store on the same machine: the broker knows whose session it is."""
    text = f"{socket.gethostname()}\0{folder.resolve()}"
    return f"lifeline-collect-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


@contextmanager
def collector_for(
    folder: Path,
    link: Link,
    *,
    habit: Habit | None = None,
    say: Callable[[str], None] = lambda _text: None,
) -> Generator[Collector]:
    """Open a city's live store and device log for a collector.

    Parameters
    ----------
    folder : Path
        City folder; ``live/`` is made in it where absent.
    link, habit, say
        As of `Collector`.

    Raises
    ------
    CityError, StoreError
        No city, or its live store cannot be written or has a writer already.
    """
    sensors = City.open(folder, readings=False).sensors
    with LiveStore.open(folder / "live", writable=True) as store:
        store.register(sensors)
        with DeviceLog(folder / "live", writable=True) as devices:
            yield Collector(store, devices, link, habit=habit, say=say)


def on_loopback(link: Link) -> Link:
    """The same link in the words of the embedded broker: MQTT 3.1.1 and a name."""
    from lifeline_kit.services.broker import USERNAME

    return replace(link, mqtt5=False, username=USERNAME)
