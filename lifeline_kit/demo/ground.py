"""Modelled ground of the demo city: zones, cells, people and height. No boundary is real."""

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifeline_kit.demo.streets import CRS, Streets

CELL_M = 500.0
_HOMES = {
    "residential": 1.0,
    "living_street": 1.2,
    "pedestrian": 1.0,
    "tertiary": 0.5,
    "unclassified": 0.35,
    "secondary": 0.25,
}
_DIGITS = "零一二三四五六七八九十"


@dataclass(frozen=True)
class Ground:
    """What the city stands on.

    Attributes
    ----------
    areas : GeoDataFrame, index `area`
    seeds : array, (district, 2) [m]
        Middle of each modelled zone.
    built : array, (district,)
        Mean year in which a zone's networks were laid.
    origin : array, (2,) [m]
    people : array, (column, row)
        Modelled population per 500 m cell.
    waves : array, (wave, 4)
        Height above a plane: amplitude [m], two wave numbers [rad/m], phase.
    """

    areas: gpd.GeoDataFrame
    seeds: np.ndarray
    built: np.ndarray
    origin: np.ndarray
    people: np.ndarray
    waves: np.ndarray

    def zone(self, xy: np.ndarray) -> np.ndarray:
        """Return the zone number at points."""
        return np.argmin(((np.asarray(xy)[:, None] - self.seeds[None]) ** 2).sum(axis=2), axis=1)

    def district(self, xy: np.ndarray) -> np.ndarray:
        """Return the area id of the zone at points."""
        names = np.array([f"zone-{n + 1:02d}" for n in range(len(self.seeds))], dtype=object)
        return names[self.zone(xy)]

    def people_near(self, xy: np.ndarray) -> np.ndarray:
        """Return the population of the cell at points."""
        cell = np.floor((np.asarray(xy) - self.origin) / CELL_M).astype(int)
        column, row = np.clip(cell, 0, np.array(self.people.shape) - 1).T
        return self.people[column, row]

    def height(self, xy: np.ndarray) -> np.ndarray:
        """Return the modelled ground height [m]."""
        phase = np.asarray(xy) @ self.waves[:, 1:3].T + self.waves[:, 3]
        return 25.0 + (self.waves[:, 0] * np.sin(phase)).sum(axis=1)


def chinese_number(n: int) -> str:
    """Write 1-99 in Chinese numerals.

    Examples
    --------
    >>> chinese_number(2), chinese_number(10), chinese_number(14), chinese_number(23)
    ('二', '十', '十四', '二十三')
    """
    tens, ones = divmod(n, 10)
    head = ("" if tens < 2 else _DIGITS[tens]) + ("十" if tens else "")
    return head + (_DIGITS[ones] if ones else "")


def model_ground(
    streets: Streets, *, districts: int, population: float, rng: np.random.Generator
) -> Ground:
    """Model zones, cells, population and height from the streets.

    Parameters
    ----------
    streets : Streets
    districts : int
    population : float
        Of the whole city; spread over 500 m cells by the length of streets with homes.
    rng : Generator
    """
    middle = shapely.get_coordinates(
        shapely.line_interpolate_point(streets.line, 0.5, normalized=True)
    )
    origin = np.floor(streets.xy.min(axis=0) / CELL_M) * CELL_M
    shape = np.ceil((streets.xy.max(axis=0) - origin) / CELL_M).astype(int) + 1
    column, row = ((middle - origin) // CELL_M).astype(int).T
    weight = pd.Series(streets.highway).map(_HOMES).fillna(0.0).to_numpy() * streets.length
    homes = np.zeros(shape)
    np.add.at(homes, (column, row), weight)
    homes *= rng.lognormal(0.0, 0.25, size=shape)
    people = np.round(homes / homes.sum() * population)
    seeds = _spread(middle, districts, rng)
    length = rng.uniform(4000.0, 15000.0, 6)
    angle = rng.uniform(0.0, 2 * np.pi, 6)
    waves = np.c_[
        rng.uniform(0.5, 2.0, 6),
        2 * np.pi / length * np.cos(angle),
        2 * np.pi / length * np.sin(angle),
        rng.uniform(0.0, 2 * np.pi, 6),
    ]
    built = np.sort(rng.uniform(1984.0, 2013.0, districts))[rng.permutation(districts)]
    ground = Ground(gpd.GeoDataFrame(), seeds, built, origin, people, waves)
    used = np.zeros(shape, dtype=bool)
    used[column, row] = True
    return Ground(_areas(ground, used, rng), seeds, built, origin, people, waves)


def _spread(points: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Seed zones far from one another, then move each to the middle of its points (Lloyd)."""
    seeds = points[rng.choice(len(points), n, replace=False)]
    for _ in range(12):
        nearest = np.argmin(((points[:, None] - seeds[None]) ** 2).sum(axis=2), axis=1)
        seeds = np.array(
            [
                points[nearest == k].mean(axis=0) if (nearest == k).any() else seeds[k]
                for k in range(n)
            ]
        )
    return np.round(seeds, 1)


def _areas(ground: Ground, used: np.ndarray, rng: np.random.Generator) -> gpd.GeoDataFrame:
    columns, rows = np.nonzero(used)
    corner = ground.origin + np.c_[columns, rows] * CELL_M
    boxes = shapely.box(*corner.T, *(corner + CELL_M).T)
    zone = ground.zone(corner + CELL_M / 2)
    people = ground.people[columns, rows]
    vulnerable = np.round(people * np.clip(rng.normal(0.2, 0.04, people.size), 0.08, 0.35))
    cells = pd.DataFrame(
        {
            "area": [f"cell-{c:03d}-{r:03d}" for c, r in zip(columns, rows, strict=True)],
            "level": "cell",
            "parent": [f"zone-{z + 1:02d}" for z in zone],
            "name_zh": [f"网格 {c:03d}-{r:03d}" for c, r in zip(columns, rows, strict=True)],
            "name_en": [f"Cell {c:03d}-{r:03d}" for c, r in zip(columns, rows, strict=True)],
            "population": people,
            "vulnerable": vulnerable,
            "geometry": boxes,
        }
    )
    zones = pd.DataFrame(
        [
            {
                "area": f"zone-{z + 1:02d}",
                "level": "district",
                "parent": "city",
                "name_zh": f"示范{chinese_number(z + 1)}区",
                "name_en": f"Zone {z + 1}",
                "population": people[zone == z].sum(),
                "vulnerable": vulnerable[zone == z].sum(),
                "geometry": shapely.union_all(boxes[zone == z]),
            }
            for z in range(len(ground.seeds))
        ]
    )
    city = pd.DataFrame(
        [
            {
                "area": "city",
                "level": "city",
                "parent": "",
                "name_zh": "武汉（模拟）",
                "name_en": "Wuhan (simulated)",
                "population": people.sum(),
                "vulnerable": vulnerable.sum(),
                "geometry": shapely.union_all(boxes),
            }
        ]
    )
    table = pd.concat([city, zones, cells], ignore_index=True).assign(real_or_simulated="simulated")
    return gpd.GeoDataFrame(table.set_index("area"), crs=CRS)
