"""The check-up page beside scores: places by risk, changes, renewal, indicators, rows beneath."""

import re

import pytest
from conftest import Visit

pytestmark = pytest.mark.browser
LEGEND = {"zh": ["重大", "较大", "一般", "低", "未知"], "en": ["Major", "High", "Moderate", "Low"]}


def part(visit: Visit, lang: str, name: str) -> object:
    """Open a part by its address, as a link or a reload does."""
    page = visit.open(f"checkup?lang={lang}&part={name}")
    page.locator(f".chips [data-key={name}][aria-checked=true]").wait_for()
    return page


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_risk_by_cell_and_district_with_its_own_legend(visit: Visit, lang: str) -> None:
    page = part(visit, lang, "risk")
    page.locator("svg.places path[data-area^='1000-']").first.wait_for(timeout=60_000)
    cells = page.locator("svg.places path[data-area]").count()
    said = page.locator(".scale").first.inner_text()
    assert all(word in said for word in LEGEND[lang])
    page.locator(".chips [data-key=cells_500]").click()
    page.locator("svg.places path[data-area^='500-']").first.wait_for()
    assert page.locator("svg.places path[data-area]").count() > cells
    page.locator(".chips [data-key=districts]").click()
    page.locator("svg.places path[data-area='zone-1']").wait_for()
    page.locator("details summary").first.click()
    rows = page.locator("details[open] tbody tr")
    assert rows.count() == 2
    assert ("西区" if lang == "zh" else "West") in rows.all_inner_texts()[0] + rows.nth(
        1
    ).inner_text()


def test_a_chosen_part_stands_in_the_address(visit: Visit) -> None:
    page = part(visit, "zh", "indicators")
    page.locator(".chips [data-key=renewal]").click()
    page.wait_for_url("**part=renewal*")
    page.get_by_text("改造计划 ·").first.wait_for(timeout=60_000)


def test_changes_since_a_week_ago_lead_to_their_assets(visit: Visit) -> None:
    page = part(visit, "zh", "changes")
    page.get_by_text("2026-10-04").first.wait_for(timeout=90_000)  # the worker has looked back
    page.locator("details summary").first.click()
    link = page.locator("details[open] td a").first
    link.wait_for()
    assert "asset=" in link.get_attribute("href")


def test_renewal_stands_beside_the_simple_rankings(visit: Visit) -> None:
    page = part(visit, "en", "renewal")
    for word in ("best choice", "oldest first", "Source not verified"):
        page.get_by_text(word).first.wait_for(timeout=60_000)
    page.get_by_text("Pipes of the best choice").click()
    assert page.locator("details[open] tbody tr").count() > 0


def test_indicators_leave_honest_blanks(visit: Visit) -> None:
    page = part(visit, "zh", "indicators")
    page.get_by_text("需要应急演练台账").wait_for(timeout=60_000)
    page.get_by_text("设备在线率").wait_for()


def test_scores_carry_obstacles_and_the_band_of_weights(visit: Visit) -> None:
    part(visit, "zh", "risk").locator("svg.places").wait_for(timeout=60_000)
    page = part(visit, "zh", "scores")
    for word in ("得分对权重的敏感度", "什么拉低了得分", "封顶前 90 % 区间"):
        page.get_by_text(word).first.wait_for()
    assert page.locator("svg.bandbar").count() > 0


def test_a_phone_does_not_scroll_sideways(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 390, "height": 844})
    page = part(visit, "zh", "risk")
    page.locator("svg.places").wait_for(timeout=60_000)
    box = page.locator("svg.places").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_place_leads_to_its_assets(visit: Visit, lang: str) -> None:
    page = part(visit, lang, "risk")
    page.locator("svg.places path[data-area]").first.wait_for(timeout=60_000)
    place = page.locator("svg.places path[data-area]").first
    area = place.get_attribute("data-area")
    place.click()
    page.wait_for_url(f"**place={area}*")
    card = page.locator(".card", has=page.locator("h2", has_text=area.split("-", 1)[1])).first
    card.wait_for(timeout=60_000)
    said = card.locator("h2").inner_text()
    n = int(re.search(r"[:：]\s*(\d+)", said)[1])
    assert card.locator("tbody tr").count() == n > 0
    assert "asset=" in card.locator("td a").first.get_attribute("href")
    page.locator(".chips [data-key=districts]").click()
    page.locator("svg.places path[data-area='zone-1']").wait_for()
    assert card.count() == 0


def test_single_assets_say_where_their_colour_comes_from(visit: Visit) -> None:
    page = visit.open("checkup?part=risk&scale=assets&asset=W-P-000000")
    page.locator(".riskmap[data-ready=yes]").wait_for(timeout=60_000)
    assert "风险等级" in page.locator(".legend").inner_text()
    page.get_by_text("管龄较大").wait_for()
    page.get_by_text("后果", exact=True).wait_for()


def test_a_budget_can_be_chosen_and_each_ranking_opens_its_pipes(visit: Visit) -> None:
    page = part(visit, "zh", "renewal")
    page.locator(".chips [data-key='20000000']").click()
    page.get_by_text("改造计划 · 预算 2,000").wait_for()
    page.get_by_text("各预算下的降险").wait_for()
    oldest = page.locator("details", has=page.get_by_text("管龄最长优先"))
    oldest.locator("summary").click()
    rows = page.locator("tr", has=page.get_by_text("管龄最长优先", exact=True))
    n = int(rows.first.locator("td").nth(1).inner_text())
    assert oldest.locator("tbody tr").count() == n > 0


def test_month_and_year_say_what_is_not_on_file(visit: Visit) -> None:
    part(visit, "zh", "risk").locator("svg.places").wait_for(timeout=60_000)
    page = part(visit, "zh", "scores")
    page.get_by_text("环比与同比").wait_for()
    page.get_by_text("历史中没有一个月前或一年前的体检").wait_for()


def test_what_stands_in_the_address_is_only_shown(visit: Visit) -> None:
    page = visit.open(
        "checkup?part=risk&scale=%3Cscript%3E&place=%3Cimg%20src=x%20onerror=alert(1)%3E"
    )
    page.locator("svg.places path[data-area^='1000-']").first.wait_for(timeout=60_000)
    assert page.locator("img").count() == 0
