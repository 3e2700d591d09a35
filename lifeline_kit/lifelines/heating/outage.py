"""If the heat stopped now: hours left in the homes of each substation, and who comes first.

A city rarely knows its buildings. Homes around a substation count as one building of the usual kind
for its year; rooms that are measured say how warm it is, the class says how fast it cools. What was
assumed is stored with the result.
"""

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.spatial import KDTree

from lifeline_kit.lifelines.heating.homes import (
    Home,
    boiler_kw,
    cold_homes,
    settings,
    unmeasured_home,
)
from lifeline_kit.lifelines.heating.hourly import hourly
from lifeline_kit.lifelines.heating.supply import told
from lifeline_kit.methods.buildings import Drive
from lifeline_kit.methods.rules import usable, utc_offset
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import nodes
from lifeline_kit.text import Text

_AGES = ((1986, "before_1986"), (2001, "1986_2000"), (2013, "2000_2012"), (9999, "after_2012"))


@dataclass(frozen=True)
class Outage:
    """What an outage from now on would do.

    Attributes
    ----------
    groups : DataFrame, index `group`, whom to help first on top
        `name_zh`, `name_en`, `people`, `vulnerable`, `age`, `room_c`, `rooms` (measured, 0: the
        city's median or a stated value), `hours_18`, `early`, `late`, `hours_12` (infinite: beyond
        the horizon), `blankets_18`, `blankets_12` (for the vulnerable below 18 degC, for the
        others below 12), `boiler_kw`.
    outdoor_c : float [degC]
        Mean of the day that is repeated; NaN where no air temperature is measured.
    assumed, missing : tuple of Text
    """

    groups: pd.DataFrame
    outdoor_c: float
    assumed: tuple[Text, ...]
    missing: tuple[Text, ...]


def outage(city: City, at: np.datetime64) -> Outage | None:
    """Judge an outage of all heat from now on; None where the city has no substation.

    Parameters
    ----------
    city : City
        Readings with flags.
    at : datetime64
        Nothing later is read.
    """
    own = city.assets[(city.assets["lifeline"] == "heating")]
    own = own[(own["kind"] == "substation") & own.geometry.notna()]
    if own.empty:
        return None
    groups, missing = _groups(own, city)
    measured = _rooms(city, own, at)
    ahead = _ahead(city, at)
    if ahead is None:
        missing.append(Text("没有气温测点，无法推算降温时间", "no air temperature: hours not told"))
        return Outage(groups, np.nan, (), tuple(missing))
    limits = told()["outage"]
    usual = float(measured["room_c"].median()) if len(measured) else limits["room_c"]
    groups["rooms"] = measured["rooms"].reindex(groups.index).fillna(0).astype(int)
    groups["room_c"] = measured["room_c"].reindex(groups.index).fillna(usual)
    table = _judged(groups, ahead)
    unread = int((table["rooms"] == 0).sum())
    if unread:
        missing.append(
            Text(
                f"{unread} 座换热站没有可用室温，取 {usual:.1f} °C",
                f"{unread} substations have no usable room temperature; {usual:.1f} °C taken",
            )
        )
    mean = float(ahead.outdoor.mean())
    return Outage(table, mean, _assumed(table, mean), tuple(missing))


def _groups(own: gpd.GeoDataFrame, city: City) -> tuple[pd.DataFrame, list[Text]]:
    """Homes by substation: people of the nearest cells, class of the pipes around."""
    groups = pd.DataFrame(index=pd.Index(own.index.astype(object), name="group"))
    for name in ("name_zh", "name_en"):
        groups[name] = own[name].fillna("").to_numpy() if name in own else ""
    groups["age"] = [age_class(value) for value in _years(own, city.assets)]
    groups["people"], groups["vulnerable"] = 0.0, 0.0
    cells = areas = city.areas
    if len(areas):
        finest = "cell" if (areas["level"] == "cell").any() else "district"
        cells = areas[areas["level"] == finest]
    if not len(cells) or "population" not in cells:
        return groups, [Text("没有人口分布，未计人数", "no population by area: people not counted")]
    nearest = _nearest(own, cells.geometry.to_numpy())
    for name in ("population", "vulnerable"):
        values = cells[name].to_numpy(float) if name in cells else np.zeros(len(cells))
        column = "people" if name == "population" else name
        groups[column] = np.bincount(nearest, weights=np.nan_to_num(values), minlength=len(own))
    return groups, []


def _years(own: gpd.GeoDataFrame, assets: gpd.GeoDataFrame) -> np.ndarray:
    """Median year of the pipes nearest to each substation: streets are as old as their houses."""
    if "year" not in assets:
        return np.full(len(own), np.nan)
    pipes = assets[(assets["kind"] == "pipe") & assets["year"].notna() & assets.geometry.notna()]
    if pipes.empty:
        return np.full(len(own), np.nan)
    nearest = _nearest(own, pipes.geometry.to_numpy())
    by = pipes["year"].astype(float).groupby(nearest).median()
    return by.reindex(np.arange(len(own))).to_numpy()


def age_class(year: float) -> str:
    """Class of buildings of a year, a key of `homes.settings()["ages"]`."""
    if not np.isfinite(year):
        return str(told()["outage"]["default_age"])
    return next(name for before, name in _AGES if year < before)


def _nearest(own: gpd.GeoDataFrame, shapes: np.ndarray) -> np.ndarray:
    """Number of the substation nearest to the middle of each shape."""
    at = shapely.get_coordinates(shapely.centroid(own.geometry.to_numpy()))
    return KDTree(at).query(shapely.get_coordinates(shapely.centroid(shapes)))[1]


def _rooms(city: City, own: gpd.GeoDataFrame, at: np.datetime64) -> pd.DataFrame:
    """Median of the rooms around each substation over the last hours: `room_c`, `rooms`."""
    sensors = city.sensors[city.sensors["quantity"] == "room_temperature"]
    sensors = sensors[sensors.geometry.notna()]
    since = at - np.timedelta64(round(told()["outage"]["recent_h"] * 3600), "s")
    found: dict[str, float] = {}
    for _, node in nodes(city.readings, "room_temperature"):
        flat, keep = usable(node, sensors.index, at)
        for k in np.flatnonzero(keep):
            rows = slice(flat.starts[k], flat.starts[k + 1])
            last = flat.value[rows][flat.time[rows] > since]
            if last.size:
                found[str(flat.sensors[k])] = float(np.median(last))
    if not found:
        return pd.DataFrame({"room_c": [], "rooms": []}, dtype=float)
    nearest = _nearest(own, sensors.geometry.loc[list(found)].to_numpy())
    by = pd.Series(list(found.values())).groupby(own.index.to_numpy(object)[nearest])
    return pd.DataFrame({"room_c": by.median(), "rooms": by.size()})


def _ahead(city: City, at: np.datetime64) -> Drive | None:
    """Repeat the last day's weather, without sun."""
    air = hourly(city, None, "air_temperature", at)
    if air.empty:
        return None
    last = air.median(axis=1).resample("1h").mean().interpolate(limit=6).dropna().tail(24)
    if last.size < 24 or last.index[-1] < pd.Timestamp(at) - pd.Timedelta(hours=12):
        return None
    hours = round(told()["outage"]["horizon_h"])
    local = last.index[0] + pd.Timedelta(utc_offset(city.time_zone, at))
    return Drive(
        hour=(local.hour + np.arange(hours)) % 24.0,
        heat=np.zeros(hours),
        outdoor=np.tile(last.to_numpy(), hours // 24 + 1)[:hours],
        sun=np.zeros(hours),
    )


def _judged(groups: pd.DataFrame, ahead: Drive) -> pd.DataFrame:
    limits, needs = told()["outage"], settings()["needs"]
    homes = [_home(str(group), row, ahead) for group, row in groups.iterrows()]
    cold = cold_homes(homes, ahead, back_after_h=limits["back_after_h"])
    coldest = float(ahead.outdoor.min())
    table = groups.loc[cold.index].copy()
    table.index.name = "group"
    table["hours_18"], table["hours_12"] = cold["hours_18"], cold["hours_12"]
    table["early"], table["late"] = cold["hours_18_early"], cold["hours_18_late"]
    table["blankets_18"] = needs["blankets_per_vulnerable"] * table["vulnerable"]
    others = (table["people"] - table["vulnerable"]).clip(lower=0.0)
    table["blankets_12"] = needs["blankets_per_other"] * others
    by_home = {home.building: boiler_kw(home, coldest) for home in homes}
    table["boiler_kw"] = [by_home[str(group)] for group in table.index]
    return table


def _home(group: str, row: pd.Series, ahead: Drive) -> Home:
    floor = max(row["people"], 1.0) * told()["outage"]["floor_m2_per_person"]
    return unmeasured_home(
        group,
        floor_m2=floor,
        age=row["age"],
        room_c=row["room_c"],
        outdoor_c=float(ahead.outdoor[:24].mean()),
        people=row["people"],
        vulnerable=row["vulnerable"],
    )


def _assumed(groups: pd.DataFrame, outdoor_c: float) -> tuple[Text, ...]:
    limits = told()["outage"]
    known = int((groups["age"] != limits["default_age"]).sum())
    floor = limits["floor_m2_per_person"]
    return (
        Text(
            f"气温按前 24 小时重复，日均 {outdoor_c:.1f} °C，不计日照",
            f"the last 24 h of weather repeated, mean {outdoor_c:.1f} °C, without sun",
        ),
        Text(
            f"建筑按周边管道年代归类（{known}/{len(groups)} 片有年代），未用室温辨识",
            f"buildings classed by the year of the pipes around ({known} of {len(groups)} groups "
            "have one), not fitted",
        ),
        Text(
            f"人均建筑面积 {floor:.0f} m2；人数按最近网格归入换热站",
            f"{floor:.0f} m2 of floor a person; people of the nearest cells",
        ),
    )
