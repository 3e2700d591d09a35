"""What the alarms page says: alarms of the ledger and their load turned into words."""

from collections.abc import Sequence
from html import escape

import numpy as np
import pandas as pd

from lifeline_kit.charts import theme
from lifeline_kit.early_warning.duty import Duty
from lifeline_kit.early_warning.load import DeskLoad
from lifeline_kit.model.city import City
from lifeline_kit.model.ledger import STATES, Event
from lifeline_kit.model.readings import stamp
from lifeline_kit.text import Lang, Text
from lifeline_kit.views import words
from lifeline_kit.views.desk_facts import history_html, place_of, title_of
from lifeline_kit.views.desk_layout import basis_html
from lifeline_kit.views.elements import pill_html, shape_html

PERIOD_D = 31
_SHOWN = 200
STATE_COLOURS = {
    "raised": "#d9480f",
    "acknowledged": "#1f5fa8",
    "shelved": "#52606d",
    "cleared": "#2b7a4b",
}
_DEVICE = Text("器", "D")  # of a device in question, not of the medium
_DEVICE_COLOUR = "#7b8794"
_KIND = {
    True: Text("设备报警（不作介质报警）", "alarm of the device, not of the medium"),
    False: Text("越限报警", "limit alarm"),
}
_VALUE = Text("{value} {unit}，限值 {limit} {unit}", "{value} {unit}; limit {limit} {unit}")
_SINCE = Text("自 {at} 起，已 {span}", "since {at}, for {span}")
_SHELF = Text("搁置至 {at}：{reason}", "shelved until {at}: {reason}")
_AGAIN = Text("已再次报警", "announced again")
_EVIDENCE, _HISTORY = Text("依据", "Grounds"), Text("过程", "What was done")
_LOAD = Text("报警负荷（近 {n} 天）", "Alarm load (last {n} days)")
_TILES = {
    "n": Text("报警总数", "Alarms"),
    "per_day": Text("日均", "Per day"),
    "most": Text("{w:g} 分钟内最多", "Most in {w:g} min"),
    "acceptable": Text("{w:g} 分钟内多于 {n} 条", "More than {n} in {w:g} min"),
    "manageable": Text("{w:g} 分钟内多于 {n} 条", "More than {n} in {w:g} min"),
    "floods": Text("报警泛滥", "Floods"),
    "flood_share": Text("泛滥时间占比", "Time in flood"),
    "device": Text("设备类占比", "Of devices"),
}
_FLOODS = Text("报警泛滥（{w:g} 分钟内多于 {n} 条）", "Floods (more than {n} in {w:g} min)")
_CHATTER = Text(
    "反复报警（{w:g} 分钟内至少 {n} 次）", "Chattering (at least {n} times in {w:g} min)"
)
_STALE = Text("长期未消除（{h:g} 小时以上，仍在报警）", "Stale (standing for {h:g} h or more)")
_TOP = Text("报警最多的来源", "Sources with most alarms")
_NONE = Text("无", "none")


def alarm_rows(city: City, items: pd.DataFrame, now: np.datetime64, lang: Lang) -> list[dict]:
    """Rows of the list of alarms that stand."""
    rows = []
    for item, row in items.iterrows():
        body = row["body"]
        shape, colour, ink, mark = _sign(row, lang)
        rows.append(
            {
                "key": str(item),
                "asset": str(item),
                "mark": mark,
                "shape": shape,
                "colour": colour,
                "ink": ink,
                "level": STATES[row["state"]](lang),
                "title": title_of(body, lang),
                "place": place_of(city, body, lang),
                "lifeline": words.lifeline_title(row["lifeline"], lang),
                "since": words.moment_words(_since(row), city.time_zone),
                "sensors": words.duration_words(pd.Timestamp(now) - _since(row), lang),
            }
        )
    return rows


def _sign(row: pd.Series, lang: Lang) -> tuple[str, str, str, str]:
    if row["body"].get("health"):
        return "square", _DEVICE_COLOUR, "#ffffff", _DEVICE(lang)
    grade = theme.WARNING[int(row["level"])]
    return grade.shape, grade.colour, grade.ink, grade.mark


def _since(row: pd.Series) -> pd.Timestamp:
    return stamp(np.datetime64(row["body"].get("since", row["opened"]), "ms"))


def alarm_html(
    city: City, item: str, row: pd.Series, events: Sequence[Event], now: np.datetime64, lang: Lang
) -> str:
    """Write one alarm: what was measured, against which limit, since when, what was done."""
    body = row["body"]
    sign = shape_html(*_sign(row, lang))
    state = pill_html(STATES[row["state"]](lang), STATE_COLOURS[row["state"]])
    more = pill_html(_AGAIN(lang), "#7a4b00") if "again" in row["times"] else ""
    facts = [
        _KIND[bool(body.get("health"))](lang),
        f"{place_of(city, body, lang)} · {body.get('sensor', '')}",
        _SINCE.format(
            at=words.moment_words(_since(row), city.time_zone, year=True),
            span=words.duration_words(pd.Timestamp(now) - _since(row), lang),
        )(lang),
    ]
    if "value" in body and "limit" in body:
        numbers = {name: f"{body[name]:.4g}" for name in ("value", "limit")}
        facts.append(_VALUE.format(unit=body.get("measured_in", ""), **numbers)(lang))
    if row["state"] == "shelved":
        at = words.moment_words(pd.Timestamp(body["until"]), city.time_zone)
        facts.append(_SHELF.format(at=at, reason=words.shown(str(body["reason"]), most=120))(lang))
    lines = "".join(f'<p class="muted">{escape(fact)}</p>' for fact in facts)
    grounds = escape(words.shown(str(body.get(f"evidence_{lang}", "")), most=600))
    return (
        f'<div class="sheet alarmitem" data-item="{escape(item, quote=True)}">'
        f'<div class="name">{sign}<h2>{escape(title_of(body, lang))}</h2>{state}{more}</div>'
        f"{lines}<h3>{_EVIDENCE(lang)}</h3><p>{grounds}</p>"
        f"<h3>{_HISTORY(lang)}</h3>{history_html(city, events, lang)}</div>"
    )


def load_html(found: DeskLoad, duty: Duty, city: City, lang: Lang) -> str:
    """Write the load of a desk: numbers, floods, chatter, stale alarms and worst sources."""
    desk, load = duty.desk, found.load
    shares = load.time_above
    values = {
        "n": f"{load.n:,}",
        "per_day": f"{24 * load.per_hour:.1f}",
        "most": f"{load.most}",
        "acceptable": f"{100 * shares[desk.acceptable]:.2f} %",
        "manageable": f"{100 * shares[desk.manageable]:.2f} %",
        "floods": f"{len(load.floods)}",
        "flood_share": f"{100 * load.flood_share:.2f} %",
        "device": "–" if np.isnan(found.device_share) else f"{100 * found.device_share:.0f} %",
    }
    limits = {"acceptable": desk.acceptable, "manageable": desk.manageable}
    rows = _rows_of(found, desk.window_min)
    cells = "".join(
        _cell(
            name,
            _TILES[name].format(w=desk.window_min, n=limits.get(name, 0))(lang),
            value,
            rows.get(name),
            city,
        )
        for name, value in values.items()
    )
    standing = found.stale[found.stale["until"].isna()]
    floods = [
        f"{words.moment_words(row['since'], city.time_zone)} – "
        f"{words.moment_words(row['until'], city.time_zone)} · {row['n']}"
        for _, row in load.floods.iterrows()
    ]
    chatter = [f"{source} · {row['most']} / {row['n']}" for source, row in found.chatter.iterrows()]
    top = [
        f"{source} · {row['n']:.0f} ({100 * row['share']:.0f} %)"
        for source, row in found.top.iterrows()
        if row["n"] > 1
    ]
    parts = [
        (_FLOODS.format(w=desk.window_min, n=desk.flood_on), floods),
        (_CHATTER.format(w=desk.chatter_min, n=desk.chatter), chatter),
        (_STALE.format(h=desk.stale_h), list(standing["source"])),
        (_TOP, top),
    ]
    lists = "".join(_listed(title(lang), lines, lang) for title, lines in parts)
    return (
        f'<div class="sheet"><h3>{_LOAD.format(n=PERIOD_D)(lang)}</h3>'
        f'<div class="numbers four">{cells}</div>{lists}'
        f"{basis_html(duty, ['desk'], lang)}</div>"
    )


def _rows_of(found: DeskLoad, window_min: float) -> dict[str, pd.DataFrame]:
    """Alarms on which a number rests."""
    own, end = found.alarms, found.load.most_at
    fullest = own["since"] <= pd.Timestamp(end)
    fullest &= own["since"] > pd.Timestamp(end) - pd.Timedelta(minutes=window_min)
    return {"n": own, "most": own[fullest], "device": own[own["health"]]}


def _cell(name: str, title: str, value: str, rows: pd.DataFrame | None, city: City) -> str:
    """Write one number; where it counts alarms it opens them."""
    if rows is None:
        return f'<span data-load="{name}"><small>{title}</small><b>{value}</b></span>'
    latest = rows.sort_values("since", ascending=False).head(_SHOWN)
    lines = "".join(
        f"<li>{words.moment_words(row['since'], city.time_zone)} "
        f"{escape(words.shown(row['source'], most=80))}</li>"
        for _, row in latest.iterrows()
    )
    rest = f"<li>… +{len(rows) - _SHOWN}</li>" if len(rows) > _SHOWN else ""
    return (
        f'<details data-load="{name}"><summary><small>{title}</small><b>{value}</b></summary>'
        f"<ul>{lines}{rest}</ul></details>"
    )


def _listed(title: str, lines: list[str], lang: Lang) -> str:
    shown = "".join(f"<li>{escape(words.shown(line, most=90))}</li>" for line in lines[:10])
    rest = f"<li>… +{len(lines) - 10}</li>" if len(lines) > 10 else ""
    body = (
        f"<ul class='small'>{shown}{rest}</ul>"
        if lines
        else f"<p class='muted small'>{_NONE(lang)}</p>"
    )
    return f"<h3>{escape(title)} · {len(lines)}</h3>{body}"
