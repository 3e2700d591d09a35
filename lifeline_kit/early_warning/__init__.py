"""Findings to graded warnings."""

from lifeline_kit.early_warning.grading import raise_warnings

__all__ = ["raise_warnings"]
