"""What a check-up tells beside scores, as tables: bands, obstacles, changes, templates."""

from html import escape
from typing import cast
from urllib.parse import quote

import pandas as pd

from lifeline_kit.charts import theme
from lifeline_kit.checkup.changes import CHANGES
from lifeline_kit.checkup.dossier import Dossier
from lifeline_kit.text import Lang, Text
from lifeline_kit.views import words
from lifeline_kit.views.riskplaces import level_html
from lifeline_kit.views.scoretables import area_name, table_card
from lifeline_kit.views.store import Store

_CITY = Text("全市", "Whole city")
_SUBJECT, _SCORE, _RAW = (
    Text("对象", "Subject"),
    Text("得分（封顶后）", "Score (capped)"),
    Text("封顶前", "Before the cap"),
)
_BAND = Text("封顶前 90 % 区间", "90 % band before the cap")
_CAPPED_BAND = Text("封顶后 90 % 区间", "90 % band, capped")
_SAME, _GRADE = Text("等级不变", "Same grade"), Text("等级", "Grade")
_BANDS = Text("得分对权重的敏感度", "How far scores depend on weights")
_BANDS_ABOUT = Text(
    "在两两判断所得权重附近抽取 {n} 组专项权重（狄利克雷分布）；"
    "区间只含权重的不确定，不含得分本身的误差。"
    "浅带为区间，细线为封顶前得分，色块为最终得分。",
    "{n} sets of weights drawn around those judged in pairs (Dirichlet). The band holds doubt "
    "about weights alone, not errors of the scores. Pale: band; line: before the cap; filled: "
    "final score.",
)
_OBSTACLES = Text("什么拉低了得分（障碍度）", "What pulls it down (obstacle degree)")
_OBSTACLES_ABOUT = Text(
    "失分 = 权重 ×（100 − 得分）；各项失分之和等于 100 减封顶前得分。",
    "Points lost are weight times distance from 100; they add up to 100 less the score before the "
    "cap.",
)
_LIFELINE, _DIMENSION = Text("专项", "Lifeline"), Text("维度", "Dimension")
_WEIGHT, _LOST, _DEGREE = (
    Text("权重", "Weight"),
    Text("失分", "Points lost"),
    Text("障碍度", "Degree"),
)
_OTHERS = Text("各专项与片区", "Each lifeline and district")
_MOST = 150


def bands_html(store: Store, told: Dossier, lang: Lang) -> str:
    """Write raw and capped scores with the band that other weights would give."""
    rows = []
    for subject, row in told.bands.iterrows():
        if pd.isna(row["raw"]):
            rows.append(
                f"<tr><td>{subject_name(store, str(subject), lang)}</td>{'<td>—</td>' * 7}</tr>"
            )
            continue
        rows.append(
            f"<tr><td>{subject_name(store, str(subject), lang)}</td>"
            f"<td><b>{row['score']:.1f}</b></td><td>{row['raw']:.1f}</td>"
            f"<td>{row['raw_low']:.1f}–{row['raw_high']:.1f}</td>"
            f"<td>{row['low']:.1f}–{row['high']:.1f}</td><td>{_bar(row)}</td>"
            f"<td>{escape(str(row['grade']))}</td><td>{row['same_grade']:.0%}</td></tr>"
        )
    heads = [_SUBJECT, _SCORE, _RAW, _BAND, _CAPPED_BAND]
    head = "".join(f"<th>{each(lang)}</th>" for each in heads)
    head += f"<th>0–100</th><th>{_GRADE(lang)}</th><th>{_SAME(lang)}</th>"
    draws = told.bands["draws"].dropna()
    n = int(draws.iloc[0]) if len(draws) else 0
    about = f'<p class="small muted">{_BANDS_ABOUT.format(n=n)(lang)}</p>'
    return table_card(_BANDS(lang), head, rows, below=about)


def _bar(row: pd.Series) -> str:
    """Draw raw band, raw score and final score on a line from 0 to 100."""
    low, high = float(row["raw_low"]), float(row["raw_high"])
    colour = theme.score_colour(row["score"])
    return (
        '<svg class="bandbar" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">'
        '<rect x="0" y="5" width="100" height="2" fill="#e1e6ec"/>'
        f'<rect x="{low:.2f}" y="2" width="{max(high - low, 0.8):.2f}" height="8" fill="#9fb3c8"/>'
        f'<rect x="{row["raw"] - 0.3:.2f}" y="1" width="0.6" height="10" fill="{theme.INK}"/>'
        f'<rect x="{row["score"] - 1:.2f}" y="3" width="2" height="6" rx="1" fill="{colour}" '
        f'stroke="{theme.INK}" stroke-width="0.4"/></svg>'
    )


def obstacles_html(store: Store, told: Dossier, lang: Lang) -> str:
    """Write what pulls down the city, and beneath each lifeline and district."""
    subjects = list(dict.fromkeys(told.obstacles.index.get_level_values("subject")))
    head = "".join(
        f"<th{extra}>{each(lang)}</th>"
        for each, extra in (
            (_LIFELINE, ""), (_DIMENSION, ' class="text"'), (words.INDICATORS["total"], ""),
            (_WEIGHT, ""), (_LOST, ""), (_DEGREE, ""),
        )
    )  # fmt: skip
    city = _factors(told.obstacles.loc["city"], lang)[:12] if "city" in subjects else []
    others = "".join(
        f"<details><summary>{subject_name(store, each, lang)}</summary>"
        f'<div class="scroll tall"><table><thead><tr>{head}</tr></thead><tbody>'
        f"{''.join(_factors(told.obstacles.loc[each], lang))}</tbody></table></div></details>"
        for each in subjects
    )
    below = (
        f'<p class="small muted">{_OBSTACLES_ABOUT(lang)}</p>'
        f"<details><summary>{_OTHERS(lang)}</summary>{others}</details>"
    )
    return table_card(_OBSTACLES(lang), head, city, below=below)


def _factors(table: pd.DataFrame, lang: Lang) -> list[str]:
    rows = []
    for key, row in table.iterrows():
        lifeline, indicator = cast("tuple[str, str]", key)
        name = words.INDICATORS.get(str(indicator))
        share = 100.0 * row["share"]
        rows.append(
            f"<tr><td>{escape(words.lifeline_title(str(lifeline), lang))}</td>"
            f'<td class="text">{escape(name(lang) if name else str(indicator))}</td>'
            f"<td>{row['score']:.1f}</td><td>{row['weight']:.3f}</td><td>{row['lost']:.2f}</td>"
            f'<td><span class="share"><i style="width:{share:.0f}%"></i></span>{share:.1f} %</td>'
            "</tr>"
        )
    return rows


def subject_name(store: Store, subject: str, lang: Lang) -> str:
    """Name of the city, a lifeline or a district, as HTML."""
    if subject == "city":
        return _CITY(lang)
    if subject in words.LIFELINES:
        return escape(words.lifeline_title(subject, lang))
    return escape(area_name(store, subject, lang))


_CHANGES = Text("风险清单变动", "What changed on the list of risks")
_SINCE = Text(
    "与 {at} 的体检相比；清单为重大与较大风险。",
    "Against the examination of {at}; listed are red and orange.",
)
_NO_PAST = Text(
    "还没有更早的体检可比；保留满一周后自动列出。",
    "There is no earlier examination to compare with; changes appear once a week is kept.",
)
_NONE = Text("清单没有变动。", "Nothing changed on the list.")
_CHANGE, _N, _KM = Text("变动", "Change"), Text("项数", "Assets"), Text("公里", "km")
_ASSET, _BEFORE, _NOW = Text("设施", "Asset"), Text("此前", "Before"), Text("现在", "Now")
_REASON, _ALL = Text("原因", "Reason"), Text("合计", "All")
_ROWS = Text("{change}：{n} 项", "{change}: {n}")
_MORE = Text("此处列前 {most} 项，共 {n} 项。", "The first {most} of {n}.")


def changes_html(store: Store, told: Dossier, lang: Lang) -> str:
    """Write how many assets moved on the list of risks, and which."""
    if told.before_at is None:
        return f'<div class="card"><h2>{_CHANGES(lang)}</h2><p>{_NO_PAST(lang)}</p></div>'
    at = words.moment_words(told.before_at, store.city.time_zone, year=True)
    about = f'<p class="small muted">{_SINCE.format(at=at)(lang)}</p>'
    if not len(told.changes):
        return f'<div class="card"><h2>{_CHANGES(lang)}</h2><p>{_NONE(lang)}</p>{about}</div>'
    kinds = [each for each in CHANGES if (told.changes["change"] == each).any()]
    counts = told.change_counts["n"].unstack(fill_value=0).reindex(columns=kinds, fill_value=0)
    counts = counts.loc[sorted(counts.index, key=_place)]
    km = told.change_counts["km"].groupby(level="change").sum()
    rows = [
        f"<tr><td>{escape(words.lifeline_title(str(key), lang))}</td>"
        f"{''.join(f'<td>{row[each]:,.0f}</td>' for each in kinds)}</tr>"
        for key, row in counts.iterrows()
    ]
    total = "".join(f"<td><b>{counts[each].sum():,.0f}</b></td>" for each in kinds)
    long = "".join(f"<td>{km.get(each, 0.0):.2f}</td>" for each in kinds)
    rows += [f"<tr><td>{_ALL(lang)}</td>{total}</tr>", f"<tr><td>{_KM(lang)}</td>{long}</tr>"]
    head = f"<th>{_LIFELINE(lang)}</th>"
    head += "".join(f"<th>{CHANGES[each](lang)}</th>" for each in kinds)
    lists = "".join(_listed(told.changes, each, lang) for each in kinds)
    return table_card(_CHANGES(lang), head, rows, below=about + lists)


def _place(lifeline: object) -> int:
    """Place of a lifeline in the order of the pages; one that nobody declared comes last."""
    known = list(words.LIFELINES)
    return known.index(str(lifeline)) if lifeline in known else len(known)


def _listed(changes: pd.DataFrame, change: str, lang: Lang) -> str:
    part = changes[changes["change"] == change]
    rows = "".join(
        f"<tr><td>{asset_link(str(asset), lang)}</td>"
        f"<td>{escape(words.lifeline_title(str(row['lifeline']), lang))}</td>"
        f"<td>{level_html(int(row['level_before']), lang)}</td>"
        f"<td>{level_html(int(row['level_now']), lang)}</td>"
        f'<td class="text">{escape(words.shown(row[f"reason_{lang}"]))}</td></tr>'
        for asset, row in part.head(_MOST).iterrows()
    )
    heads = "".join(f"<th>{each(lang)}</th>" for each in (_ASSET, _LIFELINE, _BEFORE, _NOW))
    summary = _ROWS.format(change=CHANGES[change](lang), n=f"{len(part):,}")(lang)
    return (
        f"<details><summary>{summary}</summary>{more_html(len(part), _MOST, lang)}"
        f'<div class="scroll tall"><table><thead><tr>{heads}<th class="text">{_REASON(lang)}</th>'
        f"</tr></thead><tbody>{rows}</tbody></table></div></details>"
    )


def more_html(n: int, most: int, lang: Lang) -> str:
    """Say that a list is cut, where it is."""
    said = _MORE.format(most=f"{most:,}", n=f"{n:,}")(lang)
    return f'<p class="small muted">{said}</p>' if n > most else ""


def asset_link(asset: str, lang: Lang) -> str:
    """Link to an asset on the map."""
    name = escape(words.shown(asset, most=40))
    return f'<a href="overview?lang={lang}&amp;asset={quote(asset)}">{name}</a>'


_MOVED = Text("得分变动", "How scores moved")
_POINTS = Text("变化", "Change")
_BY_SCORE, _BY_WEIGHT = Text("得分所致", "By its score"), Text("权重所致", "By its weight")
_MOVERS = Text("全市得分变动由谁引起", "Which lifelines moved the city")


def moved_html(store: Store, told: Dossier, lang: Lang) -> str:
    """Write scores then and now, and which lifelines moved the city."""
    if told.before_at is None:
        return ""
    table = told.score_changes.reset_index()
    table = table[(table["indicator"] == "total")]
    whole = table[(table["scope"] != "area") | (table["lifeline"] == "")]
    rows = [
        f"<tr><td>{subject_name(store, row['subject'], lang)}</td><td>{_number(row['before'])}</td>"
        f"<td>{_number(row['now'])}</td><td>{signed_words(row['change'])}</td>"
        f"<td>{escape(row['grade_before']) or '—'} → {escape(row['grade_now']) or '—'}</td></tr>"
        for _, row in whole.iterrows()
    ]
    heads = (_SUBJECT, _BEFORE, _NOW, _POINTS, _GRADE)
    below = ""
    if "city" in told.movers.index.get_level_values("subject"):
        own = "".join(
            f"<tr><td>{escape(words.lifeline_title(str(key), lang))}</td>"
            f"<td>{_number(row['score_before'])}</td><td>{_number(row['score_now'])}</td>"
            f"<td>{signed_words(row['by_score'])}</td><td>{signed_words(row['by_weight'])}</td></tr>"
            for key, row in told.movers.loc["city"].iterrows()
        )
        names = (_LIFELINE, _BEFORE, _NOW, _BY_SCORE, _BY_WEIGHT)
        head = "".join(f"<th>{each(lang)}</th>" for each in names)
        below = (
            f"<details><summary>{_MOVERS(lang)}</summary><div class='scroll'><table><thead>"
            f"<tr>{head}</tr></thead><tbody>{own}</tbody></table></div></details>"
        )
    head = "".join(f"<th>{each(lang)}</th>" for each in heads)
    return table_card(_MOVED(lang), head, rows, below=below)


def _number(value: float) -> str:
    return "—" if pd.isna(value) else f"{value:.1f}"


def signed_words(value: float) -> str:
    """Write a change in points.

    Examples
    --------
    >>> signed_words(-1.5), signed_words(0.25)
    ('−1.50', '+0.25')
    """
    return "—" if pd.isna(value) else f"{value:+.2f}".replace("-", "−")


_DAILY = Text("动态体检（每日）", "Dynamic check-up (daily)")
_ANNUAL = Text(
    "年度城市体检（住建部样式，生命线部分）", "Yearly check-up (after MOHURD, lifelines)"
)
_INDICATOR, _VALUE = Text("指标", "Indicator"), Text("数值", "Value")
_TARGET, _MET, _SOURCE = Text("目标", "Target"), Text("达标", "Met"), Text("依据", "Source")
_YES, _NO = Text("达标", "yes"), Text("未达标", "no")
_HONEST = Text(
    "空白项写明所缺资料；依据均未经核实，标记 S 为有出处、P 为本项目建议。",
    "Blanks say what they wait for. No source is verified; S: seen in one, P: proposed here.",
)


def template_html(told: Dossier, which: str, lang: Lang) -> str:
    """Write the `daily` or the `annual` template; blanks say what they wait for."""
    table = told.daily if which == "daily" else told.annual
    rows = []
    for _, row in table.iterrows():
        unit = "" if row["unit"] == "1" else f"\u00a0{escape(row['unit'])}"
        blank = f'<span class="cell unknown">{escape(row[f"needs_{lang}"])}</span>'
        digits = 0 if row["unit"] == "1" and float(row["value"]).is_integer() else 1
        value = blank if pd.isna(row["value"]) else f"<b>{row['value']:,.{digits}f}</b>{unit}"
        target = "—" if pd.isna(row["target"]) else f"{row['target']:g}{unit}"
        met = {"yes": _YES(lang), "no": f'<span class="tag doubt">{_NO(lang)}</span>'}
        rows.append(
            f"<tr><td>{escape(row[f'title_{lang}'])}</td><td>{value}</td><td>{target}</td>"
            f"<td>{met.get(row['met'], '—')}</td>"
            f'<td class="text small">{escape(row["source"])} <span class="tag">{row["tag"]}</span>'
            "</td></tr>"
        )
    heads = "".join(f"<th>{each(lang)}</th>" for each in (_INDICATOR, _VALUE, _TARGET, _MET))
    title = _DAILY if which == "daily" else _ANNUAL
    below = f'<p class="small muted">{_HONEST(lang)}</p>'
    return table_card(
        title(lang), f'{heads}<th class="text">{_SOURCE(lang)}</th>', rows, below=below
    )
