"""Flag every reading of a city."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from lifeline_kit.model.city import City
from lifeline_kit.model.lifeline import Lifeline
from lifeline_kit.model.readings import (
    ATTENUATED,
    FAIL,
    FLAG_MEANINGS,
    FLAT_LINE,
    FUTURE,
    MISSING,
    PASS,
    RANGE_FAIL,
    RANGE_SUSPECT,
    RATE,
    SPIKE,
    SUSPECT,
    TEST_NAMES,
    Flat,
    flatten,
    nodes,
)
from lifeline_kit.quality.clock import ahead_of

LIMITS = (
    "fail_low",
    "fail_high",
    "low",
    "high",
    "spike",
    "rate",
    "flat_h",
    "attenuated_h",
    "attenuated_range",
    "interval_s",
)
_BURST_S = 1.0  # faster sampling comes in windows: no rate, flat-line or spike limits fit it


def flag_city(city: City, lifelines: Sequence[Lifeline], at: np.datetime64) -> City:
    """Give every reading of a city a flag and the mask of the tests that gave it.

    Parameters
    ----------
    city : City
    lifelines : sequence of Lifeline
        Their measures carry the limits; a sensor's own span (`range_min`, `range_max`) is the
        outer one.
    at : datetime64
        Readings stamped later fail with the test `future_stamp`, and with a few of them the sensor.

    Returns
    -------
    City
        With `flag` (uint8, QARTOD) and `tests` (uint16) in every node; values untouched.
    """
    limits = sensor_limits(city.sensors, lifelines)
    flagged = {
        path: _flag_node(node, limits.reindex(node["sensor"].to_numpy()), at)
        for path, node in nodes(city.readings)
    }
    return city.with_(readings=xr.DataTree.from_dict(flagged))


def sensor_limits(sensors: pd.DataFrame, lifelines: Sequence[Lifeline]) -> pd.DataFrame:
    """Tabulate the limits of each sensor, NaN where a test does not apply: (sensor, limit)."""
    table = pd.DataFrame(np.nan, index=sensors.index, columns=list(LIMITS), dtype=float)
    table["fail_low"] = sensors["range_min"].astype(float)
    table["fail_high"] = sensors["range_max"].astype(float)
    table["interval_s"] = sensors["interval_s"].astype(float)
    for lifeline in lifelines:
        for measure in lifeline.measures:
            rows = (sensors["lifeline"] == lifeline.key) & (sensors["quantity"] == measure.quantity)
            if not rows.any():
                continue
            table.loc[rows, "fail_low"] = table.loc[rows, "fail_low"].clip(lower=measure.fail[0])
            table.loc[rows, "fail_low"] = table.loc[rows, "fail_low"].fillna(measure.fail[0])
            table.loc[rows, "fail_high"] = table.loc[rows, "fail_high"].clip(upper=measure.fail[1])
            table.loc[rows, "fail_high"] = table.loc[rows, "fail_high"].fillna(measure.fail[1])
            table.loc[rows, ["low", "high"]] = measure.suspect
            slow = rows & (sensors["interval_s"] >= _BURST_S)
            for name, limit in (
                ("spike", measure.spike),
                ("rate", measure.rate_per_h),
                ("flat_h", measure.flat_h),
                ("attenuated_h", measure.attenuated_h),
                ("attenuated_range", measure.attenuated_range),
            ):
                table.loc[slow, name] = np.nan if limit is None else limit
    return table


def _flag_node(node: xr.Dataset, limits: pd.DataFrame, at: np.datetime64) -> xr.Dataset:
    flat = flatten(node)
    tests = _tests(flat, limits, at)
    size = node["value"].size
    flag = np.full(size, MISSING, dtype=np.uint8)
    mask = np.zeros(size, dtype=np.uint16)
    flag[flat.position] = flag_of(tests)
    mask[flat.position] = tests
    dims = node["value"].dims
    shape = node["value"].shape
    return node.assign(
        flag=(dims, flag.reshape(shape), _flag_attributes()),
        tests=(dims, mask.reshape(shape), _test_attributes()),
    )


def _tests(flat: Flat, limits: pd.DataFrame, at: np.datetime64) -> np.ndarray:
    tests = screen(flat, kernel_limits(limits))
    tests[ahead_of(flat, at)] |= FUTURE
    return tests


def screen(flat: Flat, limits: np.ndarray) -> np.ndarray:
    """Run the compiled tests over whole series: uint16 (obs,)."""
    from lifeline_kit.quality import kernel  # numba is heavy; who flags nothing need not load it

    return kernel.screen(flat, limits).tests


def kernel_limits(limits: pd.DataFrame) -> np.ndarray:
    """Turn the limits of sensors into the columns of the kernel: (sensor, limit)."""
    from lifeline_kit.quality import kernel

    table = np.full((len(limits), len(kernel.COLUMNS)), np.nan)
    for column, name in (
        (kernel.FAIL_LOW, "fail_low"),
        (kernel.FAIL_HIGH, "fail_high"),
        (kernel.LOW, "low"),
        (kernel.HIGH, "high"),
        (kernel.HEIGHT, "spike"),
    ):
        table[:, column] = limits[name].to_numpy(dtype=float)
    table[:, kernel.RATE_S] = limits["rate"].to_numpy(dtype=float) / 3600.0
    table[:, kernel.FLAT_S] = limits["flat_h"].to_numpy(dtype=float) * 3600.0
    table[:, kernel.QUIET_S] = limits["attenuated_h"].to_numpy(dtype=float) * 3600.0
    table[:, kernel.QUIET_RANGE] = limits["attenuated_range"].to_numpy(dtype=float)
    table[:, kernel.GAP_S] = limits["interval_s"].to_numpy(dtype=float) * 3.0
    table[:, kernel.FLAT_RANGE] = 0.0
    return table


def flag_of(tests: np.ndarray) -> np.ndarray:
    """Turn masks into QARTOD flags: fail before suspect before pass; a gap alone is no fault."""
    flag = np.full(tests.shape, PASS, dtype=np.uint8)
    suspect = RANGE_SUSPECT | SPIKE | RATE | FLAT_LINE | ATTENUATED
    flag[(tests & suspect) > 0] = SUSPECT
    flag[(tests & (RANGE_FAIL | FUTURE)) > 0] = FAIL
    return flag


def _flag_attributes() -> dict[str, object]:
    return {
        "flag_values": np.array(list(FLAG_MEANINGS), dtype=np.uint8),
        "flag_meanings": " ".join(FLAG_MEANINGS.values()),
    }


def _test_attributes() -> dict[str, object]:
    return {
        "flag_masks": np.array(list(TEST_NAMES), dtype=np.uint16),
        "flag_meanings": " ".join(TEST_NAMES.values()),
    }


def mark_doubts(city: City, doubts: pd.DataFrame) -> City:
    """Set the bits of sensors in doubt; what passed becomes suspect.

    Parameters
    ----------
    city : City
        With flags.
    doubts : DataFrame
        From `quality.comparison.doubts`.
    """
    marked = {path: _marked(node, doubts) for path, node in nodes(city.readings)}
    return city.with_(readings=xr.DataTree.from_dict(marked))


def _marked(node: xr.Dataset, doubts: pd.DataFrame) -> xr.Dataset:
    ids = node["sensor"].to_index()
    own = doubts[doubts["sensor"].isin(ids)]
    if own.empty:
        return node
    flat = flatten(node)
    flag = node["flag"].to_numpy().reshape(-1).copy()
    tests = node["tests"].to_numpy().reshape(-1).copy()
    for row in own.itertuples():
        place = int(ids.get_indexer([row.sensor])[0])
        run = slice(flat.starts[place], flat.starts[place + 1])
        first, stop = np.searchsorted(
            flat.time[run], np.array([row.since, row.until], dtype="datetime64[ms]")
        )
        cells = flat.position[run][first:stop]
        tests[cells] |= np.uint16(row.test)
        flag[cells] = np.where(flag[cells] == PASS, SUSPECT, flag[cells])
    shape = node["value"].shape
    return node.assign(
        flag=node["flag"].copy(data=flag.reshape(shape)),
        tests=node["tests"].copy(data=tests.reshape(shape)),
    )


def sparse_flags(city: City) -> pd.DataFrame:
    """List the readings that did not pass: sensor, time, value, flag, tests."""
    parts = []
    for _, node in nodes(city.readings):
        flat = flatten(node)
        flag = node["flag"].to_numpy().reshape(-1)[flat.position]
        tests = node["tests"].to_numpy().reshape(-1)[flat.position]
        bad = flag != PASS
        owner = np.repeat(flat.sensors, np.diff(flat.starts))
        parts.append(
            pd.DataFrame(
                {
                    "sensor": owner[bad],
                    "time": flat.time[bad],
                    "value": flat.value[bad],
                    "flag": flag[bad],
                    "tests": tests[bad],
                }
            )
        )
    columns = ["sensor", "time", "value", "flag", "tests"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
