"""One writer at a time: an advisory lock that a dying process gives back by itself."""

import os
import socket
from pathlib import Path
from typing import IO

from lifeline_kit.errors import StoreError

LOCK = "writer.lock"


def hold_writer_lock(folder: Path) -> IO[str]:
    """Take the writer's lock of a live folder; closing the returned file gives it back.

    Raises
    ------
    StoreError
        Naming the process that holds it, or where the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream = (folder / LOCK).open("a+", encoding="utf-8")
    except OSError as error:
        raise StoreError(
            f"cannot write to {folder}: {error.strerror}; expected a folder for the live store "
            "that may be written; check its permissions, or open it for reading alone."
        ) from error
    if not _locked(stream):
        stream.seek(0)
        holder = stream.read().strip() or "another process"
        stream.close()
        raise StoreError(
            f"{folder} is being written by {holder}; a live store has one writer at a time. "
            "Stop that process, or open the store for reading."
        )
    stream.truncate(0)
    stream.write(f"process {os.getpid()} on {socket.gethostname()}\n")
    stream.flush()
    return stream


def _locked(stream: IO[str]) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            stream.seek(1 << 20)  # beyond the text, which others must still be able to read
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
