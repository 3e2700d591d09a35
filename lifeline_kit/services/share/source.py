"""Where the sharing service reads: a city folder and, where there is one, its live store."""

from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from lifeline_kit.errors import CityError
from lifeline_kit.io.examinations import examination_stamp, open_examination
from lifeline_kit.io.live import spliced
from lifeline_kit.io.store import read_series
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.model.readings import NOT_EVALUATED, PASS, Series

if TYPE_CHECKING:
    from lifeline_kit.io.live import LiveStore

_KEPT_SERIES = 256
_EMPTY = Series(np.zeros(0, dtype="datetime64[ms]"), np.zeros(0, np.float32), np.zeros(0, np.uint8))


class Source:
    """A city opened for reading, by many threads at once.

    Parameters
    ----------
    folder : Path
        A city folder, plain or with ``live/`` in it.

    Raises
    ------
    CityError, StoreError
    """

    def __init__(self, folder: Path) -> None:
        self.city = City.open(folder, readings=False)
        self.folder = folder
        self._live: LiveStore | None = None
        self._one_at_a_time = Lock()  # one connection, and its snapshots do not nest
        self._open_live()
        self._recorded = lru_cache(maxsize=_KEPT_SERIES)(self._read_recorded)
        self._examined = lru_cache(maxsize=1)(self._read_examination)

    def _open_live(self) -> "LiveStore | None":
        """The live store, also one that came after the service had started."""
        if self._live is None and (self.folder / "live" / "hot.sqlite").exists():
            from lifeline_kit.io.live import LiveStore

            self._live = LiveStore.open(self.folder / "live")
        return self._live

    def close(self) -> None:
        """Give the live store back."""
        if self._live is not None:
            self._live.close()

    def version(self) -> str:
        """A stamp that changes with anything the service would answer."""
        with self._one_at_a_time:
            store = self._open_live()
            live = "" if store is None else f"-{store.version()}"
        return f"{self.city.digest}{live}-{self._stamp()}"

    def _stamp(self) -> str:
        try:
            return examination_stamp(self.city)
        except CityError:
            return ""

    def examination(self) -> Examination | None:
        """The examination stored with the city, where there is one."""
        return self._examined(self._stamp())

    def _read_examination(self, stamp: str) -> Examination | None:
        return open_examination(self.city) if stamp else None

    def series(
        self, sensor: str, start: np.datetime64 | None = None, end: np.datetime64 | None = None
    ) -> Series:
        """Readings of one sensor from the folder and the live store; where both have a time, live.

        Parameters
        ----------
        sensor : str
        start, end : datetime64, optional
            ``start <= time < end``, UTC.
        """
        found = _between(self._recorded(sensor, self._stamp()), start, end)
        with self._one_at_a_time:
            store = self._open_live()
            live = None if store is None else _live_series(store, sensor, start, end)
        if live is None or not live.time.size:
            return found
        return spliced(found, live)

    def _read_recorded(self, sensor: str, _stamp: str) -> Series:
        found = read_series(self.folder, self.city.sensors.loc[[sensor]]).get(sensor)
        if found is None:
            return _EMPTY
        return self._judged(sensor, found)

    def _judged(self, sensor: str, found: Series) -> Series:
        """Take the flags of the stored examination, which keeps those that did not pass."""
        examination = self.examination()
        if examination is None:
            return found
        since, until = (
            np.datetime64(moment, "ms") for moment in (examination.since, examination.at)
        )
        flag = np.where((found.time >= since) & (found.time <= until), PASS, NOT_EVALUATED).astype(
            np.uint8
        )
        rows = examination.flags[examination.flags["sensor"] == sensor]
        times = rows["time"].to_numpy().astype("datetime64[ms]")
        place = np.searchsorted(found.time, times)
        inside = place < found.time.size
        hit = np.flatnonzero(inside)[found.time[place[inside]] == times[inside]]
        flag[place[hit]] = rows["flag"].to_numpy()[hit]
        return Series(found.time, found.value, flag)


def _live_series(
    store: "LiveStore", sensor: str, start: np.datetime64 | None, end: np.datetime64 | None
) -> Series | None:
    """Readings of a sensor, None where the store does not know it: the city's table is wider."""
    if sensor not in store.sensors().index:
        return None
    return store.series([sensor], start, end).get(sensor)


def _between(found: Series, start: np.datetime64 | None, end: np.datetime64 | None) -> Series:
    first = 0 if start is None else int(np.searchsorted(found.time, start, side="left"))
    last = found.time.size if end is None else int(np.searchsorted(found.time, end, side="left"))
    return Series(found.time[first:last], found.value[first:last], found.flag[first:last])
