"""Every reading of a file ends in exactly one count: defects are injected in known numbers."""

import io
import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifeline_kit.errors import LifelineError
from lifeline_kit.io.mapping import FileMapping
from lifeline_kit.io.report import KINDS
from lifeline_kit.io.tables import read_tables

NOW = np.datetime64("2026-10-10T00:00", "ms")
MANY = 2_000 if os.environ.get("LIFELINE_SOAK") else 80
BEGIN = pd.Timestamp("2026-10-01")
KINDS_INJECTED = (
    "duplicate",
    "revised",
    "future",
    "clock",
    "time",
    "value",
    "missing",
    "malformed",
)

defects = st.fixed_dictionaries({kind: st.integers(0, 4) for kind in (*KINDS_INJECTED, "late")})
form = st.fixed_dictionaries(
    {
        "layout": st.sampled_from(["wide", "long"]),
        "encoding": st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16"]),
        "delimiter": st.sampled_from([",", ";", "\t"]),
        "stamps": st.sampled_from(["iso", "slashed", "chinese", "compact", "ms", "zoned"]),
        "title": st.booleans(),
        "newline": st.sampled_from(["\n", "\r\n"]),
    }
)


def written(stamp: pd.Timestamp, form: str) -> str:
    match form:
        case "slashed":
            return f"{stamp.year}/{stamp.month}/{stamp.day} {stamp.hour}:{stamp.minute:02d}"
        case "chinese":
            return f"{stamp.year}年{stamp.month}月{stamp.day}日 {stamp.hour}时{stamp.minute}分"
        case "compact":
            return stamp.strftime("%Y%m%d%H%M%S")
        case "ms":
            return str(int((stamp - pd.Timedelta(hours=8)).timestamp() * 1000))
        case "zoned":
            return stamp.strftime("%Y-%m-%dT%H:%M:%S+08:00")
    return stamp.strftime("%Y-%m-%d %H:%M")


def rows_with(counts: dict[str, int], how: dict, rng: np.random.Generator) -> tuple[list, int]:
    """Rows of a long table, each (sensor, stamp, value); and how many of them are sound."""
    sensors = ["一号井", "二号井"] if how["layout"] == "long" else ["一号井"]
    n = 40
    sound = [
        [s, written(BEGIN + pd.Timedelta(minutes=5 * i), how["stamps"]), f"{i % 7 + 0.25:.2f}"]
        for i in range(n)
        for s in sensors
    ]
    picked = iter(rng.permutation(np.arange(1, len(sound))))
    end = BEGIN + pd.Timedelta(minutes=5 * n)
    extra = 0
    rows = [list(row) for row in sound]
    tail: list[list[str]] = []
    for _ in range(counts["duplicate"]):
        tail.append(list(sound[next(picked)]))
    for _ in range(counts["revised"]):
        sensor, stamp, value = sound[next(picked)]
        tail.append([sensor, stamp, f"{float(value) + 1:.2f}"])
    for i in range(counts["future"]):
        tail.append(
            [sensors[0], written(end + pd.Timedelta(days=30, minutes=i), how["stamps"]), "1.5"]
        )
    for i in range(counts["clock"]):
        stamp = pd.Timestamp("1970-01-01 12:00") + pd.Timedelta(minutes=i)
        tail.append([sensors[0], written(stamp, how["stamps"]), "1.5"])
    for i in range(counts["time"]):
        tail.append([sensors[0], f"soon {i}", "1.5"])
    for kind, cell in (("value", "broken"), ("missing", "--")):
        for _ in range(counts[kind]):
            rows[next(picked)][2] = cell
    for i in range(counts["late"]):  # a stamp between two others, that comes at the end
        tail.append(
            [sensors[0], written(BEGIN + pd.Timedelta(minutes=5 * i + 2), how["stamps"]), "3.25"]
        )
        extra += 1
    for _ in range(counts["malformed"]):
        tail.append([sensors[0], written(end, how["stamps"]), "1.5", "surplus", "more"])
    taken = counts["value"] + counts["missing"]
    return rows + tail, len(sound) - taken + extra


def text_of(rows: list, how: dict) -> bytes:
    d = how["delimiter"]
    lines = ["某水务公司导出报表"] if how["title"] else []
    if how["layout"] == "long":
        lines.append(d.join(["测点", "时间", "压力(kPa)"]))
        lines += [d.join(row) for row in rows]
    else:
        lines.append(d.join(["时间", "压力(kPa)"]))
        lines += [d.join(row[1:]) for row in rows]
    return (how["newline"].join(lines) + how["newline"]).encode(how["encoding"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=MANY)
@given(counts=defects, how=form, seed=st.integers(0, 2**31))
def test_injected_defects_are_counted_exactly(tmp_path, counts, how, seed):
    rows, sound = rows_with(counts, how, np.random.default_rng(seed))
    path = tmp_path / "f.csv"
    path.write_bytes(text_of(rows, how))
    (table,) = read_tables(path, FileMapping(), now=NOW)
    report = table.report
    found = {kind: report.counts[kind] for kind in KINDS_INJECTED}
    assert found == {kind: counts[kind] for kind in KINDS_INJECTED}
    assert report.counts["accepted"] == sound
    assert report.read == len(rows) == report.rows
    kept = [kind for kind in KINDS if kind not in ("accepted", "missing", "duplicate")]
    assert report.rejects["readings"].sum() == sum(report.counts[kind] for kind in kept)
    assert table.report.counts["late"] >= counts["late"]


@pytest.mark.parametrize("layout", ["wide", "long"])
def test_what_is_accepted_is_what_stands_in_the_file(tmp_path, layout):
    rng = np.random.default_rng(3)
    time = pd.date_range("2026-09-01", periods=300, freq="7min", tz="Asia/Shanghai")
    value = rng.normal(300, 5, 300).round(3)
    frame = pd.DataFrame({"时间": time.strftime("%Y-%m-%d %H:%M:%S"), "压力(kPa)": value})
    if layout == "long":
        frame.insert(0, "测点", "P1")
    shuffled = frame.iloc[rng.permutation(300)]
    stream = io.StringIO()
    shuffled.to_csv(stream, index=False)
    path = tmp_path / "f.csv"
    path.write_text(stream.getvalue(), encoding="utf-8")
    (table,) = read_tables(path, now=NOW)
    found = table.value if layout == "long" else table.columns["压力(kPa)"]
    np.testing.assert_array_equal(found, value)
    assert (table.time == time.tz_convert("UTC").tz_localize(None).to_numpy()).all()


BASES = [
    (
        "时间,压力(kPa),流量(m3/h)\n"
        + "\n".join(f"2026-10-01 {h:02d}:00,{300 + h},9{h}" for h in range(12))
    ),
    (
        "测点;时间;指标;数值;单位\n"
        + "\n".join(f"P{h % 2};2026/10/1 {h}:00;压力;0,3{h};MPa" for h in range(12))
    ),
    (
        "设备编号\t采集时间\t甲烷(%LEL)\n"
        + "\n".join(f"T{h % 3}\t{1790812800 + 60 * h}\t{h}" for h in range(12))
    ),
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=3 * MANY)
@given(
    base=st.sampled_from(BASES),
    encoding=st.sampled_from(["utf-8", "gb18030"]),
    changes=st.lists(
        st.tuples(st.integers(0, 10_000), st.integers(0, 3), st.binary(min_size=1, max_size=3)),
        max_size=6,
    ),
)
def test_damage_is_counted_or_refused_but_never_a_crash(tmp_path, base, encoding, changes):
    content = bytearray(base.encode(encoding))
    for place, cut, put in changes:
        at = place % len(content)
        content[at : at + cut] = put
    path = tmp_path / "f.csv"
    path.write_bytes(bytes(content))
    try:
        tables = read_tables(path, now=NOW)
    except LifelineError:
        return
    for table in tables:
        assert table.report.read == sum(table.report.counts[kind] for kind in KINDS)
        values = [table.value] if hasattr(table, "value") else list(table.columns.values())
        kept = sum(int(np.isfinite(each).sum()) for each in values)
        assert kept == table.report.counts["accepted"]
        assert not np.isnat(table.time).any()
