"""`lifeline verify`."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from lifeline_kit.cli.console import MISSED, OK, bar, err, out
from lifeline_kit.errors import InputError
from lifeline_kit.io.live import recent_city

if TYPE_CHECKING:
    from lifeline_kit.reports.read_back import Reported

_SHOWN = 30


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    verify = commands.add_parser(
        "verify", help="compute a report's numbers again from the city; exit 1 where one differs"
    )
    verify.add_argument("report", type=Path, help="html, json, pdf or docx of lifeline checkup")
    verify.add_argument("--city", type=Path, help="city folder")
    verify.add_argument(
        "--ledger", metavar="PLACE", help="ledger of the report, or none (default: the city's own)"
    )
    verify.add_argument(
        "--attachments", type=Path, metavar="DIR", help="take the attached files out"
    )
    verify.set_defaults(command=_verify)


def _verify(options: argparse.Namespace) -> int:
    from lifeline_kit.reports.read_back import read_report

    reported = read_report(options.report)
    if options.attachments:
        _take_out(reported, options.attachments)
        if not options.city:
            return OK
    if not options.city:
        raise InputError("expected --city DIR to compute from, or --attachments DIR.")
    city = recent_city(options.city)
    with bar() as advance:
        from lifeline_kit.reports.verify import book_behind, verify_report

        book = book_behind(reported, city, options.ledger)
        verdict = verify_report(reported, city, book=book, progress=advance)
    for note in verdict.notes:
        err.print(escape(note.en), highlight=False, soft_wrap=True)
    if not verdict.differences:
        out.print(f"{verdict.n:,} values computed again, none differs.", highlight=False)
        return OK
    table = Table("query id", "report", "computed again")
    for each in verdict.differences[:_SHOWN]:
        table.add_row(*(escape(text[:200]) for text in (each.q, each.reported, each.recomputed)))
    out.print(table)
    n = len(verdict.differences)
    out.print(f"{n:,} of {verdict.n:,} values differ, {min(n, _SHOWN)} shown.", highlight=False)
    return MISSED


def _take_out(reported: "Reported", folder: Path) -> None:
    if not reported.attached:
        raise InputError(f"the {reported.form} carries no attachments; pdf, docx and html do.")
    for name, content in reported.attached.items():
        file = folder / Path(name).name  # a name from the file never leads out of the folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        except OSError as error:
            raise InputError(f"cannot write {file}: {error.strerror or error}.") from error
        out.print(str(file), soft_wrap=True, highlight=False)
