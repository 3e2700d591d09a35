"""The warning desk: the queue, one warning with its clocks, what may be done, indicators."""

import time

import numpy as np
import panel as pn
import panel_material_ui as pmui
import param

from lifeline_kit.early_warning.duty import load_duty
from lifeline_kit.early_warning.indicators import indicators, precision
from lifeline_kit.errors import ConflictError, LifelineError
from lifeline_kit.io.ledger import Ledger
from lifeline_kit.model.ledger import MACHINES, VERDICTS, Act, Item
from lifeline_kit.services.desk import done, rechecked
from lifeline_kit.text import Lang, Text
from lifeline_kit.views.desk_facts import (
    BY_HAND,
    PERIOD_D,
    allowed,
    indicators_html,
    precision_html,
    queue_rows,
    warning_html,
)
from lifeline_kit.views.desk_layout import (
    BOOKED,
    FASTER,
    NAME_FIRST,
    WHO,
    basis_html,
    clock,
    head_html,
    laid_out,
    said_html,
    shown_of,
)
from lifeline_kit.views.elements import WarningList, html
from lifeline_kit.views.page import page, session_state
from lifeline_kit.views.state import State
from lifeline_kit.views.store import Store, current_store

_QUEUE, _HINT = Text("未办结预警", "Open warnings"), Text("等级高者在前", "gravest first")
_NONE = Text("没有未办结的预警。", "No warning is open.")
_SAY = Text("说明、原因或去向", "Words, reason or target")
_VERDICT, _RECHECK = Text("结论", "Verdict"), Text("数据复核", "Re-check by data")
_FIELD = {  # what the one line of words means for an act
    "assign": "unit", "return": "reason", "merge": "into", "note": "text", "dispose": "text",
    "supervise": "by",
}  # fmt: skip
_SAY_FIRST = Text("请先在说明栏填写{what}。", "Say {what} in the line of words first.")
_MISSING = {
    "unit": Text("责任单位", "the unit"),
    "reason": Text("退回原因", "the reason"),
    "into": Text("并入的预警编号", "the id of the warning it is merged into"),
    "text": Text("内容", "what there is to note"),
    "by": Text("督办单位", "who supervises"),
}
_NO_ACT = Act(title=Text("", ""), moves={})
_MOST, _POLL_MS, _REST_S = 200, 4000, 60.0


def desk(store: Store | None = None) -> pmui.Page:
    """Build the warning desk of the city that this process serves."""
    store = store or current_store()
    return page(_content, name="desk", store=store, state=session_state())


def _content(store: Store, state: State) -> list[pn.viewable.Viewable]:
    return shown_of(store, state.lang, _Desk, every_ms=_POLL_MS)


class _Desk:
    """The parts of one visitor's desk; the ledger holds everything that matters."""

    def __init__(self, store: Store, lang: Lang, ledger: Ledger) -> None:
        self.store, self.lang, self.ledger, self.duty = store, lang, ledger, load_duty()
        self.item, self.seen = "", ledger.head()
        self.measured_at, self.measured_of = 0.0, ""
        self.listing = WarningList(rows=[], none=_NONE(lang), sizing_mode="stretch_width", margin=0)
        self.head, self.sheet, self.numbers, self.said = html(""), html(""), html(""), html("")
        line = {"size": "small", "margin": (8, 12, 0, 12), "sizing_mode": "stretch_width"}
        self.who = pmui.TextInput(label=WHO(lang), max_length=60, **line)
        self.say = pmui.TextInput(label=_SAY(lang), max_length=400, **line)
        options = {text(lang): key for key, text in VERDICTS.items()}
        self.verdict = pmui.Select(label=_VERDICT(lang), options=options, **line)
        # made once and shown or hidden: buttons that come and go pile up in the document
        titles = {act: MACHINES["warning"][act].title(lang) for act in BY_HAND}
        titles = {"recheck": _RECHECK(lang)} | titles
        self.buttons = {act: self.button(act, title) for act, title in titles.items()}
        self.version = 0
        self.listing.param.watch(self.pick, "chosen")
        self.show()
        self.measure()

    def show(self) -> None:
        """Read the ledger anew."""
        items = self.ledger.items(limit=_MOST)
        self.listing.rows = queue_rows(
            self.store.city, items, self.duty, clock(self.store), self.lang
        )
        count = int(self.ledger.counts()["n"].sum())
        self.head.object = head_html(f"{_QUEUE(self.lang)} {count}", _HINT(self.lang))
        if not self.item:
            self.item = str(items.index[0]) if len(items) else ""
        self.draw()

    def measure(self) -> None:
        """Measure the indicators anew."""
        self.measured_at, self.measured_of = time.monotonic(), self.seen
        self.numbers.object = self.measured()

    def draw(self) -> None:
        """Show the chosen warning and what may be done to it."""
        held = self.ledger.rows_of("warning", [self.item])
        may: set[str] = set()
        if held.empty:
            self.sheet.object = ""
        else:
            row, events = held.iloc[0], self.ledger.events("warning", self.item)
            self.sheet.object = warning_html(
                self.store.city, self.item, row, events, self.duty, clock(self.store), self.lang
            )
            self.version, state = int(row["version"]), row["state"]
            may = {*allowed(state), *(["recheck"] if state == "review" else [])}
        self.verdict.visible = "close" in may
        for act, button in self.buttons.items():
            button.visible = act in may

    def measured(self) -> str:
        """Indicators of what was issued in the last weeks."""
        since = clock(self.store) - np.timedelta64(PERIOD_D, "D")
        every = self.ledger.items(open_only=False, since=since, limit=None)
        verdicts = self.ledger.items("verdict", open_only=False, since=since, limit=None)
        health = self.store.examined().health
        found = indicators(every, verdicts, self.duty, at=clock(self.store), health=health)
        basis = basis_html(self.duty, ["limits", "recheck"], self.lang)
        rules = precision_html(precision(every, verdicts), self.lang)
        return f'<div class="sheet">{indicators_html(found, self.lang)}{rules}{basis}</div>'

    def button(self, act: str, title: str) -> pmui.Button:
        """Make a button for an act on the version that is shown."""
        main = act in ("receive", "recheck", "close", "submit")
        button = pmui.Button(
            label=title, size="small", margin=0, color="primary", visible=False,
            variant="contained" if main else "outlined",
        )  # fmt: skip
        button.on_click(lambda _: self.do(act, title))
        return button

    def do(self, act: str, title: str) -> None:
        """Do an act, and say what came of it."""
        actor = self.who.value.strip()
        if not actor:
            self.said.object = said_html(NAME_FIRST(self.lang), good=False)
            return
        field = _FIELD.get(act, "")
        if field in MACHINES["warning"].get(act, _NO_ACT).needs and not self.say.value.strip():
            missing = _SAY_FIRST.format(what=_MISSING[field](self.lang))
            self.said.object = said_html(missing(self.lang), good=False)
            return
        try:
            self.act(act, actor, self.version)
        except ConflictError:
            self.said.object = said_html(FASTER(self.lang), good=False)
        except LifelineError as error:
            self.said.object = said_html(str(error), good=False)
        else:
            self.said.object, self.say.value = (
                said_html(BOOKED.format(act=title)(self.lang), good=True),
                "",
            )
        self.show()
        self.measure()

    def act(self, act: str, actor: str, version: int) -> None:
        """Write an act; what is not allowed raises LifelineError."""
        if act == "recheck":
            examination = self.store.examined()
            rechecked(
                self.ledger, self.item, examination, self.duty, actor=actor, now=clock(self.store)
            )
            return
        held, now = self.ledger.item("warning", self.item), clock(self.store)
        body = _body(act, self.say.value.strip(), str(self.verdict.value), held, now)
        done(self.ledger, self.item, act, actor=actor, now=now, body=body, version=version)

    def pick(self, event: param.parameterized.Event) -> None:
        """Choose a warning of the list."""
        if event.new:
            self.item, self.said.object = str(event.new), ""
            self.draw()

    def poll(self) -> None:
        """Follow what others do; weeks of indicators change slowly and are measured less often."""
        if (at := self.ledger.head()) != self.seen:
            self.seen = at
            self.show()
        if self.measured_of != self.seen and time.monotonic() - self.measured_at >= _REST_S:
            self.measure()

    def layout(self) -> pn.viewable.Viewable:
        """Put the parts side by side."""
        buttons = pn.FlexBox(*self.buttons.values(), margin=(6, 10), gap="6px")
        acts = [self.who, self.say, self.verdict, buttons, self.said]
        return laid_out(self.head, self.listing, self.sheet, acts, self.numbers)


def _body(act: str, words: str, verdict: str, held: Item | None, now: np.datetime64) -> dict:
    """What an act says: the one line of words under the name that the act gives it."""
    body: dict = {_FIELD[act]: words} if words and act in _FIELD else {}
    if act == "close":
        body["verdict"] = verdict
    elif act == "escalate" and held is not None:
        body["level"] = held.level - 1
    elif act == "supervise":
        body["due"] = str(now + np.timedelta64(7, "D"))[:16]
    return body
