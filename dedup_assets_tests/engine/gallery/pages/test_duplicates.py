"""The page of duplicates."""

from collections import Counter

import pytest

from dedup_assets.engine.gallery.pages import ShownFile, duplicates_page
from dedup_assets_tests.support.gallery_pages import illustrate, illustrate_nothing, make_pairs, read_page, read_words

PAIRS = make_pairs(
    *((f"/a/{i}.jpg", f"/b/{i}.jpg", 1 - i / 100) for i in range(30)),
    *((f"/b/{i}.jpg", f"/a/{i}.jpg", 1 - i / 100) for i in range(30)),
)


def test_a_pair_in_both_directions_is_one_card() -> None:
    page = duplicates_page(PAIRS, illustrate, num_images=-1)
    assert len(read_page(page).find("pair")) == 30
    assert "Showing 30 of 30 pairs, most similar first." in read_words(page)


def test_twenty_pairs_are_shown_unless_asked_otherwise() -> None:
    assert "Showing 20 of 30 pairs" in read_words(duplicates_page(PAIRS, illustrate))
    assert "Showing 3 of 30 pairs" in read_words(duplicates_page(PAIRS, illustrate, num_images=3))


def test_the_order_turns_with_descending() -> None:
    closest = read_words(duplicates_page(PAIRS, illustrate, num_images=1))
    assert "Similarity 1.0000" in closest
    farthest = read_words(duplicates_page(PAIRS, illustrate, num_images=1, descending=False))
    assert "Similarity 0.7100" in farthest
    assert "least similar first" in farthest


def test_a_card_tells_names_dimensions_size_date_and_comparison() -> None:
    words = read_words(duplicates_page(PAIRS, illustrate, num_images=1))
    for fact in ("/a/0.jpg", "/b/0.jpg", "640 × 480", "12 kB", "2024-05-03", "same dimensions", "identical"):  # noqa: RUF001
        assert fact in words


def test_the_exact_size_and_similarity_are_in_titles() -> None:
    titles = read_page(duplicates_page(make_pairs(("a", "b", 0.987654)), illustrate)).collect("title")
    assert "12,345 bytes" in titles
    assert "0.987654" in titles


def test_a_picture_that_is_gone_is_shown_as_such_with_its_problem() -> None:
    page = duplicates_page(make_pairs(("/a.jpg", "/b.jpg", 0.9)), illustrate_nothing)
    assert len(read_page(page).find("missing")) == 2
    assert "No picture FileNotFoundError: <gone>" in read_words(page)
    assert len(read_page(page).find("incomplete")) == 1


def test_each_picture_is_read_once() -> None:
    reads: Counter[bytes] = Counter()

    def count_reads(name: bytes) -> ShownFile:
        reads[name] += 1
        return illustrate(name)

    duplicates_page(make_pairs(("a", "b", 0.9), ("a", "c", 0.9), ("b", "c", 0.9)), count_reads)
    assert reads == {b"a": 1, b"b": 1, b"c": 1}


def test_bands_with_their_counts_filter_the_pairs() -> None:
    page = duplicates_page(make_pairs(("a", "b", 1.0), ("a", "c", 0.99), ("b", "c", 0.98)), illustrate)
    boxes = [element for element in read_page(page).elements if element.attributes.get("type") == "checkbox"]
    assert [box.attributes["data-band"] for box in boxes] == ["identical", "almost identical"]
    assert "identical 1 almost identical 2" in read_words(page)


@pytest.mark.parametrize("similarity", [1.0, 0.99, 0.9, 0.2])
def test_each_band_has_a_style_that_hides_it(similarity: float) -> None:
    page = duplicates_page(make_pairs(("a", "b", similarity)), illustrate)
    band = read_page(page).find("pair")[0].attributes["data-band"]
    assert f'.pair[data-band="{band}"]' in page


def test_a_page_without_pairs_says_so() -> None:
    assert "No two images are similar enough" in read_words(duplicates_page(make_pairs(), illustrate))
    assert "Showing 0 of 30 pairs" in read_words(duplicates_page(PAIRS, illustrate, num_images=0))
