"""Pipe networks solved the slow way: one formula at a time, scipy's root finder, no trick."""

import math

import numpy as np
from scipy.optimize import fsolve


def friction_factor(re: float, roughness: float, diameter: float) -> float:
    """Colebrook by bisection on 1/sqrt(λ)."""
    low, high = 0.01, 100.0
    for _ in range(200):
        x = 0.5 * (low + high)
        if x + 2.0 * math.log10(2.51 * x / re + roughness / (3.71 * diameter)) > 0:
            high = x
        else:
            low = x
    return 1.0 / x**2


def gas_pressures(
    links: list[tuple], loads: list[float], source_pa: float, gas, heights: list[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Pressures and flows; node 0 is the source; links are (i, j, length, diameter, roughness)."""
    n = len(loads)

    def density(p: float) -> float:
        z = 1.0 + gas.compressibility_per_pa * p
        return gas.density_n * p / 101_325.0 * 273.15 / gas.temperature_k / z

    def wrong(x: np.ndarray) -> list[float]:
        p = np.r_[source_pa, x[: n - 1] * 1e5]
        m = x[n - 1 :]
        balance = [-load for load in loads]
        out = []
        for (i, j, length, d, k), flow in zip(links, m, strict=True):
            balance[i] -= flow
            balance[j] += flow
            area = math.pi * d**2 / 4
            re = max(abs(flow), 1e-12) * d / (gas.viscosity * area)
            factor = 64.0 / re + 1.0 / (2.0 * math.log10(d / k) + 1.14) ** 2
            mean = 2 / 3 * (p[i] ** 3 - p[j] ** 3) / (p[i] ** 2 - p[j] ** 2)
            z = 1.0 + gas.compressibility_per_pa * mean
            velocity_head = 101_325.0 / 273.15 * gas.temperature_k * z / gas.density_n / area**2
            lost = factor * length / d * velocity_head * flow * abs(flow) / (p[i] + p[j])
            column = 0.5 * (density(p[i]) + density(p[j])) * 9.81 * (heights[i] - heights[j])
            out.append((p[i] - p[j] + column - lost) / 1e3)
        return out + balance[1:]

    guess = np.r_[np.linspace(0.99, 0.9, n - 1) * source_pa / 1e5, np.full(len(links), 1e-2)]
    x, _, found, said = fsolve(wrong, guess, full_output=True, xtol=1e-13)
    assert found == 1, said
    return np.r_[source_pa, x[: n - 1] * 1e5], x[n - 1 :]
