"""What one lifeline's finding does to another: the only place where lifelines meet.

Each coupling is a row: findings by these rules, on assets of one lifeline, put assets of another
within a distance at risk. The effect is a finding of its own with the id of its cause; it raises
likelihood, and warns of nothing by itself (level 0). What findings mean together is decided here
too, by the composite conditions that the lifelines declare.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
from shapely import STRtree

from lifeline_kit.lifelines import ALL
from lifeline_kit.methods.composites import composite_findings
from lifeline_kit.model.city import City
from lifeline_kit.model.tables import FINDING_COLUMNS, join_findings, table
from lifeline_kit.text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Coupling:
    """One mechanism by which a finding reaches another lifeline.

    `share` of the cause's severity arrives at the very place, falling linearly to nothing at
    `distance_m`. Distances and shares are expert values, none fitted.
    """

    key: str
    title: Text
    rules: tuple[str, ...]
    source: Text
    lifelines: tuple[str, ...]
    kinds: tuple[str, ...]
    distance_m: float
    share: float
    up_to_level: int = 3  # only causes at least so urgent


COUPLINGS = (
    Coupling(
        key="coupling.gas_to_underground",
        title=Text("燃气可能窜入相邻井室或管沟", "Gas may reach neighbouring manholes and ducts"),
        rules=("gas.methane",),
        lifelines=("gas", "drainage"),
        kinds=("space", "manhole"),
        distance_m=60.0,
        share=0.8,
        source=Text(
            "泄漏点附近以对流为主（Elementa 9(1) 00008）；60 m 为专家值",
            "advection dominates near a leak (Elementa 9(1) 00008); 60 m expert",
        ),
    ),
    Coupling(
        key="coupling.water_to_road",
        title=Text("供水漏损可能掏空路基", "A water leak may hollow out the road bed"),
        rules=("water.pressure_residual", "water.flow_residual"),
        lifelines=("roads",),
        kinds=("section",),
        distance_m=80.0,
        share=0.6,
        source=Text(
            "2021 年地下管线事故约五分之一致路面塌陷；80 m 为专家值",
            "pipe-caused collapses are a fifth of 2021's pipe accidents; 80 m expert",
        ),
    ),
    Coupling(
        key="coupling.rain_to_low_places",
        title=Text("强降雨可能淹没低处", "Heavy rain may flood low places"),
        rules=("drainage.rain",),
        lifelines=("roads", "rail"),
        kinds=("underpass", "entrance"),
        distance_m=4000.0,
        share=0.6,
        source=Text(
            "气象暴雨预警信号；雨量站控制半径 4 km，专家值",
            "CMA rain signals; reach of a gauge 4 km, expert",
        ),
    ),
)


def couple(city: City, findings: pd.DataFrame) -> pd.DataFrame:
    """Follow every coupling from every finding that can start it.

    Parameters
    ----------
    city : City
    findings : DataFrame

    Returns
    -------
    DataFrame
        Findings with `cause`; of several causes of one effect the strongest is kept. Those of
        composite conditions are graded.
    """
    if city.assets.geometry.isna().all():
        return table([], FINDING_COLUMNS, "finding")
    rows: dict[str, dict] = {}
    for coupling in COUPLINGS:
        causes = findings[
            findings["rule"].isin(coupling.rules)
            & findings["level"].between(1, coupling.up_to_level)
        ]
        for row in _effects(city, coupling, causes):
            known = rows.get(row["finding"])
            if known is None or known["severity"] < row["severity"]:
                rows[row["finding"]] = row
    composites = [each for lifeline in ALL for each in lifeline.composites]
    effects = table(rows.values(), FINDING_COLUMNS, "finding")
    return join_findings([effects, composite_findings(composites, findings, city.assets)])


def _effects(city: City, coupling: Coupling, causes: pd.DataFrame) -> Iterator[dict]:
    assets = city.assets
    targets = assets[
        assets["lifeline"].isin(coupling.lifelines) & assets["kind"].isin(coupling.kinds)
    ]
    if not len(targets) or not len(causes):
        return
    tree = STRtree(targets.geometry.to_numpy())
    for cause, row in causes.iterrows():
        place = assets.geometry[row["asset"]]
        near = tree.query(place, predicate="dwithin", distance=coupling.distance_m)
        for i in sorted(near):
            target = targets.index[i]
            distance = float(targets.geometry.iloc[i].distance(place))
            if target == row["asset"]:
                continue
            severity = coupling.share * row["severity"] * (1.0 - distance / coupling.distance_m)
            if severity < 0.05:
                continue
            yield _effect(coupling, str(cause), row, targets.iloc[i], distance, severity)


def _effect(
    coupling: Coupling,
    cause: str,
    row: pd.Series,
    target: pd.Series,
    distance: float,
    severity: float,
) -> dict:
    return {
        "finding": f"{coupling.key}:{target.name}:{row['since']:%Y%m%d}",
        "lifeline": target["lifeline"],
        "asset": target.name,
        "method": "coupling",
        "rule": coupling.key,
        "title_zh": coupling.title.zh,
        "title_en": coupling.title.en,
        "severity": severity,
        "value": distance,
        "limit": coupling.distance_m,
        "unit": "m",
        "evidence_zh": f"距“{row['title_zh']}”({row['asset']})约 {distance:.0f} m",
        "evidence_en": f"about {distance:.0f} m from '{row['title_en']}' at {row['asset']}",
        "source": coupling.source.en,
        "source_zh": coupling.source.zh,
        "cause": cause,
        "since": row["since"],
        "until": row["until"],
        "real_or_simulated": target["real_or_simulated"],
    }
