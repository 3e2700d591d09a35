"""Gas: declared in `gas.toml`; methane episodes are told apart by how much they fluctuate.

Field experience over half a year of manhole series (Huang Ping et al. 2019, Journal of Safety and
Environment 19, 211-217): a leak shows high methane with violent fluctuation, biogas a low and
stable one. The probability stated here is an expert logistic curve on that fluctuation, not
fitted to any data.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.methods.ambient import methane_episodes
from lifeline_kit.methods.rules import SEVERITY, apply_rules
from lifeline_kit.model.city import City
from lifeline_kit.model.lifeline import Lifeline, load_lifeline
from lifeline_kit.model.readings import flatten, nodes, series
from lifeline_kit.model.tables import FINDING_COLUMNS, join_findings, table
from lifeline_kit.text import Text

_WINDOW = np.timedelta64(24, "h")
_HALF_FLUCTUATION = 0.12  # fluctuation at which leak and biogas are equally likely, expert
_SLOPE = 0.03
_LEAK = Text(
    "地下空间甲烷超限：波动，疑似燃气泄漏", "Methane underground: fluctuating, gas leak suspected"
)
_BIOGAS = Text("地下空间甲烷超限：平稳，疑似沼气", "Methane underground: steady, biogas suspected")
_AMBIENT = Text("环境甲烷升高", "Methane above background")
_AMBIENT_SOURCE = Text(
    "滚动背景上的剂量报警；参数依 METEC 前几周设定",
    "leaky dose above a rolling background; settings fixed on METEC, first weeks",
)


def diagnose(lifeline: Lifeline, city: City, at: pd.Timestamp) -> pd.DataFrame:
    """Apply the rules, characterise methane episodes, watch ambient methane."""
    found = apply_rules(city, lifeline.key, lifeline.rules, at)
    return join_findings([characterised(found, city), ambient_findings(city, lifeline.key, at)])


def fluctuation(time: np.ndarray, value: np.ndarray) -> float:
    """Median absolute step between hourly medians over their mean, dimensionless.

    Parameters
    ----------
    time : datetime64 array, (obs,)
    value : array, (obs,) [%VOL]

    Returns
    -------
    float
        NaN with fewer than four hours.
    """
    hour = time.astype("datetime64[h]")
    _, first = np.unique(hour, return_index=True)
    medians = np.array([np.median(part) for part in np.split(value.astype(float), first[1:])])
    if medians.size < 4 or medians.mean() <= 0:
        return np.nan
    return float(np.median(np.abs(np.diff(medians))) / medians.mean())


def characterised(found: pd.DataFrame, city: City) -> pd.DataFrame:
    """Say of each methane finding how likely it is a gas leak, from its fluctuation so far."""
    found = found.copy()
    for finding in found.index[found["rule"] == "gas.methane"]:
        row = found.loc[finding]
        node = next(
            node
            for _, node in nodes(city.readings, "methane")
            if row["sensor"] in node["sensor"].to_numpy()
        )
        own = series(node, row["sensor"])
        since = row["since"].to_datetime64()
        until = row["until"].to_datetime64() if pd.notna(row["until"]) else own.time[-1]
        window = (own.time >= since - _WINDOW) & (own.time <= min(since + _WINDOW, until))
        high = window & (own.value >= 0.5 * row["limit"])
        index = fluctuation(own.time[high], own.value[high])
        if np.isnan(index):
            continue
        probability = 1.0 / (1.0 + np.exp(-(index - _HALF_FLUCTUATION) / _SLOPE))
        title = _LEAK if probability >= 0.5 else _BIOGAS
        found.loc[finding, ["title_zh", "title_en"]] = [title.zh, title.en]
        found.loc[finding, "probability"] = probability
        found.loc[finding, "evidence_zh"] += f"；小时波动 {index:.2f}（专家曲线，未经拟合）"
        found.loc[finding, "evidence_en"] += (
            f"; hourly fluctuation {index:.2f} (expert curve, not fitted)"
        )
    return found


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


GAS = load_lifeline(Path(__file__).with_name("gas.toml"), diagnose)
