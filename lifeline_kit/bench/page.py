"""Write BENCHMARKS.md: every bench that can run here, misses included."""

import os
import platform
import sys
from pathlib import Path

from lifeline_kit.bench import BENCHES, Result, run_bench
from lifeline_kit.bench.run import shown_target
from lifeline_kit.errors import LifelineError


def main() -> int:
    """Run benches and write the page named on the command line.

    Further words name benches: only their sections are written anew.
    """
    target, wanted = Path(sys.argv[1]), sys.argv[2:]
    root = os.environ.get("LIFELINE_BENCH_DATA")
    sections = _sections(target) if wanted else {}
    for name in wanted or BENCHES:
        sections[name] = _section(name, Path(root) if root else None)
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. Simulated cities justify defaults; they are no claim about a",
        "real city. Times are of whole processes on the machine named, which is shared: read them",
        "as orders of magnitude.",
        "",
        f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores.",
    ]
    for name in BENCHES:
        if name in sections:
            lines += ["", f"## {name}", "", *sections[name]]
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


def _sections(page: Path) -> dict[str, list[str]]:
    """What stands on the page now, by bench."""
    parts = page.read_text(encoding="utf-8").split("\n## ")[1:]
    heads = [part.split("\n", 1) for part in parts]
    return {name.strip(): text.strip("\n").split("\n") for name, text in heads}


def _section(name: str, root: Path | None) -> list[str]:
    try:
        result = run_bench(name, data=root)
    except LifelineError as error:
        # the page is published: where the data lay on one machine says nothing to its reader
        said = str(error).replace(str(root), "$LIFELINE_BENCH_DATA") if root else str(error)
        return [f"Not run: {said}"]
    return [f"{BENCHES[name].title('en')}. {result.note}".rstrip(), "", *_table(result)]


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
