"""What the desks of warnings and of alarms share: their ledger, clock and three columns."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from typing import Protocol

import numpy as np
import panel as pn

from lifeline_kit.early_warning.duty import Duty
from lifeline_kit.errors import LifelineError
from lifeline_kit.io.ledger import Ledger
from lifeline_kit.services.desk import ledger_place
from lifeline_kit.text import Lang, Text
from lifeline_kit.views.elements import WarningList, html
from lifeline_kit.views.store import Store

LEDGER_VARIABLE = "LIFELINE_LEDGER"
WHO = Text("经办人", "Your name")
NO_LEDGER = Text(
    "尚无台账。运行 lifeline watch --city … 后，预警将在此登记、计时、办结。",
    "There is no ledger yet. Run lifeline watch --city …: warnings are then booked, timed and "
    "closed here.",
)
NAME_FIRST = Text("请先填写经办人。", "Say who you are first.")
FASTER = Text(
    "他人已先一步办理；已显示最新状态，请查看后再定。",
    "Somebody else was faster; the page now shows how it stands. Decide anew.",
)
BOOKED = Text("已记入台账：{act}", "Booked: {act}")
_BASIS = {
    "limits": Text("时限依据：{source}{unread}", "limits of time: {source}{unread}"),
    "recheck": Text("复核依据：{source}{unread}", "re-check: {source}{unread}"),
    "desk": Text("负荷限值依据：{source}{unread}", "limits of load: {source}{unread}"),
}
_UNREAD = Text("（依据待核）", " (not verified)")
# on a narrow screen the columns stand under one another
_NARROW = "@media (max-width: 960px) { :host { %s } }"
_UNDER = [_NARROW % "flex-direction: column; height: auto !important;"]
_WIDE = [
    _NARROW
    % "width: auto !important; height: auto !important; max-height: 75vh; flex: none !important;"
]
_CARD = {"background": "#ffffff", "border": "1px solid #e1e6ec", "border-radius": "10px"}


def ledger_of(store: Store) -> Ledger | None:
    """Open the ledger of a city, or that of ``$LIFELINE_LEDGER``; None where there is none."""
    try:
        return Ledger.open(os.environ.get(LEDGER_VARIABLE) or ledger_place(store.city))
    except LifelineError:
        return None


class Shown(Protocol):
    """One visitor's page of a ledger."""

    def __init__(self, store: Store, lang: Lang, ledger: Ledger) -> None:
        """Read the ledger for the first time."""

    def poll(self) -> None:
        """Follow what others do."""

    def layout(self) -> pn.viewable.Viewable:
        """Put the parts side by side."""
        ...


def shown_of(
    store: Store, lang: Lang, build: type[Shown], *, every_ms: int
) -> list[pn.viewable.Viewable]:
    """Show a page of the ledger while its visitor is there, or say that there is no ledger."""
    ledger = ledger_of(store)
    if ledger is None:
        return [html(f'<div class="list"><span class="none">{NO_LEDGER(lang)}</span></div>')]
    shown = build(store, lang, ledger)
    if pn.state.curdoc is not None and pn.state.curdoc.session_context:
        pn.state.add_periodic_callback(shown.poll, period=every_ms)
        pn.state.on_session_destroyed(lambda _: ledger.close())
    return [shown.layout()]


def clock(store: Store) -> np.datetime64:
    """Return now in UTC; in a simulated city the clock of its data."""
    if store.city.origin == "simulated":
        return store.examined().at.to_datetime64()
    return np.datetime64(datetime.now(UTC).replace(tzinfo=None), "ms")


def head_html(title: str, hint: str) -> str:
    """Write the head of a column."""
    return f'<div class="head"><h2>{title}</h2><span class="muted">{hint}</span></div>'


def basis_html(duty: Duty, sections: Sequence[str], lang: Lang) -> str:
    """Write where limits of the rules of duty come from, and whether anybody read it there."""
    lines = []
    for section in sections:
        source, verified = duty.sources[section]
        said = _BASIS[section].format(source=source(lang), unread="" if verified else _UNREAD(lang))
        lines.append(f'<p class="muted small">{escape(said(lang))}</p>')
    return "".join(lines)


def said_html(text: str, *, good: bool) -> str:
    """Write what came of an act."""
    kind = "draft" if good else "problem"
    return f'<div class="{kind}" role="status" style="margin:6px 12px">{escape(text)}</div>'


def laid_out(
    head: pn.pane.HTML,
    listing: WarningList,
    sheet: pn.pane.HTML,
    acts: list[pn.viewable.Viewable],
    numbers: pn.pane.HTML,
) -> pn.viewable.Viewable:
    """Put queue, sheet, acts and numbers side by side."""
    left = pn.Column(
        head, listing, margin=0, scroll="y-auto", stylesheets=_WIDE, sizing_mode="stretch_height",
        styles=_CARD | {"width": "clamp(240px, 22vw, 340px)", "flex": "none"},
    )  # fmt: skip
    middle = pn.Column(
        sheet, margin=0, scroll="y-auto", stylesheets=_WIDE, sizing_mode="stretch_both",
        styles=_CARD | {"padding": "10px 6px", "min-width": "0"},
    )  # fmt: skip
    right = pn.Column(
        *acts, numbers, margin=0, scroll="y-auto", stylesheets=_WIDE, sizing_mode="stretch_height",
        styles=_CARD | {"width": "clamp(300px, 30vw, 460px)", "flex": "none"},
    )  # fmt: skip
    frame = {
        "height": "calc(100vh - 58px)", "padding": "10px 14px 12px", "gap": "10px",
        "box-sizing": "border-box", "min-height": "560px",
    }  # fmt: skip
    return pn.Row(
        left, middle, right, sizing_mode="stretch_width", margin=0, styles=frame, stylesheets=_UNDER
    )
