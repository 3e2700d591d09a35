"""Decide composite conditions from the findings of all lifelines and the assets.

A condition holds from the moment at which the last of its parts began until the first moment at
which the parts still open no longer meet it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely import STRtree

from lifeline_kit.methods.rules import SEVERITY
from lifeline_kit.model.composites import Composite
from lifeline_kit.model.readings import stamp
from lifeline_kit.model.tables import FINDING_COLUMNS, table
from lifeline_kit.text import Text

_ENDLESS = stamp(np.datetime64("2262-01-01", "ms"))


@dataclass(frozen=True, slots=True)
class _Near:
    """What lies within reach of a part: title, asset, distance [m]."""

    title: Text
    asset: str
    away_m: float


def composite_findings(
    composites: Sequence[Composite], findings: pd.DataFrame, assets: gpd.GeoDataFrame
) -> pd.DataFrame:
    """Find where composite conditions hold.

    Parameters
    ----------
    composites : sequence of Composite
        Those that wait for something (`needs`) are left out.
    findings : DataFrame
        Of all lifelines. Those of level 0 and those about sensors take no part.
    assets : GeoDataFrame, index `asset`

    Returns
    -------
    DataFrame
        Findings, `cause` the gravest part.
    """
    graded = findings[(findings["level"] > 0) & ~findings["health"]]
    graded = graded[graded["asset"].isin(assets.index)].sort_values("since", kind="stable")
    graded = graded.assign(until=graded["until"].fillna(_ENDLESS))
    rows = [
        row
        for composite in composites
        if composite.needs is None
        for row in _held(composite, graded, assets)
    ]
    return table(rows, FINDING_COLUMNS, "finding")


def _held(composite: Composite, graded: pd.DataFrame, assets: gpd.GeoDataFrame) -> Iterator[dict]:
    parts = graded[graded["rule"].isin(composite.rules)]
    parts = parts[parts["level"] <= composite.graver_than]
    if composite.least_probability > 0:
        parts = parts[parts["probability"] >= composite.least_probability]
    if composite.people > 0:
        people = assets["people"].reindex(parts["asset"]).fillna(0.0).to_numpy(dtype=float)
        parts = parts[people >= composite.people]
    others = graded[graded["rule"].isin(composite.beside)]
    targets = _targets(composite, assets)
    told: list[tuple[frozenset[str], pd.Timestamp]] = []
    starts = pd.concat([parts["since"], others["since"]]) if len(others) else parts["since"]
    for moment in sorted(starts.unique()):
        open_now = _open(parts, moment)
        for finding in _candidates(composite, open_now, others, moment):
            own = _together(composite, finding, open_now, assets)
            near = _met(composite, own, _open(others, moment), assets, targets)
            if near is None:
                continue
            places = frozenset(own["asset"])
            if any(places & before and moment <= until for before, until in told):
                continue
            until = _until(composite, own, others, assets, targets)
            told.append((places, until))
            yield _row(composite, own, near, moment, until)


def _candidates(
    composite: Composite, open_now: pd.DataFrame, others: pd.DataFrame, moment: pd.Timestamp
) -> list[str]:
    """Findings around which a condition can begin to hold: of two parts one is the new one."""
    every = max(composite.assets, composite.distinct) > 2 or (others["since"] == moment).any()
    rows = open_now.index if every else open_now.index[open_now["since"] == moment]
    return [str(finding) for finding in rows]


def _open(findings: pd.DataFrame, moment: pd.Timestamp) -> pd.DataFrame:
    return findings[(findings["since"] <= moment) & (findings["until"] > moment)]


def _together(
    composite: Composite, finding: str, open_now: pd.DataFrame, assets: gpd.GeoDataFrame
) -> pd.DataFrame:
    """Open findings that belong with one of them by place."""
    home = open_now["asset"][finding]
    if composite.districts > 1:
        return open_now
    if composite.within_m > 0 and max(composite.assets, composite.distinct) > 1:
        places = assets.geometry.reindex(open_now["asset"])
        away = places.distance(assets.geometry[home]).to_numpy()
        own = open_now[away <= composite.within_m]
    else:
        own = open_now[open_now["asset"] == home]
    if composite.same:
        if composite.same not in assets:
            return own[:0]
        agreed = assets[composite.same].reindex(own["asset"]).astype("object").to_numpy()
        value = assets[composite.same][home]
        own = own[(agreed == value) & pd.notna(agreed) & (agreed != "")]
    return own


def _met(
    composite: Composite,
    own: pd.DataFrame,
    others: pd.DataFrame,
    assets: gpd.GeoDataFrame,
    targets: gpd.GeoDataFrame,
) -> tuple[_Near, ...] | None:
    """What is near, where the condition is met; None where it is not."""
    if not len(own) or own["asset"].nunique() < composite.assets:
        return None
    if own["rule"].nunique() < composite.distinct:
        return None
    if composite.districts > 1 and _districts(own, assets) < composite.districts:
        return None
    near = []
    if composite.targets:
        near.append(_target(composite, own, assets, targets))
    if composite.beside:
        near.append(_beside(composite, own, others, assets))
    return None if None in near else tuple(each for each in near if each is not None)


def _districts(own: pd.DataFrame, assets: gpd.GeoDataFrame) -> int:
    names = assets["district"].reindex(own["asset"].unique()).dropna()
    return int(names[names != ""].nunique())


def _targets(composite: Composite, assets: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    if not composite.targets:
        return assets[:0]
    kinds = assets["lifeline"].astype(str) + "." + assets["kind"].astype(str)
    return assets[kinds.isin(composite.targets) & ~assets.geometry.isna()]


def _target(
    composite: Composite,
    own: pd.DataFrame,
    assets: gpd.GeoDataFrame,
    targets: gpd.GeoDataFrame,
) -> _Near | None:
    if not len(targets):
        return None
    places = assets.geometry.reindex(own["asset"]).to_numpy()
    index, away = STRtree(targets.geometry.to_numpy()).query_nearest(
        places, max_distance=composite.within_m, return_distance=True, all_matches=False
    )
    if not away.size:
        return None
    row = int(np.argmin(away))
    target = targets.iloc[int(index[1][row])]
    title = Text(str(target.get("name_zh", "")), str(target.get("name_en", "")))
    return _Near(title, str(target.name), float(away[row]))


def _beside(
    composite: Composite, own: pd.DataFrame, others: pd.DataFrame, assets: gpd.GeoDataFrame
) -> _Near | None:
    if not len(others):
        return None
    home = assets.geometry.reindex(own["asset"]).iloc[0]
    away = assets.geometry.reindex(others["asset"]).distance(home).to_numpy()
    row = int(np.nanargmin(away)) if np.isfinite(away).any() else 0
    if not away[row] <= composite.within_m:
        return None
    other = others.iloc[row]
    return _Near(Text(other["title_zh"], other["title_en"]), other["asset"], float(away[row]))


def _until(
    composite: Composite,
    own: pd.DataFrame,
    others: pd.DataFrame,
    assets: gpd.GeoDataFrame,
    targets: gpd.GeoDataFrame,
) -> pd.Timestamp:
    """First moment at which the parts still open no longer meet the condition."""
    ends = sorted({*own["until"], *others["until"]})
    for moment in ends:
        left = own[own["until"] > moment]
        if _met(composite, left, _open(others, moment), assets, targets) is None:
            return moment
    return _ENDLESS


def _row(
    composite: Composite,
    own: pd.DataFrame,
    near: tuple[_Near, ...],
    moment: pd.Timestamp,
    until: pd.Timestamp,
) -> dict:
    worst = own.sort_values(["level", "severity"], ascending=[True, False], kind="stable").iloc[0]
    said = _evidence(composite, own, near)
    simulated = (own["real_or_simulated"] == "simulated").any()
    return {
        "finding": f"{composite.key}:{worst['asset']}:{moment:%Y%m%dT%H%M%S}",
        "lifeline": worst["lifeline"],
        "asset": worst["asset"],
        "sensor": worst["sensor"],
        "method": "composite",
        "rule": composite.key,
        "title_zh": composite.title.zh,
        "title_en": composite.title.en,
        "severity": SEVERITY[composite.level],
        "probability": worst["probability"],
        "level": composite.level,
        "value": near[0].away_m if near else float(own["asset"].nunique()),
        "limit": composite.within_m if near else float(composite.assets),
        "unit": "m" if near else "1",
        "evidence_zh": said.zh,
        "evidence_en": said.en,
        "source": composite.source,
        "source_zh": composite.source_zh,
        "verified": composite.verified,
        "cause": str(worst.name),
        "since": moment,
        "until": pd.NaT if until == _ENDLESS else until,
        "real_or_simulated": "simulated" if simulated else "real",
    }


def _evidence(composite: Composite, own: pd.DataFrame, near: tuple[_Near, ...]) -> Text:
    places = sorted(own["asset"].unique())
    shown = "、".join(places[:4]), ", ".join(places[:4])
    together = Text(f"{shown[0]} 同时成立", f"holds at once at {shown[1]}")
    words = [together if len(places) > 1 else Text(f"{places[0]} 成立", f"holds at {places[0]}")]
    if composite.distinct > 1:
        titles = own.drop_duplicates("rule")
        words.append(Text("、".join(titles["title_zh"]), ", ".join(titles["title_en"])))
    if composite.least_probability > 0:
        low = float(own["probability"].min())
        words.append(Text(f"概率至少 {low:.0%}", f"probability at least {low:.0%}"))
    if composite.people > 0:
        words.append(
            Text(f"影响人口至少 {composite.people:.0f}", f"at least {composite.people:.0f} people")
        )
    words += [
        Text(
            f"距“{each.title.zh}”({each.asset}) {each.away_m:.0f} m，限 {composite.within_m:g} m",
            f"{each.away_m:.0f} m from '{each.title.en}' ({each.asset}), "
            f"limit {composite.within_m:g} m",
        )
        for each in near
    ]
    return Text("；".join(each.zh for each in words), "; ".join(each.en for each in words))
