"""Scores 0-100 of assets, lifelines, districts and the city, with what pulls them down.

Dimensions: condition (wear), operation (findings of the window), monitoring (sensors online and
good), response (tasks done on time). Response needs a table of tasks; where there is none it is
left out and the other weights are renormalised. No score stands where completeness is below the
profile's minimum.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from lifeline_kit.checkup.profile import Profile
from lifeline_kit.checkup.response import task_outcomes
from lifeline_kit.checkup.weights import lifeline_weights
from lifeline_kit.checkup.whole import DIMENSIONS, NOTHING, RESPONSE, score_row, whole
from lifeline_kit.methods.condition import condition_score, wear
from lifeline_kit.model.city import City
from lifeline_kit.model.lifeline import Lifeline
from lifeline_kit.model.readings import stamp
from lifeline_kit.model.tables import SCORE_COLUMNS, table
from lifeline_kit.text import Text

_TITLES = DIMENSIONS | {"response": RESPONSE}


@dataclass(frozen=True, slots=True)
class _Basis:
    """Per asset: dimension scores (NaN unknown), weight, tasks, worst finding, whether modelled."""

    scores: pd.DataFrame
    weight: pd.Series
    tasks: pd.Series
    titles: pd.DataFrame
    modelled: pd.Series


def score_city(  # noqa: PLR0913 - all tables of the examination meet here
    city: City,
    findings: pd.DataFrame,
    warnings: pd.DataFrame,
    health: pd.DataFrame,
    lifelines: Sequence[Lifeline],
    profile: Profile,
    *,
    at: pd.Timestamp,
    since: pd.Timestamp,
    tasks: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Score every monitored asset, every lifeline, every district and the city.

    Parameters
    ----------
    city : City
    findings, warnings, health : DataFrame
    lifelines : sequence of Lifeline
    profile : Profile
    at, since : Timestamp
    tasks : DataFrame, index `task`, optional
        Columns of `response.TASK_COLUMNS`; without it no response is scored.

    Returns
    -------
    DataFrame
        Columns of `model.tables.SCORE_COLUMNS`; `indicator` is a dimension or `total`.

    Raises
    ------
    TableError
        Where a task breaks its shape or belongs to no warning.
    RulesError
        Where the weights of lifelines are refused.
    """
    window = at.to_datetime64() - np.timedelta64(profile.window_days, "D")
    start = max(since, stamp(window))
    rows: list[dict] = []
    totals: dict[str, list[dict]] = {}
    recent = findings[findings["until"].isna() | (findings["until"] >= start)]
    outcomes = None if tasks is None else task_outcomes(tasks, warnings, at=at, since=start)
    basis = {
        lifeline.key: _basis(city, recent, health, outcomes, lifeline, profile, at)
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
    present = [lifeline for lifeline in lifelines if lifeline.key in basis]
    known = {
        subject: {part["lifeline"]: part["score"] for part in parts}
        for subject, parts in totals.items()
        if subject != "city"
    }
    by_district = pd.DataFrame.from_dict(known, orient="index") if known else None
    weights = lifeline_weights(profile.weighting, present, by_district)["weight"]
    titles = {lifeline.key: lifeline.title for lifeline in present}
    for subject, parts in totals.items():
        rows.append(whole(subject, parts, weights, titles, profile, red and subject == "city"))
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
    outcomes: pd.DataFrame | None,
    lifeline: Lifeline,
    profile: Profile,
    at: pd.Timestamp,
) -> _Basis:
    assets = city.assets[city.assets["lifeline"] == lifeline.key]
    scores = pd.DataFrame(index=assets.index, columns=list(DIMENSIONS), dtype=float)
    scores["condition"] = condition_score(wear(assets, lifeline.conditions, year=at.year))
    recent = findings[
        (findings["lifeline"] == lifeline.key) & ~findings["health"] & (findings["level"] > 0)
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
    tasks = pd.Series(0.0, index=assets.index)
    if outcomes is not None:
        own_tasks = outcomes[outcomes["lifeline"] == lifeline.key].groupby("asset")["on_time"]
        tasks = own_tasks.size().reindex(assets.index).fillna(0.0).astype(float)
        scores["response"] = 100.0 * own_tasks.mean().reindex(assets.index)
    length = assets["length_m"].astype(float) if "length_m" in assets else np.nan
    weight = pd.Series(length, index=assets.index).fillna(50.0).clip(lower=1.0)
    titles = grouped[["title_zh", "title_en"]].first()
    kinds = {kind for condition in lifeline.conditions for kind in condition.kinds}
    return _Basis(scores, weight, tasks, titles, assets["kind"].isin(kinds))


def _weighted(scores: pd.Series, weights: dict[str, float]) -> float:
    known = {key: weights[key] for key in scores.index if pd.notna(scores[key]) and key in weights}
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
            yield score_row(
                scope="asset",
                subject=str(asset),
                lifeline=lifeline.key,
                indicator=str(indicator),
                score=float(score),
                n=int(counts[asset]),
                completeness=share,
                pulled=_pulled(own, scores, [asset]) if indicator == "total" else NOTHING,
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
    # a mean over assets by length, but for response: a mean over tasks
    parts = {key: own.tasks.loc[members] if key == "response" else weight for key in scores}
    mean = pd.Series(
        {
            key: float(np.average(column.dropna(), weights=parts[key][column.notna()]))
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
        score_row(
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
        score_row(
            scope=scope,
            subject=subject,
            lifeline=lifeline.key,
            indicator="total",
            score=total,
            n=len(members),
            completeness=completeness,
            pulled=_pulled(own, mean, members) if known else NOTHING,
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
        return NOTHING
    lowest = str(known.idxmin())
    name = _TITLES[lowest]
    text = Text(f"{name.zh} {known.min():.0f} 分", f"{name.en} {known.min():.0f}")
    worst = own.titles.reindex(members).dropna()
    if lowest == "operation" and len(worst):
        first = worst.iloc[0]
        text = Text(f"{text.zh}：{first['title_zh']}", f"{text.en}: {first['title_en']}")
    return text
