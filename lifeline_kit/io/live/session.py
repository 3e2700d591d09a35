"""An open live folder: its connection, its sensors, one thread at a time."""

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Self, TypeVar

import numpy as np
import pandas as pd

from lifeline_kit.errors import StoreError
from lifeline_kit.io.live import notes, schema, sealing
from lifeline_kit.io.live.incoming import LONG_AGO
from lifeline_kit.io.live.lock import hold_writer_lock

_Result = TypeVar("_Result")
_ATTEMPTS = 20  # a reader meets a merged month at most once per sealing


class Session:
    """What reading and writing a live store rest on."""

    def __init__(self, folder: Path, *, writable: bool) -> None:
        self.folder = folder
        self.writable = writable
        self._turn = threading.RLock()
        self._touched: dict[str, int] = {}  # month: changes since opening
        self._held: IO[str] | None = hold_writer_lock(folder) if writable else None
        try:
            self._connection = schema.connect(folder, writable=writable)
            self._ids = pd.Index([], dtype=object)
            self._codes = np.zeros(0, dtype=np.int64)
            self._newest = np.full(1, LONG_AGO, dtype=np.int64)
            self._learn_sensors()
            if writable:
                with schema.translated(folder):
                    sealing.sweep(self._connection, folder)
                    self._learn_newest()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the store and give the writer's place back."""
        with self._turn:
            if hasattr(self, "_connection"):
                self._connection.close()
            if self._held is not None:
                self._held.close()
                self._held = None

    def sensors(self) -> pd.DataFrame:
        """Registered sensors: index `sensor`; `quantity`, `unit`, `clock`, `interval_s`."""
        with self._reading():
            return notes.sensor_table(self._connection).drop(columns="code")

    def _learn_sensors(self) -> None:
        with self._reading():
            rows = self._connection.execute("SELECT code, id FROM sensor ORDER BY id").fetchall()
        self._codes = np.array([code for code, _ in rows], dtype=np.int64)
        self._ids = pd.Index([name for _, name in rows], dtype=object)
        self._names = dict(rows)

    def _learn_newest(self) -> None:
        newest = np.full(int(self._codes.max(initial=0)) + 1, LONG_AGO, dtype=np.int64)
        for code, time in self._connection.execute("SELECT sensor, time FROM latest"):
            newest[code] = time
        self._newest = newest

    def _coded(self, sensors: Iterable[str] | None) -> np.ndarray | None:
        """Codes of sensors; None stands for all."""
        if sensors is None:
            return None
        names = list(sensors)
        place = self._ids.get_indexer(names)
        if (place < 0).any() and not self.writable:
            self._learn_sensors()  # another process may have registered some
            place = self._ids.get_indexer(names)
        if (place < 0).any():
            stray = names[int(np.argmax(place < 0))]
            raise StoreError(
                f"sensor {stray!r} is not registered in {self.folder} "
                f"({len(self._ids)} are); register it, or check the id."
            )
        return self._codes[place]

    def _name(self, code: int) -> str:
        if code not in self._names:
            self._learn_sensors()
        return self._names[code]

    def _reading(self) -> "Turn":
        return Turn(self._turn, self.folder)

    def _patiently(self, read: Callable[[], _Result]) -> _Result:
        """Read; where a month was merged into a new file meanwhile, read again."""
        with self._reading():
            for attempt in range(_ATTEMPTS):
                try:
                    return read()
                except FileNotFoundError as error:
                    gone = error
                    if attempt and sealing.absent(self._connection, self.folder):
                        break
            raise StoreError(
                f"{gone.filename} is named in the manifest and missing; restore it from a copy, "
                "or take it out with 'lifeline store verify --aside'."
            ) from gone


class Turn:
    """One thread at a time on the connection, with its errors translated."""

    def __init__(self, turn: threading.RLock, folder: Path) -> None:
        self._turn = turn
        self._translated = schema.translated(folder)

    def __enter__(self) -> None:
        self._turn.acquire()
        self._translated.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._translated.__exit__(kind, error, trace)
        finally:
            self._turn.release()
