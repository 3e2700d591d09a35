"""Networks of pandapipes as networks of ours, for the benchmarks beside it."""

import inspect
import logging
from collections.abc import Iterator
from typing import Any

import numpy as np

from lifeline_kit.methods.hydraulics import Gas, Liquid, Network, check_network
from lifeline_kit.methods.hydraulics.fluids import NORMAL_K
from lifeline_kit.methods.hydraulics.network import PIPE, PUMP, VALVE

_BAR = 1e5
_ONLY_COLEBROOK = ("gas_versatility", "gas_meshed_delta")


def gas_nets() -> Iterator[tuple[str, Any, str]]:
    """Yield name, network and friction of every gas network that the package ships."""
    import pandapipes.networks.simple_gas_networks as shipped

    quiet()
    yield "schutterwald_gas", shipped.schutterwald_gas(), "nikuradse"
    for name, make in inspect.getmembers(shipped, inspect.isfunction):
        if not name.startswith("gas_"):
            continue
        if "method" in inspect.signature(make).parameters:
            yield f"{name}/nikuradse", make("n"), "nikuradse"
            yield f"{name}/colebrook", make("pc"), "colebrook"
        else:
            yield name, make(), "colebrook" if name in _ONLY_COLEBROOK else "nikuradse"


def quiet() -> None:
    """Silence the package's notices about its own test networks."""
    for name in ("pandapipes", "pandapower"):
        logging.getLogger(name).setLevel(logging.ERROR)


def air_pa(height_m: np.ndarray) -> np.ndarray:
    """Pressure of the air as the package takes it (barometric formula)."""
    return 1.01325 * _BAR * (1.0 - np.asarray(height_m, float) * 0.0065 / 288.15) ** 5.255


def network_of(net: Any) -> tuple[Network, Gas | Liquid, np.ndarray]:
    """Convert pipes, valves, pumps and external grids.

    Returns
    -------
    Network, fluid, loads (node,) [kg/s]
        Nodes in the order of the junction table; links: pipes, then valves, then pumps.
    """
    junction = net.junction
    position = {index: k for k, index in enumerate(junction.index)}
    height = junction.height_m.to_numpy(float)
    pipe, valve, pump = net.pipe, net.get("valve"), net.get("pump")
    rows = [_pipe_rows(pipe, position)]
    if valve is not None and len(valve):
        rows.append(_valve_rows(valve, position))
    if pump is not None and len(pump):
        rows.append(_pump_rows(net, pump, position))
    columns = {key: np.concatenate([each[key] for each in rows]) for key in rows[0]}
    grid = net.ext_grid[net.ext_grid.in_service]
    sources = np.array([position[j] for j in grid.junction])
    network = check_network(
        Network(
            nodes=np.array([str(j) for j in junction.index], dtype=object),
            height_m=height,
            setting=np.full(columns["head"].size, np.nan),
            sources=sources,
            source_pa=grid.p_bar.to_numpy(float) * _BAR + air_pa(height[sources]),
            **columns,
        )
    )
    temperature = junction.tfluid_k.to_numpy(float)
    return network, _fluid(net, network, temperature), loads_of(net, position)


def loads_of(net: Any, position: dict[Any, int]) -> np.ndarray:
    """Loads of sinks less sources, (node,) [kg/s]."""
    load = np.zeros(len(position))
    for table, sign in (("sink", 1.0), ("source", -1.0)):
        rows = net.get(table)
        if rows is not None and len(rows):
            rows = rows[rows.in_service]
            amount = sign * rows.mdot_kg_per_s.to_numpy(float) * rows.scaling.to_numpy(float)
            np.add.at(load, [position[j] for j in rows.junction], amount)
    return load


def _fluid(net: Any, network: Network, temperature: np.ndarray) -> Gas | Liquid:
    mean = (temperature[network.head] + temperature[network.tail]) / 2.0
    viscosity = np.array([float(net.fluid.get_viscosity(t)) for t in mean])
    if not net.fluid.is_gas:
        density = np.array([float(net.fluid.get_density(t)) for t in mean])
        return Liquid(density=density, viscosity=viscosity)
    return Gas(
        density_n=float(net.fluid.get_density(NORMAL_K)),
        viscosity=viscosity,
        temperature_k=mean,
        compressibility_per_pa=float(np.ravel(net.fluid.get_der_compressibility())[0]) / _BAR,
    )


def _pipe_rows(pipe: Any, position: dict) -> dict[str, np.ndarray]:
    n = len(pipe)
    return {
        "links": np.array([f"pipe {k}" for k in pipe.index], dtype=object),
        "head": np.array([position[j] for j in pipe.from_junction]),
        "tail": np.array([position[j] for j in pipe.to_junction]),
        "kind": np.full(n, PIPE, dtype=np.int8),
        "length_m": pipe.length_km.to_numpy(float) * 1e3,
        "diameter_m": pipe.inner_diameter_mm.to_numpy(float) / 1e3,
        "roughness_m": pipe.k_mm.to_numpy(float) / 1e3,
        "loss": pipe.loss_coefficient.to_numpy(float),
        "open": pipe.in_service.to_numpy(bool),
        "curve": np.zeros((n, 3)),
    }


def _valve_rows(valve: Any, position: dict) -> dict[str, np.ndarray]:
    n = len(valve)
    return {
        "links": np.array([f"valve {k}" for k in valve.index], dtype=object),
        "head": np.array([position[j] for j in valve.junction]),
        "tail": np.array([position[j] for j in valve.element]),
        "kind": np.full(n, VALVE, dtype=np.int8),
        "length_m": np.zeros(n),
        "diameter_m": valve.inner_diameter_mm.to_numpy(float) / 1e3,
        "roughness_m": np.full(n, 1e-3),
        "loss": valve.loss_coefficient.to_numpy(float),
        "open": valve.opened.to_numpy(bool),
        "curve": np.zeros((n, 3)),
    }


def _pump_rows(net: Any, pump: Any, position: dict) -> dict[str, np.ndarray]:
    n = len(pump)
    curve = np.zeros((n, 3))
    for k, name in enumerate(pump.std_type):
        bar_per_m3h = np.r_[net.std_types["pump"][name].reg_par[::-1], np.zeros(3)][:3]
        curve[k] = bar_per_m3h * _BAR * np.array([1.0, 3600.0, 3600.0**2])
    return {
        "links": np.array([f"pump {k}" for k in pump.index], dtype=object),
        "head": np.array([position[j] for j in pump.from_junction]),
        "tail": np.array([position[j] for j in pump.to_junction]),
        "kind": np.full(n, PUMP, dtype=np.int8),
        "length_m": np.zeros(n),
        "diameter_m": np.full(n, np.nan),
        "roughness_m": np.full(n, 1e-3),
        "loss": np.zeros(n),
        "open": pump.in_service.to_numpy(bool),
        "curve": curve,
    }
