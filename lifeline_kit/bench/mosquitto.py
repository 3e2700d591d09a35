"""A real mosquitto on a free port of loopback, for the benchmark and the tests."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

from lifeline_kit.errors import MissingPartError

_PATIENCE_S = 10.0


def mosquitto_path() -> str | None:
    """Where the broker's program is; Debian keeps it out of most people's path."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


class Mosquitto:
    """A broker of its own folder: sessions on disk, queues without limit.

    Parameters
    ----------
    folder : Path
        For configuration and persistence; it must be there.
    options : tuple of str
        More lines of the configuration.
    listener : tuple of str
        More lines of the listener (certificates).
    anonymous : bool
    """

    def __init__(
        self,
        folder: Path,
        *,
        options: tuple[str, ...] = (),
        listener: tuple[str, ...] = (),
        anonymous: bool = True,
    ) -> None:
        program = mosquitto_path()
        if program is None:
            raise MissingPartError(
                "mosquitto is not installed; it is needed here alone (Debian: apt install "
                "mosquitto)."
            )
        self.program, self.folder = program, folder
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        lines = (
            f"listener {self.port} 127.0.0.1",
            *listener,
            f"allow_anonymous {'true' if anonymous else 'false'}",
            "persistence true",
            f"persistence_location {folder}{os.sep}",
            "max_queued_messages 0",
            "max_inflight_messages 1000",
            "log_dest none",
            # it would change to a user who cannot write here
            *(("user root",) if hasattr(os, "getuid") and os.getuid() == 0 else ()),
            *options,
        )
        (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")

    @property
    def address(self) -> str:
        """``mqtt://127.0.0.1:port``."""
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> "Mosquitto":
        """Start it and wait until it listens."""
        self._process = subprocess.Popen(
            [self.program, "-c", str(self.folder / "mosquitto.conf")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            if self._process.poll() is not None:
                break
            time.sleep(0.02)
        raise MissingPartError(f"{self.program} did not start; see {self.folder}/mosquitto.conf.")

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it: SIGTERM lets it save its sessions, SIGKILL does not."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(_PATIENCE_S)
            self._process = None

    def __enter__(self) -> "Mosquitto":
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
