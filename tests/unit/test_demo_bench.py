"""Scoring of warnings against the truth of the demo city."""

import geopandas as gpd
import pandas as pd
import pytest
from shapely.geometry import LineString, Point

from lifeline_kit.bench.demo import matches, score
from lifeline_kit.errors import TableError

ASSETS = gpd.GeoDataFrame(
    {"lifeline": ["gas", "gas", "gas", "water"]},
    geometry=[
        LineString([(0, 0), (2000, 0)]),
        Point(10, 5),
        Point(1500, 280),
        Point(9000, 0),
    ],
    index=pd.Index(["G-P-1", "G-U-1", "G-U-2", "W-P-1"], name="asset"),
    crs="EPSG:32650",
)
EVENTS = (
    ("leak", "incident", "gas", "G-P-1", "G-U-1:space-1", "10T00", "11T00"),
    ("burst", "incident", "water", "W-P-1", "W-P-1:flow-1", "10T00", "10T06"),
    ("biogas", "decoy", "gas", "G-U-1", "G-U-1:space-1", "20T00", "21T00"),
    ("stuck", "sensor_fault", "water", "W-P-1", "W-P-1:flow-1", "25T00", "26T00"),
)
TRUTH = pd.DataFrame(
    EVENTS, columns=["incident", "class", "lifeline", "asset", "sensors", "start", "end"]
)
TRUTH[["start", "end"]] = "2026-10-" + TRUTH[["start", "end"]] + ":00:00Z"


SINCE, UNTIL = pd.to_datetime(["2026-10-01", "2026-10-31"])


def _warnings(*rows: tuple[str, str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=["lifeline", "asset", "issued"])
    frame["issued"] = pd.to_datetime(frame["issued"])
    frame.index = pd.Index([f"w{k}" for k in range(len(frame))], name="warning")
    return frame


def test_found_missed_false_and_delay() -> None:
    warnings = _warnings(
        ("gas", "G-U-2", "2026-10-10T01:30"),  # 280 m beside the pipe
        ("gas", "G-U-1", "2026-10-10T05:00"),  # found again, later
        ("gas", "G-U-1", "2026-10-20T05:00"),  # sewer gas: not false
        ("gas", "G-U-1", "2026-10-28T05:00"),  # false
        ("gas", "W-P-1", "2026-10-10T02:00"),  # far off: false
        ("water", "W-P-1", "2026-10-10T08:00"),  # after the grace: false
        ("water", "W-P-1", "2026-10-25T08:00"),  # a faulty sensor: false
    )
    table = score(
        warnings,
        TRUTH,
        ASSETS,
        since=SINCE,
        until=UNTIL,
    )
    gas, water, total = (table.loc[key] for key in ("gas", "water", "total"))
    assert (gas["incidents"], gas["found"], gas["false"]) == (1, 1, 2)
    assert gas["median_delay_min"] == 90.0
    assert (water["found"], water["missed"], water["false"]) == (0, 1, 2)
    assert water["on_faulty_sensors"] == 1
    assert total["false_per_30_days"] == 4.0
    assert pd.isna(water["median_delay_min"])


def test_a_warning_of_another_lifeline_matches_nothing() -> None:
    warnings = _warnings(("water", "G-P-1", "2026-10-10T01:00"))
    assert matches(warnings, TRUTH, ASSETS).empty


def test_no_warnings_at_all() -> None:
    table = score(_warnings(), TRUTH, ASSETS)
    assert table.loc["total", "missed"] == 2
    assert table.loc["total", "false"] == 0


def test_truth_without_a_column_is_named() -> None:
    with pytest.raises(TableError, match="'sensors'"):
        score(_warnings(), TRUTH.drop(columns="sensors"), ASSETS)
