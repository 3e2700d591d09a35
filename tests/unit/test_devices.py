"""Places where too many devices are silent."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from oracles.hand import CRS, asset_table, at, city_of, minutes, sensor_table
from shapely import LineString, Point, box

from lifeline_kit.checkup import devices
from lifeline_kit.checkup.devices import device_findings, read_shares
from lifeline_kit.early_warning import raise_warnings
from lifeline_kit.early_warning.alarms import is_alarm
from lifeline_kit.errors import RulesError
from lifeline_kit.lifelines import ALL
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import dense_node
from lifeline_kit.quality import flag_city, sensor_health

NOW = at(1)


def town(silent: dict[int, float], *, count: int = 4, risk: dict[int, int] | None = None):
    """A row of `count` devices 10 m apart in one cell and district; some silent from an hour on."""
    assets = asset_table(
        *({"geometry": Point(10.0 * i, 5.0), "lifeline": "roads", "kind": "section"}
          for i in range(count))
    )  # fmt: skip
    sensors = sensor_table(assets, *({"lifeline": "roads"} for _ in range(count)))
    time = minutes(97)
    hours = (time - time[0]) / np.timedelta64(1, "h")
    cube = np.full((count, time.size), 300.0) + np.arange(time.size) % 7
    for row, hour in silent.items():
        cube[row, hours > hour] = np.nan
    node = dense_node("pressure", sensors.index.to_numpy(), time, cube)
    city = city_of({"pressure/15min": node}, assets, sensors)
    places = {"C1": ("cell", -1, 400), "C2": ("cell", -500, -2), "Z1": ("district", -500, 1000)}
    areas = gpd.GeoDataFrame(
        {
            "level": [level for level, _, _ in places.values()],
            "name_zh": ["一格", "二格", "东区"],
            "name_en": ["First", "Second", "East"],
            "population": 0.0,
            "vulnerable": 0.0,
            "real_or_simulated": "simulated",
        },
        geometry=[box(west, 0, east, 10) for _, west, east in places.values()],
        index=pd.Index(list(places), name="area"),
        crs=CRS,
    )
    graded = pd.DataFrame({"level": 4}, index=assets.index)
    for row, level in (risk or {}).items():
        graded.loc[f"A{row}", "level"] = level
    return city.with_(areas=areas), graded


def found(city: City, risk: pd.DataFrame) -> pd.DataFrame:
    flagged = flag_city(city, ALL, NOW.to_datetime64())
    health = sensor_health(flagged, NOW.to_datetime64())
    return device_findings(city, health, risk, at=NOW, since=at(0))


def test_two_of_four_are_more_than_a_tenth_since_the_second_fell_silent():
    table = found(*town({1: 10.0, 3: 16.0}))
    assert table.index.tolist() == ["devices.cell:C1", "devices.district:Z1"]
    row = table.iloc[0]
    assert (row["level"], row["value"], row["limit"], row["unit"]) == (2, 50.0, 10.0, "%")
    assert row["since"] == at(hours=16.75)  # three intervals after its last reading
    assert pd.isna(row["until"])
    assert (row["asset"], row["sensor"]) == ("A1", "")
    assert "2 of the 4 devices of First are offline (50 %)" in row["evidence_en"]
    assert "silent for longest: s1, s3" in row["evidence_en"]
    assert "一格 的 4 台设备中 2 台离线" in row["evidence_zh"]


def test_more_than_a_twentieth_is_level_three_and_one_is_no_share():
    table = found(*town({0: 1.0, 1: 2.0, 2: 3.0}, count=40))
    assert table["level"].tolist() == [3, 3]
    assert table["value"].tolist() == [7.5, 7.5]
    # of forty, two are five per cent and not more: the third counts
    assert table["since"].tolist() == [at(hours=3.75)] * 2
    assert found(*town({0: 1.0}, count=3)).empty
    assert found(*town({0: 1.0, 1: 2.0}, count=40)).empty
    assert found(*town({})).empty


def test_a_device_that_never_spoke_is_silent_from_the_beginning():
    row = found(*town({0: -1.0, 1: 4.0})).iloc[0]
    assert (row["asset"], row["since"]) == ("A0", at(hours=4.75))


def test_red_risk_that_nobody_watches_any_more():
    both = {0: 1, 3: 1}
    table = found(*town({0: 10.0, 1: 12.0, 2: 12.0, 3: 12.0}, risk=both))
    row = table.loc["devices.red_blind:Z1"]
    assert (row["level"], row["value"], row["since"]) == (1, 100.0, at(hours=12.75))
    assert "2 of the 2 watched assets at red risk in East have no device" in row["evidence_en"]
    seen = found(*town({0: 10.0, 1: 12.0, 3: 12.0}, risk=both))  # the third is near enough
    assert "devices.red_blind:Z1" not in seen.index
    assert "devices.red_blind:Z1" not in found(*town({0: 1.0, 1: 1.0, 2: 1.0, 3: 1.0})).index


def test_a_main_is_watched_from_anywhere_along_it():
    city, risk = town(dict.fromkeys(range(9), 1.0), count=12, risk={0: 1, 1: 1})
    assert "devices.red_blind:Z1" in found(city, risk).index  # what speaks is 80 m away and more
    long = city.assets.copy()
    for main, begin in (("A0", 0), ("A1", 10)):
        long.loc[main, "geometry"] = LineString([(begin, 5), (60, 5)])
    assert "devices.red_blind:Z1" not in found(city.with_(assets=long), risk).index


def test_it_is_a_matter_of_devices_and_warns_of_nothing():
    city, risk = town({1: 10.0, 3: 16.0})
    table = found(city, risk)
    assert table["health"].all()
    assert not is_alarm(table).any()  # of no single device
    assert raise_warnings(table, city.assets, ALL).empty
    bare = city.with_(areas=city.areas.iloc[:0])
    assert found(bare, risk).empty


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        (
            'of = "red"',
            'of = "roses"',
            r"devices.red_blind: of = 'roses' instead of devices or red",
        ),
        ("{ I = 20.0 }", "{ V = 20.0 }", r"devices.red_blind: 'V' is missing or not"),
        ("{ I = 20.0 }", "{ II = 20.0, I = 10.0 }", "they grow from IV to I"),
        ("{ I = 20.0 }", "{ I = 200.0 }", "within 0 and 100 %"),
        ('key = "devices.cell"', 'key = "devices.cell"\ncolour = 3', "devices.cell: .*'colour'"),
    ],
)
def test_a_bad_entry_is_named(tmp_path: Path, old: str, new: str, match: str):
    text = Path(devices.__file__).with_name("devices.toml").read_text("utf-8")
    assert old in text
    file = tmp_path / "devices.toml"
    file.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(RulesError, match=rf"devices.toml: \[\[shares\]\] .*{match}"):
        read_shares(file)
