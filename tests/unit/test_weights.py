"""Weights by judgement and by data: published examples, closed forms, refusals."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import judgements as published

from lifeline_kit.checkup.weights import (
    check_names,
    district_scores,
    judged_lifelines,
    lifeline_weights,
    load_weighting,
)
from lifeline_kit.errors import RulesError
from lifeline_kit.lifelines import ALL
from lifeline_kit.methods.weights import (
    combined_weights,
    critic_weights,
    drawn_weights,
    judged_weights,
)

KEYS = [each.key for each in ALL]


def test_published_examples_of_judgement_to_their_last_digit() -> None:
    for example, printed, ratio in (
        (published.WEALTH, published.WEALTH_WEIGHTS, 0.08),
        (published.DRINKS, published.DRINKS_WEIGHTS, 0.022),
    ):
        found = judged_weights(example)
        assert np.abs(found.weights - printed).max() <= 0.0005
        assert found.consistency_ratio == pytest.approx(ratio, abs=0.005)
    wealth = judged_weights(published.WEALTH)
    assert round(wealth.eigenvalue, 2) == 7.61
    assert round(wealth.consistency_index, 2) == 0.10


def test_the_published_example_of_data_weights() -> None:
    found = critic_weights(published.FIRMS)
    assert np.abs(found - published.FIRMS_WEIGHTS).max() < 1e-8


@given(a=st.floats(0.2, 5), b=st.floats(0.2, 5), c=st.floats(0.2, 5))
def test_three_criteria_have_a_closed_form(a: float, b: float, c: float) -> None:
    frame = published.matrix("x y z", [f"{a:.6f} {b:.6f}", f"{c:.6f}"])
    a, b, c = frame.iat[0, 1], frame.iat[0, 2], frame.iat[1, 2]
    found = judged_weights(frame, most=np.inf)
    weights, eigenvalue = published.three(a, b, c)
    np.testing.assert_allclose(found.weights, weights, rtol=1e-9)
    assert found.eigenvalue == pytest.approx(eigenvalue, rel=1e-9)
    assert found.consistency_ratio == pytest.approx(max(0, eigenvalue - 3) / 2 / 0.58, abs=1e-9)


@given(st.lists(st.floats(0.05, 1), min_size=1, max_size=15))
def test_judgements_that_agree_give_back_their_weights(weights: list[float]) -> None:
    true = np.array(weights) / sum(weights)
    names = [f"c{k}" for k in range(len(true))]
    found = judged_weights(pd.DataFrame(true[:, None] / true, names, names))
    np.testing.assert_allclose(found.weights, true, rtol=1e-8)
    assert found.consistency_ratio == pytest.approx(0.0, abs=1e-9)


def test_contradicting_judgements_are_refused_and_the_worst_cell_named() -> None:
    with pytest.raises(
        RulesError,
        match=r"contradict one another: consistency ratio 0\.2\d+, expected at most 0\.1; think "
        r"again about \(\w+, \w+\), which is \S+ where all together say",
    ):
        judged_weights(published.SCHOOL)
    spoilt = published.DRINKS.copy()
    spoilt.loc["beer", "water"], spoilt.loc["water", "beer"] = 9, 1 / 9  # was a third
    with pytest.raises(RulesError, match=r"\(beer, water\), which is 9 where all together say 1"):
        judged_weights(spoilt)


def wrong(**cells: float) -> pd.DataFrame:
    frame = published.matrix("a b c", ["2 4", "2"])
    for name, value in cells.items():
        frame.loc[name[0], name[1]] = value
    return frame


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (wrong(ab=2.2), r"not reciprocal: \(a, b\) = 2\.2, \(b, a\) = 0\.5; expected 1 on"),
        (wrong(bb=2), r"not reciprocal: \(b, b\) = 2; expected"),
        (wrong(ac=0), r"hold \(a, c\) = 0; expected numbers above zero"),
        (wrong(ac=-4, ca=-0.25), r"hold \(a, c\) = -4, \(c, a\) = -0\.25; expected"),
        (wrong(bc=np.nan), r"hold \(b, c\) = nan; expected"),
        (wrong().iloc[:2], r"2 rows by 3 columns; expected a square"),
        (pd.DataFrame(), r"0 rows by 0 columns; expected a square"),
        (wrong().set_axis(["a", "b", "d"]), r"rows a, b, d and columns a, b, c; expected the same"),
        (
            wrong().set_axis(["a", "", "c"]).set_axis(["a", "", "c"], axis=1),
            r"rows a, \(no name\), c .* expected the same names",
        ),
        (
            pd.DataFrame(np.ones((16, 16)), range(16), range(16)),
            "16 criteria in one matrix; expected 15 at most: judge groups",
        ),
    ],
)
def test_a_malformed_matrix_is_refused_in_one_sentence(frame: pd.DataFrame, words: str) -> None:
    with pytest.raises(RulesError, match=words) as caught:
        judged_weights(frame)
    assert "\n" not in str(caught.value)


def test_thirds_and_sixths_written_with_two_decimals_are_reciprocal() -> None:
    frame = published.matrix("a b c", ["3 6", "2"])
    frame.loc["b", "a"], frame.loc["c", "a"] = 0.33, 0.17
    assert judged_weights(frame).weights.tolist() == pytest.approx([2 / 3, 2 / 9, 1 / 9], abs=0.003)


def test_data_weights_of_constants_copies_and_costs() -> None:
    rng = np.random.default_rng(1)
    table = pd.DataFrame(rng.random((30, 3)), columns=["a", "b", "c"])
    assert critic_weights(table.assign(d=5.0))["d"] == 0.0
    assert critic_weights(table.assign(d=5.0))[:3].tolist() == pytest.approx(
        critic_weights(table).tolist()
    )
    copied = critic_weights(table.assign(d=table["a"]))
    assert copied["a"] == pytest.approx(copied["d"])
    assert copied["a"] < critic_weights(table)["a"]
    flipped = critic_weights(table.assign(a=-table["a"]), costs=["a"])
    assert flipped.tolist() == pytest.approx(critic_weights(table).tolist())
    same = critic_weights(pd.DataFrame({"a": [1, 2, 3], "b": [2, 4, 6], "c": [1, 1, 1]}))
    assert same.tolist() == [0.5, 0.5, 0.0]


@pytest.mark.parametrize(
    ("table", "costs", "words"),
    [
        (published.FIRMS[:2], [], "2 objects .* expected three or more"),
        (published.FIRMS, ["price"], "cost 'price' is no criterion; expected profitability"),
        (published.FIRMS.assign(share=np.nan), [], r"a gap: \(0, share\) = nan.* and 4 more"),
        (published.FIRMS * 0, [], "no criterion differs"),
    ],
)
def test_bad_data_for_weights_is_refused(table: pd.DataFrame, costs: list, words: str) -> None:
    with pytest.raises(RulesError, match=words):
        critic_weights(table, costs=costs)


def test_combined_weights_by_hand() -> None:
    judged = pd.Series({"a": 0.6, "b": 0.4, "c": 0.0})
    data = pd.Series({"c": 0.1, "b": 0.9, "a": 0.0})
    assert combined_weights(judged, data).tolist() == pytest.approx(
        [0.42 / 0.97 * 0.95, *([0.55 / 0.97 * 0.95, 0.05])]
    )
    assert combined_weights(judged, None).tolist() == pytest.approx([0.57, 0.38, 0.05])
    assert combined_weights(judged, data, floor=0.0).tolist() == pytest.approx([0.42, 0.55, 0.03])


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=20),
    st.floats(0, 0.05),
    st.floats(0, 1),
)
def test_combined_weights_keep_the_floor_the_sum_and_the_order(
    pairs: list[tuple[float, float]], floor: float, share: float
) -> None:
    judged, data = (pd.Series([pair[k] + 1e-6 for pair in pairs]) for k in (0, 1))
    mixed = combined_weights(judged, data, share=share, floor=floor)
    assert mixed.sum() == pytest.approx(1.0)
    assert (mixed >= floor - 1e-9).all()
    plain = share * judged / judged.sum() + (1 - share) * data / data.sum()
    by_plain = mixed.iloc[np.argsort(plain, kind="stable")].to_numpy()
    assert (np.diff(by_plain) >= -1e-9).all()


@pytest.mark.parametrize(
    ("data", "how", "words"),
    [
        ({"a": 1.0, "d": 1.0}, {}, "judged weights name a, b, data a, d; expected the same"),
        ({"a": 1.0, "b": -1.0}, {}, r"weight of b is -1\.0; expected zero or more"),
        ({"a": 0.0, "b": 0.0}, {}, "weight of a, b is 0; expected zero or more"),
        (None, {"share": 1.2}, r"share of judged weights is 1\.2; expected 0-1"),
        (None, {"floor": 0.6}, r"floor 0\.6 for 2 criteria; expected 0 to 0\.5"),
    ],
)
def test_weights_that_do_not_fit_are_refused(data: dict | None, how: dict, words: str) -> None:
    judged = pd.Series({"a": 0.5, "b": 0.5})
    with pytest.raises(RulesError, match=words):
        combined_weights(judged, None if data is None else pd.Series(data), **how)


def test_drawn_weights_have_the_mean_and_spread_they_say() -> None:
    weights = pd.Series({"a": 0.6, "b": 0.3, "c": 0.1, "d": 0.0})
    draws = drawn_weights(weights, rng=np.random.default_rng(0), n=20_000, concentration=50.0)
    np.testing.assert_allclose(draws.sum(axis=1), 1.0)
    np.testing.assert_allclose(draws.mean(axis=0), weights, atol=0.003)
    np.testing.assert_allclose(draws.std(axis=0), np.sqrt(weights * (1 - weights) / 51), atol=0.002)
    again = drawn_weights(weights, rng=np.random.default_rng(0), n=20_000, concentration=50.0)
    assert (draws == again).all()
    for bad in ({"n": 0}, {"concentration": 0.0}):
        with pytest.raises(RulesError, match="expected both above zero"):
            drawn_weights(weights, rng=np.random.default_rng(0), **bad)


def test_shipped_judgements_give_the_declared_weights_and_agree() -> None:
    weighting = load_weighting()
    judged = judged_weights(weighting.judgements())
    noted = {"gas": 0.264, "water": 0.150, "drainage": 0.150, "bridges_roads": 0.150}
    noted |= {"heating": 0.080, "rail": 0.080, "emergency": 0.080, "supplies": 0.046}
    assert np.abs(judged.weights - pd.Series(noted)).max() < 0.0005
    assert round(judged.consistency_ratio, 4) == 0.0027
    check_names(weighting, KEYS)
    declared = pd.Series({each.key: each.weight for each in ALL})
    own = judged_lifelines(weighting, ALL)
    assert np.abs(own - declared / declared.sum()).max() < 0.0006


def test_absent_lifelines_leave_their_weight_to_the_others() -> None:
    weighting = load_weighting()
    south = [each for each in ALL if each.key != "heating"]
    some, every = judged_lifelines(weighting, south), judged_lifelines(weighting, ALL)
    assert some.sum() == pytest.approx(1.0)
    ratio = some / every.reindex(some.index)
    assert ratio.tolist() == pytest.approx([1 / (1 - every["heating"])] * 7)
    stranger = dataclasses.replace(ALL[0], key="tea", weight=0.1)
    with_tea = judged_lifelines(weighting, [*ALL, stranger])
    assert with_tea["tea"] / with_tea["gas"] == pytest.approx(0.1 / 0.2636, rel=0.001)


def districts(n: int, keys: list[str] = KEYS) -> pd.DataFrame:
    values = 80 + 8 * np.random.default_rng(3).standard_normal((n, len(keys)))
    return pd.DataFrame(values, [f"Z{k}" for k in range(n)], keys)


def test_data_weights_count_only_with_more_districts_than_lifelines() -> None:
    weighting = load_weighting()
    for few in (None, districts(9), districts(10).assign(gas=np.nan), districts(20, KEYS[1:])):
        table = lifeline_weights(weighting, ALL, few)
        assert table["critic"].isna().all()
        assert table["weight"].tolist() == pytest.approx(table["judged"].tolist(), abs=1e-4)
    table = lifeline_weights(weighting, ALL, districts(10))
    assert table["critic"].tolist() == pytest.approx(critic_weights(districts(10)).tolist())
    mixed = 0.7 * table["judged"] + 0.3 * table["critic"]
    assert table["weight"].tolist() == pytest.approx(mixed.tolist())
    assert table[["judged", "weight"]].sum().tolist() == pytest.approx([1, 1])
    flat = districts(10) * 0 + 80.0
    assert lifeline_weights(weighting, ALL, flat)["critic"].isna().all()


def test_chance_moves_combined_weights_little_at_the_fewest_districts() -> None:
    rng = np.random.default_rng(0)
    names = list("abcdefgh")
    draws = [
        critic_weights(pd.DataFrame(rng.normal(size=(10, 8)), columns=names)) for _ in range(200)
    ]
    moved = 0.3 * np.abs(np.array(draws) - 1 / 8).max(axis=1)  # all alike, but for chance
    assert np.quantile(moved, 0.95) < 0.02


def test_scores_of_districts_are_taken_from_a_table_of_scores() -> None:
    rows = [("area", "Z1", "gas", "total", 80.0), ("area", "Z1", "gas", "operation", 70.0)]
    rows += [("area", "Z2", "gas", "total", np.nan), ("area", "Z2", "", "total", 60.0)]
    rows += [("lifeline", "gas", "gas", "total", 50.0), ("area", "Z2", "water", "total", 90.0)]
    names = ["scope", "subject", "lifeline", "indicator", "score"]
    table = district_scores(pd.DataFrame(rows, columns=names))
    assert table.columns.tolist() == ["gas", "water"]
    assert table.loc["Z1", "gas"] == 80.0
    assert table.loc["Z2", "water"] == 90.0
    assert table.isna().sum().sum() == 2


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"rail", "emergency"', '"tram", "emergency"', "name 'tram', which is no lifeline; exp"),
        ("bridges = 3", "bridge = 3", "name 'bridge', which is no lifeline"),
        ('names = ["gas", "water",', 'names = ["gas",', "7 names for a matrix of 8 rows with 8"),
        ("[1, 2, 2, 2, 3, 3, 3, 5]", "[1, 2, 2, 2, 3, 3, 5]", "8 rows with 7, 8 cells"),
        ("[1, 2, 2, 2, 3, 3, 3, 5]", "[1, 2, 2, 2, 3, 3, 3, 6]", r"not reciprocal: \(gas, suppl"),
        ("[1, 2, 2, 2, 3, 3, 3, 5]", "[1, 0, 2, 2, 3, 3, 3, 5]", r"hold \(gas, water\) = 0;"),
        ('"1/5", "1/3"', '"1/0", "1/3"', "is missing or unreadable"),
        ('"1/5", "1/3"', '"a fifth", "1/3"', "'a fifth' is missing or unreadable"),
        ("most_inconsistent = 0.1 ", "most_inconsistent = 0.002 ", r"consistency ratio 0\.003, ex"),
        ("judged_share", "share", "'judged_share' is missing"),
        ("[judgements]", "[judgements", "is missing or unreadable"),
    ],
)
def test_bad_weights_name_their_file(tmp_path: Path, old: str, new: str, words: str) -> None:
    from lifeline_kit.checkup import weights

    text = Path(weights.__file__).with_name("weights.toml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "mine.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RulesError, match=rf"mine\.toml: .*{words}"):
        load_weighting(tmp_path / "mine.toml")
    with pytest.raises(RulesError, match=r"none\.toml"):
        load_weighting(tmp_path / "none.toml")
