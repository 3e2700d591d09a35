"""What goes with a report: its values as JSON, and the whole tables as CSV.

CSV only: no library of run time writes XLSX, and spreadsheet programs open these files as they are
(the mark of UTF-8 stands first). Text that they would take for a formula gets an apostrophe.
"""

import io
import json
import zipfile

import pandas as pd

from lifeline_kit.reports.chapters import Extract
from lifeline_kit.reports.content import sorted_warnings
from lifeline_kit.reports.ledger_rows import ledger_tables
from lifeline_kit.reports.places import place

JSON_NAME = "report.json"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def report_json(values: object) -> bytes:
    """Write a plain report as JSON; lone surrogates of damaged text become escapes."""
    text = json.dumps(values, ensure_ascii=False, indent=1)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(values, indent=1).encode()


def tables(part: Extract) -> dict[str, bytes]:
    """Whole tables of what a report covers, as CSV by file name.

    Parameters
    ----------
    part : Extract

    Returns
    -------
    dict
        `findings.csv`, `warnings.csv`, `scores.csv`, and with a ledger `ledger_….csv` of what is in
        it at these places; times in UTC.
    """
    scores = part.examination.scores
    within = (scores["scope"] == "asset") & scores["subject"].isin(part.assets.index)
    scores = scores[within | (scores["subject"] == part.area)] if part.area else scores
    places = {name: place(str(name), part.names) for name in part.assets.index}
    held = ledger_tables(part)
    return {
        "findings.csv": _csv(_placed(part.findings, places)),
        "warnings.csv": _csv(_placed(sorted_warnings(part.warnings), places)),
        "scores.csv": _csv(scores.reset_index(drop=True)),
    } | {f"ledger_{name}.csv": _csv(frame) for name, frame in held.items()}


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
