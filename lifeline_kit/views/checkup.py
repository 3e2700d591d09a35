"""Check-up: the scores of the city, its lifelines and districts, and the report to take away."""

import asyncio
from html import escape

import panel as pn
import panel_material_ui as pmui

from lifeline_kit.errors import LifelineError
from lifeline_kit.text import Lang, Text
from lifeline_kit.views.elements import html
from lifeline_kit.views.page import page, session_state
from lifeline_kit.views.report import make_report, report_address
from lifeline_kit.views.scoretables import (
    area_name,
    city_html,
    districts_html,
    lifelines_html,
)
from lifeline_kit.views.state import State
from lifeline_kit.views.store import Store, current_store

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
    scores, lang = store.examined().scores, state.lang
    top = pn.Row(
        html(city_html(store, scores, lang), styles={"flex": "3"}),
        _report_card(store, lang),
        sizing_mode="stretch_width",
        styles={"gap": "12px", "flex-wrap": "wrap"},
        margin=0,
    )
    tables = [html(lifelines_html(scores, lang)), html(districts_html(store, scores, lang))]
    body = {"padding": "12px 16px 24px", "gap": "12px", "box-sizing": "border-box"}
    frame = body | {"height": "calc(100vh - 58px)", "overflow-y": "auto"}
    return [pn.Column(top, *tables, sizing_mode="stretch_width", margin=0, styles=frame)]


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
                "padding": "14px 18px", "gap": "10px", "flex": "1"},
    )  # fmt: skip
