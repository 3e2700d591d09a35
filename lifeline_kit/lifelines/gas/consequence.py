"""What could blow: gas per space, the flammable extent, rings of overpressure, who is inside.

Primary is the multi-energy method, beside it the TNT bound; the wider of the two is drawn. All of
it is screening, and every table and text says so.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lifeline_kit.errors import InputError
from lifeline_kit.methods.blast import (
    mixture_energy_mj,
    multi_energy_distance_m,
    rupture_radius_m,
    tnt_distance_m,
    tnt_equivalent_kg,
)
from lifeline_kit.text import Text

SCREENING = Text("筛查性估算，不作许可计算", "screening, not a permit calculation")
STATES = {
    "lean": Text("低于爆炸下限", "below the lower limit"),
    "flammable": Text("处于爆炸极限内", "within the flammable range"),
    "rich": Text("高于爆炸上限，稀释后可爆", "above the upper limit, flammable once diluted"),
}


@cache
def settings() -> dict:
    """Return `consequence.toml`."""
    file = Path(__file__).with_name("consequence.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """What an ignition could do.

    Attributes
    ----------
    spaces : DataFrame, index `asset`
        Of `gas_spaces`, with `extent`.
    rings : GeoDataFrame
        Of `rings` with `people` and `sites`, one row a ring and extent.
    people : float
        Within the widest ring of any extent.
    caveat : Text
        Always `SCREENING`.
    """

    spaces: pd.DataFrame
    rings: gpd.GeoDataFrame
    people: float
    caveat: Text = SCREENING


def gas_spaces(spaces: pd.DataFrame, methane_vol: pd.Series) -> pd.DataFrame:
    """Gas volume and flammable state of each space.

    Parameters
    ----------
    spaces : DataFrame, index `asset`
        `volume_m3`, or else `depth_m`.
    methane_vol : Series, index `asset` [%VOL]
        Spaces without a value are left out.

    Returns
    -------
    DataFrame, index `asset`
        `volume_m3`, `methane_vol`, `gas_m3`, `state` (lean, flammable, rich), `energy_mj`.

    Raises
    ------
    InputError
        Where a concentration is outside 0-100 %VOL or a space has neither volume nor depth.
    """
    known = methane_vol.dropna()
    outside = known[(known < 0) | (known > 100)]
    if len(outside):
        raise InputError(
            f"space {outside.index[0]!r} holds {outside.iloc[0]} %VOL methane; expected 0 to 100; "
            "%LEL and ppm must be converted first (100 %LEL is 5 %VOL)."
        )
    table = spaces.loc[spaces.index.intersection(known.index)]
    volume = pd.Series(np.nan, index=table.index)
    if "volume_m3" in table:
        volume = table["volume_m3"].astype(float)
    if "depth_m" in table:
        volume = volume.fillna(
            table["depth_m"].astype(float) * settings()["volume"]["manhole_area_m2"]
        )
    if volume.isna().any():
        raise InputError(
            f"space {volume.index[volume.isna()][0]!r} has neither volume_m3 nor depth_m; "
            "give one of them."
        )
    own = settings()["flammable"]
    level = known.loc[table.index].astype(float)
    state = np.select(
        [level < own["lower_vol"], level <= own["upper_vol"]], ["lean", "flammable"], "rich"
    )
    return pd.DataFrame(
        {
            "volume_m3": volume,
            "methane_vol": level,
            "gas_m3": volume * level / 100.0,
            "state": state,
            "energy_mj": [mixture_energy_mj(v, c) for v, c in zip(volume, level, strict=True)],
        }
    )


def flammable_extents(spaces: pd.DataFrame, ducts: pd.DataFrame) -> pd.DataFrame:
    """Join the flammable and rich spaces that ducts connect: they go off together.

    Parameters
    ----------
    spaces : DataFrame, index `asset`
        Of `gas_spaces`.
    ducts : DataFrame
        `from_asset`, `to_asset`, `length_m`, optionally `area_m2`.

    Returns
    -------
    DataFrame, index `asset`
        `extent` (-1 for lean spaces), and per row the totals of its extent: `extent_energy_mj`
        with the gas in the ducts between, `extent_length_m`.
    """
    at_risk = spaces.index[spaces["state"] != "lean"]
    inside = ducts[ducts["from_asset"].isin(at_risk) & ducts["to_asset"].isin(at_risk)]
    start = at_risk.get_indexer(inside["from_asset"])
    end = at_risk.get_indexer(inside["to_asset"])
    n = len(at_risk)
    graph = coo_array((np.ones(start.size), (start, end)), shape=(n, n))
    _, label = connected_components(graph, directed=False)
    level = spaces.loc[at_risk, "methane_vol"].to_numpy()
    length = inside["length_m"].to_numpy(dtype=float)
    default = settings()["volume"]["duct_area_m2"]
    area = inside["area_m2"].fillna(default).to_numpy() if "area_m2" in inside else default
    volume = length * area
    between = np.array(
        [
            mixture_energy_mj(v, c)
            for v, c in zip(volume, 0.5 * (level[start] + level[end]), strict=True)
        ]
    )
    energy = np.bincount(label, spaces.loc[at_risk, "energy_mj"], minlength=n)
    energy += np.bincount(label[start], between, minlength=n)
    reach = np.bincount(label[start], length, minlength=n)
    result = pd.DataFrame(
        {"extent": -1, "extent_energy_mj": 0.0, "extent_length_m": 0.0}, index=spaces.index
    )
    result.loc[at_risk, "extent"] = label
    result.loc[at_risk, "extent_energy_mj"] = energy[label]
    result.loc[at_risk, "extent_length_m"] = reach[label]
    return result


def rings(
    extents: gpd.GeoDataFrame, *, strength: int | None = None, tnt_yield: float | None = None
) -> gpd.GeoDataFrame:
    """Rings of overpressure around each extent, the wider of multi-energy and TNT bound.

    Parameters
    ----------
    extents : GeoDataFrame
        Spaces with `extent`, `extent_energy_mj`, `extent_length_m`; metric CRS.
    strength : int, 1-10, optional
        By default that of a manhole, or of a duct from `long_duct_m` on.
    tnt_yield : float, optional

    Returns
    -------
    GeoDataFrame
        `extent`, `overpressure_kpa`, `multi_energy_m`, `tnt_m`, `radius_m`, `strength`, `harm_zh`,
        `harm_en`; geometry around all spaces of the extent.
    """
    own = settings()["model"]
    share = own["tnt_yield"] if tnt_yield is None else tnt_yield
    rows = []
    burning = extents[extents["extent"] >= 0]
    for extent, group in burning.groupby("extent"):
        energy = float(group["extent_energy_mj"].iloc[0])
        if energy <= 0:
            continue
        long = float(group["extent_length_m"].iloc[0]) >= own["long_duct_m"]
        used = strength or own["strength"]["duct" if long else "manhole"]
        place = group.geometry.union_all()
        for ring in settings()["rings"]:
            limit = ring["overpressure_kpa"]
            gas = multi_energy_distance_m(limit, energy, used)
            tnt = tnt_distance_m(limit, tnt_equivalent_kg(energy, yield_share=share))
            rows.append(
                {
                    "extent": extent,
                    "overpressure_kpa": limit,
                    "multi_energy_m": gas,
                    "tnt_m": tnt,
                    "radius_m": max(gas, tnt),
                    "strength": used,
                    "harm_zh": ring["zh"],
                    "harm_en": ring["en"],
                    "geometry": place.buffer(max(gas, tnt)),
                }
            )
    columns = [
        "extent", "overpressure_kpa", "multi_energy_m", "tnt_m", "radius_m", "strength",
        "harm_zh", "harm_en", "geometry",
    ]  # fmt: skip
    return gpd.GeoDataFrame(rows, columns=columns, geometry="geometry", crs=extents.crs)


def exposed(
    zones: gpd.GeoDataFrame, areas: gpd.GeoDataFrame, sites: gpd.GeoDataFrame
) -> pd.DataFrame:
    """People and sites inside each zone; people are spread evenly over their cell.

    Parameters
    ----------
    zones : GeoDataFrame
    areas : GeoDataFrame, index `area`
        One level of the city's areas, `population`, metric CRS.
    sites : GeoDataFrame, index `asset`
        Schools, hospitals and whatever else is to be named.

    Returns
    -------
    DataFrame, index of `zones`
        `people`, `sites` (tuple of ids).

    Raises
    ------
    InputError
        Where the three tables are not in one CRS.
    """
    if not zones.crs == areas.crs == sites.crs:
        raise InputError(
            f"zones are in {zones.crs}, areas in {areas.crs}, sites in {sites.crs}; expected one "
            "metric CRS; use .to_crs()."
        )
    zone, cell = areas.sindex.query(zones.geometry, predicate="intersects")
    shape = areas.geometry.to_numpy()[cell]
    part = shapely.area(shapely.intersection(zones.geometry.to_numpy()[zone], shape))
    share = part / np.maximum(shapely.area(shape), 1e-9)
    people = np.bincount(
        zone, share * areas["population"].to_numpy(dtype=float)[cell], minlength=len(zones)
    )
    zone, site = sites.sindex.query(zones.geometry, predicate="intersects")
    named: list[list[str]] = [[] for _ in range(len(zones))]
    for row, each in zip(zone, site, strict=True):
        named[row].append(str(sites.index[each]))
    return pd.DataFrame(
        {"people": people, "sites": [tuple(each) for each in named]}, index=zones.index
    )


def assess(
    spaces: gpd.GeoDataFrame,
    methane_vol: pd.Series,
    ducts: pd.DataFrame,
    areas: gpd.GeoDataFrame,
    sites: gpd.GeoDataFrame,
) -> Consequence:
    """From concentrations to who is exposed, in one call; see the steps for the parameters."""
    gas = gas_spaces(spaces, methane_vol)
    joined = gas.join(flammable_extents(gas, ducts))
    placed = gpd.GeoDataFrame(joined, geometry=spaces.geometry.loc[joined.index], crs=spaces.crs)
    zones = rings(placed)
    inside = exposed(zones, areas, sites)
    widest = zones.loc[zones["overpressure_kpa"] == zones["overpressure_kpa"].min()]
    return Consequence(
        spaces=joined,
        rings=gpd.GeoDataFrame(zones.join(inside), geometry="geometry", crs=zones.crs),
        people=float(inside.loc[widest.index, "people"].sum()),
    )


def rupture_zones(pipes: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Zone of the potential impact radius (49 CFR 192.903) around each gas pipe.

    Parameters
    ----------
    pipes : GeoDataFrame, index `asset`
        `diameter_mm`, `design_pressure_kpa`; metric CRS.

    Returns
    -------
    GeoDataFrame, index `asset`
        `radius_m` and the zone.
    """
    radius = [
        rupture_radius_m(d, p)
        for d, p in zip(pipes["diameter_mm"], pipes["design_pressure_kpa"], strict=True)
    ]
    return gpd.GeoDataFrame(
        {"radius_m": radius},
        geometry=pipes.geometry.buffer(np.array(radius)),
        index=pipes.index,
        crs=pipes.crs,
    )


def ring_text(zones: pd.DataFrame) -> Sequence[Text]:
    """Say each ring in words, the caveat with it."""
    line = Text(
        "{p:.0f} kPa（{zh}）：半径 {r:.0f} m，约 {n:.0f} 人；{note_zh}",
        "{p:.0f} kPa ({en}): radius {r:.0f} m, about {n:.0f} people; {note_en}",
    )
    return tuple(
        line.format(
            p=row["overpressure_kpa"],
            zh=row["harm_zh"],
            en=row["harm_en"],
            r=row["radius_m"],
            n=row.get("people", float("nan")),
            note_zh=SCREENING.zh,
            note_en=SCREENING.en,
        )
        for row in zones.to_dict("records")
    )
