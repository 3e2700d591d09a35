"""Reading a live store: hot and sealed readings as one, and what happened to them."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from lifeline_kit.io.live import notes, rollups, schema, trees
from lifeline_kit.io.live.hot import hot_rows, overlaid, verdict_rows
from lifeline_kit.io.live.nearest import nearest
from lifeline_kit.io.live.rows import FOREVER, Rows, in_order, joined, milliseconds
from lifeline_kit.io.live.sealed import Segment, read_segments, segments
from lifeline_kit.io.live.session import Session
from lifeline_kit.model.readings import Series

Moment = np.datetime64 | str | None


class Described(NamedTuple):
    """Manifest, sensors (index `sensor`: code, quantity, clock), hot rows and later flags."""

    manifest: list[Segment]
    sensors: pd.DataFrame
    hot: Rows
    verdicts: Rows


class Reader(Session):
    """All that can be asked of a live store; every range is ``start <= time < end``."""

    def latest(self, sensors: Iterable[str] | None = None) -> pd.DataFrame:
        """Newest reading of each sensor: index `sensor`; time, value, flag, tests, arrived."""
        codes = self._coded(sensors)
        with self._reading():
            table = notes.latest_table(self._connection)
        if codes is None:
            return table
        names = [self._name(int(code)) for code in codes]
        return table.loc[[name for name in names if name in table.index]]

    def series(
        self,
        sensors: Iterable[str],
        start: Moment = None,
        end: Moment = None,
        *,
        as_of: Moment = None,
    ) -> dict[str, Series]:
        """Readings of some sensors, hot and sealed as one.

        Parameters
        ----------
        sensors : iterable of str
        start, end : datetime64, optional
        as_of : datetime64, optional
            As they were known then, before later revisions and late readings.

        Returns
        -------
        dict of sensor to Series
            Sensors without a reading there are left out.
        """
        rows = self._rows(sensors, start, end, tests=False)
        if as_of is not None:
            rows = notes.known_at(self._connection, rows, milliseconds(as_of, FOREVER))
        starts = np.append(0, np.flatnonzero(np.diff(rows.sensor)) + 1)
        found = {}
        for part in np.split(np.arange(rows.size), starts[1:]):
            if part.size:
                mine = rows.take(slice(int(part[0]), int(part[-1]) + 1))
                found[self._name(int(mine.sensor[0]))] = Series(
                    mine.time.view("datetime64[ms]"), mine.value, mine.flag
                )
        return found

    def between(self, start: Moment, end: Moment, *, tests: bool = True) -> pd.DataFrame:
        """Readings of all sensors: sensor (categorical), time, value, flag, tests; in order."""
        return self.frame(None, start, end, tests=tests)

    def frame(
        self,
        sensors: Iterable[str] | None,
        start: Moment = None,
        end: Moment = None,
        *,
        tests: bool = True,
    ) -> pd.DataFrame:
        """Readings of some sensors (None: all): sensor (categorical), time, value, flag, tests.

        Without `tests` that column is left out; a day of everything comes a fifth sooner.
        """
        rows = self._rows(sensors, start, end, tests=tests)
        used = np.unique(rows.sensor)
        names = [self._name(int(code)) for code in used]
        columns = {
            "sensor": pd.Categorical.from_codes(np.searchsorted(used, rows.sensor), names),
            "time": rows.time.view("datetime64[ms]"),
            "value": rows.value,
            "flag": rows.flag,
        }
        if tests:
            columns["tests"] = rows.tests
        return pd.DataFrame(columns, copy=False)

    def readings(
        self,
        start: Moment = None,
        end: Moment = None,
        *,
        sensors: Iterable[str] | None = None,
        flags: bool = False,
    ) -> xr.DataTree:
        """Readings of some sensors (None: all) as the nodes of a city, by each sensor's clock.

        A node is dense where its sensors share their stamps, else ragged; with `flags` it also
        holds the stored `flag` and `tests`.
        """
        return self.state(start, end, sensors=sensors, flags=flags)[1]

    def state(
        self,
        start: Moment = None,
        end: Moment = None,
        *,
        sensors: Iterable[str] | None = None,
        flags: bool = False,
    ) -> tuple[int, xr.DataTree]:
        """Readings as `readings` gives them, and the `version` they are of, as of one moment."""
        number, rows = self._numbered(sensors, start, end, tests=True)
        with self._reading():
            table = notes.sensor_table(self._connection)
        return number, trees.tree(rows, table, flags=flags)

    def nearest(
        self, sensor: str, moment: np.datetime64, *, after: bool = False
    ) -> np.datetime64 | None:
        """Time of a sensor's last reading before a moment, or of its first one after it."""
        codes = self._coded([sensor])
        assert codes is not None
        found = self._patiently(
            lambda: nearest(
                self._connection, self.folder, int(codes[0]), milliseconds(moment, 0), after=after
            )
        )
        return None if found is None else np.datetime64(found, "ms")

    def described(self, groups: list[list[str]], end: int) -> list[Described]:
        """All that another machine needs to read groups of sensors, as of one moment.

        Parameters
        ----------
        groups : list of lists of str
        end : int [ms]
            Nothing at or after it.
        """
        codes = [self._coded(group) for group in groups]
        found = []
        with self._reading(), schema.snapshot(self._connection):
            manifest = segments(self._connection)
            table = notes.sensor_table(self._connection)
            for group, mine in zip(groups, codes, strict=True):
                newer = [
                    rows(self._connection, mine, -FOREVER, end) for rows in (hot_rows, verdict_rows)
                ]
                found.append(Described(manifest, table.loc[group], *newer))
        return found

    def rollups(
        self,
        span: str,
        sensors: Iterable[str] | None = None,
        start: Moment = None,
        end: Moment = None,
    ) -> pd.DataFrame:
        """Hourly or daily roll-ups.

        Parameters
        ----------
        span : {'hour', 'day'}
            Of UTC.
        sensors, start, end : optional
            A bucket is taken where its start lies in the range.

        Returns
        -------
        DataFrame
            sensor, start, mean, min, max, n, n_good: the statistics rest on the `n_good` readings
            that are not suspect and did not fail; NaN where there are none.
        """
        codes = self._coded(sensors)
        found = self._patiently(
            lambda: rollups.read(
                self._connection,
                self.folder,
                span,
                codes,
                (milliseconds(start, -FOREVER), milliseconds(end, FOREVER)),
            )
        )
        return found.assign(sensor=[self._name(code) for code in found["sensor"].tolist()])

    def _rows(
        self, sensors: Iterable[str] | None, start: Moment, end: Moment, *, tests: bool = True
    ) -> Rows:
        return self._numbered(sensors, start, end, tests=tests)[1]

    def _numbered(
        self, sensors: Iterable[str] | None, start: Moment, end: Moment, *, tests: bool
    ) -> tuple[int, Rows]:
        """Rows and the number of the change that they are of."""
        codes = self._coded(sensors)
        since, until = milliseconds(start, -FOREVER), milliseconds(end, FOREVER)

        def read() -> tuple[int, Rows]:
            with schema.snapshot(self._connection):
                number = self._number()
                manifest = segments(self._connection)
                hot = hot_rows(self._connection, codes, since, until)
                verdicts = verdict_rows(self._connection, codes, since, until)
            sealed = in_order(
                read_segments(self.folder, manifest, codes, since, until, tests=tests)
            )
            return number, in_order(joined([overlaid(sealed, verdicts), hot]))

        return self._patiently(read)

    def _sealed(self, codes: np.ndarray | None, since: int, until: int) -> Rows:
        """Sealed rows with the flags given after sealing."""
        with schema.snapshot(self._connection):
            manifest = segments(self._connection)
            verdicts = verdict_rows(self._connection, codes, since, until)
        sealed = in_order(read_segments(self.folder, manifest, codes, since, until))
        return overlaid(sealed, verdicts)

    def revisions(self, sensor: str | None = None) -> pd.DataFrame:
        """Values that were replaced: sensor, time, value, arrived, replaced.

        `arrived` is NaT where the value had been sealed; a row without a value says that before
        `replaced` there was no reading.
        """
        codes = self._coded(None if sensor is None else [sensor])
        with self._reading():
            return notes.revision_table(self._connection, codes)

    def corrections(self, sensors: Iterable[str] | None = None) -> pd.DataFrame:
        """Corrected values: sensor, time, value, method."""
        codes = self._coded(sensors)
        with self._reading():
            return notes.correction_table(self._connection, codes)

    def quarantine(self) -> pd.DataFrame:
        """Rows that were not taken: sensor, time, value, arrived, reason."""
        with self._reading():
            return notes.quarantine_table(self._connection)

    def segments(self) -> pd.DataFrame:
        """Sealed months: index `month`; file, rows, bytes, since, until, sha256."""
        with self._reading():
            return notes.segment_table(segments(self._connection))

    def dirty(self) -> pd.DataFrame:
        """Ranges that late and revised readings touched: sensor, since, until, mark."""
        with self._reading():
            return notes.dirty_table(self._connection)

    def unflagged(self) -> pd.DataFrame:
        """Hot ranges that no quality test has seen: sensor, since, until."""
        with self._reading():
            return notes.unflagged_table(self._connection)

    def counts(self) -> dict[str, int]:
        """Sensors, hot rows, sealed rows, segments, bytes, dirty ranges, quarantined rows."""
        with self._reading():
            return notes.counts(self._connection, self.folder)

    def version(self) -> int:
        """Count of all changes so far: the same number means the same readings and flags."""
        with self._reading():
            return self._number()

    def _number(self) -> int:
        return int(self._connection.execute("SELECT number FROM change").fetchone()[0])
