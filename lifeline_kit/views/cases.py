"""What the triage page says of a case: the stored row turned into words. Pure; no Panel."""

import json
from dataclasses import dataclass
from html import escape

import pandas as pd

from lifeline_kit.charts import theme
from lifeline_kit.lifelines.gas.triage_words import ASSISTS, CAUSES, SCREENING, leaning
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.text import Lang, Text
from lifeline_kit.views import words
from lifeline_kit.views.facts import name_of

KINDS = {key: (title, theme.CAUSE[key]) for key, title in CAUSES.items()}
_SINCE = Text("{at} 起 · 峰值 {peak:.1f} %VOL", "since {at} · peak {peak:.1f} %VOL")
_REASONS, _ADVICE = Text("判别依据", "Why"), Text("下一步检测", "Measure next")
_TRACE, _VALVES = Text("溯源", "Source"), Text("关阀方案", "Valves")
_HARM, _SIMILAR = Text("若被点燃", "If it ignites"), Text("相似案例", "Similar cases")
_NOW, _FULL = Text("现状", "as it is"), Text("若积至 9.5 %VOL", "if filled to 9.5 %VOL")
_NONE_NOW = Text("现状不可燃", "not flammable as it is")
_STUCK = Text("{valve} 卡死时加关 {others}", "if {valve} is stuck, close {others}")
_RUPTURE = Text("管道全断裂影响半径 {r:.0f} m", "potential impact radius of a rupture {r:.0f} m")
_REACH = Text("{kpa:g} kPa {r:.0f} m", "{kpa:g} kPa {r:.0f} m")
_PEOPLE = Text("{kpa:g} kPa {r:.0f} m · {n:.0f} 人", "{kpa:g} kPa {r:.0f} m · {n:.0f} people")
_NOW_AT = Text("现 {now:.2f} %VOL，{share:.0%} LEL", "now {now:.2f} %VOL, {share:.0%} LEL")
_LEVEL = Text(
    "终端报警 {mark} 级（{profile}；预警另按规则分级）",
    "terminal alarm {mark} ({profile}; warnings are graded by their rule)",
)
_SOON = Text("约 {hours:.1f} 小时后达 {share} % LEL", "{share} % LEL in about {hours:.1f} h")


@dataclass(frozen=True, slots=True)
class Case:
    """One stored case.

    Attributes
    ----------
    key : str
        The finding's.
    chance : dict of kind to probability
    facts : dict
        As `lifelines.gas.cases` writes them.
    """

    key: str
    row: pd.Series
    chance: dict[str, float]
    facts: dict

    @property
    def asset(self) -> str:
        """Space that the case is about."""
        return str(self.row["asset"])

    @property
    def best(self) -> str:
        """The likeliest cause."""
        return max(self.chance, key=lambda kind: self.chance[kind])


def cases(examination: Examination, lifeline: str = "gas") -> list[Case]:
    """Stored cases of a lifeline, the likeliest leak first."""
    own = examination.cases
    own = own[own["lifeline"] == lifeline]
    found = [
        Case(str(key), row, json.loads(row["kinds"]), json.loads(row["facts"]))
        for key, row in own.iterrows()
    ]
    return sorted(found, key=lambda case: -case.chance.get("leak", 0.0))


def verdict(case: Case) -> Text:
    """Say in a few words where a case leans."""
    return leaning(case.chance, outside=bool(case.row["outside"]))


def case_rows(city: City, found: list[Case], lang: Lang) -> list[dict]:
    """Rows of the list of cases."""
    rows = []
    for case in found:
        title, colour = KINDS[case.best]
        grey = bool(case.row["outside"])
        at = words.moment_words(pd.Timestamp(case.facts["onset"]), city.time_zone)
        rows.append(
            {
                "key": case.key,
                "asset": case.asset,
                "mark": f"{100 * case.chance['leak']:.0f}",
                "shape": "circle",
                "colour": theme.GREY if grey else colour,
                "ink": "#ffffff",
                "level": "",
                "title": verdict(case)(lang),
                "place": name_of(city, case.asset, lang),
                "lifeline": title(lang),
                "since": _SINCE.format(at=at, peak=case.facts["peak"])(lang),
                "sensors": "",
            }
        )
    return rows


def verdict_html(case: Case, city: City, lang: Lang) -> str:
    """Write the three probabilities as one bar."""
    bar = "".join(
        f'<i style="width:{100 * case.chance[kind]:.1f}%;background:{colour}"></i>'
        for kind, (_, colour) in KINDS.items()
    )
    numbers = "".join(
        f'<span><b style="color:{colour}">{100 * case.chance[kind]:.0f} %</b>{title(lang)}</span>'
        for kind, (title, colour) in KINDS.items()
    )
    badge = (
        f'<span class="badge">{theme.SIMULATED(lang)}</span>'
        if case.row["real_or_simulated"] == "simulated"
        else ""
    )
    said = " · ".join(_alarm(case.facts["alarm"], lang))
    return (
        f'<div class="verdict"><div class="name"><h2>{escape(name_of(city, case.asset, lang))}</h2>'
        f'<span class="lean">{escape(verdict(case)(lang))}</span>{badge}</div>'
        f'<p class="small muted">{escape(said)}</p>'
        f'<div class="chances">{numbers}</div><div class="stack">{bar}</div></div>'
    )


def _alarm(alarm: dict, lang: Lang) -> list[str]:
    """Say the terminal's own state: concentration, level of the profile, what is to come."""
    said = [_NOW_AT.format(now=alarm["now"], share=alarm["lel_share"])(lang)]
    if alarm["level"]:
        mark = theme.WARNING[alarm["level"]].mark
        said.append(_LEVEL.format(mark=mark, profile=alarm["profile"])(lang))
    ahead = {share: hours for share, hours in alarm["hours"].items() if hours > 0}
    if ahead:
        share = next(iter(ahead))
        said.append(_SOON.format(share=share, hours=ahead[share])(lang))
    return said


def sheet_html(case: Case, lang: Lang) -> str:
    """Write reasons, what to measure, source, valves, harm and similar cases."""
    parts = [
        _list(_REASONS(lang), case.row[f"reasons_{lang}"].split("\n")),
        _list(_ADVICE(lang), case.row[f"advice_{lang}"].split("\n")),
    ]
    facts = case.facts
    if "trace" in facts:
        parts.append(_list(_TRACE(lang), [facts["trace"][f"summary_{lang}"]]))
    if "isolation" in facts:
        parts.append(_list(_VALVES(lang), _valves(facts["isolation"], lang)))
    parts.append(_list(_HARM(lang), _harm(facts, lang)))
    if facts["similar"]:
        rows = [each[f"verdict_{lang}"] for each in facts["similar"]]
        parts.append(_list(_SIMILAR(lang), rows))
    parts.append(f'<p class="small muted">{ASSISTS(lang)}</p>')
    return f'<div class="sheet tight">{"".join(parts)}</div>'


def _valves(plan: dict, lang: Lang) -> list[str]:
    rows = [plan[lang]]
    for valve, others in plan["fallback"].items():
        if others:
            joined = ("、" if lang == "zh" else ", ").join(others)
            rows.append(_STUCK.format(valve=valve, others=joined)(lang))
    return rows[:3]


def _harm(facts: dict, lang: Lang) -> list[str]:
    rows = []
    for name, title in (("now", _NOW), ("full", _FULL)):
        rings = facts["rings"].get(name, [])
        if rings:
            said = ("；" if lang == "zh" else "; ").join(
                (_PEOPLE if ring["people"] is not None else _REACH).format(
                    kpa=ring["kpa"], r=ring["radius_m"], n=ring["people"] or 0
                )(lang)
                for ring in rings
            )
            rows.append(f"{title(lang)}：{said}" if lang == "zh" else f"{title(lang)}: {said}")
        elif name == "now":
            rows.append(_NONE_NOW(lang))
    if "rupture_m" in facts:
        rows.append(_RUPTURE.format(r=facts["rupture_m"])(lang))
    return [*rows, SCREENING(lang)]


def _list(title: str, rows: list[str]) -> str:
    items = "".join(f"<li>{escape(row)}</li>" for row in rows if row)
    return f"<h3>{title}</h3><ul>{items}</ul>"
