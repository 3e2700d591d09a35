"""What goes with a report: its values as JSON, and the whole tables as CSV.

CSV opens everywhere as it is (the mark of UTF-8 stands first); text that a spreadsheet program
would take for a formula gets an apostrophe. The same tables as one workbook: see `workbook`.
"""

import io
import json
import zipfile
from collections.abc import Mapping

import pandas as pd

from lifeline_kit.reports.chapters import Extract
from lifeline_kit.reports.content import sorted_warnings
from lifeline_kit.reports.ledger_rows import ledger_tables
from lifeline_kit.reports.places import among, place

JSON_NAME = "report.json"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def report_json(values: object) -> bytes:
    """Write a plain report as JSON; lone surrogates of damaged text become escapes."""
    text = json.dumps(values, ensure_ascii=False, indent=1)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(values, indent=1).encode()


def tables(part: Extract) -> dict[str, pd.DataFrame]:
    """Whole tables of what a report covers, by name.

    Parameters
    ----------
    part : Extract

    Returns
    -------
    dict
        `findings`, `warnings`, `scores`, and with a ledger `ledger_…` of what is in it at these
        places; times in UTC.
    """
    scores = part.examination.scores
    within = (scores["scope"] == "asset") & among(scores["subject"], part.assets.index)
    scores = scores[within | (scores["subject"] == part.area)] if part.area else scores
    places = {name: place(str(name), part.names) for name in part.assets.index}
    held = ledger_tables(part)
    return {
        "findings": _placed(part.findings, places),
        "warnings": _placed(sorted_warnings(part.warnings), places),
        "scores": scores.reset_index(drop=True),
    } | {f"ledger_{name}": frame for name, frame in held.items()}


def as_csv(tables_: Mapping[str, pd.DataFrame]) -> dict[str, bytes]:
    """Write tables as CSV by file name."""
    return {f"{name}.csv": _csv(frame) for name, frame in tables_.items()}


def zipped(files: dict[str, bytes]) -> bytes:
    """Put files into one archive; the same files give the same bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return stream.getvalue()


def _placed(frame: pd.DataFrame, places: dict[str, str]) -> pd.DataFrame:
    frame = frame.reset_index()
    frame.insert(3, "place", frame["asset"].map(places))
    return frame


def _csv(frame: pd.DataFrame) -> bytes:
    safe = frame.apply(lambda column: column.map(_cell) if column.dtype.kind == "O" else column)
    text = safe.to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%S", lineterminator="\n")
    return b"\xef\xbb\xbf" + text.encode("utf-8", errors="backslashreplace")


def _cell(value: object) -> object:
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
