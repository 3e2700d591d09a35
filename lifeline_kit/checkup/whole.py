"""One score of a city or district out of those of its lifelines, capped by the worst of them."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lifeline_kit.checkup.profile import Profile
from lifeline_kit.text import Text

NOTHING = Text("", "")
DIMENSIONS = {
    "condition": Text("本体状况", "Condition"),
    "operation": Text("运行状况", "Operation"),
    "monitoring": Text("监测保障", "Monitoring"),
}
RESPONSE = Text("处置响应", "Response")
"""The fourth dimension, scored only where tasks are given."""


def whole(
    subject: str,
    parts: list[dict],
    weights: pd.Series,
    titles: Mapping[str, Text],
    profile: Profile,
    red: bool,
) -> dict:
    """Weigh the lifelines of a city or district, and cap by the worst of them.

    Parameters
    ----------
    subject : str
        `city`, or the id of a district.
    parts : list of dict
        The total of each lifeline there.
    weights : Series, index lifeline
    titles : mapping of lifeline to Text
    profile : Profile
    red : bool
        Whether a red warning stands open there.

    Returns
    -------
    dict
        A row of scores; `raw` is the score before the cap.
    """
    known = [part for part in parts if pd.notna(part["score"])]
    heavy = [weights[part["lifeline"]] for part in parts]
    known_weight = sum(weights[part["lifeline"]] for part in known)
    completeness = float(np.average([part["completeness"] for part in parts], weights=heavy))
    enough = min(known_weight / sum(heavy), completeness) >= profile.minimum_completeness
    raw, score, pulled = np.nan, np.nan, NOTHING
    if known and enough:
        raw = sum(part["score"] * weights[part["lifeline"]] for part in known) / known_weight
        worst = min(known, key=lambda part: part["score"])
        title = titles[worst["lifeline"]]
        pulled = Text(
            f"最低：{title.zh} {worst['score']:.0f} 分",
            f"lowest: {title.en} {worst['score']:.0f}",
        )
        score = min(raw, cap(worst["score"], profile, red=red))
    return score_row(
        scope="city" if subject == "city" else "area",
        subject=subject,
        lifeline="",
        indicator="total",
        score=score,
        raw=raw,
        n=sum(part["n"] for part in parts),
        completeness=completeness,
        pulled=pulled,
        grade=profile.grade(score),
    )


def cap(worst: float, profile: Profile, *, red: bool) -> float:
    """Return the highest score that a whole may have beside its worst lifeline (short board).

    Parameters
    ----------
    worst : float
        Score of the worst lifeline.
    profile : Profile
    red : bool
        Whether a red warning stands open.
    """
    letters = [letter for letter, _ in profile.grades]
    best = letters.index(profile.grade(worst)) - profile.better_than_worst_grades
    ceiling = profile.ceiling(letters[max(best, 0)])
    return min(ceiling, profile.ceiling(profile.red_warning_grade)) if red else ceiling


def score_row(*, pulled: Text = NOTHING, **row: object) -> dict:
    """Build a row of `model.tables.SCORE_COLUMNS`; `raw` is the score unless given."""
    row.setdefault("raw", row["score"])
    return {**row, "pulled_down_zh": pulled.zh, "pulled_down_en": pulled.en}
