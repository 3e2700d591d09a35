"""Robust straight-line pieces: Huber regression, the change point of an energy signature."""

from dataclasses import dataclass

import numpy as np

from lifeline_kit.errors import InputError

_MAD_TO_SIGMA = 1.4826
_HUBER = 1.345  # 95 % efficiency under a normal law; Huber 1981, Robust Statistics
_ROUNDS = 30


def mad_sigma(values: np.ndarray, axis: int | None = None) -> np.ndarray:
    """Robust standard deviation: 1.4826 times the median absolute deviation, NaN left out."""
    centre = np.nanmedian(values, axis=axis, keepdims=True)
    return _MAD_TO_SIGMA * np.nanmedian(np.abs(values - centre), axis=axis)


def huber_fit(design: np.ndarray, target: np.ndarray, *, ridge: float = 1e-6) -> np.ndarray:
    """Fit a linear model that outliers do not bend, by reweighted least squares.

    Parameters
    ----------
    design : array, (row, term) [any units]
        Without NaN; give a column of ones for the constant.
    target : array, (row,) [any unit]
    ridge : float
        Share of each term's own sum of squares added to it, against terms that hardly vary.

    Returns
    -------
    array, (term,)

    Raises
    ------
    InputError
        Where there are fewer rows than terms.

    References
    ----------
    Huber 1981, Robust Statistics, section 7.8 (weights k / |r| beyond k = 1.345 sigma).
    """
    rows, terms = design.shape
    if rows < terms:
        raise InputError(
            f"a model of {terms} terms needs at least {terms} readings, got {rows}; "
            "give a longer reference period."
        )
    weight = np.ones(rows)
    solution = np.zeros(terms)
    for _ in range(_ROUNDS):
        weighted = design * weight[:, None]
        normal = weighted.T @ design
        normal[np.diag_indices(terms)] *= 1.0 + ridge
        normal[np.diag_indices(terms)] += 1e-12
        updated = np.linalg.solve(normal, weighted.T @ target)
        residual = target - design @ updated
        scale = max(float(mad_sigma(residual)), 1e-9)
        weight = np.minimum(1.0, _HUBER * scale / np.maximum(np.abs(residual), 1e-12))
        settled = np.allclose(updated, solution, rtol=1e-6, atol=1e-9)
        solution = updated
        if settled:
            break
    return solution


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Heat over outdoor temperature: `base` above the change point, a slope below it.

    Attributes
    ----------
    base : float [unit of the heat]
    slope : float [unit of the heat per K]
        Heat added per kelvin below the change point; not negative.
    change_c : float [degC]
    sigma : float [unit of the heat]
        Robust scale of what the signature leaves over.
    """

    base: float
    slope: float
    change_c: float
    sigma: float

    def expected(self, outdoor: np.ndarray) -> np.ndarray:
        """Heat to expect at these outdoor temperatures [degC]."""
        return self.base + self.slope * np.maximum(self.change_c - outdoor, 0.0)


def fit_signature(
    outdoor: np.ndarray,
    heat: np.ndarray,
    *,
    between_c: tuple[float, float] = (5.0, 20.0),
    step_k: float = 0.5,
) -> Signature:
    """Fit a change-point energy signature robustly.

    Parameters
    ----------
    outdoor : array, (row,) [degC]
        Daily means serve best.
    heat : array, (row,) [kW, kWh or any other]
        Rows with NaN in either are left out.
    between_c : (float, float), default (5, 20) [degC]
        Where the change point is sought; at its lower end the line is straight.
    step_k : float, default 0.5 [K]

    Returns
    -------
    Signature

    Raises
    ------
    InputError
        With fewer than ten rows.

    References
    ----------
    ASHRAE Guideline 14 (three-parameter heating model), here under Huber's loss.
    """
    here = np.isfinite(outdoor) & np.isfinite(heat)
    outdoor, heat = np.asarray(outdoor)[here], np.asarray(heat)[here]
    if outdoor.size < 10:
        raise InputError(
            f"an energy signature needs at least 10 readings of heat and outdoor temperature, "
            f"got {outdoor.size}; give a longer period."
        )
    best: tuple[float, Signature] | None = None
    for change in np.arange(between_c[0], between_c[1] + step_k / 2, step_k):
        cold = np.maximum(change - outdoor, 0.0)
        base, slope = huber_fit(np.stack([np.ones_like(cold), cold], axis=1), heat)
        if slope < 0.0:
            base, slope = float(np.median(heat)), 0.0
        residual = heat - base - slope * cold
        loss = float(np.abs(residual).sum())
        if best is None or loss < best[0]:
            sigma = max(float(mad_sigma(residual)), 1e-9)
            best = (
                loss,
                Signature(
                    base=float(base), slope=float(slope), change_c=float(change), sigma=sigma
                ),
            )
    if best is None:
        raise InputError("between_c holds no change point; expected (low, high) with low <= high.")
    return best[1]
