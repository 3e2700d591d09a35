"""Gas network: risk, pressure and what could be detected, on a map; valves and plans beside it."""

import panel as pn
import panel_material_ui as pmui

from lifeline_kit.charts.segments import segments_chart
from lifeline_kit.text import Text
from lifeline_kit.views.elements import Chips, WarningList, html
from lifeline_kit.views.network_facts import (
    LAYERS,
    NONE,
    legend_html,
    network_facts,
    plans_html,
    segment_html,
    segments,
    worst_rows,
)
from lifeline_kit.views.page import page, session_state
from lifeline_kit.views.state import State
from lifeline_kit.views.store import Store, current_store

_WORST = Text("风险最高管段", "Worst segments")
_UNKNOWN = Text(
    "管龄或设计压力缺失，未评定风险。", "Age or design pressure missing: no risk stated."
)
_CARD = {"background": "#ffffff", "border": "1px solid #e1e6ec", "border-radius": "10px"}


def network(store: Store | None = None) -> pmui.Page:
    """Build the page of the gas network of the city that this process serves."""
    store = store or current_store()
    return page(_content, name="network", store=store, state=session_state())


def _content(store: Store, state: State) -> list[pn.viewable.Viewable]:
    facts = network_facts(store.examined())
    if facts is None:
        return [html(f'<div class="list"><span class="none">{NONE(state.lang)}</span></div>')]
    rows = worst_rows(store.city, facts, state.lang)
    known = set(facts["segments"]["asset"])
    if state.asset not in known:
        state.asset = next((row["asset"] for row in rows if row["asset"] in known), "")
    listing = WarningList(
        rows=rows, none=_UNKNOWN(state.lang), sizing_mode="stretch_width", margin=0
    )
    listing.param.watch(lambda event: event.new and setattr(state, "asset", event.new), "chosen")
    head = f'<div class="head"><h2>{_WORST(state.lang)}</h2></div>'
    left = pn.Column(
        html(head), listing, margin=0, scroll="y-auto", sizing_mode="stretch_height",
        styles=_CARD | {"width": "clamp(220px, 19vw, 300px)", "flex": "none"},
    )  # fmt: skip
    frame = {
        "height": "calc(100vh - 58px)", "padding": "10px 14px 12px", "gap": "10px",
        "box-sizing": "border-box", "min-height": "560px",
    }  # fmt: skip
    row = pn.Row(
        left, _middle(facts, store, state), _right(facts, store, state),
        sizing_mode="stretch_width", margin=0, styles=frame,
    )  # fmt: skip
    return [row]


def _middle(facts: dict, store: Store, state: State) -> pn.viewable.Viewable:
    """The map with its choice of layer."""
    options = [{"key": key, "text": title(state.lang)} for key, (title, _) in LAYERS.items()]
    chips = Chips(options=options, value="grade", margin=0)
    legend = html("")
    holder = pn.Column(margin=0, sizing_mode="stretch_both", styles={"min-height": "0"})
    table = segments(facts)
    lines = store.city.assets.geometry[table.index]
    spaces = [each["asset"] for each in facts["terminals"]]
    marks = {name: store.city.assets.geometry[name].centroid for name in spaces}

    def draw(_: object = None) -> None:
        layer = chips.value if chips.value in LAYERS else "grade"
        legend.object = legend_html(state.lang, layer, facts.get(f"assumed_{state.lang}", []))
        chart, source = segments_chart(
            lines, table[layer].tolist(), unit=LAYERS[layer][1], chosen=state.asset, marks=marks
        )

        def clicked(_attr: str, _old: list, new: list) -> None:
            if new:
                state.asset = str(source.data["name"][new[0]])

        source.selected.on_change("indices", clicked)
        holder[:] = [pn.pane.Bokeh(chart, sizing_mode="stretch_both", margin=0)]

    chips.param.watch(draw, "value")
    state.param.watch(draw, "asset")
    draw()
    return pn.Column(
        chips, legend, holder, margin=0, sizing_mode="stretch_both",
        styles=_CARD | {"padding": "10px 12px", "min-width": "0"},
    )  # fmt: skip


def _right(facts: dict, store: Store, state: State) -> pn.viewable.Viewable:
    """The chosen segment with its valves, then plans for the whole network."""
    chosen = html("", styles={"flex": "none"})

    def draw(_: object = None) -> None:
        if state.asset:
            chosen.object = segment_html(store.city, facts, state.asset, state.lang)
            if pn.state.location is not None:
                pn.state.location.update_query(asset=state.asset)

    state.param.watch(draw, "asset")
    draw()
    plans = html(plans_html(store.city, facts, state.lang), styles={"flex": "none"})
    return pn.Column(
        chosen, plans, margin=0, scroll="y-auto", sizing_mode="stretch_height",
        styles=_CARD | {"width": "clamp(280px, 27vw, 440px)", "flex": "none"},
    )  # fmt: skip
