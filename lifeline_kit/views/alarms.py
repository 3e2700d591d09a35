"""Alarms: which devices are beyond a limit now, who has seen it, and how many a desk gets."""

import time

import numpy as np
import panel as pn
import panel_material_ui as pmui
import param

from lifeline_kit.early_warning.duty import load_duty
from lifeline_kit.early_warning.load import alarm_times, desk_load
from lifeline_kit.errors import ConflictError, LifelineError
from lifeline_kit.io.ledger import Ledger
from lifeline_kit.model.ledger import LONGEST_SHELF, MACHINES
from lifeline_kit.services.desk import done
from lifeline_kit.text import Lang, Text
from lifeline_kit.views.alarms_facts import PERIOD_D, alarm_html, alarm_rows, load_html
from lifeline_kit.views.desk_layout import (
    BOOKED,
    FASTER,
    NAME_FIRST,
    WHO,
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

_STANDING, _HINT = Text("当前报警", "Standing alarms"), Text("等级高者在前", "gravest first")
_NONE = Text("没有正在报警的测点。", "No device is beyond a limit.")
_DESK, _ALL = Text("值班台", "Desk"), Text("全部", "All")
_REASON = Text("搁置原因", "Reason for shelving")
_HOURS = Text("搁置时长（小时）", "Shelve for (hours)")
_WHY_FIRST = Text("请先填写搁置原因。", "Say first why it is shelved.")
_BY_HAND = ("acknowledge", "shelve", "unshelve")
_MOST, _POLL_MS, _REST_S = 200, 4000, 60.0
_LONGEST_H = int(LONGEST_SHELF / np.timedelta64(1, "h"))


def alarms(store: Store | None = None) -> pmui.Page:
    """Build the alarms page of the city that this process serves."""
    store = store or current_store()
    return page(_content, name="alarms", store=store, state=session_state())


def _content(store: Store, state: State) -> list[pn.viewable.Viewable]:
    return shown_of(store, state.lang, _Alarms, every_ms=_POLL_MS)


class _Alarms:
    """The parts of one visitor's page; the ledger holds everything that matters."""

    def __init__(self, store: Store, lang: Lang, ledger: Ledger) -> None:
        self.store, self.lang, self.ledger, self.duty = store, lang, ledger, load_duty()
        self.item, self.version, self.seen = "", 0, ledger.head()
        self.measured_at, self.measured_of = 0.0, ""
        self.updated = np.datetime64(0, "ms")
        self.listing = WarningList(rows=[], none=_NONE(lang), sizing_mode="stretch_width", margin=0)
        self.head, self.sheet, self.numbers, self.said = html(""), html(""), html(""), html("")
        line = {"size": "small", "margin": (8, 12, 0, 12), "sizing_mode": "stretch_width"}
        options = {_ALL(lang): ""} | {
            unit(lang): key
            for key, (unit, _) in self.duty.units.items()
            if (store.city.assets["lifeline"] == key).any()
        }
        self.desk = pmui.Select(label=_DESK(lang), options=options, value="", **line)
        self.who = pmui.TextInput(label=WHO(lang), max_length=60, **line)
        self.say = pmui.TextInput(label=_REASON(lang), max_length=400, **line)
        self.hours = pmui.IntInput(label=_HOURS(lang), value=8, start=1, end=_LONGEST_H, **line)
        titles = {act: MACHINES["alarm"][act].title(lang) for act in _BY_HAND}
        self.buttons = {act: self.button(act, title) for act, title in titles.items()}
        self.listing.param.watch(self.pick, "chosen")
        self.desk.param.watch(lambda _: self.anew(), "value")
        self.anew()

    def anew(self) -> None:
        """Read and measure."""
        self.show()
        self.measure()

    def show(self) -> None:
        """Read the ledger anew."""
        items = self.ledger.items("alarm", limit=None)
        if self.desk.value:
            items = items[items["lifeline"] == self.desk.value]
        now = clock(self.store)
        self.listing.rows = alarm_rows(self.store.city, items.head(_MOST), now, self.lang)
        self.head.object = head_html(f"{_STANDING(self.lang)} {len(items)}", _HINT(self.lang))
        if self.item not in items.index:
            self.item = str(items.index[0]) if len(items) else ""
        self.draw()

    def draw(self) -> None:
        """Show the chosen alarm and what may be done to it."""
        held = self.ledger.rows_of("alarm", [self.item])
        state = ""
        if held.empty:
            self.sheet.object = ""
        else:
            row, events = held.iloc[0], self.ledger.events("alarm", self.item)
            now = clock(self.store)
            self.sheet.object = alarm_html(self.store.city, self.item, row, events, now, self.lang)
            self.version, state = int(row["version"]), row["state"]
            self.updated = row["updated"].to_datetime64()
        for act, button in self.buttons.items():
            button.visible = state in MACHINES["alarm"][act].moves
        self.say.visible = self.hours.visible = self.buttons["shelve"].visible

    def measure(self) -> None:
        """Measure the load of the last weeks."""
        self.measured_at, self.measured_of = time.monotonic(), self.seen
        now = clock(self.store)
        begin = now - np.timedelta64(PERIOD_D, "D")
        times = alarm_times(self.ledger.items("alarm", open_only=False, since=begin, limit=None))
        if self.desk.value:
            times = times[times["lifeline"] == self.desk.value]
        found = desk_load(times, self.duty.desk, begin=begin, end=now)
        self.numbers.object = load_html(found, self.duty, self.store.city, self.lang)

    def button(self, act: str, title: str) -> pmui.Button:
        """Make a button for an act on the version that is shown."""
        button = pmui.Button(
            label=title, size="small", margin=0, color="primary", visible=False,
            variant="contained" if act == "acknowledge" else "outlined",
        )  # fmt: skip
        button.on_click(lambda _: self.do(act, title))
        return button

    def do(self, act: str, title: str) -> None:
        """Do an act, and say what came of it."""
        actor, reason = self.who.value.strip(), self.say.value.strip()
        missing = (
            NAME_FIRST if not actor else _WHY_FIRST if act == "shelve" and not reason else None
        )
        if missing is not None:
            self.said.object = said_html(missing(self.lang), good=False)
            return
        now, body = clock(self.store), {}
        if act == "shelve":
            # the ledger never goes back, so neither does the beginning of a shelf
            begin = max(now, self.updated)
            until = begin + np.timedelta64(int(self.hours.value or 0), "h")
            body = {"until": str(until), "reason": reason}
        elif act == "unshelve":
            body = {"until": ""}
        try:
            done(self.ledger, self.item, act, actor=actor, now=now, body=body,
                 version=self.version, entity="alarm")  # fmt: skip
        except ConflictError:
            self.said.object = said_html(FASTER(self.lang), good=False)
        except LifelineError as error:
            self.said.object = said_html(str(error), good=False)
        else:
            self.said.object = said_html(BOOKED.format(act=title)(self.lang), good=True)
            self.say.value = ""
        self.anew()

    def pick(self, event: param.parameterized.Event) -> None:
        """Choose an alarm of the list."""
        if event.new:
            self.item, self.said.object = str(event.new), ""
            self.draw()

    def poll(self) -> None:
        """Follow what others do; the load of weeks changes slowly and is measured less often."""
        if (at := self.ledger.head()) != self.seen:
            self.seen = at
            self.show()
        if self.measured_of != self.seen and time.monotonic() - self.measured_at >= _REST_S:
            self.measure()

    def layout(self) -> pn.viewable.Viewable:
        """Put the parts side by side."""
        buttons = pn.FlexBox(*self.buttons.values(), margin=(6, 10), gap="6px")
        acts = [self.desk, self.who, self.say, self.hours, buttons, self.said]
        return laid_out(self.head, self.listing, self.sheet, acts, self.numbers)
