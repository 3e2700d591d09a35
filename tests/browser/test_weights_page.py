"""Weights judged in pairs on a page: tried, refused, read from a file, kept, examined again."""

import contextlib
import json
import shutil
import time
from pathlib import Path

import pytest
from conftest import Visit, start, stop
from grid_city import examined

from lifeline_kit.checkup.own_weights import weighting_toml
from lifeline_kit.checkup.profile import WEIGHTS
from lifeline_kit.checkup.weights import load_weighting

pytestmark = pytest.mark.browser


def choose(page: object, cell: str, value: str) -> None:
    page.locator(f"select[data-cell='{cell}']").select_option(value)


@pytest.mark.parametrize(
    ("path", "accepted", "refused", "follow"),
    [
        ("weights", "CR = 0.0027", "判断前后矛盾：一致性比率 0.102", "得出的权重"),
        ("weights?lang=en", "CR = 0.0027", "contradict one another", "The weights that follow"),
    ],
)
def test_judgements_are_weighed_as_they_are_chosen(
    visit: Visit, path: str, accepted: str, refused: str, follow: str
) -> None:
    page = visit.open(path)
    for text in (accepted, follow):
        page.get_by_text(text).first.wait_for()
    choose(page, "0,1", "1/9")
    page.get_by_text(refused).wait_for()
    assert page.locator("select[data-cell='1,0']").input_value() == "9"
    assert page.locator(".pairs td.fault").count() == 2
    save = page.get_by_role("button", name="采用这些权重" if path == "weights" else "Use these")
    assert save.is_disabled()
    choose(page, "1,0", "1/2")  # set from the other side
    page.get_by_text(accepted).wait_for()
    assert page.locator("select[data-cell='0,1']").input_value() == "2"
    assert save.is_enabled()


def test_a_file_that_is_none_is_one_message_and_one_that_does_not_mirror_is_shown(
    visit: Visit, tmp_path: Path
) -> None:
    page = visit.open("weights?lang=en")
    wrong, skew = tmp_path / "notes.toml", tmp_path / "skew.toml"
    wrong.write_text("<script>alert(1)</script>", encoding="utf-8")
    page.locator("input[type=file]").set_input_files(str(wrong))
    page.get_by_text("The file was not taken").wait_for()
    text = weighting_toml(load_weighting())
    skew.write_text(text.replace("[1, 2, 2, 2, 3", "[1, 5, 2, 2, 3"), encoding="utf-8")
    page.locator("input[type=file]").set_input_files(str(skew))
    page.get_by_text("Not reciprocal: 'Gas against Water supply' is 5").wait_for()
    page.get_by_text("The file was not taken").wait_for(state="detached")


def test_weights_need_a_name_and_fit_a_phone(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 390, "height": 844})
    page = visit.open("weights")
    page.locator("select[data-cell='0,1']").wait_for()
    page.get_by_role("button", name="采用这些权重").click()
    page.get_by_text("请先填写姓名和理由").wait_for()
    assert not (visit.served.city / WEIGHTS).exists()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.slow
def test_kept_weights_are_examined_and_can_be_taken_back(
    browser: object, grid_folder: Path, tmp_path: Path
) -> None:
    city = tmp_path / "city"
    shutil.copytree(grid_folder, city)
    examined(city)
    served = start(city, tmp_path / "server.log")

    def version() -> str:
        return json.loads((city / ".derived" / "stamp.json").read_text(encoding="utf-8"))["version"]

    try:
        before = version()
        with contextlib.closing(browser.new_page()) as page:
            page.set_default_timeout(60_000)
            page.goto(f"{served.address}/weights?lang=en")
            choose(page, "0,1", "1")
            page.get_by_label("Name", exact=True).fill("Li")
            page.get_by_label("Reason, or number of the decision").fill("council 12/2026")
            page.get_by_role("button", name="Use these weights").click()
            page.get_by_text("Li: council 12/2026").wait_for()
            assert load_weighting(city / WEIGHTS).matrix[0][1] == 1.0
            for _ in range(240):
                if version() != before:
                    break
                time.sleep(0.5)
            assert version() != before
            page.goto(f"{served.address}/weights?lang=en")
            page.get_by_role("button", name="Use those shipped").click()
            page.get_by_text("In use: as shipped").wait_for()
            assert not (city / WEIGHTS).exists()
    finally:
        stop(served)
