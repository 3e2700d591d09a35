"""Parts of the Word report that gas and heating alone have: cases, segments, substations, homes."""

from lifeline_kit.reports.figures import Figure
from lifeline_kit.reports.ooxml import Column, Look, Piece, Shown, number, share
from lifeline_kit.reports.word_writer import Writer

_CASE = Look(bold=True, size=22)


def _columns(*parts: tuple[str, float, bool]) -> list[Column]:
    return [Column(title=title, width=width, right=right) for title, width, right in parts]


def write_cases(writer: Writer, c: Figure) -> None:
    """Write the open cases of gas."""
    w = writer.w
    if not c.cases:
        return
    writer.heading(w["cases"], 2)
    writer.note(w["cases_assist"])
    for case in c.cases:
        writer.say(case.place, "  ", case.leaning, look=_CASE)
        before, after = w["peak_vol"].split("{peak}")
        told = w["judged_at"].split("{at}")
        writer.note(
            f"{w['since']} ", case.since, f" · {before}", number(case.peak, 1), f"{after} · ",
            told[0], case.at, told[1],
        )  # fmt: skip
        chances: list[Piece] = []
        for cause in case.causes:
            chances += [cause.title, " ", share(cause.probability, 0), "   "]
        writer.say(*chances)
        for title, lines in ((w["reasons"], case.reasons), (w["advice"], case.advice)):
            if lines:
                writer.say(title, look=Look(bold=True))
                writer.lines(lines)
        if case.source:
            writer.say(f"{w['traced']}: ", case.source)
        if case.isolation:
            writer.say(f"{w['valves']}: ", case.isolation)
            writer.lines(case.stuck)
        _harm(writer, case)
    if c.more_cases:
        before, after = w["more_cases"].split("{n}")
        writer.note(before, number(c.more_cases), after)


def _harm(writer: Writer, case: Figure) -> None:
    w = writer.w
    if not case.rings and case.rupture_m.bare is None:
        return
    writer.say(f"{w['harm']} ({w['screening']})", look=Look(bold=True))
    if case.rings:
        writer.table(
            _columns(("", 2, False), (w["overpressure"], 1, True), (w["what"], 3, False),
                     (w["radius"], 1, True), (w["people"], 1, True)),
            [
                [ring.state, [Shown(q=ring.kpa.q, text=f"{ring.kpa.bare:g}"), " kPa"], ring.harm,
                 [number(ring.radius_m, 1), " m"], number(ring.people)]
                for ring in case.rings
            ],
        )  # fmt: skip
    if case.calm:
        writer.say(w["not_flammable"])
    if case.rupture_m.bare is not None:
        before, after = w["rupture"].split("{r}")
        writer.say(before, number(case.rupture_m, 1), after)


def write_network(writer: Writer, net: Figure) -> None:
    """Write the riskiest segments, where the next terminals belong, and the balances."""
    w = writer.w
    if net.worst:
        writer.heading(w["segments"], 2)
        grades: list[Piece] = []
        for grade, n in net.grades.items():
            grades += [f" {grade} ", number(n)]
        writer.note(f"{w['screening']} · {w['risk_class']}:", *grades)
        writer.lines(net.assumed)
        writer.table(
            _columns(("", 0.4, False), (w["place"], 2.6, False), (w["exposed"], 1, True),
                     (w["people"], 1, True), (w["drivers"], 2, False), (w["valves"], 1.6, False),
                     (w["stopped"], 1, True)),
            [
                [row.grade, row.place, number(row.risk, 2), number(row.people), row.drivers,
                 _listed(row.close), number(row.stopped)]
                for row in net.worst
            ],
        )  # fmt: skip
    if net.terminals:
        writer.heading(w["terminals"], 2)
        before, after = w["covered"].split("{share}")
        for row in net.terminals:
            writer.say(row.place, f" — {before}", share(row.covered), after, style="ListNumber")
    if net.balances:
        writer.heading(w["balances"], 2)
        names = ("stations_fed", "usual_flow", "told_day", "told_week")
        writer.table(
            _columns(*((w[name], 1.0, True) for name in names), (w["balance_now"], 1.0, False)),
            [
                [number(row.stations), number(row.usual), number(row.day), number(row.week),
                 w["balance_raised"] if row.raised else w["balance_calm"]]
                for row in net.balances
            ],
        )  # fmt: skip


def _listed(figures: Figure) -> list[Piece]:
    pieces: list[Piece] = []
    for each in figures:
        pieces += [", ", each] if pieces else [each]
    return pieces or ["–"]


def write_heating(writer: Writer, h: Figure) -> None:
    """Write substations, make-up of plants, and homes if the heat stopped."""
    w = writer.w
    if h.stations:
        writer.heading(w["stations"], 2)
        writer.table(
            _columns((w["place"], 2, False), (w["fault"], 1.6, False), (w["since"], 1.2, False),
                     (w["excess"], 1, True), (w["month_cny"], 1, True), (w["cooling"], 1.2, True),
                     (w["what_to_do"], 2.4, False)),
            [
                [row.place,
                 [row.fault, f" {w['still_on'] if row.still else w['over_now']}"]
                 if row.fault else "–",
                 row.since or "–", [number(row.excess_m3), " / ", number(row.days), " d"],
                 number(row.month_cny),
                 [number(row.cooling_k, 1), " (", number(row.peer_cooling_k, 1), ")"], row.advice]
                for row in h.stations
            ],
            h.more_stations,
        )  # fmt: skip
    if h.plants:
        writer.heading(w["makeup"], 2)
    for row in h.plants:
        writer.say(row.place, *([f" {w['since']} ", row.since] if row.still else []), look=_CASE)
        writer.lines(row.reasons)
        if row.still:
            writer.lines(row.advice)
    if h.groups:
        writer.heading(w["cold_homes"], 2)
        writer.lines(h.cold)
        writer.lines(h.cold_advice)
        writer.table(
            _columns((w["place"], 2.4, False), (w["people"], 1, True), (w["vulnerable"], 1, True),
                     (w["room"], 1, True), (w["hours_18"], 1.6, True), (w["hours_12"], 1, True)),
            [
                [row.place, number(row.people), number(row.vulnerable), number(row.room_c, 1),
                 _hours_18(writer, row, h), _hours(writer, row.hours_12, h)]
                for row in h.groups
            ],
            h.more_groups,
        )  # fmt: skip
    if h.missing:
        writer.note(f"{w['not_judged']}: ", *_listed(h.missing))


def _hours(writer: Writer, value: Figure, h: Figure) -> list[Piece]:
    if value.bare is not None:
        return [number(value, 1)]
    before, after = writer.w["beyond"].split("{h}")
    return [before, number(h.horizon_h), after]


def _hours_18(writer: Writer, row: Figure, h: Figure) -> list[Piece]:
    first = _hours(writer, row.hours_18, h)
    if row.early.bare is None:
        return first
    return [*first, " (", number(row.early, 1), "–", *_hours(writer, row.late, h), ")"]
