"""Derived things of a city folder: stored examinations and map tiles.

They live in `<city>/.derived`, or where the city folder is read-only in the user's cache folder,
keyed by the city's fingerprint; they can be deleted at any time and never enter the manifest.
"""

import json
import os
import shutil
import tempfile
from pathlib import Path

import pandas as pd

from lifeline_kit.errors import CityError
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.model.readings import stamp as when

_FRAMES = ("findings", "cases", "warnings", "scores", "risk", "health", "flags")


def derived_folder(city: City) -> Path:
    """Return (and make) the folder for things derived from a city.

    Raises
    ------
    CityError
        For a city that was never saved, or where no folder can be written.
    """
    if city.path is None:
        raise CityError("the city was never saved; save it with City.save(path) first.")
    beside = city.path / ".derived"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    for folder in (beside, cache / "lifeline_kit" / (city.digest or "unsaved")):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    raise CityError(f"neither {beside} nor {cache} can be written; make one of them writable.")


def save_examination(city: City, examination: Examination) -> Path:
    """Store an examination beside its city; `stamp.json` comes last by atomic rename.

    Readers see the old examination or the new one, never a mixture: the tables go to a new
    folder that the stamp names.
    """
    root = derived_folder(city)
    folder = Path(tempfile.mkdtemp(prefix="examination-", dir=root))
    for name in _FRAMES:
        getattr(examination, name).to_parquet(folder / f"{name}.parquet", compression="zstd")
    stamp = {
        "version": examination.version,
        "folder": folder.name,
        "at": examination.at.isoformat(),
        "since": examination.since.isoformat(),
        "seconds": examination.seconds,
    }
    partial = root / "stamp.json.partial"
    partial.write_text(json.dumps(stamp, indent=1), encoding="utf-8")
    partial.replace(root / "stamp.json")
    for old in root.glob("examination-*"):
        if old != folder:
            shutil.rmtree(old, ignore_errors=True)
    return folder


def examination_stamp(city: City) -> str:
    """Return the version of the stored examination, empty where there is none."""
    return _stamp(derived_folder(city)).get("version", "")


def _stamp(root: Path) -> dict:
    """Read the stamp; a missing or broken one is none, for what is derived can be made again."""
    try:
        stamp = json.loads((root / "stamp.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) and "folder" in stamp else {}


def open_examination(city: City) -> Examination | None:
    """Open the stored examination of a city, or None where there is none."""
    root = derived_folder(city)
    stamp = _stamp(root)
    if not stamp:
        return None
    folder = root / stamp["folder"]
    try:
        frames = {name: pd.read_parquet(folder / f"{name}.parquet") for name in _FRAMES}
    except (OSError, ValueError):  # deleted, or replaced by a newer one between stamp and tables
        return None
    frames["warnings"]["findings"] = frames["warnings"]["findings"].map(tuple)
    return Examination(
        at=when(stamp["at"]),
        since=when(stamp["since"]),
        version=stamp["version"],
        seconds=stamp["seconds"],
        **frames,
    )
