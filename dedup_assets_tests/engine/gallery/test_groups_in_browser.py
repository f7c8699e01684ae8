"""Groups and evidence in a real browser: what is suggested, and what is never."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from dedup_assets_tests.support.browsers import broken_rules, compare_with_and_without_scripts, expect, found, open_list
from dedup_assets_tests.support.galleries import make_gallery, make_proven_results, save_pictures

pytestmark = pytest.mark.filterwarnings("ignore")  # of playwright's own event loop

LISTS = ["groups", "duplicates", "components"]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    return save_pictures(tmp_path_factory.mktemp("proven") / "photos")


@pytest.fixture(scope="module")
def folder(names: list[bytes]) -> Path:
    work_dir = Path(os.fsdecode(names[0])).parents[1] / "out"
    make_gallery(work_dir, make_proven_results(names, folder=str(work_dir / "gallery")))
    return work_dir / "gallery"


def saved(page: Any) -> list[bytes]:
    """The names in the list of marked files."""
    page.click("#marks-export")
    page.check("input[value=json]")
    with page.expect_download() as download:
        page.click("#export-download")
    page.keyboard.press("Escape")
    return [os.fsencode(row["filename"]) for row in json.loads(Path(download.value.path()).read_bytes())]


@pytest.mark.parametrize("name", LISTS)
def test_a_script_shows_groups_and_evidence_as_the_page_does(name: str, folder: Path, still: Any, page: Any) -> None:
    compare_with_and_without_scripts(f"{folder.as_uri()}/{name}.html", still, page)


@pytest.mark.parametrize("name", LISTS)
def test_copies_of_the_same_bytes_alone_are_suggested(name: str, folder: Path, names: list[bytes], page: Any) -> None:
    open_list(page, f"{folder.as_uri()}/{name}.html")
    if name == "components":
        while page.query_selector(".mark-others"):
            page.click(".mark-others")
            page.eval_on_selector(".mark-others", "button => button.remove()")
    else:
        page.click("#mark-suggested")
    assert saved(page) == [names[4]]
    assert not page.is_visible("#marks-warning")


def test_a_copy_is_not_suggested_once_its_kept_image_is_marked(folder: Path, names: list[bytes], page: Any) -> None:
    open_list(page, f"{folder.as_uri()}/groups.html")
    page.check(f".kept input[data-mark='{sorted(names).index(names[5])}']")
    page.click("#mark-suggested")
    assert saved(page) == [names[5]]


def test_a_marked_group_and_a_marked_single_image_are_warned_of(folder: Path, names: list[bytes], page: Any) -> None:
    open_list(page, f"{folder.as_uri()}/duplicates.html")
    for name in (names[0], names[1], names[7]):
        page.check(f"input[data-mark='{sorted(names).index(name)}']")
    warning = page.text_content("#marks-warning")
    assert "Every file of 1 group is marked: nothing would be left." in warning
    assert "1 marked file in no group: no known copy would be left." in warning


def test_groups_are_filtered_sorted_opened_and_left(folder: Path, page: Any) -> None:
    open_list(page, f"{folder.as_uri()}/groups.html")
    assert found(page) == "3 groups"
    page.fill("#q", "ONERROR")
    page.wait_for_selector("#found:text-is('1 group (3 without filters)')", state="attached")
    page.fill("#q", "")
    page.wait_for_selector("#found:text-is('3 groups')", state="attached")
    page.select_option("#sort", "unlike")
    page.wait_for_selector("#group-g-000000000002:first-child")
    open_list(page, f"{folder.as_uri()}/groups.html#group=g-000000000001")
    assert found(page) == "1 image"
    page.click("#back")
    assert found(page) == "3 groups"


def test_the_second_picture_is_laid_onto_the_first(folder: Path, page: Any) -> None:
    open_list(page, f"{folder.as_uri()}/duplicates.html")
    assert len(page.query_selector_all(".aligned")) == 4  # the unverified pair has no transform
    assert not page.is_visible("#pair-1 .aligned")
    page.keyboard.press("b")
    boxes = [page.query_selector_all("#pair-1 image")[n].bounding_box() for n in (0, 1)]
    assert boxes[0]["width"] > 50
    for side in ("x", "y", "width", "height"):
        assert abs(boxes[0][side] - boxes[1][side]) < 1
    page.keyboard.press("d")
    assert page.is_visible("#pair-1 .aligned")
    assert page.query_selector("#pair-5 .aligned") is None


def test_the_large_window_magnifies_both_pictures_about_the_same_place(folder: Path, page: Any) -> None:
    open_list(page, f"{folder.as_uri()}/groups.html")
    page.click(".copies .enlarge")
    transforms = """() => [...document.querySelectorAll('#viewer .view img')].map(
        image => getComputedStyle(image).transform)"""
    whole = page.evaluate(transforms)
    page.keyboard.press("+")
    page.hover("#viewer .view + .view")
    page.mouse.wheel(0, -100)
    expect(page.locator("#viewer img").first).to_have_css("transform", re.compile(r"^matrix\(1\.96"))
    one, other = page.evaluate(transforms)
    assert one == other != whole[0] == whole[1]
    page.keyboard.press("ArrowRight")
    page.keyboard.press("0")
    assert page.evaluate(transforms) == whole


def test_wipe_shows_the_second_picture_beyond_the_line_only(folder: Path, page: Any) -> None:
    open_list(page, f"{folder.as_uri()}/duplicates.html")
    page.keyboard.press("w")
    assert page.is_visible("#blend")
    page.eval_on_selector("#blend", "range => { range.value = 25; range.dispatchEvent(new Event('input')); }")
    clips = """names => names.map(name => getComputedStyle(document.querySelector(name)).clipPath)"""
    laid, beside = page.evaluate(clips, ["#pair-1 .upper", "#pair-5 .view + .view"])
    assert "25%" in laid.replace("calc(", "")
    assert "25%" in beside.replace("calc(", "")
    page.keyboard.press("f")
    assert page.eval_on_selector("#pair-1 .upper", "upper => getComputedStyle(upper).animationName") == "flicker"


def test_keys_choose_a_view_while_the_slider_has_the_focus(folder: Path, page: Any) -> None:
    open_list(page, f"{folder.as_uri()}/groups.html")
    page.click(".copies .enlarge")
    for key, view in (("b", "blend"), ("w", "wipe"), ("f", "flicker"), ("d", "difference"), ("s", "beside")):
        page.keyboard.press("w")
        page.focus("#blend")
        page.keyboard.press(key)
        assert page.is_checked(f"#view-{view}")


def test_a_drag_moves_the_line_of_the_wipe_and_a_click_is_none(folder: Path, page: Any) -> None:
    open_list(page, f"{folder.as_uri()}/duplicates.html")
    page.keyboard.press("w")
    for pair in ("#pair-1", "#pair-5"):  # laid onto each other, and side by side only
        page.locator(pair).scroll_into_view_if_needed()
        box = page.locator(f"{pair} .views").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x + 5, y)
        page.mouse.down()
        page.mouse.move(x - 40, y, steps=3)
        page.mouse.up()
        assert not page.is_visible("#viewer")
        assert 20 < page.eval_on_selector("#blend", "slider => slider.valueAsNumber") < 50
    line = page.locator("#pair-1 .line").bounding_box()
    upper = page.eval_on_selector("#pair-1 .upper", "upper => getComputedStyle(upper).clipPath")
    assert line["x"] < x + 5
    assert "%" in upper
    page.click("#pair-1 .view + .view .enlarge")
    assert page.is_visible("#viewer")
    page.click("#viewer .views", position={"x": 3, "y": 60})
    assert page.eval_on_selector("#blend", "slider => slider.valueAsNumber") == 0


@pytest.mark.parametrize("size", [(1280, 900), (1280, 720), (390, 844), (640, 400)])
def test_the_buttons_of_the_large_window_are_in_sight(size: tuple[int, int], folder: Path, page: Any) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    open_list(page, f"{folder.as_uri()}/groups.html")
    page.click(".copies .enlarge")
    page.keyboard.press("w")
    for button in page.locator("#viewer > .actions button").all():
        box = button.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size[0]
        assert box["y"] + box["height"] <= size[1]
    assert page.locator("#viewer .views").bounding_box()["height"] >= 200


def test_difference_leaves_out_what_one_of_the_two_shows_alone(folder: Path, page: Any) -> None:
    open_list(page, f"{folder.as_uri()}/duplicates.html")
    assert page.locator("#pair-1 .beyond:visible").count() == 0
    page.keyboard.press("d")
    assert page.locator("#pair-1 .beyond:visible").count() == 2


def test_paths_are_shown_without_their_common_folder_and_copied_with_it(
    folder: Path, names: list[bytes], page: Any
) -> None:
    open_list(page, f"{folder.as_uri()}/groups.html")
    common = os.fsdecode(os.path.commonpath(names)) + "/"
    assert f"Paths are shown without {common}" in page.text_content(".intro")
    assert page.eval_on_selector(".kept .folder", "folder => folder.textContent").startswith(common)
    assert page.eval_on_selector(".kept .common", "part => part.getBoundingClientRect().width") == 0


def test_what_differs_from_the_name_of_the_kept_image_is_marked(folder: Path, page: Any) -> None:
    open_list(page, f"{folder.as_uri()}/groups.html")
    shown = page.evaluate("""() => [["00_flip.jpg", "00_turn.jpg"], ["a.jpg", "a.jpg"], ["x.png", "cats.jpg"]].map(
        pair => names.compared(...pair).map(node => node.outerHTML ?? node).join(""))""")
    assert shown == ["00_<mark>flip</mark>.jpg", "a.jpg", "x.png"]


def test_that_the_same_pixels_do_not_differ_is_said_in_words(folder: Path, page: Any) -> None:
    open_list(page, f"{folder.as_uri()}/duplicates.html")
    page.keyboard.press("d")
    said = page.eval_on_selector_all(
        "#list > .pair",
        """cards => cards.map(card => [/same (bytes|pixels)/.test(card.querySelector('.relation').textContent),
            getComputedStyle(card.querySelector('.views'), '::after').content === '"No visible difference"'])""",
    )
    assert [True, True] in said
    assert [False, False] in said
    assert all(is_same == is_said for is_same, is_said in said)


def test_a_copy_is_compared_with_the_kept_image_by_keyboard(folder: Path, names: list[bytes], page: Any) -> None:
    open_list(page, f"{folder.as_uri()}/groups.html")
    page.focus("#group-g-000000000000")
    page.keyboard.press("Enter")
    assert "copy resized to 50 %, text or overlay added" in " ".join(page.text_content("#viewer .card-head").split())
    assert "Keep more bytes" in " ".join(page.text_content("#viewer .caption").split())
    assert not page.is_visible("#viewer .aligned")
    page.keyboard.press("b")
    assert page.is_visible("#viewer .aligned")
    page.keyboard.press("2")
    page.keyboard.press("ArrowRight")  # there is no other copy in this group
    page.keyboard.press("1")
    assert page.is_visible("#viewer .doomed")
    page.keyboard.press("1")
    page.keyboard.press("Escape")
    assert saved(page) == [names[0]]


def test_keys_move_through_groups(folder: Path, page: Any) -> None:
    open_list(page, f"{folder.as_uri()}/groups.html")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.dataset.row") == "1"


@pytest.mark.parametrize("name", ["index", *LISTS])
def test_pages_with_groups_fit_wide_and_narrow(name: str, folder: Path, page: Any) -> None:
    page.goto(f"{folder.as_uri()}/{name}.html")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.set_viewport_size({"width": 360, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    ends = page.eval_on_selector_all("header nav a", "links => links.map(link => link.getBoundingClientRect().right)")
    assert len(ends) == 6
    assert max(ends) <= 360


@pytest.mark.parametrize("name", LISTS)
def test_pages_with_groups_break_no_rule_of_axe(name: str, folder: Path, page: Any) -> None:
    page.goto(f"{folder.as_uri()}/{name}.html")
    page.wait_for_selector("html[data-ready]")
    assert broken_rules(page) == []
