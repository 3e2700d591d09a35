"""A broker inside this process, on loopback, so that replay works on a fresh machine.

What it gives: QoS 1, retained messages and messages kept for a collector that is away, as long as
this process lives. What it does not give: MQTT 5 (it speaks 3.1.1), a receive maximum, anything on
disk, and redelivery of a message that was under way when the connection broke – it also drops what
is not acknowledged within five seconds. For terminals in the field use a real broker (mosquitto
with ``persistence true`` and ``max_queued_messages 0``); there nothing is lost.
"""

import asyncio
import logging
import socket
import threading
from typing import TYPE_CHECKING

from lifeline_kit.errors import ServiceError

if TYPE_CHECKING:
    from types import TracebackType

LOOPBACK = "127.0.0.1"
# the library keeps messages for those who are away only where they gave a name
USERNAME = "lifeline"
_PATIENCE_S = 10.0


class EmbeddedBroker:
    """A broker in a thread of its own; use it with ``with``.

    Parameters
    ----------
    port : int, default 0
        0 takes a free one.

    Raises
    ------
    ServiceError
        On entering, where the port is taken.
    """

    def __init__(self, port: int = 0) -> None:
        self.host = LOOPBACK
        self.port = port
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)

    @property
    def address(self) -> str:
        """Where clients find it, ``mqtt://127.0.0.1:port``."""
        return f"mqtt://{self.host}:{self.port}"

    def __enter__(self) -> "EmbeddedBroker":
        logging.getLogger("amqtt").setLevel(logging.CRITICAL)
        logging.getLogger("transitions").setLevel(logging.CRITICAL)
        self.port = _free_port(self.port)
        self._thread.start()
        self._ready.wait(_PATIENCE_S)
        if self._failure is not None or not self._ready.is_set():
            raise ServiceError(
                f"the embedded broker cannot listen on {self.host}:{self.port} "
                f"({self._failure or 'no answer'}); name another --port or a --broker."
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: "TracebackType | None",
    ) -> None:
        if self._loop.is_running():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_PATIENCE_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except Exception as error:  # told to the thread that waits
            self._failure = error
        finally:
            self._ready.set()
            self._loop.close()

    async def _serve(self) -> None:
        from amqtt.broker import Broker

        self._stop = asyncio.Event()
        broker = Broker(
            {
                "listeners": {"default": {"type": "tcp", "bind": f"{self.host}:{self.port}"}},
                "plugins": {
                    "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": False}
                },
            }
        )
        await broker.start()
        self._ready.set()
        await self._stop.wait()
        await broker.shutdown()


def _free_port(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or error
            raise ServiceError(
                f"cannot listen on port {port} of {LOOPBACK} ({why}); name another --port."
            ) from error
        return int(probe.getsockname()[1])
