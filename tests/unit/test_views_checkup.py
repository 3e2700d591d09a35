"""The parts of the check-up page, of the tiny city: both languages, hostile names, blanks."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lifeline_kit.checkup.dossier import Dossier, dossier
from lifeline_kit.checkup.dossier_files import save_dossier
from lifeline_kit.io.examinations import save_examination
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Past
from lifeline_kit.pipeline import examine
from lifeline_kit.text import LANGS
from lifeline_kit.views.checkup import _part
from lifeline_kit.views.checkuptables import changes_html, moved_html, template_html
from lifeline_kit.views.elements import Chips
from lifeline_kit.views.renewaltables import renewal_html
from lifeline_kit.views.riskplaces import coverage_html, places_html
from lifeline_kit.views.store import Store


@pytest.fixture
def told(tiny_city: City, tmp_path: Path) -> tuple[Store, Dossier]:
    city = City.open(tiny_city.save(tmp_path / "city"))
    examination = examine(city)
    save_examination(city, examination)
    past = Past(
        at=examination.at - pd.Timedelta("7D"),
        risk=examination.risk.assign(level=4),
        scores=examination.scores.assign(until=examination.scores["until"] - pd.Timedelta("7D")),
    )
    found = dossier(city, examination, past)
    save_dossier(city, found)
    return Store(city), found


def test_every_part_shows_in_both_languages(told: tuple[Store, Dossier]) -> None:
    store, _ = told
    for lang in LANGS:
        for part in ("scores", "risk", "changes", "renewal", "indicators"):
            panes = _part(store, part, lang, Chips(value="cells_1000"))
            text = "".join(str(getattr(pane, "object", "")) for pane in panes)
            assert "nan" not in text.lower().replace("finan", ""), (lang, part)
            assert "<table>" in text or 'class="dense"' in text, (lang, part)


def test_a_page_waits_for_the_dossier_and_never_makes_it(told: tuple[Store, Dossier]) -> None:
    store, _ = told
    for file in (store.city.path / ".derived").glob("dossier.json"):
        file.unlink()
    assert store.dossier() is None
    assert "正在汇总" in str(_part(store, "risk", "zh", Chips())[0].object)
    assert not list((store.city.path / ".derived").glob("dossier.json"))
    assert len(_part(store, "scores", "zh", Chips())) == 3  # what the examination alone can tell


def test_names_from_data_bring_no_markup(told: tuple[Store, Dossier]) -> None:
    store, found = told
    bad = "<script>alert(1)</script>"
    names = {each: f"{bad}{i}" for i, each in enumerate(found.changes.index)}
    changes = found.changes.rename(index=names).assign(reason_zh=bad, reason_en=bad)
    renewed = found.renewed.rename(index=lambda each: f"{bad}{each}").assign(material=bad)
    places = found.cells_1000.rename(index=lambda each: f'1000-"{bad}{each}')
    hostile = replace(found, changes=changes, renewed=renewed, cells_1000=places.iloc[:1])
    for text in (
        changes_html(store, hostile, "zh"),
        renewal_html(hostile, "en"),
        places_html(store, hostile, "cells_1000", "zh"),
        coverage_html(hostile, {}, "en"),
    ):
        assert "<script" not in text


def test_unknown_places_are_hatched_and_known_ones_carry_risk_words(
    told: tuple[Store, Dossier],
) -> None:
    store, found = told
    grey = found.cells_1000.assign(level=0, known=np.nan, risk=np.nan)
    text = places_html(store, replace(found, cells_1000=grey), "cells_1000", "zh")
    assert 'fill="url(#unknown)"' in text
    assert "资料" not in text
    assert "未知" in text
    assert "特别重大" not in text  # a word of warnings, not of risk
    empty = replace(found, cells_1000=found.cells_1000.iloc[:0])
    assert "没有可绘制的区块" in places_html(store, empty, "cells_1000", "zh")


def test_without_a_past_or_a_plan_the_page_says_so(told: tuple[Store, Dossier]) -> None:
    store, found = told
    bare = replace(found, before_at=None, plans=found.plans.iloc[:0])
    assert "还没有更早的体检" in changes_html(store, bare, "zh")
    assert moved_html(store, bare, "zh") == ""
    assert "no pipe can be planned" in renewal_html(bare, "en").lower()
    assert "needs the records of drills" in template_html(found, "annual", "en")
