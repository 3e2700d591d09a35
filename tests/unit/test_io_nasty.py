"""The corpus of nasty files: what a user is told about each, word for word."""

import gzip
import importlib.util
import json
import zipfile
from pathlib import Path
from time import process_time

import numpy as np
import pytest

from lifeline_kit.errors import InputError
from lifeline_kit.io import archives
from lifeline_kit.io.report import KINDS
from lifeline_kit.io.tables import read_tables

NASTY = Path(__file__).parents[1] / "fixtures" / "nasty"
NOW = np.datetime64("2026-10-20T00:00", "ms")


def _maker():
    spec = importlib.util.spec_from_file_location("nasty_make", NASTY / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKE = _maker()
CASES = MAKE.cases()


def test_the_corpus_is_large_enough_and_nothing_lies_about():
    assert len(CASES) >= 60
    goldens = {file.name.removesuffix(".json") for file in NASTY.glob("*.json")}
    assert goldens == {case.name for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_report_is_the_golden_one(case):
    before = case.read_bytes()
    told = json.loads(json.dumps(MAKE.told(case)))
    assert told == json.loads((NASTY / f"{case.name}.json").read_text(encoding="utf-8"))
    assert case.read_bytes() == before
    if "counts" in told:
        assert told["read"] == sum(told["counts"].get(kind, 0) for kind in KINDS)
    if "refused" in told:
        assert case.name in told["message"]
        assert told["refused"] not in {"Exception", "ValueError", "KeyError"}


def test_a_million_duplicates_are_counted_and_cost_seconds(tmp_path):
    line = "P1,2026-10-01 08:00,361\n"
    path = tmp_path / "million.csv"
    path.write_text("测点,时间,压力(kPa)\n" + line * 1_000_001, encoding="utf-8")
    begin = process_time()
    (table,) = read_tables(path, now=NOW)
    assert process_time() - begin < 8
    assert table.report.counts["duplicate"] == 1_000_000
    assert table.value.tolist() == [361]
    assert not len(table.report.rejects)


def test_a_line_of_ten_megabytes_is_one_bad_line(tmp_path):
    path = tmp_path / "huge.csv"
    rows = ["时间,压力(kPa)", "2026-10-01 08:00,361", "x" * 10_000_000, "2026-10-01 08:15,362"]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    (table,) = read_tables(path, now=NOW)
    assert (table.report.counts["accepted"], table.report.counts["malformed"]) == (2, 1)
    assert table.report.rejects["line"].tolist() == [3]
    assert len(table.report.rejects["raw"][0]) < 250
    quoted = [*rows[:2], '"' + "y\n" * 3000 + '",1', *rows[3:]]
    path.write_text("\n".join(quoted) + "\n", encoding="utf-8")
    (table,) = read_tables(path, now=NOW)
    assert table.report.counts["accepted"] == 2


@pytest.mark.parametrize("kind", ["zip", "gz"])
def test_what_unpacks_to_hundreds_of_times_its_size_is_not_opened(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(archives, "RATIO_FROM", 1 << 20)
    content = b"0" * (3 << 20)
    path = tmp_path / f"bomb.csv.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.csv", content)
    else:
        path.write_bytes(gzip.compress(content))
    with pytest.raises(InputError, match=r"bomb\.csv.*unpack to 3 MB"):
        read_tables(path, now=NOW)
