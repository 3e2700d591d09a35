"""Judge lifelines in pairs anew: the upper triangle in, a weights file out, refused where wrong."""

import re
import tempfile
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

from lifeline_kit.checkup.profile import WEIGHTS
from lifeline_kit.checkup.weights import Weighting, load_weighting
from lifeline_kit.errors import CityError, RulesError
from lifeline_kit.model.city import City

_SOURCE = re.compile(r'(^\[judgements\][^\n]*\nsource = )"[^"\n]*"', re.MULTILINE)
_MATRIX = re.compile(r"^matrix = \[\n.*?^\]\n", re.MULTILINE | re.DOTALL)


def weights_text(city: City) -> str:
    """Return the city's own weights file, or the shipped one."""
    own = None if city.path is None else city.path / WEIGHTS
    file = own if own is not None and own.exists() else Path(__file__).with_name(WEIGHTS)
    return file.read_text(encoding="utf-8")


def judged_text(text: str, names: Sequence[str], upper: Mapping[tuple[str, str], str]) -> str:
    """Write other judgements into the text of a weights file; below the diagonal stands 1 over.

    Parameters
    ----------
    text : str
        Of a weights file.
    names : sequence of str
        Criteria, in the order of its matrix.
    upper : mapping of (row, column) to str
        Numbers such as 3 or 1/3, row before column.

    Raises
    ------
    RulesError
        Where a cell is no number above zero, or the text holds no matrix.
    """
    cells = {}
    for i, row in enumerate(names):
        for column in names[i + 1 :]:
            given = str(upper[row, column]).strip()
            try:
                value = Fraction(given)
            except (ValueError, ZeroDivisionError):
                value = Fraction(0)
            if value <= 0:
                raise RulesError(
                    f"judgement ({row}, {column}) is {given!r}; expected a number above zero, "
                    "such as 3 or 1/3."
                )
            cells[row, column], cells[column, row] = value, 1 / value
    lines = [
        "  [" + ", ".join(f'"{cells.get((row, column), 1)}"' for column in names) + "],"
        for row in names
    ]
    written, n = _MATRIX.subn("matrix = [\n" + "\n".join(lines) + "\n]\n", text, count=1)
    if not n:
        raise RulesError(f"{WEIGHTS} holds no 'matrix = [' block; compare with the shipped one.")
    return _SOURCE.sub(r'\1"judged on the check-up page"', written, count=1)


def weighting_of(text: str) -> Weighting:
    """Read the text of a weights file as `load_weighting` reads the file.

    Raises
    ------
    RulesError
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / WEIGHTS
        file.write_text(text, encoding="utf-8")
        return load_weighting(file)


def save_weights(city: City, text: str) -> Path:
    """Keep a weights file beside the city, in the place of an older one; a wrong one never.

    Raises
    ------
    RulesError
    CityError
        Where the city was never saved, or its folder cannot be written.
    """
    weighting_of(text)
    if city.path is None:
        raise CityError("the city was never saved; save it with City.save(path) first.")
    file = city.path / WEIGHTS
    partial = file.with_suffix(".partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(file)
    except OSError as error:
        raise CityError(
            f"{file} cannot be written ({error.strerror}); make it writable."
        ) from error
    return file
