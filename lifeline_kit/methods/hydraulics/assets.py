"""A network out of a table of assets: pipes with valves on them, fed by stations.

What cannot take part is left out and said, so that one bad row does not take a city's network
away: pipes without a diameter, valves on absent pipes, parts that no source feeds.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lifeline_kit.errors import NetworkError
from lifeline_kit.methods.hydraulics.network import (
    PIPE,
    VALVE,
    Network,
    check_network,
    connected_to,
)
from lifeline_kit.methods.rules import SEVERITY
from lifeline_kit.text import Text

_COLUMNS = ("kind", "from_node", "to_node", "length_m", "diameter_mm")
_NO_SIZE, _NO_END, _NO_PIPE, _NO_SOURCE = "size", "end", "pipe", "source"
UNFED = "unfed"  # the whole network
_PIPE_OUT = "pipe_out"
REASONS = {
    _NO_SIZE: Text("管径或长度缺失或为零", "diameter or length is missing or zero"),
    _NO_END: Text("缺少起点或终点", "an end is missing"),
    _NO_PIPE: Text(
        "阀门两端既不是同一管道的两端，也不连接两段管道",
        "a valve whose ends are neither those of one pipe nor of two that it joins",
    ),
    _PIPE_OUT: Text("阀门所在管道未参与计算", "the pipe that the valve stands on was left out"),
    _NO_SOURCE: Text("所在管段没有气源或热源", "no source feeds the part it lies in"),
    UNFED: Text(
        "没有热源（kind 为 plant）或调压站（station）的 from_node 落在管道端点上，全网无法计算",
        "no plant (heating) or station (gas) has an end of a pipe as its from_node, so nothing of "
        "the network can be computed",
    ),
}
_DATA = Text(
    "管网数据有缺：部分设施未参与水力计算", "Network data incomplete: left out of hydraulics"
)
_COUNTED = Text("{n} 处：{why}（{ids}{more}）", "{n}: {why} ({ids}{more})")
_SHOWN = 5


@dataclass(frozen=True)
class AssetNetwork:
    """A network, and which asset is what in it.

    Attributes
    ----------
    network : Network
        Links carry the ids of their assets, nodes the names of the ends; a valve sits at the
        `from_node` end of its pipe, behind a node of its own.
    left_out : DataFrame, index `asset`
        `reason` (key of `REASONS`), `zh`, `en`: what took no part, and why.
    """

    network: Network
    left_out: pd.DataFrame

    def link(self, asset: str) -> int:
        """Position of the link of an asset.

        Raises
        ------
        NetworkError
            Where the asset is no link of the network.
        """
        here = np.flatnonzero(self.network.links == asset)
        if not here.size:
            raise NetworkError(
                f"{asset!r} is no pipe or valve of this network; expected one of its "
                f"{self.network.links.size} links, such as {self.network.links[0]!r}."
            )
        return int(here[0])

    def node(self, name: str) -> int:
        """Position of a node by its name, -1 where the network has none such."""
        here = np.flatnonzero(self.network.nodes == name)
        return int(here[0]) if here.size else -1


def network_of_assets(
    assets: pd.DataFrame,
    *,
    source_kinds: tuple[str, ...],
    source_pa: Mapping[str, float] | float,
    roughness_m: float,
) -> AssetNetwork:
    """Build a network from the assets of one lifeline.

    Parameters
    ----------
    assets : DataFrame, index `asset`
        `kind` (`pipe`, `valve`, and those of `source_kinds`), `from_node`, `to_node`,
        `length_m`, `diameter_mm`.
    source_kinds : tuple of str
        Kinds that hold the pressure of their `from_node`.
    source_pa : mapping of asset to float, or float [Pa]
        Absolute.
    roughness_m : float [m]

    Raises
    ------
    NetworkError
        Where a column is missing, or nothing is left that a source feeds.
    """
    missing = [name for name in _COLUMNS if name not in assets]
    if missing:
        raise NetworkError(
            f"the assets have no column {missing[0]!r}; a network needs {', '.join(_COLUMNS)}; "
            "name it in the mapping file."
        )
    pipe = assets[assets["kind"] == "pipe"]
    reasons: list[tuple[str, str]] = []
    size = (pipe["diameter_mm"].astype(float) > 0) & (pipe["length_m"].astype(float) > 0)
    reasons += [(asset, _NO_SIZE) for asset in pipe.index[~size]]
    ends = pipe["from_node"].fillna("").ne("") & pipe["to_node"].fillna("").ne("")
    reasons += [(asset, _NO_END) for asset in pipe.index[size & ~ends]]
    pipe = pipe[size & ends]
    source = assets[assets["kind"].isin(source_kinds)]
    valve = assets[assets["kind"] == "valve"]
    on = _pipe_of_valve(pipe, valve)
    before = _pipe_of_valve(assets[assets["kind"] == "pipe"], valve) >= 0
    joins = (on < 0) & ~before & _joins(pipe, valve)
    reasons += [(asset, _PIPE_OUT) for asset in valve.index[(on < 0) & before]]
    reasons += [(asset, _NO_PIPE) for asset in valve.index[(on < 0) & ~before & ~joins]]
    valve, on = valve[(on >= 0) | joins], on[(on >= 0) | joins]
    if not source["from_node"].isin(pd.concat([pipe["from_node"], pipe["to_node"]])).any():
        raise NetworkError(
            f"none of the {len(pipe)} pipes is joined to a source; expected assets of kind "
            f"{' or '.join(source_kinds)} whose from_node is an end of a pipe."
        )
    whole = _assembled(pipe, valve, on, source, source_pa, roughness_m)
    fed = connected_to(whole, whole.sources)
    reasons += [(asset, _NO_SOURCE) for asset in whole.links[~fed[whole.head]]]
    kept = _restricted(whole, fed)
    rows = {asset: (why, REASONS[why].zh, REASONS[why].en) for asset, why in reasons}
    left_out = pd.DataFrame.from_dict(rows, orient="index", columns=["reason", "zh", "en"])
    left_out.index.name = "asset"
    return AssetNetwork(check_network(kept), left_out)


def left_out_rows(
    left_out: pd.DataFrame, *, lifeline: str, at: pd.Timestamp, origin: pd.Series
) -> list[dict]:
    """Say what a network had to leave out: rows of findings, one for each reason.

    Parameters
    ----------
    left_out : DataFrame, index `asset`
        Of an `AssetNetwork`.
    lifeline : str
        Its key; the rule is `<lifeline>.data`.
    at : Timestamp
    origin : Series, index `asset`
        `real_or_simulated` of the assets.

    Returns
    -------
    list of dict
        Of `model.tables.FINDING_COLUMNS`: level 0, as nobody need go anywhere; the asset is the
        first one, the value is how many there are.
    """
    rows = []
    for reason, group in left_out.groupby("reason", sort=True):
        ids = [str(asset) for asset in group.index[:_SHOWN]]
        said = {"n": len(group), "more": " …" if len(group) > _SHOWN else ""}
        why = REASONS[str(reason)]
        rows.append(
            {
                "finding": f"{lifeline}.data:{reason}",
                "lifeline": lifeline,
                "asset": ids[0],
                "method": "network",
                "rule": f"{lifeline}.data",
                "title_zh": _DATA.zh,
                "title_en": _DATA.en,
                "value": float(len(group)),
                "severity": SEVERITY[0],
                "level": 0,
                "unit": "1",
                "evidence_zh": _COUNTED.zh.format(why=why.zh, ids="、".join(ids), **said),
                "evidence_en": _COUNTED.en.format(why=why.en, ids=", ".join(ids), **said),
                "source": "check of the asset table",
                "source_zh": "资产表检查",
                "since": at,
                "real_or_simulated": str(origin[ids[0]]),
            }
        )
    return rows


def _pipe_of_valve(pipe: pd.DataFrame, valve: pd.DataFrame) -> np.ndarray:
    """Row of the pipe on which each valve stands, -1 for none."""
    row = {}
    for k, (a, b) in enumerate(zip(pipe["from_node"], pipe["to_node"], strict=True)):
        row.setdefault((a, b), k)
        row.setdefault((b, a), k)
    pairs = zip(valve["from_node"], valve["to_node"], strict=True)
    return np.array([row.get(pair, -1) for pair in pairs], dtype=np.int64)


def _joins(pipe: pd.DataFrame, valve: pd.DataFrame) -> np.ndarray:
    """Whether a valve is a link of its own between the ends of two pipes."""
    ends = pd.Index(pd.concat([pipe["from_node"], pipe["to_node"]]).unique())
    apart = (valve["from_node"] != valve["to_node"]).to_numpy(bool)
    return valve["from_node"].isin(ends).to_numpy() & valve["to_node"].isin(ends).to_numpy() & apart


def _assembled(
    pipe: pd.DataFrame,
    valve: pd.DataFrame,
    on: np.ndarray,
    source: pd.DataFrame,
    source_pa: Mapping[str, float] | float,
    roughness_m: float,
) -> Network:
    names = pd.unique(pd.concat([pipe["from_node"], pipe["to_node"]]))
    place = {name: k for k, name in enumerate(names)}
    head = pipe["from_node"].map(place).to_numpy(np.int64, copy=True)
    tail = pipe["to_node"].map(place).to_numpy(np.int64, copy=True)
    begins = head.copy()
    n, count = len(names), len(valve)
    beside = valve["from_node"].map(place).to_numpy()
    outer, inner = np.zeros(count, dtype=np.int64), n + np.arange(count)
    for k in range(count):  # the pipe now ends behind the valve
        if on[k] < 0:  # a link of its own
            outer[k], inner[k] = place[valve["from_node"].iloc[k]], place[valve["to_node"].iloc[k]]
            continue
        end = head if begins[on[k]] == beside[k] else tail
        outer[k] = end[on[k]]
        end[on[k]] = inner[k]
    bore = pipe["diameter_mm"].to_numpy(float) / 1000.0
    links = len(pipe) + count
    fed = source[source["from_node"].isin(place)].drop_duplicates("from_node")
    pascal = (
        fed.index.map(source_pa).to_numpy(float)
        if isinstance(source_pa, Mapping)
        else np.full(len(fed), float(source_pa))
    )
    return Network(
        nodes=np.r_[names.astype(object), valve.index.to_numpy(object)],
        height_m=np.zeros(n + count),
        links=np.r_[pipe.index.to_numpy(object), valve.index.to_numpy(object)],
        head=np.r_[head, outer],
        tail=np.r_[tail, inner],
        kind=np.r_[np.full(len(pipe), PIPE), np.full(count, VALVE)].astype(np.int8),
        length_m=np.r_[pipe["length_m"].to_numpy(float), np.zeros(count)],
        diameter_m=np.r_[bore, np.where(on >= 0, bore[np.maximum(on, 0)], np.median(bore))],
        roughness_m=np.full(links, roughness_m),
        loss=np.zeros(links),
        open=np.ones(links, dtype=bool),
        setting=np.full(links, np.nan),
        curve=np.zeros((links, 3)),
        sources=fed["from_node"].map(place).to_numpy(np.int64),
        source_pa=pascal,
    )


def _restricted(network: Network, nodes: np.ndarray) -> Network:
    """Keep some nodes and the links between them."""
    number = np.cumsum(nodes) - 1
    link = nodes[network.head] & nodes[network.tail]
    per_link = ("links", "kind", "length_m", "diameter_m", "roughness_m", "loss", "open")
    kept = {name: getattr(network, name)[link] for name in (*per_link, "setting", "curve")}
    return network.with_(
        nodes=network.nodes[nodes],
        height_m=network.height_m[nodes],
        head=number[network.head[link]],
        tail=number[network.tail[link]],
        sources=number[network.sources],
        **kept,
    )
