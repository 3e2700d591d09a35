"""Flow of gas, water and heat in networks of pipes."""

from lifeline_kit.methods.hydraulics.fluids import METHANE, Gas, Liquid, water
from lifeline_kit.methods.hydraulics.network import Network, check_network, pipes
from lifeline_kit.methods.hydraulics.solve import (
    Flow,
    Hydraulics,
    prepare,
    sensitivity,
    solve,
    source_flow,
)

__all__ = [
    "METHANE",
    "Flow",
    "Gas",
    "Hydraulics",
    "Liquid",
    "Network",
    "check_network",
    "pipes",
    "prepare",
    "sensitivity",
    "solve",
    "source_flow",
    "water",
]
