"""Run the sharing service."""

import ipaddress
import socket
from pathlib import Path

from lifeline_kit.errors import ServiceError
from lifeline_kit.services.share.settings import Settings


def serve(folder: Path, settings: Settings, *, host: str = "127.0.0.1", port: int = 8080) -> None:
    """Serve a city until told to stop.

    Parameters
    ----------
    folder : Path
    settings : Settings
    host : str
        Addresses beyond this machine need a token file.
    port : int

    Raises
    ------
    ServiceError
        Open to others without tokens, or the port is taken.
    """
    import uvicorn

    from lifeline_kit.services.share.app import build_app

    if settings.tokens is None and not is_loopback(host):
        raise ServiceError(
            f"--host {host} opens the service to other machines, and no --tokens FILE is given; "
            "make one with 'lifeline share token add NAME', or serve on 127.0.0.1."
        )
    listener = _listener(host, port)
    try:
        config = uvicorn.Config(
            build_app(folder, settings),
            log_level="warning",
            server_header=False,
            proxy_headers=False,
            limit_concurrency=64,
            timeout_keep_alive=10,
            timeout_graceful_shutdown=10,
            h11_max_incomplete_event_size=32_768,
            ws="none",
        )
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        listener.close()


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise ServiceError(
            f"cannot listen on {host}:{port} ({getattr(error, 'strerror', None) or error}); "
            "name another --host or --port."
        ) from error
    return listener
