"""The part of the check-up page on risk: by asset, cell or district, and what sensors watch."""

import panel as pn

from lifeline_kit.checkup.dossier import Dossier
from lifeline_kit.text import Text
from lifeline_kit.views import riskplaces, words
from lifeline_kit.views.citymap import city_map
from lifeline_kit.views.elements import Chips, html
from lifeline_kit.views.placerows import asset_html, place_html
from lifeline_kit.views.riskplaces import coverage_html, place_title, places_html
from lifeline_kit.views.state import State
from lifeline_kit.views.store import Store

PLACES = riskplaces.PLACES | {"assets": Text("单体设施", "Single assets")}
_CARD = {"background": "#fff", "border": "1px solid #e1e6ec", "border-radius": "10px",
         "padding": "14px 18px", "gap": "12px", "flex-wrap": "wrap"}  # fmt: skip


def risk_part(
    store: Store, told: Dossier, state: State, places: Chips, place: str
) -> list[pn.viewable.Viewable]:
    """Lay out the map that was chosen, the assets of a chosen place, and the coverage.

    Parameters
    ----------
    store : Store
    told : Dossier
    state : State
    places : Chips
        Tells the scale, a key of `PLACES`; those that the city has become its options.
    place : str
        Id of a place of this scale; empty for none.
    """
    lang, scale = state.lang, places.value
    places.options = [
        {"key": key, "text": title(lang)}
        for key, title in PLACES.items()
        if (store.has_map if key == "assets" else key == "cells_1000" or len(getattr(told, key)))
    ]
    coverage = html(
        coverage_html(told, {key: title(lang) for key, title in words.LIFELINES.items()}, lang)
    )
    if scale == "assets" and store.has_map:
        return [places, _assets(store, state), coverage]
    shown = [html(places_html(store, told, scale, lang))]
    if place:
        title = place_title(store, told, scale, place, lang)
        shown.insert(0, html(place_html(store, told, scale, place, title, lang)))
    return [places, *shown, coverage]


def _assets(store: Store, state: State) -> pn.viewable.Viewable:
    """Every asset in its colour; a click says where the colour comes from."""
    said = html(asset_html(store, state.asset, state.lang))

    def tell(_: object) -> None:
        said.object = asset_html(store, state.asset, state.lang)

    state.param.watch(tell, "asset")
    shown = city_map(store, state)
    shown.param.update(sizing_mode="stretch_width", height=520)
    return pn.Row(
        pn.Column(shown, margin=0, styles={"flex": "3 1 320px", "min-width": "0"}),
        pn.Column(said, margin=0, styles={"flex": "1 1 260px", "min-width": "0"}),
        sizing_mode="stretch_width", margin=0, styles=_CARD,
    )  # fmt: skip
