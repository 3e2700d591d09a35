"""Editor of the pairwise judgements of lifelines: checked, previewed, kept beside the city."""

from html import escape

import panel as pn
import panel_material_ui as pmui

from lifeline_kit.checkup.judging import judged_text, save_weights, weighting_of, weights_text
from lifeline_kit.checkup.weights import Weighting, district_scores, lifeline_weights
from lifeline_kit.errors import LifelineError
from lifeline_kit.io.live import is_live
from lifeline_kit.lifelines import ALL
from lifeline_kit.methods.weights import judged_weights
from lifeline_kit.text import Lang, Text
from lifeline_kit.views import words
from lifeline_kit.views.elements import html
from lifeline_kit.views.scoretables import table_card
from lifeline_kit.views.store import Store
from lifeline_kit.views.worker import start_worker

_TITLE = Text("专项权重（两两判断）", "Weights of lifelines (judged in pairs)")
_ABOUT = Text(
    "行比列重要多少倍，填 1–9 或 1/2 等分数；对角线以下自动取倒数。"
    "一致性比率超过 {most} 时不予保存。",
    "How many times more the row weighs than the column: 1 to 9, or fractions such as 1/2; below "
    "the diagonal stands 1 over. A consistency ratio above {most} is refused.",
)
_CHECK, _SAVE = (
    Text("检查并预览", "Check and preview"),
    Text("保存为本市权重", "Save for this city"),
)
_RATIO = Text("一致性比率 {ratio}", "Consistency ratio {ratio}")
_SAVED = Text(
    "已保存到 {name}；重新体检后生效。", "Saved as {name}; it counts after the next examination."
)
_LIFELINE, _JUDGED = Text("专项", "Lifeline"), Text("判断权重", "Judged")
_CRITIC, _WEIGHT = Text("数据权重（CRITIC）", "From data (CRITIC)"), Text("合成权重", "Combined")
_NAMES = {
    "bridges_roads": Text("桥梁与道路", "Bridges, roads"),
    "emergency": Text("应急管理", "Emergency"),
}


def judging(store: Store, lang: Lang) -> list[pn.viewable.Viewable]:
    """Build the editor; nothing is written before its button is pressed."""
    text = weights_text(store.city)
    weighting = weighting_of(text)
    names, matrix = list(weighting.names), weighting.judgements()
    fields = {
        (row, column): pmui.TextInput(
            value=_written(float(matrix.loc[row, column])), label="", size="small", width=64,
            margin=2,
        )
        for i, row in enumerate(names) for column in names[i + 1 :]
    }  # fmt: skip
    cells: list = [html("", width=76, height=40, sizing_mode="fixed")]
    cells += [_label(each, lang) for each in names]
    for i, row in enumerate(names):
        cells.append(_label(row, lang))
        for j, column in enumerate(names):
            plain = "1" if i == j else ""
            cells.append(fields.get((row, column)) or html(
                f'<p class="muted" style="text-align:center">{plain}</p>', width=64,
                height=40, sizing_mode="fixed"))  # fmt: skip
    result = html(_preview(store, weighting, lang))

    def judged() -> str:
        upper = {key: field.value for key, field in fields.items()}
        return judged_text(text, names, upper)

    def act(save: bool) -> None:
        try:
            new = judged()
            shown = _preview(store, weighting_of(new), lang)
            if save:
                file = save_weights(store.city, new)
                shown = f"<p>{_SAVED.format(name=file.name)(lang)}</p>{shown}"
                if not is_live(file.parent):
                    start_worker(file.parent)  # a city that is not live is not watched
            result.object = shown
        except LifelineError as error:
            result.object = f'<p class="problem" role="alert">{escape(str(error))}</p>'

    check = pmui.Button(label=_CHECK(lang), variant="outlined", margin=0)
    keep = pmui.Button(label=_SAVE(lang), color="primary", margin=0)
    check.on_click(lambda _: act(save=False))
    keep.on_click(lambda _: act(save=True))
    about = _ABOUT.format(most=f"{weighting.most_inconsistent:g}")(lang)
    head = html(f'<h2>{_TITLE(lang)}</h2><p class="small muted">{about}</p>')
    grid = pn.GridBox(*cells, ncols=len(names) + 1, margin=0)
    return [
        pn.Column(
            head, pn.Column(grid, margin=0, styles={"overflow-x": "auto"},
                            sizing_mode="stretch_width"),
            pn.Row(check, keep, margin=0, styles={"gap": "10px"}),
            sizing_mode="stretch_width", margin=0,
            styles={"background": "#fff", "border": "1px solid #e1e6ec", "border-radius": "10px",
                    "padding": "14px 18px", "gap": "10px"},
        ),
        result,
    ]  # fmt: skip


def _written(value: float) -> str:
    """Write 3 or 1/3."""
    below = round(1.0 / value)
    whole = abs(value - round(value)) < 1e-9
    return f"{value:g}" if whole or abs(1.0 / value - below) > 1e-6 else f"1/{below}"


def _label(name: str, lang: Lang) -> pn.viewable.Viewable:
    title = _NAMES[name](lang) if name in _NAMES else words.lifeline_title(name, lang)
    return html(f'<p class="small">{escape(title)}</p>', width=76, height=40, sizing_mode="fixed")


def _preview(store: Store, weighting: Weighting, lang: Lang) -> str:
    scores = store.examined().scores
    there = set(scores["lifeline"][scores["scope"] == "lifeline"])
    present = [each for each in ALL if each.key in there]
    table = lifeline_weights(weighting, present, district_scores(scores))
    ratio = judged_weights(weighting.judgements(), most=weighting.most_inconsistent)
    rows = [
        f"<tr><td>{escape(words.lifeline_title(str(key), lang))}</td><td>{row['judged']:.3f}</td>"
        f"<td>{'—' if row.isna()['critic'] else format(row['critic'], '.3f')}</td>"
        f"<td><b>{row['weight']:.3f}</b></td></tr>"
        for key, row in table.iterrows()
    ]
    head = "".join(f"<th>{each(lang)}</th>" for each in (_LIFELINE, _JUDGED, _CRITIC, _WEIGHT))
    said = _RATIO.format(ratio=f"{ratio.consistency_ratio:.4f}")(lang)
    return table_card(said, head, rows)
