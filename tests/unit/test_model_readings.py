"""Readings: both forms of a node, and what is refused."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from oracles.hand import BEGIN, minutes

from lifeline_kit.errors import ReadingsError
from lifeline_kit.model.readings import (
    NOT_EVALUATED,
    check_readings,
    dense_node,
    flatten,
    is_ragged,
    nodes,
    ragged_node,
    series,
)

NAN = np.nan
IDS = np.array(["a", "b", "c"])


def dense(value: object = ((1, NAN, 3), (NAN, NAN, NAN), (7, 8, 9))) -> xr.Dataset:
    return dense_node("pressure", IDS, minutes(3), np.array(value, dtype=float))


def ragged(offsets: object = (0, 30, 0, 15, 30)) -> xr.Dataset:
    time = BEGIN + np.array(offsets) * np.timedelta64(60_000, "ms")
    return ragged_node("pressure", IDS, np.array([2, 0, 3]), time, np.array([1, 3, 7, 8, 9.0]))


def tree(node: xr.Dataset) -> xr.DataTree:
    return xr.DataTree.from_dict({"pressure/x": node})


def test_both_forms_flatten_to_the_same_runs() -> None:
    thick, thin = flatten(dense()), flatten(ragged())
    assert thick.starts.tolist() == thin.starts.tolist() == [0, 2, 2, 5]
    assert thick.value.tolist() == thin.value.tolist() == [1, 3, 7, 8, 9]
    assert (thick.time == thin.time).all()
    assert thick.position.tolist() == [0, 2, 6, 7, 8]


@pytest.mark.parametrize("make", [dense, ragged])
def test_position_leads_back_into_the_node(make) -> None:
    node = make()
    flat = flatten(node)
    assert node["value"].to_numpy().reshape(-1)[flat.position].tolist() == flat.value.tolist()


@pytest.mark.parametrize("make", [dense, ragged])
def test_series_of_one_sensor(make) -> None:
    own = series(make(), "a")
    assert own.value.tolist() == [1, 3]
    assert own.time.tolist() == minutes(3)[[0, 2]].tolist()
    assert own.flag.tolist() == [NOT_EVALUATED] * 2
    assert series(make(), "b").value.size == 0
    assert series(make(), "c").value.tolist() == [7, 8, 9]


def test_series_carries_the_flags_of_its_own_readings() -> None:
    node = dense().assign(flag=(("sensor", "time"), np.arange(9, dtype=np.uint8).reshape(3, 3)))
    assert series(node, "a").flag.tolist() == [0, 2]
    node = ragged().assign(flag=("obs", np.arange(5, dtype=np.uint8)))
    assert series(node, "c").flag.tolist() == [2, 3, 4]


def test_series_of_a_stranger() -> None:
    with pytest.raises(ReadingsError, match=r"'z' has no readings here; check its id"):
        series(dense(), "z")


def test_nodes_are_found_by_path_and_quantity() -> None:
    both = xr.DataTree.from_dict({"pressure/15min": dense(), "pressure/event": ragged()})
    assert {path: is_ragged(node) for path, node in nodes(both, "pressure")} == {
        "pressure/15min": False,
        "pressure/event": True,
    }
    assert list(nodes(both, "flow")) == []


@pytest.mark.parametrize("make", [dense, ragged])
def test_nodes_say_what_they_are(make) -> None:
    node = make()
    assert node["value"].dtype == np.float32
    assert node["time"].dtype == "datetime64[ms]"
    assert node["value"].attrs["units"] == "kPa"
    assert node["sensor"].attrs["cf_role"] == "timeseries_id"
    assert check_readings(tree(node)).equals(tree(node))


def test_wrong_unit_and_no_unit() -> None:
    for unit, said in (("bar", "are in bar"), ("", "are in no unit")):
        node = dense()
        node["value"].attrs["units"] = unit
        with pytest.raises(ReadingsError, match=rf"'pressure/x' {said}, pressure needs kPa; conv"):
            check_readings(tree(node))


def test_sensor_twice() -> None:
    node = dense().assign_coords(sensor=np.array(["a", "a", "c"], dtype=object))
    with pytest.raises(ReadingsError, match=r"'pressure/x': sensor 'a' stands more than once"):
        check_readings(tree(node))


def test_infinite_value_is_placed() -> None:
    with pytest.raises(ReadingsError, match=r"infinite value at \(2, 1\).*mend or remove"):
        check_readings(tree(dense([[1, 2, 3], [4, 5, 6], [7, np.inf, 9]])))


@pytest.mark.parametrize("offsets", [(0, 0, 0, 15, 30), (30, 0, 0, 15, 30), (0, 30, 0, 15, 15)])
def test_time_out_of_order_or_twice_within_a_sensor(offsets) -> None:
    with pytest.raises(ReadingsError, match=r"not in the order of time or hold a time twice; sort"):
        check_readings(tree(ragged(offsets)))
    back = dense().isel(time=[0, 2, 1])
    with pytest.raises(ReadingsError, match="not in the order of time"):
        check_readings(tree(back))


@pytest.mark.parametrize("sizes", [(2, 0, 3), (0, 2, 3), (2, 3, 0), (0, 0, 5), (5, 0, 0)])
def test_time_may_fall_back_between_ragged_sensors(sizes) -> None:
    time = np.concatenate([minutes(n) for n in sizes])
    node = ragged_node("pressure", IDS, np.array(sizes), time, np.ones(5))
    check_readings(tree(node))


def test_missing_time() -> None:
    node = ragged().assign_coords(time=("obs", np.array(["NaT"] * 5, dtype="datetime64[ms]")))
    with pytest.raises(ReadingsError, match="missing time; remove those rows"):
        check_readings(tree(node))


def test_readings_of_a_sensor_nobody_knows_and_of_one_in_two_nodes() -> None:
    known = pd.DataFrame(index=pd.Index(["a", "b"], name="sensor"))
    with pytest.raises(ReadingsError, match=r"'pressure/x': sensor 'c' is not in the sensors"):
        check_readings(tree(dense()), known)
    twice = xr.DataTree.from_dict({"pressure/x": dense(), "pressure/y": ragged()})
    known = pd.DataFrame(index=pd.Index(list(IDS), name="sensor"))
    with pytest.raises(ReadingsError, match=r"'pressure/y': sensor 'a'.*'pressure/x'"):
        check_readings(twice, known)
