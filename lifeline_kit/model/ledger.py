"""What a monitoring centre keeps book of, and what may happen to each of it.

Seven things, never mixed: an *alarm* (a device crossed a limit), a *finding* (a method saw
something), a *warning* (预警, graded I-IV, issued to a unit), a *hazard* (隐患, a standing defect
with a deadline), an *incident*, a *task* and a *verdict* (what it was in the end). Nothing is ever
changed: acts are added, and what an item is now is the fold of its acts. Which act may follow which
state stands in `MACHINES`; `applied` is the only place that knows it.

References
----------
States and words: disposal states of Chinese supervision platforms as in the project's practice
note (待接收, 处置中, 待复核, 待解除, 解除; 挂牌督办; hazards 待整改, 待审核, 已整改).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from lifeline_kit.errors import ConflictError, LedgerError
from lifeline_kit.text import Text

PENDING, HANDLING, REVIEW, RELEASE, CLOSED = "pending", "handling", "review", "release", "closed"
MERGED = "merged"
STATES = {
    PENDING: Text("待接收", "awaiting receipt"),
    HANDLING: Text("处置中", "being handled"),
    REVIEW: Text("待复核", "awaiting re-check"),
    RELEASE: Text("待解除", "awaiting release"),
    CLOSED: Text("已解除", "closed"),
    MERGED: Text("已并入", "merged"),
    "raised": Text("报警中", "raised"),
    "acknowledged": Text("已确认", "acknowledged"),
    "shelved": Text("已搁置", "shelved"),
    "cleared": Text("已恢复", "cleared"),
    "seen": Text("已发现", "seen"),
    "todo": Text("待整改", "to be mended"),
    "audit": Text("待审核", "to be audited"),
    "mended": Text("已整改", "mended"),
    "open": Text("进行中", "open"),
    "done": Text("已完成", "done"),
    "cancelled": Text("已取消", "cancelled"),
    "given": Text("已研判", "given"),
}
VERDICTS = {
    "leak": Text("管网泄漏", "leak"),
    "biogas": Text("沼气聚集", "biogas"),
    "device": Text("设备故障", "device fault"),
    "burst": Text("爆管", "burst"),
    "blockage": Text("堵塞或淤积", "blockage"),
    "overload": Text("超载", "overload"),
    "construction": Text("第三方施工", "third-party works"),
    "weather": Text("天气影响", "weather"),
    "exercise": Text("演练", "exercise"),
    "operation": Text("正常操作", "normal operation"),
    "true": Text("属实（其他）", "real, other cause"),
    "false": Text("误报", "false"),
}
REAL = frozenset({"leak", "burst", "blockage", "overload", "construction", "true"})
HAZARD_LEVELS = {
    1: Text("重大隐患", "major hazard"),
    2: Text("较大隐患", "considerable hazard"),
    3: Text("一般隐患", "ordinary hazard"),
}
ENTITIES = {
    "alarm": Text("报警", "alarm"),
    "finding": Text("发现", "finding"),
    "warning": Text("预警", "warning"),
    "hazard": Text("隐患", "hazard"),
    "incident": Text("事件", "incident"),
    "task": Text("任务", "task"),
    "verdict": Text("研判结论", "verdict"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What may be done to an item.

    Attributes
    ----------
    title : Text
    moves : mapping of state to state
        Where it is allowed, and what follows. The key "" makes a new item.
    needs : tuple of str
        What must be said with it.
    """

    title: Text
    moves: Mapping[str, str]
    needs: tuple[str, ...] = ()


def _stay(*states: str) -> dict[str, str]:
    return {state: state for state in states}


_OPEN = (PENDING, HANDLING, REVIEW, RELEASE)
MACHINES: dict[str, dict[str, Act]] = {
    "warning": {
        "issue": Act(
            title=Text("发布", "issue"), moves={"": PENDING}, needs=("level", "unit", "title_zh")
        ),
        "receive": Act(title=Text("接收", "receive"), moves={PENDING: HANDLING}),
        "assign": Act(
            title=Text("转派", "reassign"),
            moves={PENDING: PENDING, HANDLING: PENDING},
            needs=("unit",),
        ),
        "dispose": Act(title=Text("处置反馈", "report disposal"), moves=_stay(HANDLING)),
        "control": Act(title=Text("险情受控", "under control"), moves=_stay(HANDLING)),
        "submit": Act(title=Text("提请复核", "ask for re-check"), moves={HANDLING: REVIEW}),
        "recheck": Act(
            title=Text("复核通过", "re-check passed"), moves={REVIEW: RELEASE}, needs=("basis",)
        ),
        "return": Act(
            title=Text("退回", "return"),
            moves={REVIEW: HANDLING, RELEASE: HANDLING},
            needs=("reason",),
        ),
        "close": Act(title=Text("解除", "close"), moves={RELEASE: CLOSED}, needs=("verdict",)),
        "merge": Act(
            title=Text("并入", "merge"), moves=dict.fromkeys(_OPEN, MERGED), needs=("into",)
        ),
        "split": Act(title=Text("拆分", "split"), moves=_stay(*_OPEN), needs=("parts",)),
        "escalate": Act(title=Text("升级", "escalate"), moves=_stay(*_OPEN), needs=("level",)),
        "supervise": Act(
            title=Text("挂牌督办", "supervise"), moves=_stay(*_OPEN), needs=("due", "by")
        ),
        "remind": Act(title=Text("催办", "remind"), moves=_stay(*_OPEN), needs=("step",)),
        "data": Act(title=Text("数据更新", "data"), moves=_stay(*_OPEN), needs=("quiet_since",)),
        "note": Act(
            title=Text("备注", "note"), moves=_stay(*_OPEN, CLOSED, MERGED), needs=("text",)
        ),
    },
    "alarm": {
        "raise": Act(title=Text("报警", "raise"), moves={"": "raised"}, needs=("level",)),
        "again": Act(
            title=Text("再次报警", "re-alarm"), moves={"raised": "raised", "acknowledged": "raised"}
        ),
        "acknowledge": Act(title=Text("确认", "acknowledge"), moves={"raised": "acknowledged"}),
        "shelve": Act(
            title=Text("搁置", "shelve"),
            moves={"raised": "shelved", "acknowledged": "shelved"},
            needs=("until", "reason"),
        ),
        "unshelve": Act(title=Text("取消搁置", "unshelve"), moves={"shelved": "raised"}),
        "clear": Act(
            title=Text("恢复", "clear"),
            moves={"raised": "cleared", "acknowledged": "cleared", "shelved": "cleared"},
        ),
    },
    "finding": {"see": Act(title=Text("发现", "see"), moves={"": "seen"}, needs=("rule",))},
    "hazard": {
        "register": Act(
            title=Text("登记", "register"), moves={"": "todo"}, needs=("level", "unit", "due")
        ),
        "submit": Act(title=Text("提交整改", "submit"), moves={"todo": "audit"}),
        "return": Act(title=Text("退回", "return"), moves={"audit": "todo"}, needs=("reason",)),
        "accept": Act(title=Text("验收", "accept"), moves={"audit": "mended"}),
        "note": Act(
            title=Text("备注", "note"), moves=_stay("todo", "audit", "mended"), needs=("text",)
        ),
    },
    "incident": {
        "open": Act(title=Text("立案", "open"), moves={"": "open"}, needs=("title_zh",)),
        "note": Act(title=Text("续报", "report"), moves=_stay("open"), needs=("text",)),
        "close": Act(title=Text("结案", "close"), moves={"open": "done"}),
    },
    "task": {
        "order": Act(title=Text("下达", "order"), moves={"": "open"}, needs=("unit", "due")),
        "finish": Act(title=Text("完成", "finish"), moves={"open": "done"}),
        "cancel": Act(title=Text("取消", "cancel"), moves={"open": "cancelled"}, needs=("reason",)),
    },
    "verdict": {
        "give": Act(title=Text("研判", "give"), moves={"": "given"}, needs=("of", "verdict")),
        "revise": Act(title=Text("改判", "revise"), moves=_stay("given"), needs=("verdict",)),
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One act, as it stands in the book.

    Attributes
    ----------
    entity, item, act : str
    version : int
        Which act of the item, from 1.
    at : datetime64[ms]
        UTC; never before the act before it in the book.
    actor : str
    body : mapping
        What was said; plain values.
    """

    entity: str
    item: str
    version: int
    act: str
    at: np.datetime64
    actor: str
    body: Mapping = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What an item is now.

    Attributes
    ----------
    entity, item, state : str
    version : int
        How many acts it has seen.
    opened, updated, since : datetime64[ms]
        First act; last act; when it took its present state.
    closed : datetime64[ms]
        NaT while it goes on.
    level : int
        I is 1; 0 where the thing has none.
    body : mapping
        The latest of everything that was said, by name.
    times : mapping of act to datetime64[ms]
        When each act was done first.
    """

    entity: str
    item: str
    state: str
    version: int
    opened: np.datetime64
    updated: np.datetime64
    since: np.datetime64
    closed: np.datetime64
    level: int
    body: Mapping
    times: Mapping[str, np.datetime64]


LONGEST = 200  # of an id
LONGEST_SHELF = np.timedelta64(14, "D")  # project default: a shelf does not switch an alarm off
QUIET = frozenset({"remind", "note", "data"})  # acts that change nothing somebody decides on
ENDED = frozenset({CLOSED, MERGED, "cleared", "mended", "done", "cancelled", "given", "seen"})


def item_id(text: str) -> str:
    """Return an id that the ledger takes: what is too long or unprintable is shortened.

    Examples
    --------
    >>> item_id("gas.methane:U1:20261001T08"), len(item_id("x" * 10_000))
    ('gas.methane:U1:20261001T08', 177)
    """
    if 0 < len(text) <= LONGEST and text.isprintable():
        return text
    shown = "".join(letter for letter in text[:160] if letter.isprintable())
    return f"{shown}~{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:16]}"


def applied(item: Item | None, event: Event) -> Item:
    """Do an act to an item.

    Parameters
    ----------
    item : Item or None
        None before its first act.
    event : Event

    Raises
    ------
    LedgerError
        Where the act is unknown, not allowed in this state, lacks what it needs, or is not the
        next one.
    """
    machine = MACHINES.get(event.entity)
    if machine is None:
        raise LedgerError(
            f"{event.entity!r} is nothing that the ledger keeps; expected {', '.join(MACHINES)}."
        )
    act = machine.get(event.act)
    if act is None:
        raise LedgerError(
            f"{event.act!r} cannot be done to a {event.entity}; expected {', '.join(machine)}."
        )
    state = "" if item is None else item.state
    _check(item, event, act, state)
    after = act.moves[state]
    level = _level(item, event)
    nat = np.datetime64("NaT", "ms")
    if item is None:
        return Item(
            entity=event.entity,
            item=event.item,
            state=after,
            version=1,
            opened=event.at,
            updated=event.at,
            since=event.at,
            closed=event.at if after in ENDED else nat,
            level=level,
            body=dict(event.body),
            times={event.act: event.at},
        )
    again = after != state or event.act == "assign"  # a new unit's clock starts anew
    return replace(
        item,
        state=after,
        version=event.version,
        updated=event.at,
        since=event.at if again else item.since,
        closed=event.at if after in ENDED else nat,
        level=level,
        body={**item.body, **event.body},
        times={event.act: event.at, **item.times},
    )


def _check(item: Item | None, event: Event, act: Act, state: str) -> None:
    now = 0 if item is None else item.version
    if event.version != now + 1:
        raise ConflictError(
            f"{event.entity} {event.item}: somebody else was faster: it has {now} acts, yours "
            f"would be number {event.version}; look at it again and decide anew."
        )
    if state not in act.moves:
        where = "does not exist" if item is None else f"is {STATES[state].en}"
        allowed = [name for name, each in MACHINES[event.entity].items() if state in each.moves]
        raise LedgerError(
            f"{event.entity} {event.item}: {event.act!r} is not allowed, as it {where}; "
            f"expected {', '.join(allowed) or 'nothing more'}."
        )
    missing = [name for name in act.needs if event.body.get(name) in (None, "", [])]
    if missing:
        raise LedgerError(
            f"{event.entity} {event.item}: {event.act!r} needs {missing[0]!r}; "
            f"say {', '.join(act.needs)}."
        )
    for name in ("due", "until"):
        if name in act.needs:
            _check_moment(event, name)
    if event.act == "shelve":
        _check_shelf(event)
    if event.act == "merge" and event.body["into"] == event.item:
        raise LedgerError(f"warning {event.item} cannot be merged into itself; name another.")
    verdict = event.body.get("verdict")
    if verdict is not None and verdict not in VERDICTS:
        raise LedgerError(
            f"verdict {verdict!r} is not known; expected one of {', '.join(VERDICTS)}."
        )


def _check_moment(event: Event, name: str) -> np.datetime64:
    try:
        moment = np.datetime64(str(event.body[name]).removesuffix("Z"), "ms")
    except ValueError:
        moment = np.datetime64("NaT", "ms")
    if np.isnat(moment):
        raise LedgerError(
            f"{event.entity} {event.item}: {name} is {event.body[name]!r}; expected a moment in "
            "UTC such as 2026-10-31T08:00."
        )
    return moment


def _check_shelf(event: Event) -> None:
    until = _check_moment(event, "until")
    if not event.at < until <= event.at + LONGEST_SHELF:
        raise LedgerError(
            f"alarm {event.item}: shelved until {until} UTC; expected a moment after "
            f"{event.at} and at most {LONGEST_SHELF.astype(int)} days later."
        )


def _level(item: Item | None, event: Event) -> int:
    before = 0 if item is None else item.level
    if "level" not in event.body:
        return before
    level = event.body["level"]
    if level not in (1, 2, 3, 4) or isinstance(level, bool):
        raise LedgerError(
            f"{event.entity} {event.item}: level is {level!r}; expected 1 (I, gravest) to 4 (IV)."
        )
    if event.act == "escalate" and level >= before:
        raise LedgerError(
            f"warning {event.item}: escalating from {before} to {level} is none; expected a "
            "smaller number."
        )
    return int(level)
