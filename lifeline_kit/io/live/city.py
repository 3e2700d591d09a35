"""A city together with its live store."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from lifeline_kit.io.live.rows import Rows, in_order, joined
from lifeline_kit.io.live.store import LiveStore
from lifeline_kit.io.live.trees import node_of
from lifeline_kit.io.store import read_series
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import Series, nodes, series

RECENT_DAYS = 35.0


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
    if not is_live(folder):
        return city
    with LiveStore.open(folder) as store:
        known = [each for each in store.sensors().index if each in city.sensors.index]
        version, live = store.state(start, end, sensors=known)
    merged = _merged(city, live)
    digest = f"{city.digest}-live-{version}-{start or ''}-{end or ''}"
    return replace(city, readings=merged, digest=digest)


def recent_city(folder: str | Path, *, days: float = RECENT_DAYS) -> City:
    """Open a city with the last days of its live store: what an examination looks at.

    Parameters
    ----------
    folder : path
        City folder; without a `live` in it this is `City.open`.
    days : float, default 35 [d]
        Before the newest reading that the store holds.
    """
    if not is_live(folder):
        return City.open(folder)
    with LiveStore.open(folder) as store:
        newest = store.latest()["time"].max()
    if pd.isna(newest):
        return open_live_city(folder)
    return open_live_city(folder, (newest - pd.Timedelta(days=days)).to_datetime64())


def is_live(folder: str | Path) -> bool:
    """Whether a city folder has a live store."""
    return (Path(folder) / "live" / "hot.sqlite").exists()


def live_version(folder: str | Path) -> int:
    """Count of changes of a city's live store, -1 where it has none: cheap to ask often."""
    if not is_live(folder):
        return -1
    with LiveStore.open(folder) as store:
        return store.version()


def recorded_and_live(folder: str | Path, sensors: pd.DataFrame) -> dict[str, Series]:
    """Take the readings of a few sensors out of a city folder and its live store.

    Parameters
    ----------
    folder : path
    sensors : DataFrame, index `sensor`
        Rows of the city's sensors.

    Returns
    -------
    dict of sensor to Series
        Of a stamp that both hold the live reading stands; sensors without any are left out.
    """
    found = read_series(Path(folder), sensors)
    if not is_live(folder):
        return found
    with LiveStore.open(folder) as store:
        known = [each for each in sensors.index if each in store.sensors().index]
        live = store.series(known)
    return found | {name: spliced(found.get(name), new) for name, new in live.items()}


def spliced(old: Series | None, new: Series) -> Series:
    """Put live readings into recorded ones of the same sensor; of one stamp the live one stands."""
    if old is None or not old.time.size:
        return new
    kept = ~np.isin(old.time, new.time)
    time = np.concatenate([old.time[kept], new.time])
    order = np.argsort(time, kind="stable")
    value = np.concatenate([old.value[kept], new.value])
    flag = np.concatenate([old.flag[kept], new.flag])
    return Series(time[order], value[order], flag[order])


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
