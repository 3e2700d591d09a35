"""Weights: judge lifelines in pairs, see what comes of it, and put it into the city."""

import subprocess
from dataclasses import replace
from html import escape

import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui

from lifeline_kit.checkup.own_weights import judged_anew, save_judgements
from lifeline_kit.checkup.profile import Profile, city_profile
from lifeline_kit.checkup.weights import Weighting, district_scores, lifeline_weights
from lifeline_kit.errors import LifelineError, RulesError
from lifeline_kit.io.live import is_live
from lifeline_kit.lifelines import ALL
from lifeline_kit.methods.weights import judged_weights
from lifeline_kit.text import Lang, Text
from lifeline_kit.views import words
from lifeline_kit.views.desk_layout import NAME_FIRST, WHO, said_html
from lifeline_kit.views.elements import html
from lifeline_kit.views.page import page, session_state
from lifeline_kit.views.state import State
from lifeline_kit.views.store import Store, current_store
from lifeline_kit.views.worker import start_worker

_NAMES = {
    "bridges_roads": Text("桥梁与道路", "Bridges and roads"),
    "emergency": Text("应急管理", "Emergency mgmt"),
}
_HEAD = Text("专项权重：两两比较", "Weights of lifelines: judged in pairs")
_HOW = Text(
    "每格填写“行”比“列”重要多少倍（1 至 9，或 1/2 至 1/9）；对角线以下自动取倒数。",
    "Each cell says how many times more the row counts than the column (1 to 9, or 1/2 to 1/9); "
    "below the diagonal stand the opposites.",
)
_RATIO = Text(
    "一致性比率 CR = {cr:.3f}（须 ≤ {most:g}）",
    "consistency ratio CR = {cr:.3f} (at most {most:g})",
)
_REFUSED = Text("判断自相矛盾，不予采用：{why}", "Refused: {why}")
_COLUMNS = (
    Text("专项", "Lifeline"),
    Text("判断", "Judged"),
    Text("CRITIC", "CRITIC"),
    Text("采用", "Used"),
    Text("现行", "In force"),
    Text("得分", "Score"),
)
_SCORE = Text(
    "城市得分（封顶前）：现行 {now} → 采用 {new}",
    "City score before the cap: in force {now} → used {new}",
)
_MIX = Text(
    "采用 = {a:.0%} 判断 + {b:.0%} CRITIC，每项不低于 {floor:.0%}；片区不足时仅按判断。"
    "依据：{source}（待核）",
    "used = {a:.0%} judged + {b:.0%} CRITIC, none below {floor:.0%}; judgement alone where "
    "districts are too few. Source: {source} (not verified)",
)
_SOURCE = Text("本项目建议（实践说明 4.4）", "project proposal (practice note 4.4)")
_WHY, _SAVE = (
    Text("理由（写入权重文件）", "Reason (stands in the file)"),
    Text("保存为本市权重", "Save for this city"),
)
_SAVED = Text("已保存；正在按新权重重新体检。", "Saved; the city is being examined anew by it.")
_LIVE = Text("已保存；下次体检起采用。", "Saved; the next examination goes by it.")
_CARD = {
    "background": "#fff", "border": "1px solid #e1e6ec", "border-radius": "10px",
    "padding": "12px 16px", "gap": "6px",
}  # fmt: skip
_FIT = {"overflow-x": "auto", "max-width": "calc(100vw - 28px)", "box-sizing": "border-box"}
_CELL = {"sizing_mode": "fixed", "width": 72, "height": 40, "align": "center"}
_MUTED = '<div class="muted small" style="text-align:center;line-height:38px">{text}</div>'
_WORKERS: list[subprocess.Popen] = []


def weights(store: Store | None = None) -> pmui.Page:
    """Build the page of weights of the city that this process serves."""
    store = store or current_store()
    return page(_content, name="weights", store=store, state=session_state())


def _content(store: Store, state: State) -> list[pn.viewable.Viewable]:
    return [_Editor(store, state.lang).layout()]


class _Editor:
    """Cells of the upper half, and what comes of them."""

    def __init__(self, store: Store, lang: Lang) -> None:
        self.store, self.lang = store, lang
        self.profile: Profile = city_profile(store.city)
        self.start = self.profile.weighting.judgements()
        names = list(self.start.index)
        self.cells = {
            (a, b): pmui.TextInput(
                value=_said(self.start.loc[a, b]), label="", size="small", margin=0, width=68,
                max_length=8, sizing_mode="fixed", height=40,
            )
            for i, a in enumerate(names)
            for b in names[i + 1 :]
        }  # fmt: skip
        self.below = {pair: html("", **_CELL) for pair in self.cells}
        self.result, self.said = html(""), html("")
        line = {"size": "small", "margin": (6, 0), "sizing_mode": "stretch_width"}
        self.who = pmui.TextInput(label=WHO(lang), max_length=60, **line)
        self.why = pmui.TextInput(label=_WHY(lang), max_length=200, **line)
        self.save = pmui.Button(label=_SAVE(lang), color="primary", margin=(6, 0))
        self.save.on_click(lambda _: self.kept())
        for cell in self.cells.values():
            cell.param.watch(lambda _: self.draw(), "value")
        self.draw()

    def matrix(self) -> pd.DataFrame:
        """Return the judgements in the cells.

        Raises
        ------
        RulesError
        """
        upper = {pair: _number(cell.value, pair) for pair, cell in self.cells.items()}
        return judged_anew(self.start, upper)

    def draw(self) -> None:
        """Show the opposites, the ratio and the weights; or why there are none."""
        try:
            matrix = self.matrix()
            for (a, b), pane in self.below.items():
                pane.object = _MUTED.format(text=_said(matrix.loc[b, a]))
            judged = judged_weights(matrix, most=self.profile.weighting.most_inconsistent)
        except RulesError as error:
            self.result.object = said_html(_REFUSED.format(why=str(error))(self.lang), good=False)
            self.save.disabled = True
            return
        self.save.disabled = False
        ratio = _RATIO.format(
            cr=judged.consistency_ratio, most=self.profile.weighting.most_inconsistent
        )(self.lang)
        self.result.object = said_html(ratio, good=True) + preview_html(
            self.store.examined().scores, self.profile, matrix, self.lang
        )

    def kept(self) -> None:
        """Save what stands in the cells."""
        if not self.who.value.strip():
            self.said.object = said_html(NAME_FIRST(self.lang), good=False)
            return
        try:
            save_judgements(self.store.city, self.matrix(), by=self.who.value, why=self.why.value)
        except LifelineError as error:
            self.said.object = said_html(str(error), good=False)
            return
        except OSError as error:
            self.said.object = said_html(f"weights.toml: {error.strerror}", good=False)
            return
        path = self.store.city.path
        assert path is not None
        live = is_live(path)
        if not live:  # the worker of a live city looks by itself; another one has long ended
            _WORKERS[:] = [each for each in _WORKERS if each.poll() is None]
            _WORKERS.append(start_worker(path))
        self.said.object = said_html((_LIVE if live else _SAVED)(self.lang), good=True)

    def layout(self) -> pn.viewable.Viewable:
        """Put the matrix above what comes of it."""
        names = list(self.start.index)
        head = [html("", **_CELL), *(_name(name, self.lang) for name in names)]
        rows = []
        for i, a in enumerate(names):
            rows.append(_name(a, self.lang))
            for j, b in enumerate(names):
                if i == j:
                    rows.append(html(_MUTED.format(text="1"), **_CELL))
                else:
                    rows.append(self.cells[a, b] if i < j else self.below[b, a])
        grid = pn.GridBox(
            *head, *rows, ncols=len(names) + 1, margin=(8, 0), width=76 * (len(names) + 1)
        )
        title = html(f'<h2>{_HEAD(self.lang)}</h2><p class="small muted">{_HOW(self.lang)}</p>')
        left = pn.Column(
            title, grid, margin=0, sizing_mode="stretch_width",
            styles=_CARD | {"flex": "3 1 640px"} | _FIT,
        )  # fmt: skip
        right = pn.Column(
            self.result, self.who, self.why, self.save, self.said, margin=0,
            sizing_mode="stretch_width", styles=_CARD | {"flex": "2 1 340px"} | _FIT,
        )  # fmt: skip
        return pn.FlexBox(
            left, right, margin=0, gap="10px", align_items="flex-start",
            styles={"padding": "10px 14px 24px", "box-sizing": "border-box"},
            sizing_mode="stretch_width",
        )  # fmt: skip


def _name(name: str, lang: Lang) -> pn.pane.HTML:
    title = _NAMES[name](lang) if name in _NAMES else words.lifeline_title(name, lang)
    return html(f'<div class="small"><b>{escape(title)}</b></div>', **_CELL)


def _said(value: float) -> str:
    """Write 3 or 1/3."""
    if value >= 1 or not value > 0:
        return f"{value:.3g}"
    return f"1/{1 / value:.3g}"


def _number(text: str, pair: tuple[str, str]) -> float:
    """Read 3, 0.5 or 1/3.

    Raises
    ------
    RulesError
    """
    part, _, below = text.strip().partition("/")
    try:
        value = float(part) / (float(below) if below else 1.0)
    except (ValueError, ZeroDivisionError):
        value = np.nan
    if not (np.isfinite(value) and 1 / 9.5 < value < 9.5):
        raise RulesError(
            f"({pair[0]}, {pair[1]}) is {text[:20]!r}; expected a number from 1 to 9, or from 1/2 "
            "to 1/9."
        )
    return value


def preview_html(scores: pd.DataFrame, profile: Profile, matrix: pd.DataFrame, lang: Lang) -> str:
    """Write weights by a matrix beside those in force, and what the city's score would be."""
    city = scores[(scores["scope"] == "lifeline") & (scores["indicator"] == "total")]
    total = city.set_index("subject")["score"]
    present = [each for each in ALL if each.key in total.index]
    by_district = district_scores(scores)
    own = profile.weighting
    tables = {
        name: lifeline_weights(weighting, present, by_district)
        for name, weighting in (("now", own), ("new", _with(own, matrix)))
    }
    new, now = tables["new"], tables["now"]
    head = "".join(f"<th class='text'>{title(lang)}</th>" for title in _COLUMNS)
    rows = "".join(
        f"<tr data-weight='{key}'>"
        f"<td class='text'>{escape(words.lifeline_title(str(key), lang))}</td>"
        f"<td>{row['judged']:.3f}</td><td>{_or_dash(row['critic'])}</td>"
        f"<td><b>{row['weight']:.3f}</b></td><td>{now['weight'][key]:.3f}</td>"
        f"<td>{_or_dash(total[key], 1)}</td></tr>"
        for key, row in new.iterrows()
    )
    means = {name: _or_dash(_mean(total, table["weight"]), 1) for name, table in tables.items()}
    mix = _MIX.format(
        a=own.judged_share, b=1 - own.judged_share, floor=own.floor, source=_SOURCE(lang)
    )
    return (
        f"<table class='cold'><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        f"<p>{_SCORE.format(**means)(lang)}</p><p class='small muted'>{mix(lang)}</p>"
    )


def _with(weighting: Weighting, matrix: pd.DataFrame) -> Weighting:
    return replace(weighting, matrix=tuple(map(tuple, matrix.to_numpy().tolist())))


def _mean(score: pd.Series, weight: pd.Series) -> float:
    known = score.dropna()
    heavy = weight[known.index]
    return float((known * heavy).sum() / heavy.sum()) if len(known) else np.nan


def _or_dash(value: float, digits: int = 3) -> str:
    return "–" if np.isnan(value) else f"{value:.{digits}f}"
