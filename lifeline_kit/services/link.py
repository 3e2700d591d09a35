"""How to reach a broker: address, name, password and certificates; and the client for it."""

import os
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from lifeline_kit.errors import InputError, ServiceError

PASSWORD_VARIABLE = "LIFELINE_MQTT_PASSWORD"
RECEIVE_MAXIMUM = 1_000
SESSION_SECONDS = 7 * 24 * 3_600
_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A broker and how to enter it.

    Attributes
    ----------
    host, port, tls
        Where.
    username, password : str
        Empty for none.
    ca, cert, key : Path or None
        Certificates in PEM; `ca` None takes the system's.
    mqtt5 : bool
        False for the embedded broker, which speaks 3.1.1.
    """

    host: str
    port: int
    tls: bool = False
    username: str = ""
    password: str = field(default="", repr=False)
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    mqtt5: bool = True

    @property
    def address(self) -> str:
        """Where, for people; no password in it."""
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"


def link_to(
    address: str,
    *,
    username: str = "",
    password: str = "",
    ca: Path | None = None,
    cert: Path | None = None,
    key: Path | None = None,
) -> Link:
    """Read a broker's address, ``mqtt://host:1883`` or ``mqtts://host:8883``.

    Raises
    ------
    InputError
        Another scheme, no host, a password in the address, or a certificate that is not there.
    """
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise InputError(f"--broker {address!r}: {error}; expected mqtt://host:1883.") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise InputError(f"--broker {address!r}: expected mqtt://host:port or mqtts://host:port.")
    if parts.username or parts.password:
        raise InputError(
            "--broker must not hold name or password; give --username, and the password in "
            f"${PASSWORD_VARIABLE} or --password-file."
        )
    tls = parts.scheme == "mqtts"
    for option, file in (("--ca", ca), ("--cert", cert), ("--key", key)):
        if file is not None and not file.is_file():
            raise InputError(f"{option} {file}: there is no such file.")
        if file is not None and not tls:
            raise InputError(f"{option} is for TLS; write --broker mqtts://{parts.hostname}.")
    return Link(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        tls=tls,
        username=username,
        password=password,
        ca=ca,
        cert=cert,
        key=key,
    )


def check_topic(option: str, topic: str) -> None:
    """Check a filter of topics: ``#`` only as its last level, ``+`` only as a whole level.

    Raises
    ------
    InputError
    """
    levels = topic.split("/")
    fits = (
        0 < len(topic.encode("utf-8", "replace")) <= 65_535
        and topic.isprintable()
        and all(level == "+" or "+" not in level for level in levels)
        and all("#" not in level for level in levels[:-1])
        and (levels[-1] == "#" or "#" not in levels[-1])
    )
    if not fits:
        raise InputError(
            f"{option} {topic[:60]!r} is no filter of topics; expected one such as "
            "lifeline/readings/# or site/+/gas."
        )


def read_password(file: Path | None) -> str:
    """The password from a file or the environment; never from the command line.

    Raises
    ------
    InputError
        Where the file cannot be read.
    """
    if file is None:
        return os.environ.get(PASSWORD_VARIABLE, "")
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--password-file {file} cannot be read ({error}).") from error


def client_for(link: Link, client_id: str, *, keep: bool, manual_ack: bool = False) -> mqtt.Client:
    """Make a client that is not connected yet.

    Parameters
    ----------
    link : Link
    client_id : str
    keep : bool
        Whether the broker keeps the session while the client is away.
    manual_ack : bool
        Whether the caller acknowledges.
    """
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=mqtt.MQTTv5 if link.mqtt5 else mqtt.MQTTv311,
        manual_ack=manual_ack,
        clean_session=None if link.mqtt5 else not keep,
    )
    if link.username:
        client.username_pw_set(link.username, link.password or None)
    if link.tls:
        client.tls_set_context(_tls(link))
    client.reconnect_delay_set(min_delay=1, max_delay=30)
    client.max_inflight_messages_set(RECEIVE_MAXIMUM)
    client.max_queued_messages_set(0)
    return client


def _tls(link: Link) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=str(link.ca) if link.ca else None)
        if link.cert is not None:
            context.load_cert_chain(link.cert, link.key)
    except (ssl.SSLError, OSError) as error:
        raise InputError(
            f"the certificates {link.ca or ''} {link.cert or ''} cannot be used ({error}); "
            "expected PEM files, and --key with --cert."
        ) from error
    return context


def connect_options(link: Link, *, keep: bool) -> dict[str, object]:
    """What ``client.connect`` takes beside host and port."""
    if not link.mqtt5:
        return {"keepalive": 30}
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = SESSION_SECONDS if keep else 0
    properties.ReceiveMaximum = RECEIVE_MAXIMUM
    return {"keepalive": 30, "clean_start": not keep, "properties": properties}


def begin(client: mqtt.Client, link: Link, *, keep: bool) -> str:
    """Connect and start the client's thread; a broker that is away is tried again and again.

    Returns
    -------
    str
        Why the first attempt failed; empty where it did not.

    Raises
    ------
    ServiceError
        Where trying again cannot help: the certificate does not fit.
    """
    options = connect_options(link, keep=keep)
    failure = ""
    try:
        client.connect(link.host, link.port, **options)  # ty: ignore[invalid-argument-type]
    except ssl.SSLError as error:
        raise ServiceError(
            f"{link.address}: the broker's certificate is not accepted "
            f"({getattr(error, 'verify_message', '') or error.reason or error}); give the "
            "certificate of its authority with --ca, and the host name it is made for."
        ) from error
    except OSError as error:
        failure = str(getattr(error, "strerror", None) or error)
        client.connect_async(link.host, link.port, **options)  # ty: ignore[invalid-argument-type]
    client.loop_start()
    return failure
