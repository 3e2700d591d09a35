"""Words of the pages that no table carries: labels of columns, units of time, buttons."""

import unicodedata

import pandas as pd

from lifeline_kit.charts import theme
from lifeline_kit.lifelines import ALL
from lifeline_kit.text import Lang, Text

LIFELINES = {lifeline.key: lifeline.title for lifeline in ALL}
KINDS = {(lifeline.key, kind.key): kind.title for lifeline in ALL for kind in lifeline.kinds}
INDICATORS = {
    "condition": Text("本体状况", "Condition"),
    "operation": Text("运行状况", "Operation"),
    "monitoring": Text("监测保障", "Monitoring"),
    "response": Text("处置响应", "Response"),
    "total": Text("综合得分", "Total"),
}
ATTRIBUTES = {
    "district": Text("所在片区", "District"),
    "year": Text("建成年份", "Built"),
    "material": Text("材质", "Material"),
    "diameter_mm": Text("管径 (mm)", "Diameter (mm)"),
    "length_m": Text("长度 (m)", "Length (m)"),
    "depth_m": Text("埋深 (m)", "Depth (m)"),
    "pressure_class": Text("压力级制", "Pressure class"),
    "design_pressure_kpa": Text("设计压力 (kPa)", "Design pressure (kPa)"),
    "people": Text("影响人口", "People affected"),
    "space_type": Text("空间类型", "Type of space"),
    "gas_pipe": Text("邻近燃气管", "Gas pipe nearby"),
    "distance_m": Text("与燃气管距离 (m)", "Distance to gas pipe (m)"),
}
VALUES = {
    "low": Text("低压", "low"),
    "medium": Text("中压", "medium"),
    "high": Text("高压", "high"),
    "sewer_manhole": Text("污水检查井", "sewer manhole"),
    "valve_well": Text("阀门井", "valve well"),
    "cable_duct": Text("电缆管沟", "cable duct"),
    "grey cast iron": Text("灰口铸铁", "grey cast iron"),
    "ductile iron": Text("球墨铸铁", "ductile iron"),
    "steel": Text("钢", "steel"),
    "steel, mineral wool": Text("钢（矿棉保温）", "steel, mineral wool"),
    "pre-insulated steel": Text("预制保温钢", "pre-insulated steel"),
    "prestressed concrete": Text("预应力混凝土", "prestressed concrete"),
    "reinforced concrete": Text("钢筋混凝土", "reinforced concrete"),
    "concrete": Text("混凝土", "concrete"),
    "brick": Text("砖砌", "brick"),
    "asphalt": Text("沥青", "asphalt"),
    "asphalt on concrete": Text("沥青加铺水泥", "asphalt on concrete"),
}
ALL_LIFELINES = Text("全部", "All")
OPEN = Text("未消除", "open")
CLEARED = Text("已消除", "cleared")


def lifeline_title(key: str, lang: Lang) -> str:
    """Title of a lifeline; a key that nobody declared stands for itself."""
    return LIFELINES[key](lang) if key in LIFELINES else key


def kind_title(lifeline: str, kind: str, lang: Lang) -> str:
    """Title of a kind of asset."""
    return KINDS[lifeline, kind](lang) if (lifeline, kind) in KINDS else kind


def value_words(value: str | float, lang: Lang) -> str:
    """Write one attribute value.

    Examples
    --------
    >>> value_words(300.0, "zh"), value_words(1234.56, "en"), value_words("steel", "zh")
    ('300', '1,234.6', '钢')
    """
    if isinstance(value, str):
        return VALUES[value](lang) if value in VALUES else value
    number = float(value)
    return f"{number:,.0f}" if number == round(number) else f"{number:,.1f}"


def year_words(value: float) -> str:
    """Write a year, without the comma of other numbers."""
    return f"{value:.0f}"


def moment_words(time: pd.Timestamp, time_zone: str, *, year: bool = False) -> str:
    """Write a stored time as wall-clock time of the city; empty for none.

    Examples
    --------
    >>> moment_words(pd.Timestamp("2026-10-01T00:00"), "Asia/Shanghai")
    '10-01 08:00'
    """
    if pd.isna(time):
        return ""
    local = theme.local([time], time_zone)[0]
    return f"{local:%Y-%m-%d %H:%M}" if year else f"{local:%m-%d %H:%M}"


_TURNING = dict.fromkeys((*range(8234, 8239), *range(8294, 8298), 8207), "�")


def shown(text: object, *, most: int = 120) -> str:
    """Make text from data fit for a line: no marks that turn what follows, not endless.

    Examples
    --------
    >>> shown("a" + chr(0x202E) + "b") == "a" + chr(0xFFFD) + "b", len(shown("x" * 10_000))
    (True, 121)
    """
    plain = "".join(
        "\ufffd" if unicodedata.category(letter) == "Cc" else letter
        for letter in str(text).translate(_TURNING)
    )
    return plain if len(plain) <= most else f"{plain[:most]}…"


def duration_words(span: pd.Timedelta, lang: Lang) -> str:
    """Write a span of time in its two largest units.

    Examples
    --------
    >>> duration_words(pd.Timedelta("26h"), "zh"), duration_words(pd.Timedelta("26h"), "en")
    ('1 天 2 小时', '1 d 2 h')
    >>> duration_words(pd.Timedelta("90min"), "en")
    '1 h 30 min'
    """
    day, hour, minute = ("天", "小时", "分钟") if lang == "zh" else ("d", "h", "min")
    minutes = max(int(span.total_seconds() // 60), 0)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} {day} {hours} {hour}" if hours else f"{days} {day}"
    if hours:
        return f"{hours} {hour} {minutes} {minute}" if minutes else f"{hours} {hour}"
    return f"{minutes} {minute}"
