"""Read DESTEST building results: heat and two zone temperatures of one building over a year.

IBPSA project 1, common exercise 1 (BSD-3): CSV, possibly gzipped, with `Datetime` in elapsed
seconds (600 or 900 s apart), heat in watt and temperatures in kelvin. No weather is published with
them, so a grey box cannot be fitted on them.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.errors import InputError

_COLUMNS = {
    "Qheating_building_W": ("heat_kw", 1e-3, 0.0),
    "Tair_dayzone_K": ("day_c", 1.0, -273.15),
    "Tair_nightzone_K": ("night_c", 1.0, -273.15),
}


def read_destest_building(file: Path) -> pd.DataFrame:
    """Read one building.

    Parameters
    ----------
    file : Path

    Returns
    -------
    DataFrame, index `elapsed` (timedelta)
        `heat_kw` [kW], `day_c`, `night_c` [degC].

    Raises
    ------
    InputError
        Where a column is missing, times do not increase, or values are not in kelvin and watt.
    """
    try:
        raw = pd.read_csv(file)
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise InputError(f"{file} cannot be read: {error}; expected a CSV of DESTEST.") from error
    missing = [name for name in ("Datetime", *_COLUMNS) if name not in raw.columns]
    if missing:
        raise InputError(
            f"{file.name} has no column {missing[0]!r}; expected Datetime, {', '.join(_COLUMNS)}."
        )
    seconds = pd.to_numeric(raw["Datetime"], errors="coerce").to_numpy(dtype=float)
    wrong = np.isnan(seconds) | (np.diff(seconds, prepend=-1.0) < 0)
    if wrong.any():
        raise InputError(
            f"{file.name}: Datetime must be elapsed seconds in increasing order; row "
            f"{int(np.argmax(wrong)) + 2} is not."
        )
    table = pd.DataFrame(
        {
            name: pd.to_numeric(raw[column], errors="coerce").to_numpy() * factor + offset
            for column, (name, factor, offset) in _COLUMNS.items()
        },
        index=pd.Index(pd.to_timedelta(seconds, unit="s"), name="elapsed"),
    )
    coldest = float(table[["day_c", "night_c"]].min().min())
    if coldest < -60.0:
        raise InputError(
            f"{file.name}: zone temperatures reach {coldest + 273.15:.1f}; expected kelvin."
        )
    # a solver may write one instant twice, before and after an event: the later one counts
    return table[~table.index.duplicated(keep="last")]
