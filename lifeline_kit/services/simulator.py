"""A gas terminal in an underground space, as it is in the field: not only its good days.

Every 15 min a reading, every 5 min above 0.5 %VOL. The battery runs down, the signal comes and
goes (what was measured meanwhile comes in one burst), the housing is opened once, a reboot leaves
the clock at 1970 until the network sets it, and some messages are sent twice. Simulated: it shows
what a collector must bear, never how a product performs.
"""

import json
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

USUAL = np.timedelta64(15, "m")
NEAR_LIMIT = np.timedelta64(5, "m")
FAST_ABOVE = 0.5  # %VOL
_MINUTE = np.timedelta64(1, "m")


class Sent(NamedTuple):
    """One message: when it reaches the broker (UTC), its topic and its payload."""

    at: np.datetime64
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How a terminal behaves.

    Attributes
    ----------
    battery_per_day : float [%]
        Loss of charge.
    weak_hours : tuple of (float, float)
        Hours after the start between which no message gets out.
    tamper_hour, reboot_hour : float [h]
        When the housing is opened, and when the terminal starts again with its clock at 1970.
    leak_hours : (float, float)
        Between which gas collects in the space.
    leak_peak : float [%VOL]
    double_share : float
        Share of messages that are sent twice.
    """

    battery_per_day: float = 0.6
    weak_hours: tuple[tuple[float, float], ...] = ((5.0, 7.5), (16.0, 17.0))
    tamper_hour: float = 9.0
    reboot_hour: float = 12.0
    leak_hours: tuple[float, float] = (19.0, 22.0)
    leak_peak: float = 2.4
    double_share: float = 0.05


def simulate_terminal(
    device: str,
    *,
    start: np.datetime64,
    hours: float,
    rng: np.random.Generator,
    habits: Habits | None = None,
    topic: str = "lifeline/readings",
) -> list[Sent]:
    """Play one gas terminal.

    Parameters
    ----------
    device : str
        Id of the terminal, which is the id of its methane sensor.
    start : datetime64
        UTC.
    hours : float [h]
    rng : Generator
    habits : Habits, optional
    topic : str
        Messages go to ``topic/device``.

    Returns
    -------
    list of Sent
        In the order in which they reach the broker.
    """
    habits = habits or Habits()
    begin = start.astype("datetime64[ms]")
    sent: list[Sent] = []
    clock = begin
    end = begin + np.timedelta64(round(hours * 3_600_000), "ms")
    while clock < end:
        elapsed = float((clock - begin) / np.timedelta64(1, "h"))
        methane = _methane(elapsed, habits, rng)
        payload = _payload(device, clock, elapsed, methane, habits, rng)
        at = _leaves(begin, clock, elapsed, habits)
        copies = 1 + int(rng.random() < habits.double_share)
        sent += [Sent(at, f"{topic}/{device}", payload)] * copies
        clock = clock + (NEAR_LIMIT if methane > FAST_ABOVE else USUAL)
    return sorted(sent, key=lambda message: message.at)  # stable: a burst keeps its order


def _methane(elapsed: float, habits: Habits, rng: np.random.Generator) -> float:
    first, last = habits.leak_hours
    rise = 0.0
    if first <= elapsed < last:
        rise = habits.leak_peak * float(np.sin(np.pi * (elapsed - first) / (last - first)))
    return round(max(0.0, rise + abs(float(rng.normal(0.0, 0.02)))), 2)


def _payload(
    device: str,
    clock: np.datetime64,
    elapsed: float,
    methane: float,
    habits: Habits,
    rng: np.random.Generator,
) -> bytes:
    since_reboot = elapsed - habits.reboot_hour
    shown = clock
    if 0.0 <= since_reboot < 0.5:  # half an hour until the network sets the clock
        shown = np.datetime64(0, "ms") + np.timedelta64(round(since_reboot * 3_600_000), "ms")
    weak = any(first <= elapsed < last for first, last in habits.weak_hours)
    document = {
        "device": device,
        "quantity": "methane",
        "value": methane,
        "unit": "%VOL",
        "time": f"{np.datetime_as_string(shown, unit='s')}Z",
        "battery": round(max(0.0, 100.0 - habits.battery_per_day * elapsed / 24.0), 1),
        "signal": int(rng.integers(-126, -118) if weak else rng.integers(-100, -80)),
        "tamper": bool(0.0 <= elapsed - habits.tamper_hour < 0.5),
    }
    return json.dumps(document, separators=(",", ":")).encode()


def _leaves(
    begin: np.datetime64, clock: np.datetime64, elapsed: float, habits: Habits
) -> np.datetime64:
    for first, last in habits.weak_hours:
        if first <= elapsed < last:
            return begin + np.timedelta64(round(last * 60), "m") + _MINUTE
    return clock
