"""A new user starts `dedup-assets ui`, opens a browser, clicks once and sees the result."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from dedup_assets_tests.support.browsers import open_browser
from dedup_assets_tests.support.pictures import photo_like, save_jpeg
from dedup_assets_tests.support.user_interface import PATIENCE_SECONDS, UserInterface, user_interface

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]


@pytest.fixture
def browser() -> Iterator[Any]:
    with open_browser() as opened:
        yield opened


@pytest.fixture
def ui(tmp_path: Path) -> Iterator[UserInterface]:
    """A UI on five photographs, two of them alike."""
    for number in range(4):
        save_jpeg(tmp_path / "photos" / f"{number}.jpg", photo_like(number))
    save_jpeg(tmp_path / "photos" / "copy <b>of</b> 1.jpg".replace("/", "\u2215"), photo_like(1), quality=80)
    with user_interface(tmp_path, "--input-dir", "photos", "--work-dir", "results") as started:
        started.await_answer()
        yield started


def test_one_click_gives_the_gallery_and_pages_that_show_the_pairs(
    browser: Any, ui: UserInterface, tmp_path: Path
) -> None:
    asked: set[str] = set()
    page = browser.new_page(viewport={"width": 1500, "height": 1200})
    page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    page.set_default_timeout(PATIENCE_SECONDS * 1000)
    page.goto(f"{ui.url}/locations/dedup_assets/asset-groups/dedup/lineage")
    page.get_by_text("image_manifest").first.wait_for()
    page.get_by_role("button", name="Materialize all").click()
    ui.wait_for((tmp_path / "results" / "gallery" / "index.html").exists)
    assert page.get_by_text("partition").count() == 0

    page.goto(f"{ui.url}/locations/dedup_assets/asset-groups/ranges/lineage")
    page.get_by_text("100% filled").nth(1).wait_for()

    page.goto(f"{ui.url}/assets/similarity")
    page.get_by_text("identical_pairs").wait_for()
    page.get_by_text("[Show Markdown]").first.click()
    preview = page.get_by_role("dialog").locator("img").first
    preview.wait_for()
    assert preview.evaluate("image => image.complete && image.naturalWidth > 0")
    assert page.get_by_role("dialog").get_by_text("<b>of<").first.is_visible()
    assert asked - {""} == {urlsplit(ui.url).netloc}  # without a host: pictures within the page
