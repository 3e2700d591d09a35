"""CPU and size of the monthly report of the small city: HTML, PDF and Word in one process.

The examination is made once, before the clock starts: it has its own benchmark (`examine-cost`).
What is timed is everything after it: the ledger read, the scores with it, libraries of drawing and
layout included.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from lifeline_kit.bench.run import Bench, Measured
from lifeline_kit.demo.build import write_demo
from lifeline_kit.text import Text

_PROBE = """
import json, sys, time
from pathlib import Path
from lifeline_kit.model.city import City
from lifeline_kit.pipeline import examine, moments
city = City.open(sys.argv[1])
period = city.local(moments(city)[1]).strftime("%Y-%m")
import pandas as pd
from lifeline_kit.demo.desk import write_month
examination = examine(city)
truth = pd.read_csv(sys.argv[1] + "-truth.csv", keep_default_na=False)
write_month(city, examination, truth, seed=int(sys.argv[3]))
began = time.process_time(), time.perf_counter()
from lifeline_kit.reports import write_report
from lifeline_kit.reports.period import month
from lifeline_kit.services.books import answered, book_until
book = book_until(city, examination.at.to_datetime64())
examination = answered(city, examination, book)
files = write_report(
    city, examination, Path(sys.argv[2]), period=month(period, city.time_zone),
    formats=["html", "pdf", "docx"], book=book,
)
used = time.process_time() - began[0], time.perf_counter() - began[1]
print(json.dumps([*used, *(file.stat().st_size / 1e6 for file in files)]))
"""


def measure(_data: Path | None, seed: int) -> Measured:
    """Measure one report of the whole city in Chinese."""
    with tempfile.TemporaryDirectory() as folder:
        city = Path(folder) / "small"
        write_demo("small", seed, city)
        command = [sys.executable, "-c", _PROBE, str(city), str(Path(folder) / "out"), str(seed)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    cpu, wall, html, pdf, docx = json.loads(done.stdout.strip().splitlines()[-1])
    return Measured(
        values={
            "cpu_s": cpu,
            "wall_s": wall,
            "html_mb": html,
            "pdf_mb": pdf,
            "docx_mb": docx,
        },
        note="HTML, PDF and DOCX of the small simulated city; a fresh examination is not timed",
    )


BENCH = Bench(
    name="report",
    title=Text("月报的时间与大小", "time and size of the monthly report"),
    measure=measure,
)
