"""Score warnings on the demo city against the truth of what was injected.

Definition
----------
A warning *matches* an event (an incident or a decoy) where it is of the same lifeline, was issued
between the event's start and one hour after its end, and stands on the event's asset, on the
asset of a sensor that should show the event, or within 300 m of one of them.

* An incident is *found* where a warning matches it; its *delay* is from its start to the first
  matching warning. One warning may find several incidents that overlap in place and time.
* A warning is *false* where it matches neither incident nor decoy: a warning on sewer gas, which
  is no leak, is not false, and finds nothing either. A warning caused by a faulty sensor is false
  and counted a second time under `on_faulty_sensors`.
* False warnings are counted from `since` on (give the end of the time a method needs to learn
  what is usual, by default nothing is left out) and scaled to 30 days.

Truth is read here and nowhere else; nothing in the package but `demo` and this module knows it.
"""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifeline_kit.errors import TableError

NEAR_M = 300.0
GRACE = pd.Timedelta(hours=1)
MONTH_DAYS = 30.0
_NEEDED = ("incident", "class", "lifeline", "asset", "sensors", "start", "end")


def read_truth(truth: pd.DataFrame) -> pd.DataFrame:
    """Parse times of a truth table as read from CSV; `start`, `end` become UTC without zone.

    Raises
    ------
    TableError
        Where a column is missing.
    """
    missing = [column for column in _NEEDED if column not in truth.columns]
    if missing:
        raise TableError(
            f"the truth has no column {missing[0]!r}; expected {', '.join(_NEEDED)}. "
            "It stands beside the city folder as '<city>-truth.csv'."
        )
    times = {
        column: pd.to_datetime(truth[column], utc=True).dt.tz_localize(None)
        for column in ("start", "end")
    }
    return truth.assign(**times)


def matches(warnings: pd.DataFrame, truth: pd.DataFrame, assets: gpd.GeoDataFrame) -> pd.DataFrame:
    """Pair every warning with the events it matches.

    Parameters
    ----------
    warnings : DataFrame, index `warning`
        Columns of `model.tables.WARNING_COLUMNS`; `lifeline`, `asset` and `issued` are read.
    truth : DataFrame
        Of `demo.truth.truth_table`, or read from its CSV.
    assets : GeoDataFrame, index `asset`

    Returns
    -------
    DataFrame
        `warning`, `event`, `class`, `delay_min`, a row per pair.
    """
    truth = read_truth(truth).rename(columns={"class": "category"})
    rows = []
    for lifeline, part in warnings.groupby("lifeline", observed=True):
        geometry = assets.geometry.reindex(part["asset"]).to_numpy()
        issued = part["issued"].to_numpy()
        for event in truth[truth["lifeline"] == lifeline].itertuples():
            in_time = (issued >= event.start.to_datetime64()) & (
                issued <= (event.end + GRACE).to_datetime64()
            )
            if not in_time.any():
                continue
            places = _places(event.asset, event.sensors)
            here = part["asset"].isin(places).to_numpy()
            if event.category != "sensor_fault":
                spot = shapely.multipoints(_points(assets, places))
                here = here | shapely.dwithin(geometry, spot, NEAR_M)
            for row in np.flatnonzero(in_time & here):
                delay = (issued[row] - event.start.to_datetime64()) / np.timedelta64(60, "s")
                rows.append((part.index[row], event.incident, event.category, float(delay)))
    return pd.DataFrame(rows, columns=["warning", "event", "class", "delay_min"])


def _places(asset: str, sensors: object) -> list[str]:
    """Name the assets of an event; a sensor of the demo city is called `<asset>:<what>-<n>`."""
    of_sensors = [name.split(":")[0] for name in str(sensors).split(";") if ":" in name]
    return [asset, *of_sensors]


def _points(assets: gpd.GeoDataFrame, places: list[str]) -> np.ndarray:
    known = assets.geometry.reindex(list(dict.fromkeys(places))).dropna()
    points = known.to_numpy()
    dense = shapely.segmentize(points, NEAR_M / 3)  # a long pipe is near along its whole length
    return shapely.get_coordinates(dense)


def score(
    warnings: pd.DataFrame,
    truth: pd.DataFrame,
    assets: gpd.GeoDataFrame,
    *,
    since: pd.Timestamp | None = None,
    until: pd.Timestamp | None = None,
) -> pd.DataFrame:
    """Score warnings per lifeline; see the module for every definition.

    Parameters
    ----------
    warnings : DataFrame, index `warning`
    truth : DataFrame
    assets : GeoDataFrame, index `asset`
    since, until : Timestamp, optional
        UTC; span over which false warnings are counted, by default from the first to the last
        moment that truth or warnings name.

    Returns
    -------
    DataFrame, index `lifeline`, last row `total`
        `incidents`, `found`, `missed`, `median_delay_min`, `warnings`, `false`,
        `on_faulty_sensors`, `false_per_30_days`.

    Raises
    ------
    TableError
        Where the truth lacks a column.
    """
    truth = read_truth(truth)
    pairs = matches(warnings, truth, assets)
    edges = [truth["start"].min(), truth["end"].max(), *warnings["issued"]]
    since, until = since or min(edges), until or max(edges)
    days = max((pd.Timestamp(until) - pd.Timestamp(since)).total_seconds() / 86_400.0, 1e-9)
    counted = warnings[warnings["issued"].between(since, until)]
    real = pairs[pairs["class"] != "sensor_fault"]
    faulty = set(pairs.loc[pairs["class"] == "sensor_fault", "warning"])
    false = counted[~counted.index.isin(set(real["warning"]))]
    incidents = truth[truth["class"] == "incident"]
    first = pairs[pairs["class"] == "incident"].groupby("event")["delay_min"].min()
    rows = {}
    for lifeline in [*dict.fromkeys(truth["lifeline"].sort_values()), "total"]:
        own = incidents if lifeline == "total" else incidents[incidents["lifeline"] == lifeline]
        wrong = false if lifeline == "total" else false[false["lifeline"] == lifeline]
        issued = counted if lifeline == "total" else counted[counted["lifeline"] == lifeline]
        found = first[first.index.isin(own["incident"])]
        rows[lifeline] = {
            "incidents": len(own),
            "found": len(found),
            "missed": len(own) - len(found),
            "median_delay_min": found.median(),
            "warnings": len(issued),
            "false": len(wrong),
            "on_faulty_sensors": len(wrong.index.intersection(list(faulty))),
            "false_per_30_days": round(len(wrong) / days * MONTH_DAYS, 2),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("lifeline")
