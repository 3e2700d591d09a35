"""Bulletins out of the ledger: shift handover, day, week, month. One page, no server, no script."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd

from lifeline_kit.early_warning.duty import Duty
from lifeline_kit.early_warning.indicators import INDICATORS, indicators, precision
from lifeline_kit.early_warning.timers import overdue
from lifeline_kit.errors import InputError
from lifeline_kit.io.ledger import Ledger
from lifeline_kit.lifelines import ALL
from lifeline_kit.methods.alarm_load import alarm_load, top_sources
from lifeline_kit.methods.rules import LEVEL_NAMES
from lifeline_kit.model.city import City
from lifeline_kit.model.ledger import CLOSED, MERGED, STATES, VERDICTS
from lifeline_kit.reports.page import environment
from lifeline_kit.reports.places import local, names_of, place
from lifeline_kit.text import Lang, Text

KINDS = {
    "shift": (Text("交接班简报", "Shift handover"), pd.Timedelta(hours=12)),
    "day": (Text("监测日报", "Daily bulletin"), pd.Timedelta(days=1)),
    "week": (Text("监测周报", "Weekly bulletin"), pd.Timedelta(days=7)),
    "month": (Text("监测月报", "Monthly bulletin"), pd.Timedelta(days=31)),
}
_WORDS = {
    "open": Text("未办结预警", "Warnings in hand"),
    "fresh": Text("本期新发", "Issued in this period"),
    "closed": Text("本期办结", "Closed in this period"),
    "late": Text("超时未办", "Overdue"),
    "state": Text("状态", "State"),
    "what": Text("预警", "Warning"),
    "where": Text("位置", "Place"),
    "unit": Text("责任单位", "Unit"),
    "issued": Text("发布", "Issued"),
    "verdict": Text("结论", "Verdict"),
    "times": Text("时效与比率", "Times and rates"),
    "none": Text("无", "none"),
    "offline": Text("离线设备（最多十台）", "Devices offline (ten at most)"),
    "last": Text("最后读数", "Last reading"),
    "load": Text("报警负荷", "Alarm load"),
    "rules": Text("规则准确率", "How often rules were right"),
    "wasted": Text("误报耗时 h", "hours on false ones"),
    "simulated": Text("模拟数据", "Simulated data"),
    "book": Text("台账", "Ledger"),
    "assist": Text(
        "辅助决策，不替代现场检测。", "Decision support; it replaces no inspection on site."
    ),
    "load_words": Text(
        "本期 {n} 条发现进入值班台，最密集的 10 分钟内 {most} 条；洪峰占时 {flood:.1%}"
        "（起于 10 分钟内超过 {on} 条）",
        "{n} findings reached the desk, {most} in the fullest ten minutes; in flood {flood:.1%} of "
        "the time (from more than {on} in ten minutes)",
    ),
}
_MOST = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulletin:
    """What a bulletin says, in one language.

    Attributes
    ----------
    title, city, since, until, origin, head : str
        `head` is the hash of the ledger's last event.
    open, closed : list of dict
    n_open, n_fresh, n_closed, n_late : int
    indicators : list of dict
        `title`, `value` (written), `n`.
    offline, rules : list of dict
    load, top : str, list of dict
    """

    title: str
    city: str
    since: str
    until: str
    origin: str
    head: str
    open: list[dict]
    closed: list[dict]
    n_open: int
    n_fresh: int
    n_closed: int
    n_late: int
    indicators: list[dict]
    offline: list[dict]
    rules: list[dict]
    load: str
    top: list[dict]


def compose_bulletin(
    city: City,
    ledger: Ledger,
    duty: Duty,
    *,
    kind: str,
    at: pd.Timestamp,
    lang: Lang,
    health: pd.DataFrame | None = None,
) -> Bulletin:
    """Gather a bulletin.

    Parameters
    ----------
    city : City
    ledger : Ledger
    duty : Duty
    kind : {'shift', 'day', 'week', 'month'}
    at : Timestamp
        End of the period, UTC. The state of warnings is that of the ledger now.
    lang : {'zh', 'en'}
    health : DataFrame, optional
        Of an Examination: devices offline.

    Raises
    ------
    InputError
        Where the kind is unknown, or the ledger knows nothing until then.
    """
    if kind not in KINDS:
        raise InputError(f"bulletin {kind!r} is not known; expected {', '.join(KINDS)}.")
    title, span = KINDS[kind]
    since = cast("pd.Timestamp", at - span)
    every = ledger.items(open_only=False, until=at.to_datetime64(), limit=None)
    if every.empty:
        raise InputError(
            f"the ledger holds no warning issued before {at:%Y-%m-%d %H:%M} UTC; expected a later "
            "--at, or run lifeline watch first."
        )
    verdicts = ledger.items("verdict", open_only=False, limit=None)
    now = at.to_datetime64()
    running = every[~every["state"].isin([CLOSED, MERGED])].sort_values(["level", "opened"])
    fresh = every[every["opened"] >= since]
    ended = every[(every["state"] == CLOSED) & (every["closed"] >= since) & (every["closed"] < at)]
    ended = ended.sort_values("closed", ascending=False)
    late = [item for item, row in running.iterrows() if overdue(row, duty, now=now)]
    names = names_of(city, lang)
    found = indicators(fresh, verdicts, duty, at=now, health=health)
    right = precision(fresh, verdicts)
    load, top = _load(ledger, since, at, duty, lang)
    return Bulletin(
        title=title(lang),
        city=city.name(lang),
        since=local(since, city),
        until=local(at, city),
        origin=city.origin,
        head=ledger.head()[:16],
        open=[_row(i, row, names, city, lang, late=i in late) for i, row in _first(running)],
        closed=[_row(i, row, names, city, lang) for i, row in _first(ended)],
        n_open=len(running),
        n_fresh=len(fresh),
        n_closed=len(ended),
        n_late=len(late),
        indicators=[
            {"title": INDICATORS[str(name)](lang), "value": _written(row), "n": row["n"]}
            for name, row in found.iterrows()
        ],
        offline=_offline(health, names, city),
        rules=[
            {"rule": rule, "judged": row["judged"], "share": f"{row['precision']:.0%}",
             "wasted": f"{row['wasted_h']:.1f}"}
            for rule, row in right.head(12).iterrows()
        ],
        load=load,
        top=top,
    )  # fmt: skip


def _first(rows: pd.DataFrame) -> list[tuple[str, pd.Series]]:
    return [(str(item), row) for item, row in rows.head(_MOST).iterrows()]


def _row(
    item: str,
    row: pd.Series,
    names: Mapping[str, str],
    city: City,
    lang: Lang,
    *,
    late: bool = False,
) -> dict:
    body = row["body"]
    titles = {each.key: each.title(lang) for each in ALL}
    verdict = VERDICTS.get(str(body.get("verdict", "")))
    return {
        "item": item,
        "level": LEVEL_NAMES[row["level"]],
        "number": row["level"],
        "lifeline": titles.get(row["lifeline"], ""),
        "title": str(body.get(f"title_{lang}") or body.get("title_zh", ""))[:200],
        "place": place(str(body.get("asset", "")), dict(names))[:120],
        "unit": str(body.get("unit_en" if lang == "en" else "unit") or row["unit"])[:80],
        "state": STATES[row["state"]](lang),
        "issued": local(row["opened"], city),
        "closed": "" if pd.isna(row["closed"]) else local(row["closed"], city),
        "verdict": verdict(lang) if verdict is not None else "",
        "late": late,
    }


def _written(row: pd.Series) -> str:
    if pd.isna(row["value"]):
        return "–"
    if row["unit"] == "share":
        return f"{row['value']:.1%}"
    return f"{row['value']:,.0f}" + (f" {row['unit']}" if row["unit"] != "1" else "")


def _offline(health: pd.DataFrame | None, names: Mapping[str, str], city: City) -> list[dict]:
    if health is None:
        return []
    off = health[~health["online"].astype(bool)].sort_values("last").head(10)
    return [
        {
            "sensor": str(sensor),
            "place": place(row["asset"], dict(names)),
            "last": "–" if pd.isna(row["last"]) else local(row["last"], city),
        }
        for sensor, row in off.iterrows()
    ]


def _load(
    ledger: Ledger, since: pd.Timestamp, at: pd.Timestamp, duty: Duty, lang: Lang
) -> tuple[str, list[dict]]:
    """How many findings reached the desk, and which rules sent most of them."""
    rows = ledger.items("finding", open_only=False, until=at.to_datetime64(), limit=None)
    moments = pd.to_datetime([body.get("since") for body in rows["body"]])
    alarms = pd.DataFrame(
        {"source": [body["rule"] for body in rows["body"]], "since": moments}, dtype="object"
    )
    alarms["since"] = alarms["since"].astype("datetime64[ms]")
    alarms = alarms[(alarms["since"] >= since) & (alarms["since"] <= at)]
    desk = duty.desk
    found = alarm_load(
        alarms["since"].to_numpy(),
        begin=since.to_datetime64(),
        end=at.to_datetime64(),
        window=np.timedelta64(round(desk.window_min * 60_000), "ms"),
        flood_on=desk.flood_on,
        flood_off=desk.flood_off,
    )
    said = _WORDS["load_words"].format(
        n=found.n, most=found.most, flood=found.flood_share, on=desk.flood_on
    )
    top = top_sources(alarms, most=5)
    rules = [
        {"rule": str(rule), "n": int(row["n"]), "share": f"{row['share']:.0%}"}
        for rule, row in top.iterrows()
    ]
    return said(lang), rules


def bulletin_html(bulletin: Bulletin, lang: Lang) -> str:
    """Lay a bulletin out as one HTML file; everything from data is escaped."""
    said = {name: text(lang) for name, text in _WORDS.items()}
    return environment().get_template("bulletin.html.j2").render(b=bulletin, w=said, lang=lang)
