"""A dossier beside its city: stored in the derived folder, made again where it is missing.

Like a stored examination it can be deleted at any time; `dossier.json` comes last by atomic rename,
so readers see the old tables or the new ones, never a mixture.
"""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from lifeline_kit.checkup.dossier import PLACES, TABLES, Dossier
from lifeline_kit.io.examinations import derived_folder
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import stamp as when
from lifeline_kit.text import Text

_FILE = "dossier.json"
_FORMAT = 3  # raised with every change of columns: what an older version stored is made again
_MOMENTS = ("before_at", "month_at", "year_at")


def _words(moment: pd.Timestamp | None) -> str:
    return "" if moment is None else moment.isoformat()


def save_dossier(city: City, told: Dossier) -> Path:
    """Store a dossier in the derived folder of its city, in the place of an older one.

    Raises
    ------
    CityError
        Where the city was never saved, or no folder can be written.
    """
    root = derived_folder(city)
    folder = Path(tempfile.mkdtemp(prefix="dossier-", dir=root))
    for name in (*TABLES, *PLACES):
        getattr(told, name).to_parquet(folder / f"{name}.parquet", compression="zstd")
    _write(
        root,
        {
            "version": told.version,
            "format": _FORMAT,
            "folder": folder.name,
            "at": told.at.isoformat(),
            **{name: _words(getattr(told, name)) for name in _MOMENTS},
            "blanks": {name: [why.zh, why.en] for name, why in told.blanks.items()},
            "budget": told.budget,
        },
    )
    for old in root.glob("dossier-*"):
        if old != folder:
            shutil.rmtree(old, ignore_errors=True)
    return folder


def save_problem(city: City, version: str, message: str) -> None:
    """Store why no dossier of an examination can be made, for those who wait for it."""
    _write(
        derived_folder(city),
        {"version": version, "format": _FORMAT, "folder": "", "problem": message},
    )


def _write(root: Path, stamp: dict) -> None:
    partial = root / f"{_FILE}.partial"
    partial.write_text(json.dumps(stamp, indent=1, ensure_ascii=False), encoding="utf-8")
    partial.replace(root / _FILE)


def _stamp(city: City) -> dict:
    """Read the stamp; a missing, broken or outdated one is none."""
    try:
        stamp = json.loads((derived_folder(city) / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    whole = isinstance(stamp, dict) and "folder" in stamp and stamp.get("format") == _FORMAT
    return stamp if whole else {}


def dossier_stamp(city: City) -> str:
    """Return what changes with every stored dossier, empty where there is none."""
    stamp = _stamp(city)
    return f"{stamp['version']} {stamp['folder']}" if stamp.get("version") else ""


def dossier_problem(city: City, version: str) -> str:
    """Return why there is no dossier of an examination; empty where none was reported."""
    stamp = _stamp(city)
    return str(stamp.get("problem", "")) if stamp.get("version") == version else ""


def open_dossier(city: City, version: str) -> Dossier | None:
    """Open the stored dossier of an examination; None where there is none, or it is damaged.

    Parameters
    ----------
    city : City
    version : str
        Stamp of the examination.
    """
    stamp = _stamp(city)
    if stamp.get("version") != version or not stamp["folder"]:
        return None
    folder = derived_folder(city) / str(stamp["folder"])
    try:
        tables: dict[str, Any] = {
            name: pd.read_parquet(folder / f"{name}.parquet") for name in TABLES
        }
        tables |= {name: gpd.read_parquet(folder / f"{name}.parquet") for name in PLACES}
        tables |= {name: when(stamp[name]) if stamp[name] else None for name in _MOMENTS}
        return Dossier(
            at=when(stamp["at"]),
            blanks={name: Text(*why) for name, why in stamp["blanks"].items()},
            version=version,
            budget=float(stamp["budget"]),
            **tables,
        )
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
    ):  # deleted or damaged: made again
        return None
