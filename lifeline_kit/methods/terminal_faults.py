"""When a gas terminal itself is in question: bits per reading, from the past alone."""

from dataclasses import dataclass

import numpy as np

FLOODED, OFFLINE, STUCK, OVER_RANGE, CONDENSED, SPIKE, TAMPERED, BATTERY, SIGNAL = (
    1 << bit for bit in range(9)
)
# a terminal that came back, a spike that is over, a weak battery or signal still measure
DOUBT = FLOODED | STUCK | OVER_RANGE | CONDENSED | TAMPERED


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultLimits:
    """Limits; concentrations in one unit, that of the readings."""

    offline_h: float = 6.0
    stuck_h: float = 12.0
    over_span_share: float = 1.05
    span: float = 100.0
    wet_percent: float = 99.5
    spike: float = 0.5
    battery_percent: float = 15.0
    signal_dbm: float = -115.0


def _unchanged_h(hours: np.ndarray, value: np.ndarray) -> np.ndarray:
    """For how long each reading has been what it is [h]."""
    fresh = np.r_[True, value[1:] != value[:-1]]
    since = np.maximum.accumulate(np.where(fresh, np.arange(value.size), 0))
    return hours - hours[since]


def terminal_faults(
    time: np.ndarray,
    value: np.ndarray,
    *,
    humidity: np.ndarray | None = None,
    flood: np.ndarray | None = None,
    tamper: np.ndarray | None = None,
    battery: np.ndarray | None = None,
    signal: np.ndarray | None = None,
    limits: FaultLimits = FaultLimits(),
) -> np.ndarray:
    """Say of each reading what is wrong with the terminal.

    Parameters
    ----------
    time : datetime64 array, (reading,)
        Increasing.
    value : array, (reading,)
        Concentration.
    humidity, battery : array, (reading,), optional [%]
    flood, tamper : bool array, (reading,), optional
    signal : array, (reading,), optional [dBm]
    limits : FaultLimits

    Returns
    -------
    uint16 array, (reading,)
        `OFFLINE` stands at the first reading after the silence, `SPIKE` at the reading that shows
        that the one before was alone.
    """
    value = np.asarray(value, dtype=float)
    bits = np.zeros(value.size, dtype=np.uint16)
    if not value.size:
        return bits
    hours = (np.asarray(time) - np.asarray(time)[0]) / np.timedelta64(1, "h")

    def mark(where: np.ndarray, bit: int) -> None:
        bits[where] |= bit

    mark(np.diff(hours, prepend=hours[0]) > limits.offline_h, OFFLINE)
    mark((_unchanged_h(hours, value) >= limits.stuck_h) & (value != 0), STUCK)
    low = -(limits.over_span_share - 1.0) * limits.span
    mark((value > limits.over_span_share * limits.span) | (value < low), OVER_RANGE)
    if value.size > 2:
        alone = value[1:-1] - np.maximum(value[:-2], value[2:]) > limits.spike
        mark(np.r_[False, False, alone], SPIKE)
    if humidity is not None:
        mark((np.asarray(humidity) >= limits.wet_percent) & (value == 0), CONDENSED)
    if flood is not None:
        mark(np.asarray(flood, dtype=bool), FLOODED)
    if tamper is not None:
        mark(np.asarray(tamper, dtype=bool), TAMPERED)
    if battery is not None:
        mark(np.asarray(battery) < limits.battery_percent, BATTERY)
    if signal is not None:
        mark(np.asarray(signal) < limits.signal_dbm, SIGNAL)
    return bits
