"""The sharing service: routes behind the gate, problems for answers, nothing of ours shown."""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError, StarletteHTTPException
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse

from lifeline_kit.errors import LifelineError
from lifeline_kit.services.share import exports, layers, sensorthings
from lifeline_kit.services.share.gate import PROBLEM_JSON, UNREADABLE, Gate
from lifeline_kit.services.share.problems import Problem, problem
from lifeline_kit.services.share.settings import Settings
from lifeline_kit.services.share.source import Source
from lifeline_kit.services.share.view import PROBLEMS, Views

_GZIP_FROM = 1_024
_LOG = logging.getLogger(__name__)


def build_app(folder: Path, settings: Settings | None = None) -> FastAPI:
    """Build the read-only service of one city.

    Parameters
    ----------
    folder : Path
        City folder, plain or with a live store.
    settings : Settings, optional

    Raises
    ------
    CityError, StoreError, InputError
        Where folder or token file cannot be read.
    """
    settings = settings or Settings()
    if settings.tokens is not None:
        from lifeline_kit.services.share.tokens import read_tokens

        read_tokens(settings.tokens)
    source = Source(folder)
    views = Views(source, settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        yield
        source.close()

    # the pages of /docs load scripts from elsewhere, so there are none
    app = FastAPI(title="lifeline share", docs_url=None, redoc_url=None, lifespan=lifespan)
    for part in (sensorthings, layers, exports):
        app.include_router(part.routes(views))
    _add_landing(app, views)
    _add_problems(app)
    app.add_middleware(GZipMiddleware, minimum_size=_GZIP_FROM, compresslevel=5)
    app.add_middleware(Gate, settings=settings, source=source)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.origins),
            allow_methods=["GET"],
            allow_headers=["Authorization", "X-API-Key"],
            expose_headers=["ETag", "Retry-After"],
        )
    _describe(app, with_tokens=settings.tokens is not None)
    return app


def _add_landing(app: FastAPI, views: Views) -> None:
    @app.get("/", responses={200: {"description": "Doors."}, **PROBLEMS}, summary="Doors")
    def landing(request: Request) -> JSONResponse:
        root = views.root(request)
        city = views.source.city
        return JSONResponse(
            {
                "title": {"zh": city.name.zh, "en": city.name.en},
                "real_or_simulated": city.origin,
                "sensorthings": f"{root}/{sensorthings.VERSION}",
                "subset": sensorthings.SUBSET,
                "geojson": [f"{root}/geojson/{layer}" for layer in layers.Layer],
                "export": [f"{root}/export/readings.{kind}" for kind in ("csv", "parquet")],
                "openapi": f"{root}/openapi.json",
            }
        )


def _add_problems(app: FastAPI) -> None:
    def answer(status: int, detail: str, headers: Any = None) -> JSONResponse:
        return JSONResponse(problem(status, detail), status, headers, PROBLEM_JSON)

    @app.exception_handler(Problem)
    def refused(_request: Request, error: Problem) -> JSONResponse:
        return answer(error.status, error.detail, error.headers)

    @app.exception_handler(RequestValidationError)
    def unfit(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        if first["loc"][0] == "path":
            return answer(404, "nothing there.")
        where = ".".join(str(part)[:40] for part in first["loc"][1:])
        return answer(400, f"{where}: {first['msg'][:200]}")

    @app.exception_handler(StarletteHTTPException)
    def plain(_request: Request, error: StarletteHTTPException) -> JSONResponse:
        unknown = error.status_code == 404
        detail = "nothing there; GET / names the doors." if unknown else str(error.detail)
        return answer(error.status_code, detail, error.headers)

    @app.exception_handler(LifelineError)
    def broken(request: Request, error: LifelineError) -> JSONResponse:
        _LOG.error("%s cannot be answered: %s", request.url.path, error)
        return answer(503, UNREADABLE)


def _describe(app: FastAPI, *, with_tokens: bool) -> None:
    """Leave the framework's own 422 out, which never comes, and name how to show a token."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(title=app.title, version="1.1", routes=app.routes)
            for path in schema["paths"].values():
                for operation in path.values():
                    operation["responses"].pop("422", None)
            components = schema.setdefault("components", {})
            for name in ("HTTPValidationError", "ValidationError"):
                components.get("schemas", {}).pop(name, None)
            if with_tokens:
                components["securitySchemes"] = {
                    "bearer": {"type": "http", "scheme": "bearer"},
                    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                }
                schema["security"] = [{"bearer": []}, {"key": []}]
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = described
