"""Alarms in the ledger: raised, announced again, shelved and cleared."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lifeline_kit.early_warning.alarms import is_alarm
from lifeline_kit.early_warning.duty import load_duty
from lifeline_kit.early_warning.load import alarm_times, desk_load
from lifeline_kit.errors import LedgerError
from lifeline_kit.io.ledger import Ledger
from lifeline_kit.model.lifeline import LIMIT_TESTS
from lifeline_kit.pipeline import examine
from lifeline_kit.services.desk import done
from lifeline_kit.services.watch import synchronised, watch_round

DUTY = load_duty()
HOUR = np.timedelta64(1, "h")
T0 = np.datetime64("2026-10-01T00:00", "ms")


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "l.sqlite", create=True) as opened:
        yield opened


@pytest.fixture
def examination(tiny_city):
    return examine(tiny_city)


def told(ledger, examination, *, hours=0.0, now=None, realarm_min=None, **changes):
    """Let the ledger hear of the examination so many hours later, with the alarm changed."""
    findings = examination.findings.copy()
    alarm = findings.index[is_alarm(findings)][0]
    for name, value in changes.items():
        findings.loc[alarm, name] = value
    at = examination.at + pd.Timedelta(hours=hours)
    seen = replace(examination, findings=findings, at=at)
    moment = at.to_datetime64() if now is None else now
    return synchronised(ledger, seen, DUTY, now=moment, realarm_min=realarm_min or {})


def acts(ledger):
    (item,) = ledger.items("alarm", open_only=False).index
    return [event.act for event in ledger.events("alarm", item)]


def test_a_crossed_limit_is_an_alarm_and_a_method_is_none(ledger, examination):
    told(ledger, examination)
    alarms = ledger.items("alarm")
    (body,) = alarms["body"]
    assert (body["rule"], body["sensor"], body["health"]) == ("gas.methane", "m1", False)
    assert body["value"] == pytest.approx(1.5)
    assert body["measured_in"] == "%VOL"
    seen = ledger.items("finding", open_only=False)
    methods = {each["method"] for each in seen["body"]}
    assert "residual" in methods
    assert not methods & LIMIT_TESTS
    told(ledger, examination)
    assert acts(ledger) == ["raise"]
    warning = next(w for w in ledger.items()["body"] if "gas.methane" in w["rules"])
    assert body["finding"] in warning["findings"]  # the warning names its alarm


def test_a_device_in_question_raises_an_alarm_of_the_device_alone(ledger, tiny_city):
    values = tiny_city.readings["pressure/15min"]["value"]
    values[1, -200:] = np.nan  # silent
    found = examine(tiny_city)
    synchronised(ledger, found, DUTY, now=found.at.to_datetime64())
    bodies = list(ledger.items("alarm")["body"])
    (silent,) = [each for each in bodies if each["sensor"] == "p2"]
    assert silent["health"]
    assert silent["level"] == 4
    assert all("offline" not in each["rules"] for each in ledger.items()["body"])


def test_what_stands_is_announced_again_and_at_once_when_worse(ledger, examination):
    told(ledger, examination, realarm_min={"gas.methane": 600})
    assert acts(ledger) == ["raise"]
    told(ledger, examination, hours=11, realarm_min={"gas.methane": 600})
    told(ledger, examination, hours=11, realarm_min={"gas.methane": 600})
    assert acts(ledger) == ["raise", "again"]
    told(ledger, examination, hours=12, level=1, realarm_min={"gas.methane": 600})
    assert acts(ledger) == ["raise", "again", "again"]
    assert ledger.items("alarm")["level"].tolist() == [1]


def test_an_alarm_is_cleared_when_its_data_are_back(ledger, examination):
    told(ledger, examination)
    told(ledger, examination, hours=2, until=examination.at + pd.Timedelta(hours=1))
    told(ledger, examination, hours=3, until=examination.at + pd.Timedelta(hours=1))
    assert acts(ledger) == ["raise", "clear"]
    assert ledger.items("alarm").empty


def test_an_alarm_without_its_finding_is_withdrawn(ledger, examination):
    told(ledger, examination)
    none = examination.findings[~is_alarm(examination.findings)]
    other = replace(examination, findings=none, warnings=examination.warnings.iloc[:0])
    synchronised(ledger, other, DUTY, now=examination.at.to_datetime64())
    assert acts(ledger) == ["raise", "clear"]
    assert ledger.items("alarm", open_only=False)["body"].iloc[0]["withdrawn"]


def shelve(ledger, examination, hours):
    (item,) = ledger.items("alarm").index
    now = examination.at.to_datetime64()
    said = {"until": str(now + np.timedelta64(round(hours), "h")), "reason": "probe is swapped"}
    done(ledger, item, "shelve", actor="li", entity="alarm", now=now, body=said)
    return item


def test_a_shelf_holds_back_its_sensor_and_ends_by_itself(ledger, examination, tmp_path):
    told(ledger, examination)
    n = len(ledger.items())
    shelve(ledger, examination, 20)
    findings = examination.findings.copy()
    alarm = findings.index[is_alarm(findings)][0]
    later = examination.at + pd.Timedelta(hours=5)
    findings.loc[alarm, "until"] = examination.at + pd.Timedelta(hours=1)
    again = findings.loc[[alarm]].rename(index={alarm: "second"})
    again[["since", "until"]] = [later, pd.NaT]
    findings = pd.concat([findings, again]).rename_axis("finding")
    warning = examination.warnings.iloc[:1].rename(index={examination.warnings.index[0]: "W2"})
    warning.at["W2", "findings"] = ("second",)
    warnings = pd.concat([examination.warnings, warning]).rename_axis("warning")
    seen = replace(examination, findings=findings, warnings=warnings, at=later)
    synchronised(ledger, seen, DUTY, now=later.to_datetime64())
    assert ledger.items("alarm")["state"].tolist() == ["shelved", "shelved"]
    assert len(ledger.items()) == n  # nothing new is issued of it
    after = examination.at.to_datetime64() + 21 * HOUR
    round_ = watch_round(ledger, DUTY, now=after, folder=tmp_path)
    assert round_.unshelved == 2
    synchronised(ledger, seen, DUTY, now=after)
    assert ledger.items("alarm").index.tolist() == ["second"]  # the first had come back
    assert ledger.items("alarm")["state"].tolist() == ["raised"]
    assert len(ledger.items()) == n + 1


def test_a_graver_level_leaves_the_shelf_at_once(ledger, examination):
    told(ledger, examination)
    shelve(ledger, examination, 20)
    told(ledger, examination, hours=1, level=1)
    assert acts(ledger) == ["raise", "shelve", "unshelve", "again"]
    assert ledger.items("alarm")["state"].tolist() == ["raised"]


@pytest.mark.parametrize("hours", [-1, 0, 14 * 24 + 1])
def test_no_shelf_is_for_ever_or_over(ledger, examination, hours):
    told(ledger, examination)
    with pytest.raises(LedgerError, match="at most 14 days later"):
        shelve(ledger, examination, hours)


def test_nobody_raises_or_clears_by_hand(ledger, examination):
    told(ledger, examination)
    (item,) = ledger.items("alarm").index
    with pytest.raises(LedgerError, match="done by the watch, not by hand"):
        done(ledger, item, "clear", actor="li", entity="alarm", now=examination.at.to_datetime64())
    done(
        ledger, item, "acknowledge", actor="li", entity="alarm", now=examination.at.to_datetime64()
    )
    assert ledger.items("alarm")["state"].tolist() == ["acknowledged"]


def raised(item, minute, *, ended=None, **more):
    """An item of the ledger, as its table gives it."""
    since = T0 + np.timedelta64(round(minute * 60_000), "ms")
    body = {"rule": "r", "sensor": item[0], "since": str(since), **more}
    if ended is not None:
        body["ended"] = str(T0 + np.timedelta64(round(ended * 60_000), "ms"))
    return item, {"body": body, "opened": pd.Timestamp(T0)}


def test_the_load_of_a_desk_is_that_of_the_devices_clocks():
    rows = [raised(f"a{k}", k, ended=k + 0.5) for k in range(4)]
    rows += [raised("b0", 5, health=True), raised("c0", 60 * 30)]
    items = pd.DataFrame(dict(rows)).T
    found = desk_load(alarm_times(items), DUTY.desk, begin=T0, end=T0 + 25 * HOUR)
    assert found.load.n == 5  # the last one came after the span
    assert found.load.most == 5
    assert found.device_share == pytest.approx(0.2)
    assert found.chatter["most"].to_dict() == {"r @ a": 4}
    assert found.stale.index.tolist() == ["b0"]
    assert found.top["n"].to_dict() == {"r @ a": 4, "r @ b": 1}
    # in one ten-minute window from minute 1 to 13 there are always more than one
    assert found.load.time_above[1] == pytest.approx(12 / (25 * 60))


def test_no_alarms_are_no_load():
    none = alarm_times(pd.DataFrame({"body": [], "opened": []}))
    found = desk_load(none, DUTY.desk, begin=T0, end=T0 + HOUR)
    assert found.load.n == 0
    assert found.alarms[found.alarms["health"]].empty
    assert list(found.alarms[found.alarms["health"]]) == list(found.alarms)
    assert np.isnan(found.device_share)
