"""The truth about what was injected: written beside the city, never into it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lifeline_kit.demo.weather import times_of
from lifeline_kit.text import Text

TRUTH_COLUMNS = (
    "incident",
    "class",  # incident, sensor_fault or decoy
    "lifeline",
    "kind",
    "asset",
    "sensors",  # ids that should show it, ';' between them
    "start",  # UTC
    "end",
    "size",
    "unit",
    "caused_by",
    "note_en",
    "note_zh",
)


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened. `start_h` and `end_h` count hours from the start of the month."""

    key: str
    category: str
    lifeline: str
    kind: str
    asset: str
    sensors: tuple[str, ...]
    start_h: float
    end_h: float
    size: float
    unit: str
    note: Text
    caused_by: str = ""
    place: tuple[float, float] = field(default=(0.0, 0.0))


def truth_table(*events: Sequence[Event]) -> pd.DataFrame:
    """Write events as a table of `TRUTH_COLUMNS`, in the order of time within each class."""
    rows = [event for part in events for event in part]
    ends = times_of(np.array([[event.start_h, event.end_h] for event in rows]))
    ends = ends.astype("datetime64[s]").astype(str)
    table = [
        (
            event.key,
            event.category,
            event.lifeline,
            event.kind,
            event.asset,
            ";".join(event.sensors),
            f"{since}Z",
            f"{until}Z",
            round(event.size, 3),
            event.unit,
            event.caused_by,
            event.note.en,
            event.note.zh,
        )
        for event, (since, until) in zip(rows, ends, strict=True)
    ]
    frame = pd.DataFrame(table, columns=list(TRUTH_COLUMNS))
    return frame.sort_values(["class", "start", "incident"], kind="stable", ignore_index=True)
