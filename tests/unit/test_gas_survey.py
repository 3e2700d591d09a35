"""Mobile survey on a made-up track: two leaks, a parked bus, several passes."""

from time import perf_counter

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from lifeline_kit.errors import InputError
from lifeline_kit.lifelines.gas.survey import survey_indications
from lifeline_kit.methods.survey import SurveySettings, baseline, find_peaks, group_peaks

LEAKS = ((1500.0, 6.0), (3200.0, 2.0))  # metres along the street, ppm


def drives(n: int = 3, *, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Drives of 5 km at 10 m/s, two records a second; the weaker leak shows on the first only."""
    rng = np.random.default_rng(seed)
    along = np.tile(np.arange(0, 5000, 5.0), n)
    drive = np.repeat(np.arange(n), 1000)
    seconds = np.tile(np.arange(1000) * 0.5, n) + drive * 86_400
    methane = 2.0 + 0.3 * np.sin(along / 3000) + rng.normal(0, 0.01, along.size)
    for place, height in LEAKS:
        here = height if place == LEAKS[0][0] else np.where(drive == 0, height, 0.0)
        methane += here * np.exp(-0.5 * ((along - place - rng.normal(0, 5)) / 12) ** 2)
    return seconds, np.c_[along, np.zeros(along.size)], methane, drive


def test_the_baseline_follows_the_air_and_ignores_peaks():
    _, _, methane, _ = drives(1)
    base = baseline(methane)
    rows = np.arange(600, 4400 // 5)
    exact = [np.median(methane[max(i - 510, 0) : i + 510]) for i in rows]
    np.testing.assert_allclose(base[rows], exact, atol=0.01)
    assert abs(base[300] - np.median(methane[:810])) < 0.01


def test_leaks_are_found_and_verified_by_repeated_passes():
    seconds, xy, methane, drive = drives()
    found = group_peaks(find_peaks(seconds, xy, methane, drive=drive))
    assert found.passes.tolist() == [3, 1]
    assert found.verified.tolist() == [True, False]
    assert found.xy[:, 0] == pytest.approx([1500, 3200], abs=15)
    assert found.excess == pytest.approx([6.0, 2.0], rel=0.15)


def test_a_fast_vehicle_sees_nothing_and_pauses_join():
    seconds, xy, methane, drive = drives(1)
    assert find_peaks(seconds / 3, xy, methane).excess.size == 0  # 30 m/s
    dip = methane.copy()
    dip[300] = 2.0
    assert find_peaks(seconds, xy, dip, drive=drive).excess.size == 2
    apart = find_peaks(seconds, xy, dip, settings=SurveySettings(pause_s=0.6))
    assert apart.excess.size == 3


def test_standing_in_one_plume_is_one_pass_coming_back_is_two():
    seconds = np.arange(4000) * 0.5
    xy = np.c_[np.full(4000, 100.0), np.zeros(4000)]
    xy[:, 0] += np.where((seconds > 700) & (seconds < 1400), 900 * 0.5, 0.0)
    methane = np.full(4000, 2.0)
    for a, b in ((300, 330), (350, 380), (1600, 1630)):
        methane[(seconds >= a) & (seconds < b)] = 4.0
    found = group_peaks(find_peaks(seconds, xy, methane))
    assert found.peaks.tolist() == [3]
    assert found.passes.tolist() == [2]


def test_indications_name_the_nearest_main():
    seconds, xy, methane, drive = drives()
    lines = [shapely.LineString([(200_000, 3_380_008), (202_000, 3_380_008)])]
    assets = gpd.GeoDataFrame(
        {"lifeline": ["gas"], "kind": ["pipe"]},
        index=pd.Index(["P1"], name="asset"),
        geometry=lines,
        crs="EPSG:32650",
    )
    places = gpd.GeoSeries(
        shapely.points(xy + [200_000, 3_380_000]),  # noqa: RUF005 - a sum, no join
        crs="EPSG:32650",
    ).to_crs("EPSG:4326")
    track = pd.DataFrame(
        {
            "time": pd.Timestamp("2026-10-01") + pd.to_timedelta(seconds, unit="s"),
            "lon": places.x,
            "lat": places.y,
            "methane": methane,
            "drive": drive,
        }
    )
    found = survey_indications(track, assets)
    assert found["verified"].tolist() == [True, False]
    assert found["pipe"].tolist() == ["P1", ""]
    assert found["distance_m"].iloc[0] == pytest.approx(8.0, abs=1.0)
    assert found["first"].iloc[0] == pytest.approx(
        pd.Timestamp("2026-10-01 00:02:30"), abs=pd.Timedelta("10s")
    )
    assert survey_indications(track.assign(methane=2.0), assets).empty
    with pytest.raises(InputError, match="'lat' is missing"):
        survey_indications(track.drop(columns="lat"), assets)
    with pytest.raises(InputError, match=r"about 2 ppm\. Is it %VOL"):
        survey_indications(track.assign(methane=methane / 1e4), assets)
    with pytest.raises(InputError, match="metric CRS"):
        survey_indications(track, assets.to_crs("EPSG:4326"))


def test_bad_tracks_are_refused():
    seconds, xy, methane, _ = drives(1)
    with pytest.raises(InputError, match="clock out of order: record 500"):
        find_peaks(np.where(np.arange(1000) == 500, 0.0, seconds), xy, methane)
    with pytest.raises(InputError, match="one time, place and methane"):
        find_peaks(seconds[:-1], xy, methane)
    with pytest.raises(InputError, match="window of 20"):
        SurveySettings(window=3)


def test_a_million_records_take_less_than_a_second():
    seconds, xy, methane, drive = drives(1000)
    find_peaks(seconds[:3000], xy[:3000], methane[:3000])
    begin = perf_counter()
    found = group_peaks(find_peaks(seconds, xy, methane, drive=drive))
    assert found.verified[0]
    assert seconds.size / (perf_counter() - begin) > 2e5  # loaded machines; alone above 1e6
