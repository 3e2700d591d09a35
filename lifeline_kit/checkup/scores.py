"""Scores 0-100 of assets, lifelines, districts and the city, with what pulls them down.

Dimensions: condition (wear), operation (findings of the window), monitoring (sensors online and
good). Response needs a ledger of tasks; where there is none it is left out and the other weights
are renormalised. No score stands where completeness is below the profile's minimum.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from lifeline_kit.checkup.profile import Profile
from lifeline_kit.methods.condition import condition_score, wear
from lifeline_kit.model.city import City
from lifeline_kit.model.lifeline import Lifeline
from lifeline_kit.model.readings import stamp
from lifeline_kit.model.tables import SCORE_COLUMNS, table
from lifeline_kit.text import Text

_NOTHING = Text("", "")
DIMENSIONS = {
    "condition": Text("本体状况", "Condition"),
    "operation": Text("运行状况", "Operation"),
    "monitoring": Text("监测保障", "Monitoring"),
}


@dataclass(frozen=True, slots=True)
class _Basis:
    """Per asset: dimension scores (NaN unknown), weight, worst finding, and whether modelled."""

    scores: pd.DataFrame
    weight: pd.Series
    titles: pd.DataFrame
    modelled: pd.Series


def score_city(
    city: City,
    findings: pd.DataFrame,
    warnings: pd.DataFrame,
    health: pd.DataFrame,
    lifelines: Sequence[Lifeline],
    profile: Profile,
    *,
    at: pd.Timestamp,
    since: pd.Timestamp,
) -> pd.DataFrame:
    """Score every monitored asset, every lifeline, every district and the city.

    Returns
    -------
    DataFrame
        Columns of `model.tables.SCORE_COLUMNS`; `indicator` is a dimension or `total`.
    """
    window = at.to_datetime64() - np.timedelta64(profile.window_days, "D")
    start = max(since, stamp(window))
    rows: list[dict] = []
    totals: dict[str, list[dict]] = {}
    basis = {
        lifeline.key: _basis(city, findings, health, lifeline, profile, at, start)
        for lifeline in lifelines
        if (city.assets["lifeline"] == lifeline.key).any()
    }
    districts = city.areas[city.areas["level"] == "district"] if len(city.areas) else city.areas
    member = _membership(city.assets, districts)
    for lifeline in lifelines:
        if lifeline.key not in basis:
            continue
        own = basis[lifeline.key]
        rows += list(_asset_rows(own, lifeline, health, profile))
        scopes = [("lifeline", lifeline.key, own.scores.index)]
        scopes += [
            ("area", f"{area}", own.scores.index[member.reindex(own.scores.index) == area])
            for area in districts.index
        ]
        for scope, subject, members in scopes:
            part = _scope_rows(own, lifeline, health, profile, scope, subject, members)
            rows += part
            key = "city" if scope == "lifeline" else subject
            totals.setdefault(key, []).append(part[-1])
    red = bool(((warnings["state"] == "open") & (warnings["level"] == 1)).any())
    by_key = {lifeline.key: lifeline for lifeline in lifelines}
    for subject, parts in totals.items():
        rows.append(_whole(subject, parts, by_key, profile, red=red and subject == "city"))
    for i, row in enumerate(rows):
        row |= {"score_id": f"S{i:06d}", "since": start, "until": at}
        row["real_or_simulated"] = city.origin
    return table(rows, SCORE_COLUMNS, "score_id")


def _membership(assets: gpd.GeoDataFrame, districts: gpd.GeoDataFrame) -> pd.Series:
    """District of each asset: its own column where it has one, otherwise its place."""
    if "district" in assets:
        return assets["district"]
    if not len(districts) or assets.geometry.isna().all():
        return pd.Series("", index=assets.index)
    points = gpd.GeoDataFrame(geometry=assets.representative_point(), crs=assets.crs)
    joined = gpd.sjoin(points, districts[["geometry"]], how="left", predicate="within")
    return joined[~joined.index.duplicated()][districts.index.name or "index_right"]


def _basis(
    city: City,
    findings: pd.DataFrame,
    health: pd.DataFrame,
    lifeline: Lifeline,
    profile: Profile,
    at: pd.Timestamp,
    start: pd.Timestamp,
) -> _Basis:
    assets = city.assets[city.assets["lifeline"] == lifeline.key]
    scores = pd.DataFrame(index=assets.index, columns=list(DIMENSIONS), dtype=float)
    scores["condition"] = condition_score(wear(assets, lifeline.conditions, year=at.year))
    recent = findings[
        (findings["lifeline"] == lifeline.key)
        & ~findings["health"]
        & (findings["level"] > 0)
        & (findings["until"].isna() | (findings["until"] >= start))
    ].sort_values("severity", ascending=False)
    grouped = recent.groupby("asset")
    worst = grouped["severity"].max().reindex(assets.index).fillna(0.0)
    further = grouped["severity"].sum().reindex(assets.index).fillna(0.0) - worst
    lost = profile.deduction_per_severity * worst + profile.deduction_more * further
    own = health[health["lifeline"] == lifeline.key]
    watched = assets.index.isin(own["asset"]) | assets.index.isin(recent["asset"])
    scores["operation"] = (100.0 - lost).clip(lower=0.0).where(watched)
    state = own.assign(score=100.0 * own["completeness"] * own["good"].fillna(0.0))
    scores["monitoring"] = state.groupby("asset")["score"].mean().reindex(assets.index)
    length = assets["length_m"].astype(float) if "length_m" in assets else np.nan
    weight = pd.Series(length, index=assets.index).fillna(50.0).clip(lower=1.0)
    titles = grouped[["title_zh", "title_en"]].first()
    kinds = {kind for condition in lifeline.conditions for kind in condition.kinds}
    return _Basis(scores, weight, titles, assets["kind"].isin(kinds))


def _weighted(scores: pd.Series, weights: dict[str, float]) -> float:
    known = {key: weights[key] for key in DIMENSIONS if pd.notna(scores[key]) and key in weights}
    if not known:
        return np.nan
    return sum(scores[key] * weight for key, weight in known.items()) / sum(known.values())


def _asset_rows(
    own: _Basis, lifeline: Lifeline, health: pd.DataFrame, profile: Profile
) -> Iterator[dict]:
    """Score the monitored assets; the others carry a condition but nothing else to weigh."""
    monitored = own.scores.index[own.scores["monitoring"].notna()]
    completeness = health.groupby("asset")["completeness"].mean()
    counts = health.groupby("asset")["completeness"].size()
    for asset in monitored:
        scores = own.scores.loc[asset]
        share = float(completeness[asset])
        known = share >= profile.minimum_completeness
        total = _weighted(scores, dict(lifeline.indicators)) if known else np.nan
        for indicator, score in [*scores.items(), ("total", total)]:
            yield _score_row(
                scope="asset",
                subject=str(asset),
                lifeline=lifeline.key,
                indicator=str(indicator),
                score=float(score),
                n=int(counts[asset]),
                completeness=share,
                pulled=_pulled(own, scores, [asset]) if indicator == "total" else Text("", ""),
            )


def _scope_rows(
    own: _Basis,
    lifeline: Lifeline,
    health: pd.DataFrame,
    profile: Profile,
    scope: str,
    subject: str,
    members: pd.Index,
) -> list[dict]:
    """Rows of one lifeline within one scope; the last is the total."""
    scores, weight = own.scores.loc[members], own.weight.loc[members]
    mean = pd.Series(
        {
            key: float(np.average(column.dropna(), weights=weight[column.notna()]))
            if column.notna().any()
            else np.nan
            for key, column in scores.items()
        },
        dtype=float,
    )
    if len(members) and "operation" in mean and pd.notna(mean["operation"]):
        # a single bad place must show: mean of all and of the worst twentieth
        ranked = scores["operation"].dropna().sort_values()
        tail = ranked.iloc[: max(1, len(ranked) // 20)].mean()
        mean["operation"] = 0.5 * (mean["operation"] + tail)
    required = {measure.quantity for measure in lifeline.measures if measure.required}
    sensors = health[health["asset"].isin(members) & health["quantity"].isin(required)]
    completeness = _completeness(own, members, sensors)
    known = completeness >= profile.minimum_completeness
    total = _weighted(mean, dict(lifeline.indicators)) if known else np.nan
    rows = [
        _score_row(
            scope=scope,
            subject=subject,
            lifeline=lifeline.key,
            indicator=str(indicator),
            score=float(score) if known else np.nan,
            n=len(members),
            completeness=completeness,
        )
        for indicator, score in mean.items()
    ]
    rows.append(
        _score_row(
            scope=scope,
            subject=subject,
            lifeline=lifeline.key,
            indicator="total",
            score=total,
            n=len(members),
            completeness=completeness,
            pulled=_pulled(own, mean, members) if known else _NOTHING,
            grade=profile.grade(total),
        )
    )
    return rows


def _completeness(own: _Basis, members: pd.Index, sensors: pd.DataFrame) -> float:
    """Mean of the share of assets whose condition is known, and of expected readings that came.

    Kinds without a condition model have no condition to know; they do not count against it.
    """
    if not len(members):
        return 0.0
    readings = float(sensors["completeness"].mean()) if len(sensors) else 0.0
    modelled = own.modelled.reindex(members)
    if not modelled.any():
        return readings
    known = own.scores.loc[members, "condition"][modelled].notna().mean()
    return 0.5 * (float(known) + readings)


def _pulled(own: _Basis, scores: pd.Series, members: Sequence[str] | pd.Index) -> Text:
    """Name the dimension with the largest deduction and, for operation, the worst finding."""
    known = scores.dropna()
    if not len(known) or known.min() > 99.5:
        return Text("", "")
    lowest = str(known.idxmin())
    name = DIMENSIONS[lowest]
    text = Text(f"{name.zh} {known.min():.0f} 分", f"{name.en} {known.min():.0f}")
    worst = own.titles.reindex(members).dropna()
    if lowest == "operation" and len(worst):
        first = worst.iloc[0]
        text = Text(f"{text.zh}：{first['title_zh']}", f"{text.en}: {first['title_en']}")
    return text


def _whole(
    subject: str, parts: list[dict], lifelines: dict[str, Lifeline], profile: Profile, *, red: bool
) -> dict:
    """Weigh the lifelines of a city or district, and cap by the worst of them."""
    known = [part for part in parts if pd.notna(part["score"])]
    weights = [lifelines[part["lifeline"]].weight for part in parts]
    known_weight = sum(lifelines[part["lifeline"]].weight for part in known)
    share = known_weight / sum(weights)
    completeness = float(np.average([part["completeness"] for part in parts], weights=weights))
    raw = (
        sum(part["score"] * lifelines[part["lifeline"]].weight for part in known) / known_weight
        if known and min(share, completeness) >= profile.minimum_completeness
        else np.nan
    )
    score, pulled = raw, Text("", "")
    if pd.notna(raw):
        worst = min(known, key=lambda part: part["score"])
        title = lifelines[worst["lifeline"]].title
        pulled = Text(
            f"最低：{title.zh} {worst['score']:.0f} 分",
            f"lowest: {title.en} {worst['score']:.0f}",
        )
        letters = [letter for letter, _ in profile.grades]
        best = letters.index(profile.grade(worst["score"])) - profile.better_than_worst_grades
        score = min(raw, profile.ceiling(letters[max(best, 0)]))
        if red:
            score = min(score, profile.ceiling(profile.red_warning_grade))
    return _score_row(
        scope="city" if subject == "city" else "area",
        subject=subject,
        lifeline="",
        indicator="total",
        score=score,
        raw=raw,
        n=sum(part["n"] for part in parts),
        completeness=completeness,
        pulled=pulled,
        grade=profile.grade(score),
    )


def _score_row(*, pulled: Text = _NOTHING, **row: object) -> dict:
    row.setdefault("raw", row["score"])
    return {**row, "pulled_down_zh": pulled.zh, "pulled_down_en": pulled.en}
