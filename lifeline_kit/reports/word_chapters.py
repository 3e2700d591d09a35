"""The chapters of the Word report, in the order of the page."""

from collections.abc import Sequence
from typing import Any

from lifeline_kit.charts.theme import RISK
from lifeline_kit.checkup.whole import DIMENSIONS, RESPONSE
from lifeline_kit.methods.rules import LEVEL_NAMES
from lifeline_kit.reports.drawings import Drawings
from lifeline_kit.reports.figures import Figure
from lifeline_kit.reports.ooxml import Cell, Column, Look, Piece, Shown, number, share
from lifeline_kit.reports.word_ledger import (
    write_actions,
    write_audit,
    write_duties,
    write_hazards,
    write_ledger,
)
from lifeline_kit.reports.word_parts import write_cases, write_heating, write_network
from lifeline_kit.reports.word_writer import Writer

_LEVELS = ("1", "2", "3", "4")
_BIG = Look(bold=True, size=36)


def write_chapters(writer: Writer, report: Figure, drawings: Drawings) -> None:
    """Write cover, contents, conclusion, chapters and appendices."""
    _cover(writer, report)
    anchor = _contents_page(writer)
    _conclusion(writer, report, drawings)
    _inventory(writer, report)
    _warnings(writer, report)
    write_ledger(writer, report.ledger)
    for chapter in report.chapters:
        _chapter(writer, chapter, drawings)
    if report.coupling:
        writer.heading(writer.w["coupling"])
        _coupling(writer, report)
    if report.districts:
        writer.heading(writer.w["districts"])
        _districts(writer, report)
    if report.ledger:
        write_hazards(writer, report.ledger)
        write_duties(writer, report.ledger)
    _appendices(writer, report)
    writer.contents(anchor)


def columns(*parts: tuple[str, float] | tuple[str, float, bool]) -> list[Column]:
    """Columns of (title, width) or (title, width, right)."""
    return [Column(title=part[0], width=part[1], right=len(part) > 2) for part in parts]


def _cover(writer: Writer, report: Figure) -> None:
    w = writer.w
    for _ in range(5):
        writer.say("")
    origin = w["simulated"] if report.origin == "simulated" else w["real"]
    writer.say(origin, look=Look(colour="8A5A12", bold=True))
    writer.say(w["title"], style="Title")
    whole = [report.city, " · ", report.scope, *([" · ", report.period] if report.period else [])]
    writer.say(*whole, look=Look(size=32, colour="5B6876"))
    for _ in range(3):
        writer.say("")
    span: list[Piece] = [report.period] if report.period else [report.since, " – ", report.until]
    facts: list[tuple[str, list[Piece]]] = [
        (w["period"], span),
        (w["readings_from"].format(since="").strip(), [report.since, " · ", report.time_zone]),
        (w["cutoff"], [report.until]),
        (w["completeness"], [share(report.completeness)]),
        (w["version"], [report.version]),
    ]
    facts += [(w["book_head"], [report.book])] if report.ledger else []
    for title, pieces in facts:
        writer.say(f"{title}  ", *pieces, look=Look(size=22))
    writer.next_page()


def _contents_page(writer: Writer) -> Any:
    """Leave room for the contents, and return what they go before."""
    writer.say(writer.w["contents"], look=Look(bold=True, size=32))
    writer.next_page()
    return writer.document.element.body.sectPr.getprevious()


def _conclusion(writer: Writer, report: Figure, drawings: Drawings) -> None:
    w = writer.w
    writer.heading(w["conclusion"])
    writer.say(
        f"{w['score']} ", number(report.score, 1), "   ", report.grade or w["unknown"], look=_BIG
    )
    levels = [
        piece
        for level, n in report.by_level.items()
        if n
        for piece in (f" · {LEVEL_NAMES[int(level)]} ", number(n))
    ]
    writer.say(f"{w['open_warnings']}: ", number(report.n_open), *levels)
    capped = report["raw"].bare is not None and report["raw"] != report.score
    writer.say(
        f"{w['online']}: ",
        share(report.online),
        *([f" · {w['raw']} ", number(report["raw"], 1)] if capped else []),
    )
    for line in report.distrust:
        writer.say(line, look=Look(colour="A50026", bold=True))
    if report.pulled_down:
        writer.say(f"{w['pulled_down']}: ", report.pulled_down)
    writer.heading(w["attention"], 2)
    if not report.attention:
        writer.say(w["nothing_open"])
    for row in report.attention:
        writer.say(
            row.level, " ", row.lifeline, " ", row.title, " — ", row.place, ", ", row.issued,
            style="ListBullet",
        )  # fmt: skip
    if report.ledger:
        write_actions(writer, report.ledger)
    writer.heading(w["map"], 2)
    if drawings.map is not None:
        writer.picture(drawings.map, most_mm=80)
    else:
        writer.note(w["no_map"])
    if drawings.scores is not None:
        writer.picture(drawings.scores, most_mm=48)
    else:
        writer.note(w["not_scored"])
    if report.notes:
        writer.heading(w["notes"], 2)
        writer.lines(report.notes)
    writer.next_page()


def _inventory(writer: Writer, report: Figure) -> None:
    w = writer.w
    writer.heading(f"{w['inventory']} · {w['monitoring']}")
    names = ("assets", "km", "mean_year", "sensors", "online", "received", "good", "offline")
    writer.table(
        columns((w["lifeline"], 2.2), *((w[name], 1.2, True) for name in names)),
        [
            [
                str(c.title),
                number(c.inventory.n),
                number(c.inventory.km, 1),
                Shown(q=c.inventory.year.q, text=c.inventory.year.as_number().replace(",", "")),
                number(c.monitoring.n),
                share(c.monitoring.online),
                share(c.monitoring.completeness),
                share(c.monitoring.good),
                number(c.monitoring.offline),
            ]
            for c in report.chapters
        ],
    )
    writer.heading(w["coverage"], 2)
    titles = [(RISK[int(level)].text(writer.lang), 1.3, True) for level in _LEVELS]
    writer.table(
        columns((w["lifeline"], 2), *titles, (w["high_km"], 1, True), (w["high_share"], 1, True)),
        [
            [
                str(c.title),
                *(
                    [share(c.watched[level]), " / ", number(c.risk[level])]
                    if c.risk[level]
                    else "–"
                    for level in _LEVELS
                ),
                number(c.high_km, 1),
                share(c.high_share),
            ]
            for c in report.chapters
        ],
    )


def _warnings(writer: Writer, report: Figure) -> None:
    w = writer.w
    writer.heading(w["warnings"])
    levels = [(LEVEL_NAMES[int(level)], 1, True) for level in _LEVELS]
    writer.table(
        columns((w["lifeline"], 3), *levels, (w["open"], 1, True)),
        [
            [str(c.title), *(number(n) for _, n in c.warned.items()), number(c.still_open)]
            for c in report.chapters
        ],
    )
    if not report.warnings:
        writer.say(w["no_findings"])
        return
    writer.table(
        columns(
            (w["level"], 0.6), (w["lifeline"], 0.9), (w["what"], 2), (w["place"], 2.8),
            (w["issued"], 1.2), (w["cleared"], 1.2), (w["sensors"], 0.7, True),
        ),
        [
            [row.level, row.lifeline, row.title, row.place, row.issued, row.cleared or w["open"],
             number(row.sensors)]
            for row in report.warnings
        ],
        report.more_warnings,
    )  # fmt: skip


def _chapter(writer: Writer, c: Figure, drawings: Drawings) -> None:
    w = writer.w
    writer.heading(str(c.title))
    parts: list[Piece] = [f"{w['score']} ", number(c.scores.total, 1)]
    parts += [" · ", c.grade] if c.grade else []
    for key, text in (DIMENSIONS | {"response": RESPONSE}).items():
        parts += [f" · {text(writer.lang)} ", number(c.scores[key], 1)]
    parts += [f" · {w['completeness']} ", share(c.completeness), f" · {w['n']} ", number(c.n)]
    writer.say(*parts)
    risk: list[Piece] = [f"{w['risk_share']}:"]
    for level, n in c.risk.items():
        risk += [f" {RISK[int(level)].text(writer.lang)} ", number(n)] if n else []
    writer.say(*risk)
    if c.pulled_down:
        writer.say(f"{w['pulled_down']}: ", c.pulled_down)
    write_cases(writer, c)
    for drawing in drawings.series[str(c.lifeline.bare)]:
        writer.picture(drawing)
    _stock(writer, c.stock)
    if c.findings:
        writer.heading(w["findings"], 2)
        writer.table(
            columns(
                (w["level"], 0.6), (w["what"], 1.8), (w["place"], 2.3), (w["evidence"], 2.6),
                (w["source"], 1.6), (w["since"], 1.2),
            ),
            [_finding(writer, row) for row in c.findings],
            c.more,
        )  # fmt: skip
    else:
        writer.say(w["no_findings"])
    write_network(writer, c.network)
    write_heating(writer, c.heating)
    if c.data:
        writer.heading(w["data_questions"], 2)
        for row in c.data:
            writer.say(row.title, ": ", row.evidence, " ", row.sensor, style="ListBullet")
    if c.loads:
        writer.heading(w["loads"], 2)
        writer.table(
            columns((w["time"], 2), (w["sensor"], 2), (w["what"], 2), (w["peak"], 1.5, True),
                    (f"{w['duration']} s", 1, True)),
            [
                [row.time, row.sensor, row[f"title_{writer.lang}"],
                 [Shown(q=row.peak.q, text="–" if row.peak.bare is None
                        else f"{row.peak.bare:+.1f}"), " ", row.unit], number(row.seconds)]
                for row in c.loads
            ],
            c.more_loads,
        )  # fmt: skip


def _stock(writer: Writer, stock: Figure) -> None:
    w = writer.w
    groups = (
        (w["kind"], stock.kinds),
        (w["material"], stock.materials),
        (w["built"], stock.decades),
    )
    if stock.kinds:
        writer.heading(w["stock"], 2)
    for title, rows in groups:
        if rows:
            writer.table(
                columns((title, 4), (w["assets"], 1, True), ("km", 1, True)),
                [[row.title, number(row.n), number(row.km, 1)] for row in rows],
            )


def _source(writer: Writer, row: Figure) -> list[Piece]:
    return [row.source, *([] if row.verified else [f" {writer.w['unverified']}"])]


def _finding(writer: Writer, row: Figure) -> Sequence[Cell]:
    where = [row.place, " ", row.sensor] if row.sensor else row.place
    return [row.level, row.title, where, row.evidence, _source(writer, row), row.since]


def _coupling(writer: Writer, report: Figure) -> None:
    w = writer.w
    writer.table(
        columns((w["what"], 1.6), (w["place"], 2), (w["cause"], 2.4), (w["evidence"], 2),
                (w["source"], 1.3), (w["since"], 1.2)),
        [
            [row.title, row.place, row.cause_title, row.evidence, _source(writer, row), row.since]
            for row in report.coupling
        ],
        report.more_coupling,
    )  # fmt: skip


def _districts(writer: Writer, report: Figure) -> None:
    w = writer.w
    writer.table(
        columns((w["district"], 1.8), (w["score"], 1, True), (w["raw"], 1, True), (w["grade"], 1),
                (w["completeness"], 1.2, True), (w["n"], 0.8, True), (w["population"], 1.2, True),
                (w["pulled_down"], 2.6)),
        [
            [row.name, number(row.score, 1), number(row["raw"], 1), row.grade or w["unknown"],
             share(row.completeness), number(row.n), number(row.population), row.pulled_down]
            for row in report.districts
        ],
    )  # fmt: skip


def _appendices(writer: Writer, report: Figure) -> None:
    w = writer.w
    writer.heading(w["method"])
    writer.say(w["method_note"])
    writer.table(
        columns((w["lifeline"], 0.9), (w["rule"], 3.2), (w["limits"], 2.4), (w["source"], 2.4)),
        [
            [
                row.lifeline,
                [row.title, " (", row.key, " · ", row.test, " · ", row.version, ")"],
                [row.limits, " ", row.unit, *([" × ", row.relative_to] if row.relative_to else [])],
                _source(writer, row),
            ]
            for row in report.rules
        ],
    )
    writer.heading(w["quality"])
    writer.table(
        columns((w["test"], 3), (w["count"], 1, True), (w["sensors"], 1, True)),
        [[row.test, number(row.count), number(row.sensors)] for row in report.quality],
    )
    writer.heading(w["sources"])
    writer.table(
        columns((w["data_source"], 4), (w["licence"], 1.5)),
        [[[row.title, " ", row.url], row.licence] for row in report.sources],
    )
    if report.ledger:
        write_audit(writer, report.ledger)
    writer.note(w["docx_attachment"])
    writer.note(f"{w['disclaimer']} {w['footer']} · ", report.version)
