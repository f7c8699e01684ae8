"""Names are visible and harmless, whatever they hold."""

import os

import pytest

from dedup_assets.engine.gallery.pages.names import (
    common_folder,
    label_name,
    make_plain,
    make_visible,
    show_folder,
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
    assert show_folder(b"/a/<b>/c") == "/<wbr>a/<wbr>&lt;b&gt;/<wbr>"


@pytest.mark.parametrize(
    ("name", "parts"),
    [(b"/a/b.jpg", ("/a/", "b.jpg")), (b"b.jpg", ("", "b.jpg")), (b"/a/b/", ("", "/a/b/")), (b"", ("", ""))],
)
def test_a_name_splits_into_folder_and_base(name: bytes, parts: tuple[str, str]) -> None:
    assert split_name(name) == parts
    assert "".join(split_name(name)) == name.decode()


def test_a_label_is_short_enough_to_be_spoken() -> None:
    assert label_name(b"/a/b\n.jpg") == r"b\n.jpg"
    assert len(label_name(b"/a/" + 4096 * b"x")) == 80


@pytest.mark.parametrize(
    ("names", "common"),
    [
        ([b"/photos/a/1.jpg", b"/photos/b/2.jpg"], "/photos/"),
        ([b"/photos/a1.jpg", b"/photos/a2.jpg"], "/photos/"),
        ([b"/a/1.jpg", b"/b/1.jpg"], ""),
        ([b"s3://bucket/a/1.jpg", b"s3://bucket/b/1.jpg"], "s3://bucket/"),
        ([b"s3://a/1.jpg", b"s3://b/1.jpg"], ""),
        ([b"/\xff/1.jpg", b"/\xff/2.jpg"], "/\udcff/"),
        ([], ""),
    ],
)
def test_the_common_folder_is_the_one_that_all_names_are_in(names: list[bytes], common: str) -> None:
    assert common_folder(names) == common
