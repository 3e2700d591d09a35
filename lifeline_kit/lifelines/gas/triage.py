"""Triage of methane underground: how likely a leak, biogas or a faulty terminal, and why.

Evidence of three kinds of model (`triage_models`), of the neighbours and of what is known
beforehand is calibrated into probabilities by a multinomial logistic model fitted on simulated
series (`triage_weights.toml`); nothing here was fitted to field data.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from lifeline_kit.errors import InputError, ReadingsError, RulesError
from lifeline_kit.lifelines.gas.manhole import Manhole, checked_series, prepare
from lifeline_kit.lifelines.gas.signs import NAMES, ManholeContext, signs
from lifeline_kit.lifelines.gas.triage_models import settings
from lifeline_kit.lifelines.gas.triage_words import advice, reasons
from lifeline_kit.methods.softmax import Weights
from lifeline_kit.text import Text

BANDS_H = (3.0, 18.0, float("inf"))
KINDS = ("leak", "biogas", "sensor")
_FAR = 4.5  # standard deviations off the draws fitted on; two signs so far lie outside
_UNKNOWN = 0.03  # probability left for what no model describes, shared evenly; expert
_HELD = 4  # readings in a row at the highest value: the end of a terminal's range, or it is stuck
_NOISY = 0.25  # share of the level: with more white noise no model has anything to hold on to
SIMULATED = Text(
    "概率由模拟序列校准，辅助研判，不替代现场检测",
    "probabilities calibrated on simulated series; they assist and replace no field measurement",
)
AT_TOP = Text(
    "读数停在最高值：可能已到量程上限，真实浓度或更高",
    "it stands at its highest value: perhaps the end of its range, and more gas than it shows",
)
NOT_RAISED = Text(
    "读数未达 5 % LEL，无须判别", "the readings stay below 5 % LEL: nothing calls for triage"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Triage:
    """The judgement on one manhole.

    Attributes
    ----------
    leak, biogas, sensor : float
        Probabilities; they add up to 1.
    onset : Timestamp
        UTC.
    level, peak : float [%VOL]
        Reached since the onset: ninth decile above the baseline; highest reading.
    reasons, advice : tuple of Text
        The weightiest first.
    outside : bool
        The series lies outside the range of the models: judge on site, not by the numbers.
    similar : DataFrame
        The nearest past cases, as supplied, with `distance`.
    signs : Series
        The numbers behind, by name.
    """

    leak: float
    biogas: float
    sensor: float
    onset: pd.Timestamp
    level: float
    peak: float
    reasons: tuple[Text, ...]
    advice: tuple[Text, ...]
    outside: bool
    similar: pd.DataFrame
    signs: pd.Series


def made_ready(series: pd.DataFrame, context: ManholeContext) -> Manhole:
    """Prepare a series with the settings of `triage.toml`."""
    own = settings()["sight"]
    return prepare(
        series,
        alarm_vol=own["alarm_vol"],
        before_h=own["before_h"],
        envelope_h=own["envelope_h"],
        utc_offset_h=context.utc_offset_h,
    )


def age_h(hole: Manhole) -> float:
    """Hours since the onset seen; 0 while no reading reached the alarm level."""
    if hole.sight.value.max() < settings()["sight"]["alarm_vol"]:
        return 0.0
    return float(hole.sight.time_h[-1] - hole.onset_h)


@cache
def fitted() -> tuple[Weights, ...]:
    """Return the committed weights, one set a band of `BANDS_H`.

    Raises
    ------
    RulesError
        Where the file was fitted on other signs than those of now.
    """
    file = Path(__file__).with_name("triage_weights.toml")
    data = tomllib.loads(file.read_text(encoding="utf-8"))
    if tuple(data["names"]) != NAMES or len(data["bands"]) != len(BANDS_H):
        raise RulesError(
            f"{file.name} was fitted on other signs; expected {', '.join(NAMES)}; "
            "refit with python -m lifeline_kit.bench.biogas_fit."
        )
    return tuple(
        Weights(
            np.array(band["middle"]),
            np.array(band["scale"]),
            np.array([band["biogas"], band["sensor"]]),
        )
        for band in data["bands"]
    )


def probabilities(
    found: np.ndarray,
    since_h: float,
    *,
    ethane_ratio: float = float("nan"),
    prior: Sequence[float] | None = None,
    weights: Sequence[Weights] | None = None,
) -> np.ndarray:
    """Calibrate signs into probabilities.

    Parameters
    ----------
    found : array, (sign,)
    since_h : float [h]
        Of `age_h`.
    ethane_ratio : float
    prior : three shares, optional
        Of leak, biogas and sensor among alarms here; by default those of the draws fitted on.
    weights : sequence of Weights, optional
        One a band; by default the committed ones.

    Returns
    -------
    array, (3,)
        Leak, biogas, sensor.
    """
    band = int(np.searchsorted(BANDS_H, since_h, side="right"))
    logits = (weights or fitted())[min(band, len(BANDS_H) - 1)].logits(found)[0]
    logits[0] += ethane_evidence(ethane_ratio)
    if prior is not None:
        logits += np.log(np.asarray(prior)) - np.log(settings()["prior"]["fitted"])
    chance = np.exp(logits - logsumexp(logits))
    return (1.0 - _UNKNOWN) * chance + _UNKNOWN / chance.size


def ethane_evidence(ratio: float) -> float:
    """Log-likelihood ratio of pipeline gas over anything else for C2/C1 of a sample [nat]."""
    if not np.isfinite(ratio):
        return 0.0
    own = settings()["ethane"]
    low, high = own["pipeline"]
    # soft edges: a field instrument errs by some thousandths
    inside = 1.0 / (1.0 + np.exp(-(ratio - low) / 0.001))
    pipeline = np.log(inside / (high - low) + 1e-9)
    other = -ratio / own["sewer_scale"] - np.log(own["sewer_scale"])
    return float(np.clip(pipeline - other, -own["most_nat"], own["most_nat"]))


def triage(
    series: pd.DataFrame,
    context: ManholeContext | None = None,
    *,
    cases: pd.DataFrame | None = None,
    prior: Sequence[float] | None = None,
    weights: Sequence[Weights] | None = None,
) -> Triage:
    """Judge one manhole.

    Parameters
    ----------
    series : DataFrame, index `time` (UTC, increasing)
        `methane` [%VOL]; optional `temperature` or `air_temperature` [degC], `rain` [mm/h],
        `humidity` [%], `demand` (any unit), `flooded` [0/1], `neighbour_1` … [%VOL]. The last
        row is now.
    context : ManholeContext, optional
    cases : DataFrame, index `case`, optional
        Past cases with the columns of `signs.NAMES`, `verdict_zh`, `verdict_en`.
    prior, weights : optional
        Of `probabilities`.

    Raises
    ------
    ReadingsError
        Where methane is absent, too short, out of order or cannot be %VOL, or neighbours and
        their distances differ in number.
    InputError
        Where context, cases or prior are not what they are said to be.
    """
    context = context or ManholeContext()
    _check(context, cases, prior)
    hole = made_ready(series, context)
    if len(hole.neighbours) != len(context.neighbour_m):
        raise ReadingsError(
            f"triage got {len(hole.neighbours)} columns neighbour_1 … and "
            f"{len(context.neighbour_m)} distances; give one "
            "of ManholeContext.neighbour_m for each."
        )
    found = signs(hole, context)
    age = age_h(hole)
    used = weights or fitted()
    chance = probabilities(found, age, ethane_ratio=context.ethane_ratio, prior=prior, weights=used)
    band = used[min(int(np.searchsorted(BANDS_H, age, side="right")), len(BANDS_H) - 1)]
    series = checked_series(series)
    first = series.index[series["methane"].notna()][0]
    scaled = (found - band.middle) / band.scale
    top = held_at_top(hole.sight.value, settings()["sight"]["alarm_vol"])
    outside = int((np.abs(scaled) > _FAR).sum()) >= 2 or hole.noise > _NOISY * hole.level or top
    said = reasons(scaled, band.table, chance, context, age)
    if top:
        said = (AT_TOP, *said)
    if hole.sight.value.max() < settings()["sight"]["alarm_vol"]:
        said = (NOT_RAISED, *said)
    raised = [float(np.quantile(each, 0.9)) for each in hole.neighbours]
    return Triage(
        leak=float(chance[0]),
        biogas=float(chance[1]),
        sensor=float(chance[2]),
        onset=first + pd.Timedelta(hours=hole.onset_h),
        level=hole.level,
        peak=float(hole.sight.value.max()),
        reasons=said,
        advice=advice(
            chance,
            context,
            raised,
            outside=outside,
            peak_vol=float(hole.sight.value.max()),
            band=settings()["advice"],
        ),
        outside=outside,
        similar=similar_cases(scaled, cases, band),
        signs=pd.Series(found, index=list(NAMES), name="sign"),
    )


def _check(context: object, cases: object, prior: Sequence[float] | None) -> None:
    if not isinstance(context, ManholeContext):
        raise InputError(
            f"context is a {type(context).__name__}; expected ManholeContext(space_type=…, …)."
        )
    if cases is not None:
        found = set(cases.columns) if isinstance(cases, pd.DataFrame) else set()
        missing = [name for name in NAMES if name not in found]
        if missing:
            raise InputError(
                f"past cases lack the sign {missing[0]!r}; expected a table with the columns of "
                "signs.NAMES."
            )
    if prior is not None:
        share = np.asarray(prior, dtype=float)
        if share.shape != (3,) or not (share > 0).all() or not np.isclose(share.sum(), 1.0):
            raise InputError(
                f"prior is {tuple(np.ravel(share).tolist())}; expected three shares above zero, of "
                "leak, biogas and sensor, that add up to 1."
            )


def held_at_top(value: np.ndarray, alarm_vol: float) -> bool:
    """Whether the last readings stand at the series' highest value, above the alarm level."""
    last = value[-_HELD:]
    return bool(last.size == _HELD and last.min() >= value.max() > alarm_vol)


def similar_cases(
    scaled: np.ndarray, cases: pd.DataFrame | None, band: Weights, *, n: int = 3
) -> pd.DataFrame:
    """Return the nearest past cases by their signs, each sign counting as it does in judging.

    Parameters
    ----------
    scaled : array, (sign,)
        Standardised by the band.
    cases : DataFrame, index `case`, or None
        With the columns of `signs.NAMES`.
    band : Weights
    n : int
    """
    if cases is None or cases.empty:
        return pd.DataFrame(columns=["distance"])
    other = (cases[list(NAMES)].to_numpy(dtype=float) - band.middle) / band.scale
    weight = 0.1 + np.abs(band.table[:, 1:]).max(axis=0)
    distance = np.sqrt((weight * (other - scaled) ** 2).sum(axis=1) / weight.sum())
    return cases.assign(distance=distance).nsmallest(n, "distance")
