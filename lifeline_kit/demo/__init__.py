"""The simulated demo city: streets, networks, series, injected incidents with their truth."""

from lifeline_kit.demo.build import build_city, write_demo
from lifeline_kit.demo.size import FULL, SIZES, SMALL, Size

__all__ = ["FULL", "SIZES", "SMALL", "Size", "build_city", "write_demo"]
