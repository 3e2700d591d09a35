"""Read a city from an OGC SensorThings 1.1 service: Things, Datastreams, Observations.

Only the address that is given is asked, and links that stay on its host. Pages are followed;
readings come as data arrays where the service offers them.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr

from lifeline_kit.errors import InputError, LifelineError, MappingError
from lifeline_kit.model.assets import check_assets, check_sensors, no_areas
from lifeline_kit.model.city import City, Source
from lifeline_kit.model.readings import check_readings, ragged_node
from lifeline_kit.text import Text
from lifeline_kit.units import canonical, convert
from lifeline_kit.vocabulary import QUANTITIES
from lifeline_kit.vocabulary import quantity as quantity_of

MAX_ANSWER = 256 * 1024 * 1024
_PAGE = 1_000
_READINGS_PAGE = 10_000
_NUMBERS = "OM_Measurement"
_HUGE = 10**300


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A SensorThings service.

    Attributes
    ----------
    url : str
        Up to and with the version, ``https://host/FROST-Server/v1.1``.
    token : str
        Bearer token; empty for none.
    timeout_s : float
    """

    url: str
    token: str = field(default="", repr=False)
    timeout_s: float = 60.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InputError(f"{self.url!r} is no address; expected http(s)://host/…/v1.1.")


@dataclass(slots=True)
class Received:
    """What became of the rows of a service."""

    datastreams: int = 0
    skipped: int = 0
    read: int = 0
    accepted: int = 0
    duplicate: int = 0
    unparsable: int = 0

    def notes(self) -> tuple[Text, ...]:
        """What people should know."""
        said = [
            Text(
                f"{self.datastreams} 个数据流，读取 {self.read} 条，采用 {self.accepted} 条，"
                f"重复 {self.duplicate} 条，无法识别 {self.unparsable} 条",
                f"{self.datastreams} datastreams: {self.read} rows read, {self.accepted} accepted, "
                f"{self.duplicate} duplicate, {self.unparsable} unparsable",
            )
        ]
        if self.skipped:
            said.append(
                Text(
                    f"{self.skipped} 个数据流不是数值观测，未读取",
                    f"{self.skipped} datastreams hold no numbers and were left out",
                )
            )
        return tuple(said)


def city_from_sensorthings(
    service: Service,
    *,
    crs: str | None = None,
    lifeline: str | None = None,
    quantities: Mapping[str, str] | None = None,
    start: np.datetime64 | None = None,
    end: np.datetime64 | None = None,
) -> tuple[City, Received]:
    """Read Things with their places and Datastreams with their readings.

    Parameters
    ----------
    service : Service
    crs : str, optional
        Metric CRS to bring places into; by default the UTM zone they lie in.
    lifeline : str, optional
        For Things that do not name theirs in ``properties/lifeline``.
    quantities : mapping of ObservedProperty id or name to quantity, optional
        Where neither id, name nor definition is in our vocabulary.
    start, end : datetime64, optional
        ``start <= phenomenonTime < end``, UTC.

    Returns
    -------
    (City, Received)
        Sensors without readings are kept; each sensor's readings lie in the node of its clock.

    Raises
    ------
    InputError
        The service does not answer, or not in SensorThings.
    MappingError, UnitError
        A quantity or unit is not known.
    """
    received = Received()
    things = list(_all(service, "Things", **{"$expand": "Locations"}))
    assets = _assets(things, lifeline, crs)
    expand = "Thing($select=@iot.id),Sensor,ObservedProperty"
    rows, series = [], {}
    for stream in _all(service, "Datastreams", **{"$expand": expand}):
        if not str(stream.get("observationType", _NUMBERS)).endswith(_NUMBERS):
            received.skipped += 1
            continue
        received.datastreams += 1
        row = _sensor(stream, assets, quantities or {})
        rows.append(row)
        found = _readings(service, stream["@iot.id"], row, received, start, end)
        if found[0].size:
            series[row["sensor"]] = found
    if not rows:
        raise InputError(f"{service.url} holds no Datastream with numbers; nothing to read.")
    sensors = _sensors(rows, assets)
    city = City(
        name=Text(service.url, service.url),
        crs=assets.crs.to_string() if assets.crs is not None else "",
        time_zone="UTC",
        origin="simulated" if (sensors["real_or_simulated"] == "simulated").all() else "real",
        sources=(Source(title=Text("SensorThings", "SensorThings"), url=service.url, licence=""),),
        assets=check_assets(assets),
        sensors=check_sensors(sensors, assets),
        areas=no_areas(assets.crs),
        readings=check_readings(_tree(sensors, series), sensors),
    )
    return city, received


# -- the wire ---------------------------------------------------------------------------------


def _all(service: Service, path: str, **options: str) -> Iterator[dict]:
    """All entities of a set, page after page."""
    for page in _pages(service, path, {"$top": str(_PAGE), **options}):
        for entity in page["value"]:
            if "@iot.id" not in entity or not isinstance(entity.get("properties") or {}, dict):
                raise _strange(service, f"{path} with @iot.id and properties")
            yield entity


def _pages(service: Service, path: str, options: Mapping[str, str]) -> Iterator[dict]:
    address = f"{service.url.rstrip('/')}/{path}?{urlencode(options, quote_via=quote, safe='$')}"
    seen: set[str] = set()
    while address:
        seen.add(address)
        page = _fetch(service, address)
        rows = page.get("value")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise _strange(service, "pages of objects in 'value'")
        yield page
        link = page.get("@iot.nextLink", "")
        following = urljoin(address, str(link)) if link else ""
        if following and urlsplit(following)[:2] != urlsplit(service.url)[:2]:
            raise InputError(
                f"{service.url} leads on to {urlsplit(following).netloc}, another host; "
                "give the address under which the service names itself."
            )
        address = "" if following in seen else following


def _fetch(service: Service, address: str) -> dict:
    headers = {"Accept": "application/json", "User-Agent": "lifeline_kit"}
    if service.token:
        headers["Authorization"] = f"Bearer {service.token}"
    request = urllib.request.Request(address, headers=headers)
    try:
        with _OPENER.open(request, timeout=service.timeout_s) as answer:
            body = answer.read(MAX_ANSWER + 1)
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(500).decode("utf-8", "replace")
        raise _RefusedError(f"{address} answers {error.code}: {said[:200]}", error.code) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise InputError(f"{address} does not answer ({reason}); check address and net.") from error
    if len(body) > MAX_ANSWER:
        raise InputError(f"{address} answers with more than {MAX_ANSWER} bytes; ask for less.")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{address} does not answer in JSON ({error}).") from error
    if not isinstance(document, dict):
        raise InputError(f"{address} does not answer in SensorThings: expected an object.")
    return document


def _strange(service: Service, expected: str) -> InputError:
    return InputError(f"{service.url} does not answer in SensorThings: expected {expected}.")


class _RefusedError(InputError):
    """The service answered with an error; `status` says which."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows no redirection to another host: a token must not go there."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if urlsplit(newurl)[:2] != urlsplit(req.full_url)[:2]:
            raise InputError(f"{req.full_url} leads to another host, {urlsplit(newurl).netloc}.")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_OPENER = urllib.request.build_opener(_SameHost)


def _readings(
    service: Service,
    key: object,
    row: Mapping[str, Any],
    received: Received,
    start: np.datetime64 | None,
    end: np.datetime64 | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Times and values of one datastream, in order, each time once, in the quantity's unit."""
    limits = [("ge", start), ("lt", end)]
    tests = [
        f"phenomenonTime {word} {np.datetime_as_string(moment.astype('datetime64[ms]'))}Z"
        for word, moment in limits
        if moment is not None
    ]
    options = {
        "$top": str(_READINGS_PAGE),
        "$orderby": "phenomenonTime asc",
        "$select": "phenomenonTime,result",
    } | ({"$filter": " and ".join(tests)} if tests else {})
    name = f"'{quote(str(key).replace(chr(39), chr(39) * 2), safe='')}'"
    path = f"Datastreams({name if isinstance(key, str) else key})/Observations"
    try:
        arrays = {**options, "$resultFormat": "dataArray"}
        arrays.pop("$select")
        pairs = [pair for page in _pages(service, path, arrays) for pair in _pairs(service, page)]
    except _RefusedError as refusal:
        if refusal.status not in {400, 404, 501}:
            raise
        pairs = [pair for page in _pages(service, path, options) for pair in _pairs(service, page)]
    received.read += len(pairs)
    return _parsed(pairs, row, received)


def _pairs(service: Service, page: Mapping[str, Any]) -> Iterator[tuple[object, object]]:
    for entry in page["value"]:
        if "dataArray" in entry:
            try:
                names = entry["components"]
                time, result = names.index("phenomenonTime"), names.index("result")
                pairs = [(row[time], row[result]) for row in entry["dataArray"]]
            except (AttributeError, IndexError, KeyError, TypeError, ValueError):
                raise _strange(service, "rows of 'components' in 'dataArray'") from None
            yield from pairs
        else:
            yield entry.get("phenomenonTime"), entry.get("result")


def _parsed(
    pairs: list[tuple[object, object]], row: Mapping[str, Any], received: Received
) -> tuple[np.ndarray, np.ndarray]:
    kept = [
        (time.partition("/")[0], result)  # an interval stands at its beginning
        for time, result in pairs
        if isinstance(time, str)
        and isinstance(result, int | float)
        and not isinstance(result, bool)
        and abs(result) < _HUGE  # an integer may have thousands of digits
    ]
    texts = pd.Series([time for time, _ in kept], dtype=str)
    stamps = pd.to_datetime(texts, utc=True, format="ISO8601", errors="coerce")
    time = stamps.dt.tz_localize(None).to_numpy().astype("datetime64[ms]")
    value = np.array([result for _, result in kept], dtype=np.float64)
    if row["_unit"] != row["unit"]:
        value = convert(value, row["_unit"], row["unit"])
    with np.errstate(over="ignore"):
        value = value.astype(np.float32)
    good = ~np.isnat(time) & np.isfinite(value)
    received.unparsable += len(pairs) - int(good.sum())
    time, value = time[good], value[good]
    order = np.argsort(time, kind="stable")
    time, value = time[order], value[order]
    last = np.append(np.diff(time) != np.timedelta64(0, "ms"), True)[: time.size]
    received.duplicate += int((~last).sum())
    received.accepted += int(last.sum())
    return time[last], value[last]


# -- tables -----------------------------------------------------------------------------------


def _assets(things: list[dict], lifeline: str | None, crs: str | None) -> gpd.GeoDataFrame:
    rows, places = [], []
    for thing in things:
        said = thing.get("properties") or {}
        owner = said.get("lifeline", lifeline)
        if owner is None:
            raise MappingError(
                f"Thing {thing.get('@iot.id')!r} names no lifeline; expected properties/lifeline "
                "in the service, or the lifeline given with the address."
            )
        known = {name: value for name, value in said.items() if not isinstance(value, dict | list)}
        rows.append(
            {"kind": "space", "real_or_simulated": "real"}
            | known
            | {
                "asset": str(thing["@iot.id"]),
                "lifeline": owner,
                "name_en": said.get("name_en") or thing.get("name", ""),
                "name_zh": said.get("name_zh") or thing.get("name", ""),
            }
        )
        places.append(_place(thing))
    if not rows:
        raise InputError("the service holds no Things; nothing to read.")
    table = pd.DataFrame(rows).set_index("asset")
    frame = gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(places, index=table.index), crs=4326)
    if frame.geometry.isna().all():
        return gpd.GeoDataFrame(table, geometry=places)
    if frame.geometry.isna().any():
        frame = frame[frame.geometry.notna()]
    return frame.to_crs(crs or frame.estimate_utm_crs())


def _place(thing: Mapping[str, Any]) -> shapely.Geometry | None:
    for location in thing.get("Locations", []):
        outline = location.get("location", {})
        outline = outline.get("geometry", outline)  # a Feature, or a geometry by itself
        try:
            return shapely.geometry.shape(outline)
        except (AttributeError, KeyError, TypeError, ValueError, shapely.errors.ShapelyError):
            continue
    return None


def _sensor(
    stream: Mapping[str, Any], assets: gpd.GeoDataFrame, quantities: Mapping[str, str]
) -> dict:
    key = str(stream["@iot.id"])
    quantity = _quantity(key, stream.get("ObservedProperty") or {}, quantities)
    given = stream.get("unitOfMeasurement") or {}
    unit = _unit(key, given)
    asset = str((stream.get("Thing") or {}).get("@iot.id"))
    expected = quantity_of(quantity).unit
    convert(0.0, unit, expected)  # refuses what cannot be converted, before anything is read
    said = (stream.get("Sensor") or {}).get("properties") or {}
    own = stream.get("properties") or {}
    known = {name: value for name, value in said.items() if not isinstance(value, dict | list)}
    return {"interval_s": own.get("interval_s", 3600.0)} | known | {
        "sensor": key,
        "asset": asset,
        "lifeline": str(assets["lifeline"].get(asset, own.get("lifeline", ""))),
        "quantity": quantity,
        "unit": expected,
        "_unit": unit,
        "clock": said.get("clock", f"{quantity}/sensorthings"),
        "range_min": said.get("range_min", np.nan),
        "range_max": said.get("range_max", np.nan),
        "name_zh": stream.get("name", key),
        "name_en": stream.get("name", key),
        "real_or_simulated": own.get("real_or_simulated", "real"),
    }  # fmt: skip


def _quantity(stream: str, observed: Mapping[str, Any], given: Mapping[str, str]) -> str:
    key, name = str(observed.get("@iot.id", "")), str(observed.get("name", ""))
    definition = str(observed.get("definition", ""))
    for said in (key, name):
        if said in given:
            return quantity_of(given[said]).key
    if key in QUANTITIES:
        return key
    for entry in QUANTITIES.values():
        cf = entry.standard_name
        if cf is not None and definition.endswith(cf):
            return entry.key
        if name.casefold() in (entry.key, entry.title.en.casefold(), entry.title.zh, *entry.header):
            return entry.key
    raise MappingError(
        f"Datastream {stream!r} observes {name!r} ({key!r}), which is no known quantity; say which "
        f"it is: quantities={{{name!r}: …}}, one of {', '.join(QUANTITIES)}."
    )


def _unit(stream: str, given: Mapping[str, Any]) -> str:
    failure: LifelineError | None = None
    for word in ("symbol", "name", "definition"):
        try:
            return canonical(str(given.get(word) or "").rpartition(":")[2] or "?")
        except LifelineError as error:
            failure = failure or error
    raise MappingError(f"Datastream {stream!r}: {failure}")


def _sensors(rows: list[dict], assets: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    table = pd.DataFrame(rows).set_index("sensor").drop(columns="_unit")
    places = assets.geometry.representative_point().reindex(table["asset"]).to_numpy()
    return gpd.GeoDataFrame(table, geometry=places, crs=assets.crs)


def _tree(
    sensors: pd.DataFrame, series: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> xr.DataTree:
    found = {}
    for clock, group in sensors.groupby("clock"):
        here = [sensor for sensor in group.index if sensor in series]
        if here:
            found[str(clock)] = ragged_node(
                str(group["quantity"].iloc[0]),
                np.array(here, dtype=object),
                np.array([series[sensor][0].size for sensor in here]),
                np.concatenate([series[sensor][0] for sensor in here]),
                np.concatenate([series[sensor][1] for sensor in here]),
            )
    return xr.DataTree.from_dict(found)
