"""Sliding sums, crossed minutes, silences and neighbours equal the plain loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import naive
from oracles.hand import BEGIN

from lifeline_kit.methods.beside import departures, within_reach
from lifeline_kit.methods.windows import counted_rank, lasting_rank, silences, window_sum

MIN = np.timedelta64(60_000, "ms")
INTERVAL_MIN = 5


@st.composite
def series(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Minutes of readings, now and then with gaps, and whole values."""
    steps = draw(st.lists(st.sampled_from([1, 3, 5, 5, 5, 7, 12, 40]), min_size=1, max_size=30))
    value = draw(st.lists(st.integers(-3, 9), min_size=len(steps), max_size=len(steps)))
    return np.cumsum(steps), np.array(value, dtype=float)


@given(case=series(), window=st.integers(1, 60))
def test_a_sum_equals_the_count_minute_by_minute(case, window: int) -> None:
    at, value = case
    found = window_sum(
        BEGIN + at * MIN, value, interval_s=INTERVAL_MIN * 60.0, window_h=window / 60
    )
    expected = naive.window_sum(at.tolist(), value.tolist(), INTERVAL_MIN, window)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@given(case=series(), window=st.integers(5, 60), share=st.sampled_from([0.2, 0.5, 1.0]))
def test_crossed_minutes_equal_the_count_minute_by_minute(case, window: int, share: float) -> None:
    at, value = case
    levels, for_min = {4: 2.0, 3: 5.0, 1: 8.0}, share * window
    rank, minutes = lasting_rank(
        BEGIN + at * MIN,
        value,
        levels,
        interval_s=INTERVAL_MIN * 60.0,
        window_h=window / 60,
        for_min=for_min,
    )
    counted = {
        level: naive.window_sum(at.tolist(), (60.0 * (value >= limit)).tolist(), 5, window)
        for level, limit in levels.items()
    }
    for level, expected in counted.items():
        np.testing.assert_allclose(minutes[level], expected, atol=1e-7)
    gravest = [
        max((5 - level for level in levels if counted[level][i] >= for_min - 1e-6), default=0)
        for i in range(at.size)
    ]
    assert rank.tolist() == gravest


@given(case=series(), of=st.integers(1, 12), times=st.integers(1, 12), cut=st.integers(0, 30))
def test_readings_of_the_last_few_equal_the_plain_loop(case, of: int, times: int, cut: int) -> None:
    _, value = case
    levels = {4: 2.0, 3: 4.0, 1: 6.0}
    rank, counts = counted_rank(value, levels, times=times, of=of)
    for level, limit in levels.items():
        assert counts[level].tolist() == naive.counted(value.tolist(), limit, of)
    gravest = [
        max((r for level, r in ((4, 1), (3, 2), (1, 4)) if counts[level][i] >= times), default=0)
        for i in range(value.size)
    ]
    assert rank.tolist() == gravest
    # a chunk with the readings before it tells what the whole tells
    first = max(min(cut, value.size) - of + 1, 0)
    again = counted_rank(value[first:], levels, times=times, of=of)[0]
    assert again[min(cut, value.size) - first :].tolist() == rank[cut:].tolist()


@given(
    case=series(),
    limit=st.sampled_from([1.0, 2.0, 3.5]),
    off=st.integers(0, 30),
    late=st.integers(0, 60),
)
def test_silences_equal_the_plain_loop(case, limit: float, off: int, late: int) -> None:
    at, _ = case
    now = int(at[-1]) + late
    found = silences(
        BEGIN + at * MIN,
        interval_s=INTERVAL_MIN * 60.0,
        limit=limit,
        off_delay=off * MIN,
        at=BEGIN + now * MIN,
    )
    told = [
        (
            float((each.since - BEGIN) / MIN),
            None if np.isnat(each.until) else float((each.until - BEGIN) / MIN),
            each.peak,
        )
        for each in found
    ]
    assert told == naive.silences(at.tolist(), INTERVAL_MIN, limit, off, now)


@given(
    steps=st.lists(st.integers(1, 45), min_size=1, max_size=25),
    cut=st.integers(0, 600),
    limit=st.sampled_from([1.0, 3.0]),
    off=st.integers(0, 30),
    late=st.integers(0, 60),
)
def test_the_future_never_moves_a_silence(
    steps: list[int], cut: int, limit: float, off: int, late: int
) -> None:
    at = np.cumsum(steps)
    now = int(at[-1]) + late
    cut = min(int(at[0]) + cut, now)
    early, whole = (
        silences(
            BEGIN + at[at <= moment] * MIN,
            interval_s=INTERVAL_MIN * 60.0,
            limit=limit,
            off_delay=off * MIN,
            at=BEGIN + moment * MIN,
        )
        for moment in (cut, now)
    )
    assert len(early) <= len(whole)
    for one, other in zip(early, whole, strict=False):
        assert (one.started, one.since) == (other.started, other.since)
        assert one.peak <= other.peak
        if not np.isnat(one.until):
            assert one == other  # what was over stays over


@pytest.mark.parametrize(
    ("at", "now", "until"),
    [([1, 17], 27, None), ([1, 17, 33], 33, None), ([1, 17, 22, 27], 27, 27)],
)
def test_a_silence_is_over_when_a_reading_says_so(
    at: list[int], now: int, until: int | None
) -> None:
    # it spoke at 17; with nothing since, nobody can know at 27 whether it has fallen silent again
    (one,) = silences(
        BEGIN + np.array(at) * MIN,
        interval_s=300.0,
        limit=3.0,
        off_delay=10 * MIN,
        at=BEGIN + now * MIN,
    )
    assert one.started == BEGIN + MIN
    assert np.isnat(one.until) if until is None else one.until == BEGIN + until * MIN


@st.composite
def networks(draw: st.DrawFn) -> tuple[np.ndarray, list[str], list[tuple[np.ndarray, np.ndarray]]]:
    count = draw(st.integers(1, 8))
    places = draw(
        st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=count, max_size=count)
    )
    kinds = draw(st.lists(st.sampled_from("ab"), min_size=count, max_size=count))
    return np.array(places, dtype=float), kinds, [draw(series()) for _ in range(count)]


@given(case=networks(), reach=st.sampled_from([2.0, 5.0, 20.0]))
def test_neighbours_equal_the_plain_loop(case, reach: float) -> None:
    places, kinds, rows = case
    near = within_reach(places, kinds, reach)
    clocks = {i: (BEGIN + at * MIN, value) for i, (at, value) in enumerate(rows)}
    found = departures(clocks, range(len(rows)), near, np.full(len(rows), 300.0), floor=0.5)
    for i in range(len(rows)):
        expected = naive.departure(i, rows, places.tolist(), kinds, reach, 7.5, 0.5)
        got = found.get(i, np.full(rows[i][0].size, np.nan))
        np.testing.assert_allclose(got, expected)
