"""GeoJSON of assets, sensors, areas and warnings (WGS 84, RFC 7946)."""

from enum import StrEnum
from typing import Annotated

import geopandas as gpd
import pandas as pd
from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from lifeline_kit.services.share.catalogue import outline, plain
from lifeline_kit.services.share.problems import absent
from lifeline_kit.services.share.view import Shown, Views, answered

GEOJSON = "application/geo+json"
MAX_FEATURES = 20_000


class Layer(StrEnum):
    """What can be drawn."""

    ASSETS = "assets"
    SENSORS = "sensors"
    AREAS = "areas"
    WARNINGS = "warnings"


_SCHEMA = {
    "type": "object",
    "required": ["type", "features", "numberMatched"],
    "properties": {
        "type": {"const": "FeatureCollection"},
        "numberMatched": {"type": "integer"},
        "features": {"type": "array", "items": {"type": "object"}},
    },
}


def routes(views: Views) -> APIRouter:
    """Build the routes."""
    router = APIRouter(tags=["GeoJSON"])

    @router.get(
        "/geojson/{layer}",
        responses=answered(_SCHEMA, GEOJSON),
        operation_id="layer",
        summary="A layer of the map",
    )
    def layer_of(
        request: Request,
        layer: Layer,
        lifeline: Annotated[str | None, Query(max_length=64)] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_FEATURES)] = 1_000,
        offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    ) -> JSONResponse:
        scope = "read:warnings" if layer is Layer.WARNINGS else "read:things"
        frame = _frame(views.of(request, scope), layer)
        if lifeline is not None and "lifeline" in frame.columns:
            frame = frame[frame["lifeline"] == lifeline]
        page = frame.iloc[offset : offset + limit]
        document = {
            "type": "FeatureCollection",
            "numberMatched": len(frame),
            "numberReturned": len(page),
            "features": _features(page),
        }
        if offset + limit < len(frame):
            following = request.url.include_query_params(offset=offset + limit, limit=limit)
            href = f"{views.root(request)}{following.path}?{following.query}"
            document["links"] = [{"rel": "next", "href": href, "type": GEOJSON}]
        return JSONResponse(document, media_type=GEOJSON)

    return router


def _frame(shown: Shown, layer: Layer) -> gpd.GeoDataFrame:
    if layer is not Layer.WARNINGS:
        return getattr(shown, str(layer))
    examination = shown.source.examination()
    if examination is None:
        raise absent("no examination is stored with this city; run 'lifeline serve' or examine it.")
    warnings = examination.warnings.drop(columns="findings")
    geometry = shown.assets.geometry.reindex(warnings["asset"]).to_numpy()
    return gpd.GeoDataFrame(warnings, geometry=geometry, crs=shown.assets.crs)


def _features(page: gpd.GeoDataFrame) -> list[dict]:
    known = page.crs is not None and len(page)
    geometry = (page.geometry.to_crs(4326) if known else page.geometry).to_numpy()
    properties = pd.DataFrame(page.drop(columns=page.geometry.name))
    columns = {name: properties[name].tolist() for name in properties.columns}
    return [
        {
            "type": "Feature",
            "id": str(key),
            "geometry": outline(place) if place is not None and not place.is_empty else None,
            "properties": {
                name: plain(values[row])
                for name, values in columns.items()
                if plain(values[row]) is not None
            },
        }
        for row, (key, place) in enumerate(zip(page.index, geometry, strict=True))
    ]
