"""The result of one examination of a city."""

from dataclasses import dataclass, field

import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """Everything the pipeline found out about a city up to one moment.

    Attributes
    ----------
    at : Timestamp
        UTC, without zone; nothing later was read.
    since : Timestamp
        First reading considered.
    findings, cases, warnings, scores, risk, health : DataFrame
        Shapes of `lifeline_kit.model.tables`; `risk` is indexed by asset, `health` by sensor.
    flags : DataFrame
        Readings that did not pass: `sensor`, `time`, `value`, `flag`, `tests`.
    version : str
        Stamp of code, rules and data; equal stamps mean equal results.
    seconds : mapping of stage to CPU seconds
    """

    at: pd.Timestamp
    since: pd.Timestamp
    findings: pd.DataFrame
    cases: pd.DataFrame
    warnings: pd.DataFrame
    scores: pd.DataFrame
    risk: pd.DataFrame
    health: pd.DataFrame
    flags: pd.DataFrame
    version: str
    seconds: dict[str, float] = field(default_factory=dict)

    def past(self, weighting: str = "") -> "Past":
        """Return what a later examination compares itself with."""
        return Past(
            at=self.at,
            risk=self.risk,
            scores=self.scores,
            version=self.version,
            weighting=weighting,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What is kept of an earlier examination.

    Attributes
    ----------
    at : Timestamp
        UTC, without zone.
    risk, scores : DataFrame
        Shapes of `lifeline_kit.model.tables`.
    version : str
    weighting : str
        Fingerprint of the weights behind the scores; empty where nobody noted it.
    """

    at: pd.Timestamp
    risk: pd.DataFrame
    scores: pd.DataFrame
    version: str = ""
    weighting: str = ""
