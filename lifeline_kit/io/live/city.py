"""A city together with its live store."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from lifeline_kit.io.live.rows import Rows, in_order, joined
from lifeline_kit.io.live.store import LiveStore
from lifeline_kit.io.live.trees import node_of
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import nodes, series


def open_live_city(
    folder: str | Path,
    start: np.datetime64 | str | None = None,
    end: np.datetime64 | str | None = None,
) -> City:
    """Open a city folder together with what its live store holds.

    Parameters
    ----------
    folder : path
        City folder; without a `live` in it this is `City.open`.
    start, end : datetime64, optional
        Range of the live readings, start <= time < end; the folder's own are taken whole.

    Returns
    -------
    City
        Of a reading that both hold, the live one stands; sensors that the city does not know are
        left out. The digest names the state of the store,
        so that an examination of it is found again until a reading or flag changes.

    Raises
    ------
    CityError, StoreError
    """
    folder = Path(folder)
    city = City.open(folder)
    if not (folder / "live").is_dir():
        return city
    with LiveStore.open(folder) as store:
        known = [each for each in store.sensors().index if each in city.sensors.index]
        while True:
            version = store.version()
            live = store.readings(start, end, sensors=known)
            if store.version() == version:
                break
    merged = _merged(city, live)
    digest = f"{city.digest}-live-{version}-{start or ''}-{end or ''}"
    return replace(city, readings=merged, digest=digest)


def _merged(city: City, live: xr.DataTree) -> xr.DataTree:
    merged = dict(nodes(city.readings))
    for path, node in nodes(live):
        merged[path] = _united(merged[path], node) if path in merged else node
    return xr.DataTree.from_dict(merged)


def _united(old: xr.Dataset, new: xr.Dataset) -> xr.Dataset:
    """Readings of two nodes of one clock; of a stamp in both the newer one stands."""
    names = sorted(set(old["sensor"].to_numpy()) | set(new["sensor"].to_numpy()))
    code = {name: i for i, name in enumerate(names)}
    parts = []
    for node in (old, new):
        for name in node["sensor"].to_numpy():
            mine = series(node, name)
            parts.append((code[name], mine))
    rows = in_order(
        joined(
            [
                Rows(
                    np.full(mine.time.size, each, dtype=np.int32),
                    mine.time.astype("datetime64[ms]").view(np.int64),
                    mine.value,
                    mine.flag,
                    np.zeros(mine.time.size, dtype=np.uint16),
                )
                for each, mine in parts
            ]
        )
    )
    table = pd.DataFrame({"code": range(len(names))}, index=pd.Index(names, name="sensor"))
    return node_of(rows, table, str(old.attrs["quantity"]))
