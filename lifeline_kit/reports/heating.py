"""Heating in a report: substations by their meters, make-up of plants, homes in an outage.

Reads the cases that `lifelines.heating.cases` stored; computes nothing.
"""

import json
from dataclasses import dataclass, field

import pandas as pd

from lifeline_kit.model.city import City
from lifeline_kit.reports.places import local, place
from lifeline_kit.text import Lang

MOST = 10  # rows of each table


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """One substation; excess flow and money over the days given and a month at that rate."""

    asset: str
    place: str
    fault: str
    still: bool
    since: str
    days: float
    excess_m3: float
    month_m3: float
    month_cny: float
    cooling_k: float
    peer_cooling_k: float
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """Make-up of one plant: a leak where `still`."""

    asset: str
    place: str
    since: str
    still: bool
    reasons: list[str]
    advice: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Homes around a substation if the heat stopped; NaN hours: not within the horizon."""

    asset: str
    place: str
    people: float
    vulnerable: float
    room_c: float
    hours_18: float
    early: float
    late: float
    hours_12: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Heating:
    """What a report says of heating beside rules and scores.

    Attributes
    ----------
    stations : list of Station
        The running faults first, then the largest excess.
    more_stations, more_groups : int
        Not listed.
    plants : list of Plant
    groups : list of Group
        Whom to help first on top; empty where nothing can be told.
    horizon_h : float [h]
    cold, cold_advice : list of str
        Of the whole city; empty for a district.
    missing : list of str
        What could not be judged, and why.
    """

    stations: list[Station] = field(default_factory=list)
    more_stations: int = 0
    plants: list[Plant] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    more_groups: int = 0
    horizon_h: float = float("nan")
    cold: list[str] = field(default_factory=list)
    cold_advice: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def heating_part(
    cases: pd.DataFrame, city: City, assets: pd.Index, names: dict[str, str], lang: Lang
) -> Heating:
    """Turn stored cases of heating into what a report says.

    Parameters
    ----------
    cases : DataFrame
        Of heating alone, `model.tables.CASE_COLUMNS`.
    city : City
    assets : Index
        What the report covers.
    names : mapping of asset to str
    lang : {'zh', 'en'}
    """
    stations, plants, missing = [], [], []
    cold: dict = {}
    whole = len(assets) == len(city.assets)
    for _, row in cases.iterrows():
        facts = json.loads(row["facts"])
        if row["asset"] and row["asset"] not in assets:
            continue
        lacking = facts.get(f"missing_{lang}", [])
        if facts["kind"] == "substation":
            stations.append(_station(row, facts, city, names, lang))
        elif facts["kind"] == "plant" and "usual_m3_h" in facts:
            plants.append(_plant(row, facts, city, names, lang))
            continue  # what is missing stands among its reasons
        elif facts["kind"] == "plant":
            lacking = [f"{place(str(row['asset']), names)}: {each}" for each in lacking]
        elif facts["kind"] == "cold":
            cold = _cold(row, facts, assets, names, lang)
            if facts["told"]:
                continue
        missing += [each for each in lacking if each not in missing]
    return Heating(
        stations=stations[:MOST],
        more_stations=max(0, len(stations) - MOST),
        plants=plants,
        missing=missing,
        **(cold if whole else {**cold, "cold": [], "cold_advice": []}),
    )


def _lines(row: pd.Series, column: str, lang: Lang) -> list[str]:
    return [line for line in row[f"{column}_{lang}"].split("\n") if line]


def _since(row: pd.Series, city: City) -> str:
    return "" if pd.isna(row["since"]) else local(row["since"], city)


def _station(row: pd.Series, facts: dict, city: City, names: dict[str, str], lang: Lang) -> Station:
    return Station(
        asset=str(row["asset"]),
        place=place(str(row["asset"]), names),
        fault=facts.get(f"fault_{lang}", ""),
        still=facts["open"],
        since=_since(row, city),
        days=facts["days"],
        excess_m3=_known(facts["excess_m3"]),
        month_m3=_known(facts["month_m3"]),
        month_cny=_known(facts["month_cny"]),
        cooling_k=_known(facts["cooling_k"]),
        peer_cooling_k=_known(facts["peer_cooling_k"]),
        advice=" ".join(_lines(row, "advice", lang)),
    )


def _plant(row: pd.Series, facts: dict, city: City, names: dict[str, str], lang: Lang) -> Plant:
    return Plant(
        asset=str(row["asset"]),
        place=place(str(row["asset"]), names),
        since=_since(row, city),
        still=facts["open"],
        reasons=_lines(row, "reasons", lang),
        advice=_lines(row, "advice", lang),
    )


def _cold(row: pd.Series, facts: dict, assets: pd.Index, names: dict[str, str], lang: Lang) -> dict:
    if not facts["told"]:
        return {}
    keys = ("people", "vulnerable", "room_c", "hours_18", "early", "late", "hours_12")
    inside = [each for each in facts["groups"] if each["group"] in assets]
    groups = [
        Group(
            asset=each["group"],
            place=place(each["group"], names),
            **{key: _known(each[key]) for key in keys},
        )
        for each in inside
    ]
    return {
        "groups": groups[:MOST],
        "more_groups": max(0, len(groups) - MOST),
        "horizon_h": facts["horizon_h"],
        "cold": _lines(row, "reasons", lang) if groups else [],
        "cold_advice": _lines(row, "advice", lang) if groups else [],
    }


def _known(value: float | None) -> float:
    return float("nan") if value is None else float(value)
