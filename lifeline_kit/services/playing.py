"""A city's readings as messages, in the order of time."""

import json
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from lifeline_kit.model.city import City
from lifeline_kit.model.readings import flatten, nodes
from lifeline_kit.services.simulator import Sent

READINGS = "lifeline/readings"
_PER_MESSAGE = 200


class Score(NamedTuple):
    """All readings of a city, ordered by time: sensor code, time [ms], value, and their words."""

    sensor: np.ndarray
    time: np.ndarray
    value: np.ndarray
    heads: list[str]  # of each sensor: the JSON before the value
    tails: list[str]  # … between value and time
    topics: np.ndarray  # of each sensor: number of its topic
    names: list[str]  # topics

    @property
    def size(self) -> int:
        """Number of readings."""
        return int(self.time.size)


class Beat(NamedTuple):
    """What is sent at one moment of the city's time."""

    at: np.datetime64
    messages: list[tuple[str, bytes]]
    readings: int


def score_of(
    city: City, start: np.datetime64 | None = None, end: np.datetime64 | None = None
) -> Score:
    """Order the readings of a city by time.

    Parameters
    ----------
    city : City
        With readings.
    start, end : datetime64, optional
        ``start <= time < end``, UTC.
    """
    sensors = city.sensors
    codes = {sensor: code for code, sensor in enumerate(sensors.index)}
    columns: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for _, node in nodes(city.readings):
        flat = flatten(node)
        owner = np.array([codes[sensor] for sensor in flat.sensors], dtype=np.int32)
        sensor = np.repeat(owner, np.diff(flat.starts))
        time = flat.time.astype("datetime64[ms]").astype(np.int64)
        columns.append((sensor, time, flat.value))
    parts = [np.concatenate(each) for each in zip(*columns, strict=True)] if columns else []
    sensor, time, value = parts or (np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0))
    keep = np.ones(time.size, dtype=bool)
    if start is not None:
        keep &= time >= start.astype("datetime64[ms]").astype(np.int64)
    if end is not None:
        keep &= time < end.astype("datetime64[ms]").astype(np.int64)
    topics, numbers = np.unique(sensors["lifeline"].astype(str), return_inverse=True)
    order = np.flatnonzero(keep)
    order = order[np.lexsort((numbers[sensor[order]], time[order]))]
    return Score(
        sensor[order],
        time[order],
        value[order],
        [
            f'{{"device":{json.dumps(str(key))},"quantity":{json.dumps(quantity)},"value":'
            for key, quantity in sensors["quantity"].items()
        ],
        [f',"unit":{json.dumps(unit, ensure_ascii=False)},"time":' for unit in sensors["unit"]],
        numbers,
        [f"{READINGS}/{name}" for name in topics],
    )


def beats(score: Score, *, step_ms: int, extra: list[Sent] | None = None) -> Iterator[Beat]:
    """Cut a score into what is sent together.

    Parameters
    ----------
    score : Score
    step_ms : int [ms]
        Readings of one step of the city's time leave together, at its end.
    extra : list of Sent, optional
        Messages of simulated terminals, in order.
    """
    extra = extra or []
    moments = np.array([each.at for each in extra], dtype="datetime64[ms]").astype(np.int64)
    steps = np.unique(np.concatenate([score.time, moments]) // step_ms)
    starts = np.searchsorted(score.time, steps * step_ms)
    ends = np.searchsorted(score.time, (steps + 1) * step_ms)
    first = np.searchsorted(moments, steps * step_ms)
    last = np.searchsorted(moments, (steps + 1) * step_ms)
    for row, step in enumerate(steps.tolist()):
        messages = list(_messages(score, int(starts[row]), int(ends[row])))
        more = extra[int(first[row]) : int(last[row])]
        messages += [(each.topic, each.payload) for each in more]
        at = np.datetime64((step + 1) * step_ms, "ms")
        yield Beat(at, messages, int(ends[row] - starts[row]) + len(more))


def _messages(score: Score, start: int, end: int) -> Iterator[tuple[str, bytes]]:
    sensor = score.sensor[start:end]
    topic = score.topics[sensor]
    values = score.value[start:end].astype(np.float32).astype(str)  # shortest that reads back
    times = score.time[start:end].tolist()
    order = np.argsort(topic, kind="stable")
    borders = np.flatnonzero(np.diff(topic[order])) + 1
    codes = sensor.tolist()
    for group in np.split(order, borders):
        for begin in range(0, group.size, _PER_MESSAGE):
            rows = group[begin : begin + _PER_MESSAGE].tolist()
            entries = [
                f"{score.heads[codes[r]]}{values[r]}{score.tails[codes[r]]}{times[r]}}}"
                for r in rows
            ]
            yield score.names[int(topic[rows[0]])], f"[{','.join(entries)}]".encode()
