"""Wear and failure probability: by hand, and monotone whatever the numbers."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifeline_kit.methods.condition import condition_score, wear, yearly_failure_probability
from lifeline_kit.model.lifeline import Condition

PIPE = Condition(
    kinds=("pipe",),
    rate=0.1,
    life_years={"steel": 10.0, "": 20.0},
    load="load",
    load_typical=0.5,
    load_exponent=0.5,
    source="by hand",
)
years = st.floats(1900, 2030)
loads = st.floats(0, 2)


def pipes(**columns: list) -> pd.DataFrame:
    return pd.DataFrame({"kind": "pipe", **columns})


def test_age_over_life_of_the_material() -> None:
    worn = wear(
        pipes(year=[2016, 2016, 2016, 2030], material=["steel", "clay", None, "steel"]),
        [PIPE],
        year=2026,
    )
    assert worn.tolist() == [1.0, 0.5, 0.5, 0.0]


def test_a_typical_load_changes_nothing_and_a_missing_one_counts_as_typical() -> None:
    assets = pipes(year=[2006] * 3, load=[0.5, np.nan, 0.5 * np.e**2], material="")
    assert wear(assets, [PIPE], year=2026).tolist() == pytest.approx([1.0, 1.0, 2.0])


def test_unknown_stays_unknown() -> None:
    assets = pipes(year=[np.nan, 2000.0]).assign(kind=["pipe", "bridge"])
    assert wear(assets, [PIPE], year=2026).isna().all()
    assert wear(pipes(material=["steel"]), [PIPE], year=2026).isna().all()
    assert condition_score(wear(assets, [PIPE], year=2026)).isna().all()
    assert yearly_failure_probability(assets, [PIPE], year=2026).isna().all()


def test_a_new_kilometre_fails_at_its_rate() -> None:
    assets = pipes(year=[2026, 2026, 2026], length_m=[1000.0, 2000.0, np.nan], material="")
    expected = 1 - np.exp([-0.1, -0.2, -0.1])
    got = yearly_failure_probability(assets, [PIPE], year=2026)
    assert got.tolist() == pytest.approx(expected.tolist())


def test_score_is_100_when_new_and_never_below_0() -> None:
    assert condition_score(pd.Series([0.0, 1.0, 100.0])).tolist() == [100.0, 78.0, 0.0]


@given(one=years, other=years, load=loads)
def test_older_is_never_better(one: float, other: float, load: float) -> None:
    assets = pipes(year=[min(one, other), max(one, other)], load=load, material="steel")
    older, newer = wear(assets, [PIPE], year=2026)
    assert older >= newer
    old_risk, new_risk = yearly_failure_probability(assets, [PIPE], year=2026)
    assert 1 >= old_risk >= new_risk >= 0


@given(year=years, one=loads, other=loads)
def test_more_load_is_never_better(year: float, one: float, other: float) -> None:
    assets = pipes(year=year, load=[min(one, other), max(one, other)], material="steel")
    light, heavy = wear(assets, [PIPE], year=2026)
    assert heavy >= light
    assert condition_score(pd.Series([light]))[0] >= condition_score(pd.Series([heavy]))[0]
