"""Words of heating cases: why, and what to do next."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lifeline_kit.lifelines.heating.outage import Outage
from lifeline_kit.lifelines.heating.substations import FAULTS
from lifeline_kit.lifelines.heating.supply import told
from lifeline_kit.text import Text

_NO_FAULT = Text("未见故障：残差在限值以内", "no fault: residuals within their limits")
_ADVICE = {
    "sensor_swap": Text("核对供回水温度传感器接线", "check the wiring of both temperature sensors"),
    "supply_sensor_offset": Text("比对并校准供水温度传感器", "calibrate the supply sensor"),
    "return_sensor_offset": Text("比对并校准回水温度传感器", "calibrate the return sensor"),
    "hunting": Text("调整调节阀参数（比例带、积分）", "retune the control valve"),
    "pump_stop": Text("检查二次侧循环泵及供电", "check the circulation pump and its supply"),
    "valve_stuck_shut": Text(
        "现场检查调节阀开度与执行机构，优先恢复供热", "free the control valve; heat is missing"
    ),
    "valve_stuck_open": Text("检查调节阀关断与执行机构", "check how the control valve shuts"),
    "dhw_priority_stuck": Text("复位生活热水优先控制", "reset hot-water priority"),
    "poor_cooling": Text(
        "依次查换热器结垢、二次侧旁通、回水传感器",
        "look for fouling, a secondary bypass, then the return sensor",
    ),
    "unknown": Text("现场核对表计与阀门", "check meter and valves on site"),
}
_BALANCE = Text(
    "温差低于同类：核对平衡阀开度与二次侧流量",
    "cools less than its peers: check balancing valve and secondary flow",
)
_NONE = Text("无须处置，继续观察", "nothing to do; keep watching")
_UNREAD = Text("（条文未核）", " (clause not read)")


@dataclass(frozen=True)
class Said:
    """Reasons and advice of a case, the weightiest first."""

    reasons: tuple[Text, ...]
    advice: tuple[Text, ...]


def missing_words(missing: list[Text]) -> Said:
    """Say what is missing, and that it should be measured."""
    more = Text("补齐上述测点或数据后再判", "add what is missing, then judge again")
    return Said(tuple(missing), (more,))


def substation_words(row: pd.Series, of: int, missing: tuple[Text, ...]) -> Said:
    """Say why a substation stands where it stands.

    Parameters
    ----------
    row : Series
        Of `excess.Metered.table`.
    of : int
        How many substations were ranked.
    missing : tuple of Text
    """
    reasons = list(missing)
    fault = str(row["fault"])
    if fault:
        ended = pd.notna(row["until"])
        reasons.insert(0, _fault_said(FAULTS[fault], float(row["score"]), ended))
    elif not missing:
        reasons.append(_NO_FAULT)
    days = row["hours"] / 24.0
    reasons.append(
        Text(
            f"近 {days:.0f} 天超额流量 {row['excess_m3']:,.0f} m3；每月 {row['month_m3']:,.0f} m3、"
            f"泵电 {row['month_kwh']:,.0f} kWh、{row['month_cny']:,.0f} 元",
            f"excess flow {row['excess_m3']:,.0f} m3 in {days:.0f} days; a month: "
            f"{row['month_m3']:,.0f} m3, {row['month_kwh']:,.0f} kWh of pumping, "
            f"CNY {row['month_cny']:,.0f}",
        )
    )
    reasons.append(
        Text(
            f"供回水温差 {row['cooling_k']:.1f} K，同类中位 {row['peer_cooling_k']:.1f} K；"
            f"超额第 {row['rank']}（共 {of} 座）",
            f"cools by {row['cooling_k']:.1f} K, median of all {row['peer_cooling_k']:.1f} K; "
            f"excess no. {row['rank']} of {of}",
        )
    )
    if np.isfinite(row["slope_kw_per_k"]):
        reasons.append(
            Text(
                f"能耗特征：室外低于 {row['change_c']:.0f} °C 时每降 1 K 增热 "
                f"{row['slope_kw_per_k']:,.0f} kW，基荷 {row['base_kw']:,.0f} kW",
                f"energy signature: {row['slope_kw_per_k']:,.0f} kW per K below "
                f"{row['change_c']:.0f} °C outdoors, base {row['base_kw']:,.0f} kW",
            )
        )
    if fault and pd.isna(row["until"]):
        advice = _ADVICE[fault]
    else:
        advice = _BALANCE if row["deviation"] < -1.0 else _NONE
    return Said(tuple(reasons), (advice,))


def _fault_said(title: Text, score: float, ended: bool) -> Text:
    tail = Text("，已恢复", ", over now") if ended else Text("，仍在持续", ", still on")
    return Text(
        f"{title.zh}：残差达限值的 {score:.1f} 倍{tail.zh}",
        f"{title.en}: residual {score:.1f} times its limit{tail.en}",
    )


def plant_words(facts: dict, missing: list[Text]) -> Said:
    """Say what a plant's make-up means and what follows.

    Parameters
    ----------
    facts : dict
        As `cases` stores them.
    missing : list of Text
    """
    usual, now = facts["usual_m3_h"], facts["now_m3_h"]
    present = Text("无读数", "no reading") if now is None else _flow(now)
    reasons = [
        Text(
            f"常态补水 {usual:.2f} m3/h，近 24 小时 {present.zh}",
            f"usual make-up {usual:.2f} m3/h, last 24 h {present.en}",
        )
    ]
    if facts["open"]:
        reasons.insert(
            0,
            Text(
                f"补水持续偏高：估计泄漏 {facts['leak_m3_h']:.1f} m3/h"
                f"（90% 区间 {facts['low_m3_h']:.1f}–{facts['high_m3_h']:.1f}）",
                f"make-up stays raised: leak of about {facts['leak_m3_h']:.1f} m3/h "
                f"(90 % within {facts['low_m3_h']:.1f}-{facts['high_m3_h']:.1f})",
            ),
        )
    if facts["share"] is not None:
        over = facts["share"] > facts["norm"]
        unread = Text("", "") if facts["norm_verified"] else _UNREAD
        reasons.append(
            Text(
                f"补水率 {facts['share']:.2%}，{'高于' if over else '不高于'}规定"
                f" {facts['norm']:.1%}{unread.zh}",
                f"make-up is {facts['share']:.2%} of the circulating water, "
                f"{'above' if over else 'within'} the norm of {facts['norm']:.1%}{unread.en}",
            )
        )
    return Said((*reasons, *missing), tuple(_plant_advice(facts)))


def _flow(value: float) -> Text:
    return Text(f"{value:.2f} m3/h", f"{value:.2f} m3/h")


def _plant_advice(facts: dict) -> list[Text]:
    if not facts["open"]:
        return [_NONE]
    advice = []
    if facts.get("suspects"):
        first = [name for name, _ in facts["suspects"][:3]]
        share = told()["leak"]["share"]
        advice.append(
            Text(
                f"先查 {'、'.join(first)}；模型 {share:.0%} 范围含全网"
                f" {facts['searched_share']:.0%} 的节点（模拟检验命中约八成）",
                f"look first at {', '.join(first)}; the model's {share:.0%} set is "
                f"{facts['searched_share']:.0%} of the nodes (it held the leak in about 8 of 10 "
                "simulated cases)",
            )
        )
    if facts.get("isolation"):
        plan = facts["isolation"]
        advice.append(
            Text(f"若漏点在 {plan['pipe']}：{plan['zh']}", f"if it is {plan['pipe']}: {plan['en']}")
        )
    return advice or [Text("分段关阀，看补水回落", "shut branch by branch and watch the make-up")]


def cold_words(found: Outage) -> Said:
    """Say who is cold first, and what that needs."""
    groups = found.groups
    if "hours_18" not in groups:
        return missing_words(list(found.missing))
    back = told()["outage"]["back_after_h"]
    cold = groups[groups["hours_18"] <= back]
    danger = groups[groups["hours_12"] <= back]
    reasons = [
        Text(
            f"停热 {back:.0f} 小时后，{len(cold)} 片、约 {cold['people'].sum():,.0f} 人低于 18 °C，"
            f"其中脆弱人群 {cold['vulnerable'].sum():,.0f} 人",
            f"after {back:.0f} h without heat {len(cold)} groups of homes, about "
            f"{cold['people'].sum():,.0f} people, {cold['vulnerable'].sum():,.0f} of them "
            "vulnerable, are below 18 °C",
        ),
        *found.assumed,
        *found.missing,
    ]
    blankets = cold["blankets_18"].sum() + danger["blankets_12"].sum()
    boilers = cold["boiler_kw"].sum() / 1000.0
    advice = Text(
        f"备毛毯 {blankets:,.0f} 条；全部保温需移动锅炉 {boilers:,.0f} MW，先保排名靠前片区",
        f"{blankets:,.0f} blankets; holding 18 °C for all takes {boilers:,.0f} MW of mobile "
        "boilers; begin at the top",
    )
    return Said(tuple(reasons), (advice,))
