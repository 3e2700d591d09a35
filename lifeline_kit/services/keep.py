"""Keeping a live store: flags where readings are new or changed, sealing, examination.

Flags depend on what stands around a reading: a spike on the next one, a flat line on all within
its window. A touched range is therefore widened until no flag outside it can have changed, and
judged with so much before it that the result equals a run over everything.
"""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.errors import LifelineError
from lifeline_kit.io.live import LiveStore, open_live_city
from lifeline_kit.io.live.writing import DIRTY_MS
from lifeline_kit.lifelines import ALL
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.model.readings import flatten, nodes, stamp
from lifeline_kit.quality import flag_city
from lifeline_kit.quality.flags import sensor_limits

HOT_DAYS = 35  # a month is sealed when it ended so long ago
_SENSORS_AT_ONCE = 64
_MS = np.timedelta64(1, "ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What one round did.

    Attributes
    ----------
    ranges : int
        Touched ranges that were judged again.
    flags : int
        Readings whose flag changed.
    settled : int
        Dirty ranges taken off the list.
    strangers : tuple of str
        Sensors of the store that the city does not know: nothing judges them.
    sealed : tuple of Path
        New files of sealed months.
    examination : Examination or None
    """

    ranges: int
    flags: int
    settled: int
    strangers: tuple[str, ...]
    sealed: tuple[Path, ...]
    examination: Examination | None


def keep(
    folder: str | Path,
    *,
    at: np.datetime64,
    hot_days: float = HOT_DAYS,
    examine: bool = False,
    since: np.datetime64 | None = None,
) -> Kept:
    """Judge what is new or changed, seal what is due and, if asked, examine the city.

    Parameters
    ----------
    folder : path
        City folder with a live store.
    at : datetime64
        UTC; readings stamped later wait for a later round.
    hot_days : float, default 35 [d]
        Months that ended so long before `at` are sealed.
    examine : bool, default False
        Examine the city as of `at` and store the result beside it.
    since : datetime64, optional
        Examine live readings from then on only; by default all of them.

    Raises
    ------
    CityError, StoreError
    """
    folder = Path(folder)
    city = City.open(folder, readings=False)
    with LiveStore.open(folder, writable=True) as store:
        kept = keep_store(store, city, at=at, hot_days=hot_days)
    return replace(kept, examination=_examined(folder, since, at)) if examine else kept


def keep_store(
    store: LiveStore, city: City, *, at: np.datetime64, hot_days: float = HOT_DAYS
) -> Kept:
    """Judge what is new or changed and seal what is due in a store that is open for writing.

    Parameters
    ----------
    store : LiveStore
        Another thread may write to it meanwhile.
    city : City
        Its sensors carry the limits.
    at, hot_days
        As of `keep`.

    Raises
    ------
    StoreError
    """
    dirty = store.dirty()
    ranges, strangers = touched(store, city, at, dirty)
    changed = judge(store, city, ranges, at)
    done = dirty[dirty["until"] - np.timedelta64(DIRTY_MS, "ms") <= at]
    store.settle(done)
    hours = np.timedelta64(round(hot_days * 24), "h")
    sealed = store.seal(at - hours)
    return Kept(
        ranges=len(ranges),
        flags=changed,
        settled=len(done),
        strangers=strangers,
        sealed=tuple(sealed),
        examination=None,
    )


@contextmanager
def keeping(
    store: LiveStore,
    city: City,
    *,
    now: Callable[[], np.datetime64 | None],
    every_s: float,
    say: Callable[[str], None] = lambda _text: None,
) -> Generator[None]:
    """Keep a store beside its writer, in a thread: a collector holds the only right to write.

    Parameters
    ----------
    store : LiveStore
        Open for writing.
    city : City
    now : callable
        Gives the moment to keep up to; None: not known yet.
    every_s : float [s]
        Pause between two rounds.
    say : callable
        Is told why a round failed; the next one tries again.
    """
    over = threading.Event()

    def rounds() -> None:
        while not over.wait(every_s):
            moment = now()
            if moment is None:
                continue
            try:
                keep_store(store, city, at=moment)
            except LifelineError as error:
                say(f"keeping the store failed: {error}")

    thread = threading.Thread(target=rounds, daemon=True, name="keep")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def touched(
    store: LiveStore, city: City, at: np.datetime64, dirty: pd.DataFrame
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Ranges whose flags may be out of date: sensor, since, until; and sensors nobody knows."""
    work = pd.concat([dirty[["sensor", "since", "until"]], store.unflagged()], ignore_index=True)
    known = work["sensor"].isin(city.sensors.index)
    strangers = tuple(sorted(work["sensor"][~known].unique()))
    work = work[known & (work["since"] <= at)]
    work = work.assign(until=work["until"].clip(upper=stamp(at)))
    # ranges that begin on one day are cheaper judged as one
    day = work["since"].dt.floor("D") if len(work) else work["since"]
    work = work.groupby(["sensor", day.rename("day")], as_index=False).agg(
        {"since": "min", "until": "max"}
    )
    return work.sort_values(["since", "until", "sensor"], ignore_index=True), strangers


def judge(store: LiveStore, city: City, ranges: pd.DataFrame, at: np.datetime64) -> int:
    """Flag the readings of touched ranges and all that depend on them; returns how many changed."""
    limits = sensor_limits(city.sensors, ALL)
    # the longest window of any test: flat line, attenuated signal
    window_h = limits[[name for name in limits if name.endswith("_h")]].max(axis=1)
    changed = 0
    day = ranges["since"].dt.floor("D") if len(ranges) else ranges["since"]
    for _, alike in ranges.groupby(day):
        for start in range(0, len(alike), _SENSORS_AT_ONCE):
            block = alike.iloc[start : start + _SENSORS_AT_ONCE].set_index("sensor")
            changed += _judge_block(store, city, block, window_h, at)
    return changed


def _judge_block(
    store: LiveStore, city: City, block: pd.DataFrame, window_h: pd.Series, at: np.datetime64
) -> int:
    spans = {
        str(sensor): _widened(store, str(sensor), row["since"], row["until"], window_h[sensor])
        for sensor, row in block.iterrows()
    }
    begin = min(span[0] for span in spans.values())
    end = min(max(span[3] for span in spans.values()), at) + _MS
    part = city.with_(
        sensors=city.sensors.loc[list(spans)],
        readings=store.readings(begin, end, sensors=list(spans)),
    )
    flagged = flag_city(part, ALL, at)
    sensor, time, flag, tests = [], [], [], []
    for _, node in nodes(flagged.readings):
        flat = flatten(node)
        for name, low, high in zip(flat.sensors, flat.starts[:-1], flat.starts[1:], strict=True):
            stamps = flat.time[low:high]
            inside = (stamps >= spans[name][1]) & (stamps <= spans[name][2])
            rows = flat.position[low:high][inside]
            sensor.append(np.full(rows.size, name, dtype=object))
            time.append(stamps[inside])
            flag.append(node["flag"].to_numpy().reshape(-1)[rows])
            tests.append(node["tests"].to_numpy().reshape(-1)[rows])
    if not sensor:
        return 0
    return store.write_flags(*(np.concatenate(column) for column in (sensor, time, flag, tests)))


def _widened(
    store: LiveStore, sensor: str, since: pd.Timestamp, until: pd.Timestamp, window_h: float
) -> tuple[np.datetime64, np.datetime64, np.datetime64, np.datetime64]:
    """Read from, judge from, judge until, read until: what a touched range reaches.

    The reading before the range waits for its neighbour (spike); a flat line looks back by its
    window, and a hole that a late reading fills moves the begin of the stretch after it.
    """
    window = np.timedelta64(0 if np.isnan(window_h) else round(window_h * 3_600_000), "ms")
    low = store.nearest(sensor, since.to_datetime64()) or _ms(since)
    next_one = store.nearest(sensor, until.to_datetime64(), after=True) or _ms(until)
    high = next_one + window
    # the last reading at or before the window's begin, and one before that range in any case
    lead = store.nearest(sensor, low - window + (_MS if window else np.timedelta64(0, "ms")))
    tail = store.nearest(sensor, high, after=True)
    return lead or low - window, low, high, tail or high


def _ms(moment: pd.Timestamp) -> np.datetime64:
    return moment.to_datetime64().astype("datetime64[ms]")


def _examined(folder: Path, since: np.datetime64 | None, at: np.datetime64) -> Examination:
    from lifeline_kit.io.examinations import save_examination
    from lifeline_kit.pipeline import examine

    city = open_live_city(folder, since)
    examination = examine(city, stamp(at))
    save_examination(city, examination)
    return examination
