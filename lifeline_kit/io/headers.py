"""What the header of a column says: name, quantity, unit."""

import re
from functools import lru_cache
from typing import cast

from lifeline_kit.errors import MappingError, UnitError
from lifeline_kit.units import Values, canonical, convert, is_known
from lifeline_kit.vocabulary import QUANTITIES
from lifeline_kit.vocabulary import quantity as quantity_of

LEL = "%LEL"
METHANE_VOL_PER_LEL = 0.05  # %VOL per %LEL, of methane and of no other gas
_ZONE = re.compile(
    r"(?<![a-z])(?:utc|gmt)(?P<offset>[+-]\d{1,2}(?::?\d{2})?)?(?![a-z\d])|世界协调时|协调世界时|世界时"
    r"|(?P<china>北京时间)"
)
_GLUED = re.compile(r"^(?P<name>.*[\u4e00-\u9fff])(?P<unit>[^\u4e00-\u9fff]+)$")
_PLACE = re.compile(r"^(?:outlet|inlet|station|出口|进口|入口|出站|进站|瞬时)\s*")
_BRACKETS = re.compile(r"^(?P<name>.*?)\s*[(\[（【](?P<unit>[^()\[\]（）【】]*)[)\]）】]\s*$")


def split_header(header: str) -> tuple[str, str | None]:
    """Split a column header into name and unit; None where it says no unit.

    Examples
    --------
    >>> split_header("DMS_CN (um/m)"), split_header("FRC-01 [kN]"), split_header("压力/MPa")
    (('DMS_CN', 'um/m'), ('FRC-01', 'kN'), ('压力', 'MPa'))
    >>> split_header("出口压力MPa"), split_header("P1_flow_m3/h"), split_header("一号泵A")
    (('出口压力', 'MPa'), ('P1_flow', 'm3/h'), ('一号泵A', None))
    >>> split_header("methane ppm"), split_header("CH4 %LEL"), split_header("flow of today")
    (('methane', 'ppm'), ('CH4', '%LEL'), ('flow of today', None))
    """
    header = header.strip()
    match = _BRACKETS.match(header)
    if match and match["name"]:
        return match["name"].strip(), match["unit"].strip()
    glued = _GLUED.match(header)
    ends = [header.rpartition(mark)[::2] for mark in ("_", " ")]
    ends += [(glued["name"], glued["unit"])] if glued else []
    for name, tail in ends:
        if name and is_known(tail) and quantity_in(name) and _fits(tail, quantity_in(name), name):
            return name, tail
    for cut in re.finditer("[/／]", header):
        if cut.start() and is_known(header[cut.end() :]):
            return header[: cut.start()].strip(), header[cut.end() :].strip()
    return header, None


def zone_in(header: str) -> str | None:
    """Return the time zone that the header of a time column names.

    Examples
    --------
    >>> zone_in("time (UTC)"), zone_in("时间(UTC+8)"), zone_in("北京时间"), zone_in("时间")
    ('UTC', 'UTC+08:00', 'Asia/Shanghai', None)
    """
    found = _ZONE.search(header.casefold())
    if found is None:
        return None
    if found["china"]:
        return "Asia/Shanghai"
    if not found["offset"]:
        return "UTC"
    digits = found["offset"][1:].replace(":", "")
    hours, minutes = (digits, "00") if len(digits) < 3 else (digits[:-2], digits[-2:])
    return f"UTC{found['offset'][0]}{int(hours):02d}:{minutes}"


def without_zone(header: str) -> str:
    """Return the header of a time column without the zone it names."""
    bare, found = _ZONE.subn("", header.casefold())
    return (bare.strip(" _-()（）[]") or "time") if found else header


def _fits(unit: str, quantity: str | None, name: str) -> bool:
    try:
        known_unit(unit, counted_as(quantity or "", unit), name, told=False)
    except (UnitError, MappingError):
        return False
    return True


def counted_as(quantity: str, unit: str) -> str:
    """Return the quantity that a column called flow measures in this unit.

    Examples
    --------
    >>> counted_as("flow", "Nm³/h"), counted_as("flow", "m3/h"), counted_as("pressure", "kPa")
    ('standard_flow', 'flow', 'pressure')
    """
    normal = is_known(unit) and canonical(unit) in ("Nm3/h", "Nm3/d")
    return "standard_flow" if quantity == "flow" and normal else quantity


def check_unit(unit: str, quantity: str) -> str:
    """Return the one name of a unit.

    Raises
    ------
    UnitError
        Where it is unknown or does not measure the quantity.
    """
    known, expected = canonical(unit), quantity_of(quantity).unit
    try:
        convert(1.0, known, expected)
    except TypeError:  # pint refuses arithmetic on scales with a zero of their own
        raise UnitError(
            f"cannot convert {known} to {expected}: they measure different things"
        ) from None
    return known


@lru_cache(maxsize=1)
def _words() -> list[tuple[str, re.Pattern[str], str]]:
    words = [(_folded(word), q.key) for q in QUANTITIES.values() for word in (*q.header, q.key)]
    # a Latin word must stand alone ("ph" is not in "phase"); Chinese has no spaces to look for
    edges = {True: r"(?<![a-z]){}(?![a-z])", False: "{}"}
    patterns = [
        (word, re.compile(edges[word.isascii()].format(re.escape(word))), key)
        for word, key in words
    ]
    return sorted(patterns, key=lambda entry: -len(entry[0]))


def _folded(text: str) -> str:
    return re.sub(r"[\s_]+", " ", text).strip().casefold()


def quantity_in(name: str) -> str | None:
    """Name the quantity that a header's words give; the longest word decides.

    Examples
    --------
    >>> quantity_in("Air Temperature"), quantity_in("一号泵站压力"), quantity_in("phase")
    ('air_temperature', 'pressure', None)
    """
    folded = _folded(name)
    return next((key for _, pattern, key in _words() if pattern.search(folded)), None)


def is_quantity(name: str) -> bool:
    """Whether a name is nothing but a word for a quantity, and where it is taken.

    Examples
    --------
    >>> is_quantity("Outlet Pressure"), is_quantity("出口压力"), is_quantity("二号压力")
    (True, True, False)
    """
    folded = _PLACE.sub("", _folded(name))
    return any(word == folded for word, _, _ in _words())


def known_unit(said: str, quantity: str, name: str, *, told: bool) -> str:
    """Return the one name of a unit; %LEL passes for methane that is called methane, % alone not.

    Parameters
    ----------
    said, quantity, name : str
        Unit as written, quantity, name of the column.
    told : bool
        Whether a mapping file says that it is methane.

    Raises
    ------
    UnitError
    """
    if quantity == "methane" and is_known(said) and canonical(said) == LEL:
        called = any(word in name.casefold() for word in ("methane", "ch4", "甲烷"))
        if told or called:
            return LEL
    if quantity == "methane" and is_known(said) and canonical(said) == "%" and not told:
        raise UnitError("'%' of methane may mean %VOL or %LEL, which differ by a factor of 20")
    return check_unit(said, quantity)


def to_canonical(values: Values, unit: str, quantity: str) -> Values:
    """Convert into the canonical unit of a quantity; %LEL of methane is 5 %VOL at 100.

    Parameters
    ----------
    values : float or array, any shape [unit]
    unit, quantity : str

    Raises
    ------
    UnitError

    References
    ----------
    5 %VOL at 100 %LEL is how methane terminals are scaled in practice; the clause behind it was
    not verified, so a report says where it was used.
    """
    if unit == LEL and quantity == "methane":
        return cast("Values", values * METHANE_VOL_PER_LEL)
    return convert(values, unit, quantity_of(quantity).unit)
