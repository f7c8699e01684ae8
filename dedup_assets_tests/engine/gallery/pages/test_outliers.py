"""The page of outliers."""

from dedup_assets.engine.gallery.pages import outliers_page
from dedup_assets_tests.support.gallery_pages import illustrate, make_pairs, read_page, read_words

OUTLIERS = make_pairs(*((f"/far/{i}.jpg", "/near.jpg", i / 100) for i in range(25)))


def test_the_most_isolated_come_first() -> None:
    words = read_words(outliers_page(OUTLIERS, illustrate, num_images=2))
    assert "Showing 2 of 25 outliers, most isolated first." in words
    assert words.index("/far/0.jpg") < words.index("/far/1.jpg")
    assert "/far/2.jpg" not in words


def test_the_order_turns_with_descending() -> None:
    words = read_words(outliers_page(OUTLIERS, illustrate, num_images=1, descending=False))
    assert "least isolated first" in words
    assert "/far/24.jpg" in words


def test_each_outlier_is_shown_beside_its_nearest_neighbour() -> None:
    page = outliers_page(OUTLIERS, illustrate)
    assert len(read_page(page).find("outlier")) == 20
    assert read_words(page).count("/near.jpg") == 20


def test_two_outliers_that_are_each_others_neighbour_are_two() -> None:
    mutual = make_pairs(("a", "b", 0.1), ("b", "a", 0.1))
    assert len(read_page(outliers_page(mutual, illustrate)).find("outlier")) == 2


def test_a_similarity_below_zero_has_an_empty_gauge() -> None:
    assert '<rect width="0.00"' in outliers_page(make_pairs(("a", "b", -0.2)), illustrate)


def test_a_page_without_outliers_says_so() -> None:
    assert "There are no outliers" in read_words(outliers_page(make_pairs(), illustrate))
