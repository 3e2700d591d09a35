"""Scores against a month and a year ago (环比, 同比)."""

from html import escape

import pandas as pd

from lifeline_kit.checkup.dossier import Dossier
from lifeline_kit.text import Lang, Text
from lifeline_kit.views import words
from lifeline_kit.views.checkuptables import signed_words, subject_name
from lifeline_kit.views.scoretables import table_card
from lifeline_kit.views.store import Store

_TITLE = Text("环比与同比", "Month-on-month and year-on-year")
_SUBJECT, _SCORE, _GRADE = Text("对象", "Subject"), Text("得分", "Score"), Text("等级", "Grade")
_MONTH, _YEAR = Text("环比", "On the month"), Text("同比", "On the year")
_AGAINST = Text(
    "环比对照 {month}；同比对照 {year}。", "Month: against {month}; year: against {year}."
)
_NONE = Text("尚无存档", "nothing on file")
_PARTS = Text("各维度", "Each dimension")


def periods_html(store: Store, told: Dossier, lang: Lang) -> str:
    """Write each score with its change over a month and a year; dashes where nothing is on file."""
    table = told.periods.reset_index()
    whole = (table["indicator"] == "total") & (
        (table["scope"] != "area") | (table["lifeline"] == "")
    )
    order = {"city": 0, "lifeline": 1, "area": 2}
    totals = table[whole].sort_values("scope", key=lambda scope: scope.map(order), kind="stable")
    rows = [
        f"<tr><td>{subject_name(store, row['subject'], lang)}</td>{_cells(row)}"
        f"<td>{escape(str(row['grade'])) or '—'}</td></tr>"
        for _, row in totals.iterrows()
    ]
    parts = table[(table["scope"] == "lifeline") & (table["indicator"] != "total")]
    inner = "".join(
        f"<tr><td>{subject_name(store, row['subject'], lang)} · "
        f"{escape(words.INDICATORS[row['indicator']](lang))}</td>{_cells(row)}</tr>"
        for _, row in parts.iterrows()
        if row["indicator"] in words.INDICATORS
    )
    head = "".join(f"<th>{each(lang)}</th>" for each in (_SUBJECT, _SCORE, _MONTH, _YEAR))
    zone = store.city.time_zone
    month, year = (
        _NONE(lang) if at is None else words.moment_words(at, zone, year=True)
        for at in (told.month_at, told.year_at)
    )
    blank = told.blanks.get("periods")
    said = blank(lang) if blank else _AGAINST.format(month=month, year=year)(lang)
    below = (
        f'<p class="small muted">{said}</p><details><summary>{_PARTS(lang)}</summary>'
        f'<div class="scroll tall"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{inner}</tbody></table></div></details>"
    )
    return table_card(_TITLE(lang), f"{head}<th>{_GRADE(lang)}</th>", rows, below=below)


def _cells(row: pd.Series) -> str:
    score = "—" if pd.isna(row["score"]) else f"<b>{row['score']:.1f}</b>"
    month, year = (signed_words(row[each]) for each in ("month_on_month", "year_on_year"))
    return f"<td>{score}</td><td>{month}</td><td>{year}</td>"
