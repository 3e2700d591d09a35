"""Point assets of the pipe networks: valves, stations, manholes, spaces next to gas pipes."""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifeline_kit.demo.ground import Ground
from lifeline_kit.demo.networks import Net

_SPACES = ("sewer_manhole", "valve_well", "cable_duct")
_SPACE_SHARES = (0.6, 0.22, 0.18)


def point_table(
    xy: np.ndarray, ground: Ground, *, lifeline: str, kind: str, prefix: str, **columns: object
) -> pd.DataFrame:
    """Build asset rows of one kind at points.

    Parameters
    ----------
    xy : array, (row, 2) [m]
    ground : Ground
    prefix : str
        Ids are `<prefix>-000001` and so on.
    **columns : scalar or sequence
        Further columns of the asset table.
    """
    xy = np.round(np.asarray(xy, dtype=float).reshape(-1, 2), 1)
    table = pd.DataFrame(
        {
            "lifeline": lifeline,
            "kind": kind,
            "name_zh": "",
            "name_en": "",
            "from_node": "",
            "to_node": "",
            "district": ground.district(xy),
        },
        index=pd.Index([f"{prefix}-{k:06d}" for k in range(1, len(xy) + 1)], name="asset"),
    )
    return table.assign(**columns, geometry=shapely.points(xy))


def gas_classes(pipes: pd.DataFrame) -> pd.DataFrame:
    """Add pressure class and design pressure to gas pipes: thick ones carry more pressure."""
    diameter = pipes["diameter_mm"].to_numpy()
    names = np.select([diameter >= 500, diameter >= 90], ["high", "medium"], "low")
    design = np.select([diameter >= 500, diameter >= 90], [1600.0, 400.0], 10.0)
    return pipes.assign(pressure_class=names, design_pressure_kpa=design)


def valves(net: Net, ground: Ground, *, spacing_m: float) -> pd.DataFrame:
    """Place valves every so many metres of pipe, 10 m behind the first node of their pipe.

    `from_node` and `to_node` repeat those of the pipe, `from_node` being the nearer one.
    """
    pipes = net.pipes
    passed = np.cumsum(net.streets.length)
    rows = np.flatnonzero(np.diff(passed // spacing_m, prepend=0.0) > 0)
    ahead = np.minimum(10.0, net.streets.length[rows] / 3)
    xy = shapely.get_coordinates(shapely.line_interpolate_point(net.streets.line[rows], ahead))
    return point_table(
        xy,
        ground,
        lifeline=net.plan.lifeline,
        kind="valve",
        prefix=f"{net.plan.letter}-V",
        from_node=pipes["from_node"].to_numpy()[rows],
        to_node=pipes["to_node"].to_numpy()[rows],
        year=pipes["year"].to_numpy()[rows],
        diameter_mm=pipes["diameter_mm"].to_numpy()[rows],
        people=pipes["people"].to_numpy()[rows],
    )


def sources(net: Net, ground: Ground, *, kind: str, code: str, zh: str, en: str) -> pd.DataFrame:
    """Describe the source nodes of a network as assets (plants, gate stations, outfalls)."""
    served = np.bincount(net.feed, weights=net.people, minlength=net.sources.size)
    numbers = range(1, net.sources.size + 1)
    return point_table(
        net.streets.xy[net.sources],
        ground,
        lifeline=net.plan.lifeline,
        kind=kind,
        prefix=f"{net.plan.letter}-{code}",
        from_node=[net.node_id(node) for node in net.sources],
        name_zh=[f"示范{zh} {n} 号" for n in numbers],
        name_en=[f"{en} {n}" for n in numbers],
        year=2004,
        people=np.round(served),
    )


def at_nodes(
    net: Net, ground: Ground, nodes: np.ndarray, *, kind: str, code: str, **columns: object
) -> pd.DataFrame:
    """Describe nodes of a network as assets."""
    return point_table(
        net.streets.xy[nodes],
        ground,
        lifeline=net.plan.lifeline,
        kind=kind,
        prefix=f"{net.plan.letter}-{code}",
        from_node=[net.node_id(node) for node in nodes],
        **columns,
    )


def spread_nodes(net: Net, n: int, rng: np.random.Generator) -> np.ndarray:
    """Choose nodes by the people on them, none next to another chosen one."""
    weight = net.people + 1.0
    order = rng.permutation(net.people.size)
    order = order[np.argsort(-(weight[order] ** 0.5) * rng.random(order.size), kind="stable")]
    return far_apart(net.streets.xy, order, n)


def far_apart(xy: np.ndarray, order: np.ndarray, n: int) -> np.ndarray:
    """Take the first `n` of `order` that keep their distance; relax it until `n` are found."""
    extent = np.ptp(xy, axis=0).prod()
    spacing = 0.7 * np.sqrt(extent / max(n, 1))
    chosen: list[int] = []
    while len(chosen) < min(n, order.size):
        chosen = []
        for node in order.tolist():
            away = ((xy[chosen] - xy[node]) ** 2).sum(axis=1)
            if not chosen or away.min() > spacing**2:
                chosen.append(node)
                if len(chosen) == n:
                    break
        spacing *= 0.75
    return np.array(chosen, dtype=int)


def spaces(net: Net, ground: Ground, *, spacing_m: float, rng: np.random.Generator) -> pd.DataFrame:
    """Place underground spaces beside gas pipes, about one every `spacing_m`.

    `gas_pipe` and `distance_m` name the nearest gas pipe, which need not be the one beside
    which the space was drawn.
    """
    number = rng.poisson(net.streets.length / spacing_m)
    row = np.repeat(np.arange(number.size), number)
    line = net.streets.line[row]
    along = rng.uniform(0.1, 0.9, row.size)
    here = shapely.get_coordinates(shapely.line_interpolate_point(line, along, normalized=True))
    ahead = shapely.get_coordinates(
        shapely.line_interpolate_point(line, np.minimum(along + 0.02, 1.0), normalized=True)
    )
    step = ahead - here
    step /= np.maximum(np.hypot(*step.T), 1e-9)[:, None]
    offset = rng.uniform(1.2, 9.0, row.size) * rng.choice([-1.0, 1.0], row.size)
    xy = np.round(here + np.c_[-step[:, 1], step[:, 0]] * offset[:, None], 1)
    pipes = gpd.GeoSeries(net.streets.line)
    (_, nearest), distance = pipes.sindex.nearest(
        shapely.points(xy), return_all=False, return_distance=True
    )
    return point_table(
        xy,
        ground,
        lifeline="gas",
        kind="space",
        prefix="G-U",
        year=net.pipes["year"].to_numpy()[nearest],
        depth_m=np.round(rng.uniform(1.2, 3.5, row.size), 2),
        people=np.round(ground.people_near(xy) * 0.05),
        space_type=rng.choice(_SPACES, row.size, p=_SPACE_SHARES),
        gas_pipe=net.pipes.index.to_numpy()[nearest],
        distance_m=np.round(distance, 2),
    )
