"""The gallery works in a real browser, from a disk and from a server whose policy allows its own files only."""

import json
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any

import pytest

from dedup_assets.engine.cleaning import read_marks
from dedup_assets.engine.gallery.pages import ShownFile
from dedup_assets.engine.gallery.pages.differences import describe_differences
from dedup_assets.engine.gallery.pages.names import split_name
from dedup_assets.engine.gallery.pages.quantities import format_similarity, format_size, name_band
from dedup_assets_tests.support.browsers import broken_rules, compare_with_and_without_scripts, expect, found, open_list
from dedup_assets_tests.support.galleries import make_gallery, make_results, save_pictures

pytestmark = pytest.mark.filterwarnings("ignore")  # of playwright's own event loop

LISTS = ["duplicates", "components", "outliers", "bad_images"]
STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)


class _Strict(SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", STRICT)
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    return save_pictures(tmp_path_factory.mktemp("hostile") / "photos")


@pytest.fixture(scope="module")
def folder(names: list[bytes]) -> Path:
    work_dir = Path(os.fsdecode(names[0])).parents[1] / "out"
    make_gallery(work_dir, make_results(names, folder=str(work_dir / "gallery")), gallery_pairs=2, gallery_thumbnails=0)
    return work_dir / "gallery"


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Strict, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("name", LISTS[:3])
def test_a_script_shows_what_the_page_shows_without_it(name: str, folder: Path, still: Any, page: Any) -> None:
    compare_with_and_without_scripts(f"{folder.as_uri()}/{name}.html", still, page)


@pytest.mark.parametrize("name", ["index", *LISTS])
def test_pages_work_under_a_strict_policy_wide_and_narrow(name: str, served: str, page: Any) -> None:
    page.goto(f"{served}/{name}.html")
    if name != "index":
        page.wait_for_selector("html[data-ready]")
    assert page.evaluate("Array.from(document.images).every(image => image.loading === 'lazy')")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.set_viewport_size({"width": 360, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("name", ["index", "duplicates"])
def test_no_rule_of_axe_is_broken(name: str, folder: Path, page: Any) -> None:
    page.goto(f"{folder.as_uri()}/{name}.html")
    if name != "index":
        page.wait_for_selector("html[data-ready]")
    assert broken_rules(page) == []


def test_scripts_and_pages_say_numbers_in_the_same_words(folder: Path, page: Any) -> None:
    open_list(page, f"{folder.as_uri()}/duplicates.html")
    sizes = [0, 1, 999, 1000, 1250, 9949, 9950, 9999, 10_500, 999_499, 999_500, 999_600, 5_250_000_000, 7 * 10**15]
    assert page.evaluate("sizes => sizes.map(words.size)", sizes) == [format_size(size) for size in sizes]
    scores = [0, 99, 123_450, 849_999, 850_000, 979_999, 980_000, 999_999, 1_000_000]
    assert page.evaluate("scores => scores.map(words.score)", scores) == [
        format_similarity(one / 1e6) for one in scores
    ]
    assert page.evaluate("scores => scores.map(words.band)", scores) == [name_band(one / 1e6) for one in scores]


def test_scripts_and_pages_compare_files_in_the_same_words(folder: Path, page: Any) -> None:
    draw = Random(5)  # noqa: S311 - the same files each time
    files = [
        ShownFile(
            f"/{draw.choice('ab')}/{draw.choice('cd')}.jpg".encode(),
            width=draw.choice([None, 200, 301, 640]),
            height=draw.choice([None, 150, 200, 480]),
            size_bytes=draw.choice([None, 0, 1000, 1001, 1005, 1045, 1099, 1100, 2250, 10_500, 123_456]),
            modified=datetime.fromtimestamp(1_700_000_000 + draw.choice([0, 2, 3, 90, 4000, 90_000, 10**8]), UTC),
            container=draw.choice([None, None, None, b"/all.zip"]),
        )
        for _ in range(60)
    ]
    shown = [
        {
            "base": split_name(file.name)[1],
            "width": file.width,
            "height": file.height,
            "size": file.size_bytes,
            "modified": file.modified and file.modified.timestamp(),
            "kind": file.container_kind,
        }
        for file in files
    ]
    open_list(page, f"{folder.as_uri()}/duplicates.html")
    said = page.evaluate("files => files.flatMap((a) => files.map((b) => words.differences(a, b)))", shown)
    assert said == [list(describe_differences(a, b)) for a in files for b in files]


def test_all_pairs_are_reached_page_by_page_and_the_address_keeps_the_place(folder: Path, page: Any) -> None:
    open_list(page, f"{folder.as_uri()}/duplicates.html")
    assert found(page) == "1 to 2 of 5 pairs"
    page.click("#next")
    assert found(page) == "3 to 4 of 5 pairs"
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert found(page) == "3 to 4 of 5 pairs"
    page.keyboard.press("n")
    assert found(page) == "5 to 5 of 5 pairs"
    assert page.is_disabled("#next")


def test_filters_take_path_and_similarity(folder: Path, page: Any) -> None:
    open_list(page, f"{folder.as_uri()}/duplicates.html")
    page.fill("#q", "ONERROR")
    page.wait_for_selector("#found:text-is('1 pair (5 without filters)')", state="attached")
    page.fill("#q", "")
    page.fill("#low", "0.95")
    page.fill("#high", "0.97")
    page.wait_for_selector("#found:text-is('1 pair (5 without filters)')", state="attached")
    page.wait_for_selector(".score:has-text('Similarity 0.9600')")
    page.fill("#q", "nowhere")
    page.wait_for_selector("#nothing:visible")


def test_each_bar_of_the_histogram_opens_its_pairs(folder: Path, page: Any) -> None:
    page.goto(f"{folder.as_uri()}/index.html")
    bars = page.eval_on_selector_all(".histogram a", "bars => bars.map(bar => [bar.ariaLabel, bar.href.baseVal])")
    assert sum(int(label.split()[3]) for label, _ in bars) == 5
    for label, address in bars:
        open_list(page, f"{folder.as_uri()}/{address}")
        assert found(page).split(" (")[0] == label.split(": ")[1]
    page.goto(f"{folder.as_uri()}/index.html")
    page.focus(".histogram a")
    page.keyboard.press("Enter")
    page.wait_for_url("**/duplicates.html#low=*")


def test_bad_files_are_filtered_by_code(folder: Path, page: Any) -> None:
    open_list(page, f"{folder.as_uri()}/bad_images.html#code-2")
    assert found(page) == "1 file (2 without filters)"
    page.select_option("#code", "")
    page.wait_for_selector("#found:text-is('2 files')", state="attached")
    assert "<b>why</b>" in page.text_content("#list")


@pytest.mark.parametrize("form", ["nul", "csv", "json"])
def test_the_list_holds_the_bytes_of_each_marked_name(form: str, folder: Path, names: list[bytes], page: Any) -> None:
    open_list(page, f"{folder.as_uri()}/duplicates.html")
    page.click("#mark-suggested")
    assert "5 files marked" in page.text_content("#marks-count")
    page.click("#marks-export")
    assert "dedup-assets plan WORK_DIR --marked LIST" in page.text_content("#export")
    page.check(f"input[value={form}]")
    with page.expect_download() as download:
        page.click("#export-download")
    content = Path(download.value.path()).read_bytes()
    smaller = sorted(names[0::2])
    if form == "nul":
        assert content == b"".join(name + b"\0" for name in smaller)
    elif form == "json":
        assert [os.fsencode(row["filename"]) for row in json.loads(content)] == smaller
    else:
        assert all(name.replace(b'"', b'""') in content for name in smaller)
    assert read_marks(str(download.value.path())) == smaller  # of `plan --marked`


def test_a_list_of_lines_is_refused_where_a_name_has_two(folder: Path, names: list[bytes], page: Any) -> None:
    open_list(page, f"{folder.as_uri()}/components.html")
    two_lines = next(place for place, name in enumerate(sorted(names)) if b"\n" in name)
    page.check(f"input[data-mark='{two_lines}']")
    page.click("#marks-export")
    page.click("#export-download")
    assert "line break" in page.text_content("#export-said")


def test_marks_are_kept_from_page_to_page_and_nothing_is_lost_unseen(folder: Path, page: Any) -> None:
    open_list(page, f"{folder.as_uri()}/duplicates.html")
    page.keyboard.press("j")
    page.keyboard.press("1")
    assert not page.is_visible("#marks-warning")
    page.keyboard.press("2")
    assert "nothing would be left" in page.text_content("#marks-warning")
    assert len(page.query_selector_all(".doomed")) == 1
    open_list(page, f"{folder.as_uri()}/components.html")
    assert "2 files marked" in page.text_content("#marks-count")
    page.click("#marks-clear")
    assert not page.is_visible("#marks")


@pytest.mark.parametrize("name", LISTS[:3])
def test_a_marked_picture_says_so_without_colour(name: str, folder: Path, page: Any) -> None:
    open_list(page, f"{folder.as_uri()}/{name}.html")
    words = "Array.from(document.querySelectorAll('.view'), view => getComputedStyle(view, '::after').content)"
    assert "marked" not in "".join(page.evaluate(words))
    page.check("input[data-mark]")
    assert page.evaluate(words)[0] == '"marked"'
    assert "".join(page.evaluate(words)).count("marked") == len(page.query_selector_all("input[data-mark]:checked"))


def test_views_and_the_large_window_work_by_keyboard(folder: Path, page: Any) -> None:
    open_list(page, f"{folder.as_uri()}/duplicates.html")
    for key, view in (("b", "blend"), ("d", "difference"), ("s", "beside")):
        page.keyboard.press(key)
        assert page.is_checked(f"#view-{view}")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    assert page.is_visible("#viewer")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.text_content("#viewer .anchor") == "Pair 3"
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"


def test_a_path_is_copied_and_the_colours_are_kept(served: str, page: Any) -> None:
    open_list(page, f"{served}/outliers.html")
    page.click("text=Copy path")
    page.wait_for_selector("#said:text-is('Path copied.')", state="attached")
    assert page.evaluate("navigator.clipboard.readText()").endswith("{{ 7*7 }}${1}`.jpg")
    page.click("#theme")
    page.click("#theme")
    page.reload()
    assert page.get_attribute("html", "data-theme") == "dark"


def test_pairs_of_frames_of_the_same_videos_are_opened_by_a_click(tmp_path: Path, still: Any, page: Any) -> None:
    photos = save_pictures(tmp_path / "photos", [b"1.jpg", b"2.jpg"])
    frames = [f"{tmp_path}/{video}.mp4#t=00:00:0{second}.000".encode() for second in range(3) for video in "ab"]
    make_gallery(tmp_path / "out", make_results([*frames, *photos]))
    address = (tmp_path / "out/gallery/duplicates.html").as_uri()
    compare_with_and_without_scripts(address, still, page)
    open_list(page, address)
    assert found(page) == "2 pairs (4 with each frame of videos, without filters)"
    assert "2 pairs of frames are folded" in page.inner_text(".lead")
    assert page.inner_text(".fold .count") == "3 pairs"
    page.click(".fold .unfold")
    expect(page.locator(".pair .fold")).to_have_count(0)
    expect(page.locator(".pair")).to_have_count(3)
    page.click("#back")
    expect(page.locator("#list .pair")).to_have_count(2)
