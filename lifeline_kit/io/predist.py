"""Read PreDist: operational data of 93 district-heating substations with reported faults.

Layout as its README states it (Zenodo 10.5281/zenodo.17522254, CC BY 4.0): folders
`Manufacturer 1` and `Manufacturer 2`, each with `faults.csv`, `normal_events.csv`,
`disturbances.csv`, `feature_descriptions.csv` (column, unit) and
`operational_data/substation_N.csv`, a row every ten minutes; semicolons between columns. Known from
that README and from loaders of others; the dataset itself has not been read here.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.errors import InputError, UnitError
from lifeline_kit.units import convert

CHANNELS = {
    "outdoor": ("outdoor_temperature", "degC"),
    "supply": ("p_net_supply_temperature", "degC"),
    "back": ("p_net_return_temperature", "degC"),
    "flow": ("p_net_meter_flow", "m3/h"),
    "heat": ("p_net_meter_heat_power", "kW"),
}
_FAULTS = (
    "Event ID",
    "substation ID",
    "Report date",
    "Possible anomaly start",
    "Possible anomaly end",
    "Training start",
    "Training end",
    "efd_possible",
)
_NORMAL = (
    "Event ID",
    "substation ID",
    "Event start",
    "Event end",
    "Training start",
    "Training end",
)
_DISTURBANCES = ("substation ID", "Event start", "type")
_BEFORE = pd.Timedelta(hours=48)  # a fault without a known start may have shown so long before
_AFTER = pd.Timedelta(hours=24)  # and so long after it was reported
_NO_OUTDOOR = {(2, 18), (2, 41), (2, 61)}  # the README: sensor absent or noise alone


@dataclass(frozen=True, slots=True, kw_only=True)
class PreDist:
    """The tables of the dataset; readings are read when asked for.

    Attributes
    ----------
    root : Path
    events : DataFrame
        `event`, `manufacturer`, `substation`, `normal`, `start`, `end` (a report ends a fault),
        `anomaly_start`, `anomaly_end`, `training_start`, `training_end`, `fault`; only faults
        that the authors hold detectable (`efd_possible`).
    disturbances : DataFrame
        `manufacturer`, `substation`, `start`, `type`.
    """

    root: Path
    events: pd.DataFrame
    disturbances: pd.DataFrame


def read_predist(root: Path) -> PreDist:
    """Read events and disturbances of both manufacturers.

    Parameters
    ----------
    root : Path
        Holds `Manufacturer 1` and `Manufacturer 2`, or one of them, in any letter case.

    Raises
    ------
    InputError
        Where no manufacturer's folder is there, or a file or column is missing.
    """
    folders = manufacturers(root)
    if not folders:
        raise InputError(
            f"{root} holds no folder 'Manufacturer 1' or 'Manufacturer 2' of PreDist; download "
            "the dataset from Zenodo (record 17522254) and unpack it there."
        )
    events, disturbances = [], []
    for number, folder in folders.items():
        faults = _table(folder / "faults.csv", _FAULTS)
        detectable = faults["efd_possible"].astype(str).str.strip().str.lower() == "true"
        events.append(_fault_rows(faults[detectable], number))
        events.append(_normal_rows(_table(folder / "normal_events.csv", _NORMAL), number))
        rows = _table(folder / "disturbances.csv", _DISTURBANCES)
        disturbances.append(
            pd.DataFrame(
                {
                    "manufacturer": number,
                    "substation": rows["substation ID"].astype(int),
                    "start": _time(rows["Event start"]),
                    "type": rows["type"].astype(str).str.strip().str.lower(),
                }
            )
        )
    return PreDist(
        root=root,
        events=pd.concat(events, ignore_index=True),
        disturbances=pd.concat(disturbances, ignore_index=True),
    )


def manufacturers(root: Path) -> dict[int, Path]:
    """Folders of the manufacturers by number; letter case does not matter."""
    if not root.is_dir():
        return {}
    names = {each.name.lower(): each for each in root.iterdir() if each.is_dir()}
    wanted = {number: names.get(f"manufacturer {number}") for number in (1, 2)}
    return {number: folder for number, folder in wanted.items() if folder is not None}


def _table(file: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    try:
        table = pd.read_csv(file, sep=";", encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"{file} is missing; PreDist has it in each manufacturer.") from error
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"{file} cannot be read: {error}; expected text with ';'.") from error
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise InputError(
            f"{file} has no column {missing[0]!r}; expected {', '.join(columns)}; "
            "compare with the README of PreDist."
        )
    return table


def _time(column: pd.Series) -> pd.Series:
    # clock times as they stand: reports and readings name the same local clock
    plain = column.astype("string").str.replace(r"(Z|[+-]\d\d:?\d\d)$", "", regex=True)
    return pd.to_datetime(plain, format="mixed")


def _fault_rows(faults: pd.DataFrame, number: int) -> pd.DataFrame:
    reported = _time(faults["Report date"])
    return pd.DataFrame(
        {
            "event": faults["Event ID"],
            "manufacturer": number,
            "substation": faults["substation ID"].astype(int),
            "normal": False,
            "start": reported - pd.Timedelta(days=7),
            "end": reported,
            "anomaly_start": _time(faults["Possible anomaly start"]).fillna(reported - _BEFORE),
            "anomaly_end": _time(faults["Possible anomaly end"]).fillna(reported + _AFTER),
            "training_start": _time(faults["Training start"]),
            "training_end": _time(faults["Training end"]),
            "fault": faults.get("Fault label", ""),
        }
    )


def _normal_rows(normal: pd.DataFrame, number: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "event": normal["Event ID"],
            "manufacturer": number,
            "substation": normal["substation ID"].astype(int),
            "normal": True,
            "start": _time(normal["Event start"]),
            "end": _time(normal["Event end"]),
            "anomaly_start": pd.NaT,
            "anomaly_end": pd.NaT,
            "training_start": _time(normal["Training start"]),
            "training_end": _time(normal["Training end"]),
            "fault": "",
        }
    )


def substation_readings(data: PreDist, manufacturer: int, substation: int) -> pd.DataFrame:
    """Hourly means of the heat meter of one substation.

    Returns
    -------
    DataFrame, hourly index
        `outdoor`, `supply`, `back` [degC], `flow` [m3/h], `heat` [kW]; NaN where the file has
        no such column or no reading.

    Raises
    ------
    InputError
        Where the file is missing, has no column `timestamp` or a unit is not known.
    """
    folder = manufacturers(data.root).get(manufacturer, data.root / f"Manufacturer {manufacturer}")
    file = folder / "operational_data" / f"substation_{substation}.csv"
    raw = _table(file, ("timestamp",))
    units = _units(folder)
    time = _time(raw["timestamp"])
    channels = {}
    for name, (column, unit) in CHANNELS.items():
        known = column in raw and not (
            name == "outdoor" and (manufacturer, substation) in _NO_OUTDOOR
        )
        numbers = pd.to_numeric(raw[column], errors="coerce") if known else np.nan
        values = np.broadcast_to(np.asarray(numbers, dtype=float), (len(raw),))
        channels[name] = _converted(values, units.get(column, unit), unit, file, column)
    table = pd.DataFrame(channels, index=pd.DatetimeIndex(time)).sort_index()
    return table[~table.index.duplicated()].resample("1h").mean()


def _units(folder: Path) -> dict[str, str]:
    table = _table(folder / "feature_descriptions.csv", ("column", "unit"))
    return dict(zip(table["column"].astype(str), table["unit"].astype(str), strict=True))


def _converted(values: np.ndarray, found: str, wanted: str, file: Path, column: str) -> np.ndarray:
    # litres per hour and watts are how meters print them; the table of units has neither
    small = {"l/h": ("m3/h", 1e-3), "w": ("kW", 1e-3), "mw": ("kW", 1e3), "kw": ("kW", 1.0)}
    name, factor = small.get(found.strip().lower(), (found, 1.0))
    if name == wanted:
        return values * factor
    try:
        return np.asarray(convert(values * factor, name, wanted))
    except UnitError as error:
        raise InputError(
            f"{file.name}: column {column!r} is in {found!r}, expected {wanted}; mend "
            "feature_descriptions.csv."
        ) from error


def sound_hours(
    data: PreDist, manufacturer: int, substation: int, time: pd.DatetimeIndex
) -> np.ndarray:
    """Hours without a known fault, task or activity, (time,) bool.

    A fault is left out from its possible start (or 48 h before its report) to its possible end
    (or 24 h after); the day of a task or activity from its start to midnight.
    """
    sound = np.ones(time.size, dtype=bool)
    own = (data.events["manufacturer"] == manufacturer) & (data.events["substation"] == substation)
    for event in data.events[own & ~data.events["normal"]].to_dict("records"):
        sound &= ~((time >= event["anomaly_start"]) & (time <= event["anomaly_end"]))
    rows = data.disturbances
    rows = rows[(rows["manufacturer"] == manufacturer) & (rows["substation"] == substation)]
    for start, kind in zip(rows["start"], rows["type"], strict=True):
        if kind == "fault":
            first, last = start - _BEFORE, start + _AFTER
        else:
            first, last = start.floor("h"), start.normalize() + pd.Timedelta(days=1)
        sound &= ~((time >= first) & (time <= last))
    return sound
