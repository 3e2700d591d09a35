"""Trace gas in underground spaces to a piece of main: ranked pieces, where to dig, what to open.

Screening for the crew on its way; it does not replace detection on site.
"""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy import sparse
from scipy.sparse import csgraph
from scipy.spatial import KDTree

from lifeline_kit.errors import CrsError, InputError
from lifeline_kit.lifelines.gas.manhole import LOWEST_VOL
from lifeline_kit.methods.seepage import (
    Soil,
    Underground,
    cut_pieces,
    expected_entropy_drop,
    trace_source,
)
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import FAIL, flatten, nodes
from lifeline_kit.text import Text

NOTE = Text(
    "辅助研判，不替代现场检测；概率以所列假设为前提",
    "Screening aid, no replacement for detection on site; probabilities rest on the assumptions",
)
_DRY = Soil()


@dataclass(frozen=True, kw_only=True)
class Tracing:
    """Where gas may come from, on one moment's readings.

    Attributes
    ----------
    pieces : GeoDataFrame, the likeliest first
        `pipe`, `along_m` (from the first end of the pipe), `length_m`, `probability`,
        `cumulative`, `in_search`; points in the CRS of the assets.
    best : int
        Row of `pieces` where to dig first.
    search_length_m : float [m]
        Of the pieces that together hold 90 %.
    open_next : DataFrame, index `space`
        Spaces without a reading: `entropy_drop` [nat], the most telling first.
    decay_m, rate : float [m], [%VOL/h]
        Expected decay length in soil; median leak rate.
    """

    pieces: gpd.GeoDataFrame
    best: int
    search_length_m: float
    open_next: pd.DataFrame
    decay_m: float
    rate: float

    @property
    def summary(self) -> Text:
        """The answer in words."""
        row = self.pieces.loc[self.best]
        opened = self.open_next.index[0] if len(self.open_next) else None
        following = (
            Text("", "")
            if opened is None
            else Text(f"；下一个开启 {opened}", f"; open {opened} next")
        )
        return Text(
            f"最可能在 {row['pipe']} 距起点 {row['along_m']:.0f} m；90 % 搜索长度 "
            f"{self.search_length_m:.0f} m{following.zh}",
            f"most likely at {row['along_m']:.0f} m of {row['pipe']}; 90 % search length "
            f"{self.search_length_m:.0f} m{following.en}",
        )


@lru_cache(maxsize=1)
def assumptions() -> dict:
    """Read `tracing.toml`: factors with source and `verified`."""
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def methane_at(city: City, at: pd.Timestamp, *, within: str = "2h") -> pd.Series:
    """Last usable methane reading of every space, no older than `within`.

    Parameters
    ----------
    city : City
    at : Timestamp, UTC without zone
    within : str, default "2h"

    Returns
    -------
    Series, index `space` [%VOL]
        The largest where a space has several terminals; failed readings are left out.
    """
    until, since = at.to_datetime64(), (at - pd.Timedelta(within)).to_datetime64()
    last: dict[str, float] = {}
    for _, node in nodes(city.readings, "methane"):
        flat = flatten(node)
        bad = flat.value != flat.value
        if "flag" in node:
            flags = node["flag"].to_numpy().reshape(-1)[flat.position]
            bad |= flags == FAIL
        for i, sensor in enumerate(flat.sensors):
            own = slice(flat.starts[i], flat.starts[i + 1])
            good = np.flatnonzero((flat.time[own] <= until) & (flat.time[own] >= since) & ~bad[own])
            if good.size and sensor in city.sensors.index:
                asset = city.sensors.loc[sensor, "asset"]
                value = float(flat.value[own][good[-1]])
                last[asset] = max(value, last.get(asset, -np.inf))
    return pd.Series(last, dtype=float, name="methane").rename_axis("space")


def trace_gas(
    assets: gpd.GeoDataFrame,
    readings: pd.Series,
    *,
    at: pd.Timestamp,
    around: str | None = None,
    ducts: pd.DataFrame | None = None,
    digging: gpd.GeoDataFrame | None = None,
    past_leaks: pd.Series | None = None,
    soil: Soil = _DRY,
) -> Tracing | None:
    """Trace the gas that spaces show at one moment.

    Parameters
    ----------
    assets : GeoDataFrame, index `asset`
        Gas pipes (`kind` pipe) and spaces (`kind` space) in a metric CRS; `material`, `year`,
        `pressure_class`, `space_type` where known.
    readings : Series, index `space` [%VOL]
        As of `methane_at`; NaN is no reading, 0 is evidence.
    at : Timestamp
    around : str, optional
        The space asked about; by default the one with most gas.
    ducts : DataFrame, optional
        `from_space`, `to_space`; where not given neighbours of one type are joined.
    digging : GeoDataFrame, optional
        Permits or alarms: `since`, geometry.
    past_leaks : Series, index pipe, optional
        How many.
    soil : Soil
        `cover` of 3 to 4 under asphalt, frost or water.

    Returns
    -------
    Tracing or None
        None where no space shows gas, or none that does lies near a pipe.

    Raises
    ------
    InputError
        Where assets lack pipes or spaces, a reading is of no space or cannot be %VOL.
    CrsError
        Where the assets are not in metres.
    """
    missing = [name for name in ("lifeline", "kind") if name not in assets]
    if missing:
        raise InputError(f"the assets have no column {missing[0]!r}; expected lifeline and kind.")
    if assets.crs is None or not assets.crs.is_projected:
        found = assets.crs.to_string() if assets.crs else "no CRS"
        raise CrsError(
            f"tracing needs assets in metres; got {found}; convert with .to_crs(...), for "
            "instance EPSG:4547."
        )
    if ((readings < LOWEST_VOL) | (readings > 100.0)).any():
        raise InputError(
            f"tracing needs methane in %VOL, {LOWEST_VOL:g} to 100; got {readings.min():g} to "
            f"{readings.max():g}; 1 %VOL is 10,000 ppm."
        )
    gas = assets[assets["lifeline"] == "gas"]
    pipes, spaces = gas[gas["kind"] == "pipe"], gas[gas["kind"] == "space"]
    if pipes.empty or spaces.empty:
        raise InputError(
            f"tracing needs gas pipes and spaces; got {len(pipes)} pipes, {len(spaces)} spaces."
        )
    named = pd.Index([*readings.index, *([] if around is None else [around])])
    unknown = named.difference(spaces.index)
    if len(unknown):
        raise InputError(f"{unknown[0]!r} is no gas space among the assets; expected asset ids.")
    ground = underground(spaces, ducts)
    xy, line, along, length = cut_pieces(pipes.geometry.to_numpy())
    prior = leak_prior(pipes, at, past_leaks=past_leaks).to_numpy()[line] * length
    prior = prior * _dug(xy, digging, at)
    trace = trace_source(
        ground,
        xy,
        sensed=spaces.index.get_indexer(readings.index),
        reading=readings.to_numpy(dtype=float),
        prior=prior,
        around=None if around is None else int(spaces.index.get_loc(around)),
        soil=soil,
    )
    if trace is None:
        return None
    order = trace.pieces[np.argsort(-trace.probability, kind="stable")]
    probability = np.sort(trace.probability)[::-1]
    pieces = gpd.GeoDataFrame(
        {
            "pipe": pipes.index.to_numpy()[line[order]],
            "along_m": along[order],
            "length_m": length[order],
            "probability": probability,
            "cumulative": np.cumsum(probability),
            "in_search": np.isin(order, trace.search),
        },
        geometry=shapely.points(xy[order]),
        crs=assets.crs,
    )
    dark = np.setdiff1d(np.arange(len(spaces)), spaces.index.get_indexer(readings.dropna().index))
    near = dark[_reaches(ground.xy[dark], xy[trace.pieces], soil)]
    drop = expected_entropy_drop(ground, xy, trace, spaces=near, soil=soil)
    told = pd.DataFrame({"entropy_drop": drop}, index=spaces.index[near].rename("space"))
    return Tracing(
        pieces=pieces,
        best=int(np.flatnonzero(order == trace.best)[0]),
        search_length_m=float(length[trace.search].sum()),
        open_next=told.sort_values("entropy_drop", ascending=False, kind="stable"),
        decay_m=trace.decay_m,
        rate=trace.rate,
    )


def underground(spaces: gpd.GeoDataFrame, ducts: pd.DataFrame | None = None) -> Underground:
    """Join spaces by ducts, given or assumed.

    Parameters
    ----------
    spaces : GeoDataFrame, index `asset`
    ducts : DataFrame, optional
        `from_space`, `to_space`.

    Raises
    ------
    InputError
        Where a duct names an unknown space.
    """
    told = assumptions()["spaces"]
    air = told["air_change_per_h"]
    types = _words(spaces, "space_type")
    xy = shapely.get_coordinates(shapely.centroid(spaces.geometry.to_numpy()))
    if ducts is None:
        ends = _assumed_ducts(xy, types.to_numpy(), told["duct_m"])
    else:
        ends = np.c_[
            spaces.index.get_indexer(ducts["from_space"]),
            spaces.index.get_indexer(ducts["to_space"]),
        ]
        if (ends < 0).any():
            row = ducts[(ends < 0).any(axis=1)].iloc[0]
            raise InputError(
                f"duct {row['from_space']!r} to {row['to_space']!r} names a space that is not "
                "among the assets; add it or leave the duct out."
            )
    return Underground(
        xy=xy,
        air_change=types.map(air).fillna(air[""]).to_numpy(dtype=float),
        ducts=ends,
        exchange=np.full(len(ends), told["exchange_per_h"]),
    )


def leak_prior(
    pipes: gpd.GeoDataFrame, at: pd.Timestamp, *, past_leaks: pd.Series | None = None
) -> pd.Series:
    """Leak rate per metre of every pipe, relative to a new plain one."""
    told = assumptions()
    material, pressure = told["material"], told["pressure"]
    rate = _words(pipes, "material").map(material).fillna(material[""]).astype(float)
    rate *= _words(pipes, "pressure_class").map(pressure).fillna(1.0).astype(float)
    if "year" in pipes:
        age = (at.year - pd.to_numeric(pipes["year"])).clip(0, 100).fillna(0)
        rate *= 2.0 ** (age / told["age"]["doubling_years"])
    if past_leaks is not None:
        count = past_leaks.reindex(pipes.index).fillna(0)
        rate *= told["history"]["per_past_leak"] ** count
    return rate.rename("rate")


def _words(table: gpd.GeoDataFrame, column: str) -> pd.Series:
    if column not in table:
        return pd.Series("", index=table.index)
    return table[column].astype(object).fillna("")


def _dug(xy: np.ndarray, digging: gpd.GeoDataFrame | None, at: pd.Timestamp) -> np.ndarray:
    told = assumptions()["history"]
    if digging is None or digging.empty:
        return np.ones(len(xy))
    days = (at - pd.to_datetime(digging["since"])) / pd.Timedelta(days=1)
    recent = digging[((days >= 0) & (days <= told["digging_days"])).to_numpy()]
    if recent.empty:
        return np.ones(len(xy))
    tree = shapely.STRtree(recent.geometry.to_numpy())
    rows, _ = tree.query(shapely.points(xy), predicate="dwithin", distance=told["digging_m"])
    factor = np.ones(len(xy))
    factor[rows] = told["digging"]
    return factor


def _assumed_ducts(xy: np.ndarray, types: np.ndarray, reach_m: float) -> np.ndarray:
    """Neighbours of one type, by a minimum spanning tree: sewers and duct banks are lines."""
    pairs = KDTree(xy).query_pairs(reach_m, output_type="ndarray")
    pairs = pairs[types[pairs[:, 0]] == types[pairs[:, 1]]]
    away = np.maximum(np.linalg.norm(xy[pairs[:, 0]] - xy[pairs[:, 1]], axis=1), 1e-6)
    tree = csgraph.minimum_spanning_tree(
        sparse.csr_array((away, (pairs[:, 0], pairs[:, 1])), shape=(len(xy), len(xy)))
    ).tocoo()
    return np.c_[tree.row, tree.col]


def _reaches(spaces: np.ndarray, pieces: np.ndarray, soil: Soil) -> np.ndarray:
    """Whether a space lies near enough to any candidate piece to tell something."""
    reach = soil.reach_m * soil.cover
    if not len(spaces):
        return np.zeros(0, dtype=bool)
    away, _ = KDTree(pieces).query(spaces, distance_upper_bound=reach)
    return np.isfinite(away)
