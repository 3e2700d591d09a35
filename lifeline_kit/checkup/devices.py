"""Places where too many devices are silent: a matter of the devices, never a warning of the medium.

One silent sensor is a repair; a twentieth of a grid cell is a gateway or a power cut, and a red
risk that nobody watches any more has to be watched by people until it is mended.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import geopandas as gpd
import pandas as pd
import shapely

from lifeline_kit.checkup.coverage import reaches
from lifeline_kit.checkup.risk import RED
from lifeline_kit.errors import RulesError
from lifeline_kit.methods.rules import LEVEL_NAMES, SEVERITY
from lifeline_kit.model.city import City
from lifeline_kit.model.lifeline import LEVELS
from lifeline_kit.model.tables import FINDING_COLUMNS, table
from lifeline_kit.quality import cell_of
from lifeline_kit.text import Text

_GAPS = 3  # expected intervals without a reading, as in `quality.health`
_OF = ("devices", "red")
_SAID = {
    "devices": Text(
        "{area} 的 {all} 台设备中 {gone} 台离线（{share:.3g} %），超过 {level} 级限值 {limit:g} %",
        "{gone} of the {all} devices of {area} are offline ({share:.3g} %), more than the "
        "{limit:g} % of level {level}",
    ),
    "red": Text(
        "{area} 有设备监测的 {all} 处红色风险设施中，{gone} 处已无在线设备（{share:.3g} %），"
        "超过 {level} 级限值 {limit:g} %",
        "{gone} of the {all} watched assets at red risk in {area} have no device online "
        "({share:.3g} %), more than the {limit:g} % of level {level}",
    ),
}
_SILENT = Text("；离线最久：{names}", "; silent for longest: {names}")
_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceShare:
    """One limit on a share of an area.

    Attributes
    ----------
    of : str
        `devices` that are offline, or watched assets at `red` risk with no device left online.
    area : str
        Level of the areas.
    levels : mapping of level (1-4) to limit [%]
        To be exceeded.
    at_least : int
        Devices that are offline, or assets that are blind; fewer are no share.
    """

    key: str
    title: Text
    of: str
    area: str
    levels: Mapping[int, float]
    at_least: int
    source: str
    source_zh: str
    unit: str = "%"
    verified: bool = False


def read_shares(path: Path) -> tuple[DeviceShare, ...]:
    """Read limits on shares.

    Raises
    ------
    RulesError
        Names the entry where a key is missing or unknown, or levels are out of order.
    """
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    found = []
    for entry in data["shares"]:
        try:
            found.append(_share(dict(entry)))
        except (KeyError, TypeError, ValueError) as error:
            raise RulesError(
                f"{path.name}: [[shares]] {entry.get('key')}: {error!s} is missing or not of the "
                "expected form; compare with the other entries."
            ) from error
    return tuple(found)


@cache
def shares() -> tuple[DeviceShare, ...]:
    """Return the limits as shipped in `devices.toml`."""
    return read_shares(Path(__file__).with_name("devices.toml"))


def _share(entry: dict) -> DeviceShare:
    levels = {LEVELS[name]: float(limit) for name, limit in entry.pop("levels").items()}
    limits = [levels[level] for level in sorted(levels, reverse=True)]
    if not limits or limits != sorted(limits) or limits[0] <= 0 or limits[-1] >= 100:
        raise ValueError(f"levels {limits}: they grow from IV to I, within 0 and 100 %, that")
    one = DeviceShare(title=Text(entry.pop("zh"), entry.pop("en")), levels=levels, **entry)
    if one.of not in _OF:
        raise ValueError(f"of = {one.of!r} instead of {' or '.join(_OF)}")
    if one.at_least < 1 or one.unit != "%":
        raise ValueError(f"at_least = {one.at_least} of 1 or more, unit {one.unit!r} of '%',")
    return one


def device_findings(
    city: City,
    health: pd.DataFrame,
    risk: pd.DataFrame,
    *,
    at: pd.Timestamp,
    since: pd.Timestamp,
    limits: tuple[DeviceShare, ...] | None = None,
) -> pd.DataFrame:
    """Find areas where too many devices are silent at the moment.

    Parameters
    ----------
    city : City
        With areas; without them nothing is found.
    health : DataFrame, index `sensor`
    risk : DataFrame, index `asset`
    at, since : Timestamp
        Of the examination; a device that never spoke is silent from `since` on.
    limits : tuple of DeviceShare, optional
        By default those shipped.

    Returns
    -------
    DataFrame
        Findings about devices (`health`), on the asset whose device is silent for longest.
    """
    rows: list[dict] = []
    gone = _gone(city, health, at=at, since=since)
    for limit in shares() if limits is None else limits:
        if gone["gone"].isna().all() or not (city.areas["level"] == limit.area).any():
            continue
        watched = _watched(city, risk, gone) if limit.of == "red" else gone
        rows += _rows(city, watched, gone, limit)
    return table(rows, FINDING_COLUMNS, "finding")


def _gone(
    city: City, health: pd.DataFrame, *, at: pd.Timestamp, since: pd.Timestamp
) -> gpd.GeoDataFrame:
    """Devices with place, asset and since when each is offline (NaT: it is not)."""
    devices = city.sensors[["asset", "interval_s", "geometry"]].reindex(health.index)
    wait = pd.to_timedelta(_GAPS * devices["interval_s"].astype(float), unit="s")
    left = (health["last"] + wait.to_numpy()).fillna(since).clip(upper=at)
    offline = ~health["online"].astype(bool)
    return gpd.GeoDataFrame(
        {"asset": devices["asset"], "gone": left.where(offline)},
        geometry=devices["geometry"].to_numpy(),
        crs=city.sensors.crs,
    )


def _watched(city: City, risk: pd.DataFrame, gone: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Assets at red risk that devices watch, and since when none of these is online."""
    red = risk.index[risk["level"] == RED]
    assets = city.assets[city.assets.index.isin(red) & city.assets.geometry.notna()]
    reach = assets["lifeline"].map(dict(reaches())).fillna(0.0).astype(float)
    pairs = [pd.DataFrame({"watched": gone["asset"], "device": gone.index})]
    for lifeline, own in assets.groupby("lifeline", observed=True):
        devices = gone[(city.sensors["lifeline"].reindex(gone.index) == lifeline).to_numpy()]
        near, device = shapely.STRtree(devices.geometry.to_numpy()).query(
            own.geometry.to_numpy(), predicate="dwithin", distance=reach[own.index].to_numpy()
        )
        kept = (reach[own.index].to_numpy() > 0)[near]  # of zero: only what carries the device
        pairs.append(
            pd.DataFrame({"watched": own.index[near[kept]], "device": devices.index[device[kept]]})
        )
    known = pd.concat(pairs)
    known = known[known["watched"].isin(assets.index)]
    left = gone["gone"].reindex(known["device"])
    own = left.groupby(known["watched"].to_numpy()).agg(
        gone=lambda each: each.max() if each.notna().all() else pd.NaT
    )
    watched = assets.loc[own.index]
    return gpd.GeoDataFrame(
        {"asset": watched.index, "gone": pd.to_datetime(own["gone"])},
        geometry=watched.geometry.representative_point().to_numpy(),
        crs=city.assets.crs,
        index=watched.index,
    )


def _rows(
    city: City, things: gpd.GeoDataFrame, gone: gpd.GeoDataFrame, limit: DeviceShare
) -> Iterator[dict]:
    places = things[things.geometry.notna()]
    where = cell_of(places, city.areas, limit.area)
    devices_at = cell_of(gone[gone.geometry.notna()], city.areas, limit.area)
    for area, members in places.groupby(where.reindex(places.index)):
        left = members["gone"].dropna().sort_values()
        share = 100.0 * len(left) / len(members)
        passed = [level for level, most in limit.levels.items() if share > most]
        if len(left) < limit.at_least or not passed:
            continue
        silent = gone.loc[devices_at.index[devices_at == area], "gone"].dropna().sort_values()
        if silent.empty:  # those of the next area have left it blind
            silent = gone["gone"].dropna().sort_values()
        yield _row(city, limit, str(area), members=members, left=left, silent=silent)


def _row(
    city: City,
    limit: DeviceShare,
    area: str,
    *,
    members: pd.DataFrame,
    left: pd.Series,
    silent: pd.Series,
) -> dict:
    share = 100.0 * len(left) / len(members)
    level = min(each for each, most in limit.levels.items() if share > most)
    mildest = min(limit.levels.values())
    enough = next(k for k in range(1, len(left) + 1) if 100.0 * k / len(members) > mildest)
    asset = str(city.sensors.loc[silent.index[0], "asset"])
    entry = city.areas.loc[area]
    said = {}
    for lang in ("zh", "en"):
        name = str(entry.get(f"name_{lang}", "") or area)
        told = _SAID[limit.of](lang).format(
            area=name,
            all=len(members),
            gone=len(left),
            share=share,
            level=LEVEL_NAMES[level],
            limit=limit.levels[level],
        )
        said[lang] = told + _SILENT(lang).format(names=", ".join(silent.index[:_NAMED]))
    return {
        "finding": f"{limit.key}:{area}",
        "lifeline": city.assets.loc[asset, "lifeline"],
        "asset": asset,
        "method": "devices",
        "rule": limit.key,
        "title_zh": limit.title.zh,
        "title_en": limit.title.en,
        "severity": SEVERITY[level],
        "level": level,
        "value": share,
        "limit": limit.levels[level],
        "unit": limit.unit,
        "evidence_zh": said["zh"],
        "evidence_en": said["en"],
        "source": limit.source,
        "source_zh": limit.source_zh,
        "verified": limit.verified,
        "health": True,
        "since": left.iloc[max(enough, limit.at_least) - 1],
        "real_or_simulated": entry["real_or_simulated"],
    }
