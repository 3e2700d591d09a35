"""Make-up, CUSUM and bursts: by hand, as a stream, and against naive loops."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifeline_kit.errors import InputError
from lifeline_kit.lifelines.heating.burst import locate_burst, nearest_first, pressure_step
from lifeline_kit.lifelines.heating.makeup import (
    expansion_flow,
    fitted_volume,
    makeup_leak,
    makeup_share,
    watch_makeup,
)
from lifeline_kit.methods.cusum import Cusum, State, threshold_for, update
from lifeline_kit.methods.hydraulics.fluids import water_density, water_expansion

SETTINGS = Cusum(sigma=2.0, shift=1.0, threshold=5.0)


def naive(values: list[float], lean: float = 0.5, cap: float = 4.0) -> list[tuple[float, float]]:
    up = down = 0.0
    out = []
    for value in values:
        if not np.isnan(value):
            held = min(max(value / 2.0, -cap), cap)
            up = min(max(up + held - lean, 0.0), 10.0)
            down = min(max(down - held - lean, 0.0), 10.0)
        out.append((up, down))
    return out


readings = st.lists(st.one_of(st.just(float("nan")), st.floats(-20, 20)), max_size=40)


@given(values=readings)
def test_the_sums_equal_the_plain_loop(values: list[float]):
    _, step = update(State(), np.array(values), settings=SETTINGS)
    expected = naive(values)
    np.testing.assert_allclose(step.up, [each[0] for each in expected], atol=1e-9)
    np.testing.assert_allclose(step.down, [each[1] for each in expected], atol=1e-9)


@given(values=readings, cuts=st.lists(st.integers(0, 40), max_size=4))
@settings(max_examples=60)
def test_any_chunking_gives_what_one_batch_gives(values: list[float], cuts: list[int]):
    series = np.array(values)
    whole_state, whole = update(State(), series, settings=SETTINGS)
    state, parts = State(), []
    for chunk in np.split(series, sorted(min(cut, series.size) for cut in cuts)):
        state, step = update(state, chunk, settings=SETTINGS)
        parts.append(step)
    assert state == whole_state
    for name in ("up", "down", "raised", "estimate", "half_width", "since"):
        joined = np.concatenate([getattr(step, name) for step in parts])
        np.testing.assert_array_equal(joined, getattr(whole, name))


def test_a_shift_is_found_with_its_size_and_interval():
    rng = np.random.default_rng(0)
    series = rng.normal(0.0, 2.0, 600)
    series[400:] += 3.0
    _, step = update(State(), series, settings=SETTINGS)
    first = int(np.argmax(step.raised[400:]))
    assert first < 15
    assert step.estimate[-1] == pytest.approx(3.0, abs=3 * 2.0 / np.sqrt(200))
    assert step.half_width[-1] == pytest.approx(1.645 * 2.0 / np.sqrt(step.since[-1]))
    assert (np.abs(step.estimate[-1] - 3.0)) < 2 * step.half_width[-1]


def test_the_sum_comes_down_soon_after_a_long_shift():
    series = np.concatenate([np.full(2000, 6.0), np.zeros(40)])
    _, step = update(State(), series, settings=SETTINGS)
    assert step.raised[1999]
    assert not step.raised[2011]  # from 10 below 5 at half a sigma each


def test_one_spike_is_no_shift():
    series = np.zeros(50)
    series[20] = 1e6
    _, step = update(State(), series, settings=SETTINGS)
    assert not step.raised.any()


def test_the_threshold_keeps_the_false_alarms_promised():
    threshold = threshold_for(500.0, shift=1.0)
    rng = np.random.default_rng(1)
    runs = []
    for _ in range(150):
        _, step = update(
            State(),
            rng.standard_normal(6000),
            settings=Cusum(sigma=1.0, threshold=threshold),
        )
        runs.append(int(np.argmax(step.raised)) if step.raised.any() else 6000)
    assert np.mean(runs) == pytest.approx(500.0, rel=0.25)
    with pytest.raises(InputError, match="at least 10 readings"):
        threshold_for(1.0)
    with pytest.raises(InputError, match="sigma of a CUSUM"):
        Cusum(sigma=0.0)


def test_water_shrinks_as_the_tables_say():
    assert water_density(np.array([25.0, 70.0, 100.0])) == pytest.approx(
        [997.05, 977.8, 958.4], abs=0.3
    )
    assert water_expansion(np.array([70.0])) == pytest.approx([5.8e-4], rel=0.02)
    # 1000 m3 that cool by 2 K in an hour at 70 degC take 1.16 m3
    flow = expansion_flow(np.array([72.0, 70.0, 70.0]), 1000.0, step_h=1.0)
    assert flow == pytest.approx([0.0, 1.17, 0.0], abs=0.02)
    with pytest.raises(InputError, match="network volume"):
        expansion_flow(np.zeros(3), 0.0, step_h=1.0)


def _plant(days: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A plant of 4000 m3 whose make-up breathes with the temperature of the water."""
    n = days * 96
    mean = 65.0 + 6.0 * np.sin(np.arange(n) / 96.0 * 2 * np.pi) + np.cumsum(rng.normal(0, 0.05, n))
    makeup = 3.0 + expansion_flow(mean, 4000.0, step_h=0.25) + rng.normal(0, 0.4, n)
    return makeup, mean


def test_expansion_goes_out_and_a_leak_is_found_with_an_interval():
    rng = np.random.default_rng(4)
    makeup, mean = _plant(40, rng)
    quiet = 20 * 96
    assert fitted_volume(makeup[:quiet], mean[:quiet], step_h=0.25) == pytest.approx(
        4000.0, rel=0.05
    )
    watch = watch_makeup(makeup[:quiet], mean[:quiet], step_h=0.25)
    assert watch.usual_m3_h == pytest.approx(3.0, abs=0.1)
    makeup[30 * 96 :] += 1.2
    _, leak = makeup_leak(watch, makeup[quiet:], mean[quiet:])
    onset = 10 * 96
    before = leak.last < onset
    assert not leak.raised[before].any()
    assert leak.raised[-1]
    assert leak.low_m3_h[-1] < 1.2 < leak.high_m3_h[-1] + 0.1
    assert leak.leak_m3_h[-1] == pytest.approx(1.2, abs=0.15)
    blind = watch_makeup(makeup[:quiet], None, step_h=0.25)
    assert blind.cusum.sigma > 2 * watch.cusum.sigma


def test_the_watch_is_a_stream():
    rng = np.random.default_rng(5)
    makeup, _ = _plant(20, rng)
    watch = watch_makeup(makeup[: 10 * 96], None, step_h=0.25)
    rest = makeup[10 * 96 :]
    whole_state, whole = makeup_leak(watch, rest)
    state, first = makeup_leak(watch, rest[:400])
    state, second = makeup_leak(watch, rest[400:], state=state)
    assert state == whole_state
    np.testing.assert_array_equal(
        np.concatenate([first.leak_m3_h, second.leak_m3_h]), whole.leak_m3_h
    )
    with pytest.raises(InputError, match="at least 72 h"):
        watch_makeup(makeup[:100], None, step_h=0.25)
    assert makeup_share(2.0, 1000.0) == 0.002
    assert np.isnan(makeup_share(2.0, 0.0))


def test_a_burst_is_placed_by_the_order_and_the_times_of_its_wave():
    way = pd.DataFrame(
        {"a": [0.0, 1100.0, 3300.0], "b": [2200.0, 1100.0, 1100.0], "c": [5500.0, 4400.0, 100.0]},
        index=pd.Index(["p", "q", "r"], name="place"),
    )
    rng = np.random.default_rng(2)
    time = np.arange(600) * 0.1
    steps = {}
    for name in way.columns:
        arrival = 20.0 + way.loc["p", name] / 1100.0
        series = 600.0 - 40.0 * (time >= arrival) + rng.normal(0, 0.5, time.size)
        series[100] -= 200.0  # a spike is no step
        found = pressure_step(time, series, step_kpa=15.0)
        assert found is not None
        assert found[0] == pytest.approx(arrival, abs=0.15)
        assert found[1] == pytest.approx(40.0, abs=3.0)
        steps[name] = found
    ranked = locate_burst(steps, way)
    assert ranked.index[0] == "p"
    assert ranked["fits"].iloc[0]
    assert ranked["in_order"].iloc[0] == 1.0
    assert nearest_first(steps) == ["a", "b", "c"]
    assert locate_burst({k: steps[k] for k in ("a", "b")}, way).empty
    late = steps | {"c": (200.0, 40.0)}
    assert locate_burst(late, way).empty
    with pytest.raises(InputError, match="no column of ways"):
        locate_burst(steps | {"d": (1.0, 20.0)}, way)


def test_noise_and_short_series_hold_no_step():
    rng = np.random.default_rng(3)
    time = np.arange(300) * 1.0
    assert pressure_step(time, 600.0 + rng.normal(0, 3.0, 300), step_kpa=5.0) is None
    assert pressure_step(time[:5], np.zeros(5), step_kpa=5.0) is None
