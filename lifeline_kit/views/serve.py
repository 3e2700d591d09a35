"""The server of the dashboards: pages, map tiles, reports, one background worker."""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Callable
from pathlib import Path

import panel as pn
from rich.console import Console
from tornado.web import GZipContentEncoding, RedirectHandler

from lifeline_kit.errors import ServiceError
from lifeline_kit.views.alarms import alarms
from lifeline_kit.views.checkup import checkup
from lifeline_kit.views.desk import desk
from lifeline_kit.views.heating import heating
from lifeline_kit.views.network import network
from lifeline_kit.views.overview import overview
from lifeline_kit.views.page import PAGES
from lifeline_kit.views.report import report_route
from lifeline_kit.views.store import CITY_VARIABLE, Store, current_store
from lifeline_kit.views.tiles import tile_route
from lifeline_kit.views.triage import triage
from lifeline_kit.views.weights import weights
from lifeline_kit.views.worker import start_worker

_FACTORIES = {
    "overview": overview,
    "desk": desk,
    "alarms": alarms,
    "triage": triage,
    "network": network,
    "heating": heating,
    "checkup": checkup,
    "weights": weights,
}
_NOTEBOOKS = (
    Path(__file__).parent / "notebooks",
    Path(__file__).parents[2] / "notebooks/dashboards",
)
_DAY = 86_400
UNUSED_MS, CHECK_MS = 20_000, 5_000  # a closed page is forgotten so soon
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_CONSOLE = Console(stderr=False, highlight=False)


def serve(
    city_path: Path, *, host: str = "127.0.0.1", port: int = 5006, open_browser: bool = False
) -> None:
    """Serve the dashboards of a city until interrupted; the address is printed when it answers.

    Parameters
    ----------
    city_path : Path
        A city folder.
    host : str
        Address to listen on; anything but loopback lets other machines in, and says so.
    port : int
    open_browser : bool

    Raises
    ------
    ServiceError
        Where the port is taken or there is no city.
    """
    began = time.monotonic()
    check_port(host, port)
    os.environ[CITY_VARIABLE] = str(city_path)
    store = current_store()
    worker = start_worker(Path(city_path))
    try:
        server = make_server(store, host=host, port=port)
        address = f"http://{'localhost' if host in _LOOPBACK else host}:{port}"
        if host not in _LOOPBACK:
            _CONSOLE.print(
                f"[yellow]listening on {host}: every machine that reaches this one can open the "
                "pages; there are no accounts. Use --host 127.0.0.1 to keep them here.[/yellow]"
            )
        threading.Thread(
            target=_announce, args=(host, port, address, open_browser, began), daemon=True
        ).start()
        _stop_on_term(server)
        server.start()  # also starts forgetting the sessions of closed pages
        with contextlib.suppress(KeyboardInterrupt):
            server.io_loop.start()
    finally:
        worker.terminate()
        worker.wait(timeout=10)


def _stop_on_term(server: pn.io.server.Server) -> None:
    """End in order when asked to, so that the worker ends too."""
    if threading.current_thread() is threading.main_thread():
        loop = server.io_loop
        signal.signal(signal.SIGTERM, lambda *_: loop.add_callback_from_signal(loop.stop))


def make_server(store: Store, *, host: str = "127.0.0.1", port: int = 0) -> pn.io.server.Server:
    """Build the server without starting its loop; port 0 takes a free one.

    Raises
    ------
    ServiceError
        Where the port cannot be listened on.
    """
    os.environ[CITY_VARIABLE] = str(store.city.path)
    try:
        server = pn.io.server.get_server(
            dict(page_sources()),
            port=port,
            address=host,
            websocket_origin=_origins(host, port),
            start=False,
            show=False,
            extra_patterns=[
                (r"/", RedirectHandler, {"url": "/overview", "permanent": False}),
                tile_route(store.city),
                report_route(store.city),
            ],
            use_index=False,
            session_token_expiration=_DAY,
            check_unused_sessions_milliseconds=CHECK_MS,
            unused_session_lifetime_milliseconds=UNUSED_MS,
            liveness=True,
        )
    except OSError as error:
        raise ServiceError(_taken(host, port, error)) from error
    # Bokeh sends 5 MB of scripts uncompressed otherwise; tiles carry their own compression.
    server._tornado.add_transform(GZipContentEncoding)
    return server


def page_sources() -> dict[str, str | Callable[[], object]]:
    """Pages by name: the notebook where one is found, otherwise the function that it calls."""
    sources: dict[str, str | Callable[[], object]] = {}
    for name in PAGES:
        files = [folder / f"{name}.ipynb" for folder in _NOTEBOOKS]
        notebook = next((file for file in files if file.exists()), None)
        sources[name] = str(notebook) if notebook else _FACTORIES[name]
    return sources


def check_port(host: str, port: int) -> None:
    """Make sure that a port is free.

    Raises
    ------
    ServiceError
    """
    if not 0 < port < 65536:
        raise ServiceError(f"port {port} is none; expected 1 to 65535, such as 5006.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServiceError(_taken(host, port, error)) from error


def _taken(host: str, port: int, error: OSError) -> str:
    return (
        f"cannot listen on {host}:{port} ({error.strerror or error}); another program may use the "
        f"port. End it or choose another: lifeline serve --port {port + 1}."
    )


def _origins(host: str, port: int) -> list[str]:
    """Say from which addresses a page may open its websocket."""
    if host in _LOOPBACK:
        return [f"{name}:{port or '*'}" for name in ("localhost", "127.0.0.1")]
    return ["*"]  # the machine's names are not known here; it was asked for by --host


def _announce(host: str, port: int, address: str, open_browser: bool, began: float) -> None:
    """Ask for the first page until it answers: warms the process, then tells the reader."""
    target = "127.0.0.1" if host in {"0.0.0.0", "localhost"} else host
    while time.monotonic() - began < 120:
        try:
            with urllib.request.urlopen(f"http://{target}:{port}/overview", timeout=60) as answer:
                if answer.status == 200:
                    break
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    else:
        _CONSOLE.print(f"[red]{address} does not answer; see the messages above.[/red]")
        return
    _CONSOLE.print(
        f"Dashboards: [bold]{address}[/bold]  (first page after {time.monotonic() - began:.1f} s)"
    )
    _CONSOLE.print(
        f"中文: {'  '.join(f'/{name}' for name in PAGES)}    English: /overview?lang=en …"
    )
    _CONSOLE.print("Press Ctrl+C to stop.")
    sys.stdout.flush()
    if open_browser:
        webbrowser.open(address)
