"""District heating: declared in `heating.toml`, diagnosed by its rules."""

from pathlib import Path

from lifeline_kit.methods.rules import diagnose_by_rules
from lifeline_kit.model.lifeline import load_lifeline

HEATING = load_lifeline(Path(__file__).with_name("heating.toml"), diagnose_by_rules)
