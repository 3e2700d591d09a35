"""The gas network in a report: riskiest segments with their valves, next terminals, balances.

Reads the row that `lifelines.gas.network_case` stored; computes nothing.
"""

import json
from collections import Counter
from dataclasses import dataclass, field

import pandas as pd

from lifeline_kit.reports.places import known, place
from lifeline_kit.text import Lang

MOST = 8  # segments written out


@dataclass(frozen=True, slots=True, kw_only=True)
class GasNetwork:
    """What a report says of the gas network; empty where none is stored.

    Attributes
    ----------
    worst : list of dict
        `asset`, `place`, `grade` (A the highest risk), `risk` (people exposed per year and km),
        `people`, `drivers`, `close` (valves), `stopped` (people who lose gas; NaN unknown).
    grades : dict of grade to int
        Segments of each.
    terminals : list of dict
        `place` and `covered`: share of all risk watched, with the terminals that
        are there and those above.
    balances : list of dict
        Connected networks with a metered balance: `stations`, `usual`, `day`, `week` [m3/h, leak
        told within], `raised`.
    measured : bool
        Demand follows metered flow.
    assumed : list of str
        What grading had to assume where the assets say nothing.
    """

    worst: list[dict] = field(default_factory=list)
    grades: dict[str, int] = field(default_factory=dict)
    terminals: list[dict] = field(default_factory=list)
    balances: list[dict] = field(default_factory=list)
    measured: bool = False
    assumed: list[str] = field(default_factory=list)


def gas_network(
    cases: pd.DataFrame, assets: pd.Index, names: dict[str, str], lang: Lang, *, whole: bool
) -> GasNetwork:
    """Turn the stored row into what a report says.

    Parameters
    ----------
    cases : DataFrame
        Rows of lifeline `gas.network`: one or none.
    assets : Index
        What the report covers; segments and spaces elsewhere are left out.
    names : mapping of asset to str
    lang : {'zh', 'en'}
    whole : bool
        Whether the report covers the city; balances are of whole networks.
    """
    if cases.empty:
        return GasNetwork()
    facts = json.loads(cases["facts"].iloc[0])
    segments = zip(facts["segments"]["asset"], facts["segments"]["grade"], strict=True)
    inside = Counter(grade for asset, grade in segments if grade and asset in assets)
    worst = [row for row in facts["worst"] if row["asset"] in assets]
    return GasNetwork(
        worst=[_segment(row, names, lang) for row in worst[:MOST]],
        grades={grade: inside[grade] for grade in sorted(inside)},
        terminals=[
            {"place": place(row["asset"], names), "covered": row["covered"]}
            for row in facts["terminals"]
            if row["asset"] in assets
        ],
        balances=facts["balances"] if whole else [],
        measured=facts["measured"],
        assumed=facts.get(f"assumed_{lang}", []),
    )


def _segment(row: dict, names: dict[str, str], lang: Lang) -> dict:
    plan = row.get("isolation", {})
    return {
        "asset": row["asset"],
        "place": place(row["asset"], names),
        "grade": row["grade"],
        "risk": row["risk"],
        "people": row["people"],
        "drivers": row[f"drivers_{lang}"],
        "close": plan.get("close", []),
        "stopped": known(plan.get("people")),
    }
