"""A new user starts `dedup-assets ui`, opens a browser, clicks once and sees the result."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dedup_assets_tests.support.browsers import open_browser
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

_PATIENCE_SECONDS = 150  # enough on a busy machine


@pytest.fixture
def browser() -> Iterator[Any]:
    with open_browser() as opened:
        yield opened


@pytest.fixture
def ui(tmp_path: Path) -> Iterator[str]:
    """The address of a UI on five photographs, two of them alike."""
    for number in range(4):
        save_jpeg(tmp_path / "photos" / f"{number}.jpg", photo_like(number))
    save_jpeg(tmp_path / "photos" / "copy <b>of</b> 1.jpg".replace("/", "\u2215"), photo_like(1), quality=80)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = ["--input-dir", "photos", "--work-dir", "results", "--port", str(port)]
    with (tmp_path / "ui.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dedup_assets", "ui", *arguments],
            cwd=tmp_path,
            env={**os.environ, "DAGSTER_HOME": str(tmp_path / "home"), "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait(lambda: _answers(f"http://127.0.0.1:{port}/server_info"), tmp_path / "ui.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - on loopback
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _wait(done: Any, log: Path) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while not done():
        assert time.monotonic() < until, log.read_text()[-3000:]
        time.sleep(0.5)


def test_one_click_gives_the_gallery_and_pages_that_show_the_pairs(browser: Any, ui: str, tmp_path: Path) -> None:
    page = browser.new_page(viewport={"width": 1500, "height": 1200})
    page.set_default_timeout(_PATIENCE_SECONDS * 1000)
    page.goto(f"{ui}/locations/dedup_assets/asset-groups/dedup/lineage")
    page.get_by_text("image_manifest").first.wait_for()
    page.get_by_role("button", name="Materialize all").click()
    _wait((tmp_path / "results" / "gallery" / "index.html").exists, tmp_path / "ui.log")
    assert page.get_by_text("partition").count() == 0

    page.goto(f"{ui}/assets/similarity")
    page.get_by_text("identical_pairs").wait_for()
    page.get_by_text("[Show Markdown]").first.click()
    preview = page.get_by_role("dialog").locator("img").first
    preview.wait_for()
    assert preview.evaluate("image => image.complete && image.naturalWidth > 0")
    assert page.get_by_role("dialog").get_by_text("<b>of<").first.is_visible()
