"""What terminals say: the payload of a device, parsed without ever raising.

A message is UTF-8 JSON, one object or a list of at most 1,000 of them:

=========  ========================  ======================================================
field      type                      meaning
=========  ========================  ======================================================
device     text, 1-128 printable     id of the terminal; a sensor's id where it measures one
                                     quantity, otherwise sensor is ``device:quantity``
quantity   text                      a key of `lifeline_kit.vocabulary` (methane, pressure …)
value      number                    finite
unit       text                      any spelling `lifeline_kit.units` knows; %LEL of methane
                                     is turned into %VOL with `LEL_OF_METHANE`; of methane a
                                     mere % is rejected: it may be either
time       text or integer           ISO 8601 with zone, or milliseconds since 1970 UTC
battery    number, optional          per cent, 0-100
signal     number, optional          dBm
tamper     true/false, optional      the housing was opened
=========  ========================  ======================================================

Without quantity, value and unit an object is a status alone. Other fields are ignored. What does
not fit becomes a `Reject` with one of `REASONS`; the rest of the list is kept.
"""

import json
from datetime import UTC, datetime
from functools import lru_cache
from math import isfinite
from typing import NamedTuple

from lifeline_kit.errors import LifelineError
from lifeline_kit.text import Text
from lifeline_kit.units import canonical, convert
from lifeline_kit.vocabulary import quantity as quantity_of

MAX_BYTES = 262_144
MAX_READINGS = 1_000
# 100 %LEL of methane in air is 5 %VOL, the figure of the gas trade; IEC 60079-20-1 has 4.4
LEL_OF_METHANE = 5.0
_EARLIEST_MS = 946_684_800_000  # the year 2000: a clock before it was never set
_LATEST_MS = 253_402_300_799_999  # the year 9999
_FLOAT32_MAX = 3.4028234663852886e38

REASONS = {
    "size": Text("报文过大", "message too large"),
    "encoding": Text("不是 UTF-8 文本", "not UTF-8 text"),
    "json": Text("不是合法 JSON", "not JSON"),
    "shape": Text("报文结构不符", "not an object or a list of objects"),
    "device": Text("设备编号无效", "no usable device id"),
    "quantity": Text("监测量未知", "unknown quantity"),
    "value": Text("数值无效", "no finite number"),
    "unit": Text("单位缺失或不符", "unit missing or of another quantity"),
    "time": Text("时间缺失、无时区或无法识别", "time missing, without zone or unreadable"),
    "clock": Text("设备时钟错误", "clock of the device never set"),
    "status": Text("状态字段无效", "battery, signal or tamper of a wrong kind"),
}


class Reading(NamedTuple):
    """One reading in the canonical unit of its quantity; `time` in ms since 1970 UTC."""

    device: str
    quantity: str
    value: float
    time: int


class Status(NamedTuple):
    """Battery (%), signal (dBm) and tamper of a device; None where it did not say."""

    device: str
    time: int
    battery: float | None
    signal: float | None
    tamper: bool | None


class Reject(NamedTuple):
    """Why a message, or one of its readings, cannot be kept: a key of `REASONS`, and what came."""

    reason: str
    detail: str


class Message(NamedTuple):
    """What a payload says; `rejects` are those of its readings that do not fit."""

    readings: tuple[Reading, ...]
    statuses: tuple[Status, ...]
    rejects: tuple[Reject, ...]


class _Unfit(Exception):  # noqa: N818 - a signal between two functions of this module
    """Carries a reject out of the checks of one object."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.reject = Reject(reason, detail)


def parse(payload: bytes, *, lel_of_methane: float = LEL_OF_METHANE) -> Message | Reject:
    """Read the payload of one message.

    Parameters
    ----------
    payload : bytes
        As it came; anything at all.
    lel_of_methane : float [%VOL]
        Concentration that is 100 %LEL.

    Returns
    -------
    Message or Reject
        Never an exception, whatever came.
    """
    if len(payload) > MAX_BYTES:
        return Reject("size", f"{len(payload)} bytes, at most {MAX_BYTES}")
    try:
        document = json.loads(payload.decode("utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        return Reject("encoding", f"byte {error.start} is no UTF-8")
    except RecursionError:
        return Reject("json", "nested too deep")
    except ValueError as error:
        return Reject("json", str(error)[:200])
    entries = document if isinstance(document, list) else [document]
    if not entries or len(entries) > MAX_READINGS:
        return Reject("shape", f"{len(entries)} readings, expected 1 to {MAX_READINGS}")
    return _message(entries, lel_of_methane)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _message(entries: list, lel_of_methane: float) -> Message | Reject:
    readings: list[Reading] = []
    statuses: list[Status] = []
    rejects: list[Reject] = []
    for position, entry in enumerate(entries):
        try:
            device, time = _head(entry)
            reading = _reading(entry, device, time, lel_of_methane)
            if reading is not None:
                readings.append(reading)
            # a broken status must not cost the reading that came with it
            status = _status(entry, device, time)
            if status is not None:
                statuses.append(status)
        except _Unfit as unfit:
            where = f"entry {position}: " if len(entries) > 1 else ""
            rejects.append(Reject(unfit.reject.reason, where + unfit.reject.detail))
    if rejects and not readings and not statuses and len(entries) == 1:
        return rejects[0]
    return Message(tuple(readings), tuple(statuses), tuple(rejects))


def _head(entry: object) -> tuple[str, int]:
    if not isinstance(entry, dict):
        raise _Unfit("shape", f"expected an object, got {_shown(entry)}")
    device = entry.get("device")
    if not isinstance(device, str) or not 0 < len(device) <= 128 or not device.isprintable():
        raise _Unfit("device", f"expected 1-128 printable characters, got {_shown(device)}")
    return device, _milliseconds(entry.get("time"))


def _milliseconds(time: object) -> int:
    if isinstance(time, str) and len(time) <= 40:
        try:
            moment = datetime.fromisoformat(time)
            if moment.tzinfo is None:
                raise _Unfit("time", f"{time!r} has no zone; send +08:00 or Z")
            number = round(moment.astimezone(UTC).timestamp() * 1000)
        except (ValueError, OverflowError):
            raise _Unfit("time", f"{_shown(time)} is not ISO 8601") from None
    elif isinstance(time, int) and not isinstance(time, bool):
        number = time
    else:
        raise _Unfit("time", f"expected ISO 8601 or integer milliseconds, got {_shown(time)}")
    if number < _EARLIEST_MS:
        raise _Unfit("clock", f"{_shown(time)} is before 2000 (milliseconds are expected)")
    if number > _LATEST_MS:
        raise _Unfit("clock", f"{_shown(time)} is after the year 9999")
    return number


def _reading(entry: dict, device: str, time: int, lel_of_methane: float) -> Reading | None:
    if "value" not in entry and "quantity" not in entry and _has_status(entry):
        return None
    quantity, unit = entry.get("quantity"), entry.get("unit")
    if not isinstance(quantity, str):
        raise _Unfit("quantity", f"expected text, got {_shown(quantity)}")
    if not isinstance(unit, str):
        raise _Unfit("unit", f"expected text, got {_shown(unit)}")
    scale = _scale(quantity[:64], unit[:64], lel_of_methane)
    if isinstance(scale, Reject):
        raise _Unfit(*scale)
    value = _number(entry.get("value"))
    if value is None:
        raise _Unfit("value", f"expected a finite number, got {_shown(entry.get('value'))}")
    if scale != (1.0, 0.0):  # the same unit leaves every bit, the sign of zero too
        value = value * scale[0] + scale[1]
    if abs(value) > _FLOAT32_MAX:
        raise _Unfit("value", f"{_shown(entry.get('value'))} is beyond single precision")
    return Reading(device, quantity, value, time)


def _has_status(entry: dict) -> bool:
    return "battery" in entry or "signal" in entry or "tamper" in entry


def _status(entry: dict, device: str, time: int) -> Status | None:
    if not _has_status(entry):
        return None
    battery, signal, tamper = entry.get("battery"), entry.get("signal"), entry.get("tamper")
    fits = (
        (battery is None or (_number(battery) is not None and 0 <= battery <= 100))
        and (signal is None or (_number(signal) is not None and -200 <= signal <= 50))
        and (tamper is None or isinstance(tamper, bool))
    )
    if not fits:
        raise _Unfit(
            "status",
            "expected battery 0-100, signal -200-50, tamper true or false; got "
            f"{_shown(battery)}, {_shown(signal)}, {_shown(tamper)}",
        )
    return Status(device, time, battery, signal, tamper)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if isfinite(number) and abs(number) <= _FLOAT32_MAX else None


@lru_cache(maxsize=1024)  # of text from outside, so it is bounded
def _scale(quantity: str, unit: str, lel_of_methane: float) -> tuple[float, float] | Reject:
    """Factor and offset into the canonical unit."""
    try:
        expected = quantity_of(quantity).unit
    except LifelineError:
        return Reject("quantity", f"{_shown(quantity)} is not in the vocabulary")
    try:
        if quantity == "methane" and canonical(unit) == "%LEL":
            return lel_of_methane / 100.0, 0.0
        if quantity == "methane" and canonical(unit) == "%":
            return Reject("unit", "'%' of methane may mean %VOL or %LEL; send one of these")
        if canonical(unit) == expected:
            return 1.0, 0.0
        offset = convert(0.0, unit, expected)
        return convert(1.0, unit, expected) - offset, offset
    except LifelineError:
        return Reject("unit", f"{_shown(unit)} does not give {quantity} in {expected}")


def _shown(value: object) -> str:
    """Say what came, shortly and without control characters."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):  # as deep as the sender liked
        return "an object" if isinstance(value, dict) else "a list"
    try:
        text = ascii(value) if isinstance(value, str) else repr(value)
    except ValueError:  # an integer of thousands of digits
        text = "a huge integer"
    return text if len(text) <= 60 else text[:57] + "..."
