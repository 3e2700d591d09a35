"""The make-up of a city's plants: usual level, what is above it now, and since when."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lifeline_kit.errors import InputError
from lifeline_kit.lifelines.heating.hourly import HOUR, hourly
from lifeline_kit.lifelines.heating.makeup import (
    Leak,
    Watch,
    makeup_leak,
    settings,
    watch_makeup,
)
from lifeline_kit.model.city import City


@dataclass(frozen=True)
class PlantMakeup:
    """Make-up of one plant.

    Attributes
    ----------
    plant : str
    flow : Series, index time [m3/h]
        Hourly.
    watch : Watch or None
        None where the history is too short to know what is usual; `leak` then is None as well.
    times : array, (block,)
        End of each judged block.
    leak : Leak or None
    named : bool array, (block,)
        Raised, and not smaller than what a city names a leak.
    """

    plant: str
    flow: pd.Series
    watch: Watch | None
    times: np.ndarray
    leak: Leak | None
    named: np.ndarray


def plant_makeup(city: City, lifeline: str, at: np.datetime64) -> Iterator[PlantMakeup]:
    """Watch the make-up of every plant that measures it, expansion taken out where it can be."""
    makeup = hourly(city, lifeline, "makeup_flow", at)
    if makeup.empty:
        return
    clock = pd.date_range(makeup.index[0], makeup.index[-1], freq="1h")
    mean = _mean_water(city, lifeline, at, clock)
    limits = settings()["makeup"]
    first = round(limits["reference_days"] * 24)
    none = np.zeros(0, dtype=bool)
    for plant in makeup.columns:
        series = makeup[plant].reindex(clock)
        flow = series.to_numpy()
        try:
            watch = watch_makeup(flow[:first], None if mean is None else mean[:first], step_h=1.0)
        except InputError:
            yield PlantMakeup(str(plant), series, None, none, None, none)
            continue
        _, leak = makeup_leak(watch, flow[first:], None if mean is None else mean[first:])
        times = clock.to_numpy()[first:][leak.last] + HOUR
        named = leak.raised & (leak.leak_m3_h >= limits["least_m3_h"])
        yield PlantMakeup(str(plant), series, watch, times, leak, named)


def _mean_water(
    city: City, lifeline: str, at: np.datetime64, clock: pd.DatetimeIndex
) -> np.ndarray | None:
    supply = hourly(city, lifeline, "supply_temperature", at)
    back = hourly(city, lifeline, "return_temperature", at)
    if supply.empty or back.empty:
        return None
    middle = 0.5 * (supply.median(axis=1) + back.median(axis=1))
    return middle.reindex(clock).interpolate(limit_direction="both").to_numpy()
