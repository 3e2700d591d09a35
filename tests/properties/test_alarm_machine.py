"""Alarms against a model of them: limits crossed and left, shelves, re-alarms, two watches.

Fifty steps of ten stories each in `make test`; `make soak` walks ten thousand and more.
"""

import pandas as pd
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from stories import walk, walk_on_postgres

from lifeline_kit.early_warning.duty import load_duty
from lifeline_kit.errors import LedgerError
from lifeline_kit.io.ledger import Ledger
from lifeline_kit.model.examination import Examination
from lifeline_kit.model.tables import FINDING_COLUMNS, WARNING_COLUMNS, table
from lifeline_kit.services.desk import done
from lifeline_kit.services.watch import watch_round

DUTY = load_duty()
START = pd.Timestamp("2026-10-01T08:00")
SENSORS = ("a", "b", "c")
REALARM_MIN = 120
NONE = pd.DataFrame()


class Alarms(RuleBasedStateMachine):
    """Devices that cross limits, people who shelve, watches that look and look again."""

    address = None
    folder = None
    made = 0

    def __init__(self):
        super().__init__()
        type(self).made += 1
        self.ledger = Ledger.open(self.address(type(self).made), create=True)
        self.now = START
        self.episodes = {}  # id -> [sensor, level, since, until]
        self.standing = {}  # sensor -> id
        self.seen = {}  # id -> worst level that was told
        self.raised = {}  # id -> when it was told first
        self.shelf = {}  # id -> until
        self.ended = set()  # cleared in the ledger
        self.acknowledged = set()

    def teardown(self):
        assert self.ledger.verify().problems == ()
        self.ledger.close()

    @rule(minutes=st.integers(1, 400))
    def time_passes(self, minutes):
        self.now = self.now + pd.Timedelta(minutes=minutes)

    @rule(sensor=st.sampled_from(SENSORS), level=st.integers(1, 4))
    def a_limit_is_crossed(self, sensor, level):
        if sensor in self.standing:
            episode = self.episodes[self.standing[sensor]]
            episode[1] = min(episode[1], level)  # it grows worse, never better, while it lasts
            return
        key = f"gas.methane:{sensor}:{len(self.episodes)}"
        self.episodes[key] = [sensor, level, self.now, pd.NaT]
        self.standing[sensor] = key

    @rule(sensor=st.sampled_from(SENSORS))
    def a_limit_is_left(self, sensor):
        if sensor in self.standing:
            self.episodes[self.standing.pop(sensor)][3] = self.now

    @precondition(lambda self: self.episodes)
    @rule(again=st.booleans())
    def a_watch_looks(self, again):
        rows = [
            {
                "finding": key, "lifeline": "gas", "asset": "G", "sensor": sensor,
                "method": "above", "rule": "gas.methane", "severity": 0.5, "level": level,
                "since": since, "until": until, "real_or_simulated": "simulated",
            }
            for key, (sensor, level, since, until) in self.episodes.items()
        ]  # fmt: skip
        seen = Examination(
            at=self.now, since=START, findings=table(rows, FINDING_COLUMNS, "finding"),
            cases=NONE, warnings=table([], WARNING_COLUMNS, "warning"), scores=NONE, risk=NONE,
            health=NONE, flags=NONE, version="v",
        )  # fmt: skip
        self.look(seen)
        if again:  # the other one: nothing is told twice
            head = self.ledger.head()
            self.look(seen)
            assert self.ledger.head() == head
        self.follow()

    def look(self, seen):
        watch_round(
            self.ledger, DUTY, now=self.now.to_datetime64(), folder=self.folder,
            examination=seen, realarm_min={"gas.methane": REALARM_MIN},
        )  # fmt: skip

    def follow(self):
        """What the watch has just told, written anew here and not read from the code."""
        self.shelf = {key: until for key, until in self.shelf.items() if until > self.now}
        shelved = {self.episodes[key][0]: until for key, until in self.shelf.items()}
        for key, (sensor, level, _, until) in self.episodes.items():
            if key in self.ended:
                continue
            if key not in self.seen:
                if pd.notna(until) and until < self.now - pd.Timedelta(days=1):
                    continue  # history
                self.seen[key], self.raised[key] = level, self.now
                if sensor in shelved:
                    self.shelf[key] = shelved[sensor]
                    continue
            elif level < self.seen[key]:
                self.seen[key] = level
                self.shelf.pop(key, None)
                self.acknowledged.discard(key)
            elif pd.isna(until) and key not in self.shelf:
                times = (self.now - self.raised[key]) // pd.Timedelta(minutes=REALARM_MIN)
                if times > self.told(key):
                    self.acknowledged.discard(key)
            if pd.notna(until) and key not in self.shelf:
                self.ended.add(key)

    def told(self, key):
        """How often the ledger said before this look that it stands."""
        return self.announced.get(key, 0)

    @invariant()
    def remember(self):
        self.announced = {}
        for key in self.seen:
            again = [
                event.body["again"]
                for event in self.ledger.events("alarm", key)
                if "again" in event.body
            ]
            self.announced[key] = max(again, default=0)

    @rule(sensor=st.sampled_from(SENSORS), hours=st.integers(-1, 400))
    def somebody_shelves(self, sensor, hours):
        key = self.standing.get(sensor)
        until = self.now + pd.Timedelta(hours=hours)
        good = key in self.seen and key not in self.shelf and key not in self.ended
        good = good and 0 < hours <= 14 * 24
        say = {"until": until.isoformat(), "reason": "r"}
        if not good:
            with pytest.raises(LedgerError):
                self.act(key or "none", "shelve", say)
            return
        self.act(key, "shelve", say)
        self.shelf[key] = until
        self.acknowledged.discard(key)

    @rule(sensor=st.sampled_from(SENSORS))
    def somebody_acknowledges(self, sensor):
        key = self.standing.get(sensor)
        good = key in self.seen and key not in self.shelf and key not in self.ended
        if good and key not in self.acknowledged:
            self.act(key, "acknowledge", {})
            self.acknowledged.add(key)
        else:
            with pytest.raises(LedgerError):
                self.act(key or "none", "acknowledge", {})

    def act(self, key, act, body):
        done(self.ledger, key, act, actor="p", now=self.now.to_datetime64(), body=body,
             entity="alarm")  # fmt: skip

    @invariant()
    def the_ledger_says_what_the_model_says(self):
        held = self.ledger.items("alarm", limit=None)
        wanted = {
            key: "shelved" if key in self.shelf
            else "acknowledged" if key in self.acknowledged else "raised"
            for key in self.seen
            if key not in self.ended
        }  # fmt: skip
        assert held["state"].to_dict() == wanted
        assert held["level"].to_dict() == {key: self.seen[key] for key in wanted}


def test_alarms_on_sqlite(tmp_path):
    walk(Alarms, lambda n: tmp_path / f"a{n}.sqlite", tmp_path / "outbox")


def test_alarms_on_postgresql(tmp_path, postgres):
    walk_on_postgres(Alarms, postgres, tmp_path / "outbox")
