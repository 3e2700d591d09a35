"""Many reports of one examination, on all processors."""

import multiprocessing
import os
import pickle
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path

import geopandas as gpd
import xarray as xr

from lifeline_kit.errors import CityError, InputError
from lifeline_kit.io.ledger import Snapshot
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.reports.content import area_ids
from lifeline_kit.reports.period import Period
from lifeline_kit.reports.write import write_report
from lifeline_kit.text import Lang, Text

ALL, CELLS = "ALL", "CELLS"
_EACH = 4  # reports that pay for a process of their own: it loads for three seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What all reports of a run share."""

    city: City
    examination: Examination
    out: Path
    formats: tuple[str, ...]
    period: Period | None = None
    notes: tuple[Text, ...] = ()
    book: Snapshot | None = None


def areas_asked(city: City, district: str | None) -> list[str | None]:
    """Areas that one report each is asked for; None is the whole city.

    Parameters
    ----------
    city : City
    district : str or None
        An id, `ALL` for every district, `CELLS` for every grid cell that holds an asset.

    Raises
    ------
    CityError
        Where the city has no such areas.
    """
    if district not in {ALL, CELLS}:
        return [district or None]
    level = "district" if district == ALL else "cell"
    known = area_ids(city, level)
    if district == CELLS and known:
        cells = city.areas.loc[known, ["geometry"]].rename_axis("cell")
        points = city.assets.geometry[~city.assets.geometry.isna()].representative_point()
        inside = gpd.sjoin(gpd.GeoDataFrame(geometry=points), cells, predicate="within")["cell"]
        known = [each for each in known if each in set(inside)]
    if not known:
        raise CityError(
            f"the city has no area of level {level!r}; leave --district out for the whole city, "
            "or load areas with --areas FILE."
        )
    return list(known)


def write_reports(
    batch: Batch,
    asked: Sequence[tuple[str | None, Lang]],
    *,
    jobs: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[Path]:
    """Write a report of each area in each language.

    Parameters
    ----------
    batch : Batch
    asked : sequence of (area or None, language)
    jobs : int
        Processes; by default as many as processors are free to use, and none for a few reports.
    progress : callable (stage, done, of), optional

    Returns
    -------
    list of Path
        In the order of `asked`.
    """
    workers = min(jobs or _processors(), max(len(asked) // _EACH, 1))
    written: dict[int, list[Path]] = {}

    def done(number: int, files: list[Path]) -> None:
        written[number] = files
        if progress:
            progress("reports", len(written), len(asked))

    if progress:
        progress("reports", 0, len(asked))
    if workers == 1:
        for number, (area, lang) in enumerate(asked):
            done(number, _write(batch, area, lang))
    else:
        _in_parallel(batch, asked, workers, done)
    return [file for number in range(len(asked)) for file in written[number]]


def _processors() -> int:
    """Processors that this process may use; not every system can tell."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def _write(batch: Batch, area: str | None, lang: Lang) -> list[Path]:
    return write_report(
        batch.city,
        batch.examination,
        batch.out,
        lang=lang,
        district=area,
        period=batch.period,
        formats=batch.formats,
        notes=batch.notes,
        book=batch.book,
    )


def _in_parallel(
    batch: Batch,
    asked: Sequence[tuple[str | None, Lang]],
    workers: int,
    done: Callable[[int, list[Path]], None],
) -> None:
    """Hand the batch over in a file, once a process; readings stay on disk where they have one."""
    if batch.city.path is not None:
        batch = replace(batch, city=replace(batch.city, readings=xr.DataTree()))
    with tempfile.TemporaryDirectory() as folder:
        handed = Path(folder) / "batch"
        handed.write_bytes(pickle.dumps(batch))
        pool = ProcessPoolExecutor(
            workers,
            # never fork: this process has threads of arrow and numba
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_take,
            initargs=(handed,),
        )
        with pool:
            tasks = {
                pool.submit(_write_taken, area, lang): number
                for number, (area, lang) in enumerate(asked)
            }
            try:
                for task in as_completed(tasks):
                    done(tasks[task], task.result())
            except BrokenProcessPool as error:
                raise InputError(
                    "a process that wrote reports was ended from outside, perhaps for want of "
                    "memory; try fewer with --jobs 1."
                ) from error
            finally:
                pool.shutdown(cancel_futures=True)


_taken: list[Batch] = []


def _take(handed: Path) -> None:
    _taken[:] = [pickle.loads(handed.read_bytes())]


def _write_taken(area: str | None, lang: Lang) -> list[Path]:
    return _write(_taken[0], area, lang)
