"""Ledger and outbox under kill -9: nothing acknowledged is lost, nothing stands twice."""

import http.server
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from lifeline_kit.io.ledger import Draft, Ledger
from lifeline_kit.io.ledger.outbox import notices

ROUNDS = 50 if os.environ.get("LIFELINE_SOAK") else 5
NOW = np.datetime64("2026-10-01T08:00", "ms")

# Tries acts 0, 1, 2 … from the beginning, each under its own key, and prints what is acknowledged.
WRITER = """
import sys, numpy as np
from lifeline_kit.io.ledger import Draft, Ledger
now = np.datetime64("2026-10-01T08:00", "ms")
with Ledger.open(sys.argv[1]) as ledger:
    known = ledger.verify().events
    for k in range(max(known // 2 - 3, 0), 10**6):
        ledger.append([
            Draft(entity="warning", item=f"W{k}", act="issue", actor="w", key=f"i{k}",
                  body={"level": 1, "unit": "u", "title_zh": "t"}),
            Draft(entity="warning", item=f"W{k}", act="receive", actor="w", key=f"r{k}"),
        ], now=now)
        print(k, flush=True)
"""


def killed_soon(command: list[str], rng: random.Random) -> list[str]:
    """Start a process, kill it at a random moment after its first words, return what it said."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [process.stdout.readline()]
        time.sleep(rng.uniform(0.0, 0.25))
        process.send_signal(signal.SIGKILL)
        said += process.stdout.read().splitlines()
    return [line for line in said if line.strip()]


@pytest.mark.parametrize("base", ["sqlite", "postgres"])
def test_kill_during_writes_loses_and_doubles_nothing(base, tmp_path, request):
    address: str | Path = tmp_path / "l.sqlite"
    if base == "postgres":
        import sqlalchemy as sa

        server = request.getfixturevalue("postgres")
        engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sa.text("DROP DATABASE IF EXISTS killed WITH (FORCE)"))
            connection.execute(sa.text("CREATE DATABASE killed"))
        engine.dispose()
        address = server.replace("/postgres", "/killed")
    Ledger.open(address, create=True).close()
    rng, acknowledged = random.Random(5), set()
    for _ in range(ROUNDS):
        said = killed_soon([sys.executable, "-c", WRITER, str(address)], rng)
        acknowledged |= {int(line) for line in said if line.strip().isdigit()}
    with Ledger.open(address) as ledger:
        found = ledger.verify()
        assert found.problems == ()
        rows = list(ledger.rows())
    keys = [row["key"] for row in rows]
    assert len(keys) == len(set(keys))
    for k in acknowledged:
        assert {f"i{k}", f"r{k}"} <= set(keys)
    issued, received = ({key[1:] for key in keys if key[0] == first} for first in "ir")
    assert issued == received  # both acts of a transaction, or none


class _Hook(http.server.BaseHTTPRequestHandler):
    """A receiver that drops what it has seen, as its Idempotency-Key tells it."""

    seen: ClassVar[dict] = {}
    calls = 0

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        type(self).calls += 1
        type(self).seen.setdefault(self.headers["Idempotency-Key"], body)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        """Stay silent."""


def test_watches_that_are_killed_send_each_notice_once(tmp_path):
    _Hook.seen, _Hook.calls = {}, 0
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    shipped = Path(__import__("lifeline_kit").__file__).parent / "early_warning" / "duty.toml"
    text = shipped.read_text(encoding="utf-8")
    hook = f'to = "http://127.0.0.1:{server.server_port}/in"'
    duty = tmp_path / "duty.toml"
    duty.write_text(text.replace('to = "file"', hook), encoding="utf-8")
    place = tmp_path / "l.sqlite"
    number = 12
    with Ledger.open(place, create=True) as ledger:
        drafts = [
            Draft(entity="warning", item=f"W{k}", act="issue", actor="t",
                  body={"level": 4, "unit": "u", "title_zh": f"第 {k} 件", "lifeline": "gas"})
            for k in range(number)
        ]  # fmt: skip
        ledger.append(drafts, now=NOW)  # long ago: every step is due at once
    command = [sys.executable, "-m", "lifeline_kit.cli", "watch", "--ledger", str(place),
               "--duty", str(duty), "--every", "0.1"]  # fmt: skip
    rng = random.Random(7)
    try:
        for _ in range(ROUNDS):
            pair = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(2)]
            time.sleep(rng.uniform(1.2, 2.5))
            for process in pair:
                process.send_signal(signal.SIGKILL)
                process.wait()
        with Ledger.open(place) as ledger:
            _lease_over(ledger)
            assert _until_all_is_sent(command, ledger) == [0, 0]
            sent = notices(ledger, limit=1000)
            assert ledger.verify().problems == ()
            told = [row for row in ledger.rows() if row["act"] == "remind"]
    finally:
        server.shutdown()
        server.server_close()
    # three steps unreceived, response, control and closing, for each warning, once
    assert len(told) == len({row["key"] for row in told}) == 6 * number
    assert set(sent["state"]) == {"sent"}
    assert len(sent) == len(_Hook.seen) == 6 * number
    texts = [body["subject"] + body["text"] for body in _Hook.seen.values()]
    assert len(texts) == len(set(texts))


def _until_all_is_sent(command, ledger):
    """Run two watches until the outbox is empty; returns how they ended when asked to."""
    pair = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    for process in pair:  # each ends in order once it says that it watches
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"watching")
    until = time.monotonic() + 60
    while set(notices(ledger)["state"]) != {"sent"} and time.monotonic() < until:
        time.sleep(0.2)
    for process in pair:
        process.terminate()
        process.communicate(timeout=20)
    return [process.returncode for process in pair]


def _lease_over(ledger):
    """What a killed sender held is free after two minutes: make them pass."""
    with ledger.engine.begin() as base:
        base.exec_driver_sql("UPDATE notice SET next = 0 WHERE state = 'sending'")
