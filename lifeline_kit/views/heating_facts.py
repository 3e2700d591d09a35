"""What the heating page says: stored cases turned into words and tables. Pure; no Panel."""

from collections.abc import Iterable
from html import escape

import pandas as pd

from lifeline_kit.charts import theme
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.text import Lang, Text
from lifeline_kit.views import words
from lifeline_kit.views.cases import Case, cases
from lifeline_kit.views.facts import name_of

HOURS = (4, 8, 12, 24, 48)
HOUR = Text("{n} 小时", "{n} h")
_SOUND = Text("未见故障", "No fault")
_OVER = Text("{fault}（已恢复）", "{fault} (over)")
_MONTH = Text("{m3} m³/月", "{m3} m³/month")
_MONEY = Text("{cny} 元/月 · 温差 {k:.1f} K", "CNY {cny} · cools {k:.1f} K")
_NUMBERS = (
    ("month_m3", Text("每月超额流量", "Excess flow a month"), "m³"),
    ("month_kwh", Text("每月多耗泵电", "Pumping a month"), "kWh"),
    ("month_cny", Text("折合费用", "Money a month"), "CNY"),
    ("cooling_k", Text("供回水温差", "Cools by"), "K"),
    ("slope_kw_per_k", Text("每降 1 K 增热", "Heat per K"), "kW"),
)
_BARS = Text("近 {n} 天每日超额流量 (m³)", "Excess flow of the last {n} days (m³ a day)")
_WHY, _NEXT = Text("依据", "Why"), Text("下一步", "Next")
_USUAL = Text("常态 {usual} → 现 {now} m³/h", "usual {usual} → now {now} m³/h")
_SHARE = Text(
    "补水率 {share:.2%}（规定 {norm:.1%}）", "{share:.2%} of circulation (norm {norm:.1%})"
)
_LEAK = Text(
    "疑漏 {size:.1f} m³/h（{low:.1f}–{high:.1f}）", "leak {size:.1f} m³/h ({low:.1f}-{high:.1f})"
)
_CALM = Text("补水正常", "As usual")
_OVER_NORM = Text("补水率高于规定", "Above the norm")
_BLIND = Text("资料不足", "No data")
_ON, _OFF = Text("低于 18 °C", "Below 18 °C"), Text("低于 12 °C", "Below 12 °C")
_PEOPLE, _FRAIL = Text("人", "people"), Text("其中脆弱人群 {n}", "{n} vulnerable")
_BLANKETS, _BOILERS = Text("毛毯（条）", "Blankets"), Text("移动锅炉 (MW)", "Mobile boilers (MW)")
_COLUMNS = (
    Text("片区", "Homes around"),
    Text("现室温", "Room now"),
    Text("至 18 °C", "To 18 °C"),
    Text("至 12 °C", "To 12 °C"),
    Text("脆弱人群", "Vulnerable"),
)
_BEYOND = Text("＞{n:.0f} h", ">{n:.0f} h")
_NOT_TOLD = Text("无法推算", "Cannot be told")
_TRUST = Text("* 该片无室温测点，取全市中位", "* no room measured there: median of the city")
_SCREEN = Text(
    "按建筑类别推算，未逐楼辨识；用于排序，不作承诺",
    "By class of building, not fitted to each; for ranking, no promise",
)


def heat_cases(examination: Examination, kind: str) -> list[Case]:
    """Stored heating cases of one kind: `substation`, `plant`, `cold` or `missing`."""
    return [case for case in cases(examination, "heating") if case.facts["kind"] == kind]


def number(value: float | None, digits: int = 0) -> str:
    """Write a stored number; a dash where there is none."""
    return "–" if value is None else f"{value:,.{digits}f}"


def rough(value: float) -> str:
    """Write an estimated count to three digits.

    Examples
    --------
    >>> rough(345_029.0), rough(87.0)
    ('345,000', '87')
    """
    return f"{float(f'{value:.3g}'):,.0f}"


def fault_words(case: Case, lang: Lang) -> str:
    """Name the fault of a substation, or say that there is none."""
    facts = case.facts
    if not facts["fault"]:
        return facts[f"missing_{lang}"][0] if facts[f"missing_{lang}"] else _SOUND(lang)
    title = facts[f"fault_{lang}"]
    return title if facts["open"] else _OVER.format(fault=title)(lang)


def substation_rows(city: City, found: list[Case], lang: Lang) -> list[dict]:
    """Rows of the list of substations; `bar` is the share of the worst."""
    worst = max((case.facts["month_m3"] or 0.0 for case in found), default=0.0)
    rows = []
    for case in found:
        facts = case.facts
        colour = theme.ORANGE if facts["open"] else "#dbe7f3"
        money = _MONEY.format(cny=number(facts["month_cny"]), k=facts["cooling_k"])
        rows.append(
            {
                "key": case.key,
                "asset": case.asset,
                "mark": str(facts["rank"]),
                "shape": "circle",
                "colour": colour,
                "ink": theme.ink_on(colour),
                "level": "",
                "title": name_of(city, case.asset, lang),
                "lifeline": fault_words(case, lang),
                "place": _MONTH.format(m3=number(facts["month_m3"]))(lang),
                "since": money(lang),
                "sensors": "",
                "bar": max(facts["month_m3"] or 0.0, 0.0) / worst if worst > 0 else 0.0,
            }
        )
    return rows


def substation_html(case: Case, city: City, lang: Lang) -> str:
    """Write name, fault, numbers and daily excess of a substation."""
    facts = case.facts
    badge = (
        f'<span class="badge">{theme.SIMULATED(lang)}</span>'
        if case.row["real_or_simulated"] == "simulated"
        else ""
    )
    since = ""
    if facts["open"]:
        since = f" · {words.moment_words(case.row['since'], city.time_zone)} →"
    cells = "".join(
        f"<span><small>{escape(title(lang))}</small>"
        f"<b>{number(facts[key], 1 if key == 'cooling_k' else 0)}</b> {unit}</span>"
        for key, title, unit in _NUMBERS
    )
    days = facts["daily_m3"]
    bars = _BARS.format(n=len(days))(lang)
    return (
        f'<div class="verdict heat"><div class="name">'
        f"<h2>{escape(name_of(city, case.asset, lang))}</h2>"
        f'<span class="lean">{escape(fault_words(case, lang) + since)}</span>{badge}</div>'
        f'<div class="numbers">{cells}<span class="days"><small>{escape(bars)}</small>'
        f"{bars_svg(days)}</span></div></div>"
    )


def bars_svg(values: list[float], *, width: int = 150, height: int = 26) -> str:
    """Draw small bars from a base line; those below it are saved water."""
    high, low = max([*values, 1.0]), min([*values, 0.0])
    scale = height / (high - low)
    step = width / max(len(values), 1)
    bars = "".join(
        f'<rect x="{i * step:.1f}" y="{(high - max(value, 0.0)) * scale:.1f}" '
        f'width="{step * 0.7:.1f}" height="{max(abs(value) * scale, 0.5):.1f}" '
        f'fill="{theme.ACCENT if value >= 0 else theme.GREY}"/>'
        for i, value in enumerate(values)
    )
    return f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}">{bars}</svg>'


def sheet_html(case: Case, lang: Lang) -> str:
    """Write why a case stands where it stands and what comes next."""
    why = case.row[f"reasons_{lang}"].split("\n")
    then = case.row[f"advice_{lang}"].split("\n")
    return (
        f'<div class="sheet tight two"><div>{_list(_WHY(lang), why)}</div>'
        f"<div>{_list(_NEXT(lang), then)}</div></div>"
    )


def _list(title: str, rows: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(row)}</li>" for row in rows)
    return f"<h3>{escape(title)}</h3><ul>{items}</ul>"


def plants_html(found: list[Case], city: City, lang: Lang) -> str:
    """Write the make-up of the plants, a leaking one with where and which valves."""
    ordered = sorted(found, key=lambda case: not case.facts.get("open", False))
    return "".join(_plant_html(case, city, lang) for case in ordered)


def _plant_html(case: Case, city: City, lang: Lang) -> str:
    facts = case.facts
    name = escape(name_of(city, case.asset, lang))
    if "usual_m3_h" not in facts:
        lacking = escape("；".join(facts[f"missing_{lang}"]))
        return _plant(name, _BLIND(lang), theme.GREY, f'<p class="small muted">{lacking}</p>')
    said = _USUAL.format(usual=number(facts["usual_m3_h"], 2), now=number(facts["now_m3_h"], 2))
    parts = [escape(said(lang))]
    if facts["share"] is not None:
        share = escape(_SHARE.format(share=facts["share"], norm=facts["norm"])(lang))
        unread = "" if facts["norm_verified"] else f' <i class="tag">{theme.UNVERIFIED(lang)}</i>'
        parts.append(share + unread)
    body = f'<p class="small">{" · ".join(parts)}</p>'
    if not facts["open"]:
        over = facts["share"] is not None and facts["share"] > facts["norm"]
        state, colour = (_OVER_NORM, theme.YELLOW) if over else (_CALM, "#e3efe6")
        return _plant(name, state(lang), colour, body)
    leak = _LEAK.format(size=facts["leak_m3_h"], low=facts["low_m3_h"], high=facts["high_m3_h"])
    rows = [*case.row[f"advice_{lang}"].split("\n"), *facts[f"missing_{lang}"]]
    items = "".join(f"<li>{escape(row)}</li>" for row in rows)
    return _plant(name, leak(lang), theme.ORANGE, f"{body}<ul>{items}</ul>")


def _plant(name: str, state: str, colour: str, body: str) -> str:
    pill = (
        f'<span class="pill" style="background:{colour};color:{theme.ink_on(colour)}">'
        f"{escape(state)}</span>"
    )
    return f'<div class="plant"><div class="name"><b>{name}</b>{pill}</div>{body}</div>'


def cold_html(case: Case, city: City, hours: float, lang: Lang) -> str:
    """Count who is cold when the heat is back after some hours, and list the groups of homes."""
    facts = case.facts
    if not facts["told"]:
        lacking = "".join(f"<li>{escape(each)}</li>" for each in facts[f"missing_{lang}"])
        return f'<p class="small"><b>{_NOT_TOLD(lang)}</b></p><ul>{lacking}</ul>'
    groups = pd.DataFrame(facts["groups"])
    cold = groups[groups["hours_18"].fillna(float("inf")) <= hours]
    danger = groups[groups["hours_12"].fillna(float("inf")) <= hours]
    blankets = cold["blankets_18"].sum() + danger["blankets_12"].sum()
    frail = _FRAIL.format(n=rough(cold["vulnerable"].sum()))(lang)
    tiles = (
        (_ON, rough(cold["people"].sum()), frail),
        (_OFF, rough(danger["people"].sum()), _PEOPLE(lang)),
        (_BLANKETS, rough(blankets), ""),
        (_BOILERS, number(cold["boiler_kw"].sum() / 1000.0), ""),
    )
    counted = "".join(
        f"<span><small>{title(lang)}</small><b>{value}</b><small>{escape(note)}</small></span>"
        for title, value, note in tiles
    )
    head = "".join(f"<th>{escape(column(lang))}</th>" for column in _COLUMNS)
    rows = "".join(
        _group_html(group, city, facts["horizon_h"], lang, group["group"] in set(cold["group"]))
        for group in facts["groups"]
    )
    notes = [*facts[f"assumed_{lang}"], *facts[f"missing_{lang}"], _SCREEN(lang)]
    if any(not group["rooms"] for group in facts["groups"]):
        notes.insert(0, _TRUST(lang))
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return (
        f'<div class="numbers four">{counted}</div><table class="cold"><thead><tr>{head}</tr>'
        f'</thead><tbody>{rows}</tbody></table><ul class="muted">{items}</ul>'
    )


def _group_html(group: dict, city: City, horizon: float, lang: Lang, cold: bool) -> str:
    far = _BEYOND.format(n=horizon)(lang)
    until = far if group["hours_18"] is None else f"{group['hours_18']:.0f} h"
    early, late = group["early"], group["late"]
    between = "" if early is None else f"{early:.0f}–{far if late is None else f'{late:.0f}'}"
    danger = far if group["hours_12"] is None else f"{group['hours_12']:.0f} h"
    star = "" if group["rooms"] else "*"
    return (
        f"<tr{' class=hit' if cold else ''}><td>{escape(name_of(city, group['group'], lang))}</td>"
        f"<td>{group['room_c']:.1f}{star}</td><td>{until}<small>{between}</small></td>"
        f"<td>{danger}</td><td>{number(group['vulnerable'])}</td></tr>"
    )
