"""Risk of grid cells and districts, and how much of the risk sensors watch."""

import dataclasses
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.hand import CRS, asset_table, sensor_table
from shapely import LineString, MultiLineString, Point, Polygon, box

from lifeline_kit.checkup.coverage import covered_shares, reaches, risk_coverage
from lifeline_kit.checkup.grid import (
    COLOURS,
    area_risk,
    asset_shares,
    grid_cells,
)
from lifeline_kit.checkup.profile import load_profile
from lifeline_kit.errors import AreasError, AssetsError, RulesError
from lifeline_kit.lifelines import ALL
from lifeline_kit.model.city import City

PROFILE = load_profile()


def lines(*places: list, **columns: object) -> gpd.GeoDataFrame:
    rows = [{"geometry": LineString(place)} for place in places]
    table = asset_table(*rows)
    return table.assign(**({"length_m": table.length} | columns))


def with_one_more(assets: gpd.GeoDataFrame, **changes: object) -> gpd.GeoDataFrame:
    """Append an asset like the first."""
    more = assets.iloc[:1].assign(**changes)
    more.index = pd.Index([f"A{len(assets)}"], name="asset")
    return pd.concat([assets, more]).set_crs(CRS, allow_override=True)


def areas(*shapes: Polygon | Point | None) -> gpd.GeoDataFrame:
    index = pd.Index([f"Z{k}" for k in range(len(shapes))], name="area")
    return gpd.GeoDataFrame(geometry=list(shapes), index=index, crs=CRS)


def risk(assets: gpd.GeoDataFrame, *levels: int) -> pd.DataFrame:
    known = [0.2 * (5 - level) if level else np.nan for level in levels]
    table = pd.DataFrame({"likelihood": known, "consequence": 0.5, "level": levels})
    return table.set_index(assets.index)


def test_cells_lie_on_round_coordinates_and_keep_their_names() -> None:
    one = grid_cells(gpd.GeoSeries([Point(1250.0, -10.0), Point(2999.0, 600.0)], crs=CRS), 500)
    assert one.index[0] == "500-2--1"
    assert len(one) == 4 * 3
    assert (one.area == 500**2).all()
    assert one.total_bounds.tolist() == [1000, -500, 3000, 1000]
    more = grid_cells(gpd.GeoSeries([Point(0.0, -10.0), Point(2999.0, 600.0)], crs=CRS), 500)
    assert set(one.index) < set(more.index)
    assert one.geometry.equals(more.geometry[one.index])
    assert set(one["level"]) == {"cell"}


@pytest.mark.parametrize("size", [1000, 500])
def test_kilometres_of_cells_add_up_to_those_of_the_city(size: float) -> None:
    rng = np.random.default_rng(5)
    places = [np.cumsum(rng.normal(0, 400, (5, 2)), axis=0) for _ in range(60)]
    # and some that run along the borders of cells, or stand on their corners
    places += [[(1000, 0), (1000, 3000)], [(0, 500), (4000, 500)], [(500, 0), (500, 10)]]
    assets = lines(*places)
    points = asset_table(*({"geometry": Point(500.0 * k, 500.0)} for k in range(9)))
    points.index = [f"P{k}" for k in range(9)]
    both = pd.concat([assets, points.assign(length_m=np.nan)]).rename_axis("asset")
    levels = rng.integers(0, 5, len(both))
    table = area_risk(both, risk(both, *levels), grid_cells(both, size), PROFILE)
    for level, name in COLOURS.items():
        own = both[levels == level]
        km, n = table[f"{name}_km"].sum(), table[f"{name}_n"].sum()
        assert km == pytest.approx(own["length_m"].sum() / 1000.0)
        assert n == own["length_m"].isna().sum()
    shares = asset_shares(both, grid_cells(both, size))
    assert shares.groupby("asset")["share"].sum().tolist() == pytest.approx([1.0] * len(both))


def test_kilometres_of_the_committed_city_add_up() -> None:
    city = City.open(Path(__file__).parents[2] / "data" / "demo" / "wuhan", readings=False)
    length = city.assets["length_m"].astype(float)
    levels = risk(city.assets, *([4] * len(city.assets)))
    for size in (1000, 500):
        table = area_risk(city.assets, levels, grid_cells(city.assets, size), PROFILE)
        assert table["blue_km"].sum() == pytest.approx(length.sum() / 1000.0)
        assert table["blue_n"].sum() == length.isna().sum()
    districts = city.areas[city.areas["level"] == "district"]
    table = area_risk(city.assets, levels, districts, PROFILE)
    assert table["blue_km"].sum() == pytest.approx(length.sum() / 1000.0, rel=0.02)
    own = length.groupby(city.assets["district"].astype("object")).sum() / 1000.0
    # a pipe over a border is of one district by its column, and of two by its place
    assert (table["blue_km"] / own.reindex(table.index)).tolist() == pytest.approx([1] * 6, abs=0.1)


def test_shares_are_cut_at_borders_and_end_with_the_areas() -> None:
    assets = lines([(0, 0), (100, 0)], [(250, 0), (250, 50)])
    assets = with_one_more(assets, geometry=[None])
    zones = areas(box(-10, -10, 30, 10), box(30, -10, 80, 10))
    table = asset_shares(assets, zones)
    assert table.to_dict("list") == {
        "asset": ["A0", "A0"],
        "area": ["Z0", "Z1"],
        "share": pytest.approx([0.3, 0.5]),
    }
    pair = asset_table({"geometry": MultiLineString([[(0, 0), (10, 0)], [(40, 0), (70, 0)]])})
    assert asset_shares(pair, zones)["share"].tolist() == pytest.approx([0.25, 0.75])
    yard = asset_table({"geometry": box(20, -5, 70, 5)})  # its middle counts
    assert asset_shares(yard, zones)["area"].tolist() == ["Z1"]


def test_an_area_has_the_colour_of_its_worst_twentieth() -> None:
    zone = areas(box(-1, -1, 2000, 1))
    for red_m, level in ((40, 4), (60, 1)):
        assets = lines([(0, 0), (red_m, 0)], [(red_m, 0), (1000, 0)])
        row = area_risk(assets, risk(assets, 1, 4), zone, PROFILE).iloc[0]
        assert (row["level"], row["worst"], row["n"]) == (level, 1, 2)
        assert row["red_km"] == pytest.approx(red_m / 1000)
        expected = (red_m * 0.8 * 0.5 + (1000 - red_m) * 0.2 * 0.5) / 1000
        assert row["risk"] == pytest.approx(expected)
    # colours add up: 3 % red and 3 % orange are 6 % orange or worse
    assets = lines([(0, 0), (30, 0)], [(30, 0), (60, 0)], [(60, 0), (1000, 0)])
    assert area_risk(assets, risk(assets, 1, 2, 4), zone, PROFILE)["level"].tolist() == [2]
    most = dataclasses.replace(PROFILE, area_share=0.07)
    assert area_risk(assets, risk(assets, 1, 2, 4), zone, most)["level"].tolist() == [4]


def test_grey_where_too_little_is_known_but_known_danger_shows() -> None:
    zone = areas(box(-1, -1, 2000, 1), box(3000, 0, 4000, 1))
    assets = lines([(0, 0), (500, 0)], [(500, 0), (1000, 0)])
    table = area_risk(assets, risk(assets, 4, 0), zone, PROFILE)
    assert table["level"].tolist() == [0, 0]
    assert table["known"].tolist() == pytest.approx([0.5, np.nan], nan_ok=True)
    assert table["n"].tolist() == [2, 0]
    assert table["worst"].tolist() == [4, 0]
    assert area_risk(assets, risk(assets, 3, 0), zone, PROFILE)["level"].iloc[0] == 0
    assert area_risk(assets, risk(assets, 2, 0), zone, PROFILE)["level"].iloc[0] == 2
    assets = lines([(0, 0), (650, 0)], [(650, 0), (1000, 0)])
    assert area_risk(assets, risk(assets, 4, 0), zone, PROFILE)["level"].iloc[0] == 4


def test_points_weigh_as_fifty_metres_and_one_lifeline_can_be_asked() -> None:
    zone = areas(box(-1, -1, 2000, 1))
    assets = lines([(0, 0), (500, 0)])
    assets = with_one_more(assets, geometry=[Point(10, 0)], lifeline="gas", length_m=np.nan)
    table = area_risk(assets, risk(assets, 4, 1), zone, PROFILE)
    assert table[["level", "red_n", "red_km"]].iloc[0].tolist() == [1, 1, 0]
    assert table["risk"].tolist() == pytest.approx([(500 * 0.1 + 50 * 0.4) / 550])
    only = area_risk(assets, risk(assets, 4, 1), zone, PROFILE, lifelines=["water"])
    assert only[["level", "n"]].iloc[0].tolist() == [4, 1]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=4, max_size=4), st.integers(0, 3))
def test_a_worse_asset_never_makes_an_area_better(levels: list[int], which: int) -> None:
    zone = areas(box(-1, -1, 2000, 1))
    assets = lines(*([(300 * k, 0), (300 * (k + 1), 0)] for k in range(4)))
    if levels[which] <= 1:
        return
    worse = list(levels)
    worse[which] -= 1
    before, after = (
        int(area_risk(assets, risk(assets, *each), zone, PROFILE)["level"].iloc[0]) or 9
        for each in (levels, worse)
    )
    assert after <= before


@pytest.mark.parametrize(
    ("zones", "words"),
    [
        (areas(box(0, 0, 1, 1), None), "area 'Z1' has no geometry; expected a polygon"),
        (areas(Polygon()), "area 'Z0' has no geometry"),
        (areas(box(0, 0, 1, 1), Point(0, 0)), "area 'Z1' is a Point; expected a polygon"),
        (areas(), "no areas; expected districts or cells"),
        (areas(box(0, 0, 1, 1), box(0, 0, 1, 1)).rename({"Z1": "Z0"}), "area 'Z0' stands twice"),
        (areas(box(0, 0, 1, 1)).to_crs("EPSG:4326"), "areas are in EPSG:4326, assets in EPSG:3"),
    ],
)
def test_areas_without_geometry_are_refused(zones: gpd.GeoDataFrame, words: str) -> None:
    assets = lines([(0, 0), (100, 0)])
    with pytest.raises(AreasError, match=words):
        area_risk(assets, risk(assets, 4), zones, PROFILE)


def test_grids_that_cannot_be_are_refused() -> None:
    assets = lines([(0, 0), (100, 0)])
    with pytest.raises(AreasError, match=r"cells of 0 m; expected a size above zero"):
        grid_cells(assets, 0)
    nowhere = assets.assign(geometry=None)
    with pytest.raises(AreasError, match="no asset has a place; a grid needs geometry"):
        grid_cells(nowhere, 1000)
    with pytest.raises(AssetsError, match="no asset has a place; give coordinates"):
        area_risk(nowhere, risk(nowhere, 4), areas(box(0, 0, 1, 1)), PROFILE)
    with pytest.raises(AreasError, match="more than a million cells; expected one city"):
        grid_cells(lines([(0, 0), (1e6, 1e6)]), 500)


def watched(*sensors: dict, reach: float = 100.0, **how: object) -> pd.Series:
    assets = lines([(0, 0), (1000, 0)], [(0, 500), (1000, 500)])
    table = sensor_table(assets, *sensors)
    table = table.set_geometry([Point(x, y) for x, y in table["xy"]], crs=CRS)
    return covered_shares(assets, table, reach_m={"water": reach}, **how)


def test_a_line_is_watched_as_far_as_sensors_reach() -> None:
    assert watched({"xy": (300, 0)}).tolist() == pytest.approx([0.2, 0.0])
    two = watched({"xy": (300, 0)}, {"xy": (350, 0)})  # together from 200 to 450
    assert two.tolist() == pytest.approx([0.25, 0.0])
    apart = watched({"xy": (0, 0)}, {"xy": (1000, 0)})
    assert apart.tolist() == pytest.approx([0.2, 0.0])
    aside = watched({"xy": (300, 60)})  # reaches 80 m either way
    assert aside.tolist() == pytest.approx([0.16, 0.0], rel=0.01)
    assert watched({"xy": (300, 101)}).tolist() == [0.0, 0.0]
    assert watched({"xy": (300, 0)}, reach=0.0).tolist() == [1.0, 0.0]


def test_only_sensors_that_are_online_and_of_the_lifeline_watch() -> None:
    health = pd.DataFrame({"online": [False, True]}, index=["s0", "s1"])
    pair = ({"xy": (300, 0)}, {"xy": (300, 500)})
    assert watched(*pair, health=health).tolist() == pytest.approx([0.0, 0.2])
    assert watched(*pair, health=health[:1]).tolist() == [0.0, 0.0]
    with pytest.raises(RulesError, match=r"reach of sensors of 'gas' is nan; expected metres"):
        watched({"xy": (0, 0), "lifeline": "gas"})
    with pytest.raises(RulesError, match=r"reach of sensors of 'water' is -1"):
        watched({"xy": (0, 0)}, reach=-1)


def test_coverage_by_colour_adds_red_and_orange() -> None:
    places = ([(0, 1000 * k), (1000, 1000 * k)] for k in range(3))
    assets = lines(*places)
    assets = with_one_more(assets, geometry=[Point(50, 0)], kind="valve", length_m=np.nan)
    sensors = sensor_table(assets, {"asset": "A0"}).set_geometry([Point(0, 0)], crs=CRS)
    table = risk_coverage(assets, risk(assets, 1, 2, 4, 1), sensors, reach_m={"water": 100.0})
    assert table.loc[("water", 1), "share"] == pytest.approx(0.1)
    assert table.loc[("water", 12), ["km", "covered_km", "share"]].tolist() == pytest.approx(
        [2.0, 0.1, 0.05]
    )
    assert table.loc[("", 12), ["n", "covered_n", "n_share"]].tolist() == [1, 1, 1.0]
    assert np.isnan(table.loc[("water", 2), "n_share"])
    for level in (1, 2, 4, 12):
        assert table.loc[("", level)].equals(table.loc[("water", level)])


def test_every_lifeline_has_a_reach() -> None:
    assert set(reaches()) == {each.key for each in ALL}
