"""Which column is what: wide tables (a column for each sensor) and long ones (a row each)."""

from collections.abc import Sequence
from dataclasses import dataclass

from lifeline_kit.errors import MappingError
from lifeline_kit.io.mapping import FileMapping, quantity_in, split_header
from lifeline_kit.text import Text

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
_SENSOR = ("sensor", "sensor_id", "sensorid", "device", "device_id", "deviceid", "tag", "point")
_SENSOR += (
    "测点",
    "测点编号",
    "测点名称",
    "设备编号",
    "设备id",
    "传感器",
    "传感器编号",
    "点位",
    "位号",
)
_SENSOR += ("监测点", "监测点编号", "datastream", "series", "tagname", "点号", "设备名称")
_VALUE = ("value", "values", "val", "reading", "值", "数值", "监测值", "测量值", "读数", "采集值")
_VALUE += ("result", "测值", "实测值")
_QUANTITY = ("quantity", "parameter", "variable", "指标", "监测项", "参数", "物理量", "监测指标")
_QUANTITY += ("监测类型", "observed_property", "要素")
_UNIT = ("unit", "units", "单位", "计量单位")


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """Headers of a table by what they hold; `sensor` is None in a wide one."""

    time: str
    of_day: str | None = None
    sensor: str | None = None
    quantity: str | None = None
    unit: str | None = None
    values: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def said(self) -> Text:
        """How the table was understood."""
        if self.sensor is None:
            n = len(self.values)
            return Text(f"宽表，{n} 个数值列", f"wide, {n} measured column{'s' * (n != 1)}")
        left = "、".join(self.left_out)
        more = Text(f"；未读列：{left}", f"; left out: {', '.join(self.left_out)}")
        empty = Text("", "")
        tail = more if left else empty
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
    return _bare(header) in _TIME


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
        return Roles(time=time, of_day=of_day, values=tuple(rest))
    values = _values(others, mapping, where)
    left_out = tuple(h for h in others if h not in values)
    return Roles(
        time=time,
        of_day=of_day,
        sensor=sensor,
        quantity=quantity,
        unit=unit,
        values=values,
        left_out=left_out,
    )


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
    return said or next((header for header in headers if header.casefold() in words), None)


def _time(headers: Sequence[str], typed: Sequence[str], mapping: FileMapping, where: str) -> str:
    by_name = {_bare(header): header for header in reversed(headers)}
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
    for word in _TIME:
        if word in by_name:
            return by_name[word]
    raise MappingError(
        f"{where}: no time column; expected a header such as 'Time' or '时间', found "
        f"{', '.join(headers)}. Name it in the mapping file: time = …"
    )


def _time_of_day(headers: Sequence[str], time: str, mapping: FileMapping) -> str | None:
    """The second column where date and time of day stand apart."""
    if mapping.time is not None or _bare(time) not in _OF_DATE:
        return None
    return next((h for h in headers if h != time and _bare(h) in _OF_DAY), None)
