"""The map of the overview: risk of the assets, open warnings, and what follows a click."""

from lifeline_kit.text import Lang
from lifeline_kit.views.facts import risk_levels, warning_rows
from lifeline_kit.views.riskmap import RiskMap, library_path, map_words, risk_legend
from lifeline_kit.views.state import State
from lifeline_kit.views.store import Store
from lifeline_kit.views.tiles import tile_address

_MOST = 200  # warnings marked
_FRAME = {"border": "1px solid #e1e6ec", "border-radius": "10px", "overflow": "hidden"}


def city_map(store: Store, state: State) -> RiskMap:
    """Show the risk of every asset; a click chooses one, the chosen lifeline restricts it."""
    lang = state.lang
    levels = risk_levels(store.city, store.examined())
    borders, names = store.districts(lang)
    lifelines = store.city.assets["lifeline"].to_numpy()

    def counts() -> dict:
        own = levels[lifelines == state.lifeline] if state.lifeline else levels
        return risk_legend({level: int((own == level).sum()) for level in range(5)}, lang)

    shown = RiskMap(
        library=library_path(), tiles=tile_address(store.city), bounds=store.bounds(),
        districts=borders, names=names, levels=levels.tobytes(), lifeline=state.lifeline,
        marks=_marks(store, lang), selected=store.row_of(state.asset), legend=counts(),
        focus=store.places([state.asset])[0] if state.asset else [], words=map_words(lang),
        sizing_mode="stretch_both", margin=0, styles=_FRAME, min_height=320,
    )  # fmt: skip

    def clicked(_: object) -> None:
        if shown.selected >= 0:
            state.asset = str(store.city.assets.index[shown.selected])

    def follow(_: object) -> None:
        shown.selected = store.row_of(state.asset)
        shown.focus = store.places([state.asset])[0] if state.asset else []

    def restrict(_: object) -> None:
        shown.param.update(lifeline=state.lifeline, legend=counts())

    shown.param.watch(clicked, "selected")
    state.param.watch(follow, "asset")
    state.param.watch(restrict, "lifeline")
    return shown


def _marks(store: Store, lang: Lang) -> list[dict]:
    """Open warnings for the map, the gravest last so that it lies on top."""
    rows = warning_rows(store.city, store.examined(), lang)[:_MOST][::-1]
    lifelines = store.city.assets["lifeline"]
    rows = [row for row in rows if row["asset"] in lifelines.index]
    places = store.places([str(row["asset"]) for row in rows]) if rows else []
    return [
        {"id": store.row_of(str(row["asset"])), "at": place,
         "lifeline": str(lifelines[row["asset"]]),
         "title": f"{row['level']} · {row['title']} · {row['place']}"}
        | {key: row[key] for key in ("shape", "colour", "ink", "mark")}
        for row, place in zip(rows, places, strict=True)
    ]  # fmt: skip
