"""The one table of measured quantities: unit, CF name, words and colours.

A reading is stored in the canonical unit of its quantity. `standard_name` is a CF standard name
where CF has one, otherwise None; `header` are words by which a column header is recognised.
"""

from dataclasses import dataclass

from lifeline_kit.errors import MappingError
from lifeline_kit.text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One measured quantity.

    Attributes
    ----------
    key : str
        Name used in tables and folders.
    unit : str
        Canonical unit, a name of `lifeline_kit.units`.
    title : Text
    standard_name : str or None
        CF standard name.
    colours : str
        Matplotlib colour map for maps of the quantity.
    header : tuple of str
        Lower-case words that name the quantity in a column header.
    """

    key: str
    unit: str
    title: Text
    standard_name: str | None = None
    colours: str = "viridis"
    header: tuple[str, ...] = ()


_ALL = (
    Quantity(
        key="methane",
        unit="%VOL",
        title=Text("甲烷浓度", "Methane"),
        standard_name="mole_fraction_of_methane_in_air",
        colours="inferno",
        header=("methane", "ch4", "甲烷", "可燃气体", "燃气浓度"),
    ),
    Quantity(
        key="methane_enhancement",
        unit="ppm",
        title=Text("环境甲烷增量", "Methane above background"),
        colours="inferno",
        header=("methane_ppm_above_background", "methane enhancement", "甲烷增量"),
    ),
    Quantity(
        key="pressure",
        unit="kPa",
        title=Text("压力", "Pressure"),
        header=("pressure", "prs", "压力"),
    ),
    Quantity(
        key="flow",
        unit="m3/h",
        title=Text("流量", "Flow"),
        header=("flow", "flow rate", "流量"),
    ),
    Quantity(
        key="standard_flow",
        unit="Nm3/h",
        title=Text("标况流量", "Flow at reference conditions"),
        header=("standard flow", "normal flow", "标况流量", "标准流量", "标况瞬时流量"),
    ),
    Quantity(
        key="makeup_flow",
        unit="m3/h",
        title=Text("补水量", "Make-up flow"),
        header=("makeup", "make-up", "补水"),
    ),
    Quantity(
        key="level",
        unit="m",
        title=Text("液位", "Level"),
        colours="Blues",
        header=("level", "水位", "液位"),
    ),
    Quantity(
        key="ponding_depth",
        unit="m",
        title=Text("积水深度", "Ponding depth"),
        colours="Blues",
        header=("ponding", "water depth", "积水"),
    ),
    Quantity(
        key="rain",
        unit="mm/h",
        title=Text("降雨强度", "Rainfall rate"),
        standard_name="rainfall_rate",
        colours="Blues",
        header=("rain", "rainfall", "雨量", "降雨"),
    ),
    Quantity(
        key="turbidity",
        unit="NTU",
        title=Text("浊度", "Turbidity"),
        header=("turbidity", "浊度"),
    ),
    Quantity(
        key="chlorine",
        unit="mg/L",
        title=Text("余氯", "Free chlorine"),
        header=("chlorine", "余氯", "cl2"),
    ),
    Quantity(key="ph", unit="pH", title=Text("酸碱度", "pH"), header=("ph", "酸碱度")),
    Quantity(
        key="redox",
        unit="mV",
        title=Text("氧化还原电位", "Redox potential"),
        header=("redox", "orp", "氧化还原"),
    ),
    Quantity(
        key="conductivity",
        unit="uS/cm",
        title=Text("电导率", "Conductivity"),
        header=("conductivity", "电导率"),
    ),
    Quantity(
        key="temperature",
        unit="degC",
        title=Text("温度", "Temperature"),
        colours="coolwarm",
        header=("temperature", "温度"),
    ),
    Quantity(
        key="air_temperature",
        unit="degC",
        title=Text("气温", "Air temperature"),
        standard_name="air_temperature",
        colours="coolwarm",
        header=("air temperature", "气温"),
    ),
    Quantity(
        key="supply_temperature",
        unit="degC",
        title=Text("供水温度", "Supply temperature"),
        colours="coolwarm",
        header=("supply temperature", "供水温度"),
    ),
    Quantity(
        key="return_temperature",
        unit="degC",
        title=Text("回水温度", "Return temperature"),
        colours="coolwarm",
        header=("return temperature", "回水温度"),
    ),
    Quantity(
        key="room_temperature",
        unit="degC",
        title=Text("室温", "Room temperature"),
        colours="coolwarm",
        header=("room temperature", "室温"),
    ),
    Quantity(
        key="hydrogen_sulfide",
        unit="mg/m3",
        title=Text("硫化氢", "Hydrogen sulfide"),
        header=("h2s", "hydrogen sulfide", "硫化氢"),
    ),
    Quantity(
        key="strain",
        unit="um/m",
        title=Text("应变", "Strain"),
        colours="RdBu",
        header=("strain", "dms", "应变"),
    ),
    Quantity(
        key="force",
        unit="kN",
        title=Text("力", "Force"),
        header=("force", "frc", "索力", "支座反力"),
    ),
    Quantity(
        key="inclination",
        unit="deg",
        title=Text("倾角", "Inclination"),
        header=("inclination", "inc", "tilt", "倾角"),
    ),
    Quantity(
        key="acceleration",
        unit="m/s2",
        title=Text("加速度", "Acceleration"),
        header=("acceleration", "acc", "加速度"),
    ),
    Quantity(
        key="deflection",
        unit="mm",
        title=Text("挠度", "Deflection"),
        header=("deflection", "挠度"),
    ),
    Quantity(
        key="settlement",
        unit="mm",
        title=Text("沉降", "Settlement"),
        colours="RdBu",
        header=("settlement", "沉降"),
    ),
    Quantity(
        key="convergence",
        unit="mm",
        title=Text("收敛", "Convergence"),
        header=("convergence", "收敛"),
    ),
    Quantity(
        key="vibration",
        unit="mm/s",
        title=Text("振动速度", "Vibration velocity"),
        header=("vibration", "振动"),
    ),
    Quantity(
        key="vehicle_weight",
        unit="t",
        title=Text("车重", "Vehicle weight"),
        header=("vehicle weight", "车重", "总重"),
    ),
    Quantity(
        key="days_of_supply",
        unit="d",
        title=Text("可供天数", "Days of supply"),
        colours="RdYlGn",
        header=("days of supply", "可供天数"),
    ),
    Quantity(
        key="humidity",
        unit="%",
        title=Text("相对湿度", "Relative humidity"),
        standard_name="relative_humidity",
        colours="Blues",
        header=("humidity", "relative humidity", "湿度"),
    ),
    Quantity(
        key="battery",
        unit="%",
        title=Text("电量", "Battery"),
        colours="RdYlGn",
        header=("battery", "电量"),
    ),
    Quantity(
        key="signal_strength",
        unit="dBm",
        title=Text("信号强度", "Signal strength"),
        colours="RdYlGn",
        header=("signal strength", "rssi", "信号强度"),
    ),
    Quantity(
        key="flooded",
        unit="1",
        title=Text("浸水", "Flooded"),
        colours="Blues",
        header=("flooded", "flood flag", "浸水", "水浸"),
    ),
    Quantity(
        key="tampered",
        unit="1",
        title=Text("撬动", "Tampered"),
        header=("tampered", "tamper", "撬动", "撬盖"),
    ),
    Quantity(key="price", unit="CNY/kg", title=Text("价格", "Price"), header=("price", "价格")),
)

QUANTITIES: dict[str, Quantity] = {quantity.key: quantity for quantity in _ALL}


def quantity(key: str) -> Quantity:
    """Look a quantity up.

    Raises
    ------
    MappingError
        Where the key is not in the table.
    """
    try:
        return QUANTITIES[key]
    except KeyError:
        raise MappingError(
            f"quantity {key!r} is not known; expected one of {', '.join(QUANTITIES)}. "
            "Name it in the mapping file ([columns.NAME] quantity = ...)."
        ) from None
