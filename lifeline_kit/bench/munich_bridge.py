"""Load passages and support lowering on recordings of the UniBw Munich test bridge.

No truth file is published. What the file names say is scored: a load test holds at least one
passage and no lasting shift, a lowering holds at least one lasting shift, a reference state
holds neither.
"""

from pathlib import Path

from lifeline_kit.bench.run import Bench, Measured
from lifeline_kit.errors import InputError
from lifeline_kit.io.files import city_from_files
from lifeline_kit.pipeline import examine
from lifeline_kit.text import Text

FITTED_ON = ("support_load_01DMS", "support_load_01Force", "lowering_01DMS", "ReferenceState")


def measure(data: Path | None, _seed: int) -> Measured:
    """Examine every strain and force recording found, one by one."""
    assert data is not None  # the runner has checked it
    files = sorted((data / "bridges" / "munich").glob("*.zip"))
    files = [file for file in files if "DMS" in file.name or "Force" in file.name]
    if not files:
        raise InputError(f"no recordings *.zip in {data / 'bridges' / 'munich'}.")
    right = {"load": [], "lowering": [], "reference": []}
    passages = 0
    for file in files:
        city = city_from_files([file], lifeline="bridges").city
        found = examine(city).findings["rule"].value_counts()
        passes, steps = int(found.get("bridges.passage", 0)), int(found.get("bridges.step", 0))
        passages += passes
        name = file.name.lower()
        if "lowering" in name:
            right["lowering"].append(steps > 0)
        elif "load" in name:
            right["load"].append(passes > 0 and steps == 0)
        elif "reference" in name or "ambient" in name:
            right["reference"].append(steps == 0)
    values: dict[str, float] = {"files": float(len(files)), "passages": float(passages)}
    values |= {f"{kind}_right_share": sum(hits) / len(hits) for kind, hits in right.items() if hits}
    fitted = [file.name for file in files if any(part in file.name for part in FITTED_ON)]
    return Measured(values=values, data=[file.name for file in files], fitted_on=fitted)


BENCH = Bench(
    name="munich-bridge",
    title=Text("慕尼黑试验桥:荷载与沉降", "Munich test bridge: loads and support lowering"),
    measure=measure,
    needs_data=True,
)
