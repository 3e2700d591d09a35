"""GCJ-02 and BD-09: the displaced coordinates of map services in China, there and back.

Neither is a coordinate reference system that PROJ knows: both bend WGS 84 by tens to hundreds of
metres, differently at every place. Coordinates in them are never stored as they are.

References
----------
The displacement is the published reverse-engineered polynomial (PRCoords, CC0); the inverse is a
fixed-point iteration on the forward formula.
"""

import numpy as np

from lifeline_kit.text import Text

DATUMS = ("gcj02", "bd09")
_SPELT = {"gcj02": "gcj02", "gcj-02": "gcj02", "gcj_02": "gcj02", "火星坐标": "gcj02"}
_SPELT |= {
    "高德": "gcj02",
    "amap": "gcj02",
    "腾讯": "gcj02",
    "mars": "gcj02",
    "火星坐标系": "gcj02",
}
_SPELT |= {"bd09": "bd09", "bd-09": "bd09", "bd09ll": "bd09", "百度": "bd09", "baidu": "bd09"}
_SPELT |= {"百度坐标": "bd09", "百度坐标系": "bd09", "bd_09": "bd09"}
_AXIS, _ECCENTRICITY = 6378245.0, 0.00669342162296594323  # Krassovsky, as the formula has it
_BD_TURN = np.pi * 3000.0 / 180.0
_BD_LON, _BD_LAT = 0.0065, 0.006
_STEPS = 5  # three leave 0.1 mm


def datum_in(word: object) -> str | None:
    """Recognise the name of a displaced datum.

    Examples
    --------
    >>> datum_in("GCJ-02"), datum_in("百度坐标"), datum_in("WGS84")
    ('gcj02', 'bd09', None)
    """
    return _SPELT.get(str(word).strip().casefold())


def _shift(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Displacement of GCJ-02 against WGS 84 [degrees]."""
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    wave = (20.0 * np.sin(6.0 * np.pi * x) + 20.0 * np.sin(2.0 * np.pi * x)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + wave
    north += (20.0 * np.sin(np.pi * y) + 40.0 * np.sin(np.pi / 3.0 * y)) * 2.0 / 3.0
    north += (160.0 * np.sin(np.pi / 12.0 * y) + 320.0 * np.sin(np.pi / 30.0 * y)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + wave
    east += (20.0 * np.sin(np.pi * x) + 40.0 * np.sin(np.pi / 3.0 * x)) * 2.0 / 3.0
    east += (150.0 * np.sin(np.pi / 12.0 * x) + 300.0 * np.sin(np.pi / 30.0 * x)) * 2.0 / 3.0
    angle = np.radians(lat)
    bend = 1.0 - _ECCENTRICITY * np.sin(angle) ** 2
    meridian = _AXIS * (1.0 - _ECCENTRICITY) / (bend * np.sqrt(bend))
    parallel = _AXIS / np.sqrt(bend) * np.cos(angle)
    return np.degrees(east / parallel), np.degrees(north / meridian)


def to_gcj02(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Displace WGS 84 to GCJ-02; arrays of any one shape [degrees]."""
    east, north = _shift(lon, lat)
    return lon + east, lat + north


def from_gcj02(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bring GCJ-02 back to WGS 84; what is left of the displacement is far below a millimetre."""
    x, y = lon.copy(), lat.copy()
    for _ in range(_STEPS):
        east, north = _shift(x, y)
        x, y = lon - east, lat - north
    return x, y


def to_bd09(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Displace WGS 84 to BD-09; arrays of any one shape [degrees]."""
    return _turned(*to_gcj02(lon, lat))


def _turned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    radius = np.hypot(x, y) + 2e-5 * np.sin(y * _BD_TURN)
    angle = np.arctan2(y, x) + 3e-6 * np.cos(x * _BD_TURN)
    return radius * np.cos(angle) + _BD_LON, radius * np.sin(angle) + _BD_LAT


def from_bd09(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bring BD-09 back to WGS 84."""
    x, y = lon - _BD_LON, lat - _BD_LAT
    for _ in range(_STEPS):
        there = _turned(x, y)
        x, y = x + lon - there[0], y + lat - there[1]
    return from_gcj02(x, y)


def undisplaced(lon: np.ndarray, lat: np.ndarray, datum: str) -> tuple[np.ndarray, np.ndarray]:
    """Bring coordinates of a displaced datum (`DATUMS`) back to WGS 84 [degrees]."""
    return from_gcj02(lon, lat) if datum == "gcj02" else from_bd09(lon, lat)


def told(datum: str, why: Text) -> Text:
    """Say that coordinates were brought back, and on what evidence."""
    name = "GCJ-02" if datum == "gcj02" else "BD-09"
    return Text(
        f"{name} 偏移坐标（{why.zh}），已换算为未偏移坐标",
        f"displaced coordinates of {name} ({why.en}), brought back to true ones",
    )
