"""The console script: exit codes, one clear line for each mistake, nothing written by a failure."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lifeline_kit import __version__, cli

EXAMPLES = Path(__file__).parents[2] / "data" / "examples"


@pytest.fixture
def folder(tiny_city, tmp_path):
    return tiny_city.save(tmp_path / "tiny")


def run(capsys, *arguments) -> tuple[int, str, str]:
    code = cli.main([str(each) for each in arguments])
    seen = capsys.readouterr()
    return code, seen.out, seen.err


def test_version_and_help_answer_at_once(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--version"])
    assert stop.value.code == 0
    assert __version__ in capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    words = capsys.readouterr().out
    assert all(command in words for command in ("serve", "demo", "checkup", "bench"))


def test_checkup_of_a_city_writes_the_report(folder, tmp_path, capsys):
    code, out, err = run(capsys, "checkup", "--city", folder, "--out", tmp_path / "r.html")
    assert code == 0, err
    assert "r.html" in out
    assert "小城" in (tmp_path / "r.html").read_text("utf-8")


def test_several_reports_go_to_a_folder(folder, tmp_path, capsys):
    out = tmp_path / "reports"
    common = ("checkup", "--city", folder, "--format", "html,json", "--lang", "zh,en")
    assert run(capsys, *common, "--district", "ALL", "--out", out)[0] == 0
    assert len(list(out.glob("checkup-Z1-*.html"))) == 2
    assert len(list(out.glob("checkup-Z1-*.json"))) == 2


def test_profile_times_each_stage(folder, tmp_path, capsys):
    out = tmp_path / "r.html"
    code, _, err = run(capsys, "checkup", "--city", folder, "--out", out, "--profile")
    assert code == 0
    assert "quality" in err
    assert "peak memory" in err


def test_own_file_needs_only_the_lifeline(tmp_path, capsys):
    out = tmp_path / "r.html"
    file = EXAMPLES / "pump_station.csv"
    code, _, err = run(
        capsys, "checkup", "--readings", file, "--lifeline", "water", "--out", out, "--lang", "en"
    )
    assert code == 0
    assert "Asia/Shanghai" in err
    page = out.read_text("utf-8")
    assert "leak or burst suspected" in page
    assert "no map" in page


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--city", "absent"), "is no folder"),
        ((), "--city DIR or --readings"),
        (("--readings", "absent.csv", "--lifeline", "water"), "absent.csv"),
        (("--readings", EXAMPLES / "pump_station.csv"), "lifeline"),
        (("--readings", EXAMPLES / "pump_station.csv", "--lifeline", "tram"), "tram"),
        (("--city", "absent", "--lang", "fr"), "expected zh, en"),
        (("--city", "absent", "--format", "odt"), "expected html, pdf, json"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(arguments, expected, tmp_path, capsys):
    out = tmp_path / "r.html"
    code, _, err = run(capsys, "checkup", *arguments, "--out", out)
    assert code == 2
    assert expected in err
    assert "Traceback" not in err
    assert not out.exists()


def test_half_written_newer_and_damaged_cities_are_refused(folder, tmp_path, capsys):
    half = shutil.copytree(folder, tmp_path / "half")
    (half / "manifest.json").unlink()
    newer = shutil.copytree(folder, tmp_path / "newer")
    text = (newer / "manifest.json").read_text("utf-8")
    (newer / "manifest.json").write_text(text.replace('"format": 1', '"format": 99'), "utf-8")
    cut = shutil.copytree(folder, tmp_path / "cut")
    (cut / "assets.parquet").write_bytes((cut / "assets.parquet").read_bytes()[:-100])
    for city, expected in ((half, "half written"), (newer, "format 99"), (cut, "truncated")):
        before = {file: file.read_bytes() for file in city.rglob("*") if file.is_file()}
        code, _, err = run(capsys, "checkup", "--city", city, "--out", tmp_path / "r.html")
        assert code == 2
        assert expected in " ".join(err.split())
        assert before == {file: file.read_bytes() for file in city.rglob("*") if file.is_file()}


def test_demo_refuses_a_folder_that_holds_something(folder, capsys):
    code, _, err = run(capsys, "demo", "build", "--out", folder)
    assert code == 2
    assert "already holds something" in " ".join(err.split())


def test_bench_lists_and_refuses(capsys):
    assert "city-incidents" in run(capsys, "bench")[1]
    code, _, err = run(capsys, "bench", "nothing")
    assert code == 2
    assert "expected" in err


def test_internal_errors_exit_3(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(cli.checkup, "_load", lambda _: 1 / 0)
    code, _, err = run(capsys, "checkup", "--city", tmp_path, "--out", tmp_path / "r.html")
    assert code == 3
    assert "internal error" in err


def test_empty_environment_of_serve_is_said(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli.serve, "_DEMO", Path("nowhere"))
    assert cli.main(["serve"]) == 2


def test_script_is_installed():
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lifeline")), "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert __version__ in done.stdout


def test_readings_that_all_fail_quality_are_said_on_the_first_page(tmp_path, capsys):
    rows = [f"2026-09-0{1 + i // 96} {i % 96 // 4:02d}:{i % 4 * 15:02d},380" for i in range(192)]
    file = tmp_path / "mine.csv"
    file.write_text("\n".join(["时间,压力(MPa)", *rows]), encoding="utf-8")  # kPa taken for MPa
    out = tmp_path / "r.html"
    code, _, _ = run(
        capsys, "checkup", "--readings", file, "--lifeline", "water", "--out", out, "--lang", "en"
    )
    assert code == 0
    page = out.read_text("utf-8")
    assert "only 0 % of the readings pass quality control" in page
    assert page.count("<svg") >= 2  # what was read is shown even though nothing was found


def test_a_port_beyond_the_last_is_one_line(folder, capsys):
    code, _, err = run(capsys, "serve", "--city", folder, "--port", "80000")
    assert code == 2
    assert "expected 1 to 65535" in err
