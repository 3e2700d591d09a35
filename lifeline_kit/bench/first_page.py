"""From the serve command to a painted overview: cold (nothing examined yet) and warm."""

import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from lifeline_kit.bench.run import Bench, Measured
from lifeline_kit.demo import write_demo
from lifeline_kit.errors import MissingPartError
from lifeline_kit.text import Text

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = (
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)
_WAIT_MS = 120_000
_WEIGHT = """
['navigation', 'resource'].flatMap(kind => performance.getEntriesByType(kind))
  .reduce((sum, entry) => sum + entry.decodedBodySize, 0)
"""


def measure(_data: Path | None, seed: int) -> Measured:
    """Serve a small city twice and watch the overview in a browser.

    Raises
    ------
    MissingPartError
        Without playwright or a browser.
    """
    found = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        found = None
    if found is None:
        raise MissingPartError("this bench needs playwright and Chromium; 'make test' gets both.")
    values: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        city = write_demo("small", seed, Path(folder) / "city")
        browser = playwright.chromium.launch(executable_path=found, args=list(_ARGUMENTS))
        for name in ("cold", "warm"):
            values |= {f"{name}_{key}": each for key, each in _visit(city, browser).items()}
        browser.close()
    return Measured(values=values, note="simulated city, software WebGL, whole processes")


def _visit(city: Path, browser: Any) -> dict[str, float]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    began = time.perf_counter()
    command = (sys.executable, "-c", "from lifeline_kit.cli import main; main()", "serve")
    server = subprocess.Popen(
        [*command, "--city", str(city), "--port", str(port)], stdout=subprocess.DEVNULL
    )
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    foreign = 0

    def count(request: Any) -> None:
        nonlocal foreign
        local = "127.0.0.1" in request.url or request.url.startswith(("data:", "blob:"))
        foreign += not local

    page.on("request", count)
    try:
        _until_answering(f"http://127.0.0.1:{port}/overview")
        answering = time.perf_counter() - began
        page.goto(f"http://127.0.0.1:{port}/overview", timeout=_WAIT_MS)
        page.wait_for_function(
            "performance.getEntriesByName('first-contentful-paint').length", timeout=_WAIT_MS
        )
        painted = time.perf_counter() - began
        page.wait_for_selector(".riskmap[data-ready=yes]", timeout=_WAIT_MS)
        drawn = time.perf_counter() - began
        weight = page.evaluate(_WEIGHT)
    finally:
        page.close()
        server.terminate()
        server.wait(timeout=30)
    return {
        "answer_s": answering,
        "first_paint_s": painted,
        "map_drawn_s": drawn,
        "page_mb": weight / 1e6,
        "foreign_requests": float(foreign),
    }


def _until_answering(address: str) -> None:
    for _ in range(480):
        try:
            with urllib.request.urlopen(address, timeout=60) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise MissingPartError(f"{address} did not answer within its time; look at 'lifeline serve'.")


BENCH = Bench(
    name="first-page",
    title=Text("从启动到首页", "from the serve command to the first painted page"),
    measure=measure,
)
