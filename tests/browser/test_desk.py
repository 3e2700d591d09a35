"""A warning walked through its states at the desk, by clicks, to its verdict."""

import re

import numpy as np
import pytest
from conftest import Served, Visit

from lifeline_kit.io.ledger import Draft, Ledger
from lifeline_kit.model.ledger import PENDING

pytestmark = pytest.mark.browser
DAY = np.timedelta64(1, "D")
NOW = np.datetime64("2026-10-11T00:00", "ms")
BODY = {"level": 3, "unit": "燃气公司", "title_zh": "<b>沉降</b> & \u202e", "title_en": "<b>x</b>",
        "lifeline": "gas", "rules": ["gas.methane"], "methods": ["above"]}  # fmt: skip


def press(page: object, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def state(page: object, words: str) -> None:
    page.locator(".deskitem .pill").get_by_text(words, exact=True).wait_for()


def test_a_warning_is_walked_to_its_verdict(visit: Visit, served: Served) -> None:
    with Ledger.open(served.city / "ledger.sqlite") as ledger:
        issue = Draft(entity="warning", item="test-1", act="issue", actor="t", body=BODY)
        ledger.append([issue], now=NOW)
        page = visit.open("desk")
        page.locator(".warning", has_text="沉降").click()
        page.locator('[data-item="test-1"]').wait_for()
        assert page.locator(".deskitem b", has_text="沉降").count() == 0  # text, not markup
        assert "\u202e" not in page.locator("body").inner_text()  # turns nothing round
        press(page, "接收")
        page.get_by_text("请先填写经办人").wait_for()
        assert ledger.item("warning", "test-1").state == PENDING
        page.get_by_label("经办人").fill("李值班")
        press(page, "接收")
        state(page, "处置中")
        page.get_by_label("说明、原因或去向").fill("到场检测")
        press(page, "处置反馈")
        page.get_by_text("到场检测").wait_for()
        press(page, "提请复核")
        state(page, "待复核")
        press(page, "数据复核")  # its findings are no examination's
        page.get_by_text(re.compile("may not be released")).wait_for()
        press(page, "退回")
        page.get_by_text("请先在说明栏填写退回原因").wait_for()
        # somebody else lets the data decide; the page follows by itself
        recheck = Draft(
            entity="warning", item="test-1", act="recheck", actor="s", body={"basis": "b"}
        )
        ledger.append([recheck], now=NOW)
        state(page, "待解除")
        page.get_by_role("combobox").click()
        page.get_by_text("沼气聚集", exact=True).click()
        press(page, "解除")
        state(page, "已解除")
        page.get_by_text("结论：沼气聚集").wait_for()
        share = page.locator('[data-indicator="true_share"]', has_text="0 %")
        share.locator("summary").click()
        share.get_by_text("test-1").wait_for()  # a number opens its rows
        page.get_by_text("gas.methane").wait_for()
        assert [event.actor for event in ledger.events("warning", "test-1")][1] == "李值班"
        assert ledger.verify().problems == ()


def test_two_people_on_one_warning_hear_of_each_other(visit: Visit, served: Served) -> None:
    with Ledger.open(served.city / "ledger.sqlite") as ledger:
        issue = Draft(entity="warning", item="test-2", act="issue", actor="t", body=BODY)
        ledger.append([issue], now=NOW)
        page = visit.open("desk?lang=en")
        page.locator(".warning", has_text="<b>x</b>").first.click()
        page.locator('[data-item="test-2"]').wait_for()
        page.get_by_label("Your name").fill("Li")
        page.clock.install()  # the page's own clock stands: it does not look for news
        other = Draft(entity="warning", item="test-2", act="receive", actor="Zhao", version=1)
        ledger.append([other], now=NOW)
        press(page, "receive")
        page.get_by_text("Somebody else was faster").wait_for()
        state(page, "being handled")
        assert [event.actor for event in ledger.events("warning", "test-2")] == ["t", "Zhao"]


def test_an_alarm_is_seen_and_shelved(visit: Visit, served: Served) -> None:
    with Ledger.open(served.city / "ledger.sqlite") as ledger:
        body = BODY | {"sensor": "s1", "rule": "gas.methane", "since": str(NOW - DAY), "value": 1.5,
                       "limit": 1.0, "measured_in": "%VOL"}  # fmt: skip
        raised = Draft(entity="alarm", item="alarm-1", act="raise", actor="t", body=body)
        ledger.append([raised], now=NOW)
        page = visit.open("alarms")
        page.locator(".warning", has_text="沉降").click()
        sheet = page.locator('[data-item="alarm-1"]')
        sheet.get_by_text("1.5 %VOL，限值 1 %VOL").wait_for()
        assert page.locator(".alarmitem b", has_text="沉降").count() == 0  # text, not markup
        page.get_by_label("经办人").fill("李值班")
        press(page, "确认")
        sheet.locator(".pill", has_text="已确认").wait_for()
        press(page, "搁置")
        page.get_by_text("请先填写搁置原因").wait_for()
        page.get_by_label("搁置原因").fill("更换探头")
        press(page, "搁置")
        sheet.locator(".pill", has_text="已搁置").wait_for()
        sheet.get_by_text("更换探头").first.wait_for()
        held = ledger.item("alarm", "alarm-1")
        now = held.updated + np.timedelta64(8, "h")
        assert np.datetime64(held.body["until"], "ms") == now
        press(page, "取消搁置")
        sheet.locator(".pill", has_text="报警中").wait_for()
        total = page.locator('[data-load="n"]')
        total.locator("summary").click()
        total.get_by_text("gas.methane @ s1").wait_for()  # a number opens its rows
        assert [e.act for e in ledger.events("alarm", "alarm-1")] == [
            "raise", "acknowledge", "shelve", "unshelve",
        ]  # fmt: skip
