"""Gas: declared in `gas.toml`; methane episodes are triaged into leak, biogas or faulty terminal.

The probability of a methane finding is that of a leak, by `triage`: models compared by likelihood,
calibrated on simulated series, not on field data.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.errors import ReadingsError
from lifeline_kit.lifelines.gas.cases import gas_cases
from lifeline_kit.lifelines.gas.leaks import balance_findings
from lifeline_kit.lifelines.gas.network_case import network_case
from lifeline_kit.lifelines.gas.network_data import data_findings, marked
from lifeline_kit.lifelines.gas.terminals import misplaced_terminals, rise_findings
from lifeline_kit.lifelines.gas.triage import Triage
from lifeline_kit.lifelines.gas.triage_city import triage_city
from lifeline_kit.methods.ambient import methane_episodes
from lifeline_kit.methods.rules import SEVERITY, apply_rules
from lifeline_kit.model.city import City
from lifeline_kit.model.lifeline import Lifeline, load_lifeline
from lifeline_kit.model.readings import flatten, nodes
from lifeline_kit.model.tables import CASE_COLUMNS, FINDING_COLUMNS, join_findings, joined, table
from lifeline_kit.text import Text

_LEAK = Text("地下空间甲烷超限：疑似燃气泄漏", "Methane underground: gas leak suspected")
_BIOGAS = Text("地下空间甲烷超限：疑似沼气", "Methane underground: biogas suspected")
_SENSOR = Text(
    "地下空间甲烷超限：探头存疑，须现场核实",
    "Methane underground: terminal in doubt, verify on site",
)
_OUTSIDE = Text(
    "地下空间甲烷超限：无法判别，须现场检测", "Methane underground: undecided, measure on site"
)
_AMBIENT = Text("环境甲烷升高", "Methane above background")
_AMBIENT_SOURCE = Text(
    "滚动背景上的剂量报警；参数依 METEC 前几周设定",
    "leaky dose above a rolling background; settings fixed on METEC, first weeks",
)


def diagnose(lifeline: Lifeline, city: City, at: pd.Timestamp) -> pd.DataFrame:
    """Apply the rules, judge methane episodes and rises, and question data and terminals."""
    found = apply_rules(city, lifeline.key, lifeline.rules, at)
    joint = join_findings(
        [
            characterised(found, city, at),
            rise_findings(city, at),
            ambient_findings(city, lifeline.key, at),
            misplaced_terminals(city.assets, city.sensors, at),
            data_findings(city, at),
            balance_findings(city, at),
        ]
    )
    return marked(joint, city, at)


def characterised(found: pd.DataFrame, city: City, at: pd.Timestamp) -> pd.DataFrame:
    """Say of each methane finding how likely it is a gas leak, and why, from its readings so far.

    Where the series lies outside the range of the models, the finding says so and states no
    probability.
    """
    found = found.copy()
    for finding in found.index[found["rule"] == "gas.methane"]:
        row = found.loc[finding]
        until = min(row["until"], at) if pd.notna(row["until"]) else at
        try:
            judged = triage_city(city, str(row["asset"]), until, sensor=str(row["sensor"]))
        except ReadingsError:  # too few readings: the limit stands by itself
            continue
        title = _title(judged)
        found.loc[finding, ["title_zh", "title_en"]] = [title.zh, title.en]
        found.loc[finding, "probability"] = np.nan if judged.outside else judged.leak
        for lang, mark in (("zh", "；"), ("en", "; ")):
            said = mark.join(reason(lang) for reason in judged.reasons)
            found.loc[finding, f"evidence_{lang}"] += mark + _shares(judged)(lang) + mark + said
    return found


def _title(judged: Triage) -> Text:
    if judged.outside:
        return _OUTSIDE
    if judged.leak >= max(judged.biogas, judged.sensor):
        return _LEAK
    return _BIOGAS if judged.biogas >= judged.sensor else _SENSOR


def _shares(judged: Triage) -> Text:
    return Text(
        "泄漏 {leak:.0%}、沼气 {biogas:.0%}、探头 {sensor:.0%}（依模拟序列校准）",
        "leak {leak:.0%}, biogas {biogas:.0%}, terminal {sensor:.0%} (calibrated on simulation)",
    ).format(leak=judged.leak, biogas=judged.biogas, sensor=judged.sensor)


def ambient_findings(city: City, lifeline: str, at: pd.Timestamp) -> pd.DataFrame:
    """Find releases in series of methane above background (fence-line analysers)."""
    rows = []
    for _, node in nodes(city.readings, "methane_enhancement"):
        flat = flatten(node)
        for i, sensor in enumerate(flat.sensors):
            own = slice(flat.starts[i], flat.starts[i + 1])
            time, value = flat.time[own], flat.value[own]
            seen = time <= at.to_datetime64()
            entry = city.sensors.loc[sensor]
            for episode in methane_episodes(time[seen], value[seen]).to_dict("records"):
                when = f"{city.local(episode['peak_time']):%m-%d %H:%M}"
                peak = episode["peak"]
                rows.append(
                    {
                        "finding": f"gas.ambient:{sensor}:{episode['start']:%Y%m%dT%H%M%S}",
                        "lifeline": lifeline,
                        "asset": entry["asset"],
                        "sensor": sensor,
                        "method": "leaky dose",
                        "rule": "gas.ambient",
                        "title_zh": _AMBIENT.zh,
                        "title_en": _AMBIENT.en,
                        "severity": SEVERITY[3],
                        "level": 3,
                        "value": peak,
                        "unit": "ppm",
                        "evidence_zh": f"峰值 {peak:.1f} ppm({when})",
                        "evidence_en": f"peak {peak:.1f} ppm ({when})",
                        "source": _AMBIENT_SOURCE.en,
                        "source_zh": _AMBIENT_SOURCE.zh,
                        "since": episode["start"],
                        "until": episode["end"],
                        "real_or_simulated": entry["real_or_simulated"],
                    }
                )
    return table(rows, FINDING_COLUMNS, "finding")


def judge(city: City, findings: pd.DataFrame, at: pd.Timestamp) -> pd.DataFrame:
    """Gather the open methane cases, and what there is to show of the network."""
    parts = [gas_cases(city, findings, at), network_case(city, at)]
    return joined(parts, CASE_COLUMNS, "case")


GAS = load_lifeline(Path(__file__).with_name("gas.toml"), diagnose, judge)
