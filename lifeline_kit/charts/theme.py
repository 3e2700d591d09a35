"""Colours, shapes and words of risk levels, warning levels, scores and quality flags.

Risk and warning levels share a palette and not their words: "重大" is the red risk level and the
orange warning level. So each has an entry of its own, and warnings always carry their numeral.

The palette keeps a CIEDE2000 distance of at least 17 between any two levels for common forms of
colour blindness; yellow is too pale on white, so lines are cased and yellow carries dark ink.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from lifeline_kit.model.readings import FAIL, MISSING, NOT_EVALUATED, PASS, SUSPECT
from lifeline_kit.text import Text

RED, ORANGE, YELLOW, BLUE = "#a50026", "#f46d43", "#fee090", "#4575b4"
GREY = "#a7b0ba"
INK, MUTED, LINE, PAPER = "#1f2933", "#616e7c", "#dde3ea", "#ffffff"
CASING = "#3e4c59"
ACCENT = "#1f5fa8"
# Bokeh 3.9 draws legends as HTML and takes their size from the page around
LEGEND_CSS = ".bk-label { font-size: 11px !important; line-height: 1.25; }"
ATTRIBUTION = "© OpenStreetMap contributors"

SIMULATED = Text("模拟数据", "Simulated")
UNVERIFIED = Text("依据待核", "Source not verified")
UNKNOWN = Text("未知", "Unknown")


@dataclass(frozen=True, slots=True)
class Grade:
    """How one level is written and drawn.

    Attributes
    ----------
    text : Text
    colour, ink : str
        Fill, and the colour of text upon it.
    mark : str
        Numeral of a warning level, empty for a risk level.
    shape : str
        Matplotlib and Bokeh marker name shared by screen and paper.
    width : float [px]
        Line width on a map; it grows with the level.
    """

    text: Text
    colour: str
    ink: str
    mark: str
    shape: str
    width: float


RISK: dict[int, Grade] = {
    1: Grade(Text("重大", "Major"), RED, "#ffffff", "", "line", 4.0),
    2: Grade(Text("较大", "High"), ORANGE, INK, "", "line", 3.2),
    3: Grade(Text("一般", "Moderate"), YELLOW, INK, "", "line", 2.4),
    4: Grade(Text("低", "Low"), BLUE, "#ffffff", "", "line", 1.3),
    0: Grade(UNKNOWN, GREY, INK, "", "line", 1.1),
}
WARNING: dict[int, Grade] = {
    1: Grade(Text("特别重大", "Extremely serious"), RED, "#ffffff", "I", "diamond", 0),
    2: Grade(Text("重大", "Serious"), ORANGE, INK, "II", "triangle", 0),
    3: Grade(Text("较大", "Considerable"), YELLOW, INK, "III", "square", 0),
    4: Grade(Text("一般", "Ordinary"), BLUE, "#ffffff", "IV", "circle", 0),
}
FLAGS: dict[int, Grade] = {
    PASS: Grade(Text("合格", "Pass"), ACCENT, "#ffffff", "", "circle", 1.2),
    NOT_EVALUATED: Grade(Text("未检", "Not checked"), "#7b8794", "#ffffff", "", "circle", 1.2),
    SUSPECT: Grade(Text("存疑", "Suspect"), "#d9822b", INK, "", "triangle", 0),
    FAIL: Grade(Text("错误", "Fail"), RED, "#ffffff", "", "x", 0),
    MISSING: Grade(Text("缺测", "Missing"), GREY, INK, "", "circle", 0),
}

# Colours of what may be behind gas underground.
CAUSE = {"leak": RED, "biogas": "#5b8c5a", "sensor": "#8a94a6"}

# Colours of scores: grades A and B, C, D, E of the check-up profile.
SCORE_BANDS = ((80.0, BLUE), (66.0, YELLOW), (50.0, ORANGE), (0.0, RED))


def score_colour(score: float) -> str:
    """Return the colour of a score (0-100); grey where it is unknown.

    Examples
    --------
    >>> score_colour(91.0) == BLUE, score_colour(float("nan")) == GREY
    (True, True)
    """
    if pd.isna(score):
        return GREY
    return next(colour for floor, colour in SCORE_BANDS if score >= floor)


def ink_on(colour: str) -> str:
    """Return a readable text colour on a fill."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "#ffffff"


def local(time: ArrayLike | Sequence[pd.Timestamp], time_zone: str) -> pd.DatetimeIndex:
    """Turn stored times (UTC without zone) into wall-clock times of a city, without zone.

    Examples
    --------
    >>> str(local(["2026-10-01T00:00"], "Asia/Shanghai")[0])
    '2026-10-01 08:00:00'
    """
    index = pd.DatetimeIndex(np.asarray(time, dtype="datetime64[ms]"))
    return index.tz_localize("UTC").tz_convert(time_zone).tz_localize(None)
