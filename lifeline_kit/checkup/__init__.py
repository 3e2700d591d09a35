"""Indicators to scores, wear and findings to risk."""

from lifeline_kit.checkup.risk import assess_risk
from lifeline_kit.checkup.scores import score_city

__all__ = ["assess_risk", "score_city"]
