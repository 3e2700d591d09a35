"""A city of terminals, a real mosquitto, and a served city."""

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from lifeline_kit.bench.mosquitto import Mosquitto, mosquitto_path
from lifeline_kit.bench.mqtt import terminal_city
from lifeline_kit.model.city import City


@pytest.fixture(autouse=True)
def _leave_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    """On loopback, what is there comes at once: `once` need not wait as long as in the field."""
    monkeypatch.setattr("lifeline_kit.services.collect._QUIET_S", 0.8)


@pytest.fixture
def terminals(tmp_path: Path) -> Path:
    """The folder of a city with terminals T0000 … T0099."""
    return terminal_city(100).save(tmp_path / "city")


@pytest.fixture
def mosquitto(tmp_path: Path) -> Callable[..., Mosquitto]:
    """Make a broker; it is stopped after the test."""
    if mosquitto_path() is None:
        if os.environ.get("CI") == "true":
            pytest.fail("mosquitto is not installed, and CI must not skip this")
        pytest.skip("mosquitto is not installed (Debian: apt install mosquitto)")
    made: list[Mosquitto] = []

    def make(**options: object) -> Mosquitto:
        folder = tmp_path / f"broker-{len(made)}"
        folder.mkdir()
        made.append(Mosquitto(folder, **options))
        return made[-1]

    yield make
    for broker in made:
        broker.stop()


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """A folder with ca.pem, server.pem and server.key for 127.0.0.1, and other-ca.pem."""
    openssl = shutil.which("openssl")
    if openssl is None:
        if os.environ.get("CI") == "true":
            pytest.fail("openssl is not installed, and CI must not skip this")
        pytest.skip("openssl is not installed")
    folder = tmp_path / "tls"
    folder.mkdir()

    def run(*arguments: str) -> None:
        subprocess.run([openssl, *arguments], cwd=folder, check=True, capture_output=True)

    for name in ("ca", "other-ca"):
        run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout",
            f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}")  # fmt: skip
    run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "server.key", "-out", "server.csr",
        "-subj", "/CN=127.0.0.1")  # fmt: skip
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    run("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
        "-CAcreateserial", "-days", "2", "-out", "server.pem", "-extfile", "names")  # fmt: skip
    return folder


@pytest.fixture
def city_folder(tiny_city: City, tmp_path: Path) -> Path:
    """The tiny city on disk, with an owner in its assets."""
    assets = tiny_city.assets.copy()
    assets["owner"] = ["张三", "李四", "张三", "", "王五", None]
    assets["contact_phone"] = "13800000000"
    return tiny_city.with_(assets=assets).save(tmp_path / "tiny")


class Served:
    """A service in a thread, on a free port."""

    def __init__(self, app: object) -> None:
        import uvicorn

        self.socket = socket.socket(proto=socket.IPPROTO_TCP)  # as serve: without 40 ms an answer
        self.socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.server = uvicorn.Server(
            uvicorn.Config(app, log_level="critical", ws="none", lifespan="on")
        )
        self.thread = threading.Thread(target=self.server.run, args=([self.socket],), daemon=True)
        self.thread.start()
        end = time.monotonic() + 10
        while not self.server.started and time.monotonic() < end:
            time.sleep(0.01)
        self.client = httpx.Client(base_url=self.url, timeout=20)

    def close(self) -> None:
        self.client.close()
        self.server.should_exit = True
        self.thread.join(10)
        self.socket.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Serve a city folder with settings; stopped after the test."""
    from lifeline_kit.services.share.app import build_app
    from lifeline_kit.services.share.settings import Settings

    running: list[Served] = []

    def start(folder: Path, *, keep: bool = False, **settings: object) -> Served:
        settings = {"rate": 1e6, "burst": 1e6, "pseudonym_key": b"k" * 32} | settings
        served = Served(build_app(folder, Settings(**settings)))
        if not keep:
            running.append(served)
        return served

    yield start
    for served in running:
        served.close()
