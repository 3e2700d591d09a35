"""Any sequence of writes, revisions, late readings and sealings equals a plain dict."""

import os
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import example, given, note, settings
from hypothesis import strategies as st

from lifeline_kit.io.live import LiveStore

SENSORS = ("a", "b", "c")
SLOTS = np.concatenate(  # around the border of two months
    [
        np.datetime64("2026-01-31T18:00", "ms") + np.arange(8) * np.timedelta64(30, "m"),
        np.datetime64("2026-01-31T23:00", "ms") + np.arange(6) * np.timedelta64(20, "m"),
        np.datetime64("2026-02-10T01:00", "ms") + np.arange(3) * np.timedelta64(25, "m"),
    ]
)
BEGIN = np.datetime64("2026-03-01", "ms")  # when the first batch comes: after all stamps
SEALS = (np.datetime64("2026-02-01", "ms"), np.datetime64("2026-03-01", "ms"))
MONTHS = (("2026-01",), ("2026-01", "2026-02"))

reading = st.tuples(
    st.sampled_from(SENSORS), st.integers(0, len(SLOTS) - 1), st.sampled_from((1.25, -3.5, 0.1))
)
step = st.one_of(
    st.tuples(st.just("write"), st.lists(reading, max_size=8), st.integers(0, 2)),
    st.tuples(st.just("seal"), st.integers(0, 1)),
    st.tuples(st.just("flag"), reading, st.sampled_from((1, 3, 4))),
    st.tuples(st.just("reopen")),
)


class Plain:
    """The store as a dict of key to what was known since when."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, int], list[tuple[float, float]]] = {}
        self.flag: dict[tuple[str, int], int] = {}
        self.late: set[tuple[str, int]] = set()
        self.sealed: set[tuple[str, int]] = set()
        self.newest: dict[str, int] = {}

    def write(self, rows: list[tuple[str, int, float]], came: float) -> tuple[int, int, int, int]:
        before = dict(self.newest)
        accepted = duplicate = revised = late = 0
        for sensor, slot, number in rows:
            value, key = float(np.float32(number)), (sensor, slot)
            past = self.known.setdefault(key, [])
            if past and past[-1][1] == value:
                duplicate += 1
                continue
            accepted, revised = accepted + (not past), revised + bool(past)
            if slot < before.get(sensor, -1):
                late += 1
                self.late.add(key)
            past.append((came, value))
            self.flag[key] = 2
            self.sealed.discard(key)
            self.newest[sensor] = max(self.newest.get(sensor, -1), slot)
        return accepted, duplicate, revised, late

    def seal(self, months: tuple[str, ...]) -> None:
        for key, past in self.known.items():
            if str(SLOTS[key[1]].astype("datetime64[M]")) not in months or key in self.sealed:
                continue
            self.sealed.add(key)
            if key not in self.late and len(past) == 1:
                past[0] = (-np.inf, past[0][1])  # in order: counts as known since its stamp

    def current(self) -> dict[tuple[str, int], float]:
        return {key: past[-1][1] for key, past in self.known.items() if past}

    def as_of(self, moment: float) -> dict[tuple[str, int], float]:
        found = {}
        for key, past in self.known.items():
            then = [value for came, value in past if came <= moment]
            if then:
                found[key] = then[-1]
        return found


def stored(store: LiveStore, as_of: np.datetime64 | None = None) -> dict[tuple[str, int], float]:
    place = {time: slot for slot, time in reversed(list(enumerate(SLOTS.tolist())))}
    return {
        (sensor, place[time]): float(value)
        for sensor, mine in store.series(SENSORS, as_of=as_of).items()
        for time, value in zip(mine.time.tolist(), mine.value, strict=True)
    }


def came_at(tick: float) -> np.datetime64:
    return BEGIN + np.timedelta64(int(tick), "s")


def opened(folder: Path) -> LiveStore:
    store = LiveStore.open(folder, writable=True)
    store.register(pd.DataFrame(index=pd.Index(SENSORS, name="sensor")))
    return store


def check(store: LiveStore, plain: Plain, ticks: list[int]) -> None:
    current = plain.current()
    assert stored(store) == current
    for tick in {*ticks, -1}:
        assert stored(store, came_at(tick)) == plain.as_of(tick)
    latest = store.latest()
    assert set(latest.index) == {key[0] for key in current}
    for sensor, row in latest.iterrows():
        slot = max(slot for name, slot in current if name == sensor)
        assert row["time"] == SLOTS[slot]
        assert row["value"] == current[sensor, slot]
        assert row["flag"] == plain.flag[sensor, slot]
    frame = store.frame(None)
    assert len(frame) == len(current)
    place = {time: slot for slot, time in reversed(list(enumerate(SLOTS.tolist())))}
    for row in frame.itertuples():
        assert row.flag == plain.flag[row.sensor, place[row.time.to_pydatetime()]]
    check_rollups(store, plain, current)
    reported = {(row.sensor, row.time): row.value for row in store.revisions().itertuples()}
    revised = {
        (key[0], pd.Timestamp(SLOTS[key[1]])) for key, past in plain.known.items() if len(past) > 1
    }
    assert revised <= set(reported)


def check_rollups(store: LiveStore, plain: Plain, current: dict[tuple[str, int], float]) -> None:
    for span in ("hour", "day"):
        unit = "h" if span == "hour" else "D"
        expected: dict[tuple[str, np.datetime64], list[tuple[float, int]]] = {}
        for (sensor, slot), value in current.items():
            start = SLOTS[slot].astype(f"datetime64[{unit}]")
            expected.setdefault((sensor, start), []).append((value, plain.flag[sensor, slot]))
        found = store.rollups(span)
        assert len(found) == len(expected)
        for row in found.itertuples():
            values = expected[row.sensor, np.datetime64(row.start).astype(f"datetime64[{unit}]")]
            good = [value for value, flag in values if flag in (1, 2)]
            assert (row.n, row.n_good) == (len(values), len(good))
            if good:
                assert (row.min, row.max) == (np.float32(min(good)), np.float32(max(good)))
                np.testing.assert_allclose(row.mean, np.mean(good), rtol=1e-6, atol=1e-6)
            else:
                assert np.isnan(row.mean)


@given(st.lists(step, max_size=10))
@example([("write", [("a", 3, 1.25)], 1), ("seal", 0), ("write", [("a", 3, 0.1)], 1), ("seal", 1)])
@example(
    [
        ("write", [("a", 5, 1.25)], 1),
        ("write", [("a", 2, 0.1), ("a", 2, -3.5)], 1),
        ("seal", 0),
        ("write", [("a", 2, 1.25)], 0),
        ("flag", ("a", 2, 0.0), 4),
        ("seal", 0),
    ]
)
@example([("write", [("b", 1, -3.5)], 0), ("write", [("b", 1, -3.5), ("b", 1, 1.25)], 1)])
@settings(max_examples=2_000 if os.environ.get("LIFELINE_SOAK") else 60)
def test_any_sequence_equals_a_dict(steps: list[tuple]) -> None:
    note(repr(steps))
    plain, tick, ticks = Plain(), 0, []
    with tempfile.TemporaryDirectory() as folder:
        store = opened(Path(folder))
        try:
            for each in steps:
                if each[0] == "write":
                    tick += each[2]
                    ticks.append(tick)
                    names = [row[0] for row in each[1]]
                    tally = store.write(
                        np.array(names, dtype=object),
                        SLOTS[[row[1] for row in each[1]]],
                        np.array([row[2] for row in each[1]], dtype=np.float32),
                        arrived=came_at(tick),
                    )
                    expected = plain.write(each[1], tick)
                    assert tally[:4] == expected
                    assert sum(tally) - tally.late == len(each[1])
                elif each[0] == "seal":
                    store.seal(SEALS[each[1]])
                    plain.seal(MONTHS[each[1]])
                elif each[0] == "flag":
                    (sensor, slot, _), flag = each[1], each[2]
                    count = store.write_flags(
                        np.array([sensor], dtype=object), SLOTS[[slot]], [flag], [0]
                    )
                    key = (sensor, slot)
                    there = key in plain.flag
                    assert count == (there and plain.flag[key] != flag)
                    if there:
                        plain.flag[key] = flag
                else:
                    store.close()
                    store = opened(Path(folder))
            check(store, plain, ticks)
        finally:
            store.close()
