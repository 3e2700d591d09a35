"""Indicators of a period, counted by hand from a ledger that was walked through."""

import numpy as np
import pandas as pd
import pytest

from lifeline_kit.early_warning.duty import load_duty
from lifeline_kit.early_warning.indicators import INDICATORS, indicators, precision
from lifeline_kit.io.ledger import Draft, Ledger
from lifeline_kit.services.desk import done

DUTY = load_duty()
T0 = np.datetime64("2026-10-01T08:00", "ms")


def at(minutes):
    return T0 + np.timedelta64(round(minutes * 60_000), "ms")


def walk(ledger, item, *, respond, control, close, verdict, rules):
    """A warning of level II: limits are 30 min, 120 min, 72 h."""
    body = {"level": 2, "unit": "燃气公司", "title_zh": "t", "lifeline": "gas", "rules": rules,
            "methods": ["above"]}  # fmt: skip
    ledger.append([Draft(entity="warning", item=item, act="issue", actor="t", body=body)], now=T0)
    plan = [("receive", 1, {}), ("dispose", respond, {}), ("control", control, {})]
    plan += [("submit", close - 2, {})]
    for act, minutes, said in plan:
        done(ledger, item, act, actor="li", now=at(minutes), body=said)
    recheck = Draft(entity="warning", item=item, act="recheck", actor="s", body={"basis": "b"})
    ledger.append([recheck], now=at(close - 1))
    done(ledger, item, "close", actor="li", now=at(close), body={"verdict": verdict})


@pytest.fixture
def tables(tmp_path):
    with Ledger.open(tmp_path / "l.sqlite", create=True) as ledger:
        # each item is walked to its end before the next begins, so the book's clock is set aside
        for item, plan in {
            "A": (10, 60, 600, "leak", ["gas.methane"]),
            "B": (20, 130, 700, "biogas", ["gas.methane", "gas.rise"]),
            "C": (25, 100, 800, "device", ["gas.rise"]),
        }.items():
            walked = tmp_path / f"{item}.sqlite"
            with Ledger.open(walked, create=True) as own:
                respond, control, close, verdict, rules = plan
                walk(own, item, respond=respond, control=control, close=close, verdict=verdict,
                     rules=rules)  # fmt: skip
        tables = []
        for entity in ("warning", "verdict"):
            parts = []
            for item in "ABC":
                with Ledger.open(tmp_path / f"{item}.sqlite") as own:
                    parts.append(own.items(entity, open_only=False))
            tables.append(pd.concat(parts))
        body = {"level": 1, "unit": "供水公司", "title_zh": "t", "lifeline": "water"}
        ledger.append(
            [Draft(entity="warning", item="D", act="issue", actor="t", body=body)], now=T0
        )
        tables[0] = pd.concat([tables[0], ledger.items()])
    return tables


def test_each_number_and_the_rows_it_rests_on(tables):
    warnings, verdicts = tables
    health = pd.DataFrame({"online": [True, True, False]}, index=["s1", "s2", "s3"])
    found = indicators(warnings, verdicts, DUTY, at=at(20), health=health)
    value = found["value"]
    assert value["response"] == pytest.approx((10 + 20 + 25) / 3)
    assert value["control"] == pytest.approx((60 + 130 + 100) / 3)
    assert found["items"]["response"] == ("A", "B", "C")
    assert value["on_time"] == pytest.approx(2 / 3)  # B was controlled after two hours
    assert value["completion"] == pytest.approx(3 / 4)
    assert value["true_share"] == pytest.approx(1 / 3)
    assert (value["overdue"], found["items"]["overdue"]) == (1.0, ("D",))  # past 15 min
    assert value["online"] == pytest.approx(2 / 3)
    assert set(found.index) == set(INDICATORS)


def test_nothing_yet_is_nan_and_not_zero(tables):
    warnings, verdicts = tables
    found = indicators(warnings.iloc[:0], verdicts.iloc[:0], DUTY, at=at(1))["value"]
    assert found[["response", "on_time", "true_share", "completion"]].isna().all()
    assert found["overdue"] == 0


def test_a_rule_that_wastes_time_is_named_with_whose(tables):
    table = precision(*tables)
    assert table.index.tolist() == ["gas.rise", "gas.methane"]
    assert table["precision"].tolist() == [0.0, 0.5]
    assert table["wasted_h"]["gas.rise"] == pytest.approx((700 + 800) / 60)
    assert table["wasted_h"]["gas.methane"] == pytest.approx(700 / 60)
    assert table["units"]["gas.rise"] == ("燃气公司",)
    assert table["items"]["gas.methane"] == ("B",)
    assert precision(*tables, by="methods")["judged"].to_dict() == {"above": 3}


def test_what_was_done_late_is_not_waited_for(tmp_path):
    with Ledger.open(tmp_path / "l.sqlite", create=True) as ledger:
        body = {"level": 2, "unit": "u", "title_zh": "t", "lifeline": "gas"}
        ledger.append(
            [Draft(entity="warning", item="L", act="issue", actor="t", body=body)], now=T0
        )
        for act, minutes in (("receive", 1), ("dispose", 90), ("control", 100)):
            done(ledger, "L", act, actor="li", now=at(minutes))
        items, none = ledger.items(), ledger.items("verdict")
    assert indicators(items, none, DUTY, at=at(110))["value"]["overdue"] == 0
    assert indicators(items, none, DUTY, at=at(73 * 60))["value"]["overdue"] == 1
