"""Time stamps as people write them, turned into UTC.

Form, epoch unit and zone are decided once for a file, never row by row; a row that does not fit
is counted, not bent. What was decided, and on what evidence, is said.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lifeline_kit.errors import ReadingsError
from lifeline_kit.io.headers import zone_in
from lifeline_kit.io.mapping import DEFAULT_ZONE, FileMapping
from lifeline_kit.text import Text

OK, UNREADABLE, AMBIGUOUS, CLOCK = 0, 1, 2, 3  # faults of a stamp
_ISO_DATE = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)")
_NUMERIC_DATE = r"^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?!\d)"
_COMPACT = (
    r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])(?:[0-2]\d(?:[0-5]\d(?:\d{2}(?:\d{3})?)?)?)?"
)
_ZONED = r":\d\d.*(?:Z|[+-]\d{2}(?::?\d{2})?)$"
_HALF_ZONED = r":.*[+-]|[+Zz]"  # what looks like a zone and is none
_CHINESE = str.maketrans({"年": "-", "月": "-", "日": " ", "号": " ", "时": ":", "点": ":"})
_HALF = re.compile(
    r"\s*(?:(?P<am>上午|凌晨|早上|(?<![a-z])a\.?m\.?(?![a-z]))"
    r"|(?P<pm>下午|晚上|(?<![a-z])p\.?m\.?(?![a-z])))\s*",
    re.IGNORECASE,
)
_UTC_WORD = re.compile(r"(?<=\d)\s*(?:UTC|GMT)$", re.IGNORECASE)
_CHINESE |= str.maketrans({"分": ":", "秒": ""})
_MOST = 0.5  # of the stamps must be readable for the column to count as times
_EARLIEST = np.datetime64("1971-01-01", "ms")  # a clock that was never set counts from 1970
_DAY = np.timedelta64(86_400_000, "ms")
# name, lowest and highest number of its stamps (1990 to 2100), numbers to a millisecond
_EPOCHS = (
    ("s", 6.3e8, 4.2e9, 1e-3),
    ("ms", 6.3e11, 4.2e12, 1.0),
    ("us", 6.3e14, 4.2e15, 1e3),
    ("ns", 6.3e17, 4.2e18, 1e6),
)
_SERIAL = (20_000.0, 80_000.0)  # days of a spreadsheet: 1954 to 2119
_SERIAL_ZERO = np.datetime64("1899-12-30", "ms")


@dataclass(slots=True)
class Times:
    """Stamps read.

    Attributes
    ----------
    utc : datetime64[ms] array, (row,)
        NaT where there is a fault.
    fault : uint8 array, (row,)
        OK, UNREADABLE, AMBIGUOUS (or absent in local time), CLOCK (about 1970).
    notes : list of Text
        What had to be assumed.
    decided : dict of str to Text
        `time` (form) and `zone`.
    """

    utc: np.ndarray
    fault: np.ndarray
    notes: list[Text] = field(default_factory=list)
    decided: dict[str, Text] = field(default_factory=dict)


def parse_times(raw: pd.Series, mapping: FileMapping, *, where: str, names: Sequence[str]) -> Times:
    """Read a column of time stamps.

    Parameters
    ----------
    raw : Series, (row,)
        Strings, datetimes with or without a zone, or numbers (epoch, spreadsheet days).
    mapping : FileMapping
        `time_format` and `time_zone`, where given, decide.
    where : str
        Names the file in errors.
    names : sequence of str
        File and member names; an ISO date in one of them tells swapped day and month.

    Raises
    ------
    ReadingsError
        Where most stamps cannot be read, or day and month cannot be told apart; names file,
        row and text.
    """
    if pd.api.types.is_datetime64_any_dtype(raw):
        parsed = _Parsed(raw, form=Text("日期时间类型", "stored as date and time"))
        codes = None
    else:
        codes, unique = pd.factorize(raw)
        values = pd.Series(unique, name=raw.name)
        parsed = _numbers_or_text(values, mapping, where)
    found = _placed(parsed, mapping, names, str(raw.name))
    utc, fault = found.utc, found.fault
    if codes is not None:
        utc, fault = np.append(utc, np.datetime64("NaT", "ms")), np.append(fault, UNREADABLE)
        utc, fault = utc[codes], fault[codes].astype(np.uint8)
    _check_most(raw, fault, where)
    early = (fault == OK) & (utc < _EARLIEST)
    fault[early] = CLOCK
    utc = np.where(fault == OK, utc, np.datetime64("NaT", "ms"))
    return Times(utc, fault, found.notes, found.decided)


@dataclass(slots=True)
class _Parsed:
    """Stamps as printed; those with a zone of their own stand in `aware` as UTC."""

    naive: pd.Series
    form: Text
    aware: pd.Series | None = None
    absolute: bool = False  # numbers that count from an epoch in UTC


def _check_most(raw: pd.Series, fault: np.ndarray, where: str) -> None:
    unreadable = fault == UNREADABLE
    if unreadable.size and unreadable.mean() > _MOST:
        row = int(np.argmax(unreadable))
        raise ReadingsError(
            f"{where}: {int(unreadable.sum())} of {len(raw)} times cannot be read, first "
            f"{raw.iloc[row]!r} in row {row + 1}; expected 2026-10-01 08:30:00 or 01.10.2026 "
            "08:30:00; give time_format in the mapping file."
        )


def _placed(parsed: _Parsed, mapping: FileMapping, names: Sequence[str], header: str) -> Times:
    """Bring stamps to UTC; `header` of their column may name a zone."""
    decided = {"time": parsed.form}
    notes: list[Text] = []
    if parsed.absolute:
        decided["zone"] = Text("纪元计数，本身即 UTC", "counted from an epoch, which is UTC")
        return Times(*_milliseconds(parsed.naive), notes, decided)
    if parsed.naive.dt.tz is not None:
        decided["zone"] = Text("时间自带时区", "the stamps name their zone")
        utc = parsed.naive.dt.tz_convert("UTC").dt.tz_localize(None)
        return Times(*_milliseconds(utc), notes, decided)
    naive = _unswapped(parsed.naive, names, notes)
    own = zone_in(header)
    zone = mapping.time_zone or own or DEFAULT_ZONE
    if parsed.aware is None or naive.notna().any():
        decided["zone"] = _naive_zone(mapping, zone, mixed=parsed.aware is not None)
        if mapping.time_zone is None and own is not None:
            decided["zone"] = Text(
                f"{own}，表头“{header}”注明", f"{own}, as the header {header!r} says"
            )
        elif mapping.time_zone is None:
            notes.append(decided["zone"])
    else:
        decided["zone"] = Text("时间自带时区", "the stamps name their zone")
    local = naive.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    utc = local.dt.tz_convert("UTC").dt.tz_localize(None)
    torn = (naive.notna() & utc.isna()).to_numpy()
    if parsed.aware is not None:
        utc = utc.fillna(parsed.aware.dt.tz_localize(None))
    stamps, fault = _milliseconds(utc)
    fault[torn] = AMBIGUOUS
    return Times(stamps, fault, notes, decided)


def _naive_zone(mapping: FileMapping, zone: str, *, mixed: bool) -> Text:
    if mapping.time_zone is not None:
        return Text(f"映射文件指定 {zone}", f"{zone}, as the mapping file says")
    if mixed:
        return Text(
            f"部分时间自带时区，其余未注明，按 {zone} 处理；可在映射文件中以 time_zone 指定。",
            f"Some stamps name their zone; the others were taken as {zone}; "
            "say otherwise with time_zone in the mapping file.",
        )
    return Text(
        f"时间未注明时区，按 {zone} 处理；可在映射文件中以 time_zone 指定。",
        f"The stamps name no time zone and were taken as {zone}; "
        "say otherwise with time_zone in the mapping file.",
    )


def _milliseconds(stamps: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    utc = stamps.to_numpy().astype("datetime64[ms]")
    return utc, np.where(np.isnat(utc), UNREADABLE, OK).astype(np.uint8)


def _numbers_or_text(unique: pd.Series, mapping: FileMapping, where: str) -> _Parsed:
    if pd.api.types.is_numeric_dtype(unique):
        number = unique.to_numpy(dtype=np.float64, na_value=np.nan)
        text = None
    elif unique.map(type).ne(str).any():  # a sheet whose cells are of several kinds
        return _mixed(unique, where)
    else:
        text = _folded(unique.astype("str"))
        if mapping.time_format:
            return _formatted(text, mapping.time_format)
        number = pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    if text is None or np.isfinite(number).mean() > _MOST:
        found = _compact(number, text) or _counted(number)
        if found is None:
            raise ReadingsError(
                f"{where}: the time column {str(unique.name)!r} holds numbers "
                f"({unique.iloc[0]!r} in row 1); expected time stamps such as 2026-10-01 08:30:00, "
                "seconds or milliseconds since 1970, or days of a spreadsheet; write the times out "
                "or name another column (time = … in the mapping file)."
            )
        return found
    return _read(text, where)


def _mixed(unique: pd.Series, where: str) -> _Parsed:
    """Cells that hold dates, spreadsheet days and text side by side."""
    kinds = unique.map(lambda cell: isinstance(cell, int | float)).to_numpy()
    numbers = pd.to_numeric(unique.where(kinds), errors="coerce").to_numpy(dtype=np.float64)
    out = pd.Series(np.full(len(unique), np.datetime64("NaT", "ms")))
    form = Text("日期时间类型", "stored as date and time")
    counted = _compact(numbers) or _counted(numbers) if kinds.any() else None
    if counted is not None:
        out = out.fillna(counted.naive)
        form = counted.form
    text = unique[~kinds].map(lambda cell: cell if isinstance(cell, str) else str(cell))
    if len(text):
        read = _read(_folded(text.reset_index(drop=True)), where)
        out.loc[~kinds] = read.naive.to_numpy().astype("datetime64[ms]")
        form = form if counted is not None else read.form
    absolute = counted is not None and counted.absolute and not len(text)
    return _Parsed(out, form=form, absolute=absolute)


def _folded(text: pd.Series) -> pd.Series:
    """Full-width digits and colons become plain ones."""
    text = text.str.strip()
    return text if "".join(text).isascii() else text.str.normalize("NFKC").str.strip()


def _counted(number: np.ndarray) -> _Parsed | None:
    """Epoch seconds, milliseconds, microseconds, or spreadsheet days; by the middle of the file."""
    finite = number[np.isfinite(number)]
    if not finite.size:
        return None
    middle = float(np.median(finite))
    if _SERIAL[0] <= middle <= _SERIAL[1]:
        form = Text(
            f"电子表格日序数（中位数 {middle:.0f}）", f"days of a spreadsheet (median {middle:.0f})"
        )
        ms = np.where((number >= 1) & (number < 3e6), number, np.nan) * 86_400_000.0
        return _Parsed(_stamps(ms, _SERIAL_ZERO), form=form)
    for name, low, high, per_ms in _EPOCHS:
        if low <= middle <= high:
            form = Text(
                f"自 1970 年起的 {name}（中位数 {middle:.4g}，整个文件一致）",
                f"{name} since 1970 (median {middle:.4g}, one unit for the whole file)",
            )
            zero = np.datetime64(0, "ms")
            return _Parsed(_stamps(number / per_ms, zero), form=form, absolute=True)
    return None


def _stamps(ms: np.ndarray, zero: np.datetime64) -> pd.Series:
    sound = np.isfinite(ms) & (np.abs(ms) < 2e14)  # within eight thousand years
    whole = np.where(sound, np.round(ms), 0).astype(np.int64).astype("timedelta64[ms]")
    return pd.Series(np.where(sound, zero + whole, np.datetime64("NaT", "ms")))


def _compact(number: np.ndarray, printed: pd.Series | None = None) -> _Parsed | None:
    """Stamps such as 20250101002000, where most of the column is of that form."""
    finite = np.isfinite(number) & (number > 1e7) & (number < 1e17)
    if not finite.any():
        return None
    text = pd.Series(np.where(finite, number, 0).astype(np.int64).astype(str))
    text = text if printed is None else printed
    shaped = text.str.fullmatch(_COMPACT)
    hourly = text.str.len() == 10  # looks like seconds since 1970 as well, of 2030 to 2036
    if not (shaped & hourly)[finite].all():
        shaped &= ~hourly
    if shaped.mean() <= _MOST:
        return None
    padded = text.where(shaped, "").str.pad(17, side="right", fillchar="0")
    midnight = padded.str[8:10].eq("24")
    padded = padded.where(~midnight, padded.str[:8] + "000000000")
    stamps = pd.to_datetime(padded.str[:14], format="%Y%m%d%H%M%S", errors="coerce")
    milli = pd.to_timedelta(pd.to_numeric(padded.str[14:17], errors="coerce").fillna(0), unit="ms")
    sample = text[shaped].iloc[0]
    form = Text(f"紧凑写法，如 {sample}", f"compact stamps such as {sample}")
    out = pd.Series((stamps + milli).to_numpy().astype("datetime64[ms]"))
    return _Parsed(out.where(~midnight.to_numpy(), out + _DAY), form=form)


def _formatted(text: pd.Series, form: str) -> _Parsed:
    said = Text(f"映射文件指定格式 {form}", f"{form}, as the mapping file says")
    return _Parsed(pd.to_datetime(text, format=form, errors="coerce", utc="%z" in form), form=said)


def _read(text: pd.Series, where: str) -> _Parsed:
    whole = text
    text = text.str.replace(_UTC_WORD, "Z", regex=True)
    zoned = text.str.contains(_ZONED).fillna(False).astype(bool)
    aware = None
    if zoned.any():
        aware = pd.to_datetime(text.where(zoned), format="ISO8601", errors="coerce", utc=True)
        aware = aware.dt.as_unit("ms")
        text = text.where(~zoned, "")
    naive = _iso(text)
    left = naive.isna() & text.ne("")
    if left.any():
        again = _normal(text[left], where)
        naive.loc[left] = again
    read = whole[naive.notna() | zoned]
    sample = str(read.iloc[0]) if len(read) else ""
    form = Text(f"如 {sample}", f"such as {sample}")
    return _Parsed(naive, form=form, aware=aware)


def _iso(text: pd.Series) -> pd.Series:
    # a year alone is a number, not a stamp
    sound = (text.str.len() > 7) & ~text.str.contains(_HALF_ZONED).fillna(True).astype(bool)
    stamps = pd.to_datetime(text.where(sound), format="ISO8601", errors="coerce")
    return pd.Series(stamps.to_numpy().astype("datetime64[ms]"), index=text.index)


def _normal(text: pd.Series, where: str) -> np.ndarray:
    """Bring other writings to ISO: 2025年1月1日 0时10分, 2025/1/1 24:00, 1.10.2026 8:05 PM."""
    halves = text.str.extract(_HALF).notna()
    if halves.to_numpy().any():
        text = text.str.replace(_HALF, " ", regex=True).str.strip()
    text = text.map(lambda each: each.translate(_CHINESE))
    text = text.str.replace(r"[:\s]+$", "", regex=True).str.replace(r"\s+", " ", regex=True)
    text = text.str.replace(r"^(\d{4})[/.](\d{1,2})[/.](\d{1,2})", r"\1-\2-\3", regex=True)
    dated = text.str.match(_NUMERIC_DATE)
    if dated.any():
        dotted = text[dated].str.contains(r"^\d{1,2}\.", regex=True).all()
        order = r"\3-\2-\1" if dotted else _day_or_month_first(text[dated], where)
        text = text.str.replace(_NUMERIC_DATE, order, regex=True)
    text = text.str.replace(r"(?<![\d.])(\d)(?!\d)", r"0\1", regex=True)
    text = text.str.replace(r"^(\d{4}-\d{2}-\d{2}) (\d{2})$", r"\1 \2:00", regex=True)
    midnight = text.str.contains(r"[ T]24:00(?::00(?:\.0+)?)?$", regex=True)
    text = text.str.replace(r"([ T])24:00", r"\g<1>00:00", regex=True)
    stamps = _iso(text).to_numpy()
    stamps = np.where(midnight.to_numpy(), stamps + _DAY, stamps)
    twelve = stamps.astype("datetime64[h]").astype(np.int64) % 24
    stamps = np.where(halves["am"].to_numpy() & (twelve == 12), stamps - _DAY // 2, stamps)
    return np.where(halves["pm"].to_numpy() & (twelve < 12), stamps + _DAY // 2, stamps)


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


def _unswapped(stamps: pd.Series, names: Sequence[str], notes: list[Text]) -> pd.Series:
    found = next((match for name in names if (match := _ISO_DATE.search(name))), None)
    dates = stamps.dropna().dt
    if found is None or not len(stamps.dropna()):
        return stamps
    year, month, day = (int(part) for part in found.groups())
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
