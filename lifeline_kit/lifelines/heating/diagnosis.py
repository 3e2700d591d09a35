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
from lifeline_kit.lifelines.heating.cases import heating_cases
from lifeline_kit.lifelines.heating.hourly import city_meters, reference_hours
from lifeline_kit.lifelines.heating.makeup import Leak
from lifeline_kit.lifelines.heating.plants import plant_makeup
from lifeline_kit.lifelines.heating.substations import (
    FAULTS,
    finder,
    judge_substations,
    own_faults,
    substation_faults,
)
from lifeline_kit.lifelines.heating.supply import network_findings
from lifeline_kit.methods.rules import SEVERITY, apply_rules, utc_offset
from lifeline_kit.model.city import City
from lifeline_kit.model.lifeline import Lifeline, load_lifeline
from lifeline_kit.model.tables import FINDING_COLUMNS, join_findings, table
from lifeline_kit.text import Text

_LEAK = Text("补水量持续偏高（疑似泄漏）", "Make-up raised for hours (leak suspected)")
_LEAK_SOURCE = Text("补水量累积和（扣除膨胀），项目默认值", "CUSUM of make-up; project default")


def diagnose(lifeline: Lifeline, city: City, at: pd.Timestamp) -> pd.DataFrame:
    """Apply the rules; judge substations, make-up and what the network's data lack."""
    moment = at.to_datetime64()
    return join_findings(
        [
            apply_rules(city, lifeline.key, lifeline.rules, at),
            table(substation_rows(city, lifeline.key, moment), FINDING_COLUMNS, "finding"),
            table(makeup_rows(city, lifeline.key, moment), FINDING_COLUMNS, "finding"),
            network_findings(city, at),
        ]
    )


def substation_rows(city: City, lifeline: str, at: np.datetime64) -> Iterator[dict]:
    """Yield a finding per faulty substation and spell."""
    found = city_meters(city, lifeline, at)
    if found is None:
        return
    meters, names = found
    reference = reference_hours(meters.time)
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
    for own in plant_makeup(city, lifeline, at):
        if own.leak is None:
            continue
        edges = np.diff(own.named.astype(np.int8), prepend=0, append=0)
        spells = zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True)
        for begin, end in spells:
            spell = (int(begin), int(end))
            yield _makeup_row(city, lifeline, own.plant, own.times, own.leak, spell)


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


HEATING = load_lifeline(Path(__file__).with_name("heating.toml"), diagnose, heating_cases)
