"""PreDist: reported faults of 93 real district-heating substations, by the same finder.

Needs the dataset (Zenodo 10.5281/zenodo.17522254) unpacked as `heating/predist/Manufacturer 1` and
`Manufacturer 2`. It could not be fetched where this was written: THE BENCH HAS NOT BEEN RUN ON THE
DATA, only on a hand-written fixture in the same layout. Limits are those of `substations.toml`,
fixed on a synthetic generator; nothing is fitted on PreDist but each substation's own reference,
its recommended training period less known disturbances.

Scored as arXiv 2511.14791: a fault is found if the counter reaches its threshold within the week
before the report; normal accuracy over the hours of normal events. An event whose substation lacks
a channel or enough sound training hours counts as missed (faults) or is left out (normal), and is
counted in `unjudged_events`.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.bench.run import Bench, Measured
from lifeline_kit.errors import InputError
from lifeline_kit.io.predist import PreDist, read_predist, sound_hours, substation_readings
from lifeline_kit.lifelines.heating.substations import finder, judge_substations
from lifeline_kit.methods.criticality import criticality, earliness, event_f_beta, first_reached
from lifeline_kit.methods.heat_meter import Meters
from lifeline_kit.text import Text

_LONGEST_TRAINING = pd.Timedelta(days=730)
_FOLDER = "heating/predist"


def judge_event(
    data: PreDist, event: dict, readings: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray, pd.DatetimeIndex] | None:
    """Judge the hours of one event: raised, judged and their times; None where it cannot be."""
    begin = max(event["training_start"], event["training_end"] - _LONGEST_TRAINING)
    rows = readings.loc[begin : event["end"]]
    if rows.empty:
        return None
    rows = rows.reindex(pd.date_range(rows.index[0], rows.index[-1], freq="1h"))
    time = pd.DatetimeIndex(rows.index)
    sound = sound_hours(data, event["manufacturer"], event["substation"], time)
    meters = Meters(
        time=time.to_numpy().astype("datetime64[ms]"),
        outdoor=rows["outdoor"].interpolate(limit=6).to_numpy(),
        **{name: rows[[name]].to_numpy().T for name in ("supply", "back", "flow", "heat")},
    )
    try:
        judged = judge_substations(meters, sound & (time <= event["training_end"]))
    except InputError:
        return None  # too few sound hours, or a channel that this substation does not have
    tested = (time >= event["start"]) & (time <= event["end"])
    return judged.raised[0, tested], judged.judged[0, tested], time[tested]


def scored(data: PreDist) -> dict[str, float]:
    """Score all events: the metrics of the bench."""
    threshold = finder().criticality
    leads: list[float | None] = []
    false, quiet, hours, unjudged, normal = 0, 0.0, 0.0, 0, 0
    places = data.events[["manufacturer", "substation"]]
    for maker, substation in places.drop_duplicates().itertuples(index=False):
        readings = substation_readings(data, maker, substation)
        own = (places["manufacturer"] == maker) & (places["substation"] == substation)
        for event in data.events[own].to_dict("records"):
            outcome = judge_event(data, event, readings)
            if outcome is None:
                unjudged += 1
                if not event["normal"]:
                    leads.append(None)
                continue
            raised, told, time = outcome
            at = first_reached(criticality(raised, told), threshold)
            if event["normal"]:
                normal += 1
                false += at is not None
                quiet += float((~raised & told).sum())
                hours += float(told.sum())
            else:
                leads.append(None if at is None else _hours(event["end"] - time[at]))
    found = sum(lead is not None for lead in leads)
    early = [lead for lead in leads if lead is not None and lead > 0]
    return {
        "event_f05": event_f_beta(found, len(leads) - found, false),
        "normal_accuracy": quiet / max(hours, 1.0),
        "early_share": len(early) / max(len(leads), 1),
        "mean_lead_d": float(np.mean(early)) / 24.0 if early else 0.0,
        "earliness": float(np.mean([earliness(lead) for lead in leads])) if leads else 0.0,
        "faults": float(len(leads)),
        "normal_events": float(normal),
        "false_events": float(false),
        "unjudged_events": float(unjudged),
    }


def _hours(span: pd.Timedelta) -> float:
    return span.total_seconds() / 3600.0


def _measure(data: Path | None, _: int) -> Measured:
    root = Path(data or ".") / _FOLDER
    tables = read_predist(root)
    return Measured(
        values=scored(tables),
        data=[f"{_FOLDER}/Manufacturer {n}" for n in sorted(set(tables.events["manufacturer"]))],
        fitted_on=["limits: synthetic networks; references: each event's own training period"],
        note="real substations; not run by this project before release, for want of the data",
    )


BENCH = Bench(
    name="predist",
    title=Text("换热站故障（PreDist 实测）", "faulty substations (PreDist, real)"),
    measure=_measure,
    needs_data=True,
)
