"""The gas network of a city as it stands at a moment: pipes, valves, stations, demand."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lifeline_kit.methods.hydraulics import METHANE, Gas
from lifeline_kit.methods.hydraulics.assets import AssetNetwork, network_of_assets
from lifeline_kit.methods.hydraulics.residents import residents
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import UNUSABLE, flatten, nodes

AIR_PA = 101_325.0
_ROUGHNESS_M = 1e-4  # steel in service; PE is smoother
_USUAL_KPA = 300.0  # gauge, where no station is measured: medium pressure A, GB 50028 (not read)
_PER_PERSON_M3N_H = 0.03  # where no station meters its flow; expert
_RECENT = np.timedelta64(2, "h")


@dataclass(frozen=True)
class GasSupply:
    """A gas network with its demand.

    Attributes
    ----------
    assets : AssetNetwork
    gas : Gas
    people, load_kg_s : arrays, (node,) [1], [kg/s]
        Residents of the cells around, and their share of what the stations send.
    measured : bool
        Whether the stations' flow is metered; otherwise demand is a rule of thumb.
    counted : bool
        Whether areas say how many people there are; otherwise each node counts as one.
    """

    assets: AssetNetwork
    gas: Gas
    people: np.ndarray
    load_kg_s: np.ndarray
    measured: bool
    counted: bool = True


def gas_supply(city: City, at: pd.Timestamp) -> GasSupply:
    """Build the gas network of a city from its assets and latest readings.

    Parameters
    ----------
    city : City
        With readings.
    at : Timestamp
        Nothing later is read.

    Raises
    ------
    NetworkError
        Where the city has no gas pipe that a station feeds.
    """
    stations, usual, built = _built(city, at)
    people = residents(city, built)
    flow = latest(city, "flow", stations, at)  # at working pressure
    normal = latest(city, "standard_flow", stations.difference(list(flow)), at)
    density = METHANE.density_n * (usual * 1e3 + AIR_PA) / AIR_PA
    if flow or normal:
        total = (sum(flow.values()) * density + sum(normal.values()) * METHANE.density_n) / 3600.0
    else:
        total = people.sum() * _PER_PERSON_M3N_H * METHANE.density_n / 3600.0
    share = people / people.sum() if people.sum() > 0 else np.full(people.size, 1 / people.size)
    counted = bool(len(city.areas)) and "population" in city.areas
    return GasSupply(built, METHANE, people, share * total, bool(flow or normal), counted)


def gas_network(city: City, at: pd.Timestamp) -> AssetNetwork:
    """Build the network alone; what it leaves out is of interest without any demand.

    Raises
    ------
    NetworkError
        Where the city has no gas pipe that a station feeds.
    """
    return _built(city, at)[2]


def _built(city: City, at: pd.Timestamp) -> tuple[pd.Index, float, AssetNetwork]:
    """Stations, the usual pressure at their outlets [kPa gauge], and the network they feed."""
    own = city.assets[city.assets["lifeline"] == "gas"]
    stations = own.index[own["kind"] == "station"]
    pressure = latest(city, "pressure", stations, at)
    usual = float(np.median(list(pressure.values()))) if pressure else _USUAL_KPA
    source = {asset: pressure.get(asset, usual) * 1e3 + AIR_PA for asset in stations}
    built = network_of_assets(
        own, source_kinds=("station",), source_pa=source, roughness_m=_ROUGHNESS_M
    )
    return stations, usual, built


def latest(city: City, quantity: str, assets: pd.Index, at: pd.Timestamp) -> dict[str, float]:
    """Median of the last two hours of usable readings per asset."""
    wanted = city.sensors[
        (city.sensors["quantity"] == quantity) & city.sensors["asset"].isin(assets)
    ]
    now = at.to_datetime64()
    found: dict[str, float] = {}
    for _, node in nodes(city.readings, quantity):
        flat = flatten(node)
        bad = (
            node["tests"].to_numpy().reshape(-1)[flat.position] & UNUSABLE if "tests" in node else 0
        )
        good = (bad == 0) & (flat.time <= now) & (flat.time > now - _RECENT)
        for k in np.flatnonzero(np.isin(flat.sensors, wanted.index)).tolist():
            rows = slice(flat.starts[k], flat.starts[k + 1])
            here = flat.value[rows][good[rows]]
            if here.size:
                found[str(wanted["asset"][flat.sensors[k]])] = float(np.median(here))
    return found
