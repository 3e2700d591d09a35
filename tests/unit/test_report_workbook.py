"""The attached tables as a workbook: read back by other programs, text never run."""

import io
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from lifeline_kit import cli
from lifeline_kit.model.city import City
from lifeline_kit.reports.workbook import workbook

FRAME = pd.DataFrame(
    {
        "text": ["=1+1", "+cmd", "-2", "@x", "a<b>&\u202e\x00", "长" * 40_000, ""],
        "number": [1.5, np.nan, np.inf, -3.0, 0.0, 1e300, 7.0],
        "count": np.arange(7),
        "yes": [True, False] * 3 + [True],
        "many": [("a", "b"), (), ("c",), (), (), (), ()],
        "at": pd.to_datetime(["2026-10-01T08:00:01", None, *["2026-10-02T00:00:00"] * 5]),
    }
)


def cells(content: bytes, sheet: str) -> list[list]:
    book = openpyxl.load_workbook(io.BytesIO(content))
    return [list(row) for row in book[sheet].iter_rows()]


def test_text_stays_text_and_numbers_stay_numbers() -> None:
    head, *rows = cells(workbook({"one": FRAME, "two & <2>": FRAME.iloc[:0]}), "one")
    assert [cell.value for cell in head] == list(FRAME.columns)
    assert [row[0].value for row in rows[:4]] == ["=1+1", "+cmd", "-2", "@x"]
    assert all(row[0].data_type != "f" for row in rows)
    assert rows[4][0].value == "a<b>&\u202e[U+0000]"
    assert len(rows[5][0].value) == 32_767
    assert [row[1].value for row in rows] == [1.5, None, None, -3, 0, 1e300, 7]
    assert [row[2].value for row in rows] == list(range(7))
    assert rows[0][3].value is True
    assert rows[0][4].value == "a b"
    assert [rows[0][5].value, rows[1][5].value] == ["2026-10-01T08:00:01", None]


def test_two_programs_read_it_and_the_bytes_are_the_same() -> None:
    content = workbook({"one": FRAME, "two": FRAME})
    assert content == workbook({"one": FRAME.copy(), "two": FRAME})
    again = pd.read_excel(io.BytesIO(content), sheet_name=None, engine="calamine")
    assert list(again) == ["one", "two"]
    assert again["two"]["count"].tolist() == list(range(7))
    assert again["one"]["text"][0] == "=1+1"


@pytest.mark.parametrize("formats", ["xlsx", "json,xlsx"])
def test_checkup_writes_the_workbook(tiny_city: City, tmp_path: Path, formats: str) -> None:
    folder = tiny_city.save(tmp_path / "tiny")
    out = tmp_path / "out"
    asked = ["--city", str(folder), "--out", str(out), "--format", formats]
    assert cli.main(["checkup", *asked]) == 0
    (file,) = out.glob("*.xlsx") if out.is_dir() else [out]
    book = openpyxl.load_workbook(file)
    assert book.sheetnames == ["findings", "warnings", "scores"]
