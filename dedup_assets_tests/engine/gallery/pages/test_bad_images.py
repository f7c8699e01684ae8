"""The page of bad images."""

import pytest

from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.gallery.pages import bad_images_page
from dedup_assets_tests.support.gallery_pages import make_bad, read_page, read_words

BAD = make_bad(
    ("/a/torn.jpg", "ERROR_TRUNCATED_IMAGE", 48211, "12 bytes are missing"),
    ("/a/empty.jpg", "ERROR_ZERO_SIZE_FILE", 0, "0 bytes"),
    ("/a/half.jpg", "ERROR_TRUNCATED_IMAGE", 3000, "<unexpected end>"),
    ("/a/gone.jpg", "ERROR_MISSING_FILE", -1, "no such file"),
)


def test_codes_are_listed_with_their_counts_the_most_frequent_first() -> None:
    words = read_words(bad_images_page(BAD))
    assert "4 images could not be used, for 3 reasons." in words
    assert "ERROR_TRUNCATED_IMAGE 2 The file ends before the image does." in words
    assert words.index("ERROR_TRUNCATED") < words.index("ERROR_MISSING") < words.index("ERROR_ZERO_SIZE")


def test_each_file_is_listed_with_its_size_and_reason() -> None:
    page = bad_images_page(BAD)
    words = read_words(page)
    assert "/a/half.jpg 3.0 kB <unexpected end>" in words
    assert "/a/empty.jpg 0 bytes" in words
    assert "/a/gone.jpg – no such file" in words  # noqa: RUF001
    assert "48,211 bytes" in read_page(page).collect("title")


def test_files_beyond_the_limit_are_counted() -> None:
    words = read_words(bad_images_page(BAD, num_images=1))
    assert "Showing 1 of 2 images." in words
    assert "half.jpg" not in words
    assert "half.jpg" in read_words(bad_images_page(BAD, num_images=-1))


@pytest.mark.parametrize("code", list(ErrorCode))
def test_each_code_is_explained(code: ErrorCode) -> None:
    assert len(read_page(bad_images_page(make_bad(("a", code.value, 1, "")))).find("meaning")) == 1


def test_a_code_of_another_tool_is_shown_without_explanation() -> None:
    page = bad_images_page(make_bad(("a", "ERROR_ON_FIRE", 1, "")))
    assert "ERROR_ON_FIRE 1" in read_words(page)
    assert read_page(page).find("meaning") == []


def test_a_page_without_bad_images_says_so() -> None:
    assert "Every image could be used." in read_words(bad_images_page(make_bad()))
