"""The contract of a benchmark: rows of metric and value, held against `published.toml`."""

import json
import operator
import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from lifeline_kit.errors import InputError
from lifeline_kit.text import Text

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "within": lambda value, ends: ends[0] <= value <= ends[1],
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a benchmark's function returns: values by metric, and the files it read."""

    values: dict[str, float]
    data: list[str] = field(default_factory=list)
    fitted_on: list[str] = field(default_factory=list)
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """One benchmark. `measure(data, seed)` takes the data root (or None) and a seed."""

    name: str
    title: Text
    measure: Callable[[Path | None, int], Measured]
    needs_data: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Rows of a run, each with target and published figure where there is one."""

    bench: str
    data: list[str]
    fitted_on: list[str]
    rows: list[dict]
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether no target is missed."""
        return all(row["met"] is not False for row in self.rows)


def published() -> dict[str, dict[str, dict]]:
    """Targets and published figures, by bench and metric."""
    file = Path(__file__).with_name("published.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


def hold(bench: Bench, measured: Measured) -> Result:
    """Hold measured values against targets."""
    known = published().get(bench.name, {})
    rows = []
    for metric, value in measured.values.items():
        entry = known.get(metric, {})
        op, target = entry.get("op"), entry.get("target")
        met = None if op is None else bool(_OPERATORS[op](value, 0.0 if target is None else target))
        rows.append(
            {
                "metric": metric,
                "value": value,
                "op": op,
                "target": target,
                "published": entry.get("published"),
                "source": entry.get("source", ""),
                "met": met,
            }
        )
    return Result(
        bench=bench.name,
        data=measured.data,
        fitted_on=measured.fitted_on,
        rows=rows,
        note=measured.note,
    )


def run_bench(
    name: str, *, data: Path | None, seed: int = 2, json_file: Path | None = None
) -> Result:
    """Run one benchmark.

    Parameters
    ----------
    name : str
    data : Path or None
        Root with the sub-folders of the shared benchmark data.
    seed : int
    json_file : Path, optional
        Where the result is written.

    Raises
    ------
    InputError
        Where data are needed and absent, or the file cannot be written.
    """
    from lifeline_kit.bench import BENCHES

    bench = BENCHES[name]
    if bench.needs_data and (data is None or not data.is_dir()):
        raise InputError(
            f"bench {name} needs data; expected --data DIR or $LIFELINE_BENCH_DATA, got {data}."
        )
    result = hold(bench, bench.measure(data, seed))
    if json_file is not None:
        try:
            json_file.write_text(json.dumps(asdict(result), indent=1), encoding="utf-8")
        except OSError as error:
            raise InputError(f"cannot write {json_file}: {error.strerror}.") from error
    return result


def shown_target(target: float | list[float]) -> str:
    """Write a target, or the two ends of one."""
    ends = target if isinstance(target, list) else [target]
    return "-".join(f"{end:g}" for end in ends)


def print_result(result: Result, console: Console) -> None:
    """Print metric, ours, target, published and where published."""
    table = Table("metric", "ours", "target", "published", "where", title=result.bench)
    for row in result.rows:
        mark = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}[row["met"]]
        target = "" if row["op"] is None else f"{row['op']} {shown_target(row['target'])} {mark}"
        shown = "" if row["published"] is None else f"{row['published']:g}"
        table.add_row(row["metric"], f"{row['value']:.4g}", target, shown, row["source"])
    console.print(table)
    if result.note:
        console.print(result.note)
