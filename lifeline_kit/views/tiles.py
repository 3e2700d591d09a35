"""Vector tiles of a city's assets: written once into its derived folder, served from there."""

from pathlib import Path

import pyogrio
from pmtiles.reader import MmapSource, Reader
from tornado.web import HTTPError, RequestHandler

from lifeline_kit.io.examinations import derived_folder
from lifeline_kit.model.city import City

MIN_ZOOM, MAX_ZOOM = 10, 14
# GDAL drops features silently above its defaults (500 kB, 200,000); a map must not.
MAX_SIZE, MAX_FEATURES = 8_000_000, 1_000_000


def tiles_file(city: City) -> Path:
    """Name the archive of a city's tiles; the fingerprint keeps old tiles from being shown."""
    return derived_folder(city) / f"assets-{city.digest}.pmtiles"


def write_tiles(city: City) -> Path:
    """Write the tiles of a city's assets where they are missing.

    Each feature carries `id` (row number in the table of assets), `lifeline` and `kind`; levels
    come later, over the websocket.

    Returns
    -------
    Path
        A PMTiles archive, zoom 10 to 14, layer `assets`.
    """
    file = tiles_file(city)
    if file.exists():
        return file
    assets = city.assets[["lifeline", "kind", "geometry"]].to_crs(4326)
    assets.insert(0, "id", range(len(assets)))
    partial = file.with_name(f"partial-{file.name}")
    partial.unlink(missing_ok=True)
    pyogrio.write_dataframe(
        assets,
        partial,
        layer="assets",
        driver="PMTiles",
        geometry_type="Unknown",
        MINZOOM=MIN_ZOOM,
        MAXZOOM=MAX_ZOOM,
        MAX_SIZE=MAX_SIZE,
        MAX_FEATURES=MAX_FEATURES,
    )
    for old in file.parent.glob("assets-*.pmtiles"):
        old.unlink()
    return partial.replace(file)


class TileHandler(RequestHandler):
    """Serve one tile of the city that this process shows."""

    def initialize(self, city: City) -> None:
        """Take the city from the route."""
        self._city = city

    def get(self, digest: str, z: str, x: str, y: str) -> None:
        """Answer with a gzipped vector tile, or 204 where nothing lies."""
        file = tiles_file(self._city)
        if digest != self._city.digest or not file.exists():
            raise HTTPError(404)
        tile = _reader(file).get(int(z), int(x), int(y))
        self.set_header("Cache-Control", "public, max-age=31536000, immutable")
        if not tile:
            self.set_status(204)
            return
        self.set_header("Content-Type", "application/vnd.mapbox-vector-tile")
        self.set_header("Content-Encoding", "gzip")
        self.write(tile)


_READERS: dict[Path, Reader] = {}


def _reader(file: Path) -> Reader:
    if file not in _READERS:
        stream = file.open("rb")  # stays open: the archive is read through memory mapping
        _READERS[file] = Reader(MmapSource(stream))
    return _READERS[file]


def tile_route(city: City) -> tuple[str, type[TileHandler], dict]:
    """Return the route of a city's tiles, for the server's extra patterns."""
    return (r"/tiles/([0-9a-z]+)/(\d+)/(\d+)/(\d+)", TileHandler, {"city": city})


def tile_address(city: City) -> str:
    """Return the address of the tiles, relative to the pages."""
    return f"tiles/{city.digest}/{{z}}/{{x}}/{{y}}"
