"""Quality control, roll-ups and examination on more than one machine (dask.distributed).

The functions are those of one machine; only the loop over sensor blocks or districts is given to
a cluster. A worker reads the sealed months through fsspec from the URL it is told (a shared
folder, an object store); the hot readings of its share, few, come with the task. Without a client
the same loop runs here, which is what the results are held against.

What crosses a district border:

* flags never do: every test of `quality.flag_city` looks at one sensor. What compares sensors
  with their neighbours along the pipes (`quality.doubts`) belongs to the examination, which
  compares within the district;
* coupling does: each district is examined alone, then `coupling.couple` runs once more over the
  findings of all on the whole city, so that an effect beyond the border is found;
* the usual value that sensors of a quantity share (rules `residual`) is taken within the
  district, not over the city: findings by such rules are those of a district examined alone.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr

from lifeline_kit.coupling import couple
from lifeline_kit.errors import ServiceError
from lifeline_kit.io.live import LiveStore
from lifeline_kit.io.live.hot import overlaid
from lifeline_kit.io.live.rollups import SPANS, rolled_up
from lifeline_kit.io.live.rows import FOREVER, Rows, in_order, joined
from lifeline_kit.io.live.sealed import Segment, read_segments
from lifeline_kit.io.live.trees import tree
from lifeline_kit.lifelines import ALL
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.model.readings import flatten, nodes, stamp
from lifeline_kit.model.tables import join_findings
from lifeline_kit.quality import flag_city

if TYPE_CHECKING:
    from distributed import Client

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")
_CONNECT_S = 5


class Share(NamedTuple):
    """What a worker needs to read one block of sensors."""

    place: str | Path  # of the sealed months: a URL for fsspec, or a local folder
    manifest: tuple[Segment, ...]
    sensors: pd.DataFrame  # index `sensor`: code, quantity, clock
    hot: Rows
    verdicts: Rows
    end: int  # nothing at or after it [ms]


@dataclass(frozen=True, slots=True, kw_only=True)
class Districts:
    """An examination by district.

    Attributes
    ----------
    parts : dict of district to Examination
    findings : DataFrame
        Those of all districts, with the coupling taken over the whole city.
    """

    parts: dict[str, Examination]
    findings: pd.DataFrame


def connect(address: str) -> "Client":
    """Connect to a scheduler, `tcp://host:port`.

    Raises
    ------
    ServiceError
        Where none answers.
    """
    from distributed import Client

    try:
        return Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise ServiceError(
            f"no scheduler answers at {address!r} ({error}); expected the address that "
            "'dask scheduler' printed, such as tcp://10.0.0.5:8786."
        ) from error


def flags(
    folder: str | Path,
    *,
    at: np.datetime64,
    client: "Client | None" = None,
    url: str | None = None,
    block: int = 100,
) -> pd.DataFrame:
    """Flag all readings of a live city, a block of sensors at a time.

    Parameters
    ----------
    folder : path
        City folder with a live store.
    at : datetime64
        Later readings are left out.
    client : distributed.Client, optional
        By default the blocks run here, one after another.
    url : str, optional
        Where the workers find the live folder (fsspec); by default the folder itself.
    block : int
        Sensors in a task.

    Returns
    -------
    DataFrame
        sensor, time, flag, tests, in the order of sensor and time.
    """
    city = City.open(folder, readings=False)
    ids = sorted(set(_registered(folder)) & set(city.sensors.index))
    groups = [ids[start : start + block] for start in range(0, len(ids), block)]
    tasks = [
        (share, _without_readings(city, share.sensors.index), at)
        for share in _shares(Path(folder), groups, at, url)
    ]
    parts = _mapped(client, _flag_block, tasks)
    table = pd.concat(parts or [_flag_table([], [], [], [])], ignore_index=True)
    return table.sort_values(["sensor", "time"], ignore_index=True)


def rollups(
    folder: str | Path,
    span: str,
    *,
    client: "Client | None" = None,
    url: str | None = None,
    block: int = 100,
) -> pd.DataFrame:
    """Roll all readings up from the raw values: sensor, start, mean, min, max, n, n_good."""
    ids = sorted(_registered(folder))
    groups = [ids[start : start + block] for start in range(0, len(ids), block)]
    shares = _shares(Path(folder), groups, None, url)
    parts = _mapped(client, _roll_block, [(share, span) for share in shares])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def examine(
    folder: str | Path,
    *,
    at: np.datetime64,
    client: "Client | None" = None,
    url: str | None = None,
) -> Districts:
    """Examine a live city district by district.

    Parameters
    ----------
    folder, at, client, url
        As for `flags`. Districts without a sensor that reads are left out.

    Raises
    ------
    CityError, StoreError, ServiceError
    """
    city = City.open(folder, readings=False)
    registered = set(_registered(folder))
    parts = {name: district_of(city, name) for name in districts(city)}
    groups = {
        name: [sensor for sensor in part.sensors.index if sensor in registered]
        for name, part in parts.items()
    }
    names = [name for name, group in groups.items() if group]
    shares = _shares(Path(folder), [groups[name] for name in names], at, url)
    tasks = [(share, parts[name], stamp(at)) for name, share in zip(names, shares, strict=True)]
    found = zip(names, _mapped(client, _examine_district, tasks), strict=True)
    examined = {name: examination for name, examination in found if examination is not None}
    return Districts(parts=examined, findings=_across(city, list(examined.values())))


def _across(city: City, examined: list[Examination]) -> pd.DataFrame:
    """Findings of all districts, with the effects on one another found anew."""
    own = [part.findings[part.findings["method"] != "coupling"] for part in examined]
    if not own:
        return couple(city, join_findings([]))
    found = join_findings(own)
    return join_findings([found, couple(city, found)])


def districts(city: City) -> list[str]:
    """Districts of a city, and `""` for the assets that lie in none."""
    if not len(city.areas):
        return [""]
    named = [str(name) for name in city.areas.index[city.areas["level"] == "district"]]
    return sorted({*named, *_membership(city), ""}, key=lambda name: (name == "", name))


def district_of(city: City, district: str) -> City:
    """The part of a city in one district, without readings; every asset is in one part only."""
    member = _membership(city)
    assets = city.assets[member.to_numpy() == district]
    sensors = city.sensors[city.sensors["asset"].isin(assets.index)]
    areas = city.areas[city.areas.index == district] if len(city.areas) else city.areas
    return city.with_(assets=assets, sensors=sensors, areas=areas, readings=xr.DataTree())


def _membership(city: City) -> pd.Series:
    """District of each asset: its own column where it has one, otherwise its place."""
    if "district" in city.assets:
        return city.assets["district"].fillna("").astype(str)
    member = pd.Series("", index=city.assets.index, dtype=object)
    if not len(city.areas):
        return member
    zones = city.areas[city.areas["level"] == "district"]
    placed = city.assets[~city.assets.geometry.isna()]
    points = gpd.GeoDataFrame(
        {"asset": placed.index},
        geometry=placed.geometry.representative_point().to_numpy(),
        crs=city.assets.crs,
    )
    inside = points.sjoin(
        zones[["geometry"]].rename_axis("zone").reset_index(), predicate="intersects"
    )
    inside = inside.sort_values("zone").drop_duplicates("asset")  # on a border: one side
    member[inside["asset"].to_numpy()] = inside["zone"].to_numpy()
    return member


def _without_readings(city: City, sensors: Iterable[str]) -> City:
    mine = city.sensors.loc[list(sensors)]
    assets = city.assets.loc[city.assets.index.isin(mine["asset"])]
    return city.with_(sensors=mine, assets=assets, readings=xr.DataTree())


def _registered(folder: str | Path) -> list[str]:
    with LiveStore.open(folder) as store:
        return store.sensors().index.tolist()


def _shares(
    folder: Path, groups: list[list[str]], at: np.datetime64 | None, url: str | None
) -> Iterator[Share]:
    """Describe each block; all blocks show the store at one moment."""
    end = FOREVER if at is None else int(at.astype("datetime64[ms]").astype(np.int64)) + 1
    with LiveStore.open(folder) as store:
        described = store.described(groups, end)
        place = store.folder.resolve() if url is None else url
    for manifest, table, hot, verdicts in described:
        yield Share(place, tuple(manifest), table, hot, verdicts, end)


def _rows(share: Share) -> Rows:
    codes = share.sensors["code"].to_numpy()
    sealed = read_segments(share.place, share.manifest, codes, -FOREVER, share.end)
    return in_order(joined([overlaid(in_order(sealed), share.verdicts), share.hot]))


def _mapped(
    client: "Client | None", function: Callable[[Any], _Result], tasks: list[_Task]
) -> list[_Result]:
    if client is None:
        return [function(task) for task in tasks]
    with warnings.catch_warnings():  # a block carries its hot rows: a lost worker loses nothing
        warnings.filterwarnings("ignore", message="Sending large graph")
        futures = client.map(function, tasks, pure=False)
    return client.gather(futures)


def _flag_block(task: tuple[Share, City, np.datetime64]) -> pd.DataFrame:
    share, city, at = task
    flagged = flag_city(city.with_(readings=tree(_rows(share), share.sensors)), ALL, at)
    columns: tuple[list, list, list, list] = ([], [], [], [])
    for _, node in nodes(flagged.readings):
        flat = flatten(node)
        columns[0].append(np.repeat(flat.sensors, np.diff(flat.starts)))
        columns[1].append(flat.time)
        for column, name in ((columns[2], "flag"), (columns[3], "tests")):
            column.append(node[name].to_numpy().reshape(-1)[flat.position])
    return _flag_table(*columns)


def _flag_table(sensor: list, time: list, flag: list, tests: list) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sensor": np.concatenate([np.zeros(0, dtype=object), *sensor]),
            "time": np.concatenate([np.zeros(0, dtype="datetime64[ms]"), *time]),
            "flag": np.concatenate([np.zeros(0, dtype=np.uint8), *flag]),
            "tests": np.concatenate([np.zeros(0, dtype=np.uint16), *tests]),
        }
    )


def _roll_block(task: tuple[Share, str]) -> pd.DataFrame:
    share, span = task
    buckets = rolled_up(_rows(share), SPANS[span])
    names = dict(zip(share.sensors["code"], share.sensors.index, strict=True))
    table = pd.DataFrame(buckets._asdict())
    table["start"] = buckets.start.view("datetime64[ms]")
    return table.assign(sensor=[names[code] for code in buckets.sensor.tolist()])


def _examine_district(task: tuple[Share, City, pd.Timestamp]) -> Examination | None:
    from lifeline_kit.pipeline import examine as examine_city

    share, city, at = task
    rows = _rows(share)
    if not rows.size:
        return None
    return examine_city(city.with_(readings=tree(rows, share.sensors)), at)
