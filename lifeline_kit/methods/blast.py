"""Blast, jet-fire and leak-rate formulas: screening numbers, not a permit calculation."""

from collections.abc import Callable

import numpy as np

from lifeline_kit.errors import InputError

TNT_MJ_KG = 4.184
STOICHIOMETRIC_VOL = 9.5  # % methane in air
MIXTURE_MJ_M3 = 3.46  # heat of a cubic metre of the stoichiometric mixture
AMBIENT_KPA = 101.325

# Simplified Kingery air blast, hemispherical surface burst, metric: range of the scaled distance
# [m/kg^(1/3)] and coefficients of ln p [kPa] in powers of ln Z. M. M. Swisdak 1994, ADA526744.
_SWISDAK = (
    (0.2, 2.9, (7.2106, -2.1069, -0.3229, 0.1117, 0.0685)),
    (2.9, 23.8, (7.5938, -3.0523, 0.40977, 0.0261, -0.01267)),
    (23.8, 198.5, (6.0536, -1.4066)),
)
# Multi-energy: overpressure within the cloud by class, over ambient. For the strong classes the
# far field is one curve. Own piecewise parametrisation of the known shape (TNO Yellow Book 1997,
# figure 5.8A), not digitised from it and not verified.
_CLASS_PLATEAU = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_WEAK_EDGE = 0.6  # scaled distance to which the weak classes hold their plateau
_STRONG_R = np.array([0.23, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5, 2, 3, 5, 10, 20, 50, 100])
_STRONG_P = np.array(
    [10.0, 5.0, 2.7, 1.7, 0.95, 0.5, 0.25, 0.165, 0.094, 0.049, 0.021, 0.0092, 0.0032, 0.0015]
)


def tnt_overpressure_kpa(distance_m: np.ndarray | float, tnt_kg: float) -> np.ndarray:
    """Peak incident overpressure of a TNT charge on the ground.

    Parameters
    ----------
    distance_m : array or float [m]
    tnt_kg : float [kg]

    Returns
    -------
    array [kPa]
        Nearer than 0.2 m/kg^(1/3) the value there; beyond 198.5 by the last power law.

    Raises
    ------
    InputError
        Where the charge is not above zero.

    References
    ----------
    Swisdak 1994, Simplified Kingery Airblast Calculations, ADA526744.
    """
    if not tnt_kg > 0:
        raise InputError(f"TNT mass is {tnt_kg} kg; expected more than zero.")
    scaled = np.maximum(np.asarray(distance_m, dtype=float) / tnt_kg ** (1.0 / 3.0), _SWISDAK[0][0])
    log = np.log(scaled)
    edges = [high for _, high, _ in _SWISDAK[:-1]]
    values = np.stack([np.polynomial.polynomial.polyval(log, c) for _, _, c in _SWISDAK])
    piece = np.searchsorted(edges, scaled, side="left")
    return np.exp(np.take_along_axis(values, piece[None], axis=0)[0])


def tnt_distance_m(overpressure_kpa: float, tnt_kg: float) -> float:
    """Distance at which a TNT charge still gives an overpressure [m]."""
    return _farthest(lambda r: tnt_overpressure_kpa(r, tnt_kg), overpressure_kpa, tnt_kg ** (1 / 3))


def multi_energy_kpa(distance_m: np.ndarray | float, energy_mj: float, strength: int) -> np.ndarray:
    """Peak side-on overpressure of a gas explosion by the multi-energy method.

    Parameters
    ----------
    distance_m : array or float [m]
        From the centre of the confined part.
    energy_mj : float [MJ]
        Of the flammable mixture in it.
    strength : int, 1-10
        6 to 7 for vented street manholes, 9 to 10 for long ducts.

    Returns
    -------
    array [kPa]

    Raises
    ------
    InputError
        Where strength or energy is out of range.

    References
    ----------
    After van den Berg 1985 and the TNO Yellow Book 1997; own parametrisation, see the module.
    """
    if strength not in range(1, 11) or not energy_mj > 0:
        raise InputError(
            f"strength {strength}, energy {energy_mj} MJ; expected a class from 1 to 10 and an "
            "energy above zero."
        )
    scaled = np.asarray(distance_m, dtype=float) / _energy_length_m(energy_mj)
    scaled = np.maximum(scaled, 1e-6)
    strong = np.exp(_log_log(scaled))
    plateau = _CLASS_PLATEAU[strength - 1]
    own = plateau if strength >= 6 else plateau * np.minimum(1.0, _WEAK_EDGE / scaled)
    return AMBIENT_KPA * np.minimum(own, strong)


def multi_energy_distance_m(overpressure_kpa: float, energy_mj: float, strength: int) -> float:
    """Distance at which the multi-energy method still gives an overpressure, 0 for never [m]."""
    return _farthest(
        lambda r: multi_energy_kpa(r, energy_mj, strength),
        overpressure_kpa,
        _energy_length_m(energy_mj),
    )


def _energy_length_m(energy_mj: float) -> float:
    return float((energy_mj * 1e6 / (AMBIENT_KPA * 1e3)) ** (1.0 / 3.0))


def _log_log(scaled: np.ndarray) -> np.ndarray:
    """Interpolate the strong curve, its ends drawn on by their slope."""
    x, y = np.log(_STRONG_R), np.log(_STRONG_P)
    log = np.log(scaled)
    inside = np.interp(log, x, y)
    tail = y[-1] + (y[-1] - y[-2]) / (x[-1] - x[-2]) * (log - x[-1])
    return np.where(log > x[-1], tail, inside)


def _farthest(
    pressure: Callable[[float], np.ndarray], overpressure_kpa: float, unit_m: float
) -> float:
    """Bisect for the farthest distance with an overpressure; it never rises with distance."""
    low, high = 0.01 * unit_m, 1000.0 * unit_m
    if float(pressure(low)) < overpressure_kpa:
        return 0.0
    for _ in range(80):
        middle = np.sqrt(low * high)
        if float(pressure(middle)) >= overpressure_kpa:
            low = middle
        else:
            high = middle
    return float(low)


def mixture_energy_mj(volume_m3: float, methane_vol: float) -> float:
    """Heat that a space full of methane and air can release at once.

    ``V * min(c / 9.5, air left / air needed) * 3.46 MJ/m3``: above 9.5 % oxygen is the limit.

    Parameters
    ----------
    volume_m3 : float [m3]
    methane_vol : float [%VOL]
    """
    fuel = methane_vol / STOICHIOMETRIC_VOL
    air = (100.0 - methane_vol) / (100.0 - STOICHIOMETRIC_VOL)
    return MIXTURE_MJ_M3 * volume_m3 * max(min(fuel, air), 0.0)


def tnt_equivalent_kg(energy_mj: float, *, yield_share: float = 0.2) -> float:
    """TNT mass of an energy; 20 % yield by default, 4 to 100 % span what was seen.

    TNT counts 4.184 MJ/kg.
    """
    return yield_share * energy_mj / TNT_MJ_KG


def rupture_radius_m(diameter_mm: float, pressure_kpa: float) -> float:
    """Potential impact radius of a ruptured gas pipe [m].

    ``0.69 d sqrt(p)`` in feet, d in inch, p in psi above ambient.

    References
    ----------
    49 CFR 192.903; 30 in at 1000 psig is 654.6 ft.
    """
    if not (diameter_mm > 0 and pressure_kpa >= 0):
        raise InputError(
            f"diameter {diameter_mm} mm, pressure {pressure_kpa} kPa; expected a diameter above "
            "zero and a pressure above ambient of zero or more."
        )
    feet = 0.69 * diameter_mm / 25.4 * np.sqrt(pressure_kpa / 6.894757)
    return float(feet * 0.3048)


def orifice_rate_kg_s(
    hole_mm: float,
    pressure_kpa: float,
    *,
    discharge: float = 0.85,
    temperature_k: float = 288.15,
) -> float:
    """Methane through a round hole, choked or not [kg/s].

    Parameters
    ----------
    hole_mm : float [mm]
    pressure_kpa : float [kPa above ambient]
    discharge : float, default 0.85
    temperature_k : float, default 288.15 [K]

    References
    ----------
    Isentropic flow of an ideal gas, ratio of heats 1.31, 518.3 J/(kg K).
    """
    ratio, gas = 1.31, 518.3
    inside = (AMBIENT_KPA + pressure_kpa) * 1e3
    outside = AMBIENT_KPA / (AMBIENT_KPA + pressure_kpa)
    critical = (2.0 / (ratio + 1.0)) ** (ratio / (ratio - 1.0))
    throat = max(outside, critical)
    speed = np.sqrt(
        2.0 * ratio / (ratio - 1.0) * (throat ** (2.0 / ratio) - throat ** ((ratio + 1.0) / ratio))
    )
    area = np.pi / 4.0 * (hole_mm / 1000.0) ** 2
    return float(discharge * area * inside / np.sqrt(gas * temperature_k) * speed)
