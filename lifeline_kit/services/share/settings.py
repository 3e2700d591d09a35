"""How the sharing service is set up."""

import ipaddress
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from lifeline_kit.errors import InputError
from lifeline_kit.services.share.personal import PERSONAL

KEY_VARIABLE = "LIFELINE_SHARE_KEY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the sharing service is set up.

    Attributes
    ----------
    tokens : Path or None
        Token file; without one everybody who reaches the service may read, personal fields apart.
    rate, burst : float [requests per second], [requests]
        Per token or, without one, per address.
    pseudonym_key : bytes or None
        Key of the pseudonyms; None removes personal fields.
    personal : set of str
        Names of personal columns.
    public_url : str
        Address under which callers know the service; empty takes what they asked for.
    origins : tuple of str
        Web origins that may read across; none by default.
    """

    tokens: Path | None = None
    rate: float = 20.0
    burst: float = 100.0
    pseudonym_key: bytes | None = field(default=None, repr=False)
    personal: frozenset[str] = PERSONAL
    public_url: str = ""
    origins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (self.rate > 0 and self.burst >= 1):
            raise InputError(
                f"--rate {self.rate:g} and --burst {self.burst:g}: expected a rate above 0 "
                "and a burst of at least 1."
            )
        addresses = [("--public-url", self.public_url)] if self.public_url else []
        for option, address in addresses + [("--cors", each) for each in self.origins]:
            parts = urlsplit(address)
            if address != "*" and (parts.scheme not in {"http", "https"} or not parts.hostname):
                raise InputError(f"{option} {address!r}: expected http(s)://host.")


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def pseudonym_key(remove: bool) -> bytes | None:
    """The key of the pseudonyms from the environment, or a new one for this run; None removes.

    Raises
    ------
    InputError
        Where the key is too short to keep anything secret.
    """
    if remove:
        return None
    given = os.environ.get(KEY_VARIABLE, "")
    if not given:
        return secrets.token_bytes(32)
    if len(given) < 16:
        raise InputError(f"{KEY_VARIABLE} has {len(given)} characters; expected at least 16.")
    return given.encode()
