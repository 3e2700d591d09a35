"""Observations of one datastream: a Series seen as columns and as JSON."""

from dataclasses import dataclass
from functools import cached_property
from math import isfinite

import numpy as np

from lifeline_kit.model.readings import Series
from lifeline_kit.services.share.filters import Columns, Node, conjuncts
from lifeline_kit.services.share.problems import absent

COMPONENTS = ("id", "phenomenonTime", "resultTime", "result", "resultQuality")
Span = tuple[np.datetime64 | None, np.datetime64 | None]
_MILLISECOND = np.timedelta64(1, "ms")


@dataclass(frozen=True)
class Observations:
    """Readings of one sensor; an id is ``sensor@milliseconds``."""

    sensor: str
    readings: Series

    @cached_property
    def columns(self) -> Columns:
        """What can be filtered and sorted."""
        size = self.readings.time.size
        sensor = np.empty(size, dtype=object)
        sensor[:] = self.sensor
        return {
            "phenomenonTime": self.readings.time,
            "result": self.readings.value,
            "resultQuality": self.readings.flag.astype(float),
            "Datastream/id": sensor,
        }

    def rows(self, which: np.ndarray) -> list[dict]:
        """The chosen rows as JSON."""
        times = self.readings.time[which]
        stamps = np.datetime_as_string(times, unit="ms")
        numbers = times.astype(np.int64)
        values = shortest(self.readings.value[which])
        return [
            {
                "id": f"{self.sensor}@{number}",
                "phenomenonTime": f"{stamp}Z",
                "resultTime": None,
                "result": value if isfinite(value) else None,
                "resultQuality": int(flag),
            }
            for number, stamp, value, flag in zip(
                numbers, stamps, values, self.readings.flag[which], strict=True
            )
        ]


def shortest(values: np.ndarray) -> list[float]:
    """Single precision as the shortest decimals that read back to the same bits."""
    return [float(text) for text in values.astype(np.float32).astype(str)]


def bounds(node: Node | None) -> Span:
    """Times outside which a filter keeps nothing: ``start <= time < end``."""
    start: np.datetime64 | None = None
    end: np.datetime64 | None = None
    for path, operator, value in conjuncts(node):
        if path != "phenomenonTime" or not isinstance(value, np.datetime64):
            continue
        if operator in {"gt", "ge", "eq"} and (start is None or value > start):
            start = value
        past = value + _MILLISECOND
        if operator in {"lt", "le", "eq"} and (end is None or past < end):
            end = past
    return start, end


def split_id(key: str) -> tuple[str, np.datetime64]:
    """Sensor and time of an observation's id.

    Raises
    ------
    Problem
        404, where it is none.
    """
    sensor, _, number = key.rpartition("@")
    digits = number[1:] if number.startswith("-") else number
    if not sensor or not (digits.isascii() and digits.isdigit()) or len(digits) > 15:
        raise absent("Observations holds no such id; expected sensor@milliseconds.")
    return sensor, np.datetime64(int(number), "ms")
