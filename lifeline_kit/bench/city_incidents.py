"""Incidents of a simulated city of another seed: found, missed, delay, false warnings.

The rules were set on the city of seed 1; any other seed places other incidents elsewhere. The
city is simulated, so this justifies defaults and is no claim about a real city.
"""

import tempfile
from pathlib import Path

from lifeline_kit.bench.demo import score
from lifeline_kit.bench.run import Bench, Measured
from lifeline_kit.demo.build import build_city
from lifeline_kit.model.city import City
from lifeline_kit.pipeline import examine
from lifeline_kit.text import Text

_SHOWN = ("incidents", "found", "missed", "median_delay_min", "false_per_30_days")


def measure(_data: Path | None, seed: int) -> Measured:
    """Build a small city, examine it, and only then look at the truth."""
    city, truth = build_city("small", seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        stored = City.open(city.save(Path(folder) / "city"))
        examination = examine(stored)
    table = score(
        examination.warnings,
        truth,
        city.assets,
        since=examination.since,
        until=examination.at,
    )
    values = {
        f"{lifeline}_{name}": float(row[name])
        for lifeline, row in table.iterrows()
        for name in _SHOWN
    }
    return Measured(values=values, note=f"simulated, seed {seed}; rules were set on seed 1")


BENCH = Bench(
    name="city-incidents",
    title=Text("模拟城市事件检出", "incidents found in a simulated city of another seed"),
    measure=measure,
)
