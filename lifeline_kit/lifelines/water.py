"""Water supply: declared in `water.toml`; rules, and one joint residual of water quality.

Where several quality channels of one place share a clock, their distance from their own past is
judged together, worst channel first: contamination shows in one of them before any limit is
crossed.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.methods.residuals import causal_residual, residual_episodes
from lifeline_kit.methods.rules import SEVERITY, apply_rules
from lifeline_kit.model.city import City
from lifeline_kit.model.lifeline import Lifeline, load_lifeline
from lifeline_kit.model.readings import UNUSABLE, is_ragged, nodes
from lifeline_kit.model.tables import FINDING_COLUMNS, join_findings, table
from lifeline_kit.text import Text

QUALITY = ("chlorine", "ph", "redox", "conductivity", "turbidity")
_AT_LEAST = 3  # quantities that must be measured together before they are judged together
_TITLE = Text("水质异常（多参数）", "Unusual water quality (several parameters)")
_SOURCE = Text(
    "多通道因果残差；参数依 GECCO 2018 前半段设定",
    "causal residual of several channels; settings fixed on GECCO 2018, first half",
)


def diagnose(lifeline: Lifeline, city: City, at: pd.Timestamp) -> pd.DataFrame:
    """Apply the rules; judge the quality channels of each place together."""
    rows = list(_quality_rows(city, lifeline.key, at.to_datetime64()))
    return join_findings(
        [
            apply_rules(city, lifeline.key, lifeline.rules, at),
            table(rows, FINDING_COLUMNS, "finding"),
        ]
    )


def quality_channels(
    city: City, lifeline: str, at: np.datetime64
) -> Iterator[tuple[str, np.ndarray, list[str], np.ndarray]]:
    """Yield asset, time (time,), sensors and values (channel, time) of joint quality channels."""
    sensors = city.sensors
    wanted = sensors[(sensors["lifeline"] == lifeline) & sensors["quantity"].isin(QUALITY)]
    for asset, own in wanted.groupby("asset"):
        if own["quantity"].nunique() < _AT_LEAST:
            continue
        frames = []
        for quantity in QUALITY:
            for _, node in nodes(city.readings, quantity):
                here = np.isin(node["sensor"].to_numpy(), own.index.to_numpy())
                if is_ragged(node) or not here.any():
                    continue
                part = node.isel(sensor=here).sel(time=node["time"] <= at)
                good = (part["tests"].to_numpy() & UNUSABLE) == 0
                values = np.where(good, part["value"].to_numpy(), np.nan)
                frames.append(
                    pd.DataFrame(
                        values.T, index=part["time"].to_numpy(), columns=part["sensor"].to_numpy()
                    )
                )
        if frames:
            joined = pd.concat(frames, axis=1).sort_index()
            yield str(asset), joined.index.to_numpy(), list(joined.columns), joined.to_numpy().T


def _quality_rows(city: City, lifeline: str, at: np.datetime64) -> Iterator[dict]:
    for asset, time, channels, values in quality_channels(city, lifeline, at):
        residual = causal_residual(time, values)
        for episode in residual_episodes(time, residual).to_dict("records"):
            sensor = channels[int(episode["channel"])]
            entry = city.sensors.loc[sensor]
            peak = f"{city.local(episode['peak_time']):%m-%d %H:%M}"
            yield {
                "finding": f"water.quality:{asset}:{episode['start']:%Y%m%dT%H%M%S}",
                "lifeline": lifeline,
                "asset": asset,
                "sensor": sensor,
                "method": "causal_residual",
                "rule": "water.quality",
                "title_zh": _TITLE.zh,
                "title_en": _TITLE.en,
                "severity": SEVERITY[3],
                "level": 3,
                "value": episode["peak"],
                "unit": "sigma",
                "evidence_zh": f"偏离自身常值 {episode['peak']:.0f} σ({peak})，首要通道 {sensor}",
                "evidence_en": (
                    f"{episode['peak']:.0f} σ away from its past ({peak}), worst channel {sensor}"
                ),
                "source": _SOURCE.en,
                "source_zh": _SOURCE.zh,
                "since": episode["known"],
                "until": episode["end"],
                "real_or_simulated": entry["real_or_simulated"],
            }


WATER = load_lifeline(Path(__file__).with_suffix(".toml"), diagnose)
