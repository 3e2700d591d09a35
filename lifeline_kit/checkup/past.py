"""What an examination is compared with, and how it differs from that."""

from collections.abc import Iterable, Mapping

import pandas as pd

from lifeline_kit.checkup.changes import change_counts, over_periods, risk_changes, score_changes
from lifeline_kit.checkup.movers import score_movers
from lifeline_kit.checkup.profile import Profile
from lifeline_kit.lifelines import ALL
from lifeline_kit.model.examination import Examination, Past
from lifeline_kit.text import Text

_NO_EARLIER = Text("没有可比的上次体检。", "There is no earlier examination to compare with.")
_NO_PERIOD = Text(
    "历史中没有一个月前或一年前的体检。",
    "The history holds no examination of a month or a year ago.",
)
_NO_SCORE = Text("城市得分未知。", "The score of the city is unknown.")
_REWEIGHED = Text(
    "两次体检的权重不同，得分变化不能分解。",
    "The two examinations were weighed differently; the change cannot be split.",
)
_DAY = pd.Timedelta(days=1)
_PERIODS = {"month": (28, 31), "year": (365, 366)}
_SLACK = 3  # days


def periods_ago(moments: Iterable[pd.Timestamp], at: pd.Timestamp) -> dict[str, pd.Timestamp]:
    """Choose the moments that month-on-month and year-on-year compare with.

    Parameters
    ----------
    moments : iterable of Timestamp
        Of the examinations on file.
    at : Timestamp
        Of the present one.

    Returns
    -------
    dict
        `month` and `year`: the nearest to a month or a year ago, within three days, as
        `changes.over_periods` takes them. What the file does not hold is left out.

    Examples
    --------
    >>> days = [pd.Timestamp("2026-10-01"), pd.Timestamp("2026-10-30")]
    >>> periods_ago(days, pd.Timestamp("2026-10-31"))["month"]
    Timestamp('2026-10-01 00:00:00')
    """
    found = {}
    for name, (least, most) in _PERIODS.items():
        middle = 0.5 * (least + most) * _DAY
        near = [
            (abs((at - each - middle).total_seconds()), each)
            for each in moments
            if (least - _SLACK) * _DAY <= at - each <= (most + _SLACK) * _DAY
        ]
        if near:
            found[name] = min(near)[1]
    return found


def comparisons(
    assets: pd.DataFrame,
    examination: Examination,
    against: Mapping[str, Past | None],
    profile: Profile,
    *,
    listed: int = 2,
) -> tuple[dict[str, pd.DataFrame], dict[str, Text]]:
    """Compare an examination with earlier ones.

    Parameters
    ----------
    assets : DataFrame, index `asset`
    examination : Examination
    against : mapping of `before`, `month`, `year` to Past or None
    profile : Profile
        The one the examination was made with.
    listed : int, 1-4
        Level of the list of risks; see `changes.risk_changes`.

    Returns
    -------
    tables : dict of DataFrame
        `changes`, `change_counts`, `score_changes`, `periods`, `movers`; of their shape and empty
        where there is nothing to compare with.
    blanks : dict of Text
        Why a table is empty, or holds no figure.

    Raises
    ------
    TableError
    """
    before, now = against["before"], examination.scores
    now = now[now["scope"] != "asset"]
    past = examination.past() if before is None else before
    changes = risk_changes(past.risk, examination.risk, listed=listed)
    earlier = past.scores[past.scores["scope"] != "asset"]
    scored = score_changes(earlier if before else earlier[:0], now)
    blanks, movers = {}, _no_movers()
    if before is None:
        names = ("changes", "change_counts", "score_changes", "movers")
        blanks |= dict.fromkeys(names, _NO_EARLIER)
        changes, scored = changes[:0], scored[:0]
    elif before.weighting not in ("", profile.weighting.digest()):
        blanks["movers"] = _REWEIGHED
    else:
        both = [subject for subject in _wholes(now) if subject in _wholes(earlier)]
        moved = {
            subject: score_movers(earlier, now, ALL, profile.weighting, subject=subject)
            for subject in both
        }
        movers = pd.concat(moved, names=["subject"]) if moved else movers
        blanks |= {} if moved else {"movers": _NO_SCORE}
    if against["month"] is None and against["year"] is None:
        blanks["periods"] = _NO_PERIOD
    periods = {
        f"{name}_ago": each.scores[each.scores["scope"] != "asset"]
        for name in ("month", "year")
        if (each := against[name]) is not None
    }
    tables = {
        "changes": changes,
        "change_counts": change_counts(changes, assets),
        "score_changes": scored,
        "periods": over_periods(now, **periods),
        "movers": movers,
    }
    return tables, blanks


def _no_movers() -> pd.DataFrame:
    columns = ["weight_before", "weight_now", "score_before", "score_now", "by_score", "by_weight"]
    index = pd.MultiIndex.from_arrays([[], []], names=["subject", "lifeline"])
    return pd.DataFrame(columns=columns, index=index, dtype=float)


def _wholes(scores: pd.DataFrame) -> list[str]:
    """Return the city and the districts whose score is known."""
    total = scores[(scores["indicator"] == "total") & scores["raw"].notna()]
    return total["subject"][total["lifeline"] == ""].tolist()
