"""Every value of a report under its query id: the path of its field in the report's JSON.

The id of `report.chapters[0].monitoring["online"]` is `chapters[gas].monitoring.online`: rows are
named by their own key, not by their place, so the id still means the same in next month's report.
Since ids are derived and never written down, no value can be without one.
"""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from lifeline_kit.model.lifeline import Lifeline
from lifeline_kit.reports.legible import legible
from lifeline_kit.text import Lang

_ROW_KEYS = ("id", "asset", "key", "lifeline")


def plain(value: Any) -> Any:
    """Turn a report into what JSON knows; unknown numbers become null."""
    if isinstance(value, Lifeline):
        return value.key
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def figures(value: object, at: str = "") -> dict[str, object]:
    """Flatten a plain report to its values by query id.

    Parameters
    ----------
    value : object
        From `plain`, or from the JSON of a report.
    at : str
        Path of `value` itself.

    Examples
    --------
    >>> figures({"score": 81.5, "districts": [{"id": "Z1", "n": 6}], "notes": ["one"]})
    {'score': 81.5, 'districts[Z1].id': 'Z1', 'districts[Z1].n': 6, 'notes[0]': 'one'}
    """
    if isinstance(value, dict):
        parts = [(f"{at}.{key}" if at else str(key), each) for key, each in value.items()]
    elif isinstance(value, list):
        parts = [(f"{at}[{key}]", each) for key, each in zip(_keys(value), value, strict=True)]
    else:
        return {at: value}
    return {path: leaf for where, each in parts for path, leaf in figures(each, where).items()}


def _keys(rows: list) -> list[str]:
    """Name rows by their own key where all have one and none stands twice, else by number."""
    for name in _ROW_KEYS:
        keys = [str(row.get(name, "")) for row in rows if isinstance(row, dict)]
        if len(keys) == len(rows) == len(set(keys)) and all(keys):
            return keys
    return [str(number) for number in range(len(rows))]


class Figure:
    """A value of a report that knows its query id, and so do all values below it.

    Parameters
    ----------
    value : object
        From `plain`.
    lang : {'zh', 'en'}
    marked : bool
        Whether it carries its id into HTML (`data-q`); paper has no use for it.
    q : str
        The id.
    """

    __slots__ = ("_lang", "_marked", "bare", "q")

    def __init__(self, value: Any, *, lang: Lang, marked: bool = False, q: str = "") -> None:
        self.bare = value
        self.q = q
        self._lang = lang
        self._marked = marked

    def _child(self, value: Any, q: str) -> "Figure":
        return Figure(value, lang=self._lang, marked=self._marked, q=q)

    def __getitem__(self, key: str) -> "Figure":
        if not isinstance(self.bare, dict):
            raise KeyError(key)
        return self._child(self.bare[key], f"{self.q}.{key}" if self.q else key)

    def __getattr__(self, name: str) -> "Figure":
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __iter__(self) -> Iterator["Figure"]:
        rows = self.bare if isinstance(self.bare, list) else []
        for key, each in zip(_keys(rows), rows, strict=True):
            yield self._child(each, f"{self.q}[{key}]")

    def items(self) -> list[tuple[str, "Figure"]]:
        """Keys and values of a mapping."""
        return [(key, self[key]) for key in self.bare] if isinstance(self.bare, dict) else []

    def __len__(self) -> int:
        return len(self.bare) if isinstance(self.bare, list | dict | str) else 0

    def __bool__(self) -> bool:
        return bool(self.bare)

    def __eq__(self, other: object) -> bool:
        return self.bare == (other.bare if isinstance(other, Figure) else other)

    __hash__ = None

    def as_number(self, digits: int = 0) -> str:
        """Write a number; a dash where it is unknown."""
        return f"{self.bare:,.{digits}f}" if isinstance(self.bare, int | float) else "–"

    def as_share(self, digits: int = 1) -> str:
        """Write a share as per cent."""
        known = isinstance(self.bare, int | float)
        return f"{100 * self.bare:.{digits}f} %" if known else "–"

    def __str__(self) -> str:
        return legible(str(self.bare), self._lang)

    def mark(self, shown: str) -> Markup:
        """Return what is shown as HTML, with the id where ids are asked for."""
        text = escape(shown)
        if not self._marked or not shown:
            return text
        q = escape(legible(self.q, self._lang))
        return Markup(f'<span data-q="{q}" title="{q}">{text}</span>')

    def __html__(self) -> str:
        return self.mark(str(self))
