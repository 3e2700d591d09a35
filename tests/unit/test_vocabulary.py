"""The one table of quantities."""

import matplotlib as mpl
import pytest

from lifeline_kit import vocabulary
from lifeline_kit.errors import MappingError
from lifeline_kit.units import canonical
from lifeline_kit.vocabulary import QUANTITIES, quantity


def test_keys_are_unique() -> None:
    assert len(QUANTITIES) == len(vocabulary._ALL)


@pytest.mark.parametrize("key", sorted(QUANTITIES))
def test_each_quantity_is_complete(key: str) -> None:
    entry = quantity(key)
    assert entry.key == key
    assert canonical(entry.unit) == entry.unit
    assert entry.title.zh
    assert entry.title.en
    assert entry.title.zh != entry.title.en or key == "ph"
    assert entry.colours in mpl.colormaps
    assert entry.header
    assert all(word == word.casefold() for word in entry.header)


def test_no_header_word_names_two_quantities() -> None:
    words = [word for entry in QUANTITIES.values() for word in entry.header]
    assert len(words) == len(set(words))


def test_unknown_quantity_says_what_is_known() -> None:
    with pytest.raises(MappingError, match=r"'smell' is not known.*methane.*\[columns.NAME\]"):
        quantity("smell")
