"""Whether one desk can look after its alarms: load, chatter, stale ones, worst sources."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lifeline_kit.early_warning.duty import Desk
from lifeline_kit.methods.alarm_load import AlarmLoad, alarm_load, chattering, stale, top_sources

_COLUMNS = ("rule", "sensor", "asset", "lifeline", "health", "source", "since", "until")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskLoad:
    """What a desk gets.

    Attributes
    ----------
    alarms : DataFrame
        Of `alarm_times`, those within the span: what everything below rests on.
    load : AlarmLoad
    device_share : float
        Of the alarms: those about a device in question; NaN without alarms.
    chatter, stale, top : DataFrame
        See `methods.alarm_load`; a source is a rule at a sensor.
    """

    alarms: pd.DataFrame
    load: AlarmLoad
    device_share: float
    chatter: pd.DataFrame
    stale: pd.DataFrame
    top: pd.DataFrame


def alarm_times(items: pd.DataFrame) -> pd.DataFrame:
    """When devices crossed and left their limits, by their own clocks, not by when it was booked.

    Parameters
    ----------
    items : DataFrame, index `item`
        Alarms, as `Ledger.items` gives them.

    Returns
    -------
    DataFrame, index `item`
        `rule`, `sensor`, `asset`, `lifeline`, `health`, `source`, `since`, `until` (NaT: still on).
    """
    rows = [
        {
            **{name: body.get(name, "") for name in _COLUMNS[:4]},
            "health": bool(body.get("health")),
            "source": f"{body.get('rule', '')} @ {body.get('sensor', '')}",
            "since": body.get("since", opened),
            "until": body.get("ended"),
        }
        for body, opened in zip(items["body"], items["opened"], strict=True)
    ]
    table = pd.DataFrame(rows, columns=list(_COLUMNS), index=items.index)
    times = {
        name: pd.to_datetime(table[name], format="ISO8601").astype("datetime64[ms]")
        for name in ("since", "until")
    }
    return table.assign(health=table["health"].astype(bool), **times)


def desk_load(
    alarms: pd.DataFrame, desk: Desk, *, begin: np.datetime64, end: np.datetime64
) -> DeskLoad:
    """Measure the alarms that came to a desk within [begin, end].

    Parameters
    ----------
    alarms : DataFrame
        Of `alarm_times`; earlier and later ones are left out.
    desk : Desk
    begin, end : datetime64
        UTC.

    Raises
    ------
    InputError
        Where the span is empty.
    """
    own = alarms[alarms["since"].between(pd.Timestamp(begin), pd.Timestamp(end))]
    return DeskLoad(
        alarms=own,
        load=alarm_load(
            own["since"].to_numpy(),
            begin=begin,
            end=end,
            window=np.timedelta64(round(desk.window_min * 60_000), "ms"),
            levels=(desk.acceptable, desk.manageable),
            flood_on=desk.flood_on,
            flood_off=desk.flood_off,
        ),
        device_share=float(own["health"].mean()) if len(own) else np.nan,
        chatter=chattering(
            own,
            window=np.timedelta64(round(desk.chatter_min * 60_000), "ms"),
            times=desk.chatter,
        ),
        stale=stale(own, at=end, hours=desk.stale_h),
        top=top_sources(own),
    )
