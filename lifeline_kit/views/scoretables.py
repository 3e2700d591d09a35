"""Scores of the city, its lifelines and districts, written as tables; grey where unknown."""

from html import escape

import pandas as pd

from lifeline_kit.charts import theme
from lifeline_kit.text import Lang, Text
from lifeline_kit.views import words
from lifeline_kit.views.elements import pill_html
from lifeline_kit.views.store import Store

_CITY = Text("城市体检得分", "Check-up score of the city")
_RAW, _PERIOD = Text("封顶前得分", "Before the cap"), Text("体检时段", "Period")
_CAP = Text(
    "最差专项的等级会封住城市得分，避免平均数掩盖短板。",
    "The worst lifeline caps the city, so that an average cannot hide it.",
)
_N, _COMPLETE = Text("设施数", "Assets"), Text("完整率", "Completeness")
_LIFELINE, _GRADE = Text("专项", "Lifeline"), Text("等级", "Grade")
_LOST = Text("主要失分", "Pulled down by")
_BY_LIFELINE = Text("各专项得分", "Scores of the lifelines")
_BY_DISTRICT = Text("各片区得分", "Scores of the districts")
_DISTRICT = Text("片区", "District")
_UNKNOWN = Text("资料不足", "no data")
_RULE = Text(
    "完整率低于 60 % 的不评分，以灰色表示。", "No score, grey, where completeness is below 60 %."
)
_DIMENSIONS = ("condition", "operation", "monitoring", "total")


def _cell(score: float, lang: Lang) -> str:
    if pd.isna(score):
        return f'<span class="cell unknown">{_UNKNOWN(lang)}</span>'
    colour = theme.score_colour(score)
    style = f"background:{colour};color:{theme.ink_on(colour)}"
    return f'<span class="cell" style="{style}">{score:.1f}</span>'


def city_html(store: Store, scores: pd.DataFrame, lang: Lang) -> str:
    """Write the score of the city, raw and capped."""
    total = scores[(scores["scope"] == "city") & (scores["indicator"] == "total")]
    if not len(total):
        return f'<div class="card"><h2>{_CITY(lang)}</h2><p>{_UNKNOWN(lang)}</p></div>'
    row, zone = total.iloc[0], store.city.time_zone
    known = not pd.isna(row["score"])
    period = " – ".join(
        words.moment_words(row[key], zone, year=True)[:10] for key in ("since", "until")
    )
    facts = (
        (_RAW, f"{row['raw']:.1f}" if known else "—"),
        (_PERIOD, period),
        (_N, f"{row['n']:,}"),
        (_COMPLETE, f"{row['completeness']:.1%}"),
        (_LOST, escape(row[f"pulled_down_{lang}"])),
    )
    listed = "".join(f"<dt>{title(lang)}</dt><dd>{value}</dd>" for title, value in facts)
    colour = theme.score_colour(row["score"])
    number = f"{row['score']:.1f}" if known else "—"
    grade = pill_html(f"{_GRADE(lang)} {row['grade']}", colour) if known else _UNKNOWN(lang)
    return (
        f'<div class="card"><h2>{_CITY(lang)}</h2><div class="hero">'
        f'<span class="big">{number}</span>{grade}<dl>{listed}</dl></div>'
        f'<p class="small muted">{_CAP(lang)} {_RULE(lang)}</p></div>'
    )


def lifelines_html(scores: pd.DataFrame, lang: Lang) -> str:
    """Write a row of scores per lifeline."""
    rows = scores[scores["scope"] == "lifeline"]
    body = []
    for key, part in rows.groupby("lifeline", sort=False):
        values = part.set_index("indicator")
        total = values.loc["total"]
        cells = "".join(
            f"<td>{_cell(values['score'].get(each, float('nan')), lang)}</td>"
            for each in _DIMENSIONS
        )
        body.append(
            f"<tr><td>{words.lifeline_title(str(key), lang)}</td>{cells}"
            f"<td>{total['grade'] or '—'}</td>"
            f"<td>{total['n']:,}</td><td>{total['completeness']:.1%}</td>"
            f'<td class="text">{escape(total["pulled_down_" + lang])}</td></tr>'
        )
    heads = [words.INDICATORS[each] for each in _DIMENSIONS] + [_GRADE, _N, _COMPLETE]
    head = "".join(f"<th>{title(lang)}</th>" for title in heads)
    return table_card(
        _BY_LIFELINE(lang),
        f'<th>{_LIFELINE(lang)}</th>{head}<th class="text">{_LOST(lang)}</th>',
        body,
    )


def districts_html(store: Store, scores: pd.DataFrame, lang: Lang) -> str:
    """Write a row of scores per district, a column per lifeline."""
    total = scores[(scores["scope"] == "area") & (scores["indicator"] == "total")]
    table = total.pivot_table(index="subject", columns="lifeline", values="score", dropna=False)
    keys = [key for key in words.LIFELINES if key in table.columns]
    whole = total[total["lifeline"] == ""].set_index("subject")
    body = []
    for subject, row in table.iterrows():
        share = whole["completeness"].get(subject, float("nan"))
        known = "—" if pd.isna(share) else f"{share:.1%}"
        cells = "".join(
            f"<td>{_cell(row.get(key, float('nan')), lang)}</td>" for key in ["", *keys]
        )
        body.append(
            f"<tr><td>{escape(area_name(store, str(subject), lang))}</td>{cells}"
            f"<td>{whole['grade'].get(subject, '') or '—'}</td><td>{known}</td></tr>"
        )
    head = "".join(f"<th>{words.lifeline_title(key, lang)}</th>" for key in keys)
    first = f"<th>{_DISTRICT(lang)}</th><th>{words.INDICATORS['total'](lang)}</th>"
    return table_card(
        _BY_DISTRICT(lang), f"{first}{head}<th>{_GRADE(lang)}</th><th>{_COMPLETE(lang)}</th>", body
    )


def table_card(title: str, head: str, body: list[str], *, below: str = "") -> str:
    """Write a table in a card, with what stands below it."""
    return (
        f'<div class="card"><h2>{title}</h2><div class="scroll"><table>'
        f"<thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table></div>{below}</div>"
    )


def area_name(store: Store, area: str, lang: Lang) -> str:
    """Name of an area, its id where it has none."""
    areas = store.city.areas
    return str(areas[f"name_{lang}"].loc[area]) if area in areas.index else area
