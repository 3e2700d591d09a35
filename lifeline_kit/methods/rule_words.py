"""What a rule's finding says of itself, in both languages."""

import pandas as pd

from lifeline_kit.model.lifeline import Rule
from lifeline_kit.text import Text


def rule_evidence(
    rule: Rule,
    level: str,
    *,
    peak: float,
    limit: float,
    unit: str,
    when: pd.Timestamp,
    crossed: str,
) -> Text:
    """Tell what was seen, when it was worst, and which limit that passes.

    Parameters
    ----------
    rule : Rule
    level : str
        I to IV.
    peak, limit : float [unit]
    unit : str
    when : Timestamp
        Of the extreme, local.
    crossed : str
        `persistence`: limit that was crossed, with its unit.
    """
    if rule.test == "offline":
        return Text(
            f"最长 {peak:.4g} 个采样间隔无读数（至 {when:%m-%d %H:%M}），限值 {limit:.4g} 个",
            f"no reading for up to {peak:.4g} intervals (until {when:%m-%d %H:%M}); "
            f"limit {limit:.4g}",
        )
    if rule.times:
        return Text(
            f"最近 {rule.of} 个读数中 {peak:.4g} 个越过 {level} 级限值 {crossed}"
            f"（{when:%m-%d %H:%M}），须满 {limit:.4g} 个",
            f"past {crossed}, the limit of level {level}, at {peak:.4g} of the last {rule.of} "
            f"readings ({when:%m-%d %H:%M}); {limit:.4g} count",
        )
    if rule.test == "persistence":
        return Text(
            f"{rule.window_h:g} 小时内累计 {peak:.4g} min 越过 {level} 级限值 {crossed}"
            f"（{when:%m-%d %H:%M}），须满 {limit:.4g} min",
            f"past {crossed}, the limit of level {level}, for {peak:.4g} min in all within "
            f"{rule.window_h:g} h ({when:%m-%d %H:%M}); {limit:.4g} min count",
        )
    shown = {"sigma": "σ"}.get(unit, unit)
    words = {
        "above": Text("达到", "reached"),
        "below": Text("降至", "fell to"),
        "rise": Text(f"{rule.window_h:g} 小时内变化", f"changed within {rule.window_h:g} h by"),
        "forecast": Text(
            f"按近 {rule.window_h:g} 小时趋势，{rule.horizon_h:g} 小时后将达",
            f"at the trend of the last {rule.window_h:g} h reaches in {rule.horizon_h:g} h",
        ),
        "residual": Text("偏离同一时刻常值", "left its usual value at that hour by"),
        "night": Text("夜间最小流量偏离常值", "left the usual minimum night flow by"),
        "shift": Text("日中值相对基准偏移", "moved its daily median by"),
        "sum": Text(f"{rule.window_h:g} 小时累计达", f"added up within {rule.window_h:g} h to"),
        "neighbour": Text(
            f"偏离 {rule.reach_m:g} m 内同类测点中位数",
            f"left the median of its like within {rule.reach_m:g} m by",
        ),
    }[rule.test]
    return Text(
        f"{words.zh} {peak:.4g} {shown}（极值 {when:%m-%d %H:%M}），"
        f"{level} 级限值 {limit:.4g} {shown}",
        f"{words.en} {peak:.4g} {shown} (extreme {when:%m-%d %H:%M}); "
        f"limit of level {level} {limit:.4g} {shown}",
    )
