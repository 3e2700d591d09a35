"""What a SensorThings service gives comes back as the city it was."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from lifeline_kit.errors import InputError, LifelineError, MappingError
from lifeline_kit.io.sensorthings import Service, city_from_sensorthings
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import nodes, series
from lifeline_kit.services.share.tokens import add_token

Serve = Callable[..., Any]


def test_round_trip_through_our_own_service(
    serve: Serve, city_folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "tokens.json"
    token = add_token(file, "reader", ["read:things", "read:readings"])
    served = serve(city_folder, tokens=file)
    service = Service(url=f"{served.url}/v1.1", token=token)
    expected = City.open(city_folder)
    city, received = city_from_sensorthings(service, crs=expected.crs)
    assert list(city.assets.index) == list(expected.assets.index)
    assert list(city.sensors.index) == list(expected.sensors.index)
    for column in ("asset", "quantity", "unit", "clock", "interval_s", "real_or_simulated"):
        assert list(city.sensors[column]) == list(expected.sensors[column]), column
    for column in ("lifeline", "kind", "material"):
        assert list(city.assets[column]) == list(expected.assets[column]), column
    away = city.assets.geometry.distance(expected.assets.geometry)
    assert away.max() < 0.02, "places moved by more than two centimetres"
    count = 0
    for path, node in nodes(expected.readings):
        for sensor in node["sensor"].to_numpy():
            mine, theirs = series(node, sensor), series(city.readings[path].to_dataset(), sensor)
            assert np.array_equal(mine.time, theirs.time)
            assert mine.value.tobytes() == theirs.value.tobytes()
            count += mine.time.size
    assert received.accepted == received.read == count
    assert city.origin == "simulated"
    assert f"{count} accepted" in received.notes()[0].en
    assert City.open(city.save(tmp_path / "copy")).sensors.shape == city.sensors.shape


def test_a_span_of_time(serve: Serve, city_folder: Path) -> None:
    service = Service(url=f"{serve(city_folder).url}/v1.1")
    start, end = np.datetime64("2026-10-03", "ms"), np.datetime64("2026-10-04", "ms")
    city, _ = city_from_sensorthings(service, start=start, end=end)
    found = series(city.readings["pressure/15min"].to_dataset(), "p1")
    assert (found.time[0], found.time.size) == (start, 96)
    assert city.assets.crs.to_epsg() == 32649, "the zone its places lie in"


class Other:
    """A service of somebody else's, in a few documents by path."""

    def __init__(self, documents: dict[str, Any]) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                outer.asked.append(self.path)
                found = documents.get(parts.path)
                if callable(found):
                    found = found(parse_qs(parts.query))
                status = found if isinstance(found, int) else 200 if found is not None else 404
                body = found if isinstance(found, bytes) else json.dumps(found).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                if status == 302:
                    self.send_header("Location", "http://127.0.0.2:1/v1.1/Things")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.asked: list[str] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.service = Service(url=f"http://127.0.0.1:{self.server.server_port}/v1.1")

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


THING = {
    "@iot.id": 7,
    "name": "井 7",
    "properties": {"owner": {"deep": 1}},
    "Locations": [
        {
            "location": {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [114.3, 30.6]},
            }
        }
    ],
}  # fmt: skip
STREAM = {
    "@iot.id": 9,
    "name": "level 9",
    "observationType": "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement",
    "unitOfMeasurement": {"name": "centimetre", "symbol": "cm", "definition": "ucum:cm"},
    "Thing": {"@iot.id": 7},
    "ObservedProperty": {"@iot.id": 3, "name": "Level", "definition": "http://x/level"},
}
ROWS = [
    {"phenomenonTime": "2026-10-01T08:00:00+08:00", "result": 150},
    {"phenomenonTime": "2026-10-01T00:10:00Z/2026-10-01T00:20:00Z", "result": 160.0},
    {"phenomenonTime": "2026-10-01T00:10:00Z", "result": 170.0},
    {"phenomenonTime": "soon", "result": 1.0},
    {"phenomenonTime": "2026-10-01T00:30:00Z", "result": "wet"},
    {"phenomenonTime": "2026-10-01T00:40:00Z", "result": True},
]


@pytest.fixture
def other() -> Iterator[Callable[[dict[str, Any]], Other]]:
    made: list[Other] = []

    def make(changes: dict[str, Any]) -> Other:
        documents = {
            "/v1.1/Things": {"value": [THING]},
            "/v1.1/Datastreams": {
                "value": [STREAM, STREAM | {"@iot.id": 10, "observationType": "OM_Truth"}]
            },
            "/v1.1/Datastreams(9)/Observations": (
                lambda asked: 400 if "$resultFormat" in asked else {"value": ROWS}
            ),
        }  # fmt: skip
        made.append(Other(documents | changes))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_a_foreign_service(other: Callable[..., Other]) -> None:
    city, received = city_from_sensorthings(other({}).service, lifeline="drainage")
    assert list(city.sensors.index) == ["9"]
    assert city.assets.loc["7", "lifeline"] == "drainage"
    assert city.assets.crs.to_epsg() == 32650
    found = series(city.readings["level/sensorthings"].to_dataset(), "9")
    assert found.value.tolist() == pytest.approx([1.5, 1.7])
    assert (received.read, received.accepted, received.duplicate, received.unparsable) == (
        6, 2, 1, 3,
    )  # fmt: skip
    assert received.skipped == 1
    assert len(received.notes()) == 2


def test_what_it_does_not_say_must_be_said(other: Callable[..., Other]) -> None:
    with pytest.raises(MappingError, match="names no lifeline"):
        city_from_sensorthings(other({}).service)
    wet = {"value": [STREAM | {"ObservedProperty": {"@iot.id": 4, "name": "Nässe"}}]}
    service = other({"/v1.1/Datastreams": wet}).service
    with pytest.raises(MappingError, match="Nässe"):
        city_from_sensorthings(service, lifeline="drainage")
    city, _ = city_from_sensorthings(service, lifeline="drainage", quantities={"Nässe": "level"})
    assert city.sensors["quantity"].tolist() == ["level"]
    furlong = {"value": [STREAM | {"unitOfMeasurement": {"symbol": "furlong"}}]}
    with pytest.raises(MappingError, match=r"Datastream '9': unit 'furlong'"):
        city_from_sensorthings(other({"/v1.1/Datastreams": furlong}).service, lifeline="drainage")
    kelvin = {"value": [STREAM | {"unitOfMeasurement": {"symbol": "K"}}]}
    with pytest.raises(LifelineError, match="cannot convert K to m"):
        city_from_sensorthings(other({"/v1.1/Datastreams": kelvin}).service, lifeline="drainage")


@pytest.mark.parametrize(
    ("things", "said"),
    [
        (b"<html>", "does not answer in JSON"),
        ([1], "does not answer in SensorThings"),
        (500, "answers 500"),
        (302, "leads to another host"),
        ({"value": []}, "holds no Things"),
        ({"value": None}, "expected pages of objects"),
        ({"value": [1]}, "expected pages of objects"),
        ({"value": [{"name": "without id"}]}, "expected Things with @iot.id"),
        ({"value": [{"@iot.id": 1, "properties": [2]}]}, "expected Things with @iot.id"),
        ({"value": [], "@iot.nextLink": "http://127.0.0.2:1/v1.1/Things"}, "another host"),
    ],
)
def test_services_that_are_none(other: Callable[..., Other], things: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        city_from_sensorthings(other({"/v1.1/Things": things}).service, lifeline="gas")


def test_readings_that_are_strange(other: Callable[..., Other]) -> None:
    path = "/v1.1/Datastreams(9)/Observations"
    rows = [*ROWS, {"phenomenonTime": "2026-10-01T00:50:00Z", "result": 10**400}]
    round_and_round = {"value": rows, "@iot.nextLink": "/v1.1/more"}
    back = {"value": [], "@iot.nextLink": "/v1.1/again"}
    again = {"value": [], "@iot.nextLink": "/v1.1/more"}
    service = other({path: round_and_round, "/v1.1/more": back, "/v1.1/again": again}).service
    _, received = city_from_sensorthings(service, lifeline="drainage")
    assert (received.read, received.accepted, received.unparsable) == (7, 2, 4)
    for entry in ({}, {"components": ["result"]}, {"components": ["phenomenonTime", "result"]}):
        arrays = other({path: {"value": [entry | {"dataArray": [[1]]}]}})
        with pytest.raises(InputError, match="expected rows of 'components'"):
            city_from_sensorthings(arrays.service, lifeline="drainage")


def test_addresses_that_are_none() -> None:
    for url in ("ftp://x/v1.1", "file:///etc/passwd", "x"):
        with pytest.raises(InputError, match="no address"):
            Service(url=url)
    with pytest.raises(InputError, match="does not answer"):
        city_from_sensorthings(Service(url="http://127.0.0.1:1/v1.1"), lifeline="gas")
    assert "secret" not in repr(Service(url="http://x", token="secret"))
