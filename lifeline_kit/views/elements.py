"""Small parts that pages are made of: tiles, choices, the list of warnings, plain HTML."""

from html import escape
from pathlib import Path

import panel as pn
import param
from panel.custom import JSComponent

from lifeline_kit.charts import theme
from lifeline_kit.text import Lang
from lifeline_kit.views.facts import Tile

_HERE = Path(__file__).parent
STYLE = (_HERE / "style.css").read_text(encoding="utf-8")


class Chips(JSComponent):
    """A row of choices: `options` are dicts of key, text and, where wanted, count and colour."""

    options = param.List()
    value = param.String(default="")

    _esm = (_HERE / "chips.js").read_text(encoding="utf-8")
    _stylesheets = [STYLE]  # noqa: RUF012  Panel's way


class WarningList(JSComponent):
    """Open warnings; `chosen` is the asset of the one that was clicked."""

    rows = param.List()
    none = param.String(default="")
    chosen = param.String(default="")

    _esm = (_HERE / "warnings.js").read_text(encoding="utf-8")
    _stylesheets = [STYLE]  # noqa: RUF012  Panel's way


def html(text: str, **layout: object) -> pn.pane.HTML:
    """Show HTML in the style of the pages; everything from a table must be escaped before."""
    layout.setdefault("sizing_mode", "stretch_width")
    return pn.pane.HTML(text, stylesheets=[STYLE], margin=0, **layout)


def tiles_html(tiles: tuple[Tile, ...]) -> str:
    """Write the row of numbers."""
    return f'<div class="tiles">{"".join(map(_tile_html, tiles))}</div>'


def _tile_html(tile: Tile) -> str:
    stripe = f'<i class="stripe" style="background:{tile.colour}"></i>' if tile.colour else ""
    unit = f"<small>{escape(tile.unit)}</small>" if tile.unit else ""
    marks = "".join(
        f'<span>{shape_html(*mark[:4])}<span class="n">{mark[4]}</span></span>'
        for mark in tile.marks
    )
    value = f'<div class="value">{escape(tile.value)}{unit}</div>'
    if marks:
        value = f'<div class="row">{value}<div class="marks">{marks}</div></div>'
    note = "" if marks else f'<div class="note">{escape(tile.note)}</div>'
    return (
        f'<div class="tile" data-tile="{tile.key}" title="{escape(tile.note)}">{stripe}'
        f'<div class="title">{escape(tile.title)}</div>{value}{note}</div>'
    )


def shape_html(shape: str, colour: str, ink: str, mark: str) -> str:
    """Draw the sign of a warning level: numeral, shape and colour say the same."""
    style = f"--fill:{colour};--ink:{ink}"
    return f'<span class="shape {shape}" style="{style}"><span>{mark}</span></span>'


def pill_html(text: str, colour: str) -> str:
    """Write a word on a filled ground."""
    ink = theme.ink_on(colour)
    return f'<span class="pill" style="background:{colour};color:{ink}">{escape(text)}</span>'


def simulated_html(simulated: bool, lang: Lang) -> str:
    """Return the badge of simulated data, or nothing."""
    return f'<span class="badge">{theme.SIMULATED(lang)}</span>' if simulated else ""
