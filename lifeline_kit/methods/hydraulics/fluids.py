"""What flows: gas and water, as the solver needs them.

The numbers of the gases are for natural gas of a public grid; a network of your own brings its
own `Gas`.
"""

from dataclasses import dataclass

import numpy as np

NORMAL_K, NORMAL_PA = 273.15, 101_325.0  # state of "normal" volume (DIN 1343)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gas:
    """A gas whose compressibility falls linearly with pressure.

    Attributes
    ----------
    density_n : float [kg/m3]
        At 0 °C and 101,325 Pa.
    viscosity : float or array, (link,) [Pa s]
    temperature_k : float or array, (link,) [K]
    compressibility_per_pa : float [1/Pa]
        Slope of z over absolute pressure, z(0) = 1.
    """

    density_n: float = 0.7175
    viscosity: float | np.ndarray = 1.04e-5
    temperature_k: float | np.ndarray = 283.15
    compressibility_per_pa: float = -2.2e-8

    is_gas = True

    def normal_m3_per_kg(self) -> float:
        """Normal cubic metres of a kilogram."""
        return 1.0 / self.density_n


@dataclass(frozen=True, slots=True, kw_only=True)
class Liquid:
    """A liquid of constant density.

    Attributes
    ----------
    density : float or array, (link,) [kg/m3]
    viscosity : float or array, (link,) [Pa s]
    """

    density: float | np.ndarray = 998.2
    viscosity: float | np.ndarray = 1.0e-3

    is_gas = False


METHANE = Gas()


def water_density(temperature_c: np.ndarray | float) -> np.ndarray:
    """Density of water at 1 bar [kg/m3]; Kell 1975, J. Chem. Eng. Data 20, 97-105.

    Parameters
    ----------
    temperature_c : array [degC]
        0-150.
    """
    t = np.asarray(temperature_c, dtype=float)
    top = (
        999.83952
        + 16.945176 * t
        - 7.9870401e-3 * t**2
        - 46.170461e-6 * t**3
        + 105.56302e-9 * t**4
        - 280.54253e-12 * t**5
    )
    return top / (1.0 + 16.879850e-3 * t)


def water_expansion(temperature_c: np.ndarray | float) -> np.ndarray:
    """Thermal expansion of water, -dρ/dT / ρ [1/K], from `water_density`."""
    t = np.asarray(temperature_c, dtype=float)
    step = 0.05
    rise = water_density(t + step) - water_density(t - step)
    return -rise / (2.0 * step) / water_density(t)


def water_viscosity(temperature_c: np.ndarray | float) -> np.ndarray:
    """Viscosity of water [Pa s]; Vogel form 2.414e-5 * 10^(247.8 / (T - 140 K)).

    Within 2.5 % between 0 and 370 °C (Al-Shemmeri 2012, Engineering Fluid Mechanics).
    """
    return 2.414e-5 * 10.0 ** (247.8 / (np.asarray(temperature_c, dtype=float) + 133.15))


WATER_HEAT = 4190.0  # specific heat [J/(kg K)], within 1 % from 10 to 120 °C


def water(temperature_c: np.ndarray | float) -> Liquid:
    """Return water at a temperature [degC]."""
    return Liquid(density=water_density(temperature_c), viscosity=water_viscosity(temperature_c))
