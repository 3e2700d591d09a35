"""The one background process: writes the map's tiles, examines the city where that is due.

``python -m lifeline_kit.views.worker CITY``. Pages only read what it leaves in the city's derived
folder, so a page never computes and a crash here never takes a page down.
"""

import json
import subprocess
import sys
from pathlib import Path

from lifeline_kit.errors import LifelineError
from lifeline_kit.io.examinations import derived_folder, examination_stamp, save_examination
from lifeline_kit.model.city import City
from lifeline_kit.views.store import PROGRESS_FILE
from lifeline_kit.views.tiles import write_tiles


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
    from lifeline_kit.checkup.profile import load_profile
    from lifeline_kit.pipeline import examination_version, examine

    city = City.open(path, readings=False)
    _say(city, "running", "tiles")
    if len(city.assets) and not city.assets.geometry.isna().any():
        write_tiles(city)
    if examination_stamp(city) != examination_version(city, None, load_profile()):
        city = City.open(path)
        save_examination(
            city,
            examine(
                city,
                progress=lambda stage, done, of: _say(city, "running", stage, done=done, of=of),
            ),
        )
    _say(city, "done", "")


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
        prepare(path)
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
