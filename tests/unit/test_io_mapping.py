"""Mapping files and headers."""

from pathlib import Path

import pytest

from lifeline_kit.errors import InputError, MappingError
from lifeline_kit.io.files import SHIPPED
from lifeline_kit.io.mapping import FileMapping, channels, quantity_in, read_mapping, split_header


@pytest.mark.parametrize(
    ("header", "name", "unit", "quantity"),
    [
        ("DMS_CN (um/m)", "DMS_CN", "um/m", "strain"),
        ("DMS_CN (um\\m)", "DMS_CN", "um/m", "strain"),
        ("FRC-01 [kN]", "FRC-01", "kN", "force"),
        ("INC-01 Filtered [deg]", "INC-01 Filtered", "deg", "inclination"),
        ("Air Temperature (°C)", "Air Temperature", "degC", "air_temperature"),
        ("一号泵站压力(MPa)", "一号泵站压力", "MPa", "pressure"),
        ("瞬时流量（m³/h）", "瞬时流量", "m3/h", "flow"),
        ("供水温度/℃", "供水温度", "degC", "supply_temperature"),
        ("flow/m3/h", "flow", "m3/h", "flow"),
        ("level_m", "level", "m", "level"),
        ("methane ppm", "methane", "ppm", "methane"),
        ("出站流量(Nm³/h)", "出站流量", "Nm3/h", "standard_flow"),
        ("station flow (标方/日)", "station flow", "Nm3/d", "standard_flow"),
        ("pressure_kPa", "pressure", "kPa", "pressure"),
    ],
)
def test_headers_say_name_quantity_and_unit(header, name, unit, quantity):
    (channel,) = channels([header], FileMapping(), "f.csv")
    assert (channel.name, channel.unit, channel.quantity) == (name, unit, quantity)


@pytest.mark.parametrize("name", ["phase", "income", "floor", "Tp", "accuracy"])
def test_words_inside_other_words_name_nothing(name):
    assert quantity_in(name) is None


def test_a_header_without_unit_or_brackets_stays_whole():
    assert split_header("methane_ppm_above_background") == ("methane_ppm_above_background", None)
    assert split_header("a/b") == ("a/b", None)


@pytest.mark.parametrize(
    ("header", "match"),
    [
        ("Tp (degC)", r"f\.csv: column 'Tp \(degC\)' names no quantity.*\[columns\.Tp\]"),
        ("pressure", r"f\.csv: column 'pressure' \(pressure\) names no unit.*'pressure \(kPa\)'"),
        ("pressure (furlong)", r"pressure needs kPa .* got 'furlong'.*is not known"),
        ("pressure (degC)", r"pressure needs kPa .* got 'degC'"),
        ("可燃气体 (%LEL)", r"methane needs %VOL .* got '%LEL'"),
    ],
)
def test_what_a_header_does_not_say_is_asked_for(header, match):
    with pytest.raises(MappingError, match=f"(?s){match}"):
        channels([header], FileMapping(), "f.csv")


def test_mapping_file_gives_what_headers_do_not(tmp_path):
    path = tmp_path / "m.toml"
    path.write_text(
        'time_zone = "UTC"\nignore = ["EVENT"]\n'
        '[columns.Tp]\nquantity = "temperature"\nunit = "℃"\nrange = [-5, 60]\n'
        '[columns."p 1"]\nquantity = "pressure"\nunit = "bar"\nlimit = [1, 6]\n',
        encoding="utf-8",
    )
    mapping = read_mapping(path)
    first, second = channels(["Tp", "p 1", "EVENT"], mapping, "f.csv")
    assert (first.unit, first.entry.span) == ("degC", (-5.0, 60.0))
    assert second.to_canonical(2.0) == pytest.approx(200.0)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("tme = 'x'", r"m\.toml: key 'tme' is not known; expected one of time"),
        ("time = 3", r"m\.toml: time = 3 is of the wrong type; expected str"),
        ("time = ", r"m\.toml: expected TOML"),
        ("lifeline = 'wine'", r"m\.toml: lifeline 'wine' is not known"),
        ("time_zone = 'Mars'", r"m\.toml: time_zone 'Mars' is not known"),
        ("[columns.a]\nunits = 'm'", r"\[columns\.a\]: key 'units' is not known"),
        ("[columns.a]\nquantity = 'mood'", r"\[columns\.a\]: quantity 'mood' is not known"),
        ("[columns.a]\nunit = 'furlong'", r"\[columns\.a\]: unit 'furlong' is not known"),
        ("[columns.a]\nquantity = 'level'\nunit = 'kPa'", r"\[columns\.a\]: cannot convert"),
        ("[columns.a]\nrange = [3, 1]", r"range = \[3, 1\]; expected \[low, high\]"),
        ("[columns.a]\nstatistic = 'mode'", r"statistic 'mode' is not known"),
        ("columns = 3", r"columns = 3 is of the wrong type"),
        ("[columns]\na = 3", r"\[columns\.a\]: expected a table of keys"),
        ("[assets]\ncode = 'x'", r"\[assets\]: key 'code' is not known"),
    ],
)
def test_each_fault_of_a_mapping_file_names_file_and_entry(tmp_path, text, match):
    path = tmp_path / "m.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(MappingError, match=match):
        read_mapping(path)


def test_missing_mapping_file(tmp_path):
    with pytest.raises(InputError, match=r"gone\.toml: cannot be read"):
        read_mapping(tmp_path / "gone.toml")


@pytest.mark.parametrize("name", ["gecco2018", "metec"])
def test_shipped_mappings_are_valid_and_never_read_the_answers(name):
    mapping = read_mapping(Path(SHIPPED) / f"{name}.toml")
    assert mapping.lifeline
    assert mapping.ignores({"gecco2018": "EVENT", "metec": "published_event"}[name])
