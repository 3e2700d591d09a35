"""What a report calls places and moments."""

import numpy as np
import pandas as pd

from lifeline_kit.lifelines import ALL
from lifeline_kit.model.city import City
from lifeline_kit.text import Lang


def names_of(city: City, lang: Lang) -> dict[str, str]:
    """What to call an asset or area: its name, otherwise its kind and id."""
    titles = {(each.key, kind.key): kind.title(lang) for each in ALL for kind in each.kinds}
    pairs = zip(city.assets.index, city.assets["lifeline"], city.assets["kind"], strict=True)
    names = {
        str(asset): f"{titles[lifeline, kind]} {asset}"
        for asset, lifeline, kind in pairs
        if (lifeline, kind) in titles
    }
    for frame in (city.areas, city.assets):
        column = f"name_{lang}"
        if column in frame:
            named = frame[column].dropna()
            names.update({str(key): str(name) for key, name in named.items() if name})
    return names


def place(asset: str, names: dict[str, str]) -> str:
    """Name an asset, with its id where the name does not tell it."""
    name = names.get(asset, "")
    return f"{name} ({asset})" if name and asset not in name else name or asset


def among(assets: pd.Series, known: pd.Index) -> np.ndarray:
    """Which of these ids are in an index without doubles: bool, (n,).

    The index keeps its hash table; `isin` would make one of all ids anew, a fourteenth of a second
    each time.
    """
    return known.get_indexer(pd.Index(assets)) >= 0


def local(moment: pd.Timestamp, city: City) -> str:
    """Write a moment in the city's own time."""
    return city.local(moment).strftime("%Y-%m-%d %H:%M")


def known(value: float | None) -> float:
    """Return a stored number, NaN where nobody knew it."""
    return float("nan") if value is None else float(value)
