"""How large a demo city is, and its streams of chance."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

Point = tuple[float, float]
Banks = tuple[tuple[Point, ...], tuple[Point, ...]]

_NORTH_WEST, _SOUTH_WEST = (239207.0, 3388426.0), (237154.0, 3382928.0)
_EAST, _NORTH_EAST = (245765.0, 3381613.0), (249835.0, 3391502.0)

_SITES = {
    "hospital": 14,
    "school": 60,
    "fire_station": 14,
    "shelter": 30,
    "warehouse": 6,
    "market": 40,
    "depot": 8,
    "gas_station": 16,
    "water_plant": 2,
    "water_pump": 8,
    "heat_plant": 3,
    "heat_substation": 40,
    "drain_pump": 8,
    "rain_gauge": 10,
    "underpass": 14,
    "outfall": 8,
}
_SENSORS = {
    "gas_space": 170,
    "gas_pressure": 90,
    "water_pressure": 150,
    "water_flow": 44,
    "water_quality": 16,
    "drain_level": 130,
    "drain_gas": 30,
    "drain_flow": 20,
    "heat_substation": 28,
    "heat_room": 60,
    "road_settlement": 70,
    "tunnel_convergence": 55,
    "tunnel_settlement": 45,
    "tunnel_vibration": 20,
    "entrance_water": 20,
    "supplies_days": 36,
    "supplies_price": 20,
}


@dataclass(frozen=True, kw_only=True)
class Size:
    """One size of the demo city.

    Attributes
    ----------
    bounds : (x_min, y_min, x_max, y_max) [m], EPSG:32650; None takes all streets
    banks : pairs of groups of points on either bank of a river
    districts : int
        Modelled zones.
    population : float
    piece_m : float
        Longer streets are cut, so that no pipe is longer.
    merge_m : float
        Pipes within cells of this size are merged, see `networks.lay_network`.
    spacing_m : float
        Between valves; spaces next to gas pipes stand somewhat closer.
    heated_m : float
        How far district heating reaches from its plants.
    sites, sensors : mapping of kind to number
        Wishes; fewer where the streets offer fewer places.
    road_classes : tuple of str
        Streets that count as road sections of their own.
    incidents : int
        How many rounds of the incident catalogue are played.
    """

    key: str
    bounds: tuple[float, float, float, float] | None
    banks: tuple[Banks, ...]
    districts: int
    population: float
    piece_m: float
    merge_m: float
    spacing_m: float
    heated_m: float
    sites: Mapping[str, int] = field(default_factory=lambda: dict(_SITES))
    sensors: Mapping[str, int] = field(default_factory=lambda: dict(_SENSORS))
    road_classes: tuple[str, ...] = ("motorway", "trunk", "primary")
    incidents: int = 1


def _times(numbers: Mapping[str, int], factor: float, **others: int) -> dict[str, int]:
    return {key: round(number * factor) for key, number in numbers.items()} | others


SMALL = Size(
    key="small",
    bounds=(235000.0, 3381500.0, 247000.0, 3391500.0),
    banks=(
        ((_NORTH_WEST, _SOUTH_WEST), (_EAST,)),
        ((_NORTH_WEST,), (_SOUTH_WEST,)),
    ),
    districts=6,
    population=1_700_000.0,
    piece_m=500.0,
    merge_m=330.0,
    spacing_m=650.0,
    heated_m=2200.0,
)
FULL = Size(
    key="full",
    bounds=None,
    banks=(
        ((_NORTH_WEST, _SOUTH_WEST), (_EAST, _NORTH_EAST)),
        ((_NORTH_WEST,), (_SOUTH_WEST,)),
    ),
    districts=18,
    population=8_900_000.0,
    piece_m=300.0,
    merge_m=0.0,
    spacing_m=400.0,
    heated_m=3200.0,
    sites=_times(_SITES, 7, water_plant=8, heat_plant=16, outfall=40),
    sensors=_times(_SENSORS, 22, tunnel_convergence=220, tunnel_settlement=180, entrance_water=120),
    road_classes=("motorway", "trunk", "primary", "secondary", "tertiary", "unclassified"),
    incidents=3,
)
SIZES = {"small": SMALL, "full": FULL}


def stream(seed: int, *names: str) -> np.random.Generator:
    """Return the stream of chance of one part: a new part never shifts the others.

    Examples
    --------
    >>> bool(stream(1, "gas").random() == stream(1, "gas").random())
    True
    """
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])
