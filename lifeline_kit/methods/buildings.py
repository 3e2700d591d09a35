"""Grey box of a building: one or two heat stores, fitted on its own readings, run into the future.

With order 2 the room (air, furniture) and the fabric (walls, floors) are stores of their own::

    C_i dT_i/dt = (T_m - T_i) / R_im + H_io (T_o - T_i) + f Q + a A S + g(t)
    C_m dT_m/dt = (T_i - T_m) / R_im + H_mo (T_o - T_m) + (1 - f) Q + (1 - a) A S

with heat Q [kW], outdoor temperature T_o [degC], global radiation S [kW/m2] and unmeasured gains
g(t), a constant and a daily rhythm. With order 1 there is one store and no R_im. The step is exact
for inputs that are constant within the hour (Bacher & Madsen 2011, Energy and Buildings 43,
1511-1522).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import expm
from scipy.optimize import minimize
from scipy.signal import lfilter

from lifeline_kit.errors import InputError
from lifeline_kit.methods.box import compiled

_INTO_AIR = 0.6  # share of the heat that radiators give to the room, the rest to surfaces
_SUN_INTO_AIR = 0.3
_AT_LEAST_H = 72
_GAIN_K = 1.0  # gains may be worth so many kelvin
_DAY_K = 0.3  # what a daily mean may stray in a free run
_BOUND = 3.0  # log units that a fitted parameter may leave its prior by


@dataclass(frozen=True, slots=True, kw_only=True)
class GreyBox:
    """Parameters of one building.

    Attributes
    ----------
    room_kwh_k, fabric_kwh_k : float [kWh/K]
        Heat capacities C_i and C_m; with order 1 the room holds all.
    coupling_k_kw : float [K/kW]
        R_im.
    loss_kw_k, fabric_loss_kw_k : float [kW/K]
        H_io (windows, air) and H_mo (walls).
    aperture_m2 : float [m2]
        A, of the sun.
    gain_kw, gain_sin_kw, gain_cos_kw : float [kW]
        Unmeasured gains and their daily rhythm, hours counted from local midnight.
    order : int
        1 or 2.
    """

    room_kwh_k: float
    fabric_kwh_k: float = 0.0
    coupling_k_kw: float = 1.0
    loss_kw_k: float
    fabric_loss_kw_k: float = 0.0
    aperture_m2: float = 0.0
    gain_kw: float = 0.0
    gain_sin_kw: float = 0.0
    gain_cos_kw: float = 0.0
    order: int = 2

    @property
    def total_loss_kw_k(self) -> float:
        """Heat loss per kelvin in the long run [kW/K]."""
        if self.order == 1:
            return self.loss_kw_k
        through = 1.0 / (self.coupling_k_kw + 1.0 / max(self.fabric_loss_kw_k, 1e-12))
        return self.loss_kw_k + through

    @property
    def time_constant_h(self) -> float:
        """Slowest time constant, without heat [h]."""
        matrix, _ = continuous(self)
        return float(-1.0 / np.linalg.eigvals(matrix).real.max())


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A fitted building.

    Attributes
    ----------
    box : GreyBox
    names : tuple of str
        Free parameters; those that end in `_kw` are fitted as they are, the others by logarithm.
    covariance : array, (name, name)
        Of the free parameters as fitted.
    noise_k : (float, float, float) [K]
        Sigma of the sensor, and of what room and fabric do unforeseen within an hour.
    rmse_k : float [K]
        Free run over the fitted readings.
    n : int
        Room readings used.
    """

    box: GreyBox
    names: tuple[str, ...]
    covariance: np.ndarray
    noise_k: tuple[float, ...]
    rmse_k: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """What acts on a building, on an even clock.

    Attributes
    ----------
    hour : array, (time,) [h]
        Local hour of day.
    heat : array, (time,) [kW]
        Given off in the rooms; see `radiated` for what a meter at the door shows.
    outdoor : array, (time,) [degC]
    sun : array, (time,) [kW/m2]
        Global radiation; zeros where nobody measures it.
    step_h : float [h]
        A quarter of an hour tells more than an hour: within an hour the thermostat has answered.
    """

    hour: np.ndarray
    heat: np.ndarray
    outdoor: np.ndarray
    sun: np.ndarray
    step_h: float = 1.0

    def part(self, rows: slice) -> "Drive":
        """Return the same over some hours."""
        return Drive(
            hour=self.hour[rows],
            heat=self.heat[rows],
            outdoor=self.outdoor[rows],
            sun=self.sun[rows],
            step_h=self.step_h,
        )


def radiated(metered: np.ndarray, *, step_h: float, lag_h: float) -> np.ndarray:
    """Heat that the radiators give off while a meter at the door shows `metered` [kW].

    Parameters
    ----------
    metered : array, (time,) [kW]
        Without NaN.
    step_h, lag_h : float [h]
        Clock, and time constant of water and iron.
    """
    keep = float(np.exp(-step_h / lag_h))
    start = [keep * float(metered[0])] if metered.size else [0.0]
    out, _ = lfilter([1.0 - keep], [1.0, -keep], metered, zi=np.array(start))
    return out


def continuous(box: GreyBox) -> tuple[np.ndarray, np.ndarray]:
    """State matrix (state, state) [1/h] and input matrix (state, 4): outdoor, heat, sun, gains."""
    if box.order == 1:
        room = box.room_kwh_k
        matrix = np.array([[-box.loss_kw_k / room]])
        inputs = np.array([[box.loss_kw_k, 1.0, box.aperture_m2, 1.0]]) / room
        return matrix, inputs
    across = 1.0 / box.coupling_k_kw
    stores = np.array([[box.room_kwh_k], [box.fabric_kwh_k]])
    matrix = np.array([[-across - box.loss_kw_k, across], [across, -across - box.fabric_loss_kw_k]])
    sun = box.aperture_m2
    inputs = np.array(
        [
            [box.loss_kw_k, _INTO_AIR, _SUN_INTO_AIR * sun, 1.0],
            [box.fabric_loss_kw_k, 1.0 - _INTO_AIR, (1.0 - _SUN_INTO_AIR) * sun, 0.0],
        ]
    )
    return matrix / stores, inputs / stores


def discrete(box: GreyBox, step_h: float) -> tuple[np.ndarray, np.ndarray]:
    """Exact step for inputs that stand still within it: x' = F x + G u."""
    matrix, inputs = continuous(box)
    n = box.order
    joint = np.zeros((n + 4, n + 4))
    joint[:n, :n], joint[:n, n:] = matrix, inputs
    step = expm(joint * step_h)
    return step[:n, :n], step[:n, n:]


def _forcing(box: GreyBox, drive: Drive, gain: np.ndarray) -> np.ndarray:
    angle = 2.0 * np.pi * drive.hour / 24.0
    gains = box.gain_kw + box.gain_sin_kw * np.sin(angle) + box.gain_cos_kw * np.cos(angle)
    return np.stack([drive.outdoor, drive.heat, drive.sun, gains], axis=1) @ gain.T


def free_run(box: GreyBox, start: np.ndarray, drive: Drive) -> np.ndarray:
    """Run a building from a state, without looking at any room sensor.

    Parameters
    ----------
    box : GreyBox
    start : array, (order,) [degC]
        Room, and fabric with order 2.
    drive : Drive

    Returns
    -------
    array, (time + 1, order) [degC]
        The first row is the start; row k + 1 is the state after hour k.
    """
    step, forcing, first = _squared(box, drive, start)
    return _run(step, forcing, first)[:, : box.order]


def _squared(
    box: GreyBox, drive: Drive, start: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Step, forcing and start in two states; with order 1 the second one stays zero."""
    own, gain = discrete(box, drive.step_h)
    step, forcing, first = np.zeros((2, 2)), np.zeros((drive.outdoor.size, 2)), np.zeros(2)
    step[: box.order, : box.order], first[: box.order] = own, start
    forcing[:, : box.order] = _forcing(box, drive, gain)
    return step, forcing, first


@compiled
def _run(step: np.ndarray, forcing: np.ndarray, start: np.ndarray) -> np.ndarray:
    states = np.empty((forcing.shape[0] + 1, 2))
    states[0] = start
    for k in range(forcing.shape[0]):
        x, y = states[k, 0], states[k, 1]
        states[k + 1, 0] = step[0, 0] * x + step[0, 1] * y + forcing[k, 0]
        states[k + 1, 1] = step[1, 0] * x + step[1, 1] * y + forcing[k, 1]
    return states


def steady_fabric(box: GreyBox, room_c: float, outdoor_c: float) -> float:
    """Fabric temperature between a room and the outdoors that both stand still [degC]."""
    across = 1.0 / box.coupling_k_kw
    out = box.fabric_loss_kw_k
    return (across * room_c + out * outdoor_c) / (across + out)


def _start_of(box: GreyBox, room: np.ndarray, drive: Drive) -> np.ndarray:
    first = float(room[np.isfinite(room)][0])
    if box.order == 1:
        return np.array([first])
    return np.array(
        [
            first,
            steady_fabric(box, first, float(drive.outdoor[: round(48.0 / drive.step_h)].mean())),
        ]
    )


def fit_building(
    room: np.ndarray, drive: Drive, *, prior: GreyBox, log_sigma: Mapping[str, float]
) -> Fit:
    """Fit a grey box by maximum likelihood of its one-step errors, held by a prior.

    A thermostat answers every disturbance with heat. A plain fit of a free run would then learn
    that heat hardly warms the room; the likelihood of a filter with unknown disturbances does so
    less (Bacher & Madsen 2011; closed-loop identification by prediction errors). As a filter cares
    little for slow drift, the daily means of a free run count as well.

    Parameters
    ----------
    room : array, (time,) [degC]
        Room temperature at the start of each step; NaN where there is none.
    drive : Drive
        Of the same times.
    prior : GreyBox
        Of a building of this size and age; its order is kept.
    log_sigma : mapping of parameter to float
        How far, in logarithms, a building may lie from it; 0.7 is a factor of two.

    Returns
    -------
    Fit

    Raises
    ------
    InputError
        With fewer than three days of readings, or shapes that differ.
    """
    seen = np.isfinite(room)
    if room.shape != drive.outdoor.shape:
        raise InputError(
            f"room temperature has {room.shape[0]} hours, heat and weather "
            f"{drive.outdoor.shape[0]}; give the same hours."
        )
    if seen.sum() * drive.step_h < _AT_LEAST_H:
        raise InputError(
            f"{int(seen.sum())} room readings; expected at least {_AT_LEAST_H} h of them. "
            "Without a room sensor use the prior of the building's age class."
        )
    names, start, sigma = _free(prior, log_sigma)

    def cost(values: np.ndarray) -> float:
        box = _with(prior, names, values[: len(names)])
        noise = np.exp(values[len(names) :])
        first = _start_of(box, room, drive)
        likelihood, _ = _filtered(box, room, drive, first, noise)
        away = free_run(box, first, drive)[:-1, 0] - room
        slow = np.nansum((_daily(away, drive.step_h) / _DAY_K) ** 2)
        return likelihood + 0.5 * float(slow + (((values - start) / sigma) ** 2).sum())

    reach = _BOUND * sigma
    bounds = list(zip(start - reach, start + reach, strict=True))
    found = minimize(cost, start, method="L-BFGS-B", bounds=bounds).x
    box = _with(prior, names, found[: len(names)])
    states = free_run(box, _start_of(box, room, drive), drive)
    return Fit(
        box=box,
        names=names,
        covariance=_covariance(cost, found, sigma)[: len(names), : len(names)],
        noise_k=tuple(float(each) for each in np.exp(found[len(names) :])),
        rmse_k=float(np.sqrt(np.mean((states[:-1, 0] - room)[seen] ** 2))),
        n=int(seen.sum()),
    )


def _daily(values: np.ndarray, step_h: float) -> np.ndarray:
    """Means over whole days, NaN left out; a day without readings counts nothing."""
    per_day = round(24.0 / step_h)
    days = values[: values.size // per_day * per_day].reshape(-1, per_day)
    here = np.isfinite(days).sum(axis=1)
    return np.where(here > 0, np.nansum(days, axis=1) / np.maximum(here, 1), np.nan)


def _covariance(
    cost: Callable[[np.ndarray], float], at: np.ndarray, sigma: np.ndarray
) -> np.ndarray:
    """Inverse of the numerical second derivative of the cost, never wider than the prior."""
    n, step = at.size, 0.05 * sigma
    bend = np.zeros((n, n))
    middle = cost(at)
    side = [[cost(at + sign * step * unit) for sign in (1, -1)] for unit in np.eye(n)]
    for i in range(n):
        bend[i, i] = (side[i][0] + side[i][1] - 2.0 * middle) / step[i] ** 2
        for j in range(i):
            both = np.zeros(n)
            both[i], both[j] = step[i], step[j]
            ahead, back = cost(at + both), cost(at - both)
            cross = ahead + back + 2.0 * middle - sum(side[i]) - sum(side[j])
            bend[i, j] = bend[j, i] = cross / (2.0 * step[i] * step[j])
    width, axes = np.linalg.eigh(bend * np.outer(sigma, sigma))
    inverse = (axes / np.maximum(width, 1.0)) @ axes.T  # 1: what the prior alone would give
    return inverse * np.outer(sigma, sigma)


def _free(
    prior: GreyBox, log_sigma: Mapping[str, float]
) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """Names of the free parameters, priors and sigmas; after them three noises (logarithms)."""
    names = ["room_kwh_k", "loss_kw_k"]
    if prior.order == 2:
        names += ["fabric_kwh_k", "coupling_k_kw", "fabric_loss_kw_k"]
    if prior.aperture_m2 > 0.0:
        names.append("aperture_m2")
    values = [np.log(getattr(prior, name)) for name in names]
    sigma = [log_sigma[name] for name in names]
    scale = _GAIN_K * prior.total_loss_kw_k
    for name in ("gain_kw", "gain_sin_kw", "gain_cos_kw"):
        names.append(name)
        values.append(getattr(prior, name))
        sigma.append(scale)
    noises = np.log([0.2, 0.15, 0.05])  # K: sensor, room and fabric within an hour
    return tuple(names), np.array([*values, *noises]), np.array([*sigma, 0.7, 0.7, 0.7])


def _with(box: GreyBox, names: tuple[str, ...], values: np.ndarray) -> GreyBox:
    return replace(
        box,
        **{
            name: float(value) if name.startswith("gain") else float(np.exp(value))
            for name, value in zip(names, values, strict=True)
        },
    )


def perturbed(fit: Fit) -> list[GreyBox]:
    """Buildings one sigma away along each principal axis of the fit, in pairs."""
    width, axes = np.linalg.eigh(fit.covariance)
    centre = np.array(
        [
            getattr(fit.box, n) if n.startswith("gain") else np.log(getattr(fit.box, n))
            for n in fit.names
        ]
    )
    boxes = []
    for size, axis in zip(np.sqrt(np.maximum(width, 0.0)), axes.T, strict=True):
        boxes += [_with(fit.box, fit.names, centre + sign * size * axis) for sign in (1.0, -1.0)]
    return boxes


def filtered_state(
    box: GreyBox,
    room: np.ndarray,
    drive: Drive,
    *,
    noise_k: tuple[float, ...] = (0.2, 0.15, 0.05),
) -> np.ndarray:
    """State after the last hour, by a Kalman filter over the room readings.

    Parameters
    ----------
    box : GreyBox
    room : array, (time,) [degC]
        NaN where there is none.
    drive : Drive
    noise_k : (float, float, float) [K]
        Sigma of the room sensor, and of what room and fabric do unforeseen in an hour; of a `Fit`.

    Returns
    -------
    array, (order,) [degC]

    Raises
    ------
    InputError
        Without any room reading.
    """
    if not np.isfinite(room).any():
        raise InputError("no room reading to start from; expected at least one.")
    first = _start_of(box, room, drive)
    return _filtered(box, room, drive, first, np.asarray(noise_k))[1][: box.order]


def _filtered(
    box: GreyBox, room: np.ndarray, drive: Drive, first: np.ndarray, noise: np.ndarray
) -> tuple[float, np.ndarray]:
    """Negative log-likelihood of the room readings, and the state after the last hour."""
    step, forcing, start = _squared(box, drive, first)
    within = noise * np.array([1.0, np.sqrt(drive.step_h), np.sqrt(drive.step_h)])
    return _kalman(step, forcing, np.asarray(room, dtype=np.float64), start, within)


@compiled
def _kalman(
    step: np.ndarray, forcing: np.ndarray, room: np.ndarray, start: np.ndarray, noise: np.ndarray
) -> tuple[float, np.ndarray]:
    """Two-state filter written out; 0.03 ms for three weeks, 60 times the speed of arrays."""
    a, b, c, d = step[0, 0], step[0, 1], step[1, 0], step[1, 1]
    sensor, air, fabric = noise[0] ** 2, noise[1] ** 2, noise[2] ** 2
    x, y = start[0], start[1]
    p, q, r = 1.0, 0.0, 4.0  # covariance: room, both, fabric
    total = 0.0
    for k in range(room.size):
        if np.isfinite(room[k]):
            spread = p + sensor
            error = room[k] - x
            total += 0.5 * (error * error / spread + np.log(spread))
            up, along = p / spread, q / spread
            x, y = x + up * error, y + along * error
            p, q, r = p - up * p, q - up * q, r - along * q
        x, y = a * x + b * y + forcing[k, 0], c * x + d * y + forcing[k, 1]
        one, two = a * p + b * q, a * q + b * r
        three, four = c * p + d * q, c * q + d * r
        p, q, r = one * a + two * b + air, one * c + two * d, three * c + four * d + fabric
    return total, np.array([x, y])


def hours_until(temperature: np.ndarray, below_c: float, *, step_h: float = 1.0) -> float:
    """Time at which a falling series is first below a limit, straight between readings.

    Parameters
    ----------
    temperature : array, (time + 1,) [degC]
        The first value is now.
    below_c : float [degC]
    step_h : float [h]

    Returns
    -------
    float [h]
        0 where it is below already, infinite where it never gets there.
    """
    under = np.flatnonzero(temperature < below_c)
    if not under.size:
        return np.inf
    first = int(under[0])
    if first == 0:
        return 0.0
    high, low = temperature[first - 1], temperature[first]
    return step_h * (first - 1 + float((high - below_c) / (high - low)))
