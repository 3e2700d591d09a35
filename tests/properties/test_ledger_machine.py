"""The ledger against a model of it: every act in every order, timers and crashes, on both bases.

Fifty steps of ten stories each in `make test`; `make soak` walks ten thousand and more.
"""

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)
from stories import walk, walk_on_postgres

from lifeline_kit.early_warning.duty import load_duty
from lifeline_kit.early_warning.timers import due
from lifeline_kit.errors import ConflictError, LedgerError
from lifeline_kit.io.ledger import Draft, Ledger
from lifeline_kit.io.ledger.outbox import notices
from lifeline_kit.model.ledger import CLOSED, MERGED
from lifeline_kit.services.watch import watch_round

DUTY = load_duty()
START = np.datetime64("2026-10-01T08:00", "ms")
MINUTE = np.timedelta64(60_000, "ms")
BODY = {
    "issue": {"unit": "u", "title_zh": "t", "lifeline": "gas"},
    "assign": {"unit": "v"},
    "recheck": {"basis": "b"},
    "return": {"reason": "r"},
    "close": {"verdict": "leak"},
    "supervise": {"due": "2026-10-02", "by": "m"},
    "note": {"text": "n"},
}
# what the practice note says may follow what, written anew here and not read from the code
AFTER = {
    "": {"issue": "pending"},
    "pending": {
        "receive": "handling", "assign": "pending", "supervise": "pending", "note": "pending",
    },
    "handling": {
        "assign": "pending", "dispose": "handling", "control": "handling", "submit": "review",
        "supervise": "handling", "note": "handling",
    },
    "review": {"recheck": "release", "return": "handling", "supervise": "review", "note": "review"},
    "release": {"close": "closed", "return": "handling", "supervise": "release", "note": "release"},
    "closed": {"note": "closed"},
    "merged": {"note": "merged"},
}  # fmt: skip
ACTS = sorted({act for acts in AFTER.values() for act in acts})


class Story(RuleBasedStateMachine):
    """Acts by people, rounds by two watches, processes that die, a clock that jumps."""

    address = None
    folder = None
    made = 0

    def __init__(self):
        super().__init__()
        type(self).made += 1
        self.place = self.address(type(self).made)
        self.ledger = Ledger.open(self.place, create=True)
        self.now = START
        self.model = {}  # item -> [state, version, since, level]
        self.events = 0
        self.told = set()

    def teardown(self):
        assert self.ledger.verify().problems == ()
        self.ledger.close()

    @rule(minutes=st.integers(-30, 400))
    def time_passes(self, minutes):
        self.now = self.now + minutes * MINUTE

    @rule(item=st.sampled_from(["A", "B", "C"]), act=st.sampled_from(ACTS), level=st.integers(1, 4),
          stale=st.integers(0, 3))  # fmt: skip
    def somebody_acts(self, item, act, level, stale):
        state, version, *_ = self.model.get(item, ["", 0, None, 0])
        body = BODY.get(act, {}) | ({"level": level} if act == "issue" else {})
        drafts = [Draft(entity="warning", item=item, act=act, actor="p", body=body,
                        version=version - stale if stale == 1 and version else None)]  # fmt: skip
        allowed = act in AFTER[state]
        try:
            (event,) = self.ledger.append(drafts, now=self.now)
        except ConflictError:
            assert stale == 1
            return
        except LedgerError:
            assert not allowed
            return
        assert allowed
        self._note(item, AFTER[state][act], event, level if act == "issue" else None, act)

    def _note(self, item, state, event, level, act):
        before = self.model.get(item, ["", 0, None, 0])
        since = event.at if state != before[0] or act == "assign" else before[2]
        self.model[item] = [state, event.version, since, before[3] if level is None else level]
        self.events += 1

    @rule(into=st.sampled_from(["A", "B", "C"]), item=st.sampled_from(["A", "B", "C"]))
    def somebody_merges(self, item, into):
        draft = Draft(entity="warning", item=item, act="merge", actor="p", body={"into": into})
        ended = {"", CLOSED, MERGED}
        good = (
            item != into
            and self.model.get(item, [""])[0] not in ended
            and self.model.get(into, [""])[0] not in ended
        )
        if good:
            (event,) = self.ledger.append([draft], now=self.now)
            self._note(item, MERGED, event, None, "merge")
        else:
            with pytest.raises(LedgerError):
                self.ledger.append([draft], now=self.now)

    @rule(item=st.sampled_from(["A", "B", "C"]), level=st.integers(1, 4))
    def it_grows_worse(self, item, level):
        state, _, _, was = self.model.get(item, ["", 0, None, 0])
        draft = Draft(entity="warning", item=item, act="escalate", actor="p", body={"level": level})
        if state in {"", CLOSED, MERGED} or level >= was:
            with pytest.raises(LedgerError):
                self.ledger.append([draft], now=self.now)
            return
        (event,) = self.ledger.append([draft], now=self.now)
        self._note(item, state, event, level, "escalate")

    @precondition(lambda self: self.model)
    @rule(other=st.booleans())
    def a_watch_looks(self, other):
        """One of two; each step is told once, and all that is due is told."""
        wanted = {step.key for step in due(self.ledger.items(limit=None), DUTY, now=self.now)}
        if other:
            with Ledger.open(self.place) as second:
                done = watch_round(second, DUTY, now=self.now, folder=self.folder)
        else:
            done = watch_round(self.ledger, DUTY, now=self.now, folder=self.folder)
        fresh = wanted - self.told
        assert done.reminders == len(fresh)
        self.told |= fresh
        self.events += done.reminders
        for item in self.model:
            self.model[item][1] = self.ledger.item("warning", item).version

    @rule()
    def the_process_dies(self):
        """What was acknowledged is there; the items come out of the book again."""
        self.ledger.close()
        self.ledger = Ledger.open(self.place)
        before = self.ledger.items(open_only=False, limit=None)
        self.ledger.rebuild()
        after = self.ledger.items(open_only=False, limit=None)
        assert after.sort_index().equals(before.sort_index())

    @invariant()
    def the_ledger_is_what_the_model_says(self):
        items = self.ledger.items(open_only=False, limit=None)
        assert set(items.index) == set(self.model)
        for item, (state, version, since, level) in self.model.items():
            row = items.loc[item]
            assert (row["state"], row["version"], row["level"]) == (state, version, level)
            assert row["since"].to_datetime64() == since
        queue = self.ledger.items()
        assert set(queue.index) == {
            item for item, row in self.model.items() if row[0] not in (CLOSED, MERGED)
        }
        sent = notices(self.ledger, limit=10_000)
        assert sent.index.is_unique
        assert len(sent) == len(self.told)


def test_stories_on_sqlite(tmp_path):
    walk(Story, lambda n: tmp_path / f"l{n}.sqlite", tmp_path / "outbox")


def test_stories_on_postgresql(tmp_path, postgres):
    walk_on_postgres(Story, postgres, tmp_path / "outbox")
