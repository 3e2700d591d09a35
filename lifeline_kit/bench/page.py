"""Write BENCHMARKS.md: every bench that can run here, misses included."""

import os
import platform
import sys
from pathlib import Path

from lifeline_kit.bench import BENCHES, Result, run_bench
from lifeline_kit.bench.run import shown_target
from lifeline_kit.errors import LifelineError


def main() -> int:
    """Run all benches and write the page named on the command line."""
    target = Path(sys.argv[1])
    root = os.environ.get("LIFELINE_BENCH_DATA")
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. Simulated cities justify defaults; they are no claim about a",
        "real city. Times are of whole processes on the machine named, which is shared: read them",
        "as orders of magnitude.",
        "",
        f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores.",
    ]
    for name, bench in BENCHES.items():
        try:
            result = run_bench(name, data=Path(root) if root else None)
        except LifelineError as error:
            lines += ["", f"## {name}", "", f"Not run: {error}"]
            continue
        lines += ["", f"## {name}", "", f"{bench.title('en')}. {result.note}".rstrip(), ""]
        lines += _table(result)
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


def _table(result: Result) -> list[str]:
    lines = ["| metric | ours | target | met | published | source |", "|---|---|---|---|---|---|"]
    for row in result.rows:
        target = "" if row["op"] is None else f"{row['op']} {shown_target(row['target'])}"
        met = {True: "yes", False: "**no**", None: ""}[row["met"]]
        published = "" if row["published"] is None else f"{row['published']:g}"
        lines.append(
            f"| {row['metric']} | {row['value']:.4g} | {target} | {met} | {published} "
            f"| {row['source']} |"
        )
    return lines


if __name__ == "__main__":
    sys.exit(main())
