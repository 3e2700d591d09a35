"""Build the demo city: streets, layout, series, incidents, faults, roll-ups, truth."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pandas as pd

from lifeline_kit.demo import incidents as catalogue
from lifeline_kit.demo.faults import spoil
from lifeline_kit.demo.layout import lay_city
from lifeline_kit.demo.recording import readings_of, recorded
from lifeline_kit.demo.rollups import daily_rollups
from lifeline_kit.demo.sensors import COLUMNS, place_sensors
from lifeline_kit.demo.size import SIZES, Size, stream
from lifeline_kit.demo.streets import CRS, DEFAULT, load_streets
from lifeline_kit.demo.truth import truth_table
from lifeline_kit.demo.weather import light_rains
from lifeline_kit.demo.world import simulate
from lifeline_kit.model.city import City, Source
from lifeline_kit.text import Text

Progress = Callable[[str, int, int], None]
_STAGES = ("streets", "assets", "series", "incidents", "faults", "readings", "roll-ups", "done")
_SOURCES = (
    Source(
        title=Text("街道：© OpenStreetMap 贡献者", "Streets: © OpenStreetMap contributors"),
        url="https://www.openstreetmap.org/copyright",
        licence="ODbL-1.0",
    ),
    Source(
        title=Text(
            "设施、传感器与读数：全部为模拟", "Assets, sensors and readings: simulated throughout"
        ),
        url="",
        licence="BSD-3-Clause",
    ),
)


def build_city(
    size: Literal["small", "full"] | Size,
    *,
    seed: int,
    streets: Path | None = None,
    progress: Progress | None = None,
) -> tuple[City, pd.DataFrame]:
    """Build the simulated city of Wuhan for October 2026.

    Parameters
    ----------
    size : {'small', 'full'} or Size
        12 x 10 km across the Yangtze, the whole urban area, or bounds and numbers of your own.
    seed : int
        Equal seeds give equal tables, byte for byte.
    streets : Path, optional
        Another street file than the committed one.
    progress : callable, optional
        Told the stage, how many are done, and of how many.

    Returns
    -------
    city : City
    truth : DataFrame
        What was injected, `truth.TRUTH_COLUMNS`. No detector may read it.

    Raises
    ------
    InputError
        Where the street file is missing.
    """
    chosen = size if isinstance(size, Size) else SIZES[size]
    return _built(chosen, seed, streets or DEFAULT, progress)


def _built(
    size: Size, seed: int, streets: Path, progress: Progress | None
) -> tuple[City, pd.DataFrame]:

    def tell(stage: str) -> None:
        if progress:
            progress(stage, _STAGES.index(stage), len(_STAGES) - 1)

    tell("streets")
    graph = load_streets(streets, bounds=size.bounds)
    tell("assets")
    layout = lay_city(graph, size, seed=seed)
    sensors = place_sensors(layout, size, seed=seed)
    tell("series")
    storm = catalogue.draw_storm(layout, stream(seed, "storm"))
    rains = light_rains(layout.assets.total_bounds, stream(seed, "rain"))
    world = simulate(layout, sensors, [storm, *rains], seed=seed)
    tell("incidents")
    happening, happened = catalogue.inject(world, size, seed=seed)
    tell("faults")
    busy = {sensor for event in happened for sensor in event.sensors}
    values, faults = spoil(sensors, recorded(happening), spare=busy, rng=stream(seed, "faults"))
    tell("readings")
    wrong = sensors.index.isin(list(faults.offsets_min))
    sensors["clock"] = sensors["clock"].mask(wrong, sensors["quantity"] + "/irregular")
    readings = readings_of(sensors, values, faults.offsets_min)
    tell("roll-ups")
    daily = daily_rollups(readings, sensors, rng=stream(seed, "rollups"))
    city = City(
        name=Text("武汉（模拟）", "Wuhan (simulated)"),
        crs=CRS,
        time_zone="Asia/Shanghai",
        origin="simulated",
        assets=layout.assets,
        sensors=sensors[list(COLUMNS)],
        areas=layout.ground.areas,
        readings=readings,
        sources=_SOURCES,
        daily=daily,
    )
    tell("done")
    return city, truth_table(happened, faults.events)


def write_demo(
    size: Literal["small", "full"] | Size, seed: int, out: Path, *, progress: Progress | None = None
) -> Path:
    """Build a city and save it; the truth goes beside the folder, never into it.

    Parameters
    ----------
    size : {'small', 'full'} or Size
    seed : int
    out : Path
        A new folder; the truth is `<out>-truth.csv`.

    Raises
    ------
    CityError
        Where the folder already holds something.
    """
    city, truth = build_city(size, seed=seed, progress=progress)
    city.save(out)
    truth.to_csv(out.with_name(out.name + "-truth.csv"), index=False, lineterminator="\n")
    return out
