"""The live store of a city: hot readings in SQLite, sealed months in Parquet, one manifest."""

from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.errors import StoreError
from lifeline_kit.io.live import incoming, notes, schema, sealing, writing
from lifeline_kit.io.live.hot import hot_rows
from lifeline_kit.io.live.incoming import Tally
from lifeline_kit.io.live.reader import Reader
from lifeline_kit.io.live.rows import Rows, in_order, milliseconds
from lifeline_kit.io.live.sealed import segments
from lifeline_kit.io.live.session import Turn


class LiveStore(Reader):
    """Readings that go on coming in. Open it with `LiveStore.open`; use it as a context manager.

    One process writes, any number read; neither waits for the other. What `write` has returned
    for is on the disk. Times are UTC; every range is ``start <= time < end``.
    """

    @staticmethod
    def open(folder: str | Path, *, writable: bool = False) -> "LiveStore":
        """Open a live store, making it when writable.

        Parameters
        ----------
        folder : path
            The live folder; a city folder stands for its `live`.
        writable : bool, default False
            As the one writer.

        Raises
        ------
        StoreError
            Absent (and not writable), written by another process, damaged, of a newer schema.
        """
        folder = Path(folder)
        if (folder / "city.toml").exists():
            folder = folder / "live"
        return LiveStore(folder, writable=writable)

    def register(self, sensors: pd.DataFrame) -> None:
        """Make sensors known; again with the same rows changes nothing.

        Parameters
        ----------
        sensors : DataFrame, index `sensor`
            Columns `quantity`, `unit`, `clock`, `interval_s` where known; others are not kept.

        Raises
        ------
        StoreError
            Where a known sensor is given another quantity or unit: its readings would change
            their meaning.
        """
        with self._writing():
            notes.store_sensors(self._connection, sensors)
        self._learn_sensors()
        self._learn_newest()

    def write(
        self,
        sensor: np.ndarray,
        time: np.ndarray,
        value: np.ndarray,
        *,
        arrived: np.datetime64,
        now: np.datetime64 | None = None,
    ) -> Tally:
        """Write a batch in one durable transaction.

        Parameters
        ----------
        sensor : array of str, (row,)
        time : datetime64 array, (row,)
            UTC.
        value : float array, (row,) [canonical unit]
            Kept as float32.
        arrived : datetime64
            When the batch came. Another value for the same sensor and time is a revision: the one
            that came later stands (of the same moment: the one written later), the other is kept.
        now : datetime64, optional
            The clock to hold stamps against, by default `arrived`; more than 5 min ahead of it is
            put into the quarantine, as are unknown sensors and values that are not finite.

        Raises
        ------
        StoreError
            Nothing of the batch was stored; send it again.
        """
        names, stamps, values = _columns(sensor, time, value)
        came = milliseconds(arrived, 0)
        place = self._ids.get_indexer(names)
        code = np.where(place >= 0, self._codes[place] if len(self._codes) else -1, -1)
        refused = incoming.refused(code, stamps, values, milliseconds(now, came))
        taken = ~np.logical_or.reduce(list(refused.values()))
        batch = incoming.keyed(code[taken], stamps[taken], values[taken])
        with self._writing():
            watermark = self._newest[batch.sensor]
            known = writing.known_for(
                self._connection,
                batch,
                watermark,
                {segment.month for segment in segments(self._connection)},
                self._sealed,
            )
            judged = incoming.judge(batch, known, watermark, came)
            with schema.transaction(self._connection):
                writing.store_batch(self._connection, batch, judged, known, came)
                writing.store_quarantine(self._connection, names, stamps, values, refused, came)
                self._changed()
            stored = judged.store
            np.maximum.at(self._newest, batch.sensor[stored], batch.time[stored])
            self._touch(batch.time[stored])
        return judged.tally._replace(
            future=int(refused[incoming.CLOCK].sum()),
            unknown=int(refused[incoming.UNKNOWN_SENSOR].sum()),
            invalid=int((refused[incoming.NOT_A_NUMBER] | refused[incoming.NO_TIME]).sum()),
        )

    def write_flags(
        self, sensor: np.ndarray, time: np.ndarray, flag: np.ndarray, tests: np.ndarray
    ) -> int:
        """Give readings a flag (QARTOD) and a mask of tests; returns how many changed.

        Values are never touched. A key without a reading is left out.
        """
        names = np.asarray(sensor, dtype=object)
        code = self._coded(names)
        stamps = np.asarray(time).astype("datetime64[ms]").astype(np.int64)
        with self._writing():
            if not stamps.size:
                return 0
            given = in_order(
                Rows(
                    np.asarray(code, dtype=np.int32),
                    stamps,
                    np.zeros(stamps.size, dtype=np.float32),
                    np.asarray(flag, dtype=np.uint8),
                    np.asarray(tests, dtype=np.uint16),
                )
            )
            span = (int(given.time.min()), int(given.time.max()) + 1)
            codes = np.unique(given.sensor)
            hot = hot_rows(self._connection, codes, *span)
            sealed = self._sealed(codes, *span)
            with schema.transaction(self._connection):
                count = notes.store_flags(self._connection, given, hot, sealed)
                if count:
                    self._changed()
            if count:
                self._touch(stamps)
        return count

    def write_corrections(
        self, sensor: np.ndarray, time: np.ndarray, value: np.ndarray, method: str
    ) -> None:
        """Keep corrected values beside the raw ones, under the name of the method."""
        names, stamps, values = _columns(sensor, time, value)
        code = self._coded(names)
        with self._writing(), schema.transaction(self._connection):
            notes.store_corrections(self._connection, code, stamps, values, method)
            self._changed()

    def settle(self, dirty: pd.DataFrame) -> None:
        """Take ranges off the list, as `dirty` gave them; marks made since then stay."""
        codes = self._coded(dirty["sensor"])
        with self._writing(), schema.transaction(self._connection):
            notes.settle(self._connection, codes, dirty)
            self._changed()

    def seal(self, before: np.datetime64) -> list[Path]:
        """Move all months that end by `before` into Parquet, with their roll-ups.

        A month that is sealed already and got late rows is merged into a new file.

        Returns
        -------
        list of Path
            The new files.

        Raises
        ------
        StoreError
            Months that could not be sealed stay as they were.
        """
        with self._writing():
            months = sealing.due(self._connection, milliseconds(before, 0))
        written: list[Path] = []
        refused: list[str] = []
        for month in months:
            try:
                written.append(self._seal_month(month))
            except StoreError as error:
                refused.append(str(error))
        if written:
            with self._writing():
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        if refused:
            raise StoreError(" ".join(refused))
        return written

    def _seal_month(self, month: str) -> Path:
        """Seal a month beside the writing; where it was written to meanwhile, holding it up."""
        touched = self._touched.get(month, 0)
        with schema.translated(self.folder):
            beside = schema.connect(self.folder, writable=False)
            try:
                with schema.snapshot(beside):
                    prepared = sealing.prepare(beside, self.folder, month, self._names)
            finally:
                beside.close()
        with self._writing():
            if self._touched.get(month, 0) != touched:
                sealing.discard(self.folder, prepared.segment)
                prepared = sealing.prepare(self._connection, self.folder, month, self._names)
            file = sealing.put_in_force(self._connection, self.folder, prepared)
            self._touched[month] = self._touched.get(month, 0) + 1  # another sealing starts over
        return file

    def _touch(self, time: np.ndarray) -> None:
        """Count a change of the months that times [ms] fall into, for a sealing under way."""
        for month in writing.touched_months(time):
            self._touched[month] = self._touched.get(month, 0) + 1

    def backfill(
        self,
        sensor: np.ndarray,
        time: np.ndarray,
        value: np.ndarray,
        *,
        flag: np.ndarray | None = None,
        tests: np.ndarray | None = None,
    ) -> list[Path]:
        """Bring history straight into sealed months, past SQLite: some 2 million readings a second.

        Meant for the first load of an archive. Of a key that is sealed already, the given value
        stands and the old one is **not** kept as a revision; hot readings are left as they are.

        Raises
        ------
        StoreError
            Where a sensor is unknown, or a value or time is none: nothing was stored.
        """
        names, stamps, values = _columns(sensor, time, value)
        code = self._coded(names)
        if not (np.isfinite(values).all() and (stamps != np.iinfo(np.int64).min).all()):
            raise StoreError("backfill expects finite values and times; leave the other rows out.")
        size = stamps.size
        rows = in_order(
            Rows(
                np.asarray(code, dtype=np.int32),
                stamps,
                values,
                np.full(size, 2, np.uint8) if flag is None else np.asarray(flag, np.uint8),
                np.zeros(size, np.uint16) if tests is None else np.asarray(tests, np.uint16),
            )
        )
        with self._writing():
            month = rows.time.astype("datetime64[ms]").astype("datetime64[M]")
            written = []
            for each in np.unique(month):
                part = rows.take(month == each)
                prepared = sealing.prepare(
                    self._connection, self.folder, str(each), self._names, part
                )
                written.append(sealing.put_in_force(self._connection, self.folder, prepared))
                self._touch(part.time[:1])
            self._learn_newest()
        return written

    def verify(self, *, aside: bool = False) -> pd.DataFrame:
        """Compare every sealed month with its fingerprint.

        Parameters
        ----------
        aside : bool, default False
            Move damaged files to `damaged/` and take them out of the manifest (writable only).

        Returns
        -------
        DataFrame
            index `month`; file, state ('good', 'missing', 'damaged').
        """
        with self._reading():
            manifest = segments(self._connection)
        table = sealing.verified(self.folder, manifest)
        if aside:
            with self._writing():
                sealing.put_aside(self._connection, self.folder, table)
        return table

    def _changed(self) -> None:
        self._connection.execute("UPDATE change SET number = number + 1")

    def _writing(self) -> "Turn":
        if not self.writable:
            raise StoreError(
                f"{self.folder} was opened for reading; open it with writable=True to change it."
            )
        return Turn(self._turn, self.folder)


def _columns(
    sensor: np.ndarray, time: np.ndarray, value: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    names = np.asarray(sensor, dtype=object).reshape(-1)
    stamps = np.asarray(time).astype("datetime64[ms]").astype(np.int64).reshape(-1)
    with np.errstate(over="ignore"):  # beyond float32 becomes infinite and is refused as such
        values = np.asarray(value).astype(np.float32).reshape(-1)
    if not names.size == stamps.size == values.size:
        raise StoreError(
            f"got {names.size} sensors, {stamps.size} times and {values.size} values; "
            "expected one of each per reading."
        )
    return names, stamps, values
