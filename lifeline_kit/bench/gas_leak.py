"""Leaks of a real gas network found by twenty pressure gauges: simulated readings, drawn demand.

Each trial: a leak of 10 g/s at a random node of a main; twelve samples of demand, each house 30 %
off its expected demand, independently; gauges read 0.2 mbar off, the meter at the station 0.5 %.
What estimates knows the network and the expected demand, not the drawn one. A month without a
leak counts false alarms of the same statistic at `DETECT_SIGMAS`, every hour.
"""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from lifeline_kit.bench.run import Bench, Measured
from lifeline_kit.bench.schutterwald import HGAS, Town, town
from lifeline_kit.lifelines.gas.leaks import DETECT_SIGMAS
from lifeline_kit.methods.hydraulics import Hydraulics, prepare, solve
from lifeline_kit.methods.localise import (
    Gauges,
    Usual,
    detectable_kg_s,
    locate_leak,
    place_gauges,
    sigmas_out,
    usual,
)
from lifeline_kit.text import Text

_TRIALS, _SENSORS, _LEAK, _SHARE, _SAMPLES = 200, 20, 0.010, 0.3, 12
_GAUGE_PA, _METER_SHARE, _SCALE = 20.0, 0.005, 0.6
_DAYS, _STEPS_H = 30, 12


def drawn_loads(usual_load: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Demand of each sample around the usual one, (sample, node) [kg/s]."""
    noise = rng.lognormal(-(_SHARE**2) / 2, _SHARE, (_SAMPLES, usual_load.size))
    return usual_load * noise


def gauge_readings(
    ready: Hydraulics, loads: np.ndarray, known: Usual, rng: np.random.Generator
) -> np.ndarray:
    """What gauges [Pa] and meter [kg/s] read, sample by sample, (sample, sensor + 1)."""
    sensors = known.gauges.sensors
    flow = solve(ready, loads, start=known.flow, tolerance_pa=0.05, tolerance_kg_s=1e-8)
    pressure = flow.pressure_pa[:, sensors] + rng.normal(0, _GAUGE_PA, (len(loads), sensors.size))
    inflow = loads.sum(axis=1) * (1.0 + rng.normal(0, _METER_SHARE, len(loads)))
    return np.column_stack([pressure, inflow])


def _trials(place: Town, ready: Hydraulics, known: Usual, rng: np.random.Generator) -> dict:
    mains = mains_of(place)
    load = known.flow.load_kg_s[0]
    errors, sizes, held, seconds, found = [], [], [], [], []
    for _ in range(_TRIALS):
        node = int(rng.choice(mains))
        loads = drawn_loads(load, rng)
        loads[:, node] += _LEAK
        seen = gauge_readings(ready, loads, known, rng).mean(axis=0)
        began = time.perf_counter()
        suspects = locate_leak(known, seen, mains)
        seconds.append(time.perf_counter() - began)
        near = suspects.within(0.9)
        errors.append(float(np.hypot(*(place.xy[suspects.best] - place.xy[node]))))
        sizes.append(near.size / mains.size)
        held.append(node in near)
        found.append(abs(suspects.leak_kg_s / _LEAK - 1.0))
    return {
        "median_m": float(np.median(errors)),
        "p90_m": float(np.quantile(errors, 0.9)),
        "area90_share": float(np.median(sizes)),
        "coverage90_share": float(np.mean(held)),
        "seconds_per_case": float(np.median(seconds)),
        "leak_size_error_share": float(np.median(found)),
        "trials": float(_TRIALS),
    }


def mains_of(place: Town) -> np.ndarray:
    """Nodes where mains may leak, int (node,)."""
    return np.setdiff1d(np.flatnonzero(place.main), place.network.sources)


def placed_gauges(place: Town, ready: Hydraulics, load_kg_s: np.ndarray) -> Gauges:
    """Place twenty gauges for the load given, with the quality stated above."""
    mains = mains_of(place)
    bare = Gauges(
        sensors=mains[:0],
        pressure_pa=_GAUGE_PA,
        inflow_share=_METER_SHARE,
        load_share=_SHARE,
        samples=_SAMPLES,
    )
    sensors = place_gauges(
        ready, load_kg_s, count=_SENSORS, leak_kg_s=_LEAK, gauges=bare, candidates=mains,
        xy=place.xy,
    )  # fmt: skip
    return replace(bare, sensors=sensors)


def _false_alarms(place: Town, ready: Hydraulics, gauges: Gauges, rng: np.random.Generator) -> int:
    """Alarms of a month without a leak, each hour against the usual of that hour."""
    mains = mains_of(place)
    alarms = 0
    for hour in range(24):
        scale = 0.7 + 0.3 * np.sin(2 * np.pi * (hour - 7.0) / 24.0)
        known = usual(ready, place.load_kg_s * scale, gauges)
        hours = []
        for _ in range(_DAYS):
            loads = drawn_loads(place.load_kg_s * scale, rng)
            hours.append(gauge_readings(ready, loads, known, rng).mean(axis=0))
        alarms += int((sigmas_out(known, np.array(hours), mains) > DETECT_SIGMAS).sum())
    return alarms


def _measure(_: Path | None, seed: int) -> Measured:
    place = town("gas")
    ready = prepare(place.network, HGAS)
    rng = np.random.default_rng(seed)
    mains = mains_of(place)
    load = place.load_kg_s * _SCALE
    gauges = placed_gauges(place, ready, load)
    known = usual(ready, load, gauges)
    values = _trials(place, ready, known, rng)
    least = detectable_kg_s(known, mains, sigmas=DETECT_SIGMAS)
    return Measured(
        values={
            **values,
            "false_alarms_30d": float(_false_alarms(place, ready, gauges, rng)),
            "median_detectable_g_s": float(np.median(least) * 1e3),
        },
        note="Simulated readings on the real network schutterwald_gas (pandapipes).",
    )


BENCH = Bench(
    name="gas-leak",
    title=Text("燃气管网泄漏定位（压力反演）", "leaks of a gas network by pressure inversion"),
    measure=_measure,
)
