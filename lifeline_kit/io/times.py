"""Time stamps as people write them, turned into UTC."""

import re
from typing import NamedTuple

import numpy as np
import pandas as pd

from lifeline_kit.errors import ReadingsError
from lifeline_kit.io.mapping import DEFAULT_ZONE, FileMapping
from lifeline_kit.text import Text

_ISO_DATE = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)")
_NUMERIC_DATE = re.compile(r"\d{1,2}([/.-])\d{1,2}\1\d{4}([T ]|$)")
_CHINESE = str.maketrans({"年": "-", "月": "-", "日": " ", "时": ":", "分": ":", "秒": ""})
_MOST = 0.5  # of the stamps must be readable for the column to count as times
_SAMPLE = 2000


class Times(NamedTuple):
    """UTC stamps (NaT where unreadable) and what had to be assumed."""

    utc: np.ndarray
    notes: list[Text]


def parse_times(raw: pd.Series, mapping: FileMapping, *, where: str, names: list[str]) -> Times:
    """Read a column of time stamps.

    Parameters
    ----------
    raw : Series, (row,)
        Strings, or datetimes with or without a zone.
    mapping : FileMapping
        `time_format` and `time_zone`, where given, decide.
    where : str
        Names the file in errors.
    names : list of str
        File and member names; an ISO date in one of them tells swapped day and month.

    Returns
    -------
    Times
        `utc` datetime64[ms] (row,).

    Raises
    ------
    ReadingsError
        Where most stamps cannot be read, or day and month cannot be told apart; names file,
        row and text.
    """
    if pd.api.types.is_numeric_dtype(raw):
        raise ReadingsError(
            f"{where}: the time column {str(raw.name)!r} holds numbers ({raw.iloc[0]!r} in row 1); "
            "expected time stamps such as 2026-10-01 08:30:00; write the times out or name "
            "another column (time = … in the mapping file)."
        )
    stamps = raw if pd.api.types.is_datetime64_any_dtype(raw) else _read(raw, mapping, where)
    unreadable = stamps.isna().to_numpy()
    if unreadable.mean() > _MOST:
        row = int(np.argmax(unreadable))
        raise ReadingsError(
            f"{where}: {int(unreadable.sum())} of {len(raw)} times cannot be read, first "
            f"{raw.iloc[row]!r} in row {row + 1}; expected 2026-10-01 08:30:00 or 01.10.2026 "
            "08:30:00; give time_format in the mapping file."
        )
    notes: list[Text] = []
    if stamps.dt.tz is None:
        stamps = _unswapped(stamps, names, notes)
        stamps = _localised(stamps, mapping, notes)
    utc = stamps.dt.tz_convert("UTC").dt.tz_localize(None)
    return Times(utc.to_numpy().astype("datetime64[ms]"), notes)


def _read(raw: pd.Series, mapping: FileMapping, where: str) -> pd.Series:
    text = raw.astype("str").str.strip()
    if mapping.time_format:
        return _parsed(text, mapping.time_format)
    first = text[text.ne("") & text.ne("nan")].head(_SAMPLE)
    if first.empty:
        return pd.Series(pd.NaT, index=raw.index, dtype="datetime64[ms]")
    sample = first.iloc[0]
    if "年" in sample:
        text = text.str.translate(_CHINESE).str.replace(r":\s*$", "", regex=True)
    elif re.match(r"\d{4}/", sample):
        text = text.str.replace("/", "-", n=2, regex=False)
    elif _NUMERIC_DATE.match(sample):
        order = r"\3-\2-\1" if "." in sample[:3] else _day_or_month_first(text, where)
        text = text.str.replace(r"^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})", order, regex=True)
    if first.str.contains(r"(?<!\d)\d[-/. :年月日时分]|(?:[ :]\d$)", regex=True).any():
        text = text.str.replace(r"\s+", " ", regex=True)
        text = text.str.replace(r"(?<![\d.])(\d)(?!\d)", r"0\1", regex=True)
    return _parsed(text, "ISO8601")


def _parsed(text: pd.Series, form: str) -> pd.Series:
    aware = False
    if form == "ISO8601":
        aware = bool(text.head(_SAMPLE).str.contains(r":\d\d.*(?:Z|[+-]\d{2}:?\d{2})$").any())
    return pd.to_datetime(text, format=form, errors="coerce", utc=aware or "%z" in form)


def _day_or_month_first(text: pd.Series, where: str) -> str:
    parts = text.str.extract(r"^(\d{1,2})[/-](\d{1,2})[/-]\d{4}").dropna().astype(int)
    if (parts[0] > 12).any():
        return r"\3-\2-\1"
    if (parts[1] > 12).any():
        return r"\3-\1-\2"
    raise ReadingsError(
        f"{where}: in {text.iloc[0]!r} (row 1) day and month cannot be told apart; give "
        "time_format = '%d/%m/%Y %H:%M:%S' or '%m/%d/%Y %H:%M:%S' in the mapping file."
    )


def _unswapped(stamps: pd.Series, names: list[str], notes: list[Text]) -> pd.Series:
    found = next((match for name in names if (match := _ISO_DATE.search(name))), None)
    if found is None:
        return stamps
    year, month, day = (int(part) for part in found.groups())
    dates = stamps.dropna().dt
    printed = (dates.year == year) & (dates.month == day) & (dates.day == month)
    if month == day or not printed.all():
        return stamps
    said, true = f"{year}-{day:02d}-{month:02d}", f"{year}-{month:02d}-{day:02d}"
    notes.append(
        Text(
            f"时间列印作 {said}，而文件名写作 {true}：已将日与月对调。",
            f"The stamps print {said} while the file name says {true}: "
            "day and month were swapped back.",
        )
    )
    return stamps + (pd.Timestamp(true) - pd.Timestamp(said))


def _localised(stamps: pd.Series, mapping: FileMapping, notes: list[Text]) -> pd.Series:
    zone = mapping.time_zone or DEFAULT_ZONE
    if mapping.time_zone is None:
        notes.append(
            Text(
                f"时间未注明时区，按 {zone} 处理；可在映射文件中以 time_zone 指定。",
                f"The stamps name no time zone and were taken as {zone}; "
                "say otherwise with time_zone in the mapping file.",
            )
        )
    return stamps.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
