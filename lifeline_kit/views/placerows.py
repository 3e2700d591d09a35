"""The assets behind one place of the risk map, and what is known of one asset's risk."""

from html import escape

import pandas as pd

from lifeline_kit.checkup.dossier import Dossier
from lifeline_kit.text import Lang, Text
from lifeline_kit.views import words
from lifeline_kit.views.checkuptables import asset_link, more_html
from lifeline_kit.views.facts import name_of
from lifeline_kit.views.riskplaces import level_html
from lifeline_kit.views.store import Store

_TITLE = Text("{place}：{n} 处设施", "{place}: {n} assets")
_ABOUT = Text(
    "风险最高者在前；“占比”为该设施落在此区块内的长度比例。",
    "The highest risk first; share is how much of its length lies in this place.",
)
_ASSET, _KIND, _LIFELINE = Text("设施", "Asset"), Text("类型", "Kind"), Text("专项", "Lifeline")
_RISK, _KM, _SHARE = Text("风险", "Risk"), Text("块内 km", "km here"), Text("占比", "Share")
_LIKELY, _HARM = Text("可能性", "Likelihood"), Text("后果", "Consequence")
_REASON, _NAME = Text("原因", "Reason"), Text("名称", "Name")
_CHOSEN = Text("所选设施", "The chosen asset")
_CLICK = Text(
    "点击地图上的设施，查看其风险由来。", "Click an asset on the map to see why it has its colour."
)
_MOST = 200


def place_html(store: Store, told: Dossier, scale: str, area: str, title: str, lang: Lang) -> str:
    """List the assets of one place; empty where the place holds none.

    Parameters
    ----------
    store : Store
    told : Dossier
    scale, area : str
        As in `Dossier.members`.
    title : str
        Name of the place.
    lang : {'zh', 'en'}
    """
    members = told.members
    own = members[(members["scale"] == scale) & (members["area"] == area)]
    if not len(own):
        return ""
    share = own.set_index("asset")["share"]
    risk = store.examined().risk.reindex(share.index)
    assets = store.city.assets.reindex(share.index)
    table = pd.DataFrame(
        {
            "worst": risk["level"].fillna(0).replace(0, 9),
            "risk": -(risk["likelihood"] * risk["consequence"]),
        }
    )
    order = table.sort_values(["worst", "risk"], kind="stable").index
    long = assets["length_m"].astype(float) if "length_m" in assets else share * float("nan")
    rows = []
    for asset in order[:_MOST]:
        row, held = risk.loc[asset], assets.loc[asset]
        kind = words.kind_title(held["lifeline"], held["kind"], lang)
        lifeline = words.lifeline_title(held["lifeline"], lang)
        km = long[asset] * share[asset] / 1000.0
        rows.append(
            f"<tr><td>{asset_link(str(asset), lang)}</td>"
            f"<td class='text'>{escape(kind)}</td><td class='text'>{escape(lifeline)}</td>"
            f"<td>{_level(row, lang)}</td><td>{_plain(km, 3)}</td><td>{share[asset]:.0%}</td>"
            f"<td>{_plain(row['likelihood'])}</td><td>{_plain(row['consequence'])}</td>"
            f'<td class="text">{_reason(row, lang)}</td></tr>'
        )
    numbers = (_RISK, _KM, _SHARE, _LIKELY, _HARM)
    head = f"<th>{_ASSET(lang)}</th>"
    head += "".join(f'<th class="text">{each(lang)}</th>' for each in (_KIND, _LIFELINE))
    head += "".join(f"<th>{each(lang)}</th>" for each in numbers)
    head += f'<th class="text">{_REASON(lang)}</th>'
    said = _TITLE.format(place=escape(title), n=f"{len(own):,}")(lang)
    below = f'{more_html(len(own), _MOST, lang)}<p class="small muted">{_ABOUT(lang)}</p>'
    return (
        f'<div class="card"><h2>{said}</h2><div class="scroll tall"><table class="dense">'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>{below}</div>"
    )


def asset_html(store: Store, asset: str, lang: Lang) -> str:
    """Say where the colour of one asset comes from; what to do where none is chosen."""
    if asset not in store.city.assets.index:
        return f'<p class="muted">{_CLICK(lang)}</p>'
    row, held = store.examined().risk.reindex([asset]).iloc[0], store.city.assets.loc[asset]
    facts = (
        (_ASSET, asset_link(asset, lang)),
        (_NAME, escape(words.shown(name_of(store.city, asset, lang)))),
        (_LIFELINE, escape(words.lifeline_title(held["lifeline"], lang))),
        (_RISK, _level(row, lang)),
        (_LIKELY, _plain(row["likelihood"])),
        (_HARM, _plain(row["consequence"])),
        (_REASON, _reason(row, lang)),
    )
    cells = "".join(f"<tr><td>{name(lang)}</td><td>{said}</td></tr>" for name, said in facts)
    return f"<h3>{_CHOSEN(lang)}</h3><table>{cells}</table>"


def _level(row: pd.Series, lang: Lang) -> str:
    return level_html(0 if pd.isna(row["level"]) else int(row["level"]), lang)


def _reason(row: pd.Series, lang: Lang) -> str:
    reason = row[f"reason_{lang}"]
    return escape(words.shown(reason)) if isinstance(reason, str) and reason else "—"


def _plain(value: float, digits: int = 2) -> str:
    return "—" if pd.isna(value) else f"{value:.{digits}f}"
