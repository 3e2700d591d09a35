"""When a graded limit was crossed: delays, pauses, levels."""

import numpy as np
from oracles.hand import minutes

from lifeline_kit.methods.episodes import Episode, limit_episodes

LEVELS = {4: 1.0, 3: 2.0, 2: 5.0}
H = np.timedelta64(3_600_000, "ms")


def found(*values: float, on: int = 0, off: int = 1, deadband: float = 0.0) -> list[Episode]:
    """Episodes of hourly values with delays in hours."""
    return limit_episodes(
        minutes(len(values), 60),
        np.array(values, dtype=float),
        LEVELS,
        on_delay=on * H,
        off_delay=off * H,
        deadband=deadband,
    )


def hour(moment: np.datetime64) -> int | None:
    return None if np.isnat(moment) else int((moment - minutes(1)[0]) / H)


def test_nothing_below_the_mildest_limit() -> None:
    assert found(0, 0.9, 0.99) == []
    assert found() == []


def test_one_crossing() -> None:
    (one,) = found(0, 1, 3, 1, 0, 0, 0)
    assert (hour(one.started), hour(one.since), hour(one.until)) == (1, 1, 4)
    assert (one.level, one.limit, one.peak, hour(one.peak_time)) == (3, 2.0, 3.0, 2)


def test_the_limit_itself_counts() -> None:
    assert [each.level for each in found(0, 5, 0, 0, 0)] == [2]


def test_on_delay_is_served_before_detection() -> None:
    (one,) = found(0, 1, 1, 1, 0, 0, on=2)
    assert (hour(one.started), hour(one.since)) == (1, 3)
    assert found(0, 1, 1, 0, 1, 1, 0, on=2) == []  # two short ones do not add up


def test_a_level_counts_only_once_its_own_delay_is_served() -> None:
    (one,) = found(0, 1, 1, 6, 1, 1, 0, on=2)
    assert (one.level, one.limit, one.peak) == (4, 1.0, 6.0)
    (one,) = found(0, 1, 6, 6, 6, 1, 0, on=2)
    assert (one.level, hour(one.since)) == (2, 3)


def test_pauses_within_the_off_delay_do_not_part_episodes() -> None:
    assert len(found(1, 0, 1, 0, 0, off=2)) == 1
    assert len(found(1, 0, 0, 1, 0, off=2)) == 2


def test_an_episode_is_open_until_the_off_delay_has_passed() -> None:
    assert hour(found(0, 1)[0].until) is None
    assert hour(found(0, 1, 0, off=2)[0].until) is None
    assert hour(found(0, 1, 0, 0, off=2)[0].until) == 3
    assert hour(found(0, 1, 0, 0, 0, off=2)[0].until) == 3
    assert hour(found(0, 1, off=0)[0].until) is None
    assert hour(found(0, 1, 0, off=0)[0].until) == 1


def test_deadband_prolongs_and_never_starts() -> None:
    assert found(0.8, 0.8, 0.8, deadband=0.4) == []
    (one,) = found(0.8, 1.0, 0.8, 0.8, 0.5, 0, 0, deadband=0.4)
    assert (hour(one.started), hour(one.until)) == (1, 4)


def test_below_is_above_with_the_sign_turned() -> None:
    (one,) = limit_episodes(
        minutes(5, 60),
        -np.array([300, 120, 90, 300, 300.0]),
        {4: -140.0, 3: -100.0},
        on_delay=0 * H,
        off_delay=H,
        deadband=0.1,
    )
    assert (one.level, one.peak, one.limit, hour(one.until)) == (3, -90.0, -100.0, 3)
