"""Streets of the demo city: merging, the committed file, bridges by minimum cut."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from scipy.sparse import csgraph
from shapely.geometry import LineString

from lifeline_kit.demo.crossings import bank_cut
from lifeline_kit.demo.hydraulics import LinearNetwork
from lifeline_kit.demo.layout import find_bridges, split_long
from lifeline_kit.demo.prepare_streets import merge_streets, write_streets
from lifeline_kit.demo.size import SMALL
from lifeline_kit.demo.streets import (
    CRS,
    DEFAULT,
    Streets,
    graph_of,
    load_streets,
)
from lifeline_kit.errors import InputError


def _edges(rows: list[tuple[int, int, str, list]]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"u": [r[0] for r in rows], "v": [r[1] for r in rows], "highway": [r[2] for r in rows]},
        geometry=[LineString(r[3]) for r in rows],
        crs=CRS,
    )


def test_chains_merge_up_to_junctions_and_changes_of_class() -> None:
    edges = _edges(
        [
            (1, 2, "primary", [(0, 0), (100, 0)]),
            (2, 3, "primary", [(100, 0), (200, 0)]),
            (3, 4, "primary", [(200, 0), (300, 0)]),
            (3, 5, "residential", [(200, 0), (200, 90)]),
            (4, 6, "secondary", [(300, 0), (400, 0)]),
        ]
    )
    merged = merge_streets(edges)
    lengths = sorted(zip(merged["highway"], merged.length.round(), strict=True))
    assert lengths == [
        ("primary", 100.0),
        ("primary", 200.0),
        ("residential", 90.0),
        ("secondary", 100.0),
    ]


def test_committed_streets_are_small_and_connected() -> None:
    assert DEFAULT.stat().st_size < 600_000
    streets = load_streets()
    assert streets.length.sum() > 7_100_000
    parts, _ = csgraph.connected_components(streets.matrix(streets.length))
    assert parts == 1


def test_writing_streets_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is missing"):
        write_streets(tmp_path / "none.parquet", tmp_path / "out.parquet")
    table = gpd.GeoDataFrame({"u": [1]}, geometry=[LineString([(0, 0), (1, 1)])], crs=CRS)
    table.to_parquet(tmp_path / "half.parquet")
    with pytest.raises(InputError, match="'highway'"):
        write_streets(tmp_path / "half.parquet", tmp_path / "out.parquet")
    with pytest.raises(InputError, match="data/streets"):
        load_streets(tmp_path / "none.parquet")


def _parted(streets: Streets, cut: np.ndarray, one: tuple, other: tuple) -> bool:
    rest = np.setdiff1d(np.arange(streets.head.size), cut)
    matrix = Streets(
        streets.xy,
        streets.head[rest],
        streets.tail[rest],
        streets.length[rest],
        streets.highway[rest],
        streets.line[rest],
    ).matrix(streets.length[rest])
    _, part = csgraph.connected_components(matrix, directed=False)
    a, b = (int(np.argmin(np.hypot(*(streets.xy - point).T))) for point in (one, other))
    return bool(part[a] != part[b])


def test_bridges_part_the_banks_of_both_rivers() -> None:
    streets = load_streets(bounds=SMALL.bounds)
    bridges = find_bridges(streets, SMALL)
    assert 8 <= bridges.size <= 30
    for one, other in SMALL.banks:
        assert not _parted(streets, bridges[:0], one[0], other[0])
        assert _parted(streets, bridges, one[0], other[0])
    assert np.median(streets.length[bridges]) > 500.0


def test_a_cut_takes_the_spans_and_nothing_else() -> None:
    bank = [LineString([(x, y), (x + 500, y)]) for x in (0, 500) for y in (0, 6000)]
    spans = [LineString([(x, 0), (x, 3000), (x, 6000)]) for x in (0, 1000)]
    streets = graph_of(np.array([*bank, *spans], dtype=object), np.array(["primary"] * 6))
    cut = bank_cut(streets, [(500.0, 0.0)], [(500.0, 6000.0)])
    assert sorted(streets.length[cut].tolist()) == [6000.0, 6000.0]


def test_split_long_keeps_length_and_connection() -> None:
    streets = load_streets(bounds=(240_000, 3_384_000, 243_000, 3_387_000))
    pieces = split_long(streets, 150.0)
    assert pieces.length.max() < 151.0
    assert pieces.length.sum() == pytest.approx(streets.length.sum(), rel=1e-3)
    parts, _ = csgraph.connected_components(pieces.matrix(pieces.length))
    assert parts == 1


def test_linear_network_keeps_flow_and_fades_with_distance() -> None:
    head, tail = np.arange(4), np.arange(1, 5)
    network = LinearNetwork(head, tail, np.full(4, 2.0), sources=np.array([0]), n_nodes=5)
    demand = np.array([0.0, 0.0, 3.0, 0.0, 1.0])
    drop = network.drop(demand)
    assert network.flow(drop) == pytest.approx([4.0, 4.0, 1.0, 1.0], rel=1e-4)
    assert (np.diff(drop) > 0).all()
