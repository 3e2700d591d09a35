"""Assets of unknown kind or of the wrong geometry are refused before anything is examined."""

import pytest
from shapely import Point

from lifeline_kit.errors import AssetsError
from lifeline_kit.pipeline import examine


def _changed(city, asset, **columns):
    assets = city.assets.copy()
    for name, value in columns.items():
        assets.loc[asset, name] = value
    return city.with_(assets=assets)


def test_unknown_kind_is_named_with_what_is_expected(tiny_city):
    with pytest.raises(AssetsError, match=r"'W1' is a 'hydrant' of 'water'; expected pipe, valve"):
        examine(_changed(tiny_city, "W1", kind="hydrant"))


def test_unknown_lifeline_is_named(tiny_city):
    with pytest.raises(AssetsError, match="of 'tram'; expected a lifeline of bridges, drainage"):
        examine(_changed(tiny_city, "W1", lifeline="tram"))


def test_wrong_geometry_is_named(tiny_city):
    with pytest.raises(AssetsError, match="drawn as Point; expected a line"):
        examine(_changed(tiny_city, "W1", geometry=Point(0, 0)))
