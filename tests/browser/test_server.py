"""The server itself: sessions must not pile up, and a new city is examined behind the page."""

import contextlib
import json
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest
from conftest import Served, start, stop

pytestmark = pytest.mark.browser
# In a process of its own: the browser's driver keeps an event loop running in this one.
_VISITS = """
import asyncio, re, sys, urllib.request
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

async def visit(address):
    html = urllib.request.urlopen(address).read().decode()
    token = re.search(r'"token":"([^"]+)"', html)[1]
    request = HTTPRequest(address.replace("http", "ws") + "/ws")
    socket = await websocket_connect(request, subprotocols=["bokeh", token])
    await socket.read_message()
    socket.close()
    while await socket.read_message() is not None:
        pass

async def main():
    for _ in range(int(sys.argv[2])):
        await visit(sys.argv[1])

asyncio.run(main())
"""
SESSIONS, MOST_GROWTH_MB = 20, 10


def visits(served: Served) -> float:
    """Open and close pages; return the memory of the server once their sessions are gone [MB]."""
    command = [sys.executable, "-c", _VISITS, f"{served.address}/overview", str(SESSIONS)]
    subprocess.run(command, check=True, timeout=120)
    time.sleep(5)  # unused sessions live 1.5 s here
    return psutil.Process(served.process.pid).memory_info().rss / 1e6


@pytest.mark.slow
def test_sessions_leave_no_memory_behind(served: Served) -> None:
    warm = visits(served)
    after = visits(served)
    assert after - warm < MOST_GROWTH_MB, f"{warm:.0f} MB after 20 sessions, {after:.0f} after 40"


def test_tiles_are_served_and_strangers_refused(served: Served) -> None:
    archive = next((served.city / ".derived").glob("assets-*.pmtiles"))
    digest = archive.stem.removeprefix("assets-")
    with urllib.request.urlopen(f"{served.address}/tiles/{digest}/11/1673/842") as answer:
        assert answer.status in {200, 204}
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{served.address}/tiles/0000/11/1673/842")
    with pytest.raises(urllib.error.HTTPError, match=r"40[34]"):
        urllib.request.urlopen(f"{served.address}/reports/..%2fstamp.html")


@pytest.mark.slow
def test_city_without_examination_is_examined_and_the_page_follows(
    browser: object, grid_folder: Path, tmp_path: Path
) -> None:
    city = tmp_path / "city"
    shutil.copytree(grid_folder, city)
    served = start(city, tmp_path / "server.log")
    try:
        with contextlib.closing(browser.new_page()) as page:
            page.goto(f"{served.address}/overview")
            page.locator(".wait, .tiles").first.wait_for(timeout=30_000)
            page.locator(".tiles").wait_for(timeout=90_000)
            page.get_by_text("体检得分").first.wait_for()
        said = json.loads((city / ".derived" / "worker.json").read_text(encoding="utf-8"))
        assert said["state"] == "done"
    finally:
        stop(served)
