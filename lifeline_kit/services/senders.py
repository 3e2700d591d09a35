"""Senders of notices: a file, mail, a webhook, MQTT. Each sends one notice under its own id.

The id goes with it (file name, Message-ID, Idempotency-Key, `id` of the message), so that a notice
which is sent again after a crash is recognised. Only addresses that the operator wrote into the
rules of duty are contacted; passwords come from the environment.
"""

import email.message
import email.utils
import hashlib
import json
import os
import smtplib
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lifeline_kit.errors import ServiceError

_TIMEOUT_S = 20.0


def send(notice: Mapping[str, Any], to: str, *, folder: Path) -> None:
    """Send a notice.

    Parameters
    ----------
    notice : mapping
        `notice` (its id), `item`, `subject`, `text`, `made` [ms].
    to : str
        ``file``, ``mailto:name@host``, ``https://…`` or ``mqtt:topic``. Mail goes through
        ``$LIFELINE_SMTP`` (host:port; user and password in ``$LIFELINE_SMTP_USER`` and
        ``$LIFELINE_SMTP_PASSWORD``), MQTT through ``$LIFELINE_NOTICE_BROKER`` (mqtt://host:port).
    folder : Path
        Where files go.

    Raises
    ------
    ServiceError
        Where it could not be handed over; in one sentence, without secrets.
    """
    try:
        if to == "file":
            _file(notice, folder)
        elif to.startswith("mailto:"):
            _mail(notice, to.removeprefix("mailto:"))
        elif to.startswith(("https://", "http://")):
            _webhook(notice, to)
        elif to.startswith("mqtt:"):
            _mqtt(notice, to.removeprefix("mqtt:"))
        else:
            raise ServiceError(f"no sender for {to.split(':')[0]!r}; expected file, mailto:, …")
    except (OSError, smtplib.SMTPException, urllib.error.URLError) as error:
        said = " ".join(str(error).split())[:160]
        raise ServiceError(f"{to.split('?')[0]}: {said}") from error


def notice_id(notice: Mapping[str, Any]) -> str:
    """Return the id under which a notice travels: hexadecimal, of one length."""
    return hashlib.sha256(str(notice["notice"]).encode()).hexdigest()[:32]


def _plain(notice: Mapping[str, Any]) -> dict:
    names = ("item", "subject", "text", "made")
    return {"id": notice_id(notice)} | {name: notice[name] for name in names}


def _file(notice: Mapping[str, Any], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{notice_id(notice)}.json"
    if path.exists():  # sent before a crash
        return
    partial = path.with_suffix(f".{os.getpid()}.partial")
    with partial.open("w", encoding="utf-8") as out:
        json.dump(_plain(notice), out, ensure_ascii=False, indent=1)
        out.flush()
        os.fsync(out.fileno())
    partial.replace(path)


def _mail(notice: Mapping[str, Any], to: str) -> None:
    host, _, port = os.environ.get("LIFELINE_SMTP", "").partition(":")
    if not host:
        raise ServiceError("no mail server is named; set LIFELINE_SMTP=host:port.")
    user = os.environ.get("LIFELINE_SMTP_USER", "")
    message = email.message.EmailMessage()
    # one line, whatever an asset is called
    message["Subject"] = " ".join(str(notice["subject"]).split())[:180]
    message["To"], message["From"] = to, user if "@" in user else f"lifeline@{socket.gethostname()}"
    message["Message-ID"] = f"<{notice_id(notice)}@lifeline>"
    message["Date"] = email.utils.formatdate(notice["made"] / 1000.0)
    message.set_content(str(notice["text"]))
    with smtplib.SMTP(host, int(port or 25), timeout=_TIMEOUT_S) as server:
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls()
            server.ehlo()
        if user:
            server.login(user, os.environ.get("LIFELINE_SMTP_PASSWORD", ""))
        server.send_message(message)


def _webhook(notice: Mapping[str, Any], to: str) -> None:
    request = urllib.request.Request(
        to,
        data=json.dumps(_plain(notice), ensure_ascii=False).encode(),
        headers={"Content-Type": "application/json", "Idempotency-Key": notice_id(notice)},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
        answer.read(1)


def _mqtt(notice: Mapping[str, Any], topic: str) -> None:
    import paho.mqtt.client as mqtt

    host, _, port = (
        os.environ.get("LIFELINE_NOTICE_BROKER", "").removeprefix("mqtt://").partition(":")
    )
    if not host:
        raise ServiceError("no broker is named; set LIFELINE_NOTICE_BROKER=mqtt://host:port.")
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2, client_id=f"lifeline-{notice_id(notice)[:12]}"
    )
    client.connect(host, int(port or 1883))
    client.loop_start()
    try:
        sent = client.publish(topic, json.dumps(_plain(notice), ensure_ascii=False), qos=1)
        sent.wait_for_publish(_TIMEOUT_S)
        if not sent.is_published():
            raise ServiceError(f"mqtt:{topic}: the broker did not confirm within 20 s.")
    finally:
        client.disconnect()
        client.loop_stop()
