"""All that a check-up tells beside its scores, of the tiny city."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from lifeline_kit.checkup.dossier import PLACES, RESTS_ON, TABLES, Dossier, Past, dossier, settings
from lifeline_kit.checkup.past import periods_ago
from lifeline_kit.checkup.profile import load_profile
from lifeline_kit.errors import TableError
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.pipeline import examine

DAY = pd.Timedelta(days=1)
KEYS = ("at", "before_at", "month_at", "year_at", "version", "blanks", "budget")


@pytest.fixture(scope="module")
def kept() -> dict:
    """What the first test that asks for it makes, for all others."""
    return {}


@pytest.fixture
def examined(tiny_city: City, kept: dict) -> Examination:
    if "examined" not in kept:
        kept["examined"] = examine(tiny_city)
    return kept["examined"]


@pytest.fixture
def told(tiny_city: City, examined: Examination, kept: dict) -> Dossier:
    if "told" not in kept:
        kept["told"] = dossier(tiny_city, examined)
    return kept["told"]


def a_week_before(examined: Examination) -> Past:
    """The same city with every asset blue, and every score five points better."""
    return before(examined, 7)


def before(examined: Examination, days: float, weighting: str = "") -> Past:
    scores = examined.scores.assign(
        score=examined.scores["score"] + 5.0,
        raw=examined.scores["raw"] + 5.0,
        until=examined.scores["until"] - days * DAY,
    )
    risk = examined.risk.assign(level=4)
    at = examined.at - days * DAY
    return Past(at=at, risk=risk, scores=scores, weighting=weighting)


def test_kilometres_of_places_add_up_to_those_of_the_city(tiny_city: City, told: Dossier) -> None:
    km = tiny_city.assets["length_m"].sum() / 1000.0
    columns = [f"{colour}_km" for colour in ("red", "orange", "yellow", "blue", "unknown")]
    for name in ("cells_1000", "cells_500"):
        places = getattr(told, name)
        assert places[columns].to_numpy().sum() == pytest.approx(km)
        assert (places["n"] > 0).all()
        assert places.crs == tiny_city.assets.crs
        assert not places.geometry.isna().any()
    assert (told.cells_500.area == 250_000.0).all()
    assert told.coverage.loc[""].drop(12)["km"].sum() == pytest.approx(km)


def test_without_an_earlier_examination_nothing_is_said_to_have_changed(told: Dossier) -> None:
    assert told.before_at is None
    for name in ("changes", "change_counts", "score_changes", "movers"):
        assert not len(getattr(told, name)), name
    assert {"before", "now", "change"} <= set(told.score_changes.columns)
    assert "by_score" in told.movers.columns


def test_changes_since_an_earlier_examination(tiny_city: City, examined: Examination) -> None:
    past = a_week_before(examined)
    told = dossier(tiny_city, examined, past)
    assert told.before_at == past.at
    high = examined.risk.index[examined.risk["level"].isin([1, 2])]
    assert len(high)
    assert set(told.changes.index) == set(high)
    assert set(told.changes["change"]) == {"new"}
    assert told.change_counts["n"].sum() == len(high)
    compared = told.score_changes["change"].dropna()
    assert len(compared)
    assert compared.to_numpy() == pytest.approx(-5.0)
    assert "asset" not in told.score_changes.index.get_level_values("scope")
    raw = examined.scores[examined.scores["scope"] == "city"]["raw"].iloc[0]
    if pd.notna(raw):
        assert told.movers.loc["city"][["by_score", "by_weight"]].to_numpy().sum() == (
            pytest.approx(-5.0)
        )


def test_an_examination_that_is_not_earlier_is_refused(
    tiny_city: City, examined: Examination
) -> None:
    with pytest.raises(TableError, match="expected the earlier ones first"):
        dossier(tiny_city, examined, examined)


def test_the_seed_is_data_so_that_a_stamp_fixes_every_number(
    tiny_city: City, examined: Examination, told: Dossier
) -> None:
    again = dossier(tiny_city, examined)
    for name in (*TABLES, *PLACES):
        pd.testing.assert_frame_equal(
            pd.DataFrame(getattr(told, name)), pd.DataFrame(getattr(again, name)), obj=name
        )


def test_the_best_choice_is_never_behind_a_ranking_within_each_budget(told: Dossier) -> None:
    assert len(told.plans)
    for budget, table in told.plans.groupby(level="budget"):
        own = table.droplevel("budget")
        assert (own["cost"] <= budget).all()
        assert (own["removed"] <= own.loc["best", "removed"] + 1e-9).all()
        assert (own["low"] <= own["high"]).all()
    best = told.plans.loc[(told.budget, "best")]
    assert told.renewed["removed"].sum() == pytest.approx(best["removed"])
    assert len(told.renewed) == best["n"]


def test_what_nobody_told_stays_blank_in_the_templates(told: Dossier) -> None:
    assert np.isnan(told.annual.loc["drills_done", "value"])
    assert told.annual.loc["drills_done", "met"] == ""
    assert told.daily.loc["online_rate", "value"] > 0


def test_a_city_without_districts_years_or_places(tiny_city: City, examined: Examination) -> None:
    bare = tiny_city.with_(
        assets=tiny_city.assets.drop(columns=["year", "length_m"], errors="ignore"),
        areas=tiny_city.areas.iloc[:0],
    )
    told = dossier(bare, examined)
    assert not len(told.plans)
    assert not len(told.renewed)
    assert not len(told.districts)
    assert len(told.cells_1000)
    placeless = bare.assets.set_geometry([None] * len(bare.assets), crs=bare.assets.crs)
    lost = dossier(bare.with_(assets=placeless), examined)
    assert not len(lost.cells_1000)
    assert {"level", "red_km"} <= set(lost.cells_500.columns)


def test_obstacles_name_points_lost_for_every_known_whole(told: Dossier) -> None:
    for subject, part in told.obstacles.groupby(level="subject"):
        assert part["share"].sum() == pytest.approx(1.0) or part["lost"].sum() == 0.0, subject
    if pd.notna(told.bands.loc["city", "raw"]):
        lost = told.obstacles.loc["city"]["lost"].sum()
        assert lost == pytest.approx(100.0 - told.bands.loc["city", "raw"])


def test_every_table_is_listed_once() -> None:
    names = {field.name for field in dataclasses.fields(Dossier)}
    assert names == {*TABLES, *PLACES, *KEYS}
    assert set(RESTS_ON) == {*TABLES, *PLACES}
    assert all(text.zh and text.en for text in RESTS_ON.values())


def test_members_are_the_rows_behind_each_place(tiny_city: City, told: Dossier) -> None:
    for name in PLACES:
        members = told.members[told.members["scale"] == name]
        own = getattr(told, name)
        counts = members.groupby("area").size().reindex(own.index, fill_value=0)
        assert counts.tolist() == own["n"].tolist()
    cell = told.cells_500.geometry.iloc[0]
    first = told.members[told.members["area"] == told.cells_500.index[0]]["asset"]
    assert tiny_city.assets.geometry[first].intersects(cell).all()


def test_every_plan_leads_to_the_pipes_it_renews(told: Dossier) -> None:
    for (budget, strategy), row in told.plans.iterrows():
        own = told.taken.loc[budget]
        own = own[own[strategy]]
        assert len(own) == row["n"]
        assert own["cost"].sum() == pytest.approx(row["cost"])
        assert own["removed"].sum() == pytest.approx(row["removed"])
        assert row["removed"] <= row["bound"] * (1 + 1e-9)


def test_a_month_ago_and_a_year_ago(tiny_city: City, examined: Examination) -> None:
    told = dossier(
        tiny_city, examined, month_ago=before(examined, 30), year_ago=before(examined, 365)
    )
    change = told.periods[["month_on_month", "year_on_year"]].dropna()
    assert len(change)
    assert change.to_numpy() == pytest.approx(-5.0)
    assert "periods" not in told.blanks
    assert told.month_at == examined.at - 30 * DAY
    with pytest.raises(TableError, match="28 to 31"):
        dossier(tiny_city, examined, month_ago=before(examined, 40))


def test_blanks_say_why(tiny_city: City, examined: Examination, told: Dossier) -> None:
    names = ("changes", "change_counts", "score_changes", "movers", "periods")
    for name in names:
        assert told.blanks[name].zh
        assert told.blanks[name].en
    bare = tiny_city.with_(assets=tiny_city.assets.drop(columns=["year"]))
    assert {"plans", "taken", "renewed"} <= set(dossier(bare, examined).blanks)
    dear = tiny_city.with_(assets=tiny_city.assets.assign(length_m=1e9))
    assert "single pipe" in dossier(dear, examined).blanks["plans"].en
    assert told.annual.loc["drills_done", "needs_en"] == "needs the records of drills"
    assert (told.daily["needs_zh"] != "").tolist() == told.daily["value"].isna().tolist()


def test_scores_of_other_weights_are_not_split(tiny_city: City, examined: Examination) -> None:
    told = dossier(tiny_city, examined, before(examined, 7, "another"))
    assert not len(told.movers)
    assert "weighed differently" in told.blanks["movers"].en
    same = before(examined, 7, load_profile().weighting.digest())
    assert dossier(tiny_city, examined, same).blanks.get("movers") != told.blanks["movers"]


def test_what_a_month_and_a_year_ago_are() -> None:
    now = pd.Timestamp("2026-10-31T16:00")
    on_file = [now - days * DAY for days in (0.1, 1, 7, 27, 30, 33, 400)]
    assert periods_ago(on_file, now) == {"month": now - 30 * DAY}
    year = [now - 362.4 * DAY, now - 367 * DAY]
    assert periods_ago(year, now)["year"] == now - 367 * DAY
    assert periods_ago([], now) == {}
    assert periods_ago([now + DAY, now], now) == {}


def test_budgets_carry_unit_and_source() -> None:
    renewal = settings()["renewal"]
    assert renewal["unit"] == "CNY"
    assert renewal["source"]
    assert renewal["verified"] is False
    assert renewal["default"] in renewal["budgets"]
