"""Lists of indicators: the yearly check-up and the daily dynamic one, read from a template."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.errors import RulesError
from lifeline_kit.text import Text

_TEXTS = ("zh", "en", "needs")
_NOT_IN_CITY = Text("资料中没有", "the city's data do not tell")


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """One indicator.

    Attributes
    ----------
    at_most, at_least : float or None [unit]
        Target; None: the value is shown and not judged.
    tag : {'S', 'U', 'P'}
        Seen in a source, remembered, or proposed.
    needs : Text or None
        What the value waits for where it is unknown.
    """

    key: str
    title: Text
    unit: str
    source: str
    tag: str
    at_most: float | None = None
    at_least: float | None = None
    verified: bool = False
    needs: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A list of indicators for a day or a year.

    Attributes
    ----------
    basic_indicators : int
        How many the full system has, of which those listed concern lifelines; 0: no such system.
    """

    key: str
    title: Text
    period: str
    version: str
    source: str
    basic_indicators: int
    indicators: tuple[Indicator, ...]


def load_template(key: str, path: Path | None = None) -> Template:
    """Read a template, by default one of those shipped: `annual` or `daily`.

    Raises
    ------
    RulesError
        Where the file has no such template, or an entry is not of the expected form.
    """
    path = path or Path(__file__).with_name("templates.toml")
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        known = [name for name, part in data.items() if isinstance(part, dict)]
        if key not in known:
            raise RulesError(f"{path.name}: no template {key!r}; expected {', '.join(known)}.")
        part = data[key]
        indicators = tuple(
            Indicator(
                title=Text(entry["zh"], entry["en"]),
                needs=Text(**entry["needs"]) if "needs" in entry else None,
                **{name: value for name, value in entry.items() if name not in _TEXTS},
            )
            for entry in part["indicators"]
        )
        template = Template(
            key=key,
            title=Text(part["zh"], part["en"]),
            period=part["period"],
            version=str(data["version"]),
            source=part["source"],
            basic_indicators=int(part.get("basic_indicators", 0)),
            indicators=indicators,
        )
    except (OSError, KeyError, TypeError, tomllib.TOMLDecodeError) as error:
        raise RulesError(
            f"{path.name}: {error} is missing or not of the expected form; compare with the "
            "shipped templates."
        ) from error
    keys = [each.key for each in indicators]
    if len(set(keys)) < len(keys):
        raise RulesError(f"{path.name}: an indicator of {key!r} stands twice; expected each once.")
    return template


def filled(template: Template, values: Mapping[str, float]) -> pd.DataFrame:
    """Put values into a template and compare them with the targets.

    Parameters
    ----------
    template : Template
    values : mapping of indicator to float
        In the unit of the template; what is not given is unknown, not zero.

    Returns
    -------
    DataFrame, index `indicator`
        `title_zh`, `title_en`, `unit`, `value` (NaN unknown), `target` (NaN without), `met`
        (`yes`, `no`, or empty where unknown or without target), `source`, `tag`, `verified`,
        `needs_zh`, `needs_en` (what a blank waits for; empty where the value is known).

    Raises
    ------
    RulesError
        Where a value is given for what the template does not list.
    """
    keys = [each.key for each in template.indicators]
    stray = [key for key in values if key not in keys]
    if stray:
        raise RulesError(
            f"{stray[0]!r} is no indicator of {template.key!r}; expected {', '.join(keys)}."
        )
    rows = [_row(each, float(values.get(each.key, np.nan))) for each in template.indicators]
    return pd.DataFrame(rows, index=pd.Index(keys, name="indicator"))


def _row(indicator: Indicator, value: float) -> dict:
    met = ""
    if np.isfinite(value) and indicator.at_most is not None:
        met = "yes" if value <= indicator.at_most else "no"
    elif np.isfinite(value) and indicator.at_least is not None:
        met = "yes" if value >= indicator.at_least else "no"
    target = indicator.at_most if indicator.at_most is not None else indicator.at_least
    needs = Text("", "") if np.isfinite(value) else indicator.needs or _NOT_IN_CITY
    return {
        "title_zh": indicator.title.zh,
        "title_en": indicator.title.en,
        "unit": indicator.unit,
        "value": value,
        "target": np.nan if target is None else target,
        "met": met,
        "source": indicator.source,
        "tag": indicator.tag,
        "verified": indicator.verified,
        "needs_zh": needs.zh,
        "needs_en": needs.en,
    }


def known_values(
    template: Template,
    assets: pd.DataFrame,
    risk: pd.DataFrame,
    scores: pd.DataFrame,
    warnings: pd.DataFrame,
    health: pd.DataFrame,
    *,
    coverage: pd.DataFrame | None = None,
    outcomes: pd.DataFrame | None = None,
) -> dict[str, float]:
    """Values of those indicators of a template that an examination alone can tell.

    Parameters
    ----------
    template : Template
    assets, risk, scores, warnings, health : DataFrame
        Of the city and its examination.
    coverage : DataFrame, optional
        Of `coverage.risk_coverage`.
    outcomes : DataFrame, optional
        Of `response.task_outcomes`.

    Returns
    -------
    dict
        Indicator to value, in the units of `templates.toml`; only those that are known.
    """
    level = risk["level"].reindex(assets.index).fillna(0)
    high = level.isin([1, 2])
    found = {
        "high_risk_assets": float(high.sum()),
        "open_warnings": float((warnings["state"] == "open").sum()),
        "open_red": float(((warnings["state"] == "open") & (warnings["level"] == 1)).sum()),
    }
    pipes = assets["kind"] == "pipe"
    if "length_m" in assets and pipes.any():
        km = assets["length_m"].astype(float).where(pipes).fillna(0.0) / 1000.0
        found["high_risk_km"] = float(km[high].sum())
        found["high_risk_share"] = 100.0 * float(km[high].sum() / km.sum())
    if len(health):
        found["online_rate"] = 100.0 * float(health["online"].mean())
        found["completeness"] = 100.0 * float(health["completeness"].mean())
    total = scores[(scores["indicator"] == "total") & scores["score"].notna()]
    city = total[total["scope"] == "city"]
    if len(city):
        found["city_score"] = float(city["score"].iloc[0])
    if coverage is not None and ("", 12) in coverage.index:
        found["risk_coverage"] = 100.0 * float(coverage.loc[("", 12), "share"])
    if outcomes is not None and len(outcomes):
        found["on_time_share"] = 100.0 * float(outcomes["on_time"].mean())
    listed = [each.key for each in template.indicators]
    return {key: value for key, value in found.items() if key in listed and np.isfinite(value)}
