"""What devices say about themselves, and messages that could not be read: ``live/devices.sqlite``.

Beside the store of readings, by the same rules (WAL, synchronous FULL): a message is acknowledged
when both have it. A message that comes again changes nothing but its count.
"""

import hashlib
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from lifeline_kit.errors import StoreError
from lifeline_kit.services.terminals import Reject, Status

FILE = "devices.sqlite"
KEPT_BYTES = 4_096
KEPT_REJECTS = 100_000  # the oldest go first; `dropped` counts them
KEPT_DEVICES = 100_000  # ids come from outside: beyond these, no new device is taken
KEPT_TAMPERINGS = 1_000_000  # the oldest go first
_TABLES = """
CREATE TABLE IF NOT EXISTS device(
    device TEXT PRIMARY KEY, time INTEGER NOT NULL, battery REAL, signal REAL, tamper INTEGER,
    arrived INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tampering(
    device TEXT NOT NULL, time INTEGER NOT NULL, PRIMARY KEY(device, time)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reject(
    id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, arrived INTEGER NOT NULL,
    topic TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL, bytes INTEGER NOT NULL,
    head BLOB NOT NULL, n INTEGER NOT NULL DEFAULT 1);
CREATE TABLE IF NOT EXISTS dropped(id INTEGER PRIMARY KEY CHECK (id = 1), n INTEGER NOT NULL);
INSERT OR IGNORE INTO dropped VALUES(1, 0);
"""


class Refused(NamedTuple):
    """A message, or part of one, that could not be kept; `head` is its beginning."""

    topic: str
    reject: Reject
    size: int
    head: bytes
    digest: bytes


def refused(topic: str, payload: bytes, reject: Reject, size: int | None = None) -> Refused:
    """Note a payload that could not be kept (or its beginning, with the `size` of all of it)."""
    digest = hashlib.sha256(payload).digest()
    whole = len(payload) if size is None else size
    return Refused(topic[:500], reject, whole, payload[:KEPT_BYTES], digest)


class DeviceLog:
    """States of devices and rejected messages of a live folder.

    Parameters
    ----------
    folder : Path
        The live folder.
    writable : bool, default False

    Raises
    ------
    StoreError
        Absent and not writable, or refused by the file system.
    """

    def __init__(self, folder: Path, *, writable: bool = False) -> None:
        file = folder / FILE
        try:
            if writable:
                self._connection = sqlite3.connect(
                    file, timeout=30, isolation_level=None, check_same_thread=False
                )
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("PRAGMA synchronous = FULL")
                self._connection.executescript(_TABLES)
            else:
                self._connection = sqlite3.connect(
                    f"{file.resolve().as_uri()}?mode=ro",
                    uri=True,
                    timeout=30,
                    isolation_level=None,
                    check_same_thread=False,
                )
            (self._rejects,) = self._connection.execute("SELECT count(*) FROM reject").fetchone()
        except sqlite3.Error as error:
            raise StoreError(
                f"cannot open {file} ({error}); expected a live folder that 'lifeline collect' "
                "may write to; check folder and permissions."
            ) from error

    def __enter__(self) -> "DeviceLog":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def write(self, statuses: Iterable[Status], rejects: Iterable[Refused], arrived: int) -> None:
        """Keep states and rejects in one durable transaction.

        Parameters
        ----------
        statuses : iterable of Status
        rejects : iterable of Refused
        arrived : int [ms since 1970 UTC]

        Raises
        ------
        StoreError
            Nothing was kept; send it again.
        """
        connection = self._connection
        newest, opened = _newest(statuses)
        known = _united(rejects)
        if not newest and not known:
            return
        try:
            connection.execute("BEGIN IMMEDIATE")
            newest = self._with_room(newest)
            connection.executemany(
                "INSERT INTO device VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT(device) DO UPDATE SET"
                " time = excluded.time, battery = coalesce(excluded.battery, battery),"
                " signal = coalesce(excluded.signal, signal),"
                " tamper = coalesce(excluded.tamper, tamper), arrived = excluded.arrived"
                " WHERE excluded.time >= time",
                [(*status, arrived) for status in newest],
            )
            self._keep_tampering(opened)
            self._keep_rejects(known, arrived)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise StoreError(
                f"the device log refused ({error}); nothing of the batch was kept. "
                "Check the disk and its permissions."
            ) from error

    def _with_room(self, statuses: list[Status]) -> list[Status]:
        """Leave out new devices for which there is no room."""
        (count,) = self._connection.execute("SELECT count(*) FROM device").fetchone()
        if count + len(statuses) <= KEPT_DEVICES:
            return statuses
        known = {device for (device,) in self._connection.execute("SELECT device FROM device")}
        new = [status for status in statuses if status.device not in known]
        old = [status for status in statuses if status.device in known]
        return old + new[: max(0, KEPT_DEVICES - count)]

    def _keep_tampering(self, opened: list[tuple[str, int]]) -> None:
        if not opened:
            return
        connection = self._connection
        connection.executemany("INSERT OR IGNORE INTO tampering VALUES(?, ?)", opened)
        (count,) = connection.execute("SELECT count(*) FROM tampering").fetchone()
        if count > KEPT_TAMPERINGS:
            connection.execute(
                "DELETE FROM tampering WHERE (device, time) IN"
                " (SELECT device, time FROM tampering ORDER BY time LIMIT ?)",
                (count - KEPT_TAMPERINGS,),
            )

    def _keep_rejects(self, known: dict[bytes, tuple[Refused, int]], arrived: int) -> None:
        connection = self._connection
        connection.executemany(
            "INSERT INTO reject(key, arrived, topic, reason, detail, bytes, head, n)"
            " VALUES(?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(key) DO UPDATE SET n = n + excluded.n",
            [
                (key, arrived, each.topic, *each.reject, each.size, each.head, count)
                for key, (each, count) in known.items()
            ],
        )
        (self._rejects,) = connection.execute("SELECT count(*) FROM reject").fetchone()
        surplus = self._rejects - KEPT_REJECTS
        if surplus > 0:
            connection.execute(
                "DELETE FROM reject WHERE id IN (SELECT id FROM reject ORDER BY id LIMIT ?)",
                (surplus,),
            )
            connection.execute("UPDATE dropped SET n = n + ?", (surplus,))

    def devices(self) -> pd.DataFrame:
        """State of each device: index `device`; time, battery, signal, tamper, arrived."""
        rows = self._connection.execute(
            "SELECT device, time, battery, signal, tamper, arrived FROM device"
        ).fetchall()
        columns = ["device", "time", "battery", "signal", "tamper", "arrived"]
        table = pd.DataFrame(rows, columns=columns).set_index("device")
        for name in ("time", "arrived"):
            table[name] = table[name].to_numpy(dtype="int64").astype("datetime64[ms]")
        return table

    def tampering(self) -> pd.DataFrame:
        """When housings were open: `device`, `time`."""
        rows = self._connection.execute(
            "SELECT device, time FROM tampering ORDER BY device, time"
        ).fetchall()
        table = pd.DataFrame(rows, columns=["device", "time"])
        return table.assign(time=table["time"].to_numpy(dtype="int64").astype("datetime64[ms]"))

    def rejects(self) -> pd.DataFrame:
        """Rejected messages: `arrived`, `topic`, `reason`, `detail`, `bytes`, `head`, `n`."""
        columns = ["arrived", "topic", "reason", "detail", "bytes", "head", "n"]
        rows = self._connection.execute(
            f"SELECT {', '.join(columns)} FROM reject ORDER BY id"
        ).fetchall()
        table = pd.DataFrame(rows, columns=columns)
        stamps = table["arrived"].to_numpy(dtype="int64").astype("datetime64[ms]")
        return table.assign(arrived=stamps)

    def dropped(self) -> int:
        """How many rejects were given up because there were too many."""
        (count,) = self._connection.execute("SELECT n FROM dropped").fetchone()
        return int(count)


def _newest(statuses: Iterable[Status]) -> tuple[list[Status], list[tuple[str, int]]]:
    """One status per device, the newest, and every moment a housing was open."""
    newest: dict[str, Status] = {}
    opened: list[tuple[str, int]] = []
    for status in statuses:
        known = newest.get(status.device)
        if known is None or status.time >= known.time:
            newest[status.device] = status
        if status.tamper:
            opened.append((status.device, status.time))
    return list(newest.values()), opened


def _united(rejects: Iterable[Refused]) -> dict[bytes, tuple[Refused, int]]:
    known: dict[bytes, tuple[Refused, int]] = {}
    for each in rejects:
        text = f"{each.topic}\0{each.reject.reason}\0{each.reject.detail}\0{each.size}\0"
        key = hashlib.sha256(text.encode("utf-8", "surrogateescape") + each.digest).digest()
        known[key] = (each, known[key][1] + 1 if key in known else 1)
    return known
