"""Load of a desk against counting by hand and against the slow way."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifeline_kit.errors import InputError
from lifeline_kit.methods.alarm_load import alarm_load, chattering, stale, top_sources, windowed

T0 = np.datetime64("2026-10-01T00:00", "ms")
MIN = np.timedelta64(60_000, "ms")
TEN = 10 * MIN


def at(*minutes):
    return T0 + np.array([round(m * 60_000) for m in minutes]).astype("timedelta64[ms]")


def load(time, hours=1.0, **more):
    end = T0 + np.timedelta64(round(hours * 3_600_000), "ms")
    return alarm_load(time, begin=T0, end=end, window=TEN, **more)


def test_a_burst_across_a_border_of_whole_windows_is_seen():
    found = load(at(9.9, 9.95, 10.05, 10.1))
    assert found.most == 4
    assert found.most_at == at(10.1)[0]
    assert found.per_hour == 4.0


def test_shares_of_time_are_exact():
    # one alarm is in the window for ten minutes, two together for five of them
    found = load(at(0, 5))
    assert found.time_above[1] == pytest.approx(5 / 60)
    assert load(at(0, 5), levels=(0,)).time_above[0] == pytest.approx(15 / 60)


def test_a_flood_begins_above_ten_and_ends_below_five():
    found = load(at(*np.arange(11) * 0.1), hours=1.0)
    (flood,) = found.floods.to_dict("records")
    assert flood["since"] == pd.Timestamp(at(1.0)[0])
    # alarms leave the window ten minutes after they came: fewer than five from the seventh on
    assert flood["until"] == pd.Timestamp(at(10.6)[0])
    assert found.flood_share == pytest.approx(9.6 / 60)
    assert load(at(*np.arange(10) * 0.1)).floods.empty


def test_nothing_is_nothing():
    found = load(at())
    assert (found.n, found.most, found.flood_share) == (0, 0, 0.0)
    assert np.isnat(found.most_at)


@pytest.mark.parametrize(
    ("time", "more", "match"),
    [(at(61), {}, "all alarms in it"), (at(1), {"hours": 0.0}, "expected a span")],
)
def test_what_cannot_be_measured_is_said(time, more, match):
    with pytest.raises(InputError, match=match):
        load(time, **more)
    with pytest.raises(InputError, match="window above zero"):
        windowed(at(1), window=0 * MIN)


@given(st.lists(st.integers(0, 300), max_size=40), st.integers(1, 60))
def test_the_step_function_equals_counting_every_moment(seconds, window):
    time = T0 + np.array(seconds, dtype="timedelta64[s]").astype("timedelta64[ms]")
    width = np.timedelta64(window * 1000, "ms")
    moment, count = windowed(time, window=width)
    for probe in range(-1, 370):
        now = T0 + np.timedelta64(probe, "s")
        slow = int(((time > now - width) & (time <= now)).sum())
        step = np.searchsorted(moment, now, side="right") - 1
        assert (count[step] if step >= 0 else 0) == slow


def test_chatter_stale_and_top_sources():
    alarms = pd.DataFrame(
        {
            "source": ["a", "a", "a", "b", "b", "c"],
            "since": at(0, 3, 9, 0, 30, 0),
            "until": [*at(1, 4, 10, 1, 31), np.datetime64("NaT", "ms")],
        }
    )
    assert chattering(alarms, window=TEN).to_dict("index") == {"a": {"most": 3, "n": 3}}
    later = T0 + np.timedelta64(24, "h")
    assert stale(alarms, at=later)["source"].tolist() == ["c"]
    assert stale(alarms, at=later - MIN)["source"].tolist() == []
    top = top_sources(alarms, most=2)
    assert top["n"].to_dict() == {"a": 3, "b": 2}
    assert top["share"]["a"] == 0.5
