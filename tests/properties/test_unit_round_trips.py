"""Any conversion that is allowed leads back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifeline_kit import units
from lifeline_kit.errors import UnitError
from lifeline_kit.units import convert

NAMES = sorted(units._UNITS)


def _allowed(unit: str, to: str) -> bool:
    try:
        convert(1.0, unit, to)
    except UnitError:
        return False
    return True


PAIRS = [(unit, to) for unit in NAMES for to in NAMES if _allowed(unit, to)]


@given(pair=st.sampled_from(PAIRS), value=st.floats(-1e6, 1e6, allow_subnormal=False))
def test_there_and_back(pair: tuple[str, str], value: float) -> None:
    unit, to = pair
    assert convert(convert(value, unit, to), to, unit) == pytest.approx(value, rel=1e-9, abs=1e-6)


def test_what_is_allowed_one_way_is_allowed_the_other() -> None:
    assert {(to, unit) for unit, to in PAIRS} == set(PAIRS)
    assert len(NAMES) < len(PAIRS) < len(NAMES) ** 2
