"""Drainage networks from SWMM input files, as assets: a reader of their sections, no engine."""

from pathlib import Path

import geopandas as gpd
import pandas as pd
from shapely import LineString, Point

from lifeline_kit.errors import InputError
from lifeline_kit.io.archives import decode
from lifeline_kit.text import Text

_US = {"CFS", "GPM", "MGD"}
_FOOT = 0.3048
_NODES = {
    "JUNCTIONS": "manhole",
    "OUTFALLS": "outfall",
    "STORAGE": "storage",
    "DIVIDERS": "manhole",
}
_LINKS = {
    "CONDUITS": "pipe",
    "PUMPS": "pump",
    "ORIFICES": "orifice",
    "WEIRS": "weir",
    "OUTLETS": "outlet",
}


def sections(path: Path) -> dict[str, list[list[str]]]:
    """Read the sections of an `.inp` file: name in capitals to rows of words.

    Raises
    ------
    InputError
        No text, or no section in it.
    """
    content, _ = decode(path.read_bytes(), str(path))
    found: dict[str, list[list[str]]] = {}
    rows: list[list[str]] = []
    for line in content.decode("utf-8").splitlines():
        text = line.split(";")[0].strip()
        if text.startswith("["):
            rows = found.setdefault(text.strip("[]").upper(), [])
        elif text:
            rows.append(text.split())
    if not found:
        raise InputError(
            f"{path}: no section such as [JUNCTIONS]; expected an EPANET or SWMM file."
        )
    return found


def is_swmm(found: dict[str, list[list[str]]]) -> bool:
    """Whether the sections are those of SWMM rather than EPANET."""
    return any(name in found for name in ("CONDUITS", "SUBCATCHMENTS", "OUTFALLS", "XSECTIONS"))


def read_swmm(path: Path) -> tuple[gpd.GeoDataFrame, Text]:
    """Read manholes, outfalls, storages, conduits, pumps, weirs and orifices of a SWMM model.

    Returns
    -------
    GeoDataFrame
        Columns as of `io.epanet.read_epanet`; `depth_m` of nodes; without CRS, SWMM names none.
    Text

    Raises
    ------
    InputError
        A line that is too short, a link to a node that is not there, no coordinates.
    """
    found = sections(path)
    options = {row[0].upper(): row[1] for row in found.get("OPTIONS", []) if len(row) > 1}
    units = options.get("FLOW_UNITS", "CFS").upper()
    metre = _FOOT if units in _US else 1.0
    places = {row[0]: _xy(row, path) for row in found.get("COORDINATES", [])}
    if not places:
        raise InputError(f"{path}: the model has no coordinates; expected a section [COORDINATES].")
    bends: dict[str, list[tuple[float, float]]] = {}
    for row in found.get("VERTICES", []):
        bends.setdefault(row[0], []).append(_xy(row, path))
    heights = {
        row[0]: (row[1], _number(row, 2, path))
        for row in found.get("XSECTIONS", [])
        if len(row) > 2
    }
    rows = [
        _node(row, section, places, metre, path)
        for section in _NODES
        for row in found.get(section, [])
    ]
    rows += [
        _link(row, section, (places, bends, heights), metre, path)
        for section in _LINKS
        for row in found.get(section, [])
    ]
    if not rows:
        raise InputError(f"{path}: a SWMM model without nodes and links; expected a network.")
    table = gpd.GeoDataFrame(pd.DataFrame(rows), geometry="geometry")
    twice = table["asset"].duplicated(keep=False)
    table.loc[twice, "asset"] = table["asset"] + "." + table["kind"]
    zh = "英制单位已换算" if metre != 1.0 else "公制单位"
    en = "US units turned into SI" if metre != 1.0 else "SI units"
    return table, Text(
        f"SWMM 模型，{len(table)} 个对象，FLOW_UNITS {units}（{zh}）",
        f"SWMM model, {len(table)} objects, FLOW_UNITS {units} ({en})",
    )


def _number(row: list[str], at: int, path: Path) -> float:
    try:
        return float(row[at])
    except (IndexError, ValueError):
        raise InputError(
            f"{path}: expected a number as word {at + 1} of {' '.join(row)[:60]!r}; mend the line."
        ) from None


def _xy(row: list[str], path: Path) -> tuple[float, float]:
    return _number(row, 1, path), _number(row, 2, path)


def _node(
    row: list[str],
    section: str,
    places: dict[str, tuple[float, float]],
    metre: float,
    path: Path,
) -> dict:
    if row[0] not in places:
        raise InputError(f"{path}: node {row[0]!r} of [{section}] has no coordinates; add them.")
    deep = section in ("JUNCTIONS", "STORAGE", "DIVIDERS") and len(row) > 2
    depth = _number(row, 2, path) * metre if deep and section != "DIVIDERS" else None
    return {
        "asset": row[0],
        "lifeline": "drainage",
        "kind": _NODES[section],
        "from_node": row[0],
        "depth_m": depth,
        "geometry": Point(places[row[0]]),
    }


def _link(
    row: list[str],
    section: str,
    model: tuple[dict, dict, dict],
    metre: float,
    path: Path,
) -> dict:
    places, bends, heights = model
    if len(row) < 3 or row[1] not in places or row[2] not in places:
        raise InputError(
            f"{path}: link {row[0]!r} of [{section}] does not join two nodes with coordinates "
            f"({' '.join(row[1:3])}); mend it."
        )
    line = [places[row[1]], *bends.get(row[0], []), places[row[2]]]
    shape, height = heights.get(row[0], ("", None))
    round_ = shape.upper() in ("CIRCULAR", "FORCE_MAIN") and height is not None
    conduit = section == "CONDUITS" and len(set(line)) > 1
    return {
        "asset": row[0],
        "lifeline": "drainage",
        "kind": _LINKS[section],
        "from_node": row[1],
        "to_node": row[2],
        "length_m": _number(row, 3, path) * metre if section == "CONDUITS" else None,
        "diameter_mm": height * metre * 1000.0 if round_ else None,
        "geometry": LineString(line) if conduit else Point(line[0]),
    }
