"""The ledger: a page with a million events behind it, and kill -9 in the middle of writing."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from lifeline_kit.bench.postgres import postgres, postgres_path
from lifeline_kit.bench.run import Bench, Measured
from lifeline_kit.io.ledger import Draft, Ledger
from lifeline_kit.text import Text

EVENTS = 1_000_000
_BATCH, _ACTS_EACH = 500, 8
_WALK = (
    ("receive", {}),
    ("dispose", {"text": "on site"}),
    ("control", {}),
    ("submit", {}),
    ("recheck", {"basis": "back for 6 h"}),
    ("close", {"verdict": "leak"}),
    ("note", {"text": "filed"}),
)
_BEGIN = np.datetime64("2026-01-01T00:00", "ms")
_WRITER = """
import sys, numpy as np
from lifeline_kit.io.ledger import Draft, Ledger
now = np.datetime64("2026-01-01T00:00", "ms")
with Ledger.open(sys.argv[1]) as ledger:
    for k in range(max(ledger.verify().events - 3, 0), 10**6):
        ledger.append([Draft(entity="warning", item=f"W{k}", act="issue", actor="w", key=f"k{k}",
                             body={"level": 1, "unit": "u", "title_zh": "t"})], now=now)
        print(k, flush=True)
"""


def _filled(path: Path | str, seed: int) -> tuple[float, float]:
    """Fill a ledger; returns events a second of CPU and milliseconds of its first page."""
    rng = np.random.default_rng(seed)
    items = EVENTS // _ACTS_EACH
    began = time.process_time()
    with Ledger.open(path, create=True) as ledger:
        for start in range(0, items, _BATCH):
            drafts = []
            for k in range(start, min(start + _BATCH, items)):
                level = int(rng.integers(1, 5))
                body = {"level": level, "unit": "gas", "title_zh": "泄漏", "lifeline": "gas"}
                acts = [("issue", body), *_WALK]
                if rng.random() < 0.02:  # still open
                    acts = acts[: int(rng.integers(1, 6))]
                drafts += [
                    Draft(entity="warning", item=f"W{k}", act=act, actor="a", body=said)
                    for act, said in acts
                ]
            ledger.append(drafts, now=_BEGIN + np.timedelta64(start, "m"))
        # what those that are open lack, as notes on one
        missing = EVENTS - ledger.verify().events
        note = Draft(entity="warning", item="W0", act="note", actor="a", body={"text": "n"})
        for start in range(0, missing, 5000):
            ledger.append([note] * min(5000, missing - start), now=_BEGIN)
        rate = EVENTS / (time.process_time() - began)
    took = []
    for _ in range(9):
        with Ledger.open(path) as ledger:  # what a page asks for when it is opened
            began = time.perf_counter()
            page, counts = ledger.items(limit=50), ledger.counts()
            ledger.events("warning", str(page.index[0]))
            took.append(1e3 * (time.perf_counter() - began))
            assert counts["n"].sum() > len(page) == 50
    return rate, float(np.median(took))


def _killed(path: Path, rounds: int, seed: int) -> tuple[float, float]:
    """Kill a writer again and again; returns acknowledged events lost, and events doubled."""
    rng, acknowledged = random.Random(seed), set()
    Ledger.open(path, create=True).close()
    for _ in range(rounds):
        command = [sys.executable, "-c", _WRITER, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            first = process.stdout.readline()
            time.sleep(rng.uniform(0.0, 0.3))
            process.send_signal(signal.SIGKILL)
            said = [first, *process.stdout.read().splitlines()]
        acknowledged |= {line.strip() for line in said if line.strip().isdigit()}
    with Ledger.open(path) as ledger:
        problems = ledger.verify().problems
        items = [row["item"] for row in ledger.rows()]
    lost = len(acknowledged - {item[1:] for item in items}) + len(problems)
    return float(lost), float(len(items) - len(set(items)))


def _of_postgres(seed: int) -> dict[str, float]:
    """The same page on PostgreSQL, where its programs are installed."""
    if postgres_path() is None:
        return {}
    with postgres() as address:
        return {"page_query_postgres_ms": _filled(address, seed)[1]}


def measure(_data: Path | None, seed: int) -> Measured:
    """Fill, ask, kill."""
    rounds = 50 if os.environ.get("LIFELINE_BENCH_FULL") else 5
    with tempfile.TemporaryDirectory() as folder:
        rate, page = _filled(Path(folder) / "full.sqlite", seed)
        lost, doubled = _killed(Path(folder) / "killed.sqlite", rounds, seed)
    return Measured(
        values={
            "page_query_ms": page,
            **_of_postgres(seed),
            "lost_events": lost,
            "doubled_events": doubled,
            "events": float(EVENTS),
            "events_appended_per_cpu_s": rate,
            "kills": float(rounds),
        },
        note="SQLite, and PostgreSQL where installed; page: 50 open warnings, counts, the acts of "
        "one; made-up warnings",
    )


BENCH = Bench(
    name="ledger",
    title=Text("预警台账", "ledger of warnings"),
    measure=measure,
)
