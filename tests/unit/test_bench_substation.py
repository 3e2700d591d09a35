"""The substation generator on drawn demands: repeatable, led by weather, faults to be found."""

import numpy as np
import pytest

from lifeline_kit.bench.substation import Case, by_finder, draw_case, scored
from lifeline_kit.bench.substation_twin import drawn_season
from lifeline_kit.lifelines.heating.substations import finder


@pytest.fixture(scope="module")
def case() -> Case:
    return draw_case(2, scoring=True, season=drawn_season(40, np.random.default_rng(2)))


def test_a_drawn_season_repeats_and_follows_the_weather() -> None:
    demand, outdoor = drawn_season(5, np.random.default_rng(3))
    again, _ = drawn_season(5, np.random.default_rng(3))
    np.testing.assert_array_equal(demand, again)
    assert demand.shape == (5, outdoor.size) == (5, 182 * 24)
    assert (demand >= 0.0).all()
    assert (demand[:, outdoor > 15.0] == 0.0).all()
    assert np.corrcoef(outdoor, demand[0])[0, 1] < -0.8


def test_meters_read_what_the_drawn_demands_ask(case: Case) -> None:
    meters = case.meters
    assert meters.heat.shape == (20, 182 * 24)  # every other series scores
    days = meters.outdoor.reshape(-1, 24).mean(axis=1)  # hot water is drawn by the hour
    heat = np.nanmean(meters.heat.reshape(20, -1, 24), axis=(0, 2))
    assert np.corrcoef(days, heat)[0, 1] < -0.9
    assert {fault.substation for fault in case.faults}.isdisjoint(row for row, *_ in case.normal)


def test_the_finder_finds_most_drawn_faults_and_hardly_more(case: Case) -> None:
    got = scored([case], by_finder(), finder().criticality)
    assert got["found_share"] > 0.7
    assert got["false_events"] <= 1
    assert got["normal_accuracy"] > 0.97
