"""Sensors of the demo city: what each role measures, and where it is placed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifeline_kit.demo.fittings import far_apart
from lifeline_kit.demo.layout import Layout
from lifeline_kit.demo.networks import Net
from lifeline_kit.demo.size import Size, stream
from lifeline_kit.demo.streets import CRS
from lifeline_kit.vocabulary import quantity as quantity_of

COLUMNS = (
    "asset",
    "lifeline",
    "quantity",
    "unit",
    "clock",
    "interval_s",
    "statistic",
    "range_min",
    "range_max",
    "resolution",
    "limit_low",
    "limit_high",
    "name_zh",
    "name_en",
    "real_or_simulated",
    "geometry",
)
_CLOCKS = {"15min": 900.0, "event": 900.0, "10min": 600.0, "1h": 3600.0, "1d": 86400.0}
_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Role:
    """What one kind of sensor measures. `noise` is one sigma of the instrument and the place."""

    lifeline: str
    quantity: str
    clock: str
    span: tuple[float, float]
    resolution: float
    noise: float
    limits: tuple[float, float] = (_NAN, _NAN)
    statistic: str = "point"

    @property
    def node(self) -> str:
        """Path of its readings."""
        return f"{self.quantity}/{self.clock}"


ROLES = {
    "gas_space": Role("gas", "methane", "event", (0.0, 20.0), 0.01, 0.006, (_NAN, 1.0)),
    "gas_pressure": Role("gas", "pressure", "15min", (0.0, 600.0), 0.1, 0.6, (150.0, 400.0)),
    "gas_outlet": Role("gas", "pressure", "15min", (0.0, 600.0), 0.1, 0.5, (200.0, 400.0)),
    "gas_flow": Role("gas", "flow", "15min", (0.0, 40000.0), 1.0, 4.0),
    "water_pressure": Role("water", "pressure", "15min", (0.0, 1000.0), 0.5, 1.2, (140.0, 800.0)),
    "water_flow": Role("water", "flow", "15min", (-2000.0, 40000.0), 1.0, 4.0),
    "water_turbidity": Role("water", "turbidity", "15min", (0.0, 20.0), 0.01, 0.012, (_NAN, 1.0)),
    "water_chlorine": Role("water", "chlorine", "15min", (0.0, 5.0), 0.01, 0.012, (0.05, 2.0)),
    "drain_level": Role("drainage", "level", "15min", (0.0, 10.0), 0.01, 0.008),
    "drain_gas": Role(
        "drainage", "hydrogen_sulfide", "15min", (0.0, 150.0), 0.1, 0.15, (_NAN, 10.0)
    ),
    "drain_flow": Role("drainage", "flow", "15min", (0.0, 60000.0), 1.0, 6.0),
    "rain": Role("drainage", "rain", "15min", (0.0, 250.0), 0.8, 0.0, statistic="mean"),
    "heat_supply": Role("heating", "supply_temperature", "15min", (0.0, 150.0), 0.1, 0.25),
    "heat_return": Role("heating", "return_temperature", "15min", (0.0, 150.0), 0.1, 0.25),
    "heat_pressure": Role("heating", "pressure", "15min", (0.0, 1600.0), 1.0, 1.5, (250.0, 1200.0)),
    "heat_flow": Role("heating", "flow", "15min", (0.0, 5000.0), 0.1, 0.5),
    "heat_makeup": Role("heating", "makeup_flow", "15min", (0.0, 200.0), 0.01, 0.12),
    "heat_room": Role(
        "heating", "room_temperature", "15min", (-20.0, 60.0), 0.1, 0.08, (18.0, _NAN)
    ),
    "air": Role("heating", "air_temperature", "15min", (-40.0, 60.0), 0.1, 0.05),
    "bridge_strain": Role(
        "bridges", "strain", "10min", (-3000.0, 3000.0), 0.1, 0.8, (-300.0, 300.0), "mean"
    ),
    "bridge_deflection": Role(
        "bridges", "deflection", "10min", (-500.0, 500.0), 0.1, 0.5, (_NAN, 150.0), "mean"
    ),
    "bridge_temperature": Role("bridges", "temperature", "10min", (-40.0, 80.0), 0.1, 0.05),
    "bridge_acceleration": Role(
        "bridges", "acceleration", "10min", (0.0, 20.0), 0.001, 0.002, statistic="rms"
    ),
    "bridge_weight": Role(
        "bridges", "vehicle_weight", "10min", (0.0, 200.0), 0.1, 0.0, (_NAN, 55.0), "max"
    ),
    "bridge_raw_acceleration": Role("bridges", "acceleration", "50Hz", (-20.0, 20.0), 0.001, 0.002),
    "bridge_raw_strain": Role("bridges", "strain", "50Hz", (-3000.0, 3000.0), 0.1, 0.3),
    "road_settlement": Role("roads", "settlement", "1h", (-300.0, 300.0), 0.1, 0.2, (-30.0, _NAN)),
    "underpass_water": Role(
        "roads", "ponding_depth", "15min", (0.0, 5.0), 0.01, 0.002, (_NAN, 0.27)
    ),
    "tunnel_convergence": Role(
        "rail", "convergence", "1h", (-100.0, 100.0), 0.1, 0.12, (_NAN, 20.0)
    ),
    "tunnel_settlement": Role(
        "rail", "settlement", "1h", (-200.0, 200.0), 0.1, 0.15, (-20.0, _NAN)
    ),
    "tunnel_vibration": Role(
        "rail", "vibration", "15min", (0.0, 100.0), 0.01, 0.02, statistic="max"
    ),
    "entrance_water": Role("rail", "ponding_depth", "15min", (0.0, 3.0), 0.01, 0.002, (_NAN, 0.15)),
    "supplies_days": Role("supplies", "days_of_supply", "1d", (0.0, 400.0), 0.1, 0.25, (3.0, _NAN)),
    "supplies_price": Role("supplies", "price", "1d", (0.0, 200.0), 0.01, 0.06),
}


def place_sensors(layout: Layout, size: Size, *, seed: int) -> gpd.GeoDataFrame:
    """Choose where every sensor sits.

    Returns
    -------
    GeoDataFrame, index `sensor`
        The sensor table, plus `role` and `node` (node of the network, -1 where there is none),
        which the simulation needs and the city folder does not keep.
    """
    rng = stream(seed, "sensors")
    n = size.sensors
    gas, water, drain = (layout.nets[key] for key in ("gas", "water", "drainage"))
    assets = layout.assets
    parts = [
        _on("gas_space", _gas_spaces(assets, n["gas_space"], rng)),
        _on("gas_pressure", *_pipe_ends(gas, n["gas_pressure"], rng)),
    ]
    parts += [_on_sources(layout, "gas", "station", role) for role in ("gas_outlet", "gas_flow")]
    parts += _water(layout, water, n, rng)
    parts += _drainage(layout, drain, n, rng)
    parts += _heating(layout, n, rng)
    parts += _structures(assets, n, rng)
    return _table(parts, assets)


def _on(role: str, ids: Iterable[str], node: Iterable[int] | None = None) -> pd.DataFrame:
    assets = list(ids)
    return pd.DataFrame({"asset": assets, "node": -1 if node is None else node, "role": role})


def _nodes_of(table: pd.DataFrame) -> np.ndarray:
    return table["from_node"].str[4:].astype(int).to_numpy()


def _of(layout: Layout, lifeline: str, kind: str) -> pd.DataFrame:
    table = layout.assets
    return table[(table["lifeline"] == lifeline) & (table["kind"] == kind)]


def _on_sources(layout: Layout, lifeline: str, kind: str, role: str) -> pd.DataFrame:
    table = _of(layout, lifeline, kind)
    return _on(role, table.index, _nodes_of(table))


def _gas_spaces(assets: gpd.GeoDataFrame, n: int, rng: np.random.Generator) -> pd.Index:
    """Prefer spaces close to a gas pipe, in neighbouring pairs where there are any."""
    table = assets[assets["kind"] == "space"]
    order = np.argsort(table["distance_m"].to_numpy() * rng.random(len(table)), kind="stable")
    xy = np.c_[table.geometry.x, table.geometry.y]
    first = far_apart(xy, order, max(int(n * 0.6), 1))
    rest = np.setdiff1d(np.arange(len(table)), first)
    away = np.hypot(*(xy[rest, None] - xy[first][None]).transpose(2, 0, 1)).min(axis=1)
    second = rest[np.argsort(away, kind="stable")[: n - first.size]]
    return table.index[np.sort(np.r_[first, second])]


def _pipe_ends(net: Net, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Choose nodes, and the thickest pipe at each."""
    xy, diameter = net.streets.xy, net.pipes["diameter_mm"].to_numpy()
    at = np.zeros(len(xy))
    np.maximum.at(at, net.streets.head, diameter)
    np.maximum.at(at, net.streets.tail, diameter)
    floor = 90.0 if net.plan.lifeline == "gas" else 0.0
    order = rng.permutation(np.flatnonzero(at >= floor))
    nodes = far_apart(xy, order, n)
    return net.pipes.index.to_numpy()[thickest_pipe(net)[nodes]], nodes


def thickest_pipe(net: Net) -> np.ndarray:
    """Return the row of the thickest pipe at every node."""
    rows = np.argsort(net.pipes["diameter_mm"].to_numpy(), kind="stable")
    found = np.zeros(len(net.streets.xy), dtype=int)
    found[net.streets.head[rows]] = rows
    best = net.pipes["diameter_mm"].to_numpy()
    for row in rows:  # ascending, so that the thickest is written last
        node = net.streets.tail[row]
        if best[row] >= best[found[node]]:
            found[node] = row
    return found


def _water(
    layout: Layout, net: Net, n: Mapping[str, int], rng: np.random.Generator
) -> list[pd.DataFrame]:
    pumps, plants = _of(layout, "water", "pump_station"), _of(layout, "water", "plant")
    meters = max(n["water_flow"] - len(pumps) - len(plants), 0)
    quality = _pipe_ends(net, n["water_quality"], rng)
    return [
        _on("water_pressure", *_pipe_ends(net, n["water_pressure"], rng)),
        _on("water_flow", plants.index, _nodes_of(plants)),
        _on("water_flow", pumps.index, _nodes_of(pumps)),
        _on("water_flow", *_pipe_ends(net, meters, rng)),
        _on("water_turbidity", *quality),
        _on("water_chlorine", *quality),
    ]


def _drainage(
    layout: Layout, net: Net, n: Mapping[str, int], rng: np.random.Generator
) -> list[pd.DataFrame]:
    manholes, gauges = _of(layout, "drainage", "manhole"), _of(layout, "drainage", "rain_gauge")
    xy = np.c_[manholes.geometry.x, manholes.geometry.y]
    crowd = net.pipes["people"].to_numpy()[thickest_pipe(net)[_nodes_of(manholes)]]
    order = np.argsort(-np.log1p(crowd) * rng.uniform(0.5, 1.0, crowd.size), kind="stable")
    level = manholes.iloc[far_apart(xy, order, n["drain_level"])]
    gas = manholes.iloc[far_apart(xy, rng.permutation(len(xy)), n["drain_gas"])]
    flow = level.iloc[:: max(len(level) // max(n["drain_flow"], 1), 1)].iloc[: n["drain_flow"]]
    return [
        _on("drain_level", level.index, _nodes_of(level)),
        _on("drain_gas", gas.index, _nodes_of(gas)),
        _on("drain_flow", flow.index, _nodes_of(flow)),
        _on("rain", gauges.index, _nodes_of(gauges)),
    ]


def _heating(layout: Layout, n: Mapping[str, int], rng: np.random.Generator) -> list[pd.DataFrame]:
    all_, plants = _of(layout, "heating", "substation"), _of(layout, "heating", "plant")
    some = all_.iloc[
        np.sort(rng.choice(len(all_), min(n["heat_substation"], len(all_)), replace=False))
    ]
    rooms = some.iloc[np.sort(np.arange(n["heat_room"]) % len(some))]
    parts = [
        _on(role, some.index, _nodes_of(some))
        for role in ("heat_supply", "heat_return", "heat_pressure", "heat_flow")
    ]
    parts += [
        _on(role, plants.index, _nodes_of(plants))
        for role in ("heat_supply", "heat_return", "heat_pressure", "heat_flow", "heat_makeup")
    ]
    parts.append(_on("heat_room", rooms.index, _nodes_of(rooms)))
    parts.append(_on("air", plants.index[:1], _nodes_of(plants)[:1]))
    return parts


def _structures(
    assets: gpd.GeoDataFrame, n: Mapping[str, int], rng: np.random.Generator
) -> list[pd.DataFrame]:
    def some(kind: str, number: int) -> pd.Index:
        table = assets[assets["kind"] == kind]
        middle = table.geometry.centroid
        rows = far_apart(np.c_[middle.x, middle.y], rng.permutation(len(table)), number)
        return table.index[np.sort(rows)]

    bridges = assets.index[assets["kind"] == "bridge"]
    spread = [
        ("road_settlement", "section"),
        ("tunnel_convergence", "tunnel"),
        ("tunnel_settlement", "tunnel"),
        ("tunnel_vibration", "tunnel"),
        ("entrance_water", "entrance"),
        ("supplies_days", "market"),
        ("supplies_price", "market"),
    ]
    parts = [_on("bridge_strain", np.repeat(bridges, 4))]
    parts += [
        _on(f"bridge_{what}", bridges)
        for what in ("deflection", "temperature", "acceleration", "weight")
    ]
    parts.append(_on("bridge_raw_acceleration", bridges[:3]))
    parts.append(_on("bridge_raw_strain", bridges[:2]))
    parts.append(_on("underpass_water", assets.index[assets["kind"] == "underpass"]))
    parts += [_on(role, some(kind, n[role])) for role, kind in spread]
    parts.append(_on("supplies_days", assets.index[assets["kind"] == "warehouse"]))
    return parts


def _table(parts: list[pd.DataFrame], assets: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    table = pd.concat(parts, ignore_index=True)
    roles = [ROLES[role] for role in table["role"]]
    turn = table.groupby(["asset", "role"]).cumcount() + 1
    short = table["role"].str.split("_", n=1).str[-1]
    table["sensor"] = table["asset"] + ":" + short + "-" + turn.astype(str)
    for name in ("lifeline", "quantity", "resolution", "statistic"):
        table[name] = [getattr(role, name) for role in roles]
    table["unit"] = [quantity_of(role.quantity).unit for role in roles]
    table["clock"] = [role.node for role in roles]
    table["interval_s"] = [_CLOCKS.get(role.clock, 0.02) for role in roles]
    table["range_min"], table["range_max"] = np.array([role.span for role in roles]).T
    table["limit_low"], table["limit_high"] = np.array([role.limits for role in roles]).T
    raw = table["clock"].str.endswith("50Hz")
    number = table[raw].groupby("clock").cumcount() + 1
    table.loc[raw, "clock"] += "-" + number.astype(str)
    depth = table["asset"].map(assets["depth_m"])
    level = table["role"] == "drain_level"
    table.loc[level, "limit_high"] = depth[level].round(2)
    titles = [quantity_of(role.quantity).title for role in roles]
    table["name_zh"] = [f"{title.zh} {k}" for title, k in zip(titles, turn, strict=True)]
    table["name_en"] = [f"{title.en} {k}" for title, k in zip(titles, turn, strict=True)]
    table["real_or_simulated"] = "simulated"
    place = assets.geometry.loc[table["asset"]].to_numpy()
    lines = shapely.get_type_id(place) == shapely.GeometryType.LINESTRING
    middle = shapely.line_interpolate_point(place[lines], 0.5, normalized=True)
    place[lines] = shapely.transform(middle, lambda xy: np.round(xy, 1))
    table["geometry"] = place
    return gpd.GeoDataFrame(table.set_index("sensor"), crs=CRS)
