"""Reasons and advice of triage in words."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from lifeline_kit.lifelines.gas.signs import FAULTS, NAMES, NOISES, ManholeContext
from lifeline_kit.text import Text

CAUSES = {
    "leak": Text("燃气泄漏", "Gas leak"),
    "biogas": Text("沼气", "Biogas"),
    "sensor": Text("探头故障", "Faulty terminal"),
}
SCREENING = Text("筛查性估算，不作许可计算", "screening, not a permit calculation")
ASSISTS = Text(
    "概率依模拟序列校准；辅助研判，不替代现场检测",
    "Probabilities calibrated on simulation; they assist and replace no measurement on site",
)
_OUTSIDE = Text("超出模型范围，须现场检测", "Outside the models: measure on site")
_UNDECIDED = Text("倾向不明，先取样", "Undecided: sample first")
_LIKELY = Text("倾向：{cause}", "Likely: {cause}")
_SURE, _UNSURE = 0.7, 0.3


class Reason(NamedTuple):
    """One ground: the signs that make it up, and its words for and against a leak."""

    signs: tuple[str, ...]
    speaks_for: Text
    against: Text


_FLUCTUATION = tuple(
    f"{kind}_{noise}{end}"
    for kind in ("leak", "biogas")
    for noise in NOISES
    for end in ("", "_apart")
)
REASONS = (
    Reason(
        ("leak_over_biogas", "warmth", "wet"),
        Text(
            "整段曲线更像持续气源进入通风井室，而非随温度缓慢累积",
            "the whole course is more like a steady source in a ventilated space than a slow "
            "build-up led by warmth",
        ),
        Text(
            "整段曲线更像随温度缓慢累积、遇雨或开盖回落的沼气",
            "the whole course is more like biogas: led by warmth, slow, falling with rain or an "
            "open lid",
        ),
    ),
    Reason(
        (*(f"leak_over_{fault}" for fault in ("sensor", *FAULTS)), "biogas_over_sensor"),
        Text(
            "升降速度符合井室通风规律，不像探头漂移、跳变或交叉响应",
            "it rises and falls as ventilation lets it, unlike drift, jumps or another gas",
        ),
        Text(
            "出现漂移、跳变、尖峰或冻结，井室通风无法解释",
            "drift, jumps, spikes or a frozen output that no ventilation explains",
        ),
    ),
    Reason(
        _FLUCTUATION,
        Text("浓度快速而剧烈波动", "it fluctuates fast and strongly"),
        Text("浓度平稳，波动小而慢", "it is steady, its swings small and slow"),
    ),
    Reason(
        ("demand",),
        Text("浓度在用气高峰后 1–2 小时随之升高", "it follows gas demand one to two hours later"),
        Text("浓度不随用气变化", "it does not follow gas demand"),
    ),
    Reason(
        tuple(name for name in NAMES if name.startswith("neighbour_")),
        Text("相邻井室随后也升高", "neighbouring spaces rise after it"),
        Text(
            "相邻井室没有随之升高，或与之同因",
            "neighbouring spaces do not follow, or share another cause",
        ),
    ),
    Reason(
        ("context_biogas", "context_sensor"),
        Text(
            "井室类型、距燃气管距离、管材与管龄偏向泄漏",
            "type of space, distance to the gas pipe, its material and age point to a leak",
        ),
        Text(
            "井室类型、距燃气管距离、管材与管龄不偏向泄漏",
            "type of space, distance to the gas pipe, its material and age do not point to a leak",
        ),
    ),
    Reason(
        ("flooded",),
        Text("读数偏高时探头未进水", "the terminal was not under water while it read high"),
        Text("读数偏高时探头进水", "the terminal was under water while it read high"),
    ),
)


def reasons(
    scaled: np.ndarray,
    table: np.ndarray,
    chance: np.ndarray,
    context: ManholeContext,
    age_h: float,
) -> tuple[Text, ...]:
    """Say what weighs most for or against a leak.

    Parameters
    ----------
    scaled : array, (sign,)
        Standardised signs.
    table : array, (2, 1 + sign)
        Weights of biogas and sensor against leak.
    chance : array, (3,)
    context : ManholeContext
    age_h : float [h]
        Since the onset.
    """
    share = chance[1:] / max(float(chance[1:].sum()), 1e-9)  # what the leak is held against
    pull = -(share @ table[:, 1:]) * scaled
    grounds = []
    for each in REASONS:
        weight = float(sum(pull[NAMES.index(name)] for name in each.signs))
        grounds.append((abs(weight), each.speaks_for if weight > 0 else each.against))
    said = [text for weight, text in sorted(grounds, key=lambda g: -g[0]) if weight > 0.3][:3]
    if np.isfinite(context.ethane_ratio):
        said.insert(
            0,
            Text("样品 C2/C1 为 {r:.4f}", "C2/C1 of the sample is {r:.4f}").format(
                r=context.ethane_ratio
            ),
        )
    if age_h < 3.0:
        said.append(
            Text(
                "起升后仅 {h:.1f} 小时，判断会随数据变化",
                "only {h:.1f} h since the onset; the judgement will move with more readings",
            ).format(h=max(age_h, 0.0))
        )
    return tuple(said)


def advice(
    chance: np.ndarray,
    context: ManholeContext,
    raised_vol: Sequence[float],
    *,
    outside: bool,
    peak_vol: float,
    band: dict,
) -> tuple[Text, ...]:
    """Say what to do and sample next; dangerous readings are secured first, whatever the cause."""
    said = []
    low, high = band["sample_band"]
    if peak_vol >= band["secure_vol"]:
        said.append(
            Text(
                "先封控现场并用另一仪器复测，无论判为何因",
                "secure the place first and measure with another instrument, whatever the cause",
            )
        )
    if outside:
        said.append(
            Text(
                "序列超出模型适用范围：勿依上述概率判断，请现场检测",
                "outside the models: do not rely on these probabilities, measure on site",
            )
        )
    if (low <= chance[0] <= high or outside) and not np.isfinite(context.ethane_ratio):
        said.append(
            Text(
                "取气样测 C2/C1：大于约 0.01 即为管道气",
                "take a gas sample for C2/C1: above about 0.01 it is pipeline gas",
            )
        )
    if chance[0] >= low:
        said.append(
            Text(
                "沿最近燃气管打孔检测，由井室向两侧各 10 m",
                "bar-hole along the nearest gas pipe, 10 m to either side of the space",
            )
        )
        if context.neighbour_m:
            k = int(np.argmin(context.neighbour_m))
            held = raised_vol[k] if k < len(raised_vol) else float("nan")
            said.append(
                Text(
                    "打开最近的相邻井室（{m:.0f} m，现读数 {v:.2f} %VOL）复测",
                    "open and measure the nearest neighbour ({m:.0f} m, reads {v:.2f} %VOL)",
                ).format(m=context.neighbour_m[k], v=held)
            )
    if chance[2] >= low:
        said.append(Text("用标准气校验或更换探头", "check the terminal with test gas, or swap it"))
    if chance[1] >= high:
        said.append(
            Text("通风后复测，观察回升快慢", "ventilate, measure again, watch how fast it returns")
        )
    return tuple(said)


def leaning(chance: Mapping[str, float], *, outside: bool) -> Text:
    """Say in a few words where a judgement leans.

    Parameters
    ----------
    chance : mapping of cause to float
        By the keys of `CAUSES`.
    outside : bool
        The series lies outside the range of the models.
    """
    if outside:
        return _OUTSIDE
    best = max(chance, key=lambda cause: chance[cause])
    if chance[best] < _SURE and chance["leak"] > _UNSURE:
        return _UNDECIDED
    cause = CAUSES[best]
    return Text(_LIKELY.zh.format(cause=cause.zh), _LIKELY.en.format(cause=cause.en))
