"""The frame of every page: header, language, city, and the cure of a leak of sessions."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from html import escape
from importlib.resources import files
from pathlib import Path

import panel as pn
import panel_material_ui as pmui
from panel.io.resources import LOCAL_DIST

from lifeline_kit.charts.fonts import STACK
from lifeline_kit.text import Lang, Text
from lifeline_kit.views import words
from lifeline_kit.views.elements import html, simulated_html
from lifeline_kit.views.state import State, state_of
from lifeline_kit.views.store import Store

PAGES = {
    "overview": Text("总览", "Overview"),
    "desk": Text("预警台", "Warnings"),
    "alarms": Text("报警", "Alarms"),
    "triage": Text("燃气研判", "Gas triage"),
    "network": Text("燃气管网", "Gas network"),
    "heating": Text("供热", "Heating"),
    "checkup": Text("体检", "Check-up"),
    "weights": Text("权重", "Weights"),
}
_BRAND = Text("城市生命线", "City lifelines")
_AT = Text("数据截至 {at}", "Data up to {at}")
_WAIT = Text("正在体检全市设施…", "Examining the city…")
_WAIT_MORE = Text(
    "首次打开或数据更新后需要几分钟。完成后本页自动刷新。",
    "This takes a few minutes after the first start or after new data. The page refreshes itself.",
)
_FAILED = Text("体检未能完成", "The examination failed")
_FIRST = Text("等待首个读数", "Waiting for the first reading")
_FIRST_MORE = Text(
    "实时库中尚无读数；收到后自动开始体检。",
    "The live store holds no reading yet; the check-up begins by itself when one has come.",
)
_STAGES = {
    "tiles": Text("绘制地图切片", "drawing the map"),
    "quality": Text("数据质量检查", "checking the quality of the data"),
    "coupling": Text("跨专项关联分析", "following effects between lifelines"),
    "cases": Text("整理研判材料", "gathering what decides open cases"),
    "warnings": Text("预警分级", "grading warnings"),
    "risk": Text("风险评估", "assessing risk"),
    "scores": Text("评分", "scoring"),
}
_POLL_MS = 4000
_PAPER = {"background": "#f3f5f8"}
_BODY = f":root {{ --ll-font: {STACK}; }} body {{ margin: 0; background: #f3f5f8; }}"
_LANG_SWITCH = (  # window.URL: inside an attribute plain URL is the document's address
    "const u=new window.URL(location.href);u.searchParams.set('lang','{lang}');"
    "location.href=u;return false"
)
_SX = {
    "& .MuiAppBar-root": {
        "backgroundColor": "#ffffff",
        "color": "#1f2933",
        "boxShadow": "none",
        "borderBottom": "1px solid #e1e6ec",
    },
    "& .MuiToolbar-root": {"minHeight": "56px !important", "paddingRight": "20px"},
    "& main": {"backgroundColor": "#f3f5f8"},
}
_THEME = {
    "palette": {"primary": {"main": "#1f5fa8"}},
    "typography": {"fontFamily": STACK, "button": {"textTransform": "none"}},
    "shape": {"borderRadius": 8},
}

pn.config.respect_explicit_sizing = True  # the layouts here say what they mean


def session_state() -> State:
    """Return the choices that stand in the address of this session's page."""
    return state_of(pn.state.session_args)


def page(
    content: Callable[[Store, State], Sequence[pn.viewable.Viewable]],
    *,
    name: str,
    store: Store,
    state: State,
) -> pmui.Page:
    """Frame a page.

    Parameters
    ----------
    content : callable (store, state) -> list of Panel objects
        Called where an examination is stored; otherwise the page says what it waits for.
    name : str
        Key of `PAGES`.
    store : Store
    state : State
        Read from the address by `session_state`.
    """
    if pn.state.curdoc is not None:
        # a session that a websocket makes anew, after the browser slept, was never asked for as a
        # page: without this Panel would send the browser to a content network for its styles
        pn.state.curdoc.template_variables.setdefault("dist_url", LOCAL_DIST)
    ready = store.examination() is not None
    title = f"{_BRAND(state.lang)} · {store.city.name(state.lang)}"
    framed = pmui.Page(
        meta_title=f"{PAGES[name](state.lang)} · {title}",  # the header carries a brand of its own
        header=[html(_header(store, state, name))],
        main=list(content(store, state)) if ready else [_waiting(store, state.lang)],
        theme_toggle=False,
        template=_template(state.lang),
        theme_config=_THEME,
        sx=_SX,
        busy_indicator="linear",
        sidebar_variant="temporary",  # a persistent one shifts the page even where it is empty
        sidebar_open=False,
    )
    if pn.state.curdoc is not None and pn.state.curdoc.session_context:
        _follow(store)
        pn.state.on_session_destroyed(_release(framed))
    return framed


def _release(framed: pmui.Page) -> Callable[[object], None]:
    """Cut what ties a page to the process.

    pmui.Page watches the global busy state, and that watcher keeps the page with all its children
    alive after the session has gone: about 1 MB each.
    """

    def release(_: object) -> None:
        watchers = framed._param__private.ref_watchers
        for _, watcher in watchers:
            watcher.inst.param.unwatch(watcher)
        watchers.clear()

    return release


def _follow(store: Store) -> None:
    """Load the page anew when another examination, or the map, is there.

    The choices stand in the address, so a visitor finds the page as it was.
    """
    began = store.stamp()

    def look() -> None:
        if store.stamp() != began and pn.state.location is not None:
            pn.state.location.reload = True

    pn.state.add_periodic_callback(look, period=_POLL_MS)


def _header(store: Store, state: State, name: str) -> str:
    lang, city = state.lang, store.city
    examination = store.examination()
    links = "".join(
        f'<a href="{key}?lang={lang}"{" class=here" if key == name else ""}>{title(lang)}</a>'
        for key, title in PAGES.items()
    )
    at = ""
    if examination is not None:
        moment = words.moment_words(examination.at, city.time_zone, year=True)
        at = f'<span class="at">{_AT.format(at=moment)(lang)}</span>'
    other: Lang = "en" if lang == "zh" else "zh"
    word = "English" if lang == "zh" else "中文"
    switch = (
        f'<a class="lang" href="?lang={other}" lang="{other}" '
        f'onclick="{_LANG_SWITCH.format(lang=other)}">{word}</a>'
    )
    return (
        f'<div class="bar"><span class="brand">{_BRAND(lang)}'
        f'<span class="city">{escape(city.name(lang))}</span></span>{links}'
        f'<span class="space"></span>{simulated_html(city.origin == "simulated", lang)}{at}{switch}'
        "</div>"
    )


def _waiting(store: Store, lang: Lang) -> pn.viewable.Viewable:
    pane = html(_waiting_html(store, lang), styles=_PAPER)
    if pn.state.curdoc is not None and pn.state.curdoc.session_context:

        def look() -> None:
            pane.object = _waiting_html(store, lang)

        pn.state.add_periodic_callback(look, period=1500)
    return pane


def _waiting_html(store: Store, lang: Lang) -> str:
    said = store.progress()
    if said.get("state") == "failed":
        return (
            f'<div class="wait"><h2>{_FAILED(lang)}</h2>'
            f'<p class="problem">{escape(said.get("message", ""))}</p></div>'
        )
    if said.get("state") == "waiting":
        return (
            f'<div class="wait" role="status"><h2>{_FIRST(lang)}</h2>'
            f'<p class="muted">{_FIRST_MORE(lang)}</p></div>'
        )
    stage = said.get("stage", "")
    doing = _STAGES[stage](lang) if stage in _STAGES else words.lifeline_title(stage, lang)
    share = 100 * said.get("done", 0) / said["of"] if said.get("of") else 3
    return (
        f'<div class="wait" role="status"><h2>{_WAIT(lang)}</h2>'
        f'<p class="muted">{_WAIT_MORE(lang)}</p>'
        f'<div class="track"><i style="width:{share:.0f}%"></i></div>'
        f'<p class="small muted">{escape(doing)}</p></div>'
    )


@lru_cache(maxsize=2)
def _template(lang: Lang) -> str:
    """Return pmui's own page template in the language of the page, with our typeface."""
    source = Path(str(files("panel_material_ui") / "_templates" / "base.html"))
    text = source.read_text(encoding="utf-8")
    code = "zh-CN" if lang == "zh" else "en"
    calm = "#loader { background: #f3f5f8 !important; } #loader.error { background: none; }"
    text = text.replace('<html lang="en"', f'<html lang="{code}"', 1)
    return text.replace("</head>", f"<style>{_BODY} {calm}</style></head>", 1)
