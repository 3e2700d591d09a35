"""Gas: its declaration and diagnosis, and the tools that a leak calls for."""

from lifeline_kit.lifelines.gas.diagnosis import GAS

__all__ = ["GAS"]
