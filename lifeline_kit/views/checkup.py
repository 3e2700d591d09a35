"""Check-up: scores, risk by place, changes, renewal, indicators, and the report to take away."""

import asyncio
from collections.abc import Callable, Collection
from html import escape

import panel as pn
import panel_material_ui as pmui

from lifeline_kit.checkup.dossier import Dossier, settings
from lifeline_kit.checkup.dossier_files import dossier_problem, dossier_stamp
from lifeline_kit.errors import LifelineError
from lifeline_kit.text import Lang, Text
from lifeline_kit.views.checkuptables import (
    bands_html,
    changes_html,
    moved_html,
    obstacles_html,
    template_html,
)
from lifeline_kit.views.elements import Chips, html
from lifeline_kit.views.page import page, session_state
from lifeline_kit.views.periods import periods_html
from lifeline_kit.views.renewaltables import budget_options, budgets_html, renewal_html
from lifeline_kit.views.report import make_report, report_address
from lifeline_kit.views.riskpart import PLACES, risk_part
from lifeline_kit.views.scoretables import (
    area_name,
    city_html,
    districts_html,
    lifelines_html,
)
from lifeline_kit.views.state import State
from lifeline_kit.views.store import Store, current_store

_PARTS = {
    "scores": Text("得分", "Scores"),
    "risk": Text("风险分布", "Risk"),
    "changes": Text("变动", "Changes"),
    "renewal": Text("改造计划", "Renewal"),
    "indicators": Text("体检指标", "Indicators"),
}
_GATHERING = Text(
    "正在汇总风险、变动与改造计划…完成后自动显示。",
    "Gathering risk, changes and the renewal plan… They appear here when done.",
)
_POLL_MS = 3000
_WHOLE = Text("全市", "Whole city")
_REPORT, _MAKE = Text("体检报告", "Check-up report"), Text("生成报告", "Make the report")
_ABOUT = Text(
    "单个网页文件，含地图和图表，可离线打开、发送和打印。",
    "One file with maps and charts inside; opens offline, can be sent and printed.",
)
_FAILED = Text("报告未能生成：{why}", "The report could not be made: {why}")
_READY, _SCOPE = Text("打开报告：{name}", "Open the report: {name}"), Text("范围", "Scope")


def checkup(store: Store | None = None) -> pmui.Page:
    """Build the check-up page of the city that this process serves."""
    store = store or current_store()
    return page(_content, name="checkup", store=store, state=session_state())


def _content(store: Store, state: State) -> list[pn.viewable.Viewable]:
    lang = state.lang
    options = [{"key": key, "text": title(lang)} for key, title in _PARTS.items()]
    wide = {"sizing_mode": "stretch_width", "margin": 0}
    chips = Chips(options=options, value=_asked("part", _PARTS, "scores"), **wide)
    body = pn.Column(sizing_mode="stretch_width", margin=0, styles={"gap": "12px"})
    scale, place = _asked("scale", PLACES, "cells_1000"), _asked("place", None, "")
    places = Chips(options=[], value=scale, **wide)
    budgets = Chips(options=[], value=f"{settings()['renewal']['default']:.0f}", **wide)

    def show(*_: object) -> None:
        told = store.dossier()
        if chips.value == "risk" and told is not None:
            chosen = place if places.value == scale else ""  # of another scale it is none
            body[:] = risk_part(store, told, state, places, chosen)
        else:
            body[:] = _part(store, told, chips.value, lang, budgets)

    def remember(_: object) -> None:
        if pn.state.location is not None:
            pn.state.location.update_query(part=chips.value)

    chips.param.watch(show, "value")
    chips.param.watch(remember, "value")
    places.param.watch(show, "value")
    budgets.param.watch(show, "value")
    show()
    _follow(store, show)
    pad = {"padding": "12px 16px 24px", "gap": "12px", "box-sizing": "border-box"}
    frame = pad | {"height": "calc(100vh - 58px)", "overflow-y": "auto"}
    return [pn.Column(chips, body, sizing_mode="stretch_width", margin=0, styles=frame)]


def _asked(name: str, known: Collection[str] | None, default: str) -> str:
    """Return what stands in the address, so that a reload or a link finds it."""
    asked = (pn.state.session_args.get(name) or [b""])[0].decode("utf-8", "replace")[:80]
    return asked if known is None or asked in known else default


def _part(
    store: Store, told: Dossier | None, part: str, lang: Lang, budgets: Chips
) -> list[pn.viewable.Viewable]:
    if part == "scores":
        return _scores(store, told, lang)
    if told is None:
        why = dossier_problem(store.city, store.examined().version)
        said = f'<p class="problem">{escape(why)}</p>' if why else f"<p>{_GATHERING(lang)}</p>"
        return [html(f'<div class="card" role="status">{said}</div>')]
    if part == "changes":
        return [html(changes_html(store, told, lang)), html(moved_html(store, told, lang))]
    if part == "renewal":
        budgets.options = budget_options(told, lang)
        tables = renewal_html(told, lang, budgets.value), budgets_html(told, lang)
        return [budgets, *map(html, tables)]
    return [html(template_html(told, which, lang)) for which in ("daily", "annual")]


def _scores(store: Store, told: Dossier | None, lang: Lang) -> list[pn.viewable.Viewable]:
    scores = store.examined().scores
    top = pn.Row(
        html(city_html(store, scores, lang), styles={"flex": "3 1 420px", "min-width": "0"}),
        _report_card(store, lang),
        sizing_mode="stretch_width",
        styles={"gap": "12px", "flex-wrap": "wrap"},
        margin=0,
    )
    tables = [lifelines_html(scores, lang), districts_html(store, scores, lang)]
    if told is not None:
        tables += [periods_html(store, told, lang), obstacles_html(store, told, lang)]
        tables += [bands_html(store, told, lang)]
    return [top, *map(html, tables)]


def _follow(store: Store, show: Callable[[], None]) -> None:
    """Show the dossier when the worker has gathered it, or gathered it anew."""
    if pn.state.curdoc is None or not pn.state.curdoc.session_context:
        return
    seen = [dossier_stamp(store.city)]

    def look() -> None:
        stamp = dossier_stamp(store.city)
        if stamp != seen[0]:
            seen[0] = stamp
            show()

    pn.state.add_periodic_callback(look, period=_POLL_MS)


def _report_card(store: Store, lang: Lang) -> pn.viewable.Viewable:
    areas = store.city.areas
    districts = areas.index[areas["level"] == "district"] if len(areas) else []
    options = {_WHOLE(lang): ""} | {area_name(store, area, lang): area for area in districts}
    scope = pmui.Select(label=_SCOPE(lang), options=options, value="", size="small", margin=0,
                        sizing_mode="stretch_width")  # fmt: skip
    button = pmui.Button(label=_MAKE(lang), icon="description", color="primary", margin=0)
    result = html("")

    async def make(_: object) -> None:
        button.param.update(loading=True, disabled=True)
        try:  # in a thread, so that other visitors are not held up
            file = await asyncio.to_thread(make_report, store, lang, scope.value)
            text = escape(_READY.format(name=file.name)(lang))
            result.object = (
                f'<a class="download" target="_blank" href="{report_address(file)}">{text}</a>'
            )
        except Exception as error:
            said = str(error) if isinstance(error, LifelineError) else type(error).__name__
            result.object = f'<p class="problem">{escape(_FAILED.format(why=said)(lang))}</p>'
            raise
        finally:
            button.param.update(loading=False, disabled=False)

    button.on_click(make)
    head = html(f'<h2>{_REPORT(lang)}</h2><p class="small muted">{_ABOUT(lang)}</p>')
    return pn.Column(
        head, scope, button, result, margin=0, min_width=300,
        styles={"background": "#fff", "border": "1px solid #e1e6ec", "border-radius": "10px",
                "padding": "14px 18px", "gap": "10px", "flex": "1 1 300px"},
    )  # fmt: skip
