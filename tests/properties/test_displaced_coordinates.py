"""GCJ-02 and BD-09 go there and back within a millimetre, anywhere in China."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifeline_kit.io.gcj import from_bd09, from_gcj02, to_bd09, to_gcj02

LON, LAT = st.floats(73.5, 135.0), st.floats(3.9, 53.5)
WAYS = {"gcj02": (to_gcj02, from_gcj02), "bd09": (to_bd09, from_bd09)}


def metres(lon, lat, other_lon, other_lat) -> np.ndarray:
    east = (other_lon - lon) * 111_320 * np.cos(np.radians(lat))
    return np.hypot(east, (other_lat - lat) * 111_320)


@pytest.mark.parametrize("datum", WAYS)
@given(places=st.lists(st.tuples(LON, LAT), min_size=1, max_size=50))
def test_residual_is_below_a_millimetre(datum, places):
    there, back = WAYS[datum]
    lon, lat = np.array(places).T
    assert metres(lon, lat, *back(*there(lon, lat))).max() < 1e-3


def test_the_displacement_is_as_large_as_published():
    rng = np.random.default_rng(1)
    lon, lat = rng.uniform(75, 134, 20_000), rng.uniform(5, 53, 20_000)
    shift = metres(lon, lat, *to_gcj02(lon, lat))
    assert shift.min() > 20
    assert 350 < shift.mean() < 550
    assert shift.max() < 750
    # a place everybody can look up: Tiananmen, to a few metres
    found = to_gcj02(np.array([116.3913]), np.array([39.9075]))
    assert found[0][0] == pytest.approx(116.39754, abs=2e-4)
    assert found[1][0] == pytest.approx(39.90890, abs=2e-4)
