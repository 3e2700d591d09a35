"""Where a heating network loses water: supply and return weighed separately, then together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lifeline_kit.methods.hydraulics import Hydraulics
from lifeline_kit.methods.localise import Gauges, Suspects, locate_leak, usual


@dataclass(frozen=True)
class Side:
    """One of the two networks: its hydraulics, and whether consumers feed it.

    Attributes
    ----------
    hydraulics : Hydraulics
    returning : bool
        On the return side substations feed the network and the plant takes.
    """

    hydraulics: Hydraulics
    returning: bool = False

    def load(self, taken_kg_s: np.ndarray) -> np.ndarray:
        """Load of each node where substations take `taken_kg_s` from the supply [kg/s]."""
        return -taken_kg_s if self.returning else np.asarray(taken_kg_s, dtype=float)


@dataclass(frozen=True)
class HeatLeak:
    """Where the leak may be.

    Attributes
    ----------
    supply, back : Suspects
        As if the leak were surely on that side.
    on_supply : float
        Probability that it is on the supply side, both being as likely beforehand.
    """

    supply: Suspects
    back: Suspects
    on_supply: float

    @property
    def best(self) -> Suspects:
        """Suspects of the likelier side."""
        return self.supply if self.on_supply >= 0.5 else self.back


def locate_heat_leak(
    supply: Side,
    back: Side,
    taken_kg_s: np.ndarray,
    readings: tuple[np.ndarray, np.ndarray],
    gauges: Gauges,
    candidates: np.ndarray,
) -> HeatLeak:
    """Locate a leak from what substations and plant measure.

    Parameters
    ----------
    supply, back : Side
        The two networks, nodes numbered alike.
    taken_kg_s : array, (moment, node) [kg/s]
        Flow metered at the substations.
    readings : two arrays, (moment, sensor + 1)
        Of supply and return: absolute pressures at the gauges [Pa], then what the plant feeds in
        there [kg/s] (below zero on the return side).
    gauges : Gauges
        Of either side; `load_share` is that of the flow meters.
    candidates : int array, (candidate,)
    """
    found, evidence = [], []
    for side, seen in zip((supply, back), readings, strict=True):
        moments = [usual(side.hydraulics, side.load(row), gauges) for row in taken_kg_s]
        suspects = locate_leak(moments, seen, candidates)
        found.append(suspects)
        evidence.append(suspects.evidence)
    on_supply = 1.0 / (1.0 + np.exp(np.clip(evidence[1] - evidence[0], -700, 700)))
    return HeatLeak(found[0], found[1], float(on_supply))


def sides(supply: Hydraulics, back: Hydraulics) -> Sequence[Side]:
    """Return the two sides of a network whose nodes are numbered alike."""
    return Side(supply), Side(back, returning=True)
