"""CPU and memory of a whole check-up process on the small and, if asked, the full city."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lifeline_kit.bench.run import Bench, Measured
from lifeline_kit.demo.build import write_demo
from lifeline_kit.text import Text

_PROBE = """
import json, resource, sys
from lifeline_kit.cli import main
code = main(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([code, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""
_IMPORT = """
import sys
import lifeline_kit.pipeline
print(sum(name.split('.')[0] in {'panel', 'bokeh', 'holoviews'} for name in sys.modules))
"""


def _process(*arguments: str) -> tuple[float, float, float]:
    """Run the console script as a process of its own: CPU s, wall s, peak MB."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, *arguments], capture_output=True, text=True, check=True
    )
    wall = time.perf_counter() - began
    code, cpu, peak = json.loads(done.stdout.strip().splitlines()[-1])
    if code:
        raise RuntimeError(done.stderr)
    return cpu, wall, peak


def measure(_data: Path | None, seed: int) -> Measured:
    """Measure building and checking up; `LIFELINE_BENCH_FULL=1` adds the full city."""
    values: dict[str, float] = {}
    sizes = ("small", "full") if os.environ.get("LIFELINE_BENCH_FULL") else ("small",)
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            city = Path(folder) / size
            if size == "small":
                write_demo("small", seed, city)
            else:
                build = ("demo", "build", "--size", size, "--seed", str(seed), "--out", str(city))
                cpu, wall, peak = _process(*build)
                values |= {"full_build_cpu_s": cpu, "full_build_wall_s": wall}
                values["full_build_peak_mb"] = peak
            report = ("checkup", "--city", str(city), "--out", str(Path(folder) / "r.html"))
            cpu, wall, peak = _process(*report)
            values |= {f"{size}_checkup_cpu_s": cpu, f"{size}_checkup_wall_s": wall}
            values[f"{size}_checkup_peak_mb"] = peak
    loaded = subprocess.run(
        [sys.executable, "-c", _IMPORT], capture_output=True, text=True, check=True
    )
    values["pipeline_drawing_modules"] = float(loaded.stdout)
    return Measured(values=values, note="whole processes; simulated city")


BENCH = Bench(
    name="examine-cost",
    title=Text("体检的时间与内存", "time and memory of a check-up"),
    measure=measure,
)
