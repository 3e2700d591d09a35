"""The compiled quality tests equal a plain loop, in one piece or many, and keep their promises."""

from itertools import pairwise

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from oracles import naive
from oracles.hand import BEGIN

from lifeline_kit.model.readings import (
    ATTENUATED,
    FLAT_LINE,
    MISSING,
    SPIKE,
    Flat,
    dense_node,
    flatten,
    ragged_node,
)
from lifeline_kit.quality import kernel
from lifeline_kit.quality.flags import LIMITS, _flag_node

small = st.integers(-6, 6)


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[list[int]], list[list[float]], pd.DataFrame, int]:
    sizes = draw(st.lists(st.integers(0, 9), min_size=1, max_size=4))
    steps = [draw(st.lists(st.integers(1, 12), min_size=n, max_size=n)) for n in sizes]
    time = [(15 * np.cumsum(each)).astype(int).tolist() for each in steps]  # exact in hours
    value = [[float(draw(small)) for _ in range(n)] for n in sizes]
    rows = []
    for _ in sizes:
        off = draw(st.booleans())
        rows.append(
            {
                "fail_low": -5.0,
                "fail_high": 5.0,
                "low": np.nan if off else -4.0,
                "high": np.nan if off else 4.0,
                "spike": np.nan if off else 2.0,
                "rate": np.nan if off else 3.0,
                "flat_h": np.nan if off else 2.0,
                "interval_s": 1800.0,
            }
        )
    return time, value, pd.DataFrame(rows, columns=list(LIMITS)), 15 * draw(st.integers(0, 100))


@given(case=cases())
def test_masks_equal_the_plain_loop(case) -> None:
    time, value, limits, now = case
    sizes = np.array([len(each) for each in value])
    minutes = BEGIN + np.concatenate(time).astype(int) * np.timedelta64(60_000, "ms")
    ids = np.array([f"s{i}" for i in range(sizes.size)])
    node = ragged_node("pressure", ids, sizes, minutes, np.concatenate(value))
    flagged = _flag_node(node, limits, BEGIN + now * np.timedelta64(60_000, "ms"))
    expected = [
        mask
        for own_time, own_value, (_, row) in zip(time, value, limits.iterrows(), strict=True)
        for mask in naive.tests_of([t / 60 for t in own_time], own_value, dict(row), now / 60)
    ]
    assert flagged["tests"].to_numpy().tolist() == expected


@given(
    value=arrays(np.float32, (3, 12), elements=st.one_of(st.just(np.nan), small.map(float))),
)
def test_every_reading_has_a_flag_and_only_nothing_is_missing(value: np.ndarray) -> None:
    time = BEGIN + np.arange(12) * np.timedelta64(900_000, "ms")
    limits = pd.DataFrame([dict.fromkeys(LIMITS, 3.0)] * 3)
    node = _flag_node(dense_node("pressure", np.array(["a", "b", "c"]), time, value), limits, BEGIN)
    flag = node["flag"].to_numpy()
    assert set(np.unique(flag)) <= {1, 2, 3, 4, 9}
    np.testing.assert_array_equal(flag == MISSING, np.isnan(value))
    assert (node["tests"].to_numpy()[np.isnan(value)] == 0).all()


@given(value=arrays(np.float32, 20, elements=small.map(float)), shift=st.integers(-1000, 1000))
def test_spikes_do_not_care_where_zero_is(value: np.ndarray, shift: int) -> None:
    time = BEGIN + np.arange(20) * np.timedelta64(900_000, "ms")
    limits = np.full((2, len(kernel.COLUMNS)), np.nan)
    limits[:, kernel.HEIGHT] = 2.0

    def found(values: np.ndarray) -> list[bool]:
        ids = np.array(["a", "b"])
        flat = flatten(ragged_node("pressure", ids, np.array([10, 10]), time, values))
        return kernel.screen(flat, limits).tests.tolist()

    assert found(value) == found(value + np.float32(shift))


@st.composite
def streams(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[int]]:
    """Times [ms], values with holes, limits of one sensor, and where the stream is cut."""
    size = draw(st.integers(1, 60))
    steps = draw(st.lists(st.integers(1, 40), min_size=size, max_size=size))
    value = np.array(
        draw(st.lists(st.one_of(small.map(float), st.just(np.nan)), min_size=size, max_size=size))
    )
    limit = st.one_of(st.just(np.nan), st.integers(1, 60).map(float))
    limits = np.array([[draw(limit) for _ in kernel.COLUMNS]])
    cuts = sorted(draw(st.lists(st.integers(0, size), max_size=8)))
    return np.cumsum(steps) * 1000, value, limits, [0, *cuts, size]


@given(stream=streams())
def test_any_cut_of_a_stream_gives_the_bits_of_the_batch(stream) -> None:
    time, value, limits, cuts = stream
    ids = np.array(["a"])

    def flat(begin: int, end: int) -> Flat:
        stamps = time[begin:end].astype("datetime64[ms]")
        return Flat(ids, np.array([0, end - begin]), stamps, value[begin:end], np.arange(end))

    whole = kernel.screen(flat(0, time.size), limits).tests
    state, pieces = None, np.zeros(time.size, dtype=np.uint16)
    for begin, end in pairwise(cuts):
        piece = kernel.screen(flat(begin, end), limits, state)
        pieces[begin:end] = piece.tests
        if piece.earlier[0]:
            pieces[begin - 1] |= SPIKE
        state = piece.state
    assert pieces.tolist() == whole.tolist()


@given(stream=streams())
def test_quiet_windows_equal_the_plain_definition(stream) -> None:
    time, value, limits, _ = stream
    flat = Flat(
        np.array(["a"]), np.array([0, time.size]), time.astype("datetime64[ms]"), value, value
    )
    tests = kernel.screen(flat, limits).tests
    for bit, seconds, least in (
        (FLAT_LINE, limits[0, kernel.FLAT_S], limits[0, kernel.FLAT_RANGE]),
        (ATTENUATED, limits[0, kernel.QUIET_S], limits[0, kernel.QUIET_RANGE]),
    ):
        expected = naive.quiet(time, value, seconds, least, limits[0, kernel.GAP_S])
        assert ((tests & bit) > 0).tolist() == expected
