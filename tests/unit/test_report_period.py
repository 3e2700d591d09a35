"""Reports of a month, of every district and of every cell."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from shapely import box

from lifeline_kit import cli
from lifeline_kit.errors import CityError, InputError, ReadingsError
from lifeline_kit.model.city import City
from lifeline_kit.pipeline import examine
from lifeline_kit.reports.batch import Batch, areas_asked, write_reports
from lifeline_kit.reports.period import asked_moment, last_moment, month
from lifeline_kit.reports.read_back import parse_report
from lifeline_kit.reports.write import report_files, write_report


def run(capsys, *arguments) -> tuple[int, str, str]:
    code = cli.main([str(each) for each in arguments])
    seen = capsys.readouterr()
    return code, seen.out, " ".join(seen.err.split())


def with_cells(city: City, n: int = 3) -> City:
    cells = pd.concat([city.areas.loc[["Z1"]]] * n)
    cells.index = [f"C{number}" for number in range(n)]
    cells["level"] = "cell"
    cells["geometry"] = [box(-100 + 300 * k, -100, 200 + 300 * k, 100) for k in range(n)]
    empty = cells.iloc[[0]].rename(index={"C0": "C-empty"})
    empty["geometry"] = [box(90_000, 0, 91_000, 1000)]
    return city.with_(areas=pd.concat([city.areas, cells, empty]).rename_axis("area"))


def test_a_month_runs_from_midnight_to_midnight_of_the_city() -> None:
    period = month("2026-10", "Asia/Shanghai")
    assert period.since == pd.Timestamp("2026-09-30T16:00")
    assert period.until == pd.Timestamp("2026-10-31T16:00")
    summer = month("2026-03", "Europe/Berlin")
    assert (summer.until - summer.since) == pd.Timedelta(days=31) - pd.Timedelta(hours=1)


@pytest.mark.parametrize(
    "text", ["2026-13", "2026", "Oct 2026", "2026-1", "0001-01", "２０２６-10"]
)
def test_what_is_no_month_is_refused(text) -> None:
    with pytest.raises(InputError, match="is no month; expected YYYY-MM"):
        month(text, "UTC")


def test_a_month_ends_at_its_last_reading(tiny_city) -> None:
    period = month("2026-10", "Asia/Shanghai")
    assert last_moment(tiny_city, period) == pd.Timestamp("2026-10-10T23:45")
    # eight hours of 1 October UTC+8 lie in September of a city further west
    west = month("2026-09", "America/New_York")
    assert last_moment(tiny_city, west) == pd.Timestamp("2026-10-01T03:45")


def test_at_the_end_of_the_data_the_month_is_examined_as_the_whole(tiny_city) -> None:
    end = last_moment(tiny_city, month("2026-10", "Asia/Shanghai"))
    assert asked_moment(tiny_city, end) is None
    before = pd.Timestamp("2026-10-05")
    assert asked_moment(tiny_city, before) == before


@pytest.mark.parametrize("text", ["2026-09", "2026-11", "2031-01"])
def test_a_month_without_data_names_the_span(text, tiny_city) -> None:
    with pytest.raises(
        ReadingsError,
        match=rf"no reading in {text}.*from 2026-10-01 08:00 to 2026-10-11 07:45.*Asia/Shanghai",
    ):
        last_moment(tiny_city, month(text, tiny_city.time_zone))


def test_what_ended_before_the_month_is_left_out(tiny_city) -> None:
    examination = examine(tiny_city)
    findings = examination.findings.copy()
    early = findings.index[0]
    findings.loc[early, "until"] = findings.loc[early, "since"]
    period = month("2026-10", "Asia/Shanghai")
    later = type(period)(name="2026-10", since=findings["since"].max() + np.timedelta64(1, "h"),
                         until=period.until)  # fmt: skip
    changed = {name: getattr(examination, name) for name in type(examination).__dataclass_fields__}
    again = type(examination)(**(changed | {"findings": findings}))
    text = report_files(tiny_city, again, period=later, formats=["json"])["json"].decode()
    assert early not in text
    assert early in report_files(tiny_city, again, formats=["json"])["json"].decode()


def test_command_makes_the_monthly_report(tiny_city, tmp_path, capsys) -> None:
    folder = tiny_city.save(tmp_path / "tiny")
    common = ("checkup", "--city", folder, "--period", "2026-10", "--district", "ALL")
    out = tmp_path / "reports"
    code, said, err = run(
        capsys, *common, "--format", "html,pdf,docx", "--lang", "zh,en", "--out", out
    )
    assert code == 0, err
    names = sorted(file.name for file in out.iterdir())
    assert names == sorted(
        f"checkup-Z1-2026-10-{lang}.{form}"
        for lang in ("zh", "en")
        for form in ("html", "pdf", "docx")
    )
    assert said.count("checkup-Z1-2026-10") == 6
    assert "2026-10</span>" in (out / "checkup-Z1-2026-10-zh.html").read_text("utf-8")


def test_command_refuses_a_month_without_data(tiny_city, tmp_path, capsys) -> None:
    folder = tiny_city.save(tmp_path / "tiny")
    out = tmp_path / "r.html"
    code, _, err = run(capsys, "checkup", "--city", folder, "--period", "2025-01", "--out", out)
    assert code == 2
    assert "there is no reading in 2025-01" in err
    assert "2026-10-01 08:00 to 2026-10-11 07:45" in err
    assert not out.exists()


def test_cells_are_those_that_hold_an_asset(tiny_city) -> None:
    city = with_cells(tiny_city)
    assert areas_asked(city, "CELLS") == ["C0", "C1"]
    assert areas_asked(city, "ALL") == ["Z1"]
    assert areas_asked(city, None) == [None]
    with pytest.raises(CityError, match="no area of level 'cell'"):
        areas_asked(tiny_city, "CELLS")


def test_a_cell_has_no_score_and_says_so(tiny_city) -> None:
    city = with_cells(tiny_city)
    said = json.loads(report_files(city, examine(city), district="C0", formats=["json"])["json"])
    assert said["score"] is None
    assert said["grade"] == ""
    assert {"gas"} <= {each["lifeline"] for each in said["chapters"]}
    assert all(each["scores"]["total"] is None for each in said["chapters"])
    assert all(each["inventory"]["n"] > 0 for each in said["chapters"])


def test_many_reports_in_processes_are_those_of_one(tiny_city, tmp_path: Path) -> None:
    city = City.open(with_cells(tiny_city, 4).save(tmp_path / "city"))
    examination = examine(city)
    asked = [(area, lang) for area in ("C0", "C1", "Z1", None) for lang in ("zh", "en")]
    seen = []
    written = {}
    for name, jobs in (("one", 1), ("two", 2)):
        batch = Batch(
            city=city, examination=examination, out=tmp_path / name, formats=("html", "json")
        )
        files = write_reports(
            batch, asked, jobs=jobs, progress=lambda _stage, done, of: seen.append((done, of))
        )
        assert len(files) == len(asked) * 2
        written[name] = {file.name: file.read_bytes() for file in files}
    assert written["one"] == written["two"]
    assert seen[:2] == [(0, 8), (1, 8)]
    assert seen[-1] == (8, 8)


def test_a_process_that_cannot_write_says_why(tiny_city, tmp_path: Path) -> None:
    city = City.open(with_cells(tiny_city).save(tmp_path / "city"))
    (tmp_path / "file").write_text("mine")
    batch = Batch(
        city=city, examination=examine(city), out=tmp_path / "file" / "x", formats=("json",)
    )
    with pytest.raises(InputError, match="cannot write"):
        write_reports(batch, [("C0", "zh")] * 8, jobs=2)


def test_jobs_below_one_are_refused(tiny_city, tmp_path, capsys) -> None:
    folder = tiny_city.save(tmp_path / "tiny")
    code, _, err = run(
        capsys, "checkup", "--city", folder, "--jobs", "-1", "--out", tmp_path / "r.html"
    )
    assert code == 2
    assert "--jobs -1" in err


def test_a_page_and_a_word_file_of_a_cell_say_that_it_is_not_scored(tiny_city) -> None:
    city = with_cells(tiny_city)
    files = report_files(
        city, examine(city), district="C0", lang="en", formats=["html", "docx", "pdf"]
    )
    page = files["html"].decode()
    assert "not to a single cell" in page
    assert 'data-q="charts.scores"' not in page
    assert parse_report(files["docx"]).shown["completeness"] == ["–"]
    assert parse_report(files["html"]).shown["chapters[water].completeness"] == ["–"]


def test_an_id_with_slashes_stays_within_the_folder(tiny_city, tmp_path: Path) -> None:
    areas = tiny_city.areas.rename(index={"Z1": "../Z/1"})
    city = tiny_city.with_(areas=areas, assets=tiny_city.assets.assign(district="../Z/1"))
    (file,) = write_report(
        city, examine(city), tmp_path / "out", district="../Z/1", formats=["json"], lang="en"
    )
    assert file == tmp_path / "out" / "checkup-.._Z_1-2026-10-11-en.json"
    assert file.exists()
