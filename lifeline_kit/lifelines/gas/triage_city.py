"""Triage in a city: collects what a manhole's judgement needs from its tables and readings."""

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from lifeline_kit.errors import ReadingsError
from lifeline_kit.lifelines.gas.signs import ManholeContext
from lifeline_kit.lifelines.gas.triage import Triage, triage
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import FAIL, nodes, series

_STEP = pd.Timedelta(minutes=15)
_PAST = pd.Timedelta(days=6)
_REACH_M = 150.0  # farther spaces share no leak
_NEIGHBOURS = 2


def triage_city(
    city: City,
    asset: str,
    at: pd.Timestamp,
    *,
    sensor: str | None = None,
    cases: pd.DataFrame | None = None,
) -> Triage:
    """Judge one underground space of a city.

    Parameters
    ----------
    city : City
    asset : str
        With a methane terminal.
    at : Timestamp
        UTC; nothing later is read.
    sensor : str, optional
        Where the asset holds several terminals; by default the first.
    cases : DataFrame, index `case`, optional
        Past cases, see `triage.triage`.

    Raises
    ------
    ReadingsError
        Where the asset has no methane terminal, or fewer than four readings in the last six days.
    """
    table, context = manhole_series(city, asset, at, sensor=sensor)
    return triage(table, context, cases=cases)


def manhole_series(
    city: City, asset: str, at: pd.Timestamp, *, sensor: str | None = None
) -> tuple[pd.DataFrame, ManholeContext]:
    """Collect the series around a space on a clock of 15 min: the last reading of each quarter.

    Returns
    -------
    series : DataFrame, index `time` (UTC)
        As `triage.triage` takes it.
    context : ManholeContext

    Raises
    ------
    ReadingsError
    """
    terminals = city.sensors[city.sensors["quantity"] == "methane"]
    own = terminals.index[terminals["asset"] == asset]
    if sensor is None and not len(own):
        raise ReadingsError(
            f"asset {asset!r} has no methane terminal; expected one of the {len(terminals)} "
            "assets that have; choose one by city.sensors."
        )
    sensor = sensor or str(own[0])
    methane = _line(city, sensor, at)
    if methane.size < 4:
        raise ReadingsError(
            f"terminal {sensor!r} has {methane.size} readings in the six days before {at}; "
            "triage needs four."
        )
    table = pd.DataFrame({"methane": methane})
    beside = _beside(city, terminals, sensor)
    for k, other in enumerate(beside.index, 1):
        table[f"neighbour_{k}"] = _line(city, str(other), at).reindex(table.index)
    present = table.columns[table.notna().any()]
    away = [float(d) for k, d in enumerate(beside, 1) if f"neighbour_{k}" in present]
    table = table[present].rename(columns=_numbered(present))
    for name, quantity in (("air_temperature", "air_temperature"), ("rain", "rain")):
        _add(table, name, _mean(city, quantity, at))
    _add(table, "demand", _demand(city, at))
    table.index.name = "time"
    return table, _context(city, asset, at, tuple(away))


def _numbered(columns: pd.Index) -> dict[str, str]:
    names = [name for name in columns if name.startswith("neighbour_")]
    return {name: f"neighbour_{k}" for k, name in enumerate(names, 1)}


def _add(table: pd.DataFrame, name: str, line: pd.Series) -> None:
    if line.size:
        table[name] = line.reindex(table.index, method="nearest", tolerance=pd.Timedelta("2h"))


def _line(city: City, sensor: str, at: pd.Timestamp) -> pd.Series:
    """Return the last usable reading of each quarter of an hour."""
    for _, node in nodes(city.readings, "methane"):
        if sensor in node["sensor"].to_numpy():
            own = series(node, sensor)
            good = own.flag != FAIL
            return _quarters(own.time[good], own.value[good], at)
    return pd.Series(dtype=float)


def _quarters(time: np.ndarray, value: np.ndarray, at: pd.Timestamp) -> pd.Series:
    kept = (time <= at.to_datetime64()) & (time > (at - _PAST).to_datetime64())
    line = pd.Series(value[kept].astype(float), index=pd.DatetimeIndex(time[kept]))
    if line.empty:
        return line
    return line.resample(_STEP).last().dropna()


def _beside(city: City, terminals: pd.DataFrame, sensor: str) -> pd.Series:
    """Return distance [m] of the nearest terminals of other assets, by sensor."""
    place = city.sensors.geometry
    here = place[sensor]
    if here is None or here.is_empty:
        return pd.Series(dtype=float)
    others = terminals.index[terminals["asset"] != city.sensors["asset"][sensor]]
    away = place[others].distance(here)
    return away[away <= _REACH_M].nsmallest(_NEIGHBOURS)


def _mean(city: City, quantity: str, at: pd.Timestamp, *, lifeline: str = "") -> pd.Series:
    """Return the mean over all sensors of a quantity, each quarter of an hour."""
    parts = []
    for _, node in nodes(city.readings, quantity):
        for sensor in node["sensor"].to_numpy():
            if lifeline and city.sensors["lifeline"].get(sensor) != lifeline:
                continue
            own = series(node, sensor)
            parts.append(_quarters(own.time, own.value, at))
    parts = [part for part in parts if part.size]
    return pd.concat(parts, axis=1, sort=True).mean(axis=1) if parts else pd.Series(dtype=float)


def _demand(city: City, at: pd.Timestamp) -> pd.Series:
    """Return gas demand: flow of the stations, or else the fall of pressure that it causes."""
    for quantity in ("flow", "standard_flow"):
        flow = _mean(city, quantity, at, lifeline="gas")
        if flow.size:
            return flow
    pressure = _mean(city, "pressure", at, lifeline="gas")
    return -pressure


def _context(city: City, asset: str, at: pd.Timestamp, away: tuple[float, ...]) -> ManholeContext:
    row = city.assets.loc[asset]
    pipe_id = row.get("gas_pipe", "")
    pipe = city.assets.loc[pipe_id] if pipe_id in city.assets.index else pd.Series(dtype=object)
    offset = at.tz_localize("UTC").tz_convert(ZoneInfo(city.time_zone)).utcoffset()
    return ManholeContext(
        space_type=str(row.get("space_type", "")),
        pipe_material=str(pipe.get("material", "")),
        pipe_distance_m=_number(row.get("distance_m")),
        pipe_age_years=at.year - _number(pipe.get("year")),
        neighbour_m=away,
        utc_offset_h=offset.total_seconds() / 3600.0 if offset is not None else 0.0,
    )


def _number(value: object) -> float:
    found = pd.to_numeric(value, errors="coerce")
    return float(found) if found is not None else float("nan")
