"""The attached tables as one workbook (XLSX), written without a library: the same bytes each time.

Text is written as inline text, never as a formula, whatever it begins with; numbers as numbers;
times as text in UTC, as in the CSV files. The first row of a sheet stays in view.
"""

import io
import math
import re
import zipfile
from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import pandas as pd

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_BROKEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_MOST_ROWS, _MOST_LETTERS = 1_048_576, 32_767  # of a sheet, of a cell


def workbook(tables: Mapping[str, pd.DataFrame]) -> bytes:
    """Write tables as sheets.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        By the name of the sheet, at most 31 letters; the index is left out. What Excel cannot hold
        (rows beyond 1,048,576, letters beyond 32,767 in a cell) is left out, and in the CSV.
    """
    sheets = {f"xl/worksheets/sheet{n}.xml": frame for n, frame in enumerate(tables.values(), 1)}
    listed = "".join(
        f'<sheet name={quoteattr(name[:31])} sheetId="{n}" r:id="rId{n}"/>'
        for n, name in enumerate(tables, 1)
    )
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, len(sheets) + 1)
    )
    kinds = "".join(
        f'<Override PartName="/{name}" ContentType="{_KIND}.worksheet+xml"/>' for name in sheets
    )
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.'
        'relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>'
        f"{kinds}</Types>",
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{listed}'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{links}'
        "</Relationships>",
    }
    parts |= {name: _sheet(frame) for name, frame in sheets.items()}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, (_HEAD + text).encode())
    return stream.getvalue()


def _sheet(frame: pd.DataFrame) -> str:
    shown = frame.head(_MOST_ROWS - 1)
    columns = [[_cell(value) for value in _plain(shown[name])] for name in shown.columns]
    head = "".join(_cell(str(name)) for name in frame.columns)
    body = "".join(f"<row>{''.join(cells)}</row>" for cells in zip(*columns, strict=True))
    return (
        f'<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
        f"</sheetView></sheetViews><sheetData><row>{head}</row>{body}</sheetData></worksheet>"
    )


def _plain(column: pd.Series) -> list:
    if pd.api.types.is_datetime64_any_dtype(column):
        known = column.dt.strftime("%Y-%m-%dT%H:%M:%S")
        return known.where(column.notna(), "").tolist()
    return column.tolist()


def _cell(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float | np.number):
        bare = value.item() if isinstance(value, np.generic) else value
        return f"<c><v>{bare!r}</v></c>" if math.isfinite(bare) else "<c/>"
    if value is None or value is pd.NaT or value is pd.NA or value == "":
        return "<c/>"
    text = " ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
    safe = _BROKEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)[:_MOST_LETTERS]
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(safe)}</t></is></c>'
