"""The parts of the check-up page, of the tiny city: both languages, hostile names, blanks."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lifeline_kit.checkup.dossier import Dossier, dossier
from lifeline_kit.checkup.dossier_files import save_dossier
from lifeline_kit.checkup.renewal_plan import STRATEGIES
from lifeline_kit.io.examinations import save_examination
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Past
from lifeline_kit.pipeline import examine
from lifeline_kit.text import LANGS
from lifeline_kit.views.checkup import _part
from lifeline_kit.views.checkuptables import changes_html, moved_html, template_html
from lifeline_kit.views.elements import Chips
from lifeline_kit.views.periods import periods_html
from lifeline_kit.views.placerows import asset_html, place_html
from lifeline_kit.views.renewaltables import renewal_html
from lifeline_kit.views.riskpart import PLACES, risk_part
from lifeline_kit.views.riskplaces import coverage_html, place_title, places_html
from lifeline_kit.views.state import State
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
    store, found = told
    for lang in LANGS:
        for part in ("scores", "changes", "renewal", "indicators", *PLACES):
            if part in PLACES:
                panes = risk_part(store, found, State(lang=lang), Chips(value=part), "")
            else:
                panes = _part(store, found, part, lang, Chips())
            text = "".join(str(getattr(pane, "object", "")) for pane in panes)
            assert "nan" not in text.lower().replace("finan", ""), (lang, part)
            assert "<table>" in text or 'class="dense"' in text, (lang, part)


def test_a_page_waits_for_the_dossier_and_never_makes_it(told: tuple[Store, Dossier]) -> None:
    store, _ = told
    for file in (store.city.path / ".derived").glob("dossier.json"):
        file.unlink()
    assert store.dossier() is None
    assert "正在汇总" in str(_part(store, None, "risk", "zh", Chips())[0].object)
    assert not list((store.city.path / ".derived").glob("dossier.json"))
    assert (
        len(_part(store, None, "scores", "zh", Chips())) == 3
    )  # what the examination alone can tell


def test_names_from_data_bring_no_markup(told: tuple[Store, Dossier]) -> None:
    store, found = told
    bad = "<script>alert(1)</script>"
    names = {each: f"{bad}{i}" for i, each in enumerate(found.changes.index)}
    changes = found.changes.rename(index=names).assign(reason_zh=bad, reason_en=bad)
    taken = found.taken.rename(index=lambda each: f"{bad}{each}", level="asset")
    places = found.cells_1000.rename(index=lambda each: f'1000-"{bad}{each}')
    hostile = replace(
        found, changes=changes, taken=taken.assign(material=bad), cells_1000=places.iloc[:1]
    )
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


def test_a_place_lists_its_members_and_markup_stays_text(told: tuple[Store, Dossier]) -> None:
    store, found = told
    area = str(found.districts.index[0]) if len(found.districts) else str(found.cells_1000.index[0])
    scale = "districts" if len(found.districts) else "cells_1000"
    own = found.members[(found.members["scale"] == scale) & (found.members["area"] == area)]
    text = place_html(store, found, scale, area, "<b>x</b>", "zh")
    assert "<b>x</b>" not in text
    assert text.count("asset=") == min(len(own), 200) > 0
    assert f"{len(own)} 处设施" in text
    assert place_html(store, found, scale, "no such place", "x", "en") == ""
    assert "Click an asset" in asset_html(store, "<img>", "en")
    asset = str(own["asset"].iloc[0])
    assert "可能性" in asset_html(store, asset, "zh")
    assert (
        place_title(store, found, "cells_1000", "<i>", "zh") == "<i>"
    )  # escaped where it is shown


def test_each_plan_lists_as_many_pipes_as_it_says(told: tuple[Store, Dossier]) -> None:
    _, found = told
    budget = found.plans.index.get_level_values("budget")[0]
    text = renewal_html(found, "en", f"{budget:.0f}")
    for strategy, row in found.plans.loc[budget].iterrows():
        word = "best choice" if strategy == "best" else f"'{STRATEGIES[str(strategy)].en}'"
        assert f"{word} ({row['n']:,.0f})" in text
    assert renewal_html(found, "en", "no budget") == renewal_html(found, "en")


def test_month_and_year_on_the_page(told: tuple[Store, Dossier]) -> None:
    store, found = told
    assert "There is" not in periods_html(store, found, "zh")
    assert "holds no examination of a month" in periods_html(store, found, "en")
    examination = store.examined()
    month = Past(
        at=examination.at - pd.Timedelta("30D"),
        risk=examination.risk,
        scores=examination.scores.assign(
            score=examination.scores["score"] - 2.0,
            until=examination.scores["until"] - pd.Timedelta("30D"),
        ),
    )
    text = periods_html(store, dossier(store.city, examination, month_ago=month), "zh")
    assert "+2.00" in text
    assert "同比对照 尚无存档" in text
