"""A report that rests on a ledger is verified with it: tampered rows and numbers are found."""

import json
import sqlite3
from pathlib import Path

import pandas as pd
import pytest

from lifeline_kit import cli
from lifeline_kit.early_warning.answered import tasks_of
from lifeline_kit.early_warning.duty import load_duty
from lifeline_kit.early_warning.issue import drafts_of
from lifeline_kit.io.ledger import Draft, Ledger
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.pipeline import examine, rescored
from lifeline_kit.services.books import answered, book_until


@pytest.fixture
def folder(tiny_city: City, tmp_path: Path) -> Path:
    """Make a city with a ledger of its warnings, the gravest answered and closed."""
    place = tiny_city.save(tmp_path / "tiny")
    found = examine(City.open(place))
    none = pd.DataFrame(columns=["state", "level", "body"])
    drafts = drafts_of(found.warnings, found.findings, none, load_duty(), at=found.at)
    with Ledger.open(place / "ledger.sqlite", create=True) as ledger:
        begun = (found.at - pd.Timedelta(hours=3)).to_datetime64()
        ledger.append(drafts, now=begun)
        item = next(each.item for each in drafts if each.act == "issue")
        for what, body in (
            ("receive", {}), ("dispose", {"text": "on site"}), ("control", {}), ("submit", {}),
            ("recheck", {"basis": "quiet"}), ("close", {"verdict": "leak"}),
        ):  # fmt: skip
            step = Draft(entity="warning", item=item, act=what, actor="desk", body=body)
            ledger.append([step], now=begun)
    return place


def run(capsys, *arguments) -> tuple[int, str, str]:
    code = cli.main([str(each) for each in arguments])
    seen = capsys.readouterr()
    return code, seen.out, seen.err


def made(capsys, folder: Path, *more: str) -> Path:
    file = folder.parent / "r.json"
    code, _, said = run(capsys, "checkup", "--city", folder, "--out", file, *more)
    assert code == 0, said
    return file


def tampered(place: Path, statement: str) -> None:
    """Change a ledger behind its back."""
    base = sqlite3.connect(place)
    for act in ("update", "delete"):
        base.execute(f"DROP TRIGGER IF EXISTS event_no_{act}")
    base.execute(statement)
    base.commit()
    base.close()


def test_a_report_states_the_head_and_verifies_after_the_ledger_grew(folder, capsys) -> None:
    file = made(capsys, folder)
    values = json.loads(file.read_text())
    with Ledger.open(folder / "ledger.sqlite") as ledger:
        assert values["book"].endswith(ledger.head())
        body = {"level": 1, "unit": "x", "due": "2030-01-01"}
        late = Draft(entity="hazard", item="H9", act="register", actor="a", body=body)
        ledger.append([late], now=pd.Timestamp("2029-01-01").to_datetime64())
    code, out, _ = run(capsys, "verify", file, "--city", folder)
    assert code == 0, out
    assert "none differs" in out


def test_a_tampered_row_is_found_with_the_numbers_it_changes(folder, capsys) -> None:
    file = made(capsys, folder)
    tampered(
        folder / "ledger.sqlite",
        "UPDATE event SET at = at - 7200000 WHERE act = 'issue'",
    )
    code, out, err = run(capsys, "verify", file, "--city", folder)
    assert code == 1
    assert "was changed" in err
    assert "ledger.rates" in out


def test_a_ledger_that_is_shorter_or_missing_is_told(folder, capsys) -> None:
    file = made(capsys, folder)
    place = folder / "ledger.sqlite"
    tampered(place, "DELETE FROM event WHERE act = 'close'")
    code, _, err = run(capsys, "verify", file, "--city", folder)
    assert code == 1
    assert "cut off" in err
    for each in folder.glob("ledger.sqlite*"):
        each.unlink()
    code, _, err = run(capsys, "verify", file, "--city", folder)
    assert code == 2
    assert "the city has none" in err
    code, _, err = run(capsys, "verify", file, "--city", folder, "--ledger", "none")
    assert code == 1
    assert "passed over" in err


def test_a_changed_number_is_found(folder, capsys) -> None:
    file = made(capsys, folder)
    values = json.loads(file.read_text())
    values["ledger"]["rates"][3]["value"] = 0.99
    file.write_text(json.dumps(values))
    code, out, _ = run(capsys, "verify", file, "--city", folder)
    assert code == 1
    assert "ledger.rates[completion].value" in out
    assert "1 of" in out


def test_a_report_without_the_ledger_needs_none(folder, capsys) -> None:
    file = made(capsys, folder, "--ledger", "none")
    values = json.loads(file.read_text())
    assert (values["book"], values["ledger"]) == ("", None)
    assert run(capsys, "verify", file, "--city", folder)[0] == 0
    code, _, err = run(
        capsys, "checkup", "--city", folder, "--out", file, "--ledger", folder / "absent.sqlite"
    )
    assert code == 2
    assert "no ledger there" in err


def test_a_head_that_is_none_is_refused(folder, capsys) -> None:
    file = made(capsys, folder)
    values = json.loads(file.read_text())
    file.write_text(json.dumps(values | {"book": "12:xyz"}))
    code, _, err = run(capsys, "verify", file, "--city", folder)
    assert code == 2
    assert "expected a number and a hash" in err


def of_response(examination: Examination) -> pd.Series:
    scores = examination.scores
    own = scores[(scores["scope"] == "lifeline") & (scores["indicator"] == "response")]
    return own.set_index("lifeline")["score"]


def test_scores_of_response_come_from_the_ledger(folder) -> None:
    city = City.open(folder)
    examination = examine(city)
    book = book_until(city, examination.at.to_datetime64())
    assert book is not None
    tasks = tasks_of(book.items["warning"], examination.warnings, examination.findings, load_duty())
    assert set(tasks["warning"]) <= set(examination.warnings.index)
    assert tasks["done"].notna().sum() == 1
    hours = (tasks["due"] - book.items["warning"].loc[tasks.index, "opened"]) / pd.Timedelta(
        hours=1
    )
    assert set(hours) <= set(load_duty().close_h.values())
    again = answered(city, examination, book)
    whole = examine(city, tasks=tasks)
    pd.testing.assert_frame_equal(again.scores, whole.scores)
    assert of_response(examination).isna().all()
    assert of_response(again).notna().any()
    assert again.version.startswith(examination.version + "+")
    assert rescored(city, examination, tasks.iloc[:0]) is examination
    assert answered(city, examination, None) is examination
