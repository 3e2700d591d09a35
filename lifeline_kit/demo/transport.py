"""Bridges, road sections, underpasses and metro lines."""

from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import csgraph

from lifeline_kit.demo.fittings import point_table
from lifeline_kit.demo.ground import Ground, chinese_number
from lifeline_kit.demo.streets import Streets

RING_SECTION_M = 150.0
STATION_SPACING_M = 1250.0
_VEHICLES = {
    "motorway": 45_000,
    "trunk": 38_000,
    "primary": 26_000,
    "secondary": 15_000,
    "tertiary": 7_000,
    "unclassified": 3_000,
}
_DECKS = "ABCDEFGH"
_LINE_COST = {"primary": 1.0, "trunk": 1.2, "secondary": 1.4, "tertiary": 2.0}


def bridges(
    streets: Streets,
    decks: np.ndarray,
    number: np.ndarray,
    ground: Ground,
    *,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Describe crossings as bridge decks.

    Parameters
    ----------
    streets : Streets
    decks : int array
        Street edges of the cut.
    number : int array, like `decks`
        Which bridge a deck belongs to.
    """
    order = np.lexsort((streets.xy[streets.head[decks], 1], number))
    decks, number = decks[order], number[order]
    deck = pd.Series(number).groupby(number).cumcount().to_numpy()
    year = rng.integers(1988, 2016, number.max() + 1)[number]
    vehicles = pd.Series(streets.highway[decks]).map(_VEHICLES).fillna(10_000).to_numpy()
    return _links(
        streets,
        decks,
        ground,
        lifeline="bridges",
        kind="bridge",
        prefix="B-B",
        name_zh=[
            f"示范{chinese_number(b + 1)}桥 {_DECKS[d % 8]} 幅"
            for b, d in zip(number, deck, strict=True)
        ],
        name_en=[
            f"Bridge {b + 1}, deck {_DECKS[d % 8]}" for b, d in zip(number, deck, strict=True)
        ],
        year=year,
        material=np.where(year < 2000, "prestressed concrete", "steel"),
        load=np.round(vehicles * rng.lognormal(0.0, 0.15, decks.size), -1),
    )


def road_sections(
    streets: Streets, ground: Ground, *, classes: tuple[str, ...], rng: np.random.Generator
) -> pd.DataFrame:
    """Describe streets of the main classes as road sections."""
    rows = np.flatnonzero(np.isin(streets.highway, classes))
    highway = pd.Series(streets.highway[rows])
    middle = _middle(streets.line[rows])
    year = ground.built[ground.zone(middle)] + rng.normal(4.0, 6.0, rows.size)
    return _links(
        streets,
        rows,
        ground,
        lifeline="roads",
        kind="section",
        prefix="R-S",
        year=np.clip(np.round(year), 1970, 2025).astype(np.int64),
        material=np.where(highway.isin(["motorway", "trunk"]), "asphalt on concrete", "asphalt"),
        load=np.round(highway.map(_VEHICLES).to_numpy() * rng.lognormal(0.0, 0.35, rows.size), -1),
    )


def _links(
    streets: Streets,
    rows: np.ndarray,
    ground: Ground,
    *,
    lifeline: str,
    kind: str,
    prefix: str,
    **columns: object,
) -> pd.DataFrame:
    middle = _middle(streets.line[rows])
    names = {"name_zh": "", "name_en": ""} | columns
    return pd.DataFrame(
        {
            "lifeline": lifeline,
            "kind": kind,
            "from_node": [f"R-n-{k:06d}" for k in streets.head[rows]],
            "to_node": [f"R-n-{k:06d}" for k in streets.tail[rows]],
            "district": ground.district(middle),
            "length_m": np.round(streets.length[rows], 1),
            "people": np.round(ground.people_near(middle) * 0.3),
            **names,
            "geometry": streets.line[rows],
        },
        index=pd.Index([f"{prefix}-{k:06d}" for k in range(1, rows.size + 1)], name="asset"),
    )


def _middle(line: np.ndarray) -> np.ndarray:
    return shapely.get_coordinates(shapely.line_interpolate_point(line, 0.5, normalized=True))


def underpasses(
    streets: Streets, ground: Ground, *, n: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Find where a main street passes under another: lines that cross without sharing a node."""
    main = streets.subset(
        np.flatnonzero(np.isin(streets.highway, ("trunk", "primary", "secondary")))
    )
    tree = shapely.STRtree(main.line)
    one, other = tree.query(main.line, predicate="crosses")
    kept = one < other
    points = shapely.intersection(main.line[one[kept]], main.line[other[kept]])
    xy = shapely.get_coordinates(shapely.centroid(points))
    nodes = gpd.GeoSeries(shapely.points(main.xy))
    _, away = nodes.sindex.nearest(shapely.points(xy), return_all=False, return_distance=True)
    xy = xy[away > 15.0]
    order = np.argsort(ground.height(xy) + rng.normal(0.0, 0.5, len(xy)))
    chosen: list[int] = []
    for k in order.tolist():
        if all(np.hypot(*(xy[k] - xy[other_])) > 400.0 for other_ in chosen):
            chosen.append(k)
    xy = xy[chosen[:n]]
    numbers = range(1, len(xy) + 1)
    return point_table(
        xy,
        ground,
        lifeline="roads",
        kind="underpass",
        prefix="R-U",
        name_zh=[f"示范下穿通道 {k} 号" for k in numbers],
        name_en=[f"Underpass {k}" for k in numbers],
        year=rng.integers(1995, 2020, len(xy)),
        depth_m=np.round(rng.uniform(4.5, 6.5, len(xy)), 1),
        load=np.round(rng.uniform(12_000, 30_000, len(xy)), -1),
        people=np.round(ground.people_near(xy) * 0.3),
    )


def metro(streets: Streets, ground: Ground, *, rng: np.random.Generator) -> pd.DataFrame:
    """Simulate two metro lines along main streets, from corner to corner of the city.

    Returns
    -------
    DataFrame, index `asset`
        Tunnels (sections of rings, 150 m), stations, entrances.
    """
    cost = pd.Series(streets.highway).map(_LINE_COST).fillna(4.0).to_numpy() * streets.length
    low, high = streets.xy.min(axis=0), streets.xy.max(axis=0)
    reach = high - low
    ends = (
        (low + reach * (0.12, 0.80), low + reach * (0.88, 0.20)),
        (low + reach * (0.15, 0.20), low + reach * (0.85, 0.80)),
    )
    parts = []
    for number, (start, stop) in enumerate(ends, start=1):
        path, edges = _path(streets, cost, start, stop)
        cost[edges] *= 5.0
        line = shapely.simplify(shapely.linestrings(streets.xy[path]), 60.0)
        parts.append((number, _smoothed(line)))
    tunnels, stations, entrances = [], [], []
    for number, line in parts:
        at = np.linspace(0.0, line.length, max(int(line.length / STATION_SPACING_M), 2) + 1)
        tunnels.append(_tunnels(line, at, number))
        stations.append((number, shapely.get_coordinates(shapely.line_interpolate_point(line, at))))
        entrances.append(rng.integers(2, 5, at.size))
    return _rail_tables(tunnels, stations, entrances, ground, rng)


def _path(
    streets: Streets, cost: np.ndarray, start: np.ndarray, stop: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    first, last = (int(np.argmin(((streets.xy - p) ** 2).sum(axis=1))) for p in (start, stop))
    _, before = csgraph.dijkstra(streets.matrix(cost), indices=first, return_predecessors=True)
    path = [last]
    while path[-1] != first:
        path.append(int(before[path[-1]]))
    nodes = np.array(path[::-1])
    code = len(streets.xy) * np.minimum(nodes[:-1], nodes[1:]) + np.maximum(nodes[:-1], nodes[1:])
    low, high = np.minimum(streets.head, streets.tail), np.maximum(streets.head, streets.tail)
    return nodes, np.flatnonzero(np.isin(len(streets.xy) * low + high, code))


def _smoothed(line: shapely.LineString) -> shapely.LineString:
    """Cut the corners (Chaikin), as trains need wide curves."""
    xy = shapely.get_coordinates(line)
    for _ in range(3):
        near, far = 0.75 * xy[:-1] + 0.25 * xy[1:], 0.25 * xy[:-1] + 0.75 * xy[1:]
        xy = np.r_[xy[:1], np.stack([near, far], axis=1).reshape(-1, 2), xy[-1:]]
    return shapely.linestrings(xy)


def _tunnels(line: shapely.LineString, at: np.ndarray, number: int) -> pd.DataFrame:
    rows = []
    for leg, (since, until) in enumerate(pairwise(at.tolist())):
        cuts = np.linspace(since, until, max(round((until - since) / RING_SECTION_M), 1) + 1)
        for k in range(cuts.size - 1):
            steps = np.linspace(cuts[k], cuts[k + 1], 4)
            points = shapely.get_coordinates(shapely.line_interpolate_point(line, steps))
            rows.append(
                {
                    "from_node": f"M-n-{number}-{leg:02d}-{k:02d}",
                    "to_node": f"M-n-{number}-{leg:02d}-{k + 1:02d}"
                    if k + 2 < cuts.size
                    else f"M-n-{number}-{leg + 1:02d}-00",
                    "name_zh": f"示范{number}号线 {leg + 1}–{leg + 2} 站区间 第 {k + 1} 段",
                    "name_en": f"Line {number}, stations {leg + 1}–{leg + 2}, section {k + 1}",
                    "geometry": shapely.linestrings(np.round(points, 1)),
                }
            )
    return pd.DataFrame(rows)


def _rail_tables(
    tunnels: list[pd.DataFrame],
    stations: list[tuple[int, np.ndarray]],
    entrances: list[np.ndarray],
    ground: Ground,
    rng: np.random.Generator,
) -> pd.DataFrame:
    links = pd.concat(tunnels, ignore_index=True)
    lines = links["geometry"].to_numpy()
    links.index = pd.Index([f"M-T-{k:06d}" for k in range(1, len(links) + 1)], name="asset")
    year = np.where(links["from_node"].str.startswith("M-n-1"), 2008, 2014)
    links = links.assign(
        lifeline="rail",
        kind="tunnel",
        district=ground.district(_middle(lines)),
        year=year,
        material="reinforced concrete",
        diameter_mm=6200.0,
        length_m=np.round(shapely.length(lines), 1),
        depth_m=np.round(rng.uniform(12.0, 24.0, len(links)), 1),
        load=np.where(year == 2008, 520.0, 460.0),
    )
    xy = np.concatenate([points for _, points in stations])
    label = [(number, k + 1) for number, points in stations for k in range(len(points))]
    stops = point_table(
        xy,
        ground,
        lifeline="rail",
        kind="station",
        prefix="M-S",
        from_node=[f"M-n-{number}-{k - 1:02d}-00" for number, k in label],
        name_zh=[f"示范{number}号线 第 {k} 站" for number, k in label],
        name_en=[f"Line {number}, station {k}" for number, k in label],
        year=[2008 if number == 1 else 2014 for number, _ in label],
        load=490.0,
        people=np.round(ground.people_near(xy) * 0.4 + 500),
    )
    count = np.concatenate(entrances)
    of = np.repeat(np.arange(len(xy)), count)
    angle, away = rng.uniform(0, 2 * np.pi, of.size), rng.uniform(45.0, 110.0, of.size)
    letter = pd.Series(of).groupby(of).cumcount().map(lambda k: _DECKS[k]).to_numpy()
    doors = point_table(
        xy[of] + np.c_[np.cos(angle), np.sin(angle)] * away[:, None],
        ground,
        lifeline="rail",
        kind="entrance",
        prefix="M-E",
        from_node=stops["from_node"].to_numpy()[of],
        name_zh=[f"{stops['name_zh'].iloc[k]} {c} 口" for k, c in zip(of, letter, strict=True)],
        name_en=[
            f"{stops['name_en'].iloc[k]}, entrance {c}" for k, c in zip(of, letter, strict=True)
        ],
        year=stops["year"].to_numpy()[of],
        people=stops["people"].to_numpy()[of] / 4,
    )
    return pd.concat([links, stops, doors])
