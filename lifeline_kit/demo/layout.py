"""All assets of the demo city, laid along its streets."""

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifeline_kit.demo import fittings, transport
from lifeline_kit.demo.crossings import bank_cut, decks_of_bridges
from lifeline_kit.demo.ground import Ground, model_ground
from lifeline_kit.demo.networks import PLANS, Net, lay_network
from lifeline_kit.demo.sites import lay_sites
from lifeline_kit.demo.size import Size, stream
from lifeline_kit.demo.streets import CRS, Streets

_COLUMNS = (
    "lifeline",
    "kind",
    "name_zh",
    "name_en",
    "from_node",
    "to_node",
    "district",
    "year",
    "material",
    "diameter_mm",
    "length_m",
    "depth_m",
    "pressure_class",
    "design_pressure_kpa",
    "load",
    "people",
    "space_type",
    "gas_pipe",
    "distance_m",
    "real_or_simulated",
)
_WORDS = ("lifeline", "kind", "district", "material", "pressure_class", "space_type")
_NUMBERS = (
    "diameter_mm",
    "length_m",
    "depth_m",
    "design_pressure_kpa",
    "load",
    "people",
    "distance_m",
)


@dataclass(frozen=True)
class Layout:
    """The laid city: ground, networks and the table of assets.

    Attributes
    ----------
    bridges : int array
        Edges of `streets` that are bridges.
    nets : dict of lifeline to Net
    assets : GeoDataFrame, index `asset`
    """

    streets: Streets
    bridges: np.ndarray
    ground: Ground
    nets: dict[str, Net]
    assets: gpd.GeoDataFrame


def lay_city(streets: Streets, size: Size, *, seed: int) -> Layout:
    """Lay every asset along the streets.

    Parameters
    ----------
    streets : Streets
        Already cut to the bounds of the size.
    size : Size
    seed : int
    """
    ground = model_ground(
        streets, districts=size.districts, population=size.population, rng=stream(seed, "ground")
    )
    decks = find_bridges(streets, size)
    land = split_long(
        streets.subset(np.setdiff1d(np.arange(streets.head.size), decks)), size.piece_m
    )
    nets = _nets(land, streets, decks, ground, size, seed)
    parts = [
        *_pipe_tables(nets, ground, size, seed),
        transport.bridges(
            streets, decks, decks_of_bridges(streets, decks), ground, rng=stream(seed, "bridges")
        ),
        transport.road_sections(land, ground, classes=size.road_classes, rng=stream(seed, "roads")),
        transport.underpasses(
            streets, ground, n=size.sites["underpass"], rng=stream(seed, "underpasses")
        ),
        transport.metro(streets, ground, rng=stream(seed, "metro")),
        lay_sites(land, ground, size.sites, rng=stream(seed, "sites")),
    ]
    return Layout(streets, decks, ground, nets, _asset_table(parts))


def find_bridges(streets: Streets, size: Size) -> np.ndarray:
    """Find the bridges of every river of a size, one minimum cut after the other."""
    found = np.zeros(0, dtype=int)
    for one, other in size.banks:
        left = np.setdiff1d(np.arange(streets.head.size), found)
        rest = Streets(
            streets.xy,
            streets.head[left],
            streets.tail[left],
            streets.length[left],
            streets.highway[left],
            streets.line[left],
        )
        found = np.union1d(found, left[bank_cut(rest, one, other)])
    return found


def split_long(streets: Streets, piece_m: float) -> Streets:
    """Cut streets into pieces of at most `piece_m`, with a new node at every cut."""
    pieces = np.maximum(np.ceil(streets.length / piece_m).astype(int), 1)
    edge = np.repeat(np.arange(pieces.size), pieces)
    k = np.arange(edge.size) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    inner = np.flatnonzero(k > 0)
    points = shapely.line_interpolate_point(
        streets.line[edge[inner]], k[inner] / pieces[edge[inner]], normalized=True
    )
    xy = np.r_[streets.xy, np.round(shapely.get_coordinates(points), 1)]
    fresh = np.full(edge.size, -1)
    fresh[inner] = len(streets.xy) + np.arange(inner.size)
    head = np.where(k == 0, streets.head[edge], fresh)
    last = k == pieces[edge] - 1
    tail = np.where(last, streets.tail[edge], np.roll(fresh, -1))
    line = streets.line[edge].copy()
    for row in np.flatnonzero(pieces[edge] > 1):
        total = pieces[edge[row]]
        line[row] = _between(line[row], k[row] / total, (k[row] + 1) / total)
    return Streets(xy, head, tail, shapely.length(line), streets.highway[edge], line)


def _between(line: shapely.LineString, since: float, until: float) -> shapely.LineString:
    xy = shapely.get_coordinates(line)
    passed = np.r_[0.0, np.cumsum(np.hypot(*np.diff(xy, axis=0).T))]
    since, until = since * passed[-1], until * passed[-1]
    ends = np.c_[
        np.interp([since, until], passed, xy[:, 0]), np.interp([since, until], passed, xy[:, 1])
    ]
    inner = xy[(passed > since) & (passed < until)]
    return shapely.linestrings(np.round(np.r_[ends[:1], inner, ends[1:]], 1))


def _nets(
    land: Streets, streets: Streets, decks: np.ndarray, ground: Ground, size: Size, seed: int
) -> dict[str, Net]:
    river = np.concatenate([streets.xy[streets.head[decks]], streets.xy[streets.tail[decks]]])
    wishes = {
        "gas": size.sites["gas_station"],
        "water": size.sites["water_plant"],
        "drainage": size.sites["outfall"],
        "heating": size.sites["heat_plant"],
    }
    nets = {}
    for key, n in wishes.items():
        rng = stream(seed, "net", key)
        wet = river if key in {"water", "drainage"} else land.xy
        near = wet[fittings.far_apart(wet, rng.permutation(len(wet)), n)]
        net_land = _heated(land, near, size.heated_m) if key == "heating" else land
        nets[key] = lay_network(
            PLANS[key], net_land, ground, near=near, merge_m=size.merge_m, rng=rng
        )
    return nets


def _heated(land: Streets, plants: np.ndarray, reach_m: float) -> Streets:
    """District heating reaches only so far from its plants."""
    middle = shapely.get_coordinates(
        shapely.line_interpolate_point(land.line, 0.5, normalized=True)
    )
    away = np.min(np.hypot(*(middle[:, None] - plants[None]).transpose(2, 0, 1)), axis=1)
    return land.subset(np.flatnonzero(away < reach_m))


def _pipe_tables(nets: dict[str, Net], ground: Ground, size: Size, seed: int) -> list[pd.DataFrame]:
    gas, water, drain, heat = (nets[key] for key in ("gas", "water", "drainage", "heating"))
    rng = stream(seed, "fittings")
    substations = fittings.spread_nodes(heat, size.sites["heat_substation"], rng)
    pumps = fittings.spread_nodes(water, size.sites["water_pump"], rng)
    lifts = fittings.spread_nodes(drain, size.sites["drain_pump"], rng)
    gauges = fittings.spread_nodes(drain, size.sites["rain_gauge"], rng)
    manholes = np.flatnonzero(rng.random(drain.people.size) < 0.4)

    def named(nodes: np.ndarray, zh: str, en: str) -> dict[str, object]:
        numbers = range(1, nodes.size + 1)
        return {
            "name_zh": [f"示范{zh} {n} 号" for n in numbers],
            "name_en": [f"{en} {n}" for n in numbers],
            "year": 2009,
        }

    return [
        fittings.gas_classes(gas.pipes),
        fittings.valves(gas, ground, spacing_m=size.spacing_m),
        fittings.sources(gas, ground, kind="station", code="S", zh="燃气调压站", en="Gas station"),
        fittings.spaces(gas, ground, spacing_m=0.6 * size.spacing_m, rng=stream(seed, "spaces")),
        water.pipes.assign(design_pressure_kpa=1000.0),
        fittings.valves(water, ground, spacing_m=size.spacing_m),
        fittings.sources(water, ground, kind="plant", code="L", zh="水厂", en="Water plant"),
        fittings.at_nodes(
            water,
            ground,
            pumps,
            kind="pump_station",
            code="S",
            **named(pumps, "供水泵站", "Water pump"),
        ),
        drain.pipes,
        fittings.at_nodes(
            drain,
            ground,
            manholes,
            kind="manhole",
            code="M",
            depth_m=np.round(rng.uniform(1.8, 4.5, manholes.size), 2),
        ),
        fittings.sources(drain, ground, kind="outfall", code="O", zh="排口", en="Outfall"),
        fittings.at_nodes(
            drain,
            ground,
            lifts,
            kind="pump_station",
            code="S",
            **named(lifts, "排水泵站", "Lift station"),
        ),
        fittings.at_nodes(
            drain,
            ground,
            gauges,
            kind="rain_gauge",
            code="R",
            **named(gauges, "雨量站", "Rain gauge"),
        ),
        heat.pipes.assign(design_pressure_kpa=1600.0),
        fittings.valves(heat, ground, spacing_m=size.spacing_m),
        fittings.sources(heat, ground, kind="plant", code="L", zh="热源厂", en="Heat plant"),
        fittings.at_nodes(
            heat,
            ground,
            substations,
            kind="substation",
            code="S",
            **named(substations, "换热站", "Substation"),
            people=np.round(ground.people_near(heat.streets.xy[substations])),
        ),
    ]


def _asset_table(parts: list[pd.DataFrame]) -> gpd.GeoDataFrame:
    table = pd.concat(parts).assign(real_or_simulated="simulated")
    for column in (*_WORDS, "from_node", "to_node", "gas_pipe", "name_zh", "name_en"):
        table[column] = table[column].fillna("").astype(object)
    for column in _NUMBERS:
        table[column] = table[column].astype("float32")
    table["year"] = table["year"].fillna(2000).astype("int16")
    for column in (*_WORDS, "real_or_simulated"):
        table[column] = table[column].astype("category")
    table.index = pd.Index(table.index.astype(object), name="asset")
    return gpd.GeoDataFrame(table[[*_COLUMNS, "geometry"]], crs=CRS)
