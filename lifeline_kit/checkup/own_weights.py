"""A centre's own weights of lifelines: judged anew in pairs, tried, and kept in its city folder.

They stand in `weights.toml` of the city folder, written as the shipped one; an examination and its
version depend on it.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.checkup.profile import WEIGHTS
from lifeline_kit.checkup.weights import (
    Weighting,
    district_scores,
    judgement,
    lifeline_weights,
    load_weighting,
)
from lifeline_kit.errors import CityError, ConflictError, InputError, RulesError
from lifeline_kit.lifelines import ALL
from lifeline_kit.methods.weights import judged_weights, most_departing
from lifeline_kit.text import Text

CRITERIA = {each.key: each.title for each in ALL} | {
    "bridges_roads": Text("桥梁与道路", "Bridges and roads"),
    "emergency": Text("应急管理", "Emergency management"),
}
SCALE = ("9", "8", "7", "6", "5", "4", "3", "2", "1", *(f"1/{k}" for k in range(2, 10)))
"""Saaty's scale, the most first."""
_ROUNDING = 0.025  # as `methods.weights.check_judgements`
_UNREADABLE = Text(
    "“{a} 比 {b}”填的是“{cell}”；应为大于 0 的数，如 3 或 1/3。",
    "'{a} against {b}' is '{cell}'; expected a number above zero, such as 3 or 1/3.",
)
_DIAGONAL = Text(
    "“{a}”与自身相比填的是“{cell}”；应为 1。", "'{a}' against itself is '{cell}'; expected 1."
)
_MIRROR = Text(
    "矩阵不互反：“{a} 比 {b}”为 {cell}，“{b} 比 {a}”为 {other}；二者应互为倒数，请改其中一个。",
    "Not reciprocal: '{a} against {b}' is {cell} and '{b} against {a}' is {other}; expected one to "
    "be 1 over the other, change one of them.",
)
_CONTRADICT = Text(
    "判断前后矛盾：一致性比率 {ratio:.3f}，应小于 {most:g}。请先重新考虑“{a} 比 {b}”：现为 {cell}，"
    "全部判断合起来约为 {said:.2g}。",
    "Judgements contradict one another: consistency ratio {ratio:.3f}, expected below {most:g}. "
    "Think again about '{a} against {b}': it is {cell}, all together say about {said:.2g}.",
)


@dataclass(frozen=True, slots=True)
class Trial:
    """What a matrix of judgements would give.

    Attributes
    ----------
    ratio : float
        Consistency ratio; NaN where the matrix cannot be weighed.
    problem : Text or None
        Why it is refused.
    at : tuple of int or None
        Row and column of the cell at fault.
    weighting : Weighting or None
        With these judgements; None where they are refused.
    """

    ratio: float
    problem: Text | None
    at: tuple[int, int] | None
    weighting: Weighting | None


def judgement_cells(weighting: Weighting) -> list[list[str]]:
    """Write the matrix as people do: 3, 1/3.

    Examples
    --------
    >>> judgement_cells(load_weighting())[4][:3]
    ['1/3', '1/2', '1/2']
    """
    return [[_written(value) for value in row] for row in weighting.matrix]


def _written(value: float) -> str:
    near = Fraction(value).limit_denominator(9)
    return str(near) if abs(float(near) - value) < 1e-9 else f"{value:g}"


def mirrored(cells: Sequence[Sequence[str]], row: int, column: int) -> list[list[str]]:
    """Write the opposite of one judgement across the diagonal; unreadable ones are left alone.

    Examples
    --------
    >>> mirrored([["1", "3"], ["1", "1"]], 0, 1)
    [['1', '3'], ['1/3', '1']]
    """
    changed = [list(each) for each in cells]
    try:
        opposite = 1 / Fraction(changed[row][column])
    except (ValueError, ZeroDivisionError):
        return changed
    changed[column][row] = str(opposite)
    return changed


def tried(weighting: Weighting, cells: Sequence[Sequence[str]]) -> Trial:
    """Try other judgements on the same criteria.

    Parameters
    ----------
    weighting : Weighting
        Tells criteria, groups, shares and floor.
    cells : sequence of rows of str
        Rows weigh so many times as much as columns.

    Returns
    -------
    Trial
    """
    names = [CRITERIA.get(name, Text(name, name)) for name in weighting.names]

    def refused(why: Text, i: int, j: int, **values: object) -> Trial:
        zh, en = (
            Text.format(why, a=names[i](lang), b=names[j](lang), cell=cells[i][j], **values)(lang)
            for lang in ("zh", "en")
        )
        return Trial(float("nan"), Text(zh, en), (i, j), None)

    n = len(names)
    values = np.ones((n, n))
    for i, j in np.ndindex(n, n):
        try:
            values[i, j] = judgement(cells[i][j])
        except (ValueError, ArithmeticError):
            return refused(_UNREADABLE, i, j)
        if not (np.isfinite(values[i, j]) and values[i, j] > 0):
            return refused(_UNREADABLE, i, j)
    for i, j in np.argwhere(np.triu(np.abs(values * values.T - 1.0) > _ROUNDING)):
        why = _DIAGONAL if i == j else _MIRROR
        return refused(why, int(i), int(j), other=cells[j][i])
    table = pd.DataFrame(values, index=weighting.names, columns=weighting.names)
    try:
        judged = judged_weights(table, most=np.inf)
    except RulesError as error:  # no criterion, or too many
        return Trial(float("nan"), Text(str(error), str(error)), None, None)
    ratio, most = judged.consistency_ratio, weighting.most_inconsistent
    if ratio >= most:
        i, j = most_departing(values, judged.weights.to_numpy())
        said = judged.weights.iloc[i] / judged.weights.iloc[j]
        no = refused(_CONTRADICT, i, j, ratio=ratio, most=most, said=said)
        return replace(no, ratio=ratio)
    matrix = tuple(tuple(float(value) for value in row) for row in values)
    return Trial(ratio, None, None, replace(weighting, matrix=matrix))


def previewed(weighting: Weighting, scores: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """Weights of the lifelines of a city, and its score before the cap, were they in use.

    Parameters
    ----------
    weighting : Weighting
    scores : DataFrame
        Of one examination, `model.tables.SCORE_COLUMNS`.

    Returns
    -------
    weights : DataFrame, index `lifeline`
        Of `weights.lifeline_weights`, and `score`.
    raw : float
        NaN where the score of the city is unknown.
    """
    total = scores[scores["indicator"] == "total"]
    own = total[total["scope"] == "lifeline"].set_index("lifeline")["score"]
    present = [each for each in ALL if each.key in own.index]
    weights = lifeline_weights(weighting, present, district_scores(scores))
    weights["score"] = own.reindex(weights.index)
    known = weights.dropna(subset=["score"])
    city = total["raw"][total["scope"] == "city"]
    if not len(known) or not city.notna().any():
        return weights, float("nan")
    return weights, float(np.average(known["score"], weights=known["weight"]))


def weighting_toml(weighting: Weighting) -> str:
    """Write weights as `load_weighting` reads them."""
    rows = ",\n".join(
        "  [" + ", ".join(_cell(cell) for cell in row) + "]" for row in judgement_cells(weighting)
    )
    groups = "".join(
        f"{_quoted(name)} = {_inline(members)}\n" for name, members in weighting.groups.items()
    )
    return (
        "# A centre's own weights of lifelines; where this file is missing, the shipped ones.\n"
        f"version = {_quoted(weighting.version)}\n\n"
        "[judgements] # the row weighs so many times as much as the column\n"
        f"source = {_quoted(weighting.source)}\nverified = false\n"
        f"names = [{', '.join(map(_quoted, weighting.names))}]\n"
        f"matrix = [\n{rows},\n]\nmost_inconsistent = {weighting.most_inconsistent!r}\n\n"
        f"[groups]\n{groups}\n"
        f"[unscored]\nnames = [{', '.join(map(_quoted, weighting.unscored))}]\n\n"
        f"[combined]\njudged_share = {weighting.judged_share!r}\nfloor = {weighting.floor!r}\n"
        f"districts_beyond_lifelines = {weighting.districts_beyond_lifelines}\n\n"
        f"[sensitivity]\ndraws = {weighting.draws}\n"
        f"concentration = {weighting.concentration!r}\ninterval = {weighting.interval!r}\n"
    )


def _cell(cell: str) -> str:
    return f'"{cell}"' if "/" in cell else cell


def _inline(members: Mapping[str, float]) -> str:
    inside = ", ".join(f"{_quoted(name)} = {share!r}" for name, share in members.items())
    return f"{{ {inside} }}"


def _quoted(text: str) -> str:
    """Write a TOML string; JSON writes the same but for one control character."""
    plain = text.encode("utf-8", "replace").decode("utf-8").replace("\x7f", " ")
    return json.dumps(plain, ensure_ascii=False)


def save_own_weights(
    folder: Path, weighting: Weighting, *, before: str, at: pd.Timestamp, by: str, reason: str
) -> Path:
    """Keep weights as the centre's own; the former file stays beside it as `weights.toml.before`.

    Parameters
    ----------
    folder : Path
        Of the city.
    weighting : Weighting
    before : str
        `own_weights_mark` when the change was begun: of two who change at once one is told.
    at : Timestamp
        When it was decided, UTC.
    by, reason : str
        Who decided, and why; they become the source of the weights.

    Raises
    ------
    InputError
        Where nobody or no reason is named.
    ConflictError
        Where somebody else changed the weights since.
    CityError
        Where the folder cannot be written.
    """
    by, reason = by.strip(), reason.strip()
    if not by or not reason:
        raise InputError("weights of one's own need a name and a reason; fill in both.")
    if own_weights_mark(folder) != before:
        raise ConflictError("somebody else has changed the weights meanwhile; load the page anew.")
    kept = replace(weighting, version=f"own {at:%Y-%m-%dT%H:%MZ}", source=f"{by}: {reason}")
    file = folder / WEIGHTS
    partial = folder / f"{WEIGHTS}.{os.getpid()}.partial"
    try:
        partial.write_text(weighting_toml(kept), encoding="utf-8")
        load_weighting(partial)
        _put_aside(file)
        partial.replace(file)
    except OSError as error:
        raise CityError(
            f"{file} cannot be written ({error.strerror}); make the city folder writable."
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return file


def drop_own_weights(folder: Path, *, before: str) -> None:
    """Return to the shipped weights; the centre's own stay beside as `weights.toml.before`.

    Raises
    ------
    ConflictError
        Where somebody else changed the weights since.
    CityError
        Where the folder cannot be written.
    """
    if own_weights_mark(folder) != before:
        raise ConflictError("somebody else has changed the weights meanwhile; load the page anew.")
    file = folder / WEIGHTS
    try:
        _put_aside(file)
        file.unlink(missing_ok=True)
    except OSError as error:
        raise CityError(
            f"{file} cannot be removed ({error.strerror}); make the city folder writable."
        ) from error


def _put_aside(file: Path) -> None:
    if file.exists():
        aside = file.with_name(f"{WEIGHTS}.before")
        partial = file.with_name(f"{WEIGHTS}.before.partial")
        partial.write_bytes(file.read_bytes())
        partial.replace(aside)


def own_weights_mark(folder: Path) -> str:
    """Return what changes with the centre's own weights; empty where it has none."""
    file = folder / WEIGHTS
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        return str(error)
