"""District heating: declared in `heating.toml`; rules, heat meters and make-up.

Beside the rules, substations that measure supply, return and flow are judged by
`heating.substations` where the city knows the air temperature, and plants by `heating.makeup`.
Their findings take the rule keys of the rules they sharpen, so that one fault makes one warning.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.errors import InputError
from lifeline_kit.lifelines.heating.makeup import Leak, makeup_leak, watch_makeup
from lifeline_kit.lifelines.heating.makeup import settings as makeup_settings
from lifeline_kit.lifelines.heating.substations import (
    FAULTS,
    finder,
    judge_substations,
    own_faults,
    substation_faults,
)
from lifeline_kit.methods.heat_meter import WATER_KWH_PER_M3_K, Meters
from lifeline_kit.methods.rules import SEVERITY, apply_rules, usable, utc_offset
from lifeline_kit.model.city import City
from lifeline_kit.model.lifeline import Lifeline, load_lifeline
from lifeline_kit.model.readings import nodes
from lifeline_kit.model.tables import FINDING_COLUMNS, join_findings, table
from lifeline_kit.text import Text

_HOUR = np.timedelta64(3_600_000, "ms")
_METERED = ("supply_temperature", "return_temperature", "flow")
_LEAK = Text("补水量持续偏高（疑似泄漏）", "Make-up raised for hours (leak suspected)")
_LEAK_SOURCE = Text("补水量累积和（扣除膨胀），项目默认值", "CUSUM of make-up; project default")


def diagnose(lifeline: Lifeline, city: City, at: pd.Timestamp) -> pd.DataFrame:
    """Apply the rules; judge substations by their meters and plants by their make-up."""
    moment = at.to_datetime64()
    return join_findings(
        [
            apply_rules(city, lifeline.key, lifeline.rules, at),
            table(substation_rows(city, lifeline.key, moment), FINDING_COLUMNS, "finding"),
            table(makeup_rows(city, lifeline.key, moment), FINDING_COLUMNS, "finding"),
        ]
    )


def hourly(
    city: City, lifeline: str | None, quantity: str, at: np.datetime64, *, kind: str = ""
) -> pd.DataFrame:
    """Hourly means of the usable readings of a quantity, (time, asset).

    Parameters
    ----------
    city : City
    lifeline : str or None
        None for all.
    quantity : str
    at : datetime64
        An hour counts when it is over.
    kind : str
        Of the assets, any by default. An asset with several sensors counts the first.
    """
    sensors = city.sensors[city.sensors["quantity"] == quantity]
    if lifeline is not None:
        sensors = sensors[sensors["lifeline"] == lifeline]
    if kind:
        kinds = city.assets["kind"].reindex(sensors["asset"]).to_numpy()
        sensors = sensors[kinds == kind]
    columns: dict[str, pd.Series] = {}
    for _, node in nodes(city.readings, quantity):
        flat, keep = usable(node, sensors.index, at)
        for index in np.flatnonzero(keep):
            asset = str(sensors["asset"][flat.sensors[index]])
            rows = slice(flat.starts[index], flat.starts[index + 1])
            if asset in columns:
                continue
            hours = flat.time[rows].astype("datetime64[h]").astype("datetime64[ms]")
            columns[asset] = pd.Series(flat.value[rows].astype(float)).groupby(hours).mean()
    if not columns:
        return pd.DataFrame(index=pd.DatetimeIndex([]))
    frame = pd.DataFrame(columns).sort_index()
    return frame[frame.index + _HOUR <= at]


def city_meters(city: City, lifeline: str, at: np.datetime64) -> tuple[Meters, list[str]] | None:
    """Put the heat meters of a city's substations on one hourly local clock.

    Returns
    -------
    (Meters, list of str) or None
        None where no substation measures supply, return and flow, or no air temperature is known.
    """
    parts = [hourly(city, lifeline, each, at, kind="substation") for each in _METERED]
    air = hourly(city, None, "air_temperature", at)
    names = sorted(set.intersection(*(set(part.columns) for part in parts)))
    if not names or air.empty:
        return None
    first, last = min(part.index[0] for part in parts), max(part.index[-1] for part in parts)
    clock = pd.date_range(first, last, freq="1h")
    supply, back, flow = (part[names].reindex(clock).to_numpy().T for part in parts)
    outdoor = air.median(axis=1).reindex(clock).interpolate(limit=6).to_numpy()
    local = clock.to_numpy().astype("datetime64[ms]") + utc_offset(city.time_zone, at)
    heat = WATER_KWH_PER_M3_K * flow * (supply - back)
    meters = Meters(time=local, outdoor=outdoor, supply=supply, back=back, flow=flow, heat=heat)
    return meters, names


def _reference(time: np.ndarray) -> np.ndarray | None:
    """First half of the readings, within the days that a reference may have; None if too short."""
    least, most = finder().reference_days
    hours = min(time.size // 2, round(most * 24))
    return None if hours < least * 24 else np.arange(time.size) < hours


def substation_rows(city: City, lifeline: str, at: np.datetime64) -> Iterator[dict]:
    """Yield a finding per faulty substation and spell."""
    found = city_meters(city, lifeline, at)
    if found is None:
        return
    meters, names = found
    reference = _reference(meters.time)
    if reference is None:
        return
    try:
        judged = own_faults(judge_substations(meters, reference))
    except InputError:
        return  # a substation without enough readings: nothing can be said of any
    ahead = utc_offset(city.time_zone, at)
    sensors = city.sensors[city.sensors["quantity"] == "return_temperature"]
    by_asset = sensors.reset_index().drop_duplicates("asset").set_index("asset")["sensor"]
    source = finder().source
    for event in substation_faults(judged, meters, names).to_dict("records"):
        if event["since"] <= meters.time[reference][-1]:
            continue
        title = FAULTS[event["fault"]]
        sensor = by_asset[event["substation"]]
        excess = event["excess_m3"]
        yield {
            "finding": f"heating.substation:{event['substation']}:{event['since']:%Y%m%dT%H%M%S}",
            "lifeline": lifeline,
            "asset": event["substation"],
            "sensor": sensor,
            "method": "heat_meter",
            "rule": "heating.return_residual",
            "title_zh": title.zh,
            "title_en": title.en,
            "severity": SEVERITY[4],
            "level": 4,
            "value": event["score"],
            "limit": 1.0,
            "unit": "1",
            "evidence_zh": f"残差达限值的 {event['score']:.1f} 倍，期间超额流量 {excess:.0f} m3",
            "evidence_en": (
                f"residual {event['score']:.1f} times its limit; excess flow {excess:.0f} m3 so far"
            ),
            "source": source.en,
            "source_zh": source.zh,
            "verified": finder().verified,
            "since": event["since"] - ahead,
            "until": event["until"] - ahead,
            "real_or_simulated": city.sensors["real_or_simulated"][sensor],
        }


def makeup_rows(city: City, lifeline: str, at: np.datetime64) -> Iterator[dict]:
    """Yield a finding per spell of raised make-up at a plant."""
    makeup = hourly(city, lifeline, "makeup_flow", at)
    supply = hourly(city, lifeline, "supply_temperature", at)
    back = hourly(city, lifeline, "return_temperature", at)
    if makeup.empty:
        return
    clock = pd.date_range(makeup.index[0], makeup.index[-1], freq="1h")
    limits = makeup_settings()["makeup"]
    first = round(limits["reference_days"] * 24)
    mean = None
    if not supply.empty and not back.empty:
        middle = 0.5 * (supply.median(axis=1) + back.median(axis=1))
        mean = middle.reindex(clock).interpolate(limit_direction="both").to_numpy()
    for plant in makeup.columns:
        flow = makeup[plant].reindex(clock).to_numpy()
        try:
            watch = watch_makeup(flow[:first], None if mean is None else mean[:first], step_h=1.0)
        except InputError:
            continue  # too short a history of this plant
        _, leak = makeup_leak(watch, flow[first:], None if mean is None else mean[first:])
        times = clock.to_numpy()[first:][leak.last] + _HOUR
        named = leak.raised & (leak.leak_m3_h >= limits["least_m3_h"])
        edges = np.diff(named.astype(np.int8), prepend=0, append=0)
        spells = zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True)
        for begin, end in spells:
            yield _makeup_row(city, lifeline, str(plant), times, leak, (int(begin), int(end)))


def _makeup_row(
    city: City,
    lifeline: str,
    plant: str,
    times: np.ndarray,
    leak: Leak,
    spell: tuple[int, int],
) -> dict:
    begin, end = spell
    sensors = city.sensors
    own = (sensors["asset"] == plant) & (sensors["quantity"] == "makeup_flow")
    sensor = str(sensors.index[own][0])
    size, low, high = (
        float(each[end - 1]) for each in (leak.leak_m3_h, leak.low_m3_h, leak.high_m3_h)
    )
    return {
        "finding": f"heating.makeup_cusum:{sensor}:{pd.Timestamp(times[begin]):%Y%m%dT%H%M%S}",
        "lifeline": lifeline,
        "asset": plant,
        "sensor": sensor,
        "method": "cusum",
        "rule": "heating.makeup",
        "title_zh": _LEAK.zh,
        "title_en": _LEAK.en,
        "severity": SEVERITY[4],
        "level": 4,
        "value": size,
        "unit": "m3/h",
        "evidence_zh": f"估计泄漏 {size:.1f} m3/h（90% 区间 {low:.1f}–{high:.1f}）",
        "evidence_en": f"leak of about {size:.1f} m3/h (90 % within {low:.1f}-{high:.1f})",
        "source": _LEAK_SOURCE.en,
        "source_zh": _LEAK_SOURCE.zh,
        "since": times[begin],
        "until": times[end] if end < times.size else pd.NaT,
        "real_or_simulated": sensors["real_or_simulated"][sensor],
    }


HEATING = load_lifeline(Path(__file__).with_name("heating.toml"), diagnose)
