"""The sharing service: what it answers, to whom, and what it never tells."""

import contextlib
import io
import json
import re
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import frost_sta_client as fsc
import geopandas as gpd
import httpx
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from shapely import Polygon

from lifeline_kit.errors import InputError, ServiceError
from lifeline_kit.io.live import LiveStore
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import series
from lifeline_kit.services.share.answers import Answers
from lifeline_kit.services.share.filters import matches, parse_filter
from lifeline_kit.services.share.personal import folded, is_personal, pseudonym
from lifeline_kit.services.share.serve import is_loopback
from lifeline_kit.services.share.serve import serve as serve_city
from lifeline_kit.services.share.settings import Settings, pseudonym_key
from lifeline_kit.services.share.tokens import Allowance, add_token, read_tokens, remove_token

Serve = Callable[..., Any]
_KEPT: dict[str, Any] = {}


@pytest.fixture
def open_service(
    serve: Serve, city_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> httpx.Client:
    """One service for all tests that only ask."""
    if "served" not in _KEPT:
        kept = tmp_path_factory.mktemp("shared") / "tiny"
        shutil.copytree(city_folder, kept)
        _KEPT["served"] = serve(kept, keep=True)
    return _KEPT["served"].client


@pytest.fixture(scope="module", autouse=True)
def _stop_what_was_kept() -> Iterator[None]:
    yield
    for served in _KEPT.values():
        served.close()
    _KEPT.clear()


def got(client: httpx.Client, path: str, **options: object) -> dict:
    answer = client.get(path, **options)
    assert answer.status_code == 200, answer.text
    return answer.json()


# -- SensorThings ----------------------------------------


@pytest.mark.filterwarnings("ignore:furl.pathstr is deprecated:DeprecationWarning")
def test_the_official_client_reads_it(serve: Serve, city_folder: Path) -> None:
    served = serve(city_folder)
    service = fsc.SensorThingsService(f"{served.url}/v1.1")
    things = service.things().query().count().top(2).list()
    assert things.count == 6
    assert [thing.id for thing in things] == ["W1", "W2", "G1", "G2", "R1", "R2"]
    thing = service.things().find("G1")
    assert thing.name == "asset G1"
    streams = thing.get_datastreams().query().list()
    assert [stream.id for stream in streams] == ["m1"]
    found = (
        service.datastreams()
        .query()
        .filter("ObservedProperty/id eq 'pressure' and contains(name,'p1')")
        .expand("Thing($expand=Locations),ObservedProperty,Observations($top=1)")
        .list()
    )
    stream = found.get(0)
    assert len(found.entities) == 1
    assert stream.thing.id == "W1"
    assert stream.observed_property.name == "Pressure"
    assert stream.unit_of_measurement.symbol == "kPa"
    assert len(stream.observations.entities) == 1
    readings = (
        stream.get_observations()
        .query()
        .filter("phenomenonTime ge 2026-10-10T12:00:00Z and result lt 250")
        .orderby("phenomenonTime", "desc")
        .top(7)
        .list()
    )
    paged = list(readings)
    assert len(paged) == 48, "the pages were not followed"
    assert all(each.result < 250 and each.result_quality == 2 for each in paged)
    times = [each.phenomenon_time for each in paged]
    assert times == sorted(times, reverse=True)


def test_every_page_together_is_everything(open_service: httpx.Client) -> None:
    address, seen = "/v1.1/Datastreams('p2')/Observations?$top=100&$count=true", []
    while address:
        page = got(open_service, address)
        assert page["@iot.count"] == 960
        seen += [row["@iot.id"] for row in page["value"]]
        address = page.get("@iot.nextLink")
    assert len(seen) == len(set(seen)) == 960


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("properties/year lt 2006", ["W1", "G1", "G2"]),
        ("not (properties/lifeline eq 'gas') and properties/year gt 2000", ["W2", "R1", "R2"]),
        ("startswith(id,'R') or id eq 'W1'", ["W1", "R1", "R2"]),
        ("toupper(properties/material) eq 'PE'", ["W2"]),
        ("length(id) eq 2 and substringof('2',id)", ["W2", "G2", "R2"]),
        ("properties/owner eq null", ["G2", "R2"]),
        ("id eq 'W1'' or 1 eq 1 --'", []),
    ],
)
def test_filters(open_service: httpx.Client, text: str, ids: list[str]) -> None:
    page = got(open_service, "/v1.1/Things", params={"$filter": text})
    assert [row["@iot.id"] for row in page["value"]] == ids


def test_observations_of_one_named_datastream(open_service: httpx.Client) -> None:
    asked = {"$filter": "Datastream/id eq 'p1' and result lt 250", "$top": "3", "$count": "true"}
    page = got(open_service, "/v1.1/Observations", params=asked)
    assert page["@iot.count"] == 48
    assert all(row["@iot.id"].startswith("p1@") for row in page["value"])
    following = got(open_service, page["@iot.nextLink"])
    assert following["value"][0]["phenomenonTime"] > page["value"][-1]["phenomenonTime"]
    arrays = {"$resultFormat": "dataArray", "$top": "2"}
    answer = got(open_service, "/v1.1/Datastreams('p1')/Observations", params=arrays)
    (entry,) = answer["value"]
    assert entry["components"][1] == "phenomenonTime"
    assert entry["dataArray@iot.count"] == len(entry["dataArray"]) == 2


def test_order_select_and_one_entity(open_service: httpx.Client) -> None:
    page = got(open_service, "/v1.1/Things?$orderby=properties/year desc,id asc&$select=name,id")
    assert [row["@iot.id"] for row in page["value"]] == ["W2", "R2", "R1", "G1", "G2", "W1"]
    assert set(page["value"][0]) == {"@iot.id", "name"}
    key = got(open_service, "/v1.1/Datastreams('m1')/Observations?$top=1")["value"][0]["@iot.id"]
    one = got(open_service, f"/v1.1/Observations('{key}')?$expand=Datastream,FeatureOfInterest")
    assert one["Datastream"]["@iot.id"] == "m1"
    assert one["FeatureOfInterest"]["feature"]["type"] == "Point"
    lon, lat = one["FeatureOfInterest"]["feature"]["coordinates"]
    assert (round(lon, 2), round(lat, 2)) == (112.51, 0.0)


def test_flags_of_the_examination_are_the_quality(serve: Serve, city_folder: Path) -> None:
    from lifeline_kit.io.examinations import save_examination
    from lifeline_kit.pipeline import examine

    city = City.open(city_folder)
    save_examination(city, examine(city))
    served = serve(city_folder)
    path = "/v1.1/Datastreams('p1')/Observations?$count=true&$top=0&$filter=resultQuality eq 1"
    passed = got(served.client, path)["@iot.count"]
    assert 900 < passed <= 960
    warnings = got(served.client, "/geojson/warnings")
    assert warnings["numberMatched"] >= 1


def test_a_live_store_is_read_with_the_folder(serve: Serve, city_folder: Path) -> None:
    served = serve(city_folder)
    before = served.client.get("/v1.1/Things").headers["etag"]
    sensors = City.open(city_folder, readings=False).sensors
    with LiveStore.open(city_folder, writable=True) as store:
        store.register(sensors)
        arrived = np.datetime64("2026-10-12T00:00", "ms")
        times = np.array(["2026-10-11T01:00", "2026-10-10T12:00"], dtype="datetime64[ms]")
        store.write(np.array(["p1", "p1"]), times, np.array([321.5, 111.5]), arrived=arrived)
    again = served.client  # the same service sees a store that came after it
    path = "/v1.1/Datastreams('p1')/Observations"
    page = got(again, f"{path}?$count=true&$top=1&$orderby=phenomenonTime desc")
    assert page["@iot.count"] == 961
    assert page["value"][0]["result"] == 321.5
    moment = "$filter=phenomenonTime eq 2026-10-10T12:00:00Z"
    assert [row["result"] for row in got(again, f"{path}?{moment}")["value"]] == [111.5]
    assert again.get("/v1.1/Things").headers["etag"] != before


def test_a_link_to_more_of_an_expansion_asks_the_same(open_service: httpx.Client) -> None:
    inner = "Observations($filter=result lt 250;$orderby=phenomenonTime desc;$top=20)"
    stream = got(open_service, f"/v1.1/Datastreams('p1')?$expand={inner}")
    seen, address = stream["Observations"], stream["Observations@iot.nextLink"]
    while address:
        page = got(open_service, address)
        seen += page["value"]
        address = page.get("@iot.nextLink")
    assert len(seen) == 48
    assert all(row["result"] < 250 for row in seen)
    refused = open_service.get("/v1.1/Datastreams?$expand=Thing($filter=id eq 'W1')")
    assert (refused.status_code, "one Thing" in refused.text) == (400, True)


def test_single_precision_is_compared_as_it_is_shown(
    serve: Serve, tiny_city: City, tmp_path: Path
) -> None:
    assets = tiny_city.assets.copy()
    assets["depth_m"] = np.float32(0.9)
    assets["name_en"], assets["name_zh"] = "", "阀门井"
    assets.loc["W1", "geometry"] = Polygon([(0, 0), (9, 9), (9, 0), (0, 9)])  # crosses itself
    client = serve(tiny_city.with_(assets=assets).save(tmp_path / "c")).client
    page = got(client, "/v1.1/Things?$count=true&$filter=properties/depth_m eq 0.9")
    assert page["@iot.count"] == 6
    assert page["value"][0]["properties"]["depth_m"] == 0.9
    assert page["value"][0]["name"] == "阀门井"
    for path in ("/geojson/assets", "/v1.1/Locations"):
        assert client.get(path).status_code == 200
    columns = {"result": np.array([0.1, 0.2], dtype=np.float32)}  # 0.1 is stored a little larger
    for text, kept in (("eq 0.1", [1, 0]), ("gt 0.1", [0, 1]), ("lt 1e300", [1, 1])):
        assert matches(parse_filter(f"result {text}"), columns, 2).tolist() == kept


def test_a_city_without_places(serve: Serve, tiny_city: City, tmp_path: Path) -> None:
    assets, sensors = (
        gpd.GeoDataFrame(pd.DataFrame(frame), geometry=[None] * len(frame))
        for frame in (tiny_city.assets, tiny_city.sensors)
    )
    city = tiny_city.with_(assets=assets, sensors=sensors)
    client = serve(city.save(tmp_path / "c")).client
    path = "/v1.1/Datastreams('p1')/Observations?$top=1&$expand=FeatureOfInterest"
    (row,) = got(client, path)["value"]
    assert row["FeatureOfInterest"] is None
    where = f"/v1.1/Observations('{row['@iot.id']}')/FeatureOfInterest"
    assert client.get(where).status_code == 404
    assert got(client, "/v1.1/Things('W1')?$expand=Locations")["Locations"] == []
    assert got(client, "/geojson/assets")["features"][0]["geometry"] is None


# -- the other doors ----------------------------------------


def test_geojson(open_service: httpx.Client) -> None:
    answer = open_service.get("/geojson/assets?lifeline=water&limit=1")
    assert answer.headers["content-type"] == "application/geo+json"
    document = answer.json()
    assert (document["numberMatched"], len(document["features"])) == (2, 1)
    assert document["features"][0]["geometry"]["type"] == "LineString"
    following = got(open_service, document["links"][0]["href"])
    assert [each["id"] for each in following["features"]] == ["W2"]
    assert got(open_service, "/geojson/areas")["numberMatched"] == 2
    assert open_service.get("/geojson/warnings").status_code == 404


def test_exports_equal_the_readings(open_service: httpx.Client, tiny_city: City) -> None:
    expected = series(tiny_city.readings["pressure/15min"].to_dataset(), "p1")
    text = open_service.get("/export/readings.csv?sensor=p1&end=2026-10-03T00:00:00Z").text
    table = pd.read_csv(io.StringIO(text))
    assert list(table.columns) == ["sensor", "time", "value", "unit", "flag"]
    assert len(table) == 192
    assert np.array_equal(table["value"].to_numpy(dtype=np.float32), expected.value[:192])
    body = open_service.get("/export/readings.parquet?quantity=pressure").content
    found = pq.read_table(io.BytesIO(body)).to_pandas()
    mine = found[found["sensor"] == "p1"]
    assert mine["value"].to_numpy().tobytes() == expected.value.tobytes()
    assert open_service.get("/export/readings.csv").status_code == 400
    assert open_service.get("/export/readings.csv?sensor=nobody").status_code == 404
    assert open_service.get("/export/readings.csv?quantity=presure").status_code == 404
    empty = open_service.get("/export/readings.parquet?sensor=p1&end=1970-01-01T00:00:00Z")
    assert len(pd.read_parquet(io.BytesIO(empty.content))) == 0


def test_etag_and_gzip(open_service: httpx.Client) -> None:
    first = open_service.get("/v1.1/Things")
    assert first.headers["content-encoding"] == "gzip"
    again = open_service.get("/v1.1/Things", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = open_service.get("/v1.1/Sensors", headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200
    head = open_service.head("/v1.1/Things")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == first.headers["etag"]


# -- who may what ----------------------------------------


def test_tokens_and_scopes(serve: Serve, city_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "tokens.json"
    things = add_token(file, "things", ["read:things"])
    everything = add_token(file, "all", ["read:things", "read:readings", "read:personal"])
    assert things not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    client = serve(city_folder, tokens=file).client
    refused = client.get("/v1.1/Things")
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == "Bearer"
    assert client.get("/v1.1/Things", headers={"X-API-Key": things + "x"}).status_code == 401
    assert client.get("/v1.1/Things", headers={"X-API-Key": "\x80é".encode()}).status_code == 401
    bearer = {"Authorization": f"Bearer {things}"}
    assert client.get("/v1.1/Things", headers=bearer).status_code == 200
    for path in (
        "/v1.1/Datastreams('p1')/Observations",
        "/v1.1/Observations('p1@1790812800000')",
        "/v1.1/Datastreams?$expand=Observations",
        "/export/readings.csv?sensor=p1",
        "/geojson/warnings",
    ):
        assert client.get(path, headers=bearer).status_code == 403, path
    key = {"X-API-Key": everything}
    assert client.get("/v1.1/Datastreams('p1')/Observations", headers=key).status_code == 200
    tag = client.get("/v1.1/Things", headers=key).headers["etag"]
    other = client.get("/v1.1/Things", headers={**bearer, "If-None-Match": tag})
    assert other.status_code == 200, "another caller's ETag must not fit"
    remove_token(file, "things")
    assert client.get("/v1.1/Things", headers=bearer).status_code == 401
    file.write_text("{")
    assert client.get("/v1.1/Things", headers=key).status_code == 401


def test_personal_fields_leave_as_pseudonyms(
    serve: Serve, city_folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "tokens.json"
    plain = add_token(file, "plain", ["read:things", "read:readings"])
    personal = add_token(file, "personal", ["read:things", "read:personal"])
    client = serve(city_folder, tokens=file).client
    mine, theirs = {"X-API-Key": personal}, {"X-API-Key": plain}
    for path in ("/v1.1/Things", "/geojson/assets"):
        text = client.get(path, headers=theirs).text
        assert "张三" not in text
        assert "13800000000" not in text
        assert "张三" in client.get(path, headers=mine).text
    owners = [
        row["properties"].get("owner")
        for row in got(client, "/v1.1/Things", headers=theirs)["value"]
    ]
    assert owners[0] == owners[2] == pseudonym("张三", b"k" * 32)
    assert owners[1] != owners[0]
    assert owners[3] is owners[5] is None
    asked = {"$filter": "properties/owner eq '张三'"}
    assert got(client, "/v1.1/Things", headers=theirs, params=asked)["value"] == []
    assert len(got(client, "/v1.1/Things", headers=mine, params=asked)["value"]) == 2


def test_personal_fields_can_be_taken_out(serve: Serve, city_folder: Path) -> None:
    client = serve(city_folder, pseudonym_key=None).client
    assert "owner" not in client.get("/v1.1/Things").text
    answer = client.get("/v1.1/Things?$orderby=properties/owner")
    assert answer.status_code == 400


def test_names_of_personal_columns() -> None:
    assert is_personal("Owner")
    assert is_personal("valve_owner")
    assert is_personal("联系电话")
    for name in ("contactPhone", "phone2", "owner_name", "Phone Number", "户主电话号码", "手机号"):
        assert is_personal(name), name
    assert is_personal("Meter-Reader", frozenset({folded("meter reader")}))
    assert not is_personal("district_name")
    assert not is_personal("ownership")
    assert not is_personal("name_zh")


def test_rate_limit(serve: Serve, city_folder: Path) -> None:
    client = serve(city_folder, rate=0.5, burst=3).client
    codes = [client.get("/v1.1").status_code for _ in range(5)]
    assert codes == [200, 200, 200, 429, 429]
    assert 1 <= int(client.get("/v1.1").headers["retry-after"]) <= 3


def test_allowance_fills_again() -> None:
    now = [0.0]
    allowance = Allowance(2.0, 2.0, clock=lambda: now[0])
    assert [allowance.wait("a") for _ in range(3)] == [0.0, 0.0, 0.5]
    assert allowance.wait("b") == 0.0
    now[0] = 0.5
    assert [allowance.wait("a") for _ in range(2)] == [0.0, 0.5]


def test_others_need_tokens(city_folder: Path) -> None:
    with pytest.raises(ServiceError, match="--tokens"):
        serve_city(city_folder, Settings(), host="0.0.0.0", port=0)
    assert is_loopback("::1")
    assert is_loopback("localhost")
    assert not is_loopback("example.org")
    assert not is_loopback("0.0.0.0")


def test_settings_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="--rate"):
        Settings(rate=0)
    with pytest.raises(InputError, match="--public-url 'javascript:x': expected http"):
        Settings(public_url="javascript:x")
    with pytest.raises(InputError, match="--cors 'evil': expected http"):
        Settings(origins=("evil",))
    stray = {"name": "a", "sha256": "é", "scopes": [], "created": ""}
    (tmp_path / "stray.json").write_text(json.dumps({"tokens": [stray]}))
    with pytest.raises(InputError, match="is no token file"):
        read_tokens(tmp_path / "stray.json")
    monkeypatch.setenv("LIFELINE_SHARE_KEY", "short")
    with pytest.raises(InputError, match="at least 16"):
        pseudonym_key(remove=False)
    assert pseudonym_key(remove=True) is None
    with pytest.raises(InputError, match="scope 'write' is not known"):
        add_token(tmp_path / "t.json", "a", ["write"])
    add_token(tmp_path / "t.json", "a", ["read:things"])
    with pytest.raises(InputError, match="taken"):
        add_token(tmp_path / "t.json", "a", ["read:things"])
    with pytest.raises(InputError, match="holds no token 'b'"):
        remove_token(tmp_path / "t.json", "b")
    with pytest.raises(InputError, match="cannot read the tokens"):
        read_tokens(tmp_path / "absent.json")


# -- hostile callers ----------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/v1.1/Things('../../../../etc/passwd')",
        "/v1.1/Things('..%2F..%2Fcity.toml')",
        "/v1.1/Things('%00')",
        "/v1.1/Things('资产')",
        "/v1.1/Things('\U0001f525')",
        "/v1.1/Things('W1')/Datastreams('p1')",
        "/v1.1/Datastreams('p1''')/Observations",
        "/v1.1/Observations('p1@99999999999999999999')",
        "/v1.1/Observations('p1@²')",
        "/v1.1/Observations('@')",
        "/v1.1/HistoricalLocations",
        "/v1.1/Datastreams('p1')/Secrets",
        "/geojson/secrets",
        "/v1.1/Things(1)",
        "/../../etc/passwd",
        "/docs",
        "/redoc",
        "/export/readings.csv?sensor=../../etc/passwd",
        "/geojson/warnings",
    ],
)
def test_what_is_not_there(open_service: httpx.Client, path: str, city_folder: Path) -> None:
    answer = open_service.get(path)
    assert answer.status_code == 404
    assert_clean(answer, city_folder)


@pytest.mark.parametrize(
    "path",
    [
        "/v1.1/Things?$top=-1",
        "/v1.1/Things?$top=1e3",
        "/v1.1/Things?$skip=99999999999999999999",
        "/v1.1/Things?$top=1&$top=2",
        "/v1.1/Things?$count=perhaps",
        "/v1.1/Things?$search=x",
        "/v1.1/Things?$select=secret",
        "/v1.1/Things?$expand=Secrets",
        "/v1.1/Things?$expand=Datastreams(",
        "/v1.1/Things?$expand=Datastreams($expand=Thing($expand=Datastreams($expand=Thing)))",
        "/v1.1/Things?$orderby=name sideways",
        "/v1.1/Things?$orderby=1;drop table",
        "/v1.1/Things?$filter=name eq 'a'; DROP TABLE sensor",
        "/v1.1/Things?$filter=1 eq 1) or (1",
        "/v1.1/Things?$filter=name eq 1",
        "/v1.1/Things?$filter=name",
        "/v1.1/Things?$filter=eval('1')",
        "/v1.1/Things?$filter=__class__ eq 'x'",
        "/v1.1/Things?$filter=" + "(" * 300 + "1 eq 1" + ")" * 300,
        "/v1.1/Things?$filter=" + " or ".join(["id eq 'a'"] * 100),
        "/v1.1/Things?$filter=name eq '" + "x" * 3_000 + "'",
        "/v1.1/Things?$filter=" + "not " * 100 + "true",
        "/v1.1/Things?$resultFormat=dataArray",
        "/v1.1/Things('W1')?$filter=id eq 'W1'",
        "/v1.1/Observations",
        "/v1.1/Datastreams('p1')/Observations?$filter=phenomenonTime gt 2026-13-45T99:00:00Z",
        "/v1.1/Datastreams('p1')/Observations?$filter=result gt 'high'",
        "/geojson/assets?limit=0",
        "/export/readings.csv?sensor=p1&start=yesterday",
        "/export/readings.csv",
    ],
)
def test_what_cannot_be_understood(
    open_service: httpx.Client, path: str, city_folder: Path
) -> None:
    answer = open_service.get(path)
    assert answer.status_code == 400
    assert_clean(answer, city_folder)


def assert_clean(answer: httpx.Response, folder: Path) -> None:
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code
    assert str(folder) not in answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in answer.headers
    assert "server" not in answer.headers or "lifeline" not in answer.headers["server"]


def test_it_only_gives(open_service: httpx.Client, city_folder: Path) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = open_service.request(method, "/v1.1/Things")
        assert answer.status_code == 405
        assert answer.headers["allow"] == "GET"
        assert_clean(answer, city_folder)
    assert open_service.request("POST", "/v1.1/Things", content=b"x" * 100).status_code == 413
    assert open_service.get("/v1.1/Things?x=" + "y" * 9_000).status_code == 414


def test_a_name_that_points_here_from_elsewhere(
    serve: Serve, city_folder: Path, tmp_path: Path
) -> None:
    """A web page may let its own host name point at 127.0.0.1, past the browser's own rules."""
    client = serve(city_folder, public_url="https://share.example/city").client
    hosts = {"evil.example": 421, "localhost:80": 200, "[::1]": 200, "share.example": 200, "[": 421}
    for host, status in hosts.items():
        answer = client.get("/v1.1/Things?$top=1", headers={"Host": host})
        assert answer.status_code == status, host
    file = tmp_path / "t.json"
    key = {"X-API-Key": add_token(file, "a", ["read:things"]), "Host": "any.example"}
    assert serve(city_folder, tokens=file).client.get("/v1.1", headers=key).status_code == 200


def test_half_requests_do_not_shut_others_out(
    city_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lifeline_kit.services.share.connection.HEAD_S", 1.5)
    said: list[str] = []
    options = {"port": 0, "say": said.append}
    threading.Thread(
        target=serve_city, args=(city_folder, Settings()), kwargs=options, daemon=True
    ).start()
    while not said:
        time.sleep(0.01)
    address = urlsplit(said[0])
    assert httpx.get(said[0]).status_code == 200
    half = []
    for _ in range(70):
        half.append(socket.create_connection((address.hostname, address.port), timeout=5))
        half[-1].sendall(b"GET / HTTP/1.1\r\nX-A: ")
    assert httpx.get(said[0]).status_code == 503
    for _ in range(11):
        time.sleep(0.2)
        for each in half:  # a drip of bytes gains no time
            with contextlib.suppress(OSError):
                each.sendall(b"x")
    with httpx.Client(base_url=said[0]) as client:
        assert client.get("/").status_code == 200
        begun = time.monotonic()
        assert all(client.get("/").status_code == 200 for _ in range(60))
        assert time.monotonic() - begun < 2.2, "small packets wait 40 ms for one another"
        time.sleep(1.7)
        assert client.get("/v1.1").status_code == 200, "between requests it may wait longer"
    for each in half:
        each.close()


def test_a_store_that_breaks_is_told(serve: Serve, city_folder: Path) -> None:
    client = serve(city_folder).client
    assert client.get("/v1.1/Things").status_code == 200
    (city_folder / "live").mkdir()
    (city_folder / "live" / "hot.sqlite").write_bytes(b"no database" * 500)
    answer = client.get("/v1.1/Things")
    assert answer.status_code == 503
    assert_clean(answer, city_folder)


def test_an_error_of_ours_shows_nothing(
    serve: Serve, city_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve(city_folder).client

    def broken(*_: object) -> None:
        raise RuntimeError(f"secret in {city_folder}")

    monkeypatch.setattr(Answers, "page", broken)
    answer = client.get("/v1.1/Things")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert_clean(answer, city_folder)


def test_too_much_in_one_answer(open_service: httpx.Client) -> None:
    """Every answer has a budget: here 4 of 200 series, and 20,000 entities are never reached."""
    inner = "$expand=Thing($expand=Datastreams($expand=Observations($top=1)))"
    assert open_service.get(f"/v1.1/Datastreams?{inner}").status_code == 200


def test_an_answer_has_a_budget(city_folder: Path) -> None:
    from lifeline_kit.services.share.catalogue import Catalogue
    from lifeline_kit.services.share.options import read_options
    from lifeline_kit.services.share.problems import Problem
    from lifeline_kit.services.share.source import Source

    source = Source(city_folder)
    catalogue = Catalogue(source.city, source.city.assets, source.city.sensors)
    few = {"entities": 20_000, "series": 3}
    answers = Answers(catalogue, source, "http://x/v1.1", readings=True, budget=few)
    options = read_options("Datastreams", {"$expand": "Observations"})
    with pytest.raises(Problem, match="too many series"):
        answers.page("Datastreams", options)


def test_cors_only_where_asked(serve: Serve, city_folder: Path) -> None:
    origin = "https://map.example"
    client = serve(city_folder, origins=(origin,)).client
    answer = client.get("/v1.1/Things", headers={"Origin": origin})
    assert answer.headers["access-control-allow-origin"] == origin
    other = client.get("/v1.1/Things", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers


# -- its own description ----------------------------------------


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_it_keeps_to_its_own_description(serve: Serve, city_folder: Path) -> None:
    import schemathesis
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis import checks

    served = serve(city_folder)
    schema = schemathesis.openapi.from_url(f"{served.url}/openapi.json")
    chosen = [
        checks.not_a_server_error,
        schemathesis.specs.openapi.checks.status_code_conformance,
        schemathesis.specs.openapi.checks.content_type_conformance,
        schemathesis.specs.openapi.checks.response_schema_conformance,
        schemathesis.specs.openapi.checks.response_headers_conformance,
    ]
    operations = [each.ok() for each in schema.get_all_operations()]
    assert len(operations) > 20
    begun = time.monotonic()
    for operation in operations:

        @settings(
            max_examples=50,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            database=None,
        )
        @given(case=operation.as_strategy())
        def holds(case: object) -> None:
            case.call_and_validate(checks=chosen)

        holds()
    assert time.monotonic() - begun < 60


def test_its_description_needs_nothing_from_elsewhere(open_service: httpx.Client) -> None:
    document = got(open_service, "/openapi.json")
    addresses = re.findall(r"https?://[^\"\\ ]+", json.dumps(document))
    assert addresses == []
    assert all(
        "422" not in op["responses"] for p in document["paths"].values() for op in p.values()
    )
    landing = got(open_service, "/v1.1")
    assert [each["name"] for each in landing["value"]] == [
        "Things", "Locations", "Sensors", "ObservedProperties", "Datastreams", "Observations",
        "FeaturesOfInterest",
    ]  # fmt: skip
    assert "Read-only" in landing["serverSettings"]["subset"]
