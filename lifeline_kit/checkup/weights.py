"""Weights of lifelines in the score of a city or district, read from `weights.toml`."""

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.errors import RulesError
from lifeline_kit.lifelines import ALL
from lifeline_kit.methods.weights import combined_weights, critic_weights, judged_weights
from lifeline_kit.model.lifeline import Lifeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighting:
    """How lifelines are weighed; see `weights.toml` for meaning and sources."""

    version: str
    names: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]
    most_inconsistent: float
    groups: Mapping[str, Mapping[str, float]]
    unscored: tuple[str, ...]
    judged_share: float
    floor: float
    districts_beyond_lifelines: int
    draws: int
    concentration: float
    interval: float
    source: str = ""

    def judgements(self) -> pd.DataFrame:
        """Return the matrix with its names."""
        return pd.DataFrame(self.matrix, index=self.names, columns=self.names)

    def digest(self) -> str:
        """Return a fingerprint: scores of equal ones differ by what they score alone."""
        weighs = replace(self, version="", source="")
        return hashlib.sha256(repr(weighs).encode()).hexdigest()[:16]


def load_weighting(path: Path | None = None) -> Weighting:
    """Read how lifelines are weighed, by default as shipped.

    Raises
    ------
    RulesError
        Where something is missing, names do not fit the matrix or name no lifeline, or judgements
        are not square, not reciprocal, not above zero or contradict one another.
    """
    path = path or Path(__file__).with_name("weights.toml")
    weighting = read_weighting(path)
    try:
        judged_weights(weighting.judgements(), most=weighting.most_inconsistent)
    except RulesError as error:
        raise RulesError(f"{path.name}: {error}") from error
    return weighting


def read_weighting(path: Path) -> Weighting:
    """Read how lifelines are weighed; whether judgements agree is not asked.

    Raises
    ------
    RulesError
        Where something is missing, or names do not fit the matrix or name no lifeline.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        judged, mixed, band = data["judgements"], data["combined"], data["sensitivity"]
        weighting = Weighting(
            version=str(data["version"]),
            source=str(judged.get("source", "")),
            names=tuple(judged["names"]),
            matrix=tuple(tuple(judgement(cell) for cell in row) for row in judged["matrix"]),
            most_inconsistent=float(judged["most_inconsistent"]),
            groups=data.get("groups", {}),
            unscored=tuple(data.get("unscored", {}).get("names", ())),
            judged_share=float(mixed["judged_share"]),
            floor=float(mixed["floor"]),
            districts_beyond_lifelines=int(mixed["districts_beyond_lifelines"]),
            draws=int(band["draws"]),
            concentration=float(band["concentration"]),
            interval=float(band["interval"]),
        )
    except (OSError, LookupError, TypeError, AttributeError, ArithmeticError, ValueError) as error:
        raise RulesError(
            f"{path.name}: {error} is missing or unreadable; compare with the shipped weights."
        ) from error
    sizes = {len(weighting.matrix), *(len(row) for row in weighting.matrix)}
    if sizes != {len(weighting.names)}:
        raise RulesError(
            f"{path.name}: {len(weighting.names)} names for a matrix of {len(weighting.matrix)} "
            f"rows with {', '.join(sorted({str(len(row)) for row in weighting.matrix}))} cells; "
            "expected a name, a row and a column per criterion."
        )
    try:
        _check_figures(weighting)
        check_names(weighting, [each.key for each in ALL])
    except RulesError as error:
        raise RulesError(f"{path.name}: {error}") from error
    return weighting


def _check_figures(weighting: Weighting) -> None:
    """Check groups and figures, so that nothing fails later in the middle of an examination."""
    for name, shares in (
        weighting.groups.items() if isinstance(weighting.groups, dict) else [("", 0)]
    ):
        known = isinstance(shares, dict) and shares
        if not known or not all(
            isinstance(each, int | float) and each > 0 for each in shares.values()
        ):
            raise RulesError(
                f"group {name!r} is {shares!r}; expected shares above zero of its lifelines, such "
                "as { bridges = 3, roads = 2 }."
            )
    for name, fits, expected in (
        ("judged_share", 0.0 <= weighting.judged_share <= 1.0, "0-1"),
        ("floor", 0.0 <= weighting.floor <= 1.0, "0-1"),
        ("most_inconsistent", weighting.most_inconsistent > 0.0, "a number above zero"),
        ("draws", weighting.draws >= 1, "1 or more"),
        ("concentration", weighting.concentration > 0.0, "a number above zero"),
        ("interval", 0.0 < weighting.interval < 1.0, "between 0 and 1"),
    ):
        if not fits:
            raise RulesError(f"{name} is {getattr(weighting, name)}; expected {expected}.")


def judgement(cell: object) -> float:
    """Read 3, 0.33 or "1/3".

    Raises
    ------
    ValueError, ZeroDivisionError
        Where it is no number.

    Examples
    --------
    >>> judgement("1/4"), judgement(3)
    (0.25, 3.0)
    """
    return float(Fraction(str(cell)))


def judged_lifelines(weighting: Weighting, lifelines: Sequence[Lifeline]) -> pd.Series:
    """Weights of lifelines by judgement alone, sum 1.

    Groups share their weight out; what no lifeline scores gives its weight to the others. A
    lifeline that the matrix does not name enters with the weight of its own declaration.

    Parameters
    ----------
    weighting : Weighting
    lifelines : sequence of Lifeline
        Those to weigh.

    Returns
    -------
    Series, index lifeline

    Raises
    ------
    RulesError
        Where judgements are refused, or name what is no lifeline, no group and not unscored.
    """
    judged = judged_weights(weighting.judgements(), most=weighting.most_inconsistent).weights
    from_matrix: dict[str, float] = {}
    for name, weight in judged.drop(list(weighting.unscored), errors="ignore").items():
        members = weighting.groups.get(str(name), {str(name): 1.0})
        for member, part in members.items():
            from_matrix[member] = float(weight) * part / sum(members.values())
    declared = {each.key: each.weight for each in lifelines}
    return _share(pd.Series(declared | {k: v for k, v in from_matrix.items() if k in declared}))


def check_names(weighting: Weighting, known: Sequence[str]) -> None:
    """Check that judgements name only lifelines that exist, groups of them, or unscored ones.

    Raises
    ------
    RulesError
    """
    members = [each for group in weighting.groups.values() for each in group]
    plain = [name for name in weighting.names if name not in weighting.groups]
    for name in [*plain, *members]:
        if name not in known and name not in weighting.unscored:
            raise RulesError(
                f"weights name {name!r}, which is no lifeline; expected {', '.join(known)}, a "
                "group of them, or a name listed under [unscored]."
            )


def lifeline_weights(
    weighting: Weighting, lifelines: Sequence[Lifeline], districts: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Weights of lifelines: judgement, data, and the two combined with a floor.

    CRITIC counts only where more districts than lifelines have a score for each of them; of
    fewer, chance correlations weigh. Where it does not count, judgement stands alone.

    Parameters
    ----------
    weighting : Weighting
    lifelines : sequence of Lifeline
    districts : DataFrame, (district, lifeline), optional
        Scores 0-100, NaN where unknown; see `district_scores`.

    Returns
    -------
    DataFrame, index `lifeline`
        `judged`, `critic` (NaN where it does not count), `weight`; `judged` and `weight` sum to 1.

    Raises
    ------
    RulesError
    """
    judged = judged_lifelines(weighting, lifelines)
    data = None
    if districts is not None and set(judged.index) <= set(districts.columns):
        whole = districts[list(judged.index)].dropna()
        enough = len(whole) >= len(judged) + weighting.districts_beyond_lifelines
        if enough and (whole.nunique() > 1).any():
            data = critic_weights(whole)
    floor = min(weighting.floor, 1.0 / len(judged)) if len(judged) else 0.0
    mixed = combined_weights(judged, data, share=weighting.judged_share, floor=floor)
    critic = pd.Series(np.nan, index=judged.index) if data is None else data
    table = pd.DataFrame({"judged": judged, "critic": critic, "weight": mixed})
    return table.rename_axis("lifeline")


def district_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Total of each lifeline in each district, out of a table of scores.

    Returns
    -------
    DataFrame, (district, lifeline)
    """
    rows = scores[
        (scores["scope"] == "area") & (scores["indicator"] == "total") & (scores["lifeline"] != "")
    ]
    return rows.pivot_table(index="subject", columns="lifeline", values="score", dropna=False)


def _share(weights: pd.Series) -> pd.Series:
    return weights / weights.sum() if len(weights) else weights.astype(float)
