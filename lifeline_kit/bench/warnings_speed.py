"""How many flagged readings a second become graded warnings by the declared rules, on one CPU."""

import time
from pathlib import Path

from lifeline_kit.bench.run import Bench, Measured
from lifeline_kit.demo.build import build_city
from lifeline_kit.early_warning import raise_warnings
from lifeline_kit.lifelines import ALL
from lifeline_kit.methods.rules import diagnose_by_rules
from lifeline_kit.model.readings import flatten, nodes, stamp
from lifeline_kit.model.tables import join_findings
from lifeline_kit.pipeline import moments
from lifeline_kit.quality import flag_city
from lifeline_kit.text import Text


def measure(_data: Path | None, seed: int) -> Measured:
    """Flag a simulated city, then time its rules and the grading, best of three."""
    city, _ = build_city("small", seed=seed)
    at = moments(city)[1]
    flagged = flag_city(city, ALL, at.astype("datetime64[ms]"))
    readings = sum(flatten(node).value.size for _, node in nodes(flagged.readings))
    took, raised = [], 0
    for _ in range(3):
        began = time.process_time()
        findings = join_findings([diagnose_by_rules(each, flagged, stamp(at)) for each in ALL])
        raised = len(raise_warnings(findings, city.assets, ALL))
        took.append(time.process_time() - began)
    return Measured(
        values={
            "readings_per_s": readings / min(took),
            "readings": float(readings),
            "findings": float(len(findings)),
            "warnings": float(raised),
        },
        note="declared rules (limit, rate, residual, shift) of all lifelines; simulated city",
    )


BENCH = Bench(
    name="warnings-speed",
    title=Text("从读数到分级预警的速度", "speed from readings to graded warnings"),
    measure=measure,
)
