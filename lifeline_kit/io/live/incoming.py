"""A batch on its way in: what is new, known already, a revision, or not to be taken."""

from typing import NamedTuple

import numpy as np

UNKNOWN_SENSOR, CLOCK, NOT_A_NUMBER, NO_TIME = (
    "unknown_sensor",
    "clock",
    "not_a_number",
    "no_time",
)
AHEAD_MS = 5 * 60_000
LONG_AGO = -(1 << 62)  # no watermark; arrived at an unknown moment


class Tally(NamedTuple):
    """What became of the rows of a batch.

    ``accepted + duplicate + revised + future + unknown + invalid`` is the number of rows given.
    `late` counts those accepted or revised rows that are older than what the sensor had already
    sent when the batch came. `future` (clock ahead), `unknown` (sensor) and `invalid` (value not
    finite, no time) rows lie in the quarantine.
    """

    accepted: int
    duplicate: int
    revised: int
    late: int
    future: int
    unknown: int
    invalid: int = 0

    def __add__(self, other: object) -> "Tally":
        """Add up the counts of two batches."""
        if not isinstance(other, Tally):
            return NotImplemented
        return Tally(*(a + b for a, b in zip(self, other, strict=True)))


class Keyed(NamedTuple):
    """Rows with one sensor code each, ordered by sensor, time and order of arrival."""

    sensor: np.ndarray
    time: np.ndarray
    value: np.ndarray


class Known(NamedTuple):
    """What the store holds for each row's key: NaN where nothing, LONG_AGO where unknown."""

    value: np.ndarray
    arrived: np.ndarray


class Judged(NamedTuple):
    """A batch sorted out; the arrays are indices or rows into the Keyed batch."""

    store: np.ndarray  # rows to be written: the last of each key that changes
    replaced: np.ndarray  # rows that end another value ...
    old_value: np.ndarray  # ... which was this ...
    old_arrived: np.ndarray  # ... and had come then
    overtaken: np.ndarray  # rows that came after a newer value of the same key
    late: np.ndarray  # of `store`: whether older than the sensor's newest
    tally: Tally


def refused(
    code: np.ndarray, time: np.ndarray, value: np.ndarray, now: int
) -> dict[str, np.ndarray]:
    """Masks of the rows that go to the quarantine, by reason; a row has one reason."""
    unknown = code < 0
    no_time = ~unknown & (time == np.iinfo(np.int64).min)  # NaT
    no_number = ~unknown & ~no_time & ~np.isfinite(value)
    ahead = ~unknown & ~no_time & ~no_number & (time > now + AHEAD_MS)
    return {UNKNOWN_SENSOR: unknown, NO_TIME: no_time, NOT_A_NUMBER: no_number, CLOCK: ahead}


def keyed(code: np.ndarray, time: np.ndarray, value: np.ndarray) -> Keyed:
    """Order rows by sensor, time and arrival."""
    order = np.lexsort((time, code))  # stable: rows of one key stay in the order they came
    return Keyed(code[order], time[order], value[order])


def judge(batch: Keyed, known: Known, watermark: np.ndarray, arrived: int) -> Judged:
    """Sort out an ordered batch against what is known.

    Parameters
    ----------
    batch : Keyed, (row,)
    known : Known, (row,)
    watermark : int array, (row,) [ms]
        Newest time of each row's sensor before the batch.
    arrived : int [ms]
        When the batch came. Of two values of one key the one that came later stands; within a
        batch, the later row.
    """
    first = np.append(True, (np.diff(batch.sensor) != 0) | (np.diff(batch.time) != 0))
    first = first[: batch.time.size]
    there = ~np.isnan(known.value)
    overtaken = there & (known.arrived > arrived)
    before = np.where(first, known.value, np.append(np.nan, batch.value[:-1])[: first.size])
    before = np.where(overtaken, known.value, before).astype(np.float32)
    same = before == batch.value
    replaces = ~np.isnan(before) & ~same & ~overtaken
    fresh = np.isnan(before)
    group = np.cumsum(first) - 1
    # a value that an earlier row of the batch merely repeated had come before the batch
    so_far = np.cumsum(replaces | fresh) - (replaces | fresh)
    unchanged = so_far == so_far[first][group]
    before_came = np.where(unchanged, known.arrived, arrived)
    changes = np.zeros(int(group[-1]) + 1 if group.size else 0, dtype=bool)
    changes[group[replaces | fresh]] = True
    last = np.append(first[1:], True)[: first.size]
    store = np.flatnonzero(last & changes[group])
    late = (replaces | fresh) & (batch.time < watermark)
    passed = overtaken & ~same
    return Judged(
        store=store,
        replaced=np.flatnonzero(replaces),
        old_value=before[replaces],
        old_arrived=before_came[replaces],
        overtaken=np.flatnonzero(passed),
        late=batch.time[store] < watermark[store],
        tally=Tally(
            accepted=int(fresh.sum()),
            duplicate=int(same.sum()),
            revised=int(replaces.sum() + passed.sum()),
            late=int(late.sum()),
            future=0,
            unknown=0,
        ),
    )
