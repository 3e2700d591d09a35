"""Which column is what: wide tables (a column for each sensor) and long ones (a row each)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from lifeline_kit.errors import MappingError
from lifeline_kit.io.headers import quantity_in, split_header, without_zone
from lifeline_kit.io.mapping import FileMapping
from lifeline_kit.text import Text
from lifeline_kit.units import is_known

_TIME = ("time", "datetime", "timestamp", "date", "date time", "date_time", "时间", "日期")
_TIME += (
    "采集时间",
    "监测时间",
    "日期时间",
    "时间戳",
    "数据时间",
    "上报时间",
    "测量时间",
    "记录时间",
)
_TIME += ("phenomenontime", "stamp", "ts", "epoch", "观测时间")
_OF_DAY = ("time", "时间", "时刻", "time of day")
_OF_DATE = ("date", "日期")
# what is finest and least likely to stand for several comes first, names last
_SENSOR = ("sensor", "sensor_id", "sensorid", "tag", "tagname", "datastream", "series", "point")
_SENSOR += ("测点编号", "传感器编号", "位号", "点号", "测点", "传感器", "点位", "监测点编号")
_SENSOR += ("device", "device_id", "deviceid", "设备编号", "设备id", "监测点")
_SENSOR += (
    "station",
    "station_id",
    "site",
    "site_id",
    "站点编号",
    "站号",
    "站点",
    "站名",
    "站点名称",
)
_SENSOR_NAMES = ("测点名称", "设备名称")  # these change while the sensor stays
_SENSOR += _SENSOR_NAMES
_VALUE = ("value", "values", "val", "reading", "值", "数值", "监测值", "测量值", "读数", "采集值")
_VALUE += ("result", "测值", "实测值")
_QUANTITY = ("quantity", "parameter", "variable", "指标", "监测项", "参数", "物理量", "监测指标")
_QUANTITY += ("监测类型", "observed_property", "要素")
_UNIT = ("unit", "units", "单位", "计量单位")
# columns that never hold readings and say nothing that a reading lacks
_ASIDE = (
    "序号",
    "no",
    "no.",
    "index",
    "row",
    "备注",
    "说明",
    "操作员",
    "记录人",
    "remark",
    "remarks",
)
_ASIDE += ("note", "notes", "comment", "comments")
_QUALITY = (
    "quality",
    "qualitydetail",
    "qualifier",
    "质量",
    "质量码",
    "品质",
    "数据质量",
    "qc",
    "flag",
)
_NOTHING = ("", "-", "--", "—", "/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """Headers of a table by what they hold; `sensor` is None in a wide one.

    `rivals` are further columns that may tell sensors apart; the cells decide which does.
    """

    time: str
    of_day: str | None = None
    sensor: str | None = None
    quantity: str | None = None
    unit: str | None = None
    values: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()

    def said(self) -> Text:
        """How the table was understood."""
        tail = Text("", "")
        if self.left_out:
            left = "、".join(self.left_out)
            tail = Text(f"；未读列：{left}", f"; left out: {', '.join(self.left_out)}")
        if self.sensor is None:
            n = len(self.values)
            return Text(
                f"宽表，{n} 个数值列{tail.zh}",
                f"wide, {n} measured column{'s' * (n != 1)}{tail.en}",
            )
        values = ", ".join(self.values)
        return Text(
            f"长表，测点列“{self.sensor}”，数值列“{values}”{tail.zh}",
            f"long, sensors in {self.sensor!r}, values in {values!r}{tail.en}",
        )


def _bare(header: str) -> str:
    return split_header(header)[0].casefold()


def is_time_word(header: str, mapping: FileMapping) -> bool:
    """Whether a header names the time column."""
    if mapping.time is not None:
        return mapping.time == header or mapping.time.casefold() == _bare(header)
    return without_zone(_bare(header)) in _TIME or _bare(header) in _TIME


def with_units(headers: Sequence[str], below: Sequence[str], mapping: FileMapping) -> list[str]:
    """Join headers with the row of units below them; as they are where that is none.

    Examples
    --------
    >>> with_units(["时间", "压力", "流量"], ["", "MPa", "m3/h"], FileMapping())
    ['时间', '压力(MPa)', '流量(m3/h)']
    >>> with_units(["时间", "压力"], ["2026-01-01", "0.3"], FileMapping())
    ['时间', '压力']
    """
    same = list(headers)
    units = [cell.strip().strip("()（）[]").strip() for cell in below]
    units += [""] * (len(same) - len(units))
    if len(units) > len(same):
        return same
    joined = []
    for header, unit in zip(same, units, strict=True):
        if is_time_word(header, mapping):
            if unit.casefold() not in (*_NOTHING, *_UNIT):
                return same
            unit = ""
        if _is_number(unit):
            return same
        own = header and unit not in _NOTHING and split_header(header)[1] is None
        joined.append(f"{header}({unit})" if own else header)
    told = any(is_known(unit) for unit in units if unit not in _NOTHING)
    return joined if told else same


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def is_value_word(name: str) -> bool:
    """Whether a header says no more than that it holds values."""
    return name.casefold() in _VALUE


def text_roles(headers: Sequence[str], mapping: FileMapping) -> dict[str, str]:
    """Headers that are to be read as text, with the pandas type that does it."""
    types: dict[str, str] = {}
    for header in headers:
        if (
            is_time_word(header, mapping)
            or _bare(header) in _OF_DAY
            or (
                _is(header, mapping.long.sensor, _SENSOR)
                or _is(header, mapping.long.quantity, _QUANTITY)
                or _is(header, mapping.long.unit, _UNIT)
            )
        ):
            types[header] = "str"
    return types


def _is(header: str, said: str | None, words: Sequence[str]) -> bool:
    return header == said if said is not None else header.casefold() in words


def roles(headers: Sequence[str], typed: Sequence[str], mapping: FileMapping, where: str) -> Roles:
    """Tell the columns of a table apart.

    Parameters
    ----------
    headers : sequence of str
    typed : sequence of str
        Those stored as date and time.
    mapping : FileMapping
    where : str
        Names the file in errors.

    Raises
    ------
    MappingError
        No time column, a header twice, a column of the mapping file that is not there, or
        nothing measured.
    """
    twice = next((header for header in headers if list(headers).count(header) > 1), None)
    if twice is not None:
        raise MappingError(f"{where}: column {twice!r} stands twice; rename one of them.")
    time = _time(headers, typed, mapping, where)
    of_day = _time_of_day(headers, time, mapping)
    rest = [h for h in headers if h not in (time, of_day) and not mapping.ignores(h)]
    aside = tuple(h for h in rest if _bare(h) in _ASIDE and _said_nothing_of(h, mapping))
    rest = [h for h in rest if h not in aside]
    if not rest:
        raise MappingError(
            f"{where}: no column besides the time {time!r}; expected at least one measured."
        )
    long = mapping.long
    sensor = _column(rest, long.sensor, _SENSOR, where)
    quantity = _column(rest, long.quantity, _QUANTITY, where)
    unit = _column(rest, long.unit, _UNIT, where)
    others = [h for h in rest if h not in (sensor, quantity, unit)]
    if sensor is None or not others:
        return Roles(time=time, of_day=of_day, values=tuple(rest), left_out=aside)
    values = _values(others, mapping, where)
    left_out = tuple(h for h in [*others, *aside] if h not in values)
    rivals = tuple(h for h in left_out if h.casefold() in _SENSOR and long.sensor is None)
    return Roles(
        time=time,
        of_day=of_day,
        sensor=sensor,
        quantity=quantity,
        unit=unit,
        values=values,
        left_out=left_out,
        rivals=rivals,
    )


def _said_nothing_of(header: str, mapping: FileMapping) -> bool:
    long = mapping.long
    named = (mapping.time, long.sensor, long.value, long.quantity, long.unit)
    return mapping.column(header) is None and header not in named


def _distinct(pairs: pd.DataFrame, columns: list[str]) -> bool:
    return len(pairs[columns].drop_duplicates()) == len(pairs)


def unused_quality(found: Roles, frame: pd.DataFrame) -> Text | None:
    """Tell of a column by which the source marks readings, which is not read."""
    for header in found.left_out:
        marks = frame[header].dropna().unique() if header.casefold() in _QUALITY else []
        if len(marks) > 1:
            few = ", ".join(map(str, marks[:4]))
            return Text(
                f"未采用列“{header}”的质量标记（{few} …）：来源标为不良的读数也在已接收之列。",
                f"The marks of column {header!r} ({few} …) were not used: readings that the "
                "source calls bad are among the accepted.",
            )
    return None


def sensors_told(found: Roles, frame: pd.DataFrame) -> tuple[Roles, pd.DataFrame]:
    """Settle by the cells which column tells sensors apart, where several might.

    Two points of one device, or two devices with points of one name, must never become one
    sensor: where no column by itself tells them apart, several together do.
    """
    if found.sensor is None or not found.rivals:
        return found, frame
    columns = [found.sensor, *found.rivals]
    columns.sort(key=lambda header: _SENSOR.index(header.casefold()))
    names = [header for header in columns if header.casefold() in _SENSOR_NAMES]
    columns = [header for header in columns if header not in names] or names
    pairs = frame[columns].drop_duplicates().dropna()
    sensor = next((header for header in columns if _distinct(pairs, [header])), "")
    taken = [sensor]
    if not sensor:
        enough = next(i for i in range(2, len(columns) + 1) if _distinct(pairs, columns[:i]))
        taken = columns[:enough][::-1]  # the device before its point
        sensor = "+".join(taken)
        cells = [frame[header].astype("str").str.strip() for header in taken]
        whole = frame[taken].notna().all(axis=1)
        frame = frame.assign(**{sensor: cells[0].str.cat(cells[1:], sep=".").where(whole)})
    names = [header for header in names if header not in taken]
    quantity = found.quantity
    if quantity is None and names and all(map(quantity_in, frame[names[0]].dropna().unique())):
        quantity = names[0]  # "出口压力" says what the point measures
    used = {*taken, quantity}
    left_out = tuple(h for h in (found.sensor, *found.left_out) if h not in used)
    return replace(found, sensor=sensor, quantity=quantity, left_out=left_out), frame


def _values(others: list[str], mapping: FileMapping, where: str) -> tuple[str, ...]:
    said = _column(others, mapping.long.value, (), where)
    if said is not None:
        return (said,)
    named = [h for h in others if _bare(h) in _VALUE]
    if named:
        return tuple(named)
    measured = [h for h in others if mapping.column(h) or quantity_in(split_header(h)[0])]
    if not measured:
        raise MappingError(
            f"{where}: no column of values; expected a header such as 'value' or '数值', found "
            f"{', '.join(others)}. Name it in the mapping file: [long] value = …"
        )
    return tuple(measured)


def _column(
    headers: Sequence[str], said: str | None, words: Sequence[str], where: str
) -> str | None:
    if said is not None and said not in headers:
        raise MappingError(
            f"{where}: the mapping file names the column {said!r}; found {', '.join(headers)}. "
            "Mend [long]."
        )
    if said is not None:
        return said
    by_word = {header.casefold(): header for header in reversed(headers)}
    return next((by_word[word] for word in words if word in by_word), None)


def _time(headers: Sequence[str], typed: Sequence[str], mapping: FileMapping, where: str) -> str:
    by_name = {_bare(h): h for h in reversed(headers) if not mapping.ignores(h)}
    if mapping.time is not None:
        found = mapping.time if mapping.time in headers else by_name.get(mapping.time.casefold())
        if found is None:
            raise MappingError(
                f"{where}: the mapping names the time column {mapping.time!r}; found "
                f"{', '.join(headers)}. Mend time = … in the mapping file."
            )
        return found
    if typed:
        return typed[0]
    both = next((w for w in _OF_DATE if w in by_name), None)
    if both and any(word in by_name for word in _OF_DAY):
        return by_name[both]
    zoned = {without_zone(name): header for name, header in by_name.items()}
    for known in (by_name, zoned):
        for word in _TIME:
            if word in known:
                return known[word]
    raise MappingError(
        f"{where}: no time column; expected a header such as 'Time' or '时间', found "
        f"{', '.join(headers)}. Name it in the mapping file: time = …"
    )


def _time_of_day(headers: Sequence[str], time: str, mapping: FileMapping) -> str | None:
    """The second column where date and time of day stand apart."""
    if mapping.time is not None or _bare(time) not in _OF_DATE:
        return None
    return next((h for h in headers if h != time and _bare(h) in _OF_DAY), None)
