"""The committed small city: whole, small enough, and in step with its truth."""

from pathlib import Path

import pandas as pd

from lifeline_kit.io.store import open_city
from lifeline_kit.model.city import City

DEMO = Path(__file__).parents[2] / "data" / "demo"


def test_committed_city_is_whole_and_of_the_promised_size() -> None:
    city = open_city(DEMO / "wuhan", readings=False, verify=True)
    assert 13_000 <= len(city.assets) <= 17_000
    assert 1_200 <= len(city.sensors) <= 1_500
    width, height = city.assets.total_bounds[2:] - city.assets.total_bounds[:2]
    assert 11_000 < width <= 12_000
    assert 9_000 < height <= 10_000


def test_committed_demo_stays_below_twenty_megabytes() -> None:
    assert sum(file.stat().st_size for file in DEMO.rglob("*") if file.is_file()) < 20e6


def test_committed_truth_names_what_the_city_holds() -> None:
    city = City.open(DEMO / "wuhan", readings=False)
    truth = pd.read_csv(DEMO / "wuhan-truth.csv", keep_default_na=False)
    assert (truth["class"] == "incident").sum() >= 16
    assert truth["asset"].isin(city.assets.index).all()
    named = {sensor for cell in truth["sensors"] for sensor in cell.split(";")}
    assert named <= set(city.sensors.index)
    assert not [file for file in (DEMO / "wuhan").rglob("*") if "truth" in file.name]
