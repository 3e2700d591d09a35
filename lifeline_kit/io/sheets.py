"""A table as it lies in a file, before anything is understood: cells, line numbers, raw text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lifeline_kit.text import Text

RAW_MOST = 200  # characters of a bad line that are kept


def no_raw(rows: np.ndarray) -> list[str]:
    """Raw text of a format that has none."""
    return [""] * len(rows)


@dataclass(slots=True, kw_only=True)
class Sheet:
    """One table as read.

    Attributes
    ----------
    member : str
        Name of the file, of the member of an archive, or of the sheet.
    where : str
        The same for messages.
    frame : DataFrame
        Columns by header; text, numbers or datetimes.
    lines : int array, (row,)
        Line or row in the file, counted from 1.
    raw : callable
        Positions of rows to their raw text.
    malformed : list of (line, raw text)
        Lines that are no rows of this table.
    short : bool array, (row,)
        Rows with fewer cells than the header.
    rows : int
        Lines that were not blank, malformed ones included.
    decided : dict of str to Text
    decimal_comma : bool
    names : sequence of str
        File and member names.
    """

    member: str
    where: str
    frame: pd.DataFrame
    lines: np.ndarray
    raw: Callable[[np.ndarray], list[str]] = no_raw
    malformed: list[tuple[int, str]] = field(default_factory=list)
    short: np.ndarray | None = None
    decided: dict[str, Text] = field(default_factory=dict)
    decimal_comma: bool = False
    names: Sequence[str] = ()

    @property
    def rows(self) -> int:
        """Lines that were not blank."""
        return len(self.frame) + len(self.malformed)


def shortened(text: str) -> str:
    """Cut raw text to what a report can show."""
    return text if len(text) <= RAW_MOST else f"{text[:RAW_MOST]}…"
