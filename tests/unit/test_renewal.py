"""What to renew within a budget: exact choice, simple rankings, and how sure the gain is."""

import copy

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.hand import asset_table
from oracles.judgements import by_trial

from lifeline_kit.checkup.renewal import (
    check_costs,
    removed_draws,
    renewal_candidates,
    renewal_costs,
)
from lifeline_kit.checkup.renewal import settings as shipped
from lifeline_kit.checkup.renewal_plan import STRATEGIES, plan_renewal
from lifeline_kit.errors import AssetsError, InputError, RulesError
from lifeline_kit.lifelines import ALL
from lifeline_kit.methods.knapsack import best_choice, ranked_choice


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(1, 30)), min_size=1, max_size=10),
    st.integers(1, 100),
)
def test_the_choice_is_the_best_of_all_subsets(pairs: list[tuple[int, int]], budget: int) -> None:
    value, cost = np.array(pairs, dtype=float).T
    chosen, bound = best_choice(value, cost, budget)
    assert cost[chosen].sum() <= budget
    best = by_trial(value, cost, budget)
    assert value[chosen].sum() == pytest.approx(best)
    assert bound == pytest.approx(best)
    assert not chosen[value == 0].any()


def test_a_ranking_can_miss_what_the_exact_choice_finds() -> None:
    value, cost = np.array([60.0, 100.0, 120.0]), np.array([10.0, 20.0, 30.0])  # Dantzig's burglar
    greedy = ranked_choice(value / cost, cost, 50.0)
    exact, bound = best_choice(value, cost, 50.0)
    assert greedy.tolist() == [True, True, False]
    assert exact.tolist() == [False, True, True]
    assert bound == pytest.approx(220.0)
    assert ranked_choice(np.array([np.nan, 1.0, 2.0]), cost, 45.0).tolist() == [False, False, True]
    assert ranked_choice(np.array([1.0, 0.0, 2.0]), cost, 45.0).tolist() == [True, False, True]
    assert ranked_choice(np.array([1.0, 0.0, 2.0]), cost, 30.0).tolist() == [False, False, True]


def test_the_choice_of_equals_and_near_equals_is_exact_too() -> None:
    rng = np.random.default_rng(6)
    for _ in range(40):
        cost = rng.integers(10, 30, 9).astype(float)
        value = cost + rng.choice([0.0, 0.01], 9)  # all worth their cost, or a hair more
        budget = float(rng.integers(30, 120))
        chosen, bound = best_choice(value, cost, budget)
        assert value[chosen].sum() == pytest.approx(by_trial(value, cost, budget), abs=1e-9)
        assert bound == pytest.approx(value[chosen].sum())


def test_a_thousand_items_spend_no_more_than_the_budget() -> None:
    rng = np.random.default_rng(2)
    value, cost = rng.lognormal(-5, 1.5, 1000), rng.lognormal(13, 1, 1000)
    for share in (0.01, 0.1, 0.5):
        budget = share * cost.sum()
        chosen, bound = best_choice(value, cost, budget)
        greedy = ranked_choice(value / cost, cost, budget)
        assert cost[chosen].sum() <= budget
        assert value[chosen].sum() >= value[greedy].sum()
        assert value[chosen].sum() == pytest.approx(bound, rel=1e-6)
    everything, bound = best_choice(value, cost, 2 * cost.sum())
    assert everything.all()
    assert bound == pytest.approx(value.sum())
    nothing, bound = best_choice(value, cost, 0.5 * cost.min())
    assert not nothing.any()
    assert bound == 0.0


def test_the_solver_is_silent(capfd) -> None:
    best_choice(np.array([60.0, 100.0, 120.0]), np.array([10.0, 20.0, 30.0]), 50.0)
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "")


@pytest.mark.parametrize(
    ("value", "cost", "budget", "words"),
    [
        ([1.0], [1.0], 0.0, r"budget is 0\.0; expected an amount above zero"),
        ([1.0], [1.0], np.nan, "budget is nan; expected an amount above zero"),
        ([1.0, 2.0], [1.0], 1.0, r"\(2,\) values and \(1,\) costs; expected one of each"),
        ([1.0], [0.0], 1.0, "expected a value for each item, and a cost above zero"),
        ([np.nan], [1.0], 1.0, "expected a value for each item"),
    ],
)
def test_bad_items_are_refused(value: list, cost: list, budget: float, words: str) -> None:
    with pytest.raises(InputError, match=words):
        best_choice(np.array(value), np.array(cost), budget)


def pipes(*rows: dict) -> pd.DataFrame:
    return asset_table(
        *(
            {"length_m": 1000.0, "diameter_mm": 300.0, "material": "steel", "year": 1986.0} | row
            for row in rows
        )
    )


def risk(assets: pd.DataFrame, *consequence: float) -> pd.DataFrame:
    return pd.DataFrame({"consequence": consequence}, index=assets.index)


def without_doubt(**changes: float) -> dict:
    how = copy.deepcopy(dict(shipped()))
    how["uncertainty"] |= {"life_log_sd": 0.0} | changes
    return how


def test_candidates_by_hand() -> None:
    assets = pipes({}, {"year": 2026.0}, {"load": 1.2})
    table = renewal_candidates(
        assets, risk(assets, 0.5, 0.5, 1.0), ALL, year=2026, how=without_doubt()
    )
    # water: 0.05 failures a km and year when new, steel ages by e in 20 years: e^2 after 40
    assert table["age"].tolist() == [40, 0, 40]
    assert table["rate"].tolist() == pytest.approx(
        [0.05 * np.exp(2), 0.05, 0.05 * np.exp(2) * np.sqrt(2)]
    )
    assert table["rate_new"].tolist() == pytest.approx([0.05, 0.05, 0.05 * np.sqrt(2)])
    assert table["removed"].tolist() == pytest.approx(
        [0.5 * 0.05 * np.expm1(2), 0.0, 0.05 * np.sqrt(2) * np.expm1(2)]
    )
    assert table["cost"].tolist() == [2800e3] * 3


def test_costs_grow_with_length_and_diameter_within_bounds() -> None:
    assets = pipes(
        {},
        {"length_m": 10.0},
        {"diameter_mm": 600.0},
        {"diameter_mm": 5.0},
        {"diameter_mm": 9000.0},
        {"diameter_mm": np.nan},
        {"lifeline": "rail"},
    )
    per_m = renewal_costs(assets) / assets["length_m"]
    expected = [2800, 2800, 2800 * 2**0.7, 1400, 14000, 2800, np.nan]
    assert per_m.tolist() == pytest.approx(expected, nan_ok=True)


def test_what_nobody_knows_is_no_candidate() -> None:
    assets = pipes(
        {},
        {"year": np.nan},
        {"length_m": np.nan},
        {"kind": "valve"},
        {"lifeline": "rail", "kind": "tunnel"},
        {},
    )
    table = renewal_candidates(assets, risk(assets, 1, 1, 1, 1, 1, np.nan), ALL, year=2026)
    assert table.index.tolist() == ["A0"]
    empty = renewal_candidates(assets[:0], risk(assets[:0]), ALL, year=2026)
    with pytest.raises(InputError, match="no asset can be renewed; expected pipes with year"):
        plan_renewal(empty, 1e6, rng=np.random.default_rng(0))
    with pytest.raises(AssetsError, match="renewal needs the column 'year'; add it"):
        renewal_candidates(assets.drop(columns="year"), risk(assets, *[1] * 6), ALL, year=2026)


def many(n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    rows = [
        {
            "lifeline": str(rng.choice(["water", "gas"])),
            "material": str(rng.choice(["steel", "PE", "cast_iron"])),
            "year": float(rng.integers(1960, 2020)),
            "length_m": float(rng.uniform(20, 800)),
        }
        for _ in range(n)
    ]
    assets = pipes(*rows)
    return renewal_candidates(assets, risk(assets, *rng.uniform(0.1, 1, n)), ALL, year=2026)


def test_draws_average_to_the_expected_risk_removed() -> None:
    table, how = many(), copy.deepcopy(dict(shipped()))
    how["uncertainty"] |= {"draws": 40_000}
    draws = removed_draws(table, rng=np.random.default_rng(0), how=how)
    assert draws.shape == (40_000, len(table))
    assert (draws >= 0).all()
    assert draws.sum(axis=1, dtype=float).mean() == pytest.approx(table["removed"].sum(), rel=0.02)
    np.testing.assert_allclose(draws.mean(axis=0), table["removed"], rtol=0.05)


def test_fitted_rates_take_the_place_of_the_model() -> None:
    assets = pipes({}, {})
    fitted = pd.DataFrame({"rate": [2.0], "rate_low": [1.0], "rate_high": [4.0]}, index=["A1"])
    table = renewal_candidates(
        assets,
        risk(assets, 1.0, 1.0),
        ALL,
        year=2026,
        rates=fitted,
        how=without_doubt(draws=20_000),
    )
    assert table["rate"]["A1"] == 2.0
    assert table["rate_new"]["A1"] == pytest.approx(2.0 * np.exp(-2))
    assert table["removed"]["A1"] == pytest.approx(2.0 * (1 - np.exp(-2)))
    assert table["removed"]["A0"] == pytest.approx(0.05 * np.expm1(2))
    draws = removed_draws(table, rng=np.random.default_rng(0), how=without_doubt(draws=20_000))
    assert draws[:, 1].mean() == pytest.approx(table["removed"]["A1"], rel=0.02)
    low, high = np.quantile(draws[:, 1], [0.05, 0.95])
    assert high / low == pytest.approx(4.0, rel=0.05)


def test_the_plan_stays_within_the_budget_and_leads_every_ranking() -> None:
    table = many()
    for share in (0.05, 0.2, 0.6):
        budget = share * table["cost"].sum()
        plan = plan_renewal(table, budget, rng=np.random.default_rng(0))
        assert plan.strategies.index.tolist() == list(STRATEGIES)
        assert (plan.strategies["cost"] <= budget).all()
        assert plan.chosen["cost"].sum() == pytest.approx(plan.strategies["cost"]["best"])
        assert (plan.strategies["best_ahead"] >= -1e-9).all()
        assert plan.strategies["removed"]["best"] == pytest.approx(plan.bound, rel=1e-6)
        assert (plan.strategies["low"] < plan.strategies["removed"]).all()
        assert (plan.strategies["removed"] < plan.strategies["high"]).all()
        per_cost = plan.chosen["removed"] / plan.chosen["cost"]
        assert (per_cost.diff().dropna() <= 0).all()
    everything = plan_renewal(table, 2 * table["cost"].sum(), rng=np.random.default_rng(0))
    assert everything.strategies["share"].tolist() == pytest.approx([1.0] * 4)


def test_rankings_differ_where_age_is_not_what_matters() -> None:
    # old and harmless, new and grave, worn and grave but dear
    assets = pipes(
        {"year": 1950.0, "length_m": 100.0},
        {"year": 2000.0, "length_m": 100.0},
        {"year": 1980.0, "length_m": 1000.0},
    )
    table = renewal_candidates(assets, risk(assets, 0.001, 1.0, 1.0), ALL, year=2026)
    plan = plan_renewal(table, 300e3, rng=np.random.default_rng(0))
    assert plan.chosen.index.tolist() == ["A1"]
    assert plan.strategies["removed"]["oldest"] < plan.strategies["removed"]["best"] / 10
    assert plan.strategies.loc["oldest", "surer"] > 0.95
    assert plan.strategies.loc["oldest", "ahead_low"] > 0


def test_the_same_seed_gives_the_same_plan() -> None:
    table = many()
    budget = 0.2 * table["cost"].sum()
    first, again = (plan_renewal(table, budget, rng=np.random.default_rng(7)) for _ in range(2))
    pd.testing.assert_frame_equal(first.strategies, again.strategies)
    pd.testing.assert_frame_equal(first.chosen, again.chosen)
    other = plan_renewal(table, budget, rng=np.random.default_rng(8))
    assert other.strategies["low"]["best"] != first.strategies["low"]["best"]
    assert other.chosen.index.tolist() == first.chosen.index.tolist()


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        (0.0, r"budget is 0\.0; expected an amount above zero \[CNY\]"),
        (-5.0, r"budget is -5\.0; expected an amount above zero"),
        (np.nan, "budget is nan; expected"),
        (100.0, "budget 100 buys none of the 60 candidates; the cheapest costs"),
    ],
)
def test_budgets_that_buy_nothing_are_refused(budget: float, words: str) -> None:
    with pytest.raises(InputError, match=words):
        plan_renewal(many(), budget, rng=np.random.default_rng(0))


def test_prices_are_of_lifelines_and_above_zero() -> None:
    keys = [each.key for each in ALL]
    check_costs(shipped(), keys)
    for name, price in (("tea", 5.0), ("gas", 0.0)):
        with pytest.raises(RulesError, match=f"price of renewing '{name}' is {price} CNY/m; exp"):
            check_costs({"cost": {name: price}}, keys)
    for part in (shipped(), shipped()["uncertainty"]):
        assert part["source"]
        assert part["verified"] is False
