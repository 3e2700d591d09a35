"""Graded alarm on the concentration of a gas in one space: level, k of n, rise, time to a limit.

One streaming kernel: any chunking gives what one call gives. Readings in which the sensor itself
is in question neither raise nor clear anything. The rate of rise is the Theil-Sen slope over half
an hour, held against a fixed limit and against six times what this sensor's slope usually is.
"""

from dataclasses import dataclass

import numpy as np

from lifeline_kit.errors import InputError
from lifeline_kit.methods.box import compiled

_KEPT = 64  # latest good readings that votes and slope are taken from
_LEVELS = 4
# state: count of readings kept, usual slope, then per trigger (4 levels, rise, time to limit)
# whether it is on and when it last was not clear, then the ring of times and of values
_COUNT, _USUAL, _ON = 0, 1, 2
_TRIGGERS = _LEVELS + 2
_UNCLEAR = _ON + _TRIGGERS
_TIMES = _UNCLEAR + _TRIGGERS
_VALUES = _TIMES + _KEPT
RISE, SOON = _LEVELS, _LEVELS + 1  # triggers after the four levels


@dataclass(frozen=True, slots=True, kw_only=True)
class GradedAlarm:
    """Settings; concentrations in any one unit.

    Attributes
    ----------
    set_points : tuple of four float
        Of levels IV, III, II, I; increasing. Infinity leaves a level out.
    k, n : int
        A level is on once k of the last n good readings reached its set point.
    clear_share : float
        It clears below this share of the set point ...
    hold_min : float [min]
        ... once no good reading was above for so long.
    rise_per_h : float
        Limit of the rate of rise; a rise counts from `rise_least` on.
    rise_usual : float
        The limit is at least this many times the usual (median) slope of the sensor.
    rise_least : float
    rise_window_min : float [min]
    rise_level, soon_level : int
        Levels that a rise, or a limit soon to be reached, calls for.
    full : float
        100 % LEL.
    soon_h : float [h]
        At the present rise 100 % LEL is reached within so long.
    """

    set_points: tuple[float, float, float, float]
    full: float
    k: int = 2
    n: int = 3
    clear_share: float = 0.6
    hold_min: float = 45.0
    rise_per_h: float = 0.25
    rise_usual: float = 6.0
    rise_least: float = 0.1
    rise_window_min: float = 30.0
    rise_level: int = 4
    soon_level: int = 3
    soon_h: float = 2.0

    def __post_init__(self) -> None:
        """Refuse what could not work.

        Raises
        ------
        InputError
        """
        if len(self.set_points) != _LEVELS or list(self.set_points) != sorted(self.set_points):
            raise InputError(
                f"expected four set points rising from level IV to I; got {self.set_points}."
            )
        if not 1 <= self.k <= self.n <= _KEPT:
            raise InputError(f"expected 1 <= k <= n <= {_KEPT}; got {self.k} of {self.n}.")
        if not (0 < self.clear_share < 1 and self.set_points[0] > 0 and self.full > 0):
            raise InputError("expected clear_share in (0, 1), set points and full above 0.")


@dataclass(frozen=True, slots=True)
class Said:
    """What the alarm says of each reading, arrays (reading,).

    Attributes
    ----------
    level : uint8
        1 (I, worst) to 4; 0 none.
    slope : float [unit per hour]
        NaN with fewer than three good readings in the window.
    hours : float array, (reading, 3) [h]
        To 20, 50, 100 % LEL at the present slope: 0 where reached, infinite where not rising.
    by : uint8
        Bits: 1 << j for the levels IV, III, II, I (j 0-3), the rise (4), a limit soon (5).
    """

    level: np.ndarray
    slope: np.ndarray
    hours: np.ndarray
    by: np.ndarray


def quiet_state() -> np.ndarray:
    """State of an alarm that has seen nothing."""
    state = np.zeros(_VALUES + _KEPT)
    state[_UNCLEAR : _UNCLEAR + _TRIGGERS] = -np.inf
    return state


@compiled
def theil_sen(hours, values):
    """Median slope over all pairs of readings; NaN with fewer than three.

    Parameters
    ----------
    hours : array, (reading,) [h]
    values : array, (reading,)

    Returns
    -------
    float [unit per hour]
    """
    n = hours.size
    if n < 3:
        return np.nan
    slopes = np.empty(n * (n - 1) // 2)
    m = 0
    for i in range(n):
        for j in range(i + 1, n):
            if hours[j] > hours[i]:
                slopes[m] = (values[j] - values[i]) / (hours[j] - hours[i])
                m += 1
    return np.median(slopes[:m]) if m else np.nan


@compiled
def _votes(values, count, n, limit):
    votes = 0
    for back in range(min(n, count)):
        if values[(count - 1 - back) % values.size] >= limit:
            votes += 1
    return votes


@compiled
def _slope(times, values, count, now, window_ms):
    n = 0
    while n < min(count, times.size) and now - times[(count - 1 - n) % times.size] <= window_ms:
        n += 1
    hours, level = np.empty(n), np.empty(n)
    for k in range(n):
        at = (count - n + k) % times.size
        hours[k] = (times[at] - now) / 3_600_000.0
        level[k] = values[at]
    return theil_sen(hours, level)


@compiled
def _wanted(state, value, slope, settings, set_points):
    """Whether each trigger fires, and whether it is still not clear."""
    k, n, clear, _, rise, times, least, _, full, soon = settings
    fires, unclear = np.zeros(_TRIGGERS, np.bool_), np.zeros(_TRIGGERS, np.bool_)
    values, count = state[_VALUES:], int(state[_COUNT])
    for level in range(_LEVELS):
        limit = set_points[level]
        fires[level] = _votes(values, count, int(n), limit) >= k
        unclear[level] = value >= clear * limit
    limit = max(rise, times * state[_USUAL])
    rising = not np.isnan(slope) and _votes(values, count, int(n), least) >= k
    fires[RISE] = rising and slope >= limit
    unclear[RISE] = not np.isnan(slope) and slope >= clear * limit
    near = rising and slope >= 0.5 * limit and value + slope * soon >= full
    fires[SOON], unclear[SOON] = near, near
    return fires, unclear


@compiled
def _switch(state, fires, unclear, now, hold_ms, full, slope):
    """Turn triggers on and off; learn the usual slope while all are off."""
    off = True
    for trigger in range(_TRIGGERS):
        if fires[trigger]:
            state[_ON + trigger] = 1.0
        if unclear[trigger]:
            state[_UNCLEAR + trigger] = now
        elif now - state[_UNCLEAR + trigger] > hold_ms:
            state[_ON + trigger] = 0.0
        off = off and state[_ON + trigger] == 0.0
    if off and not np.isnan(slope):
        # the median is followed by small steps; a leak must not teach it
        step = 0.02 * max(state[_USUAL], 0.01 * full)
        state[_USUAL] = max(state[_USUAL] + (step if abs(slope) > state[_USUAL] else -step), 0.0)


@compiled
def _in_force(state, levels):
    worst, by = 0, 0
    for trigger in range(_TRIGGERS):
        if state[_ON + trigger] > 0.0:
            by |= 1 << trigger
            worst = levels[trigger] if worst == 0 else min(worst, levels[trigger])
    return worst, by


@compiled
def _grade(state, time, value, doubt, settings, set_points, levels, out):
    level_of, slope_of, hours_of, by_of = out
    hold_ms, window_ms, full = settings[3], settings[7], settings[8]
    for i in range(time.size):
        now, reading, slope = float(time[i]), value[i], np.nan
        if not (doubt[i] or np.isnan(reading)):
            count = int(state[_COUNT])
            state[_TIMES + count % _KEPT] = now
            state[_VALUES + count % _KEPT] = reading
            state[_COUNT] = count + 1
            slope = _slope(state[_TIMES:_VALUES], state[_VALUES:], count + 1, now, window_ms)
            fires, unclear = _wanted(state, reading, slope, settings, set_points)
            _switch(state, fires, unclear, now, hold_ms, full, slope)
        slope_of[i] = slope
        level_of[i], by_of[i] = _in_force(state, levels)
        for k in range(3):
            goal = full * (0.2, 0.5, 1.0)[k]
            hours_of[i, k] = (goal - reading) / slope if slope > 0.0 else np.inf
            if reading >= goal:
                hours_of[i, k] = 0.0


def grade(
    state: np.ndarray,
    time: np.ndarray,
    value: np.ndarray,
    *,
    alarm: GradedAlarm,
    doubt: np.ndarray | None = None,
) -> tuple[np.ndarray, Said]:
    """Carry the alarm over the next readings.

    Parameters
    ----------
    state : array
        `quiet_state()`, or as returned by the call before.
    time : datetime64 array, (reading,)
        Increasing, later than all before.
    value : array, (reading,)
        In the unit of the settings; NaN is passed over.
    alarm : GradedAlarm
    doubt : bool array, (reading,), optional
        Where the sensor itself is in question.

    Returns
    -------
    state : array
    said : Said

    Raises
    ------
    InputError
        Where times are out of order.
    """
    moments = np.asarray(time).astype("datetime64[ms]").astype(np.int64)
    back = np.flatnonzero(np.diff(moments) <= 0)
    if back.size:
        raise InputError(
            f"clock out of order: {time[back[0] + 1]} follows {time[back[0]]}; "
            "sort the readings, or mend the clock of the terminal."
        )
    state = state.copy()
    value = np.ascontiguousarray(value, dtype=np.float64)
    settings = (
        float(alarm.k), float(alarm.n), alarm.clear_share, alarm.hold_min * 60_000.0,
        alarm.rise_per_h, alarm.rise_usual, alarm.rise_least, alarm.rise_window_min * 60_000.0,
        alarm.full, alarm.soon_h,
    )  # fmt: skip
    levels = np.array([4, 3, 2, 1, alarm.rise_level, alarm.soon_level])
    said = Said(
        level=np.zeros(value.size, np.uint8),
        slope=np.empty(value.size),
        hours=np.empty((value.size, 3)),
        by=np.zeros(value.size, np.uint8),
    )
    out = (said.level, said.slope, said.hours, said.by)
    known = np.zeros(value.size, bool) if doubt is None else np.asarray(doubt, dtype=bool)
    _grade(state, moments, value, known, settings, np.array(alarm.set_points), levels, out)
    return state, said
