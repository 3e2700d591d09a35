"""The collector against a real mosquitto: kills, restarts, refusals, floods."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as mqtt
import pandas as pd
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from lifeline_kit.bench.mosquitto import Mosquitto
from lifeline_kit.bench.mqtt import (
    Publisher,
    kill_rounds,
    message,
    messages_per_s,
    stored,
)
from lifeline_kit.errors import InputError, ServiceError, StoreError
from lifeline_kit.io.live import LiveStore
from lifeline_kit.services.broker import EmbeddedBroker
from lifeline_kit.services.collect import (
    CLOCK_TOPIC,
    Arrival,
    Collector,
    Habit,
    Stats,
    collector_for,
    on_loopback,
)
from lifeline_kit.services.devices import DeviceLog
from lifeline_kit.services.link import begin, client_for, link_to, read_password
from lifeline_kit.services.terminals import Reading

Broker = Callable[..., Mosquitto]
ROUNDS = 50 if os.environ.get("LIFELINE_SOAK") else 5


def send(link: Any, messages: list[tuple[str, bytes]], *, retain: bool = False) -> None:
    """Publish with QoS 1 and wait until the broker has all."""
    client = client_for(link, "test-sender", keep=False)
    begin(client, link, keep=False)
    sent = [client.publish(topic, payload, 1, retain) for topic, payload in messages]
    for each in sent:
        each.wait_for_publish(20)
    client.disconnect()
    client.loop_stop()


def collect_once(folder: Path, link: Any, **options: Any) -> Stats:
    with collector_for(folder, link, **options) as collector:
        return collector.run(threading.Event(), once=True)


class Running:
    """A collector in a thread."""

    def __init__(self, collector: Collector) -> None:
        self.stop = threading.Event()
        self.failure: Exception | None = None
        self.collector = collector
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.collector.run(self.stop)
        except Exception as error:
            self.failure = error

    def until(self, reached: Callable[[Stats], bool], seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while not reached(self.collector.stats) and time.monotonic() < end:
            assert self.failure is None, self.failure
            time.sleep(0.01)
        assert reached(self.collector.stats), self.collector.stats

    def leave(self) -> Stats:
        self.stop.set()
        self.thread.join(20)
        assert not self.thread.is_alive()
        return self.collector.stats


@pytest.mark.slow
def test_no_acknowledged_message_is_lost_over_kills(mosquitto: Broker, tmp_path: Path) -> None:
    with mosquitto() as broker:
        lost, doubled = kill_rounds(
            tmp_path / "city",
            broker,
            messages=20_000 if ROUNDS > 5 else 3_000,
            kills=ROUNDS,
            rng=np.random.default_rng(11),
        )
    assert (lost, doubled) == (0, 0)


@pytest.mark.slow
def test_a_broker_that_restarts_loses_nothing(mosquitto: Broker, terminals: Path) -> None:
    said: list[str] = []
    broker = mosquitto().start()
    link = link_to(broker.address)
    with collector_for(terminals, link, say=said.append) as collector:
        running = Running(collector)
        running.until(lambda stats: stats.connected)
        publisher = Publisher(link, 2_000, rate=400)
        publisher.thread.start()
        for _ in range(3):
            time.sleep(0.8)
            broker.stop()
            broker.start()
        publisher.thread.join(60)
        assert len(publisher.acknowledged) == 2_000
        running.until(lambda stats: stats.readings >= 2_000)
        running.leave()
    found, doubled = stored(terminals)
    assert found == set(range(2_000))
    assert doubled == 0
    # a broker that is away is told once each time it goes, and once when it is back
    away = [text for text in said if "cannot be reached" in text]
    back = [text for text in said if "is there again" in text]
    assert 1 <= len(away) <= 3
    assert len(back) == len(away)
    assert not [text for text in said if "did not keep" in text]


@pytest.mark.slow
def test_a_killed_broker_is_met_again(mosquitto: Broker, terminals: Path) -> None:
    broker = mosquitto().start()
    link = link_to(broker.address)
    with collector_for(terminals, link) as collector:
        running = Running(collector)
        running.until(lambda stats: stats.connected)
        send(link, [message(n) for n in range(200)])
        running.until(lambda stats: stats.readings == 200)
        broker.stop(signal.SIGKILL)
        broker.start()
        running.until(lambda stats: stats.connected)
        time.sleep(0.3)
        send(link, [message(n) for n in range(100, 300)])
        running.until(lambda stats: stats.readings >= 400)
        running.leave()
    found, doubled = stored(terminals)
    assert found == set(range(300))
    assert doubled == 0


def test_broker_gone_at_the_start_is_waited_for(mosquitto: Broker, terminals: Path) -> None:
    broker = mosquitto()
    said: list[str] = []
    with collector_for(terminals, link_to(broker.address), say=said.append) as collector:
        running = Running(collector)
        time.sleep(1.5)
        broker.start()
        running.until(lambda stats: stats.connected)
        running.leave()
    assert len([text for text in said if "cannot be reached" in text]) == 1


def test_once_needs_a_broker(terminals: Path) -> None:
    with pytest.raises(ServiceError, match="cannot be reached; nothing was taken"):
        collect_once(terminals, link_to("mqtt://127.0.0.1:1"))


def test_a_topic_that_may_not_be_read(terminals: Path) -> None:
    """Mosquitto's own access lists let subscribe and send nothing; others refuse."""
    refused = ReasonCode(PacketTypes.SUBACK, "Not authorized")
    with collector_for(terminals, link_to("mqtt://127.0.0.1:1")) as collector:
        collector._on_subscribe(collector._client, None, 1, [refused], None)
        with pytest.raises(ServiceError, match=r"does not let the collector read 'lifeline/read"):
            collector.run(threading.Event())


def test_wrong_password_is_told_and_no_password_shows(
    mosquitto: Broker, terminals: Path, tmp_path: Path
) -> None:
    file = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(file), "gas", "right-one"], check=True)
    file.chmod(0o600)
    with mosquitto(anonymous=False, options=(f"password_file {file}",)) as broker:
        wrong = link_to(broker.address, username="gas", password="wrong-one")
        with pytest.raises(ServiceError, match=r"refuses to let the collector in.*--username") as e:
            collect_once(terminals, wrong)
        assert "wrong-one" not in str(e.value)
        assert "wrong-one" not in repr(wrong)
        right = link_to(broker.address, username="gas", password="right-one")
        send(right, [message(1)])
        assert collect_once(terminals, right).readings == 0  # sent before it had a session
        send(right, [message(2)])
        assert collect_once(terminals, right).readings == 1


def test_tls_with_the_right_authority_and_not_with_another(
    mosquitto: Broker, terminals: Path, certificates: Path
) -> None:
    listener = (
        f"certfile {certificates}/server.pem",
        f"keyfile {certificates}/server.key",
        f"cafile {certificates}/ca.pem",
    )
    with mosquitto(listener=listener) as broker:
        address = broker.address.replace("mqtt:", "mqtts:")
        with pytest.raises(ServiceError, match=r"certificate is not accepted.*--ca"):
            collect_once(terminals, link_to(address, ca=certificates / "other-ca.pem"))
        with pytest.raises(ServiceError, match="certificate is not accepted"):
            collect_once(terminals, link_to(address))
        link = link_to(address, ca=certificates / "ca.pem")
        collect_once(terminals, link)
        send(link, [message(7)])
        assert collect_once(terminals, link).tally.accepted == 1


def test_hostile_messages_go_to_the_quarantine(mosquitto: Broker, terminals: Path) -> None:
    topic = "lifeline/readings/T0001"
    with mosquitto() as broker:
        link = link_to(broker.address)
        with collector_for(terminals, link) as collector:
            running = Running(collector)
            running.until(lambda stats: stats.connected)
            time.sleep(0.2)
            send(
                link,
                [
                    (topic, b"x" * 10_000_000),
                    (topic, b"\xff\x00"),
                    (topic, b"[" * 5_000),
                    (topic, b""),
                    ("lifeline/readings/x/../../etc", message(3)[1]),
                    message(4),
                ],
            )
            running.until(lambda stats: stats.messages == 6)
            running.leave()
        assert collect_once(terminals, link).messages == 0, "all were acknowledged"
    with DeviceLog(terminals / "live") as log:
        rejects = log.rejects()
    assert sorted(rejects["reason"]) == ["encoding", "json", "json", "size"]
    big = rejects[rejects["reason"] == "size"].iloc[0]
    assert big["bytes"] == 10_000_000
    assert len(big["head"]) <= 4_096
    assert stored(terminals)[0] == {3, 4}


def test_many_duplicates_are_counted_and_stored_once(mosquitto: Broker, terminals: Path) -> None:
    entries = [json.loads(message(n)[1]) for n in range(500)]
    payload = json.dumps(entries).encode()
    count = 2_000 if ROUNDS > 5 else 40  # a million, or twenty thousand
    with mosquitto() as broker:
        link = link_to(broker.address)
        collect_once(terminals, link)
        send(link, [("lifeline/readings/gateway", payload)] * count)
        stats = collect_once(terminals, link)
    assert stats.tally.accepted == 500
    assert stats.tally.duplicate == 500 * (count - 1)
    assert stored(terminals) == (set(range(500)), 0)


def test_unknown_sensor_and_future_stamp_are_kept_apart(mosquitto: Broker, terminals: Path) -> None:
    entry = json.loads(message(1)[1])
    ahead = int(time.time() * 1_000) + 3_600_000
    with mosquitto() as broker:
        link = link_to(broker.address)
        collect_once(terminals, link)
        odd = [entry | {"device": "stranger"}, entry | {"time": ahead}]
        send(link, [("lifeline/readings/x", json.dumps(each).encode()) for each in odd])
        stats = collect_once(terminals, link)
    assert (stats.tally.unknown, stats.tally.future, stats.tally.accepted) == (1, 1, 0)
    with LiveStore.open(terminals / "live") as store:
        assert set(store.quarantine()["reason"]) == {"unknown_sensor", "clock"}


def test_clock_topic_never_runs_back(mosquitto: Broker, terminals: Path) -> None:
    said: list[str] = []
    first, later = 1_780_000_000_000, 1_780_003_600_000
    entry = json.loads(message(0)[1])
    with mosquitto() as broker:
        link = link_to(broker.address)
        habit = Habit(clock_topic=CLOCK_TOPIC)
        collect_once(terminals, link, habit=habit)
        send(link, [(CLOCK_TOPIC, json.dumps({"time": later}).encode())], retain=True)
        send(link, [(CLOCK_TOPIC, json.dumps({"time": first}).encode())], retain=True)
        send(link, [(CLOCK_TOPIC, b'{"time": "never"}')] * 3)
        fits = entry | {"time": later + 60_000}
        ahead = entry | {"time": later + 600_000}
        send(link, [("lifeline/readings/a", json.dumps(each).encode()) for each in (fits, ahead)])
        stats = collect_once(terminals, link, habit=habit, say=said.append)
    assert (stats.tally.accepted, stats.tally.future) == (1, 1)
    assert any("jumped back" in text for text in said)
    assert len([text for text in said if "holds no time" in text]) == 1, "a flood is told once"


def test_a_store_that_refuses_is_not_acknowledged(
    mosquitto: Broker, terminals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    real = LiveStore.write

    def full(*_arguments: Any, **_options: Any) -> None:
        raise StoreError("the live store refused: database or disk is full.")

    with mosquitto() as broker:
        link = link_to(broker.address)
        with collector_for(terminals, link, say=said.append) as collector:
            running = Running(collector)
            running.until(lambda stats: stats.connected)
            time.sleep(0.2)
            monkeypatch.setattr(LiveStore, "write", full)
            send(link, [message(n) for n in range(50)])
            time.sleep(1.5)
            assert collector.stats.messages == 0
            assert len([text for text in said if "disk is full" in text]) == 1
            running.leave()
            assert isinstance(running.failure, StoreError)
        monkeypatch.setattr(LiveStore, "write", real)
        assert collect_once(terminals, link).tally.accepted == 50, "all came again"
    assert stored(terminals)[0] == set(range(50))


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_a_folder_that_cannot_be_written_is_refused(mosquitto: Broker, terminals: Path) -> None:
    (terminals / "live").write_text("in the way")
    with mosquitto() as broker, pytest.raises(StoreError, match="live"):
        collect_once(terminals, link_to(broker.address))


def test_two_collectors_on_one_store(mosquitto: Broker, terminals: Path) -> None:
    with mosquitto() as broker:
        link = link_to(broker.address)
        with (
            collector_for(terminals, link),
            pytest.raises(StoreError, match="one writer at a time"),
            collector_for(terminals, link),
        ):
            pass


def test_a_signal_finishes_the_batch(mosquitto: Broker, terminals: Path) -> None:
    with mosquitto() as broker:
        link = link_to(broker.address)
        collect_once(terminals, link)
        send(link, [message(n) for n in range(500)])
        program = (
            "import sys, argparse; from lifeline_kit.cli import collect;"
            "p = argparse.ArgumentParser(); collect.add(p.add_subparsers());"
            "o = p.parse_args(); sys.exit(o.command(o))"
        )
        options = ["collect", "--city", str(terminals), "--broker", broker.address]
        process = subprocess.Popen(
            [sys.executable, "-c", program, *options], stdout=subprocess.PIPE, text=True
        )
        end = time.monotonic() + 30
        while time.monotonic() < end and len(stored(terminals)[0]) < 500:
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        text = process.communicate(timeout=20)[0]
        assert process.returncode == 0
        assert "accepted 500" in text
        assert collect_once(terminals, link).messages == 0


def test_the_embedded_broker_keeps_for_who_is_away(terminals: Path) -> None:
    with EmbeddedBroker() as broker:
        link = on_loopback(link_to(broker.address))
        collect_once(terminals, link)
        send(link, [message(n) for n in range(300)])
        assert collect_once(terminals, link).tally.accepted == 300
    assert stored(terminals)[0] == set(range(300))


def test_the_embedded_broker_says_when_its_port_is_taken() -> None:
    with EmbeddedBroker() as broker, pytest.raises(ServiceError, match="cannot listen on port"):
        EmbeddedBroker(broker.port).__enter__()


def test_rate_is_measured_end_to_end(mosquitto: Broker, tmp_path: Path) -> None:
    with mosquitto() as broker:
        link = link_to(broker.address)
        assert messages_per_s(tmp_path / "c", link, messages=1_000, collecting=link) > 100


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://a", "expected mqtt://"),
        ("mqtt://", "expected mqtt://"),
        ("mqtt://user:secret@host", "must not hold name or password"),
        ("mqtt://host:99999", "expected mqtt://"),
    ],
)
def test_addresses_that_are_none(address: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        link_to(address)
    assert "secret" not in str(error.value)


def test_password_from_file_or_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "password"
    file.write_text("from file\n")
    monkeypatch.setenv("LIFELINE_MQTT_PASSWORD", "from environment")
    assert read_password(file) == "from file"
    assert read_password(None) == "from environment"
    with pytest.raises(InputError, match="--password-file"):
        read_password(tmp_path / "absent")


def test_certificates_need_tls_and_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        link_to("mqtts://host", ca=tmp_path / "absent.pem")
    file = tmp_path / "ca.pem"
    file.write_text("nonsense")
    with pytest.raises(InputError, match="for TLS"):
        link_to("mqtt://host", ca=file)
    with pytest.raises(InputError, match="cannot be used"):
        client_for(link_to("mqtts://host", ca=file), "x", keep=False)


def test_a_device_of_several_quantities_is_one_device(terminals: Path) -> None:
    with collector_for(terminals, link_to("mqtt://127.0.0.1:1")) as collector:
        sensors = {"quantity": ["methane", "temperature"], "unit": ["%VOL", "degC"]}
        index = pd.Index(["D1:methane", "D1:temperature"], name="sensor")
        collector.store.register(pd.DataFrame(sensors, index=index))
        collector = Collector(collector.store, collector.devices, collector.link)
        found = [
            collector._sensor(Reading(device, quantity, 1.0, 0))
            for device, quantity in (
                ("D1", "methane"),
                ("D1:temperature", "temperature"),
                ("T0003", "methane"),
                ("T0003", "temperature"),
            )
        ]
    assert found == ["D1:methane", "D1:temperature", "T0003", "T0003:temperature"]


def test_acknowledging_skips_what_came_on_an_older_connection(terminals: Path) -> None:
    """Its number may be another message's on the new connection."""
    with collector_for(terminals, link_to("mqtt://127.0.0.1:1")) as collector:
        told: list[int] = []
        collector._client.ack = lambda mid, _qos: told.append(mid) or mqtt.MQTT_ERR_SUCCESS
        old = Arrival(0, 5, 1, "t", b"", 0)
        collector._session = 1
        collector._acknowledge([old, old._replace(session=1, mid=6)])
    assert told == [6]


def test_a_collector_flags_what_it_stores(
    terminals: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    with mosquitto() as broker:
        command = [sys.executable, "-m", "lifeline_kit.cli", "collect", "--city", str(terminals)]
        command += ["--broker", broker.address, "--keep-min", "0.01"]
        # the session stands before anything is sent, so that the broker keeps it
        subprocess.run([*command, "--once"], check=True, capture_output=True)
        collector = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            publisher = Publisher(link_to(broker.address), 200, rate=200)
            publisher.thread.start()
            publisher.thread.join(60)
            flags: set[int] = set()
            end = time.monotonic() + 30
            while time.monotonic() < end and not flags & {1, 3, 4}:
                time.sleep(0.3)
                if (terminals / "live" / "hot.sqlite").exists():
                    with LiveStore.open(terminals) as store:
                        flags = set(store.frame(None)["flag"].tolist())
        finally:
            collector.terminate()
            collector.wait(20)
    assert flags & {1, 3, 4}
