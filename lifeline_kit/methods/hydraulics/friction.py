"""Friction factors of pipes with their slopes, for the compiled solver.

`nikuradse` adds laminar 64/Re to the rough-pipe value at every Reynolds number, smooth in the
flow and cheap; `colebrook`, `swamee_jain` and `hofer` are laminar below Re 2000, turbulent above
4000, and a cubic with equal slopes between (the transition that EPANET made usual).
`prandtl_colebrook` uses the turbulent formula at every Reynolds number from 1 up, as some network
programs do.

References
----------
Colebrook 1939; Swamee and Jain 1976 (J. Hydraulics Div. 102, 657-664); Hofer 1973 (gwf Gas/
Erdgas 114, 113-119); Nikuradse 1933.
"""

import math

import numpy as np
from numba import njit

NIKURADSE, COLEBROOK, SWAMEE_JAIN, HOFER, PRANDTL_COLEBROOK = range(5)
CORRELATIONS = ("nikuradse", "colebrook", "swamee_jain", "hofer", "prandtl_colebrook")
_LAMINAR, _TURBULENT = 2000.0, 4000.0
_LN10 = math.log(10.0)


def rough_factor(roughness: np.ndarray, diameter: np.ndarray, *, gas: bool) -> np.ndarray:
    """Factor of fully rough pipes; the constants in use for gas and for liquids differ a little."""
    if gas:
        return 1.0 / (2.0 * np.log10(diameter / roughness) + 1.14) ** 2
    return 1.0 / (2.0 * np.log10(3.71 * diameter / roughness)) ** 2


@njit(cache=True)
def _turbulent(model: int, re: float, rough: float) -> tuple:
    """Factor and slope over Re; `rough` is k / (3.71 D)."""
    if model == SWAMEE_JAIN:
        inside = rough * (3.71 / 3.7) + 5.74 * re**-0.9
        x = -2.0 * math.log10(inside)
        slope = 2.0 / (_LN10 * inside) * 0.9 * 5.74 * re**-1.9
    elif model == HOFER:
        inside = rough + 4.518 / re * math.log10(re / 7.0)
        x = -2.0 * math.log10(inside)
        slope = -2.0 / (_LN10 * inside) * 4.518 / re**2 * (1.0 / _LN10 - math.log10(re / 7.0))
    else:
        x = max(-2.0 * math.log10(rough + 5.74 * re**-0.9), 0.1)
        for _ in range(30):
            inside = rough + 2.51 * x / re
            step = (x + 2.0 * math.log10(inside)) / (1.0 + 2.0 * 2.51 / (_LN10 * re * inside))
            x -= step
            if abs(step) < 1e-13 * x:
                break
        inside = rough + 2.51 * x / re
        bend = 2.0 * 2.51 / (_LN10 * re * inside)
        slope = bend * x / re / (1.0 + bend)
    return 1.0 / (x * x), -2.0 * slope / (x * x * x)


@njit(cache=True)
def friction(model: int, re: float, rough: float) -> tuple:
    """Factor λ and Re dλ/dRe of one pipe; `nikuradse` is closed and stands in the link table.

    Parameters
    ----------
    model : int
        Position in `CORRELATIONS`.
    re : float
        Reynolds number, above zero.
    rough : float
        Roughness over 3.71 diameters.
    """
    if model == PRANDTL_COLEBROOK:
        factor, slope = _turbulent(model, max(re, 1.0), rough)
        return (factor, slope * re) if re > 1.0 else (factor / re, -factor / re)
    if re <= _LAMINAR:
        return 64.0 / re, -64.0 / re
    if re >= _TURBULENT:
        factor, slope = _turbulent(model, re, rough)
        return factor, slope * re
    width = _TURBULENT - _LAMINAR
    low, low_slope = 64.0 / _LAMINAR, -64.0 / _LAMINAR**2 * width
    high, high_slope = _turbulent(model, _TURBULENT, rough)
    high_slope *= width
    s = (re - _LAMINAR) / width
    a = 2.0 * (low - high) + low_slope + high_slope
    b = 3.0 * (high - low) - 2.0 * low_slope - high_slope
    factor = low + s * (low_slope + s * (b + s * a))
    return factor, (low_slope + s * (2.0 * b + 3.0 * s * a)) / width * re
