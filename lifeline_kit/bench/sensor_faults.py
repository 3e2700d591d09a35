"""Sensor faults of a simulated city of another seed: found by kind, and sensors doubted wrongly.

Found: a finding about the sensor itself between the fault's start and its end or one day later.
Wrong: a finding about a sensor that has no fault and shows no incident. Thresholds were set on
the city of seed 1; the city is simulated.
"""

import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from lifeline_kit.bench.demo import read_truth
from lifeline_kit.bench.run import Bench, Measured
from lifeline_kit.demo.build import build_city
from lifeline_kit.model.city import City
from lifeline_kit.pipeline import examine
from lifeline_kit.text import Text


def scored(findings: pd.DataFrame, truth: pd.DataFrame) -> dict[str, float]:
    """Count faults found by kind, and sensors doubted without reason.

    Parameters
    ----------
    findings : DataFrame
        Of an examination; only those about sensors count.
    truth : DataFrame
        As the demo writes it.
    """
    about = findings[findings["health"].astype(bool)]
    truth = read_truth(truth)
    faults = truth[truth["class"] == "sensor_fault"]
    values: dict[str, float] = {}
    for kind, rows in faults.groupby("kind"):
        found = sum(_found(about, row) for row in rows.itertuples())
        values[f"{kind}_faults"] = float(len(rows))
        values[f"{kind}_found"] = float(found)
    reasons = {name for each in truth["sensors"].astype(str) for name in each.split(";")}
    doubted = set(about["sensor"])
    values["all_faults"] = float(len(faults))
    values["all_found"] = sum(v for k, v in values.items() if k.endswith("_found"))
    values["doubted_wrongly"] = float(len(doubted - reasons))
    values["doubted_in_incidents"] = float(
        len(doubted & (reasons - {n for each in faults["sensors"] for n in str(each).split(";")}))
    )
    return values


def _found(about: pd.DataFrame, fault: Any) -> bool:
    own = about[about["sensor"].isin(str(fault.sensors).split(";"))]
    late = pd.Timestamp(fault.end) + pd.Timedelta(days=1)
    until = own["until"].fillna(pd.Timestamp.max.floor("s"))
    return bool(((own["since"] <= late) & (until >= fault.start)).any())


def _measure(_data: Path | None, seed: int) -> Measured:
    city, truth = build_city("small", seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        examination = examine(City.open(city.save(Path(folder) / "city")))
    return Measured(
        values=scored(examination.findings, truth),
        note=f"simulated, seed {seed}, {len(city.sensors)} sensors; set on seed 1",
    )


BENCH = Bench(
    name="sensor-faults",
    title=Text("模拟城市传感器故障检出", "sensor faults found in a simulated city of another seed"),
    measure=_measure,
)
