"""The rules in force, as plain lines: limits, source, a centre's changes, conditions undecided."""

from collections.abc import Iterator, Sequence

from lifeline_kit.checkup.devices import DeviceShare
from lifeline_kit.early_warning.own_rules import OwnRules
from lifeline_kit.methods.rules import LEVEL_NAMES
from lifeline_kit.model.composites import Composite
from lifeline_kit.model.lifeline import Lifeline, Rule
from lifeline_kit.text import Lang, Text

_TESTS = {
    "above": Text("高于", "above"),
    "below": Text("低于", "below"),
    "rise": Text("{window_h:g} 小时内变化", "change within {window_h:g} h"),
    "forecast": Text("{horizon_h:g} 小时后预计", "foreseen in {horizon_h:g} h"),
    "residual": Text("偏离同一时刻常值", "away from the usual value of that hour"),
    "night": Text("夜间最小流量偏离", "away from the usual night flow"),
    "shift": Text("日中值偏移", "shift of the daily median"),
    "offline": Text("离线", "silent"),
    "persistence": Text(
        "{window_h:g} 小时内累计 {for_min:g} min 越限",
        "crossed for {for_min:g} min in {window_h:g} h",
    ),
    "sum": Text("{window_h:g} 小时累计", "sum of {window_h:g} h"),
    "neighbour": Text("偏离 {reach_m:g} m 内同类", "away from its like within {reach_m:g} m"),
}
_COUNTED = Text("最近 {of} 个读数中 {times} 个越限", "crossed at {times} of the last {of} readings")
_UNVERIFIED = Text("（依据待核）", " (source not yet verified)")
_AGAIN = Text(
    "未消除每 {minutes:g} min 再次提示", "told again every {minutes:g} min while it stands"
)
_OWN = Text("本中心，仅 {assets}", "the centre's, for {assets} alone")
_ADDED = Text("本中心自设", "the centre's own")
_WITHOUT = Text("{count} 处设施另有限值", "except {count} with limits of their own")
_SHELVED = Text(
    "已搁置：{rule} {asset}，至 {until} UTC（{by}：{reason}）",
    "shelved: {rule} at {asset} until {until} UTC ({by}: {reason})",
)
_DEVICES = Text("设备（不预警介质）", "Devices (never a warning of the medium)")
_USUAL = Text(
    "单台：超过 3 个采样间隔无读数；有离线规则者从其规则",
    "one device: no reading for more than 3 expected intervals, or its own rule for silence",
)
_SHARES = {
    "devices": Text("{area}内离线设备占比超过", "more of the devices of a {area} offline than"),
    "red": Text(
        "{area}内已无在线设备的红色风险设施占比超过",
        "more of the watched assets at red risk of a {area} without a device online than",
    ),
}
_AREAS = {"cell": Text("网格", "cell"), "district": Text("城区", "district")}
_FEWEST = Text("，且至少 {count} 处", ", and at least {count}")
_COMPOSITES = Text("组合条件", "Composite conditions")
_WAITS = Text("未判定，尚需：{needs}", "not decided; waits for: {needs}")
_SHARE = Text("×{column}", "x {column}")
_UNITS = {
    "sigma": Text("σ", "σ"),
    "interval": Text("个采样间隔", "intervals"),
}
_SHOWN = 3


def rule_lines(
    lifelines: Sequence[Lifeline], own: OwnRules, lang: Lang, *, shipped: frozenset[str]
) -> Iterator[str]:
    """Yield the lines of a list of all rules.

    Parameters
    ----------
    lifelines : sequence of Lifeline
        With the centre's rules (`early_warning.own_rules.with_rules`).
    own : OwnRules
        For its shelves.
    lang : {'zh', 'en'}
    shipped : frozenset of str
        Keys that came with the package.
    """
    for lifeline in lifelines:
        yield f"{lifeline.title(lang)} · {lifeline.key} · {lifeline.version}"
        for rule in lifeline.rules:
            yield f"  {rule.key}  {rule.title(lang)}"
            yield f"    {_test(rule, lang)}: {_limits(rule, lang)}"
            notes = [*_notes(rule, lang, new=rule.key not in shipped)]
            if notes:
                yield f"    {' · '.join(notes)}"
            yield f"    {_source(rule, lang)}"
        if lifeline.composites:
            yield f"  {_COMPOSITES(lang)}"
        for composite in lifeline.composites:
            level = LEVEL_NAMES[composite.level]
            yield f"    {level}  {composite.key}  {composite.title(lang)}"
            if composite.needs is not None:
                yield f"      {_WAITS.format(needs=composite.needs(lang))(lang)}"
            yield f"      {_source(composite, lang)}"
        keys = {rule.key for rule in lifeline.rules}
        for shelf in (each for each in own.shelves if each.rule in keys):
            said = _SHELVED.format(
                rule=shelf.rule,
                asset=shelf.asset,
                until=f"{shelf.until:%Y-%m-%d %H:%M}",
                by=shelf.by,
                reason=shelf.reason,
            )
            yield f"  {said(lang)}"
        yield ""


def device_lines(limits: Sequence[DeviceShare], lang: Lang) -> Iterator[str]:
    """Yield the lines of what is found about devices, and about areas with too many silent ones.

    Parameters
    ----------
    limits : sequence of DeviceShare
    lang : {'zh', 'en'}
    """
    yield _DEVICES(lang)
    yield f"  {_USUAL(lang)}"
    for each in limits:
        area = _AREAS[each.area](lang) if each.area in _AREAS else each.area
        levels = sorted(each.levels.items(), reverse=True)
        shown = " · ".join(f"{LEVEL_NAMES[level]} {limit:g}" for level, limit in levels)
        yield f"  {each.key}  {each.title(lang)}"
        words = _SHARES[each.of].format(area=area)(lang)
        fewest = _FEWEST.format(count=each.at_least)(lang)
        yield f"    {words}: {shown} {each.unit}{fewest}"
        yield f"    {_source(each, lang)}"


def _test(rule: Rule, lang: Lang) -> str:
    if rule.times:
        return _COUNTED.format(times=rule.times, of=rule.of)(lang)
    return _TESTS[rule.test].format(
        window_h=rule.window_h, horizon_h=rule.horizon_h, for_min=rule.for_min, reach_m=rule.reach_m
    )(lang)


def _limits(rule: Rule, lang: Lang) -> str:
    unit = _UNITS[rule.unit](lang) if rule.unit in _UNITS else rule.unit
    if rule.relative_to:
        unit = _SHARE.format(column=rule.relative_to)(lang)
    levels = sorted(rule.levels.items(), reverse=True)
    return " · ".join(f"{LEVEL_NAMES[level]} {limit:g}" for level, limit in levels) + f" {unit}"


def _notes(rule: Rule, lang: Lang, *, new: bool) -> Iterator[str]:
    if new:
        yield _ADDED(lang)
    if rule.only:
        names = sorted(rule.only)
        more = f" +{len(names) - _SHOWN}" if len(names) > _SHOWN else ""
        yield _OWN.format(assets=", ".join(names[:_SHOWN]) + more)(lang)
    if rule.but:
        yield _WITHOUT.format(count=len(rule.but))(lang)
    if rule.realarm_min > 0:
        yield _AGAIN.format(minutes=rule.realarm_min)(lang)


def _source(entry: Rule | Composite | DeviceShare, lang: Lang) -> str:
    source = (entry.source_zh if lang == "zh" else "") or entry.source
    return source if entry.verified else f"{source}{_UNVERIFIED(lang)}"
