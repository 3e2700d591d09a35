"""`lifeline rules`: the rules in force, with limits, sources and what a centre changed."""

import argparse
from pathlib import Path
from typing import cast

from lifeline_kit.cli.console import OK, out
from lifeline_kit.errors import InputError
from lifeline_kit.text import LANGS, Lang


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    rules = commands.add_parser("rules", help="rules in force: limits, sources, own changes")
    rules.add_argument("--city", type=Path, metavar="DIR", help="with the rules.toml of the city")
    rules.add_argument("--lang", default="zh", help="zh or en")
    rules.set_defaults(command=_rules)


def _rules(options: argparse.Namespace) -> int:
    from lifeline_kit.checkup.devices import shares
    from lifeline_kit.early_warning.own_rules import OwnRules, with_rules
    from lifeline_kit.lifelines import ALL
    from lifeline_kit.model.city import City
    from lifeline_kit.pipeline import own_rules
    from lifeline_kit.reports.rule_list import device_lines, rule_lines

    if options.lang not in LANGS:
        raise InputError(f"--lang {options.lang!r} is not known; expected {', '.join(LANGS)}.")
    own = OwnRules(rules={each.key: each.rules for each in ALL})
    if options.city is not None:
        own = own_rules(City.open(options.city, readings=False))
    shipped = frozenset(rule.key for each in ALL for rule in each.rules)
    lang = cast("Lang", options.lang)
    listed = rule_lines(with_rules(ALL, own), own, lang, shipped=shipped)
    for line in (*listed, *device_lines(shares(), lang)):
        out.print(line, highlight=False, markup=False, soft_wrap=True)
    return OK
