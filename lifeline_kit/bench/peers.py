"""Peers live in an environment of their own; a benchmark that needs them moves there.

`.venv-bench` (from `requirements-bench.lock`, by `make bench`) holds lifeline_kit's own
requirements and the peers, so that both run in one process on the same arrays. Its interpreter is
found beside the checkout or in $LIFELINE_BENCH_PYTHON.
"""

import importlib.util
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from lifeline_kit.bench.run import Measured
from lifeline_kit.errors import MissingPartError

_ROOT = Path(__file__).resolve().parents[2]


def installed(modules: Sequence[str]) -> bool:
    """Whether all these modules can be imported here."""
    return all(importlib.util.find_spec(module) is not None for module in modules)


def bench_python() -> Path | None:
    """Find the interpreter of the bench environment, None where there is none."""
    said = os.environ.get("LIFELINE_BENCH_PYTHON")
    python = Path(said) if said else _ROOT / ".venv-bench" / "bin" / "python"
    return python if python.exists() else None


def beside_peers(
    name: str,
    modules: Sequence[str],
    data: Path | None,
    seed: int,
    here: Callable[[], Measured],
) -> Measured:
    """Measure where the peers are: here, or in the bench environment.

    Raises
    ------
    MissingPartError
        Where neither has them, or the other process fails.
    """
    if installed(modules):
        return here()
    python = bench_python()
    if python is None:
        raise MissingPartError(
            f"bench {name} runs beside {', '.join(modules)}, which are not installed; expected "
            "the bench environment .venv-bench; build it with 'make bench-environment', or name "
            "its interpreter in LIFELINE_BENCH_PYTHON."
        )
    return _elsewhere(python, name, data, seed)


def with_peers_if_any(
    name: str,
    modules: Sequence[str],
    data: Path | None,
    seed: int,
    here: Callable[[], Measured],
) -> Measured:
    """Measure beside the peers where they are installed, and alone where they are not."""
    python = bench_python()
    if installed(modules) or python is None:
        return here()
    return _elsewhere(python, name, data, seed)


def _elsewhere(python: Path, name: str, data: Path | None, seed: int) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        command = [str(python), "-m", "lifeline_kit.cli", "bench", name, "--seed", str(seed)]
        command += ["--json", str(result), *(["--data", str(data)] if data else [])]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not result.exists():
            raise MissingPartError(
                f"bench {name} failed in {python}: {done.stderr.strip()[-800:]}; rebuild it with "
                "'make bench-environment'."
            )
        found = json.loads(result.read_text(encoding="utf-8"))
    return Measured(
        values={row["metric"]: row["value"] for row in found["rows"]},
        data=found["data"],
        fitted_on=found["fitted_on"],
        note=found["note"],
    )


def cpu_seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """Median CPU seconds of this process over repeated runs."""
    spent = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return statistics.median(spent)
