"""`lifeline replay`: a city plays itself through a broker, at any speed, on its own time.

Before each step its time goes to the retained topic ``lifeline/clock``; a collector that follows
it judges readings by the city's time. On a fresh machine one command starts an embedded broker, a
collector and the play.
"""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr

from lifeline_kit.errors import CityError, InputError, ServiceError
from lifeline_kit.model.city import City
from lifeline_kit.services.broker import EmbeddedBroker
from lifeline_kit.services.collect import (
    CLOCK_TOPIC,
    Collector,
    Habit,
    Stats,
    collector_for,
    on_loopback,
)
from lifeline_kit.services.link import Link, begin, client_for, link_to
from lifeline_kit.services.playing import Beat, beats, score_of
from lifeline_kit.services.simulator import Sent, simulate_terminal

TERMINAL = "SIM-terminal"
_UNDER_WAY = 400  # messages on their way to the broker
_BEHIND = 60  # messages a collector in this process may be behind: the embedded broker waits 5 s
_TICK_S = 0.25
_MAX_STEP_MS = 15 * 60_000
_FASTEST_STEP_MS = 60 * 60_000
_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """What to play and how.

    Attributes
    ----------
    speed : float
        Seconds of the city per second; infinity plays as fast as it goes.
    start, end : datetime64 or None
        ``start <= time < end``, UTC.
    terminals : int
        Simulated gas terminals that play along.
    seed : int
    """

    speed: float = 60.0
    start: np.datetime64 | None = None
    end: np.datetime64 | None = None
    terminals: int = 1
    seed: int = 1

    def __post_init__(self) -> None:
        if not self.speed > 0:
            raise InputError(f"--speed {self.speed:g}: expected more than 0, or max.")
        if not 0 <= self.terminals <= 1_000:
            raise InputError(f"--terminals {self.terminals}: expected 0 to 1000.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What a replay did: readings and messages sent, and what the collector made of them."""

    readings: int
    messages: int
    seconds: float
    collected: Stats | None


def stage_city(city: City, into: Path, terminals: int) -> None:
    """Make the folder that the collector fills: the city's tables without its readings.

    Simulated terminals stand beside the city's first methane sensor, marked as simulated. A folder
    that is there already is used again.

    Raises
    ------
    CityError
        Where the folder holds something else: another city, or fewer terminals.
    InputError
        Where it is the city's own.
    """
    if city.path is not None and into.resolve() == city.path.resolve():
        raise InputError(f"--into {into} is the city that is played; name another folder.")
    sensors = _with_terminals(city.sensors, terminals)
    if (into / "city.toml").exists():
        strange = sensors.index.difference(City.open(into, readings=False).sensors.index)
        if len(strange):
            raise CityError(
                f"--into {into} is a city without {len(strange)} of the sensors that are played "
                f"({strange[0]!r}); name another folder, or remove it."
            )
        return
    staged = city.with_(
        sensors=sensors,
        readings=xr.DataTree(),
        daily=pd.DataFrame(),
    )
    staged.save(into)


def _with_terminals(sensors: gpd.GeoDataFrame, terminals: int) -> gpd.GeoDataFrame:
    methane = sensors.index[sensors["quantity"] == "methane"]
    if not terminals or not len(methane):
        return sensors
    rows = sensors.loc[[methane[0]] * terminals].copy()
    rows.index = pd.Index(terminal_ids(terminals), name="sensor")
    rows["real_or_simulated"] = "simulated"
    for column, word in (("name_zh", "模拟终端"), ("name_en", "Simulated terminal")):
        if column in rows.columns:
            rows[column] = [f"{word} {number + 1}" for number in range(terminals)]
    joined = pd.concat([sensors, rows])
    return gpd.GeoDataFrame(joined, geometry=sensors.geometry.name, crs=sensors.crs)


def terminal_ids(terminals: int) -> list[str]:
    """Ids of the simulated terminals."""
    return [f"{TERMINAL}-{number + 1}" for number in range(terminals)]


def _terminals(play: Play, first: int, last: int) -> list[Sent]:
    start = np.datetime64(first, "ms")
    hours = (last - first) / 3_600_000
    sent: list[Sent] = []
    for number, device in enumerate(terminal_ids(play.terminals)):
        rng = np.random.default_rng([play.seed, number])
        sent += simulate_terminal(device, start=start, hours=hours, rng=rng)
    return sorted(sent, key=lambda message: message.at)


def replay(
    city: City,
    play: Play,
    *,
    link: Link | None = None,
    into: Path | None = None,
    say: Callable[[str], None] = lambda _text: None,
    report: Callable[[np.datetime64, int, Stats | None], None] = lambda *_: None,
    stop: threading.Event | None = None,
) -> Played:
    """Play a city through a broker.

    Parameters
    ----------
    city : City
        With readings.
    play : Play
    link : Link, optional
        A broker; None starts an embedded one on loopback.
    into : Path, optional
        City folder whose live store a collector of this process fills (made where absent).
        Needed with the embedded broker.
    say, report : callables
        Sentences for the operator; and at each step the city's time, readings sent and stats.
    stop : Event, optional
        Set it to leave early.

    Raises
    ------
    InputError
        Nothing to play.
    ServiceError
        The broker refuses, or the collector died.
    """
    stop = stop or threading.Event()
    if link is None:
        if into is None:
            raise InputError("the embedded broker needs a folder to collect into; give --into DIR.")
        with EmbeddedBroker() as broker:
            inner = on_loopback(link_to(broker.address))
            return replay(city, play, link=inner, into=into, say=say, report=report, stop=stop)
    score = score_of(city, play.start, play.end)
    if not score.size:
        raise InputError("the city has no readings in that time; mend --start and --end.")
    has_methane = bool((city.sensors["quantity"] == "methane").any())
    play = play if has_methane else replace(play, terminals=0)
    extra = _terminals(play, int(score.time[0]), int(score.time[-1]) + 1)
    step = _FASTEST_STEP_MS
    if np.isfinite(play.speed):
        step = int(np.clip(play.speed * _TICK_S * 1_000, 1, _MAX_STEP_MS))
    player = _Player(link, report=report, stop=stop)
    plan = beats(score, step_ms=step, extra=extra)
    if into is None:
        return player.play(plan, play.speed, None)
    stage_city(city, into, play.terminals)
    say(f"collecting into {into}; open it in another terminal: lifeline serve --city {into}")
    habit = Habit(clock_topic=CLOCK_TOPIC)
    with collector_for(into, link, habit=habit, say=say) as collector:
        return _beside(collector, lambda: player.play(plan, play.speed, collector), stop)


def _beside(collector: Collector, work: Callable[[], Played], stop: threading.Event) -> Played:
    """Run a collector in a thread while something is played to it."""
    leave = threading.Event()
    failures: list[BaseException] = []

    def collect() -> None:
        try:
            collector.run(leave)
        except BaseException as error:  # raised again where it can be seen
            failures.append(error)
            stop.set()

    thread = threading.Thread(target=collect, name="collector", daemon=True)
    thread.start()
    try:
        end = time.monotonic() + _PATIENCE_S
        while not collector.stats.connected and not failures and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(0.1)  # its subscription is on its way
        played = work()
    finally:
        leave.set()
        thread.join(_PATIENCE_S)
    if failures:
        raise failures[0]
    return replace(played, collected=collector.stats)


class _Player:
    """Publishes beats, no faster than the broker (and a collector of ours) takes them."""

    def __init__(
        self,
        link: Link,
        *,
        report: Callable[[np.datetime64, int, Stats | None], None],
        stop: threading.Event,
    ) -> None:
        self.link, self.report, self.stop = link, report, stop
        self.sent = self.taken = self.readings = 0
        self._failure = ""
        self._connected = threading.Event()
        self._client = client_for(link, "", keep=False)
        self._client.on_connect = self._on_connect
        self._client.on_publish = self._on_publish

    def play(self, plan: Any, speed: float, collector: Collector | None) -> Played:
        begun = time.monotonic()
        why = begin(self._client, self.link, keep=False)
        try:
            if not self._connected.wait(0 if why else _PATIENCE_S) or self._failure:
                raise ServiceError(
                    f"{self.link.address} does not take readings "
                    f"({self._failure or why or 'no answer'}); check --broker and --username."
                )
            first: np.datetime64 | None = None
            for beat in plan:
                first = beat.at if first is None else first
                self._await(begun, beat.at - first, speed)
                if self.stop.is_set():
                    break
                self._send(beat, speed, collector)
            self._finish(collector)
        finally:
            self._client.disconnect()
            self._client.loop_stop()
        return Played(
            readings=self.readings,
            messages=self.sent,
            seconds=time.monotonic() - begun,
            collected=collector.stats if collector else None,
        )

    def _await(self, begun: float, elapsed: np.timedelta64, speed: float) -> None:
        due = begun + float(elapsed / np.timedelta64(1, "ms")) / 1_000 / speed
        self.stop.wait(max(0.0, due - time.monotonic()))

    def _send(self, beat: Beat, speed: float, collector: Collector | None) -> None:
        clock = {"time": int(beat.at.astype(np.int64)), "speed": speed if speed < 1e9 else 0}
        self._publish(CLOCK_TOPIC, json.dumps(clock).encode(), collector, retain=True)
        for topic, payload in beat.messages:
            self._publish(topic, payload, collector)
        self.readings += beat.readings
        self.report(beat.at, self.readings, collector.stats if collector else None)

    def _publish(
        self, topic: str, payload: bytes, collector: Collector | None, *, retain: bool = False
    ) -> None:
        while not self.stop.is_set() and (
            self.sent - self.taken > _UNDER_WAY
            or (collector and self.sent - collector.stats.messages > _BEHIND)
        ):
            time.sleep(0.002)
        self._client.publish(topic, payload, qos=1, retain=retain)
        self.sent += 1

    def _finish(self, collector: Collector | None) -> None:
        """Wait until the broker has all, and our collector too."""
        end = time.monotonic() + _PATIENCE_S
        while self.taken < self.sent and time.monotonic() < end:
            time.sleep(0.01)
        while collector and collector.stats.messages < self.sent and time.monotonic() < end:
            time.sleep(0.01)

    def _on_connect(
        self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        self._failure = str(reason) if reason.is_failure else ""
        self._connected.set()

    def _on_publish(self, *_: Any) -> None:
        self.taken += 1
