"""Make-up water: a leak is what the network swallows beyond expansion and habit.

A cooling network shrinks: beta(T) V dT/dt flows in though nothing leaks. That goes out first; what
is left, less its own usual level, runs through `methods.cusum`.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

from lifeline_kit.errors import InputError
from lifeline_kit.methods.baselines import quantile
from lifeline_kit.methods.cusum import Cusum, State, Step, threshold_for, update
from lifeline_kit.methods.hydraulics.fluids import water_expansion


@cache
def settings() -> Mapping[str, Mapping]:
    """Read the limits beside this module."""
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def expansion_flow(mean_c: np.ndarray, volume_m3: float, *, step_h: float) -> np.ndarray:
    """Make-up that shrinking water asks for, and gives back when it warms [m3/h].

    Parameters
    ----------
    mean_c : array, (time,) [degC]
        Mean temperature of the water in the network: of supply and return, weighted by volume.
    volume_m3 : float [m3]
        Water in the network.
    step_h : float [h]

    Returns
    -------
    array, (time,)
        -beta(T) V dT/dt by backward differences, so that nothing later is looked at; positive
        while the water cools.

    Raises
    ------
    InputError
    """
    if not (volume_m3 > 0.0 and step_h > 0.0):
        raise InputError(
            f"network volume and time step must be above 0, got {volume_m3:g} m3 and {step_h:g} h."
        )
    mean = np.asarray(mean_c, dtype=float)
    change = np.diff(mean, prepend=mean[:1]) / step_h
    return 0.0 - water_expansion(mean) * volume_m3 * change


def fitted_volume(makeup: np.ndarray, mean_c: np.ndarray, *, step_h: float) -> float:
    """Water that takes part in expansion, from make-up itself [m3].

    The slope of make-up on -beta dT/dt, where the network breathes through its make-up; 0 where
    an expansion vessel breathes for it.
    """
    per_m3 = expansion_flow(mean_c, 1.0, step_h=step_h)
    good = np.isfinite(makeup) & np.isfinite(per_m3)
    if good.sum() < 48:
        return 0.0
    x = per_m3[good] - per_m3[good].mean()
    y = makeup[good] - np.median(makeup[good])
    spread = float((x**2).sum())
    return max(float((x * y).sum()) / spread, 0.0) if spread > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What is known of a plant from undisturbed operation: usual make-up, noise, volume.

    Attributes
    ----------
    usual_m3_h : float [m3/h]
    volume_m3 : float [m3]
    cusum : Cusum
    step_h : float [h]
    block : int
        Readings that count as one.
    """

    usual_m3_h: float
    volume_m3: float
    cusum: Cusum
    step_h: float
    block: int = 1


def watch_makeup(
    makeup: np.ndarray,
    mean_c: np.ndarray | None,
    *,
    step_h: float,
    volume_m3: float | None = None,
    days_between_false: float | None = None,
    watch: Literal["makeup", "sharp"] = "makeup",
) -> Watch:
    """Learn a plant's usual make-up and set its alarm from the noise and the false rate.

    Parameters
    ----------
    makeup : array, (time,) [m3/h]
        Of undisturbed operation.
    mean_c : array, (time,) [degC], optional
        Mean water temperature; without it expansion stays in the noise.
    step_h : float [h]
    volume_m3 : float, optional [m3]
        By default fitted on the make-up.
    days_between_false : float, optional [d]
        By default that of `makeup.toml`.
    watch : {'makeup', 'sharp'}
        The first finds small leaks over hours, the second larger ones in minutes; run both.

    Raises
    ------
    InputError
        With less than three days of readings.
    """
    limits = settings()[watch]
    here = np.isfinite(makeup)
    if here.sum() * step_h < 72.0:
        raise InputError(
            f"{here.sum() * step_h:.0f} h of make-up readings; expected at least 72 h of "
            "undisturbed operation."
        )
    volume = 0.0
    if mean_c is not None:
        volume = volume_m3 or fitted_volume(makeup, mean_c, step_h=step_h)
    corrected = np.asarray(makeup, dtype=float)
    if mean_c is not None and volume > 0.0:
        corrected = corrected - expansion_flow(mean_c, volume, step_h=step_h)
    usual = float(np.nanmedian(corrected))
    block = max(round(limits["correlated_h"] / step_h), 1)
    means = _blocks(corrected - usual, block)
    sigma = float(quantile(np.abs(means), 0.6827))  # one sigma of a normal law, outliers aside
    if block > 1:  # what one block says the next one says again: sums of them spread wider
        memory = float(np.clip(_memory(means), 0.0, 0.8))
        sigma *= np.sqrt((1.0 + memory) / (1.0 - memory))
    apart = (days_between_false or limits["days_between_false"]) * 24.0 / (block * step_h)
    return Watch(
        block=block,
        usual_m3_h=usual,
        volume_m3=volume,
        step_h=step_h,
        cusum=Cusum(
            sigma=max(sigma, limits["sigma_floor_m3_h"]),
            shift=limits["shift"],
            threshold=limits.get("threshold")
            or threshold_for(max(apart, 10.0), shift=limits["shift"], two_sided=False),
        ),
    )


def _memory(means: np.ndarray) -> float:
    """Correlation of a series with itself one step later; NaN left out."""
    here = np.isfinite(means[:-1]) & np.isfinite(means[1:])
    a, b = means[:-1][here], means[1:][here]
    spread = np.sqrt((a**2).sum() * (b**2).sum())
    return float((a * b).sum() / spread) if spread > 0 else 0.0


def _blocks(values: np.ndarray, size: int) -> np.ndarray:
    """Means over blocks of readings, (block,); NaN left out."""
    whole = values[: values.size // size * size].reshape(-1, size)
    here = np.isfinite(whole).sum(axis=1)
    means = np.nansum(whole, axis=1) / np.maximum(here, 1)
    return np.where(here > 0, means, np.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """What the make-up says at the end of each block, arrays (block,).

    Attributes
    ----------
    last : int array
        Index of the last reading of the block.
    raised : bool array
    leak_m3_h, low_m3_h, high_m3_h : arrays [m3/h]
        Estimate and 90 % interval, 0 while the sum stands at zero.
    step : Step
    """

    last: np.ndarray
    raised: np.ndarray
    leak_m3_h: np.ndarray
    low_m3_h: np.ndarray
    high_m3_h: np.ndarray
    step: Step


def makeup_leak(
    watch: Watch,
    makeup: np.ndarray,
    mean_c: np.ndarray | None = None,
    *,
    state: State | None = None,
) -> tuple[State, Leak]:
    """Judge further make-up readings; only a surplus is a leak.

    Parameters
    ----------
    watch : Watch
    makeup, mean_c : arrays, (time,) [m3/h], [degC]
        Readings after the last whole block are not judged: give them again with the next ones.
        The first temperature of a call has no change of its own.
    state : State, optional
        Of the call before.
    """
    block = watch.block
    flow = np.asarray(makeup, dtype=float)
    if mean_c is not None and watch.volume_m3 > 0:
        flow = flow - expansion_flow(mean_c, watch.volume_m3, step_h=watch.step_h)
    residual = _blocks(flow - watch.usual_m3_h, block)
    after, step = update(state or State(), residual, settings=watch.cusum)
    surplus = (step.up >= step.down) & (step.up > 0)
    estimate = np.where(surplus, step.estimate, 0.0)
    half = np.where(surplus, step.half_width, 0.0)
    return after, Leak(
        last=np.arange(1, residual.size + 1) * block - 1,
        raised=step.up > watch.cusum.threshold,
        leak_m3_h=np.maximum(estimate, 0.0),
        low_m3_h=np.maximum(estimate - half, 0.0),
        high_m3_h=np.maximum(estimate + half, 0.0),
        step=step,
    )


def makeup_share(makeup_m3_h: float, circulating_m3_h: float) -> float:
    """Make-up over circulating water; compare with `settings()["normal"]`."""
    return makeup_m3_h / circulating_m3_h if circulating_m3_h > 0 else float("nan")
