"""Leaks under streets and what terminals in underground spaces read of them: truth for tracing.

Simulated throughout. Mains lie along the real streets of the demo city; spaces stand beside them;
each leak draws its own soil, covers, ducts and detectors:

| parameter | drawn from | source |
|---|---|---|
| spaces | one per 30 m of main, 1-8 m off | chambers of several utilities; expert |
| decay length of soil | 3-12 m, uniform | range of controlled underground releases, review |
| shape of the decay, exp(-(d/L)^p) | p 0.85-1.2, uniform | expert: soils are layered |
| scatter per space | log-normal, 0.7 | cracks, fillings and volumes; expert |
| air change through the cover | 0.19-0.47 1/h, uniform | McManus, Infrastructures 4(4) 68 |
| ducts | 60 % of a minimum spanning tree of spaces within 60 m | expert |
| exchange through a duct | log-normal, median 0.1 1/h, 0.7 | expert |
| ducts missing on the map | 15 % | expert |
| leak rate into a space at the leak | log-normal, median 3 %VOL/h, 0.8 | 1-3 kg/h in tens of m3 |
| detector | 5 % and 0.02 %VOL, normal; detection from 0.1 %VOL | data sheets, expert |

None of it is read by `methods.seepage`, which assumes one air change, one exchange, p = 1 and
equally likely decay lengths.
"""

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy import sparse
from scipy.sparse import csgraph
from scipy.sparse.linalg import spsolve
from scipy.spatial import KDTree

from lifeline_kit.demo.ground import model_ground
from lifeline_kit.demo.networks import PLANS, lay_network
from lifeline_kit.demo.size import stream
from lifeline_kit.demo.streets import load_streets

DETECTION = 0.1  # %VOL
_PATCH_M = 2400.0
_PATCHES = (
    (244800.0, 3379200.0),
    (235200.0, 3388800.0),
    (242400.0, 3376800.0),
    (235200.0, 3384000.0),
)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Mains, spaces and ducts of one part of the city.

    Attributes
    ----------
    lines : array of LineString, (main,)
    xy : array, (space, 2) [m]
    ducts : int array, (duct, 2)
        As they are.
    mapped : bool array, (duct,)
        Which of them the map shows.
    """

    lines: np.ndarray
    xy: np.ndarray
    ducts: np.ndarray
    mapped: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Leak:
    """One leak and what the sensed spaces read of it.

    Attributes
    ----------
    xy : array, (2,) [m]
    line : int
        The main it is in.
    sensed : int array, (sensed,)
    reading : array, (sensed,) [%VOL]
    decay_m : float [m]
    """

    xy: np.ndarray
    line: int
    sensed: np.ndarray
    reading: np.ndarray
    decay_m: float


def lay_scene(seed: int, *, spacing_m: float = 30.0) -> Scene:
    """Lay mains, spaces and ducts under some of the demo city's streets.

    Parameters
    ----------
    seed : int
        Also chooses the part of the city.
    spacing_m : float, default 30 [m]
        Main per space.

    Raises
    ------
    InputError
        Where the street file is missing.
    """
    rng = stream(seed, "seepage")
    x, y = _PATCHES[seed % len(_PATCHES)]
    streets = load_streets(bounds=(x, y, x + _PATCH_M, y + _PATCH_M))
    ground = model_ground(streets, districts=1, population=40_000.0, rng=rng)
    net = lay_network(PLANS["gas"], streets, ground, near=streets.xy[:1], merge_m=0.0, rng=rng)
    lines = net.streets.line
    whole = shapely.length(lines)
    line = np.repeat(np.arange(whole.size), rng.poisson(whole / spacing_m))
    along = rng.uniform(0, 1, line.size)
    here = shapely.get_coordinates(
        shapely.line_interpolate_point(lines[line], along, normalized=True)
    )
    ahead = shapely.get_coordinates(
        shapely.line_interpolate_point(lines[line], np.minimum(along + 0.01, 1), normalized=True)
    )
    behind = shapely.get_coordinates(
        shapely.line_interpolate_point(lines[line], np.maximum(along - 0.01, 0), normalized=True)
    )
    step = ahead - behind
    step /= np.maximum(np.hypot(*step.T), 1e-9)[:, None]
    off = rng.uniform(1, 8, line.size) * rng.choice([-1.0, 1.0], line.size)
    xy = here + np.c_[-step[:, 1], step[:, 0]] * off[:, None]
    ducts = _ducts(xy, rng)
    return Scene(lines=lines, xy=xy, ducts=ducts, mapped=rng.random(len(ducts)) >= 0.15)


def scene_assets(scene: Scene, crs: str) -> gpd.GeoDataFrame:
    """Mains and spaces of a scene as a city's assets, index `asset`: `p0` …, `s0` ….

    Parameters
    ----------
    scene : Scene
    crs : str
        Metric; what places in it mean is up to the caller.
    """
    names = [f"p{k}" for k in range(len(scene.lines))] + [f"s{k}" for k in range(len(scene.xy))]
    kind = ["pipe"] * len(scene.lines) + ["space"] * len(scene.xy)
    return gpd.GeoDataFrame(
        {"lifeline": "gas", "kind": kind},
        geometry=[*scene.lines, *shapely.points(scene.xy)],
        index=pd.Index(names, name="asset"),
        crs=crs,
    )


def _ducts(xy: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    pairs = KDTree(xy).query_pairs(60.0, output_type="ndarray")
    away = np.maximum(np.linalg.norm(xy[pairs[:, 0]] - xy[pairs[:, 1]], axis=1), 1e-6)
    weight = sparse.csr_array((away, pairs.T), shape=(len(xy), len(xy)))
    tree = csgraph.minimum_spanning_tree(weight).tocoo()
    kept = rng.random(tree.nnz) < 0.6
    return np.c_[tree.row[kept], tree.col[kept]]


def draw_leak(
    scene: Scene,
    rng: np.random.Generator,
    *,
    sensed_share: float = 0.5,
    cover: float = 1.0,
) -> Leak:
    """Draw one leak, with soil, covers, ducts and readings of its own.

    Parameters
    ----------
    scene : Scene
    rng : Generator
    sensed_share : float, default 0.5
        Of spaces with a terminal.
    cover : float, default 1
        Factor on the decay length: 3-4 under asphalt or water.
    """
    n = len(scene.xy)
    whole = shapely.length(scene.lines)
    line = int(rng.choice(whole.size, p=whole / whole.sum()))
    point = shapely.line_interpolate_point(scene.lines[line], rng.uniform(0, whole[line]))
    xy = shapely.get_coordinates(point)[0]
    decay = rng.uniform(3.0, 12.0) * cover
    away = np.linalg.norm(scene.xy - xy, axis=1)
    inflow = np.exp(-((away / decay) ** rng.uniform(0.85, 1.2))) * rng.lognormal(0.0, 0.7, n)
    inflow *= rng.lognormal(np.log(3.0), 0.8)
    level = np.minimum(_steady(scene, inflow, rng), 100.0)
    sensed = np.flatnonzero(rng.random(n) < sensed_share)
    seen = level[sensed] * rng.normal(1.0, 0.05, sensed.size)
    seen += rng.normal(0.0, 0.02, sensed.size)
    return Leak(xy=xy, line=line, sensed=sensed, reading=np.maximum(seen, 0.0), decay_m=decay)


def _steady(scene: Scene, inflow: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Concentration [%VOL] where inflow, ducts and covers balance."""
    n, (head, tail) = len(scene.xy), scene.ducts.T
    passes = rng.lognormal(np.log(0.1), 0.7, head.size)
    laplacian = sparse.coo_array((-passes, (head, tail)), shape=(n, n)).tocsr()
    laplacian = laplacian + laplacian.T
    leaves = rng.uniform(0.19, 0.47, n) - np.asarray(laplacian.sum(axis=1)).ravel()
    return spsolve((laplacian + sparse.diags_array(leaves)).tocsc(), inflow)
