"""Count what becomes of each reading of one table, and keep those that are not taken."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lifeline_kit.io.report import KINDS, UNKEPT, FileReport, no_rejects, rejects_table
from lifeline_kit.io.sheets import Sheet
from lifeline_kit.io.times import AMBIGUOUS, CLOCK, OK, UNREADABLE
from lifeline_kit.text import Text

# codes of a reading's fate while it is sorted out; the order is that of `KINDS`
CODES = {name: code for code, name in enumerate(KINDS)}
ACCEPTED = CODES["accepted"]
_OF_FAULT = {
    OK: ACCEPTED,
    UNREADABLE: CODES["time"],
    AMBIGUOUS: CODES["ambiguous"],
    CLOCK: CODES["clock"],
}
AHEAD = np.timedelta64(5 * 60_000, "ms")  # beyond it a stamp is of the future
_FUTURE_MOST = 0.5  # of the rows; above it this machine's clock is in question, not the file


def row_fates(
    utc: np.ndarray, fault: np.ndarray, now: np.datetime64, notes: list[Text]
) -> np.ndarray:
    """Tell what the time of each row makes of it.

    Parameters
    ----------
    utc : datetime64[ms] array, (row,)
    fault : uint8 array, (row,)
    now : datetime64
        UTC.
    notes : list of Text
        Told here: a file that lies in the future as a whole.

    Returns
    -------
    int8 array, (row,), codes of `CODES`
    """
    table = np.array([_OF_FAULT[code] for code in range(4)], dtype=np.int8)
    fate = table[fault]
    good = fate == ACCEPTED
    future = good & (utc > now + AHEAD)
    if future.any():
        if future.sum() > _FUTURE_MOST * good.sum():
            notes.append(
                Text(
                    "多数时间晚于本机时钟，未按未来时间剔除；请核对本机时钟。",
                    "Most stamps lie after the clock of this machine and were taken as they are; "
                    "check the clock.",
                )
            )
        else:
            fate[future] = CODES["future"]
    return fate


@dataclass(slots=True)
class Tally:
    """Counts and rejects of one table while it is read."""

    file: str
    sheet: Sheet
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    parts: list[pd.DataFrame] = field(default_factory=list)

    def malformed(self, readings: int) -> None:
        """Count the lines that are no rows; each stands for `readings`."""
        found = self.sheet.malformed
        self.counts["malformed"] += len(found) * readings
        if found:
            self.parts.append(
                rejects_table(
                    file=self.file,
                    reason="malformed",
                    line=np.array([line for line, _ in found]),
                    raw=[raw for _, raw in found],
                    readings=readings,
                )
            )

    def remark(self, name: str, n: int) -> None:
        """Count something about accepted readings."""
        self.counts[name] = self.counts.get(name, 0) + int(n)

    def add(
        self,
        fate: np.ndarray,
        rows: np.ndarray,
        *,
        sensor: Sequence[str] | str = "",
        time: np.ndarray | None = None,
        value: np.ndarray | None = None,
        readings: int = 1,
    ) -> None:
        """Count readings by their fate; keep the rejected ones.

        Parameters
        ----------
        fate : int8 array, (n,)
        rows : int array, (n,)
            Rows of the sheet.
        sensor : str, or sequence, (n,)
        time, value : arrays, (n,), optional
        readings : int
            How many each one stands for.
        """
        n = np.bincount(fate, minlength=len(CODES))
        for name, code in CODES.items():
            self.counts[name] += int(n[code]) * readings
            if not n[code] or name in UNKEPT:
                continue
            here = np.flatnonzero(fate == code)
            self.parts.append(
                rejects_table(
                    file=self.file,
                    reason=name,
                    line=self.sheet.lines[rows[here]],
                    raw=self.sheet.raw(rows[here]),
                    sensor=sensor if isinstance(sensor, str) else np.asarray(sensor)[here],
                    time=None if time is None else time[here],
                    value=None if value is None else value[here],
                    readings=readings,
                )
            )

    def report(self, decided: dict[str, Text]) -> FileReport:
        """Close the count."""
        rejects = no_rejects()
        if self.parts:
            rejects = pd.concat(self.parts, ignore_index=True)
            rejects = rejects.sort_values("line", kind="stable", ignore_index=True)
        return FileReport(
            name=self.file,
            rows=self.sheet.rows,
            counts=self.counts,
            decided=self.sheet.decided | decided,
            rejects=rejects,
        )


def winners(group: np.ndarray, value: np.ndarray, fate: np.ndarray) -> np.ndarray:
    """Settle readings of one sensor and time: the last wins, the others repeat it or are revised.

    Parameters
    ----------
    group : int array, (n,)
        Ascending; equal for readings of one sensor and time, in the order of the file within.
    value : array, (n,)
    fate : int8 array, (n,)
        Changed in place; only accepted readings are looked at.

    Returns
    -------
    int array
        Positions of the winners, ascending.
    """
    position = np.flatnonzero(fate == ACCEPTED)
    own = group[position]
    last = np.append(own[1:] != own[:-1], True) if own.size else np.zeros(0, dtype=bool)
    kept = position[last]
    if kept.size < position.size:
        which = np.cumsum(np.concatenate([[0], last[:-1]])).astype(np.int64)
        same = value[position] == value[kept][which]
        fate[position[~last & same]] = CODES["duplicate"]
        fate[position[~last & ~same]] = CODES["revised"]
    return kept


def late(time: np.ndarray, group: np.ndarray | None = None) -> np.ndarray:
    """Whether a reading came after a newer one of its sensor.

    Parameters
    ----------
    time : int64 array, (n,) [ms]
        In the order of the file.
    group : int array, (n,), optional
        Ascending sensor codes; None for one sensor.

    Returns
    -------
    bool array, (n,)
    """
    if not time.size:
        return np.zeros(0, dtype=bool)
    base = time - time.min()
    key = base if group is None else base + group.astype(np.int64) * (int(base.max()) + 1)
    return key < np.maximum.accumulate(key)
