"""Names are visible and harmless, whatever they hold."""

import os

import pytest

from dedup_assets.engine.gallery.pages.names import (
    Links,
    label_name,
    link_original,
    make_breakable,
    make_plain,
    make_visible,
    split_name,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 写真 📷.jpg", "plain é 写真 📷.jpg"),
        ("two\nlines\t", r"two\nlines\t"),
        ("nul\0 bell\a del\x7f", r"nul\x00 bell\x07 del\x7f"),
        ("right\u202eto left", r"right\u202eto left"),
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("line\u2028separator", r"line\u2028separator"),
        ("c1\x85", r"c1\u0085"),
        (os.fsdecode(b"latin\xe9"), r"latin\xe9"),
        ("lone\ud800surrogate", r"lone\ud800surrogate"),
        ("no-break\u202fspace", "no-break\u202fspace"),
    ],
)
def test_hidden_characters_become_escapes_and_all_others_stay(text: str, shown: str) -> None:
    assert make_plain(text) == shown
    shown.encode("utf-8")


def test_an_escape_differs_from_the_same_characters_in_a_name() -> None:
    assert make_visible("a\nb") == r'a<span class="escape">\n</span>b'
    assert make_visible(r"a\nb") == r"a\nb"


def test_markup_in_a_name_is_escaped_beside_hidden_characters_too() -> None:
    assert make_visible("<b>") == "&lt;b&gt;"
    assert make_visible("<b>\n'\"") == r'&lt;b&gt;<span class="escape">\n</span>&#39;&#34;'


def test_a_folder_wraps_after_slashes_only_by_markup() -> None:
    assert make_breakable("/a/<b>/") == "/<wbr>a/<wbr>&lt;b&gt;/<wbr>"


@pytest.mark.parametrize(
    ("name", "parts"),
    [("/a/b.jpg", ("/a/", "b.jpg")), ("b.jpg", ("", "b.jpg")), ("/a/b/", ("", "/a/b/")), ("", ("", ""))],
)
def test_a_name_splits_into_folder_and_base(name: str, parts: tuple[str, str]) -> None:
    assert split_name(name) == parts
    assert "".join(split_name(name)) == name


def test_a_label_is_short_enough_to_be_spoken() -> None:
    assert label_name("/a/b\n.jpg") == r"b\n.jpg"
    assert len(label_name("/a/" + 4096 * "x")) == 80


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("/a b/ü#?.jpg", "file:///a%20b/%C3%BC%23%3F.jpg"),
        (os.fsdecode(b"/latin\xe9.jpg"), "file:///latin%E9.jpg"),
        ("https://host/a b.jpg?x=1", "https://host/a%20b.jpg?x=1"),
        ("HTTP://host/<script>\n", "HTTP://host/%3Cscript%3E%0A"),
    ],
)
def test_local_files_and_web_addresses_are_linked(name: str, address: str) -> None:
    assert link_original(name) == address


@pytest.mark.parametrize(
    "name",
    [
        "s3://bucket/a.jpg",
        "javascript:alert(1)",
        "data:text/html,x",
        " javascript:alert(1)",
        "relative/a.jpg",
        "http:",
        "",
    ],
)
def test_other_names_are_not_linked(name: str) -> None:
    assert link_original(name) is None


def test_a_name_that_no_file_can_have_is_not_linked() -> None:
    assert link_original("/lone\ud800surrogate") is None


def test_a_moment_of_a_video_is_part_of_its_address() -> None:
    assert link_original("/v/a b.mp4#t=00:00:01.000") == "file:///v/a%20b.mp4#t=00:00:01.000"


def test_slashes_in_front_name_no_host() -> None:
    assert link_original("//host/share/a.jpg") == "file:///host/share/a.jpg"


def test_what_lies_beside_the_results_is_linked_relatively() -> None:
    links = Links.of_gallery("/home/me/results/gallery", 2)
    assert links.link("/home/me/photos/a #1.jpg") == "../../photos/a%20%231.jpg"
    assert links.link("/home/me/clip.mp4#t=00:00:01.000") == "../../clip.mp4#t=00:00:01.000"
    assert links.link("/home/medium/a.jpg") == "file:///home/medium/a.jpg"
    assert links.link("https://host/a.jpg") == "https://host/a.jpg"


@pytest.mark.parametrize("gallery", ["/results/gallery", "s3://bucket/results/gallery", "C:/results/gallery"])
def test_nothing_is_relative_to_the_root_or_to_a_store(gallery: str) -> None:
    assert Links.of_gallery(gallery, 2).link("/results/a.jpg") == "file:///results/a.jpg"
