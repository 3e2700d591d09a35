"""Readings: a DataTree, one node per quantity and sampling clock.

A node is a Dataset in one of two CF-1.11 time-series forms:

* dense, dims (sensor, time): all its sensors share the clock; NaN where nothing came;
* contiguous ragged, dims (sensor), (obs): `row_size` (sensor), `time` (obs), for sensors that
  report when they like.

Both hold `value` (float32, raw, never overwritten) and, after quality control, `flag` (uint8,
QARTOD) and `tests` (uint16 bit mask). Times are UTC, datetime64[ms], never snapped.
"""

from collections.abc import Iterator
from typing import NamedTuple, cast

import numpy as np
import pandas as pd
import xarray as xr

from lifeline_kit.errors import ReadingsError
from lifeline_kit.units import canonical
from lifeline_kit.vocabulary import quantity as quantity_of

PASS, NOT_EVALUATED, SUSPECT, FAIL, MISSING = 1, 2, 3, 4, 9
FLAG_MEANINGS = {
    PASS: "pass",
    NOT_EVALUATED: "not_evaluated",
    SUSPECT: "suspect",
    FAIL: "fail",
    MISSING: "missing",
}

# Bits of `tests`: which quality test a reading did not pass.
RANGE_FAIL = 1 << 0
RANGE_SUSPECT = 1 << 1
SPIKE = 1 << 2
RATE = 1 << 3
FLAT_LINE = 1 << 4
GAP = 1 << 5
FUTURE = 1 << 6
ATTENUATED = 1 << 7
NEIGHBOUR = 1 << 8
MULTIVARIATE = 1 << 9
DRIFT = 1 << 10
VARIANCE = 1 << 11
CLOCK = 1 << 12
TEST_NAMES = {
    RANGE_FAIL: "range_fail",
    RANGE_SUSPECT: "range_suspect",
    SPIKE: "spike",
    RATE: "rate_of_change",
    FLAT_LINE: "flat_line",
    GAP: "gap",
    FUTURE: "future_stamp",
    ATTENUATED: "attenuated_signal",
    NEIGHBOUR: "neighbour",
    MULTIVARIATE: "multivariate",
    DRIFT: "drift",
    VARIANCE: "variance_change",
    CLOCK: "clock",
}
UNUSABLE = RANGE_FAIL | SPIKE | FLAT_LINE | FUTURE  # never enter a rule


class Series(NamedTuple):
    """The readings of one sensor: `time` datetime64[ms], `value` float32, `flag` uint8."""

    time: np.ndarray
    value: np.ndarray
    flag: np.ndarray


class Flat(NamedTuple):
    """A node as contiguous runs: sensor `i` owns rows ``starts[i]:starts[i + 1]``.

    `position` leads back into the node (flattened), so that flags can be written there.
    """

    sensors: np.ndarray
    starts: np.ndarray
    time: np.ndarray
    value: np.ndarray
    position: np.ndarray


def dense_node(
    quantity: str, sensors: np.ndarray, time: np.ndarray, value: np.ndarray
) -> xr.Dataset:
    """Build a node whose sensors share one clock.

    Parameters
    ----------
    quantity : str
    sensors : array of str, (sensor,)
    time : datetime64 array, (time,)
        Strictly increasing, UTC.
    value : array, (sensor, time) [canonical unit of the quantity]
    """
    dataset = xr.Dataset(
        {"value": (("sensor", "time"), np.asarray(value, dtype=np.float32))},
        coords={"sensor": np.asarray(sensors, dtype=object), "time": _milliseconds(time)},
    )
    return _described(dataset, quantity)


def ragged_node(
    quantity: str, sensors: np.ndarray, row_size: np.ndarray, time: np.ndarray, value: np.ndarray
) -> xr.Dataset:
    """Build a node of sensors with clocks of their own (CF contiguous ragged array).

    Parameters
    ----------
    row_size : int array, (sensor,)
    time, value : arrays, (obs,)
        The sensors' readings one after another, each in the order of time.
    """
    dataset = xr.Dataset(
        {
            "row_size": ("sensor", np.asarray(row_size, dtype=np.int64)),
            "value": ("obs", np.asarray(value, dtype=np.float32)),
        },
        coords={
            "sensor": np.asarray(sensors, dtype=object),
            "time": ("obs", _milliseconds(time)),
        },
    )
    dataset["row_size"].attrs["sample_dimension"] = "obs"
    return _described(dataset, quantity)


def _milliseconds(time: np.ndarray) -> np.ndarray:
    return np.asarray(time).astype("datetime64[ms]")


def _described(dataset: xr.Dataset, quantity: str) -> xr.Dataset:
    entry = quantity_of(quantity)
    dataset["value"].attrs = {"units": entry.unit, "long_name": entry.title.en}
    if entry.standard_name:
        dataset["value"].attrs["standard_name"] = entry.standard_name
    dataset["sensor"].attrs["cf_role"] = "timeseries_id"
    dataset.attrs = {"Conventions": "CF-1.11", "featureType": "timeSeries", "quantity": quantity}
    return dataset


def is_ragged(node: xr.Dataset) -> bool:
    """Whether a node is in the contiguous ragged form."""
    return "row_size" in node


def nodes(readings: xr.DataTree, quantity: str | None = None) -> Iterator[tuple[str, xr.Dataset]]:
    """Yield path (`pressure/15min`) and Dataset of each node, optionally of one quantity."""
    for node in readings.subtree:
        if "value" not in node.data_vars:
            continue
        if quantity is None or node.attrs["quantity"] == quantity:
            yield node.path.strip("/"), node.to_dataset()


def stamp(moment: str | np.datetime64 | pd.Timestamp) -> pd.Timestamp:
    """Turn a moment that is known to be one into a Timestamp."""
    return cast("pd.Timestamp", pd.Timestamp(moment))


def flatten(node: xr.Dataset) -> Flat:
    """See a node of either form as contiguous runs without NaN."""
    sensors = node["sensor"].to_numpy()
    if is_ragged(node):
        starts = np.concatenate([[0], np.cumsum(node["row_size"].to_numpy())])
        value = node["value"].to_numpy()
        return Flat(sensors, starts, node["time"].to_numpy(), value, np.arange(value.size))
    value = node["value"].to_numpy()
    present = ~np.isnan(value)
    position = np.flatnonzero(present)
    starts = np.concatenate([[0], np.cumsum(present.sum(axis=1))])
    columns = position % value.shape[1]
    return Flat(
        sensors, starts, node["time"].to_numpy()[columns], value.reshape(-1)[position], position
    )


def series(node: xr.Dataset, sensor: str) -> Series:
    """Take the readings of one sensor out of a node, without NaN.

    Raises
    ------
    ReadingsError
        Where the node does not hold the sensor.
    """
    index = np.flatnonzero(node["sensor"].to_numpy() == sensor)
    if not index.size:
        raise ReadingsError(f"sensor {sensor!r} has no readings here; check its id and its clock.")
    row = int(index[0])
    if is_ragged(node):
        start = int(node["row_size"].to_numpy()[:row].sum())
        rows = slice(start, start + int(node["row_size"].to_numpy()[row]))
        time, value = node["time"].to_numpy()[rows], node["value"].to_numpy()[rows]
        flag = node["flag"].to_numpy()[rows] if "flag" in node else None
    else:
        time, value = node["time"].to_numpy(), node["value"].to_numpy()[row]
        flag = node["flag"].to_numpy()[row] if "flag" in node else None
    if flag is None:
        flag = np.full(value.shape, NOT_EVALUATED, dtype=np.uint8)
    here = ~np.isnan(value)
    return Series(time[here], value[here], flag[here])


def check_readings(readings: xr.DataTree, sensors: pd.DataFrame | None = None) -> xr.DataTree:
    """Check every node: known quantity, canonical unit, increasing time, finite values, unique ids.

    Parameters
    ----------
    readings : DataTree
    sensors : DataFrame, index `sensor`, optional
        With them, every reading must be of one of them, and each of them in one node.

    Raises
    ------
    ReadingsError
    """
    for path, node in nodes(readings):
        key = node.attrs.get("quantity", "")
        expected = quantity_of(key).unit
        found = node["value"].attrs.get("units", "")
        if not found or canonical(found) != expected:
            raise ReadingsError(
                f"readings {path!r} are in {found or 'no unit'}, {key} needs {expected}; "
                f'convert with units.convert(values, "{found}", "{expected}").'
            )
        ids = node["sensor"].to_index()
        if not ids.is_unique:
            raise ReadingsError(
                f"readings {path!r}: sensor {ids[ids.duplicated()][0]!r} stands more than once; "
                "give each sensor one row."
            )
        value = node["value"].to_numpy()
        if np.isinf(value).any():
            where = np.unravel_index(int(np.argmax(np.isinf(value))), value.shape)
            raise ReadingsError(
                f"readings {path!r} hold an infinite value at {tuple(map(int, where))}; "
                "expected finite numbers or NaN; mend or remove it."
            )
        _check_order(path, node)
    if sensors is not None:
        _check_owners(readings, sensors)
    return readings


def _check_owners(readings: xr.DataTree, sensors: pd.DataFrame) -> None:
    home: dict[str, str] = {}
    for path, node in nodes(readings):
        ids = node["sensor"].to_index()
        stray = ids[~ids.isin(sensors.index)]
        if len(stray):
            raise ReadingsError(
                f"readings {path!r}: sensor {stray[0]!r} is not in the sensors "
                f"({len(stray)} in all); add it there or remove its readings."
            )
        twice = [sensor for sensor in ids if sensor in home]
        if twice:
            raise ReadingsError(
                f"readings {path!r}: sensor {twice[0]!r} also stands in {home[twice[0]]!r}; "
                "give each sensor one node."
            )
        home |= dict.fromkeys(ids, path)


def _check_order(path: str, node: xr.Dataset) -> None:
    flat_time = node["time"].to_numpy()
    if np.isnat(flat_time).any():
        raise ReadingsError(f"readings {path!r} hold a missing time; remove those rows.")
    steps = np.diff(flat_time)
    if is_ragged(node):
        borders = np.cumsum(node["row_size"].to_numpy())[:-1]
        inside = np.ones(steps.size, dtype=bool)
        inside[borders[(borders > 0) & (borders <= steps.size)] - 1] = False
        steps = steps[inside]
    if (steps <= np.timedelta64(0, "ms")).any():
        raise ReadingsError(
            f"readings {path!r} are not in the order of time or hold a time twice; "
            "sort them and keep one reading per sensor and time."
        )
