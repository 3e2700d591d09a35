"""The chapters of the Word report out of the ledger."""

from lifeline_kit.methods.rules import LEVEL_NAMES
from lifeline_kit.reports.figures import Figure
from lifeline_kit.reports.ooxml import Column, Look, Piece, number, share
from lifeline_kit.reports.word_writer import Writer

_BAD = Look(colour="A50026", bold=True)
_COUNTED = ("total", "carried", "fresh", "mended", "open", "late")


def _columns(*parts: tuple[str, float, bool]) -> list[Column]:
    return [Column(title=title, width=width, right=right) for title, width, right in parts]


def write_actions(writer: Writer, ledger: Figure) -> None:
    """Write the three gravest things that are open, for the page of the conclusion."""
    w = writer.w
    writer.heading(w["actions"], 2)
    if not ledger.actions:
        writer.say(w["no_actions"])
    for row in ledger.actions:
        writer.say(
            row.level, " ", row.unit, " ", row.todo, ": " if writer.lang == "en" else "：",
            row.title, " — ", row.place, f", {w['due']} ", row.due, *_late(writer, row),
            style="ListBullet",
        )  # fmt: skip


def _late(writer: Writer, row: Figure) -> list[Piece]:
    return [f" {writer.w['late']}"] if row.late else []


def write_ledger(writer: Writer, ledger: Figure) -> None:
    """Write handling of warnings, hazards, and what is to be done."""
    w = writer.w
    writer.heading(w["handled"])
    if not ledger:
        writer.say(w["no_book"])
        return
    _traffic(writer, ledger)
    _rates(writer, ledger)
    _precision(writer, ledger)


def _traffic(writer: Writer, ledger: Figure) -> None:
    w = writer.w
    if not ledger.n_alarms and not ledger.n_warnings:
        writer.say(w["nothing_handled"])
    if not ledger.traffic:
        return
    levels = [(name, 0.7, True) for name in LEVEL_NAMES.values()]
    writer.table(
        _columns(
            (w["lifeline"], 2, False), (w["alarms"], 1, True), (w["of_devices"], 1, True),
            (w["converted"], 1.1, True), (w["conversion"], 1, True), *levels,
            (w["closed_n"], 1, True), (w["open"], 1, True),
        ),
        [
            [
                row.title, number(row.alarms), number(row.devices), number(row.converted),
                share(row.conversion), *(number(n) for _, n in row.levels.items()),
                number(row.closed), number(row.open),
            ]
            for row in ledger.traffic
        ],
    )  # fmt: skip
    writer.note(w["conversion_note"])


def _rates(writer: Writer, ledger: Figure) -> None:
    w = writer.w
    if ledger.n_warnings or ledger.units:
        writer.heading(w["rates"], 2)
        writer.table(
            _columns((w["indicator"], 3, False), (w["value"], 1, True), ("n", 1, True)),
            [[row.title, _rate(row), number(row.n)] for row in ledger.rates],
        )
        writer.note(w["rates_note"])
    if not ledger.units:
        return
    writer.heading(w["units"], 2)
    writer.table(
        _columns(
            (w["unit"], 2.4, False), (w["issued_n"], 1, True), (w["closed_n"], 1, True),
            (w["on_time"], 1.2, True), (w["open"], 1, True), (w["late_n"], 1, True),
        ),
        [
            [row.unit, number(row.issued), number(row.closed), share(row.on_time),
             number(row.open), number(row.overdue)]
            for row in ledger.units
        ],
        ledger.more_units,
    )  # fmt: skip


def _rate(row: Figure) -> list[Piece]:
    if row.unit == "share":
        return [share(row.value)]
    return [number(row.value), *([" min"] if row.unit == "min" else [])]


def _precision(writer: Writer, ledger: Figure) -> None:
    w = writer.w
    if ledger.rules:
        writer.heading(w["precision"], 2)
        writer.table(
            _columns(
                (w["rule"], 3, False), (w["judged"], 0.9, True), (w["real_n"], 0.8, True),
                (w["right"], 0.9, True), (w["wasted"], 1.2, True), (w["whose"], 2, False),
            ),
            [
                [row.title, number(row.judged), number(row.real), share(row.precision, 0),
                 number(row.wasted_h, 1), row.units or "–"]
                for row in ledger.rules
            ],
            ledger.more_rules,
        )  # fmt: skip
    elif ledger.n_warnings:
        writer.say(w["no_verdicts"])


def write_hazards(writer: Writer, ledger: Figure) -> None:
    """Write the hazards of the period."""
    w, hazards = writer.w, ledger.hazards
    writer.heading(w["hazards"])
    if hazards.total:
        rows = [[row.title, *(number(row[name]) for name in _COUNTED)] for row in hazards.levels]
        writer.table(
            _columns((w["hz_level"], 2, False), *((w[f"hz_{name}"], 1, True) for name in _COUNTED)),
            [*rows, [w["hz_total"], *(number(hazards[name]) for name in _COUNTED)]],
        )
    else:
        writer.say(w["no_hazards"])
    if hazards.high_km.bare is not None:
        before, rest = w["pipes_high"].split("{km}")
        between, after = rest.split("{share}")
        writer.say(before, number(hazards.high_km, 1), between, share(hazards.high_share), after)


def write_duties(writer: Writer, ledger: Figure) -> None:
    """Write what is to be done, by whom, until when."""
    w = writer.w
    writer.heading(w["duties"])
    if not ledger.duties:
        writer.say(w["no_duties"])
        return
    writer.table(
        _columns(
            (w["sort"], 0.7, False), (w["level"], 0.9, False), (w["what"], 2, False),
            (w["place"], 2, False), (w["unit"], 1.2, False), (w["todo"], 1.5, False),
            (w["due"], 1.2, False),
        ),
        [
            [row.sort, row.level, row.title, row.place, row.unit,
             row.todo, [row.due, *_late(writer, row)]]
            for row in ledger.duties
        ],
        ledger.more_duties,
    )  # fmt: skip


def write_audit(writer: Writer, ledger: Figure) -> None:
    """Write how far the ledger was read, whether it is whole, and how often each act was done."""
    w = writer.w
    writer.heading(w["audit"])
    for line in ledger.problems:
        writer.say(line, look=_BAD)
    if not ledger.problems:
        writer.say(w["audit_whole"])
    writer.say(f"{w['events']} ", number(ledger.seq), f"  {w['hash']} ", ledger.hash)
    if ledger.acts:
        writer.table(
            _columns((w["sort"], 1, False), (w["events"], 0.7, True), (w["act"], 5, False)),
            [[row.title, number(row.n), _acts(row)] for row in ledger.acts],
        )


def _acts(row: Figure) -> list[Piece]:
    pieces: list[Piece] = []
    for each in row.acts:
        pieces += [" · " if pieces else "", each.title, " ", number(each.n)]
    return pieces
