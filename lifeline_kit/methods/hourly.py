"""Hourly means of usable readings, one column for each asset."""

import numpy as np
import pandas as pd

from lifeline_kit.methods.rules import usable
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import nodes


def hourly_means(city: City, quantity: str, assets: pd.Index, at: pd.Timestamp) -> pd.DataFrame:
    """Hourly means on a whole clock, (hour, asset); an hour counts when it is over.

    Parameters
    ----------
    city : City
        With flags.
    quantity : str
    assets : Index
        An asset with several sensors of the quantity counts the first.
    at : Timestamp
    """
    sensors = city.sensors[
        (city.sensors["quantity"] == quantity) & city.sensors["asset"].isin(assets)
    ].drop_duplicates("asset")
    lines: dict[str, pd.Series] = {}
    for _, node in nodes(city.readings, quantity):
        flat, keep = usable(node, sensors.index, at.to_datetime64())
        for k in np.flatnonzero(keep).tolist():
            rows = slice(flat.starts[k], flat.starts[k + 1])
            hours = flat.time[rows].astype("datetime64[h]").astype("datetime64[ms]")
            asset = str(sensors["asset"][flat.sensors[k]])
            lines[asset] = pd.Series(flat.value[rows].astype(float)).groupby(hours).mean()
    if not lines:
        return pd.DataFrame(index=pd.DatetimeIndex([]))
    frame = pd.DataFrame(lines).sort_index()
    frame = frame.reindex(pd.date_range(frame.index[0], frame.index[-1], freq="h"))
    return frame[frame.index + pd.Timedelta(hours=1) <= at]
