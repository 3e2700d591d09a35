"""Units: spellings, arithmetic, and what is refused."""

import numpy as np
import pytest

from lifeline_kit import units
from lifeline_kit.errors import UnitError
from lifeline_kit.units import canonical, convert, is_known


@pytest.mark.parametrize(
    ("spelt", "name"),
    [
        ("um\\m", "um/m"),
        ("µε", "um/m"),
        ("με", "um/m"),
        ("微应变", "um/m"),
        ("µm/m", "um/m"),
        ("兆帕", "MPa"),
        ("mpa", "MPa"),
        ("℃", "degC"),
        ("°C", "degC"),
        ("摄氏度", "degC"),
        ("m³/h", "m3/h"),
        ("m ^3 / h", "m3/h"),
        ("立方米/小时", "m3/h"),
        ("% LEL", "%LEL"),
        ("%VOL", "%VOL"),
        ("m/s²", "m/s2"),
        ("元/公斤", "CNY/kg"),
    ],
)
def test_spellings_fold_to_one_name(spelt: str, name: str) -> None:
    assert canonical(spelt) == name
    assert is_known(spelt)


def test_no_spelling_belongs_to_two_units() -> None:
    for name, (_, others) in units._UNITS.items():
        for spelling in (name, *others):
            assert canonical(spelling) == name, spelling


@pytest.mark.parametrize(
    ("value", "unit", "to", "expected"),
    [
        (1.0, "MPa", "kPa", 1000.0),
        (1.0, "bar", "kPa", 100.0),
        (10.0, "mH2O", "kPa", 98.0665),
        (1.0, "L/s", "m3/h", 3.6),
        (0.0, "degC", "K", 273.15),
        (300.0, "K", "degC", 26.85),
        (10_000.0, "ppm", "%VOL", 1.0),
        (1.0, "g0", "m/s2", 9.80665),
        (24.0, "h", "d", 1.0),
        (24.0, "mm/d", "mm/h", 1.0),
        (1.0, "mg/L", "mg/m3", 1000.0),
        (2.5, "cm", "mm", 25.0),
    ],
)
def test_known_conversions(value: float, unit: str, to: str, expected: float) -> None:
    assert convert(value, unit, to) == pytest.approx(expected)


def test_arrays_keep_shape_and_nan_and_the_callers_values() -> None:
    bars = np.array([[1.0, np.nan], [2.0, 3.0]])
    before = bars.copy()
    np.testing.assert_allclose(convert(bars, "bar", "kPa"), [[100, np.nan], [200, 300]])
    np.testing.assert_array_equal(bars, before)


@pytest.mark.parametrize(("unit", "to"), [("%LEL", "%VOL"), ("%VOL", "%LEL"), ("%LEL", "ppm")])
def test_explosive_limit_is_never_guessed(unit: str, to: str) -> None:
    with pytest.raises(UnitError, match="depends on the gas, so it is asked for"):
        convert(20.0, unit, to)


def test_gas_at_reference_conditions_is_not_what_fills_the_pipe() -> None:
    with pytest.raises(UnitError, match="the quantity 'standard_flow'"):
        convert(5.0, "Nm3/h", "m3/h")


@pytest.mark.parametrize(("unit", "to"), [("kPa", "m"), ("degC", "kPa"), ("kPa", "K"), ("mV", "V")])
def test_other_dimensions_are_refused(unit: str, to: str) -> None:
    if (unit, to) == ("mV", "V"):
        assert convert(1000.0, unit, to) == pytest.approx(1.0)
        return
    with pytest.raises(UnitError, match=f"cannot convert {unit} to {to}.*different things"):
        convert(1.0, unit, to)


def test_unknown_unit_names_what_is_known_and_what_to_do() -> None:
    assert not is_known("furlong")
    with pytest.raises(UnitError, match=r"'furlong' is not known.*kPa.*\[columns.NAME\] unit"):
        canonical("furlong")


@pytest.mark.parametrize(
    ("value", "unit", "to", "expected"),
    [
        (1013.25, "mbar", "kPa", 101.325),
        (1.0, "kgf/cm2", "kPa", 98.0665),
        (1.0, "psi", "kPa", 6.894757),
        (24.0, "m³/d", "m3/h", 1.0),
        (60.0, "L/min", "m3/h", 3.6),
        (48.0, "Nm³/d", "Nm3/h", 2.0),
        (1.0, "立方米/分钟", "m3/h", 60.0),
    ],
)
def test_units_of_gas_and_water_exports(value, unit, to, expected) -> None:
    assert convert(value, unit, to) == pytest.approx(expected, rel=1e-6)
