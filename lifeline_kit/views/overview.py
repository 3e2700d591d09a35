"""Overview: where the city stands now. A map, its numbers, open warnings, and one asset in full."""

import panel as pn
import panel_material_ui as pmui

from lifeline_kit.charts import theme
from lifeline_kit.text import Lang, Text
from lifeline_kit.views import words
from lifeline_kit.views.citymap import city_map
from lifeline_kit.views.detail import detail
from lifeline_kit.views.elements import Chips, WarningList, html, tiles_html
from lifeline_kit.views.facts import open_warnings, tiles, warning_rows
from lifeline_kit.views.page import page, session_state
from lifeline_kit.views.state import State
from lifeline_kit.views.store import Store, current_store

_WARNINGS = Text("未消除预警", "Open warnings")
_HINT = Text("点击一条预警或地图上的设施查看详情", "Click a warning, or an asset on the map")
_NONE = Text("目前没有未消除的预警。", "There is no open warning.")
_BACK = Text("返回预警列表", "Back to the warnings")
_NO_MAP = Text("这座城市的设施没有坐标，无法显示地图。", "The assets have no coordinates: no map.")
_CARD = {"background": "#ffffff", "border": "1px solid #e1e6ec", "border-radius": "10px"}
_MOST = 200  # warnings in the list


def overview(store: Store | None = None) -> pmui.Page:
    """Build the overview of the city that this process serves."""
    store = store or current_store()
    return page(_content, name="overview", store=store, state=session_state())


def _content(store: Store, state: State) -> list[pn.viewable.Viewable]:
    if state.asset not in store.city.assets.index:
        state.asset = ""
    if state.lifeline not in words.LIFELINES:
        state.lifeline = ""
    numbers = html(_numbers(store, state))
    chips = Chips(
        options=_choices(store, state.lang),
        value=state.lifeline,
        sizing_mode="stretch_width",
        margin=0,
    )
    chips.param.watch(lambda event: setattr(state, "lifeline", event.new), "value")
    side = _Side(store, state)
    left: list[pn.viewable.Viewable] = [chips]
    if store.has_map:
        left.append(city_map(store, state))
    else:
        left.append(html(f'<div class="card">{_NO_MAP(state.lang)}</div>'))

    def redraw(_: object) -> None:
        numbers.object = _numbers(store, state)
        side.draw()

    def remember(_: object) -> None:
        if pn.state.location is not None:
            pn.state.location.update_query(lifeline=state.lifeline, asset=state.asset)

    state.param.watch(redraw, "lifeline")
    state.param.watch(lambda _: side.draw(), "asset")
    state.param.watch(remember, ["lifeline", "asset"])
    lower = pn.Row(
        pn.Column(
            *left, sizing_mode="stretch_both", margin=0, styles={"gap": "10px", "min-width": "0"}
        ),
        side.column,
        sizing_mode="stretch_both",
        margin=0,
        styles={"gap": "12px", "min-height": "0"},
    )
    return [
        pn.Column(
            numbers,
            lower,
            sizing_mode="stretch_width",
            margin=0,
            styles={
                "height": "calc(100vh - 58px)", "padding": "12px 16px 14px", "gap": "12px",
                "box-sizing": "border-box", "min-height": "560px",
            },
        )
    ]  # fmt: skip


class _Side:
    """The right column: the list of warnings, or one asset in full."""

    def __init__(self, store: Store, state: State) -> None:
        self.store, self.state = store, state
        self.column = pn.Column(
            sizing_mode="stretch_height",
            margin=0,
            scroll="y-auto",
            styles=_CARD | {"width": "clamp(330px, 31vw, 540px)", "flex": "none"},
            css_classes=["side"],
        )
        self.draw()

    def draw(self) -> None:
        if self.state.asset:
            back = pmui.Button(
                label=_BACK(self.state.lang), icon="arrow_back", variant="text", size="small",
                margin=(8, 8, 0, 8),
            )  # fmt: skip
            back.on_click(lambda _: setattr(self.state, "asset", ""))
            self.column[:] = [back, *detail(self.store, self.state.asset, self.state.lang)]
        else:
            self.column[:] = self._warnings()

    def _warnings(self) -> list[pn.viewable.Viewable]:
        lang, examination = self.state.lang, self.store.examined()
        rows = warning_rows(self.store.city, examination, lang, self.state.lifeline)
        listing = WarningList(
            rows=rows[:_MOST], none=_NONE(lang), sizing_mode="stretch_width", margin=0
        )
        listing.param.watch(
            lambda event: event.new and setattr(self.state, "asset", event.new), "chosen"
        )
        head = (
            f'<div class="head"><h2>{_WARNINGS(lang)} {len(rows)}</h2>'
            f'<span class="muted">{_HINT(lang)}</span></div>'
        )
        return [html(head), listing]


def _numbers(store: Store, state: State) -> str:
    return tiles_html(tiles(store.examined(), state.lang, state.lifeline))


def _choices(store: Store, lang: Lang) -> list[dict]:
    counts = open_warnings(store.examined()).groupby("lifeline")["level"].agg(["size", "min"])
    present = set(store.city.assets["lifeline"].unique())
    options: list[dict] = [{"key": "", "text": words.ALL_LIFELINES(lang)}]
    for key, title in words.LIFELINES.items():
        if key in present:
            worst = theme.WARNING.get(int(counts["min"].get(key, 0)))
            colours = {"colour": worst.colour, "ink": worst.ink} if worst else {}
            options.append(
                {
                    "key": key,
                    "text": title(lang),
                    "count": int(counts["size"].get(key, 0)),
                    **colours,
                }
            )
    return options
