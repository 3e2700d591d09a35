"""Long tables put together: sensors over all files, their assets, rows and nodes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr

from lifeline_kit.errors import MappingError
from lifeline_kit.io.headers import is_quantity
from lifeline_kit.io.long import LongTable
from lifeline_kit.io.mapping import Channel, FileMapping
from lifeline_kit.io.report import FileReport, rejects_table
from lifeline_kit.io.tally import ACCEPTED, CODES, winners
from lifeline_kit.model.readings import dense_node, ragged_node
from lifeline_kit.vocabulary import quantity as quantity_of

_INTERVAL_S = 3600.0  # of sensors that reported once and whose fellows tell nothing either
_JOINTS = ".:/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The sensors of all long files; attributes as of `LongTable`, `stem` names the clock."""

    stem: str = ""
    sensors: list[str] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    channels: list[Channel] = field(default_factory=list)
    starts: np.ndarray = field(default_factory=lambda: np.zeros(1, dtype=np.int64))
    time: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype="datetime64[ms]"))
    value: np.ndarray = field(default_factory=lambda: np.zeros(0))


class Finder:
    """Which asset a sensor sits on: the mapping file says it, or the names do."""

    def __init__(self, assets: Sequence[str] | pd.Index, said: FileMapping) -> None:
        self.assets = set(assets)
        self.first = [str(each) for each in assets[:3]]
        self.said = said

    def guess(self, names: Iterable[str]) -> str | None:
        """Return the asset that a name is, or begins with before its quantity.

        After a dot, colon or slash anything may follow; after a space, a dash, an underscore or
        nothing only the quantity, since "P1-2 pressure" need not be one of P1.
        """
        for name in names:
            if name in self.assets:
                return name
        for name in names:
            for at in sorted((name.rfind(joint) for joint in _JOINTS), reverse=True):
                if at > 0 and name[:at] in self.assets:
                    return name[:at]
        for name in names:
            for at in range(len(name) - 1, 0, -1):
                if name[:at] in self.assets and is_quantity(name[at:].lstrip(" _-")):
                    return name[:at]
        return None

    def knows(self, device: str) -> bool:
        """Whether an asset is found for the readings of a device."""
        entry = self.said.column(device)
        told = (entry is not None and entry.asset) or self.said.asset
        return bool(told) or len(self.assets) == 1 or self.guess([device]) is not None

    def asset(self, channel: Channel, guesses: Sequence[str], where: str, name: str) -> str:
        """Return the asset of a channel.

        Raises
        ------
        MappingError
            Where none is found, or the one of the mapping file does not exist.
        """
        asset = channel.entry.asset or self.said.asset or self.guess(guesses)
        if asset is None and len(self.assets) == 1:
            return str(self.first[0])
        if asset is None:
            raise MappingError(
                f"{where} belongs to no asset; expected {name} to be one of {len(self.assets)} "
                f"asset ids ({', '.join(map(str, self.first))} …), or in the mapping file "
                f'asset = …, or [columns."{channel.name}"] asset = …'
            )
        if asset not in self.assets:
            raise MappingError(
                f"{where} is mapped to asset {asset!r}, which no asset file holds "
                f"({', '.join(map(str, self.first))} …); mend asset = …"
            )
        return str(asset)


def merge(tables: list[LongTable], reports: list[FileReport]) -> tuple[Merged, list[FileReport]]:
    """Put long tables under one another; of one sensor and time the later file wins.

    Parameters
    ----------
    tables : list of LongTable
    reports : list of FileReport
        Of all files; those of `tables` are corrected for what a later file repeats or revises.

    Raises
    ------
    MappingError
        Where a sensor measures one thing in one file and another in the next.
    """
    if not tables:
        return Merged(), reports
    if len(tables) == 1:
        return _single(tables[0]), reports
    facts: dict[str, tuple[str, Channel]] = {}
    for table in tables:
        for sensor, device, channel in zip(
            table.sensors, table.devices, table.channels, strict=True
        ):
            known = facts.setdefault(sensor, (device, channel))
            if known[1].quantity != channel.quantity:
                raise MappingError(
                    f"{table.where}: sensor {sensor!r} measures {channel.quantity}, in an earlier "
                    f"file {known[1].quantity}; expected one quantity for each sensor. Rename it "
                    "or read the files apart."
                )
    place = {sensor: i for i, sensor in enumerate(facts)}
    file = np.repeat(np.arange(len(tables)), [table.time.size for table in tables])
    own = np.concatenate([_owners(table, place) for table in tables])
    time = np.concatenate([table.time for table in tables])
    value = np.concatenate([table.value for table in tables])
    line = np.concatenate([table.line for table in tables])
    order = np.lexsort((file, time, own))
    own, time, value, file, line = (x[order] for x in (own, time, value, file, line))
    fresh = np.append(True, (own[1:] != own[:-1]) | (time[1:] != time[:-1]))[: own.size]
    fate = np.full(own.size, ACCEPTED, dtype=np.int8)
    kept = winners(np.cumsum(fresh), value, fate)
    names = np.array(list(facts), dtype=object)
    corrected = list(reports)
    for i, table in enumerate(tables):
        at = next(k for k, report in enumerate(corrected) if report.rejects is table.report.rejects)
        mine = file == i
        lost = (fate[mine], line[mine], names[own[mine]], time[mine], value[mine])
        corrected[at] = _corrected(corrected[at], *lost)
    sizes = np.bincount(own[kept], minlength=len(facts))
    whole = Merged(
        stem=tables[0].stem,
        sensors=list(facts),
        devices=[device for device, _ in facts.values()],
        channels=[channel for _, channel in facts.values()],
        starts=np.concatenate([[0], np.cumsum(sizes)]),
        time=time[kept],
        value=value[kept],
    )
    return whole, corrected


def _single(table: LongTable) -> Merged:
    return Merged(
        stem=table.stem,
        sensors=table.sensors,
        devices=table.devices,
        channels=table.channels,
        starts=table.starts,
        time=table.time,
        value=table.value,
    )


def _owners(table: LongTable, place: dict[str, int]) -> np.ndarray:
    codes = np.array([place[sensor] for sensor in table.sensors], dtype=np.int64)
    return np.repeat(codes, np.diff(table.starts))


def _corrected(
    report: FileReport,
    fate: np.ndarray,
    line: np.ndarray,
    sensor: np.ndarray,
    time: np.ndarray,
    value: np.ndarray,
) -> FileReport:
    """Take from `accepted` what a later file repeated or revised."""
    counts = dict(report.counts)
    parts = [report.rejects] if len(report.rejects) else []
    for kind in ("duplicate", "revised"):
        here = np.flatnonzero(fate == CODES[kind])
        counts[kind] += here.size
        counts["accepted"] -= here.size
        if kind == "revised" and here.size:
            parts.append(
                rejects_table(
                    file=report.name,
                    reason=kind,
                    line=line[here],
                    raw=[""] * here.size,
                    sensor=sensor[here],
                    time=time[here],
                    value=value[here],
                )
            )
    rejects = pd.concat(parts, ignore_index=True) if parts else report.rejects
    return replace(report, counts=counts, rejects=rejects)


def long_sensors(merged: Merged, known: gpd.GeoDataFrame, finder: Finder) -> list[dict]:
    """Rows of the sensors table."""
    rows = []
    steps = [
        np.median(np.diff(merged.time[a:b]).astype(np.int64)) / 1000.0 if b - a > 1 else np.nan
        for a, b in zip(merged.starts[:-1], merged.starts[1:], strict=True)
    ]
    usual = float(np.nanmedian(steps)) if np.isfinite(steps).any() else _INTERVAL_S
    for sensor, device, channel, step in zip(
        merged.sensors, merged.devices, merged.channels, steps, strict=True
    ):
        where = f"sensor {sensor!r}"
        asset = finder.asset(channel, (device, sensor), where, "the name of the sensor")
        rows.append(
            sensor_row(
                sensor,
                channel,
                asset=asset,
                lifeline=known["lifeline"][asset],
                clock=f"{channel.quantity}/{merged.stem}",
                interval_s=float(step) if np.isfinite(step) and step > 0 else usual,
            )
        )
    return rows


def sensor_row(
    sensor: str, channel: Channel, *, asset: str, lifeline: str, clock: str, interval_s: float
) -> dict:
    """One row of the sensors table."""
    entry = quantity_of(channel.quantity)
    low, high = _canonical(channel.entry.span, channel)
    limit_low, limit_high = _canonical(channel.entry.limit, channel)
    return {
        "sensor": sensor,
        "asset": asset,
        "lifeline": lifeline,
        "quantity": channel.quantity,
        "unit": entry.unit,
        "clock": clock,
        "interval_s": interval_s,
        "statistic": channel.entry.statistic,
        "range_min": low,
        "range_max": high,
        "resolution": np.nan,
        "limit_low": limit_low,
        "limit_high": limit_high,
        "name_zh": f"{channel.name} {entry.title.zh}",
        "name_en": f"{channel.name} {entry.title.en.lower()}",
        "real_or_simulated": "real",
    }


def _canonical(pair: tuple[float, float] | None, channel: Channel) -> tuple[float, float]:
    low, high = pair or (np.nan, np.nan)
    return float(channel.to_canonical(low)), float(channel.to_canonical(high))


def long_nodes(merged: Merged) -> dict[str, xr.Dataset]:
    """Nodes of the readings: dense where all sensors of a quantity share their clock."""
    nodes: dict[str, xr.Dataset] = {}
    quantities = np.array([channel.quantity for channel in merged.channels], dtype=object)
    sizes = np.diff(merged.starts)
    for key in dict.fromkeys(quantities):
        which = np.flatnonzero((quantities == key) & (sizes > 0))
        if not which.size:
            continue
        spans = [slice(merged.starts[i], merged.starts[i + 1]) for i in which]
        time = np.concatenate([merged.time[span] for span in spans])
        value = np.concatenate([merged.value[span] for span in spans])
        names = np.array([merged.sensors[i] for i in which], dtype=object)
        path = f"{key}/{merged.stem}"
        n = sizes[which]
        shared = (n == n[0]).all() and (time.reshape(n.size, -1) == time[: n[0]]).all()
        if shared:
            nodes[path] = dense_node(key, names, time[: n[0]], value.reshape(n.size, -1))
        else:
            nodes[path] = ragged_node(key, names, n, time, value)
    return nodes
