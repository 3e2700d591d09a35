"""The lifelines: one module each, exporting one `Lifeline`; the registry is this tuple."""

from lifeline_kit.lifelines import bridges, drainage, gas, heating, rail, roads, supplies, water

ALL = (
    gas.GAS,
    water.WATER,
    drainage.DRAINAGE,
    heating.HEATING,
    bridges.BRIDGES,
    roads.ROADS,
    rail.RAIL,
    supplies.SUPPLIES,
)

__all__ = ["ALL"]
