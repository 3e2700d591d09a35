"""The chain of the book: each event carries the hash of the one before it."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lifeline_kit.errors import LedgerError

GENESIS = "0" * 64
_FIELDS = ("seq", "key", "entity", "item", "version", "act", "at", "told", "actor", "body")


def plain(body: Mapping, *, of: str) -> str:
    """Write a body as JSON, always the same way.

    Raises
    ------
    LedgerError
        Where it holds what JSON or UTF-8 cannot.
    """
    try:
        text = json.dumps(
            body, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
        )
        text.encode()
    except (TypeError, ValueError) as error:
        raise LedgerError(
            f"{of}: {error}; expected plain text, finite numbers, lists and dictionaries."
        ) from None
    return text


def link(before: str, row: Mapping) -> str:
    """Hash of an event that follows one with the hash `before`, 64 hex digits (SHA-256)."""
    said = json.dumps([row[name] for name in _FIELDS], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(f"{before}\n{said}".encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a check of the book found.

    Attributes
    ----------
    events : int
    head : str
        Hash of the last event: written down elsewhere, it proves that nothing was cut off.
    problems : tuple of str
        Empty where the book is whole.
    """

    events: int
    head: str
    problems: tuple[str, ...]


def broken(rows: Iterable[Mapping]) -> Iterator[str | tuple[int, str]]:
    """Walk the book; yields what is wrong, and at last how many events and the last hash."""
    before, last = GENESIS, 0
    for row in rows:
        where = f"event {row['seq']} ({row['entity']} {row['item']}, {row['act']})"
        if row["seq"] != last + 1:
            yield f"events {last + 1} to {row['seq'] - 1} are missing"
        if row["before"] != before:
            yield f"{where} does not follow the event before it"
        if link(row["before"], row) != row["hash"]:
            yield f"{where} was changed"
        before, last = row["hash"], row["seq"]
    yield last, before
