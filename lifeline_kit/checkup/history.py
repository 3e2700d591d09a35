"""What is kept of earlier examinations: risk and scores of a day, to say what changed since.

One small file a day in `history` of the city's derived folder. The last weeks are kept whole, of
what is older the last day of each month, for a year.
"""

import contextlib
import io
import json
import os
import zipfile
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.checkup.past import periods_ago
from lifeline_kit.errors import TableError
from lifeline_kit.io.examinations import derived_folder
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination, Past
from lifeline_kit.model.readings import stamp as when
from lifeline_kit.model.tables import RISK_COLUMNS, SCORE_COLUMNS, check_table

BACK_DAYS = 7.0
"""Changes are told since an examination so long ago …"""
_SLACK_DAYS, _OLDEST_DAYS = 0.5, 14.0  # … or nearly so, or up to twice as long
_WHOLE_DAYS, _YEAR_DAYS = 40, 400


def remember(city: City, examination: Examination, weighting: str = "") -> Path:
    """Keep risk and scores of an examination, in the place of an earlier one of the same day.

    Scores of single assets are not kept.

    Parameters
    ----------
    city : City
    examination : Examination
    weighting : str
        `Weighting.digest` of the weights behind the scores.

    Raises
    ------
    CityError
        Where the city was never saved, or no folder can be written.
    """
    folder = derived_folder(city) / "history"
    folder.mkdir(exist_ok=True)
    day = examination.at.tz_localize("UTC").tz_convert(city.time_zone)
    file = folder / f"{day:%Y-%m-%d}.zip"
    partial = file.with_suffix(f".{os.getpid()}.partial")
    scores = examination.scores[examination.scores["scope"] != "asset"]
    stamp = {"at": examination.at.isoformat(), "version": examination.version}
    stamp["weighting"] = weighting
    with zipfile.ZipFile(partial, "w") as archive:
        archive.writestr("stamp.json", json.dumps(stamp))
        for name, table in (("risk", examination.risk), ("scores", scores)):
            archive.writestr(f"{name}.parquet", table.to_parquet(compression="zstd"))
    partial.replace(file)
    days = _files(folder)
    for gone in set(days) - kept_days(days):
        days[gone].unlink(missing_ok=True)
    return file


def kept_days(days: Iterable[date]) -> set[date]:
    """Choose the days whose examinations are kept.

    Examples
    --------
    >>> days = pd.date_range("2026-01-01", "2026-06-30")
    >>> [f"{day:%m-%d}" for day in sorted(kept_days(days))[:6]]
    ['01-31', '02-28', '03-31', '04-30', '05-21', '05-22']
    """
    ordered = sorted(days)
    last_of_month = {(day.year, day.month): day for day in ordered}
    return {
        day
        for day in ordered
        if (age := (ordered[-1] - day).days) <= _WHOLE_DAYS
        or (age <= _YEAR_DAYS and last_of_month[day.year, day.month] == day)
    }


def _files(folder: Path) -> dict[date, Path]:
    """Files by day, the first day first; stray names are left alone."""
    found = {}
    for file in sorted(folder.glob("????-??-??.zip")):
        with contextlib.suppress(ValueError):
            found[date.fromisoformat(file.stem)] = file
    return found


def past_before(city: City, at: pd.Timestamp) -> Past | None:
    """Open what is kept of the examination that changes up to `at` are told from.

    The latest that is a week older, give or take half a day; none older than two weeks. A damaged
    file counts as none.
    """
    for file in reversed(_files(derived_folder(city) / "history").values()):
        past = _open(file)
        if past is None:
            continue
        days = (at.to_datetime64() - past.at.to_datetime64()) / np.timedelta64(1, "D")
        if days > _OLDEST_DAYS:
            return None
        if days >= BACK_DAYS - _SLACK_DAYS:
            return past
    return None


def past_periods(city: City, at: pd.Timestamp) -> dict[str, Past]:
    """Open what is kept of a month and of a year ago, within three days (`month`, `year`).

    What is not kept, or damaged, is left out.
    """
    days = _files(derived_folder(city) / "history")
    today = when(at.tz_localize("UTC").tz_convert(city.time_zone).tz_localize(None).normalize())
    chosen = periods_ago([when(day.isoformat()) for day in days], today)
    found = {name: _open(days[moment.date()]) for name, moment in chosen.items()}
    return {
        name: past
        for name, past in found.items()
        if past is not None and name in periods_ago([past.at], at)
    }


def _open(file: Path) -> Past | None:
    try:
        with zipfile.ZipFile(file) as archive:
            stamp = json.loads(archive.read("stamp.json"))
            risk, scores = (
                pd.read_parquet(io.BytesIO(archive.read(f"{name}.parquet")))
                for name in ("risk", "scores")
            )
        check_table(risk, RISK_COLUMNS, "asset")
        check_table(scores, SCORE_COLUMNS, "score_id")
        return Past(
            at=when(stamp["at"]),
            risk=risk,
            scores=scores,
            version=str(stamp.get("version", "")),
            weighting=str(stamp.get("weighting", "")),
        )
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, TableError):
        return None
