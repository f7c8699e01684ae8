"""The page of groups."""

import polars as pl

from dedup_assets.engine.core.match_records import Groups
from dedup_assets.engine.gallery.pages import groups_page
from dedup_assets.engine.gallery.pages.grouping import NumberedGroups, number_groups
from dedup_assets_tests.support.gallery_pages import illustrate, make_groups, read_page, read_words

GROUPS = make_groups(
    (b"/a/0.jpg", [(b"/a/1.jpg", 0.9, "copy", "cropped to 56 %, gray"), (b"/a/2.jpg", 0.99, "exact", "")]),
    (b"/b/0.jpg", [(b"/b/1.jpg", 0.8, "copy", "")]),
    related=[(0, b"/c.jpg", 0.95, "variant"), (0, b"/b/1.jpg", 0.5, "unverified"), (1, b"/a/1.jpg", 0.5, "copy")],
)
SIZES = {b"/a/1.jpg": 10, b"/a/2.jpg": 20, b"/b/0.jpg": 900, b"/b/1.jpg": 500}


def number(groups: Groups, sizes: dict[bytes, int] = SIZES) -> tuple[NumberedGroups, pl.Series]:
    names = pl.concat([groups.rows["filename"], groups.related["filename"]]).unique().sort()
    listed = pl.DataFrame({"filename": list(sizes), "size_bytes": list(sizes.values())})
    return number_groups(groups, names, listed), names


def test_the_groups_whose_copies_take_most_bytes_come_first() -> None:
    groups, names = number(GROUPS)
    assert [names[file] for file in groups.groups["keep"]] == [b"/b/0.jpg", b"/a/0.jpg"]
    assert groups.groups["bytes"].to_list() == [500, 30]


def test_without_sizes_the_groups_with_most_copies_come_first() -> None:
    groups, names = number(GROUPS, {b"/a/0.jpg": 1})
    assert [names[file] for file in groups.groups["keep"]] == [b"/a/0.jpg", b"/b/0.jpg"]


def test_a_group_shows_the_kept_image_with_its_reason_and_what_was_done_to_each_copy() -> None:
    words = read_words(groups_page(*number(GROUPS), illustrate))
    assert words.count("Keep more pixels") == 2
    assert "Similarity 0.9000 copy cropped to 56 %, gray /a/1.jpg" in words
    assert "Similarity 0.9900 same bytes /a/2.jpg" in words
    assert "Similarity 0.8000 copy no edit found /b/1.jpg" in words
    assert words.count("Kept instead: more bytes") == 3
    assert "2 groups: each is one picture" in words
    assert "Of 3 copies those that may go take 530 bytes." in words


def test_related_images_are_marked_as_no_part_of_the_group() -> None:
    words = read_words(groups_page(*number(GROUPS), illustrate))
    inside, _, related = words.partition("Not part of this group: 2 related images")
    assert "/c.jpg" not in inside
    assert "0.9500 variant similar, but another picture /c.jpg" in related
    assert "0.5000 unverified not decided by the pixels /b/1.jpg in another group" in related
    assert "0.5000 copy of a copy, not of the kept image /a/1.jpg" in words


def test_copies_beyond_the_limit_are_counted() -> None:
    many = make_groups((b"/0.jpg", [(b"/%d.jpg" % n, 0.9, "copy", "") for n in range(1, 31)]))
    page = groups_page(*number(many), illustrate, max_copies=4)
    assert "31 images" in read_words(page)
    assert "take" not in read_words(page).partition("/0.jpg")[0].partition("31 images")[2]  # their sizes are unknown
    assert "Showing 4 of 30 copies." in read_words(page)


def test_groups_beyond_the_limit_are_counted() -> None:
    page = groups_page(*number(GROUPS), illustrate, num_groups=1)
    assert [card.attributes["id"] for card in read_page(page).find("group")] == ["group-g-000000000001"]
    assert "Showing 1 of 2 groups." in read_words(page)


def test_without_groups_the_page_says_so() -> None:
    assert "No image is a copy of another one." in read_words(groups_page(*number(make_groups()), illustrate))
