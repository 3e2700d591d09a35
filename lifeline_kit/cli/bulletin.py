"""`lifeline bulletin`: shift handover, daily, weekly and monthly bulletin out of the ledger."""

import argparse
from pathlib import Path
from typing import cast

from lifeline_kit.cli.console import OK, out
from lifeline_kit.cli.ledger import address, where
from lifeline_kit.cli.moments import moment, now
from lifeline_kit.errors import InputError
from lifeline_kit.model.readings import stamp
from lifeline_kit.text import LANGS, Lang


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    bulletin = commands.add_parser("bulletin", help="handover, daily, weekly, monthly bulletin")
    where(bulletin)
    bulletin.add_argument("--kind", default="shift", help="shift, day, week or month")
    bulletin.add_argument("--at", metavar="TIME", help="end of the period, UTC (now)")
    bulletin.add_argument("--duty", type=Path, metavar="FILE.toml")
    bulletin.add_argument("--lang", default="zh", help="zh or en")
    bulletin.add_argument("--out", type=Path, required=True, help="an HTML file")
    bulletin.set_defaults(command=_bulletin)


def _bulletin(options: argparse.Namespace) -> int:
    from lifeline_kit.early_warning.duty import load_duty
    from lifeline_kit.io.examinations import open_examination
    from lifeline_kit.io.ledger import Ledger
    from lifeline_kit.model.city import City
    from lifeline_kit.reports.bulletin import bulletin_html, compose_bulletin

    if options.city is None:
        raise InputError("expected --city DIR: names of places stand there.")
    if options.lang not in LANGS:
        raise InputError(f"--lang {options.lang!r} is not known; expected {', '.join(LANGS)}.")
    lang, at = cast("Lang", options.lang), moment(options.at, "--at")
    city = City.open(options.city, readings=False)
    examination = open_examination(city)
    with Ledger.open(address(options)) as ledger:
        bulletin = compose_bulletin(
            city, ledger, load_duty(options.duty), kind=options.kind,
            at=stamp(now() if at is None else at), lang=lang,
            health=None if examination is None else examination.health,
        )  # fmt: skip
    try:
        options.out.write_text(bulletin_html(bulletin, lang), encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {options.out}: {error.strerror or error}.") from error
    out.print(str(options.out), soft_wrap=True, highlight=False)
    return OK
