"""Faults of the substation generator, and the heat meters that show them; synthetic.

Kinds follow Månsson et al. 2019 (Energy 180, 163-174: leaking valves and faults of the customers'
own heating are the most common, nearly all raise the return temperature) and the fault list of
Guevara Bastidas et al. 2025 (Energy 137210), which PreDist uses for its labels. How strong they
are is drawn from ranges set by the project (`weak`, `strong`); no source gives their distribution.

A customer notices a cold or an overheated home within days, a meter reader or an auditor a wrong
sensor or a bad return within weeks: `noticed_d` is when the report comes, the stronger the fault
the sooner. PreDist finds 60 % before the report, 3-5 days ahead (arXiv 2511.14791).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lifeline_kit.bench.substation_twin import BEGIN, CP, RHO, Network, primary_return
from lifeline_kit.methods.heat_meter import Meters


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of fault: magnitudes for fitting and for scoring, ramp, and when it is noticed."""

    fitting: tuple[float, float]
    scoring: tuple[float, float]
    noticed_d: tuple[float, float]
    ramp_d: float = 0.0


KINDS = {
    "fouling": Kind(  # share of UA lost at the end of the ramp
        fitting=(0.20, 0.60), scoring=(0.15, 0.70), noticed_d=(25.0, 40.0), ramp_d=25.0
    ),
    "valve_stuck_open": Kind(  # of design flow
        fitting=(0.15, 0.60), scoring=(0.10, 0.70), noticed_d=(5.0, 12.0)
    ),
    "valve_stuck_shut": Kind(  # share of the heat withheld
        fitting=(0.20, 0.60), scoring=(0.15, 0.70), noticed_d=(2.0, 5.0)
    ),
    "return_sensor_offset": Kind(  # K, either sign
        fitting=(1.5, 6.0), scoring=(1.0, 7.0), noticed_d=(10.0, 20.0)
    ),
    "supply_sensor_offset": Kind(  # K, either sign
        fitting=(1.5, 6.0), scoring=(1.0, 7.0), noticed_d=(10.0, 20.0)
    ),
    "sensor_swap": Kind(fitting=(1.0, 1.0), scoring=(1.0, 1.0), noticed_d=(3.0, 10.0)),
    "dhw_priority_stuck": Kind(  # of design flow, running through the storage
        fitting=(0.08, 0.40), scoring=(0.04, 0.50), noticed_d=(3.0, 8.0)
    ),
    "hunting": Kind(  # amplitude over the mean flow
        fitting=(0.15, 0.50), scoring=(0.10, 0.60), noticed_d=(6.0, 14.0)
    ),
    "pump_stop": Kind(  # share of the circulation lost
        fitting=(0.40, 1.00), scoring=(0.30, 1.00), noticed_d=(1.0, 3.0)
    ),
    "secondary_bypass": Kind(  # share of the supply that returns unused
        fitting=(0.15, 0.60), scoring=(0.10, 0.70), noticed_d=(8.0, 16.0)
    ),
}
_REPAIR_H = 24
_DAY = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One injected fault; hours count from the start of the season.

    `strength` is its place in the range of its kind: 0 weakest, 1 strongest.
    """

    kind: str
    substation: int
    onset: int
    report: int
    end: int
    magnitude: float
    strength: float
    sign: float


def draw_fault(
    substation: int, *, scoring: bool, between: tuple[int, int], rng: np.random.Generator
) -> Fault:
    """Draw a fault that begins between two hours of the season."""
    kind = str(rng.choice(list(KINDS)))
    entry = KINDS[kind]
    place = float(rng.random())
    low, high = entry.scoring if scoring else entry.fitting
    late, soon = entry.noticed_d[1], entry.noticed_d[0]
    noticed = late - (late - soon) * (0.7 * place + 0.3 * rng.random())
    onset = int(rng.integers(*between))
    report = onset + round(noticed * _DAY)
    return Fault(
        kind=kind,
        substation=substation,
        onset=onset,
        report=report,
        end=report + _REPAIR_H,
        magnitude=low + (high - low) * place,
        strength=place,
        sign=float(rng.choice([-1.0, 1.0])),
    )


def _course(fault: Fault, hours: int) -> np.ndarray:
    """Magnitude over the season, (time,): a step, or a ramp for what grows."""
    time = np.arange(hours)
    ramp = max(KINDS[fault.kind].ramp_d * _DAY, 1.0)
    grown = np.clip((time - fault.onset) / ramp, 0.0, 1.0)
    return np.where((time >= fault.onset) & (time < fault.end), fault.magnitude * grown, 0.0)


@dataclass
class _Plan:
    """What the faults do to each substation and hour; all arrays (substation, time)."""

    fouled: np.ndarray
    forced: np.ndarray
    withheld: np.ndarray
    charging: np.ndarray
    swinging: np.ndarray
    bypass: np.ndarray
    open_wide: np.ndarray


def _planned(network: Network, faults: Sequence[Fault]) -> _Plan:
    plan = _Plan(*(np.zeros(network.need.shape) for _ in range(7)))
    for fault in faults:
        course = _course(fault, network.need.shape[1])
        row = fault.substation
        target = {
            "fouling": plan.fouled,
            "valve_stuck_open": plan.forced,
            "valve_stuck_shut": plan.withheld,
            "dhw_priority_stuck": plan.charging,
            "hunting": plan.swinging,
            "secondary_bypass": plan.bypass,
        }.get(fault.kind)
        if target is not None:
            target[row] += course
        elif fault.kind == "pump_stop":
            plan.withheld[row] += 0.92 * course
            plan.open_wide[row] += course * (fault.sign > 0)  # the controller asks for more
    return plan


def metered(network: Network, faults: Sequence[Fault], *, rng: np.random.Generator) -> Meters:
    """Run the substations with their faults and read their heat meters, hourly."""
    plan = _planned(network, faults)
    n, hours = network.need.shape
    supply, design = network.supply, network.design_kw
    # stuck hot-water priority takes flow away from the heating
    heat = network.need * (1.0 - plan.withheld) * (1.0 - 0.6 * plan.charging)
    wave = np.sign(np.sin(2.0 * np.pi * np.arange(hours) / rng.uniform(2.3, 5.0, (n, 1))))
    heat = heat * (1.0 + 0.5 * plan.swinging * wave)
    back = network.back + plan.bypass * (network.feed - network.back)
    ret = primary_return(heat, supply, network.feed, back, network.ua * (1.0 - plan.fouled), design)
    ret = np.minimum(ret + 6.0 * plan.swinging, supply - 2.0)
    flow = heat / (CP * (supply - ret)) * (1.0 + 0.5 * plan.swinging * wave)
    wanted = np.maximum(plan.forced, plan.open_wide * 0.8) * network.design_flow
    more = np.maximum(wanted - flow, 0.0)
    # thermostatic valves of the rooms refuse most of what a stuck valve offers
    taken = np.minimum(0.35 * more * CP * (supply - ret), 0.3 * heat + 0.05 * design)
    taken = np.where(plan.open_wide > 0, 0.0, taken)
    heat, flow = flow * CP * (supply - ret) + taken, flow + more
    tap = network.hot_water / (CP * (supply - 30.0))
    circulation = 0.02 * design / (CP * (supply - 52.0))
    charge = plan.charging * network.design_flow
    total = flow + tap + circulation + charge
    heat = heat + network.hot_water + 0.02 * design + charge * CP * 12.0
    mixed = supply - heat / (CP * np.maximum(total, 1e-9))
    return _read(network, total, mixed, faults, rng)


def _read(
    network: Network,
    flow: np.ndarray,
    back: np.ndarray,
    faults: Sequence[Fault],
    rng: np.random.Generator,
) -> Meters:
    n, hours = flow.shape
    shape = (n, hours)
    hot = network.supply + rng.uniform(-0.3, 0.3, (n, 1)) + 0.1 * rng.standard_normal(shape)
    cold = back + rng.uniform(-0.3, 0.3, (n, 1)) + 0.1 * rng.standard_normal(shape)
    for fault in faults:
        row, course = fault.substation, _course(fault, hours)
        if fault.kind == "return_sensor_offset":
            cold[row] += fault.sign * course
        elif fault.kind == "supply_sensor_offset":
            hot[row] += fault.sign * course
        elif fault.kind == "sensor_swap":
            swapped = course > 0
            hot[row], cold[row] = (
                np.where(swapped, cold[row], hot[row]),
                np.where(swapped, hot[row], cold[row]),
            )
    hot, cold = np.round(hot, 1), np.round(cold, 1)
    volume = flow * 3600.0 / RHO * (1.0 + network.noise * rng.standard_normal(shape))
    volume = np.round(volume, 2)
    heat = volume * RHO / 3600.0 * CP * (hot - cold)
    lost = rng.random(shape) < network.lost
    for row in range(n):  # and some longer silences
        for _ in range(int(rng.poisson(4.0 * network.lost / 0.01))):
            start = int(rng.integers(0, hours - 12))
            lost[row, start : start + int(rng.integers(2, 12))] = True
    channels = [np.where(lost, np.nan, each) for each in (hot, cold, volume, heat)]
    return Meters(
        time=BEGIN.astype("datetime64[ms]") + np.arange(hours) * np.timedelta64(1, "h"),
        outdoor=np.round(network.outdoor, 1),
        supply=channels[0],
        back=channels[1],
        flow=channels[2],
        heat=channels[3],
    )


def weakest_tenth(faults: Sequence[Fault]) -> list[Fault]:
    """Return the tenth of the faults with the smallest magnitude within their kinds."""
    graded = [each for each in faults if KINDS[each.kind].scoring[0] < KINDS[each.kind].scoring[1]]
    graded = sorted(graded, key=lambda each: each.strength)
    return graded[: max(len(faults) // 10, 1)]
