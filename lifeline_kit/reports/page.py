"""The page of a report: one file of HTML for the screen, and the same for paper."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape
from matplotlib.figure import Figure as Drawing

from lifeline_kit.charts.print import svg_of
from lifeline_kit.charts.theme import CAUSE, RISK
from lifeline_kit.checkup.whole import DIMENSIONS, RESPONSE
from lifeline_kit.methods.rules import LEVEL_NAMES
from lifeline_kit.reports.drawings import Drawings
from lifeline_kit.reports.figures import Figure
from lifeline_kit.reports.read_back import META
from lifeline_kit.reports.words import words
from lifeline_kit.text import Lang


@dataclass(frozen=True, slots=True, kw_only=True)
class Charts:
    """The charts of a page as SVG."""

    map: Markup
    scores: Markup
    series: dict[str, list[Markup]]


def charts_of(drawings: Drawings) -> Charts:
    """Write charts as SVG, once for both pages."""
    return Charts(
        map=_svg(drawings.map) if drawings.map is not None else Markup(),
        scores=_svg(drawings.scores) if drawings.scores is not None else Markup(),
        series={key: [_svg(each) for each in found] for key, found in drawings.series.items()},
    )


def _svg(figure: Drawing) -> Markup:
    return Markup(svg_of(figure))


def _as_pictures(charts: Charts) -> Charts:
    """Put charts into the page as pictures, still vectors.

    Drawn into the page, every stroke would go through the page's own style rules: WeasyPrint took
    half as long again.
    """
    return Charts(
        map=_picture(charts.map),
        scores=_picture(charts.scores),
        series={key: [_picture(each) for each in found] for key, found in charts.series.items()},
    )


def _picture(svg: Markup) -> Markup:
    if not svg:
        return svg
    data = base64.b64encode(svg.encode()).decode()
    return Markup(f'<img alt="" src="data:image/svg+xml;base64,{data}">')


def page(
    values: dict,
    charts: Charts,
    *,
    lang: Lang,
    attached: Sequence[str] = (),
    attachment: bytes | None = None,
) -> str:
    """Lay a report out as HTML.

    Parameters
    ----------
    values : dict
        The plain report, from `figures.plain`.
    charts : Charts
    lang : {'zh', 'en'}
    attached : sequence of str
        Names of the files that go with the report.
    attachment : bytes, optional
        A zip that the page carries; the page then marks every value with its query id. Without
        it the page is meant for paper.
    """
    on_screen = attachment is not None
    about = {key: values[key] for key in ("lang", "district", "period", "at", "version", "book")}
    shown = charts if on_screen else _as_pictures(charts)
    template = environment().get_template("checkup.html.j2")
    return template.render(
        report=Figure(values, lang=lang, marked=on_screen),
        plain=Figure(values, lang=lang),
        w={key: escape(text) for key, text in words(lang).items()},
        lang=lang,
        charts=shown,
        on_screen=on_screen,
        about=json.dumps(about),
        meta=META,
        attached=", ".join(attached),
        attachment=base64.b64encode(attachment or b"").decode(),
        cause_colours=CAUSE,
        level_names={str(level): name for level, name in LEVEL_NAMES.items()},
        dimensions={key: text(lang) for key, text in (DIMENSIONS | {"response": RESPONSE}).items()},
        risk_titles={str(level): grade.text(lang) for level, grade in RISK.items()},
    )


@lru_cache(maxsize=1)
def environment() -> jinja2.Environment:
    """Return the room's templates: everything from data is escaped, nothing may be undefined."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"number": _number, "share": _share, "year": _year, "form": _form}
    templates.tests["known"] = _known
    return templates


def _known(value: Any) -> bool:
    return value.bare is not None


def _number(figure: Figure, digits: int = 0) -> Markup:
    return figure.mark(figure.as_number(digits))


def _share(figure: Figure, digits: int = 1) -> Markup:
    return figure.mark(figure.as_share(digits))


def _year(figure: Figure) -> Markup:
    return figure.mark(figure.as_number().replace(",", ""))


def _form(figure: Figure, form: str) -> Markup:
    """Write a number in a form of `%`, a dash where it is unknown."""
    return figure.mark("–" if figure.bare is None else form % figure.bare)
