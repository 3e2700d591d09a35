"""What the warning desk says: items of the ledger turned into words. Pure; no Panel."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import pandas as pd

from lifeline_kit.charts import theme
from lifeline_kit.early_warning.duty import Duty
from lifeline_kit.early_warning.indicators import INDICATORS
from lifeline_kit.early_warning.timers import clocks
from lifeline_kit.model.city import City
from lifeline_kit.model.ledger import CLOSED, MACHINES, STATES, VERDICTS, Event
from lifeline_kit.text import Lang, Text
from lifeline_kit.views import words
from lifeline_kit.views.elements import pill_html, shape_html
from lifeline_kit.views.facts import name_of

CLOCKS = {
    "response": Text("响应", "Response"),
    "control": Text("控险", "Control"),
    "closing": Text("解除", "Closing"),
}
_STEPS = CLOCKS | {
    "unreceived": Text("未接收", "not received"),
    "supervised": Text("督办到期", "supervision is over"),
}
STATE_COLOURS = {
    "pending": "#d9480f",
    "handling": "#1f5fa8",
    "review": "#7a4b00",
    "release": "#2b7a4b",
    "closed": "#52606d",
    "merged": "#52606d",
}
# what a person may do, in the order of a day; the rest is done by data or by the watch
PERIOD_D = 31  # of the indicators
BY_HAND = (
    "receive", "assign", "dispose", "control", "submit", "return", "close", "escalate",
    "supervise", "merge", "note",
)  # fmt: skip
_LATE = Text("超时 {span}", "{span} late")
_LEFT = Text("剩余 {span}", "{span} left")
_MET = Text("用时 {span}", "took {span}")
_MET_LATE = Text("用时 {span}，已超时", "took {span}, late")
_EVIDENCE, _HISTORY = Text("依据", "Grounds"), Text("过程", "What was done")
_SUPERVISED = Text("挂牌督办", "Supervised")
_ISSUED = Text("{at} 发布 · {unit}", "issued {at} · {unit}")
_VERDICT = Text("结论：{verdict}", "verdict: {verdict}")
_QUIET = Text("数据自 {at} 起恢复", "data back since {at}")
_DONE = Text("指标（近 {n} 天发布的预警）", "Indicators (warnings issued in the last {n} days)")
_WASTE = Text("规则准确率与误报耗时", "Rules: how often right, and hours that false ones cost")
_RULE_HEAD = (
    Text("规则", "Rule"),
    Text("已研判", "Judged"),
    Text("属实", "Real"),
    Text("误报耗时 h", "Wasted h"),
    Text("单位", "Unit"),
)
_NO_VERDICT = Text("尚无研判结论", "no verdict yet")


def allowed(state: str) -> list[str]:
    """Acts that a person may do in a state."""
    return [act for act in BY_HAND if state in MACHINES["warning"][act].moves]


def queue_rows(
    city: City, items: pd.DataFrame, duty: Duty, now: np.datetime64, lang: Lang
) -> list[dict]:
    """Rows of the list of warnings; what is late says so."""
    rows = []
    for item, row in items.iterrows():
        grade = theme.WARNING[int(row["level"])]
        body = row["body"]
        late = [
            CLOCKS[name](lang) for name, until, met in clocks(row, duty) if met is None
            and until < now
        ]  # fmt: skip
        words_late = _LATE.format(span="、".join(late) if lang == "zh" else ", ".join(late))
        rows.append(
            {
                "key": str(item),
                "asset": str(item),
                "mark": grade.mark,
                "shape": grade.shape,
                "colour": grade.colour,
                "ink": grade.ink,
                "level": STATES[row["state"]](lang),
                "title": title_of(body, lang),
                "place": place_of(city, body, lang),
                "lifeline": words.lifeline_title(row["lifeline"], lang),
                "since": words.moment_words(row["opened"], city.time_zone),
                "sensors": words_late(lang) if late else "",
            }
        )
    return rows


def title_of(body: Mapping, lang: Lang) -> str:
    """Name a warning, fit for a line."""
    return words.shown(body.get(f"title_{lang}") or body.get("title_zh", ""))


def place_of(city: City, body: Mapping, lang: Lang) -> str:
    """Name the place of a warning or an alarm, fit for a line."""
    asset = str(body.get("asset", ""))
    name = name_of(city, asset, lang) if asset in city.assets.index else asset
    return words.shown(name, most=80)


def warning_html(
    city: City,
    item: str,
    row: pd.Series,
    events: Sequence[Event],
    duty: Duty,
    now: np.datetime64,
    lang: Lang,
) -> str:
    """Write one warning: what, since when, its clocks, grounds and history."""
    grade, body = theme.WARNING[int(row["level"])], row["body"]
    sign = shape_html(grade.shape, grade.colour, grade.ink, grade.mark)
    state = pill_html(STATES[row["state"]](lang), STATE_COLOURS[row["state"]])
    more = pill_html(_SUPERVISED(lang), "#912018") if row["supervised"] else ""
    unit = str(body.get("unit_en" if lang == "en" else "unit") or row["unit"])
    issued = _ISSUED.format(
        at=words.moment_words(row["opened"], city.time_zone, year=True), unit=unit
    )(lang)
    facts = [place_of(city, body, lang), issued]
    if body.get("quiet_since"):
        at = words.moment_words(pd.Timestamp(body["quiet_since"]), city.time_zone)
        facts.append(_QUIET.format(at=at)(lang))
    if row["state"] == CLOSED and body.get("verdict") in VERDICTS:
        facts.append(_VERDICT.format(verdict=VERDICTS[body["verdict"]](lang))(lang))
    grounds = str(body.get(f"evidence_{lang}", ""))
    return (
        f'<div class="sheet deskitem" data-item="{escape(item, quote=True)}">'
        f'<div class="name">{sign}<h2>{escape(title_of(body, lang))}</h2>{state}{more}</div>'
        f'<p class="muted">{escape(" · ".join(facts))}</p>'
        f"{_clocks_html(row, duty, now, lang)}"
        f"<h3>{_EVIDENCE(lang)}</h3><p>{escape(words.shown(grounds, most=600))}</p>"
        f"<h3>{_HISTORY(lang)}</h3>{history_html(city, events, lang)}</div>"
    )


def _clocks_html(row: pd.Series, duty: Duty, now: np.datetime64, lang: Lang) -> str:
    opened = row["opened"].to_datetime64()
    cells = []
    for name, until, met in clocks(row, duty):
        if met is None:
            late = until < now
            text = (_LATE if late else _LEFT).format(span=_span(abs(until - now), lang))
        else:
            late = met > until
            text = (_MET_LATE if late else _MET).format(span=_span(met - opened, lang))
        colour = "#912018" if late else "#1f2933"
        cells.append(
            f'<span data-clock="{name}"><small>{CLOCKS[name](lang)}</small>'
            f'<b style="color:{colour}">{text(lang)}</b></span>'
        )
    return f'<div class="numbers">{"".join(cells)}</div>'


def _span(span: np.timedelta64, lang: Lang) -> str:
    return words.duration_words(pd.Timedelta(span), lang)


def history_html(city: City, events: Sequence[Event], lang: Lang) -> str:
    """Write what was done, the latest first."""
    rows = []
    for event in reversed(events[-30:]):
        act = MACHINES[event.entity][event.act].title(lang)
        at = words.moment_words(pd.Timestamp(event.at), city.time_zone)
        names = ("text", "reason", "unit", "verdict", "step", "basis", "into", "by", "until")
        said = " · ".join(
            _word(name, str(event.body[name]), lang) for name in names if event.body.get(name)
        )
        rows.append(
            f"<tr><td>{at}</td><td class='text'>{act}</td>"
            f"<td class='text'>{escape(event.actor)}</td>"
            f"<td class='text'>{escape(words.shown(said, most=160))}</td></tr>"
        )
    return f'<table class="cold history"><tbody>{"".join(rows)}</tbody></table>'


def _word(name: str, value: str, lang: Lang) -> str:
    """Write what was said with an act; keys of ours in words."""
    if name == "verdict" and value in VERDICTS:
        return VERDICTS[value](lang)
    if name == "step":
        step, _, number = value.partition("-")
        return f"{_STEPS[step](lang)} {number}".strip() if step in _STEPS else value
    return value


def indicators_html(found: pd.DataFrame, lang: Lang) -> str:
    """Write the indicators; each opens the rows it rests on."""
    cells = []
    for name, row in found.iterrows():
        value = "–" if pd.isna(row["value"]) else _written(row["value"], row["unit"])
        rows = "".join(
            f"<li>{escape(words.shown(item, most=80))}</li>" for item in row["items"][:60]
        )
        cells.append(
            f'<details data-indicator="{name}"><summary><small>{INDICATORS[str(name)](lang)} '
            f"(n={row['n']})</small><b>{value}</b></summary><ul>{rows}</ul></details>"
        )
    return (
        f'<h3>{_DONE.format(n=PERIOD_D)(lang)}</h3><div class="numbers four">{"".join(cells)}</div>'
    )


def _written(value: float, unit: str) -> str:
    if unit == "share":
        return f"{100 * value:.0f} %"
    return f"{value:,.0f}" + (f" {unit}" if unit != "1" else "")


def precision_html(table: pd.DataFrame, lang: Lang) -> str:
    """Write which rule wastes whose time."""
    head = "".join(f"<th class='text'>{title(lang)}</th>" for title in _RULE_HEAD)
    rows = "".join(
        f"<tr><td class='text'>{escape(str(rule))}</td><td class='text'>{row['judged']}</td>"
        f"<td class='text'>{100 * row['precision']:.0f} %</td>"
        f"<td class='text'>{row['wasted_h']:.1f}</td>"
        f"<td class='text'>{escape('、'.join(row['units']) if row['real'] < row['judged'] else '')}"
        "</td></tr>"
        for rule, row in table.head(8).iterrows()
    )
    empty = f"<p class='muted small'>{_NO_VERDICT(lang)}</p>" if table.empty else ""
    body = f"<table class='cold'><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f"<h3>{_WASTE(lang)}</h3>{empty or body}"
