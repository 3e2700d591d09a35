"""What the page of the gas network says: the stored row turned into words. Pure; no Panel."""

import json
from collections.abc import Sequence
from functools import lru_cache
from html import escape

import pandas as pd

from lifeline_kit.charts import theme
from lifeline_kit.charts.segments import GRADE_COLOURS
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.text import Lang, Text
from lifeline_kit.views.facts import name_of

KIND = "gas.network"
LAYERS = {
    "grade": (Text("风险等级", "Risk grade"), ""),
    "kpa": (Text("压力", "Pressure"), "kPa"),
    "least": (Text("可发现最小泄漏", "Smallest leak seen"), "m³/h"),
}
HINTS = {
    "grade": Text(
        "年泄漏率 × 影响范围内人口；用于排序，不代表可接受风险",
        "yearly leak rate x people within reach; ranks segments, sets no acceptable risk",
    ),
    "kpa": Text(
        "依当前调压站读数求解的表压", "gauge pressure solved from the stations' readings now"
    ),
    "least": Text(
        "单小时压力读数能分辨的泄漏（模型值）；更小的看不出",
        "leak that one hour of pressures tells (by the model); smaller ones stay unseen",
    ),
}
NONE = Text(
    "没有可求解的燃气管网（需要管道与调压站）。",
    "No gas network to show: it takes pipes and a station.",
)
_RISK = Text("{grade} 级 · 风险 {risk:.2f}", "grade {grade} · risk {risk:.2f}")
_PEOPLE = Text("影响范围内 {people} 人", "{people} people within reach")
_GRADE = Text("{grade} 级", "grade {grade}")
_CROWD = Text("{people} 人", "{people} people")
_KPA = Text("压力 {kpa} kPa", "pressure {kpa} kPa")
_LEAST = Text("可发现最小泄漏 {least} m³/h", "smallest leak seen {least} m³/h")
_DRIVERS, _SEGMENT = (
    Text("主要因素：{words}", "driven by {words}"),
    Text("所选管段", "Chosen segment"),
)
_VALVES = Text("关阀方案", "Valves")
_STUCK = Text("{valve} 卡死时加关 {others}", "if {valve} is stuck, close {others}")
_NO_PLAN = Text(
    "只为风险最高的 {n} 段预先算出关阀方案。", "Valves are worked out for the {n} worst segments."
)
_NEXT = Text("下一批终端布点（★）", "Next terminals (★)")
_COVER = Text("{name}：累计覆盖风险 {covered:.1%}", "{name}: {covered:.1%} of the risk covered")
_NO_SPACE = Text("没有可布点的井室。", "No space is left for a terminal.")
_DIGGING = Text("今日管道旁施工", "Digging near pipes today")
_NO_WORKS = Text(
    "没有施工许可或振动报警数据。", "The city has no permits of works and no vibration alarms."
)
_BALANCE = Text("供气平衡能看出的泄漏", "What the balance can see")
_BALANCED = Text(
    "{stations} 座调压站，平常 {usual:,.0f} m³/h：一天内 ≥ {day:,.0f}，一周内 ≥ {week:,.0f} m³/h",
    "stations: {stations}, usually {usual:,.0f} m³/h: within a day ≥ {day:,.0f}, a week "
    "≥ {week:,.0f} m³/h",
)
_RAISED = Text(" · 现超出平常", " · above the usual now")
_LEARNING = Text(
    "学习期不足 10 天或调压站无流量计。", "Fewer than 10 days learnt, or no flow meters."
)


@lru_cache(maxsize=4)
def _facts(text: str) -> dict:
    return json.loads(text)


def network_facts(examination: Examination) -> dict | None:
    """Facts as `lifelines.gas.network_case` stored them, None where there is no network."""
    own = examination.cases[examination.cases["lifeline"] == KIND]
    return _facts(own["facts"].iloc[0]) if len(own) else None


def segments(facts: dict) -> pd.DataFrame:
    """Grade, pressure and smallest leak by segment."""
    return pd.DataFrame(facts["segments"]).set_index("asset")


def worst_rows(city: City, facts: dict, lang: Lang) -> list[dict]:
    """Rows of the list of the worst segments."""
    return [
        {
            "key": each["asset"],
            "asset": each["asset"],
            "mark": each["grade"],
            "shape": "circle",
            "colour": GRADE_COLOURS[each["grade"]],
            "ink": theme.ink_on(GRADE_COLOURS[each["grade"]]),
            "level": "",
            "title": name_of(city, each["asset"], lang),
            "place": each[f"drivers_{lang}"],
            "lifeline": _CROWD.format(people=each["people"])(lang),
            "since": "",
            "sensors": "",
        }
        for each in facts["worst"]
    ]


def legend_html(lang: Lang, layer: str, assumed: Sequence[str] = ()) -> str:
    """Write the hint of a layer, the grades' colours, and what grading had to assume."""
    colours = "".join(
        f'<span><i style="display:inline-block;width:16px;height:4px;border-radius:2px;'
        f'margin:0 4px 3px 10px;background:{colour}"></i>{grade}</span>'
        for grade, colour in GRADE_COLOURS.items()
        if grade and layer == "grade"
    )
    hint = "；" if lang == "zh" else "; "
    said = hint.join([HINTS[layer](lang), *(assumed if layer == "grade" else ())])
    return f'<p class="small muted">{escape(said)}{colours}</p>'


def segment_html(city: City, facts: dict, asset: str, lang: Lang) -> str:
    """Write what is known of a segment, and its valves where they were worked out."""
    row = segments(facts).loc[asset]
    worst = next((each for each in facts["worst"] if each["asset"] == asset), None)
    said = [_KPA.format(kpa=_number(row["kpa"]))(lang)]
    said.append(_LEAST.format(least=_number(row["least"]))(lang))
    if worst is not None:
        said.insert(0, _RISK.format(grade=worst["grade"], risk=worst["risk"])(lang))
        said.append(_PEOPLE.format(people=worst["people"])(lang))
        if worst[f"drivers_{lang}"]:
            said.append(_DRIVERS.format(words=worst[f"drivers_{lang}"])(lang))
    elif row["grade"]:
        said.insert(0, _GRADE.format(grade=row["grade"])(lang))
    title = f"{_SEGMENT(lang)} {name_of(city, asset, lang)}"
    plan = (worst or {}).get("isolation")
    valves = (
        [plan[lang], *_stuck(plan, lang)]
        if plan
        else [_NO_PLAN.format(n=len(facts["worst"]))(lang)]
    )
    parts = _list(title, said) + _list(_VALVES(lang), valves)
    return f'<div class="sheet tight segment">{parts}</div>'


def _stuck(plan: dict, lang: Lang) -> list[str]:
    mark = "、" if lang == "zh" else ", "
    return [
        _STUCK.format(valve=valve, others=mark.join(others))(lang)
        for valve, others in plan["fallback"].items()
        if others
    ][:3]


def plans_html(city: City, facts: dict, lang: Lang) -> str:
    """Write where to put terminals, who digs, and what the balance can see."""
    terminals = [
        _COVER.format(name=name_of(city, each["asset"], lang), covered=each["covered"])(lang)
        for each in facts["terminals"][:5]
    ]
    works = [each[f"reason_{lang}"] for each in facts.get("digging", ())]
    balance = [
        _BALANCED.format(**each)(lang) + (_RAISED(lang) if each["raised"] else "")
        for each in facts["balances"]
    ]
    parts = [
        _list(_NEXT(lang), terminals or [_NO_SPACE(lang)]),
        _list(_DIGGING(lang), works or [_NO_WORKS(lang)]),
        _list(_BALANCE(lang), balance or [_LEARNING(lang)]),
    ]
    return f'<div class="sheet tight">{"".join(parts)}</div>'


def _list(title: str, rows: list[str]) -> str:
    items = "".join(f"<li>{escape(row)}</li>" for row in rows)
    return f"<h3>{escape(title)}</h3><ul>{items}</ul>"


def _number(value: float | None) -> str:
    return "—" if value is None or pd.isna(value) else f"{value:,.1f}"
