"""Findings to warnings: what belongs together, and how bad it is."""

import numpy as np
import pandas as pd
import pytest
from oracles.hand import asset_table, at, findings

from lifeline_kit.early_warning import raise_warnings
from lifeline_kit.lifelines import ALL

LINE = asset_table(*({} for _ in range(6)))  # a point every kilometre; rules merge within 3 km


def raised(*rows: dict) -> pd.DataFrame:
    return raise_warnings(findings(*rows), LINE, ALL)


def test_one_finding_one_warning() -> None:
    (row,) = raised({"asset": "A2", "level": 3}).to_dict("records")
    assert (row["lifeline"], row["asset"], row["level"]) == ("water", "A2", 3)
    assert (row["state"], row["issued"], row["findings"]) == ("open", at(), ("F0",))
    assert pd.isna(row["cleared"])
    assert row["title_en"] == "Turbid"
    assert row["n_sensors"] == 1


def test_nothing_from_nothing_from_health_and_from_what_does_not_warn() -> None:
    assert len(raised()) == 0
    assert len(raised({"health": True}, {"level": 0})) == 0


def test_near_and_of_one_group_is_one_warning() -> None:
    both = raised({"asset": "A0"}, {"asset": "A3", "rule": "water.chlorine", "since": at(hours=1)})
    assert both["findings"].tolist() == [("F0", "F1")]
    assert both["n_sensors"].tolist() == [2]
    assert both["updated"].tolist() == [at(hours=1)]


@pytest.mark.parametrize(
    "second",
    [
        {"asset": "A4"},  # 4 km away
        {"rule": "water.low_pressure"},  # another group
        {"lifeline": "gas"},
        {"since": at(hours=9)},  # long after the first was over
    ],
)
def test_far_in_place_time_or_kind_is_another_warning(second: dict) -> None:
    first = {"asset": "A0", "until": at(hours=5)}
    assert len(raised(first, {"asset": "A0", "since": at(hours=1)} | second)) == 2


def test_a_warning_goes_on_while_findings_follow_within_three_hours() -> None:
    one = raised(
        {"until": at(hours=2)},
        {"since": at(hours=5), "until": at(hours=6)},
        {"since": at(hours=8), "until": at(hours=9)},
    )
    assert one["findings"].tolist() == [("F0", "F1", "F2")]
    assert one["state"].tolist() == ["cleared"]
    assert one["cleared"].tolist() == [at(hours=9)]


def test_an_open_finding_keeps_the_warning_open() -> None:
    one = raised({"until": pd.NaT}, {"since": at(hours=1), "until": at(hours=2)})
    assert one["state"].tolist() == ["open"]


def test_findings_spread_from_place_to_place() -> None:
    chain = [{"asset": f"A{i}", "since": at(hours=i / 2)} for i in (0, 3, 5)]
    assert len(raised(*chain)) == 1
    assert len(raised(chain[0], chain[2])) == 2


def test_the_worst_level_wins_and_the_first_moment_counts() -> None:
    grown = raised(
        {"level": 4, "severity": 0.35},
        {"asset": "A1", "level": 1, "severity": 0.95, "since": at(1), "title_en": "Worst"},
    )
    (row,) = grown.to_dict("records")
    assert (row["level"], row["asset"], row["title_en"], row["issued"]) == (1, "A1", "Worst", at())


def test_a_warning_keeps_its_number_when_it_grows_worse() -> None:
    small = raised({"level": 4})
    grown = raised({"level": 4}, {"level": 1, "since": at(1)})
    assert small.index.tolist() == grown.index.tolist() == ["20261005-0001"]


def test_simulated_anywhere_is_simulated() -> None:
    origins = [{"real_or_simulated": "real"}, {"real_or_simulated": "simulated"}]
    assert raised(*origins)["real_or_simulated"].tolist() == ["simulated"]
    assert raised(origins[0])["real_or_simulated"].tolist() == ["real"]


def test_names_of_assets_do_not_matter() -> None:
    rng = np.random.default_rng(3)
    rows = [
        {"asset": f"A{rng.integers(6)}", "since": at(hours=i), "until": at(hours=i + 1)}
        for i in range(12)
    ]
    names = dict(zip(LINE.index, rng.permutation(["Z", "b", "资产", "9", "m", "A-1"]), strict=True))
    other = raise_warnings(
        findings(*(row | {"asset": names[row["asset"]]} for row in rows)),
        LINE.rename(index=names),
        ALL,
    )
    assert other["findings"].tolist() == raised(*rows)["findings"].tolist()


def test_rules_that_no_lifeline_declares_warn_by_asset() -> None:
    rows = [{"rule": "bridges.step", "asset": asset} for asset in ("A0", "A0", "A1")]
    assert raised(*rows)["findings"].tolist() == [("F0", "F1"), ("F2",)]
