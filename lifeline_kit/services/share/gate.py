"""The gate before every request: size, rate, token, freshness; and headers on every answer."""

import hashlib
import json
import logging
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool

from lifeline_kit.errors import InputError, LifelineError
from lifeline_kit.services.share.problems import Problem, problem
from lifeline_kit.services.share.settings import Settings, is_loopback
from lifeline_kit.services.share.source import Source
from lifeline_kit.services.share.tokens import (
    OPEN_SCOPES,
    Allowance,
    Caller,
    Token,
    caller_of,
    read_tokens,
)

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send
    from starlette.types import Message as Event

MAX_TARGET = 8_192
PROBLEM_JSON = "application/problem+json"
UNREADABLE = "the data cannot be read at the moment; the operator's log says more."
HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"cache-control": b"private, no-cache",
}
_LOG = logging.getLogger(__name__)
_PUBLIC = {"/", "/openapi.json"}


@dataclass
class _TokenFile:
    """Tokens of a file, read again when it changes: a removed token is out at once."""

    file: Path
    stamp: tuple[int, int] = (-1, -1)
    tokens: tuple[Token, ...] = ()

    def now(self) -> list[Token]:
        try:
            status = self.file.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if stamp != self.stamp:
                self.tokens, self.stamp = tuple(read_tokens(self.file)), stamp
        except (OSError, InputError):  # nobody enters with a file that cannot be read
            return []
        return list(self.tokens)


class Gate:
    """ASGI middleware around the whole service."""

    def __init__(self, app: "ASGIApp", *, settings: Settings, source: Source) -> None:
        self.app = app
        self.source = source
        self.tokens = _TokenFile(settings.tokens) if settings.tokens else None
        self.allowance = Allowance(settings.rate, settings.burst)
        self.public = urlsplit(settings.public_url).hostname
        # all that changes an answer and is fixed while the service runs
        fixed = (
            version("lifeline_kit"),
            (settings.pseudonym_key or b"").hex(),
            settings.public_url,
            *sorted(settings.personal),
        )
        self.print = hashlib.sha256("\0".join(fixed).encode()).hexdigest()

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Let a request through, or answer it here."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            caller = self._enter(scope)
            tag = await run_in_threadpool(self._tag, scope, caller)  # it may wait for the store
        except Problem as refusal:
            await _refuse(refusal, send)
            return
        except LifelineError:
            _LOG.exception("the data of %s cannot be read", scope["path"])
            await _refuse(Problem(503, UNREADABLE), send)
            return
        scope.setdefault("state", {})["caller"] = caller
        if scope["method"] == "HEAD":  # the server sends the headers of GET, and no body
            scope = {**scope, "method": "GET"}
        if tag and scope["method"] == "GET" and _has(scope, b"if-none-match", tag):
            await _answer(304, b"", {b"etag": tag.encode()}, send)
            return
        await self._guarded(scope, receive, _Answered(send, tag))

    async def _guarded(self, scope: "Scope", receive: "Receive", send: "_Answered") -> None:
        try:
            await self.app(scope, receive, send)
        except Exception:
            _LOG.exception("internal error while answering %s", scope["path"])
            if send.begun:
                raise  # half an answer is out: only a broken connection says that it is half
            detail = "internal error; the operator's log says more."
            await _refuse(Problem(500, detail), send.send)

    def _enter(self, scope: "Scope") -> Caller:
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MAX_TARGET:
            raise Problem(414, f"the address is longer than {MAX_TARGET} characters.")
        if _length(scope) > 0:
            raise Problem(413, "this service only gives; send no body.")
        if self.tokens is None and not self._is_named_rightly(scope):
            raise Problem(421, "expected this machine's own name in Host, or --public-url's.")
        address = (scope.get("client") or ("unknown", 0))[0]
        caller = Caller(f"address {address}", OPEN_SCOPES)
        if self.tokens is not None:
            secret = _secret(scope)
            known = caller_of(secret, self.tokens.now()) if secret else None
            caller = known or Caller(caller.name, frozenset())
        wait = self.allowance.wait(caller.name)
        if wait:
            seconds = str(max(1, round(wait + 0.5)))
            raise Problem(429, "too many requests; wait a little.", {"Retry-After": seconds})
        if self.tokens is not None and not caller.scopes and scope["path"] not in _PUBLIC:
            raise Problem(
                401,
                "expected a token: Authorization: Bearer TOKEN, or X-API-Key: TOKEN.",
                {"WWW-Authenticate": "Bearer"},
            )
        return caller

    def _is_named_rightly(self, scope: "Scope") -> bool:
        """Whether Host is ours: a page elsewhere may let its own name point at this machine."""
        for name, value in scope["headers"]:
            if name == b"host":
                try:
                    host = urlsplit(f"//{value.decode('latin-1')}").hostname or ""
                except ValueError:
                    return False
                return host == self.public or is_loopback(host)
        return True

    def _tag(self, scope: "Scope", caller: Caller) -> str:
        """Weak ETag of an address for this caller, as long as nothing changes."""
        if scope["path"] in _PUBLIC:
            return ""
        parts = (
            self.source.version(),
            self.print,
            ",".join(sorted(caller.scopes)),
            scope["path"],
            scope["query_string"].decode("latin-1"),
            ",".join(v.decode("latin-1") for k, v in scope["headers"] if k == b"host"),
        )
        return f'W/"{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:24]}"'


def _length(scope: "Scope") -> int:
    for name, value in scope["headers"]:
        if name == b"transfer-encoding":
            return 1
        if name == b"content-length":
            return int(value) if value.isdigit() else 1
    return 0


def _secret(scope: "Scope") -> str:
    for name, value in scope["headers"]:
        text = value.decode("latin-1").strip()
        if name == b"x-api-key":
            return text
        if name == b"authorization" and text[:7].lower() == "bearer ":
            return text[7:].strip()
    return ""


def _has(scope: "Scope", header: bytes, tag: str) -> bool:
    for name, value in scope["headers"]:
        if name == header:
            given = [each.strip() for each in value.decode("latin-1").split(",")]
            return tag.removeprefix("W/") in [each.removeprefix("W/") for each in given]
    return False


class _Answered:
    """Sends an answer with our headers on it, and remembers whether one has begun."""

    def __init__(self, send: "Send", tag: str) -> None:
        self.send, self.tag, self.begun = send, tag, False

    async def __call__(self, event: "Event") -> None:
        if event["type"] == "http.response.start":
            self.begun = True
            headers = dict(HEADERS)
            if self.tag and event["status"] == 200:
                headers[b"etag"] = self.tag.encode()
                headers[b"vary"] = b"Authorization, X-API-Key, Accept-Encoding, Origin"
            kept = [(name, value) for name, value in event["headers"] if name not in headers]
            event = {**event, "headers": [*kept, *headers.items()]}
        await self.send(event)


async def _refuse(refusal: Problem, send: "Send") -> None:
    extra = {name.lower().encode(): value.encode() for name, value in refusal.headers.items()}
    body = json.dumps(problem(refusal.status, refusal.detail)).encode()
    await _answer(refusal.status, body, extra | {b"content-type": PROBLEM_JSON.encode()}, send)


async def _answer(status: int, body: bytes, extra: dict[bytes, bytes], send: "Send") -> None:
    headers = HEADERS | extra
    if status != 304:
        headers[b"content-length"] = str(len(body)).encode()
    await send({"type": "http.response.start", "status": status, "headers": [*headers.items()]})
    await send({"type": "http.response.body", "body": body})
