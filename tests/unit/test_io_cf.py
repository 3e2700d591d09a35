"""NetCDF and Zarr: what is written is CF and comes back the same; what others write is read."""

import numpy as np
import pytest
import xarray as xr

from lifeline_kit.errors import InputError, MappingError, ReadingsError
from lifeline_kit.io.cf import write_netcdf, write_zarr
from lifeline_kit.io.files import city_from_files
from lifeline_kit.io.sources import read_readings
from lifeline_kit.lifelines import ALL
from lifeline_kit.model.readings import nodes, series
from lifeline_kit.quality import flag_city

NOW = np.datetime64("2026-11-01", "ms")


@pytest.fixture
def flagged(tiny_city):
    return flag_city(tiny_city, ALL, NOW)


WRITERS = [(write_netcdf, "city.nc"), (write_zarr, "city.zarr")]


@pytest.mark.parametrize(("write", "name"), WRITERS, ids=["netcdf", "zarr"])
def test_readings_come_back_to_the_bit(flagged, tmp_path, write, name):
    path = write(flagged, tmp_path / name)
    loaded = city_from_files([path], lifeline="water", now=NOW)
    again = dict(nodes(loaded.city.readings))
    for key, node in nodes(flagged.readings):
        for sensor in node["sensor"].to_numpy():
            mine = series(node, sensor)
            found = next(n for n in again.values() if sensor in n["sensor"].to_numpy())
            other = series(found, sensor)
            np.testing.assert_array_equal(mine.time, other.time, err_msg=key)
            np.testing.assert_array_equal(mine.value, other.value)
    assert loaded.report.counts["accepted"] == sum(
        int(np.isfinite(node["value"]).sum()) for _, node in nodes(flagged.readings)
    )


@pytest.mark.parametrize(("write", "name"), WRITERS, ids=["netcdf", "zarr"])
def test_what_is_written_is_cf(flagged, tmp_path, write, name):
    path = write(flagged, tmp_path / name)
    engine = "zarr" if path.suffix == ".zarr" else "netcdf4"
    with xr.open_datatree(path, engine=engine, decode_times=False) as tree:
        assert tree.attrs["Conventions"] == "CF-1.11"
        dense, ragged = tree["pressure/15min"], tree["methane/event"]
        for node in (dense, ragged):
            assert node.attrs["featureType"] == "timeSeries"
            assert node["sensor"].attrs["cf_role"] == "timeseries_id"
            assert node["time"].attrs["units"].startswith("milliseconds since 1970")
            assert node["lon"].attrs["units"] == "degrees_east"
            assert node["flag"].attrs["flag_meanings"].split()[0] == "pass"
            assert list(node["flag"].attrs["flag_values"]) == [1, 2, 3, 4, 9]
            masks = np.asarray(node["tests"].attrs["flag_masks"])
            assert len(masks) == len(node["tests"].attrs["flag_meanings"].split())
            assert node["value"].attrs["ancillary_variables"] == "flag tests"
        assert dense["value"].dims == ("sensor", "time")
        assert ragged["row_size"].attrs["sample_dimension"] == "obs"
        assert ragged["value"].attrs["units"] == "percent"
        np.testing.assert_array_equal(
            dense["flag"].to_numpy(), dict(nodes(flagged.readings))["pressure/15min"]["flag"]
        )


def test_one_node_stands_at_the_root_and_nothing_is_overwritten(tiny_city, tmp_path):
    tree = xr.DataTree.from_dict(
        {"pressure/15min": tiny_city.readings["pressure/15min"].to_dataset()}
    )
    path = write_netcdf(tree, tmp_path / "one.nc")
    with xr.open_dataset(path) as data:
        assert data["value"].dims == ("sensor", "time")
    with pytest.raises(InputError, match="exists already"):
        write_netcdf(tree, path)
    with pytest.raises(InputError, match="no readings to write"):
        write_netcdf(xr.DataTree(), tmp_path / "none.nc")


def foreign(**variables) -> xr.Dataset:
    time = np.arange(4) * 900 + 1_790_000_000
    data = {
        "station": ("station", np.array(["A", "B"]), {"cf_role": "timeseries_id"}),
        "time": ("obs", time, {"standard_name": "time", "units": "seconds since 1970-01-01"}),
    }
    return xr.Dataset(data | variables, attrs={"featureType": "timeSeries"})


def test_an_indexed_ragged_file_of_somebody_else(tmp_path):
    foreign(
        stationIndex=("obs", np.array([0, 1, 0, 1]), {"instance_dimension": "station"}),
        water_temp=(
            "obs",
            np.array([283.15, 284.15, 283.65, 284.65]),
            {"units": "kelvin", "long_name": "water temperature", "ancillary_variables": "qc"},
        ),
        qc=(
            "obs",
            np.array([1, 1, 1, 4], dtype=np.int8),
            {"flag_values": np.array([1, 4], np.int8)},
        ),
    ).to_netcdf(tmp_path / "foreign.nc")
    (table,) = read_readings(tmp_path / "foreign.nc", now=NOW)
    assert table.sensors == ["A", "B"]
    np.testing.assert_allclose(table.value, [10, 10.5, 11, 11.5])
    assert table.channels[0].quantity == "temperature"
    assert "UTC" in table.report.decided["zone"].en or "zone" in table.report.decided["zone"].en


def test_files_that_contradict_themselves_or_say_too_little_are_refused(tmp_path):
    foreign(
        row_size=("station", np.array([2, 3]), {"sample_dimension": "obs"}),
        level=("obs", np.ones(4), {"units": "m"}),
    ).to_netcdf(tmp_path / "sizes.nc")
    with pytest.raises(ReadingsError, match="add up to 5, but there are 4"):
        read_readings(tmp_path / "sizes.nc", now=NOW)
    foreign(
        row_size=("station", np.array([2, 2]), {"sample_dimension": "obs"}),
        level=("obs", np.ones(4), {"units": "furlong"}),
    ).to_netcdf(tmp_path / "unit.nc")
    with pytest.raises(MappingError, match="furlong"):
        read_readings(tmp_path / "unit.nc", now=NOW)
    content = (tmp_path / "unit.nc").read_bytes()
    (tmp_path / "cut.nc").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"cut\.nc: cannot be read as NetCDF"):
        read_readings(tmp_path / "cut.nc", now=NOW)
    xr.Dataset({"a": ("x", np.ones(3))}).to_netcdf(tmp_path / "plain.nc")
    with pytest.raises(MappingError, match="no time series"):
        read_readings(tmp_path / "plain.nc", now=NOW)
