"""What one caller may see of the city, and the routes' common small parts."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import geopandas as gpd
from fastapi import Request

from lifeline_kit.services.share.catalogue import Catalogue
from lifeline_kit.services.share.gate import PROBLEM_JSON
from lifeline_kit.services.share.observations import shortest
from lifeline_kit.services.share.personal import anonymised
from lifeline_kit.services.share.problems import Problem
from lifeline_kit.services.share.settings import Settings
from lifeline_kit.services.share.source import Source
from lifeline_kit.services.share.tokens import Caller

_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}
_MEANINGS = {
    400: "The request cannot be understood.",
    401: "No token, or none that is known.",
    403: "The token lacks the scope.",
    404: "Nothing there.",
    405: "This service only gives.",
    413: "A body came.",
    414: "The address is too long.",
    421: "Host names another machine (only without tokens).",
    429: "Too many requests; Retry-After says when.",
}
PROBLEMS: dict[int | str, dict] = {
    status: {"description": meaning, "content": {PROBLEM_JSON: {"schema": _PROBLEM}}}
    for status, meaning in _MEANINGS.items()
}


@dataclass(frozen=True)
class Shown:
    """The tables as one kind of caller sees them."""

    assets: gpd.GeoDataFrame
    sensors: gpd.GeoDataFrame
    areas: gpd.GeoDataFrame
    source: Source

    @cached_property
    def catalogue(self) -> Catalogue:
        """The tables as SensorThings entities."""
        return Catalogue(self.source.city, self.assets, self.sensors)


class Views:
    """The city twice at most: with personal fields and without."""

    def __init__(self, source: Source, settings: Settings) -> None:
        self.source = source
        self.settings = settings
        self._of = lru_cache(maxsize=2)(self._build)

    def _build(self, personal: bool) -> Shown:
        city = self.source.city
        frames = (city.assets, city.sensors, city.areas)
        if not personal:
            key, names = self.settings.pseudonym_key, self.settings.personal
            frames = tuple(anonymised(frame, key=key, names=names) for frame in frames)
        return Shown(*(_rounded(frame) for frame in frames), source=self.source)

    def of(self, request: Request, scope: str) -> Shown:
        """The tables for the caller of a request.

        Raises
        ------
        Problem
            403, where the caller lacks the scope.
        """
        caller = demanded(request, scope)
        return self._of("read:personal" in caller.scopes)

    def root(self, request: Request) -> str:
        """Address of the service as the caller sees it, without a slash at its end."""
        return (self.settings.public_url or str(request.base_url)).rstrip("/")


def _rounded(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Single precision as people wrote it: 0.9, not 0.8999999761581421."""
    frame = frame.copy(deep=False)
    for name, kind in frame.dtypes.items():
        if kind == "float32":
            frame[name] = shortest(frame[name].to_numpy())
    return frame


def demanded(request: Request, scope: str) -> Caller:
    """The caller of a request, who must have a scope.

    Raises
    ------
    Problem
        403.
    """
    caller: Caller = request.state.caller
    if scope not in caller.scopes:
        raise Problem(403, f"the token has no scope {scope}.")
    return caller


def answered(schema: dict, media: str = "application/json", about: str = "Found.") -> dict:
    """The `responses` of a route: its answer, and every problem."""
    return {200: {"description": about, "content": {media: {"schema": schema}}}, **PROBLEMS}
