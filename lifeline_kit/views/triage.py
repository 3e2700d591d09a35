"""Triage: one manhole with all that decides on it, on one screen."""

from collections.abc import Callable
from html import escape

import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui
import shapely

from lifeline_kit.charts.episode import drivers_chart, episode_chart
from lifeline_kit.charts.surroundings import surroundings_chart
from lifeline_kit.early_warning.duty import load_duty
from lifeline_kit.errors import LifelineError
from lifeline_kit.model.ledger import VERDICTS
from lifeline_kit.model.readings import Series
from lifeline_kit.services.assessed import assessed, past_verdicts
from lifeline_kit.text import Lang, Text
from lifeline_kit.views import words
from lifeline_kit.views.assessment import assessment
from lifeline_kit.views.cases import Case, case_rows, cases, sheet_html, verdict_html
from lifeline_kit.views.desk_layout import (
    NAME_FIRST,
    NO_LEDGER,
    WHO,
    clock,
    ledger_of,
    said_html,
)
from lifeline_kit.views.elements import WarningList, html
from lifeline_kit.views.page import page, session_state
from lifeline_kit.views.state import State
from lifeline_kit.views.store import Store, current_store

_CASES = Text("待研判", "To decide")
_HINT = Text("圆内为泄漏概率 (%)", "In the circle: probability of a leak (%)")
_NONE = Text("目前没有需要研判的甲烷超限。", "No methane finding calls for a decision.")
_BOOK = Text("写入预警单", "Put onto the warning")
_BOOKED = Text("已记入预警 {item}", "Booked on warning {item}")
_BEFORE_HERE = Text("台账中的历次结论", "Verdicts in the ledger near here")
_PAST = Text("{at} {asset}（{away:.0f} m）：{verdict}", "{at} {asset} ({away:.0f} m): {verdict}")
_BEFORE, _AFTER = pd.Timedelta(hours=18), pd.Timedelta(hours=1)
_NEIGHBOURS, _REACH_M = 4, 150.0
_CARD = {"background": "#ffffff", "border": "1px solid #e1e6ec", "border-radius": "10px"}


def triage(store: Store | None = None) -> pmui.Page:
    """Build the triage page of the city that this process serves."""
    store = store or current_store()
    return page(_content, name="triage", store=store, state=session_state())


def _content(store: Store, state: State) -> list[pn.viewable.Viewable]:
    found = {case.asset: case for case in cases(store.examined())}
    if state.asset not in found:
        state.asset = next(iter(found), "")
    rows = case_rows(store.city, list(found.values()), state.lang)
    listing = WarningList(rows=rows, none=_NONE(state.lang), sizing_mode="stretch_width", margin=0)
    listing.param.watch(lambda event: event.new and setattr(state, "asset", event.new), "chosen")
    head = (
        f'<div class="head"><h2>{_CASES(state.lang)} {len(rows)}</h2>'
        f'<span class="muted">{_HINT(state.lang)}</span></div>'
    )
    left = pn.Column(
        html(head), listing, margin=0, scroll="y-auto", sizing_mode="stretch_height",
        styles=_CARD | {"width": "clamp(220px, 19vw, 300px)", "flex": "none"},
    )  # fmt: skip
    body = pn.Row(margin=0, sizing_mode="stretch_both", styles={"gap": "10px", "min-width": "0"})

    def draw(_: object = None) -> None:
        body[:] = _decided(found[state.asset], store, state) if state.asset else []
        if pn.state.location is not None:
            pn.state.location.update_query(asset=state.asset)

    state.param.watch(draw, "asset")
    draw()
    frame = {
        "height": "calc(100vh - 58px)", "padding": "10px 14px 12px", "gap": "10px",
        "box-sizing": "border-box", "min-height": "560px",
    }  # fmt: skip
    return [pn.Row(left, body, sizing_mode="stretch_width", margin=0, styles=frame)]


def _decided(case: Case, store: Store, state: State) -> list[pn.viewable.Viewable]:
    charts = _charts(case, store, state)
    middle = pn.Column(
        html(verdict_html(case, store.city, state.lang)), *charts, margin=0,
        sizing_mode="stretch_both", styles=_CARD | {"padding": "10px 12px", "min-width": "0"},
    )  # fmt: skip
    rings = case.facts["rings"].get("now") or case.facts["rings"].get("full") or []
    trace = case.facts.get("trace", {})
    around = surroundings_chart(
        store.city.assets, chosen=case.asset, levels=case.facts["levels"],
        pieces=trace.get("pieces", ()), rings=rings[:2], lang=state.lang,
        names=trace.get("open_next", ())[:1],
    )  # fmt: skip
    right = pn.Column(
        pn.pane.Bokeh(
            around, sizing_mode="stretch_width", height=around.height, margin=0,
            styles={"flex": "none", "height": f"{around.height}px"},
        ),
        _book_button(case, store, state.lang),
        html(
            sheet_html(case, state.lang) + _before_html(case, store, state.lang),
            styles={"flex": "1 1 auto", "overflow-y": "auto"},
        ),
        margin=0, sizing_mode="stretch_height",
        styles=_CARD | {"width": "clamp(300px, 31vw, 520px)", "flex": "none", "overflow": "hidden"},
    )  # fmt: skip
    return [middle, right]


def _book_button(case: Case, store: Store, lang: Lang) -> pn.viewable.Viewable:
    button = pmui.Button(
        label=_BOOK(lang), icon="edit_note", color="primary", size="small", margin=(6, 12, 6, 4)
    )
    who = pmui.TextInput(
        label=WHO(lang), max_length=60, size="small", margin=(6, 4, 6, 12),
        sizing_mode="stretch_width",
    )  # fmt: skip
    said = html("")

    def book(_: object) -> None:
        actor = who.value.strip()
        if not actor:
            said.object = said_html(NAME_FIRST(lang), good=False)
            return
        text, ledger = assessment(case, store, lang), ledger_of(store)
        if ledger is None:
            said.object = said_html(NO_LEDGER(lang), good=False)
            return
        try:
            with ledger:
                item = assessed(
                    ledger, store.examined(), case.key, text, load_duty(), actor=actor,
                    now=clock(store),
                )  # fmt: skip
        except LifelineError as error:
            said.object = said_html(str(error), good=False)
            return
        kept = escape(_BOOKED.format(item=item)(lang))
        link = f'<a href="desk?lang={lang}">{kept}</a>'
        said.object = f'<div class="draft"><b class="small">{link}</b><p>{escape(text)}</p></div>'

    button.on_click(book)
    line = pn.Row(who, button, margin=0, sizing_mode="stretch_width")
    return pn.Column(line, said, margin=0, sizing_mode="stretch_width", styles={"flex": "none"})


def _before_html(case: Case, store: Store, lang: Lang) -> str:
    """Write what warnings of methane near here were in the end."""
    ledger = ledger_of(store)
    if ledger is None:
        return ""
    with ledger:
        past = past_verdicts(ledger, store.city.assets, case.asset, rule="gas.methane")
    if past.empty:
        return ""
    rows = "".join(f"<li>{escape(_past(row, store, lang))}</li>" for _, row in past.iterrows())
    return f'<div class="sheet tight"><h3>{_BEFORE_HERE(lang)}</h3><ul>{rows}</ul></div>'


def _past(row: pd.Series, store: Store, lang: Lang) -> str:
    at = words.moment_words(row["opened"], store.city.time_zone)
    verdict = VERDICTS[row["verdict"]](lang)
    said = _PAST.format(at=at, asset=row["asset"], away=row["away_m"], verdict=verdict)
    return said(lang)


def _charts(case: Case, store: Store, state: State) -> list[pn.viewable.Viewable]:
    sensors, own = store.city.sensors, str(case.row["sensor"])
    beside = _beside(store, case.asset, own)
    air = sensors.index[sensors["quantity"] == "air_temperature"][:1].tolist()
    pressure = _nearest(store, case.asset, "pressure")
    read = store.series([own, *beside, *air, *pressure])
    onset = pd.Timestamp(case.facts["onset"])
    since, until = onset - _BEFORE, case.row["at"] + _AFTER
    if own not in read:
        return []
    cut: Callable[[Series], Series] = lambda series: _within(series, since, until)  # noqa: E731
    zone = {"lang": state.lang, "time_zone": store.city.time_zone}
    upper = episode_chart(
        cut(read[own]), {name: cut(read[name]) for name in beside if name in read},
        onset=onset, since=since, until=until, **zone,
    )  # fmt: skip
    lower = drivers_chart(
        cut(read[air[0]]) if air and air[0] in read else None,
        _steadied(cut(read[pressure[0]])) if pressure and pressure[0] in read else None,
        x_range=upper.x_range, **zone,
    )  # fmt: skip
    return [
        pn.pane.Bokeh(upper, sizing_mode="stretch_both", margin=0, styles={"flex": "2.2"}),
        pn.pane.Bokeh(lower, sizing_mode="stretch_both", margin=0, styles={"flex": "1"}),
    ]


def _within(series: Series, since: pd.Timestamp, until: pd.Timestamp) -> Series:
    here = (series.time >= since.to_datetime64()) & (series.time <= until.to_datetime64())
    return Series(series.time[here], series.value[here], series.flag[here])


def _steadied(series: Series) -> Series:
    """Running median of two hours: what drives is the level, not the noise of the gauge."""
    line = pd.Series(series.value.astype(float)).rolling(9, center=True, min_periods=1).median()
    return Series(series.time, line.to_numpy(), series.flag)


def _away(store: Store, asset: str, quantity: str) -> pd.Series:
    """Distance of the gas sensors of a quantity from an asset [m], nearest first."""
    sensors = store.city.sensors
    own = sensors[(sensors["quantity"] == quantity) & (sensors["lifeline"] == "gas")]
    away = shapely.distance(own.geometry.to_numpy(), store.city.assets.geometry[asset])
    return pd.Series(away, index=own.index).sort_values(kind="stable")


def _beside(store: Store, asset: str, own: str) -> list[str]:
    away = _away(store, asset, "methane").drop(own, errors="ignore")
    return away.index[np.asarray(away) <= _REACH_M][:_NEIGHBOURS].tolist()


def _nearest(store: Store, asset: str, quantity: str) -> list[str]:
    return _away(store, asset, quantity).index[:1].tolist()
