"""The shapes of derived tables: findings, cases, warnings, scores, risk, sensor health.

Times are UTC without zone (datetime64[ms]); pages and reports show them in the city's zone.
"""

from collections.abc import Iterable

import pandas as pd

from lifeline_kit.errors import TableError

FINDING_COLUMNS = {
    "lifeline": "str",
    "asset": "str",
    "sensor": "str",  # empty where the finding rests on no single sensor
    "method": "str",
    "rule": "str",
    "title_zh": "str",
    "title_en": "str",
    "severity": "float64",  # 0-1
    "probability": "float64",  # that the finding is what it says; NaN where nothing states it
    "level": "int64",  # 1 (I) to 4 (IV); 0: no warning by itself
    "value": "float64",
    "limit": "float64",
    "unit": "str",
    "evidence_zh": "str",
    "evidence_en": "str",
    "source": "str",
    "source_zh": "str",
    "verified": "bool",
    "cause": "str",  # id of the finding that caused this one
    "health": "bool",  # the sensor, not the asset, is in question
    "since": "datetime64[ms]",
    "until": "datetime64[ms]",  # NaT: still open
    "real_or_simulated": "str",
}
WARNING_COLUMNS = {
    "lifeline": "str",
    "asset": "str",
    "level": "int64",
    "title_zh": "str",
    "title_en": "str",
    "state": "str",
    "issued": "datetime64[ms]",
    "updated": "datetime64[ms]",
    "cleared": "datetime64[ms]",
    "findings": "object",  # tuple of finding ids
    "n_sensors": "int64",
    "real_or_simulated": "str",
}
SCORE_COLUMNS = {
    "scope": "str",  # asset, area, lifeline or city
    "subject": "str",  # its id
    "lifeline": "str",
    "indicator": "str",  # condition, operation, monitoring or total
    "score": "float64",  # 0-100, NaN: unknown
    "raw": "float64",  # before the cap by the worst lifeline
    "grade": "str",
    "n": "int64",
    "completeness": "float64",  # 0-1
    "since": "datetime64[ms]",
    "until": "datetime64[ms]",
    "pulled_down_zh": "str",
    "pulled_down_en": "str",
    "real_or_simulated": "str",
}
CASE_COLUMNS = {  # what a duty officer needs to decide on one finding
    "lifeline": "str",
    "asset": "str",
    "sensor": "str",
    "at": "datetime64[ms]",  # judged from readings up to here
    "since": "datetime64[ms]",
    "kinds": "str",  # JSON: probability by kind of cause
    "outside": "bool",  # outside the range of the models: judge on site
    "reasons_zh": "str",  # a line each, the weightiest first
    "reasons_en": "str",
    "advice_zh": "str",
    "advice_en": "str",
    "facts": "str",  # JSON of the lifeline's own: places, valves, rings, similar cases
    "real_or_simulated": "str",
}
RISK_COLUMNS = {
    "lifeline": "str",
    "likelihood": "float64",  # 0-1
    "consequence": "float64",  # 0-1
    "level": "int64",  # 1 red to 4 blue, 0 unknown
    "reason_zh": "str",
    "reason_en": "str",
}
HEALTH_COLUMNS = {
    "asset": "str",
    "lifeline": "str",
    "quantity": "str",
    "n": "int64",
    "expected": "int64",
    "completeness": "float64",
    "good": "float64",  # share of the present readings that passed
    "last": "datetime64[ms]",
    "online": "bool",
    "drift": "float64",  # sigmas away from the neighbours; NaN: none seen
    "doubt": "str",  # names of the tests by which the sensor itself is in question
}


def table(rows: Iterable[dict], columns: dict[str, str], index: str) -> pd.DataFrame:
    """Build a derived table from rows.

    Parameters
    ----------
    rows : iterable of dict
        With the key `index` and any of `columns`; what is left out takes the empty value.
    columns : mapping
        One of the `*_COLUMNS`.
    index : str

    Raises
    ------
    TableError
        Where a row holds a key that the shape does not know, or an id stands twice.
    """
    rows = list(rows)
    empty = {"str": "", "float64": float("nan"), "int64": 0, "bool": False}
    for row in rows[:1]:
        stray = set(row) - set(columns) - {index}
        if stray:
            raise TableError(f"{sorted(stray)[0]!r} is no column of {index}; see model.tables.")
    data = {
        name: pd.Series([row.get(name, empty.get(kind)) for row in rows], dtype="object").astype(
            "object" if kind == "str" else kind
        )
        for name, kind in columns.items()
    }
    frame = pd.DataFrame(data)
    frame.index = pd.Index([row[index] for row in rows], dtype="object", name=index)
    return check_table(frame, columns, index)


def check_table(frame: pd.DataFrame, columns: dict[str, str], index: str) -> pd.DataFrame:
    """Check names and ids of a derived table.

    Raises
    ------
    TableError
    """
    missing = [name for name in columns if name not in frame.columns]
    if missing or frame.index.name != index:
        raise TableError(
            f"expected a table of {index}s with {', '.join(columns)}; "
            f"{missing[0] if missing else 'the index'} is missing."
        )
    if not frame.index.is_unique:
        raise TableError(f"{index} {frame.index[frame.index.duplicated()][0]!r} stands twice.")
    return frame


def check_findings(findings: pd.DataFrame) -> pd.DataFrame:
    """Check findings: shape, severity within 0-1, no end before its start.

    Raises
    ------
    TableError
    """
    check_table(findings, FINDING_COLUMNS, "finding")
    outside = ~findings["severity"].between(0, 1)
    if outside.any():
        raise TableError(
            f"finding {findings.index[outside][0]!r} has severity "
            f"{findings['severity'][outside].iloc[0]}; expected 0-1."
        )
    backwards = findings["until"] < findings["since"]
    if backwards.any():
        raise TableError(f"finding {findings.index[backwards][0]!r} ends before it begins.")
    return findings


def joined(parts: Iterable[pd.DataFrame], columns: dict[str, str], index: str) -> pd.DataFrame:
    """Put tables of one shape under one another.

    Raises
    ------
    TableError
        Where an id stands in two of them.
    """
    kept = [part for part in parts if len(part)]
    return check_table(pd.concat(kept), columns, index) if kept else table([], columns, index)


def join_findings(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Put findings of several sources under one another, in the order of time."""
    kept = [part for part in parts if len(part)]
    if not kept:
        return table([], FINDING_COLUMNS, "finding")
    joined = pd.concat(kept)
    return check_findings(joined.sort_values(["since", "lifeline"], kind="stable"))
