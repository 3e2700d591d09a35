"""A city on a grid, and an examination of it written by hand."""

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr
from grid_heating import PLANT, STATION, heat_cases
from shapely import LineString, Point, box

from lifeline_kit.checkup.profile import load_profile
from lifeline_kit.io.examinations import save_examination
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.model.readings import dense_node
from lifeline_kit.model.tables import (
    CASE_COLUMNS,
    FINDING_COLUMNS,
    HEALTH_COLUMNS,
    RISK_COLUMNS,
    SCORE_COLUMNS,
    WARNING_COLUMNS,
    table,
)
from lifeline_kit.pipeline import examination_version
from lifeline_kit.text import Text
from lifeline_kit.views.tiles import write_tiles

CRS, WEST, SOUTH, STEP, N = "EPSG:32650", 235_000.0, 3_388_000.0, 300.0, 8
BEGIN = np.datetime64("2026-10-01T00:00", "ms")
CLOCK = BEGIN + np.arange(10 * 96) * np.timedelta64(900_000, "ms")
AT = pd.Timestamp(CLOCK[-1])
BURST, SPACE = "W-P-000000", "G-U-000001"


def build() -> City:
    """Lay water along the rows, gas along the columns, manholes at crossings, one gas space."""
    assets, sensors = _assets(), _sensors()
    hours = (CLOCK - BEGIN) / np.timedelta64(1, "h")
    swing = 300 + 10 * np.sin(2 * np.pi * hours / 24)
    burst = np.where(hours > 24 * 9, swing - 120, swing)
    warm = swing / 4
    leak = 0.18 * np.clip(hours - hours[-1] + 9, 0, None)
    return City(
        name=Text("方格城", "Grid"),
        crs=CRS,
        time_zone="Asia/Shanghai",
        origin="simulated",
        assets=assets,
        sensors=sensors,
        areas=_areas(),
        readings=xr.DataTree.from_dict(
            {
                "pressure/15min": dense_node(
                    "pressure", np.array(["p0", "p1"]), CLOCK, np.stack([burst, swing])
                ),
                "flow/15min": dense_node(
                    "flow", np.array(["f0", "h2"]), CLOCK, np.stack([swing, swing / 2]) / 3
                ),
                **{
                    f"{quantity}/15min": dense_node(
                        quantity, np.array([sensor]), CLOCK, warm[None] + shift
                    )
                    for quantity, sensor, shift in (
                        ("supply_temperature", "h0", 10.0),
                        ("return_temperature", "h1", -25.0),
                    )
                },
                "methane/15min": dense_node("methane", np.array(["m0"]), CLOCK, leak[None]),
            }
        ),
    )


def _assets() -> gpd.GeoDataFrame:
    def line(row: int, column: int, *, along: bool) -> LineString:
        x, y = WEST + column * STEP, SOUTH + row * STEP
        return LineString([(x, y), (x + STEP, y) if along else (x, y + STEP)])

    rows = []
    for row in range(N):
        for column in range(N):
            number = row * N + column
            rows += [
                ("water", "pipe", f"W-P-{number:06d}", line(row, column, along=True)),
                ("gas", "pipe", f"G-P-{number:06d}", line(row, column, along=False)),
            ]
            if number % 5 == 0:
                place = Point(WEST + column * STEP, SOUTH + row * STEP)
                rows.append(("drainage", "manhole", f"D-M-{number:06d}", place))
    rows.append(("gas", "space", SPACE, Point(WEST + 1.5 * STEP, SOUTH + 0.5 * STEP)))
    rows.append(("heating", "substation", STATION, Point(WEST + 2 * STEP, SOUTH + STEP)))
    rows.append(("heating", "plant", PLANT, Point(WEST + 6 * STEP, SOUTH + STEP)))
    lifeline, kind, ids, geometry = zip(*rows, strict=True)
    frame = gpd.GeoDataFrame(
        {"lifeline": lifeline, "kind": kind, "name_zh": "", "name_en": ""},
        geometry=list(geometry),
        crs=CRS,
        index=pd.Index(ids, name="asset"),
    )
    x = frame.geometry.centroid.x
    frame["district"] = np.where(x < WEST + N * STEP / 2, "zone-1", "zone-2")
    frame["year"], frame["material"], frame["people"] = 1988.0, "grey cast iron", 120.0
    frame["length_m"] = frame.length.where(frame.length > 0)
    frame["diameter_mm"] = np.where(frame["kind"] == "pipe", 300.0, np.nan)
    frame["real_or_simulated"] = "simulated"
    return frame


def _sensors() -> gpd.GeoDataFrame:
    frame = pd.DataFrame(
        {
            "asset": [BURST, "W-P-000001", BURST, SPACE, *[STATION] * 3],
            "lifeline": ["water", "water", "water", "gas", *["heating"] * 3],
            "quantity": [
                "pressure", "pressure", "flow", "methane", "supply_temperature",
                "return_temperature", "flow",
            ],
            "unit": ["kPa", "kPa", "m3/h", "%VOL", "degC", "degC", "m3/h"],
            "interval_s": 900.0,
            "range_min": 0.0,
            "range_max": [1000.0, 1000.0, 500.0, 20.0, 150.0, 150.0, 500.0],
            "limit_low": [200.0, 200.0, *[np.nan] * 5],
            "limit_high": [450.0, 450.0, np.nan, 1.0, *[np.nan] * 3],
            "real_or_simulated": "simulated",
        },
        index=pd.Index(["p0", "p1", "f0", "m0", "h0", "h1", "h2"], name="sensor"),
    )  # fmt: skip
    frame["clock"] = frame["quantity"] + "/15min"
    places = [Point(WEST, SOUTH), Point(WEST + STEP, SOUTH), Point(WEST, SOUTH)]
    places.append(Point(WEST + 1.5 * STEP, SOUTH + 0.5 * STEP))
    places += [Point(WEST + 2 * STEP, SOUTH + STEP)] * 3
    return gpd.GeoDataFrame(frame, geometry=places, crs=CRS)


def _areas() -> gpd.GeoDataFrame:
    edge, half = N * STEP, N * STEP / 2
    frame = pd.DataFrame(
        {
            "level": ["city", "district", "district"],
            "parent": ["", "city", "city"],
            "name_zh": ["方格城", "西区", "东区"],
            "name_en": ["Grid", "West", "East"],
            "population": [20_000.0, 10_000.0, 10_000.0],
            "vulnerable": 0.0,
            "real_or_simulated": "simulated",
        },
        index=pd.Index(["city", "zone-1", "zone-2"], name="area"),
    )
    boxes = [
        box(WEST, SOUTH, WEST + edge, SOUTH + edge),
        box(WEST, SOUTH, WEST + half, SOUTH + edge),
        box(WEST + half, SOUTH, WEST + edge, SOUTH + edge),
    ]
    return gpd.GeoDataFrame(frame, geometry=boxes, crs=CRS)


def examined(folder: Path) -> Examination:
    """Store an examination that the worker takes for fresh."""
    city = City.open(folder, readings=False)
    write_tiles(city)
    examination = by_hand(city)
    save_examination(city, examination)
    return examination


def by_hand(city: City) -> Examination:
    """One open red warning at the burst pipe, one cleared, risk by lifeline, scores of two."""
    since = AT - pd.Timedelta("1D")
    finding = {
        "finding": "F0", "lifeline": "water", "asset": BURST, "sensor": "p0", "method": "limit",
        "rule": "water.pressure_low", "title_zh": "供水压力过低", "title_en": "Water pressure low",
        "severity": 0.9, "level": 1, "value": 175.0, "limit": 200.0, "unit": "kPa",
        "evidence_zh": "连续 96 个读数低于 200 kPa。", "evidence_en": "96 readings below 200 kPa.",
        "source": "CJJ 92", "verified": False, "since": since, "until": pd.NaT,
        "real_or_simulated": "simulated",
    }  # fmt: skip
    past = finding | {
        "finding": "F1", "asset": "W-P-000001", "sensor": "p1", "level": 3, "severity": 0.4,
        "until": since + pd.Timedelta("2h"),
    }  # fmt: skip
    methane = finding | {
        "finding": "gas.methane:m0", "lifeline": "gas", "asset": SPACE, "sensor": "m0", "level": 0,
    }  # fmt: skip
    warnings = [
        {
            "warning": f"W{i}", "lifeline": "water", "asset": row["asset"], "level": row["level"],
            "title_zh": row["title_zh"], "title_en": row["title_en"], "issued": since,
            "updated": since, "cleared": row["until"], "findings": (row["finding"], *more),
            "n_sensors": 1, "state": "open" if pd.isna(row["until"]) else "cleared",
            "real_or_simulated": "simulated",
        }
        for i, (row, more) in enumerate(((finding, ("gas.methane:m0",)), (past, ())))
    ]  # fmt: skip
    levels = {"water": 2, "gas": 4, "drainage": 0, "heating": 4}
    risk = [
        {
            "asset": asset, "lifeline": lifeline, "likelihood": 0.5, "consequence": 0.5,
            "level": 1 if asset == BURST else levels[lifeline],
            "reason_zh": "管龄较大", "reason_en": "old",
        }
        for asset, lifeline in city.assets["lifeline"].items()
    ]  # fmt: skip
    health = [
        {"sensor": sensor, "asset": row["asset"], "lifeline": row["lifeline"],
         "quantity": row["quantity"], "n": 960, "expected": 960, "completeness": 1.0,
         "good": 0.99, "last": AT,
         "online": sensor != "f0"}
        for sensor, row in city.sensors.iterrows()
    ]  # fmt: skip
    flags = pd.DataFrame(
        {"sensor": "p0", "time": CLOCK[100:104], "value": np.float32(0), "flag": np.uint8(3),
         "tests": np.uint16(1)}
    )  # fmt: skip
    return Examination(
        at=AT,
        since=pd.Timestamp(BEGIN),
        findings=table([finding, past, methane], FINDING_COLUMNS, "finding"),
        cases=table([_case(city), _network(city), *heat_cases(AT)], CASE_COLUMNS, "case"),
        warnings=table(warnings, WARNING_COLUMNS, "warning"),
        scores=table(_scores(len(city.assets)), SCORE_COLUMNS, "score_id"),
        risk=table(risk, RISK_COLUMNS, "asset"),
        health=table(health, HEALTH_COLUMNS, "sensor"),
        flags=flags,
        version=examination_version(city, None, load_profile()),
    )


def _case(city: City) -> dict:
    """One open methane finding, as `lifelines.gas.cases` would store it."""
    x, y = city.assets.geometry[SPACE].x, city.assets.geometry[SPACE].y
    ring = {"kpa": 2.0, "radius_m": 30.0, "harm_zh": "玻璃破碎", "harm_en": "glass breaks",
            "people": 21.0, "sites": [], "at": [x, y]}  # fmt: skip
    facts = {
        "alarm": {"profile": "cn_default", "level": 2, "now": 1.6, "lel_share": 0.32,
                  "hours": {"50": 1.5}},
        "onset": (AT - pd.Timedelta("9h")).isoformat(), "level": 1.5, "peak": 1.6,
        "pipe": "G-P-000001", "levels": {SPACE: 1.6},
        "similar": [{"case": "s", "verdict_zh": "燃气泄漏（模拟）",
                     "verdict_en": "leak (simulated)", "distance": 0.4}],
        "rings": {"now": [], "full": [ring]},
        "trace": {"summary_zh": "最可能在 G-P-000001", "summary_en": "most likely at G-P-000001",
                  "search_m": 40.0, "best": [x, y], "pieces": [[x - STEP / 2, y, 0.8]],
                  "open_next": []},
        "isolation": {"close": ["V1"], "fallback": {"V1": ["V2"]}, "people": 120, "vent_m3n": 9,
                      "starved": 0, "zh": "依次关闭 V1", "en": "close in this order: V1"},
    }  # fmt: skip
    return {
        "case": "gas.methane:m0", "lifeline": "gas", "asset": SPACE, "sensor": "m0", "at": AT,
        "since": AT - pd.Timedelta("8h"), "outside": False,
        "kinds": json.dumps({"leak": 0.91, "biogas": 0.06, "sensor": 0.03}),
        "reasons_zh": "浓度快速而剧烈波动", "reasons_en": "it fluctuates fast and strongly",
        "advice_zh": "取气样测 C2/C1", "advice_en": "take a gas sample for C2/C1",
        "facts": json.dumps(facts), "real_or_simulated": "simulated",
    }  # fmt: skip


def _network(city: City) -> dict:
    """The gas network, as `lifelines.gas.network_case` would store it."""
    own = city.assets
    pipes = own.index[(own["lifeline"] == "gas") & (own["kind"] == "pipe")].tolist()
    facts = {
        "segments": {
            "asset": pipes, "grade": ["A", *"E" * (len(pipes) - 1)],
            "kpa": [330.0 - 0.1 * k for k in range(len(pipes))],
            "least": [None, *[50.0 + k for k in range(len(pipes) - 1)]],
        },
        "worst": [
            {"asset": pipes[0], "grade": "A", "risk": 4.2, "people": 88, "drivers_zh": "管龄",
             "drivers_en": "age",
             "isolation": {"close": ["V7"], "fallback": {"V7": ["V8"]}, "people": 240,
                           "vent_m3n": 9, "starved": 0, "zh": "依次关闭 V7；停气约 240 人",
                           "en": "close in this order: V7; about 240 people lose gas"}},
        ],
        "terminals": [{"asset": SPACE, "covered": 0.31}],
        "balances": [{"stations": 2, "usual": 900.0, "day": 80.0, "week": 40.0, "raised": False}],
        "left_out": 0, "measured": True,
    }  # fmt: skip
    return {
        "case": "gas.network", "lifeline": "gas.network", "asset": pipes[0], "at": AT, "since": AT,
        "kinds": "{}", "facts": json.dumps(facts), "real_or_simulated": "simulated",
    }  # fmt: skip


def _scores(n: int) -> list[dict]:
    rows = []

    def add(scope: str, subject: str, lifeline: str, indicator: str, score: float) -> None:
        known = not np.isnan(score)
        rows.append(
            {
                "score_id": f"S{len(rows)}", "scope": scope, "subject": subject,
                "lifeline": lifeline, "indicator": indicator, "score": score,
                "raw": 81.3 if scope == "city" else score, "grade": "C" if known else "", "n": n,
                "completeness": 0.95 if known else 0.4, "since": pd.Timestamp(BEGIN), "until": AT,
                "pulled_down_zh": "运行状况 55 分", "pulled_down_en": "Operation 55",
                "real_or_simulated": "simulated",
            }
        )  # fmt: skip

    for lifeline, score in (
        ("water", 71.5),
        ("gas", np.nan),
        ("drainage", 84.0),
        ("heating", 90.0),
    ):
        for indicator in ("condition", "operation", "monitoring", "total"):
            add("lifeline", lifeline, lifeline, indicator, score)
            for area in ("zone-1", "zone-2"):
                add("area", area, lifeline, indicator, score)
            if lifeline == "water":
                add("asset", BURST, lifeline, indicator, score)
    for area in ("zone-1", "zone-2"):
        add("area", area, "", "total", 71.5)
    add("city", "city", "", "total", 71.5)
    return rows
