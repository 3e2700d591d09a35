"""Group findings that belong together and grade each group as one warning.

A warning is issued when its first finding is detected, and takes the worst level among its
findings. Findings join it while it is open when their rules share a group and their assets lie
within the rule's `merge_m`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import pandas as pd

from lifeline_kit.model.lifeline import Lifeline, Rule
from lifeline_kit.model.tables import WARNING_COLUMNS, table

_PAUSE = pd.Timedelta(3, "h")  # a group that was silent for so long starts a new warning
OPEN, CLEARED = "open", "cleared"


@dataclass(slots=True)
class _Group:
    key: str
    lifeline: str
    merge_m: float
    findings: list[str] = field(default_factory=list)
    places: list[tuple[float, float]] = field(default_factory=list)
    assets: set[str] = field(default_factory=set)
    sensors: set[str] = field(default_factory=set)
    until: pd.Timestamp | None = None  # None: still open


def raise_warnings(
    findings: pd.DataFrame, assets: gpd.GeoDataFrame, lifelines: Sequence[Lifeline]
) -> pd.DataFrame:
    """Turn findings into graded warnings.

    Parameters
    ----------
    findings : DataFrame
        Those with level 0, and those about a sensor's own health, raise nothing.
    assets : GeoDataFrame, index `asset`
    lifelines : sequence of Lifeline
        Their rules say which findings belong together.

    Returns
    -------
    DataFrame
        Warnings, in the order of issue; `asset` is that of the worst finding.
    """
    rules = {rule.key: rule for lifeline in lifelines for rule in lifeline.rules}
    for composite in (each for lifeline in lifelines for each in lifeline.composites):
        if composite.rules and composite.rules[0] in rules:  # it grades what its parts warn of
            rules[composite.key] = rules[composite.rules[0]]
    warned = findings[(findings["level"] > 0) & ~findings["health"]].sort_values(
        "since", kind="stable"
    )
    groups: list[_Group] = []
    places = _places(assets, warned["asset"])
    for finding, row in warned.iterrows():
        key, merge_m = _family(rules, row["rule"])
        place = places.get(row["asset"])
        group = _joinable(groups, key, row, place)
        if group is None:
            group = _Group(key=key, lifeline=row["lifeline"], merge_m=merge_m)
            groups.append(group)
        _join(group, str(finding), row, place)
    return table(
        (_warning(i, group, findings) for i, group in enumerate(groups, start=1)),
        WARNING_COLUMNS,
        "warning",
    )


def _family(rules: Mapping[str, Rule], key: str) -> tuple[str, float]:
    rule = rules.get(key)
    return (rule.group, rule.merge_m) if rule else (key, 0.0)


def _places(assets: gpd.GeoDataFrame, wanted: pd.Series) -> dict[str, tuple[float, float]]:
    points = assets.geometry.reindex(wanted.unique()).dropna().representative_point()
    return {str(asset): (point.x, point.y) for asset, point in points.items()}


def _joinable(
    groups: list[_Group], key: str, row: pd.Series, place: tuple[float, float] | None
) -> _Group | None:
    for group in reversed(groups):
        if group.key != key or group.lifeline != row["lifeline"]:
            continue
        if group.until is not None and row["since"] - group.until > _PAUSE:
            continue
        if row["asset"] in group.assets:
            return group
        if place is None or not group.places or not group.merge_m:
            continue
        away = np.hypot(*(np.array(group.places) - place).T)
        if away.min() <= group.merge_m:
            return group
    return None


def _join(group: _Group, finding: str, row: pd.Series, place: tuple[float, float] | None) -> None:
    first = not group.findings
    group.findings.append(finding)
    group.assets.add(row["asset"])
    group.sensors.add(row["sensor"])
    if place is not None:
        group.places.append(place)
    until = None if pd.isna(row["until"]) else row["until"]
    if first:
        group.until = until
    elif group.until is not None:
        group.until = None if until is None else max(group.until, until)


def _warning(number: int, group: _Group, findings: pd.DataFrame) -> dict:
    own = findings.loc[group.findings]
    worst = own.sort_values(["level", "severity", "since"], ascending=[True, False, True]).iloc[0]
    simulated = (own["real_or_simulated"] == "simulated").any()
    return {
        "warning": f"{own['since'].min():%Y%m%d}-{number:04d}",  # stays when it grows worse
        "lifeline": group.lifeline,
        "asset": worst["asset"],
        "level": int(worst["level"]),
        "title_zh": worst["title_zh"],
        "title_en": worst["title_en"],
        "state": OPEN if group.until is None else CLEARED,
        "issued": own["since"].min(),
        "updated": own["since"].max(),
        "cleared": pd.NaT if group.until is None else group.until,
        "findings": tuple(group.findings),
        "n_sensors": len(group.sensors),
        "real_or_simulated": "simulated" if simulated else "real",
    }
