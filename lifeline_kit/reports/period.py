"""The month a report is about, in the city's own time."""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lifeline_kit.errors import InputError, ReadingsError
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import stamp
from lifeline_kit.pipeline import moments, until
from lifeline_kit.reports.places import local


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A calendar month.

    Attributes
    ----------
    name : str
        `2026-10`.
    since, until : Timestamp
        UTC without zone; `until` is the first moment of the month after.
    """

    name: str
    since: pd.Timestamp
    until: pd.Timestamp


def month(text: str, time_zone: str) -> Period:
    """Read a month such as `2026-10`.

    Raises
    ------
    InputError
    """
    found = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", text)
    if not found or not "1900" <= found[1] < "2200":
        raise InputError(f"period {text!r} is no month; expected YYYY-MM, for example 2026-10.")
    first = pd.Timestamp(year=int(found[1]), month=int(found[2]), day=1)
    since, after = (
        stamp(
            each.tz_localize(time_zone, ambiguous=True, nonexistent="shift_forward")
            .tz_convert("UTC")
            .tz_localize(None)
            .to_datetime64()
        )
        for each in (first, first + pd.DateOffset(months=1))
    )
    return Period(name=text, since=since, until=after)


def last_moment(city: City, period: Period) -> pd.Timestamp:
    """Last reading within a month: what a report of it is examined up to.

    Not the end of the month: where the data end earlier, every sensor would count as offline.

    Raises
    ------
    ReadingsError
        Where the city has no reading in that month.
    """
    first, last = (stamp(each) for each in moments(city))
    if last >= period.until:
        try:
            _, end = moments(
                until(city, stamp(period.until.to_datetime64() - np.timedelta64(1, "ms")))
            )
        except ReadingsError:
            end = first.to_datetime64()
        reached = stamp(end)
    else:
        reached = last
    if reached < period.since or first >= period.until:
        raise ReadingsError(
            f"there is no reading in {period.name}: the city's data run from "
            f"{local(first, city)} to {local(last, city)} ({city.time_zone}); "
            "name a month within, or leave --period out."
        )
    return reached


def asked_moment(city: City, moment: pd.Timestamp) -> pd.Timestamp | None:
    """Return what to ask `examine` for to get to a moment: nothing at the end of the data.

    Asked for a moment, it reads nothing later, and so never sees the few readings with stamps in
    the future by which it knows a clock that is wrong.
    """
    return None if stamp(moments(city)[1]) == moment else moment
