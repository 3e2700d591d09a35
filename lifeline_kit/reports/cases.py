"""Open cases of gas in a report: what the stored judgement says, as plain data."""

import json
from dataclasses import dataclass

import pandas as pd

from lifeline_kit.lifelines.gas.cases import FULL_VOL
from lifeline_kit.lifelines.gas.triage_words import CAUSES, leaning
from lifeline_kit.model.city import City
from lifeline_kit.reports.places import known, local, place
from lifeline_kit.text import Lang, Text

MOST = 12  # cases written out; the page shows all
_STUCK = Text("{valve} 卡死时加关 {others}", "if {valve} is stuck, close {others}")
_FILLED = Text("若积至 {full:g} %VOL", "if filled to {full:g} %VOL")
_NOW = Text("现状", "as it is")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One cause with its probability 0-1."""

    key: str
    title: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCase:
    """One space with gas, as judged.

    Attributes
    ----------
    id, asset : str
        Of the finding and of the space.
    peak : float [%VOL]
    search_m : float [m]
        Pieces of main that together hold 90 %; NaN where nothing was traced.
    close : list of str
        Valves in the order to close them.
    people : float
        Who lose gas; NaN where no isolation could be planned.
    rings : list of dict
        `state` (as it is, or filled), `kpa`, `harm`, `radius_m`, `people`.
    calm : bool
        Nothing would ignite as it is.
    rupture_m : float [m]
    """

    id: str
    asset: str
    place: str
    since: str
    at: str
    peak: float
    causes: list[Cause]
    leaning: str
    outside: bool
    reasons: list[str]
    advice: list[str]
    source: str
    search_m: float
    close: list[str]
    people: float
    isolation: str
    stuck: list[str]
    rings: list[dict]
    calm: bool
    rupture_m: float
    simulated: bool


def open_cases(
    cases: pd.DataFrame, city: City, names: dict[str, str], lang: Lang
) -> list[OpenCase]:
    """Turn stored cases into what a report says, the likeliest leak first.

    Parameters
    ----------
    cases : DataFrame
        Of gas alone, `model.tables.CASE_COLUMNS`.
    city : City
    names : mapping of asset to str
    lang : {'zh', 'en'}
    """
    found = [_case(str(key), row, city, names, lang) for key, row in cases.iterrows()]
    return sorted(found, key=lambda case: -case.causes[0].probability)


def _case(key: str, row: pd.Series, city: City, names: dict[str, str], lang: Lang) -> OpenCase:
    chance, facts = json.loads(row["kinds"]), json.loads(row["facts"])
    trace, plan = facts.get("trace", {}), facts.get("isolation", {})
    return OpenCase(
        id=key,
        asset=str(row["asset"]),
        place=place(str(row["asset"]), names),
        since=local(row["since"], city),
        at=local(row["at"], city),
        peak=facts["peak"],
        causes=[
            Cause(key=cause, title=title(lang), probability=chance[cause])
            for cause, title in CAUSES.items()
        ],
        leaning=leaning(chance, outside=bool(row["outside"]))(lang),
        outside=bool(row["outside"]),
        reasons=_lines(row[f"reasons_{lang}"]),
        advice=_lines(row[f"advice_{lang}"]),
        source=trace.get(f"summary_{lang}", ""),
        search_m=trace.get("search_m", float("nan")),
        close=plan.get("close", []),
        people=known(plan.get("people")),
        isolation=plan.get(lang, ""),
        stuck=_stuck(plan.get("fallback", {}), lang),
        rings=_rings(facts.get("rings", {}), lang),
        calm=not facts.get("rings", {}).get("now"),
        rupture_m=facts.get("rupture_m", float("nan")),
        simulated=row["real_or_simulated"] == "simulated",
    )


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line]


def _stuck(fallback: dict[str, list[str]], lang: Lang) -> list[str]:
    comma = "、" if lang == "zh" else ", "
    return [
        _STUCK.format(valve=valve, others=comma.join(others))(lang)
        for valve, others in fallback.items()
        if others
    ]


def _rings(rings: dict[str, list[dict]], lang: Lang) -> list[dict]:
    """Rings of the space as it is, then as if filled to the worst mixture; the widest first."""
    states = {"now": _NOW, "full": _FILLED.format(full=FULL_VOL)}
    return [
        {
            "state": title(lang),
            "kpa": ring["kpa"],
            "harm": ring[f"harm_{lang}"],
            "radius_m": ring["radius_m"],
            "people": ring["people"],
        }
        for state, title in states.items()
        for ring in rings.get(state, [])
    ]
