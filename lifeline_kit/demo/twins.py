"""The demo's gas and heating networks, solved as what they are: every pipe, every quarter hour."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from lifeline_kit.demo.layout import Layout
from lifeline_kit.demo.networks import Net
from lifeline_kit.methods.hydraulics import (
    METHANE,
    Flow,
    Gas,
    Hydraulics,
    Liquid,
    pipes,
    prepare,
    sensitivity,
    solve,
    source_flow,
    water,
)
from lifeline_kit.methods.hydraulics.fluids import NORMAL_K, NORMAL_PA

AIR_KPA = 101.325
_ROUGHNESS_M = {"gas": 1e-4, "heating": 5e-5}  # steel in service, and water pipes of steel
_CHUNK = 96  # load cases held in memory at once
_TOLERANCE_PA, _TOLERANCE_KG_S = 1.0, 1e-6  # well below what the instruments resolve


@dataclass(frozen=True)
class NetworkTwin:
    """A network with its usual demand.

    Attributes
    ----------
    net : Net
    hydraulics : Hydraulics
    mean : array, (node,) [m3/h]
        Mean demand at working pressure.
    groups : array, (node,)
        Zone of the node; the zone's demand moves together.
    density : float [kg/m3]
        By which m3/h at working pressure become kg/s.
    loads, source_kpa : arrays, (time, node) [kg/s], (time, source) [kPa]
        The undisturbed month, once it is known; gauge pressure.
    """

    net: Net
    hydraulics: Hydraulics
    mean: np.ndarray
    groups: np.ndarray
    density: float
    loads: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    source_kpa: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))

    def kg_s(self, m3_h: np.ndarray | float) -> np.ndarray:
        """Mass flow of a volume flow at working pressure."""
        return np.asarray(m3_h) * self.density / 3600.0

    def solved(self, loads: np.ndarray, source_kpa: np.ndarray) -> Iterator[tuple[slice, Flow]]:
        """Solve moments one chunk after another; each starts from the one before."""
        before = None
        for first in range(0, len(loads), _CHUNK):
            rows = slice(first, min(first + _CHUNK, len(loads)))
            before = solve(
                self.hydraulics,
                loads[rows],
                source_pa=(source_kpa[rows] + AIR_KPA) * 1e3,
                start=before,
                tolerance_pa=_TOLERANCE_PA,
                tolerance_kg_s=_TOLERANCE_KG_S,
            )
            yield rows, before

    def readings(
        self, loads: np.ndarray, source_kpa: np.ndarray, nodes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Pressures at nodes (node, time) [kPa gauge], flows of sources (source, time) [m3/h]."""
        pressure = np.empty((len(nodes), len(loads)))
        fed = np.empty((self.net.sources.size, len(loads)))
        for rows, flow in self.solved(loads, source_kpa):
            pressure[:, rows] = flow.pressure_pa[:, nodes].T / 1e3 - AIR_KPA
            fed[:, rows] = source_flow(self.hydraulics.network, flow).T
        return pressure, fed * 3600.0 / self.density

    def change(
        self, node: int, drawn_m3_h: np.ndarray, since: int, nodes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """What a further draw does to the undisturbed month, as `readings`.

        Parameters
        ----------
        node : int
        drawn_m3_h : array, (time,) [m3/h]
        since : int
            Index of its first moment.
        nodes : int array
        """
        rows = slice(since, since + drawn_m3_h.size)
        loads, source = self.loads[rows], self.source_kpa[rows]
        more = loads.copy()
        more[:, node] += self.kg_s(drawn_m3_h)
        quiet, fed = self.readings(loads, source, nodes)
        drawn, fed_more = self.readings(more, source, nodes)
        return drawn - quiet, fed_more - fed

    def raised(
        self, source: int, extra_kpa: np.ndarray, since: int, nodes: np.ndarray
    ) -> np.ndarray:
        """Pressure change at nodes where one regulator passes too much, (node, time) [kPa].

        The others close rather than take gas back, moment by moment.
        """
        rows = slice(since, since + extra_kpa.size)
        loads, given = self.loads[rows], self.source_kpa[rows].copy()
        quiet, _ = self.readings(loads, given, nodes)
        given[:, source] += extra_kpa
        change = np.empty_like(quiet)
        network = self.hydraulics.network
        ready: dict[tuple[int, ...], Hydraulics] = {}  # an analysis for each set of open stations
        for moment in range(extra_kpa.size):
            kept = np.arange(network.sources.size)
            while True:
                key = tuple(kept.tolist())
                if key not in ready:
                    part = network.with_(
                        sources=network.sources[kept], source_pa=network.source_pa[kept]
                    )
                    ready[key] = prepare(part, self.hydraulics.fluid)
                pascal = (given[moment, kept] + AIR_KPA) * 1e3
                flow = solve(ready[key], loads[moment], source_pa=pascal)
                back = (source_flow(ready[key].network, flow)[0] < -1e-9) & (kept != source)
                if not back.any():
                    break
                kept = kept[~back]
            change[:, moment] = flow.pressure_pa[0, nodes] / 1e3 - AIR_KPA - quiet[:, moment]
        return change

    def influence(self, node: int) -> np.ndarray:
        """Pressure lost at every node per m3/h more at `node`, at mean demand [kPa h/m3]."""
        flow = solve(self.hydraulics, self.kg_s(self.mean))
        slope = sensitivity(self.hydraulics, flow, np.array([node]))[0]
        return -slope / 1e3 * self.kg_s(1.0)


def network_twin(layout: Layout, lifeline: str, mean: np.ndarray, source_kpa: float) -> NetworkTwin:
    """Make a network of the demo ready for the solver.

    Parameters
    ----------
    mean : array, (node,) [m3/h]
        At working pressure.
    source_kpa : float [kPa]
        Gauge pressure of the sources.
    """
    net = layout.nets[lifeline]
    fluid: Gas | Liquid = METHANE if lifeline == "gas" else water(70.0)
    network = pipes(
        net.streets.head,
        net.streets.tail,
        length_m=np.maximum(net.streets.length, 1.0),
        diameter_m=net.pipes["diameter_mm"].to_numpy() / 1000.0,
        roughness_m=_ROUGHNESS_M[lifeline],
        sources=net.sources,
        source_pa=(source_kpa + AIR_KPA) * 1e3,
        height_m=np.zeros(len(net.streets.xy)),
    )
    if isinstance(fluid, Gas):
        pressure = (source_kpa + AIR_KPA) * 1e3
        z = 1.0 + fluid.compressibility_per_pa * pressure
        warm = NORMAL_K / float(fluid.temperature_k)
        density = fluid.density_n * pressure / NORMAL_PA * warm / z
    else:
        density = float(fluid.density)
    ready = prepare(network, fluid)
    return NetworkTwin(net, ready, mean, layout.ground.zone(net.streets.xy), density)
