"""Weights: how much each lifeline counts, judged in pairs, tried at once and kept by the centre."""

import subprocess
import tempfile
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui
import param
from panel.custom import JSComponent

from lifeline_kit.checkup.own_weights import (
    CRITERIA,
    SCALE,
    Trial,
    drop_own_weights,
    judgement_cells,
    own_weights_mark,
    previewed,
    save_own_weights,
    tried,
)
from lifeline_kit.checkup.profile import WEIGHTS
from lifeline_kit.checkup.weights import Weighting, load_weighting, read_weighting
from lifeline_kit.errors import InputError, LifelineError
from lifeline_kit.io.live import is_live
from lifeline_kit.text import Lang, Text
from lifeline_kit.views import words
from lifeline_kit.views.desk_layout import clock
from lifeline_kit.views.elements import STYLE, html
from lifeline_kit.views.page import page, session_state
from lifeline_kit.views.state import State
from lifeline_kit.views.store import Store, current_store
from lifeline_kit.views.worker import start_worker

_TITLE = Text("专项权重：两两比较", "Weights of lifelines, judged in pairs")
_HOW = Text(
    "行比列重要多少倍（1–9）；改一格，对角的一格随之取倒数。",
    "How many times the row matters as much as the column (1-9); its opposite follows by itself.",
)
_RATIO = Text(
    "一致性比率 CR = {ratio:.4f}，小于 {most:g}，可以采用。",
    "Consistency ratio CR = {ratio:.4f}, below {most:g}: acceptable.",
)
_REFUSED = Text("判断未通过，没有权重。", "The judgements are refused; no weights follow.")
_PREVIEW = Text("得出的权重", "The weights that follow")
_MIX = Text(
    "权重 = {judged:g} × AHP 判断 + {rest:g} × CRITIC（各片区得分），每项不低于 {floor:g}。"
    "CRITIC 需要的片区不足时，只用判断。",
    "Weight = {judged:g} × judgement (AHP) + {rest:g} × CRITIC (scores of districts), none below "
    "{floor:g}. Where districts are too few for CRITIC, judgement stands alone.",
)
_LIFELINE, _JUDGED = Text("专项", "Lifeline"), Text("判断 (AHP)", "Judged (AHP)")
_CRITIC, _WEIGHT = Text("数据 (CRITIC)", "Data (CRITIC)"), Text("权重", "Weight")
_IN_USE, _SCORE = Text("现用", "In use"), Text("得分", "Score")
_CITY = Text("城市得分（封顶前）", "City, before the cap")
_OWN = Text("现用：本中心权重", "In use: the centre's own")
_SHIPPED = Text("现用：随附权重（依据待核）", "In use: as shipped (not verified)")
_FILE, _WHO = (
    Text("或读入权重文件 (TOML)", "Or read a file of weights (TOML)"),
    Text("姓名", "Name"),
)
_REASON = Text("理由或依据文号", "Reason, or number of the decision")
_SAVE, _BACK = Text("采用这些权重", "Use these weights"), Text("恢复随附权重", "Use those shipped")
_NOT_TAKEN = Text("文件未采用：{why}", "The file was not taken: {why}")
_NOT_SAVED = Text("未保存：{why}", "Not saved: {why}")
_NAME_FIRST = Text("请先填写姓名和理由。", "Fill in a name and a reason first.")
_SAVED = Text(
    "已保存。正在按新权重重新体检，完成后各页自动刷新。",
    "Kept. The city is examined with them; the pages refresh themselves when it is done.",
)
_NO_FOLDER = Text("这座城市没有存盘，不能保存。", "This city was never saved; nothing can be kept.")
_MOST_BYTES = 100_000
_WORKERS: list[subprocess.Popen] = []
_CARD = {"background": "#fff", "border": "1px solid #e1e6ec", "border-radius": "10px",
         "padding": "14px 18px", "gap": "10px", "min-width": "0"}  # fmt: skip


class Pairs(JSComponent):
    """A matrix of judgements; `cells` are rows of numbers as people write them: 3, 1/3."""

    names = param.List(doc="Titles of the criteria.")
    cells = param.List(doc="Rows of cells.")
    scale = param.List(default=list(SCALE))
    at = param.List(doc="Row and column of the cell at fault; empty: none.")

    _esm = (Path(__file__).parent / "pairs.js").read_text(encoding="utf-8")
    _stylesheets = [STYLE]  # noqa: RUF012  Panel's way


def weights(store: Store | None = None) -> pmui.Page:
    """Build the page of weights of the city that this process serves."""
    store = store or current_store()
    return page(_content, name="weights", store=store, state=session_state())


def _content(store: Store, state: State) -> list[pn.viewable.Viewable]:
    return [_Weights(store, state.lang).layout()]


class _Weights:
    """The parts of one visitor's page; what is kept stands in the city folder."""

    def __init__(self, store: Store, lang: Lang) -> None:
        self.store, self.lang, self.folder = store, lang, store.city.path
        self.said, self.used, self.verdict = html(""), html(""), html("")
        self.preview = html("")
        self.pairs = Pairs(sizing_mode="stretch_width", margin=0)
        line = {"size": "small", "margin": 0, "sizing_mode": "stretch_width"}
        self.who = pmui.TextInput(label=_WHO(lang), max_length=60, **line)
        self.reason = pmui.TextInput(label=_REASON(lang), max_length=400, **line)
        self.file = pn.widgets.FileInput(accept=".toml", margin=0)
        self.save = pmui.Button(label=_SAVE(lang), color="primary", margin=0)
        self.back = pmui.Button(label=_BACK(lang), variant="outlined", margin=0)
        self.begin()
        self.pairs.param.watch(lambda _: self.show(), "cells")
        self.file.param.watch(lambda _: self.read(), "value")
        self.save.on_click(lambda _: self.keep())
        self.back.on_click(lambda _: self.drop())

    def begin(self) -> None:
        """Start from what the city folder holds, or what is shipped."""
        self.mark = own_weights_mark(self.folder) if self.folder else ""
        self.base = self.in_use = load_weighting()
        if self.folder and self.mark:
            try:
                self.base = read_weighting(self.folder / WEIGHTS)
                self.in_use = load_weighting(self.folder / WEIGHTS)
            except LifelineError as error:
                self.say(str(error))
        about = f"{_SHIPPED(self.lang)} · {self.base.version}"
        if self.mark:
            about = f"{_OWN(self.lang)} · {self.base.version} · {self.base.source}"
        self.used.object = f'<p class="small muted">{escape(words.shown(about, most=200))}</p>'
        self.back.visible = bool(self.mark)
        self.put(self.base)

    def put(self, weighting: Weighting) -> None:
        """Show the judgements of some weights."""
        self.base = weighting
        names = [CRITERIA[key](self.lang) if key in CRITERIA else key for key in weighting.names]
        self.pairs.param.update(names=names, cells=judgement_cells(weighting), at=[])
        self.show()

    def show(self) -> None:
        """Judge what stands in the matrix now."""
        self.trial = tried(self.base, self.pairs.cells)
        self.pairs.at = list(self.trial.at or ())
        self.save.disabled = self.trial.weighting is None or self.folder is None
        self.verdict.object = verdict_html(self.trial, self.base.most_inconsistent, self.lang)
        if self.trial.weighting is None:
            self.preview.object = f"<h2>{_PREVIEW(self.lang)}</h2><p>{_REFUSED(self.lang)}</p>"
            return
        try:
            scores = self.store.examined().scores
            shown = preview_html(self.trial.weighting, scores, self.lang, self.in_use)
            self.preview.object = shown
        except LifelineError as error:  # a floor that is too much for so many lifelines
            self.save.disabled = True
            self.say(str(error))

    def read(self) -> None:
        """Take the judgements of a file; one that is no file of weights is refused."""
        data, name = self.file.value, self.file.filename or WEIGHTS
        if not data:
            return
        try:
            self.put(weighting_of(data, name))
            self.said.object = ""
        except LifelineError as error:
            self.say(_NOT_TAKEN.format(why=error)(self.lang))

    def keep(self) -> None:
        """Keep what stands in the matrix."""
        if self.folder is None or self.trial.weighting is None:
            self.say(_NO_FOLDER(self.lang))
            return
        if not (self.who.value.strip() and self.reason.value.strip()):
            self.say(_NAME_FIRST(self.lang))
            return
        at = pd.Timestamp(clock(self.store))
        try:
            save_own_weights(
                self.folder, self.trial.weighting, before=self.mark, at=at,
                by=self.who.value, reason=self.reason.value,
            )  # fmt: skip
        except LifelineError as error:
            self.say(_NOT_SAVED.format(why=error)(self.lang))
            return
        self.again()

    def drop(self) -> None:
        """Return to the shipped weights."""
        assert self.folder is not None  # there are own ones
        try:
            drop_own_weights(self.folder, before=self.mark)
        except LifelineError as error:
            self.say(_NOT_SAVED.format(why=error)(self.lang))
            return
        self.again()

    def again(self) -> None:
        """Have the city examined with what is kept now."""
        examine_again(self.store)
        self.begin()
        self.said.object = f'<p class="accepted" role="status">{_SAVED(self.lang)}</p>'

    def say(self, text: str) -> None:
        self.said.object = (
            f'<p class="problem" role="alert">{escape(words.shown(text, most=600))}</p>'
        )

    def layout(self) -> pn.viewable.Viewable:
        """Matrix and verdict to the left, what follows from them to the right."""
        lang = self.lang
        head = html(f'<h2>{_TITLE(lang)}</h2><p class="small muted">{_HOW(lang)}</p>')
        file = html(f'<p class="small muted">{_FILE(lang)}</p>')
        buttons = pn.Row(self.save, self.back, margin=0, styles={"gap": "10px"})
        left = pn.Column(head, self.used, self.pairs, self.verdict, file, self.file,
                         margin=0, styles=_CARD | {"flex": "3 1 320px"})  # fmt: skip
        right = pn.Column(self.preview, self.who, self.reason, buttons, self.said,
                          margin=0, styles=_CARD | {"flex": "2 1 320px"})  # fmt: skip
        wrap = {"gap": "12px", "flex-wrap": "wrap"}
        row = pn.Row(left, right, sizing_mode="stretch_width", styles=wrap, margin=0)
        frame = {"padding": "12px 16px 24px", "box-sizing": "border-box",
                 "height": "calc(100vh - 58px)", "overflow-y": "auto"}  # fmt: skip
        return pn.Column(row, sizing_mode="stretch_width", margin=0, styles=frame)


def weighting_of(data: bytes, name: str) -> Weighting:
    """Read a file of weights that a visitor brings.

    Raises
    ------
    LifelineError
        One sentence that names the file.
    """
    if len(data) > _MOST_BYTES:
        raise InputError(f"{name} has {len(data):,} bytes; expected weights of 100 kB at most.")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / WEIGHTS
        file.write_bytes(data)
        return read_weighting(file)


def examine_again(store: Store) -> None:
    """Let the worker examine the city with the weights it finds now.

    The worker of a live city does so by itself with the next reading.
    """
    path = store.city.path
    if path is not None and not is_live(path):
        _WORKERS[:] = [each for each in _WORKERS if each.poll() is None]
        _WORKERS.append(start_worker(path))


def verdict_html(trial: Trial, most: float, lang: Lang) -> str:
    """Say whether judgements agree."""
    if trial.problem is not None:
        return f'<p class="problem" role="alert">{escape(trial.problem(lang))}</p>'
    text = _RATIO.format(ratio=trial.ratio, most=most)(lang)
    return f'<p class="accepted" role="status">{text}</p>'


def preview_html(weighting: Weighting, scores: pd.DataFrame, lang: Lang, used: Weighting) -> str:
    """Write the weights that judgements give beside those in use, and what the city would score."""
    then, raw = previewed(weighting, scores)
    now, raw_now = previewed(used, scores)
    rows = "".join(
        f"<tr><td>{words.lifeline_title(str(key), lang)}</td><td>{_share(row['judged'])}</td>"
        f"<td>{_share(row['critic'])}</td><td><b>{_share(row['weight'])}</b></td>"
        f"<td>{_share(now['weight'].get(key, np.nan))}</td><td>{_points(row['score'])}</td></tr>"
        for key, row in then.iterrows()
    )
    city = (
        f"<tr><td>{_CITY(lang)}</td><td></td><td></td><td><b>{_points(raw)}</b></td>"
        f"<td>{_points(raw_now)}</td><td></td></tr>"
    )
    titles = (_LIFELINE, _JUDGED, _CRITIC, _WEIGHT, _IN_USE, _SCORE)
    head = "".join(f"<th>{title(lang)}</th>" for title in titles)
    mix = _MIX.format(
        judged=weighting.judged_share,
        rest=round(1.0 - weighting.judged_share, 6),
        floor=weighting.floor,
    )(lang)
    return (
        f'<h2>{_PREVIEW(lang)}</h2><p class="small muted">{mix}</p><div class="scroll">'
        f'<table class="tight">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}{city}</tbody></table></div>"
    )


def _share(value: float) -> str:
    return "—" if pd.isna(value) else f"{100 * value:.1f} %"


def _points(value: float) -> str:
    return "—" if pd.isna(value) else f"{value:.1f}"
