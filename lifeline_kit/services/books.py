"""The ledger that a report rests on: found, read up to a head, and let into the scores."""

from pathlib import Path

import numpy as np

from lifeline_kit.early_warning.answered import tasks_of
from lifeline_kit.early_warning.duty import load_duty
from lifeline_kit.errors import LedgerError
from lifeline_kit.io.ledger import COPY, FILE, Head, Ledger, Snapshot, read_snapshot
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.pipeline import rescored
from lifeline_kit.services.desk import ledger_place

NONE = "none"


def place_of(city: City, asked: str | None = None) -> str | Path | None:
    """Return where the ledger of a city is; None where it has none or none is wanted.

    Parameters
    ----------
    city : City
    asked : str, optional
        A file, an address of PostgreSQL, or `none`; by default the city's own where it has one.
    """
    if asked:
        return None if asked == NONE else asked
    if city.path is None or not any((city.path / name).exists() for name in (FILE, COPY)):
        return None
    return ledger_place(city)


def book_until(city: City, until: np.datetime64, asked: str | None = None) -> Snapshot | None:
    """Read a city's ledger up to a moment (UTC); None where it has none.

    Raises
    ------
    LedgerError
        Where the one that was named is not there or cannot be opened.
    """
    place = place_of(city, asked)
    if place is None:
        return None
    with Ledger.open(place) as ledger:
        return read_snapshot(ledger, until=until)


def book_up_to(city: City, head: Head, asked: str | None = None) -> Snapshot:
    """Read a city's ledger up to a head that a report states; `problems` says what is wrong.

    Raises
    ------
    LedgerError
        Where there is no ledger.
    """
    place = place_of(city, asked)
    if place is None:
        raise LedgerError(
            f"the report rests on {head.seq:,} events of a ledger, and the city has none; name it "
            "with --ledger PLACE, or pass over what rests on it with --ledger none."
        )
    with Ledger.open(place) as ledger:
        return read_snapshot(ledger, head=head)


def answered(city: City, examination: Examination, book: Snapshot | None) -> Examination:
    """Score an examination again with how its warnings were answered; itself without a ledger."""
    if book is None:
        return examination
    tasks = tasks_of(book.items["warning"], examination.warnings, examination.findings, load_duty())
    return rescored(city, examination, tasks)
