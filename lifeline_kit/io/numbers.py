"""Measured values as people write them, turned into floats."""

import re
from typing import NamedTuple

import numpy as np
import pandas as pd

from lifeline_kit.errors import MappingError
from lifeline_kit.text import Text

# What stands in a cell where nothing was measured.
NOTHING = ("", "-", "--", "---", "—", "——", "－－", "/", "\\", "NULL", "null", "None", "NaN", "nan")
NOTHING += ("NA", "N/A", "n/a", "#N/A", "<NA>", "NaT", "无", "缺测", "无数据")
# Numbers that loggers write where nothing was measured; they count as such only where they
# cannot be real, see `sentinels`.
_SENTINELS = tuple(sign * x for x in (999.0, 9999.0, 99999.0, 999999.0) for sign in (1, -1))
_SENTINELS += (999.9, -999.9, 9999.9, -9999.9, -999.25, 65535.0, -32768.0, 6553.5, 32767.0)
_LARGE, _FAR = 999.0, 10.0  # a sentinel is so large, and so many times all else of its series
_SENTINEL_TWICE = 2  # a value that stands there once may be a faulty reading, not a convention
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?")
_THOUSANDS_DOT = re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+(?:,\d*)?")
_COMMA = re.compile(r"[+-]?\d+,\d+")
_WIDE = str.maketrans("０１２３４５６７８９．－＋，ｅＥ　", "0123456789.-+,eE ")
_BAD_MOST = 0.5  # of a column must be numbers for it to count as one

THOUSANDS = Text("千位分隔符已去除（{n} 个值）", "thousands separators taken out ({n} values)")
WIDE = Text("全角数字已转换（{n} 个值）", "full-width digits read ({n} values)")
COMMA = Text("小数点写作逗号", "decimal comma")


class Values(NamedTuple):
    """Floats (NaN where there is none); where nothing, no number, an infinite one stood."""

    number: np.ndarray
    missing: np.ndarray
    wrong: np.ndarray
    infinite: np.ndarray
    notes: tuple[Text, ...] = ()


def parse_values(column: pd.Series, where: str, *, decimal_comma: bool = False) -> Values:
    """Read a column of measured values.

    Parameters
    ----------
    column : Series, (row,)
        Numbers, or text.
    where : str
        Names the file in errors.
    decimal_comma : bool
        Whether ``1,5`` is one and a half.

    Raises
    ------
    MappingError
        Where the column holds true and false, or mostly words: it measures nothing.
    """
    if pd.api.types.is_bool_dtype(column):
        raise MappingError(
            f"{where}: column {column.name!r} holds true and false, no measured value; leave it "
            f"out in the mapping file: ignore = [{str(column.name)!r}]"
        )
    if pd.api.types.is_numeric_dtype(column):
        number = column.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
        missing = np.isnan(number)
        return _without_infinity(number, missing, np.zeros(number.size, dtype=bool), ())
    number = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    number = number.copy()
    if decimal_comma and _dots_group(column):  # 1.234 is a thousand and more, not one and a bit
        number[:] = np.nan
    missing = column.isna().to_numpy(copy=True)
    odd = np.flatnonzero(np.isnan(number) & ~missing)
    codes, texts = pd.factorize(column.iloc[odd].astype("str"))
    mended, empty, notes = _mended(list(texts), np.bincount(codes), decimal_comma=decimal_comma)
    number[odd], missing[odd] = mended[codes], empty[codes]
    wrong = np.isnan(number) & ~missing
    _check_measures(column, wrong, missing, where)
    return _without_infinity(number, missing, wrong, notes)


def _dots_group(column: pd.Series) -> bool:
    """Whether all points of a column, where the comma is the decimal sign, part thousands."""
    texts = column.dropna().astype("str").str.strip()
    dotted = texts[texts.str.contains(".", regex=False)]
    return len(dotted) > 0 and bool(dotted.str.fullmatch(_THOUSANDS_DOT).all())


def _without_infinity(
    number: np.ndarray, missing: np.ndarray, wrong: np.ndarray, notes: tuple[Text, ...]
) -> Values:
    infinite = np.isinf(number)
    if infinite.any():
        wrong = wrong | infinite
        number[infinite] = np.nan
    return Values(number, missing, wrong, infinite, notes)


def _check_measures(column: pd.Series, wrong: np.ndarray, missing: np.ndarray, where: str) -> None:
    present = int((~missing).sum())
    if present and wrong.sum() > _BAD_MOST * present:
        row = int(np.argmax(wrong))
        raise MappingError(
            f"{where}: column {column.name!r} holds no numbers, first {column.iloc[row]!r} in row "
            f"{row + 1}; leave it out in the mapping file: ignore = [{str(column.name)!r}]. If it "
            f"names the sensor of each row, say so: [long] sensor = {str(column.name)!r}"
        )


def _mended(
    texts: list[str], n: np.ndarray, *, decimal_comma: bool
) -> tuple[np.ndarray, np.ndarray, tuple[Text, ...]]:
    """Read what the fast way could not; each different text once."""
    number = np.full(len(texts), np.nan)
    empty = np.zeros(len(texts), dtype=bool)
    wide = thousands = 0
    for i, text in enumerate(texts):
        plain = text.strip().translate(_WIDE).strip()
        if plain in NOTHING:
            empty[i] = True
            continue
        joined = _joined(plain, decimal_comma=decimal_comma)
        try:
            number[i] = float(joined) if "_" not in joined else np.nan
        except ValueError:
            continue
        wide += int(n[i]) if plain != text.strip() else 0
        grouped = joined != plain and not (decimal_comma and _COMMA.fullmatch(plain))
        thousands += int(n[i]) if grouped else 0
    notes = [WIDE.format(n=f"{wide:,}")] if wide else []
    notes += [THOUSANDS.format(n=f"{thousands:,}")] if thousands else []
    return number, empty, tuple(notes)


def _joined(text: str, *, decimal_comma: bool) -> str:
    if decimal_comma:
        if _THOUSANDS_DOT.fullmatch(text):
            text = text.replace(".", "")
        return text.replace(",", ".") if text.count(",") == 1 else text
    return text.replace(",", "") if _THOUSANDS.fullmatch(text) else text


def sentinels(
    number: np.ndarray,
    low: float | np.ndarray,
    high: float | np.ndarray,
    group: np.ndarray | None = None,
) -> np.ndarray:
    """Find numbers that stand for "nothing measured".

    Parameters
    ----------
    number : array, (row,) [unit of the file]
    low, high : float, or arrays, (row,) [unit of the file]
        What can be real; a sentinel within is taken for a reading, unless it is ten times as large
        as all else of its series.
    group : int array, (row,), optional
        Series of each number; None for one.

    Returns
    -------
    bool array, (row,)
        True for values such as 9999 that lie outside and stand there at least twice.
    """
    found = np.zeros(number.size, dtype=bool)
    with np.errstate(invalid="ignore"):
        outside = (number < low) | (number > high)
        large = np.flatnonzero(~outside & (np.abs(number) >= _LARGE))
    large = large[np.isin(number[large], _SENTINELS)]
    outside[large] |= _far_off(number, large, group)
    outside = np.flatnonzero(outside)
    if not outside.size:
        return found
    values, inverse, n = np.unique(number[outside], return_inverse=True, return_counts=True)
    known = np.isin(values, _SENTINELS) & (n >= _SENTINEL_TWICE)
    found[outside[known[inverse]]] = True
    return found


def _far_off(number: np.ndarray, large: np.ndarray, group: np.ndarray | None) -> np.ndarray:
    """Whether numbers at `large` are an order of magnitude beyond all else of their series."""
    if not large.size:
        return np.zeros(0, dtype=bool)
    series = np.zeros(number.size, dtype=np.int64) if group is None else group
    most = np.full(int(series.max()) + 1, np.nan)
    rest = ~np.isin(number, _SENTINELS) & np.isfinite(number)
    np.fmax.at(most, series[rest], np.abs(number[rest]))
    return np.abs(number[large]) > _FAR * most[series[large]]
