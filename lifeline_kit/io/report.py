"""What became of every row of a load: the import report and the rejects beside it.

A *reading* is one measured cell: a row of a long file, a cell of a wide one. Every reading ends in
exactly one of `KINDS`, so that ``read`` is their sum; `REMARKS` are counted among the accepted.
"""

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.text import Lang, Text

KINDS: dict[str, Text] = {
    "accepted": Text("已接收", "accepted"),
    "missing": Text("空值", "empty"),
    "duplicate": Text("重复（值相同）", "duplicate (same value)"),
    "revised": Text("被改写（同一时刻另有值，取文件中最后一行）", "revised (the last row wins)"),
    "future": Text("时间在未来", "in the future"),
    "clock": Text("时钟失准（1970 年前后）", "clock not set (about 1970)"),
    "time": Text("时间无法识别", "time unreadable"),
    "ambiguous": Text("当地时间出现两次或不存在", "local time exists twice or never"),
    "value": Text("数值无法识别", "value unreadable"),
    "sentinel": Text("占位值（如 9999）", "sentinel such as 9999"),
    "unknown": Text("测点未知", "unknown sensor"),
    "malformed": Text("整行格式错误", "malformed line"),
}
REMARKS: dict[str, Text] = {
    "late": Text("其中迟到", "of them late"),
    "revising": Text("其中改写库中旧值", "of them revise one in the store"),
    "outside": Text("其中超出物理量程", "of them outside the physical range"),
}
# kinds that need no second look: nothing is lost with them
UNKEPT = ("accepted", "missing", "duplicate")
SAMPLES = 20
DECIDED: dict[str, Text] = {
    "encoding": Text("编码", "encoding"),
    "delimiter": Text("分隔符", "delimiter"),
    "header": Text("表头", "header"),
    "layout": Text("表式", "layout"),
    "time": Text("时间", "times"),
    "zone": Text("时区", "time zone"),
    "values": Text("数值", "values"),
    "unit": Text("单位", "unit"),
    "crs": Text("坐标系", "CRS"),
    "datum": Text("基准", "datum"),
    "text": Text("文字编码", "text encoding"),
}
_COLUMNS = {
    "file": "object",
    "line": "int64",
    "sensor": "object",
    "time": "datetime64[ms]",
    "value": "float64",
    "reason": "object",
    "readings": "int64",
    "raw": "object",
}
_FILE, _ROWS, _READ = Text("文件", "file"), Text("行", "rows"), Text("读数", "readings")
_DECIDED, _SAMPLES = Text("判定", "decided"), Text("不合格的行（节选）", "bad lines (sample)")
_HOW = Text("依据", "evidence")
_LINE, _REASON, _RAW = Text("行号", "line"), Text("原因", "reason"), Text("原文", "raw text")


def no_rejects() -> pd.DataFrame:
    """Return a table of rejects without rows."""
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in _COLUMNS.items()})


def rejects_table(
    *,
    file: str,
    reason: str,
    line: np.ndarray,
    raw: list[str],
    sensor: np.ndarray | str = "",
    time: np.ndarray | None = None,
    value: np.ndarray | None = None,
    readings: int = 1,
) -> pd.DataFrame:
    """Build the rejects of one kind.

    Parameters
    ----------
    line : int array, (row,)
        Line in the text, or row of the sheet, counted from 1.
    raw : list of str, (row,)
    sensor : str or array of str, (row,)
    time : datetime64[ms] array, (row,), optional
    value : float array, (row,), optional
    readings : int
        Readings that each row stood for.
    """
    n = len(line)
    frame = pd.DataFrame(
        {
            "file": file,
            "line": np.asarray(line, dtype=np.int64),
            "sensor": sensor,
            "time": np.full(n, np.datetime64("NaT", "ms")) if time is None else time,
            "value": np.full(n, np.nan) if value is None else value,
            "reason": reason,
            "readings": readings,
            "raw": raw,
        }
    )
    return frame.astype(_COLUMNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """What became of the rows of one table.

    Attributes
    ----------
    name : str
    rows : int
        Lines that were not blank.
    counts : mapping of kind or remark to readings
    decided : mapping of `DECIDED` to Text
        How the reader came to read it as it did, with the evidence.
    rejects : DataFrame
    """

    name: str
    rows: int
    counts: Mapping[str, int]
    decided: Mapping[str, Text] = field(default_factory=dict)
    rejects: pd.DataFrame = field(default_factory=no_rejects)

    @property
    def read(self) -> int:
        """Readings found: the sum of all kinds."""
        return sum(self.counts.get(kind, 0) for kind in KINDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What became of every row of a load.

    Examples
    --------
    >>> report = ImportReport(files=(FileReport(name="a", rows=2, counts={"accepted": 2}),))
    >>> report.read, report.counts["accepted"], report.counts["late"]
    (2, 2, 0)
    """

    files: tuple[FileReport, ...] = ()
    assets: tuple[FileReport, ...] = ()

    @property
    def rows(self) -> int:
        """Lines of readings that were not blank."""
        return sum(file.rows for file in self.files)

    @property
    def read(self) -> int:
        """Readings found."""
        return sum(file.read for file in self.files)

    @property
    def counts(self) -> dict[str, int]:
        """Readings of each kind and remark, over all files."""
        keys = (*KINDS, *REMARKS)
        return {key: sum(file.counts.get(key, 0) for file in self.files) for key in keys}

    @property
    def rejects(self) -> pd.DataFrame:
        """Rows that were not taken, with file, line, reason and raw text."""
        parts = [file.rejects for file in self.files if len(file.rejects)]
        return pd.concat(parts, ignore_index=True) if parts else no_rejects()

    @property
    def samples(self) -> pd.DataFrame:
        """Up to 20 rejects, of every reason at least one where there is room."""
        rejects = self.rejects
        turn = rejects.groupby(["file", "reason"]).cumcount()
        first = rejects.assign(turn=turn).sort_values("turn", kind="stable").head(SAMPLES)
        return first.sort_values(["file", "line"], kind="stable").drop(columns="turn")

    def table(self, lang: Lang = "en") -> pd.DataFrame:
        """One row for each file: rows, readings, and each kind that occurs."""
        words = {**KINDS, **REMARKS}
        used = [key for key, n in self.counts.items() if n or key == "accepted"]
        rows = [
            {_ROWS(lang): file.rows, _READ(lang): file.read}
            | {words[key](lang): file.counts.get(key, 0) for key in used}
            for file in self.files
        ]
        index = pd.Index([file.name for file in self.files], name=_FILE(lang), dtype=object)
        return pd.DataFrame(rows, index=index)

    def decisions(self, lang: Lang = "en") -> pd.DataFrame:
        """One row for each file and matter: how it was decided."""
        rows = [
            {_FILE(lang): file.name, _DECIDED(lang): DECIDED[key](lang), _HOW(lang): note(lang)}
            for file in (*self.files, *self.assets)
            for key, note in file.decided.items()
        ]
        return pd.DataFrame(rows, columns=[_FILE(lang), _DECIDED(lang), _HOW(lang)])

    def save_rejects(self, path: Path) -> Path:
        """Write the rejects as Parquet; the folder must exist."""
        self.rejects.to_parquet(path, compression="zstd", index=False)
        return path

    def to_dict(self, lang: Lang = "en") -> dict:
        """Return the report as plain data for JSON."""
        return {
            "rows": self.rows,
            "read": self.read,
            "counts": {key: n for key, n in self.counts.items() if n},
            "files": [_plain(file, lang) for file in self.files],
            "assets": [_plain(file, lang) for file in self.assets],
            "samples": self.samples[["file", "line", "reason", "raw"]].to_dict("records"),
        }

    def html(self, lang: Lang) -> str:
        """Return the report as HTML in one language."""
        bad = self.samples[["file", "line", "reason", "raw"]].copy()
        bad["reason"] = [KINDS[reason](lang) for reason in bad["reason"]]
        bad.columns = [_FILE(lang), _LINE(lang), _REASON(lang), _RAW(lang)]
        parts = [self.table(lang).to_html(), self.decisions(lang).to_html(index=False)]
        if len(bad):
            parts += [f"<p>{html.escape(_SAMPLES(lang))}</p>", bad.to_html(index=False)]
        return f'<section lang="{lang}">{"".join(parts)}</section>'

    def _repr_html_(self) -> str:
        """Show it in a notebook, Chinese first, English folded away."""
        return f"{self.html('zh')}<details><summary>English</summary>{self.html('en')}</details>"


def _plain(file: FileReport, lang: Lang) -> dict:
    return {
        "name": file.name,
        "rows": file.rows,
        "counts": {key: int(n) for key, n in file.counts.items() if n},
        "decided": {key: note(lang) for key, note in file.decided.items()},
    }


def joined(reports: Iterable[ImportReport]) -> ImportReport:
    """Put the reports of several loads into one."""
    reports = list(reports)
    return ImportReport(
        files=tuple(file for report in reports for file in report.files),
        assets=tuple(file for report in reports for file in report.assets),
    )
