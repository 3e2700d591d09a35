"""Tokens with scopes, kept as hashes; and how much one caller may ask.

A token is 32 random bytes, so a plain SHA-256 of it cannot be guessed back and needs no slow hash.
"""

import hashlib
import hmac
import json
import os
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from lifeline_kit.errors import InputError

SCOPES = ("read:things", "read:readings", "read:warnings", "read:personal")
OPEN_SCOPES = frozenset(SCOPES[:3])  # without a token file, on this machine alone
_CALLERS = 10_000


@dataclass(frozen=True, slots=True)
class Token:
    """One line of the token file."""

    name: str
    sha256: str
    scopes: tuple[str, ...]
    created: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what they may."""

    name: str
    scopes: frozenset[str]


def read_tokens(file: Path) -> list[Token]:
    """Read a token file.

    Raises
    ------
    InputError
        Missing, unreadable, or not of the expected form.
    """
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
        tokens = [
            Token(entry["name"], entry["sha256"], tuple(entry["scopes"]), entry["created"])
            for entry in entries["tokens"]
        ]
        if not all(re.fullmatch("[0-9a-f]{64}", token.sha256) for token in tokens):
            raise ValueError("sha256 must be 64 hexadecimal digits")
    except OSError as error:
        raise InputError(
            f"cannot read the tokens in {file}: {error.strerror}; "
            "make one with 'lifeline share token add NAME'."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{file} is no token file ({error!r}); expected what 'lifeline share token add' writes."
        ) from error
    for token in tokens:
        _check_scopes(token.scopes, f"{file}, token {token.name!r}")
    return tokens


def _check_scopes(scopes: Iterable[str], where: str) -> None:
    stray = [scope for scope in scopes if scope not in SCOPES]
    if stray:
        raise InputError(f"{where}: scope {stray[0]!r} is not known; expected {', '.join(SCOPES)}.")


def add_token(file: Path, name: str, scopes: Iterable[str]) -> str:
    """Add a token to a file (made where absent, readable by its owner alone).

    Returns
    -------
    str
        The token; it is shown once and stands nowhere.

    Raises
    ------
    InputError
        Where the name is taken or a scope is unknown.
    """
    scopes = tuple(dict.fromkeys(scopes))
    _check_scopes(scopes, "--scope")
    tokens = read_tokens(file) if file.exists() else []
    if not name or any(token.name == name for token in tokens):
        raise InputError(f"token name {name!r} is empty or taken; choose another.")
    secret = f"lk_{secrets.token_urlsafe(32)}"
    created = datetime.now(UTC).isoformat(timespec="seconds")
    _write(file, [*tokens, Token(name, _hash(secret), scopes, created)])
    return secret


def remove_token(file: Path, name: str) -> None:
    """Take a token away.

    Raises
    ------
    InputError
        Where there is none of that name.
    """
    tokens = read_tokens(file)
    left = [token for token in tokens if token.name != name]
    if len(left) == len(tokens):
        known = ", ".join(token.name for token in tokens) or "none"
        raise InputError(f"{file} holds no token {name!r}; it holds {known}.")
    _write(file, left)


def _write(file: Path, tokens: list[Token]) -> None:
    partial = file.with_name(file.name + ".partial")
    text = json.dumps({"tokens": [asdict(token) for token in tokens]}, indent=1)
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text + "\n")
        partial.replace(file)
    except OSError as error:
        raise InputError(f"cannot write {file}: {error.strerror}.") from error


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def caller_of(secret: str, tokens: list[Token]) -> Caller | None:
    """Who a token belongs to; every stored hash is compared, each in constant time."""
    presented = _hash(secret)
    found = None
    for token in tokens:
        if hmac.compare_digest(presented, token.sha256):
            found = Caller(token.name, frozenset(token.scopes))
    return found


class Allowance:
    """A token bucket per caller.

    Parameters
    ----------
    rate : float [requests per second]
    burst : float [requests]
    clock : callable
        Seconds, ever growing.
    """

    def __init__(
        self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate, self.burst, self.clock = rate, burst, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, caller: str) -> float:
        """Take one request; returns 0, or the seconds until the next is allowed."""
        now = self.clock()
        left, since = self._left.pop(caller, (self.burst, now))
        left = min(self.burst, left + (now - since) * self.rate)
        allowed = left >= 1.0
        self._left[caller] = (left - 1.0 if allowed else left, now)
        if len(self._left) > _CALLERS:
            self._left.popitem(last=False)
        return 0.0 if allowed else (1.0 - left) / self.rate
