"""A city's own judgements of lifelines, put into its folder by the editor of weights."""

import json
import os
import tempfile
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.checkup.profile import WEIGHTS, city_profile
from lifeline_kit.checkup.weights import Weighting, load_weighting
from lifeline_kit.errors import RulesError
from lifeline_kit.methods.weights import judged_weights
from lifeline_kit.model.city import City

_FINEST = 1000  # denominator of a cell: 1/3 is written as such


def judged_anew(matrix: pd.DataFrame, upper: Mapping[tuple[str, str], float]) -> pd.DataFrame:
    """Put judgements into a matrix, and their opposites across the diagonal.

    Parameters
    ----------
    matrix : DataFrame, (criterion, criterion)
    upper : mapping of (row, column) to float above 0
        How many times more the row counts than the column.
    """
    judged = matrix.copy()
    for (row, column), value in upper.items():
        judged.loc[row, column] = value
        judged.loc[column, row] = 1.0 / value if value > 0 else value
    return judged


def save_judgements(city: City, matrix: pd.DataFrame, *, by: str, why: str) -> Path:
    """Write a city's own weights; the next examination goes by them.

    All but the judgements is kept as it is in the city's file, or else as shipped. The file is put
    in place at once and only where it can be read again.

    Parameters
    ----------
    city : City
        Saved.
    matrix : DataFrame, (criterion, criterion)
    by, why : str
        Stand in the file as the source of the judgements.

    Raises
    ------
    RulesError
        Where the judgements are refused (see `methods.weights.judged_weights`), or nobody says who
        judges and why.
    """
    if not by.strip() or not why.strip():
        raise RulesError("say who judges and why: it stands in the file as their source.")
    assert city.path is not None
    weighting = city_profile(city).weighting
    judged_weights(matrix, most=weighting.most_inconsistent)
    place = city.path / WEIGHTS
    handle, name = tempfile.mkstemp(prefix="weights.", suffix=".partial", dir=city.path)
    partial = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(_written(weighting, matrix, f"{by.strip()}: {why.strip()}"))
        load_weighting(partial)
        partial.chmod(0o644)
        partial.replace(place)
    finally:
        partial.unlink(missing_ok=True)
    return place


def _written(weighting: Weighting, matrix: pd.DataFrame, source: str) -> str:
    rows = "\n".join(f"  [{', '.join(_cell(cell) for cell in row)}]," for row in matrix.to_numpy())
    groups = "\n".join(
        f"{_text(name)} = {{ {', '.join(f'{_text(k)} = {v:g}' for k, v in members.items())} }}"
        for name, members in weighting.groups.items()
    )
    version = weighting.version.removesuffix(" (own)")
    return f"""# This city's own judgements of lifelines; their meaning: the shipped weights.toml.
version = {_text(f"{version} (own)")}

[judgements]
source = {_text(source)}
verified = false
names = {_texts(matrix.index)}
matrix = [
{rows}
]
most_inconsistent = {weighting.most_inconsistent!r}

[groups]
{groups}

[unscored]
names = {_texts(weighting.unscored)}

[combined]
judged_share = {weighting.judged_share!r}
floor = {weighting.floor!r}
districts_beyond_lifelines = {weighting.districts_beyond_lifelines}

[sensitivity]
draws = {weighting.draws}
concentration = {weighting.concentration!r}
interval = {weighting.interval!r}
"""


def _cell(value: float) -> str:
    near = Fraction(float(value)).limit_denominator(_FINEST)
    if not np.isclose(float(near), value, rtol=1e-12):
        return repr(float(value))
    return str(near) if near.denominator == 1 else _text(str(near))


def _text(text: str) -> str:
    """Write a TOML string; without what does not print, JSON's is one."""
    return json.dumps(
        "".join(letter for letter in text if letter.isprintable()), ensure_ascii=False
    )


def _texts(names: tuple[str, ...] | pd.Index) -> str:
    return f"[{', '.join(_text(str(name)) for name in names)}]"
