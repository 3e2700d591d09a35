"""What a quantity can be at all, whatever the instrument: the widest span that is still physical.

These are bounds of sense, not limits of operation: readings outside are kept and counted (quality
control fails them), and a 9999 outside them is a sentinel.
"""

from lifeline_kit.io.mapping import Channel
from lifeline_kit.text import Text
from lifeline_kit.vocabulary import quantity

# quantity -> (low, high) [canonical unit of the quantity]
_SPANS: dict[str, tuple[float, float]] = {
    "methane": (0.0, 100.0),
    "methane_enhancement": (-100.0, 1e6),
    "pressure": (-101.325, 50_000.0),  # a full vacuum is the least that a gauge can show
    "flow": (-1e6, 1e6),
    "standard_flow": (-1e8, 1e8),
    "makeup_flow": (-1e4, 1e5),
    "level": (-500.0, 9000.0),  # depths and levels above the sea
    "ponding_depth": (-1.0, 100.0),
    "rain": (0.0, 3000.0),
    "turbidity": (0.0, 9000.0),
    "chlorine": (0.0, 500.0),
    "ph": (-1.0, 15.0),
    "redox": (-3000.0, 3000.0),
    "conductivity": (0.0, 5e5),
    "temperature": (-90.0, 500.0),
    "air_temperature": (-90.0, 60.0),
    "supply_temperature": (-50.0, 300.0),
    "return_temperature": (-50.0, 300.0),
    "room_temperature": (-60.0, 80.0),
    "hydrogen_sulfide": (0.0, 1e5),
    "strain": (-1e5, 1e5),
    "force": (-1e7, 1e7),
    "inclination": (-360.0, 360.0),
    "acceleration": (-2000.0, 2000.0),
    "deflection": (-1e4, 1e4),
    "settlement": (-1e4, 1e4),
    "convergence": (-1e4, 1e4),
    "vibration": (-1e4, 1e4),
    "vehicle_weight": (0.0, 1000.0),
    "days_of_supply": (0.0, 3650.0),
    "humidity": (0.0, 110.0),  # sensors read a little over 100 in fog
    "battery": (0.0, 100.0),
    "signal_strength": (-200.0, 50.0),
    "flooded": (0.0, 1.0),
    "tampered": (0.0, 1.0),
    "price": (0.0, 1e5),
}


def span(key: str) -> tuple[float, float]:
    """Return what a quantity can be, in its canonical unit.

    Raises
    ------
    MappingError
        Where the quantity is not known.

    Examples
    --------
    >>> span("ph")
    (-1.0, 15.0)
    """
    return _SPANS.get(quantity(key).key, (float("-inf"), float("inf")))


def reach(channel: Channel | None) -> tuple[float, float]:
    """Return what a column can hold at all, in the unit of the file.

    The instrument's span of the mapping file goes before the physical one; without a channel
    nothing is known and everything is possible.
    """
    if channel is None:
        return float("-inf"), float("inf")
    if channel.entry.span is not None:
        return channel.entry.span
    low, high = span(channel.quantity)
    zero, one = affine(channel)
    return (low - zero) / one, (high - zero) / one


def affine(channel: Channel) -> tuple[float, float]:
    """Return offset and factor from the unit of the file to the canonical one."""
    zero = float(channel.to_canonical(0.0))
    return zero, float(channel.to_canonical(1.0)) - zero


def lel(unit: Text) -> Text:
    """Say how %LEL was turned into %VOL."""
    return Text(
        f"{unit.zh}；%LEL 按甲烷换算，100 %LEL = 5 %VOL",
        f"{unit.en}; %LEL taken as of methane, 100 %LEL = 5 %VOL",
    )
