"""Gas and heating networks from pandapipes' JSON, as assets; the file is read, not the library."""

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
from shapely import LineString, Point

from lifeline_kit.errors import InputError
from lifeline_kit.text import Text

_MARK = b"pandapipesNet"
# table of the file -> kind of asset; those with two ends name them as the columns say
_TWO_ENDS = {"pipe": "pipe", "valve": "valve", "pump": "pump", "compressor": "compressor"}
_TWO_ENDS |= {"press_control": "regulator", "heat_exchanger": "exchanger", "flow_control": "valve"}
_TWO_ENDS |= {"circ_pump_pressure": "pump", "circ_pump_mass": "pump"}
_ONE_END = {"ext_grid": "station", "source": "station"}


def is_pandapipes(head: bytes) -> bool:
    """Whether a JSON file is a pandapipes network, by its beginning."""
    return _MARK in head


def read_pandapipes(path: Path) -> tuple[gpd.GeoDataFrame, Text]:
    """Read pipes, valves, pumps, compressors, regulators and feeds of a pandapipes network.

    Returns
    -------
    GeoDataFrame
        Columns as of `io.epanet.read_epanet`; without CRS unless the file carries one. A network
        with a liquid is of the lifeline heating, one with a gas is gas.
    Text

    Raises
    ------
    InputError
        Not such a file, without junctions or their places, or a pipe that ends nowhere.
    """
    try:
        net = json.loads(path.read_bytes())["_object"]
        tables = {name: _frame(each) for name, each in net.items() if _is_frame(each)}
        gas = _is_gas(net.get("fluid"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: cannot be read as a pandapipes network ({str(error)[:80]}); write it again "
            "with pandapipes.to_json."
        ) from None
    places = tables.get("junction_geodata", pd.DataFrame())
    if places.empty:
        raise InputError(f"{path}: the junctions have no places; expected junction_geodata.")
    at = {index: (float(row.x), float(row.y)) for index, row in places.iterrows()}
    names = _names(tables["junction"], "junction")
    routes = tables.get("pipe_geodata", pd.DataFrame())
    bends = routes["coords"].to_dict() if "coords" in routes else {}
    rows: list[dict] = []
    for name, kind in (_TWO_ENDS | _ONE_END).items():
        table = tables.get(name, pd.DataFrame())
        ids = _names(table, name)
        for index, row in table.iterrows():
            bend = bends.get(index) if name == "pipe" else None
            rows.append(_asset(ids[index], kind, row, (at, names, bend), path))
    if not rows:
        raise InputError(f"{path}: a network without pipes; expected some.")
    out = pd.DataFrame(rows)
    out["lifeline"] = "gas" if gas else "heating"
    twice = out["asset"].duplicated(keep=False)
    out.loc[twice, "asset"] = out["asset"] + "." + out["kind"]
    fluid = Text("燃气", "gas") if gas else Text("热力", "heating")
    said = Text(
        f"pandapipes 管网（{fluid.zh}），{len(out)} 个对象",
        f"pandapipes network ({fluid.en}), {len(out)} objects",
    )
    return gpd.GeoDataFrame(out, geometry="geometry", crs=net.get("crs") or None), said


def _is_frame(entry: object) -> bool:
    return isinstance(entry, dict) and entry.get("_class") == "DataFrame"


def _frame(entry: dict[str, Any]) -> pd.DataFrame:
    inner = entry["_object"]
    data = json.loads(inner) if isinstance(inner, str) else inner
    return pd.DataFrame(data["data"], columns=data["columns"], index=data["index"], dtype=object)


def _is_gas(fluid: object) -> bool:
    if not isinstance(fluid, dict):
        return True
    inner = fluid.get("_object", {})
    known = json.loads(inner) if isinstance(inner, str) else inner
    return bool(known.get("is_gas", known.get("fluid_type", "gas") == "gas"))


def _names(table: pd.DataFrame, what: str) -> dict[Any, str]:
    """Names where they are all there and different, else kind and number."""
    given = (
        [] if table.empty else [str(n) if n else "" for n in table.get("name", [""] * len(table))]
    )
    sound = len(set(given)) == len(given) and all(given)
    return {index: given[i] if sound else f"{what}-{index}" for i, index in enumerate(table.index)}


def _asset(
    name: str, kind: str, row: pd.Series, net: tuple[dict, dict, list | None], path: Path
) -> dict:
    at, names, bend = net
    ends = [row.get(column) for column in ("from_junction", "to_junction")]
    if ends[0] is None:
        ends = [row.get("junction"), row.get("element") if row.get("et") == "ju" else None]
    if row.get("return_junction") is not None and ends[0] is None:
        ends = [row["return_junction"], row.get("flow_junction")]
    ends = [end for end in ends if end is not None]
    stray = [end for end in ends if end not in at]
    if stray or not ends:
        raise InputError(
            f"{path}: {kind} {name!r} ends at junction {stray[0] if stray else '?'}, which has no "
            "place; mend the network."
        )
    line = [tuple(xy) for xy in bend] if bend else [at[end] for end in ends]
    diameter = row.get("inner_diameter_mm")
    if diameter is None and row.get("diameter_m") is not None:
        diameter = float(row["diameter_m"]) * 1000.0
    length = row.get("length_km")
    drawn = kind == "pipe" and len(set(line)) > 1
    return {
        "asset": name,
        "kind": kind,
        "from_node": names[ends[0]],
        "to_node": names[ends[1]] if len(ends) > 1 else "",
        "length_m": None if length is None else float(length) * 1000.0,
        "diameter_mm": None if diameter is None else float(diameter),
        "geometry": LineString(line) if drawn else Point(at[ends[0]]),
    }
