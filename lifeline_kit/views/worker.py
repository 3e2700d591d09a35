"""The one background process: writes the map's tiles, examines the city where that is due.

After an examination it gathers the dossier of the check-up. Where nothing is kept of a week ago
and the readings reach back so far, it examines that moment as well, to say what changed since.

A city with a live store is examined again while readings come in, at most once in
`LEAST_S` and never for more than a quarter of the time.

``python -m lifeline_kit.views.worker CITY``. Pages only read what it leaves in the city's derived
folder, so a page never computes and a crash here never takes a page down.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from lifeline_kit.checkup.dossier import Past, dossier
from lifeline_kit.checkup.dossier_files import open_dossier, save_dossier, save_problem
from lifeline_kit.checkup.history import BACK_DAYS, past_before, past_periods, remember
from lifeline_kit.errors import LifelineError
from lifeline_kit.io.examinations import (
    derived_folder,
    examination_stamp,
    open_examination,
    save_examination,
)
from lifeline_kit.io.live import is_live, live_version, recent_city
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.model.readings import nodes
from lifeline_kit.views.store import PROGRESS_FILE
from lifeline_kit.views.tiles import write_tiles

POLL_S, LEAST_S = 5.0, 60.0


def start_worker(path: Path) -> subprocess.Popen:
    """Start the worker for a city folder; the caller ends it.

    Nothing is imported from the folder somebody happens to stand in (`-P`).
    """
    command = [sys.executable, "-P", "-m", "lifeline_kit.views.worker", str(path)]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL)


def prepare(path: Path) -> None:
    """Write tiles, then an examination where none is stored or the stored one is stale.

    Raises
    ------
    LifelineError
    """
    from lifeline_kit.checkup.profile import city_profile
    from lifeline_kit.pipeline import examination_version, examine

    city = City.open(path, readings=False)
    _say(city, "running", "tiles")
    if len(city.assets) and not city.assets.geometry.isna().any():
        write_tiles(city)
    _say(city, "running", "quality")  # reading a month takes its time as well
    stored = examination_stamp(city)
    live = is_live(path)
    city = recent_city(path) if live else city
    if live and not any(True for _ in nodes(city.readings)):
        _say(city, "waiting", "")  # its terminals have not spoken yet
        return
    examination = None
    if stored != examination_version(city, None, city_profile(city)):
        city = city if live else City.open(path)
        examination = examine(
            city,
            progress=lambda stage, done, of: _say(city, "running", stage, done=done, of=of),
        )
        save_examination(city, examination)
    _say(city, "done", "")
    examination = examination or open_examination(city)
    if examination is not None:
        gather(city, examination, readings=lambda: city if live else City.open(path))


def gather(city: City, examination: Examination, *, readings: Callable[[], City]) -> None:
    """Store the dossier of an examination where it is missing, damaged or knows of no past.

    Parameters
    ----------
    city : City
        Saved.
    examination : Examination
    readings : callable
        Opens the city with its readings; asked only where a week ago has to be examined.
    """
    from lifeline_kit.checkup.profile import city_profile
    from lifeline_kit.pipeline import examine

    at, back = examination.at, pd.Timedelta(days=BACK_DAYS)
    weighting = city_profile(city).weighting.digest()
    past = past_before(city, at)
    told = open_dossier(city, examination.version)
    if told is None or told.before_at != (None if past is None else past.at):
        remember(city, examination, weighting)
        _tell(city, examination, past)
    if past is None and at - examination.since > back + pd.Timedelta("1D"):
        with contextlib.suppress(LifelineError):  # then there is nothing to compare with
            remember(city, examine(readings(), at - back), weighting)
            _tell(city, examination, past_before(city, at))


def _tell(city: City, examination: Examination, past: Past | None) -> None:
    try:
        ago = past_periods(city, examination.at)
        told = dossier(
            city, examination, past, month_ago=ago.get("month"), year_ago=ago.get("year")
        )
        save_dossier(city, told)
    except LifelineError as error:  # pages say so; the examination stands
        save_problem(city, examination.version, str(error))


def watch(path: Path, *, poll_s: float = POLL_S, least_s: float = LEAST_S) -> None:
    """Prepare again whenever the live store has changed; returns when the server has gone.

    Raises
    ------
    LifelineError
    """
    server = os.getppid()
    seen = -2
    while os.getppid() == server:
        version = live_version(path)
        began, least = time.monotonic(), least_s
        if version != seen:
            try:
                prepare(path)
            except LifelineError as error:
                if version < 0:
                    raise
                _say(City.open(path, readings=False), "failed", "", message=str(error))
                least = 0.0  # the first readings may be about to come
        if version < 0:
            return
        took = time.monotonic() - began
        rest = max(poll_s, least - took, 3 * took) if version != seen else poll_s
        seen = version
        _pause(rest, poll_s, server)


def _pause(seconds: float, poll_s: float, server: int) -> None:
    """Rest so long, but not longer than the server lives."""
    due = time.monotonic() + seconds
    while os.getppid() == server and (left := due - time.monotonic()) > 0:
        time.sleep(min(poll_s, left))


def _say(
    city: City, state: str, stage: str, *, done: int = 0, of: int = 0, message: str = ""
) -> None:
    file = derived_folder(city) / PROGRESS_FILE
    partial = file.with_suffix(".partial")
    words = {"state": state, "stage": stage, "done": done, "of": of, "message": message}
    partial.write_text(json.dumps(words, ensure_ascii=False), encoding="utf-8")
    partial.replace(file)


def main(arguments: list[str]) -> int:
    """Run the worker; 0 when all is prepared, 2 where the city is at fault, 3 otherwise."""
    path = Path(arguments[0])
    try:
        watch(path)
    except KeyboardInterrupt:  # Ctrl+C reaches the worker too; the server says good-bye
        return 130
    except Exception as error:
        known = isinstance(error, LifelineError)
        message = str(error) if known else f"{type(error).__name__}: {error}"
        _say(City.open(path, readings=False), "failed", "", message=message)
        if known:
            return 2
        raise
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
