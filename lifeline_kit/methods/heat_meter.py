"""What a heat meter usually reads, learnt from a reference period, and what it leaves over.

Four residual channels per meter, each hourly:

* `back`: return temperature less what outdoor temperature, supply temperature, heat and hour let
  expect; the most telling one (Leiria et al. 2025, Applied Energy 381: the return temperature shows
  faults that energy use does not);
* `heat`: logarithm of the heat over what the meters around and the weather let expect;
* `supply`: supply temperature less the median of the meters around;
* `swing`: how unsteady the flow is from hour to hour beyond what is usual.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lifeline_kit.errors import InputError
from lifeline_kit.methods.robust import fit_signature, huber_fit, mad_sigma

CHANNELS = ("back", "heat", "supply", "swing")
WATER_KWH_PER_M3_K = 1.136  # rho cp of water at 70 degC: 977 kg/m3 * 4.186 kJ/(kg K) / 3600
_FEW = 3  # so few meters are no peers of one another
_DAY_H = 24
_IDLE = 0.02  # of the usual heat: below it a meter tells nothing of temperatures


@dataclass(frozen=True, slots=True, kw_only=True)
class Meters:
    """Hourly readings of heat meters on one clock.

    Attributes
    ----------
    time : datetime64[ms] array, (time,)
        Local time, evenly hourly.
    outdoor : array, (time,) [degC]
    supply, back : arrays, (meter, time) [degC]
    flow : array, (meter, time) [m3/h]
    heat : array, (meter, time) [kW]
        NaN where there is no reading.
    """

    time: np.ndarray
    outdoor: np.ndarray
    supply: np.ndarray
    back: np.ndarray
    flow: np.ndarray
    heat: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Residuals:
    """Smoothed residuals in robust sigma of the reference, by channel, each (meter, time).

    Attributes
    ----------
    sigmas : mapping of channel to array (meter, time)
        Signed.
    values : mapping of channel to array (meter, time)
        The same in units: K, 1 (logarithm), K, 1.
    judged : bool array, (meter, time)
        Where at least one channel says something.
    """

    sigmas: dict[str, np.ndarray]
    values: dict[str, np.ndarray]
    judged: np.ndarray


def check_meters(meters: Meters) -> Meters:
    """Check shapes and clock.

    Raises
    ------
    InputError
    """
    shape = (len(meters.supply), meters.time.size)
    for name in ("supply", "back", "flow", "heat"):
        if getattr(meters, name).shape != shape:
            raise InputError(
                f"{name} of the meters has shape {getattr(meters, name).shape}; expected "
                f"{shape} (meter, time) like the others."
            )
    if meters.outdoor.shape != (meters.time.size,):
        raise InputError(
            f"outdoor temperature has shape {meters.outdoor.shape}; expected one value per time, "
            f"({meters.time.size},)."
        )
    steps = np.diff(meters.time.astype("datetime64[s]").astype(np.int64))
    if steps.size and (steps != 3600).any():
        raise InputError(
            f"heat meters must stand on an even hourly clock; found a step of {int(steps.max())} s;"
            " resample them first, with NaN where nothing came."
        )
    return meters


def meter_residuals(
    meters: Meters, reference: np.ndarray, *, smooth_h: int = 24, floors: dict[str, float]
) -> Residuals:
    """Judge every hour against the meter's own reference and the meters around it.

    Parameters
    ----------
    meters : Meters
    reference : bool array, (meter, time) or (time,)
        Hours in which the meter ran as it should.
    smooth_h : int, default 24 [h]
        Trailing mean of the residuals.
    floors : mapping of channel to float [unit of the channel]
        Smallest sigma.

    Raises
    ------
    InputError
        Where a meter has too few readings within its reference.
    """
    check_meters(meters)
    reference = np.broadcast_to(reference, meters.supply.shape)
    raw = _raw_residuals(meters, reference)
    values, sigmas = {}, {}
    for channel, residual in raw.items():
        smooth = _trailing_mean(residual, smooth_h)
        within = np.where(reference, smooth, np.nan)
        centre = _median(within)
        sigma = np.maximum(mad_sigma(within, axis=1)[:, None], floors[channel])
        values[channel] = smooth - centre
        sigmas[channel] = values[channel] / sigma
    judged = np.isfinite(meters.back) & np.isfinite(sigmas["heat"])
    return Residuals(sigmas=sigmas, values=values, judged=judged)


def _median(values: np.ndarray) -> np.ndarray:
    return np.nanmedian(values, axis=1, keepdims=True)


def _trailing_mean(values: np.ndarray, hours: int) -> np.ndarray:
    frame = pd.DataFrame(values.T)
    return frame.rolling(hours, min_periods=max(hours // 4, 1)).mean().to_numpy().T


def _raw_residuals(meters: Meters, reference: np.ndarray) -> dict[str, np.ndarray]:
    within = np.where(reference, meters.heat, np.nan)
    usual = np.maximum(np.nanquantile(within, 0.95, axis=1, keepdims=True), 1e-6)
    load = meters.heat / usual
    around = _expected_load(meters, load, reference)
    back = np.full(load.shape, np.nan)
    heat = np.full(load.shape, np.nan)
    for row in range(len(load)):
        back[row] = _back_residual(meters, load[row], row, reference[row])
        heat[row] = _heat_residual(meters, load[row], around[row], reference[row])
    running = load > _IDLE
    supply = np.where(np.abs(load) > _IDLE, meters.supply - _others_median(meters.supply), np.nan)
    rate = np.log(np.where(running & (meters.flow > 0), meters.flow, np.nan))
    bend = np.full(rate.shape, np.nan)
    bend[:, 2:] = np.abs(rate[:, 2:] - 2.0 * rate[:, 1:-1] + rate[:, :-2])
    # what all meters do at once (morning peak, plant) is nobody's own unrest
    unrest = np.minimum(bend, 2.0) - np.minimum(_others_median(bend), 2.0)
    return {"back": back, "heat": heat, "supply": supply, "swing": unrest}


def _expected_load(meters: Meters, load: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Median load of the other meters; among three or fewer, the meter's own energy signature."""
    if len(load) > _FEW:
        return _others_median(np.clip(load, 0.0, 2.0))
    slow = pd.Series(meters.outdoor).rolling(_DAY_H, min_periods=1).mean().to_numpy()
    rows = []
    for own, within in zip(load, reference, strict=True):
        daily = pd.Series(np.where(within, own, np.nan)).rolling(_DAY_H, min_periods=12).mean()
        rows.append(fit_signature(slow[::_DAY_H], daily.to_numpy()[::_DAY_H]).expected(slow))
    return np.stack(rows)


def _others_median(values: np.ndarray) -> np.ndarray:
    """Median over the other rows; with three rows or fewer, over all of them."""
    ranked = np.sort(values, axis=0)  # NaN last
    count = np.isfinite(values).sum(axis=0)
    if len(values) <= _FEW:
        return np.broadcast_to(_middle(ranked, count), values.shape)
    out = np.empty(values.shape)
    for row in range(len(values)):
        other = np.delete(values, row, axis=0)
        out[row] = _middle(np.sort(other, axis=0), np.isfinite(other).sum(axis=0))
    return out


def _middle(ranked: np.ndarray, count: np.ndarray) -> np.ndarray:
    columns = np.arange(ranked.shape[1])
    low = ranked[np.maximum((count - 1) // 2, 0), columns]
    high = ranked[np.minimum(count // 2, len(ranked) - 1), columns]
    return np.where(count > 0, 0.5 * (low + high), np.nan)


def _clock(time: np.ndarray) -> list[np.ndarray]:
    hour = (time - time.astype("datetime64[D]")) / np.timedelta64(1, "h")
    angle = 2.0 * np.pi * hour / 24.0
    free = ~np.is_busday(time.astype("datetime64[D]"))
    waves = [wave(k * angle) for k in (1, 2, 3) for wave in (np.sin, np.cos)]
    return [*waves, free.astype(float)]


def back_terms(
    time: np.ndarray, outdoor: np.ndarray, supply: np.ndarray, load: np.ndarray
) -> np.ndarray:
    """Terms of the return-temperature model, (time, term): T_r = f(T_out, T_s, Q, hour)."""
    load = np.clip(load, 0.0, 1.5)
    past = pd.Series(load).rolling(4, min_periods=1).mean().to_numpy()
    root = np.sqrt(load)
    terms = [np.ones(time.size), outdoor, supply, load, root, load**2, past]
    terms += [load * outdoor, load * supply, root * outdoor]
    return np.stack([*terms, *_clock(time)], axis=1)


def _back_residual(meters: Meters, load: np.ndarray, row: int, reference: np.ndarray) -> np.ndarray:
    terms = back_terms(meters.time, meters.outdoor, meters.supply[row], load)
    return _left_over(
        terms, meters.back[row], reference & (load > _IDLE), f"return temperature of meter {row}"
    )


def _heat_residual(
    meters: Meters, load: np.ndarray, around: np.ndarray, reference: np.ndarray
) -> np.ndarray:
    slow = pd.Series(meters.outdoor).rolling(6, min_periods=1).mean().to_numpy()
    ahead = np.sqrt(np.maximum(around, 0.0))
    terms = np.stack(
        [np.ones(load.size), slow, around, ahead, around**2, *_clock(meters.time)], axis=1
    )
    return _left_over(terms, np.log(np.maximum(load, 0.0) + 0.1), reference, "heat")


def _left_over(terms: np.ndarray, target: np.ndarray, fit: np.ndarray, name: str) -> np.ndarray:
    """Residual of a robust linear model; terms are held within what the reference showed."""
    good = np.isfinite(terms).all(axis=1) & np.isfinite(target)
    fit = fit & good
    if fit.sum() < 5 * terms.shape[1]:
        raise InputError(
            f"{name}: {int(fit.sum())} readings within the reference, expected at least "
            f"{5 * terms.shape[1]}; give a longer reference period."
        )
    centre, spread = terms[fit].mean(axis=0), terms[fit].std(axis=0)
    spread[spread <= 0] = 1.0
    scaled = (terms - centre) / spread
    scaled[:, 0] = 1.0
    # outside the range of the reference the model goes on flat, not along its slopes
    low, high = scaled[fit].min(axis=0), scaled[fit].max(axis=0)
    scaled = np.clip(scaled, 1.3 * low, 1.3 * high)
    scaled[:, 0] = 1.0
    solution = huber_fit(scaled[fit], target[fit], ridge=1e-4)
    return np.where(good, target - scaled @ solution, np.nan)


def excess_flow(
    flow: np.ndarray, heat: np.ndarray, *, reference_cooling_k: np.ndarray | float
) -> np.ndarray:
    """Water that went round without need: V - Q / (rho cp dT_ref) [m3/h].

    Parameters
    ----------
    flow : array [m3/h]
    heat : array [kW]
    reference_cooling_k : float or array [K]
        What a sound substation cools the water by.

    Raises
    ------
    InputError
        Where the reference cooling is not positive.

    References
    ----------
    Excess-flow method (Frederiksen & Werner 2013, District Heating and Cooling).
    """
    cooling = np.asarray(reference_cooling_k, dtype=float)
    if not (cooling > 0).all():
        raise InputError(
            f"reference cooling must be above 0 K, got {cooling.min():g}; take the design value "
            "of the substation, usually 30 to 60 K."
        )
    return flow - heat / (WATER_KWH_PER_M3_K * cooling)


def peer_deviation(values: np.ndarray) -> np.ndarray:
    """Distance of each meter from the median of all, in MAD sigma, per time (meter, time)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # an hour without any reading stays NaN
        spread = np.asarray(mad_sigma(values, axis=0))
        centre = np.nanmedian(values, axis=0)
    return (values - centre) / np.where(spread > 0, spread, np.nan)
