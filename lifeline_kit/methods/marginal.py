"""Evidence of a series for a linear model under noise that remembers, in time linear in readings.

``y = X b + e`` with ``b`` Gaussian and independent, and ``e`` the sum of white noise and of terms
``v f(t) f(t') exp(-r |t - t'|)``, where the envelope ``f`` lets noise grow with the level. Readings
may come at any times. The coefficients are integrated out, so models with different columns may
be compared by the number alone.
"""

from dataclasses import dataclass

import numpy as np

from lifeline_kit.methods.box import compiled


@dataclass(frozen=True, slots=True)
class Memory:
    """Coloured noise: ``sum_j variance[j] * exp(-rate[j] |dt|)``, positive definite as a whole.

    Attributes
    ----------
    variance : tuple of float
        Single ones may be negative.
    rate : tuple of float [1/h]
    enveloped : tuple of bool
        Whether the term is multiplied by the envelope at both times.
    """

    variance: tuple[float, ...]
    rate: tuple[float, ...]
    enveloped: tuple[bool, ...]

    def __add__(self, other: "Memory") -> "Memory":
        """Sum of two independent noises."""
        return Memory(
            self.variance + other.variance,
            self.rate + other.rate,
            self.enveloped + other.enveloped,
        )


def red(variance: float, tau_h: float, *, enveloped: bool = True) -> Memory:
    """Noise with one correlation time (Ornstein-Uhlenbeck)."""
    return Memory((variance,), (1.0 / tau_h,), (enveloped,))


def boxed_red(variance: float, tau_h: float, exchange: float) -> Memory:
    """Red noise of a source after a well-mixed box of unit gain.

    ``variance`` is that of the source; what remains behind the box is
    ``variance * a / (a + r)``, smooth at short lags.

    References
    ----------
    Spectrum ``1 / ((w^2 + a^2)(w^2 + r^2))`` in partial fractions.
    """
    a, r = exchange, 1.0 / tau_h
    if abs(a - r) < 1e-3 * r:
        a *= 1.01
    left = variance * a / (a + r)
    return Memory((left * r / (r - a), -left * a / (r - a)), (a, r), (True, True))


@compiled
def _carry(state, memory, keep, gain, pivot, row):
    """Take what earlier readings tell one step on; the state is symmetric, its lower half kept."""
    for j in range(keep.size):
        told = pivot * gain[j]
        for k in range(j + 1):
            state[j, k] = keep[j] * keep[k] * (state[j, k] + told * gain[k])
        for c in range(row.size):
            memory[j, c] = keep[j] * (memory[j, c] + gain[j] * row[c])


@compiled
def _left(state, gain, weight, scale, white):
    """Variance of a reading that the earlier ones leave; sets the gain by which it is passed on."""
    own = white
    for j in range(gain.size):
        gain[j] = scale[j]
    for j in range(gain.size):
        gain[j] -= weight[j] * scale[j] * state[j, j]
        for k in range(j):
            gain[j] -= weight[k] * scale[k] * state[j, k]
            gain[k] -= weight[j] * scale[j] * state[j, k]
    for j in range(gain.size):
        own += weight[j] * scale[j] * gain[j]
    own = max(own, 1e-12)
    for j in range(gain.size):
        gain[j] /= own
    return own


@compiled
def _whiten(time_h, white, scaled, weight, rate, cut, columns):
    """Divide by the Cholesky factor; `columns` is overwritten. Returns the pivots."""
    n, m = columns.shape
    terms = rate.size
    state, memory = np.zeros((terms, terms)), np.zeros((terms, m))
    keep, gain = np.ones(terms), np.zeros(terms)
    pivot = np.empty(n)
    step = -1.0
    for i in range(n):
        if i > 0:
            if abs(time_h[i] - time_h[i - 1] - step) > 1e-9:
                step = time_h[i] - time_h[i - 1]
                keep = np.exp(-rate * step)
            _carry(state, memory, keep, gain, pivot[i - 1], columns[i - 1])
        if cut[i]:
            state[:] = 0.0
            memory[:] = 0.0
        pivot[i] = _left(state, gain, weight, scaled[i], white[i])
        for j in range(terms):
            told = weight[j] * scaled[i, j]
            for c in range(m):
                columns[i, c] -= told * memory[j, c]
    return pivot


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What was read, as the models see it.

    Attributes
    ----------
    time_h : array, (reading,) [h]
        Increasing.
    value, white, envelope : arrays, (reading,)
        Readings, variance of their white noise, level to which noise grows in proportion.
    cut : bool array, (reading,)
        Where coloured noise forgets what was before.
    """

    time_h: np.ndarray
    value: np.ndarray
    white: np.ndarray
    envelope: np.ndarray
    cut: np.ndarray


@dataclass(frozen=True, slots=True)
class Fit:
    """Evidence of linear models under one noise.

    Attributes
    ----------
    log_evidence : array, (model,) [nat]
    coefficients : array, (model, column)
        Posterior means.
    """

    log_evidence: np.ndarray
    coefficients: np.ndarray


def _divided(sight: Sight, memory: Memory, columns: np.ndarray) -> np.ndarray:
    """Divide columns by the Cholesky factor in place; return the pivots."""
    scaled = np.ones((sight.value.size, len(memory.rate)))
    scaled[:, np.array(memory.enveloped)] = sight.envelope[:, None]
    variance, rate = np.array(memory.variance), np.array(memory.rate)
    return _whiten(sight.time_h, sight.white, scaled, variance, rate, sight.cut, columns)


def evidence(
    sight: Sight, columns: np.ndarray, prior: np.ndarray, spread: np.ndarray, memory: Memory
) -> Fit:
    """Integrate linear models over their coefficients, all under one noise.

    Parameters
    ----------
    sight : Sight
    columns : array, (model, reading, column)
    prior, spread : arrays, (column,)
        Mean and standard deviation of the coefficients beforehand.
    memory : Memory

    Returns
    -------
    Fit

    References
    ----------
    Cholesky of semiseparable kernels: Foreman-Mackey et al. 2017, AJ 154, 220 (real terms);
    evidence of the linear model: Rasmussen & Williams 2006, section 2.7.
    """
    models, n, width = columns.shape
    stacked = np.empty((n, models, width + 1))
    stacked[:, :, 0] = (sight.value - columns @ prior).T
    stacked[:, :, 1:] = columns.transpose(1, 0, 2) * spread
    pivot = _divided(sight, memory, stacked.reshape(n, -1))
    stacked /= np.sqrt(pivot)[:, None, None]
    whitened = stacked.transpose(1, 0, 2)
    gram = whitened.transpose(0, 2, 1) @ whitened
    inner = gram[:, 1:, 1:] + np.eye(width)
    moved = np.linalg.solve(inner, gram[:, 1:, :1])[:, :, 0]
    explained = (gram[:, 1:, 0] * moved).sum(axis=1)
    log_evidence = -0.5 * (
        gram[:, 0, 0]
        - explained
        + np.log(pivot).sum()
        + np.linalg.slogdet(inner)[1]
        + n * np.log(2.0 * np.pi)
    )
    return Fit(log_evidence, prior + spread * moved)


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """A family of noise whose sizes and time are fitted, in logarithms near a prior.

    With `exchange` the parameters are swing and time of a source before a box, size of fast
    eddies, size of slow swings; without, swing and time of plain red noise.

    Attributes
    ----------
    middle, spread : tuple of float
        Gaussian prior of the logarithms.
    exchange : float [1/h]
        Of the box; 0 for none.
    eddy_h, slow_h : float [h]
    zero_variance, zero_h : float, [h]
        Fixed noise without envelope.
    """

    middle: tuple[float, ...]
    spread: tuple[float, ...]
    exchange: float = 0.0
    eddy_h: float = 1.0
    slow_h: float = 1.0
    zero_variance: float = 0.0
    zero_h: float = 24.0

    def memory(self, logs: np.ndarray) -> Memory:
        """Noise of given logarithms of the parameters."""
        swing, tau, *sizes = np.exp(logs)
        zero = red(self.zero_variance, self.zero_h, enveloped=False)
        if not self.exchange:
            return red(swing**2, tau) + zero
        behind = boxed_red(swing**2, tau, self.exchange)
        return behind + red(sizes[0] ** 2, self.eddy_h) + red(sizes[1] ** 2, self.slow_h) + zero


@compiled
def _terms(logs, exchange, eddy_h, slow_h, zero_variance, zero_h):
    """The same as `Noise.memory`, for the search; the term without envelope comes last."""
    variance = np.empty(2 if exchange == 0.0 else 5)
    rate = np.empty(variance.size)
    swing, r = np.exp(2.0 * logs[0]), np.exp(-logs[1])
    if exchange == 0.0:
        variance[0], rate[0] = swing, r
    else:
        a = exchange * 1.01 if abs(exchange - r) < 1e-3 * r else exchange
        left = swing * a / (a + r)
        variance[0], rate[0] = left * r / (r - a), a
        variance[1], rate[1] = -left * a / (r - a), r
        variance[2], rate[2] = np.exp(2.0 * logs[2]), 1.0 / eddy_h
        variance[3], rate[3] = np.exp(2.0 * logs[3]), 1.0 / slow_h
    variance[-1], rate[-1] = zero_variance, 1.0 / zero_h
    return variance, rate


@compiled
def _score(logs, middle, spread, sight, residual, family):
    time_h, white, envelope, cut = sight
    variance, rate = _terms(logs, family[0], family[1], family[2], family[3], family[4])
    scaled = np.ones((residual.size, rate.size))
    for j in range(rate.size - 1):
        scaled[:, j] = envelope
    column = residual.copy().reshape(-1, 1)
    pivot = _whiten(time_h, white, scaled, variance, rate, cut, column)
    total = 0.0
    for i in range(residual.size):
        total -= 0.5 * (column[i, 0] ** 2 / pivot[i] + np.log(2.0 * np.pi * pivot[i]))
    for k in range(logs.size):
        total -= 0.5 * ((logs[k] - middle[k]) / spread[k]) ** 2
    return total


@compiled
def _search(middle, spread, sight, residual, family):
    best = middle.copy()
    top = _score(best, middle, spread, sight, residual, family)
    for step in (1.0, 0.5, 0.25):
        for _ in range(3):
            moved = False
            for k in range(best.size):
                for sign in (1.0, -1.0):
                    trial = best.copy()
                    trial[k] += sign * step * spread[k]
                    found = _score(trial, middle, spread, sight, residual, family)
                    if found > top + 1e-3:
                        best, top, moved = trial, found, True
                        break
            if not moved:
                break
    return best


def fitted_noise(sight: Sight, residual: np.ndarray, noise: Noise) -> tuple[np.ndarray, float]:
    """Fit the parameters of a noise to a residual, held near what is expected beforehand.

    Parameters
    ----------
    sight : Sight
    residual : array, (reading,)
    noise : Noise

    Returns
    -------
    logs : array, (parameter,)
        Logarithms of the parameters.
    log_prior : float [nat]
        Log of the prior density over its top.

    Notes
    -----
    Compass search: one parameter after the other by one spread up or down, then by half of it and
    a quarter; the density is smooth and a finer optimum changes nothing that matters.
    """
    middle, spread = np.array(noise.middle), np.array(noise.spread)
    seen = (sight.time_h, sight.white, sight.envelope, sight.cut)
    family = (noise.exchange, noise.eddy_h, noise.slow_h, noise.zero_variance, noise.zero_h)
    best = _search(middle, spread, seen, np.ascontiguousarray(residual), family)
    away = (best - middle) / spread
    return best, -0.5 * float(away @ away)
