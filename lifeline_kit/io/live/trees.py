"""Live readings as the nodes of a city's DataTree."""

import numpy as np
import pandas as pd
import xarray as xr

from lifeline_kit.io.live.rows import Rows
from lifeline_kit.model.readings import MISSING, dense_node, ragged_node

_FULL = 0.5  # a dense node is worth it where more than half of its cells hold a reading


def tree(rows: Rows, sensors: pd.DataFrame, *, flags: bool = False) -> xr.DataTree:
    """Ordered rows as nodes by each sensor's clock.

    Parameters
    ----------
    rows : Rows
    sensors : DataFrame, index `sensor`
        Columns code, quantity, clock. A sensor without a quantity has no node.
    flags : bool, default False
        Give the nodes the `flag` and `tests` of the rows as well.
    """
    known = sensors[sensors["quantity"].notna()]
    clock = known["clock"].where(known["clock"].notna(), known["quantity"] + "/event")
    found = {}
    present = np.unique(rows.sensor)
    for path, group in known.groupby(clock):
        group = group[group["code"].isin(present)]
        for quantity, mine in group.groupby("quantity"):
            name = str(path) if group["quantity"].nunique() == 1 else f"{quantity}/{path}"
            found[name] = node_of(rows, mine, str(quantity), flags=flags)
    return xr.DataTree.from_dict(found)


def node_of(rows: Rows, sensors: pd.DataFrame, quantity: str, *, flags: bool = False) -> xr.Dataset:
    """One node of some sensors (column code): dense where they share their stamps, else ragged."""
    codes = sensors["code"].to_numpy(dtype=np.int64)
    starts = np.searchsorted(rows.sensor, codes, side="left")
    ends = np.searchsorted(rows.sensor, codes, side="right")
    sizes = ends - starts
    which = np.concatenate([np.arange(a, b) for a, b in zip(starts, ends, strict=True)])
    time, value = rows.time[which], rows.value[which]
    names = sensors.index.to_numpy(dtype=object)
    axis = np.unique(time)
    if time.size <= _FULL * axis.size * codes.size:
        node = ragged_node(quantity, names, sizes, time.view("datetime64[ms]"), value)
        if not flags:
            return node
        return node.assign(flag=("obs", rows.flag[which]), tests=("obs", rows.tests[which]))
    cells = np.repeat(np.arange(codes.size), sizes), np.searchsorted(axis, time)
    cube = np.full((codes.size, axis.size), np.nan, dtype=np.float32)
    cube[cells] = value
    node = dense_node(quantity, names, axis.view("datetime64[ms]"), cube)
    if not flags:
        return node
    flag = np.full(cube.shape, MISSING, dtype=np.uint8)
    tests = np.zeros(cube.shape, dtype=np.uint16)
    flag[cells], tests[cells] = rows.flag[which], rows.tests[which]
    return node.assign(flag=(("sensor", "time"), flag), tests=(("sensor", "time"), tests))
