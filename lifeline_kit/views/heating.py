"""Heating: the worst substations, the plants' make-up, and homes if the heat stopped now."""

import pandas as pd
import panel as pn
import panel_material_ui as pmui

from lifeline_kit.charts.substation import flow_chart, temperature_chart
from lifeline_kit.model.readings import Series
from lifeline_kit.text import Text
from lifeline_kit.views.cases import Case
from lifeline_kit.views.elements import Chips, WarningList, html
from lifeline_kit.views.heating_facts import (
    HOUR,
    HOURS,
    cold_html,
    heat_cases,
    plants_html,
    sheet_html,
    substation_html,
    substation_rows,
)
from lifeline_kit.views.page import page, session_state
from lifeline_kit.views.state import State
from lifeline_kit.views.store import Store, current_store

_STATIONS = Text("换热站", "Substations")
_HINT = Text("按超额流量排序，故障在前", "by excess flow, faults first")
_NONE = Text("没有超额流量的换热站。", "No substation wastes flow.")
_PLANTS = Text("热源补水", "Make-up of the plants")
_NO_PLANT = Text(
    "没有热源资料：补水与泄漏需要 kind 为 plant 的设施及其补水量读数。",
    "No plant is known: make-up and leaks take an asset of kind plant with its make-up flow.",
)
_COLD = Text("若现在停热", "If the heat stopped now")
_BACK = Text("恢复供热需", "heat back after")
_DAYS = 14
_AFTER = pd.Timedelta(hours=2)
_FIRST = "12"
_CARD = {"background": "#ffffff", "border": "1px solid #e1e6ec", "border-radius": "10px"}


def heating(store: Store | None = None) -> pmui.Page:
    """Build the heating page of the city that this process serves."""
    store = store or current_store()
    return page(_content, name="heating", store=store, state=session_state())


def _content(store: Store, state: State) -> list[pn.viewable.Viewable]:
    examination = store.examined()
    found = {case.asset: case for case in heat_cases(examination, "substation")}
    if state.asset not in found:
        state.asset = next(iter(found), "")
    rows = substation_rows(store.city, list(found.values()), state.lang)
    listing = WarningList(rows=rows, none=_NONE(state.lang), sizing_mode="stretch_width", margin=0)
    listing.param.watch(lambda event: event.new and setattr(state, "asset", event.new), "chosen")
    left = pn.Column(
        html(_head(f"{_STATIONS(state.lang)} {len(rows)}", _HINT(state.lang))), listing, margin=0,
        scroll="y-auto", sizing_mode="stretch_height",
        styles=_CARD | {"width": "clamp(220px, 19vw, 300px)", "flex": "none"},
    )  # fmt: skip
    middle = pn.Column(
        margin=0, sizing_mode="stretch_both",
        styles=_CARD | {"padding": "10px 12px", "min-width": "0"},
    )  # fmt: skip

    def draw(_: object = None) -> None:
        middle[:] = (
            _chosen(found[state.asset], store, state) if state.asset else _gaps(store, state)
        )
        if pn.state.location is not None and state.asset:
            pn.state.location.update_query(asset=state.asset)

    state.param.watch(draw, "asset")
    draw()
    frame = {
        "height": "calc(100vh - 58px)", "padding": "10px 14px 12px", "gap": "10px",
        "box-sizing": "border-box", "min-height": "560px",
    }  # fmt: skip
    row = pn.Row(
        left, middle, _right(store, state), sizing_mode="stretch_width", margin=0, styles=frame
    )
    return [row]


def _head(title: str, hint: str = "") -> str:
    return f'<div class="head"><h2>{title}</h2><span class="muted">{hint}</span></div>'


def _gaps(store: Store, state: State) -> list[pn.viewable.Viewable]:
    """Say what is missing where no substation was judged."""
    return [html(sheet_html(case, state.lang)) for case in heat_cases(store.examined(), "missing")]


def _chosen(case: Case, store: Store, state: State) -> list[pn.viewable.Viewable]:
    sensors = case.facts["sensors"]
    read = store.series(list(sensors.values()))
    until = case.row["at"] + _AFTER
    since = until - pd.Timedelta(days=_DAYS)
    zone = {"lang": state.lang, "time_zone": store.city.time_zone}
    own = {
        quantity: _within(read[sensor], since, until)
        for quantity, sensor in sensors.items()
        if sensor in read
    }
    upper = temperature_chart(
        own, case.facts["usual_back"], since=since, until=until,
        fault=case.row["since"] if case.facts["open"] else None, **zone,
    )  # fmt: skip
    lower = flow_chart(own.get("flow"), x_range=upper.x_range, **zone)
    return [
        html(substation_html(case, store.city, state.lang), styles={"flex": "none"}),
        pn.pane.Bokeh(upper, sizing_mode="stretch_both", margin=0, styles={"flex": "2"}),
        pn.pane.Bokeh(lower, sizing_mode="stretch_both", margin=0, styles={"flex": "1"}),
        html(sheet_html(case, state.lang), styles={"flex": "none"}),
    ]


def _within(series: Series, since: pd.Timestamp, until: pd.Timestamp) -> Series:
    here = (series.time >= since.to_datetime64()) & (series.time <= until.to_datetime64())
    return Series(series.time[here], series.value[here], series.flag[here])


def _right(store: Store, state: State) -> pn.viewable.Viewable:
    examination, lang = store.examined(), state.lang
    plants = plants_html(heat_cases(examination, "plant"), store.city, lang)
    plants = plants or f'<p class="small muted">{_NO_PLANT(lang)}</p>'
    parts: list[pn.viewable.Viewable] = []
    parts.append(html(f"{_head(_PLANTS(lang))}<div class='plants'>{plants}</div>"))
    for case in heat_cases(examination, "cold"):
        parts += _cold(case, store, state)
    return pn.Column(
        *parts, margin=0, scroll="y-auto", sizing_mode="stretch_height",
        styles=_CARD | {"width": "clamp(300px, 31vw, 520px)", "flex": "none"},
    )  # fmt: skip


def _cold(case: Case, store: Store, state: State) -> list[pn.viewable.Viewable]:
    """Chips choose when the heat is back; stored hours are only counted anew."""
    options = [{"key": str(n), "text": HOUR.format(n=n)(state.lang)} for n in HOURS]
    chips = Chips(options=options, value=_FIRST, sizing_mode="stretch_width", margin=(8, 14, 2, 14))
    table = html("", styles={"padding": "0 14px 8px"})

    def count(_: object = None) -> None:
        said = cold_html(case, store.city, float(chips.value), state.lang)
        table.object = f'<div class="outage">{said}</div>'

    chips.param.watch(count, "value")
    count()
    return [html(_head(_COLD(state.lang), _BACK(state.lang))), chips, table]
