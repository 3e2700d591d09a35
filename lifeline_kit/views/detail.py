"""What the overview shows of one asset: what is wrong, on which evidence, and how it scores."""

from html import escape

import pandas as pd
import panel as pn

from lifeline_kit.charts import theme
from lifeline_kit.charts.series import series_chart
from lifeline_kit.text import Lang, Text
from lifeline_kit.views import words
from lifeline_kit.views.elements import Chips, html, pill_html, simulated_html
from lifeline_kit.views.facts import AssetFacts, asset_facts
from lifeline_kit.views.store import Store
from lifeline_kit.vocabulary import quantity

_RISK = Text("风险：{level}", "Risk: {level}")
_FINDINGS = Text("发现的问题", "Findings")
_NO_FINDING = Text("本期没有发现问题。", "Nothing was found in this period.")
_SEVERITY = Text("严重度 {severity}", "severity {severity}")
_SOURCE = Text("依据：{source}", "Source: {source}")
_CAUSED = Text("由 {cause} 引起", "caused by {cause}")
_READINGS = Text("监测数据", "Readings")
_NO_SENSOR = Text("该设施没有测点。", "This asset has no sensor.")
_NO_READING = Text("该测点没有读数。", "This sensor has no readings.")
_SCORES = Text("体检得分", "Check-up scores")
_NO_SCORE = Text("没有测点，不单独评分。", "Not monitored, so not scored by itself.")
_PULLED = Text("主要失分：{what}", "Pulled down by: {what}")
_ATTRIBUTES = Text("基本属性", "Attributes")
_SINCE_UNTIL = Text("{since} 至 {until}", "{since} to {until}")
_SINCE = Text("{since} 起", "since {since}")
_MOST = 8  # findings written out; the gravest come first
_MORE = Text("另有 {n} 条较轻的问题。", "{n} further, lighter findings.")


def detail(store: Store, asset: str, lang: Lang) -> list[pn.viewable.Viewable]:
    """Lay out what is known about one asset.

    Parameters
    ----------
    store : Store
        With a stored examination.
    asset : str
        Id of an asset of the city.
    lang : {'zh', 'en'}
    """
    facts = asset_facts(store.city, store.examined(), asset, lang)
    return [
        html(f'<div class="sheet">{_name(facts, lang)}{_findings(facts, store, lang)}</div>'),
        *_readings(facts, store, lang),
        html(f'<div class="sheet">{_scores(facts, lang)}{_attributes(facts, lang)}</div>'),
    ]


def _name(facts: AssetFacts, lang: Lang) -> str:
    grade = theme.RISK[facts.risk]
    pill = pill_html(_RISK.format(level=grade.text(lang))(lang), grade.colour)
    return (
        f'<div class="name"><h2>{escape(facts.name)}</h2>{pill}'
        f"{simulated_html(facts.simulated, lang)}</div>"
        f'<p class="muted">{escape(facts.lifeline)} · {escape(facts.kind)} · '
        f"<code>{escape(facts.asset)}</code></p><p>{escape(facts.reason)}</p>"
    )


def _findings(facts: AssetFacts, store: Store, lang: Lang) -> str:
    zone = store.city.time_zone
    if not len(facts.findings):
        return f'<h3>{_FINDINGS(lang)}</h3><p class="muted">{_NO_FINDING(lang)}</p>'
    rows = [_finding(row, zone, lang) for _, row in facts.findings.head(_MOST).iterrows()]
    rest = len(facts.findings) - len(rows)
    more = f'<p class="muted">{_MORE.format(n=rest)(lang)}</p>' if rest else ""
    return f"<h3>{_FINDINGS(lang)}</h3>{''.join(rows)}{more}"


def _finding(row: pd.Series, zone: str, lang: Lang) -> str:
    still = pd.isna(row["until"])
    since = words.moment_words(row["since"], zone)
    until = words.moment_words(row["until"], zone)
    when = (_SINCE if still else _SINCE_UNTIL).format(since=since, until=until)(lang)
    state = words.OPEN if still else words.CLEARED
    tags = [f'<span class="tag">{state(lang)}</span>', when]
    tags.append(_SEVERITY.format(severity=f"{row['severity']:.2f}")(lang))
    source = (row["source_zh"] if lang == "zh" else "") or row["source"]
    if source:
        tags.append(escape(_SOURCE.format(source=source)(lang)))
    if not row["verified"]:
        tags.append(f'<span class="tag doubt">{theme.UNVERIFIED(lang)}</span>')
    if row["cause"]:
        tags.append(escape(_CAUSED.format(cause=row["cause"])(lang)))
    level = int(row["level"])
    pill = pill_html(theme.WARNING[level].mark, theme.WARNING[level].colour) if level else ""
    return (
        f'<div class="finding{" open" if still else ""}">'
        f"<b>{escape(row[f'title_{lang}'])}</b> {pill}"
        f"<p>{escape(row[f'evidence_{lang}'])}</p>"
        f'<div class="tags">{"".join(f"<span>{tag}</span>" for tag in tags)}</div></div>'
    )


def _readings(facts: AssetFacts, store: Store, lang: Lang) -> list[pn.viewable.Viewable]:
    heading = html(f'<div class="sheet"><h3>{_READINGS(lang)}</h3></div>')
    if not len(facts.sensors):
        return [heading, html(f'<div class="sheet"><p class="muted">{_NO_SENSOR(lang)}</p></div>')]
    named = facts.findings["sensor"]
    first = next((s for s in named if s in facts.sensors.index), facts.sensors.index[0])
    chart = pn.Column(_chart(facts, store, first, lang), margin=0, sizing_mode="stretch_width")
    if len(facts.sensors) == 1:
        return [heading, chart]
    choice = Chips(
        options=[
            {"key": sensor, "text": _sensor_title(row, lang)}
            for sensor, row in facts.sensors.iterrows()
        ],
        value=first,
        margin=(0, 16, 6, 16),
        sizing_mode="stretch_width",
    )

    def show(_: object) -> None:
        chart[:] = [_chart(facts, store, choice.value, lang)]

    choice.param.watch(show, "value")
    return [heading, choice, chart]


def _sensor_title(row: pd.Series, lang: Lang) -> str:
    return quantity(row["quantity"]).title(lang)


def _chart(facts: AssetFacts, store: Store, sensor: str, lang: Lang) -> pn.viewable.Viewable:
    series = store.series([sensor]).get(sensor)
    if series is None:
        return html(f'<div class="sheet"><p class="muted">{_NO_READING(lang)}</p></div>')
    row = facts.sensors.loc[sensor]
    own = facts.findings[facts.findings["sensor"] == sensor]
    spans = [(each.since, each.until, getattr(each, f"title_{lang}")) for each in own.itertuples()]
    limits = {name: float(row[name]) for name in ("limit_low", "limit_high") if name in row}
    figure = series_chart(
        series,
        unit=row["unit"],
        title=f"{_sensor_title(row, lang)} · {sensor}",
        lang=lang,
        time_zone=store.city.time_zone,
        limits=limits,
        spans=spans,
    )
    return pn.pane.Bokeh(figure, sizing_mode="stretch_width", height=figure.height, margin=(0, 6))


def _scores(facts: AssetFacts, lang: Lang) -> str:
    if not facts.scores:
        return f'<h3>{_SCORES(lang)}</h3><p class="muted">{_NO_SCORE(lang)}</p>'
    rows = "".join(_bar(title, score) for title, score, _ in facts.scores)
    pulled = _PULLED.format(what=facts.pulled_down)(lang) if facts.pulled_down else ""
    return f'<h3>{_SCORES(lang)}</h3>{rows}<p class="muted">{escape(pulled)}</p>'


def _bar(title: str, score: float) -> str:
    known = not pd.isna(score)
    width, colour = (score, theme.score_colour(score)) if known else (0, theme.GREY)
    number = f"{score:.0f}" if known else "—"
    return (
        f'<div class="score"><span>{escape(title)}</span><span class="track">'
        f'<i style="width:{width:.0f}%;background:{colour}"></i></span>'
        f'<span class="n">{number}</span></div>'
    )


def _attributes(facts: AssetFacts, lang: Lang) -> str:
    rows = "".join(
        f"<div><span>{escape(title)}</span><span>{escape(value)}</span></div>"
        for title, value in facts.attributes
    )
    return f'<h3>{_ATTRIBUTES(lang)}</h3><div class="attributes">{rows}</div>'
