"""Faulty substations: events found, normal hours left alone, faults found before the report.

Scored as PreDist (arXiv 2511.14791) scores, on heat meters of a documented generator
(`bench.substation_twin`, `bench.substation_faults`) around the demand series of `uesgraphs`:
synthetic, no claim about a real network.

An event is a stretch of one substation, normal or ending with a report and its repair. It is found
if the counter of `methods.criticality`, at zero seven days before the onset, reaches the threshold
between onset and end; reached before the onset it counts as false and the fault as missed.
`early_share` is the share of all faults found before the report. Normal hours are those of the
normal events. Limits and thresholds, those of the two baselines too, were fixed on networks drawn
from `FITTING` ranges with every other demand series (seeds 101-106); scoring draws the remaining
series, other ranges and other seeds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.bench.peers import beside_peers
from lifeline_kit.bench.run import Bench, Measured
from lifeline_kit.bench.substation_faults import Fault, draw_fault, metered, weakest_tenth
from lifeline_kit.bench.substation_twin import FITTING, SCORING, draw_network, shipped
from lifeline_kit.lifelines.heating.substations import (
    Finder,
    finder,
    judge_substations,
    substation_faults,
)
from lifeline_kit.methods.criticality import criticality, earliness, event_f_beta, first_reached
from lifeline_kit.methods.heat_meter import Meters, peer_deviation
from lifeline_kit.text import Text

_DAY = 24
_REFERENCE = slice(31 * _DAY, 92 * _DAY)  # November and December
_ONSETS = (99 * _DAY, 138 * _DAY)
_BEFORE_H = 7 * _DAY
_FAULTY = 0.4  # share of the substations
_NETWORKS = 16
# fixed on the fitting draws: peer deviation [MAD sigma], return temperature [degC], counter [h]
_PEER_LIMIT, _PEER_COUNT = 3.0, 24
_RETURN_LIMIT, _RETURN_COUNT = 53.0, 12

Raiser = Callable[[Meters, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One network over one season, with the truth that only scoring reads."""

    meters: Meters
    reference: np.ndarray
    faults: list[Fault]
    normal: list[tuple[int, int, int]]  # substation, first hour, hour after the last


def draw_case(
    seed: int, *, scoring: bool, season: tuple[np.ndarray, np.ndarray] | None = None
) -> Case:
    """Draw a network, its faults and its normal events.

    Parameters
    ----------
    seed : int
    scoring : bool
    season : (array, (series, hour) [kW], array, (hour,) [degC]), optional
        Demands and outdoor temperature; by default those of `uesgraphs`.
    """
    rng = np.random.default_rng([seed, 4])
    demand, outdoor = shipped() if season is None else season
    own = demand[1::2] if scoring else demand[::2]
    network = draw_network(own, outdoor, ranges=SCORING if scoring else FITTING, rng=rng)
    faults, normal = [], []
    for row in range(len(own)):
        if rng.random() < _FAULTY:
            faults.append(draw_fault(row, scoring=scoring, between=_ONSETS, rng=rng))
        else:
            length = int(rng.integers(14, 29)) * _DAY
            start = int(rng.integers(_REFERENCE.stop, own.shape[1] - length))
            normal.append((row, start, start + length))
    reference = np.zeros(own.shape[1], dtype=bool)
    reference[_REFERENCE] = True
    return Case(
        meters=metered(network, faults, rng=rng), reference=reference, faults=faults, normal=normal
    )


def by_finder(settings: Finder | None = None) -> Raiser:
    """Raise hours by the fault finder."""

    def raiser(meters: Meters, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        judged = judge_substations(meters, reference, settings=settings)
        return judged.raised, judged.judged

    return raiser


def by_peers(limit: float) -> Raiser:
    """Raise hours by peer ranking alone: daily cooling far from the median of all."""

    def raiser(meters: Meters, _: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        cooling = pd.DataFrame((meters.supply - meters.back).T)
        daily = cooling.rolling(_DAY, min_periods=6).mean().to_numpy().T
        away = np.abs(peer_deviation(daily))
        return np.nan_to_num(away) > limit, np.isfinite(away)

    return raiser


def by_threshold(limit_c: float) -> Raiser:
    """Raise hours in which the return temperature stands above a fixed limit."""

    def raiser(meters: Meters, _: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.nan_to_num(meters.back) > limit_c, np.isfinite(meters.back)

    return raiser


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one fault ended: its lead over the report [h], None where it was missed."""

    fault: Fault
    lead_h: float | None


def outcomes(
    case: Case, raised: np.ndarray, judged: np.ndarray, threshold: int
) -> tuple[list[Outcome], int, float, float]:
    """Score one network: outcomes, false events, quiet and all judged hours of normal events."""
    found, false, quiet, hours = [], 0, 0.0, 0.0
    for fault in case.faults:
        rows = slice(fault.onset - _BEFORE_H, fault.end)
        counter = criticality(raised[fault.substation, rows], judged[fault.substation, rows])
        at = first_reached(counter, threshold)
        early = at is not None and at < _BEFORE_H
        false += early
        lead = None if at is None or early else float(fault.report - fault.onset + _BEFORE_H - at)
        found.append(Outcome(fault, lead))
    for row, first, stop in case.normal:
        own, told = raised[row, first:stop], judged[row, first:stop]
        false += first_reached(criticality(own, told), threshold) is not None
        quiet += float((~own & told).sum())
        hours += float(told.sum())
    return found, false, quiet, hours


def scored(cases: Sequence[Case], raiser: Raiser, threshold: int) -> dict[str, float]:
    """Score a raiser over networks: the metrics of the bench, without prefix."""
    ended: list[Outcome] = []
    false, quiet, hours = 0, 0.0, 0.0
    for case in cases:
        some, wrong, calm, told = outcomes(case, *raiser(case.meters, case.reference), threshold)
        ended += some
        false, quiet, hours = false + wrong, quiet + calm, hours + told
    weak = {id(each) for each in weakest_tenth([one.fault for one in ended])}
    hard = [one for one in ended if id(one.fault) in weak]
    values = _rates(ended, false)
    values["normal_accuracy"] = quiet / max(hours, 1.0)
    values["faults"], values["false_events"] = float(len(ended)), float(false)
    leads = [one.lead_h for one in ended if one.lead_h is not None and one.lead_h > 0]
    values["median_lead_d"] = float(np.median(leads)) / _DAY if leads else 0.0
    values["earliness"] = float(np.mean([earliness(one.lead_h) for one in ended]))
    hardest = _rates(hard, round(false / 10))
    return values | {f"hardest_tenth_{key}": value for key, value in hardest.items()}


_WARM_RETURN = {"fouling", "secondary_bypass"}


def named_right_share(cases: Sequence[Case]) -> float:
    """Share of the faults found whose first event bears the right name.

    Fouling, a secondary bypass and a return sensor reading high look alike to a meter; the finder
    calls all three `poor_cooling`, which counts as right.
    """
    right, named = 0, 0
    for case in cases:
        judged = judge_substations(case.meters, case.reference)
        names = [str(row) for row in range(len(judged.raised))]
        events = substation_faults(judged, case.meters, names)
        for fault in case.faults:
            first, last = case.meters.time[fault.onset], case.meters.time[fault.end]
            own = events[
                (events["substation"] == str(fault.substation))
                & events["since"].between(first, last)
            ]
            if len(own):
                named += 1
                right += own["fault"].iloc[0] == _name(fault)
    return right / max(named, 1)


def _name(fault: Fault) -> str:
    high = fault.kind == "return_sensor_offset" and fault.sign > 0
    return "poor_cooling" if high or fault.kind in _WARM_RETURN else fault.kind


def _rates(ended: Sequence[Outcome], false: int) -> dict[str, float]:
    found = sum(one.lead_h is not None for one in ended)
    early = sum(one.lead_h is not None and one.lead_h > 0 for one in ended)
    return {
        "event_f05": event_f_beta(found, len(ended) - found, false),
        "event_f05_before_report": event_f_beta(early, len(ended) - early, false),
        "found_share": found / max(len(ended), 1),
        "early_share": early / max(len(ended), 1),
    }


def _measure_here(seed: int) -> Measured:
    cases = [draw_case(seed * 1000 + k, scoring=True) for k in range(_NETWORKS)]
    values = scored(cases, by_finder(), finder().criticality)
    values["named_right_share"] = named_right_share(cases)
    peer = scored(cases, by_peers(_PEER_LIMIT), _PEER_COUNT)
    fixed = scored(cases, by_threshold(_RETURN_LIMIT), _RETURN_COUNT)
    for name, other in (("baseline_peer", peer), ("baseline_threshold", fixed)):
        for key in ("event_f05", "normal_accuracy", "early_share"):
            values[f"{name}_{key}"] = other[key]
    return Measured(
        values=values,
        data=["uesgraphs 2.2.2: demands-heat.csv, weather-seestadt-ref-2015.mos"],
        fitted_on=["fitting networks of the generator, seeds 101-106, every other series"],
        note="synthetic: 43 demand series that nobody is said to have measured, all other "
        f"channels and the faults from a generator; {_NETWORKS} networks, seed {seed}",
    )


def _measure(data: Path | None, seed: int) -> Measured:
    return beside_peers("substation", ("uesgraphs",), data, seed, lambda: _measure_here(seed))


BENCH = Bench(
    name="substation",
    title=Text("换热站故障（合成）", "faulty substations (synthetic)"),
    measure=_measure,
)
