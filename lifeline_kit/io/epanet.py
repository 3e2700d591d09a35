"""Water networks from EPANET input files, as assets; lengths and diameters in SI units."""

import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely import LineString, Point

from lifeline_kit.errors import InputError
from lifeline_kit.io.archives import decode
from lifeline_kit.text import Text

if TYPE_CHECKING:
    import wntr

_NODES = {"Tank": "tank", "Reservoir": "source"}


def read_epanet(path: Path) -> tuple[gpd.GeoDataFrame, Text]:
    """Read pipes, valves, pumps, tanks and reservoirs of an EPANET model.

    Parameters
    ----------
    path : Path
        `.inp`

    Returns
    -------
    GeoDataFrame
        Columns `asset`, `lifeline`, `kind`, `from_node`, `to_node`, `length_m`, `diameter_mm`, …;
        without CRS, EPANET knows none.
    Text

    Raises
    ------
    InputError
        No EPANET model, or one without coordinates.
    """
    content, encoding = decode(path.read_bytes(), str(path))
    try:
        model = _model(content)
    except Exception as error:
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise InputError(
            f"{path}: cannot be read as an EPANET model ({reason}); export it again."
        ) from None
    rows = [_link(name, link) for name, link in model.links()]
    rows += [_node(name, node) for name, node in model.nodes() if node.node_type in _NODES]
    if not rows:
        raise InputError(f"{path}: an EPANET model without pipes; expected a network.")
    table = gpd.GeoDataFrame(pd.DataFrame(rows), geometry="geometry")
    flat = table.geometry.bounds.to_numpy()
    if not np.ptp(flat) > 0:
        raise InputError(f"{path}: the model has no coordinates; expected a section [COORDINATES].")
    twice = table["asset"].duplicated(keep=False)  # a node and a link may share a name
    table.loc[twice, "asset"] = table["asset"] + "." + table["kind"]
    return table, Text(
        f"EPANET 模型，{len(table)} 个对象，单位已换算为国际单位；{encoding.zh}",
        f"EPANET model, {len(table)} objects, units turned into SI; {encoding.en}",
    )


def _model(content: bytes) -> "wntr.network.WaterNetworkModel":
    """Give wntr the text as UTF-8, the one encoding it reads; EPANET itself writes the system's."""
    import wntr

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of curves and patterns, which are not read here
        file = Path(folder) / "model.inp"
        file.write_bytes(content)
        return wntr.network.WaterNetworkModel(str(file))


def _link(name: str, link: Any) -> dict:
    kind = str(getattr(link, "link_type", "Pipe")).lower()
    start, end = link.start_node, link.end_node
    inner = [tuple(xy) for xy in getattr(link, "vertices", [])]
    line = [tuple(start.coordinates), *inner, tuple(end.coordinates)]
    same = len(set(line)) < 2
    diameter = getattr(link, "diameter", None)
    length = getattr(link, "length", None)
    return {
        "asset": name,
        "lifeline": "water",
        "kind": kind,
        "from_node": link.start_node_name,
        "to_node": link.end_node_name,
        "length_m": length,
        "diameter_mm": None if not diameter else diameter * 1000.0,
        "geometry": Point(line[0]) if same or kind != "pipe" else LineString(line),
    }


def _node(name: str, node: Any) -> dict:
    return {
        "asset": name,
        "lifeline": "water",
        "kind": _NODES[node.node_type],
        "from_node": name,
        "geometry": Point(node.coordinates),
    }
