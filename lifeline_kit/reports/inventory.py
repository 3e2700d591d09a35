"""What a lifeline consists of: its assets by kind, material and decade built."""

from dataclasses import dataclass, field

import geopandas as gpd
import pandas as pd

from lifeline_kit.model.lifeline import Lifeline
from lifeline_kit.text import Lang, Text

_MATERIALS = {
    "PE": Text("聚乙烯 PE", "PE"),
    "PVC": Text("聚氯乙烯 PVC", "PVC"),
    "PE100": Text("聚乙烯 PE100", "PE100"),
    "HDPE": Text("高密度聚乙烯 HDPE", "HDPE"),
    "steel": Text("钢", "steel"),
    "pre-insulated steel": Text("预制保温钢管", "pre-insulated steel"),
    "steel, mineral wool": Text("钢管矿棉保温", "steel, mineral wool"),
    "cast_iron": Text("灰口铸铁", "cast iron"),
    "grey cast iron": Text("灰口铸铁", "grey cast iron"),
    "reinforced concrete": Text("钢筋混凝土", "reinforced concrete"),
    "prestressed concrete": Text("预应力混凝土", "prestressed concrete"),
    "asphalt on concrete": Text("沥青混凝土复合", "asphalt on concrete"),
    "ductile_iron": Text("球墨铸铁", "ductile iron"),
    "concrete": Text("混凝土", "concrete"),
    "asphalt": Text("沥青", "asphalt"),
    "brick": Text("砖", "brick"),
}
_UNKNOWN = Text("未填", "not stated")
_DECADE = Text("{year} 年代", "{year}s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """Assets by one property each: rows of `key`, `title`, `n`, `km`."""

    kinds: list[dict] = field(default_factory=list)
    materials: list[dict] = field(default_factory=list)
    decades: list[dict] = field(default_factory=list)


def stock_of(assets: gpd.GeoDataFrame, lifeline: Lifeline, lang: Lang) -> Stock:
    """Count the assets of a lifeline; a property that no asset states is left out."""
    titles = {kind.key: kind.title(lang) for kind in lifeline.kinds}
    materials = {key: text(lang) for key, text in _MATERIALS.items()} | {"": _UNKNOWN(lang)}
    decades = pd.Series("", index=assets.index, dtype=object)
    if "year" in assets:
        year = pd.to_numeric(assets["year"], errors="coerce")
        known = year.notna() & (year > 0)
        decades[known] = (year[known] // 10 * 10).astype(int).astype(str)
    stated = assets["material"].fillna("") if "material" in assets else decades.map(lambda _: "")
    return Stock(
        kinds=_rows(assets, assets["kind"].astype(str), titles),
        materials=_rows(assets, stated.astype(str), materials),
        decades=_rows(
            assets,
            decades,
            {each: _DECADE.format(year=each)(lang) for each in decades.unique() if each}
            | {"": _UNKNOWN(lang)},
        ),
    )


def _rows(assets: gpd.GeoDataFrame, by: pd.Series, titles: dict[str, str]) -> list[dict]:
    if not (by != "").any():
        return []
    length = assets["length_m"].astype(float) if "length_m" in assets else by.map(lambda _: 0.0)
    groups = pd.DataFrame({"n": 1, "km": length.fillna(0.0) / 1000.0}).groupby(by.to_numpy()).sum()
    return [
        {
            "key": key or "unknown",
            "title": titles.get(key, key),
            "n": int(row["n"]),
            "km": float(row["km"]) or float("nan"),
        }
        for key, row in groups.iterrows()
    ]
