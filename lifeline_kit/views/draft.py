"""A draft warning out of a case: text for the duty officer, kept beside the city for later."""

import json
from pathlib import Path

from lifeline_kit.io.examinations import derived_folder
from lifeline_kit.text import Lang, Text
from lifeline_kit.views import words
from lifeline_kit.views.cases import KINDS, Case
from lifeline_kit.views.facts import name_of
from lifeline_kit.views.store import Store

_DRAFT = Text(
    "【燃气预警草稿】{at} {place}（{asset}）甲烷峰值 {peak:.1f} %VOL，"
    "判为{kind}的概率 {chance:.0%}。"
    "{trace}{valves}依据：{why}。本稿由系统起草，未经签发；辅助研判，不替代现场检测。",
    "[Draft gas warning] {at} {place} ({asset}): methane peaked at {peak:.1f} %VOL; probability of "
    "{kind} {chance:.0%}. {trace}{valves}Grounds: {why}. Drafted by the system, not issued; it "
    "assists and replaces no measurement on site.",
)


def draft_text(case: Case, store: Store, lang: Lang) -> str:
    """Write the draft in words."""
    facts = case.facts
    end = "。" if lang == "zh" else ". "
    trace = facts["trace"][f"summary_{lang}"] + end if "trace" in facts else ""
    valves = facts["isolation"][lang] + end if "isolation" in facts else ""
    why = case.row[f"reasons_{lang}"].replace("\n", "；" if lang == "zh" else "; ")
    title = KINDS[case.best][0](lang)
    return _DRAFT.format(
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


def save_draft(case: Case, store: Store, lang: Lang) -> tuple[Path, str]:
    """Keep a draft in the city's derived folder; the same case replaces its own draft.

    Returns
    -------
    Path, str
        The file and the words in it.
    """
    folder = derived_folder(store.city) / "drafts"
    folder.mkdir(exist_ok=True)
    said = draft_text(case, store, lang)
    draft = {
        "case": case.key,
        "asset": case.asset,
        "lifeline": str(case.row["lifeline"]),
        "state": "draft",
        "lang": lang,
        "kinds": case.chance,
        "text": said,
        "version": store.examined().version,
    }
    name = "".join(letter if letter.isalnum() else "-" for letter in case.key)
    file = folder / f"{name}.json"
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(draft, ensure_ascii=False, indent=1), encoding="utf-8")
    partial.replace(file)
    return file, said
