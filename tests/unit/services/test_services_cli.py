"""The commands collect, replay and share as a user types them."""

import argparse
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest

from lifeline_kit.bench.mosquitto import Mosquitto
from lifeline_kit.cli import collect, replay, share
from lifeline_kit.cli.collect import words
from lifeline_kit.cli.console import OK
from lifeline_kit.errors import CityError, InputError, LifelineError, ServiceError
from lifeline_kit.io.live import LiveStore
from lifeline_kit.services.collect import Stats
from lifeline_kit.services.link import Link, begin, client_for, link_to

PROGRAM = (
    "import sys, argparse; from lifeline_kit.cli import share;"
    "p = argparse.ArgumentParser(); share.add(p.add_subparsers());"
    "o = p.parse_args(); sys.exit(o.command(o))"
)


def lifeline(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    for module in (collect, replay, share):
        module.add(commands)
    options = parser.parse_args([str(each) for each in arguments])
    return options.command(options)


def test_replay_in_one_command(
    city_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    span = ("--start", "2026-10-01", "--end", "2026-10-02T08:00+08:00")
    assert lifeline("replay", "--city", city_folder, "--speed", "max", *span) == OK
    text = capsys.readouterr()
    found = re.search(r"sent (\d+) readings in \d+ messages", text.out)
    assert found is not None
    assert int(found[1]) > 4 * 96  # the city's, and the terminal's
    assert "opened: SIM-terminal-1" in text.out
    assert "lifeline serve --city tiny-live" in text.err.replace("\n", " ")
    with LiveStore.open(tmp_path / "tiny-live") as store:
        assert len(store.latest()) == 5
        assert store.series(["p1"])["p1"].time[-1] < np.datetime64("2026-10-02")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("collect", "--city", "c"), "--broker mqtt://HOST:PORT or --embedded"),
        (("collect", "--city", "c", "--broker", "mqtt://h", "--embedded"), "expected either"),
        (("collect", "--city", "c", "--broker", "mqtt://h"), "is no folder"),
        (("collect", "--city", "c", "--broker", "mqtt://h", "--batch-s", "60"), "--batch-s"),
        (("collect", "--city", "c", "--broker", "mqtt://h", "--topic", "a/#/b"), "--topic 'a/#/b'"),
        (("collect", "--city", "c", "--broker", "mqtt://h", "--topic", ""), "--topic ''"),
        (("collect", "--city", "c", "--embedded", "--port", "99999"), "port 99999"),
        (("share", "--city", "c", "--public-url", "x"), "--public-url 'x'"),
        (("replay", "--city", "c", "--speed", "fast"), "--speed 'fast'"),
        (("replay", "--city", "c", "--start", "noon"), "--start 'noon'"),
        (("replay", "--city", "c"), "is no folder"),
        (("share",), "expected --city DIR"),
        (("share", "--city", "c", "--rate", "0"), "--rate 0"),
        (("share", "--city", "c", "--host", "0.0.0.0"), "no --tokens FILE"),
        (("share", "--city", "c", "--port", "70000"), "cannot listen"),
        (("share", "token", "list", "--tokens", "none.json"), "cannot read the tokens"),
    ],
)
def test_what_cannot_work_is_said(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(LifelineError, match=said):
        lifeline(*arguments)


def test_collect_leaves_when_told(
    terminals: Path, mosquitto: Callable[..., Mosquitto], capsys
) -> None:
    with mosquitto() as broker:
        arguments = ("collect", "--city", terminals, "--broker", broker.address, "--for", 0.6)
        assert lifeline(*arguments) == OK
    assert "0 messages, 0 readings: accepted 0" in capsys.readouterr().out


def test_embedded_says_what_it_is(terminals: Path, capsys) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert lifeline("collect", "--city", terminals, "--embedded", "--port", port, "--once") == OK
    assert "nothing kept on disk" in capsys.readouterr().err


def test_status_line() -> None:
    stats = Stats(messages=3, rejected=1, tampered={"T1"})
    text = words(stats)
    assert "accepted 0, duplicate 0, revised 0, late 0, rejected 1, queue 0, last -" in text
    assert "opened 1 (broker away)" in text


def test_tokens_are_kept_and_shown_once(tmp_path: Path, capsys) -> None:
    file = tmp_path / "tokens[x].json"
    add = ("share", "token", "add", "bureau", "--scope", "read:things", "--tokens", file)
    assert lifeline(*add) == OK
    secret = capsys.readouterr().out.strip()
    assert secret.startswith("lk_")
    with pytest.raises(InputError, match="taken"):
        lifeline(*add)
    assert lifeline("share", "--tokens", file, "token", "list") == OK
    shown = capsys.readouterr().out
    assert "bureau" in shown
    assert secret not in shown
    assert lifeline("share", "token", "remove", "bureau", "--tokens", file) == OK


def test_share_serves_and_leaves_on_sigterm(city_folder: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ["share", "--city", str(city_folder), "--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    answer = None
    end = time.monotonic() + 30
    while answer is None and time.monotonic() < end:
        try:
            answer = httpx.get(f"http://127.0.0.1:{port}/v1.1/Things?$count=true&$top=0")
        except httpx.TransportError:
            time.sleep(0.1)
    assert answer is not None
    assert answer.json() == {"@iot.count": 6, "value": []}
    assert "server" not in answer.headers
    process.terminate()
    _, errors = process.communicate(timeout=20)
    assert b"Traceback" not in errors


def test_ids_from_outside_are_no_markup(
    terminals: Path, mosquitto: Callable[..., Mosquitto], capsys
) -> None:
    opened = {"device": "[/red]", "time": 1_790_000_000_000, "tamper": True}
    with mosquitto() as broker:
        arguments = ("collect", "--city", terminals, "--broker", broker.address, "--once")
        assert lifeline(*arguments) == OK  # now the broker keeps its session
        publish(link_to(broker.address), "lifeline/readings/x", json.dumps(opened).encode())
        assert lifeline(*arguments) == OK
    assert "opened: [/red]" in capsys.readouterr().out


def publish(link: Link, topic: str, payload: bytes) -> None:
    client = client_for(link, "sender", keep=False)
    begin(client, link, keep=False)
    client.publish(topic, payload, 1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def test_a_broker_that_was_never_there(terminals: Path, city_folder: Path) -> None:
    nowhere = ("--broker", "mqtt://127.0.0.1:1")
    with pytest.raises(ServiceError, match="cannot be reached; nothing was taken"):
        lifeline("collect", "--city", terminals, *nowhere, "--for", 0.3)
    begun = time.monotonic()
    with pytest.raises(ServiceError, match=r"does not take readings \(Connection refused\)"):
        lifeline("replay", "--city", city_folder, *nowhere)
    assert time.monotonic() - begun < 10, "what cannot be reached is told at once"


def test_replay_collects_into_no_other_city(city_folder: Path, terminals: Path) -> None:
    with pytest.raises(InputError, match="is the city that is played"):
        lifeline("replay", "--city", city_folder, "--into", city_folder)
    with pytest.raises(CityError, match="is a city without 5 of the sensors"):
        lifeline("replay", "--city", city_folder, "--into", terminals)
