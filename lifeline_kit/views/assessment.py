"""An assessment out of a case, in words, for the warning it belongs to."""

from lifeline_kit.text import Lang, Text
from lifeline_kit.views import words
from lifeline_kit.views.cases import KINDS, Case
from lifeline_kit.views.facts import name_of
from lifeline_kit.views.store import Store

_SAID = Text(
    "【燃气研判】{at} {place}（{asset}）甲烷峰值 {peak:.1f} %VOL，"
    "判为{kind}的概率 {chance:.0%}。"
    "{trace}{valves}依据：{why}。辅助研判，不替代现场检测。",
    "[Gas assessment] {at} {place} ({asset}): methane peaked at {peak:.1f} %VOL; probability of "
    "{kind} {chance:.0%}. {trace}{valves}Grounds: {why}. It assists "
    "and replaces no measurement on site.",
)


def assessment(case: Case, store: Store, lang: Lang) -> str:
    """Write the assessment in words."""
    facts = case.facts
    end = "。" if lang == "zh" else ". "
    trace = facts["trace"][f"summary_{lang}"] + end if "trace" in facts else ""
    valves = facts["isolation"][lang] + end if "isolation" in facts else ""
    why = case.row[f"reasons_{lang}"].replace("\n", "；" if lang == "zh" else "; ")
    title = KINDS[case.best][0](lang)
    return _SAID.format(
        at=words.moment_words(case.row["at"], store.city.time_zone, year=True),
        place=name_of(store.city, case.asset, lang),
        asset=case.asset,
        peak=facts["peak"],
        kind=title if lang == "zh" else title.lower(),
        chance=case.chance[case.best],
        trace=trace,
        valves=valves,
        why=why,
    )(lang)
