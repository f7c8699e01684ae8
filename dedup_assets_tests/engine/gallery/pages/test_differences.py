"""What two files share and how they differ."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from dedup_assets.engine.gallery.pages.differences import describe_differences
from dedup_assets.engine.gallery.pages.shown_files import ShownFile

BASE = ShownFile(b"/a/one.jpg", None, 640, 480, 1000, datetime(2024, 5, 3, tzinfo=UTC))
OTHER = replace(BASE, name=b"/b/two.jpg")


def test_equal_files_share_everything() -> None:
    assert describe_differences(BASE, replace(BASE, name=b"/b/one.jpg")) == (
        "same base name",
        "same dimensions",
        "same file size",
        "same date",
    )


def test_the_larger_and_the_newer_file_is_named() -> None:
    larger = replace(OTHER, width=1280, height=960, size_bytes=1040, modified=datetime(2024, 5, 6, tzinfo=UTC))
    assert describe_differences(BASE, larger) == (
        "B has 4\N{MULTIPLICATION SIGN} the pixels",
        "B has 4% more bytes",
        "B is 3 days newer",
    )
    assert describe_differences(larger, BASE)[0].startswith("A has")


def test_turned_and_cropped_images_differ_from_scaled_ones() -> None:
    assert "width and height swapped" in describe_differences(BASE, replace(OTHER, width=480, height=640))
    cropped = describe_differences(BASE, replace(OTHER, width=640, height=240))
    assert "A has 2\N{MULTIPLICATION SIGN} the pixels, other aspect ratio" in cropped
    scaled = describe_differences(BASE, replace(OTHER, width=213, height=160))
    assert not any("aspect" in phrase for phrase in scaled)


def test_unknown_facts_are_not_compared() -> None:
    unknown = ShownFile(b"/b/two.jpg")
    assert describe_differences(BASE, unknown) == ()
    assert describe_differences(unknown, BASE) == ()


def test_the_date_of_an_archive_is_not_compared() -> None:
    assert not any("date" in phrase for phrase in describe_differences(BASE, replace(OTHER, container=b"/all.zip")))


def test_an_empty_file_is_not_compared_by_a_factor() -> None:
    assert "same file size" not in describe_differences(replace(BASE, size_bytes=0), OTHER)


def test_dates_with_and_without_zone_are_not_compared() -> None:
    assert BASE.modified is not None
    naive = replace(OTHER, modified=BASE.modified.replace(tzinfo=None))
    assert not any("date" in phrase or "newer" in phrase for phrase in describe_differences(BASE, naive))


def test_the_clock_of_a_memory_card_makes_no_difference() -> None:
    assert BASE.modified is not None
    rounded = replace(OTHER, modified=BASE.modified + timedelta(seconds=1.5))
    assert "same date" in describe_differences(BASE, rounded)
