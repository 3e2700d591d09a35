"""Compute a report again from the city, and say which of its numbers differ."""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lifeline_kit.checkup.profile import city_profile
from lifeline_kit.errors import InputError
from lifeline_kit.io.ledger import Head, Snapshot
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import stamp
from lifeline_kit.pipeline import examination_version, examine
from lifeline_kit.reports.period import asked_moment, month
from lifeline_kit.reports.read_back import Reported, parse_report
from lifeline_kit.reports.write import report_files
from lifeline_kit.services.books import NONE, answered, book_up_to
from lifeline_kit.text import LANGS, Text

_STAMP = Text(
    "版本指纹不同：数据、规则、台账或程序已不是报告所用的；以下为按截止时刻重算的结果。",
    "the version stamp differs: data, rules, ledger or program are not those of the report; "
    "what follows was computed anew up to its moment.",
)
_PAGES = Text(
    "版本指纹或排版程序不同，未比对 PDF 页面绘制内容，只比对所附数值。",
    "stamp or layout program differ: the pages of the PDF were not compared, only the values "
    "attached to it.",
)


_BROKEN = Text("台账有问题：{problem}", "the ledger is not what it was: {problem}")
_PASSED_OVER = Text(
    "未打开台账：报告中取自台账的数字与响应得分无法核对。",
    "the ledger was passed over: numbers taken from it and scores of response cannot be confirmed.",
)
_MOST_PROBLEMS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One place where a report does not say what the city says; empty: it is not there."""

    q: str
    reported: str
    recomputed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of it.

    Attributes
    ----------
    n : int
        Values compared.
    differences : list of Difference
    notes : list of Text
    """

    n: int
    differences: list[Difference]
    notes: list[Text]


def book_behind(reported: Reported, city: City, asked: str | None = None) -> Snapshot | None:
    """Read the ledger up to the head that a report states; None where it rests on none.

    Parameters
    ----------
    reported : Reported
    city : City
    asked : str, optional
        A place, or `none` to pass over it; by default the city's own.

    Raises
    ------
    InputError
        Where the report's head is none.
    LedgerError
        Where there is no ledger to read.
    """
    said = reported.about.get("book", "")
    if not said or asked == NONE:
        return None
    try:
        head = Head.of(said)
    except ValueError as error:
        raise InputError(
            f"the report says that its ledger ends at {said[:80]!r}; expected a number and a hash."
        ) from error
    return book_up_to(city, head, asked)


def verify_report(
    reported: Reported,
    city: City,
    *,
    book: Snapshot | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Verdict:
    """Examine the city again up to the report's moment, write the report again, and compare.

    What is compared is what a reader sees: the text under each query id in HTML and DOCX, texts
    with digits under none, what each page of a PDF draws, and the attached or JSON values.

    Parameters
    ----------
    reported : Reported
    city : City
        With readings.
    book : Snapshot, optional
        Of `book_behind`; what it says of itself becomes a note, and its numbers are compared.
    progress : callable (stage, done, of), optional

    Raises
    ------
    InputError
        Where what the report says of itself makes no sense.
    CityError
        Where the city has no such district: it is another city's report.
    """
    about = reported.about
    try:
        moment = stamp(np.datetime64(about["at"], "ms"))
    except ValueError as error:
        raise InputError(f"the report's moment {about['at']!r} is no time.") from error
    lang = next((each for each in LANGS if each == about["lang"]), None)
    if lang is None or pd.isna(moment):
        raise InputError("the report does not say in which language and up to when it was made.")
    profile = city_profile(city)
    at = next(
        (
            each
            for each in (None, moment)
            if examination_version(city, each, profile) == about["version"].partition("+")[0]
        ),
        asked_moment(city, moment),
    )
    examination = answered(city, examine(city, at, progress=progress), book)
    again = parse_report(
        report_files(
            city,
            examination,
            lang=lang,
            district=about["district"] or None,
            period=month(about["period"], city.time_zone) if about["period"] else None,
            formats=[reported.form],
            book=book,
        )[reported.form]
    )
    stamped = examination.version == about["version"]
    drawn_alike = stamped and reported.producer == again.producer
    notes = [] if stamped else [_STAMP]
    notes += _on_ledger(reported, book)
    notes += [] if drawn_alike or reported.form != "pdf" else [_PAGES]
    return Verdict(
        n=len(again.shown),
        differences=differences(reported, again, stamped=stamped, pages=drawn_alike),
        notes=notes,
    )


def _on_ledger(reported: Reported, book: Snapshot | None) -> list[Text]:
    if book is not None:
        return [_BROKEN.format(problem=each) for each in book.problems[:_MOST_PROBLEMS]]
    return [_PASSED_OVER] if reported.about.get("book") else []


def differences(
    reported: Reported, again: Reported, *, stamped: bool = True, pages: bool = True
) -> list[Difference]:
    """Compare two readings of a report: text as it stands, numbers to nine digits.

    Parameters
    ----------
    reported, again : Reported
    stamped : bool
        Both carry the same version stamp; otherwise it is passed over.
    pages : bool
        Whether what the pages of a PDF draw is compared.
    """
    found = []
    for q in dict.fromkeys([*again.shown, *reported.shown]):
        if (not stamped and q == "version") or (not pages and q.startswith("pages[")):
            continue
        here, there = reported.shown.get(q), again.shown.get(q)
        if not _same(here, there, known=q in reported.shown and q in again.shown):
            found.append(Difference(q=q, reported=_said(here), recomputed=_said(there)))
    gone, new = again.loose - reported.loose, reported.loose - again.loose
    found += [Difference(q="", reported="", recomputed=text) for text in gone]
    found += [Difference(q="", reported=text, recomputed="") for text in new]
    if reported.attached and again.attached:
        found += _attachments(reported, again) if stamped else []
    return found


def _same(here: object, there: object, *, known: bool) -> bool:
    if not known:
        return False
    if isinstance(here, list) and isinstance(there, list):
        return Counter(map(str, here)) == Counter(map(str, there))
    numbers = (int, float)
    if isinstance(here, numbers) and isinstance(there, numbers) and type(here) is not bool:
        return math.isclose(here, there, rel_tol=1e-9, abs_tol=1e-12)
    return here == there


def _said(value: object) -> str:
    return " | ".join(map(str, value)) if isinstance(value, list) else str(value or "")


def _attachments(reported: Reported, again: Reported) -> list[Difference]:
    """Attached files that are not the ones the city gives."""
    return [
        Difference(q=f"attachment {name}", reported="changed" if name in reported.attached else "",
                   recomputed=f"{len(content):,} bytes")
        for name, content in again.attached.items()
        if reported.attached.get(name) != content
    ]  # fmt: skip
