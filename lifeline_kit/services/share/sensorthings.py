"""The SensorThings 1.1 routes: a stated, read-only subset."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse

from lifeline_kit.services.share.answers import Answers
from lifeline_kit.services.share.catalogue import LINKS, SETS
from lifeline_kit.services.share.options import FOR_ONE, MAX_SKIP, Options, read_options
from lifeline_kit.services.share.problems import bad
from lifeline_kit.services.share.view import Views, answered, demanded

VERSION = "v1.1"
CONFORMANCE = (
    "http://www.opengis.net/spec/iot_sensing/1.1/req/datamodel",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/resource-path/resource-path-to-entities",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/request-data/count",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/request-data/expand",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/request-data/orderby",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/request-data/pagination",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/request-data/select",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/request-data/skip",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/request-data/top",
)
SUBSET = (
    "Read-only. Entity sets: " + ", ".join(SETS) + ". HistoricalLocations, $ref, $value, "
    "properties as resources, create/update/delete and MQTT are not offered. $filter knows and, "
    "or, not, eq, ne, gt, ge, lt, le, contains, substringof, startswith, endswith, tolower, "
    "toupper, length. Observations are read of one Datastream at a time; "
    "$resultFormat=dataArray is offered for them. resultQuality is the QARTOD flag: 1 pass, "
    "2 not evaluated, 3 suspect, 4 fail, 9 missing."
)
_ENTITY = {"type": "object", "properties": {"@iot.id": {"type": "string"}}}
_PAGE = {
    "type": "object",
    "required": ["value"],
    "properties": {
        "@iot.count": {"type": "integer"},
        "@iot.nextLink": {"type": "string"},
        "value": {"type": "array", "items": {"type": "object"}},
    },
}
_KEY = Path(description="Id of the entity, a quote in it doubled.", max_length=600)


def _asked(
    request: Request,
    _filter: Annotated[str | None, Query(alias="$filter", max_length=2_000)] = None,
    _orderby: Annotated[str | None, Query(alias="$orderby", max_length=400)] = None,
    _top: Annotated[int | None, Query(alias="$top", ge=0, le=MAX_SKIP)] = None,
    _skip: Annotated[int | None, Query(alias="$skip", ge=0, le=MAX_SKIP)] = None,
    _count: Annotated[bool | None, Query(alias="$count")] = None,
    _select: Annotated[str | None, Query(alias="$select", max_length=400)] = None,
    _expand: Annotated[str | None, Query(alias="$expand", max_length=2_000)] = None,
) -> Mapping[str, str]:
    """What was asked, as it was written; each option once."""
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in given:
            raise bad(f"{name[:20]} is given twice.")
        given[name] = value
    return given


Asked = Annotated[Mapping[str, str], Depends(_asked)]


def routes(views: Views) -> APIRouter:
    """Build the routes."""
    router = APIRouter(prefix=f"/{VERSION}", tags=["SensorThings"])

    def answers(request: Request) -> Answers:
        shown = views.of(request, "read:things")
        return Answers(
            shown.catalogue,
            views.source,
            f"{views.root(request)}/{VERSION}",
            "read:readings" in request.state.caller.scopes,
        )

    @router.get("", responses=answered({"type": "object"}), summary="Landing page")
    def landing(request: Request) -> JSONResponse:
        demanded(request, "read:things")
        root = f"{views.root(request)}/{VERSION}"
        document = {
            "value": [{"name": name, "url": f"{root}/{name}"} for name in SETS],
            "serverSettings": {"conformance": list(CONFORMANCE), "subset": SUBSET},
        }
        return JSONResponse(document)

    for name in SETS:
        _add(router, name, answers)
    return router


def _add(router: APIRouter, name: str, answers: Any) -> None:
    words = {each: each for each in LINKS[name]}
    navigations = StrEnum(f"{name}Navigation", words) if words else None

    def listed(request: Request, asked: Asked) -> JSONResponse:
        return JSONResponse(answers(request).page(name, read_options(name, _own(asked))))

    def one(request: Request, key: Annotated[str, _KEY], asked: Asked) -> JSONResponse:
        options = _for_one(name, asked)
        return JSONResponse(answers(request).entity(name, _unquoted(key), options))

    router.add_api_route(
        f"/{name}", listed, responses=answered(_PAGE), operation_id=f"list{name}",
        summary=f"A page of {name}", methods=["GET"],
    )  # fmt: skip
    if navigations is not None:

        def led(
            request: Request,
            key: Annotated[str, _KEY],
            navigation: navigations,  # ty: ignore[invalid-type-form]
            asked: Asked,
        ) -> JSONResponse:
            target, many = LINKS[name][str(navigation)]
            options = read_options(target, _own(asked)) if many else _for_one(target, asked)
            return JSONResponse(
                answers(request).navigated(name, _unquoted(key), str(navigation), options)
            )

        router.add_api_route(
            f"/{name}('{{key:path}}')/{{navigation}}", led, operation_id=f"from{name}",
            responses=answered({"type": "object"}), summary=f"What {name} lead to",
            methods=["GET"],
        )  # fmt: skip
    router.add_api_route(
        f"/{name}('{{key:path}}')", one, responses=answered(_ENTITY),
        operation_id=f"one{name}", summary=f"One of {name}", methods=["GET"],
    )  # fmt: skip


def _own(asked: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in asked.items() if name.startswith("$")}


def _for_one(name: str, asked: Mapping[str, str]) -> Options:
    given = _own(asked)
    stray = [option for option in given if option not in FOR_ONE]
    if stray:
        raise bad(f"{stray[0][:20]} has no meaning for one entity.")
    return read_options(name, given)


def _unquoted(key: str) -> str:
    return key.replace("''", "'")
