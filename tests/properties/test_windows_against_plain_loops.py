"""Sliding sums, crossed minutes, silences and neighbours equal the plain loops."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from oracles import naive
from oracles.hand import BEGIN

from lifeline_kit.methods.beside import departures, within_reach
from lifeline_kit.methods.windows import lasting_rank, silences, window_sum

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


@given(case=series(), cut=st.integers(1, 30), limit=st.sampled_from([1.0, 3.0]))
def test_a_silence_is_known_when_it_has_lasted_and_never_later(
    case, cut: int, limit: float
) -> None:
    at, _ = case
    seen = at[:cut]
    now = BEGIN + seen[-1] * MIN
    found = [
        silences(BEGIN + part * MIN, interval_s=300.0, limit=limit, off_delay=0 * MIN, at=moment)
        for part, moment in ((seen, now), (at, BEGIN + at[-1] * MIN))
    ]
    assert found[0] == found[1][: len(found[0])]


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
