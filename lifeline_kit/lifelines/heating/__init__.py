"""District heating: its declaration and diagnosis, and the tools that faults call for."""

from lifeline_kit.lifelines.heating.diagnosis import HEATING

__all__ = ["HEATING"]
