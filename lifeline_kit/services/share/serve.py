"""Run the sharing service."""

import socket
from collections.abc import Callable
from pathlib import Path

from lifeline_kit.errors import ServiceError
from lifeline_kit.services.share.settings import Settings, is_loopback


def serve(
    folder: Path,
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    say: Callable[[str], None] = lambda _text: None,
) -> None:
    """Serve a city until told to stop.

    Parameters
    ----------
    folder : Path
    settings : Settings
    host : str
        Addresses beyond this machine need a token file.
    port : int
        0 takes a free one.
    say : callable, optional
        Takes the address, once the service listens.

    Raises
    ------
    ServiceError
        Open to others without tokens, or the port is taken.
    """
    import uvicorn

    from lifeline_kit.services.share.app import build_app
    from lifeline_kit.services.share.connection import Connection

    if settings.tokens is None and not is_loopback(host):
        raise ServiceError(
            f"--host {host} opens the service to other machines, and no --tokens FILE is given; "
            "make one with 'lifeline share token add NAME', or serve on 127.0.0.1."
        )
    listener = _listener(host, port)
    try:
        config = uvicorn.Config(
            build_app(folder, settings),
            http=Connection,
            log_level="warning",
            server_header=False,
            proxy_headers=False,
            limit_concurrency=64,
            timeout_keep_alive=10,
            timeout_graceful_shutdown=10,
            h11_max_incomplete_event_size=32_768,
            ws="none",
        )
        name = f"[{host}]" if ":" in host else host
        say(f"http://{name}:{listener.getsockname()[1]}/")
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        listener.close()


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns the delay of small packets (40 ms an answer) off only for sockets named TCP
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        raise ServiceError(
            f"cannot listen on {host}:{port} ({getattr(error, 'strerror', None) or error}); "
            "name another --host or --port."
        ) from error
    return listener
