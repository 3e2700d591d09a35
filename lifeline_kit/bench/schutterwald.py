"""The Schutterwald networks as plain tables: gas, gas with seeded valves, and heating, resized.

The tables in `data/networks` were written by `write_tables` from the networks that pandapipes
ships (BSD-3-Clause; Kisse, Braun, Letzgus, Kneiske 2020, Energies 13, 4052). Streets, lengths,
diameters and demands of the gas network are theirs. It has no valves: they are seeded here, about
one every 250 m of main. The heating network's diameters and consumers are placeholders there; it
is resized here for 0.35 kg/s a substation and 150 Pa/m.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse import csgraph

from lifeline_kit.bench.pandapipes_nets import air_pa
from lifeline_kit.methods.hydraulics import Gas, Network, check_network
from lifeline_kit.methods.hydraulics.network import KINDS, VALVE

_IN_WHEEL = Path(__file__).with_name("networks")
_IN_CHECKOUT = Path(__file__).resolve().parents[2] / "data" / "networks"
FOLDER = _IN_WHEEL if _IN_WHEEL.exists() else _IN_CHECKOUT
HGAS = Gas(density_n=0.73168, viscosity=1.0697e-5, temperature_k=283.15)
VALVE_EVERY_M = 250.0
_SUBSTATION_KG_S, _DESIGN_PA_M, _DARCY, _WATER = 0.35, 150.0, 0.02, 980.0


@dataclass(frozen=True)
class Town:
    """A network with the places of its nodes.

    Attributes
    ----------
    network : Network
    xy : array, (node, 2) [m]
    load_kg_s : array, (node,) [kg/s]
    main : bool array, (node,)
        On a main, not at the end of a house connection.
    """

    network: Network
    xy: np.ndarray
    load_kg_s: np.ndarray
    main: np.ndarray


def town(name: str) -> Town:
    """Read `gas`, `gas_valves` or `heat`."""
    nodes = pd.read_parquet(FOLDER / f"schutterwald_{name}_nodes.parquet")
    links = pd.read_parquet(FOLDER / f"schutterwald_{name}_links.parquet")
    count = len(links)
    sources = np.flatnonzero(nodes["source_pa"] > 0)
    network = Network(
        nodes=nodes.index.to_numpy().astype(str).astype(object),
        height_m=nodes["height_m"].to_numpy(),
        links=links.index.to_numpy().astype(str).astype(object),
        head=links["head"].to_numpy(np.int64),
        tail=links["tail"].to_numpy(np.int64),
        kind=links["kind"].map(KINDS.index).to_numpy(np.int8),
        length_m=links["length_m"].to_numpy(),
        diameter_m=links["diameter_m"].to_numpy(),
        roughness_m=links["roughness_m"].to_numpy(),
        loss=np.zeros(count),
        open=np.ones(count, dtype=bool),
        setting=np.full(count, np.nan),
        curve=np.zeros((count, 3)),
        sources=sources,
        source_pa=nodes["source_pa"].to_numpy()[sources],
    )
    xy = nodes[["x_m", "y_m"]].to_numpy()
    load, main = nodes["load_kg_s"].to_numpy(), nodes["main"].to_numpy(bool)
    return Town(check_network(network), xy, load, main)


def write_tables(folder: Path) -> None:
    """Write the tables anew; needs pandapipes."""
    from pandapipes import networks as shipped

    nodes, links = _gas_tables(shipped.schutterwald_gas())
    _write(folder, "gas", nodes, links)
    _write(folder, "gas_valves", *_with_valves(nodes, links, np.random.default_rng(250)))
    _write(folder, "heat", *_heat_tables(shipped.schutterwald_heat()))


def _write(folder: Path, name: str, nodes: pd.DataFrame, links: pd.DataFrame) -> None:
    nodes.to_parquet(folder / f"schutterwald_{name}_nodes.parquet", compression="zstd")
    links.to_parquet(folder / f"schutterwald_{name}_links.parquet", compression="zstd")


def _gas_tables(net: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    position = {index: k for k, index in enumerate(net.junction.index)}
    load = np.zeros(len(position))
    np.add.at(load, [position[j] for j in net.sink.junction], net.sink.mdot_kg_per_s.to_numpy())
    source = np.zeros(len(position))
    height = net.junction.height_m.to_numpy(float)
    for junction, bar in zip(net.ext_grid.junction, net.ext_grid.p_bar, strict=True):
        here = position[junction]
        source[here] = bar * 1e5 + air_pa(height[here])
    nodes = pd.DataFrame(
        {
            "x_m": net.junction_geodata.x.to_numpy(float),
            "y_m": net.junction_geodata.y.to_numpy(float),
            "height_m": height,
            "load_kg_s": load,
            "source_pa": source,
            "main": ~np.isin(np.arange(load.size), [position[j] for j in net.sink.junction]),
        },
        index=pd.Index([f"n{k}" for k in range(load.size)], name="node"),
    )
    links = pd.DataFrame(
        {
            "head": [position[j] for j in net.pipe.from_junction],
            "tail": [position[j] for j in net.pipe.to_junction],
            "kind": "pipe",
            "length_m": net.pipe.length_km.to_numpy(float) * 1e3,
            "diameter_m": net.pipe.inner_diameter_mm.to_numpy(float) / 1e3,
            "roughness_m": net.pipe.k_mm.to_numpy(float) / 1e3,
        },
        index=pd.Index([f"p{k}" for k in range(len(net.pipe))], name="link"),
    )
    return nodes, links


def _with_valves(
    nodes: pd.DataFrame, links: pd.DataFrame, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Put a valve at one end of mains, each with the chance of its length over 250 m."""
    main = nodes["main"].to_numpy()
    both = main[links["head"]] & main[links["tail"]]
    length = links["length_m"].to_numpy()
    wanted = np.flatnonzero(both & (rng.random(len(links)) < length / VALVE_EVERY_M))
    links, more_nodes, more_links = links.copy(), [], []
    for k, link in enumerate(wanted.tolist()):
        end = "head" if rng.random() < 0.5 else "tail"
        column = links.columns.get_loc(end)
        old, new = int(links.iloc[link, column]), len(nodes) + k
        links.iloc[link, column] = new
        more_nodes.append(nodes.iloc[old].to_dict() | {"load_kg_s": 0.0, "source_pa": 0.0})
        bore = float(links["diameter_m"].iloc[link])
        more_links.append({"head": old, "tail": new, "kind": "valve", "diameter_m": bore})
    valves = pd.DataFrame(more_links, index=[f"v{k}" for k in range(wanted.size)])
    extra = pd.DataFrame(more_nodes, index=[f"n{len(nodes) + k}" for k in range(wanted.size)])
    out = pd.concat([links, valves.assign(length_m=0.0, roughness_m=1e-4)])
    out.index.name = "link"
    return pd.concat([nodes, extra]).rename_axis("node"), out[links.columns]


def _heat_tables(net: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Keep the supply tree, and size its pipes for their design flow."""
    length = {}
    for pipe in net.pipe.itertuples():
        length[pipe.from_junction, pipe.to_junction] = pipe.length_km * 1e3
    for valve in net.valve.itertuples():
        length[valve.junction, valve.element] = 0.1
    names = {index: k for k, index in enumerate(net.junction.index)}
    ends = np.array([[names[a], names[b]] for a, b in length])
    n = len(names)
    graph = sparse.coo_array((np.array(list(length.values())), ends.T), shape=(n, n)).tocsr()
    start = names[net.circ_pump_pressure.flow_junction.iloc[0]]
    order, before = csgraph.breadth_first_order(graph, start, directed=False)
    place = {node: k for k, node in enumerate(order.tolist())}
    tail = np.arange(1, order.size)
    head = np.array([place[before[node]] for node in order[1:]])
    along = np.maximum(
        graph[before[order[1:]], order[1:]].astype(float),
        graph[order[1:], before[order[1:]]].astype(float),
    )
    load = np.zeros(order.size)
    consumers = [place[names[j]] for j in net.heat_consumer.from_junction if names[j] in place]
    np.add.at(load, consumers, _SUBSTATION_KG_S)
    through = load.copy()
    for k in range(order.size - 1, 0, -1):
        through[head[k - 1]] += through[k]
    flow = np.maximum(through[1:], 0.05)
    wished = (8.0 * _DARCY * flow**2 / (np.pi**2 * _WATER * _DESIGN_PA_M)) ** 0.2
    source = np.zeros(order.size)
    source[0] = 9.0e5 + 101_325.0
    geo = net.junction_geodata.loc[net.junction.index[order]]
    nodes = pd.DataFrame(
        {
            "x_m": geo.x.to_numpy(float),
            "y_m": geo.y.to_numpy(float),
            "height_m": np.zeros(order.size),
            "load_kg_s": load,
            "source_pa": source,
            "main": True,
        },
        index=pd.Index([f"n{k}" for k in range(order.size)], name="node"),
    )
    links = pd.DataFrame(
        {
            "head": head,
            "tail": tail,
            "kind": "pipe",
            "length_m": np.maximum(along, 0.1),
            "diameter_m": np.maximum(np.ceil(wished * 200.0) / 200.0, 0.02),
            "roughness_m": 5e-5,
        },
        index=pd.Index([f"p{k}" for k in range(tail.size)], name="link"),
    )
    return nodes, links


def valves(network: Network) -> np.ndarray:
    """Positions of the valves among the links."""
    return np.flatnonzero(network.kind == VALVE)
