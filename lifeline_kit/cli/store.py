"""`lifeline store`: state, sealing, upkeep, proof and export of a live store."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from rich.table import Table

from lifeline_kit.cli.console import BAD_INPUT, OK, out
from lifeline_kit.cli.moments import moment, now
from lifeline_kit.errors import InputError

if TYPE_CHECKING:
    from lifeline_kit.io.live import LiveStore

_FORMATS = ("parquet", "csv", "netcdf", "zarr")


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command and its parts."""
    store = commands.add_parser("store", help="the live store of a city: state, sealing, export")
    parts = store.add_subparsers(required=True, metavar="PART")
    for name, function, words in (
        ("status", _status, "sensors, hot rows, sealed months, dirty ranges, quarantine"),
        ("seal", _seal, "move whole months into Parquet"),
        ("keep", _keep, "judge what is new or changed, then seal what is due"),
        ("verify", _verify, "compare every sealed month with its fingerprint"),
        ("export", _export, "write readings to a file for others"),
    ):
        part = parts.add_parser(name, help=words)
        part.add_argument("--city", type=Path, required=True, metavar="DIR", help="city folder")
        part.set_defaults(command=function)
    seal, keep, verify, export = (parts.choices[n] for n in ("seal", "keep", "verify", "export"))
    seal.add_argument("--before", metavar="TIME", help="months that end by then, UTC (now)")
    keep.add_argument("--at", metavar="TIME", help="as of this moment, UTC (now)")
    keep.add_argument("--hot-days", type=float, default=35.0, help="keep so many days in SQLite")
    keep.add_argument("--examine", action="store_true", help="examine the city afterwards")
    keep.add_argument("--since", metavar="TIME", help="examine readings from then on, UTC (all)")
    keep.add_argument("--scheduler", metavar="tcp://HOST:PORT", help="flag on a dask cluster")
    keep.add_argument("--url", help="where its workers find the live folder (fsspec)")
    verify.add_argument("--aside", action="store_true", help="put damaged months aside")
    export.add_argument("--out", type=Path, required=True, help="file, or folder for zarr")
    export.add_argument("--format", choices=_FORMATS, default="parquet")
    export.add_argument("--sensor", action="append", metavar="ID", help="again for several (all)")
    export.add_argument("--start", metavar="TIME", help="UTC")
    export.add_argument("--end", metavar="TIME", help="UTC; not included")


def _opened(options: argparse.Namespace, *, writable: bool = False) -> "LiveStore":
    from lifeline_kit.io.live import LiveStore

    return LiveStore.open(options.city, writable=writable)


def _status(options: argparse.Namespace) -> int:
    with _opened(options) as store:
        counts, months, waiting = store.counts(), store.segments(), store.quarantine()
        number = store.version()
    table = Table("what", "count", title=f"{options.city} · change {number}")
    for name, count in counts.items():
        table.add_row(name.replace("_", " "), f"{count:,}")
    for reason, count in waiting["reason"].value_counts().items():
        table.add_row(f"quarantine: {reason}", f"{count:,}")
    for reason, count in _rejected(options.city / "live").items():
        table.add_row(f"rejected messages: {reason}", f"{count:,}")
    if counts["sealed_rows"]:
        share = counts["sealed_bytes"] / counts["sealed_rows"]
        table.add_row("bytes per sealed reading", f"{share:.2f}")
    out.print(table)
    if len(months):
        listed = Table("month", "rows", "MB", "file", title="sealed months")
        for month, row in months.iterrows():
            listed.add_row(str(month), f"{row['rows']:,}", f"{row['bytes'] / 1e6:.1f}", row["file"])
        out.print(listed)
    return OK


def _rejected(live: Path) -> pd.Series:
    """Messages that a collector could not read, by reason: none of them is a row of the store."""
    from lifeline_kit.services.devices import FILE, DeviceLog

    if not (live / FILE).exists():
        return pd.Series(dtype=int)
    with DeviceLog(live) as log:
        return log.rejects().groupby("reason")["n"].sum()


def _seal(options: argparse.Namespace) -> int:
    before = moment(options.before, "--before")
    with _opened(options, writable=True) as store:
        written = store.seal(now() if before is None else before)
    _list(written)
    return OK


def _list(files: list[Path]) -> None:
    for file in files:
        out.print(str(file), soft_wrap=True, highlight=False)
    if not files:
        out.print("nothing to seal", highlight=False)


def _keep(options: argparse.Namespace) -> int:
    from lifeline_kit.services.keep import keep

    at = moment(options.at, "--at")
    at = now() if at is None else at
    if options.scheduler:
        _flag_on_cluster(options, at)
    kept = keep(
        options.city,
        at=at,
        hot_days=options.hot_days,
        examine=options.examine,
        since=moment(options.since, "--since"),
    )
    out.print(
        f"{kept.ranges} ranges judged, {kept.flags} flags changed, {kept.settled} settled",
        highlight=False,
    )
    if kept.strangers:
        out.print(
            f"{len(kept.strangers)} sensors are not in the city and stay unjudged, "
            f"such as {kept.strangers[0]}",
            highlight=False,
            markup=False,
        )
    _list(list(kept.sealed))
    return OK


def _flag_on_cluster(options: argparse.Namespace, at: np.datetime64) -> None:
    from lifeline_kit.services.cluster import connect, flags

    with connect(options.scheduler) as client:
        table = flags(options.city, at=at, client=client, url=options.url)
    with _opened(options, writable=True) as store:
        count = store.write_flags(*(table[name].to_numpy() for name in table.columns))
    out.print(f"{len(table)} readings judged on the cluster, {count} flags changed")


def _verify(options: argparse.Namespace) -> int:
    with _opened(options, writable=options.aside) as store:
        table = store.verify(aside=options.aside)
    bad = table[table["state"] != "good"]
    out.print(f"{len(table) - len(bad)} of {len(table)} sealed months are good", highlight=False)
    for month, row in bad.iterrows():
        out.print(f"{month}: {row['state']}: {row['file']}", highlight=False, markup=False)
    if len(bad) and options.aside:
        place = options.city / "live" / "damaged"
        out.print(f"taken out of the store; what is left lies in {place}", highlight=False)
    return BAD_INPUT if len(bad) else OK


def _export(options: argparse.Namespace) -> int:
    start, end = moment(options.start, "--start"), moment(options.end, "--end")
    with _opened(options) as store:
        if options.format in {"netcdf", "zarr"}:
            from lifeline_kit.io import cf
            from lifeline_kit.model.city import City

            write = cf.write_netcdf if options.format == "netcdf" else cf.write_zarr
            readings = store.readings(start, end, sensors=options.sensor, flags=True)
            city = City.open(options.city, readings=False)  # gives places, assets and names
            write(city.with_(readings=readings), options.out)
        else:
            frame = store.frame(options.sensor, start, end)
            try:
                if options.format == "csv":
                    stamps = np.datetime_as_string(frame["time"].to_numpy(), timezone="UTC")
                    frame.assign(time=stamps).to_csv(options.out, index=False)
                else:
                    frame.to_parquet(options.out, index=False, compression="zstd")
            except OSError as error:
                raise InputError(f"cannot write {options.out}: {error.strerror}.") from error
    out.print(str(options.out), soft_wrap=True, highlight=False)
    return OK
