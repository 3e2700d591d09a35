"""The renewal plan: the exact choice beside the simple rankings, budget by budget."""

from html import escape

import pandas as pd

from lifeline_kit.charts import theme
from lifeline_kit.checkup.dossier import Dossier
from lifeline_kit.checkup.renewal_plan import STRATEGIES
from lifeline_kit.text import Lang, Text
from lifeline_kit.views import words
from lifeline_kit.views.checkuptables import asset_link, more_html
from lifeline_kit.views.scoretables import table_card

_TITLE = Text("改造计划 · 预算 {budget}", "Renewal plan · budget {budget}")
_ABOUT = Text(
    "降险 = 每年可避免的失效次数按后果加权；区间为 90 %，来自失效率和寿命的抽样，各策略同一抽样。"
    "「更稳」为最优组合不差于该策略的抽样比例。单价和失效模型均为专家经验值。",
    "Removed: failures avoided a year, weighed by consequence; 90 % intervals from draws of rates "
    "and lives, the same for all. Surer: share of draws in which the best choice is no worse. "
    "Prices and wear are expert figures.",
)
_STRATEGY = Text("策略", "Strategy")
_N, _KM, _COST = Text("管段", "Pipes"), Text("公里", "km"), Text("费用", "Cost")
_REMOVED, _INTERVAL = Text("降险（次/年）", "Removed (a year)"), Text("90 % 区间", "90 % interval")
_SHARE, _AHEAD = Text("占全部可降", "Of all removable"), Text("最优领先", "Best ahead by")
_SURER = Text("更稳", "Surer")
_BUDGET, _ALL = Text("预算", "Budget"), Text("各预算下的降险（次/年）", "Removed a year, by budget")
_RANKED = {"highest_risk": "risk", "oldest": "age"}  # the others by risk removed per cost
_CHOSEN = Text("最优组合的管段（{n}）", "Pipes of the best choice ({n})")
_RANKED_BY = Text("按“{strategy}”的管段（{n}）", "Pipes by '{strategy}' ({n})")
_NONE = Text(
    "没有可列入计划的管段：需要建成年份、长度、后果和单价。",
    "No pipe can be planned: it needs year, length, consequence and a price.",
)
_ASSET, _LIFELINE = Text("管段", "Pipe"), Text("专项", "Lifeline")
_MATERIAL, _AGE, _LENGTH = (
    Text("材质", "Material"),
    Text("管龄", "Age"),
    Text("长度 (m)", "Length (m)"),
)
_RATE, _MOST = Text("失效（次/年）", "Failures (a year)"), 150


def money_words(amount: float, lang: Lang) -> str:
    """Write an amount of CNY, in one piece.

    Examples
    --------
    >>> [money_words(each, "zh").split() for each in (1e8, 2e7)]
    [['1.00', '亿元'], ['2,000', '万元']]
    """
    if lang == "en":
        return f"CNY\u00a0{amount / 1e6:,.1f}\u00a0m"
    large = round(amount / 1e4) >= 10_000
    return f"{amount / 1e8:.2f}\u00a0亿元" if large else f"{amount / 1e4:,.0f}\u00a0万元"


def budget_options(told: Dossier, lang: Lang) -> list[dict[str, str]]:
    """Budgets that were planned for, as choices."""
    budgets = dict.fromkeys(told.plans.index.get_level_values("budget"))
    return [{"key": f"{budget:.0f}", "text": money_words(budget, lang)} for budget in budgets]


def renewal_html(told: Dossier, lang: Lang, budget: str = "") -> str:
    """Write the plan at a budget beside the simple rankings, and the pipes of each.

    Parameters
    ----------
    told : Dossier
    lang : {'zh', 'en'}
    budget : str
        Key of `budget_options`; otherwise the default one.
    """
    if not len(told.plans):
        title = _TITLE.format(budget=money_words(told.budget, lang))(lang)
        why = told.blanks.get("plans", _NONE)(lang)
        return f'<div class="card"><h2>{title}</h2><p>{escape(why)}</p></div>'
    budgets = {f"{each:.0f}": each for each in told.plans.index.get_level_values("budget")}
    default = budgets.get(f"{told.budget:.0f}", list(budgets.values())[-1])
    shown = budgets.get(budget, default)
    heads = (_STRATEGY, _N, _KM, _COST, _REMOVED, _INTERVAL, _SHARE, _AHEAD, _SURER)
    head = "".join(f"<th>{each(lang)}</th>" for each in heads)
    doubt = f'<span class="tag doubt">{theme.UNVERIFIED(lang)}</span>'
    pipes = "".join(_chosen(told, shown, each, lang) for each in STRATEGIES)
    below = f'<p class="small muted">{_ABOUT(lang)} {doubt}</p>{pipes}'
    title = _TITLE.format(budget=money_words(shown, lang))(lang)
    return table_card(title, head, _strategies(told.plans.loc[shown], lang), below=below)


def budgets_html(told: Dossier, lang: Lang) -> str:
    """Write the risk that each plan removes, budget by budget."""
    if not len(told.plans):
        return ""
    removed = told.plans["removed"].unstack("strategy")
    head = f"<th>{_BUDGET(lang)}</th>"
    head += "".join(f"<th>{each(lang)}</th>" for each in STRATEGIES.values())
    rows = [
        f"<tr><td>{money_words(budget, lang)}</td>"
        + "".join(f"<td>{removed.loc[budget, each]:.2f}</td>" for each in STRATEGIES)
        + "</tr>"
        for budget in removed.index
    ]
    return table_card(_ALL(lang), head, rows)


def _strategies(table: pd.DataFrame, lang: Lang) -> list[str]:
    most = table["high"].max()
    rows = []
    for key, row in table.iterrows():
        best = key == "best"
        between = f"{_plain(row['ahead_low'])} … {_plain(row['ahead_high'])}"
        ahead = "—" if best else f"{row['best_ahead']:.2f} ({between})"
        surer = "—" if best else f"{row['surer']:.0%}"
        bar = _bar(row, most)
        rows.append(
            f"<tr{' class=best' if best else ''}><td>{STRATEGIES[str(key)](lang)}</td>"
            f"<td>{row['n']:,.0f}</td><td>{row['km']:.1f}</td>"
            f"<td>{money_words(row['cost'], lang)}</td><td><b>{row['removed']:.2f}</b></td>"
            f"<td>{bar} {row['low']:.1f}–{row['high']:.1f}</td><td>{row['share']:.1%}</td>"
            f"<td>{ahead}</td><td>{surer}</td></tr>"
        )
    return rows


def _plain(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _bar(row: pd.Series, most: float) -> str:
    """Draw the interval and the expected value on a common line from zero."""
    low, high, mean = (100.0 * row[each] / most for each in ("low", "high", "removed"))
    return (
        '<svg class="bandbar" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect x="{low:.1f}" y="4" width="{high - low:.1f}" height="4" fill="#9fb3c8"/>'
        f'<rect x="{mean - 0.8:.1f}" y="1" width="1.6" height="10" fill="{theme.ACCENT}"/></svg>'
    )


def _chosen(told: Dossier, budget: float, strategy: str, lang: Lang) -> str:
    """List the pipes behind one row of the plan, in the order of its own ranking."""
    own = told.taken.loc[budget]
    own = own[own[strategy]]
    by = own[_RANKED[strategy]] if strategy in _RANKED else own["removed"] / own["cost"]
    own = own.loc[by.sort_values(ascending=False, kind="stable").index]
    names = (_ASSET, _LIFELINE, _MATERIAL, _AGE, _LENGTH, _COST, _RATE, _REMOVED)
    head = "".join(f"<th>{each(lang)}</th>" for each in names)
    rows = "".join(
        f"<tr><td>{asset_link(str(asset), lang)}</td>"
        f"<td>{escape(words.lifeline_title(str(row['lifeline']), lang))}</td>"
        f"<td>{escape(words.value_words(str(row['material']), lang)) or '—'}</td>"
        f"<td>{row['age']:.0f}</td><td>{row['length_m']:,.0f}</td>"
        f"<td>{money_words(row['cost'], lang)}</td><td>{row['rate']:.3f}</td>"
        f"<td>{row['removed']:.3f}</td></tr>"
        for asset, row in own.head(_MOST).iterrows()
    )
    n = f"{len(own):,}"
    word = _CHOSEN if strategy == "best" else _RANKED_BY
    summary = word.format(n=n, strategy=STRATEGIES[strategy](lang))(lang)
    return (
        f"<details><summary>{summary}</summary>"
        f'{more_html(len(own), _MOST, lang)}<div class="scroll tall"><table><thead><tr>{head}</tr>'
        f"</thead><tbody>{rows}</tbody></table></div></details>"
    )
