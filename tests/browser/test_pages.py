"""Pages as a manager meets them: words, colours, clicks, weight, and no request to elsewhere."""

import pytest
from conftest import READY, Visit
from grid_city import BURST, SPACE

from lifeline_kit.io.ledger import Ledger

pytestmark = pytest.mark.browser
MOST_BYTES = 6_000_000
LEVEL_AT = """(root, id) => {
    const state = {source: 'assets', sourceLayer: 'assets', id};
    return root.riskmap.getFeatureState(state).level;
}"""


@pytest.mark.parametrize(
    ("path", "tongue", "words"),
    [
        ("overview", "zh-CN", ["未消除预警", "供水压力过低", "模拟数据", "封顶前 81.3"]),
        ("overview?lang=en", "en", ["Open warnings", "Water pressure low", "Simulated", "81.3"]),
        ("triage", "zh-CN", ["待研判", "倾向：燃气泄漏", "91 %", "依次关闭 V1", "不作许可计算"]),
        ("triage?lang=en", "en", ["To decide", "Likely: Gas leak", "if V1 is stuck", "Simulated"]),
        ("desk", "zh-CN", ["未办结预警", "待接收", "供水公司", "响应", "真警率", "模拟数据"]),
        ("alarms", "zh-CN", ["当前报警", "报警负荷", "依据待核", "模拟数据"]),
        ("alarms?lang=en", "en", ["Standing alarms", "Alarm load", "Simulated"]),
        ("weights", "zh-CN", ["两两比较", "一致性比率", "模拟数据"]),
        ("desk?lang=en", "en", ["Open warnings", "awaiting receipt", "Simulated"]),
        ("heating", "zh-CN", ["换热站 1", "调节阀关不严", "疑漏 3.2", "关闭 V7", "模拟数据"]),
        ("heating?lang=en", "en", ["Control valve leaks", "leak 3.2", "close V7", "Simulated"]),
        ("network", "zh-CN", ["风险最高管段", "依次关闭 V7", "31.0%", "没有施工许可", "≥ 80"]),
        ("network?lang=en", "en", ["Worst segments", "if V7 is stuck", "grade A", "Simulated"]),
        ("checkup", "zh-CN", ["城市体检得分", "各专项得分", "资料不足", "西区", "模拟数据"]),
        ("checkup?lang=en", "en", ["Check-up score", "no data", "West", "Simulated"]),
    ],
)  # fmt: skip
def test_page_says_what_it_should_within_its_weight(
    visit: Visit, path: str, tongue: str, words: list[str]
) -> None:
    page = visit.open(path)
    for word in words:
        page.get_by_text(word).first.wait_for()
    assert page.evaluate("document.documentElement.lang") == tongue
    assert visit.weight() < MOST_BYTES


def test_root_leads_to_the_overview(visit: Visit) -> None:
    visit.page.goto(visit.served.address)
    visit.page.wait_for_selector(READY)
    assert visit.page.url.endswith("/overview")


def test_click_on_the_map_shows_the_asset(visit: Visit) -> None:
    page = visit.open("overview")
    spot = page.locator(".riskmap").evaluate(
        """root => {
            const found = root.riskmap.queryRenderedFeatures({layers: ['lines-low']})
                .find(feature => feature.properties.lifeline === 'gas');
            const middle = feature => {
                const [a, b] = feature.geometry.coordinates;
                return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
            };
            const at = root.riskmap.project(middle(found));
            const box = root.getBoundingClientRect();
            return [at.x + box.x, at.y + box.y];
        }"""
    )
    page.mouse.click(*spot)
    page.get_by_text("基本属性").first.wait_for()
    assert "asset=" in page.url


def test_warning_opens_the_asset_with_series_evidence_and_score(visit: Visit) -> None:
    page = visit.open("overview")
    page.locator(f".warning[data-asset='{BURST}']").click()
    for word in ("连续 96 个读数低于 200 kPa。", "依据待核", "风险：重大", "主要失分", "灰口铸铁"):
        page.get_by_text(word).first.wait_for()
    page.locator(".bk-Figure canvas").first.wait_for()
    assert f"asset={BURST}" in page.url
    page.get_by_role("radio", name="流量").click()  # the other sensor of the same asset
    page.wait_for_timeout(300)
    page.get_by_text("返回预警列表").click()
    page.locator(f".warning[data-asset='{BURST}']").wait_for()


def test_levels_reach_the_map_as_colours(visit: Visit) -> None:
    page = visit.open("overview")
    root = page.locator(".riskmap")
    assert [root.evaluate(LEVEL_AT, row) for row in (0, 1, 2, 3)] == [1, 4, 0, 2]


def test_lifeline_restricts_map_numbers_and_legend(visit: Visit) -> None:
    page = visit.open("overview")
    page.locator(".chips button[data-key=gas]").click()
    page.get_by_text("目前没有未消除的预警。").wait_for()
    page.wait_for_function(
        """() => {
            const find = node => node.querySelector?.('.riskmap') ?? [...node.querySelectorAll('*')]
                .map(child => child.shadowRoot && find(child.shadowRoot)).find(Boolean);
            const map = find(document).riskmap;
            const drawn = map.queryRenderedFeatures({layers: ['lines-low', 'lines-high']});
            return drawn.length && drawn.every(f => f.properties.lifeline === 'gas');
        }"""
    )
    assert "lifeline=gas" in page.url
    assert "65" in page.locator(".legend").inner_text()


def test_language_switch_keeps_what_was_chosen(visit: Visit) -> None:
    page = visit.open(f"overview?asset={BURST}")
    page.get_by_text("连续 96 个读数低于 200 kPa。").wait_for()
    page.get_by_text("English").click()
    page.get_by_text("96 readings below 200 kPa.").wait_for()
    page.wait_for_selector(READY)
    assert "lang=en" in page.url
    assert f"asset={BURST}" in page.url


def test_button_makes_the_report(visit: Visit) -> None:
    page = visit.open("checkup")
    page.get_by_role("button", name="生成报告").click()
    link = page.locator("a.download")
    link.wait_for(timeout=60_000)
    answer = page.request.get(f"{visit.served.address}/{link.get_attribute('href')}")
    assert answer.status == 200
    assert "<svg" in answer.text()


@pytest.mark.parametrize(("width", "height"), [(1024, 768), (1920, 1080)])
def test_page_fits_the_screen(visit: Visit, width: int, height: int) -> None:
    visit.page.set_viewport_size({"width": width, "height": height})
    page = visit.open("overview")
    box = page.locator(".riskmap").bounding_box()
    assert box["width"] > 0.5 * width
    assert box["height"] > 0.5 * height
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    right = page.locator(".tile").last.bounding_box()
    assert right["x"] + right["width"] <= width


def test_an_assessment_stands_on_its_warning(visit: Visit) -> None:
    page = visit.open("triage?lang=en")
    page.get_by_text("Put onto the warning").click()
    page.get_by_text("Say who you are first").wait_for()
    page.get_by_label("Your name").fill("Li")
    page.get_by_text("Put onto the warning").click()
    page.get_by_text("Booked on warning").wait_for()
    page.get_by_text("probability of gas leak 91%").wait_for()
    with Ledger.open(visit.served.city / "ledger.sqlite") as ledger:
        notes = [
            (event.actor, event.body["text"])
            for item in ledger.items(open_only=False).index
            for event in ledger.events("warning", str(item))
            if event.act == "note"
        ]
    ((actor, text),) = [note for note in notes if SPACE in note[1]]
    assert actor == "Li"
    assert "replaces no measurement on site" in text


def test_heat_back_later_leaves_more_people_cold(visit: Visit) -> None:
    page = visit.open("heating?lang=en")
    page.locator(".bk-Figure canvas").nth(1).wait_for()
    page.get_by_role("radio", name="4 h", exact=True).click()
    page.get_by_text("0 vulnerable", exact=True).wait_for()
    assert page.locator("table.cold tr.hit").count() == 0
    page.get_by_role("radio", name="48 h").click()
    page.get_by_text("640 vulnerable").wait_for()
    page.get_by_text("5,640").wait_for()  # two blankets for the vulnerable, one for the others
    assert page.locator("table.cold tr.hit").count() == 1


def test_heating_fits_a_small_screen(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 1024, "height": 768})
    page = visit.open("heating?lang=en")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1024
    figure = page.locator(".bk-Figure").first.bounding_box()
    assert figure["width"] > 300
    assert figure["height"] > 100


def test_layers_and_segments_of_the_gas_network_can_be_chosen(visit: Visit) -> None:
    page = visit.open("network?lang=en&asset=G-P-000009")
    for words in ("G-P-000009", "grade E", "worked out for the 1 worst"):
        page.get_by_text(words).first.wait_for()
    page.locator(".chips button[data-key=least]").click()
    page.get_by_text("one hour of pressures").wait_for()
    page.locator(".warning[data-asset='G-P-000000']").click()
    page.get_by_text("close in this order: V7").wait_for()
    page.wait_for_function("location.search.includes('asset=G-P-000000')")
    page.locator(".bk-Figure canvas").first.wait_for()
