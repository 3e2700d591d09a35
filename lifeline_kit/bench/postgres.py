"""A PostgreSQL of the machine's own binaries, in a temporary folder, for benchmark and tests."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from lifeline_kit.errors import MissingPartError


def postgres_path() -> Path | None:
    """Where the newest server's programs are; Debian keeps them out of everybody's path."""
    found = Path("/usr/lib/postgresql").glob("*/bin")
    return max(found, key=lambda path: int(path.parent.name), default=None)


@contextmanager
def postgres() -> Generator[str]:
    """Start a server on a free port of loopback; yields its address, and leaves nothing behind.

    Raises
    ------
    MissingPartError
        Where PostgreSQL is not installed.
    """
    binary = postgres_path()
    if binary is None:
        raise MissingPartError(
            "PostgreSQL is not installed; it is needed here alone (Debian: apt install postgresql)."
        )
    folder = Path(tempfile.mkdtemp(prefix="lk-pg-"))
    user = None
    if os.geteuid() == 0:  # the server refuses to be root
        names = {entry.pw_name for entry in pwd.getpwall()}
        user = "postgres" if "postgres" in names else "nobody"
        shutil.chown(folder, user)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def run(*command: str) -> None:
        subprocess.run(
            command,
            check=True,
            user=user,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            timeout=60,
            env={"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]},
        )

    data = str(folder / "data")
    run(
        str(binary / "initdb"), "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8", "--no-sync"
    )
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    run(str(binary / "pg_ctl"), "-D", data, "-o", options, "-w", "-l", f"{data}/log", "start")
    try:
        yield f"postgresql+pg8000://tester@127.0.0.1:{port}/postgres"
    finally:
        run(str(binary / "pg_ctl"), "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)
