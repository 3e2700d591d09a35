"""One server on a small city of our own making, and a browser that reaches nothing but it."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from grid_city import build, examined

from lifeline_kit.early_warning.duty import load_duty
from lifeline_kit.io.ledger import Ledger
from lifeline_kit.services.watch import synchronised

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)
ARTIFACTS = Path(__file__).parents[2] / "artifacts"
READY = ".riskmap[data-ready=yes]"
LANDMARKS = {"overview": READY, "triage": ".verdict", "network": ".segment", "heating": ".verdict"}
LANDMARKS |= {
    "desk": ".deskitem",
    "alarms": '[data-load="n"]',
    "weights": ".pairs select",
    "checkup": ".chips",
}
_SERVE = (
    "import sys; from pathlib import Path; from lifeline_kit.views import serve;"
    "serve.UNUSED_MS, serve.CHECK_MS = 1500, 500;"
    "serve.serve(Path(sys.argv[1]), port=int(sys.argv[2]))"
)


class Served(NamedTuple):
    """A running server: its address, process and city folder."""

    address: str
    process: subprocess.Popen
    city: Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(city: Path, log: Path) -> Served:
    """Start a server in a process of its own and wait for its first page."""
    port = free_port()
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, str(city), str(port)],
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}"
    for _ in range(240):
        try:
            with urllib.request.urlopen(f"{address}/overview", timeout=30) as answer:
                if answer.status == 200:
                    return Served(address, process, city)
        except (urllib.error.URLError, OSError):
            time.sleep(0.25)
        if process.poll() is not None:
            break
    process.kill()
    raise AssertionError(f"the server did not come up:\n{log.read_text()}")


def stop(served: Served) -> None:
    served.process.terminate()
    served.process.wait(timeout=20)


@pytest.fixture(scope="session")
def grid_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved city without an examination."""
    return build().save(tmp_path_factory.mktemp("grid") / "city")


@pytest.fixture(scope="session")
def served(grid_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve the small city with an examination whose every number is known."""
    folder = tmp_path_factory.mktemp("served") / "city"
    shutil.copytree(grid_folder, folder)
    examination = examined(folder)
    with Ledger.open(folder / "ledger.sqlite", create=True) as ledger:
        now = np.datetime64(datetime.now(UTC).replace(tzinfo=None), "ms")
        synchronised(ledger, examination, load_duty(), now=now)
    server = start(folder, folder.parent / "server.log")
    yield server
    stop(server)


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """A headless browser with WebGL in software; any name but this host fails to resolve."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    executable = os.environ.get("LIFELINE_BROWSER") or next(
        (found for name in BROWSERS if (found := shutil.which(name))), None
    )
    if executable is None:
        pytest.skip(f"no browser found; looked for {', '.join(BROWSERS)}")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=executable, args=list(ARGUMENTS))
        yield running
        running.close()


class Visit:
    """A page with a log of all that it asked for and complained of."""

    def __init__(self, page: object, served: Served) -> None:
        self.page, self.served = page, served
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("requestfailed", self._failed)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._console)

    def _failed(self, request: object) -> None:
        if request.failure != "net::ERR_ABORTED":  # the map drops tiles that it no longer needs
            self.complaints.append(f"{request.failure} {request.url}")

    def _console(self, message: object) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def open(self, path: str) -> object:
        self.page.goto(f"{self.served.address}/{path}")
        self.page.wait_for_selector(LANDMARKS.get(path.split("?")[0], "table"))
        return self.page

    def weight(self) -> int:
        """Bytes of all answers, before compression."""
        return self.page.evaluate(
            """performance.getEntriesByType('resource')
            .concat(performance.getEntriesByType('navigation'))
            .reduce((sum, entry) => sum + entry.decodedBodySize, 0)"""
        )

    def strangers(self) -> list[str]:
        own = (self.served.address, self.served.address.replace("http", "ws"), "blob:", "data:")
        return [url for url in self.requests if not url.startswith(own)]


@pytest.fixture
def visit(browser: object, served: Served, request: pytest.FixtureRequest) -> Iterator[Visit]:
    with contextlib.closing(browser.new_page(viewport={"width": 1440, "height": 900})) as page:
        page.set_default_timeout(40_000)
        visiting = Visit(page, served)
        yield visiting
        ARTIFACTS.mkdir(exist_ok=True)
        page.screenshot(path=ARTIFACTS / f"{request.node.name}.png".replace("/", "-"))
        assert visiting.strangers() == []
        assert visiting.complaints == []
