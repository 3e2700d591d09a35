"""Cold homes: room temperature now, hours left after an outage, who must be helped first.

Each building has a grey box (`methods.buildings`), fitted where a room sensor is, else the usual
one of its age and floor area. Hours come with an interval; who is ranked first follows from how
many vulnerable people live how long below 18 °C before the heat is back.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.errors import InputError
from lifeline_kit.methods.buildings import (
    Drive,
    Fit,
    GreyBox,
    filtered_state,
    fit_building,
    free_run,
    hours_until,
    perturbed,
    steady_fabric,
)

_SIGMAS_90 = 1.645
_FOREVER_H = 1e4  # an infinite time, for logarithms


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """One building as the duty room sees it.

    Attributes
    ----------
    building : str
    fit : Fit
    state : array, (order,) [degC]
        Room and fabric now.
    people, vulnerable : float
    measured : bool
        Whether a room sensor stands behind the model.
    """

    building: str
    fit: Fit
    state: np.ndarray
    people: float = 0.0
    vulnerable: float = 0.0
    measured: bool = True


@cache
def settings() -> Mapping[str, Mapping]:
    """Read limits and priors beside this module."""
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def usual_building(floor_m2: float, age: str = "unknown", *, sun: bool = True) -> GreyBox:
    """Return the grey box of a building of this size and age, where nothing was measured.

    Parameters
    ----------
    floor_m2 : float [m2]
    age : str
        One of `settings()["ages"]`.
    sun : bool
        Whether radiation is measured anywhere near.

    Raises
    ------
    InputError
    """
    ages, prior = settings()["ages"], settings()["prior"]
    if age not in ages:
        raise InputError(f"age class {age!r} is not known; expected {', '.join(ages)}.")
    if not floor_m2 > 0.0:
        raise InputError(f"floor area must be above 0 m2, got {floor_m2:g}; check the column.")
    loss = ages[age]["loss"] * floor_m2 / 1000.0
    capacity = ages[age]["capacity"] * floor_m2
    across = prior["coupling_w_m2_k"] * floor_m2 / 1000.0
    walls = (1.0 - prior["direct_share"]) * loss
    return GreyBox(
        room_kwh_k=prior["room_share"] * capacity,
        fabric_kwh_k=(1.0 - prior["room_share"]) * capacity,
        coupling_k_kw=1.0 / across,
        loss_kw_k=prior["direct_share"] * loss,
        fabric_loss_kw_k=1.0 / (1.0 / walls - 1.0 / across),
        aperture_m2=prior["aperture_share"] * floor_m2 if sun else 0.0,
        gain_kw=0.004 * floor_m2,
    )


def fit_home(
    building: str,
    room: np.ndarray,
    drive: Drive,
    *,
    floor_m2: float,
    age: str = "unknown",
    people: float = 0.0,
    vulnerable: float = 0.0,
) -> Home:
    """Fit a building with a room sensor and say how warm it is now.

    Parameters
    ----------
    room : array, (time,) [degC]
    drive : Drive
        Heat, weather of the same hours; the last hour is now.

    Raises
    ------
    InputError
        As of `methods.buildings.fit_building`.
    """
    prior = usual_building(floor_m2, age, sun=bool(np.any(drive.sun > 0)))
    fit = fit_building(room, drive, prior=prior, log_sigma=settings()["log_sigma"])
    state = filtered_state(fit.box, room, drive, noise_k=fit.noise_k)
    return Home(building=building, fit=fit, state=state, people=people, vulnerable=vulnerable)


def unmeasured_home(
    building: str,
    *,
    floor_m2: float,
    age: str,
    room_c: float,
    outdoor_c: float,
    people: float = 0.0,
    vulnerable: float = 0.0,
) -> Home:
    """Return a building without a room sensor: its class, and a room temperature taken on trust."""
    box = usual_building(floor_m2, age)
    names = ("room_kwh_k", "loss_kw_k", "fabric_kwh_k", "coupling_k_kw", "fabric_loss_kw_k")
    sigma = np.array([settings()["log_sigma"][name] for name in names])
    fit = Fit(box=box, names=names, covariance=np.diag(sigma**2), noise_k=(), rmse_k=np.nan, n=0)
    state = np.array([room_c, steady_fabric(box, room_c, outdoor_c)])
    return Home(
        building=building,
        fit=fit,
        state=state,
        people=people,
        vulnerable=vulnerable,
        measured=False,
    )


def hours_left(home: Home, ahead: Drive, below_c: float) -> tuple[float, float, float]:
    """Hours until the room is below a limit: likely, earliest and latest (90 %).

    Parameters
    ----------
    home : Home
    ahead : Drive
        Forecast; `heat` is what is left, zeros in an outage.
    below_c : float [degC]

    Returns
    -------
    (float, float, float) [h]
        Infinite where the forecast ends before.
    """
    limits = settings()["interval"]
    likely = hours_until(
        free_run(home.fit.box, home.state, ahead)[:, 0], below_c, step_h=ahead.step_h
    )
    if likely == 0.0:
        return 0.0, 0.0, 0.0
    cool = replace(ahead, outdoor=ahead.outdoor - limits["outdoor_k"])
    warm = replace(ahead, outdoor=ahead.outdoor + limits["outdoor_k"])
    pairs = [
        (free_run(home.fit.box, home.state + sign * limits["room_k"], ahead) for sign in (1, -1)),
        (free_run(home.fit.box, home.state, weather) for weather in (warm, cool)),
    ]
    boxes = perturbed(home.fit)
    pairs += [
        (free_run(box, home.state, ahead) for box in boxes[k : k + 2])
        for k in range(0, len(boxes), 2)
    ]
    # spread of the logarithm: each source of doubt moved by one sigma either way
    centre = np.log(min(likely, _FOREVER_H))
    spread = limits["model_log_sigma"] ** 2
    for pair in pairs:
        high, low = (_log_hours(states[:, 0], below_c, ahead) for states in pair)
        spread += (0.5 * (high - low)) ** 2
    reach = _SIGMAS_90 * np.sqrt(spread)
    if not np.isfinite(likely):
        early = float(
            np.exp(
                _log_hours(
                    free_run(home.fit.box, home.state - limits["room_k"], cool)[:, 0],
                    below_c,
                    ahead,
                )
                - reach
            )
        )
        return np.inf, early, np.inf
    return likely, float(np.exp(centre - reach)), float(np.exp(centre + reach))


def _log_hours(temperature: np.ndarray, below_c: float, ahead: Drive) -> float:
    """Logarithm of the hours; beyond the forecast, its length and a half."""
    hours = hours_until(temperature, below_c, step_h=ahead.step_h)
    longest = 1.5 * ahead.step_h * ahead.outdoor.size
    return float(np.log(np.clip(hours, 0.1, longest)))


def pipe_freeze_hours(home: Home, ahead: Drive) -> float:
    """Hours until an exposed water pipe in a cold corner of the building freezes."""
    limits = settings()["limits"]
    room = free_run(home.fit.box, home.state, ahead)[:, 0]
    outdoor = np.concatenate([ahead.outdoor[:1], ahead.outdoor])
    pipe = outdoor + limits["pipe_share"] * (room - outdoor)
    return hours_until(pipe, limits["pipe_c"], step_h=ahead.step_h) + limits["pipe_delay_h"]


def cold_homes(
    homes: Sequence[Home], ahead: Drive, *, back_after_h: float, heat_left: float = 0.0
) -> pd.DataFrame:
    """Rank buildings after an outage: where vulnerable people are cold longest comes first.

    Parameters
    ----------
    homes : sequence of Home
    ahead : Drive
        Weather forecast; its heat is not looked at.
    back_after_h : float [h]
        When the heat is expected back.
    heat_left : float
        Share 0-1 of what each building needs now that still comes.

    Returns
    -------
    DataFrame, index `building`
        `room_c`, `hours_18`, `hours_18_early`, `hours_18_late`, `hours_12`, `freeze_h`, `people`,
        `vulnerable`, `cold_person_h` (vulnerable people times hours below 18 degC until the heat is
        back), `blankets`, `boiler_kw` (to hold 18 degC at the coldest hour), `measured`, `rank`.

    Raises
    ------
    InputError
    """
    if not 0.0 <= heat_left <= 1.0:
        raise InputError(f"heat_left must be a share from 0 to 1, got {heat_left:g}.")
    limits, needs = settings()["limits"], settings()["needs"]
    rows = []
    for home in homes:
        holding = home.fit.box.total_loss_kw_k * max(home.state[0] - ahead.outdoor[0], 0.0)
        own = replace(ahead, heat=np.full(ahead.outdoor.size, heat_left * holding))
        likely, early, late = hours_left(home, own, limits["comfort_c"])
        run = free_run(home.fit.box, home.state, own)[:, 0]
        danger = hours_until(run, limits["danger_c"], step_h=ahead.step_h)
        cold = max(back_after_h - likely, 0.0)
        coldest = float(ahead.outdoor[: max(round(back_after_h / ahead.step_h), 1)].min())
        dangerous = danger < back_after_h
        rows.append(
            {
                "building": home.building,
                "room_c": float(home.state[0]),
                "hours_18": likely,
                "hours_18_early": early,
                "hours_18_late": late,
                "hours_12": danger,
                "freeze_h": pipe_freeze_hours(home, own),
                "people": home.people,
                "vulnerable": home.vulnerable,
                "cold_person_h": home.vulnerable * cold,
                "blankets": _blankets(home, cold > 0.0, dangerous, needs),
                "boiler_kw": boiler_kw(home, coldest) if cold > 0.0 else 0.0,
                "measured": home.measured,
            }
        )
    table = pd.DataFrame(rows).set_index("building") if rows else pd.DataFrame(columns=["rank"])
    if rows:
        table = table.sort_values(["cold_person_h", "hours_18"], ascending=[False, True])
    table["rank"] = np.arange(1, len(table) + 1)
    return table


def _blankets(home: Home, cold: bool, dangerous: bool, needs: Mapping) -> float:
    """For the vulnerable once it is below 18 degC, for everybody once below 12 degC."""
    own = needs["blankets_per_vulnerable"] * home.vulnerable if cold else 0.0
    others = max(home.people - home.vulnerable, 0.0)
    return own + (needs["blankets_per_other"] * others if dangerous else 0.0)


def boiler_kw(home: Home, coldest_c: float) -> float:
    """Heat that holds a building at the least room temperature in the coldest hour [kW]."""
    hold = settings()["needs"]["boiler_hold_c"]
    return max(home.fit.box.total_loss_kw_k * (hold - coldest_c) - home.fit.box.gain_kw, 0.0)
