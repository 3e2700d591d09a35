"""An analyst's assessment on the warning of a case, and what earlier ones were."""

import numpy as np
import pytest

from lifeline_kit.early_warning.duty import load_duty
from lifeline_kit.errors import LedgerError
from lifeline_kit.io.ledger import Ledger
from lifeline_kit.io.ledger.outbox import notices
from lifeline_kit.pipeline import examine
from lifeline_kit.services.assessed import assessed, past_verdicts
from lifeline_kit.services.desk import done, verdict_draft
from lifeline_kit.services.watch import synchronised

DUTY = load_duty()
RULE = "gas.methane"


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "l.sqlite", create=True) as opened:
        yield opened


@pytest.fixture
def examination(tiny_city):
    return examine(tiny_city)


def methane(examination):
    found = examination.findings
    return str(found.index[found["rule"] == RULE][0])


def assess(ledger, examination, finding, text="leak, 91 %"):
    at = examination.at.to_datetime64()
    return assessed(ledger, examination, finding, text, DUTY, actor="Li", now=at)


def test_an_assessment_issues_the_warning_once_whoever_comes_first(ledger, examination):
    item = assess(ledger, examination, methane(examination))
    assert [(e.act, e.actor) for e in ledger.events("warning", item)] == [
        ("issue", "Li"), ("note", "Li"),
    ]  # fmt: skip
    assert len(notices(ledger)) == 1  # somebody is told
    synchronised(ledger, examination, DUTY, now=examination.at.to_datetime64())
    assert [e.act for e in ledger.events("warning", item)] == ["issue", "note"]
    assess(ledger, examination, methane(examination), "biogas after all")
    assert ledger.events("warning", item)[-1].body["text"] == "biogas after all"
    assert ledger.verify().problems == ()


def test_a_finding_of_no_warning_is_refused(ledger, examination):
    with pytest.raises(LedgerError, match="finding gone belongs to no warning"):
        assess(ledger, examination, "gone")
    assert ledger.verify().events == 0


def test_what_was_judged_near_here_is_known_again(ledger, examination, tiny_city):
    item = assess(ledger, examination, methane(examination))
    now = examination.at.to_datetime64()
    assert past_verdicts(ledger, tiny_city.assets, "G2", rule=RULE).empty
    held = ledger.item("warning", item)
    ledger.append([verdict_draft(held, item, "biogas", actor="Li")], now=now)
    found = past_verdicts(ledger, tiny_city.assets, "G2", rule=RULE)
    assert found.index.tolist() == [item]
    assert found["verdict"].tolist() == ["biogas"]
    assert found["away_m"].to_numpy() == pytest.approx(np.array([30.0]))
    assert past_verdicts(ledger, tiny_city.assets, "G2", rule="gas.pressure").empty
    assert past_verdicts(ledger, tiny_city.assets, "W2", rule=RULE).empty  # 370 m away
    done(ledger, item, "receive", actor="Li", now=now)  # and the warning goes on
