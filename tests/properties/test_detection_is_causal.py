"""What was detected stays detected at the same time, whatever comes after."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from oracles import naive
from oracles.hand import BEGIN

from lifeline_kit.methods.baselines import running_median, usual_residual
from lifeline_kit.methods.episodes import limit_episodes

LEVELS = {4: 2.0, 3: 4.0, 2: 6.0}
H = np.timedelta64(3_600_000, "ms")
hours = st.lists(st.integers(1, 5), min_size=1, max_size=40).map(np.cumsum)


def episodes(time: np.ndarray, value: np.ndarray, on: int, off: int) -> list:
    return limit_episodes(time, value, LEVELS, on_delay=on * H, off_delay=off * H)


@st.composite
def runs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int, int]:
    steps = draw(hours)
    value = draw(st.lists(st.integers(0, 8), min_size=steps.size, max_size=steps.size))
    return steps, np.array(value, dtype=float), draw(st.integers(0, 6)), draw(st.integers(0, 6))


@given(case=runs(), cut=st.integers(0, 40))
def test_the_future_never_moves_a_detection(case, cut: int) -> None:
    steps, value, on, off = case
    time = BEGIN + steps * H
    early = episodes(time[:cut], value[:cut], on, off)
    late = episodes(time, value, on, off)
    for one, other in zip(early, late, strict=False):
        assert (one.started, one.since) == (other.started, other.since)
        assert other.level <= one.level  # it can only grow worse
        if not np.isnat(one.until):
            assert one == other  # what was over stays over
            assert one.until <= time[:cut][-1]
    assert len(early) <= len(late)


@given(case=runs())
def test_episodes_equal_the_plain_loop(case) -> None:
    steps, value, on, off = case
    found = episodes(BEGIN + steps * H, value, on, off)
    expected = naive.episodes(steps.tolist(), value.tolist(), LEVELS, on, off)
    assert [
        (float((each.started - BEGIN) / H), float((each.since - BEGIN) / H), each.level)
        for each in found
    ] == expected


values = st.lists(st.one_of(st.just(np.nan), st.integers(-9, 9).map(float)), max_size=30)


@given(row=values.filter(bool).map(np.array), width=st.integers(1, 8))
def test_running_median_equals_the_plain_loop(row: np.ndarray, width: int) -> None:
    np.testing.assert_allclose(
        running_median(row[None], width)[0], naive.running_median(row, width)
    )


@given(seed=st.integers(0, 1000), cut=st.integers(2, 24 * 8))
def test_the_future_never_moves_a_residual(seed: int, cut: int) -> None:
    rng = np.random.default_rng(seed)
    value = rng.normal(0, 1, (2, 24 * 8))
    value[rng.random(value.shape) < 0.1] = np.nan
    time = BEGIN + np.arange(24 * 8) * H
    for early, late in zip(
        usual_residual(time[:cut], value[:, :cut]), usual_residual(time, value), strict=True
    ):
        # swing and sigma of a day rest on the days before it, and are known at its beginning
        np.testing.assert_allclose(early, late[:, :cut], rtol=1e-5, atol=1e-6)
