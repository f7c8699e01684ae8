"""The page of components."""

import polars as pl

from dedup_assets.engine.core.records import Components
from dedup_assets.engine.gallery.pages import components_page
from dedup_assets_tests.support.gallery_pages import illustrate, make_components, read_page, read_words


def test_only_components_of_two_or_more_are_shown_largest_first() -> None:
    components, names = make_components(2, 1, 5, 1)
    page = components_page(components, names, illustrate)
    assert [card.attributes["id"] for card in read_page(page).find("component")] == ["component-2", "component-0"]
    assert "Showing 2 of 2 components, largest first; 7 images in all." in read_words(page)


def test_a_component_shows_its_own_images_in_the_order_of_the_features() -> None:
    components, names = make_components(1, 3, 2)
    words = read_words(components_page(components, names, illustrate, num_components=1))
    assert words.index("/c1/0.jpg") < words.index("/c1/1.jpg") < words.index("/c1/2.jpg")
    assert "/c2/" not in words
    assert "Showing 1 of 2 components" in words


def test_images_beyond_the_limit_are_counted() -> None:
    components, names = make_components(30)
    page = components_page(components, names, illustrate, max_images=4)
    assert "Showing 4 of 30 images." in read_words(page)
    assert read_words(components_page(components, names, illustrate, max_images=-1)).count("/c0/") == 30


def test_a_component_says_how_similar_its_images_are() -> None:
    words = read_words(components_page(*make_components(2), illustrate))
    assert "2 images similarity 0.9000 to 0.9000, mean 0.9000" in words


def test_a_page_without_components_says_so() -> None:
    components, names = make_components(1, 1)
    assert "No images are similar enough" in read_words(components_page(components, names, illustrate))


def test_a_page_says_that_components_may_be_switched_off() -> None:
    off = Components(pl.DataFrame({"__id": [0, 1]}), pl.DataFrame())
    names = pl.Series([b"/a", b"/b"], dtype=pl.Binary)
    assert "components were switched off" in read_words(components_page(off, names, illustrate))
