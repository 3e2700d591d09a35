r"""Unit names as people write them, and conversion.

Spellings are folded to one name per unit (`um\m`, `µε` and `微应变` are `um/m`); pint does the
arithmetic. `%LEL` is never turned into `%VOL` by itself: that needs the gas, so it must be asked.
"""

import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar, cast

from lifeline_kit.errors import UnitError

if TYPE_CHECKING:
    import numpy as np
    import pint

Values = TypeVar("Values", float, "np.ndarray")

_OFFSET = ("degC", "K")  # the only scales here whose zero is not zero

# name -> (pint expression, spellings). Spellings are compared after folding (NFKC, no spaces,
# micro sign to u, lower case), so only genuinely different ones are listed.
_UNITS: dict[str, tuple[str, tuple[str, ...]]] = {
    "kPa": ("kilopascal", ("千帕",)),
    "MPa": ("megapascal", ("兆帕",)),
    "Pa": ("pascal", ("帕",)),
    "bar": ("bar", ("巴",)),
    "hPa": ("hectopascal", ("mbar", "毫巴", "百帕")),
    "kgf/cm2": ("98.0665 * kilopascal", ("kg/cm2", "kgf/cm^2", "kg/cm^2", "公斤力/平方厘米")),
    "psi": ("6.894757293168 * kilopascal", ("lbf/in2",)),
    "mH2O": ("9.80665 * kilopascal", ("mwc", "米水柱", "m水柱")),
    "m3/h": ("meter**3 / hour", ("立方米/时", "立方米/小时", "m³/h", "m^3/h", "cmh", "方/时")),
    "m3/s": ("meter**3 / second", ("立方米/秒", "m³/s", "m^3/s", "cms")),
    "m3/d": ("meter**3 / day", ("立方米/天", "立方米/日", "m³/d", "m^3/d", "方/日")),
    "m3/min": ("meter**3 / minute", ("立方米/分", "立方米/分钟", "m³/min", "m^3/min")),
    # gas at reference conditions is a mass: what it fills in a pipe depends on the pressure there
    "Nm3/h": (
        "normal_cubic_meter / hour",
        ("标方/时", "标方/小时", "标立方米/小时", "Nm³/h", "Nm^3/h", "Sm3/h"),
    ),
    "Nm3/d": ("normal_cubic_meter / day", ("标方/天", "标方/日", "Nm³/d", "Nm^3/d", "Sm3/d")),
    "L/min": ("liter / minute", ("升/分", "升/分钟", "lpm")),
    "L/s": ("liter / second", ("升/秒", "lps")),
    "m": ("meter", ("米",)),
    "cm": ("centimeter", ("厘米",)),
    "mm": ("millimeter", ("毫米",)),
    "mm/h": ("millimeter / hour", ("毫米/时", "毫米/小时")),
    "mm/d": ("millimeter / day", ("毫米/天", "毫米/日")),
    "%VOL": ("percent", ("vol%", "%vol.", "体积分数%", "%v/v")),
    "ppm": ("ppm", ("百万分之一",)),
    "%LEL": ("lel_percent", ("lel%", "爆炸下限%")),
    "degC": ("degC", ("°c", "℃", "摄氏度", "c°", "celsius", "oc")),
    "K": ("kelvin", ("开",)),
    "um/m": (
        "1e-6 * dimensionless",
        ("um\\m", "με", "ue", "微应变", "microstrain", "ustrain", "um/m/m"),
    ),
    "kN": ("kilonewton", ("千牛",)),
    "t": ("metric_ton", ("吨", "tonne")),
    "deg": ("degree", ("°", "度", "degree", "degrees")),
    "m/s2": ("meter / second**2", ("m/s^2", "m/s²", "米/秒2")),
    "g0": ("9.80665 * meter / second**2", ("g_n", "g")),
    "mm/s": ("millimeter / second", ("毫米/秒",)),
    "NTU": ("ntu", ("度ntu", "浊度单位", "fnu")),
    "mg/L": ("milligram / liter", ("毫克/升", "mg/l")),
    "mg/m3": ("milligram / meter**3", ("毫克/立方米", "mg/m³", "mg/m^3")),
    "pH": ("ph_unit", ("ph值",)),
    "mV": ("millivolt", ("毫伏",)),
    "V": ("volt", ("伏",)),
    "dBm": ("dbm_unit", ()),
    "uS/cm": ("microsiemens / centimeter", ("微西门子/厘米",)),
    "%": ("percent", ("百分比", "percent")),
    "d": ("day", ("天", "日", "day", "days")),
    "h": ("hour", ("小时", "时")),
    "1/h": ("1 / hour", ("次/时", "辆/时", "veh/h")),
    "CNY/kg": ("cny / kilogram", ("元/公斤", "元/千克")),
    "1": ("dimensionless", ("-", "无", "none", "dimensionless")),
}


def _fold(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).replace("μ", "u").replace("µ", "u")
    return folded.replace("\N{SUPERSCRIPT TWO}", "2").replace(" ", "").casefold()


@lru_cache(maxsize=1)
def _spellings() -> dict[str, str]:
    table: dict[str, str] = {}
    for name, (_, others) in _UNITS.items():
        table.update({_fold(spelling): name for spelling in (name, *others)})
    return table


@lru_cache(maxsize=1)
def _registry() -> "pint.UnitRegistry":
    import pint

    registry: pint.UnitRegistry = pint.UnitRegistry()
    for definition in (
        "lel_percent = [lel]",
        "normal_cubic_meter = [gas_amount]",
        "ntu = [turbidity]",
        "ph_unit = [ph]",
        "cny = [cny]",
        "dbm_unit = [dbm]",
    ):
        registry.define(definition)
    return registry


def canonical(unit: str) -> str:
    r"""Return the one name of a unit, however it is spelt.

    Parameters
    ----------
    unit : str
        As found in a header or a mapping file.

    Raises
    ------
    UnitError
        Where the unit is not known.

    Examples
    --------
    >>> canonical("um\\m"), canonical("兆帕"), canonical("℃"), canonical("m³/h")
    ('um/m', 'MPa', 'degC', 'm3/h')
    """
    name = _spellings().get(_fold(unit))
    if name is None:
        known = ", ".join(_UNITS)
        raise UnitError(
            f"unit {unit!r} is not known; expected one of {known}. "
            "Name the unit in the mapping file ([columns.NAME] unit = ...)."
        )
    return name


def is_known(unit: str) -> bool:
    """Whether `canonical` would accept this spelling."""
    return _fold(unit) in _spellings()


def convert(values: Values, unit: str, to: str) -> Values:
    """Convert numbers between two units of the same dimension.

    Parameters
    ----------
    values : float or array, any shape [unit]
    unit, to : str
        Any known spelling.

    Returns
    -------
    float or array, same shape [to]

    Raises
    ------
    UnitError
        Where a unit is unknown or the dimensions differ; %LEL to %VOL counts as differing.

    Examples
    --------
    >>> round(convert(0.4, "MPa", "kPa"), 6)
    400.0
    >>> round(convert(25.0, "ppm", "%VOL"), 6)
    0.0025
    """
    source, target = canonical(unit), canonical(to)
    if source == target:
        return values
    registry = _registry()
    import pint

    try:
        if source in _OFFSET and target in _OFFSET:
            return registry.Quantity(values, _UNITS[source][0]).to(_UNITS[target][0]).magnitude
        per_source = 1.0 * registry.parse_expression(_UNITS[source][0])
        per_target = 1.0 * registry.parse_expression(_UNITS[target][0])
        factor = float((per_source / per_target).to("dimensionless").magnitude)
        return cast("Values", values * factor)
    except (pint.DimensionalityError, pint.OffsetUnitCalculusError):
        asked = {
            "%LEL": "; %LEL depends on the gas, so it is asked for, never guessed",
            "N": "; gas at reference conditions is the quantity 'standard_flow', not 'flow'",
        }
        why = [asked[k] for k in asked if source.startswith(k) or target.startswith(k)]
        raise UnitError(
            f"cannot convert {source} to {target}: they measure different things"
            f"{why[0] if why else ''}; "
            "check the unit in the header or give it in the mapping file."
        ) from None
